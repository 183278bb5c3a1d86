//! What a recorded run's policy was told of the platform, told again: metrics, and how far its pods were.

use std::time::Duration;

use crate::policy::ReplicaStatus;
use crate::record::{FunctionId, Measurement};
use crate::time::Timestamp;

use super::recording::{RecordedMetrics, RecordedReplicas, RecordedRun};
use super::timestamp;

/// Metrics that were recorded within this time after a question are its answer, unless others before it are nearer.
const PATIENCE: Duration = Duration::from_millis(500);
/// A run's scaling stands in its files when the platform had answered, a moment after the policy's decision.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// The recorded metrics of all functions, in order of time.
#[derive(Debug)]
pub(super) struct Metrics(Vec<(Timestamp, FunctionId, Measurement)>);

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
        Self(samples)
    }

    /// What a policy that asks at `now` is told, and when; nothing if nothing was recorded before.
    pub(super) fn answer(&self, now: Timestamp, function: FunctionId) -> (Timestamp, Option<Measurement>) {
        let (before, from_now) = self.0.split_at(self.0.partition_point(|(at, ..)| *at < now));
        let of_function = |(_, whose, _): &&(Timestamp, FunctionId, Measurement)| *whose == function;
        let newest = before.iter().rev().find(of_function);
        let soon = from_now.iter().find(of_function).filter(|(at, ..)| *at <= now + PATIENCE);
        // a replay may ask a moment after the run did
        let is_nearer = |(soon, ..): &&(Timestamp, FunctionId, Measurement)| {
            newest.is_none_or(|(newest, ..)| *soon - now <= now - *newest)
        };
        match soon.filter(is_nearer) {
            Some((at, _, sample)) => (*at, Some(sample.clone())),
            None => (now, newest.map(|(_, _, sample)| sample.clone())),
        }
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
        let metrics = metrics(&[1.0, 2.0, 3.0]);
        let answer = |seconds, function| {
            let (at, sample) = metrics.answer(at(seconds), FunctionId(function));
            (at, sample.map(|sample| sample.answered))
        };
        assert_eq!(answer(0.2, 0), (at(0.2), None));
        assert_eq!(answer(1.9, 0), (at(2.0), Some(20)));
        assert_eq!(answer(2.0, 0), (at(2.0), Some(20)));
        assert_eq!(answer(2.1, 0), (at(2.1), Some(20)));
        assert_eq!(answer(2.4, 0), (at(2.4), Some(20)));
        assert_eq!(answer(1.9, 1), (at(1.9), None), "of another function nothing is known");
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
