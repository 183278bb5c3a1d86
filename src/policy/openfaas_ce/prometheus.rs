//! The rule of the chart as Prometheus evaluates it: stored samples, `rate` over a closed window, and one alert per
//! function that is pending before it fires.
//!
//! ```text
//!   sum(rate(gateway_function_invocation_total{code="200"}[10s])) BY (function_name) > 5      for: 5s
//!
//!   evaluations     E          E+15        E+30        ...   R
//!   expression      true       true        true              false
//!   alert           pending    firing      firing            resolved
//!   sent            -          yes         (each 75 s)       yes, and again for 15 min
//! ```
//!
//! When to scrape and when to evaluate is decided outside; nothing here knows of Alertmanager or of replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::policy::Counter;
use crate::record::FunctionId;
use crate::time::{Epoch, Timestamp};

/// The only status the rule looks at.
const COUNTED_CODE: u16 = 200;

/// The alerting rule and how its alerts are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Answers per second above which the expression is true.
    pub(super) threshold: f64,
    /// Range of `rate`.
    pub(super) window: Duration,
    /// `for`: how long the expression must have been true.
    pub(super) hold: Duration,
    /// Time between two evaluations.
    pub(super) interval: Duration,
    /// A firing or resolved alert is sent again once more than this has passed.
    pub(super) resend_delay: Duration,
    /// How long a resolved alert is kept and sent again.
    pub(super) resolved_retention: Duration,
}

/// One stored sample, in the whole milliseconds of Unix time in which Prometheus counts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    at_ms: i64,
    value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending { since: Timestamp },
    Firing { since: Timestamp },
    Resolved { fired: Timestamp, at: Timestamp },
}

#[derive(Clone, Copy, Debug)]
struct Alert {
    state: State,
    last_sent: Option<Timestamp>,
}

/// What an evaluation changed about one function's alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Transition {
    /// Whose alert.
    pub(super) function: FunctionId,
    /// To what.
    pub(super) change: Change,
    /// The value of the expression's left side, if it had one.
    pub(super) rate: Option<f64>,
}

/// The ways an alert changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The expression became true.
    Pending,
    /// It was true for long enough.
    Firing,
    /// It became false before the alert fired.
    Dropped,
    /// It became false after the alert fired.
    Resolved,
}

/// An alert as it goes to Alertmanager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentAlert {
    /// Whose.
    pub(super) function: FunctionId,
    /// When it began to fire.
    pub(super) starts_at: Timestamp,
    /// When it was resolved, or until when it is valid if nothing more is heard.
    pub(super) ends_at: Timestamp,
}

/// What one evaluation brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Evaluation {
    /// Alerts that changed, in order of function.
    pub(super) transitions: Vec<Transition>,
    /// Alerts to send.
    pub(super) sent: Vec<SentAlert>,
}

/// Samples and alerts.
#[derive(Debug)]
pub(super) struct Prometheus {
    rule: Rule,
    epoch: Epoch,
    /// By function and position among the series of that function in a scrape (several gateways give several series).
    series: BTreeMap<(FunctionId, usize), Vec<Sample>>,
    rates: BTreeMap<FunctionId, f64>,
    alerts: BTreeMap<FunctionId, Alert>,
}

impl Prometheus {
    /// Without samples and without alerts.
    pub(super) fn new(rule: Rule, epoch: Epoch) -> Self {
        Self { rule, epoch, series: BTreeMap::new(), rates: BTreeMap::new(), alerts: BTreeMap::new() }
    }

    /// Stores a scrape that began at `at`. A sample that is not newer than its series is dropped, as in the original.
    pub(super) fn store(&mut self, at: Timestamp, counters: &[Counter]) {
        let at_ms = self.unix_ms(at);
        let mut seen: BTreeMap<FunctionId, usize> = BTreeMap::new();
        for counter in counters.iter().filter(|counter| counter.code == COUNTED_CODE) {
            let position = seen.entry(counter.function).or_default();
            let samples = self.series.entry((counter.function, *position)).or_default();
            *position += 1;
            // no number stands for no sample, as Prometheus' stale marker does
            if !counter.value.is_nan() && samples.last().is_none_or(|last| last.at_ms < at_ms) {
                samples.push(Sample { at_ms, value: counter.value });
            }
        }
    }

    /// Evaluates the rule at `ts`, a point of its grid.
    pub(super) fn evaluate(&mut self, ts: Timestamp) -> Evaluation {
        self.rates = self.query(ts);
        let mut transitions = Vec::new();
        let is_true: Vec<FunctionId> =
            self.rates.iter().filter(|(_, rate)| **rate > self.rule.threshold).map(|(function, _)| *function).collect();
        for function in &is_true {
            let active = self.alerts.get(function).is_some_and(|alert| !matches!(alert.state, State::Resolved { .. }));
            if !active {
                self.alerts.insert(*function, Alert { state: State::Pending { since: ts }, last_sent: None });
                transitions.push(self.transition(*function, Change::Pending));
            }
        }
        let functions: Vec<FunctionId> = self.alerts.keys().copied().collect();
        for function in functions {
            if let Some(change) = self.advance_alert(function, ts, is_true.contains(&function)) {
                transitions.push(self.transition(function, change));
            }
        }
        Evaluation { transitions, sent: self.send(ts) }
    }

    /// The rate at the last evaluation.
    pub(super) fn rate_of(&self, function: FunctionId) -> Option<f64> {
        self.rates.get(&function).copied()
    }

    /// `sum(rate(...[window])) by (function)` at `ts`; forgets what no later evaluation can see.
    fn query(&mut self, ts: Timestamp) -> BTreeMap<FunctionId, f64> {
        let end_ms = self.unix_ms(ts);
        let window_ms = i64::try_from(self.rule.window.as_millis()).unwrap_or(i64::MAX);
        let start_ms = end_ms.saturating_sub(window_ms);
        let mut rates = BTreeMap::new();
        self.series.retain(|(function, _), samples| {
            samples.retain(|sample| sample.at_ms >= start_ms);
            let visible = samples.partition_point(|sample| sample.at_ms <= end_ms);
            if let Some(rate) = rate(&samples[..visible], start_ms, end_ms) {
                *rates.entry(*function).or_insert(0.0) += rate;
            }
            !samples.is_empty()
        });
        rates
    }

    fn advance_alert(&mut self, function: FunctionId, ts: Timestamp, is_true: bool) -> Option<Change> {
        let alert = self.alerts.get_mut(&function)?;
        match (alert.state, is_true) {
            (State::Pending { since }, true) if ts.since(since) >= self.rule.hold => {
                alert.state = State::Firing { since: ts };
                Some(Change::Firing)
            }
            (State::Pending { .. }, false) => {
                self.alerts.remove(&function);
                Some(Change::Dropped)
            }
            (State::Firing { since }, false) => {
                alert.state = State::Resolved { fired: since, at: ts };
                Some(Change::Resolved)
            }
            (State::Resolved { at, .. }, false) if ts.since(at) > self.rule.resolved_retention => {
                self.alerts.remove(&function);
                None
            }
            _ => None,
        }
    }

    /// Alerts that are due to be sent at `ts`: strictly more than the delay after the last time, or just resolved.
    fn send(&mut self, ts: Timestamp) -> Vec<SentAlert> {
        let valid = 4 * self.rule.resend_delay.max(self.rule.interval);
        let delay = self.rule.resend_delay;
        let mut sent = Vec::new();
        for (function, alert) in &mut self.alerts {
            let due_again = alert.last_sent.is_none_or(|last| last + delay < ts);
            let (due, starts_at, ends_at) = match alert.state {
                State::Pending { .. } => continue,
                State::Firing { since } => (due_again, since, ts + valid),
                State::Resolved { fired, at } => (due_again || alert.last_sent.is_none_or(|last| at > last), fired, at),
            };
            if due {
                alert.last_sent = Some(ts);
                sent.push(SentAlert { function: *function, starts_at, ends_at });
            }
        }
        sent
    }

    fn transition(&self, function: FunctionId, change: Change) -> Transition {
        Transition { function, change, rate: self.rate_of(function) }
    }

    fn unix_ms(&self, at: Timestamp) -> i64 {
        i64::try_from(self.epoch.unix_at(at).as_millis()).unwrap_or(i64::MAX)
    }
}

/// Per-second increase of a counter over `start_ms..=end_ms`, extrapolated to the window's edges; `None` with fewer than
/// two samples.
///
/// `extrapolatedRate` of Prometheus 2.53 (promql/functions.go), operation by operation in the same order: at a threshold
/// of exactly the load, the last bit decides.
fn rate(samples: &[Sample], start_ms: i64, end_ms: i64) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut increase = last.value - first.value;
    for pair in samples.windows(2) {
        if pair[1].value < pair[0].value {
            increase += pair[0].value;
        }
    }
    let interval = seconds(last.at_ms - first.at_ms);
    let spacing = interval / (samples.len() - 1) as f64;
    // An edge further away than this is taken as the end of the series, half a spacing beyond its last sample.
    let threshold = spacing * 1.1;
    let mut to_start = seconds(first.at_ms - start_ms);
    if to_start >= threshold {
        to_start = spacing / 2.0;
    }
    if increase > 0.0 && first.value >= 0.0 {
        // A counter was never below zero, so it isn't extrapolated beyond the point where it would have been.
        let to_zero = interval * (first.value / increase);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let mut to_end = seconds(end_ms - last.at_ms);
    if to_end >= threshold {
        to_end = spacing / 2.0;
    }
    let extrapolated = interval + to_start + to_end;
    Some(increase * (extrapolated / interval / seconds(end_ms - start_ms)))
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod laws;
