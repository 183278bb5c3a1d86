//! How many replicas a metric calls for: Kubernetes' `replica_calculator.go`, on whole thousandths as it counts.
//!
//! ```text
//!   pods --> with a metric | missing one | not ready yet        ratio = usage / target
//!            replicas = ceil(ratio x pods), pods without a metric counted so that the step is the smaller one
//! ```
//!
//! Neither time windows nor limits of steps enter here.

use std::collections::BTreeMap;

use crate::record::ReplicaId;

/// A pod as the calculator groups it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// It has a metric that counts, in thousandths.
    Ready(i64),
    /// It should have a metric and has none.
    Missing,
    /// It is not ready, or too young for its metric to count.
    Unready,
}

/// What a metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A share of what each pod requests: `Resource` metrics with `averageUtilization`.
    Utilization {
        /// In per cent.
        percent: i64,
        /// What a pod requests, in thousandths.
        request: i64,
    },
    /// An amount per pod: `Pods` metrics with `averageValue`, in thousandths.
    AverageValue(i64),
}

/// What the metric calls for, and how it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    /// Replicas.
    pub(super) replicas: u32,
    /// Usage over target of the pods that count.
    pub(super) ratio: f64,
    /// Usage: per cent of the request, or thousandths per pod.
    pub(super) usage: i64,
}

/// The proposal for these pods; `None` if no pod has a metric that counts. `current` is what stands in the Deployment.
pub(super) fn propose(
    current: u32,
    pods: &BTreeMap<ReplicaId, Group>,
    target: Target,
    tolerance: f64,
) -> Option<Proposal> {
    let mut values: Vec<i64> = pods.values().filter_map(|group| group.value()).collect();
    let ready = values.len();
    if ready == 0 {
        return None;
    }
    let (ratio, usage) = target.ratio(&values);
    let keep = Proposal { replicas: current, ratio, usage };
    let count = |group: Group| pods.values().filter(|other| **other == group).count();
    let (missing, unready) = (count(Group::Missing), count(Group::Unready));
    let fills_unready = unready > 0 && ratio > 1.0;
    if !fills_unready && missing == 0 {
        let close = (1.0 - ratio).abs() <= tolerance;
        return Some(if close { keep } else { Proposal { replicas: ceil(ratio, ready), ..keep } });
    }
    // pods without a metric are taken to be busy on the way down, and idle on the way up
    if ratio < 1.0 {
        values.extend(std::iter::repeat_n(target.full(), missing));
    } else if ratio > 1.0 || matches!(target, Target::AverageValue(_)) {
        values.extend(std::iter::repeat_n(0, missing));
    }
    if fills_unready {
        values.extend(std::iter::repeat_n(0, unready));
    }
    let (again, _) = target.ratio(&values);
    let turns = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
    if (1.0 - again).abs() <= tolerance || turns {
        return Some(keep);
    }
    let replicas = ceil(again, values.len());
    if (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current) {
        return Some(keep);
    }
    Some(Proposal { replicas, ..keep })
}

/// The proposal of a total that is not any pod's own: `External` metrics with `averageValue`. All in thousandths.
pub(super) fn propose_for_total(current: u32, total: i64, per_replica: i64, tolerance: f64) -> Proposal {
    let ratio = total as f64 / (per_replica as f64 * f64::from(current));
    let close = (1.0 - ratio).abs() <= tolerance;
    let wanted = (total as f64 / per_replica as f64).ceil();
    Proposal { replicas: if close { current } else { wanted as u32 }, ratio, usage: total }
}

impl Group {
    const fn value(self) -> Option<i64> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Missing | Self::Unready => None,
        }
    }
}

impl Target {
    /// Usage over target, and usage. Cut to whole numbers where the original does.
    fn ratio(self, values: &[i64]) -> (f64, i64) {
        let total: i64 = values.iter().sum();
        let pods = values.len().try_into().unwrap_or(i64::MAX);
        match self {
            Self::Utilization { percent, request } => {
                let utilization = total * 100 / request.saturating_mul(pods).max(1);
                (utilization as f64 / percent as f64, utilization)
            }
            Self::AverageValue(target) => {
                let average = total / pods;
                (average as f64 / target as f64, average)
            }
        }
    }

    /// What a pod without a metric counts as on the way down: all that it requests, or more if the target is more.
    fn full(self) -> i64 {
        match self {
            Self::Utilization { percent, request } => request * percent.max(100) / 100,
            Self::AverageValue(target) => target,
        }
    }
}

fn ceil(ratio: f64, pods: usize) -> u32 {
    (ratio * pods as f64).ceil() as u32
}
