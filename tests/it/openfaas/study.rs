//! What is recorded on somebody's gateway, and what is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{FIXED, House, lines, text, until};

const TOWER: &str = "[[arm]]\npolicy = \"watchtower\"\ncheck_frequency = 1\nscale_up_rounds = 1\ntarget = 1000\n";

/// Names of the files below a directory.
fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            found.insert(name);
        }
    }
    found
}

fn words(house: &House, run: &str) -> BTreeSet<(String, String)> {
    let rows = house.events(run);
    rows.into_iter().map(|mut row| (row.remove("actor").unwrap(), row.remove("kind").unwrap())).collect()
}

#[test]
fn a_study_on_somebodys_gateway_has_the_files_and_events_of_one_at_home_and_leaves_no_trace() {
    let house = House::new();
    house.scenario("-z 3s -c 4 -q 5", &format!("{TOWER}{FIXED}"), "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    house.is_as_before();
    // the watch tower's arm and the fixed one were alone, one after another
    assert_eq!(house.alertmanager.ever(), 2);

    let home = house.command(&["run", "guest.toml", "--out", "home"]).output().expect("the program starts");
    assert_eq!(home.status.code(), Some(0), "{}", text(&home.stderr));
    let at = |place: &str| files(&house.dir.path().join(place));
    assert_eq!(at("out"), at("home"));
    let own = |actor: &str, kind: &str| (actor.to_owned(), kind.to_owned());
    let seen = words(&house, "three-1");
    assert!(
        seen.is_superset(&[own("fixed", "scale"), own("platform", "ready"), own("run", "phase")].into()),
        "{seen:?}"
    );

    let mut reader = csv::Reader::from_path(house.dir.path().join("out/comparison.csv")).expect("comparison.csv");
    let column = reader.headers().expect("a head").iter().position(|name| name == "target").expect("target");
    assert!(reader.records().all(|row| &row.expect("a row")[column] == "openfaas"));
}

#[test]
fn the_platforms_own_autoscaler_is_recorded_and_not_silenced() {
    let house = House::new();
    house.scenario("-z 4s -c 2 -q 5", "[[arm]]\npolicy = \"native\"\n", "");
    let child = house.start();
    until("the load", || lines(&house.dir.path().join("out/runs/native-1/requests.csv")) > 5);
    house.scale(3);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(house.alertmanager.ever(), 0);
    let scales: Vec<_> = house.events("native-1").into_iter().filter(|row| row["kind"] == "scale").collect();
    assert_eq!(
        scales.iter().map(|row| (row["actor"].as_str(), row["to"].as_str())).collect::<Vec<_>>(),
        [("platform", "3")]
    );
    house.is_as_before();
}

#[test]
fn a_second_writer_makes_the_run_invalid_and_is_named() {
    let house = House::new();
    house.scenario("-z 4s -c 2 -q 5", FIXED, "");
    let child = house.start();
    until("the load", || lines(&house.dir.path().join("out/runs/three-1/requests.csv")) > 5);
    house.scale(5);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let broken: Vec<_> = house.events("three-1").into_iter().filter(|row| row["kind"] == "broken").collect();
    assert_eq!(broken[0]["reason"], "someone else set 5 replicas where this run had asked for 3");
    house.is_as_before();
}

#[test]
fn arms_that_would_be_second_writers_are_refused_with_what_to_take_instead() {
    let house = House::new();
    let arms = "[[arm]]\npolicy = \"openfaas-ce\"\n[[arm]]\npolicy = \"hpa\"\n";
    house.scenario("-z 1s -c 2 -q 5", arms, "password_env = \"NOT_SET\"\nca_file = \"nowhere.pem\"");
    let refused = house.run();
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    for part in [
        "would be a second writer beside the platform's own autoscaler",
        "use policy = \"native\"",
        "reads the platform's metrics of each pod",
        "is one place of a secret too many: password_file is another",
        "ca_file = \"nowhere.pem\" names no certificates",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    house.scenario("-z 1s -c 2 -q 5", "[[arm]]\npolicy = \"native\"\n", "");
    let at_home = house.command(&["check", "guest.toml"]).output().expect("the program starts");
    assert_eq!(at_home.status.code(), Some(2));
    assert!(text(&at_home.stderr).contains("--target embedded has none"), "{}", text(&at_home.stderr));
}
