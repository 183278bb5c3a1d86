//! Knative's pod autoscaler (KPA): a slow window that decides, and a fast one that takes over when load jumps.
//!
//! ```text
//!   stable window  60 s  --> ceil(average / target)  \
//!   panic window    6 s  --> ceil(average / target)   |--> the stable one; in panic the highest seen --> delay --> Scale
//!                            over twice the pods? panic /
//! ```
//!
//! The rule is that of `pkg/autoscaler/scaling/autoscaler.go`. Pods report what went through them once a second, as the queue proxy
//! does. Scaling to zero and the activator are not here: the platform keeps one replica at least.

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::ReplicaStatus;
use crate::time::Timestamp;

use super::controller::{Controller, Rule, Verdict};
use super::metrics::{self, Readings};
use super::settings::{Parameter, Settings};
use super::tuning::Tunable;
use super::{Context, PodSample, Policy, Reason};

const HOUR: Duration = Duration::from_secs(3_600);

/// `tick-interval` of the autoscaler.
const TICK: Duration = Duration::from_secs(2);

/// The least a pod can be meant to bear (`minTargetValue` of `config`).
const LEAST_TARGET: f64 = 0.01;

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::choice("metric", &["concurrency", "rps"], "what is kept at its target, per pod"),
        Parameter::number(
            "target_concurrency",
            (0.01, 1e6),
            100.0,
            "requests",
            "requests in flight a pod bears at most",
        ),
        Parameter::number("target_rps", (0.01, 1e6), 200.0, "requests/s", "requests per second a pod bears at most"),
        Parameter::number("target_utilization", (0.01, 1.0), 0.7, "of the target", "how much of it a pod should have"),
        Parameter::duration(
            "stable_window",
            (Duration::from_secs(6), HOUR),
            Duration::from_secs(60),
            "what the average is taken over that decides in quiet times",
        ),
        Parameter::number(
            "panic_window_percentage",
            (1.0, 100.0),
            10.0,
            "% of stable_window",
            "how long the panic window is",
        ),
        Parameter::number(
            "panic_threshold_percentage",
            (110.0, 1_000.0),
            200.0,
            "% of the ready pods",
            "it panics when the panic window wants this many",
        ),
        Parameter::number(
            "max_scale_up_rate",
            (1.01, 1e6),
            1_000.0,
            "x ready pods",
            "the most pods one decision asks for",
        ),
        Parameter::number(
            "max_scale_down_rate",
            (1.01, 1e6),
            2.0,
            "",
            "the ready pods over this are the fewest one decision asks for",
        ),
        Parameter::duration(
            "scale_down_delay",
            (Duration::ZERO, HOUR),
            Duration::ZERO,
            "it goes down no farther than the highest decision of this long",
        ),
    ];
    parameters.extend(metrics::parameters(Duration::from_secs(1)));
    parameters
}

/// What a search may change.
pub fn tuning() -> Vec<Tunable> {
    vec![
        Tunable::log("target_concurrency", 0.5, 200.0).when("metric", "concurrency"),
        Tunable::log("target_rps", 1.0, 500.0).when("metric", "rps"),
        Tunable::linear("target_utilization", 0.3, 1.0),
        Tunable::log("stable_window", 6.0, 300.0),
        Tunable::linear("panic_window_percentage", 5.0, 50.0),
        Tunable::linear("panic_threshold_percentage", 110.0, 500.0),
        Tunable::log("max_scale_up_rate", 1.5, 1_000.0),
        Tunable::log("max_scale_down_rate", 1.1, 10.0),
        Tunable::log("scale_down_delay", 0.0, 300.0),
    ]
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    let stable = settings.duration("stable_window");
    let is_rate = settings.word("metric") == "rps";
    let total = settings.number(if is_rate { "target_rps" } else { "target_concurrency" });
    let panic_secs = (stable.as_secs_f64() * settings.number("panic_window_percentage") / 100.0).round().max(1.0);
    let rule = Kpa {
        total: if is_rate { metrics::served } else { metrics::presence },
        words: if is_rate { "requests/s" } else { "requests in flight" },
        bounds: context.studied_bounds(),
        windows: Windows { stable, panic: Duration::from_secs_f64(panic_secs) },
        scaler: Scaler {
            target: (total * settings.number("target_utilization")).max(LEAST_TARGET),
            panic_threshold: settings.number("panic_threshold_percentage") / 100.0,
            max_up: settings.number("max_scale_up_rate"),
            max_down: settings.number("max_scale_down_rate"),
            stable_window: stable,
            delay: settings.duration("scale_down_delay"),
            panic: None,
            decisions: VecDeque::new(),
            is_new: true,
        },
    };
    Box::new(Controller::new(rule, Readings::new(settings, stable), TICK))
}

#[derive(Debug)]
struct Kpa {
    total: fn(&PodSample) -> f64,
    words: &'static str,
    bounds: (u32, u32),
    windows: Windows,
    scaler: Scaler,
}

#[derive(Clone, Copy, Debug)]
struct Windows {
    stable: Duration,
    panic: Duration,
}

impl Rule for Kpa {
    fn decide(&mut self, now: Timestamp, replicas: ReplicaStatus, readings: &Readings) -> Verdict {
        let average = |window| readings.growth(now, window, self.total);
        // ticks without data change nothing
        let (Some(stable), Some(panic)) = (average(self.windows.stable), average(self.windows.panic)) else {
            return Verdict::Blind("the pods report nothing: the replicas stay as they are");
        };
        let pods = self.scaler.scale(now, replicas.ready, stable, panic);
        let (min, max) = self.bounds;
        let to = pods.clamp(min, max);
        let held = if to == pods { String::new() } else { format!(" ({pods} within the bounds)") };
        let (words, target) = (self.words, self.scaler.target);
        let mode = if self.scaler.panic.is_some() { "panic" } else { "stable" };
        let text = format!(
            "{mode}: {stable:.1} {words} over {} s, {panic:.1} over {} s, target {target:.1} per pod, {} ready: {to} replicas{held}",
            self.windows.stable.as_secs(),
            self.windows.panic.as_secs(),
            replicas.ready,
        );
        Verdict::Scale(to, Reason::with(text, if self.scaler.panic.is_some() { panic } else { stable }))
    }
}

/// `Scale` of `autoscaler.go`: averages in, pods out.
#[derive(Debug)]
struct Scaler {
    /// What a pod should have.
    target: f64,
    panic_threshold: f64,
    max_up: f64,
    max_down: f64,
    stable_window: Duration,
    delay: Duration,
    panic: Option<Panic>,
    /// For the delay.
    decisions: VecDeque<(Timestamp, u32)>,
    is_new: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Panic {
    /// When it was over the threshold last.
    since: Timestamp,
    /// The highest decision in it.
    pods: u32,
}

impl Scaler {
    /// Pods for these averages, before the platform's bounds.
    fn scale(&mut self, now: Timestamp, ready: u32, stable: f64, panic: f64) -> u32 {
        if std::mem::take(&mut self.is_new) && ready > 1 {
            // an autoscaler that starts where there are pods holds them for a window
            self.panic = Some(Panic { since: now, pods: ready });
        }
        let ready = f64::from(ready.max(1));
        let (most, fewest) = ((self.max_up * ready).ceil(), (ready / self.max_down).floor());
        let wanted = |average: f64| (average / self.target).ceil();
        let within = |pods: f64| pods.max(fewest).min(most) as u32;
        let is_over = wanted(panic) / ready >= self.panic_threshold;
        self.panic = match self.panic {
            _ if is_over => Some(Panic { since: now, pods: self.panic.map_or(0, |panic| panic.pods) }),
            Some(panic) if now.since(panic.since) > self.stable_window => None,
            other => other,
        };
        let mut pods = within(wanted(stable));
        if let Some(state) = &mut self.panic {
            state.pods = state.pods.max(pods).max(within(wanted(panic)));
            pods = state.pods;
        }
        if self.delay.is_zero() {
            return pods;
        }
        self.decisions.push_back((now, pods));
        self.decisions.retain(|(at, _)| now.since(*at) < self.delay);
        self.decisions.iter().map(|(_, pods)| *pods).max().unwrap_or(pods)
    }
}

#[cfg(test)]
mod laws;
