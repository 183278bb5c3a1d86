//! What was recorded of a run, as a replay takes it: counters as somebody read them, or every answer, and probes.
//!
//! Times are seconds since the load's start, negative before it. How recordings come out of files is `study::recording`'s matter.

use crate::policy::FunctionInfo;
use crate::record::{Answer, FunctionId, Measurement};

/// What was recorded of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its name and labels.
    pub info: FunctionInfo,
    /// Its counters.
    pub counted: Counted,
    /// Replicas desired at the start.
    pub replicas: u32,
    /// Fewest and most replicas the platform grants.
    pub bounds: (u32, u32),
}

/// How a function's counters were recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Counted {
    /// Somebody read them now and then: what they were in between is not known.
    Readings(Vec<Series>),
    /// Every answer with its time, in any order: the counters are known at all times.
    Answers(Vec<Answered>),
}

/// One counter over time. A function has one per status and gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Status of the answers it counts.
    pub code: u16,
    /// (time, answers so far), in any order. Times that are no finite number are left out; of equal times the last counts.
    pub samples: Vec<(f64, f64)>,
}

/// One reading of one counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since the load's start, negative before it.
    pub t_s: f64,
    /// Status of the answers it counts.
    pub code: u16,
    /// Answers so far.
    pub value: f64,
}

/// One answer of the function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answered {
    /// When it was complete, in seconds since the load's start.
    pub t_s: f64,
    /// Its status.
    pub code: u16,
}

/// One probe of the policy that scaled the recorded run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordedProbe {
    /// When it left, in seconds since the load's start.
    pub sent_s: f64,
    /// When its answer was complete, or it was given up.
    pub done_s: f64,
    /// Status or error.
    pub answer: Answer,
}

/// A platform's metrics of a function as a policy was told of them.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedMetrics {
    /// When, in seconds since the load's start.
    pub t_s: f64,
    /// Of which function.
    pub function: FunctionId,
    /// Its totals. The times of the pods in it are those of `pods`.
    pub sample: Measurement,
    /// When each pod was asked for, and since when it is in service, in seconds since the load's start.
    pub pods: Vec<(f64, Option<f64>)>,
}

/// Replicas from a moment on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordedReplicas {
    /// When, in seconds since the load's start.
    pub t_s: f64,
    /// Desired.
    pub desired: u32,
    /// In service.
    pub ready: u32,
}

/// What was recorded of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedRun {
    /// Its functions; the first is the one under study.
    pub functions: Vec<Recording>,
    /// Its probes, in any order.
    pub probes: Vec<RecordedProbe>,
    /// What its policy was told of the platform's metrics, in any order.
    pub metrics: Vec<RecordedMetrics>,
    /// Replicas of the function under study from a moment on, in order of time.
    pub replicas: Vec<RecordedReplicas>,
    /// When the run began and ended, where it is known; else its first and its last reading stand for it.
    pub span: Option<(f64, f64)>,
}

impl Recording {
    /// Of a function of the Community Edition with one gateway: 1 replica at the start, 1 to 5 granted.
    pub fn new(info: FunctionInfo, samples: Vec<Sample>) -> Self {
        let mut series: Vec<Series> = Vec::new();
        for Sample { t_s, code, value } in samples {
            match series.iter_mut().find(|series| series.code == code) {
                Some(series) => series.samples.push((t_s, value)),
                None => series.push(Series { code, samples: vec![(t_s, value)] }),
            }
        }
        Self::of(info, Counted::Readings(series))
    }

    /// The same, however it was counted.
    pub fn of(info: FunctionInfo, counted: Counted) -> Self {
        Self { info, counted, replicas: 1, bounds: (1, 5) }
    }

    /// Times of all readings or answers.
    pub(super) fn times(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        let times: Box<dyn Iterator<Item = f64>> = match &self.counted {
            Counted::Readings(series) => {
                Box::new(series.iter().flat_map(|series| series.samples.iter().map(|(t_s, _)| *t_s)))
            }
            Counted::Answers(answers) => Box::new(answers.iter().map(|answered| answered.t_s)),
        };
        Box::new(times.filter(|t_s| t_s.is_finite()))
    }
}
