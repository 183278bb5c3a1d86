//! `watchtower report`: all that follows from the data is made again from the data, the same to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const SCENARIO: &str = "name = \"short\"\n[function]\nname = \"ftest\"\n[[load]]\nhey = \"-z 4s -c 5 -q 5\"\n[run]\nwarm_up = \"1s\"\n\
                        cool_down = \"1s\"\nrepeats = 6\n[[arm]]\nname = \"tower\"\npolicy = \"watchtower\"\ncheck_frequency = 1\n\
                        [[arm]]\nname = \"two\"\npolicy = \"fixed\"\nreplicas = 2\n[expect]\nmedian = [\"tower.p95_ms > 0\"]\n";

const DERIVED: [&str; 7] =
    ["stats.csv", "effects.csv", "distances.csv", "scores.csv", "comparison.md", "expect.csv", "junit.xml"];

struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("short.toml"), SCENARIO).expect("a scenario file");
        let house = Self { dir };
        let output = house.command(&["run", "short.toml", "--target", "simulated", "--quiet", "--out", "out"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        house
    }

    fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).output().expect("the program starts")
    }

    /// Makes the report again; what it said on standard error.
    #[track_caller]
    fn report(&self) -> String {
        let output = self.command(&["report", "out"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        for name in ["report.html", "charts/timeline.svg"] {
            assert!(text(&output.stdout).contains(name), "{}", text(&output.stdout));
        }
        text(&output.stderr)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    fn page(&self) -> String {
        fs::read_to_string(self.path("report.html")).expect("a page")
    }

    fn all(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        gather(&self.path(""), &mut found);
        found
    }
}

fn gather(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
}

#[track_caller]
fn same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (path, bytes) in one {
        assert!(other[path] == *bytes, "{} differs", path.display());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_a_study_ended_with_is_made_again_to_the_byte_from_its_runs() {
    let house = House::new();
    let ended = house.all();
    assert_eq!(house.report(), "");
    same(&ended, &house.all());
    for name in DERIVED.iter().chain(&["report.html", "charts/replicas.png"]) {
        fs::remove_file(house.path(name)).expect("it is there");
    }
    house.report();
    same(&ended, &house.all());
}

#[test]
fn a_file_that_was_cut_off_or_changed_is_made_again_kept_and_named_on_every_page_after() {
    let house = House::new();
    let ended = house.all();
    let whole = fs::read(house.path("stats.csv")).expect("stats.csv");
    let cut = &whole[..whole.len() - 40];
    fs::write(house.path("stats.csv"), cut).expect("writable");
    let effects = fs::read_to_string(house.path("effects.csv")).expect("effects.csv");
    let changed = effects.replacen(",false,1.0", ",false,3.0", 1);
    assert_ne!(effects, changed);
    fs::write(house.path("effects.csv"), &changed).expect("writable");
    house.report();
    assert_eq!(fs::read(house.path("stats.csv")).expect("stats.csv"), whole);
    assert_eq!(fs::read_to_string(house.path("effects.csv")).expect("effects.csv"), effects);
    assert_eq!(fs::read(house.path("damaged/stats.csv")).expect("it is kept"), cut);
    assert_eq!(fs::read_to_string(house.path("damaged/effects.csv")).expect("it is kept"), changed);
    let page = house.page();
    assert!(page.contains("effects.csv: was cut off") && page.contains("what was there is damaged/stats.csv"));
    let once = house.all();
    house.report();
    same(&once, &house.all());
    fs::remove_dir_all(house.path("damaged")).expect("removable");
    house.report();
    same(&ended, &house.all());
}

#[test]
fn statistics_of_the_whole_are_not_replaced_by_those_of_what_can_still_be_read() {
    let house = House::new();
    let stats = fs::read(house.path("stats.csv")).expect("stats.csv");
    let summary = fs::read(house.path("runs/tower-3/summary.json")).expect("a summary");
    for (spoiled, why) in [
        (text(&summary[..summary.len() / 2]), "runs/tower-3/summary.json can't be read"),
        (
            text(&summary).replacen("\"sent\": 100", "\"sent\": 90", 1),
            "comparison.csv and summary.json tell different things of tower, repeat 3",
        ),
    ] {
        fs::write(house.path("runs/tower-3/summary.json"), spoiled).expect("writable");
        let said = house.report();
        assert!(said.contains(&format!("statistics and tables are left as they are: {why}")), "{said}");
        assert_eq!(fs::read(house.path("stats.csv")).expect("stats.csv"), stats);
        assert!(house.page().contains("tower"), "the rest is shown");
        assert!(!house.path("damaged").exists());
    }
}

#[test]
fn the_page_and_the_tables_say_the_same_of_what_to_take() {
    let house = House::new();
    let tables = fs::read_to_string(house.path("comparison.md")).expect("comparison.md");
    let advice = tables.split("**Verdict**: ").nth(1).and_then(|rest| rest.split("**").nth(1)).expect("an advice");
    let headline = advice.split(':').next().expect("words").trim_end_matches('.');
    assert!(house.page().contains(headline), "{headline}");
}
