//! The laws of Prometheus: rate, pending, firing, re-sending.

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

/// Things with the second at which they happened.
type Timed<T> = Vec<(u64, T)>;

/// Changes at evaluations each 15 s from 15 s on, for a rate that is high in the given evaluations.
fn evaluations(rule: Rule, high: &[bool]) -> (Timed<Change>, Timed<SentAlert>) {
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
    let expected =
        [30, 105, 180].map(|at| (at, SentAlert { function: F, starts_at, ends_at: Timestamp::from_secs(at + 240) }));
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
