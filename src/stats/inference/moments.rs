//! Mean, variance and covariance of a few numbers.

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample variance with n - 1; `None` of fewer than two values. Two passes, so that large equal parts cancel first.
pub fn variance(values: &[f64]) -> Option<f64> {
    covariance(values, values)
}

/// Sample standard deviation with n - 1; `None` of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// Sample covariance with n - 1 of values in pairs; `None` of fewer than two pairs.
pub fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    if n < 2 {
        return None;
    }
    let (mean_a, mean_b) = (mean(&a[..n])?, mean(&b[..n])?);
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    Some(sum / (n as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_two_values_is_unknown_of_one() {
        assert_eq!((mean(&[]), variance(&[3.0]), covariance(&[1.0], &[2.0])), (None, None, None));
        assert_eq!((mean(&[3.0]), variance(&[3.0, 3.0])), (Some(3.0), Some(0.0)));
    }

    #[test]
    fn a_large_common_part_costs_no_digits() {
        let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
        assert_eq!(variance(&values), Some(30.0));
    }
}
