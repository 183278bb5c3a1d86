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
pub(super) enum Change {
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
            if samples.last().is_none_or(|last| last.at_ms < at_ms) {
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
    let sampled = seconds(last.at_ms - first.at_ms);
    let spacing = sampled / (samples.len() - 1) as f64;
    // An edge further away than this is taken as the end of the series, half a spacing beyond its last sample.
    let threshold = spacing * 1.1;
    let mut to_start = seconds(first.at_ms - start_ms);
    if to_start >= threshold {
        to_start = spacing / 2.0;
    }
    if increase > 0.0 && first.value >= 0.0 {
        // A counter was never below zero, so it isn't extrapolated beyond the point where it would have been.
        let to_zero = sampled * (first.value / increase);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let mut to_end = seconds(end_ms - last.at_ms);
    if to_end >= threshold {
        to_end = spacing / 2.0;
    }
    let extrapolated = sampled + to_start + to_end;
    Some(increase * (extrapolated / sampled / seconds(end_ms - start_ms)))
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        threshold: 5.0,
        window: Duration::from_secs(10),
        hold: Duration::from_secs(5),
        interval: Duration::from_secs(15),
        resend_delay: Duration::from_secs(60),
        resolved_retention: Duration::from_secs(900),
    };
    const F: FunctionId = FunctionId(0);

    /// The rate at 10 s of a series of `(seconds, value)`.
    fn rate_at_10_s(series: &[(f64, f64)]) -> Option<f64> {
        let samples: Vec<Sample> =
            series.iter().map(|(at, value)| Sample { at_ms: (at * 1000.0).round() as i64, value: *value }).collect();
        let visible = samples.partition_point(|sample| sample.at_ms <= 10_000);
        rate(&samples[..visible], 0, 10_000)
    }

    fn assert_rate(series: &[(f64, f64)], expected: f64) {
        let rate = rate_at_10_s(series).unwrap();
        assert!((rate - expected).abs() < 1e-9, "{series:?}: {rate} instead of {expected}");
    }

    /// A Prometheus at Unix time 0 with a scrape each 5 s from 1 s, of which each counts what it is told.
    fn fed(rule: Rule, increases: &[f64]) -> Prometheus {
        let mut prometheus = Prometheus::new(rule, Epoch::default());
        let mut value = 1000.0;
        for (step, increase) in increases.iter().enumerate() {
            value += increase;
            let counters = [Counter { function: F, code: 200, value }];
            prometheus.store(Timestamp::from_secs(1 + 5 * step as u64), &counters);
        }
        prometheus
    }

    /// Changes at evaluations each 15 s from 15 s on, for a rate that is high in the given evaluations.
    fn evaluations(rule: Rule, high: &[bool]) -> (Vec<(u64, Change)>, Vec<(u64, SentAlert)>) {
        let increases: Vec<f64> = high.iter().flat_map(|high| [if *high { 100.0 } else { 0.0 }; 3]).collect();
        let mut prometheus = fed(rule, &[]);
        let (mut changes, mut sent) = (Vec::new(), Vec::new());
        let mut value = 0.0;
        for (step, increase) in increases.iter().enumerate() {
            value += increase;
            let second = 1 + 5 * step as u64;
            prometheus.store(Timestamp::from_secs(second), &[Counter { function: F, code: 200, value }]);
            if step % 3 == 2 {
                let at = (second + 4) / 15 * 15;
                let evaluation = prometheus.evaluate(Timestamp::from_secs(at));
                changes.extend(evaluation.transitions.iter().map(|transition| (at, transition.change)));
                sent.extend(evaluation.sent.iter().map(|alert| (at, *alert)));
            }
        }
        (changes, sent)
    }

    #[test]
    fn with_two_samples_five_seconds_apart_the_rate_is_their_difference_over_five_seconds() {
        for phase in [0.1, 1.0, 2.5, 4.9] {
            assert_rate(&[(phase, 1000.0), (phase + 5.0, 1125.0)], 25.0);
        }
    }

    #[test]
    fn the_window_is_closed_at_both_ends() {
        assert_rate(&[(0.0, 1000.0), (5.0, 1000.0), (10.0, 1100.0)], 10.0);
    }

    #[test]
    fn fewer_than_two_samples_have_no_rate() {
        assert_eq!(rate_at_10_s(&[]), None);
        assert_eq!(rate_at_10_s(&[(3.0, 1000.0)]), None);
        assert_eq!(rate_at_10_s(&[(3.0, 1000.0), (10.001, 2000.0)]), None);
    }

    #[test]
    fn an_edge_further_than_1_1_spacings_away_is_reached_by_half_a_spacing() {
        // spacing 2 s, threshold 2.2 s: 3 s to the start count as 1 s, 5 s to the end too
        assert_rate(&[(3.0, 1000.0), (5.0, 1020.0)], 20.0 * (2.0 + 1.0 + 1.0) / 2.0 / 10.0);
        // just inside, to the millisecond
        assert_rate(&[(2.199, 1000.0), (4.199, 1020.0)], 20.0 * (2.0 + 2.199 + 1.0) / 2.0 / 10.0);
        assert_rate(&[(2.2, 1000.0), (4.2, 1020.0)], 20.0 * (2.0 + 1.0 + 1.0) / 2.0 / 10.0);
    }

    #[test]
    fn a_young_counter_is_not_extrapolated_below_zero() {
        // 5 s and 100 answers apart, the first sample stands at 10: it was zero 0.5 s before, not 3 s
        assert_rate(&[(3.0, 10.0), (8.0, 110.0)], 100.0 * (5.0 + 0.5 + 2.0) / 5.0 / 10.0);
        // from zero it counts nothing before the first sample
        assert_rate(&[(4.0, 0.0), (9.0, 100.0)], 100.0 * (5.0 + 0.0 + 1.0) / 5.0 / 10.0);
    }

    #[test]
    fn a_counter_that_fell_began_again_at_zero() {
        // 50 more before the fall are unseen, 30 after it count: 1000 is added back
        assert_rate(&[(0.0, 1000.0), (5.0, 30.0), (10.0, 80.0)], 8.0);
    }

    #[test]
    fn only_answers_with_200_count_and_series_of_one_function_are_summed() {
        let mut prometheus = Prometheus::new(RULE, Epoch::default());
        for (second, value) in [(6, 1000.0), (11, 1020.0)] {
            let counter = |function, code| Counter { function: FunctionId(function), code, value };
            let counters = [counter(0, 200), counter(0, 200), counter(0, 500), counter(1, 200), counter(2, 202)];
            prometheus.store(Timestamp::from_secs(second), &counters);
        }
        prometheus.evaluate(Timestamp::from_secs(15));
        let rates = [0, 1, 2].map(|function| prometheus.rate_of(FunctionId(function)));
        assert_eq!(rates, [Some(8.0), Some(4.0), None]);
    }

    #[test]
    fn a_rate_of_exactly_the_threshold_is_not_above_it() {
        for (increase, alerts) in [(25.0, 0), (25.1, 1)] {
            let mut prometheus = fed(RULE, &[increase; 3]);
            assert_eq!(prometheus.evaluate(Timestamp::from_secs(15)).transitions.len(), alerts, "{increase}");
        }
    }

    #[test]
    fn an_alert_fires_at_the_second_true_evaluation_and_a_pending_one_is_dropped_by_a_false_one() {
        use Change::{Dropped, Firing, Pending, Resolved};
        for (high, expected) in [
            (vec![true, true, true], vec![(15, Pending), (30, Firing)]),
            (vec![true, false, true, true], vec![(15, Pending), (30, Dropped), (45, Pending), (60, Firing)]),
            (
                vec![true, true, false, true, true],
                vec![(15, Pending), (30, Firing), (45, Resolved), (60, Pending), (75, Firing)],
            ),
        ] {
            assert_eq!(evaluations(RULE, &high).0, expected, "{high:?}");
        }
    }

    #[test]
    fn the_length_of_for_counts_in_whole_evaluations() {
        for (hold, fires_at) in [(0, 15), (5, 30), (15, 30), (16, 45), (30, 45)] {
            let rule = Rule { hold: Duration::from_secs(hold), ..RULE };
            let changes = evaluations(rule, &[true; 4]).0;
            assert_eq!(changes, [(15, Change::Pending), (fires_at, Change::Firing)], "for {hold} s");
        }
    }

    #[test]
    fn a_firing_alert_is_sent_at_once_and_again_after_75_seconds() {
        let (_, sent) = evaluations(RULE, &[true; 13]);
        let starts_at = Timestamp::from_secs(30);
        let expected = [30, 105, 180]
            .map(|at| (at, SentAlert { function: F, starts_at, ends_at: Timestamp::from_secs(at + 240) }));
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_resolved_alert_is_sent_at_once_and_again_until_fifteen_minutes_have_passed() {
        let mut high = vec![true, true];
        high.extend([false; 70]);
        let (_, sent) = evaluations(RULE, &high);
        let resolved: Vec<(u64, u64)> =
            sent[1..].iter().map(|(at, alert)| (*at, alert.ends_at.as_nanos() / 1_000_000_000)).collect();
        let expected: Vec<(u64, u64)> = (0..=12).map(|step| (45 + 75 * step, 45)).collect();
        assert_eq!(resolved, expected);
    }

    #[test]
    fn an_alert_that_becomes_pending_again_is_no_longer_sent_as_resolved() {
        let (_, sent) = evaluations(RULE, &[true, true, false, true, false, false, false, false, false]);
        let times: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [30, 45]);
    }

    #[test]
    fn samples_that_are_not_newer_than_their_series_are_dropped() {
        let mut prometheus = fed(RULE, &[100.0, 100.0, 100.0]);
        prometheus.store(Timestamp::from_secs(11), &[Counter { function: F, code: 200, value: 9000.0 }]);
        prometheus.store(Timestamp::from_secs(8), &[Counter { function: F, code: 200, value: 9000.0 }]);
        prometheus.evaluate(Timestamp::from_secs(15));
        assert_eq!(prometheus.rate_of(F), Some(20.0));
    }
}
