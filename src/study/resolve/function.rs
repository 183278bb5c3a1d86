//! The function under study: what it answers, how it behaves, where its replicas may go.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::drive::{FunctionPlan, Handler, model_settings};
use crate::model::{FunctionModel, Work};
use crate::policy::FunctionInfo;
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::{Scenario, Section, keys};
use crate::time::format_duration;

const MIN: &str = "com.openfaas.scale.min";
const MAX: &str = "com.openfaas.scale.max";
const FACTOR: &str = "com.openfaas.scale.factor";

/// Most replicas of a function, the Community Edition's limit.
const MAX_REPLICAS: u32 = 5;

/// The query a built-in function has if none is given; the seed's.
fn default_query(function: &str) -> &'static str {
    match function {
        "ftest" => "number=50",
        "sleepy" => "number=0.75",
        _ => "",
    }
}

/// The model a function has if none is given.
///
/// sleepy holds its thread for the number in its query; its CPU work is the template's own share, as ftest's is.
pub(crate) fn model_defaults(function: &Section) -> FunctionModel {
    let mut model = FunctionModel::default();
    let settings = &function.settings;
    if settings.text("name") == "sleepy" {
        let query = if function.is_given("query") { settings.text("query") } else { default_query("sleepy") };
        if let Some(wait) = sleep(query) {
            model.wait = Work::constant(wait);
        }
    }
    model
}

/// The built-in functions as a platform without a scenario has them.
pub fn built_in_functions() -> Vec<FunctionPlan> {
    [("ftest", Handler::Ftest), ("sleepy", Handler::Sleepy)]
        .map(|(name, handler)| FunctionPlan {
            info: FunctionInfo { name: name.to_owned(), labels: BTreeMap::new() },
            handler,
            model: FunctionModel::default(),
            query: default_query(name).to_owned(),
            replicas: 1,
            bounds: (1, MAX_REPLICAS),
        })
        .into()
}

fn number(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("number="))
}

fn sleep(query: &str) -> Option<Duration> {
    let secs: f64 = number(query)?.parse().ok()?;
    (0.0..=Handler::SLEEP_MAX.as_secs_f64()).contains(&secs).then(|| Duration::from_secs_f64(secs))
}

/// What a function of this name answers.
pub(super) fn handler_of(name: &str) -> Handler {
    match name {
        "ftest" => Handler::Ftest,
        "sleepy" => Handler::Sleepy,
        _ => Handler::Plain,
    }
}

/// The plan of the function, with the default query filled in.
pub(super) fn function(scenario: &mut Scenario, problems: &mut Vec<Problem>) -> FunctionPlan {
    let name = scenario.function.settings.text("name").to_owned();
    let handler = handler_of(&name);
    name_is_known(scenario, &name, handler, problems);
    if !scenario.function.is_given("query") {
        let query = crate::policy::settings::Value::Text(default_query(&name));
        // a text is always allowed there
        let _ = scenario.function.settings.set(&keys::function(), "query", query);
    }
    let query = scenario.function.settings.text("query").to_owned();
    query_is_right(&scenario.function, &query, handler, problems);
    if handler == Handler::Sleepy {
        wait_is_the_query_s(&scenario.model, &query, problems);
    }
    let replicas = scenario.function.settings.count("replicas");
    let bounds = (1, scenario.platform.settings.count("max_replicas"));
    labels_are_right(scenario, replicas, bounds.1, problems);
    let labels = scenario.labels.iter().map(|(label, (value, _))| (label.clone(), value.clone())).collect();
    FunctionPlan {
        info: FunctionInfo { name, labels },
        handler,
        model: model_settings::model(&scenario.model.settings),
        query,
        replicas,
        bounds,
    }
}

fn name_is_known(scenario: &Scenario, name: &str, handler: Handler, problems: &mut Vec<Problem>) {
    let section = &scenario.function;
    // a DNS label, as Kubernetes wants it
    let label = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let fits = name.len() <= 63
        && name.starts_with(label)
        && name.ends_with(label)
        && name.chars().all(|char| label(char) || char == '-');
    if !fits {
        let hint = "use small letters, digits and hyphens, at most 63, as Kubernetes does";
        problems.push(section.problem("name", "is not a function's name", hint));
    } else if handler == Handler::Plain && !scenario.has_model {
        let built_in =
            "built in are ftest and sleepy; any other function needs a [function.model] with its cpu and wait";
        let hint = match nearest(name, keys::BUILT_IN) {
            Some(meant) => format!("did you mean \"{meant}\"? {built_in}"),
            None => built_in.to_owned(),
        };
        problems.push(section.problem("name", "is not a built-in function", hint));
    }
}

/// The process target runs the handlers that come with this program.
pub(super) fn is_a_process(scenario: &Scenario, problems: &mut Vec<Problem>) {
    let section = &scenario.function;
    let name = section.settings.text("name");
    if !keys::BUILT_IN.contains(&name) {
        let hint = "use --target embedded for a modelled function, or one of ftest and sleepy";
        problems.push(section.problem("name", "is no function that --target process can run", hint));
    }
}

/// Checks a query, the function's own or a request's.
pub(super) fn query_is_right(section: &Section, query: &str, handler: Handler, problems: &mut Vec<Problem>) {
    let mut problem = |what: &str, hint: &str| problems.push(section.problem("query", what, hint));
    if query.starts_with('?') {
        return problem("begins with a question mark", "leave the question mark out");
    }
    if query.len() > 8_000 {
        return problem("is longer than servers accept", "send long input as a body: -d or -D in hey's flags");
    }
    if !query.chars().all(|char| char.is_ascii_graphic() && char != '#') {
        return problem("has characters that cannot stand in an address", "percent-encode them: %20 for a space");
    }
    match (handler, number(query)) {
        (Handler::Plain, _) => {}
        (_, None) => problem(
            "has no number, so the function would answer 500",
            "write query = \"number=50\" for ftest, \"number=0.75\" for sleepy",
        ),
        (Handler::Ftest, Some(number)) => {
            if number.parse::<u32>().is_ok_and(|number| number <= Handler::FACTORIAL_MAX) {
                return;
            }
            problem("is no whole number from 0 to 10000 for ftest", "write query = \"number=50\"");
        }
        (Handler::Sleepy, Some(_)) => {
            if sleep(query).is_none() {
                problem("is no number of seconds from 0 to 30 for sleepy", "write query = \"number=0.75\"");
            }
        }
    }
}

/// sleepy sleeps for the number in its query, whatever the model says.
fn wait_is_the_query_s(model: &Section, query: &str, problems: &mut Vec<Problem>) {
    let Some(sleep) = sleep(query) else { return };
    if model.is_given("wait") && model.settings.duration("wait") != sleep {
        let what = format!("is not the {} of the query, and sleepy waits for that", format_duration(sleep));
        problems.push(model.problem("wait", what, "leave it out, or change [function] query"));
    }
}

fn labels_are_right(scenario: &Scenario, replicas: u32, platform_max: u32, problems: &mut Vec<Problem>) {
    let place = "[function.labels]";
    let mut read: BTreeMap<&str, u32> = BTreeMap::new();
    for (label, (value, line)) in &scenario.labels {
        let problem = |what: String, hint: String| {
            let value = format!("\"{}\"", value.chars().take(60).filter(|char| !char.is_control()).collect::<String>());
            Problem::new(place, what, hint).at(Some(*line)).key(label.clone()).value(value)
        };
        let limits = match label.as_str() {
            MIN | MAX => 1..=platform_max,
            FACTOR => 1..=100,
            other => {
                let is_known = keys::SCALE_LABELS.contains(&other);
                if other.starts_with("com.openfaas.scale.") && !is_known {
                    let hint = match nearest(other, keys::SCALE_LABELS) {
                        Some(meant) => format!("did you mean \"{meant}\"?"),
                        None => format!("known are {}", keys::SCALE_LABELS.join(", ")),
                    };
                    problems.push(problem("is not a label OpenFaaS knows".to_owned(), hint));
                }
                continue;
            }
        };
        match value.parse::<u32>() {
            Ok(number) if limits.contains(&number) => {
                read.insert(label, number);
            }
            _ => {
                let range = format!("{} to {}", limits.start(), limits.end());
                let hint = if label == FACTOR {
                    "it is the step of the Community Edition's autoscaler in percent of the most replicas".to_owned()
                } else {
                    format!(
                        "the platform grants 1 to {platform_max} replicas; raise [platform] max_replicas if yours is not the Community Edition"
                    )
                };
                problems.push(problem(format!("is no whole number from {range}"), hint));
            }
        }
    }
    let min = read.get(MIN).copied().unwrap_or(1);
    let max = read.get(MAX).copied().unwrap_or(platform_max);
    let line = |label: &str| scenario.labels.get(label).map(|(_, line)| *line);
    if min > max {
        let problem =
            Problem::new(place, format!("is more than the most, {max}"), "lower it, or raise com.openfaas.scale.max");
        problems.push(problem.at(line(MIN)).key(MIN).value(min.to_string()));
    } else if replicas < min || replicas > max {
        let what = format!("is outside of what the labels and the platform allow, {min} to {max}");
        let hint = "change replicas, the labels com.openfaas.scale.min and .max, or [platform] max_replicas";
        problems.push(scenario.function.problem("replicas", what, hint));
    }
}
