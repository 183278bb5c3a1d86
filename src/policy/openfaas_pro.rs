//! `OpenFaaS` Pro's autoscaler: load over what a replica should bear, rounded up.
//!
//! ```text
//!   load (requests/s, in flight, or milli-CPU)      ceil(load / (target x proportion)) --> highest of the down window --> Scale
//! ```
//!
//! From its public documentation alone (docs.openfaas.com, architecture/autoscaling); queues, custom metrics and scaling to
//! zero are left out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::ReplicaStatus;
use crate::time::Timestamp;

use super::controller::{Controller, Rule, Verdict};
use super::metrics::{self, Readings};
use super::settings::{Parameter, Settings};
use super::tuning::Tunable;
use super::{Context, Policy, Reason};

/// Longest `com.openfaas.scale.down.window`.
const LONGEST_DOWN_WINDOW: Duration = Duration::from_secs(300);

/// Ranges of the load's queries: the rate of answers, the highest number in flight, CPU time.
const RATE_WINDOW: Duration = Duration::from_secs(30);
const CAPACITY_WINDOW: Duration = Duration::from_secs(45);
const CPU_WINDOW: Duration = Duration::from_secs(60);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::choice(
            "type",
            &["rps", "capacity", "cpu"],
            "what load is: answers per second, requests in flight, or thousandths of a core",
        ),
        Parameter::number("target", (0.001, 1e6), 50.0, "of the type's unit", "load a replica bears"),
        Parameter::number(
            "target_proportion",
            (0.01, 1.0),
            0.9,
            "of the target",
            "how much of it a replica should have",
        ),
        Parameter::duration(
            "down_window",
            (Duration::ZERO, LONGEST_DOWN_WINDOW),
            Duration::ZERO,
            "it goes down no farther than the highest decision of this long; up it goes at once",
        ),
        Parameter::duration(
            "evaluation_interval",
            (Duration::from_secs(1), Duration::from_secs(300)),
            Duration::from_secs(15),
            "time between two decisions; load is a recording rule that is evaluated so often",
        ),
        Parameter::integer(
            "max_replicas",
            (1, 10_000),
            20,
            "replicas",
            "most it asks for (com.openfaas.scale.max); the platform's own bounds still apply",
        ),
    ];
    parameters.extend(metrics::parameters(Duration::from_secs(5)));
    parameters
}

/// What a search may change: not the recording rule's interval, nor the bounds.
pub fn tuning() -> Vec<Tunable> {
    vec![
        Tunable::log("target", 1.0, 500.0).when("type", "rps"),
        Tunable::log("target", 0.5, 100.0).when("type", "capacity"),
        Tunable::log("target", 20.0, 2_000.0).when("type", "cpu"),
        Tunable::linear("target_proportion", 0.5, 1.0),
        Tunable::log("down_window", 0.0, 300.0),
    ]
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    let (min, max) = context.studied_bounds();
    let rule = Pro {
        kind: match settings.word("type") {
            "capacity" => Kind::Capacity,
            "cpu" => Kind::Cpu,
            _ => Kind::Rate,
        },
        target: settings.number("target"),
        proportion: settings.number("target_proportion"),
        down_window: settings.duration("down_window"),
        bounds: (min, max.min(settings.count("max_replicas")).max(min)),
        decisions: VecDeque::new(),
    };
    Box::new(Controller::new(rule, Readings::new(settings, CPU_WINDOW), settings.duration("evaluation_interval")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rate,
    Capacity,
    Cpu,
}

#[derive(Debug)]
struct Pro {
    kind: Kind,
    target: f64,
    proportion: f64,
    down_window: Duration,
    bounds: (u32, u32),
    /// For the down window.
    decisions: VecDeque<(Timestamp, u32)>,
}

impl Rule for Pro {
    fn decide(&mut self, now: Timestamp, replicas: ReplicaStatus, readings: &Readings) -> Verdict {
        let (load, words) = match self.kind {
            Kind::Rate => (readings.answers_per_second(now, RATE_WINDOW), "requests/s"),
            Kind::Capacity => (readings.most_in_flight(now, CAPACITY_WINDOW).map(f64::from), "requests in flight"),
            Kind::Cpu => (readings.growth(now, CPU_WINDOW, metrics::cpu).map(|cores| cores * 1e3), "milli-CPU"),
        };
        let Some(load) = load else {
            return Verdict::Blind("the load is not known: the replicas stay as they are");
        };
        if self.bounds.0 == self.bounds.1 {
            // a function whose bounds are the same is not scaled
            return Verdict::Keep;
        }
        let (wanted, to) = self.desired(now, load);
        let held = if wanted == to { String::new() } else { format!(", {wanted} wanted") };
        let text = format!(
            "{load:.1} {words} over {} x {} per replica{held}: {} to {to} replicas",
            self.target, self.proportion, replicas.desired
        );
        Verdict::Scale(to, Reason::with(text, load))
    }
}

impl Pro {
    /// What the load calls for, and what of it is done.
    fn desired(&mut self, now: Timestamp, load: f64) -> (u32, u32) {
        let wanted = wanted(load, self.target, self.proportion);
        let within = wanted.clamp(self.bounds.0, self.bounds.1);
        self.decisions.push_back((now, within));
        let window = self.down_window;
        self.decisions.retain(|(at, _)| *at == now || now.since(*at) < window);
        (wanted, self.decisions.iter().map(|(_, replicas)| *replicas).max().unwrap_or(within))
    }
}

/// `ceil(load / (target x proportion))`.
fn wanted(load: f64, target: f64, proportion: f64) -> u32 {
    // what is exact in decimals shall be so here: 63 / (100 x 0.7) is 0.9 and 70 / (100 x 0.7) is 1
    ((load / (target * proportion) * 1e9).round() / 1e9).ceil() as u32
}

#[cfg(test)]
mod laws;
