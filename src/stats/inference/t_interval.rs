//! Intervals from Student's distribution: of a mean, of the difference of two means, of the ratio of two means.

use super::Interval;
use super::distribution::{t_quantile, t_tails};
use super::moments::{covariance, mean, variance};

/// Student's interval of the mean. `None` of fewer than two values; a point if all are equal.
pub fn of_mean(values: &[f64], level: f64) -> Option<Interval> {
    let n = values.len() as f64;
    let (mean, error) = (mean(values)?, (variance(values)? / n).sqrt());
    Some(about(mean, error, n - 1.0, level))
}

/// The two-sided p of the mean being 0, by Student's t. `None` of fewer than two values; if all are equal 0, or 1 if all are 0.
pub fn p_of_mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let (mean, error) = (mean(values)?, (variance(values)? / n).sqrt());
    Some(p(mean, error, n - 1.0))
}

/// Welch's interval of mean b less mean a, of values that are not in pairs.
///
/// The two may spread differently (Welch 1947). `None` if either has fewer than two values.
pub fn of_difference(a: &[f64], b: &[f64], level: f64) -> Option<Interval> {
    let (difference, error, freedom) = welch(a, b)?;
    Some(about(difference, error, freedom, level))
}

/// The two-sided p of equal means, by Welch's t, of values that are not in pairs.
pub fn p_of_difference(a: &[f64], b: &[f64]) -> Option<f64> {
    let (difference, error, freedom) = welch(a, b)?;
    Some(p(difference, error, freedom))
}

/// Fieller's interval of mean b over mean a, of values in pairs (Fieller 1954).
///
/// `None` of fewer than two pairs, and where mean a can't be told from 0, for then the ratio has no bound.
pub fn of_paired_ratio(a: &[f64], b: &[f64], level: f64) -> Option<Interval> {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let (var_a, var_b, both) = (variance(a)? / n, variance(b)? / n, covariance(a, b)? / n);
    fieller(mean_a, mean_b, [var_a, var_b, both], t_quantile(0.5 + level / 2.0, n - 1.0))
}

/// The same of values that are not in pairs, with Welch's degrees of freedom.
pub fn of_ratio(a: &[f64], b: &[f64], level: f64) -> Option<Interval> {
    let (_, _, freedom) = welch(a, b)?;
    let (var_a, var_b) = (variance(a)? / a.len() as f64, variance(b)? / b.len() as f64);
    fieller(mean(a)?, mean(b)?, [var_a, var_b, 0.0], t_quantile(0.5 + level / 2.0, freedom))
}

/// The ratios r for which `mean_b - r mean_a` is within t standard errors of 0.
fn fieller(mean_a: f64, mean_b: f64, [var_a, var_b, both]: [f64; 3], t: f64) -> Option<Interval> {
    let square = mean_a * mean_a - t * t * var_a;
    if square <= 0.0 {
        return None;
    }
    let linear = mean_a * mean_b - t * t * both;
    let constant = mean_b * mean_b - t * t * var_b;
    // with a mean a that differs from 0 the two solutions are real; rounding may say otherwise of a point
    let root = (linear * linear - square * constant).max(0.0).sqrt();
    Some(Interval { low: (linear - root) / square, high: (linear + root) / square })
}

/// Difference of the means (b less a), its standard error, and Welch's degrees of freedom.
fn welch(a: &[f64], b: &[f64]) -> Option<(f64, f64, f64)> {
    let (var_a, var_b) = (variance(a)? / a.len() as f64, variance(b)? / b.len() as f64);
    let sum = var_a + var_b;
    let shares = var_a * var_a / (a.len() as f64 - 1.0) + var_b * var_b / (b.len() as f64 - 1.0);
    let freedom = if shares > 0.0 { sum * sum / shares } else { (a.len() + b.len()) as f64 - 2.0 };
    Some((mean(b)? - mean(a)?, sum.sqrt(), freedom))
}

fn about(centre: f64, error: f64, freedom: f64, level: f64) -> Interval {
    let reach = error * t_quantile(0.5 + level / 2.0, freedom);
    Interval { low: centre - reach, high: centre + reach }
}

fn p(centre: f64, error: f64, freedom: f64) -> f64 {
    match (error > 0.0, centre == 0.0) {
        (true, _) => t_tails(centre / error, freedom),
        (false, true) => 1.0,
        (false, false) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_little_nothing_is_said_and_of_equal_values_a_point() {
        assert_eq!((of_mean(&[], 0.95), of_mean(&[1.0], 0.95), p_of_mean(&[1.0])), (None, None, None));
        assert_eq!(of_mean(&[2.0; 6], 0.95), Some(Interval { low: 2.0, high: 2.0 }));
        assert_eq!((p_of_mean(&[2.0; 6]), p_of_mean(&[0.0; 6])), (Some(0.0), Some(1.0)));
        assert_eq!(of_paired_ratio(&[2.0; 6], &[3.0; 6], 0.95), Some(Interval { low: 1.5, high: 1.5 }));
        assert_eq!(of_difference(&[1.0], &[2.0, 3.0], 0.95), None);
    }

    #[test]
    fn a_ratio_to_what_may_be_nothing_has_no_bound() {
        assert_eq!(of_paired_ratio(&[-1.0, 1.0, 0.5], &[3.0, 3.0, 4.0], 0.95), None);
        assert_eq!(of_paired_ratio(&[0.0; 6], &[1.0; 6], 0.95), None);
    }

    #[test]
    fn student_1908_the_sleep_of_ten_patients() {
        // "The probable error of a mean", extra hours of sleep by two drugs; t = 4.0621 of 9, p = 0.00283 as R's help page gives it
        let (a, b) = (
            [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
            [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
        );
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        assert!((p_of_mean(&differences).unwrap_or_default() - 0.002_832_89).abs() < 1e-8);
        let interval = of_mean(&differences, 0.95).expect("ten values");
        assert!((interval.low - 0.700_114).abs() < 1e-6 && (interval.high - 2.459_886).abs() < 1e-6, "{interval:?}");
        // and as two groups, Welch: t of 17.776 degrees, p = 0.07939
        assert!((p_of_difference(&a, &b).unwrap_or_default() - 0.079_394).abs() < 1e-6);
    }
}
