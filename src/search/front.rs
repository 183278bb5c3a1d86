//! The front: what nothing else is better than in both ways, and how much it covers.

use super::Score;

/// Indices of the scores that no other dominates, by rising cost. Of equal ones the first counts.
pub fn front(scores: &[Score]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| {
        let (one, other) = (scores[*a], scores[*b]);
        one.cost.total_cmp(&other.cost).then(one.missed.total_cmp(&other.missed)).then(a.cmp(b))
    });
    let mut best = f64::INFINITY;
    order.retain(|index| {
        let missed = scores[*index].missed;
        let is_on_it = missed < best;
        best = best.min(missed);
        is_on_it
    });
    order
}

/// The area between the scores and a worst point that one of them at least dominates: their hypervolume
/// (Zitzler and Thiele, IEEE Transactions on Evolutionary Computation 3, 1999).
pub fn hypervolume(scores: &[Score], worst: Score) -> f64 {
    let mut area = 0.0;
    let mut missed = worst.missed;
    for index in front(scores) {
        let score = scores[index];
        if score.cost >= worst.cost {
            break;
        }
        if score.missed < missed {
            area += (worst.cost - score.cost) * (missed - score.missed);
            missed = score.missed;
        }
    }
    area
}

/// How much another score would add to the hypervolume of a front, given by rising cost as [`front`] gives it.
pub(super) fn gain(score: Score, on_front: &[Score], worst: Score) -> f64 {
    let (mut gain, mut from) = (0.0, score.cost);
    // between two steps of the front the area reaches down to the lower one; the new score pushes it down to its own height
    let mut ceiling = worst.missed;
    for step in on_front.iter().copied().chain([Score { cost: worst.cost, missed: f64::NEG_INFINITY }]) {
        let to = step.cost.min(worst.cost);
        if to > from {
            gain += (to - from) * (ceiling - score.missed).max(0.0);
            from = to;
        }
        ceiling = ceiling.min(step.missed);
    }
    gain
}

/// The corner of a front: of the scores (by rising cost, as [`front`] gives them), the one farthest below the straight line
/// between both ends, with both axes as long as the front and weighted so; `None` of none.
///
/// Of two ends alone, or of scores on or above the line, the one with the smallest weighted sum.
pub fn knee(scores: &[Score], cost_weight: f64, missed_weight: f64) -> Option<usize> {
    let (first, last) = (scores.first()?, scores.last()?);
    let length = |from: f64, to: f64| if (to - from).abs() > 0.0 { (to - from).abs() } else { 1.0 };
    let (across, down) = (length(first.cost, last.cost), length(first.missed, last.missed));
    // the line joins (0, 1) and (1, 0), so the distance below it is what is missing from the weighted sum
    let sum = |score: &Score| {
        cost_weight * (score.cost - first.cost) / across + missed_weight * (score.missed - last.missed) / down
    };
    (0..scores.len()).min_by(|a, b| sum(&scores[*a]).total_cmp(&sum(&scores[*b])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scores(pairs: &[(f64, f64)]) -> Vec<Score> {
        pairs.iter().map(|(cost, missed)| Score { cost: *cost, missed: *missed }).collect()
    }

    #[test]
    fn the_front_is_what_nothing_dominates() {
        let all = scores(&[(5.0, 1.0), (1.0, 5.0), (3.0, 3.0), (3.0, 4.0), (6.0, 1.0), (3.0, 3.0)]);
        assert_eq!(front(&all), [1, 2, 0]);
    }

    #[test]
    fn the_area_of_a_staircase_is_the_sum_of_its_steps() {
        let all = scores(&[(1.0, 5.0), (3.0, 3.0), (5.0, 1.0), (9.0, 0.0)]);
        // to the right of each step up to the next, above it up to 6
        assert!(
            (hypervolume(&all, Score { cost: 6.0, missed: 6.0 }) - (2.0 * 1.0 + 2.0 * 3.0 + 1.0 * 5.0)).abs() < 1e-12
        );
        assert!(hypervolume(&all, Score { cost: 1.0, missed: 6.0 }).abs() < 1e-12);
    }

    #[test]
    fn the_corner_is_where_the_front_turns() {
        let all = scores(&[(1.0, 1.0), (2.0, 0.2), (3.0, 0.15), (10.0, 0.0)]);
        assert_eq!(knee(&all, 1.0, 1.0), Some(1));
        // who pays any price for the last per cent
        assert_eq!(knee(&all, 0.01, 1.0), Some(3));
        assert_eq!(knee(&all[..1], 1.0, 1.0), Some(0));
        assert_eq!(knee(&[], 1.0, 1.0), None);
    }

    proptest! {
        #[test]
        fn what_a_score_adds_is_the_difference_of_the_areas(pairs in prop::collection::vec((0.0_f64..9.0, 0.0_f64..9.0), 0..20), cost in -1.0_f64..9.5, missed in -1.0_f64..9.5) {
            let mut all = scores(&pairs);
            let on_it: Vec<Score> = front(&all).into_iter().map(|index| all[index]).collect();
            let (worst, score) = (Score { cost: 8.0, missed: 8.0 }, Score { cost, missed });
            let before = hypervolume(&all, worst);
            all.push(score);
            prop_assert!((gain(score, &on_it, worst) - (hypervolume(&all, worst) - before)).abs() < 1e-9);
        }

        #[test]
        fn the_front_covers_what_all_scores_cover_and_nothing_dominates_it(pairs in prop::collection::vec((0.0_f64..9.0, 0.0_f64..9.0), 1..40)) {
            let all = scores(&pairs);
            let on_it = front(&all);
            let only: Vec<Score> = on_it.iter().map(|index| all[*index]).collect();
            let worst = Score { cost: 10.0, missed: 10.0 };
            prop_assert!((hypervolume(&all, worst) - hypervolume(&only, worst)).abs() < 1e-9);
            for index in &on_it {
                prop_assert!(all.iter().all(|other| !other.dominates(all[*index])));
            }
            for (index, score) in all.iter().enumerate() {
                prop_assert!(on_it.contains(&index) || all.iter().any(|other| other.dominates(*score) || other == score));
            }
        }
    }
}
