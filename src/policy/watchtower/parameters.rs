//! The settings by name: the original's own under their names in lower case, and ours, whose defaults are what it does.
//!
//! Names, ranges, units and words, and the rule made of them; no decision is taken here.

use std::time::Duration;

use super::rule::{Increment, Rule};
use crate::policy::objection::Objection;
use crate::policy::settings::{Kind, Parameter, Settings, Value};
use crate::policy::tuning::Tunable;

/// Settings of this policy: the original's own, in its units, and four whose defaults are what the original does.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter {
            name: "check_frequency",
            kind: Kind::Integer { min: 1, max: u64::MAX },
            default: Value::Integer(5),
            unit: "seconds",
            doc: "pause between the end of one probe and the start of the next, so the period is this plus the latency",
        },
        Parameter {
            name: "target",
            kind: Kind::Integer { min: 1, max: u64::MAX },
            default: Value::Integer(75),
            unit: "milliseconds",
            doc: "target latency of the probe",
        },
        Parameter {
            name: "tolerance",
            kind: Kind::Fraction,
            default: Value::Number(0.2),
            unit: "of target",
            doc: "half the dead band: latencies from target x (1 - tolerance) to target x (1 + tolerance) change nothing",
        },
        Parameter {
            name: "scale_up_rounds",
            kind: Kind::Integer { min: 1, max: u64::MAX },
            default: Value::Integer(2),
            unit: "probes",
            doc: "consecutive probes above the band before it scales up",
        },
        Parameter {
            name: "scale_down_rounds",
            kind: Kind::Integer { min: 1, max: u64::MAX },
            default: Value::Integer(12),
            unit: "probes",
            doc: "consecutive probes below the band before it scales down",
        },
        Parameter {
            name: "scale_up_increment",
            kind: Kind::FractionOrAuto,
            default: Value::Number(0.2),
            unit: "of current replicas",
            doc: "how much a step up adds, rounded up to whole replicas; \"auto\" goes in proportion to latency over target",
        },
        Parameter {
            name: "scale_down_increment",
            kind: Kind::FractionOrAuto,
            default: Value::Number(1.0),
            unit: "of current replicas",
            doc: "how much a step down takes away, what is left rounded up; \"auto\" goes in proportion to latency over target",
        },
        Parameter {
            name: "failed_probes",
            kind: Kind::Choice(&["ignore", "above"]),
            default: Value::Text("ignore"),
            unit: "",
            doc: "whether a probe without a 200 tells nothing or counts as one above the band",
        },
        Parameter {
            name: "settle",
            kind: Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(600) },
            default: Value::Duration(Duration::from_secs(1)),
            unit: "",
            doc: "wait after a scaling before the replica count is read back to see whether it holds",
        },
        Parameter {
            name: "min_replicas",
            kind: Kind::Integer { min: 1, max: 10_000 },
            default: Value::Integer(1),
            unit: "replicas",
            doc: "fewest replicas it asks for; the platform's own bounds still apply",
        },
        Parameter {
            name: "max_replicas",
            kind: Kind::Integer { min: 1, max: 10_000 },
            default: Value::Integer(5),
            unit: "replicas",
            doc: "most replicas it asks for, 5 being the Community Edition's limit; less than min_replicas counts as min_replicas",
        },
    ]
}

/// What a search may change: the decision rule, not the bounds, nor what a failed probe means, nor how the platform is read back.
pub fn tuning() -> Vec<Tunable> {
    vec![
        Tunable::log("check_frequency", 1.0, 30.0),
        Tunable::of_latency("target", 0.02, 2.0),
        Tunable::linear("tolerance", 0.0, 0.8),
        Tunable::linear("scale_up_rounds", 1.0, 8.0),
        Tunable::log("scale_down_rounds", 1.0, 60.0),
        Tunable::linear("scale_up_increment", 0.05, 1.0).or(&["auto"]),
        Tunable::linear("scale_down_increment", 0.05, 1.0).or(&["auto"]),
    ]
}

/// Bounds in the wrong order. Its most may be above the platform's, which then holds.
pub fn objection(settings: &Settings, _replicas_max: u32) -> Option<Objection> {
    let (min, max) = (settings.count("min_replicas"), settings.count("max_replicas"));
    (min > max).then(|| Objection {
        key: "min_replicas",
        what: format!("is more than max_replicas = {max}"),
        hint: "lower it, or raise max_replicas",
    })
}

impl Rule {
    /// The rule these settings describe.
    pub(super) fn from_settings(settings: &Settings) -> Self {
        let increment = |name| settings.fraction_or_auto(name).map_or(Increment::Auto, Increment::Fraction);
        let min = settings.count("min_replicas");
        Self {
            target_millis: settings.integer("target"),
            tolerance: settings.number("tolerance"),
            up_rounds: settings.count("scale_up_rounds"),
            down_rounds: settings.count("scale_down_rounds"),
            up: increment("scale_up_increment"),
            down: increment("scale_down_increment"),
            min,
            max: settings.count("max_replicas").max(min),
        }
    }
}
