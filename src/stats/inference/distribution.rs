//! The normal distribution and Student's: what intervals and tests look up.
//!
//! Distribution functions are statrs'. Its quantile of Student's t is good to three digits only, so a quantile is looked for here,
//! between two values that enclose it, until nothing changes.

use statrs::function::{beta::beta_reg, erf, gamma};

/// The share of a standard normal distribution up to `z`.
pub fn normal_below(z: f64) -> f64 {
    0.5 * erf::erfc(-z / std::f64::consts::SQRT_2)
}

/// The value up to which a standard normal distribution has this share; infinite at 0 and 1.
pub fn normal_quantile(share: f64) -> f64 {
    match share {
        ..=0.0 => f64::NEG_INFINITY,
        1.0.. => f64::INFINITY,
        _ => quantile(share, normal_below),
    }
}

/// The share of Student's distribution of so many degrees of freedom up to `t`.
pub fn t_below(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * t_tails(t, freedom);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The share of Student's distribution beyond `t` and `-t` together: the two-sided p of a t statistic.
pub fn t_tails(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    beta_reg(0.5 * freedom, 0.5, freedom / (freedom + t * t))
}

/// The value up to which Student's distribution has this share; infinite at 0 and 1.
pub fn t_quantile(share: f64, freedom: f64) -> f64 {
    match share {
        ..=0.0 => f64::NEG_INFINITY,
        1.0.. => f64::INFINITY,
        _ => quantile(share, |t| t_below(t, freedom)),
    }
}

/// The density of the chi distribution of so many degrees of freedom, scaled to mean square 1, at `s`: of a standard deviation
/// in units of the true one.
pub fn deviation_density(s: f64, freedom: f64) -> f64 {
    if s <= 0.0 {
        return 0.0;
    }
    let half = 0.5 * freedom;
    let log =
        half.ln() * half + std::f64::consts::LN_2 - gamma::ln_gamma(half) + (freedom - 1.0) * s.ln() - half * s * s;
    log.exp()
}

/// Where an increasing distribution function that is symmetric about 0 reaches `share`, above 0 and below 1.
fn quantile(share: f64, below: impl Fn(f64) -> f64) -> f64 {
    // the lower half is looked for, in which small shares keep their digits
    match share.total_cmp(&0.5) {
        std::cmp::Ordering::Greater => return -quantile(1.0 - share, below),
        std::cmp::Ordering::Equal => return 0.0,
        std::cmp::Ordering::Less => {}
    }
    let (mut low, mut high) = (-1.0, 0.0);
    while below(low) > share {
        (low, high) = (low * 2.0, low);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if below(middle) < share { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_undo_the_distributions_and_are_symmetric() {
        for share in [1e-9, 0.001, 0.025, 0.3, 0.5, 0.7, 0.975, 0.999_9] {
            assert!((normal_below(normal_quantile(share)) - share).abs() < 1e-13, "{share}");
            for freedom in [1.0, 2.0, 5.0, 29.0, 1_000.0] {
                assert!((t_below(t_quantile(share, freedom), freedom) - share).abs() < 1e-12, "{share} {freedom}");
                let (below, above) = (t_quantile(share, freedom), t_quantile(1.0 - share, freedom));
                assert!((below + above).abs() <= 1e-6 * above.abs(), "{share} {freedom}");
            }
        }
        assert_eq!((normal_quantile(0.0), t_quantile(1.0, 3.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(t_tails(f64::INFINITY, 5.0) <= 0.0);
    }

    #[test]
    fn the_density_of_a_deviation_sums_to_one() {
        for freedom in [2.0, 5.0, 29.0, 500.0] {
            let sum: f64 = (0..60_000).map(|step| deviation_density(f64::from(step) * 1e-4, freedom) * 1e-4).sum();
            assert!((sum - 1.0).abs() < 1e-3, "{freedom}: {sum}");
        }
    }
}
