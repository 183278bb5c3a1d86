//! A results directory with every file there is, each of them missing, cut off or changed: `watchtower report` names it and shows the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use watchtower::drive::Recorder;
use watchtower::record::{CpuShares, FunctionId, Measurement, PodSample, ProcessRow, ProcessState, ReplicaId};
use watchtower::stats::demand::{Demand, DemandCurve};
use watchtower::study::results::summary::StudyRecord;
use watchtower::study::results::{Ending, ResultsDir};

use super::results::{about, made_up, ms, record};

/// Files of a run, all but its summary and the marks of the others.
const OF_A_RUN: [&str; 12] = [
    "requests.csv",
    "timeline.csv",
    "events.csv",
    "probes.csv",
    "cpu.csv",
    "metrics.csv",
    "processes.csv",
    "latency.hgrm",
    "hey-1.txt",
    "hey-2.txt",
    "recording.jsonl",
    "shard.json",
];

struct House {
    dir: TempDir,
}

impl House {
    /// A shard of a study of two arms, whose replicas are processes and whose policies read metrics.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let record = StudyRecord {
            shard: Some("1/2".to_owned()),
            loads: about("a", 1).loads,
            slo_latency_ms: 75.0,
            slo_percentile: 95.0,
            repeats: 1,
            watchtower_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..record(&["a", "b"])
        };
        let mut results = ResultsDir::create(&dir.path().join("out"), &record).expect("created");
        results.write_demand(&DemandCurve::constant(Demand::Replicas(2), Some(3.0))).expect("written");
        for arm in ["a", "b"] {
            let mut run = results.run(about(arm, 1)).expect("begun");
            let outcome = made_up(&mut run);
            run.cpu(ms(4_000), &CpuShares::default()).expect("kept");
            let pods = vec![PodSample::default()];
            run.metrics(ms(4_000), FunctionId::STUDIED, &Measurement { pods, ..Measurement::default() }).expect("kept");
            let process = ProcessRow {
                replica: ReplicaId(0),
                process: 77,
                state: ProcessState::Ready,
                cpu_time: Duration::from_millis(120),
                resident: 40 << 20,
                threads: 5,
                in_flight: 1,
            };
            run.process(ms(4_000), &process).expect("kept");
            let summary = run.finish(&outcome).expect("written");
            results.add(&summary).expect("added");
        }
        results.finish(Ending::Done, 1_700_000_100.0).expect("finished");
        let house = Self { dir };
        assert_eq!(house.report(), (Some(0), String::new()));
        assert!(!house.page().contains("Files that are missing"), "nothing is amiss");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    fn page(&self) -> String {
        fs::read_to_string(self.path("report.html")).expect("a page")
    }

    /// Makes the report again: the exit code, and what was said to people.
    fn report(&self) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(["report", "out"]).current_dir(self.dir.path()).stdin(Stdio::null());
        let output = command.output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What the page names after these files were spoiled, and puts them back.
    fn named(&self, files: &[&str], how: Spoil) -> String {
        let whole: Vec<(PathBuf, Vec<u8>)> = files
            .iter()
            .map(|file| self.path(file))
            .map(|path| (path.clone(), fs::read(path).expect("a file")))
            .collect();
        for (path, bytes) in &whole {
            how.spoil(path, bytes);
        }
        let (code, said) = self.report();
        assert_eq!(code, Some(0), "{said}");
        let page = self.page();
        assert!(page.contains("Files that are missing, damaged or changed"), "{files:?}, {how:?}: nothing is named");
        // the other arm's run is whole
        assert!(page.contains("class=\"chip arm1\""), "the rest is shown");
        for (path, bytes) in whole {
            fs::write(path, bytes).expect("writable");
        }
        let notice = page.split("Files that are missing, damaged or changed").nth(1).expect("a list");
        notice.split("</ul>").next().expect("its end").to_owned()
    }
}

#[derive(Clone, Copy, Debug)]
enum Spoil {
    Remove,
    CutOff,
    Change,
}

impl Spoil {
    fn spoil(self, path: &Path, bytes: &[u8]) {
        match self {
            Self::Remove => fs::remove_file(path).expect("removable"),
            Self::CutOff => fs::write(path, &bytes[..bytes.len() / 2]).expect("writable"),
            Self::Change => {
                let mut changed = bytes.to_vec();
                // a digit for another: what no reader of rows would notice
                let digit = changed.iter().rposition(u8::is_ascii_digit).expect("a digit");
                changed[digit] = if changed[digit] == b'7' { b'3' } else { b'7' };
                fs::write(path, changed).expect("writable");
            }
        }
    }
}

#[test]
fn every_file_of_a_run_is_named_when_it_is_missing_cut_off_or_changed() {
    let house = House::new();
    let there: Vec<String> = fs::read_dir(house.path("runs/a-1"))
        .expect("a run")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !["summary.json", "files.json"].contains(&name.as_str()))
        .collect();
    let mut known: Vec<&str> = there.iter().map(String::as_str).collect();
    known.sort_unstable();
    let mut expected = OF_A_RUN.to_vec();
    expected.sort_unstable();
    assert_eq!(known, expected, "a file that is new here needs a mark, and a line above");
    let files: Vec<String> = OF_A_RUN.iter().map(|name| format!("runs/a-1/{name}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for how in [Spoil::Remove, Spoil::CutOff, Spoil::Change] {
        let named = house.named(&files, how);
        for file in &files {
            assert!(named.contains(file), "{file}, {how:?}: {named}");
        }
        assert!(!named.contains("runs/b-1"), "{named}");
    }
    assert_eq!(house.report(), (Some(0), String::new()));
    assert!(!house.page().contains("Files that are missing"), "all is as it was");
}

#[test]
fn what_says_how_the_others_were_is_named_too() {
    let house = House::new();
    for file in ["runs/a-1/summary.json", "runs/a-1/files.json", "demand.csv", "comparison.csv"] {
        for how in [Spoil::Remove, Spoil::CutOff, Spoil::Change] {
            let named = house.named(&[file], how);
            assert!(named.contains(file), "{file}, {how:?}: {named}");
        }
    }
    for how in [Spoil::CutOff, Spoil::Change] {
        let named = house.named(&["files.json"], how);
        assert!(named.contains("files.json") || named.contains("study.json"), "{how:?}: {named}");
    }
    let named = house.named(&["study.json"], Spoil::Change);
    assert!(named.contains("study.json: was changed"), "{named}");
    // without it nobody knows what was studied: nothing can be said, and that is said
    for (how, said) in [(Spoil::Remove, "holds no study.json"), (Spoil::CutOff, "study.json")] {
        let whole = fs::read(house.path("study.json")).expect("a file");
        how.spoil(&house.path("study.json"), &whole);
        let (code, message) = house.report();
        assert!(code != Some(0) && message.contains(said), "{how:?}: {code:?}, {message}");
        fs::write(house.path("study.json"), whole).expect("writable");
    }
    assert_eq!(house.report(), (Some(0), String::new()));
}

#[test]
fn drawings_and_page_are_made_again_whatever_was_there() {
    let house = House::new();
    let names = ["report.html", "charts/timeline.svg", "charts/timeline.png", "charts/replicas.svg"];
    let whole: Vec<Vec<u8>> = names.iter().map(|name| fs::read(house.path(name)).expect("a file")).collect();
    for how in [Spoil::Remove, Spoil::CutOff, Spoil::Change] {
        for (name, bytes) in names.iter().zip(&whole) {
            how.spoil(&house.path(name), bytes);
        }
        assert_eq!(house.report(), (Some(0), String::new()));
        for (name, bytes) in names.iter().zip(&whole) {
            assert!(fs::read(house.path(name)).expect("a file") == *bytes, "{name}, {how:?}");
        }
    }
}
