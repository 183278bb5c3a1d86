//! The summary of hey, against what hey 0.1.4 itself printed from the same results.

#![expect(clippy::expect_used, reason = "a test that can't go on says why")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use watchtower::record::Detail;
use watchtower::stats::hey_summary::HeySummary;

const DIALUP: &str = "  DNS+dialup:\t";

fn golden() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("oracle_hey/hey-0.1.4-golden.json")).expect("the golden file is JSON")
}

fn series(run: &Value, key: &str) -> Vec<Duration> {
    let seconds = run[key].as_array().expect("a series").iter().map(|value| value.as_f64().expect("seconds"));
    seconds.map(|seconds| Duration::from_nanos((seconds * 1e9).round() as u64)).collect()
}

/// Our text from a golden run's raw results.
fn ours(run: &Value) -> String {
    let [latencies, dial, lookup, write, wait, read] =
        ["Lats", "ConnLats", "DnsLats", "ReqLats", "DelayLats", "ResLats"].map(|key| series(run, key));
    let mut summary = HeySummary::new();
    let mut size = run["SizeTotal"].as_u64();
    for (index, latency) in latencies.iter().enumerate() {
        let detail = Detail {
            dial: dial[index],
            lookup: lookup[index],
            write: write[index],
            wait: wait[index],
            read: read[index],
            size: size.take(),
        };
        let status = run["StatusCodes"][index].as_u64().expect("a status") as u16;
        summary.answered(*latency, &detail, status);
    }
    for (text, count) in run["ErrorDist"].as_object().expect("errors") {
        (0..count.as_u64().expect("a count")).for_each(|_| summary.failed(text));
    }
    summary.text(Duration::from_nanos(run["Total"].as_u64().expect("nanoseconds")))
}

fn without_dialup(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with(DIALUP)).collect()
}

fn dialup(text: &str) -> Vec<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix(DIALUP)).expect("the row is there");
    line.split(", ").map(|value| value.strip_suffix(" secs").expect("seconds")).collect()
}

#[test]
fn the_summary_is_heys_to_the_byte_but_for_the_connection_row() {
    let golden = golden();
    assert_eq!(golden.len(), 11);
    for (name, run) in &golden {
        let theirs = run["expected_stdout"].as_str().expect("text");
        assert_eq!(without_dialup(&ours(run)), without_dialup(theirs), "{name}");
    }
}

#[test]
fn the_connection_row_has_heys_average_and_the_connections_own_extremes() {
    for (name, run) in &golden() {
        let (ours, theirs) = (ours(run), run["expected_stdout"].as_str().expect("text"));
        let (ours, theirs) = (dialup(&ours), dialup(theirs));
        assert_eq!(ours[0], theirs[0], "{name}");

        let seconds = |duration: Option<&Duration>| format!("{:.4}", duration.map_or(0.0, Duration::as_secs_f64));
        let (dial, latencies) = (series(run, "ConnLats"), series(run, "Lats"));
        assert_eq!(ours[1..], [seconds(dial.iter().min()), seconds(dial.iter().max())], "{name}");
        // hey's bug: the extremes of the whole request
        assert_eq!(theirs[1..], [seconds(latencies.iter().min()), seconds(latencies.iter().max())], "{name}");
    }
}
