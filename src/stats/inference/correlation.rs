//! How closely two series go together: Pearson's and Spearman's correlation, and by how much one lags behind the other.
//!
//! Coefficients only, no p: what is measured second by second depends on the second before, so its number is no sample size.

use std::collections::BTreeMap;

use super::moments::{covariance, variance};
use super::ranks::doubled;

/// Pearson's product-moment correlation of values in pairs, -1 to 1; `None` of fewer than two pairs, or where either side is constant.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let both = covariance(a, b)?;
    let (deviation_a, deviation_b) = (variance(a)?.sqrt(), variance(b)?.sqrt());
    // divided one by one: the product of two small variances may be nothing
    (deviation_a > 0.0 && deviation_b > 0.0).then(|| (both / deviation_a / deviation_b).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. `None` as there.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    let ranks = |values: &[f64]| doubled(values).into_iter().map(f64::from).collect::<Vec<_>>();
    pearson(&ranks(&a[..n]), &ranks(&b[..n]))
}

/// With fewer pairs a lag is not looked for.
const FEWEST_PAIRS: usize = 6;

/// By how many steps `a` lags behind `b`: the shift, up to `most` either way, at which Pearson's correlation of a(t) with b(t - shift) is
/// largest; of equal ones the smallest, and a lag before a lead. `a` may have gaps and several values at a step.
///
/// A shift counts that leaves at least half of the values of `a`, and six of them, with a partner. `None` if none does, or if the two
/// never go together (no correlation above 0).
pub fn lag(a: &[(i64, f64)], b: &BTreeMap<i64, f64>, most: u32) -> Option<i64> {
    let needed = FEWEST_PAIRS.max(a.len().div_ceil(2));
    let mut best: Option<(f64, i64)> = None;
    let shifts = (0..=i64::from(most)).flat_map(|shift| if shift == 0 { vec![0] } else { vec![shift, -shift] });
    for shift in shifts {
        let (of_a, of_b): (Vec<f64>, Vec<f64>) =
            a.iter().filter_map(|(at, value)| Some((*value, *b.get(&(at - shift))?))).unzip();
        if of_a.len() < needed {
            continue;
        }
        let found = pearson(&of_a, &of_b).filter(|found| *found > 0.0);
        // what is larger by rounding alone is not larger
        if let Some(found) = found.filter(|found| best.is_none_or(|(largest, _)| *found > largest + 1e-12)) {
            best = Some((found, shift));
        }
    }
    best.map(|(_, shift)| shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_rises_together_correlates_and_what_stands_still_has_no_correlation() {
        let close = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-12), "{found:?} is not {wanted}");
        };
        let a = [1.0, 2.0, 3.0, 4.0];
        close(pearson(&a, &[2.0, 4.0, 6.0, 8.0]), 1.0);
        close(pearson(&a, &[8.0, 6.0, 4.0, 2.0]), -1.0);
        // by hand: deviations -1.5 -0.5 0.5 1.5 and -1 -1 -1 3, so 6 / sqrt(5 x 12)
        close(pearson(&a, &[1.0, 1.0, 1.0, 5.0]), 6.0 / 60.0_f64.sqrt());
        // a curve that only rises has the ranks of a line
        close(spearman(&a, &[1.0, 8.0, 27.0, 64.0]), 1.0);
        // by hand: ranks 2 2 2 4 against 1 2 3 4
        close(spearman(&a, &[1.0, 1.0, 1.0, 5.0]), 3.0 / 15.0_f64.sqrt());
        assert_eq!((pearson(&a, &[3.0; 4]), spearman(&[3.0; 4], &a)), (None, None));
        assert_eq!((pearson(&[1.0], &[1.0]), pearson(&[], &[]), spearman(&[], &a)), (None, None, None));
    }

    /// Values that repeat in no short while.
    fn wave(at: i64) -> f64 {
        [5.0, 1.0, 9.0, 2.0, 2.0, 7.0, 4.0, 8.0, 0.0, 3.0, 6.0, 1.0, 9.0][at.rem_euclid(13) as usize]
    }

    #[test]
    fn a_series_that_follows_another_lags_behind_it() {
        let users: BTreeMap<i64, f64> = (0..60).map(|at| (at, wave(at))).collect();
        for behind in [-4, -1, 0, 3, 5] {
            let probes: Vec<(i64, f64)> = (10..50).step_by(3).map(|at| (at, 7.0 + 2.0 * wave(at - behind))).collect();
            assert_eq!(lag(&probes, &users, 5), Some(behind));
        }
        let few: Vec<(i64, f64)> = (0..5).map(|at| (at, wave(at))).collect();
        assert_eq!(lag(&few, &users, 5), None);
        let still: Vec<(i64, f64)> = (0..40).map(|at| (at, 1.0)).collect();
        assert_eq!(lag(&still, &users, 5), None);
        assert_eq!(lag(&[], &users, 5), None);
    }

    proptest! {
        #[test]
        fn a_correlation_is_a_share_and_knows_no_unit(
            pairs in prop::collection::vec((-100_i32..100, -100_i32..100), 2..40),
            scale in 1_u32..1_000,
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
            let scaled: Vec<f64> = b.iter().map(|b| b * f64::from(scale) + 3.0).collect();
            for of in [pearson, spearman] {
                match (of(&a, &b), of(&b, &a), of(&a, &scaled)) {
                    (Some(found), Some(swapped), Some(scaled)) => {
                        prop_assert!((-1.0..=1.0).contains(&found));
                        prop_assert!((found - swapped).abs() < 1e-9 && (found - scaled).abs() < 1e-9);
                    }
                    found => prop_assert_eq!(found, (None, None, None)),
                }
            }
        }
    }
}
