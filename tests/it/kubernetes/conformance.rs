//! One scenario file on every target: the same events of the same actors, the same files with the same columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use watchtower::study::target_kind::TargetKind;

use super::{FUNCTIONS, House, text};

/// Scales up on its own, and down by a probe that is fast.
const ARMS: &str = "[[arm]]\nname = \"three\"\npolicy = \"fixed\"\nreplicas = 3\n\
                    [[arm]]\nname = \"tower\"\npolicy = \"watchtower\"\ncheck_frequency = 1\ntarget = 5000\nscale_down_rounds = 1\nsettle = \"500ms\"\n";

/// What only some targets can tell.
const OWN_FILES: [&str; 2] = ["cpu.csv", "processes.csv"];

fn run(house: &House, target: TargetKind) -> Output {
    let out = target.name();
    let mut command = house.command(&["run", "guest.toml", "--target", target.name(), "--out", out]);
    command.output().expect("the program starts")
}

/// Each file below a directory with the first line of those that are tables.
fn files(directory: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files(&entry.path(), &format!("{name}/"), found);
        } else if !OWN_FILES.iter().any(|own| name.ends_with(own)) {
            let head = if Path::new(&name).extension().is_some_and(|kind| kind == "csv") {
                fs::read_to_string(entry.path()).expect("text").lines().next().unwrap_or_default().to_owned()
            } else {
                String::new()
            };
            found.insert(name, head);
        }
    }
}

/// Actors and kinds of a run's events, but for what a cluster tells in its own words, and for what is told of this machine.
fn words(out: &Path, run: &str) -> BTreeSet<(String, String)> {
    let mut reader = csv::Reader::from_path(out.join("runs").join(run).join("events.csv")).expect("events.csv");
    let rows = reader.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("a row"));
    rows.map(|row| (row["actor"].clone(), row["kind"].clone()))
        .filter(|(_, kind)| !matches!(kind.as_str(), "cluster" | "stall" | "host"))
        .collect()
}

#[test]
fn the_same_scenario_gives_the_same_kinds_of_events_and_the_same_layout_on_every_target() {
    let house = House::new();
    house.scenario_with(
        "-z 5s -c 2 -q 5",
        ARMS,
        &format!("password_file = \"password\"\nnamespace = \"{FUNCTIONS}\""),
        "",
    );
    fs::write(house.dir.path().join("password"), super::super::openfaas::CANARY).expect("a file");
    let path = house.dir.path().join("guest.toml");
    let scenario = fs::read_to_string(&path).expect("a scenario");
    // a container that starts as quickly as the others' do, and two replicas at first
    let scenario = scenario.replace(
        "[function]\n",
        "[function]\nreplicas = 2\nmodel = { start_up = \"300ms\", start_up_container = \"0s\", start_up_probe = \"0s\", termination = \"100ms\" }\n",
    );
    fs::write(&path, scenario).expect("a scenario");

    let mut seen = Vec::new();
    for target in TargetKind::ALL.into_iter().filter(|target| target.is_available()) {
        let output = run(&house, target);
        let said = text(&output.stderr);
        let out = house.dir.path().join(target.name());
        if target == TargetKind::Process && !out.join("comparison.csv").exists() {
            println!("SKIPPED: {target}: {said}");
            continue;
        }
        assert!(matches!(output.status.code(), Some(0 | 1)), "{target}: {said}");
        let mut layout = BTreeMap::new();
        files(&out, "", &mut layout);
        seen.push((target, layout, words(&out, "three-1"), words(&out, "tower-1")));
    }
    let (first, layout, three, tower) = &seen[0];
    for word in [("fixed", "scale"), ("platform", "ready"), ("run", "phase")] {
        assert!(three.contains(&(word.0.to_owned(), word.1.to_owned())), "{first}: {three:?}");
    }
    for word in [("watchtower", "scale"), ("platform", "terminated")] {
        assert!(tower.contains(&(word.0.to_owned(), word.1.to_owned())), "{first}: {tower:?}");
    }
    for (target, others, threes, towers) in &seen[1..] {
        assert_eq!(others, layout, "{target} beside {first}");
        assert_eq!((threes, towers), (three, tower), "{target} beside {first}");
    }
    assert!(seen.len() >= 4);
}
