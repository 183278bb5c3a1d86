//! Which of n sorted values stands for a percentile: the nearest rank, and hey's own rule.

/// Rank (from 1) of a percentile among `count` sorted values: `ceil(percent / 100 * count)`, at least 1; 0 if there are none.
///
/// The nearest-rank definition (Hyndman and Fan 1996, type 1): the smallest value that at least `percent` of all do not exceed.
/// `percent` is taken to six decimals, so that 99.9 means 999 of 1000 and not what binary fractions make of it.
pub fn nearest_rank(count: u64, percent: f64) -> u64 {
    let millionths = u128::from((percent.clamp(0.0, 100.0) * 1e6).round() as u64);
    let rank = (millionths * u128::from(count)).div_ceil(100_000_000) as u64;
    rank.max(1).min(count)
}

/// The value at a percentile of values in ascending order, by [`nearest_rank`]; `None` if there are none.
pub fn percentile<T: Copy>(sorted: &[T], percent: f64) -> Option<T> {
    let rank = nearest_rank(sorted.len() as u64, percent);
    sorted.get((rank as usize).checked_sub(1)?).copied()
}

/// The percentiles of hey's latency distribution.
pub const HEY_PERCENTILES: [u64; 7] = [10, 25, 50, 75, 90, 95, 99];

/// Which of `count` sorted values (from 0) hey shows for each of its percentiles; those it does not reach are missing at the end.
///
/// hey 0.1.4, report.go: it walks the values once, and a value whose integer `i * 100 / count` has come to the wanted percentile
/// stands for it; one value serves one percentile only. So a single value stands for none, and ten values reach 90 %.
pub fn hey_ranks(count: u64) -> Vec<u64> {
    let mut ranks = Vec::with_capacity(HEY_PERCENTILES.len());
    let mut free = 0;
    for percent in HEY_PERCENTILES {
        let first = (u128::from(percent) * u128::from(count)).div_ceil(100) as u64;
        let rank = first.max(free);
        if rank >= count {
            break;
        }
        ranks.push(rank);
        free = rank + 1;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_rank_is_the_smallest_that_covers_the_share() {
        let values: Vec<u32> = (1..=10).collect();
        for (percent, value) in [(0.0, 1), (10.0, 1), (10.1, 2), (50.0, 5), (95.0, 10), (90.0, 9), (100.0, 10)] {
            assert_eq!(percentile(&values, percent), Some(value), "p{percent}");
        }
        assert_eq!(percentile(&[7], 1.0), Some(7));
        assert_eq!(percentile::<u32>(&[], 50.0), None);
    }

    #[test]
    fn binary_fractions_do_not_shift_a_rank() {
        assert_eq!(nearest_rank(1_000, 99.9), 999);
        assert_eq!(nearest_rank(10_000, 99.99), 9_999);
        assert_eq!(nearest_rank(100, 29.0), 29);
    }

    #[test]
    fn hey_leaves_out_the_percentiles_that_few_values_do_not_reach() {
        assert!(hey_ranks(0).is_empty());
        assert!(hey_ranks(1).is_empty());
        assert_eq!(hey_ranks(2), [1]);
        assert_eq!(hey_ranks(10), [1, 3, 5, 8, 9]);
        assert_eq!(hey_ranks(100), [10, 25, 50, 75, 90, 95, 99]);
    }

    proptest! {
        #[test]
        fn the_nearest_rank_agrees_with_counting(mut values in prop::collection::vec(0_u32..50, 1..60), percent in 1_u32..=100) {
            values.sort_unstable();
            let n = values.len() as u32;
            let covers = |value: u32| 100 * values.iter().filter(|other| **other <= value).count() as u32 >= percent * n;
            let smallest = values.iter().copied().find(|value| covers(*value));
            prop_assert_eq!(percentile(&values, f64::from(percent)), smallest);
        }

        /// Literally the loop of report.go.
        #[test]
        fn heys_ranks_agree_with_heys_walk(count in 0_u64..400) {
            let mut walked = Vec::new();
            for i in 0..count {
                if walked.len() < 7 && i * 100 / count >= HEY_PERCENTILES[walked.len()] {
                    walked.push(i);
                }
            }
            prop_assert_eq!(hey_ranks(count), walked);
        }
    }
}
