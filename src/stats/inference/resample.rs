//! The bootstrap: the same runs drawn again and again, and the interval that comes of it.
//!
//! Efron, "Better bootstrap confidence intervals", JASA 82 (1987): bias-corrected and accelerated (`BCa`).

use rand::Rng;

use super::Interval;
use super::distribution::{normal_below, normal_quantile, t_quantile};
use super::moments::mean;

/// How often the runs are drawn again for an interval.
pub const RESAMPLES: usize = 10_000;

/// Which of `n` runs make up each resample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resamples {
    n: usize,
    indices: Vec<u32>,
}

impl Resamples {
    /// `count` resamples of `n` runs, each run equally likely at each place.
    pub fn draw(stream: &mut impl Rng, n: usize, count: usize) -> Self {
        let index = |_| below(stream, n) as u32;
        Self { n, indices: (0..n * count).map(index).collect() }
    }

    /// Resamples of `n` runs that were drawn elsewhere, one after the other. Indices are taken modulo `n`.
    pub fn given(n: usize, indices: &[u32]) -> Self {
        let wrapped = |index: &u32| if n == 0 { 0 } else { index % n as u32 };
        Self { n, indices: indices.iter().map(wrapped).collect() }
    }

    /// How many runs each has.
    pub fn runs(&self) -> usize {
        self.n
    }

    /// The drawn values of each added up, in the order in which they were drawn.
    ///
    /// Several resamples in step: an addition waits for the one before it, and those of the others fill the time.
    fn sums(&self, values: &[f64]) -> Vec<f64> {
        const IN_STEP: usize = 8;
        let n = self.n.max(1);
        let mut sums = Vec::with_capacity(self.indices.len() / n);
        let blocks = self.indices.chunks_exact(IN_STEP * n);
        let rest = blocks.remainder().chunks_exact(n).map(|drawn| sum(values, drawn));
        for block in blocks {
            let resamples: [&[u32]; IN_STEP] = std::array::from_fn(|number| &block[number * n..(number + 1) * n]);
            let mut sum = [NOTHING; IN_STEP];
            for place in 0..n {
                for (sum, drawn) in sum.iter_mut().zip(&resamples) {
                    *sum += values[drawn[place] as usize];
                }
            }
            sums.extend(sum);
        }
        sums.extend(rest);
        sums
    }
}

/// What a sum of numbers begins with, so that it keeps the sign of a 0.
const NOTHING: f64 = -0.0;

fn sum(values: &[f64], drawn: &[u32]) -> f64 {
    drawn.iter().fold(NOTHING, |sum, index| sum + values[*index as usize])
}

/// A number that is made of the runs that count, each as often as it was drawn.
pub trait Statistic {
    /// Of these runs; `None` where it is unknown.
    fn of(&self, drawn: &[u32]) -> Option<f64>;

    /// Of each resample; `None` where it is unknown for one of them.
    fn of_each(&self, resamples: &Resamples) -> Option<Vec<f64>>;
}

/// An even number below `n`, by the upper bits of the product (Lemire 2019, without its rejection: of fewer than 2^32 runs one is
/// preferred by less than 2^-32).
fn below(stream: &mut impl Rng, n: usize) -> usize {
    ((u128::from(stream.next_u64()) * n as u128) >> 64) as usize
}

/// The share that an interval of `n` runs leaves out on either side so that it covers what it promises.
///
/// The plain `(1 - level) / 2` makes intervals of few runs too short: resamples spread less than samples do, by `(n - 1) / n`, and
/// their spread is itself an estimate. This is Hesterberg's remedy ("What teachers should know about the bootstrap", The American
/// Statistician 69, 2015): the share that Student's quantile, so much larger, has in a normal distribution.
pub fn widened_tail(n: usize, level: f64) -> f64 {
    let n = n as f64;
    if n < 2.0 {
        return (1.0 - level) / 2.0;
    }
    normal_below(-(n / (n - 1.0)).sqrt() * t_quantile(0.5 + level / 2.0, n - 1.0))
}

/// The interval of a statistic of `n` runs that leaves out the share `tail` on either side.
///
/// `None` of fewer than two runs, and where the statistic is unknown for the runs themselves, or for one of the resamples (a ratio
/// to nothing). A point if no resample differs.
pub fn bca(resamples: &Resamples, tail: f64, statistic: &impl Statistic) -> Option<Interval> {
    let n = resamples.n;
    if n < 2 || resamples.indices.is_empty() {
        return None;
    }
    let all: Vec<u32> = (0..n as u32).collect();
    let found = statistic.of(&all)?;
    let mut drawn = statistic.of_each(resamples)?;
    // values that are equal by this order are the same to the bit
    drawn.sort_unstable_by(f64::total_cmp);
    if drawn.first() == drawn.last() {
        return Some(Interval { low: drawn[0], high: drawn[0] });
    }
    // the runs in another order give the same value, whatever rounding makes of its last digits
    let rounding = 1e-11 * found.abs().max(drawn[0].abs()).max(drawn[drawn.len() - 1].abs());
    let under = drawn.partition_point(|value| *value < found - rounding);
    let up_to = drawn.partition_point(|value| *value <= found + rounding);
    let bias = normal_quantile((under + up_to) as f64 / 2.0 / drawn.len() as f64);
    let acceleration = acceleration(&all, statistic)?;
    let share = |share: f64| {
        let z = bias + normal_quantile(share);
        // a bias beyond all resamples, or too much acceleration, leaves the end at the outermost resample
        let bent = normal_below(bias + z / (1.0 - acceleration * z));
        if bent.is_nan() { share } else { bent }
    };
    Some(Interval { low: quantile(&drawn, share(tail)), high: quantile(&drawn, share(1.0 - tail)) })
}

/// How the standard error changes with the value, from the statistic without one run at a time (the jackknife).
fn acceleration(all: &[u32], statistic: &impl Statistic) -> Option<f64> {
    let without = |left_out: usize| {
        let rest: Vec<u32> = all.iter().copied().filter(|run| *run as usize != left_out).collect();
        statistic.of(&rest)
    };
    let left = (0..all.len()).map(without).collect::<Option<Vec<f64>>>()?;
    let centre = mean(&left)?;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in left {
        let off = centre - value;
        squares += off * off;
        cubes += off * off * off;
    }
    Some(if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 })
}

/// The quantile of sorted values between whose neighbours it is drawn straight (Hyndman and Fan 1996, type 7).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() as f64 - 1.0);
    let (floor, rest) = (place.floor() as usize, place.fract());
    let above = sorted[(floor + 1).min(sorted.len() - 1)];
    sorted[floor] + (above - sorted[floor]) * rest
}

/// Mean of the drawn values.
pub fn mean_of(values: &[f64]) -> impl Statistic {
    Mean(values)
}

/// Mean b over mean a of the drawn pairs; unknown where mean a is 0.
pub fn ratio_of<'a>(a: &'a [f64], b: &'a [f64]) -> impl Statistic {
    Ratio(a, b)
}

struct Mean<'a>(&'a [f64]);

impl Statistic for Mean<'_> {
    fn of(&self, drawn: &[u32]) -> Option<f64> {
        (!drawn.is_empty()).then(|| sum(self.0, drawn) / drawn.len() as f64)
    }

    fn of_each(&self, resamples: &Resamples) -> Option<Vec<f64>> {
        let n = resamples.n as f64;
        (n > 0.0).then(|| resamples.sums(self.0).into_iter().map(|sum| sum / n).collect())
    }
}

struct Ratio<'a>(&'a [f64], &'a [f64]);

impl Ratio<'_> {
    fn of_sums(a: f64, b: f64) -> Option<f64> {
        (a != 0.0).then(|| b / a)
    }
}

impl Statistic for Ratio<'_> {
    fn of(&self, drawn: &[u32]) -> Option<f64> {
        Self::of_sums(sum(self.0, drawn), sum(self.1, drawn))
    }

    fn of_each(&self, resamples: &Resamples) -> Option<Vec<f64>> {
        let (a, b) = (resamples.sums(self.0), resamples.sums(self.1));
        a.into_iter().zip(b).map(|(a, b)| Self::of_sums(a, b)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn one_run_no_run_and_runs_that_agree() {
        let mut stream = Seed(1).stream(Purpose::Resampling);
        for n in [0, 1] {
            let resamples = Resamples::draw(&mut stream, n, 10);
            assert_eq!(bca(&resamples, 0.025, &mean_of(&[3.0])), None);
        }
        let resamples = Resamples::draw(&mut stream, 6, 200);
        assert_eq!(bca(&resamples, 0.025, &mean_of(&[2.5; 6])), Some(Interval { low: 2.5, high: 2.5 }));
        assert_eq!(bca(&resamples, 0.025, &ratio_of(&[0.0; 6], &[1.0; 6])), None);
    }

    #[test]
    fn the_same_stream_draws_the_same_and_every_run_is_drawn() {
        let draw = |seed| Resamples::draw(&mut Seed(seed).stream(Purpose::Resampling), 6, 500);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        let mut counts = [0_u32; 6];
        draw(3).indices.iter().for_each(|index| counts[*index as usize] += 1);
        assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
    }

    #[test]
    fn in_step_or_one_by_one_the_sums_are_the_same_to_the_bit() {
        let values: Vec<f64> = (0..30).map(|index| 0.1 * f64::from(index) - 1.0 / 3.0).collect();
        // a number of resamples that leaves some over
        let resamples = Resamples::draw(&mut Seed(2).stream(Purpose::Resampling), 30, 1_003);
        let one_by_one = resamples.indices.chunks_exact(30).map(|drawn| mean_of(&values).of(drawn));
        assert_eq!(mean_of(&values).of_each(&resamples), one_by_one.collect());
        let zeros: f64 = std::iter::empty::<f64>().sum();
        assert_eq!(NOTHING.to_bits(), zeros.to_bits(), "as sums of the standard library begin");
    }

    #[test]
    fn skewed_runs_push_the_interval_to_their_side() {
        let values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 9.0];
        let resamples = Resamples::draw(&mut Seed(5).stream(Purpose::Resampling), 8, 4_000);
        let interval = bca(&resamples, 0.025, &mean_of(&values)).expect("eight runs");
        let centre = mean(&values).expect("eight runs");
        assert!(interval.high - centre > 2.0 * (centre - interval.low), "{interval:?} about {centre}");
    }
}
