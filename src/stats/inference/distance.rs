//! How far apart two distributions are: Kolmogorov and Smirnov's distance, and Wasserstein's.
//!
//! Distances only, no p: requests inside a run depend on each other, so their number is no sample size.

/// The largest difference of the two distribution functions, 0 to 1. Values ascend, each with how often it occurs; `None` if either
/// has nothing.
pub fn kolmogorov_smirnov(a: &[(f64, f64)], b: &[(f64, f64)]) -> Option<f64> {
    let mut largest: f64 = 0.0;
    walk(a, b, |_, apart| largest = largest.max(apart))?;
    Some(largest)
}

/// The area between the two distribution functions, in the unit of the values: by how much values must move on average to make one
/// of the other (Wasserstein-1, the earth mover's distance). `None` if either has nothing.
pub fn wasserstein(a: &[(f64, f64)], b: &[(f64, f64)]) -> Option<f64> {
    let mut area = 0.0;
    walk(a, b, |length, apart| area += length * apart)?;
    Some(area)
}

/// Each value once, with the length up to the next (0 for the last) and how far apart the two functions are on it.
fn walk(a: &[(f64, f64)], b: &[(f64, f64)], mut each: impl FnMut(f64, f64)) -> Option<()> {
    let total = |values: &[(f64, f64)]| values.iter().map(|(_, count)| count).sum::<f64>();
    let (all_a, all_b) = (total(a), total(b));
    if all_a <= 0.0 || all_b <= 0.0 {
        return None;
    }
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let (mut below_a, mut below_b) = (0.0, 0.0);
    let mut last: Option<(f64, f64)> = None;
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some((a, _)), Some((b, _))) => a.min(*b),
            (Some((value, _)), None) | (None, Some((value, _))) => *value,
            (None, None) => break,
        };
        if let Some((value, apart)) = last {
            each(next - value, apart);
        }
        while let Some((_, count)) = a.next_if(|(value, _)| *value <= next) {
            below_a += count;
        }
        while let Some((_, count)) = b.next_if(|(value, _)| *value <= next) {
            below_b += count;
        }
        last = Some((next, (below_a / all_a - below_b / all_b).abs()));
    }
    last.map(|(_, apart)| each(0.0, apart))
}

/// Values as [`kolmogorov_smirnov`] and [`wasserstein`] take them: ascending, each counted once.
pub fn counted(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.into_iter().map(|value| (value, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_nothing_apart_and_a_shift_is_its_length() {
        let (a, b) = (counted(&[3.0, 1.0, 2.0]), counted(&[13.0, 11.0, 12.0]));
        assert_eq!((kolmogorov_smirnov(&a, &a), wasserstein(&a, &a)), (Some(0.0), Some(0.0)));
        assert_eq!(kolmogorov_smirnov(&a, &b), Some(1.0));
        assert!((wasserstein(&a, &b).unwrap_or_default() - 10.0).abs() < 1e-12);
        assert_eq!((kolmogorov_smirnov(&a, &[]), wasserstein(&[], &a)), (None, None));
    }

    #[test]
    fn counts_are_values_that_many_times() {
        let twice = counted(&[1.0, 1.0, 5.0]);
        let other = counted(&[2.0, 4.0]);
        assert_eq!(wasserstein(&[(1.0, 2.0), (5.0, 1.0)], &other), wasserstein(&twice, &other));
        assert_eq!(kolmogorov_smirnov(&[(1.0, 2.0), (5.0, 1.0)], &other), kolmogorov_smirnov(&twice, &other));
    }
}
