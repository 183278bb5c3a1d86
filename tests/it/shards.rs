//! Shards: what several load machines send of one load is together that load, and their results are together its results.

mod refusals;
mod schedules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Every kind of load, bounded so that some of it waits and some is dropped.
const MIXED: &str = r#"
name = "mixed"
[function]
name = "ftest"
query = "number=50"
[slo]
latency = "75ms"
[[load]]
hey = "-z 12s -c 13 -q 5"
[[load]]
hey = "-z 12s -c 9 -q 7"
phase = "random"
start = "500ms"
[[load]]
rate = 20
to = 90
shape = "ramp"
duration = "12s"
arrivals = "poisson"
max_in_flight = 6
when_full = "drop"
[[load]]
goose = 7
duration = "8s"
ramp = "3s"
[[load.journey]]
name = "look"
weight = 3
think = "100ms to 400ms"
[[load.journey.step]]
name = "front"
[[load.journey]]
name = "buy"
think = "200ms"
[[load.journey.step]]
name = "basket"
[run]
warm_up = "3s"
cool_down = "4s"
repeats = 2
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
target = 25
[[arm]]
name = "ce"
policy = "openfaas-ce"
"#;

struct House {
    dir: TempDir,
}

impl House {
    fn with(scenario: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("study.toml"), scenario).expect("a scenario file");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).output().expect("the program starts")
    }

    #[track_caller]
    fn simulate(&self, out: &str, more: &[&str]) {
        let mut args = vec!["run", "study.toml", "--target", "simulated", "--quiet", "--out", out];
        args.extend(more);
        let output = self.command(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    /// Makes all of so many shards, as `s1` and so on.
    fn shards(&self, of: u32) -> Vec<String> {
        let shard = |number| {
            let out = format!("s{number}");
            self.simulate(&out, &["--shard", &format!("{number}/{of}")]);
            out
        };
        (1..=of).map(shard).collect()
    }

    /// The same where a machine beside them leads, as `s0`.
    fn led_shards_of(&self, of: u32, more: &[&str]) -> Vec<String> {
        let shard = |number| {
            let (out, apart) = (format!("s{number}"), if number == 0 { "" } else { "+0" });
            self.simulate(&out, &[more, &["--shard", &format!("{number}/{of}{apart}")]].concat());
            out
        };
        (0..=of).map(shard).collect()
    }

    fn merge(&self, shards: &[&str]) -> Output {
        let mut args = vec!["merge"];
        args.extend(shards);
        args.extend(["--out", "all"]);
        self.command(&args)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines in order: rows that end at one and the same nanosecond have none of their own.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Files of a directory and below, by their paths in it.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn four_shards_in_virtual_time_are_the_study_of_one_machine_to_the_last_byte() {
    let house = House::with(MIXED);
    house.simulate("one", &[]);
    let shards = house.shards(4);
    let merged = house.merge(&[&shards[2], &shards[0], &shards[3], &shards[1]].map(String::as_str));
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));

    let (one, all) = (house.path("one"), house.path("all"));
    assert_eq!(files(&one), files(&all));
    for file in files(&one) {
        let (ours, theirs) = (read_bytes(&one.join(&file)), read_bytes(&all.join(&file)));
        match file.rsplit('/').next() {
            // the command line and the wall clock of the program, and marks of files that differ
            Some("study.json" | "report.html" | "files.json") => {}
            Some("requests.csv") => {
                let (ours, theirs) = (text(&ours), text(&theirs));
                assert!(ours.lines().count() > 1_000, "{file}");
                assert_eq!(sorted(&ours), sorted(&theirs), "{file}");
            }
            _ => assert!(ours == theirs, "{file} differs:\n{}\n{}", head(&ours), head(&theirs)),
        }
    }
    // and no shard is all of it
    for shard in &shards {
        let rows = read(&house.path(shard).join("runs/tower-1/requests.csv")).lines().count();
        let whole = read(&one.join("runs/tower-1/requests.csv")).lines().count();
        assert!(rows * 3 < whole && rows * 6 > whole, "{shard} has {rows} of {whole}");
        assert!(read(&house.path(shard).join("comparison.md")).contains(&format!("This is shard {}/4", &shard[1..])));
    }
    assert!(!read(&all.join("comparison.md")).contains("This is shard"));
}

#[test]
fn three_shards_and_a_leader_that_sends_nothing_are_the_study_of_one_machine_to_the_last_byte() {
    let house = House::with(MIXED);
    house.simulate("one", &["--repeats", "1"]);
    let shards = house.led_shards_of(3, &["--repeats", "1"]);
    let leader = read(&house.path("s0").join("runs/tower-1/requests.csv"));
    assert_eq!(leader.lines().count(), 1, "only its head");
    let merged = house.merge(&[&shards[3], &shards[0], &shards[1], &shards[2]].map(String::as_str));
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    let (one, all) = (house.path("one"), house.path("all"));
    for file in files(&one) {
        let (ours, theirs) = (read_bytes(&one.join(&file)), read_bytes(&all.join(&file)));
        match file.rsplit('/').next() {
            Some("study.json" | "report.html" | "files.json") => {}
            Some("requests.csv") => assert_eq!(sorted(&text(&ours)), sorted(&text(&theirs)), "{file}"),
            _ => assert!(ours == theirs, "{file} differs:\n{}\n{}", head(&ours), head(&theirs)),
        }
    }
}

#[test]
fn shards_packed_into_lines_are_merged_like_their_directories() {
    let house = House::with(MIXED);
    for number in ["1", "2"] {
        let shard = format!("{number}/2");
        let args =
            ["run", "study.toml", "--target", "simulated", "--repeats", "1", "--rows", "none", "--shard", &shard];
        let output = house.command(&[args.as_slice(), &["--out", &format!("s{number}"), "--pack"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        // a pod's log has what is said to people in it as well
        fs::write(house.path(&format!("{number}.log")), [b"WARN words\n".as_slice(), &output.stdout].concat())
            .expect("a file");
    }
    let merged = house.merge(&["s1", "s2"]);
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    fs::rename(house.path("all"), house.path("of-directories")).expect("renamed");
    let merged = house.merge(&["2.log", "1.log"]);
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    // the command line, and marks of files that differ by it
    let differs = |file: &&String| ["study.json", "report.html", "files.json"].iter().any(|name| file.ends_with(name));
    for file in files(&house.path("all")).iter().filter(|file| !differs(file)) {
        let [ours, theirs] = ["of-directories", "all"].map(|study| read_bytes(&house.path(study).join(file)));
        assert!(ours == theirs, "{file}");
    }

    let log = read(&house.path("1.log"));
    let cut: Vec<&str> = log.lines().filter(|line| !line.starts_with("watchtower-shard 1 ")).collect();
    fs::write(house.path("1.log"), cut.join("\n")).expect("a file");
    fs::remove_dir_all(house.path("all")).expect("removed");
    let refused = house.merge(&["1.log", "2.log"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("1.log has 1 of "), "{}", text(&refused.stderr));
    assert!(!house.path("all").exists());
}

#[test]
fn shards_without_rows_give_the_same_histogram_and_counts() {
    let house = House::with(MIXED);
    house.simulate("one", &["--rows", "none", "--repeats", "1"]);
    for number in ["1", "2"] {
        let (shard, out) = (format!("{number}/2"), format!("s{number}"));
        house.simulate(&out, &["--rows", "none", "--repeats", "1", "--shard", &shard]);
    }
    let merged = house.merge(&["s1", "s2"]);
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    for file in ["comparison.csv", "runs/ce-1/latency.hgrm", "runs/ce-1/summary.json", "runs/ce-1/timeline.csv"] {
        assert_eq!(read(&house.path("one").join(file)), read(&house.path("all").join(file)), "{file}");
    }
    assert!(!house.path("all/runs/ce-1/requests.csv").exists());
}

fn read_bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn head(bytes: &[u8]) -> String {
    text(bytes).chars().take(600).collect()
}
