//! Studies of several runs per arm: their order, their A/A twin, when they are enough, and going on after an interruption.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use tokio::sync::watch;
use watchtower::drive::live::interrupt::{Cause, Interrupt};
use watchtower::random::{Purpose, Seed};
use watchtower::stats::demand::DemandCurve;
use watchtower::study::plan::Study;
use watchtower::study::resolve::{Overrides, resolve};
use watchtower::study::results::summary::{ArmRecord, RunSummary, SCHEMA_VERSION, StudyRecord};
use watchtower::study::results::{ResultsDir, ResultsError};
use watchtower::study::resume;
use watchtower::study::runner::{
    Conduct, Observer, Progress, RunBegins, SimulationProgress, StudyEnd, StudyError, resume_study, run_study,
};
use watchtower::study::scenario::Scenario;
use watchtower::study::target_kind::TargetKind;

const SCENARIO: &str = r#"
name = "short"
[function]
name = "ftest"
[slo]
latency = "75ms"
[[load]]
hey = "-z 4s -c 5 -q 5"
[run]
warm_up = "1s"
cool_down = "0s"
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
[[arm]]
name = "still"
policy = "fixed"
replicas = 2
"#;

fn study_of(text: &str, overrides: &Overrides) -> Study {
    let scenario = Scenario::parse("short.toml", text, ".".into()).expect("TOML");
    resolve(&scenario, overrides).unwrap_or_else(|error| panic!("{error}"))
}

fn study(repeats: u32) -> Study {
    study_of(SCENARIO, &Overrides { target: TargetKind::Simulated, repeats: Some(repeats), ..Overrides::default() })
}

fn record(study: &Study) -> StudyRecord {
    let arms = study.arms.iter().zip(&study.aa_of).map(|(arm, aa_of)| ArmRecord {
        name: arm.name.clone(),
        policy: arm.policy.name.to_owned(),
        aa_of: aa_of.map(|arm| study.arms[arm].name.clone()),
        ..ArmRecord::default()
    });
    StudyRecord {
        schema_version: SCHEMA_VERSION,
        watchtower_version: env!("CARGO_PKG_VERSION").to_owned(),
        name: study.name.clone(),
        target: study.target.to_string(),
        arms: arms.collect(),
        seed: study.seed.0,
        repeats: study.repeats,
        scenario: study.resolved_without_secrets().to_owned(),
        ..StudyRecord::default()
    }
}

/// Asks for the end once so many runs are over, or when so many have begun.
struct Watch {
    end: watch::Sender<Option<Cause>>,
    after: Option<usize>,
    at_begin_of: Option<u64>,
    over: Vec<String>,
}

impl Observer for Watch {
    fn prepares(&mut self, _what: &str) {}

    fn run_begins(&mut self, run: &RunBegins<'_>) {
        if self.at_begin_of == Some(run.index) {
            self.end.send_replace(Some(Cause::CtrlC));
        }
    }

    fn run_goes_on(&mut self, _progress: &Progress) {}

    fn simulation_goes_on(&mut self, _progress: &SimulationProgress) {}

    fn run_ended(&mut self, summary: &RunSummary) {
        self.over.push(format!("{}-{}", summary.arm, summary.repeat));
        if self.after == Some(self.over.len()) {
            self.end.send_replace(Some(Cause::CtrlC));
        }
    }
}

fn carry_out(
    study: &Study,
    results: &Path,
    after: Option<usize>,
    at_begin_of: Option<u64>,
    goes_on: bool,
) -> (Result<StudyEnd, StudyError>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (end, mut interrupt) = Interrupt::by_hand();
    let mut watch = Watch { end, after, at_begin_of, over: Vec::new() };
    let (record, demand) = (record(study), DemandCurve::unknown());
    let conduct = Conduct::default();
    let ended = runtime.block_on(async {
        if goes_on {
            resume_study(study, &record, &demand, results, conduct, &mut watch, &mut interrupt).await
        } else {
            run_study(study, &record, &demand, results, conduct, &mut watch, &mut interrupt).await
        }
    });
    (ended, watch.over)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every finished run's summary as it is on disk.
fn finished(results: &Path) -> BTreeMap<PathBuf, String> {
    let runs = fs::read_dir(results.join("runs")).expect("a directory").map(|run| run.expect("an entry").path());
    let whole = runs.map(|run| run.join("summary.json")).filter(|path| path.exists());
    whole.map(|path| (path.clone(), read(&path))).filter(|(_, text)| text.contains("\"partial\": false")).collect()
}

#[test]
fn a_study_interrupted_at_ten_points_and_resumed_is_the_same_as_one_that_was_not() {
    let room = tempfile::tempdir().expect("a directory");
    let study = study(6);
    assert_eq!(study.arms.len(), 3, "two arms and the twin");
    let whole = room.path().join("whole");
    carry_out(&study, &whole, None, None, false).0.expect("done");
    let wanted = [read(&whole.join("comparison.csv")), read(&whole.join("stats.csv"))];
    assert_eq!(wanted[0].lines().count(), 1 + 18);

    let mut points: Vec<usize> = (1..18).collect();
    let mut stream = Seed(8).stream(Purpose::Order);
    points.shuffle(&mut stream);
    points.truncate(10);
    for point in points {
        let results = room.path().join(format!("cut-{point}"));
        let (cut, _) = carry_out(&study, &results, Some(point), None, false);
        assert!(cut.expect("cut short").interrupted);
        let before = finished(&results);
        let (resumed, made) = carry_out(&study, &results, None, None, true);
        let end = resumed.expect("done");
        assert_eq!((end.interrupted, end.runs.len()), (false, 18), "point {point}");
        assert_eq!(before.len() + made.len(), 18, "no finished run is made twice: point {point}");
        for (path, text) in before {
            assert_eq!(read(&path), text, "{}", path.display());
        }
        let found = [read(&results.join("comparison.csv")), read(&results.join("stats.csv"))];
        assert_eq!(found, wanted, "point {point}");
        assert!(read(&results.join("study.json")).contains("\"status\": \"done\""));
    }
}

#[test]
fn an_embedded_study_that_goes_on_loses_no_finished_run() {
    let text = SCENARIO.replace("-z 4s -c 5 -q 5", "-z 1s -c 2 -q 5").replace("warm_up = \"1s\"", "warm_up = \"0s\"");
    let study = study_of(&text, &Overrides { repeats: Some(2), ..Overrides::default() });
    let room = tempfile::tempdir().expect("a directory");
    let results = room.path().join("out");
    let (cut, _) = carry_out(&study, &results, None, Some(3), false);
    assert!(cut.expect("cut short").interrupted);
    let before = finished(&results);
    assert!(before.len() >= 2, "{before:?}");
    let (resumed, made) = carry_out(&study, &results, None, None, true);
    assert_eq!(resumed.expect("done").runs.len(), 4);
    assert_eq!(before.len() + made.len(), 4);
    for (path, text) in before {
        assert_eq!(read(&path), text, "{}", path.display());
    }
    assert!(results.join("interrupted").is_dir(), "what the run that was cut short saw is kept");
    assert_eq!(read(&results.join("comparison.csv")).lines().count(), 1 + 4);
}

#[test]
fn nobody_writes_to_a_study_that_is_being_written() {
    let room = tempfile::tempdir().expect("a directory");
    let (results, study) = (room.path().join("out"), study(1));
    let writing = ResultsDir::create(&results, &record(&study)).expect("created");
    assert!(matches!(ResultsDir::reopen(&results, &record(&study)), Err(ResultsError::Locked(_))));
    drop(writing);
    assert!(ResultsDir::reopen(&results, &record(&study)).is_ok());
}

#[test]
fn another_scenario_is_refused_with_the_line_that_differs_and_more_repeats_are_not() {
    let path = Path::new("out");
    let before = record(&study(6));
    assert!(resume::check(path, &before, &study(9)).is_ok());
    let simulated = Overrides { target: TargetKind::Simulated, repeats: Some(6), ..Overrides::default() };
    let other = study_of(&SCENARIO.replace("75ms", "80ms"), &simulated);
    let error = resume::check(path, &before, &other).expect_err("refused").to_string();
    assert!(error.contains("`latency = \"75ms\"` where the scenario now has `latency = \"80ms\"`"), "{error}");
    let embedded = study_of(SCENARIO, &Overrides { repeats: Some(6), ..Overrides::default() });
    let error = resume::check(path, &before, &embedded).expect_err("refused").to_string();
    assert!(error.contains("--target simulated") && error.contains("--target embedded"), "{error}");
    let older = StudyRecord { watchtower_version: "0.0.1".to_owned(), ..before };
    let error = resume::check(path, &older, &study(6)).expect_err("refused").to_string();
    assert!(error.contains("watchtower 0.0.1"), "{error}");
}

#[test]
fn twins_have_luck_of_their_own_and_arms_of_a_repeat_share_theirs() {
    let study = study(6);
    let names: Vec<&str> = study.arms.iter().map(|arm| arm.name.as_str()).collect();
    assert_eq!(names, ["tower", "still", "tower-aa"]);
    for repeat in 1..=6 {
        assert_eq!(study.plan(0, repeat).seed, study.plan(1, repeat).seed);
        assert_ne!(study.plan(0, repeat).seed, study.plan(2, repeat).seed);
        assert_eq!(study.order(repeat), [0, 1, 2], "nothing drifts in virtual time");
    }
    // not by the wall clock, where it would cost time nobody asked for; not of too few repeats to say anything
    let arms = |overrides: Overrides| study_of(SCENARIO, &overrides).arms.len();
    assert_eq!(arms(Overrides { repeats: Some(6), ..Overrides::default() }), 2);
    assert_eq!(arms(Overrides { target: TargetKind::Simulated, repeats: Some(5), ..Overrides::default() }), 2);
    let asked = SCENARIO.replace("[run]", "[run]\naa = true");
    assert_eq!(study_of(&asked, &Overrides::default()).arms.len(), 3);
    let declined = SCENARIO.replace("[run]", "[run]\naa = false");
    let simulated = Overrides { target: TargetKind::Simulated, repeats: Some(9), ..Overrides::default() };
    assert_eq!(study_of(&declined, &simulated).arms.len(), 2);
}

#[test]
fn by_the_wall_clock_each_repeat_has_an_order_of_its_own_that_follows_from_the_seed() {
    let study = study_of(&SCENARIO.replace("[run]", "[run]\naa = true"), &Overrides::default());
    let orders: Vec<Vec<usize>> = (1..=20).map(|repeat| study.order(repeat)).collect();
    assert_eq!(orders, (1..=20).map(|repeat| study.order(repeat)).collect::<Vec<_>>());
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2], "every arm once");
    }
    for first in 0..3 {
        assert!(orders.iter().any(|order| order[0] == first), "arm {first} is never the first: {orders:?}");
    }
}

#[test]
fn a_study_repeats_until_the_interval_is_narrow_enough() {
    let until = |half_width: &str, most: u32| {
        let text = SCENARIO.replace(
            "[run]",
            &format!(
                "[run]\naa = false\nuntil = {{ metric = \"mean_ms\", half_width = \"{half_width}\", most = {most} }}"
            ),
        );
        study_of(&text, &Overrides { target: TargetKind::Simulated, ..Overrides::default() })
    };
    let repeats = |study: &Study| {
        let room = tempfile::tempdir().expect("a directory");
        let (end, _) = carry_out(study, &room.path().join("out"), None, None, false);
        end.expect("done").runs.len() / study.arms.len()
    };
    assert_eq!(repeats(&until("1000%", 30)), 6, "wide is enough at the first look");
    assert_eq!(repeats(&until("0.0001%", 9)), 9, "and what is never narrow ends with the most");
    // the resolved scenario gives the same study again
    let study = until("5%", 12);
    let again = study_of(study.resolved_toml(), &Overrides { target: TargetKind::Simulated, ..Overrides::default() });
    assert_eq!((again.until, again.repeats, again.arms.len()), (study.until, 12, 2));
}

#[test]
fn what_is_wrong_with_until_and_aa_is_told_with_what_to_write() {
    let problems = |run: &str| {
        let text = SCENARIO.replace("[run]", &format!("[run]\n{run}"));
        let scenario = Scenario::parse("short.toml", &text, ".".into()).expect("TOML");
        match resolve(&scenario, &Overrides::default()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    for (run, what, hint) in [
        ("until = { metric = \"p95\", half_width = \"5%\" }", "is not a metric of a run", "did you mean \"p95_ms\"?"),
        ("until = { half_width = \"5%\" }", "is not given", "name a column of comparison.csv"),
        ("until = { metric = \"p95_ms\" }", "is not given", "write \"5%\""),
        (
            "until = { metric = \"p95_ms\", half_width = \"five\" }",
            "is neither a share nor a number above 0",
            "write \"5%\"",
        ),
        (
            "repeats = 20\nuntil = { metric = \"p95_ms\", half_width = \"5%\", most = 10 }",
            "is less than [run] repeats = 20",
            "raise it",
        ),
        ("until = { metric = \"p95_ms\", half_width = \"5%\", max = 10 }", "is not a known key", "most"),
        ("aa = \"yes\"", "is neither true nor false", ""),
    ] {
        let found = problems(run);
        assert!(found.contains(what) && found.contains(hint), "{run}: {found}");
    }
    let twin = SCENARIO.replace("name = \"still\"", "name = \"tower-aa\"").replace("[run]", "[run]\naa = true");
    let scenario = Scenario::parse("short.toml", &twin, ".".into()).expect("TOML");
    let error = resolve(&scenario, &Overrides::default()).err().expect("refused").to_string();
    assert!(error.contains("twin named \"tower-aa\""), "{error}");
}

#[test]
fn directories_are_compared_and_what_else_differs_is_said() {
    let room = tempfile::tempdir().expect("a directory");
    let seeded = |seed| {
        let wishes =
            Overrides { target: TargetKind::Simulated, repeats: Some(6), seed: Some(seed), ..Overrides::default() };
        study_of(SCENARIO, &wishes)
    };
    for (name, seed) in [("one", 1), ("two", 2), ("strict", 3)] {
        carry_out(&seeded(seed), &room.path().join(name), None, None, false).0.expect("done");
    }
    let compare = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchtower"));
        let output = command.arg("compare").args(words).current_dir(room.path()).output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, said) = compare(&["one", "two"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("two:tower measured by one:tower, 6 runs of each"), "{out}");
    assert!(said.contains("the seeds differ"), "{said}");
    let (code, out, _) = compare(&["one", "two", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, json["conclusions"].as_array().map(Vec::len)), (Some(0), Some(2)), "two arms of the same name");

    let path = room.path().join("strict/study.json");
    let stricter = read(&path).replace("\"slo_latency_ms\": 0.0", "\"slo_latency_ms\": 50.0");
    fs::write(&path, stricter).expect("written");
    let (code, out, said) = compare(&["one", "strict"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(said.contains("one and strict can't be compared") && said.contains("hint:"), "{said}");
    assert_eq!(compare(&["one", "one"]).0, Some(2));
    assert_eq!(compare(&["one", "missing"]).0, Some(2));
}
