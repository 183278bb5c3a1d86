//! JSON Schema (draft 2020-12) of the scenario file, for editors and for people.
//!
//! Made from the same tables the reader checks against ([`crate::study::scenario::keys`], [`crate::policy::registry`]), so it cannot
//! promise what the reader refuses. Checks that need more than one key (an arm's name given twice, a query ftest cannot read) are
//! beyond a schema; `watchtower check` makes them.

use serde_json::{Map, Value as Json, json};

use crate::drive::faults::KINDS;
use crate::policy::registry::{POLICIES, PolicyInfo};
use crate::policy::settings::{Kind, Parameter, Value};
use crate::time::format_duration;

use super::results::expect::Over;
use super::scenario::RANGE_KEYS;
use super::scenario::keys::{self, TableInfo};
use super::scenario::load_keys;

/// Durations in Go's notation, as [`crate::time::parse_duration`] reads them.
const DURATION_PATTERN: &str = r"^(0|\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+)$";

/// The schema.
pub fn schema() -> Json {
    let tables = keys::tables();
    let table = |name: &str| tables.iter().find(|table| table.name == name).map(object).unwrap_or_default();
    let mut root = table("");
    let mut function = table("function");
    insert(&mut function, "model", table("function.model"));
    insert(
        &mut function,
        "labels",
        json!({
            "type": "object",
            "description": "labels of the function; OpenFaaS reads com.openfaas.scale.min, .max and .factor",
            "additionalProperties": { "type": ["string", "integer", "boolean"] },
        }),
    );
    let mut load = table("load");
    let kinds = load_keys::KIND_KEYS.map(|(key, _)| json!({ "required": [key] }));
    load["allOf"] = json!([{ "oneOf": kinds }]);
    load["dependentRequired"] = dependent_keys();
    let mut journey = table("load.journey");
    insert(&mut journey, "step", described("the requests of the journey, in order", list(&table("load.journey.step"))));
    journey["required"] = json!(["step"]);
    insert(&mut load, "journey", described("what the users of goose do, each of them one of these", list(&journey)));
    load["dependentRequired"]["journey"] = json!(["goose"]);
    load["dependentRequired"]["goose"] = json!(["journey"]);
    let mut slo = table("slo");
    // a Kind has closed ranges only
    slo["properties"]["percentile"]["exclusiveMinimum"] = json!(0);
    slo["properties"]["percentile"]["exclusiveMaximum"] = json!(100);
    let mut run = table("run");
    let mut until = table("run.until");
    until["required"] = json!(["metric", "half_width"]);
    insert(&mut run, "until", described("repeat until an interval is narrow enough", until));
    let arms: Vec<Json> = POLICIES.iter().map(arm).collect();
    let mut tune = table("tune");
    insert(&mut tune, "ranges", ranges());
    for (name, what, schema) in [
        ("function", "the function under test", function),
        ("slo", "the service level objective", slo),
        ("load", "the load sources, all running at once", list(&load)),
        ("run", "how a run goes", run),
        ("platform", "the modelled platform the function runs on", table("platform")),
        ("openfaas", "somebody's gateway, for --target openfaas and kubernetes", table("openfaas")),
        ("kubernetes", "somebody's cluster, for --target kubernetes", table("kubernetes")),
        ("limits", "when a run is not valid", table("limits")),
        ("price", "what a replica costs, for the columns of money and memory", table("price")),
        ("fault", "what goes wrong on purpose in every run", list(&fault(table("fault")))),
        ("arm", "the autoscalers to compare", list(&json!({ "oneOf": arms }))),
        ("tune", "how `watchtower tune` searches", tune),
    ] {
        insert(&mut root, name, described(what, schema));
    }
    insert(&mut root, "expect", expect());
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("watchtower scenario");
    root["required"] = json!(["load", "arm"]);
    root["$defs"] = json!({
        "duration": { "type": "string", "pattern": DURATION_PATTERN, "examples": ["75ms", "2m", "1m30s"] },
    });
    root
}

/// Keys that belong to one kind of load, where one key makes it that kind.
fn dependent_keys() -> Json {
    let keys = load_keys::load_keys().into_iter().filter_map(|key| {
        let name = key.parameter.name;
        let makers = load_keys::KIND_KEYS.iter().filter(|(_, kind)| key.kinds.contains(kind));
        let makers: Vec<&str> = makers.map(|(key, _)| *key).filter(|maker| *maker != name).collect();
        match makers.as_slice() {
            [maker] if load_keys::KIND_KEYS.iter().all(|(key, _)| *key != name) => {
                Some((name.to_owned(), json!([maker])))
            }
            _ if !key.shapes.is_empty() => Some((name.to_owned(), json!(["rate"]))),
            _ => None,
        }
    });
    Json::Object(keys.collect())
}

/// A fault: what lasts says for how long, and a value belongs to its kind.
fn fault(mut schema: Json) -> Json {
    schema["required"] = json!(["kind"]);
    let about: Vec<String> = KINDS.iter().map(|kind| format!("{}: {}", kind.name, kind.summary)).collect();
    schema["properties"]["kind"]["description"] = json!(format!("what goes wrong. {}", about.join(". ")));
    let rules = KINDS.iter().map(|kind| {
        let absent = ["duration", "factor", "replicas"].into_iter().filter(|key| match *key {
            "duration" => !kind.lasts,
            key => kind.value != Some(key),
        });
        let absent: Map<String, Json> = absent.map(|key| (key.to_owned(), json!(false))).collect();
        let needed = if kind.lasts { json!(["duration"]) } else { json!([]) };
        json!({
            "if": { "properties": { "kind": { "const": kind.name } } },
            "then": { "required": needed, "properties": absent },
        })
    });
    schema["allOf"] = json!(rules.collect::<Vec<_>>());
    schema
}

/// `[expect]`: a formula or a list of them, by how repeats count.
fn expect() -> Json {
    let formulas = |over: Over| {
        json!({
            "anyOf": [{ "type": "string" }, { "type": "array", "maxItems": 100, "items": { "type": "string" } }],
            "description": over.doc(),
            "examples": [["watchtower.p95_ms < 120", "watchtower.replica_seconds <= openfaas-ce.replica_seconds"]],
        })
    };
    let properties: Map<String, Json> =
        Over::ALL.into_iter().map(|over| (over.as_str().to_owned(), formulas(over))).collect();
    json!({
        "type": "object",
        "description": "what the arms must achieve: columns of comparison.csv compared; not met, and the exit code is 3",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// `[tune.ranges]`: settings of an arm, each with the values to try.
fn ranges() -> Json {
    let value = json!({ "type": ["string", "number", "boolean"] });
    let [from, to, scale] = RANGE_KEYS;
    let mut between = Map::new();
    for key in [from, to] {
        between.insert(key.to_owned(), value.clone());
    }
    between.insert(scale.to_owned(), json!({ "enum": ["linear", "log"], "default": "linear" }));
    json!({
        "type": "object",
        "description": "settings of the arm, each with the values to try instead of the policy's own range; an empty list leaves it as it is",
        "additionalProperties": { "anyOf": [
            { "type": "array", "maxItems": 100, "items": value },
            { "type": "object", "properties": between, "required": [from, to], "additionalProperties": false },
        ] },
        "examples": [{ "target": { "from": 20, "to": 200, "scale": "log" }, "scale_up_rounds": [1, 2, 4] }],
    })
}

fn described(what: &str, mut schema: Json) -> Json {
    schema["description"] = json!(what);
    schema
}

fn insert(object: &mut Json, key: &str, schema: Json) {
    object["properties"][key] = schema;
}

fn list(items: &Json) -> Json {
    json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": items })
}

fn object(table: &TableInfo) -> Json {
    of_parameters(&table.parameters)
}

fn of_parameters(parameters: &[Parameter]) -> Json {
    let properties: Map<String, Json> =
        parameters.iter().map(|parameter| (parameter.name.to_owned(), property(parameter))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The variant of `[[arm]]` for one policy.
fn arm(policy: &PolicyInfo) -> Json {
    let mut parameters = keys::arm();
    parameters.extend((policy.parameters)());
    let mut schema = of_parameters(&parameters);
    schema["title"] = json!(policy.name);
    schema["description"] = json!(policy.summary);
    schema["required"] = json!(["policy"]);
    let shadows = "names of other arms, whose policies see this one's run and decide without effect";
    insert(&mut schema, "shadows", json!({ "type": "array", "items": { "type": "string" }, "description": shadows }));
    insert(&mut schema, "policy", json!({ "const": policy.name, "description": policy.summary }));
    schema
}

fn property(parameter: &Parameter) -> Json {
    let fraction = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    let duration = json!({ "$ref": "#/$defs/duration" });
    let mut range = String::new();
    let mut schema = match parameter.kind {
        Kind::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } if max.is_infinite() => json!({ "type": "number", "minimum": min }),
        Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Fraction => fraction,
        Kind::FractionOrAuto => json!({ "anyOf": [fraction, { "const": "auto" }] }),
        Kind::Duration { min, max } => {
            range = format!(" (from {} to {})", format_duration(min), format_duration(max));
            duration
        }
        Kind::DurationOr(words) => json!({ "anyOf": [duration, { "enum": words }] }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Written(syntax) => {
            range = format!(" ({})", syntax.allowed);
            json!({ "type": "string" })
        }
    };
    let unit = if parameter.unit.is_empty() { String::new() } else { format!(", in {}", parameter.unit) };
    schema["description"] = json!(format!("{}{unit}{range}", parameter.doc));
    match &parameter.default {
        // an empty text stands for a default that depends on the rest of the file
        Value::Text("") => {}
        _ if keys::is_without_default(parameter) => {}
        Value::Integer(number) => schema["default"] = json!(number),
        Value::Number(number) => schema["default"] = json!(number),
        Value::Switch(switch) => schema["default"] = json!(switch),
        Value::Text(text) => schema["default"] = json!(text),
        Value::Owned(text) => schema["default"] = json!(text),
        Value::Duration(duration) => schema["default"] = json!(format_duration(*duration)),
    }
    schema
}
