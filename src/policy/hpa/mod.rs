//! Kubernetes' Horizontal Pod Autoscaler, `autoscaling/v2`, as a rule for one metric.
//!
//! ```text
//!   each 15 s: metrics of the pods --> calculator.rs: a proposal --> behavior.rs: windows, steps, bounds --> Scale
//! ```
//!
//! What differs from a cluster is in docs/field.md. The KEDA policy builds on the same parts, as KEDA builds on the HPA.

mod behavior;
mod calculator;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::{ReplicaId, ReplicaStatus};
use crate::time::Timestamp;

use self::behavior::{Behavior, Direction, Limited, Select};
use self::calculator::{Group, Proposal, Target, propose, propose_for_total};
use super::controller::{Controller, Rule, Verdict};
use super::metrics::{self, Each, Readings};
use super::settings::{Parameter, Settings};
use super::tuning::Tunable;
use super::{Context, Measurement, PodSample, Policy, Reason};

const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::choice(
            "metric",
            &["cpu", "rps", "concurrency"],
            "what is kept at its target: CPU time, requests per second or requests in flight, each per pod",
        ),
        Parameter::number(
            "target_cpu",
            (0.01, 10.0),
            0.8,
            "of cpu_request",
            "CPU time a pod should use (0.8 is averageUtilization 80)",
        ),
        Parameter::number(
            "cpu_request",
            (0.001, 1_024.0),
            1.0,
            "cores",
            "CPU a pod requests; an interpreter with one lock uses at most one core",
        ),
        Parameter::number("target_rps", (0.001, 1e6), 50.0, "requests/s", "requests per second a pod should serve"),
        Parameter::number(
            "target_concurrency",
            (0.001, 1e6),
            4.0,
            "requests",
            "requests in flight a pod should have; four threads serve as many",
        ),
    ];
    parameters.extend(loop_parameters());
    parameters.push(Parameter::duration(
        "cpu_initialization_period",
        (Duration::ZERO, HOUR),
        Duration::from_secs(300),
        "how long after its start a pod's CPU counts only once a whole sample was taken since it became ready",
    ));
    parameters.extend(metrics::parameters(Duration::from_secs(15)));
    parameters
}

/// What a search may change: not what pods request, nor what is set for the whole cluster (the loop's period and tolerance, how long a
/// start counts).
pub fn tuning() -> Vec<Tunable> {
    let mut tuning = vec![
        Tunable::linear("target_cpu", 0.1, 1.0).when("metric", "cpu"),
        Tunable::log("target_rps", 1.0, 500.0).when("metric", "rps"),
        Tunable::log("target_concurrency", 0.5, 100.0).when("metric", "concurrency"),
    ];
    tuning.extend(loop_tuning());
    tuning
}

/// What of the loop is an HPA's own to say: its `behavior`.
pub(super) fn loop_tuning() -> Vec<Tunable> {
    vec![
        Tunable::log("scale_up_stabilization", 0.0, 120.0),
        Tunable::linear("scale_up_pods", 1.0, 10.0),
        Tunable::log("scale_up_percent", 10.0, 900.0),
        Tunable::log("scale_up_period", 1.0, 120.0),
        Tunable::log("scale_down_stabilization", 0.0, 600.0),
        Tunable::log("scale_down_percent", 10.0, 100.0),
        Tunable::log("scale_down_period", 1.0, 120.0),
    ]
}

/// Settings of the controller's loop, the same for every metric.
pub(super) fn loop_parameters() -> Vec<Parameter> {
    let count = |name, default, unit, doc| Parameter::integer(name, (0, 10_000), default, unit, doc);
    let select = |name, doc| Parameter::choice(name, &["max", "min", "disabled"], doc);
    vec![
        Parameter::duration("sync_period", (SECOND, HOUR), Duration::from_secs(15), "time between two decisions"),
        Parameter::number("tolerance", (0.0, 1.0), 0.1, "", "no change while usage over target is this close to 1"),
        Parameter::duration(
            "scale_up_stabilization",
            (Duration::ZERO, HOUR),
            Duration::ZERO,
            "it goes up no farther than the lowest proposal of this long",
        ),
        count("scale_up_pods", 4, "pods", "pods a period may add; 0 for no such policy"),
        count("scale_up_percent", 100, "%", "per cent a period may add; 0 for no such policy"),
        Parameter::duration("scale_up_period", (SECOND, HOUR), Duration::from_secs(15), "the period of both"),
        select("scale_up_select", "which of both counts: what allows more, what allows less, or no way up at all"),
        Parameter::duration(
            "scale_down_stabilization",
            (Duration::ZERO, HOUR),
            Duration::from_secs(300),
            "it goes down no farther than the highest proposal of this long",
        ),
        count("scale_down_pods", 0, "pods", "pods a period may remove; 0 for no such policy"),
        count("scale_down_percent", 100, "%", "per cent a period may remove; 0 for no such policy"),
        Parameter::duration("scale_down_period", (SECOND, HOUR), Duration::from_secs(15), "the period of both"),
        select("scale_down_select", "which of both counts: what allows more, what allows less, or no way down at all"),
    ]
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    let rule = Hpa {
        metric: match settings.word("metric") {
            "rps" => Metric::Rate,
            "concurrency" => Metric::Concurrency,
            _ => Metric::Cpu,
        },
        target: match settings.word("metric") {
            "rps" => Target::AverageValue(milli(settings.number("target_rps"))),
            "concurrency" => Target::AverageValue(milli(settings.number("target_concurrency"))),
            _ => Target::Utilization {
                percent: ((settings.number("target_cpu") * 100.0).round() as i64).max(1),
                request: milli(settings.number("cpu_request")),
            },
        },
        initialization: settings.duration("cpu_initialization_period"),
        horizontal: Horizontal::new(settings, context.studied_bounds()),
    };
    // two readings have to be seen for one rate
    let window = settings.duration("metrics_interval") * 2;
    Box::new(Controller::new(rule, Readings::new(settings, window), settings.duration("sync_period")))
}

/// The part that does not depend on the metric.
#[derive(Debug)]
pub(super) struct Horizontal {
    tolerance: f64,
    behavior: Behavior,
}

impl Horizontal {
    pub(super) fn new(settings: &Settings, bounds: (u32, u32)) -> Self {
        let direction = |way: &str| {
            let key = |rest: &str| format!("scale_{way}_{rest}");
            Direction {
                window: settings.duration(&key("stabilization")),
                pods: settings.count(&key("pods")),
                percent: settings.count(&key("percent")),
                period: settings.duration(&key("period")),
                select: match settings.word(&key("select")) {
                    "min" => Select::Min,
                    "disabled" => Select::Disabled,
                    _ => Select::Max,
                },
            }
        };
        Self {
            tolerance: settings.number("tolerance"),
            behavior: Behavior::new(direction("up"), direction("down"), bounds),
        }
    }

    /// Decides on a total that is no pod's own, in whatever unit, against what each replica should bear of it.
    pub(super) fn decide_for_total(
        &mut self,
        now: Timestamp,
        current: u32,
        total: f64,
        each: f64,
        what: &str,
    ) -> Verdict {
        let proposal = propose_for_total(current, milli(total), milli(each), self.tolerance);
        let text = format!("{what} {total:.1}, target {each} per replica: ratio {:.2}", proposal.ratio);
        self.verdict(now, current, proposal, &text, total)
    }

    fn verdict(&mut self, now: Timestamp, current: u32, proposal: Proposal, text: &str, value: f64) -> Verdict {
        let Limited { replicas, by } = self.behavior.limit(now, current, proposal.replicas);
        let held = match by {
            Some(by) => format!(", {} proposed, held back by {by}", proposal.replicas),
            None => String::new(),
        };
        if replicas == current {
            return Verdict::Keep;
        }
        Verdict::Scale(replicas, Reason::with(format!("{text}{held}: {current} to {replicas} replicas"), value))
    }

    pub(super) fn scaled(&mut self, now: Timestamp, from: u32, to: u32) {
        self.behavior.scaled(now, from, to);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Cpu,
    Rate,
    Concurrency,
}

#[derive(Debug)]
struct Hpa {
    metric: Metric,
    target: Target,
    initialization: Duration,
    horizontal: Horizontal,
}

impl Rule for Hpa {
    fn decide(&mut self, now: Timestamp, replicas: ReplicaStatus, readings: &Readings) -> Verdict {
        let total = match self.metric {
            Metric::Cpu => metrics::cpu,
            Metric::Rate => metrics::served,
            Metric::Concurrency => metrics::presence,
        };
        let (Some(pods), Some(each)) = (readings.newest(), readings.each_growth(now, total)) else {
            return Verdict::Blind("there are no metrics yet, or no more: the replicas stay as they are");
        };
        let groups = self.groups(now, pods, &each);
        let Some(proposal) = propose(replicas.desired, &groups, self.target, self.horizontal.tolerance) else {
            return Verdict::Blind("no ready pod has a metric: the replicas stay as they are");
        };
        let ready = groups.values().filter(|group| matches!(group, Group::Ready(_))).count();
        let text = self.in_words(&proposal, ready);
        self.horizontal.verdict(now, replicas.desired, proposal, &text, proposal.usage as f64)
    }

    fn scaled(&mut self, now: Timestamp, from: u32, to: u32) {
        self.horizontal.scaled(now, from, to);
    }
}

impl Hpa {
    fn groups(&self, now: Timestamp, pods: &Measurement, each: &Each) -> BTreeMap<ReplicaId, Group> {
        let group = |pod: &PodSample| {
            // pending pods count as unready whatever the metric
            let Some(ready) = pod.ready else { return Group::Unready };
            let Some(value) = each.values.get(&pod.replica) else { return Group::Missing };
            let is_young = self.metric == Metric::Cpu && now.since(pod.asked) < self.initialization;
            if is_young && each.at < ready + each.span { Group::Unready } else { Group::Ready(milli(*value)) }
        };
        pods.pods.iter().map(|pod| (pod.replica, group(pod))).collect()
    }

    fn in_words(&self, proposal: &Proposal, ready: usize) -> String {
        let Proposal { ratio, usage, .. } = *proposal;
        let usage = match self.target {
            Target::Utilization { percent, .. } => format!("cpu {usage} % of the request, target {percent} %"),
            Target::AverageValue(target) => {
                let what = if self.metric == Metric::Rate { "requests/s" } else { "requests in flight" };
                format!("{:.1} {what} per pod, target {}", usage as f64 / 1e3, target as f64 / 1e3)
            }
        };
        let plural = if ready == 1 { "" } else { "s" };
        format!("{usage}, {ready} ready pod{plural}: ratio {ratio:.2}")
    }
}

/// In thousandths, rounded up as Kubernetes' quantities are.
fn milli(value: f64) -> i64 {
    // the noise of a product's last digits is no thousandth
    ((value * 1e3) - 1e-6).ceil() as i64
}

#[cfg(test)]
mod laws;
