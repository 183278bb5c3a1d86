//! `--json`: the whole result. What is not known is null.

use serde_json::{Map, Value as Json, json};

use crate::stats::latency::Latencies;
use crate::study::hey_flags::without_secrets;
use crate::time::nanos;

use super::command::Command;
use super::health;
use super::measured::Measured;
use super::numbers::millis;
use super::tables::WHY_DUE;

/// Raised when a field changes its meaning or goes; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Percentiles given if none are chosen.
const PERCENTILES: [f64; 9] = [10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];

/// The result of a command whose line was `words`.
pub fn result(command: &Command, words: &[String], measured: &Measured) -> Json {
    let chosen = &command.options.percentiles;
    let percentiles = if chosen.is_empty() { &PERCENTILES[..] } else { chosen };
    let tally = &measured.tally;
    let summary = &measured.summary;
    let answered = summary.latencies().count();
    let failures: Vec<Json> =
        summary.errors().iter().map(|(text, count)| json!({ "text": text, "count": count })).collect();
    let kinds: Map<String, Json> =
        measured.failures.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
    let codes: Map<String, Json> =
        summary.status_codes().iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
    let expectations: Vec<Json> = command
        .options
        .expectations
        .iter()
        .map(|rule| {
            let value = measured.number(rule.metric());
            json!({ "rule": rule.to_string(), "value": value, "met": rule.is_met(value) })
        })
        .collect();
    let details: Map<String, Json> = summary
        .details()
        .iter()
        .map(|row| {
            let ms = |secs: f64| (answered > 0).then(|| rounded(secs));
            let part = json!({ "mean": ms(row.average), "min": ms(row.fastest), "max": ms(row.slowest) });
            (key_of(row.name).to_owned(), part)
        })
        .collect();
    let histogram: Vec<Json> =
        summary.histogram().iter().map(|bin| json!({ "up_to_ms": rounded(bin.mark), "count": bin.count })).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "command": without_secrets(words),
        "url": command.address.shown(),
        "method": command.request.method,
        "workers": command.pacing.workers(),
        "rate_per_worker": command.pacing.period().map(|period| 1.0 / period.as_secs_f64()),
        "phase": command.pacing.phase().as_str(),
        "seed": command.options.seed.unwrap_or(1),
        "started_unix_s": measured.started.as_secs_f64(),
        "duration_s": measured.total().as_secs_f64(),
        "interrupted": measured.interrupted,
        "rps": tally.sent as f64 / measured.total().as_secs_f64(),
        "requests": {
            "planned": measured.planned(),
            "sent": tally.sent,
            "completed": answered,
            "errors": measured.errors(),
            "lost_busy": tally.lost.busy,
            "lost_late": tally.lost.late,
        },
        "bytes": { "total": summary.size_total(), "per_request": summary.size_total().checked_div(answered) },
        "exact": summary.latencies().is_exact(),
        "latency_ms": distribution(summary.latencies(), percentiles),
        "due_latency_ms": measured.due.as_ref().map(|due| distribution(due, percentiles)),
        "due_latency_note": measured.due.as_ref().map(|_| WHY_DUE),
        "histogram": histogram,
        "details_ms": details,
        "status_codes": codes,
        "failures": failures,
        "failure_kinds": kinds,
        "generator": {
            "lateness_us": {
                "p50": micros(measured, 50.0),
                "p99": micros(measured, 99.0),
                "max": micros(measured, 100.0),
            },
            "stalls": measured.stalls,
            "stalled_s": measured.stalled.as_secs_f64(),
            "kept_time": health::faults(measured).is_empty(),
            "faults": health::faults(measured),
            "cpu_s": measured.cpu.map(|cpu| cpu.as_secs_f64()),
            "kept_awake_cpu_s": measured.awake.map(|awake| awake.as_secs_f64()),
        },
        "expectations": expectations,
    })
}

fn distribution(latencies: &Latencies, percentiles: &[f64]) -> Json {
    let histogram = latencies.histogram();
    let sorted = latencies.sorted();
    let at: Map<String, Json> = percentiles
        .iter()
        .map(|percent| (percent.to_string(), json!(sorted.percentile(*percent).map(millis))))
        .collect();
    json!({
        "mean": histogram.mean().map(millis),
        "standard_deviation": (!histogram.is_empty()).then(|| millis(histogram.standard_deviation())),
        "min": histogram.min().map(millis),
        "max": histogram.max().map(millis),
        "percentiles": at,
    })
}

fn micros(measured: &Measured, percent: f64) -> Option<f64> {
    measured.lateness.percentile(percent).map(|late| nanos(late) as f64 / 1e3)
}

/// Seconds as milliseconds, to the nanosecond.
fn rounded(secs: f64) -> f64 {
    (secs * 1e9).round() / 1e6
}

/// The name of a part of the way in JSON, for its name in hey's summary.
fn key_of(name: &str) -> &str {
    match name {
        "DNS+dialup" => "dial",
        "DNS-lookup" => "lookup",
        "req write" => "write",
        "resp wait" => "wait",
        _ => "read",
    }
}

/// JSON Schema (draft 2020-12) of [`result`].
pub fn schema() -> Json {
    let number = |doc: &str| json!({ "type": "number", "description": doc });
    let maybe = |doc: &str| json!({ "type": ["number", "null"], "description": doc });
    let count = |doc: &str| json!({ "type": "integer", "minimum": 0, "description": doc });
    let maybe_count = |doc: &str| json!({ "type": ["integer", "null"], "minimum": 0, "description": doc });
    let text = |doc: &str| json!({ "type": "string", "description": doc });
    let switch = |doc: &str| json!({ "type": "boolean", "description": doc });
    let counts = |doc: &str| {
        let each = json!({ "type": "integer", "minimum": 1 });
        json!({ "type": "object", "additionalProperties": each, "description": doc })
    };
    let list = |of: Json, doc: &str| json!({ "type": "array", "items": of, "description": doc });
    let part = |doc: &str| json!({ "$ref": "#/$defs/part", "description": doc });
    let percentiles = json!({
        "type": "object",
        "additionalProperties": { "type": ["number", "null"] },
        "description": "milliseconds by percent (nearest rank)",
    });
    let mut schema = object([
        (
            "schema_version",
            json!({ "const": SCHEMA_VERSION, "description": "raised when a field changes its meaning or goes" }),
        ),
        ("version", text("version of watchtower")),
        ("command", text("the command line, credentials hidden")),
        ("url", text("the address, password hidden")),
        ("method", text("HTTP method")),
        ("workers", count("-c")),
        ("rate_per_worker", maybe("requests a second of each worker as they were due (-q); null without a limit")),
        ("phase", text("how the workers' ticks lie: sync, spread or random")),
        ("seed", count("what a random phase was drawn from")),
        ("started_unix_s", number("Unix time of the load's start")),
        ("duration_s", number("from the load's start to the last answer: hey's Total")),
        ("interrupted", switch("whether Ctrl-C ended the load")),
        ("rps", number("requests sent a second: hey's Requests/sec")),
        (
            "requests",
            object([
                ("planned", maybe_count("called for by the schedule; null if only the answers decide (-z without -q)")),
                ("sent", count("that left")),
                ("completed", count("that were answered, with any status")),
                ("errors", count("without an answer, or answered with a status of 400 and above")),
                ("lost_busy", count("never sent: their worker still waited for an answer (the system was slow)")),
                ("lost_late", count("never sent: the generator was behind (a fault of the measurement)")),
            ]),
        ),
        (
            "bytes",
            object([
                ("total", count("sum of the answers' Content-Length, where known")),
                ("per_request", maybe_count("the same for each answer")),
            ]),
        ),
        (
            "exact",
            switch("whether percentiles come from every single latency; else they have three significant digits"),
        ),
        (
            "latency_ms",
            json!({ "$ref": "#/$defs/distribution", "description": "of answered requests, from when they left" }),
        ),
        (
            "due_latency_ms",
            json!({
                "anyOf": [{ "$ref": "#/$defs/distribution" }, { "type": "null" }],
                "description": "of answered requests, from when they were due; null without -q",
            }),
        ),
        ("due_latency_note", json!({ "type": ["string", "null"], "description": "why the two differ" })),
        (
            "histogram",
            list(
                object([("up_to_ms", number("upper end, included")), ("count", count("latencies in it"))]),
                "hey's histogram; empty without answers",
            ),
        ),
        (
            "details_ms",
            object([
                ("dial", part("name look-up and dial; 0 on an open connection")),
                ("lookup", part("name look-up")),
                ("write", part("writing the request")),
                ("wait", part("waiting for the answer's first byte")),
                ("read", part("reading the answer")),
            ]),
        ),
        ("status_codes", counts("answers by status")),
        (
            "failures",
            list(
                object([("text", text("the reason in hey's words")), ("count", count("how often"))]),
                "requests without an answer, by reason",
            ),
        ),
        ("failure_kinds", counts("the same by kind: refused, connect, reset, closed, cut_body, timeout, ...")),
        (
            "generator",
            object([
                (
                    "lateness_us",
                    object([("p50", maybe("median")), ("p99", maybe("99th percentile")), ("max", maybe("largest"))]),
                ),
                ("stalls", count("standstills of process or host of over 20 ms")),
                ("stalled_s", number("their time in all")),
                ("kept_time", switch("whether the load was the one the flags ask for, as far as the generator goes")),
                ("faults", list(text("what, how much, and what to change"), "why not")),
                ("cpu_s", maybe("CPU time of this process, without what kept idle cores awake")),
                (
                    "kept_awake_cpu_s",
                    maybe("CPU time of what kept idle cores awake (--keep-awake); null if nothing did"),
                ),
            ]),
        ),
        (
            "expectations",
            list(
                object([
                    ("rule", text("as given with --expect")),
                    ("value", maybe("measured; null if unknown, which meets no rule")),
                    ("met", switch("whether it holds")),
                ]),
                "each --expect",
            ),
        ),
    ]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("result of watchtower hey --json");
    schema["$defs"] = json!({
        "part": object([
            ("mean", maybe("arithmetic mean in milliseconds; null without answers")),
            ("min", maybe("smallest")),
            ("max", maybe("largest")),
        ]),
        "distribution": object([
            ("mean", maybe("arithmetic mean in milliseconds; null without answers")),
            ("standard_deviation", maybe("to three significant digits")),
            ("min", maybe("fastest")),
            ("max", maybe("slowest")),
            ("percentiles", percentiles),
        ]),
    });
    schema
}

/// An object with exactly these properties, all of them always there.
pub(super) fn object<const N: usize>(properties: [(&str, Json); N]) -> Json {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let required = json!(required);
    let properties: Map<String, Json> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}
