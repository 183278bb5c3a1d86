//! The sign-flip test of paired differences: what the mean would be if the arms of each pair were called the other way round.
//!
//! Fisher, "The Design of Experiments" (1935), section 21. Exact where all signs can be tried; beyond that signs are drawn, and the
//! p is (1 + as extreme) / (1 + drawn), which is valid whatever is drawn (Phipson and Smyth 2010).

use rand::Rng;

/// Up to so many differences all signs are tried.
pub const EXACT_UP_TO: usize = 16;

/// How many signs are drawn beyond that.
pub const DRAWN: usize = 9_999;

/// Signs that are tried in step, where one word has enough for all differences: an addition waits for the one before it, and those of the
/// others fill the time.
const IN_STEP: usize = 8;

/// The two-sided p of the mean difference, over all signs. 1 of nothing.
///
/// # Panics
/// Of more than 30 differences: that is more than a billion signs.
pub fn exact(differences: &[f64]) -> f64 {
    let n = differences.len();
    assert!(n <= 30, "2^{n} signs are too many to try");
    let extreme = Extreme::of(differences);
    if n == 0 {
        return 1.0;
    }
    // all signs turned round give the same size: half of them will do. Gray's order turns one at a time
    let mut sum: f64 = differences.iter().sum();
    let mut turned = vec![false; n];
    let mut as_extreme = u64::from(extreme.is_reached_by(sum));
    let half = 1_u64 << (n - 1);
    for step in 1..half {
        let place = step.trailing_zeros() as usize;
        let twice = 2.0 * differences[place];
        sum += if turned[place] { twice } else { -twice };
        turned[place] = !turned[place];
        as_extreme += u64::from(extreme.is_reached_by(sum));
    }
    as_extreme as f64 / half as f64
}

/// The two-sided p of the mean difference, over `drawn` signs from the stream.
pub fn by_chance(differences: &[f64], drawn: usize, stream: &mut impl Rng) -> f64 {
    let extreme = Extreme::of(differences);
    let mut as_extreme = 0_u64;
    let in_step = if differences.len() <= 64 { drawn / IN_STEP } else { 0 };
    for _ in 0..in_step {
        let mut signs = [(); IN_STEP].map(|()| stream.next_u64());
        let mut sums = [0.0; IN_STEP];
        for difference in differences {
            for (sum, signs) in sums.iter_mut().zip(&mut signs) {
                *sum += if *signs & 1 == 1 { *difference } else { -difference };
                *signs >>= 1;
            }
        }
        as_extreme += sums.into_iter().filter(|sum| extreme.is_reached_by(*sum)).count() as u64;
    }
    for _ in IN_STEP * in_step..drawn {
        let mut sum = 0.0;
        for sixty_four in differences.chunks(64) {
            let mut signs = stream.next_u64();
            for difference in sixty_four {
                sum += if signs & 1 == 1 { *difference } else { -difference };
                signs >>= 1;
            }
        }
        as_extreme += u64::from(extreme.is_reached_by(sum));
    }
    (as_extreme + 1) as f64 / (drawn + 1) as f64
}

/// As extreme as what was seen. Sums that differ only by rounding are equal.
struct Extreme(f64);

impl Extreme {
    fn of(differences: &[f64]) -> Self {
        let sum: f64 = differences.iter().sum();
        let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
        Self(sum.abs() - 1e-12 * size)
    }

    fn is_reached_by(&self, sum: f64) -> bool {
        sum.abs() >= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn all_on_one_side_is_the_smallest_p_there_is_and_zeros_are_certain() {
        assert!((exact(&[1.0, 2.0, 3.0, 0.5, 0.25, 4.0]) - 2.0 / 64.0).abs() < 1e-15);
        assert_eq!((exact(&[]), exact(&[0.0; 5]), exact(&[3.0])), (1.0, 1.0, 1.0));
    }

    #[test]
    fn darwin_as_fisher_counted_it() {
        // The Design of Experiments, section 21: of 32 768 signs 863 give a sum of 314 or more, 1 726 one of that size
        let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        assert!((exact(&eighths) - 1_726.0 / 32_768.0).abs() < 1e-15);
    }

    #[test]
    fn signs_tried_in_step_are_those_tried_one_by_one() {
        let (differences, mut stream) = ([0.3, -0.1, 0.8, 0.4, -0.2], Seed(1).stream(Purpose::SignFlips));
        let extreme = Extreme::of(&differences);
        let is_as_extreme = |_: &u32| {
            let signs = stream.next_u64();
            let turned = (0..).zip(differences).map(|(place, one)| if signs >> place & 1 == 1 { one } else { -one });
            extreme.is_reached_by(turned.sum())
        };
        // a number that leaves some over
        let as_extreme = (0..1_003).filter(is_as_extreme).count();
        let found = by_chance(&differences, 1_003, &mut Seed(1).stream(Purpose::SignFlips));
        assert!((found - (as_extreme + 1) as f64 / 1_004.0).abs() < 1e-15);
    }

    #[test]
    fn drawn_signs_come_near_all_of_them() {
        let differences = [0.3, -0.1, 0.8, 0.4, -0.2, 0.5, 0.1, 0.9, -0.6, 0.2];
        let drawn = by_chance(&differences, 40_000, &mut Seed(1).stream(Purpose::SignFlips));
        assert!((drawn - exact(&differences)).abs() < 0.01, "{drawn}");
        let many = [1.0; 70];
        assert!((by_chance(&many, 999, &mut Seed(1).stream(Purpose::SignFlips)) - 1e-3).abs() < 1e-12);
    }
}
