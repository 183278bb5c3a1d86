//! What was measured: phases of load, each with its answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::record::Answer;
use crate::time::Timestamp;

/// How the requests of a phase were sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Design {
    /// So many callers, each of which calls again as soon as it is answered; 1 is one request at a time.
    Closed {
        /// Callers.
        parallel: u32,
    },
    /// Bursts, each from an idle function: when each request of it leaves, after the burst's begin.
    Bursts {
        /// One for each request of a burst, in ascending order.
        leaves: Vec<Duration>,
    },
    /// A recorded load: requests leave when they left then, whatever becomes of the answers.
    Recorded(Arc<Recorded>),
}

/// A recorded load, and the replicas that served it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// When each request left, in ascending order, with the number of the group it belongs to ([`Reply::group`]).
    pub arrivals: Vec<(Timestamp, u32)>,
    /// Ready replicas from a moment on, in ascending order of time; the first entry counts from the start.
    pub replicas: Vec<(Timestamp, u32)>,
}

/// One request that was answered well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// When it left.
    pub sent: Timestamp,
    /// When its answer was complete.
    pub done: Timestamp,
    /// The burst it belongs to; of other phases a stretch of time. Groups are independent of each other, more or less.
    pub group: u32,
}

impl Reply {
    /// From leaving to the answer's end, in milliseconds.
    pub fn latency_ms(&self) -> f64 {
        self.done.nanos_since(self.sent) as f64 / 1e6
    }
}

/// One phase of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// How its requests were sent.
    pub design: Design,
    /// Good answers, in the order in which they came.
    pub replies: Vec<Reply>,
    /// Other answers (a status of 400 and above, or none), by kind.
    pub failed: BTreeMap<Answer, u64>,
}

/// A whole measurement of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Its phases, in order of time.
    pub phases: Vec<Phase>,
    /// Replicas that served it throughout; recorded loads bring their own.
    pub replicas: u32,
}

impl Design {
    /// Requests under way at once at most, as far as the design says.
    pub fn parallel(&self) -> Option<u32> {
        match self {
            Self::Closed { parallel } => Some(*parallel),
            Self::Bursts { leaves } => Some(leaves.len() as u32),
            Self::Recorded(_) => None,
        }
    }

    /// The phase in words, as tables and messages have it.
    pub fn words(&self) -> String {
        match self {
            Self::Closed { parallel: 1 } => "one at a time".to_owned(),
            Self::Closed { parallel } => format!("{parallel} at a time"),
            Self::Bursts { leaves } => format!("bursts of {}", leaves.len()),
            Self::Recorded(recorded) => match recorded.replicas.as_slice() {
                [(_, replicas)] => format!("recorded, {replicas} replica{}", if *replicas == 1 { "" } else { "s" }),
                _ => "recorded".to_owned(),
            },
        }
    }
}

impl Phase {
    /// A phase of good answers.
    pub fn new(design: Design, replies: Vec<Reply>) -> Self {
        Self { design, replies, failed: BTreeMap::new() }
    }

    /// How many answers were no good ones.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Good answers per second, from the first request's leaving to the last answer.
    pub fn throughput(&self) -> Option<f64> {
        let first = self.replies.iter().map(|reply| reply.sent).min()?;
        let last = self.replies.iter().map(|reply| reply.done).max()?;
        let seconds = last.nanos_since(first) as f64 / 1e9;
        (seconds > 0.0).then(|| self.replies.len() as f64 / seconds)
    }

    /// Mean latency of good answers in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        let count = self.replies.len();
        (count > 0).then(|| self.replies.iter().map(Reply::latency_ms).sum::<f64>() / count as f64)
    }

    /// The replies by group, in ascending order of groups.
    pub(super) fn groups(&self) -> Vec<Vec<Reply>> {
        let mut groups: BTreeMap<u32, Vec<Reply>> = BTreeMap::new();
        for reply in &self.replies {
            groups.entry(reply.group).or_default().push(*reply);
        }
        groups.into_values().collect()
    }
}

impl Measurement {
    /// Good answers in all phases.
    pub fn replies(&self) -> usize {
        self.phases.iter().map(|phase| phase.replies.len()).sum()
    }

    /// The phase with one request at a time, if there is one.
    pub fn alone(&self) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.design == Design::Closed { parallel: 1 })
    }

    /// Phases with callers that call again, by rising parallelism.
    pub fn closed(&self) -> impl Iterator<Item = (u32, &Phase)> {
        self.phases.iter().filter_map(|phase| match phase.design {
            Design::Closed { parallel } => Some((parallel, phase)),
            _ => None,
        })
    }
}
