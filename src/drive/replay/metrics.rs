//! What a recorded run's policy was told of the platform, told again: metrics, and how far its pods were.

use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::ReplicaStatus;
use crate::record::{FunctionId, Measurement};
use crate::time::Timestamp;

use super::recording::{RecordedMetrics, RecordedReplicas, RecordedRun};
use super::timestamp;

/// Metrics that were recorded within this time after a question are its answer; else the newest before it are.
const PATIENCE: Duration = Duration::from_millis(500);
/// A run's scaling stands in its files when the platform had answered, a moment after the policy's decision.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// The recorded metrics of all functions, in order of time.
#[derive(Debug)]
pub(super) struct Metrics {
    samples: Vec<(Timestamp, FunctionId, Measurement)>,
    /// Questions that are answered later: when, and by which sample.
    due: VecDeque<(Timestamp, usize)>,
}

/// What a question about metrics gets.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// This, at once; nothing if nothing was recorded before.
    Now(Option<Measurement>),
    /// What [`Metrics::take`] gives when its time has come.
    Later,
}

impl Metrics {
    pub(super) fn new(load_start: Timestamp, run: &RecordedRun) -> Self {
        let sample = |recorded: &RecordedMetrics| {
            let mut sample = recorded.sample.clone();
            for (pod, (asked_s, ready_s)) in sample.pods.iter_mut().zip(&recorded.pods) {
                pod.asked = timestamp(load_start, *asked_s);
                pod.ready = ready_s.map(|ready_s| timestamp(load_start, ready_s));
            }
            (timestamp(load_start, recorded.t_s), recorded.function, sample)
        };
        let mut samples: Vec<_> = run.metrics.iter().map(sample).collect();
        samples.sort_by_key(|(at, function, _)| (*at, *function));
        Self { samples, due: VecDeque::new() }
    }

    /// A policy asks at `now`.
    pub(super) fn ask(&mut self, now: Timestamp, function: FunctionId) -> Told {
        let from = self.samples.partition_point(|(at, ..)| *at < now);
        let later = self.samples[from..].iter().position(|(_, whose, _)| *whose == function).map(|place| from + place);
        if let Some(place) = later.filter(|place| self.samples[*place].0 <= now + PATIENCE) {
            self.due.push_back((self.samples[place].0, place));
            return Told::Later;
        }
        let before = self.samples[..from].iter().rev().find(|(_, whose, _)| *whose == function);
        Told::Now(before.map(|(_, _, sample)| sample.clone()))
    }

    /// When the next question is answered. Those asked later are never answered sooner: each gets the first sample after it.
    pub(super) fn next(&self) -> Timestamp {
        self.due.front().map_or(Timestamp::MAX, |(at, _)| *at)
    }

    /// The answer that is due.
    pub(super) fn take(&mut self) -> Option<(FunctionId, Measurement)> {
        let (_, place) = self.due.pop_front()?;
        let (_, function, sample) = &self.samples[place];
        Some((*function, sample.clone()))
    }
}

/// Replicas that are ready where `desired` are asked for: as many as in the recorded run while it wanted as many; where the replay has gone
/// its own way, all of them.
pub(super) fn status(load_start: Timestamp, run: &[RecordedReplicas], now: Timestamp, desired: u32) -> ReplicaStatus {
    let at = |when: Timestamp| {
        let when_s = when.seconds_since(load_start);
        let after = run.partition_point(|then| then.t_s <= when_s);
        after.checked_sub(1).map(|place| run[place])
    };
    let wanted_so = |then: &RecordedReplicas| then.desired == desired;
    let soon = || at(now + ANSWERED_WITHIN).filter(wanted_so).and_then(|_| at(now));
    let then = at(now).filter(wanted_so).or_else(soon);
    ReplicaStatus { desired, ready: then.map_or(desired, |then| then.ready) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        timestamp(Timestamp::from_secs(100), seconds)
    }

    fn metrics(times: &[f64]) -> Metrics {
        let recorded = |t_s: &f64| RecordedMetrics {
            t_s: *t_s,
            function: FunctionId::STUDIED,
            sample: Measurement { answered: (*t_s * 10.0) as u64, ..Measurement::default() },
            pods: Vec::new(),
        };
        let run = RecordedRun { metrics: times.iter().map(recorded).collect(), ..RecordedRun::default() };
        Metrics::new(Timestamp::from_secs(100), &run)
    }

    #[test]
    fn a_question_gets_the_sample_right_after_it_or_the_newest_before() {
        let mut metrics = metrics(&[1.0, 2.0, 3.0]);
        assert_eq!(metrics.ask(at(0.2), FunctionId::STUDIED), Told::Now(None));
        assert_eq!(metrics.ask(at(1.9), FunctionId::STUDIED), Told::Later);
        assert_eq!(metrics.next(), at(2.0));
        assert_eq!(metrics.take().map(|(_, sample)| sample.answered), Some(20));
        assert_eq!(metrics.next(), Timestamp::MAX);
        let Told::Now(Some(sample)) = metrics.ask(at(2.4), FunctionId::STUDIED) else { panic!("at once") };
        assert_eq!(sample.answered, 20);
        assert_eq!(metrics.ask(at(1.9), FunctionId(1)), Told::Now(None), "of another function nothing is known");
    }

    #[test]
    fn pods_take_as_long_as_in_the_run_as_long_as_the_same_is_wanted() {
        let then = |t_s, desired, ready| RecordedReplicas { t_s, desired, ready };
        let run = [then(-5.0, 1, 1), then(10.1, 3, 1), then(12.0, 3, 2), then(13.0, 3, 3)];
        let ready = |seconds, desired| status(Timestamp::from_secs(100), &run, at(seconds), desired).ready;
        assert_eq!([ready(5.0, 1), ready(10.0, 3), ready(11.0, 3), ready(12.5, 3), ready(20.0, 3)], [1, 1, 1, 2, 3]);
        // the run never wanted so many
        assert_eq!([ready(5.0, 2), ready(20.0, 5)], [2, 5]);
    }
}
