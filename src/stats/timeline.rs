//! A run second by second, counted from the load's start.
//!
//! ```text
//!   warm-up           load                                       whole seconds of the load's clock
//!   |  -2  |  -1  |   0   |   1   |   2   |
//!                         ^ second(): the platform as it stands where a second ends
//! ```
//!
//! Memory grows with the seconds of a run (and with the requests of two of them), not with its requests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::percentile::percentile;
use crate::record::{Lost, PlatformSample, RequestRow};
use crate::time::{Timestamp, nanos};

const SECOND: i64 = 1_000_000_000;

/// One second of a run. What is unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Start of the second, in seconds since the load's start; negative in the warm-up.
    pub start: i64,
    /// Requests the schedules called for in it.
    pub planned: Option<u64>,
    /// Requests that left in it. Known once all of them were answered or given up.
    pub sent: Option<u64>,
    /// Requests that were answered in it, with any status.
    pub completed: u64,
    /// Requests that failed in it: no answer, or a status of 400 and above.
    pub errors: u64,
    /// Planned requests of which it turned out in this second that they never leave.
    pub lost: u64,
    /// Requests under way at its end. Known when `sent` is.
    pub in_flight: Option<u64>,
    /// Latencies from leaving, of the requests answered in it.
    pub latency: Option<SecondLatency>,
    /// The platform at its end.
    pub platform: Option<PlatformSecond>,
    /// CPU time used in it, over the time of all cores, 0 to 1.
    pub utilisation: Option<f64>,
    /// Time lived in it by all replicas.
    pub replica_time: Option<Duration>,
}

/// Latencies of one second's answers, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondLatency {
    /// Median.
    pub p50: Duration,
    /// 90 % took no longer.
    pub p90: Duration,
    /// 95 % took no longer.
    pub p95: Duration,
    /// 99 % took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// The platform at the end of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatformSecond {
    /// Requests that wait for a worker thread.
    pub queue: u32,
    /// Replicas asked for.
    pub desired: u32,
    /// Replicas in service.
    pub ready: u32,
    /// Replicas on their way up.
    pub starting: u32,
    /// Replicas on their way down.
    pub terminating: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    planned: Option<u64>,
    sent: u64,
    completed: u64,
    /// Answered or given up: what is no longer under way.
    done: u64,
    errors: u64,
    lost: u64,
    latency: Option<SecondLatency>,
    platform: Option<PlatformSecond>,
    cpu: Option<(Duration, Duration)>,
    replica_time: Option<Duration>,
}

/// Rows per second, aggregated as requests, losses and platform samples come in.
#[derive(Debug)]
pub struct Timeline {
    load_start: Timestamp,
    cores: Option<u32>,
    /// The second of `rows[0]`.
    first: i64,
    /// The first second that is not over.
    open: i64,
    rows: Vec<Counts>,
    /// Latencies in nanoseconds of seconds that are not settled.
    latencies: BTreeMap<i64, Vec<u64>>,
    last_sample: (Timestamp, PlatformSample),
    planned: u64,
    /// When the run began; the platform may have stood ready for a while then.
    began: Timestamp,
}

impl Timeline {
    /// A run whose load starts at `load_start`, on a platform with this many cores, if known.
    pub fn new(load_start: Timestamp, cores: Option<u32>) -> Self {
        let first = second_of(Timestamp::ZERO, load_start);
        Self {
            load_start,
            cores: cores.filter(|cores| *cores > 0),
            first,
            open: first,
            rows: Vec::new(),
            latencies: BTreeMap::new(),
            last_sample: (Timestamp::ZERO, PlatformSample::default()),
            planned: 0,
            began: Timestamp::ZERO,
        }
    }

    /// The run begins at `at`, before anything is counted. The time before belongs to no second: the clock runs since the platform
    /// was started, and what scales it from outside may have taken a while to get ready.
    pub fn begin(&mut self, at: Timestamp) {
        if self.rows.is_empty() {
            self.began = at;
            self.first = second_of(at, self.load_start);
            self.open = self.first;
        }
    }

    /// Counts a request that was answered or given up.
    pub fn request(&mut self, row: &RequestRow) {
        self.row(second_of(row.sent, self.load_start)).sent += 1;
        let done = second_of(row.done, self.load_start);
        let counts = self.row(done);
        counts.done += 1;
        counts.errors += u64::from(!row.is_ok());
        if row.answer.is_ok() {
            counts.completed += 1;
            self.latencies.entry(done).or_default().push(nanos(row.latency()));
        }
    }

    /// Counts planned requests that turned out at `at` to be lost.
    pub fn lost(&mut self, at: Timestamp, lost: Lost) {
        self.row(second_of(at, self.load_start)).lost += lost.busy + lost.late;
    }

    /// A second ended at about `at`; `planned` counts the requests called for so far. Returns the seconds that are over now, with
    /// `sent` and `in_flight` still unknown.
    ///
    /// The sample belongs to the whole second nearest to `at`, since a live driver comes a little late. Where samples are missing
    /// (the host stood still) the seconds between stay without a platform, and the next one carries what was planned and used.
    pub fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Vec<Second> {
        let ended = second_of(at + Duration::from_millis(500), self.load_start) - 1;
        self.sample(ended, at, planned, sample);
        let from = self.open;
        self.close(ended);
        (from..self.open).map(|second| Second { sent: None, in_flight: None, ..self.show(second, 0) }).collect()
    }

    /// The run is over: all its seconds, complete. `planned` counts what was called for in all.
    pub fn finish(&mut self, end: Timestamp, planned: u64, sample: &PlatformSample) -> Vec<Second> {
        // a last piece of less than half a second in which nothing happened belongs to the second before
        let nearest = second_of(end + Duration::from_millis(500), self.load_start) - 1;
        let seen = self.first + i64::try_from(self.rows.len()).unwrap_or(i64::MAX) - 1;
        let last = nearest.max(seen);
        self.sample(last, end, planned, sample);
        self.close(last);
        for second in self.latencies.keys().copied().collect::<Vec<_>>() {
            self.settle(second);
        }
        let mut under_way = 0_u64;
        (self.first..self.open)
            .map(|second| {
                let counts = self.row(second);
                under_way = (under_way + counts.sent).saturating_sub(counts.done);
                self.show(second, under_way)
            })
            .collect()
    }

    fn row(&mut self, second: i64) -> &mut Counts {
        // a row from before the run's start does not exist; should a driver make one, it is counted in the first second
        let index = (second - self.first).max(0) as usize;
        if index >= self.rows.len() {
            self.rows.resize(index + 1, Counts::default());
        }
        &mut self.rows[index]
    }

    fn sample(&mut self, second: i64, at: Timestamp, planned: u64, sample: &PlatformSample) {
        let (before_at, before) = std::mem::replace(&mut self.last_sample, (at, *sample));
        let called = planned.saturating_sub(self.planned);
        self.planned = self.planned.max(planned);
        if second < self.first {
            return;
        }
        let passed = at - before_at;
        let used = sample.cpu_time.map(|now| now.saturating_sub(before.cpu_time.unwrap_or_default()));
        let lived = sample.replica_time.saturating_sub(before.replica_time);
        // before the run's begin nothing scales, so the replicas were steady
        let lived = match at - before_at.max(self.began) {
            since_begin if before_at < self.began && !passed.is_zero() => {
                lived.mul_f64(since_begin.as_secs_f64() / passed.as_secs_f64())
            }
            _ => lived,
        };
        let row = self.row(second);
        row.planned = Some(row.planned.unwrap_or(0) + called);
        row.platform = Some(PlatformSecond {
            queue: sample.queue,
            desired: sample.desired,
            ready: sample.ready,
            starting: sample.starting,
            terminating: sample.terminating,
        });
        if let Some(used) = used {
            let (used_before, passed_before) = row.cpu.unwrap_or_default();
            row.cpu = Some((used_before + used, passed_before + passed));
        }
        row.replica_time = Some(row.replica_time.unwrap_or_default() + lived);
    }

    /// All seconds up to `last` are over.
    fn close(&mut self, last: i64) {
        while self.open <= last {
            let second = self.open;
            self.row(second);
            self.settle(second);
            // rows of the second before may have come a moment late; they are not waited for any longer
            if let Some(before) =
                self.latencies.first_key_value().map(|(second, _)| *second).filter(|key| *key < second)
            {
                self.settle(before);
                self.latencies.remove(&before);
            }
            self.open += 1;
        }
    }

    fn settle(&mut self, second: i64) {
        let Some(latencies) = self.latencies.get_mut(&second) else { return };
        latencies.sort_unstable();
        let at = |percent| Duration::from_nanos(percentile(latencies, percent).unwrap_or_default());
        let latency = SecondLatency { p50: at(50.0), p90: at(90.0), p95: at(95.0), p99: at(99.0), max: at(100.0) };
        self.row(second).latency = Some(latency);
    }

    fn show(&self, second: i64, in_flight: u64) -> Second {
        let counts = self.rows[(second - self.first) as usize];
        let utilisation = counts.cpu.zip(self.cores).and_then(|((used, passed), cores)| {
            let share = used.as_secs_f64() / (passed.as_secs_f64() * f64::from(cores));
            share.is_finite().then_some(share)
        });
        Second {
            start: second,
            planned: counts.planned,
            sent: Some(counts.sent),
            completed: counts.completed,
            errors: counts.errors,
            lost: counts.lost,
            in_flight: Some(in_flight),
            latency: counts.latency,
            platform: counts.platform,
            utilisation,
            replica_time: counts.replica_time,
        }
    }
}

/// The whole second of the load's clock in which a time lies.
fn second_of(at: Timestamp, load_start: Timestamp) -> i64 {
    let nanos = i128::from(at.as_nanos()) - i128::from(load_start.as_nanos());
    nanos.div_euclid(i128::from(SECOND)) as i64
}

#[cfg(test)]
mod laws;
