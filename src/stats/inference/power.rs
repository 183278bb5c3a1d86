//! How many pairs it takes: the chance that a study of so many pairs decides, and the fewest with a good chance.
//!
//! By the noncentral t distribution, as an average over what the standard deviation turns out to be.

use super::MIN_PAIRS;
use super::distribution::{deviation_density, normal_below, t_quantile};

/// The chance of a decision that "so many more runs would decide it" promises.
pub const PROMISED: f64 = 0.8;

/// More pairs than that are not worth naming.
pub const MOST_PAIRS: usize = 10_000;

/// A true difference and how its runs spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// The difference.
    pub difference: f64,
    /// Standard deviation of the paired differences.
    pub spread: f64,
}

impl Truth {
    /// The chance that `n` pairs show a difference on its side at a two-sided `alpha`.
    pub fn chance_of_finding(self, n: usize, alpha: f64) -> f64 {
        if self.difference == 0.0 {
            return 0.0;
        }
        let (error, freedom) = (self.spread / (n as f64).sqrt(), n as f64 - 1.0);
        if error <= 0.0 {
            return 1.0;
        }
        let (shift, t) = (self.difference.abs() / error, t_quantile(1.0 - alpha / 2.0, freedom));
        over_deviations(freedom, f64::INFINITY, |s| normal_below(shift - t * s))
    }

    /// The chance that the interval of `n` pairs, at this level, lies within `margin` of no difference.
    pub fn chance_of_equivalence(self, n: usize, level: f64, margin: f64) -> f64 {
        let (error, freedom) = (self.spread / (n as f64).sqrt(), n as f64 - 1.0);
        if error <= 0.0 {
            return f64::from(u8::from(self.difference.abs() <= margin));
        }
        let (shift, room, t) = (self.difference / error, margin / error, t_quantile(0.5 + level / 2.0, freedom));
        over_deviations(freedom, room / t, |s| {
            let reach = (room - t * s).max(0.0);
            normal_below(reach - shift) - normal_below(-reach - shift)
        })
    }

    /// The fewest pairs that find the difference with the promised chance; `None` if [`MOST_PAIRS`] don't.
    pub fn pairs_to_find(self, alpha: f64) -> Option<usize> {
        // of the fewest pairs nothing is found unless all of them show it
        let size = if self.spread > 0.0 { self.difference.abs() / self.spread } else { f64::INFINITY };
        let all_agree = normal_below(size).powf(MIN_PAIRS as f64);
        fewest(|n| self.chance_of_finding(n, alpha) >= PROMISED && (n > MIN_PAIRS || all_agree >= PROMISED))
    }

    /// The fewest pairs that show equivalence with the promised chance; `None` if [`MOST_PAIRS`] don't.
    pub fn pairs_to_show_equivalence(self, level: f64, margin: f64) -> Option<usize> {
        if self.difference.abs() >= margin {
            return None;
        }
        fewest(|n| self.chance_of_equivalence(n, level, margin) >= PROMISED)
    }
}

/// The mean of a chance over the standard deviation in units of the true one, where the chance is 0 above `top` (Simpson's rule over
/// eight deviations of its own).
fn over_deviations(freedom: f64, top: f64, chance: impl Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 200;
    let reach = 8.0 / (2.0 * freedom).sqrt();
    let (low, high) = ((1.0 - reach).max(0.0), (1.0 + reach).min(top));
    if high <= low {
        return 0.0;
    }
    let width = (high - low) / f64::from(STEPS);
    let weighed = (0..=STEPS).map(|step| {
        let s = low + f64::from(step) * width;
        let weight = match step {
            0 | STEPS => 1.0,
            odd if odd % 2 == 1 => 4.0,
            _ => 2.0,
        };
        weight * deviation_density(s, freedom) * chance(s)
    });
    weighed.sum::<f64>() * width / 3.0
}

/// The fewest pairs, from the fewest that allow a verdict, for which something holds that then goes on to hold.
fn fewest(holds: impl Fn(usize) -> bool) -> Option<usize> {
    if holds(MIN_PAIRS) {
        return Some(MIN_PAIRS);
    }
    let (mut low, mut high) = (MIN_PAIRS, MIN_PAIRS);
    while !holds(high) {
        if high >= MOST_PAIRS {
            return None;
        }
        (low, high) = (high, (high * 2).min(MOST_PAIRS));
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn truth(difference: f64) -> Truth {
        Truth { difference, spread: 1.0 }
    }

    #[test]
    fn cohen_1988_the_sample_sizes_of_a_paired_t_test() {
        // G*Power 3.1 and R's power.t.test(type = "paired", power = 0.8): 15 for 0.8, 34 for 0.5, 199 for 0.2
        let needed = |effect| truth(effect).pairs_to_find(0.05);
        assert_eq!([0.8, -0.5, 0.2].map(needed), [Some(15), Some(34), Some(199)]);
    }

    #[test]
    fn no_difference_is_never_found_and_a_large_one_at_once() {
        assert_eq!(truth(0.0).pairs_to_find(0.05), None);
        assert_eq!(truth(1e-4).pairs_to_find(0.05), None);
        assert_eq!(truth(10.0).pairs_to_find(0.05), Some(MIN_PAIRS));
        assert_eq!(Truth { difference: 1.0, spread: 0.0 }.pairs_to_find(0.05), Some(MIN_PAIRS));
    }

    #[test]
    fn equivalence_takes_the_more_pairs_the_nearer_the_margin() {
        let needed = |difference| truth(difference).pairs_to_show_equivalence(0.95, 0.5);
        assert!(needed(0.0) < needed(0.2) && needed(0.2) < needed(0.4));
        assert_eq!((needed(0.5), needed(0.7)), (None, None));
        assert_eq!(Truth { difference: 0.1, spread: 0.0 }.pairs_to_show_equivalence(0.95, 0.5), Some(MIN_PAIRS));
    }
}
