//! `--target simulated`: the same files, faster; the same files, however many threads made them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tempfile::TempDir;

fn scenario(load: &str) -> String {
    format!(
        r#"
name = "short"
[function]
name = "ftest"
[[load]]
hey = "{load}"
[run]
warm_up = "2s"
cool_down = "2s"
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
[[arm]]
name = "chain"
policy = "openfaas-ce"
"#
    )
}

struct House {
    dir: TempDir,
}

impl House {
    fn with(scenario: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("short.toml"), scenario).expect("a scenario file");
        fs::write(dir.path().join("trace.csv"), "minute,count\n0,40\n1,0\n2,90\n").expect("a trace");
        Self { dir }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(["run", "short.toml", "--out", "out"]).args(more);
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("the program starts")
    }

    /// A simulated study that must end well: its files.
    fn files(&self, more: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
        let output = self.run(&[&["--target", "simulated"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        files(&self.out())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file below a results directory, `study.json` without the facts of the wall clock and the command that was typed.
pub(crate) fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        // it marks study.json with these facts in it
        if path == root.join("files.json") {
            continue;
        }
        let mut bytes = fs::read(&path).expect("a file");
        if path.ends_with("study.json") {
            let mut study: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            for key in ["started_unix_s", "ended_unix_s", "command"] {
                assert!(study.as_object_mut().expect("an object").remove(key).is_some(), "{key}");
            }
            bytes = study.to_string().into_bytes();
        }
        files.insert(path.strip_prefix(root).expect("below").to_owned(), bytes);
    }
    files
}

/// Fails with the names of the files that differ.
pub(crate) fn assert_same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let different: Vec<_> = one.iter().filter(|(path, bytes)| other[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(different.is_empty(), "these differ: {different:?}");
}

#[test]
fn a_simulated_study_has_every_file_of_a_real_one_and_says_what_it_is() {
    let house = House::with(&scenario("-z 20s -c 10 -q 5"));
    let simulated = house.files(&["--repeats", "2"]);
    let names: Vec<String> = simulated.keys().map(|path| path.display().to_string()).collect();
    for file in ["comparison.csv", "comparison.md", "stats.csv", "report.html", "charts/timeline.png"] {
        assert!(names.iter().any(|name| name == file), "{file} is missing");
    }
    for run in ["chain-1", "chain-2", "tower-1", "tower-2"] {
        for file in
            ["requests.csv", "timeline.csv", "events.csv", "probes.csv", "latency.hgrm", "hey-1.txt", "summary.json"]
        {
            assert!(names.contains(&format!("runs/{run}/{file}")), "{run}/{file} is missing");
        }
    }
    let study: serde_json::Value = serde_json::from_slice(&simulated[Path::new("study.json")]).expect("JSON");
    assert_eq!(
        (&study["target"], &study["status"], &study["host"]["cpu"]),
        (&"simulated".into(), &"done".into(), &"".into())
    );
    let comparison = text(&simulated[Path::new("comparison.csv")]);
    let runs: Vec<String> =
        comparison.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>().join("-")).collect();
    assert_eq!(runs, ["tower-1", "chain-1", "tower-2", "chain-2"], "the study's order");
    let requests = text(&simulated[Path::new("runs/tower-1/requests.csv")]);
    assert_eq!(requests.lines().count(), 1 + 20 * 10 * 5);
}

#[test]
fn how_many_threads_make_it_changes_no_byte() {
    let load = scenario("-z 30s -c 20 -q 5");
    let made = |threads| House::with(&load).files(&["--repeats", "3", "--threads", threads]);
    let one = made("1");
    assert_same(&one, &made("2"));
    assert_same(&one, &made("7"));
}

/// A load of any kind.
fn any_load() -> impl Strategy<Value = String> {
    let hey = (1_u32..30, 1_u32..9, 2_u32..20, 0_u32..900).prop_map(|(workers, rate, seconds, start)| {
        format!("hey = \"-z {seconds}s -c {workers} -q {rate}\"\nstart = \"{start}ms\"\n")
    });
    let rate =
        (1_u32..90, 1_u32..15, prop::sample::select(vec!["even", "poisson"])).prop_map(|(rate, seconds, arrivals)| {
            format!("rate = {rate}\nduration = \"{seconds}s\"\narrivals = \"{arrivals}\"\nmax_in_flight = 40\n")
        });
    let trace = prop::sample::select(vec!["even", "uniform", "poisson"])
        .prop_map(|arrivals| format!("trace = \"trace.csv\"\nbin = \"2s\"\narrivals = \"{arrivals}\"\n"));
    let goose = (1_u32..12, 1_u32..12, 1_u32..900).prop_map(|(users, seconds, think)| {
        format!(
            "goose = {users}\nduration = \"{seconds}s\"\n[[load.journey]]\nthink = \"{think}ms to 1s\"\n\
             [[load.journey.step]]\n[[load.journey.step]]\nquery = \"number=0\"\nweight = 2\n"
        )
    });
    prop_oneof![hey, rate, trace, goose]
}

/// A scenario of a few short runs, one of many.
fn any_scenario() -> impl Strategy<Value = String> {
    let function = prop::sample::select(vec!["name = \"ftest\"", "name = \"sleepy\"\nquery = \"number=0.2\""]);
    let arm = prop::sample::select(vec![
        "policy = \"watchtower\"\ncheck_frequency = 1",
        "policy = \"watchtower\"\ntarget = 20\nscale_up_increment = \"auto\"",
        "policy = \"openfaas-ce\"",
        "policy = \"openfaas-ce\"\nevaluation_phase = \"random\"\nthreshold = 1",
        "policy = \"fixed\"\nreplicas = 3",
        "policy = \"hpa\"",
        "policy = \"kpa\"",
    ]);
    let (loads, arms) = (prop::collection::vec(any_load(), 1..4), prop::collection::vec(arm, 1..4));
    (function, loads, arms, any::<bool>(), 1_u32..4, any::<u32>()).prop_map(
        |(function, loads, arms, shadow, repeats, seed)| {
            let mut text = format!("name = \"any\"\n[function]\n{function}\n[slo]\nlatency = \"250ms\"\n");
            for load in loads {
                let _ = write!(text, "[[load]]\n{load}");
            }
            let _ = write!(text, "[run]\nwarm_up = \"3s\"\ncool_down = \"5s\"\nrepeats = {repeats}\nseed = {seed}\n");
            for (number, arm) in arms.iter().enumerate() {
                let _ = write!(text, "[[arm]]\nname = \"arm-{number}\"\n{arm}\n");
                if shadow && number == 0 {
                    text.push_str("shadows = [\"onlooker\"]\n");
                }
            }
            if shadow {
                text.push_str("[[arm]]\nname = \"onlooker\"\npolicy = \"openfaas-ce\"\nshadow_only = true\n");
            }
            text
        },
    )
}

#[test]
fn any_scenario_gives_the_same_files_again_and_on_any_number_of_threads() {
    let config =
        ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&any_scenario(), |scenario| {
        let made = |threads| House::with(&scenario).files(&["--threads", threads]);
        let one = made("1");
        assert_same(&one, &made("1"));
        assert_same(&one, &made("2"));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn arms_of_a_repeat_begin_together_and_a_probe_shifts_nobodys_luck() {
    let house = House::with(&scenario("-z 6s -c 3 -q 5").replace("openfaas-ce", "fixed"));
    let files = house.files(&["--repeats", "2"]);
    let started = |run: &str| {
        let summary: serde_json::Value =
            serde_json::from_slice(&files[&PathBuf::from(format!("runs/{run}/summary.json"))]).expect("JSON");
        summary["started_unix_s"].as_f64().expect("a time")
    };
    assert_eq!(started("tower-1").to_bits(), started("chain-1").to_bits());
    assert_ne!(started("tower-1").to_bits(), started("tower-2").to_bits());
    let probes = &files[Path::new("runs/tower-1/probes.csv")];
    assert!(text(probes).lines().count() > 4, "the tower probes and the fixed arm does not");
    let sent = |run: &str| -> Vec<String> {
        let rows = text(&files[&PathBuf::from(format!("runs/{run}/requests.csv"))]);
        let mut rows: Vec<String> =
            rows.lines().skip(1).map(|row| row.split(',').take(5).collect::<Vec<_>>().join(",")).collect();
        rows.sort();
        rows
    };
    assert_eq!(sent("tower-1"), sent("chain-1"), "the same requests leave at the same moments");
    assert_eq!(sent("tower-1").len(), 90);
}

#[test]
fn without_rows_everything_that_is_added_up_stays_the_same() {
    let load = scenario("-z 20s -c 10 -q 5");
    let (mut all, mut none) = (House::with(&load).files(&[]), House::with(&load).files(&["--rows", "none"]));
    for arm in ["tower", "chain"] {
        all.remove(Path::new(&format!("runs/{arm}-1/requests.csv"))).expect("rows");
        // it marks them
        let marks = PathBuf::from(format!("runs/{arm}-1/files.json"));
        let (with, without) = (all.remove(&marks).expect("marks"), none.remove(&marks).expect("marks"));
        assert!(text(&with).contains("requests.csv") && !text(&without).contains("requests.csv"));
    }
    // what says that there are no rows
    for file in ["study.json", "comparison.md", "report.html"] {
        let (with, without) = (all.remove(Path::new(file)).expect(file), none.remove(Path::new(file)).expect(file));
        assert!(text(&without).contains("--rows none") && !text(&with).contains("--rows none"), "{file}");
    }
    assert_same(&all, &none);
}

#[test]
fn standard_output_carries_the_results_and_standard_error_is_quiet_when_asked() {
    let house = House::with(&scenario("-z 5s -c 2 -q 5"));
    let output = house.run(&["--target", "simulated", "--json", "--quiet", "--arm", "tower"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&value[0]["runs"][0]["target"], &value[0]["runs"][0]["sent"]), (&"simulated".into(), &50.into()));
}

#[test]
fn threads_by_the_wall_clock_are_refused() {
    let house = House::with(&scenario("-z 1s -c 1 -q 5"));
    let output = house.run(&["--threads", "2"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--threads") && said.contains("hint") && !house.out().exists(), "{said}");
}

#[test]
fn a_simulation_cut_short_keeps_what_it_saw_and_says_so() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        // a day of load, so that it can't end by itself meanwhile; and no question how many replicas it would take
        let house =
            House::with(&format!("{}\n[slo]\nlatency = \"1ms\"\npercentile = 99.9\n", scenario("-z 24h -c 20 -q 5")));
        let child = house
            .command(&["--target", "simulated", "--repeats", "9", "--threads", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let requests = house.out().join("runs/chain-1/requests.csv");
        let deadline = Instant::now() + Duration::from_secs(60);
        while fs::metadata(&requests).map_or(0, |file| file.len()) < 100_000 {
            assert!(Instant::now() < deadline, "no rows within a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
        kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        let study = fs::read_to_string(house.out().join("study.json")).expect("study.json");
        assert!(study.contains("\"status\": \"partial\""), "{study}");
        // both runs that were under way are kept, and the third was never begun
        for arm in ["tower", "chain"] {
            let run = house.out().join("runs").join(format!("{arm}-1"));
            let summary: serde_json::Value =
                serde_json::from_slice(&fs::read(run.join("summary.json")).expect("a summary")).expect("JSON");
            assert_eq!(summary["partial"], true);
            let rows = fs::read_to_string(run.join("requests.csv")).expect("rows").lines().count();
            assert_eq!(summary["sent"], rows - 1, "every request that left has a row");
            let sum: u64 =
                ["sent", "lost_busy", "lost_late"].map(|key| summary[key].as_u64().expect("a count")).iter().sum();
            assert_eq!(summary["planned"], sum, "what was called for until then");
        }
        assert!(!house.out().join("runs/tower-2").exists());
        assert!(house.out().join("report.html").is_file());
    }
}
