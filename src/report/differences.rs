//! What of `stats.csv` the chart of differences shows: the metrics people decide by, in shares of the first arm's mean.

use std::collections::BTreeSet;

use super::charts::data::Difference;
use super::verdict::{COST, Comparison, DECISIVE};

/// Metrics that are drawn, in this order, with their names in words.
const DRAWN: [(&str, &str); 10] = [
    (DECISIVE, "Requests that missed the objective"),
    ("due_p50_ms", "Median latency from due"),
    ("due_p95_ms", "p95 from due"),
    ("due_p99_ms", "p99 from due"),
    ("p95_ms", "p95 from sent"),
    (COST, "Replica-seconds"),
    ("tau_u", "Time with too few replicas"),
    ("tau_o", "Time with too many replicas"),
    ("first_scale_up_s", "Time to the first scale-up"),
    ("scale_ups", "Scale-ups"),
];

/// Of so many pairs of arms all are drawn; of more, all arms against one.
const ALL_PAIRS: usize = 3;

/// Metrics that are drawn of many pairs: the sheet has an end.
const OF_MANY: [&str; 3] = [DECISIVE, "due_p95_ms", COST];

/// The differences that can be drawn, pair by pair. Where arms are many, each is held against the one to take, or else the first.
pub(super) fn differences(comparisons: &[Comparison], taken: Option<&str>) -> Vec<Difference> {
    let rows = || comparisons.iter().filter(|row| !row.is_aa);
    let pairs: BTreeSet<(&str, &str)> = rows().map(|row| (row.arm_a.as_str(), row.arm_b.as_str())).collect();
    let measure =
        if pairs.len() > ALL_PAIRS { taken.or_else(|| rows().next().map(|row| row.arm_a.as_str())) } else { None };
    let of = |(name, words): &(&str, &str)| {
        let named = rows().filter(|row| row.metric == *name);
        let drawn: Vec<Difference> = match measure {
            None => named.filter_map(|row| difference(row, words)).collect(),
            Some(_) if !OF_MANY.contains(name) => Vec::new(),
            Some(measure) => named.filter_map(|row| difference(&measured_by(row, measure)?, words)).collect(),
        };
        drawn
    };
    DRAWN.iter().flat_map(of).collect()
}

/// A comparison with this arm as the measure; `None` if it is none of it.
fn measured_by(row: &Comparison, measure: &str) -> Option<Comparison> {
    if row.arm_a == measure {
        return Some(row.clone());
    }
    (row.arm_b == measure).then(|| Comparison {
        arm_a: row.arm_b.clone(),
        arm_b: row.arm_a.clone(),
        mean_a: row.mean_b,
        mean_b: row.mean_a,
        difference: row.difference.map(|difference| -difference),
        ci_low: row.ci_high.map(|high| -high),
        ci_high: row.ci_low.map(|low| -low),
        ..row.clone()
    })
}

/// `None` where nothing was compared, or the first arm's mean is zero and the difference no share of it.
fn difference(row: &Comparison, words: &str) -> Option<Difference> {
    let mean = row.mean_a?.abs();
    if mean < 1e-12 {
        return None;
    }
    let word = row.verdict.split(|sign: char| !sign.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or("");
    Some(Difference {
        metric: words.to_owned(),
        arm_a: row.arm_a.clone(),
        arm_b: row.arm_b.clone(),
        relative: row.difference? / mean,
        low: row.ci_low? / mean,
        high: row.ci_high? / mean,
        noise: row.noise_floor.map(|floor| (-floor / mean, floor / mean)),
        told: matches!(word.to_lowercase().as_str(), "better" | "worse"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_share_of_the_first_arms_mean() {
        let row = Comparison {
            metric: COST.to_owned(),
            mean_a: Some(200.0),
            difference: Some(-20.0),
            ci_low: Some(-30.0),
            ci_high: Some(-10.0),
            verdict: "better".to_owned(),
            ..Comparison::default()
        };
        let untested = Comparison { ci_low: None, ..row.clone() };
        let of_nothing = Comparison { mean_a: Some(0.0), ..row.clone() };
        let drawn = differences(&[row, untested, of_nothing], None);
        assert_eq!(drawn.len(), 1);
        assert!((drawn[0].relative + 0.1).abs() < 1e-12 && (drawn[0].low + 0.15).abs() < 1e-12 && drawn[0].told);
    }

    #[test]
    fn many_arms_are_held_against_the_one_to_take() {
        let row = |a: &str, b: &str| Comparison {
            metric: COST.to_owned(),
            arm_a: a.to_owned(),
            arm_b: b.to_owned(),
            mean_a: Some(200.0),
            mean_b: Some(100.0),
            difference: Some(-100.0),
            ci_low: Some(-120.0),
            ci_high: Some(-90.0),
            ..Comparison::default()
        };
        let rows = [("a", "b"), ("a", "c"), ("b", "c"), ("a", "d"), ("b", "d"), ("c", "d")].map(|(a, b)| row(a, b));
        let drawn = differences(&rows, Some("b"));
        let pairs: Vec<(&str, &str)> = drawn.iter().map(|one| (one.arm_b.as_str(), one.arm_a.as_str())).collect();
        assert_eq!(pairs, [("a", "b"), ("c", "b"), ("d", "b")]);
        // a costs twice what b does
        let turned = [drawn[0].relative, drawn[0].low, drawn[0].high];
        assert!(turned.iter().zip([1.0, 0.9, 1.2]).all(|(found, wanted)| (found - wanted).abs() < 1e-12), "{turned:?}");
        assert_eq!(differences(&rows, None).iter().filter(|one| one.arm_a == "a").count(), 3);
        assert_eq!(differences(&rows[..3], Some("b")).len(), 3, "of three arms every pair is drawn");
    }
}
