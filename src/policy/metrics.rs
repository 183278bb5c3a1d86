//! The platform's metrics as a controller gets to see them: collected every so often, and seen late.
//!
//! ```text
//!   collected    x     x     x     x     x     x
//!   seen at now              |--- window ---|--- lag ---| now
//! ```
//!
//! Averages and maxima over windows of readings; what a controller makes of them is its own rule.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::settings::{Parameter, Settings};
use super::{Action, Measurement, PodSample};

const HOUR: Duration = Duration::from_secs(3_600);

/// The two settings every reader of metrics has; the first default is the reader's own.
pub(super) fn parameters(interval: Duration) -> [Parameter; 2] {
    [
        Parameter::duration(
            "metrics_interval",
            (Duration::from_millis(100), HOUR),
            interval,
            "time between two readings of the platform's metrics",
        ),
        Parameter::duration(
            "metrics_lag",
            (Duration::ZERO, HOUR),
            Duration::ZERO,
            "how much later than it was taken a reading is seen, on top of the wait for the next one",
        ),
    ]
}

/// Readings of the studied function's metrics.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    every: Duration,
    lag: Duration,
    /// How far back the longest window looks.
    longest: Duration,
    next: Option<Timestamp>,
    /// In order of time.
    taken: VecDeque<(Timestamp, Measurement)>,
}

impl Readings {
    /// With the two settings of [`parameters`]; `longest` is the longest window that will be asked for.
    pub(super) fn new(settings: &Settings, longest: Duration) -> Self {
        let (every, lag) = (settings.duration("metrics_interval"), settings.duration("metrics_lag"));
        Self { every, lag, longest: longest.max(every), next: None, taken: VecDeque::new() }
    }

    /// The first reading is due.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.next = Some(now);
    }

    /// When the next reading is due.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.next
    }

    /// Asks for a reading if it is due. Readings that were slept through are left out.
    pub(super) fn ask(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(due) = self.next.filter(|due| *due <= now) else { return };
        self.next = Some(after(due, self.every, now));
        actions.push(Action::Measure { function: FunctionId::STUDIED });
    }

    /// A reading has come; one that failed leaves a gap.
    pub(super) fn told(&mut self, now: Timestamp, sample: Option<&Measurement>) {
        let Some(sample) = sample else { return };
        self.taken.push_back((now, sample.clone()));
        // one more than what the window holds, so that there is something to take a difference from
        let keep = self.lag + self.longest + self.every * 2;
        while self.taken.front().is_some_and(|(at, _)| now.since(*at) > keep) {
            self.taken.pop_front();
        }
    }

    /// The newest reading, as pods are watched: without lag.
    pub(super) fn newest(&self) -> Option<&Measurement> {
        self.taken.back().map(|(_, sample)| sample)
    }

    /// The readings of a window that ends as far back as the lag says, in order.
    fn window(&self, now: Timestamp, window: Duration) -> impl DoubleEndedIterator<Item = &(Timestamp, Measurement)> {
        let seen = move |at: Timestamp| now.since(at) >= self.lag && now.since(at) <= self.lag + window;
        self.taken.iter().filter(move |(at, _)| seen(*at))
    }

    /// Answers per second at the gateway over a window; `None` without two readings in it.
    pub(super) fn answers_per_second(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let mut readings = self.window(now, window);
        let (first_at, first) = readings.next()?;
        let (last_at, last) = readings.next_back()?;
        Some(last.answered.saturating_sub(first.answered) as f64 / last_at.since(*first_at).as_secs_f64())
    }

    /// The highest number of requests in flight at the gateway over a window.
    pub(super) fn most_in_flight(&self, now: Timestamp, window: Duration) -> Option<u32> {
        self.window(now, window).map(|(_, sample)| sample.in_flight).max()
    }

    /// The newest number of requests in flight at the gateway that is seen, not older than a window.
    pub(super) fn in_flight(&self, now: Timestamp, window: Duration) -> Option<u32> {
        self.window(now, window).next_back().map(|(_, sample)| sample.in_flight)
    }

    /// How fast a total of the pods grew over a window, per second, all pods together, of readings one after the other: a pod that is
    /// gone counts for as long as it was seen. `None` without two readings in the window.
    pub(super) fn growth(&self, now: Timestamp, window: Duration, total: fn(&PodSample) -> f64) -> Option<f64> {
        let mut readings = self.window(now, window);
        let mut before = readings.next()?;
        let start = before.0;
        let mut grown = 0.0;
        let mut end = None;
        for reading in readings {
            grown += reading.1.pods.iter().map(|pod| total(pod) - of(&before.1, pod.replica, total)).sum::<f64>();
            end = Some(reading.0);
            before = reading;
        }
        Some(grown / end?.since(start).as_secs_f64())
    }

    /// The growth of a total per second of each pod between the newest two readings that are seen, with the time of the newer and
    /// the time between them. Pods that are not in both have none.
    pub(super) fn each_growth(&self, now: Timestamp, total: fn(&PodSample) -> f64) -> Option<Each> {
        let mut readings = self.window(now, self.longest);
        let (at, last) = readings.next_back()?;
        let (before_at, before) = readings.next_back()?;
        let span = at.since(*before_at);
        let in_both = last.pods.iter().filter(|pod| before.pods.iter().any(|other| other.replica == pod.replica));
        let rate = |pod: &PodSample| (total(pod) - of(before, pod.replica, total)) / span.as_secs_f64();
        Some(Each { at: *at, span, values: in_both.map(|pod| (pod.replica, rate(pod))).collect() })
    }
}

/// A value for each pod that has one.
#[derive(Clone, Debug)]
pub(super) struct Each {
    /// When it was taken.
    pub(super) at: Timestamp,
    /// The time it is an average of.
    pub(super) span: Duration,
    /// By pod.
    pub(super) values: BTreeMap<ReplicaId, f64>,
}

/// CPU time, in seconds.
pub(super) fn cpu(pod: &PodSample) -> f64 {
    pod.cpu_time.as_secs_f64()
}

/// Time spent by requests, in seconds: its growth is the average concurrency.
pub(super) fn presence(pod: &PodSample) -> f64 {
    pod.request_time.as_secs_f64()
}

/// Requests served.
pub(super) fn served(pod: &PodSample) -> f64 {
    pod.answered as f64
}

fn of(sample: &Measurement, replica: ReplicaId, total: fn(&PodSample) -> f64) -> f64 {
    sample.pods.iter().find(|pod| pod.replica == replica).map_or(0.0, total)
}

/// The first of `due`, `due + period`, ... after `now`.
pub(super) fn after(due: Timestamp, period: Duration, now: Timestamp) -> Timestamp {
    let passed = now.since(due).as_nanos() / period.as_nanos().max(1);
    due + period * (u32::try_from(passed).unwrap_or(u32::MAX - 1) + 1)
}

#[cfg(test)]
mod laws;
