//! Shards that make no study are refused, each by its name, and nothing is written.

use std::fs;

use super::{House, text};

const SHORT: &str = "name = \"short\"\n[function]\nname = \"ftest\"\n[[load]]\nhey = \"-z 3s -c 4 -q 5\"\n[run]\nwarm_up = \"1s\"\n\
                     cool_down = \"1s\"\n[[arm]]\npolicy = \"fixed\"\n";

#[track_caller]
fn refused(house: &House, shards: &[&str], parts: &[&str]) {
    let output = house.merge(shards);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(!house.path("all").exists(), "{said}");
}

#[test]
fn a_missing_a_doubled_and_a_strange_shard_are_named() {
    let house = House::with(SHORT);
    house.shards(3);
    refused(&house, &["s1", "s3"], &["shard 2/3 is missing: 2 of 3 shards were given"]);
    refused(&house, &["s1", "s2", "s3", "s2"], &["s2 is shard 2/3, and so is s2"]);
    house.simulate("whole", &[]);
    refused(&house, &["s1", "whole", "s3"], &["whole is a whole study and no shard of one"]);
    house.simulate("seed", &["--shard", "2/3", "--seed", "9"]);
    refused(&house, &["s1", "seed", "s3"], &["seed is a shard of another study than s1", "--seed 9"]);
    house.simulate("of-four", &["--shard", "2/4"]);
    refused(&house, &["s1", "of-four", "s3"], &["of-four is a shard of another study than s1", "--shard I/4"]);
    fs::write(house.path("study.toml"), SHORT.replace("-c 4", "-c 5")).expect("a file");
    house.simulate("load", &["--shard", "2/3"]);
    refused(&house, &["s1", "load", "s3"], &["load is a shard of another study than s1", "-c 5", "-c 4"]);
    refused(&house, &["s1", "nowhere", "s3"], &["nowhere is no directory of results"]);
}

#[test]
fn a_file_that_is_cut_off_missing_or_changed_is_named() {
    let house = House::with(SHORT);
    house.shards(2);
    for file in ["requests.csv", "recording.jsonl", "latency.hgrm", "summary.json", "events.csv"] {
        let name = format!("s2/runs/fixed-1/{file}");
        let path = house.path(&name);
        let whole = fs::read(&path).expect("it is there");
        fs::write(&path, &whole[..whole.len() / 2]).expect("writable");
        let sizes = format!("was cut off: it has {} of {} bytes", whole.len() / 2, whole.len());
        refused(&house, &["s1", "s2"], &[&format!("{name} {sizes}")]);
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&path, &changed).expect("writable");
        refused(&house, &["s1", "s2"], &[&name, "is not what it was when the shard's run ended"]);
        fs::remove_file(&path).expect("removable");
        refused(&house, &["s1", "s2"], &[&format!("{name} is missing")]);
        fs::write(&path, &whole).expect("writable");
    }
    let merged = house.merge(&["s1", "s2"]);
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    let again = house.merge(&["s1", "s2"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("all exists, and results are never overwritten"));
}

#[test]
fn a_shard_that_is_unfinished_or_lacks_a_run_is_named() {
    let house = House::with(SHORT);
    house.shards(2);
    let study = house.path("s2/study.json");
    let whole = fs::read_to_string(&study).expect("study.json");
    fs::write(&study, whole.replace("\"status\": \"done\"", "\"status\": \"partial\"")).expect("writable");
    refused(&house, &["s1", "s2"], &["s2 is not finished (status \"partial\")", "--resume"]);
    fs::write(&study, whole).expect("writable");
    let comparison = house.path("s2/comparison.csv");
    let rows = fs::read_to_string(&comparison).expect("comparison.csv");
    let head = rows.lines().next().expect("a head");
    fs::write(&comparison, format!("{head}\n")).expect("writable");
    refused(&house, &["s1", "s2"], &["s2 has no run fixed-1, and s1 has"]);
    fs::write(&comparison, rows).expect("writable");
    fs::remove_file(house.path("s2/runs/fixed-1/shard.json")).expect("removable");
    refused(&house, &["s1", "s2"], &["s2/runs/fixed-1 has no shard.json: the run was not finished"]);
}

#[test]
fn a_study_that_no_machines_can_make_together_is_refused_before_it_begins() {
    let house = House::with(SHORT);
    for (args, parts) in [
        (
            &["--shard", "1/2"][..],
            &["--shard 1/2 can't be made on the embedded target", "never meet", "watchtower serve"][..],
        ),
        (&["--target", "simulated", "--shard", "1/5"], &["load 1 has workers, users or places (4)"]),
        (&["--target", "simulated", "--shard", "3/2"], &["\"3/2\" is no shard: write I/N"]),
        (&["--start-at", "0"], &["--shard"]),
        (&["--target", "simulated", "--shard", "1/2", "--start-at", "0"], &["virtual time has none"]),
        (&["--target", "openfaas", "--shard", "1/2", "--start-at", "2001-09-09T01:46:40Z"], &["--start-at was", "ago"]),
    ] {
        let output = house.command(&[&["run", "study.toml", "--out", "out"], args].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}:\n{said}");
        }
        assert!(!house.path("out").exists());
    }
}

#[test]
fn a_shard_goes_on_as_the_shard_it_was() {
    let house = House::with(SHORT);
    house.simulate("s1", &["--shard", "1/2"]);
    let resume = |more: &[&str]| house.command(&[&["run", "study.toml", "--quiet", "--resume", "s1"], more].concat());
    let other = resume(&["--shard", "2/2"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("it has `--shard 1/2` where the scenario now has `--shard 2/2`"));
    let more = resume(&["--repeats", "2"]);
    assert_eq!(more.status.code(), Some(0), "{}", text(&more.stderr));
    house.simulate("s2", &["--shard", "2/2", "--repeats", "2"]);
    let merged = house.merge(&["s1", "s2"]);
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
}
