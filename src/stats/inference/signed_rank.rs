//! Wilcoxon's signed rank test of paired differences.
//!
//! Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945). Differences of 0 are left out, as he did;
//! equal ones share their rank.

use super::distribution::normal_below;
use super::ranks::{doubled, tie_term};

/// Up to so many differences the p is exact, ties or not.
pub const EXACT_UP_TO: usize = 60;

/// A p, and whether it is exact or rests on a normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// Two-sided.
    pub p: f64,
    /// The statistic: the sum of the ranks of positive differences, or U of the second sample.
    pub statistic: f64,
    /// Whether every arrangement was counted.
    pub is_exact: bool,
}

/// The two-sided test that differences are as often and as far above 0 as below. `None` if none differs from 0.
pub fn signed_rank(differences: &[f64]) -> Option<RankTest> {
    let differing: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    if differing.is_empty() {
        return None;
    }
    let sizes: Vec<f64> = differing.iter().map(|difference| difference.abs()).collect();
    let ranks = doubled(&sizes);
    let positive: u32 = ranks.iter().zip(&differing).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    let is_exact = differing.len() <= EXACT_UP_TO;
    let p = if is_exact { exact(&ranks, positive) } else { by_normal(&ranks, positive) };
    Some(RankTest { p, statistic: f64::from(positive) / 2.0, is_exact })
}

/// Counts the signs that give each sum of ranks, which are equally likely.
fn exact(ranks: &[u32], positive: u32) -> f64 {
    let most: u32 = ranks.iter().sum();
    let mut shares = vec![0.0; most as usize + 1];
    shares[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank as usize;
        for sum in (0..=reached).rev() {
            let with = sum.checked_sub(rank as usize).map_or(0.0, |before| shares[before]);
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    let tail: f64 = shares[..=positive.min(most - positive) as usize].iter().sum();
    (2.0 * tail).min(1.0)
}

/// The normal approximation with half a rank of continuity and the variance that ties leave.
fn by_normal(ranks: &[u32], positive: u32) -> f64 {
    let n = ranks.len() as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_term(ranks) / 48.0;
    let off = ((f64::from(positive) / 2.0 - mean).abs() - 0.5).max(0.0);
    (2.0 * normal_below(-off / variance.sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_on_one_side_is_the_smallest_p_there_is() {
        for n in 1..=12 {
            let differences: Vec<f64> = (1..=n).map(f64::from).collect();
            let p = signed_rank(&differences).expect("differences").p;
            assert!((p - 2.0_f64.powi(1 - n)).abs() < 1e-15, "{n}: {p}");
        }
    }

    #[test]
    fn zeros_say_nothing_and_nothing_but_zeros_is_no_test() {
        assert_eq!(signed_rank(&[0.0; 8]), None);
        assert_eq!(signed_rank(&[]), None);
        assert_eq!(signed_rank(&[0.0, 1.0, -2.0, 3.0]), signed_rank(&[1.0, -2.0, 3.0]));
    }

    #[test]
    fn darwin_1876_cross_and_self_fertilised_maize() {
        // Fisher, The Design of Experiments, table 3: differences of height in eighths of an inch; Wilcoxon's T = 24 of 15 pairs
        let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        let found = signed_rank(&eighths).expect("differences");
        assert_eq!((found.statistic, found.is_exact), (96.0, true));
        assert!((found.p - 0.041_26).abs() < 1e-5, "{}", found.p);
    }
}
