//! `[expect]`: a scenario says what its arms must achieve, and the exit code says whether they did.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;
use watchtower::study::problem::ScenarioError;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;

/// Two arms of a fixed size under two seconds of load.
fn scenario(expect: &str) -> String {
    format!(
        r#"name = "gate"
[[load]]
hey = "-z 2s -c 4 -q 10"
[run]
warm_up = "300ms"
cool_down = "300ms"
[[arm]]
name = "one"
policy = "fixed"
[[arm]]
name = "two-2.x"
policy = "fixed"
replicas = 2
[expect]
{expect}
"#
    )
}

fn problems(expect: &str) -> String {
    let study: Result<_, ScenarioError> = Scenario::parse("t.toml", &scenario(expect), PathBuf::new())
        .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()));
    match study {
        Ok(study) => format!("no problem: {}", study.expect.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn formulas_are_checked_before_the_first_minute_is_spent() {
    assert_eq!(problems("every = \"one.p95_ms < 120\""), "no problem: 1");
    assert_eq!(problems("median = [\"one.p95_ms < two-2.x.p95_ms\", \"one.probes == 0\"]"), "no problem: 2");
    let expect = r#"
every = [
    "onee.p95_ms < 120",
    "one.p95 < 120",
    "one.valid == 1",
    "one.planned-1 < 4",
    "one.p95_ms",
    "one.errors == 0",
    "one.errors == 0",
    7,
]
medain = "one.p95_ms < 120"
"#;
    insta::assert_snapshot!(problems(expect), @r#"
    t.toml:17: [expect]: every = "onee.p95_ms < 120" names onee, which is not an arm of this scenario
      hint: did you mean one.p95_ms? its arms: one, two-2.x
    t.toml:18: [expect]: every = "one.p95 < 120" names p95, which is not a column of comparison.csv
      hint: did you mean one.p95_ms?
    t.toml:19: [expect]: every = "one.valid == 1" names valid, which holds words and not numbers
      hint: runs that are not valid meet nothing; compare a column of numbers
    t.toml:20: [expect]: every = "one.planned-1 < 4" names planned-1, which is not a column of comparison.csv
      hint: names may hold hyphens, so a minus stands between spaces
    t.toml:21: [expect]: every = "one.p95_ms" compares nothing
      hint: write one of < <= > >= == != between two values
    t.toml:23: [expect]: every = "one.errors == 0" is there twice, the other is on line 22
      hint: leave one of them out
    t.toml:24: [expect]: every = 7 is not a text
      hint: write a formula in quotes, or a list of them: ["ARM.p95_ms < 120"]
    t.toml:26: [expect]: medain is not a known key
      hint: did you mean "median"?
    "#);
    let as_text = scenario("").replace("[expect]", "");
    let as_text = as_text.replacen("name = \"gate\"", "name = \"gate\"\nexpect = \"one.p95_ms < 1\"", 1);
    let study = Scenario::parse("t.toml", &as_text, PathBuf::new())
        .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()));
    insta::assert_snapshot!(study.err().map_or_else(String::new, |error| error.to_string()), @r#"
    t.toml:2: expect = "one.p95_ms < 1" is not a table
      hint: write [expect] on a line of its own, and its keys below
    "#);
}

#[test]
fn the_resolved_scenario_expects_the_same_of_the_arms_that_run() {
    let text = scenario("every = [\"one.errors == 0\"]\nmedian = [\"one.p95_ms < 2 * two-2.x.p95_ms\"]");
    let read = |text: &str, overrides: &Overrides| {
        let scenario = Scenario::parse("t.toml", text, PathBuf::new()).expect("TOML");
        resolve::resolve(&scenario, overrides).unwrap_or_else(|error| panic!("{error}"))
    };
    let study = read(&text, &Overrides::default());
    let again = read(study.resolved_toml(), &Overrides::default());
    assert_eq!((&again.expect, again.resolved_toml()), (&study.expect, study.resolved_toml()));
    let one = read(&text, &Overrides { arms: vec!["one".to_owned()], ..Overrides::default() });
    assert_eq!(one.expect, study.expect, "what is left out is known");
    assert_eq!(read(one.resolved_toml(), &Overrides::default()).expect.len(), 1);
}

struct Gate {
    dir: TempDir,
}

impl Gate {
    fn run(expect: &str, more: &[&str]) -> (Self, Output) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("gate.toml"), scenario(expect)).expect("a scenario file");
        let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", "gate.toml", "--out", "out", "--quiet"])
            .args(more)
            .current_dir(dir.path())
            .output()
            .expect("the program starts");
        (Self { dir }, output)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join("out").join(name)).unwrap_or_default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs may be invalid on a machine that stands still, which is exit code 1 and another test's matter.
fn is_valid(gate: &Gate) -> bool {
    !gate.file("junit.xml").contains("<error")
}

#[test]
fn an_expectation_that_is_not_met_is_exit_code_3_with_a_table_and_junit() {
    let expect = "every = [\"one.planned == 80\", \"two-2.x.scale_ups == 0\", \"one.first_scale_up_s > 0\"]\n\
                  median = \"two-2.x.replica_seconds > 1.5 * one.replica_seconds\"";
    let (gate, output) = Gate::run(expect, &[]);
    let said = text(&output.stdout);
    if is_valid(&gate) {
        assert_eq!(output.status.code(), Some(3), "{said}{}", text(&output.stderr));
        for part in ["80 == 80", "1 == 0", "NOT MET", "one.first_scale_up_s is unknown in repeat 1"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            gate.file("junit.xml").contains("tests=\"6\" failures=\"2\" errors=\"0\""),
            "{}",
            gate.file("junit.xml")
        );
    }
    assert_eq!(gate.file("expect.csv").lines().count(), 5);
    assert!(gate.file("comparison.md").contains("## Expectations"));
    assert!(gate.file("report.html").contains("<h2>Expectations</h2>"));
}

#[test]
fn what_names_an_arm_that_was_not_asked_for_is_left_out_and_fails_nothing() {
    let expect = "every = [\"one.planned == 80\", \"two-2.x.scale_ups == 0\"]";
    let (gate, output) = Gate::run(expect, &["--arm", "one", "--json"]);
    if is_valid(&gate) {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(json[0]["expectations"][0]["verdict"], "met");
        assert_eq!(json[0]["expectations"][0]["measured"][0]["left"], 80.0);
        assert_eq!(json[0]["expectations"][1]["verdict"], "left-out");
    }
    assert!(gate.file("junit.xml").contains("<skipped"));
}

#[test]
fn an_invalid_run_is_exit_code_1_whatever_was_expected() {
    // no generator keeps to a nanosecond
    let expect = "every = \"one.planned == 80\"\n[limits]\nmax_lateness = \"1ns\"";
    let (gate, output) = Gate::run(expect, &["--arm", "one"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("repeat 1 of one is invalid"));
    assert!(gate.file("junit.xml").contains("failures=\"1\" errors=\"1\""));
}
