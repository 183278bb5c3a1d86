//! The chain's settings: the chart's own numbers, and the times that differ from one installation to another.

use std::time::Duration;

use rand::RngExt;

use crate::policy::settings::{Kind, Parameter, Settings, Value};
use crate::policy::tuning::Tunable;
use crate::random::Stream;

/// Seconds of Unix time modulo 15 s at which the chart's rule group is evaluated: xxhash64 of the rule file's path and
/// the group's name, labels encoded as release builds of Prometheus do (2.44 and later).
const CHART_EVALUATION: Duration = Duration::from_nanos(7_891_727_015);
/// The same for a Prometheus built with plain `go build`, or before 2.44.
const PLAIN_BUILD_EVALUATION: Duration = Duration::from_nanos(8_324_404_523);

/// The phases of scrapes and evaluations that a seed's stream gives.
///
/// Both are drawn whether used or not, so that a phase that is given changes nothing else.
pub(super) fn random_phases(stream: &mut Stream, scrapes: Duration, evaluations: Duration) -> (Duration, Duration) {
    let mut random = |period: Duration| period.mul_f64(stream.random::<f64>());
    (random(scrapes), random(evaluations))
}

/// The phase of evaluations; `random` is what the seed gave.
pub(super) fn evaluation_phase(settings: &Settings, random: Duration) -> Duration {
    match settings.duration_or_word("evaluation_phase") {
        Ok(phase) => phase,
        Err("chart") => CHART_EVALUATION,
        Err("plain-build") => PLAIN_BUILD_EVALUATION,
        Err(_) => random,
    }
}

/// What a search may change: the rule and Alertmanager's timers, which a chart's values set. Not the scrapes, lags and phases, which
/// are as they are.
pub fn tuning() -> Vec<Tunable> {
    vec![
        Tunable::log("threshold", 0.5, 200.0),
        Tunable::log("window", 10.0, 120.0),
        Tunable::log("evaluation_interval", 2.0, 60.0),
        Tunable::log("for", 0.0, 60.0),
        Tunable::log("group_wait", 0.0, 60.0),
        Tunable::log("group_interval", 1.0, 120.0),
        Tunable::log("repeat_interval", 1.0, 300.0),
    ]
}

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let duration = |name, default, doc| Parameter {
        name,
        kind: Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400) },
        default: Value::Duration(default),
        unit: "",
        doc,
    };
    let interval = |name, default, doc| Parameter {
        kind: Kind::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400) },
        ..duration(name, default, doc)
    };
    vec![
        Parameter {
            name: "threshold",
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Value::Number(5.0),
            unit: "requests/s",
            doc: "answers with status 200 per second above which a function's alert becomes active",
        },
        interval("window", Duration::from_secs(10), "range over which the rate is taken"),
        interval("scrape_interval", Duration::from_secs(5), "time between two readings of the gateway's counters"),
        interval("evaluation_interval", Duration::from_secs(15), "time between two evaluations of the rule"),
        duration(
            "for",
            Duration::from_secs(5),
            "how long the rate must have been above the threshold before the alert fires",
        ),
        duration(
            "resend_delay",
            Duration::from_secs(60),
            "an alert is sent to Alertmanager again once more than this has passed",
        ),
        duration("group_wait", Duration::from_secs(5), "time from a group's first alert to its first notification"),
        interval("group_interval", Duration::from_secs(10), "time between two looks at a group that may notify"),
        duration(
            "repeat_interval",
            Duration::from_secs(30),
            "a notification is repeated, and so the next step taken, once it is older than this",
        ),
        duration("resolved_retention", Duration::from_secs(900), "how long a resolved alert is sent again"),
        duration(
            "webhook_latency",
            Duration::from_millis(50),
            "time from a notification to the gateway's answer; above about three times the drift the period of steps is 40 s instead of 30 s",
        ),
        duration(
            "flush_drift",
            Duration::from_millis(3),
            "by how much each look at a group is later than its interval",
        ),
        Parameter {
            name: "evaluation_phase",
            kind: Kind::DurationOr(&["chart", "plain-build", "random"]),
            default: Value::Text("chart"),
            unit: "",
            doc: "when rules are evaluated: Unix time modulo the interval; \"chart\" is 7.891727015s as in an installed chart, \"plain-build\" 8.324404523s, \"random\" follows from the seed",
        },
        Parameter {
            name: "scrape_phase",
            kind: Kind::DurationOr(&["random", "recorded"]),
            default: Value::Text("random"),
            unit: "",
            doc: "when counters are read: Unix time modulo the interval; \"random\" follows from the seed, \"recorded\" takes them whenever they come (for replays only)",
        },
        Parameter {
            name: "sweep_phase",
            kind: Kind::DurationOr(&["start"]),
            default: Value::Text("start"),
            unit: "",
            doc: "when Alertmanager removes empty groups: Unix time modulo 30s; \"start\" counts from the run's start. A removed group begins anew with group_wait, one that is still there goes on with its flushes",
        },
        Parameter {
            name: "phase_reference",
            kind: Kind::Choice(&["unix", "load"]),
            default: Value::Text("unix"),
            unit: "",
            doc: "what the phases are counted from: the Unix epoch or the start of the load",
        },
    ]
}
