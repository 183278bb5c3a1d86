//! What the gateway's counters tell: how fast requests arrive and are answered, how many are in flight, and for how long.
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

/// It looks back this long at most.
pub(super) const LONGEST: Duration = Duration::from_secs(64);
/// Nothing has come for so long at least, where so many requests would have: whoever sent them is gone.
const SILENCE: Duration = Duration::from_secs(2);
const MISSED: f64 = 12.0;
/// Readings come a little early or late.
pub(super) const SLACK: Duration = Duration::from_millis(50);

/// The policy's own probes, as far as they are in the gateway's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct OwnProbes {
    /// In flight.
    pub(super) in_flight: u32,
    /// Answered so far.
    pub(super) answered: u64,
    /// Time spent by all of them so far, in seconds.
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
    ready: u32,
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
    /// Requests in flight, on average.
    pub(super) in_flight: f64,
    /// Replicas in service, if they were as many all the time.
    pub(super) ready: Option<u32>,
}

impl Flow {
    /// How many were answered.
    pub(super) fn answered(&self) -> f64 {
        self.answers * self.secs
    }

    /// Mean latency in seconds, by Little's law; `None` where nobody was there.
    pub(super) fn latency(&self) -> Option<f64> {
        (self.answers > 0.0 && self.in_flight > 0.0).then(|| self.in_flight / self.answers)
    }
}

/// The readings of the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    readings: VecDeque<Reading>,
    /// Nothing has come since much did.
    is_silent: bool,
}

impl Book {
    /// Takes down a reading.
    pub(super) fn note(&mut self, at: Timestamp, sample: &Measurement, probes: OwnProbes, ready: u32) {
        let in_flight = f64::from(sample.in_flight.saturating_sub(probes.in_flight));
        let answered = sample.answered.saturating_sub(probes.answered) as f64;
        let spent = sample.request_time.as_secs_f64() - probes.spent;
        let reading = Reading { at, arrived: answered + in_flight, answered, spent, in_flight, ready };
        // counters that fell are those of a gateway that began anew
        if self.readings.back().is_some_and(|last| answered < last.answered) {
            self.join(&reading);
        }
        self.readings.push_back(reading);
        while self.readings.get(1).is_some_and(|second| at.since(second.at) >= LONGEST + SLACK) {
            self.readings.pop_front();
        }
        self.listen();
    }

    /// Moves what was read of the gateway before it began anew, so that the new counters go on where the old ones ended: as if between
    /// the two there had gone on what went on just before.
    fn join(&mut self, new: &Reading) {
        let Some(last) = self.readings.len().checked_sub(1).filter(|last| *last > 0) else {
            self.readings.clear();
            return;
        };
        let (before, last) = (self.readings[last - 1], self.readings[last]);
        let part = new.at.since(last.at).as_secs_f64() / last.at.since(before.at).as_secs_f64();
        let shift = |new: f64, last: f64, before: f64| new - last - (last - before) * part;
        let (arrived, answered, spent) = (
            shift(new.arrived, last.arrived, before.arrived),
            shift(new.answered, last.answered, before.answered),
            shift(new.spent, last.spent, before.spent),
        );
        for reading in &mut self.readings {
            reading.arrived += arrived;
            reading.answered += answered;
            reading.spent += spent;
        }
    }

    /// Whoever sends pauses too; it is silence where a pause is twice as long as any of late and many would have come in it.
    fn listen(&mut self) {
        let Some(first) = self.readings.front() else { return };
        let (mut heard, mut longest) = (*first, Duration::ZERO);
        for reading in &self.readings {
            if reading.arrived > heard.arrived {
                longest = longest.max(reading.at.since(heard.at));
                heard = *reading;
            }
        }
        let pause = self.readings.back().map_or(Duration::ZERO, |last| last.at.since(heard.at));
        let active = heard.at.since(first.at).as_secs_f64();
        let missed = (heard.arrived - first.arrived) / active.max(1.0) * pause.as_secs_f64();
        let is_end = pause >= SILENCE.max(longest * 2) && missed >= MISSED;
        self.is_silent = self.in_flight() <= 0.0 && !pause.is_zero() && (self.is_silent || is_end);
    }

    /// Whether whoever sent requests has stopped altogether, which is no chance and no dip.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Nothing is known any more.
    pub(super) fn close(&mut self) {
        self.readings.clear();
        self.is_silent = false;
    }

    /// Requests in flight at the last reading.
    pub(super) fn in_flight(&self) -> f64 {
        self.readings.back().map_or(0.0, |reading| reading.in_flight)
    }

    /// Where the last reading stands.
    pub(super) fn end(&self) -> Option<usize> {
        self.readings.len().checked_sub(1)
    }

    /// What went on from the newest reading that is at least `window` older than the last (or the oldest there is) until the last;
    /// `None` with a single reading.
    pub(super) fn flow(&self, window: Duration) -> Option<Flow> {
        self.between(self.place(window)?, self.end()?)
    }

    /// Where the newest reading stands that is at least `window` older than the last, or the oldest there is.
    pub(super) fn place(&self, window: Duration) -> Option<usize> {
        let last = self.readings.back()?;
        Some(self.readings.iter().rposition(|reading| last.at.since(reading.at) + SLACK >= window).unwrap_or(0))
    }

    /// What went on between the readings at two places.
    pub(super) fn between(&self, from: usize, to: usize) -> Option<Flow> {
        let (first, last) = (self.readings.get(from)?, self.readings.get(to)?);
        let secs = last.at.since(first.at).as_secs_f64();
        if secs <= 0.0 {
            return None;
        }
        let steady = self.readings.range(from..=to).all(|reading| reading.ready == last.ready);
        Some(Flow {
            secs,
            arrivals: ((last.arrived - first.arrived) / secs).max(0.0),
            answers: (last.answered - first.answered) / secs,
            in_flight: ((last.spent - first.spent) / secs).max(0.0),
            ready: steady.then_some(last.ready),
        })
    }
}
