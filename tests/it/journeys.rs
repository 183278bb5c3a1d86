//! Journeys in a scenario: what is refused, how they are described, written down and read back, and what a run makes of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use watchtower::study::plan::Study;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;
use watchtower::study::schedule_file;

fn text_of(loads: &str) -> String {
    format!(
        "name = \"t\"\n[run]\nwarm_up = \"0s\"\ncool_down = \"0s\"\n[[arm]]\npolicy = \"fixed\"\n[[load]]\n{loads}\n"
    )
}

fn study(loads: &str) -> Result<Study, String> {
    Scenario::parse("t.toml", &text_of(loads), Path::new("").to_owned())
        .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()))
        .map_err(|error| error.to_string())
}

const STEP: &str = "[[load.journey]]\n[[load.journey.step]]\n";

#[test]
fn bad_journeys_are_answered_with_place_key_value_and_remedy() {
    let mut said = String::new();
    let with = |keys: &str| format!("goose = 2\niterations = 1\n{STEP}{keys}");
    for load in [
        "goose = 0\nduration = \"1m\"".to_owned() + "\n" + STEP,
        "goose = 2\nduration = \"1m\"".to_owned(),
        "goose = 2\nduration = \"1m\"\n[[load.journey]]".to_owned(),
        "goose = 2\nduration = \"1m\"\n[load.journey]\nname = \"a\"".to_owned(),
        format!("goose = 2\n{STEP}"),
        format!("goose = 2\niterations = 3\nduration = \"1m\"\n{STEP}"),
        format!("goose = 2\nduration = \"0s\"\n{STEP}"),
        format!("goose = 2\niterations = 1000000000\n{STEP}"),
        format!("goose = 2\niterations = 3\nphase = \"spread\"\nrequest = \"-m POST\"\n{STEP}"),
        format!("rate = 5\nduration = \"1m\"\n{STEP}"),
        with("thnik = \"1s\""),
        with("think = \"1\""),
        with("think = \"5s to 1s\""),
        with("think = \"8d\""),
        with("path = \"orders\""),
        with("path = \"/orders?x=1\""),
        with("query = \"number=many\""),
        with("query = \"?number=5\""),
        with("weight = 0"),
        with("request = \"-c 5\""),
        with("request = \"-t 5\""),
        with("request = \"-m OPTIONS\""),
        with("request = \"-disable-redirects\""),
        with("request = \"-x http://127.0.0.1:3128\""),
        with("request = \"-disable-keepalive\""),
        with("ramp = \"5s\""),
    ] {
        let error = study(&load).map(|study| study.loads).expect_err(&load);
        said += &error.replace("t.toml:", "");
        said.push('\n');
    }
    insta::assert_snapshot!(said, @r##"
    8: load 1: goose = 0 is out of range
      hint: allowed is a whole number from 1 to 10000 (users)
    7: load 1: has no [[load.journey]], so its users have nothing to do
      hint: add [[load.journey]] below it, and in it a [[load.journey.step]] for each request
    10: load 1, journey 1: has no [[load.journey.step]]
      hint: add a [[load.journey.step]] for each request, even if it has no keys
    10: [load.journey] is a single table, but there may be several
      hint: write [[load.journey]] with double brackets, once for each
    7: load 1: duration is not given, and neither is iterations
      hint: write duration = "2m", or iterations = 10 for ten rounds of each user
    9: load 1: iterations = 3 is a second end beside duration
      hint: leave one of them out: goose ends by time or by rounds
    9: load 1: duration = "0s" is no time
      hint: write how long the users go on, such as "2m"
    9: load 1: iterations = 1000000000 calls for more requests than any run sends
      hint: lower it; nobody waits for more than 1e9 requests
    10: load 1: phase = "spread" has no meaning for a goose load
      hint: leave it out; it belongs to hey
    11: load 1: request = "-m POST" has no meaning for a goose load
      hint: leave it out; it belongs to rate and trace
    10: load 1: [[load.journey]] has no meaning for a rate load
      hint: leave it out; journeys belong to goose = 20, which has so many users walk them
    12: load 1, journey 1, step 1: thnik is not a known key
      hint: did you mean "think"?
    12: load 1, journey 1, step 1: think = "1" has no unit
      hint: write "2s", or "1s to 5s" for any time in between
    12: load 1, journey 1, step 1: think = "5s to 1s" ends before it begins
      hint: write "2s", or "1s to 5s" for any time in between
    12: load 1, journey 1, step 1: think = "8d" is longer than a week
      hint: write "2s", or "1s to 5s" for any time in between
    12: load 1, journey 1, step 1: path = "orders" does not begin with a slash
      hint: begin it with a slash: it follows the function's address
    12: load 1, journey 1, step 1: path = "/orders?x=1" has characters that cannot stand in a path
      hint: percent-encode them: %20 for a space; a query goes to query
    12: load 1, journey 1, step 1: query = "number=many" is no whole number from 0 to 10000 for ftest
      hint: write query = "number=50"
    12: load 1, journey 1, step 1: query = "?number=5" begins with a question mark
      hint: leave the question mark out
    12: load 1, journey 1, step 1: weight = 0 is out of range
      hint: allowed is a whole number from 1 to 1000; the default is 1
    12: load 1, journey 1, step 1: request = "-c 5" is refused: -c paces hey, and this is no hey
      hint: leave it out; the keys of the [[load]] say how many users send when
    12: load 1, journey 1, step 1: request = "-t 5" is refused: -t is the whole load's
      hint: write timeout = "5s" in the [[load]]
    12: load 1, journey 1, step 1: request = "-m OPTIONS" is refused: -m OPTIONS is no method of goose's
      hint: use GET, POST, PUT, PATCH, DELETE or HEAD
    12: load 1, journey 1, step 1: request = "-disable-redirects" is refused: goose follows redirects
      hint: leave -disable-redirects out, or use a hey or rate load
    12: load 1, journey 1, step 1: request = "-x http://127.0.0.1:3128" is refused: goose goes straight and speaks HTTP/1.1
      hint: leave -x and -h2 out, or use a hey or rate load
    12: load 1, journey 1, step 1: request = "-disable-keepalive" is refused: goose keeps a user's connection
      hint: leave -disable-keepalive out, or use a hey or rate load
    12: load 1, journey 1, step 1: ramp is not a known key
      hint: "ramp" belongs in a [[load]]
    "##);
}

const BUSY: &str = r#"goose = 12
ramp = "3s"
duration = "30s"
[[load.journey]]
name = "browse"
weight = 2
think = "100ms to 900ms"
[[load.journey.step]]
[[load.journey.step]]
name = "item"
weight = 3
path = "/items"
query = "number=5"
request = "-m POST -d '{}' -a ann:secret"
[[load.journey]]
[[load.journey.step]]
think = "2s"
"#;

#[test]
fn journeys_are_described_and_the_resolved_scenario_gives_them_again() {
    let study = study(BUSY).expect("it resolves");
    insta::assert_snapshot!(study.loads[0], @"goose with 12 users started over 3s, for 30s: 2 x browse (step-1, 3 x item); journey-2 (step-1), thinking 500ms to 2s on average");
    let text = study.resolved_toml();
    let again = Scenario::parse("again.toml", text, Path::new("").to_owned())
        .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()))
        .unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!((&study.generators, &study.loads), (&again.generators, &again.loads), "{text}");
    assert_eq!(again.resolved_toml(), text);
    assert!(!study.resolved_without_secrets().contains("secret"), "{}", study.resolved_without_secrets());
    assert_eq!(study.planned_requests(), None);
}

#[test]
fn journeys_have_no_schedule_to_write_down() {
    let file = Path::new("never-written.csv");
    let error = schedule_file::write(&study(BUSY).expect("it resolves"), 1, file).expect_err("no schedule");
    assert!(error.to_string().starts_with("load 1 has no schedule: goose's users"), "{error}");
    assert!(!file.exists());
}

/// A run of the program; its directory, standard output and exit code.
fn run(dir: &Path, out: &str, args: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "t.toml", "--quiet", "--out", out])
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the program starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

/// Worker and due time of each request, by worker and then by time.
fn requests(dir: &Path, out: &str) -> Vec<(u32, f64)> {
    let text = fs::read_to_string(dir.join(out).join("runs/fixed-1/requests.csv")).expect("requests.csv");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[7], "200", "{line}");
        (fields[1].parse().expect("a worker"), fields[2].parse().expect("a time"))
    };
    let mut rows: Vec<(u32, f64)> = text.lines().skip(1).map(row).collect();
    rows.sort_by(|one, other| one.partial_cmp(other).expect("numbers"));
    rows
}

#[test]
fn both_targets_walk_the_same_journeys_with_the_same_thoughts() {
    let dir = tempfile::tempdir().expect("a directory");
    let load = "goose = 3\nramp = \"300ms\"\niterations = 2\n[[load.journey]]\nthink = \"20ms to 300ms\"\n\
                [[load.journey.step]]\n[[load.journey.step]]\nweight = 2\npath = \"/more\"\nquery = \"number=9\"";
    let text = text_of(load) + "[limits]\nmax_lateness = \"5s\"\nmax_stall = \"5s\"\n";
    fs::write(dir.path().join("t.toml"), text).expect("a scenario");
    let (virtual_out, code) = run(dir.path(), "virtual", &["--target", "simulated"]);
    assert_eq!(code, Some(0), "{virtual_out}");
    let (live_out, code) = run(dir.path(), "live", &[]);
    assert_eq!(code, Some(0), "{live_out}");
    // results and nothing of goose's
    assert!(live_out.starts_with("arm ") && !live_out.contains("launched"), "{live_out}");
    let (simulated, live) = (requests(dir.path(), "virtual"), requests(dir.path(), "live"));
    let users = |rows: &[(u32, f64)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(users(&simulated), users(&live));
    assert_eq!(live.len(), 18);
    // what both leave to chance comes from the seed, so they differ by how long answers took
    for (one, other) in simulated.iter().zip(&live) {
        assert!((one.1 - other.1).abs() < 5.0, "{one:?} {other:?}");
    }
    let first = |rows: &[(u32, f64)]| rows.iter().step_by(6).map(|row| row.1).collect::<Vec<_>>();
    assert_eq!(first(&live), [0.0, 0.1, 0.2]);
    assert_eq!(first(&simulated), first(&live));
}

#[test]
fn goose_takes_neither_ctrl_c_nor_sigterm_nor_a_port() {
    let dir = tempfile::tempdir().expect("a directory");
    let load = format!("goose = 4\nduration = \"10m\"\n{STEP}think = \"50ms\"");
    fs::write(dir.path().join("t.toml"), text_of(&load)).expect("a scenario");
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let out = signal.as_str();
        let child = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", "t.toml", "--quiet", "--out", out])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let rows = dir.path().join(out).join("runs/fixed-1/requests.csv");
        let begun = || fs::read_to_string(&rows).is_ok_and(|text| text.lines().count() > 3);
        while !begun() {
            std::thread::sleep(Duration::from_millis(10));
        }
        // its controllers would listen at these
        for port in [5116, 5117] {
            let free = std::net::TcpListener::bind(("127.0.0.1", port));
            assert!(free.is_ok(), "port {port} is taken: {free:?}");
        }
        kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("partial") && said.starts_with("arm "), "{said}");
        let summary = fs::read_to_string(dir.path().join(out).join("study.json")).expect("study.json");
        assert!(summary.contains("\"status\": \"partial\""), "{summary}");
    }
}
