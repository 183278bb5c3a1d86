//! The mean difference of pairs, and how sure it is.

/// A mean difference with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The mean of the differences.
    pub mean: f64,
    /// Half the width of the interval; `None` for a single pair.
    pub half_width: Option<f64>,
}

impl Difference {
    /// Of pairs (one, other): one less other. Student's t for the mean of differences that are about normal. `None` of no pairs.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let count = pairs.len() as f64;
        let differences = || pairs.iter().map(|(one, other)| one - other);
        if pairs.is_empty() {
            return None;
        }
        let mean = differences().sum::<f64>() / count;
        let squares: f64 = differences().map(|difference| (difference - mean).powi(2)).sum();
        let half_width = (pairs.len() > 1).then(|| t_975(pairs.len() - 1) * (squares / (count - 1.0) / count).sqrt());
        Some(Self { mean, half_width })
    }

    /// Whether it is below 0 and luck doesn't explain it.
    pub fn is_clearly_below_zero(self) -> bool {
        self.half_width.is_some_and(|half| self.mean + half < 0.0)
    }

    /// Whether it is above 0 and luck doesn't explain it.
    pub fn is_clearly_above_zero(self) -> bool {
        self.half_width.is_some_and(|half| self.mean - half > 0.0)
    }
}

/// The 97.5th percentile of Student's t: exact to three digits up to 30 degrees of freedom, beyond them by the first terms of Fisher's
/// expansion (Abramowitz and Stegun 26.7.5).
fn t_975(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    const NORMAL: f64 = 1.959_964;
    let degrees = freedom as f64;
    TABLE.get(freedom.saturating_sub(1)).copied().unwrap_or_else(|| {
        let z = NORMAL;
        z + (z.powi(3) + z) / (4.0 * degrees)
            + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * degrees * degrees)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        // Student's own example (Biometrika 6, 1908, table of Cushny and Peebles): extra hours of sleep by two drugs
        let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let other = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let pairs: Vec<(f64, f64)> = one.into_iter().zip(other).collect();
        let difference = Difference::of(&pairs).expect("ten pairs");
        assert!((difference.mean + 1.58).abs() < 1e-9);
        let half = difference.half_width.expect("ten pairs");
        assert!((difference.mean - half + 2.459_886).abs() < 1e-3 && (difference.mean + half + 0.700_114).abs() < 1e-3);
        assert!(difference.is_clearly_below_zero() && !difference.is_clearly_above_zero());
    }

    #[test]
    fn beyond_the_table_it_goes_on_smoothly_to_the_normal() {
        assert!(
            (t_975(40) - 2.021).abs() < 1e-3
                && (t_975(120) - 1.980).abs() < 1e-3
                && (t_975(10_000) - 1.960).abs() < 1e-3
        );
    }

    #[test]
    fn one_pair_tells_no_spread_and_none_tells_nothing() {
        assert_eq!(Difference::of(&[(3.0, 1.0)]), Some(Difference { mean: 2.0, half_width: None }));
        assert_eq!(Difference::of(&[]), None);
    }
}
