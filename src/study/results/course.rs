//! What a run's requests and probes were like over its time, as they come in: windows of the objective, slowdown, cold starts, probes
//! beside users. Whole numbers are added up, so that the order of the rows does not matter. No file here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::about::RunAbout;
use crate::record::{Lost, ProbeRow, RequestRow};
use crate::stats::inference::correlation::{lag, pearson, spearman};
use crate::stats::step_fn::StepFn;
use crate::stats::timeline::Second;
use crate::stats::windows::Windows;
use crate::time::{Timestamp, nanos};

/// How far a lag of the probes is looked for, in seconds.
const LAG_MOST: u32 = 10;

/// A run's course so far.
#[derive(Debug)]
pub(super) struct Course {
    load_start: Timestamp,
    /// What a request takes alone, where that is known.
    alone: Option<Duration>,
    pub(super) windows: Windows,
    answered: u64,
    /// Answered well.
    pub(super) good: u64,
    /// Sum of max(latency from due, alone) of the answered, in nanoseconds.
    slowed: u128,
    /// Latencies from sent of the answered, each rounded up to a millisecond.
    pub(super) billed_ms: u64,
    /// Whether there may have been a time without a ready replica.
    may_be_cold: bool,
    sent: u64,
    cold: u64,
    cold_answered: u64,
    /// Sum of their latencies from due, in nanoseconds.
    cold_time: u128,
    /// Answered probes: when they left, how long they took.
    probes: Vec<(Timestamp, Duration)>,
}

impl Course {
    /// Nothing yet, of a load that starts at `load_start`.
    pub(super) fn new(about: &RunAbout, load_start: Timestamp) -> Self {
        Self {
            load_start,
            alone: about.alone.map(|alone| alone.request),
            windows: Windows::new(about.slo, load_start),
            answered: 0,
            good: 0,
            slowed: 0,
            billed_ms: 0,
            may_be_cold: false,
            sent: 0,
            cold: 0,
            cold_answered: 0,
            cold_time: 0,
            probes: Vec::new(),
        }
    }

    /// So many replicas are ready from now on.
    pub(super) fn ready(&mut self, replicas: u32) {
        self.may_be_cold |= replicas == 0;
    }

    /// Counts a request that was answered or given up; `ready` are the ready replicas so far.
    pub(super) fn request(&mut self, row: &RequestRow, ready: Option<&StepFn>) {
        let from_due = row.latency_from_due();
        self.windows.request(row.due, from_due, row.is_ok());
        self.sent += 1;
        let is_cold = self.may_be_cold && ready.is_some_and(|ready| ready.at(row.sent) == 0);
        self.cold += u64::from(is_cold);
        if row.answer.is_err() {
            return;
        }
        self.answered += 1;
        self.good += u64::from(row.is_ok());
        self.slowed += u128::from(nanos(from_due.max(self.alone.unwrap_or_default())));
        self.billed_ms += row.latency().as_nanos().div_ceil(1_000_000) as u64;
        if is_cold {
            self.cold_answered += 1;
            self.cold_time += u128::from(nanos(from_due));
        }
    }

    /// Counts planned requests that turned out at `at` to be lost.
    pub(super) fn lost(&mut self, at: Timestamp, lost: Lost) {
        self.windows.lost(at, lost.busy + lost.late);
    }

    /// Counts a probe.
    pub(super) fn probe(&mut self, row: &ProbeRow) {
        if let Some(latency) = row.latency.filter(|_| row.sent >= self.load_start) {
            self.probes.push((row.sent, latency));
        }
    }

    /// Mean of max(latency from due / what a request takes alone, 1) of the answered.
    pub(super) fn slowdown(&self) -> Option<f64> {
        let alone = nanos(self.alone?);
        (self.answered > 0 && alone > 0).then(|| self.slowed as f64 / self.answered as f64 / alone as f64)
    }

    /// Share of the sent requests that left while no replica was ready.
    pub(super) fn cold_share(&self) -> Option<f64> {
        (self.sent > 0).then(|| self.cold as f64 / self.sent as f64)
    }

    /// Mean latency from due of those that were answered, in milliseconds.
    pub(super) fn cold_mean_ms(&self) -> Option<f64> {
        (self.cold_answered > 0).then(|| self.cold_time as f64 / self.cold_answered as f64 / 1e6)
    }

    /// How what the probes saw goes together with what users saw.
    pub(super) fn probes_and_users(&self, seconds: &[Second]) -> Together {
        let users: BTreeMap<i64, f64> =
            seconds.iter().filter_map(|second| Some((second.start, second.latency?.p50.as_secs_f64()))).collect();
        let second = |at: Timestamp| i64::try_from((at - self.load_start).as_secs()).unwrap_or(i64::MAX);
        let probes: Vec<(i64, f64)> =
            self.probes.iter().map(|(at, latency)| (second(*at), latency.as_secs_f64())).collect();
        let (seen, felt): (Vec<f64>, Vec<f64>) =
            probes.iter().filter_map(|(at, latency)| Some((*latency, *users.get(at)?))).unzip();
        Together {
            pearson: pearson(&seen, &felt),
            spearman: spearman(&seen, &felt),
            lag_s: lag(&probes, &users, LAG_MOST),
        }
    }
}

/// What probes and users have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Together {
    pub(super) pearson: Option<f64>,
    pub(super) spearman: Option<f64>,
    pub(super) lag_s: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Detail, ErrorKind, GeneratorId, WorkerId};
    use crate::stats::slo::Slo;
    use crate::stats::timeline::SecondLatency;

    const START: Timestamp = Timestamp::from_secs(10);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn begun() -> Course {
        let slo = Slo { latency: ms(75), percentile: 95.0 };
        let about = RunAbout { min_replicas: 0, ..RunAbout::of("a", "fixed", "simulated", slo) };
        Course::new(&about, START)
    }

    /// Due and sent so many ms into the load.
    fn request(sent: u64, latency: u64, answer: Result<u16, ErrorKind>) -> RequestRow {
        let at = START + ms(sent);
        RequestRow {
            generator: GeneratorId(0),
            worker: WorkerId(0),
            due: at,
            ready: at,
            sent: at,
            first_byte: None,
            done: at + ms(latency),
            answer,
            replica: None,
            detail: Detail::default(),
        }
    }

    #[test]
    fn a_request_is_cold_if_no_replica_was_ready_when_it_left() {
        let mut ready = StepFn::constant(0);
        ready.set(START + ms(3_000), 1);
        let mut course = begun();
        // not told of a time without replicas, nothing is looked up
        course.request(&request(100, 20, Ok(200)), Some(&ready));
        assert_eq!(course.cold_share(), Some(0.0));
        course.ready(0);
        for row in [
            request(500, 2_600, Ok(200)),
            request(2_999, 101, Ok(200)),
            request(1_000, 2_000, Err(ErrorKind::Timeout)),
            request(3_000, 20, Ok(200)),
        ] {
            course.request(&row, Some(&ready));
        }
        assert_eq!(course.cold_share(), Some(0.6));
        // of the two that were answered
        assert_eq!(course.cold_mean_ms(), Some(1_350.5));
        assert_eq!((course.good, course.billed_ms), (4, 20 + 2_600 + 101 + 20));
        assert_eq!((begun().cold_share(), course.slowdown()), (None, None));
    }

    #[test]
    fn probes_are_laid_beside_the_users_of_their_second() {
        let users = [10, 30, 20, 60, 40, 50, 90, 70, 80, 100];
        let second = |(start, p50): (i64, u64)| Second {
            start,
            latency: Some(SecondLatency { p50: ms(p50), ..SecondLatency::default() }),
            ..Second::default()
        };
        let seconds: Vec<Second> = (0..).zip(users).map(second).collect();
        let seen = |latencies: &[(u64, Option<u64>)]| {
            let mut course = begun();
            for (sent, latency) in latencies {
                course.probe(&ProbeRow {
                    sent: Timestamp::from_millis(*sent),
                    latency: latency.map(ms),
                    answer: Ok(200),
                    above: 0,
                    below: 0,
                    decision: "hold".into(),
                });
            }
            course.probes_and_users(&seconds)
        };
        // a tenth of what users feel; one before the load and one that failed do not count
        let mut probes: Vec<(u64, Option<u64>)> =
            (0..).zip(users).map(|(at, felt)| (10_500 + 1_000 * at, Some(felt / 10))).collect();
        probes.extend([(9_999, Some(7_000)), (12_700, None)]);
        let together = seen(&probes);
        assert!(together.pearson.is_some_and(|found| (found - 1.0).abs() < 1e-12), "{together:?}");
        assert!(together.spearman.is_some_and(|found| (found - 1.0).abs() < 1e-12), "{together:?}");
        assert_eq!(together.lag_s, Some(0));
        // the same two seconds later
        let late: Vec<_> = probes[..8].iter().map(|(sent, latency)| (sent + 2_000, *latency)).collect();
        assert_eq!(seen(&late).lag_s, Some(2));
        assert_eq!(seen(&[]), Together { pearson: None, spearman: None, lag_s: None });
    }
}
