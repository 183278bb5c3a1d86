//! How much each axis matters: its first-order share of the variance, and the direction it pulls in.
//!
//! Both from given data, without further evaluations (Plischke, Borgonovo and Smith, European Journal of Operational Research 226,
//! 2013). The points have to be spread evenly over the space, as a Latin hypercube is; those a search crowds around its front would
//! tell of the front and not of the axes.

use super::Score;
use super::space::{Axis, Point};

/// Fewer points than this tell nothing.
pub const FEWEST: usize = 12;

/// Groups an axis is cut into at most.
const GROUPS: usize = 8;

/// What one axis does to one of the two numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    /// Share of the variance that goes with this axis alone, 0 to 1: Kelley's epsilon squared (PNAS 21, 1935), the correlation ratio
    /// `1 - (within / (n - k)) / (total / (n - 1))` of n points in k groups of neighbouring levels, without the upward bias that
    /// small groups give it. 0 where it is negative, which is luck.
    pub share: f64,
    /// Spearman's rank correlation with the level, -1 to 1; words have no rank and are left out. `None` where nothing varies.
    pub rank_correlation: Option<f64>,
}

/// What one axis does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sensitivity {
    /// To the cost.
    pub cost: Effect,
    /// To what is missed.
    pub missed: Effect,
}

/// What each axis does, by evenly spread points and their scores; `None` if they are fewer than [`FEWEST`].
pub fn sensitivities(axes: &[Axis], points: &[(&Point, Score)]) -> Option<Vec<Sensitivity>> {
    if points.len() < FEWEST {
        return None;
    }
    let values = |of: fn(&Score) -> f64| points.iter().map(|(_, score)| of(score)).collect::<Vec<_>>();
    let (cost, missed) = (values(|score| score.cost), values(|score| score.missed));
    let of_axis = |(index, axis): (usize, &Axis)| {
        let levels: Vec<u16> = points.iter().map(|(point, _)| point[index]).collect();
        let groups = groups(*axis, &levels);
        let effect = |values: &[f64]| Effect {
            share: share(&groups, values),
            rank_correlation: rank_correlation(*axis, &levels, values),
        };
        Sensitivity { cost: effect(&cost), missed: effect(&missed) }
    };
    Some(axes.iter().enumerate().map(of_axis).collect())
}

/// The group of each point: levels in order, cut so that groups are about equally large; each word is a group of its own.
fn groups(axis: Axis, levels: &[u16]) -> Vec<usize> {
    let numbers = levels.iter().filter(|level| axis.is_number(**level)).count();
    // enough in each group to have a spread, and no more groups than can be told apart
    let wanted = (numbers / 5).clamp(2, GROUPS);
    let below = |level: u16| levels.iter().filter(|other| **other < level).count();
    let middle = |level: u16| below(level) + levels.iter().filter(|other| **other == level).count() / 2;
    levels
        .iter()
        .map(|level| {
            if axis.is_number(*level) {
                (middle(*level) * wanted / numbers.max(1)).min(wanted - 1)
            } else {
                wanted + usize::from(*level)
            }
        })
        .collect()
}

fn share(groups: &[usize], values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let mut names: Vec<usize> = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    let within: f64 = names
        .iter()
        .map(|name| {
            let members = || values.iter().zip(groups).filter(|(_, group)| *group == name).map(|(value, _)| *value);
            let mean = members().sum::<f64>() / members().count() as f64;
            members().map(|value| (value - mean).powi(2)).sum::<f64>()
        })
        .sum();
    let freedom = count - names.len() as f64;
    if total <= 0.0 || freedom <= 0.0 || names.len() < 2 {
        return 0.0;
    }
    (1.0 - (within / freedom) / (total / (count - 1.0))).clamp(0.0, 1.0)
}

fn rank_correlation(axis: Axis, levels: &[u16], values: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = levels
        .iter()
        .zip(values)
        .filter(|(level, _)| axis.is_number(**level))
        .map(|(level, value)| (f64::from(*level), *value))
        .collect();
    if pairs.len() < FEWEST {
        return None;
    }
    let (ranks, others) = (ranks(pairs.iter().map(|pair| pair.0)), ranks(pairs.iter().map(|pair| pair.1)));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |one: &[f64], other: &[f64]| {
        one.iter().zip(other).map(|(one, other)| (one - middle) * (other - middle)).sum::<f64>()
    };
    let scale = (product(&ranks, &ranks) * product(&others, &others)).sqrt();
    (scale > 0.0).then(|| (product(&ranks, &others) / scale).clamp(-1.0, 1.0))
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for equal in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let below = order.partition_point(|index| values[*index] < values[equal[0]]);
        for index in equal {
            ranks[*index] = below as f64 + f64::midpoint(equal.len() as f64, 1.0);
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};
    use crate::search::space::Space;
    use rand::RngExt;

    fn axes() -> Vec<Axis> {
        vec![Axis::new(16, 0), Axis::new(10, 0), Axis::new(8, 0)]
    }

    fn found(points: usize, score: impl Fn(&Point, f64) -> Score) -> Vec<Sensitivity> {
        let mut stream = Seed(3).stream(Purpose::Search);
        let space = Space::new(axes());
        let points: Vec<(Point, f64)> =
            (0..points).map(|_| (space.random(&mut stream), stream.random::<f64>())).collect();
        let scored: Vec<(&Point, Score)> = points.iter().map(|(point, luck)| (point, score(point, *luck))).collect();
        sensitivities(&axes(), &scored).expect("enough points")
    }

    #[test]
    fn shares_are_those_of_the_variances_of_a_sum() {
        // variances of uniform whole numbers: (16^2 - 1) / 12 = 21.25, 4 x (10^2 - 1) / 12 = 33, so 0.392 and 0.608
        let found =
            found(4_000, |point, _| Score { cost: f64::from(point[0]) - 2.0 * f64::from(point[1]), missed: 0.0 });
        let shares: Vec<f64> = found.iter().map(|one| one.cost.share).collect();
        assert!((shares[0] - 0.392).abs() < 0.03 && (shares[1] - 0.608).abs() < 0.03 && shares[2] < 0.01, "{shares:?}");
        assert!(found[0].cost.rank_correlation > Some(0.5) && found[1].cost.rank_correlation < Some(-0.5));
        assert_eq!(found[0].missed, Effect { share: 0.0, rank_correlation: None });
    }

    #[test]
    fn an_axis_that_does_nothing_has_no_share_however_few_the_points() {
        let shares: Vec<f64> =
            found(40, |_, luck| Score { cost: luck, missed: luck }).iter().map(|one| one.cost.share).collect();
        assert!(shares.iter().all(|share| *share < 0.25), "{shares:?}");
    }

    #[test]
    fn a_hump_has_a_share_and_no_direction() {
        let found = found(1_000, |point, _| Score { cost: (f64::from(point[0]) - 7.5).abs(), missed: 0.0 });
        assert!(found[0].cost.share > 0.8);
        assert!(found[0].cost.rank_correlation.is_some_and(|rank| rank.abs() < 0.1));
    }

    #[test]
    fn a_word_is_a_group_of_its_own_and_has_no_rank() {
        let axis = Axis::new(4, 1);
        let points: Vec<Point> = (0..40).map(|index| vec![index % 5]).collect();
        let scored: Vec<(&Point, Score)> = points
            .iter()
            .map(|point| {
                (point, Score { cost: if point[0] == 4 { 9.0 } else { f64::from(point[0]) * 1e-3 }, missed: 0.0 })
            })
            .collect();
        let found = sensitivities(&[axis], &scored).expect("enough points");
        assert!(found[0].cost.share > 0.99);
        assert_eq!(found[0].cost.rank_correlation.map(|rank| (rank * 1e6).round()), Some(1e6));
    }

    #[test]
    fn a_handful_of_points_tells_nothing() {
        let point = vec![0, 0, 0];
        assert_eq!(sensitivities(&axes(), &vec![(&point, Score::default()); FEWEST - 1]), None);
    }
}
