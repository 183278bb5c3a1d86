//! What the command does beyond hey.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;

use super::schema::{breach, schema};
use super::server::{Server, Speech};

struct Run {
    directory: tempfile::TempDir,
    server: Server,
}

impl Run {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), server: Server::start(Speech::Plain) }
    }

    /// Runs flags, in an empty directory, against a path of the server.
    fn hey(&self, flags: &str, path: &str) -> Output {
        let words = watchtower::study::hey_flags::words(flags).expect("quotes are closed");
        Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .arg("hey")
            .args(words)
            .arg(format!("http://{}/{path}", self.server.address))
            .current_dir(self.directory.path())
            .output()
            .expect("the program starts")
    }

    fn json(&self, flags: &str, path: &str) -> Json {
        let output = self.hey(flags, path);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).expect(name)
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn json_is_what_its_schema_says() {
    let run = Run::new();
    let schema = schema("--hey");
    for (flags, path) in [
        ("--json -n 6 -c 2", ""),
        ("--json -n 6 -c 2 -q 20 --percentiles 50,99.99 --expect 'errors == 0'", ""),
        ("--json -z 300ms -c 2 -q 10 --phase random --seed 7", "status/404"),
        ("--json -n 2 -c 1", "close"),
        ("--json -z 200ms -c 1 -a user:secret -x http://me:secret@127.0.0.1:1", ""),
    ] {
        let result = run.json(flags, path);
        assert_eq!(breach(&schema, &schema, &result, "$"), None, "{flags}\n{result:#}");
        assert!(!result.to_string().contains("secret"), "{result:#}");
    }
    assert!(breach(&schema, &schema, &serde_json::json!({ "version": 1 }), "$").is_some());
}

#[test]
fn json_counts_what_the_server_saw() {
    let run = Run::new();
    let result = run.json("--json -n 12 -c 3 -q 50 --percentiles 50", "status/503");
    assert_eq!(run.server.requests().len(), 12);
    assert_eq!(result["requests"]["planned"], 12);
    assert_eq!(result["requests"]["sent"], 12);
    assert_eq!(result["requests"]["completed"], 12);
    assert_eq!(result["requests"]["errors"], 12);
    assert_eq!(result["status_codes"], serde_json::json!({ "503": 12 }));
    assert_eq!(result["bytes"]["total"], 60);
    let percentiles = result["latency_ms"]["percentiles"].as_object().expect("an object");
    assert!(percentiles.len() == 1 && percentiles["50"].as_f64() > Some(0.0), "{result:#}");
    assert!(result["due_latency_ms"]["mean"].as_f64() >= result["latency_ms"]["mean"].as_f64());
}

#[test]
fn latency_from_due_shows_the_wait_that_hey_leaves_out() {
    // one worker, a tick each 50 ms, answers of 200 ms: from the second on each leaves late
    let run = Run::new();
    let result = run.json("--json -z 1s -c 1 -q 20", "late/200");
    let max = |which: &str| result[which]["max"].as_f64().expect("a number");
    assert!(max("due_latency_ms") >= max("latency_ms") + 100.0, "{result:#}");
    assert!(result["requests"]["lost_busy"].as_u64() > Some(5), "{result:#}");
    assert_eq!(result["requests"]["planned"], 20);
    let text = out(&run.hey("--due --health -z 500ms -c 1 -q 20", "late/100"));
    for words in ["from sent\tfrom due", "From due also counts the wait", "Lost busy:", "CPU:"] {
        assert!(text.contains(words), "{text}");
    }
    let closed = out(&run.hey("--due -n 2 -c 1", ""));
    assert!(closed.contains("Latency (ms):\t\tfrom sent\n") && !closed.contains("from due"), "{closed}");
}

#[test]
fn cores_kept_awake_are_told_of_by_themselves_and_refused_where_they_are_of_no_use() {
    let run = Run::new();
    let refused = run.hey("--keep-awake --judge summary.txt", "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).starts_with("--judge sends nothing"), "{}", err(&refused));
    if let Some(why) = watchtower::drive::live::awake::objection() {
        let refused = run.hey("--keep-awake -n 2 -c 1", "");
        assert_eq!((refused.status.code(), err(&refused)), (Some(2), format!("{why}; leave it out\n")));
        return;
    }
    let result = run.json("--json --keep-awake -z 500ms -c 1 -q 20", "");
    let schema = schema("--hey");
    assert_eq!(breach(&schema, &schema, &result, "$"), None, "{result:#}");
    let (own, awake) = (&result["generator"]["cpu_s"], &result["generator"]["kept_awake_cpu_s"]);
    // together they had no more than the cores and the time, which the system rounds
    let most = result["duration_s"].as_f64().expect("a number") + 0.5;
    let cores = watchtower::drive::live::cores::allowed().len() as f64;
    assert!(own.as_f64().zip(awake.as_f64()).is_some_and(|(own, awake)| own + awake <= most * cores), "{result:#}");
    assert!(out(&run.hey("--keep-awake --health -n 2 -c 1", "")).contains("Kept awake:\tidle cores"));
    assert!(run.json("--json -n 2 -c 1", "")["generator"]["kept_awake_cpu_s"].is_null());
    assert!(!out(&run.hey("--health -n 2 -c 1", "")).contains("Kept awake"));
}

#[test]
fn rules_set_the_exit_code_and_say_what_is_not_met() {
    let run = Run::new();
    for (flags, path, code, said) in [
        ("-n 2 -c 1 --expect 'p95_ms < 60000' --expect 'errors == 0'", "", 0, ""),
        ("-n 2 -c 1 --expect 'errors == 0'", "status/500", 3, "not met: errors == 0 (errors is 2)"),
        ("-n 2 -c 1 --expect 'p95_ms < 60000'", "close", 3, "not met: p95_ms < 60000 (p95_ms is unknown)"),
        ("-n 2 -c 1 --expect 'p95 < 60000'", "", 2, "did you mean \"p95_ms\"?"),
    ] {
        let output = run.hey(flags, path);
        assert_eq!(output.status.code(), Some(code), "{flags}: {}", err(&output));
        assert!(err(&output).contains(said), "{}", err(&output));
    }
    let result = run.hey("--json -n 2 -c 1 --expect 'errors == 0'", "status/500");
    let result: Json = serde_json::from_slice(&result.stdout).expect("JSON");
    assert_eq!(result["expectations"][0], serde_json::json!({ "rule": "errors == 0", "value": 2.0, "met": false }));
}

#[test]
fn files_hold_every_request_and_the_distribution() {
    let run = Run::new();
    let output = run.hey("-n 6 -c 2 -q 50 --csv-exact all.csv --hdr sent.hgrm --hdr-due due.hgrm -o csv", "status/201");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let all = run.file("all.csv");
    let mut reader = csv::Reader::from_reader(all.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 6);
    let number = |row: &csv::StringRecord, at: usize| row[at].parse::<f64>().expect("a number");
    for row in &rows {
        let times: Vec<f64> = (1..6).map(|at| number(row, at)).collect();
        assert!(times.is_sorted(), "due, ready, sent, first byte, done: {row:?}");
        assert!(times[0] > 0.0 && times[4] < 60.0, "{row:?}");
        assert_eq!((&row[11], &row[12]), ("201", ""));
    }
    for file in ["sent.hgrm", "due.hgrm"] {
        assert!(run.file(file).contains("Total count    =            6]"), "{}", run.file(file));
    }
    // hey's own table beside it: offsets count from the run's start
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let offsets: Vec<f64> = reader.records().map(|row| number(&row.expect("a row"), 7)).collect();
    assert_eq!(offsets.len(), 6);
    assert!(offsets[0] >= 0.02 && offsets.iter().all(|offset| *offset < 60.0), "{offsets:?}");

    run.hey("-n 2 -c 1 --csv-exact failed.csv", "close");
    assert_eq!(run.file("failed.csv").matches(",closed,").count(), 2);
}

#[test]
fn a_file_that_can_not_be_written_costs_no_request() {
    let run = Run::new();
    for flags in ["--hdr no/such/a", "--hdr-due no/such/a", "--csv-exact no/such/a"] {
        let output = run.hey(flags, "");
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        assert!(err(&output).contains("no/such/a") && err(&output).contains("hint"), "{}", err(&output));
    }
    assert!(run.server.requests().is_empty());
}

#[test]
fn under_the_name_hey_the_program_is_hey() {
    let run = Run::new();
    let link = run.directory.path().join("hey");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_watchtower"), &link).expect("a link");
    let call = |program: &Path, args: &[&str]| {
        Command::new(program).args(args).arg(format!("http://{}/", run.server.address)).output().expect("it starts")
    };
    let output = call(&link, &["-n", "4", "-c", "2"]);
    assert!(out(&output).starts_with("\nSummary:\n  Total:\t") && out(&output).ends_with("[200]\t4 responses\n\n\n\n"));
    assert_eq!(run.server.requests().len(), 4);
    // a command of ours is an address to hey
    let output = Command::new(&link).arg("run").output().expect("it starts");
    assert!(out(&output).contains("Get \"run\": unsupported protocol scheme \"\""), "{}", out(&output));
    // a word such as -v belongs to hey, not to the program around it
    let output = call(Path::new(env!("CARGO_BIN_EXE_watchtower")), &["hey", "-v"]);
    assert_eq!(
        (output.status.code(), err(&output).lines().next()),
        (Some(2), Some("flag provided but not defined: -v"))
    );
}

#[test]
fn the_program_s_help_names_the_command() {
    let help = Command::new(env!("CARGO_BIN_EXE_watchtower")).arg("--help").output().expect("it starts");
    assert!(out(&help).contains("\n  hey  "), "{}", out(&help));
    let help = Command::new(env!("CARGO_BIN_EXE_watchtower")).args(["help", "hey"]).output().expect("it starts");
    assert!(out(&help).contains("watchtower hey -help"), "{}", out(&help));
}

#[test]
fn workers_out_of_step_send_as_many_requests() {
    let run = Run::new();
    let result = run.json("--json -z 500ms -c 4 -q 4 --phase spread", "");
    assert_eq!(result["requests"]["sent"], 8);
    let output = run.hey("--phase spread", "");
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("no -q"), "{}", err(&output));
}

#[test]
fn summaries_are_judged_by_their_flags() {
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/src/study/hey_judgement/published_watchtower.txt");
    let run = Run::new();
    let output = run.hey(&format!("--judge {published} -z 2m -c 50 -q 5"), "");
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(out(&output).contains("1212   4.04 % of the planned"), "{}", out(&output));
    let output = run.hey(&format!("--json --judge {published} -z 2m -c 50 -q 5"), "");
    let judged: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(judged["summaries"][0]["verdict"], "stalled");
    // a summary of our own keeps its flags
    let own = run.hey("-z 500ms -c 2 -q 10", "");
    fs::write(run.directory.path().join("own.txt"), &own.stdout).expect("written");
    let sent = run.server.requests().len();
    let output = run.hey("--judge own.txt -z 500ms -c 2 -q 10", "");
    assert!(matches!(output.status.code(), Some(0 | 1)) && out(&output).contains("planned"), "{}", err(&output));
    assert_eq!(run.server.requests().len(), sent, "judging sends nothing");
    let output = run.hey("--judge nowhere.txt", "");
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("nowhere.txt") && err(&output).contains("hint"));
}
