//! Two arms by one metric: difference, ratio, intervals, tests and effect size of their runs.
//!
//! Which interval: below [`BOOTSTRAP_FROM`] pairs Student's (of a ratio Fieller's), from there on the widened `BCa` bootstrap. Plain
//! `BCa` of six runs covers 83 to 88 % instead of 95, Student's of a difference 93 to 96, since the difference of two arms is far less
//! skewed than the arms are (measured: docs/statistics.md).

use super::effect::cliffs_delta;
use super::moments::{mean, standard_deviation};
use super::rank_sum::rank_sum;
use super::resample::{RESAMPLES, Resamples, bca, mean_of, ratio_of, widened_tail};
use super::signed_rank::signed_rank;
use super::{Interval, LEVEL, sign_flip, t_interval};
use crate::random::{Purpose, Seed};

/// From so many pairs on intervals are bootstrapped.
pub const BOOTSTRAP_FROM: usize = 20;

/// How a p came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// All signs of the differences were tried.
    SignFlip,
    /// Signs of the differences were drawn.
    DrawnSignFlip,
    /// Student's t of the differences.
    PairedT,
    /// Mann and Whitney's, every choice counted.
    RankSum,
    /// Mann and Whitney's, by the normal distribution.
    RankSumByNormal,
    /// Welch's t.
    Welch,
}

impl Test {
    /// The word in `stats.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignFlip => "sign-flip exact",
            Self::DrawnSignFlip => "sign-flip drawn",
            Self::PairedT => "paired t",
            Self::RankSum => "mann-whitney exact",
            Self::RankSumByNormal => "mann-whitney normal",
            Self::Welch => "welch t",
        }
    }
}

/// What the runs of two arms show by one metric. What can't be said of so few runs is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Pairs, or the smaller of two samples that are not in pairs.
    pub n: usize,
    /// Mean of arm a.
    pub mean_a: Option<f64>,
    /// Mean of arm b.
    pub mean_b: Option<f64>,
    /// Mean b less mean a.
    pub difference: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Mean b over mean a; `None` if mean a is 0.
    pub ratio: Option<f64>,
    /// Its interval.
    pub ratio_interval: Option<Interval>,
    /// Standard deviation that shrinks with the root of `n` to the standard error of the difference.
    pub spread: Option<f64>,
    /// Degrees of freedom of that standard deviation at `n`.
    pub freedom: f64,
    /// By Student's t or Welch's: never bounded by the number of runs.
    pub p_t: Option<f64>,
    /// By a test that assumes no distribution: sign-flip of pairs, Mann-Whitney otherwise.
    pub p_exact: Option<f64>,
    /// Which that was.
    pub exact_test: Test,
    /// By Wilcoxon's signed rank test; pairs only.
    pub p_signed_rank: Option<f64>,
    /// Cliff's delta: above 0 if b is larger.
    pub cliffs_delta: Option<f64>,
    /// Whether the runs are in pairs.
    pub is_paired: bool,
}

/// What comparisons of so many pairs draw, the same whichever they are: made once, it serves all of a study.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: Seed,
    n: usize,
    /// None where intervals are not bootstrapped.
    resamples: Option<Resamples>,
}

impl Draws {
    /// For `n` pairs; what is drawn follows from the seed.
    pub fn of(n: usize, seed: Seed) -> Self {
        let draw = || Resamples::draw(&mut seed.stream(Purpose::Resampling), n, RESAMPLES);
        Self { seed, n, resamples: (n >= BOOTSTRAP_FROM).then(draw) }
    }
}

/// Compares runs in pairs: `a[i]` and `b[i]` met the same luck, or took turns. What is drawn follows from the seed.
///
/// All values are finite. What has no partner is left out.
pub fn paired(a: &[f64], b: &[f64], seed: Seed) -> Compared {
    let n = a.len().min(b.len());
    paired_by(&a[..n], &b[..n], &Draws::of(n, seed))
}

/// The same by what was drawn before, for several comparisons of one size.
///
/// # Panics
/// When `a` or `b` is not of the size that was drawn for.
pub fn paired_by(a: &[f64], b: &[f64], draws: &Draws) -> Compared {
    let n = draws.n;
    assert!(a.len() == n && b.len() == n, "{} and {} runs are not {n} pairs", a.len(), b.len());
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (interval, ratio_interval) = match &draws.resamples {
        None => (t_interval::of_mean(&differences, LEVEL), t_interval::of_paired_ratio(a, b, LEVEL)),
        Some(resamples) => {
            let tail = widened_tail(n, LEVEL);
            (bca(resamples, tail, &mean_of(&differences)), bca(resamples, tail, &ratio_of(a, b)))
        }
    };
    let (exact_test, p_exact) = if n <= sign_flip::EXACT_UP_TO {
        (Test::SignFlip, sign_flip::exact(&differences))
    } else {
        let mut stream = draws.seed.stream(Purpose::SignFlips);
        (Test::DrawnSignFlip, sign_flip::by_chance(&differences, sign_flip::DRAWN, &mut stream))
    };
    let spread = standard_deviation(&differences);
    Compared {
        n,
        mean_a,
        mean_b,
        difference: mean(&differences),
        interval,
        ratio: ratio(mean_a, mean_b),
        ratio_interval,
        spread,
        freedom: (n as f64 - 1.0).max(0.0),
        p_t: t_interval::p_of_mean(&differences),
        p_exact: (n > 0).then_some(p_exact),
        exact_test,
        p_signed_rank: signed_rank(&differences).map(|test| test.p).or((n > 0).then_some(1.0)),
        cliffs_delta: cliffs_delta(a, b),
        is_paired: true,
    }
}

/// Compares runs that are not in pairs: of different days, hosts or seeds.
pub fn unpaired(a: &[f64], b: &[f64]) -> Compared {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let difference = mean_a.zip(mean_b).map(|(a, b)| b - a);
    let n = a.len().min(b.len());
    let test = rank_sum(a, b);
    let p_t = t_interval::p_of_difference(a, b);
    // as a standard deviation of n pairs with the same standard error
    let error = standard_deviation(a).zip(standard_deviation(b)).map(|(deviation_a, deviation_b)| {
        (deviation_a * deviation_a / a.len() as f64 + deviation_b * deviation_b / b.len() as f64).sqrt()
    });
    Compared {
        n,
        mean_a,
        mean_b,
        difference,
        interval: t_interval::of_difference(a, b, LEVEL),
        ratio: ratio(mean_a, mean_b),
        ratio_interval: t_interval::of_ratio(a, b, LEVEL),
        spread: error.map(|error| error * (n as f64).sqrt()),
        freedom: ((a.len() + b.len()) as f64 - 2.0).max(0.0),
        p_t,
        p_exact: test.map(|test| test.p),
        exact_test: if test.is_some_and(|test| !test.is_exact) { Test::RankSumByNormal } else { Test::RankSum },
        p_signed_rank: None,
        cliffs_delta: cliffs_delta(a, b),
        is_paired: false,
    }
}

fn ratio(mean_a: Option<f64>, mean_b: Option<f64>) -> Option<f64> {
    mean_a.filter(|a| *a != 0.0).zip(mean_b).map(|(a, b)| b / a)
}

impl Compared {
    /// The smallest p that [`Compared::p_exact`] could have been with so many runs.
    pub fn smallest_exact_p(&self) -> f64 {
        match self.exact_test {
            Test::DrawnSignFlip => 1.0 / (sign_flip::DRAWN as f64 + 1.0),
            Test::RankSum => 2.0 / choices(2 * self.n, self.n),
            Test::RankSumByNormal => 0.0,
            Test::SignFlip | Test::PairedT | Test::Welch => 2.0 * 0.5_f64.powf(self.n as f64),
        }
    }

    /// The p and its test where `tests` are made together: the exact one if even the smallest it could be would survive their
    /// correction with room to spare, otherwise Student's.
    ///
    /// Six pairs have 64 signs, so their exact p is never below 0.03, and no correction leaves anything of it.
    pub fn p_among(&self, tests: usize) -> Option<(f64, Test)> {
        if self.smallest_exact_p() * tests as f64 <= 0.01 {
            return self.p_exact.map(|p| (p, self.exact_test));
        }
        let test = if self.is_paired { Test::PairedT } else { Test::Welch };
        self.p_t.map(|p| (p, test))
    }
}

/// How many choices of `k` there are of `n`.
fn choices(n: usize, k: usize) -> f64 {
    (0..k).map(|place| (n - place) as f64 / (place + 1) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 8] = [10.0, 11.0, 12.0, 9.0, 10.5, 11.5, 10.2, 9.8];

    #[test]
    fn pairs_that_move_together_are_told_apart_and_the_same_apart_are_not() {
        let b: Vec<f64> = A.iter().enumerate().map(|(index, a)| a + 0.5 + 0.01 * index as f64).collect();
        let (together, apart) = (paired(&A, &b, Seed(1)), unpaired(&A, &b));
        assert!(together.interval.is_some_and(|interval| interval.low > 0.0));
        assert!(apart.interval.is_some_and(|interval| interval.low < 0.0));
        assert!((together.difference.unwrap_or_default() - apart.difference.unwrap_or_default()).abs() < 1e-12);
        assert!(together.p_exact < apart.p_exact);
    }

    #[test]
    fn of_too_little_only_the_means_are_known() {
        let none = paired(&[], &[], Seed(1));
        assert_eq!(
            (none.n, none.difference, none.interval, none.p_exact, none.cliffs_delta),
            (0, None, None, None, None)
        );
        let one = paired(&[2.0], &[3.0], Seed(1));
        assert_eq!((one.difference, one.ratio, one.interval, one.p_t), (Some(1.0), Some(1.5), None, None));
        assert_eq!(one.p_among(1), None);
        assert_eq!(unpaired(&[], &[1.0]).p_exact, None);
    }

    #[test]
    fn equal_runs_differ_by_a_point_at_nothing() {
        let same = paired(&A, &A, Seed(1));
        assert_eq!(same.interval, Some(Interval { low: 0.0, high: 0.0 }));
        assert_eq!(
            (same.p_t, same.p_exact, same.p_signed_rank, same.cliffs_delta),
            (Some(1.0), Some(1.0), Some(1.0), Some(0.0))
        );
        let zeros = paired(&[0.0; 6], &[0.0; 6], Seed(1));
        assert_eq!((zeros.ratio, zeros.ratio_interval), (None, None));
    }

    #[test]
    fn the_exact_test_is_taken_where_it_could_decide() {
        let b = A.map(|a| a + 1.0);
        let compared = paired(&A, &b, Seed(1));
        assert_eq!(compared.p_among(1).map(|found| found.1), Some(Test::SignFlip));
        assert_eq!(compared.p_among(10).map(|found| found.1), Some(Test::PairedT));
        assert!((unpaired(&A, &b).smallest_exact_p() - 2.0 / 12_870.0).abs() < 1e-12);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let a: Vec<f64> = (0..24).map(|index| f64::from(index * 7 % 24)).collect();
        let b: Vec<f64> = (0..24).map(|index| f64::from(index * 5 % 24) + 1.0).collect();
        assert_eq!(paired(&a, &b, Seed(4)), paired(&a, &b, Seed(4)));
        // however many comparisons share what is drawn
        let draws = Draws::of(24, Seed(4));
        assert_eq!((paired_by(&b, &a, &draws), paired_by(&a, &b, &draws)).1, paired(&a, &b, Seed(4)));
        assert_ne!(paired(&a, &b, Seed(4)).interval, paired(&a, &b, Seed(5)).interval);
    }
}
