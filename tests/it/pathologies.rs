//! The scenarios of `scenarios/pathologies` show what they are there for: in virtual time, so the same on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pathologies")
}

fn program(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(args)
        .current_dir(folder())
        .output()
        .expect("the program starts")
}

#[test]
fn every_pathology_shows_itself_and_stands_in_the_documentation() {
    let page = fs::read_to_string(folder().join("../../docs/pathologies.md")).expect("the page");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.push(path.file_stem().expect("a name").to_string_lossy().into_owned());
        }
    }
    assert_eq!(names.len(), 7, "{names:?}");
    let out = tempfile::tempdir().expect("a temporary directory");
    for name in names {
        assert!(page.contains(&format!("pathologies/{name}.svg")), "{name} has no chart in docs/pathologies.md");
        let results = out.path().join(&name).display().to_string();
        let file = format!("{name}.toml");
        let output = program(&["run", &file, "--target", "simulated", "--out", &results, "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{name}\n{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Scalings of a function as a replay of these counters tells them: when, from, to.
fn steps(function: &str, counters: &[&str]) -> Vec<(String, String)> {
    let mut args = vec!["replay", "--policy", "openfaas-ce", "--start-unix", "0"];
    args.extend(["--set", "evaluation_phase=2", "--set", "scrape_phase=1"]);
    for counter in counters {
        args.extend(["--counter", counter]);
    }
    let output = program(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_of = |line: &&str| counters.len() == 1 || line.ends_with(&format!(",{function}"));
    let scalings = text.lines().filter(|line| line.contains(",scale,")).filter(is_of);
    scalings
        .map(|line| {
            let mut fields = line.split(',');
            let at = fields.next().unwrap_or_default().to_owned();
            (at, fields.skip(1).take(2).collect::<Vec<_>>().join(" to "))
        })
        .collect()
}

#[test]
fn two_functions_push_each_other_because_they_share_one_group() {
    let (ftest, other) = ("ftest=two-functions/ftest.csv", "other=two-functions/other.csv");
    let of = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(at, what)| ((*at).to_owned(), (*what).to_owned())).collect()
    };
    assert_eq!(
        steps("ftest", &[ftest]),
        of(&[("37.050", "1 to 2"), ("77.062", "2 to 3"), ("97.068", "3 to 1")]),
        "alone it is pushed when Alertmanager repeats itself"
    );
    assert_eq!(
        steps("ftest", &[ftest, other]),
        of(&[("37.050", "1 to 2"), ("67.059", "2 to 3"), ("97.068", "3 to 1")]),
        "the other's alert takes its own along, ten seconds sooner"
    );
    assert_eq!(
        steps("other", &[ftest, other]),
        of(&[("67.059", "1 to 2"), ("97.068", "2 to 3"), ("127.077", "3 to 1")]),
        "and is taken along when the first one is resolved"
    );
}
