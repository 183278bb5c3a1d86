//! `watchtower tune`: the front it finds, the files it leaves, the same again with other threads and after a cut.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use watchtower::policy::settings::Settings;
use watchtower::random::Seed;
use watchtower::search::front::{front, hypervolume};
use watchtower::search::{Fate, Score, Search, Trial};
use watchtower::study::resolve::{Overrides, resolve};
use watchtower::study::scenario::Scenario;
use watchtower::study::target_kind::TargetKind;
use watchtower::study::tune::{Measured, Options, Tuning, evaluate};

/// A load that climbs, stays and falls, and a controller that follows it by arithmetic: 960 settings, whose differences are the settings'
/// doing and not luck.
const HILL: &str = r#"
name = "hill"
[function]
name = "resize"
[function.model]
cpu = "100ms"
cpu_cv = 0.0
[slo]
latency = "1s"
[[load]]
steps = "2 for 10s, 2 to 20 for 15s, 20 for 10s, 6 for 10s, 15 for 5s, 2 for 10s"
max_in_flight = 50
[run]
warm_up = "1s"
cool_down = "5s"
[[arm]]
name = "pro"
policy = "openfaas-pro"
target = 5
evaluation_interval = "2s"
metrics_interval = "1s"
[tune.ranges]
target = [2, 2.5, 3, 4, 5, 6, 7, 8, 10, 13, 17, 25]
target_proportion = [0.5, 0.7, 0.9, 1.0]
down_window = ["0s", "5s", "10s", "20s", "40s"]
evaluation_interval = ["1s", "2s", "4s", "8s"]
"#;

/// A load with a quiet start and a rush that one replica can't bear.
const RUSH: &str = r#"
name = "rush"
[function]
name = "resize"
[function.model]
cpu = "10ms"
start_up = "500ms"
[slo]
latency = "100ms"
[[load]]
steps = "20 for 5s, 150 for 10s, 20 for 5s"
max_in_flight = 200
[run]
warm_up = "1s"
cool_down = "2s"
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
target = 50
scale_up_rounds = 2
scale_down_rounds = 4
[tune]
budget = 24
seeds = 2
confirmation = 3
[tune.ranges]
check_frequency = []
tolerance = []
target = [15, 20, 30, 50, 100, 300]
scale_up_rounds = [1, 2, 3, 4, 6]
scale_down_rounds = [1, 2, 4, 8]
scale_up_increment = [0.2, 0.6, 1.0]
scale_down_increment = []
"#;

fn tuning(text: &str, options: Options) -> Tuning {
    let scenario = Scenario::parse("scenario.toml", text, ".".into()).expect("TOML");
    let overrides = Overrides { target: TargetKind::Simulated, ..Overrides::default() };
    let study = resolve(&scenario, &overrides).unwrap_or_else(|error| panic!("{error}"));
    Tuning::new(vec![study], options).unwrap_or_else(|error| panic!("{error}"))
}

fn measured(tuning: &Tuning, settings: &Settings, seed: Seed) -> Measured {
    evaluate(&tuning.studies[0], settings, seed, &|| true).expect("nobody stops it")
}

fn score(measured: Measured) -> Score {
    Score { cost: measured.replica_seconds, missed: measured.slo_violation_ratio }
}

#[test]
fn a_tenth_of_all_settings_finds_nearly_all_of_a_front_that_is_known() {
    let tuning = tuning(HILL, Options { budget: Some(96), seeds: Some(1) });
    let space = tuning.space();
    assert_eq!(space.size(), 960);
    let seed = tuning.search_seeds()[0];
    let points: Vec<Vec<u16>> = space.all().collect();
    let all: BTreeMap<Vec<u16>, Score> = std::thread::scope(|scope| {
        let halves: Vec<_> = points
            .chunks(points.len().div_ceil(2))
            .map(|half| {
                let tuning = &tuning;
                let each = move |point: &Vec<u16>| (point.clone(), score(measured(tuning, &tuning.at(point), seed)));
                scope.spawn(move || half.iter().map(each).collect::<Vec<_>>())
            })
            .collect();
        halves.into_iter().flat_map(|half| half.join().expect("no panic")).collect()
    });
    let scores: Vec<Score> = all.values().copied().collect();
    let on_it = front(&scores);
    let (first, last) = (scores[on_it[0]], scores[on_it[on_it.len() - 1]]);
    assert!(on_it.len() >= 10, "a front of {} settings is no test", on_it.len());
    // counted from a little beyond the front's ends, so that the ends count too
    let worst = Score {
        cost: last.cost + 0.1 * (last.cost - first.cost),
        missed: first.missed + 0.1 * (first.missed - last.missed),
    };
    let whole = hypervolume(&scores, worst);
    for seed in 1..=3 {
        let mut search = Search::new(space.clone(), tuning.extent, &tuning.known(), Seed(seed));
        loop {
            let asks = search.ask().to_vec();
            if asks.is_empty() {
                break;
            }
            let answers: Vec<Score> = asks.iter().map(|ask| all[&search.trials()[ask.trial].point]).collect();
            search.tell(&answers);
        }
        assert_eq!(search.trials().len(), 96);
        let complete = |trial: &&Trial| trial.fate == Fate::Complete;
        let found: Vec<Score> = search.trials().iter().filter(complete).filter_map(Trial::mean).collect();
        let share = hypervolume(&found, worst) / whole;
        assert!(share >= 0.95, "seed {seed}: {share:.3} of the front of {} settings", on_it.len());
    }
}

#[test]
fn an_evaluation_is_the_run_that_a_study_makes() {
    let house = House::with(RUSH);
    let out =
        house.watchtower(&["run", "rush.toml", "--target", "simulated", "--out", "out", "--repeats", "2", "--quiet"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let tuning = tuning(RUSH, Options::default());
    for (repeat, seed) in [1, 2].into_iter().zip(tuning.search_seeds()) {
        let summary =
            fs::read_to_string(house.path(&format!("out/runs/tower-{repeat}/summary.json"))).expect("a summary");
        let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
        let found = measured(&tuning, &tuning.hand_set, seed);
        assert_eq!(summary["replica_seconds"].as_f64(), Some(found.replica_seconds));
        assert_eq!(summary["slo_violation_ratio"].as_f64(), Some(found.slo_violation_ratio));
    }
}

struct House {
    dir: TempDir,
}

impl House {
    fn with(scenario: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("rush.toml"), scenario).expect("a scenario file");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn watchtower(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(words).current_dir(self.dir.path()).stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    fn tune(&self, out: &str, more: &[&str]) -> Output {
        let words = ["tune", "rush.toml", "--arm", "tower", "--out", out];
        self.watchtower(&[&words[..], more].concat())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file of a directory, the command in `tune.json` left out.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).expect("a file");
            let name = path.strip_prefix(directory).expect("inside").display().to_string();
            if name == "tune.json" {
                let mut record: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
                record["command"] = serde_json::Value::Null;
                bytes = record.to_string().into_bytes();
            }
            files.insert(name, bytes);
        }
    }
    files
}

#[test]
fn the_files_are_all_there_and_the_same_whatever_the_threads_and_after_a_cut() {
    let house = House::with(RUSH);
    let one = house.tune("one", &["--threads", "1"]);
    assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));
    let found = files(&house.path("one"));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "charts/front.png",
            "charts/front.svg",
            "confirmation.csv",
            "evaluations.csv",
            "front.csv",
            "recommended.toml",
            "sensitivity.csv",
            "tune.json",
            "tune.md"
        ]
    );
    let two = house.tune("two", &["--threads", "2"]);
    assert_eq!(text(&one.stdout), text(&two.stdout));
    assert!(files(&house.path("two")) == found, "two threads");

    // as if it had been killed in the middle of a row
    let evaluations = house.path("two/evaluations.csv");
    let rows = fs::read(&evaluations).expect("a file");
    fs::write(&evaluations, &rows[..rows.len() * 2 / 5 - 3]).expect("a file");
    for gone in ["front.csv", "sensitivity.csv", "recommended.toml", "confirmation.csv", "tune.md"] {
        fs::remove_file(house.path("two").join(gone)).expect("a file");
    }
    let resumed = house.watchtower(&["tune", "--resume", "two"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    assert_eq!(text(&one.stdout), text(&resumed.stdout));
    assert!(files(&house.path("two")) == found, "after a cut");

    // what is pasted is an arm of the scenario, with the figures the confirmation has
    let arm = fs::read_to_string(house.path("one/recommended.toml")).expect("a file");
    let arm = arm.replace("name = \"tower\"", "name = \"tuned\"");
    let parsed = Scenario::parse("rush.toml", &format!("{RUSH}\n{arm}"), ".".into()).expect("TOML");
    assert!(resolve(&parsed, &Overrides::default()).is_ok());

    let more = house.watchtower(&["tune", "--resume", "two", "--budget", "30", "--quiet"]);
    assert_eq!(more.status.code(), Some(0), "{}", text(&more.stderr));
    let longer = fs::read(&evaluations).expect("a file");
    assert!(longer.len() > rows.len() && longer.starts_with(&rows), "it goes on where it was");
}

#[test]
fn what_it_prints_as_json_is_what_it_wrote_and_report_draws_it_again() {
    let house = House::with(RUSH);
    let out = house.tune("out", &["--json", "--budget", "8", "--seeds", "1", "--quiet"]);
    assert_eq!(text(&out.stderr), "");
    let record: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let written = fs::read_to_string(house.path("out/tune.json")).expect("a file");
    assert_eq!(record, serde_json::from_str::<serde_json::Value>(&written).expect("JSON"));
    assert_eq!((record["schema_version"].as_u64(), record["tried"].as_u64()), (Some(1), Some(8)));
    assert_eq!(record["confirmation_seeds"].as_array().map(Vec::len), Some(3));
    let seeds = |key: &str| record[key].as_array().cloned().unwrap_or_default();
    assert!(seeds("confirmation_seeds").iter().all(|seed| !seeds("search_seeds").contains(seed)));
    let before = files(&house.path("out"));
    let drawn = house.watchtower(&["report", "out"]);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    assert!(files(&house.path("out")) == before);
}

#[test]
fn what_cannot_be_tuned_is_said_with_what_to_do() {
    let house = House::with(RUSH);
    let real = RUSH.replace("policy = \"watchtower\"", "policy = \"openfaas-ce-real\"");
    let no_keys: String = real
        .lines()
        .filter(|line| !line.starts_with("check_") && !line.starts_with("target ="))
        .collect::<Vec<_>>()
        .join("\n");
    let cut = no_keys
        .split("[tune]")
        .next()
        .unwrap_or_default()
        .replace("scale_up_rounds = 2", "")
        .replace("scale_down_rounds = 4", "");
    fs::write(house.path("real.toml"), cut).expect("a file");
    fs::write(
        house.path("none.toml"),
        RUSH.replace("[15, 20, 30, 50, 100, 300]", "[]")
            .replace("[1, 2, 3, 4, 6]", "[]")
            .replace("[1, 2, 4, 8]", "[]")
            .replace("[0.2, 0.6, 1.0]", "[]"),
    )
    .expect("a file");
    fs::write(house.path("wrong.toml"), RUSH.replace("target = [15", "tarket = [15")).expect("a file");
    fs::write(house.path("value.toml"), RUSH.replace("[1, 2, 4, 8]", "{ from = 0.5, to = 8 }")).expect("a file");
    fs::create_dir(house.path("there")).expect("a directory");
    for (words, said) in [
        (&["tune", "rush.toml"][..], "--arm"),
        (&["tune", "rush.toml", "--arm", "towr"], "did you mean --arm tower?"),
        (&["tune", "rush.toml", "rush.toml", "--arm", "tower"], "two scenarios are called \"rush\""),
        (&["tune", "real.toml", "--arm", "tower"], "starts real programs beside the embedded gateway"),
        (&["tune", "none.toml", "--arm", "tower"], "has no setting to search"),
        (&["tune", "wrong.toml", "--arm", "tower"], "did you mean \"target\"?"),
        (&["tune", "value.toml", "--arm", "tower"], "has 0.5, which the setting can't be"),
        (&["tune", "rush.toml", "--arm", "tower", "--out", "there"], "there exists"),
        (&["tune", "--resume", "there"], "tune.json"),
    ] {
        let out = house.watchtower(words);
        assert_eq!(out.status.code(), Some(2), "{words:?}: {}", text(&out.stderr));
        assert!(text(&out.stderr).contains(said), "{words:?}: {}", text(&out.stderr));
    }
}
