//! What of `stats.csv` the chart of differences shows: the metrics people decide by, in shares of the first arm's mean.

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

/// The differences that can be drawn, pair by pair.
pub(super) fn differences(comparisons: &[Comparison]) -> Vec<Difference> {
    let of = |(name, words): &(&str, &str)| {
        comparisons
            .iter()
            .filter(|row| row.metric == *name && !row.is_aa)
            .filter_map(|row| difference(row, words))
            .collect::<Vec<_>>()
    };
    DRAWN.iter().flat_map(of).collect()
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
        let drawn = differences(&[row, untested, of_nothing]);
        assert_eq!(drawn.len(), 1);
        assert!((drawn[0].relative + 0.1).abs() < 1e-12 && (drawn[0].low + 0.15).abs() < 1e-12 && drawn[0].told);
    }
}
