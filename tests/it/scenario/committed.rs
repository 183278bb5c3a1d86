//! The scenarios of the repository, and the schema they are written against.

use std::path::{Path, PathBuf};
use std::time::Duration;

use watchtower::study::resolve::{self, Overrides};

use super::problems;

/// The scenarios of the repository.
fn committed() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = |directory: PathBuf| {
        let Ok(entries) = std::fs::read_dir(directory) else { panic!("the directory is there") };
        entries.filter_map(|entry| Some(entry.ok()?.path()))
    };
    let mut paths: Vec<PathBuf> = entries(directory.join("faults")).chain(entries(directory)).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(paths.len() >= 3);
    paths
}

#[test]
fn the_committed_scenarios_resolve() {
    for path in committed() {
        let problems = problems(resolve::load(&path, &Overrides::default()));
        let needs_programs = path.ends_with("real-chain.toml") && problems.contains("not installed on this machine");
        assert!(problems == "no problem" || needs_programs, "{problems}");
    }
}

#[test]
fn the_quick_scenario_takes_less_than_two_minutes() {
    let path = committed().into_iter().find(|path| path.ends_with("quick.toml")).expect("it is there");
    let Ok(study) = resolve::load(&path, &Overrides::default()) else { panic!("it resolves") };
    assert!(study.duration() < Duration::from_secs(115), "{:?}", study.duration());
}

#[test]
fn every_key_of_the_committed_scenarios_is_in_the_schema() {
    let schema = watchtower::study::schema::schema();
    for path in committed() {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let scenario: toml::Table = text.parse().expect("it is TOML");
        for table in scenario.iter().map(|(key, value)| (&schema["properties"][key], value)) {
            known_keys(table.0, table.1, &path);
        }
    }
}

/// Every key below `value` is a property below `schema`.
fn known_keys(schema: &serde_json::Value, value: &toml::Value, path: &Path) {
    assert!(schema.is_object(), "{}: no schema for {value}", path.display());
    match value {
        toml::Value::Array(entries) => {
            let list = schema["anyOf"].as_array().and_then(|all| all.iter().find(|one| one["items"].is_object()));
            for entry in entries {
                known_keys(&list.unwrap_or(schema)["items"], entry, path);
            }
        }
        toml::Value::Table(table) => {
            let policy = table.get("policy").and_then(toml::Value::as_str);
            let variant =
                schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["title"].as_str() == policy));
            let schema = variant.unwrap_or(schema);
            table.iter().for_each(|(key, value)| known_keys(&schema["properties"][key], value, path));
        }
        _ => {}
    }
}

#[test]
fn the_schema_s_top_level() {
    let schema = watchtower::study::schema::schema();
    let properties = schema["properties"].as_object().expect("it has properties");
    let lines: Vec<String> = properties
        .iter()
        .map(|(key, property)| {
            format!(
                "{key} ({}): {}",
                property["type"].as_str().unwrap_or("-"),
                property["description"].as_str().unwrap_or("-")
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    arm (array): the autoscalers to compare
    description (string): what the study asks, for people
    expect (object): what the arms must achieve: columns of comparison.csv compared; not met, and the exit code is 3
    fault (array): what goes wrong on purpose in every run
    function (object): the function under test
    kubernetes (object): somebody's cluster, for --target kubernetes
    limits (object): when a run is not valid
    load (array): the load sources, all running at once
    name (string): names the study and its results directory; the file's name if not given
    openfaas (object): somebody's gateway, for --target openfaas and kubernetes
    platform (object): the modelled platform the function runs on
    price (object): what a replica costs, for the columns of money and memory
    run (object): how a run goes
    slo (object): the service level objective
    tune (object): how `watchtower tune` searches
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema["properties"]["slo"]).expect("it can be written"), @r##"
    {
      "additionalProperties": false,
      "description": "the service level objective",
      "properties": {
        "latency": {
          "$ref": "#/$defs/duration",
          "default": "75ms",
          "description": "how fast a request must be answered, counted from when it was due (from 1us to 168h)"
        },
        "percentile": {
          "default": 95.0,
          "description": "how many of the planned requests must be that fast; above 0 and below 100, in %",
          "exclusiveMaximum": 100,
          "exclusiveMinimum": 0,
          "maximum": 100.0,
          "minimum": 0.0,
          "type": "number"
        }
      },
      "type": "object"
    }
    "##);
}
