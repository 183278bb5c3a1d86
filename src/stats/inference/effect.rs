//! How large a difference is, without a unit: Cliff's delta.
//!
//! Cliff, "Dominance statistics: ordinal analyses to answer ordinal questions", Psychological Bulletin 114 (1993).

/// Share of all pairs (one of a, one of b) in which b is larger, less the share in which it is smaller: -1 to 1. `None` if a sample
/// is empty. Vargha and Delaney's A is (delta + 1) / 2.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut sorted = a.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut above = 0.0;
    for value in b {
        let smaller = sorted.partition_point(|one| one < value);
        let larger = sorted.len() - sorted.partition_point(|one| one <= value);
        above += smaller as f64 - larger as f64;
    }
    Some(above / (a.len() as f64 * b.len() as f64))
}

/// The word for the size of a delta, by the bounds of Romano et al. (2006): 0.147, 0.33, 0.474.
pub fn in_words(delta: f64) -> &'static str {
    match delta.abs() {
        ..0.147 => "negligible",
        ..0.33 => "small",
        ..0.474 => "medium",
        _ => "large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apart_is_one_and_equal_is_nothing() {
        assert_eq!(cliffs_delta(&[1.0, 2.0], &[3.0, 4.0]), Some(1.0));
        assert_eq!(cliffs_delta(&[3.0, 4.0], &[1.0, 2.0]), Some(-1.0));
        assert_eq!(cliffs_delta(&[1.0; 3], &[1.0; 5]), Some(0.0));
        assert_eq!(cliffs_delta(&[1.0], &[]), None);
        assert_eq!([0.0, -0.2, 0.4, -1.0].map(in_words), ["negligible", "small", "medium", "large"]);
    }

    #[test]
    fn it_counts_pairs() {
        let (a, b) = ([1.0, 3.0, 3.0, 7.0], [3.0, 2.0, 9.0]);
        let mut sum = 0;
        for x in a {
            for y in b {
                sum += i32::from(y > x) - i32::from(y < x);
            }
        }
        assert_eq!(cliffs_delta(&a, &b), Some(f64::from(sum) / 12.0));
    }
}
