//! The rank sum test of Mann and Whitney: two samples that are not in pairs.
//!
//! "On a test of whether one of two random variables is stochastically larger than the other", Annals of Mathematical Statistics 18
//! (1947).

use super::distribution::normal_below;
use super::ranks::{doubled, tie_term};
use super::signed_rank::RankTest;

/// Up to so many values together the p is exact, ties or not.
pub const EXACT_UP_TO: usize = 40;

/// The two-sided test that values of b are as often above values of a as below. `None` if a sample is empty.
///
/// The statistic is U of b: pairs in which b is above, equal ones half.
pub fn rank_sum(a: &[f64], b: &[f64]) -> Option<RankTest> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let ranks = doubled(&all);
    let of_b: u32 = ranks[a.len()..].iter().sum();
    let is_exact = all.len() <= EXACT_UP_TO;
    let p = if is_exact { exact(&ranks, b.len(), of_b) } else { by_normal(&ranks, a.len(), b.len(), of_b) };
    let least = b.len() as f64 * (b.len() as f64 + 1.0) / 2.0;
    Some(RankTest { p, statistic: f64::from(of_b) / 2.0 - least, is_exact })
}

/// Counts the choices of so many ranks by their sum; every choice is equally likely.
fn exact(ranks: &[u32], chosen: usize, sum: u32) -> f64 {
    let most = ranks.iter().sum::<u32>() as usize;
    // ways[k][s]: choices of k ranks whose sum is s
    let mut ways = vec![vec![0.0_f64; most + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for k in (1..=chosen).rev() {
            let (fewer, these) = ways.split_at_mut(k);
            for (sum, ways) in these[0].iter_mut().enumerate().skip(rank as usize) {
                *ways += fewer[k - 1][sum - rank as usize];
            }
        }
    }
    let ways = &ways[chosen];
    let all: f64 = ways.iter().sum();
    let (low, high): (f64, f64) = (ways[..=sum as usize].iter().sum(), ways[sum as usize..].iter().sum());
    (2.0 * low.min(high) / all).min(1.0)
}

/// The normal approximation with half a pair of continuity and the variance that ties leave; 1 if all values are equal.
fn by_normal(ranks: &[u32], a: usize, b: usize, of_b: u32) -> f64 {
    let (a, b, n) = (a as f64, b as f64, ranks.len() as f64);
    let mean = b * (n + 1.0) / 2.0;
    let variance = a * b / 12.0 * (n + 1.0 - tie_term(ranks) / (n * (n - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let off = ((f64::from(of_b) / 2.0 - mean).abs() - 0.5).max(0.0);
    (2.0 * normal_below(-off / variance.sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apart_is_the_smallest_p_there_is_and_equal_is_certain() {
        // 5 of 10: 252 choices, two of them as extreme
        let found = rank_sum(&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0]).expect("two samples");
        assert!((found.p - 2.0 / 252.0).abs() < 1e-15);
        assert!((found.statistic - 25.0).abs() < 1e-12);
        assert_eq!(rank_sum(&[1.0; 4], &[1.0; 7]).map(|test| test.p), Some(1.0));
        assert_eq!(rank_sum(&[1.0; 40], &[1.0; 40]).map(|test| test.p), Some(1.0));
        assert_eq!(rank_sum(&[], &[1.0]), None);
    }

    #[test]
    fn which_sample_is_called_a_makes_no_difference() {
        let (a, b) = ([1.0, 4.0, 4.0, 7.5], [2.0, 4.0, 8.0, 9.0, 9.0]);
        let p = |a, b| rank_sum(a, b).map(|test| test.p);
        assert_eq!(p(&a, &b), p(&b, &a));
    }
}
