//! Several metrics in one number: distance from the ideal, and arms against each other.
//!
//! Bauer et al., "Chameleon", IEEE TPDS 30(4) 2019, and Herbst et al., `ToMPECS` 3(4) 2018. A score hides what it is made of, so it never
//! stands alone and no verdict is made of it.

/// How far metrics that are 0 for a perfect autoscaler lie from there: the p-norm (sum of |m|^p)^(1/p) with p their number, as Chameleon
/// takes it. `None` of none.
pub fn deviation(metrics: &[f64]) -> Option<f64> {
    let largest = worst(metrics)?;
    if largest <= 0.0 {
        return Some(0.0);
    }
    let p = metrics.len() as f64;
    // in parts of the largest, so that no power is too small or too large for a number
    let sum: f64 = metrics.iter().map(|metric| (metric.abs() / largest).powf(p)).sum();
    Some(largest * sum.powf(1.0 / p))
}

/// The largest of them: the norm for p without bound. `None` of none.
pub fn worst(metrics: &[f64]) -> Option<f64> {
    metrics.iter().map(|metric| metric.abs()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hand_computed() {
        let close = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-12), "{found:?} is not {wanted}");
        };
        close(deviation(&[0.3, 0.4]), 0.5);
        close(deviation(&[0.7]), 0.7);
        close(deviation(&[0.0; 6]), 0.0);
        close(worst(&[0.3, 0.0, 0.4]), 0.4);
        // six equal ones: the sixth root of six times one of them
        close(deviation(&[0.2; 6]), 0.2 * 6.0_f64.powf(1.0 / 6.0));
        // powers that would be nothing
        close(deviation(&[1e-100; 6]).map(|found| found * 1e100), 6.0_f64.powf(1.0 / 6.0));
        assert_eq!((deviation(&[]), worst(&[])), (None, None));
    }

    proptest! {
        #[test]
        fn a_deviation_is_at_least_the_worst_and_at_most_their_sum(metrics in prop::collection::vec(0.0_f64..5.0, 1..8)) {
            let found = deviation(&metrics).unwrap_or(f64::NAN);
            let worst = worst(&metrics).unwrap_or(f64::NAN);
            prop_assert!(found >= worst - 1e-12 && found <= metrics.iter().sum::<f64>() + 1e-12, "{found}, {worst}");
        }
    }
}
