//! A self-test as JSON. What is not known is null.

use serde_json::{Map, Value as Json, json};

use crate::study::hey::json::object;
use crate::study::hey::numbers::millis;

use super::findings::{Findings, Percentile, Stalled};
use super::verdict::{Trust, Verdict};

/// Raised when a field changes its meaning or goes; new fields do not raise it.
const SCHEMA_VERSION: u32 = 1;

/// All of it.
pub fn result(findings: &Findings, verdict: &Verdict) -> Json {
    let machine = &findings.machine;
    json!({
        "schema_version": SCHEMA_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "started_unix_s": findings.started.as_secs_f64(),
        "duration_s": findings.took.as_secs_f64(),
        "verdict": {
            "trust": verdict.trust.as_str(),
            "can_be_trusted": verdict.trust != Trust::Unfit,
            "sentence": verdict.sentence,
            "faults": verdict.faults,
            "doubts": verdict.doubts,
            "percentile_off_ms": millis(verdict.off),
        },
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "system": machine.system,
            "is_virtual": machine.is_virtual,
            "load_average": machine.load_average,
            "others_cpu": findings.others,
            "kept_awake": machine.kept_awake,
            "kept_awake_cpu": findings.awake,
            "clock_reading_ns": machine.clock_reading_ns,
            "clock_step_ns": machine.clock_step.as_nanos() as u64,
            "timer_late_ms": {
                "p50": millis(machine.timer_p50), "p99": millis(machine.timer_p99), "max": millis(machine.timer_max),
            },
        },
        "requests": findings.requests,
        "left_over": findings.left_over,
        "stood_still_s": findings.stood_still.as_secs_f64(),
        "delays": findings.truths.iter().map(|truth| json!({
            "delay": truth.delay,
            "loop": truth.paced.as_str(),
            "requests": truth.requests,
            "fastest_ms": millis(truth.least),
            "added_ms": {
                "p50": millis(truth.added.p50), "p99": millis(truth.added.p99), "max": millis(truth.added.max),
            },
            "percentiles": percentiles(&truth.percentiles),
        })).collect::<Vec<_>>(),
        "standstill": findings.stalled.as_ref().map(|(closed, open)| json!({
            "server_ms": millis(findings.stall),
            "closed": stalled(closed),
            "open": stalled(open),
        })),
        "pacing": findings.pacings.iter().map(|pacing| json!({
            "rate": pacing.rate,
            "requests": pacing.requests,
            "never_sent": pacing.lost_late,
            "late_ms": { "p50": millis(pacing.p50), "p99": millis(pacing.p99), "max": millis(pacing.max) },
            "server_gap_off_ms": { "p50": millis(pacing.gap_p50), "p99": millis(pacing.gap_p99) },
            "generator_cpu": pacing.cpu,
        })).collect::<Vec<_>>(),
        "bursts": findings.bursts.map(|bursts| json!({
            "workers": bursts.workers,
            "bursts": bursts.bursts,
            "first_late_p50_ms": millis(bursts.first_p50),
            "span_ms": { "p50": millis(bursts.span_p50), "max": millis(bursts.span_max) },
            "server_span_p50_ms": millis(bursts.came_p50),
        })),
        "closed_loop": findings.closed.map(|closed| json!({ "workers": closed.workers, "rps": closed.rps })),
        "highest_rate": { "kept": findings.kept.0, "not_kept": findings.kept.1 },
    })
}

fn percentiles(list: &[Percentile]) -> Json {
    let rows: Map<String, Json> = list
        .iter()
        .map(|at| (at.percent.to_string(), json!({ "known_ms": millis(at.known), "measured_ms": millis(at.measured) })))
        .collect();
    Json::Object(rows)
}

fn stalled(stalled: &Stalled) -> Json {
    json!({
        "planned": stalled.planned,
        "sent": stalled.sent,
        "lost_busy": stalled.lost_busy,
        "lost_late": stalled.lost_late,
        "from_sent": percentiles(&stalled.from_sent),
        "from_due": percentiles(&stalled.from_due),
    })
}

/// JSON Schema (draft 2020-12) of [`result`].
pub fn schema() -> Json {
    let number = |doc: &str| json!({ "type": "number", "description": doc });
    let maybe = |doc: &str| json!({ "type": ["number", "null"], "description": doc });
    let count = |doc: &str| json!({ "type": "integer", "minimum": 0, "description": doc });
    let text = |doc: &str| json!({ "type": "string", "description": doc });
    let switch = |doc: &str| json!({ "type": "boolean", "description": doc });
    let list = |of: Json, doc: &str| json!({ "type": "array", "items": of, "description": doc });
    let texts = |doc: &str| list(json!({ "type": "string" }), doc);
    let or_null = |of: Json, doc: &str| json!({ "anyOf": [of, { "type": "null" }], "description": doc });
    let spread = |doc: &str| {
        let mut spread =
            object([("p50", number("median")), ("p99", number("99th percentile")), ("max", number("largest"))]);
        spread["description"] = json!(doc);
        spread
    };
    let loop_of = |doc: &str| json!({ "$ref": "#/$defs/stalled", "description": doc });
    let percentiles = |doc: &str| json!({ "$ref": "#/$defs/percentiles", "description": doc });
    let mut schema = object([
        (
            "schema_version",
            json!({ "const": SCHEMA_VERSION, "description": "raised when a field changes its meaning or goes" }),
        ),
        ("version", text("version of watchtower")),
        ("started_unix_s", number("Unix time of its start")),
        ("duration_s", number("how long all of it took")),
        (
            "verdict",
            object([
                ("trust", text("precise, coarse or unfit")),
                ("can_be_trusted", switch("false for unfit: the exit code is 1")),
                ("sentence", text("which numbers can be trusted, and to what precision")),
                ("faults", texts("what makes numbers unfit, and what to change")),
                ("doubts", texts("what makes them coarse, and what to change")),
                ("percentile_off_ms", number("the largest distance of a percentile from the known one")),
            ]),
        ),
        (
            "machine",
            object([
                ("cpu", text("model of the processor")),
                ("cores", count("cores this program may use")),
                ("system", text("operating system and kernel")),
                ("is_virtual", switch("whether it says that it is a guest of a hypervisor")),
                ("load_average", maybe("of the last minute, before the test")),
                ("others_cpu", maybe("part of the machine that other programs used meanwhile, 0 to 1")),
                ("kept_awake", switch("whether idle cores were kept from sleeping (--keep-awake)")),
                ("kept_awake_cpu", maybe("part of the machine that this took, 0 to 1; null if they were not")),
                ("clock_reading_ns", number("cost of a reading of the clock")),
                ("clock_step_ns", count("smallest step of the clock")),
                ("timer_late_ms", spread("how late a thread wakes that sleeps for a millisecond")),
            ]),
        ),
        ("requests", count("requests of all exercises")),
        ("left_over", count("requests and answers without a counterpart on the other side; anything but 0 is a fault")),
        ("stood_still_s", number("standstills of generator or host of over 20 ms, together")),
        (
            "delays",
            list(
                object([
                    ("delay", text("how long the server keeps requests")),
                    ("loop", text("closed (hey's workers) or open (an even rate)")),
                    ("requests", count("compared; those that dialled are left out")),
                    ("fastest_ms", number("the smallest latency measured")),
                    ("added_ms", spread("measured minus known, request by request")),
                    ("percentiles", percentiles("of all latencies from sent")),
                ]),
                "each known delay under each loop",
            ),
        ),
        (
            "standstill",
            or_null(
                object([
                    ("server_ms", number("how long the server stood still")),
                    ("closed", loop_of("as hey's workers show it")),
                    ("open", loop_of("as an even rate shows it")),
                ]),
                "a server that stands still in mid-run",
            ),
        ),
        (
            "pacing",
            list(
                object([
                    ("rate", number("requests a second")),
                    ("requests", count("sent")),
                    ("never_sent", count("planned and never sent")),
                    ("late_ms", spread("sent minus due")),
                    ("server_gap_off_ms", object([("p50", number("median")), ("p99", number("99th percentile"))])),
                    ("generator_cpu", maybe("part of one core that the generator used")),
                ]),
                "even rates",
            ),
        ),
        (
            "bursts",
            or_null(
                object([
                    ("workers", count("requests in a burst")),
                    ("bursts", count("how many")),
                    ("first_late_p50_ms", number("how late the first request of a burst left, median")),
                    ("span_ms", object([("p50", number("median")), ("max", number("largest"))])),
                    ("server_span_p50_ms", number("from the first to the last as they came, median")),
                ]),
                "many workers at once",
            ),
        ),
        (
            "closed_loop",
            or_null(
                object([("workers", count("how many")), ("rps", number("requests a second"))]),
                "workers without a limit",
            ),
        ),
        (
            "highest_rate",
            object([
                ("kept", maybe("highest even rate that was kept; null if none of those tried")),
                ("not_kept", maybe("lowest that was not; null if none of those tried")),
            ]),
        ),
    ]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("result of watchtower hey --self-test --json");
    schema["$defs"] = json!({
        "percentiles": {
            "type": "object",
            "additionalProperties": object([
                ("known_ms", number("by the server's book")),
                ("measured_ms", number("by the generator")),
            ]),
            "description": "by percent (nearest rank)",
        },
        "stalled": object([
            ("planned", count("called for by the schedule")),
            ("sent", count("that left")),
            ("lost_busy", count("never sent: their worker still waited for an answer")),
            ("lost_late", count("never sent: the generator was behind")),
            ("from_sent", percentiles("latency from when a request left")),
            ("from_due", percentiles("latency from when it was due")),
        ]),
    });
    schema
}
