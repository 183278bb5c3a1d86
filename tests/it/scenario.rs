//! What is wrong with a scenario is said with file, line, key, value and a way out, all at once; what is right resolves.

mod any_text;
mod arms_and_functions;
mod committed;
mod faults;
mod files;
mod keys_and_values;
mod loads;
mod prices;
mod studies;

use std::path::PathBuf;

use watchtower::study::plan::Study;
use watchtower::study::problem::ScenarioError;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;

/// A scenario without fault.
pub(crate) const GOOD: &str = r#"name = "t"

[function]
name = "ftest"
query = "number=50"

[slo]
latency = "75ms"
percentile = 95

[[load]]
hey = "-z 10s -c 5 -q 5"

[run]
warm_up = "5s"

[[arm]]
name = "tower"
policy = "watchtower"
tolerance = 0.2

[[arm]]
name = "control"
policy = "fixed"
"#;

pub(crate) fn study_of(text: &str) -> Result<Study, ScenarioError> {
    study_with(text, &Overrides::default())
}

fn study_with(text: &str, overrides: &Overrides) -> Result<Study, ScenarioError> {
    Scenario::parse("t.toml", text, PathBuf::new()).and_then(|scenario| resolve::resolve(&scenario, overrides))
}

/// The study of a scenario without fault.
fn good(text: &str) -> Study {
    match study_of(text) {
        Ok(study) => study,
        Err(error) => panic!("{error}"),
    }
}

fn problems(result: Result<Study, ScenarioError>) -> String {
    match result {
        Ok(_) => "no problem".to_owned(),
        Err(error) => with_all_policies_as_one_word(&error.to_string()),
    }
}

/// The list of known policies grows with each of them; that it is whole is one law, what else is said are others.
fn with_all_policies_as_one_word(message: &str) -> String {
    let names: Vec<&str> = watchtower::policy::registry::POLICIES.iter().map(|policy| policy.name).collect();
    message.replace(&format!("known policies: {}", names.join(", ")), "known policies: ALL")
}

/// A fault in an otherwise good scenario, and what is said about it.
struct Case {
    instead_of: &'static str,
    write: &'static str,
    message: &'static str,
}

fn messages(cases: &[Case]) {
    for case in cases {
        assert!(GOOD.contains(case.instead_of), "{}", case.instead_of);
        let text = GOOD.replacen(case.instead_of, case.write, 1);
        assert_eq!(problems(study_of(&text)), case.message, "{text}");
    }
}

#[test]
fn the_good_scenario_of_these_tests_has_no_problem() {
    assert_eq!(problems(study_of(GOOD)), "no problem");
}
