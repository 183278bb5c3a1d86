//! `--self-test`: laws that hold on any machine, however busy. What the numbers are is the machine's business.

use std::process::{Command, Output};

use serde_json::Value as Json;

use super::schema::{breach, schema};

fn run(flags: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_watchtower");
    Command::new(program).args(["hey", "--self-test"]).args(flags).output().expect("the program starts")
}

fn number(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// Nothing that is measured is shorter than what the server knows: it spans it.
fn spans(percentiles: &Json) {
    let percentiles = percentiles.as_object().expect("an object");
    assert!(!percentiles.is_empty());
    for at in percentiles.values() {
        assert!(number(&at["measured_ms"]) >= number(&at["known_ms"]), "{at}");
    }
}

#[test]
fn a_self_test_accounts_for_every_request_and_measures_no_less_than_there_was() {
    let output = run(&["--json", "-z", "2s"]);
    let result: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let schema = schema("--self-test");
    assert_eq!(breach(&schema, &schema, &result, "$"), None, "{result:#}");

    // the exit code is the verdict
    let trusted = result["verdict"]["can_be_trusted"].as_bool().expect("yes or no");
    assert_eq!(output.status.code(), Some(i32::from(!trusted)), "{result:#}");
    assert_eq!(trusted, result["verdict"]["faults"].as_array().expect("a list").is_empty());
    assert_eq!(trusted, result["verdict"]["trust"] != "unfit");

    assert_eq!(result["left_over"], 0, "each answer is told of once: {result:#}");
    let delays = result["delays"].as_array().expect("a list");
    let faults = result["verdict"]["faults"].to_string();
    let untold = faults.matches("too few requests").count();
    assert_eq!(delays.len() + untold, 5, "an exercise is told of, or it is said that it can't be: {result:#}");
    for delay in delays {
        spans(&delay["percentiles"]);
        // the median of 5 ms is no less; of 2 ms with 20 ms for one of five neither
        let least = match delay["delay"].as_str().expect("a text") {
            "none" => 0.0,
            "5ms" => 5.0,
            _ => 2.0,
        };
        assert!(number(&delay["percentiles"]["50"]["known_ms"]) >= least, "{delay}");
    }

    let standstill = &result["standstill"];
    for paced in ["closed", "open"] {
        let of = &standstill[paced];
        let count = |name: &str| of[name].as_u64().expect("a count");
        assert_eq!(count("planned"), count("sent") + count("lost_busy") + count("lost_late"), "{of:#}");
        spans(&of["from_sent"]);
        spans(&of["from_due"]);
    }
    // the open loop loses nothing, and from due its worst waits are there
    assert_eq!(standstill["open"]["lost_busy"], 0);
    let server = number(&standstill["server_ms"]);
    let p99 = number(&standstill["open"]["from_due"]["99"]["measured_ms"]);
    assert!(p99 > server / 2.0, "{p99} ms of {server} ms");
    let (kept, not_kept) = (&result["highest_rate"]["kept"], &result["highest_rate"]["not_kept"]);
    assert!(kept.is_null() || not_kept.is_null() || number(kept) < number(not_kept), "{result:#}");
}

#[test]
fn for_a_person_it_ends_with_a_verdict() {
    let output = run(&["-z=2s"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in
        ["Machine:", "Latency beyond what the server took", "measured / known", "stands still for", "Pacing (ms):"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let verdict = text.split("\nVerdict: ").nth(1).expect("a verdict");
    let unfit = verdict.starts_with("unfit");
    assert!(unfit || verdict.starts_with("precise") || verdict.starts_with("coarse"), "{text}");
    assert_eq!(output.status.code(), Some(i32::from(unfit)));
    assert_eq!(unfit, verdict.contains("FAULT:"), "{text}");
    // no terminal: no progress
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_a_self_test_can_not_take_is_refused_before_anything_is_sent() {
    for (flags, said) in [
        (&["http://127.0.0.1:1/"][..], "--self-test has a server of its own; leave out http://127.0.0.1:1/"),
        (&["-c", "5"], "--self-test chooses its loads itself; leave out -c (-z says how long it may take)"),
        (&["--due"], "--self-test takes -z, --json and --keep-awake; leave out the other options"),
        (&["-z", "1s"], "--self-test takes from 2s to 5m, and -z says 1s; leave -z out for 15s"),
        (&["-z", "1h"], "--self-test takes from 2s to 5m, and -z says 1h; leave -z out for 15s"),
    ] {
        let output = run(flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(output.stdout.is_empty());
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("{said}\n"));
    }
}
