//! What the gateway's counters tell: how fast requests arrive and are answered, how many wait, and for how long.
//!
//! ```text
//!   arrived = answered + in flight       its growth is the arrival rate, also while nothing gets through
//!   time spent / answered                the mean latency (Little's law)
//! ```
//!
//! The policy's own probes pass the gateway too; they are taken out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::Measurement;
use crate::time::Timestamp;

/// How far back anything looks.
const KEEP: Duration = Duration::from_secs(60);
/// A rate looks back this long at most.
const LONGEST: Duration = Duration::from_secs(16);

/// Probes sent so far, as far as they are in the gateway's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Probes {
    pub(super) under_way: u32,
    pub(super) answered: u64,
    /// Their latencies together, in seconds.
    pub(super) spent: f64,
}

/// The counters at one moment, without probes.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Timestamp,
    arrived: f64,
    answered: f64,
    spent: f64,
    in_flight: f64,
    ready: f64,
}

/// What went on over a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    /// How long, in seconds.
    pub(super) secs: f64,
    /// Requests per second that came.
    pub(super) arrivals: f64,
    /// Requests per second that were answered.
    pub(super) answers: f64,
    /// How many were answered.
    pub(super) answered: f64,
    /// How many were in flight on average.
    pub(super) in_flight: f64,
    /// How many replicas served on average.
    pub(super) ready: f64,
}

impl Flow {
    /// Mean latency in seconds, by Little's law; `None` without an answer.
    pub(super) fn latency(&self) -> Option<f64> {
        (self.answers > 0.0 && self.in_flight > 0.0).then(|| self.in_flight / self.answers)
    }
}

/// Readings of the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    readings: VecDeque<Reading>,
}

impl Book {
    /// Takes down a reading.
    pub(super) fn note(&mut self, at: Timestamp, sample: &Measurement, probes: Probes, ready: u32) {
        let in_flight = f64::from(sample.in_flight.saturating_sub(probes.under_way));
        let answered = sample.answered.saturating_sub(probes.answered) as f64;
        let spent = sample.request_time.as_secs_f64() - probes.spent;
        // counters that fell are those of a gateway that began anew
        if self.readings.back().is_some_and(|last| answered < last.answered) {
            self.readings.clear();
        }
        let arrived = answered + in_flight;
        self.readings.push_back(Reading { at, arrived, answered, spent, in_flight, ready: f64::from(ready) });
        while self.readings.front().is_some_and(|first| at.since(first.at) > KEEP) {
            self.readings.pop_front();
        }
    }

    /// When it was written in last.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.readings.back().map(|reading| reading.at)
    }

    /// Requests in flight at the last reading.
    pub(super) fn in_flight(&self) -> f64 {
        self.readings.back().map_or(0.0, |reading| reading.in_flight)
    }

    /// What went on between the last reading and the newest one that is at least `window` older; `None` with a single reading.
    pub(super) fn flow(&self, window: Duration) -> Option<Flow> {
        let last = self.readings.back()?;
        let slack = Duration::from_millis(50);
        let from = self.readings.iter().rposition(|reading| last.at.since(reading.at) + slack >= window).unwrap_or(0);
        let first = &self.readings[from];
        let secs = last.at.since(first.at).as_secs_f64();
        if secs <= 0.0 {
            return None;
        }
        let between = self.readings.range(from + 1..);
        let count = between.len() as f64;
        Some(Flow {
            secs,
            arrivals: ((last.arrived - first.arrived) / secs).max(0.0),
            answers: ((last.answered - first.answered) / secs).max(0.0),
            answered: last.answered - first.answered,
            in_flight: ((last.spent - first.spent) / secs).max(0.0),
            ready: between.map(|reading| reading.ready).sum::<f64>() / count,
        })
    }

    /// The flow since the load changed last, as far as that can be told: over the longest of some windows whose rate the shorter
    /// ones don't contradict. Counts of independent requests stray by their square root; three of it are taken for a change.
    pub(super) fn recent(&self) -> Option<Flow> {
        let mut flow = self.flow(LONGEST)?;
        for secs in [8, 4, 2, 1] {
            let window = Duration::from_secs(secs);
            let shorter = self.flow(window)?;
            let expected = flow.arrivals * shorter.secs;
            if (shorter.arrivals * shorter.secs - expected).abs() > 3.0 * expected.sqrt() + 1.0 {
                flow = shorter;
            }
        }
        Some(flow)
    }
}
