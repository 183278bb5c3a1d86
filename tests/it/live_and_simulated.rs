//! `scripts/agreement`: what agrees is said to agree, what doesn't is not, and a live run meets its simulated twin.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// One arm of each kind, over in a few simulated seconds.
const SCENARIO: &str = r#"
name = "small"
[function]
name = "ftest"
[[load]]
hey = "-z 20s -c 20 -q 5"
[run]
warm_up = "2s"
cool_down = "2s"
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
target = 10
[[arm]]
name = "chain"
policy = "openfaas-ce"
"#;

/// Sleepers behind four threads: who waits, waits whole rounds.
const SLEEPY: &str = r#"
name = "small"
[function]
name = "sleepy"
query = "number=0.5"
[slo]
latency = "1s"
[[load]]
hey = "-n 60 -c 10 -q 2"
[[arm]]
name = "still"
policy = "fixed"
replicas = 2
"#;

struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A simulated study in a directory of this name.
    fn study(&self, name: &str, scenario: &str, seed: &str) -> String {
        let (file, out) = (self.path(&format!("{name}.toml")), self.path(name));
        fs::write(&file, scenario).expect("a scenario file");
        let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", &file, "--target", "simulated", "--seed", seed, "--out", &out, "--quiet"])
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        out
    }

    fn compare(&self, a: &str, b: &str) -> Output {
        self.script(&["--compare", a, b])
    }

    fn script(&self, args: &[&str]) -> Output {
        Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/agreement"))
            .args(args)
            .stdin(Stdio::null())
            .current_dir(self.dir.path())
            .output()
            .expect("python3 starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether there is a Python with `tomllib` (3.11) to run the script with.
fn python() -> bool {
    let output = Command::new("python3").args(["-c", "import tomllib"]).stderr(Stdio::null()).status();
    let there = output.is_ok_and(|status| status.success());
    if !there {
        println!("SKIPPED: python3 of at least 3.11 is not installed, so scripts/agreement can't run");
    }
    there
}

#[test]
fn a_study_agrees_with_itself_and_not_with_one_of_another_platform() {
    if !python() {
        return;
    }
    let house = House::new();
    let one = house.study("one", SCENARIO, "1");
    let same = house.study("same", SCENARIO, "1");
    let output = house.compare(&one, &same);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    assert!(shown.contains("2 of 2 runs agree; 0 left out."), "{shown}");
    assert!(shown.contains("| small | tower | 1 | 2000 | p"), "{shown}");

    let slower = house.study("slower", &format!("{SCENARIO}[platform]\ntransport = \"30ms\"\n"), "1");
    let output = house.compare(&one, &slower);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("0 of 2 runs agree"), "{shown}");
}

#[test]
fn steps_that_come_later_or_not_at_all_are_told_with_their_times() {
    if !python() {
        return;
    }
    let house = House::new();
    let one = house.study("one", SCENARIO, "1");
    let patient = house.study("patient", &SCENARIO.replace("target = 10", "target = 10\nscale_up_rounds = 9"), "1");
    let output = house.compare(&one, &patient);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let row = shown.lines().find(|line| line.contains("| tower |")).expect("a row of the tower");
    assert!(row.contains("1 to 2 at ") && row.ends_with("| **no** |"), "{row}");
}

#[test]
fn sleepers_are_compared_by_the_rounds_they_waited() {
    if !python() {
        return;
    }
    let house = House::new();
    let one = house.study("one", SLEEPY, "1");
    let output = house.compare(&one, &house.study("same", SLEEPY, "1"));
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    assert!(shown.contains("| round "), "{shown}");
    // half as many threads: what came in one round takes two
    let fewer = house.study("fewer", &SLEEPY.replace("replicas = 2", "replicas = 1"), "1");
    let output = house.compare(&one, &fewer);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

#[test]
fn what_is_no_results_directory_is_said_to_be_none() {
    if !python() {
        return;
    }
    let house = House::new();
    let output = house.compare("nowhere", "nowhere");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere is no results directory"), "{}", text(&output.stderr));
}

/// A file of the only run of a results directory: the columns asked for, row by row.
fn rows<const N: usize>(out: &str, file: &str, columns: [&str; N]) -> Vec<[String; N]> {
    let path = Path::new(out).join("runs/tower-1").join(file);
    let mut reader = csv::Reader::from_path(path).expect("a file of the run");
    let head = reader.headers().expect("a head").clone();
    let places = columns.map(|column| head.iter().position(|name| name == column).expect("a column"));
    reader.records().map(|row| row.expect("a row")).map(|row| places.map(|place| row[place].to_owned())).collect()
}

#[test]
fn a_run_by_the_wall_clock_begins_as_long_before_its_load_as_its_warm_up_is_and_not_earlier() {
    let house = House::new();
    let (all, _) = SCENARIO.split_at(SCENARIO.rfind("[[arm]]").expect("an arm"));
    for (warm_up, begins) in [("0s", 0.0), ("1s", -1.0)] {
        let scenario = all.replace("-z 20s", "-z 1s").replace("warm_up = \"2s\"", &format!("warm_up = \"{warm_up}\""));
        let (file, out) = (house.path("start.toml"), house.path(&format!("start-{warm_up}")));
        fs::write(&file, scenario.replace("cool_down = \"2s\"", "cool_down = \"1s\"")).expect("a scenario file");
        let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", &file, "--out", &out, "--quiet", "--rows", "none"])
            .output()
            .expect("the program starts");
        // a busy machine may make it invalid, but not early
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
        let phases = rows(&out, "events.csv", ["kind", "t_s"]).into_iter().filter(|[kind, _]| kind == "phase");
        let phases: Vec<f64> = phases.map(|[_, at]| at.parse().expect("a time")).collect();
        assert!(phases.len() >= 3 && phases[0] >= begins && phases.is_sorted(), "{warm_up}: {phases:?}");
        let probes = rows(&out, "probes.csv", ["t_s"]);
        assert!(probes[0][0].parse::<f64>().expect("a time") >= begins, "{warm_up}: {probes:?}");
    }
}

#[test]
fn a_run_by_the_wall_clock_meets_its_simulated_twin_and_the_table_lands_in_the_document() {
    if !python() {
        return;
    }
    let house = House::new();
    let scenario = SCENARIO.replace("-z 20s", "-z 2s").replace("_down = \"2s\"", "_down = \"1s\"");
    let (before, rest) = scenario.split_at(scenario.find("[[arm]]").expect("an arm"));
    assert!(rest.contains("tower"));
    let arms = ["still", "calm"].map(|name| format!("[[arm]]\nname = \"{name}\"\npolicy = \"fixed\"\n"));
    fs::write(house.path("small.toml"), format!("{before}{}", arms.concat())).expect("a file");
    let page = house.path("page.md");
    fs::write(&page, "before\n<!-- agreement: begin -->\nold\n<!-- agreement: end -->\nafter\n").expect("a page");
    let binary = env!("CARGO_BIN_EXE_watchtower");
    let sets = ["--sets", "2", "--side-by-side", "2"];
    let output =
        house.script(&[&["small.toml", "--binary", binary, "--work", "work", "--write", &page], &sets[..]].concat());
    // a machine that is too busy for a valid run says so in the table, and that is an answer as well
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.starts_with("before\n") && page.ends_with("after\n") && !page.contains("old"), "{page}");
    assert!(page.contains("| small | still | 1") && page.contains("| small | calm | 1"), "{page}");
    assert!(page.contains("pairs of live runs that agree with each other"), "{page}");
    // two live runs of a seed are one pair; fewer if one was not valid
    let all = page.lines().find_map(|line| line.strip_prefix("| all | | ")).expect("a row of all");
    let of = |text: &str| {
        text.trim_end_matches(" |").split_once(" of ").expect("a share").1.parse::<u32>().expect("a count")
    };
    let (with_twins, with_each_other) = all.split_once(" | ").expect("two shares");
    assert!(of(with_twins) <= 4 && of(with_each_other) <= 2, "{all}");
    assert!(of(with_each_other) >= of(with_twins).saturating_sub(2), "{all}");
    assert!(page.contains(&text(&output.stdout)), "{page}");
}
