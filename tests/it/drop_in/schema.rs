//! Whether JSON is what its schema says.

use std::process::Command;

use serde_json::Value as Json;

/// What `watchtower schema` prints with this flag.
pub(super) fn schema(flag: &str) -> Json {
    let output = Command::new(env!("CARGO_BIN_EXE_watchtower")).args(["schema", flag]).output().expect("it starts");
    serde_json::from_slice(&output.stdout).expect("a schema")
}

/// What of `value` a schema does not allow; as much of JSON Schema as ours uses.
pub(super) fn breach(schema: &Json, root: &Json, value: &Json, at: &str) -> Option<String> {
    let known = [
        "$schema",
        "$defs",
        "title",
        "description",
        "minimum",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "anyOf",
        "$ref",
        "const",
    ];
    for keyword in schema.as_object()?.keys() {
        assert!(known.contains(&keyword.as_str()), "the test knows no {keyword}");
    }
    if let Some(name) = schema["$ref"].as_str() {
        return breach(&root["$defs"][name.rsplit('/').next()?], root, value, at);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| breach(choice, root, value, at).is_none());
        return (!fits).then(|| format!("{at}: none of the choices"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Some(format!("{at}: {value}"));
    }
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    let fits = match &schema["type"] {
        Json::String(name) => is(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).any(is),
        _ => true,
    };
    if !fits {
        return Some(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .enumerate()
            .find_map(|(n, item)| breach(&schema["items"], root, item, &format!("{at}[{n}]")));
    }
    let fields = value.as_object()?;
    let missing = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    if let Some(missing) = missing.into_iter().find(|name| !fields.contains_key(*name)) {
        return Some(format!("{at}: {missing} is missing"));
    }
    fields.iter().find_map(|(name, field)| {
        let at = format!("{at}.{name}");
        match schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]) {
            Json::Bool(false) => Some(format!("{at}: not in the schema")),
            schema => breach(schema, root, field, &at),
        }
    })
}
