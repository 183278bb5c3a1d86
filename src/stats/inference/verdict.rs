//! Better, worse, equivalent or undecided, and how many more pairs would decide.
//!
//! ```text
//!              -margin      0      +margin
//!   ---------------|--------|--------|---------------
//!                  |   [----+---]    |                 equivalent: the interval lies within the margin
//!   [---------]    |        |        |                 better or worse: it leaves out 0, and p survives Holm's correction
//!             [----+--------+--]     |                 undecided
//! ```

use super::compared::{Compared, Test};
use super::holm::holm;
use super::power::Truth;
use super::{ALPHA, LEVEL, MIN_PAIRS};

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less of it is better.
    Less,
    /// More of it is better.
    More,
}

/// How large a difference must be to matter: a share of arm a's mean, but at least so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Share of the size of arm a's mean.
    pub relative: f64,
    /// In the metric's unit; above 0.
    pub least: f64,
}

impl Margin {
    /// The margin in the metric's unit.
    pub fn about(self, mean_a: f64) -> f64 {
        (self.relative * mean_a.abs()).max(self.least)
    }
}

/// What may be said of arm b, measured by arm a.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// b is better.
    Better,
    /// b is worse.
    Worse,
    /// Whatever difference there is, it is too small to matter.
    Equivalent,
    /// The runs allow for more than one of these.
    Undecided,
}

impl Verdict {
    /// The word in `stats.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Undecided => "undecided",
        }
    }
}

/// Two arms by one metric, judged among all that were judged together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The test behind `p`.
    pub test: Option<Test>,
    /// By itself.
    pub p: Option<f64>,
    /// Corrected for all that were judged together.
    pub p_holm: Option<f64>,
    /// The margin, in the metric's unit.
    pub margin: Option<f64>,
    /// `None` of fewer than [`MIN_PAIRS`] pairs.
    pub verdict: Option<Verdict>,
    /// Further pairs after which, if the truth is what the runs so far show, there is a decision with a chance of
    /// [`PROMISED`](super::power::PROMISED); `None` if there is one, and if it is out of reach.
    pub more_pairs: Option<usize>,
}

/// Judges comparisons together: Holm's correction is over those of at least [`MIN_PAIRS`] pairs.
pub fn judge(family: &[(&Compared, Direction, Margin)]) -> Vec<Judgement> {
    let is_judged = |compared: &Compared| compared.n >= MIN_PAIRS && compared.p_t.is_some();
    let tests = family.iter().filter(|(compared, ..)| is_judged(compared)).count();
    let found: Vec<Option<(f64, Test)>> =
        family.iter().map(|(compared, ..)| if is_judged(compared) { compared.p_among(tests) } else { None }).collect();
    let mut adjusted = holm(&found.iter().flatten().map(|(p, _)| *p).collect::<Vec<_>>()).into_iter();
    let mut judgements = Vec::with_capacity(family.len());
    for ((compared, direction, margin), found) in family.iter().zip(&found) {
        let margin = compared.mean_a.map(|mean| margin.about(mean));
        let p_holm = found.and_then(|_| adjusted.next());
        let verdict =
            found.zip(p_holm).zip(margin).map(|((_, p_holm), margin)| of(compared, *direction, margin, p_holm));
        // by as much as the correction has raised this p it lowers what it must come below
        let alpha = match (found, p_holm) {
            (Some((p, _)), Some(p_holm)) if *p > 0.0 && p_holm < 1.0 => ALPHA * p / p_holm,
            _ => ALPHA / tests.max(1) as f64,
        };
        judgements.push(Judgement {
            test: found.map(|(_, test)| test),
            p: found.map(|(p, _)| p),
            p_holm,
            margin,
            verdict,
            more_pairs: match verdict {
                Some(Verdict::Undecided) => margin.and_then(|margin| more_pairs(compared, margin, alpha)),
                None if compared.n < MIN_PAIRS => Some(MIN_PAIRS - compared.n),
                _ => None,
            },
        });
    }
    judgements
}

/// The verdict on one comparison of enough pairs.
fn of(compared: &Compared, direction: Direction, margin: f64, p_holm: f64) -> Verdict {
    let (Some(interval), Some(p_exact)) = (compared.interval, compared.p_exact) else { return Verdict::Undecided };
    if interval.low >= -margin && interval.high <= margin {
        return Verdict::Equivalent;
    }
    // Student's t is taken of few runs only; no assumption of its may find what all signs together don't
    if p_holm > ALPHA || p_exact > ALPHA || interval.contains(0.0) {
        return Verdict::Undecided;
    }
    match (direction, interval.low > 0.0) {
        (Direction::Less, false) | (Direction::More, true) => Verdict::Better,
        (Direction::Less, true) | (Direction::More, false) => Verdict::Worse,
    }
}

/// Further pairs after which a difference would be found or equivalence shown, whichever is sooner.
fn more_pairs(compared: &Compared, margin: f64, alpha: f64) -> Option<usize> {
    let truth = Truth { difference: compared.difference?, spread: compared.spread? };
    let needed = [truth.pairs_to_find(alpha), truth.pairs_to_show_equivalence(LEVEL, margin)];
    needed.into_iter().flatten().min().map(|needed| needed.saturating_sub(compared.n).max(1))
}

#[cfg(test)]
mod tests {
    use super::super::compared::paired;
    use super::*;
    use crate::random::Seed;

    const MARGIN: Margin = Margin { relative: 0.05, least: 0.1 };

    fn judged(a: &[f64], b: &[f64], direction: Direction) -> Judgement {
        judge(&[(&paired(a, b, Seed(1)), direction, MARGIN)])[0]
    }

    fn noise(n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|index| scale * (((index * 7 + 3) % 11) as f64 - 5.0)).collect()
    }

    fn arm(n: usize, mean: f64, scale: f64) -> Vec<f64> {
        noise(n, scale).iter().map(|noise| mean + noise).collect()
    }

    #[test]
    fn five_pairs_however_far_apart_carry_no_verdict() {
        let judged = judged(&[1.0; 5], &[9.0, 9.1, 9.2, 9.0, 9.3], Direction::Less);
        assert_eq!((judged.verdict, judged.p, judged.p_holm, judged.more_pairs), (None, None, None, Some(1)));
    }

    #[test]
    fn six_pairs_far_apart_carry_one_by_direction() {
        let (a, b) = (arm(6, 100.0, 0.5), [60.0, 61.0, 60.5, 60.2, 61.3, 59.0]);
        assert_eq!(judged(&a, &b, Direction::Less).verdict, Some(Verdict::Better));
        assert_eq!(judged(&a, &b, Direction::More).verdict, Some(Verdict::Worse));
        assert_eq!(judged(&b, &a, Direction::Less).verdict, Some(Verdict::Worse));
    }

    #[test]
    fn a_difference_too_small_to_matter_is_equivalent_however_certain() {
        let a = arm(10, 100.0, 0.5);
        let b: Vec<f64> = a.iter().zip(noise(10, 0.01)).map(|(a, noise)| a + 1.0 + noise).collect();
        let judged = judged(&a, &b, Direction::Less);
        assert!(judged.p.is_some_and(|p| p < 0.01));
        assert_eq!(judged.verdict, Some(Verdict::Equivalent));
    }

    #[test]
    fn what_could_be_either_is_undecided_and_says_how_many_more() {
        let a = arm(8, 100.0, 4.0);
        let b: Vec<f64> = a.iter().rev().map(|a| a + 6.0).collect();
        let found = judged(&a, &b, Direction::Less);
        assert_eq!(found.verdict, Some(Verdict::Undecided));
        assert!(found.more_pairs.is_some_and(|more| (5..300).contains(&more)), "{found:?}");
    }

    #[test]
    fn the_more_is_judged_together_the_more_it_takes() {
        let a = arm(7, 100.0, 1.0);
        let b: Vec<f64> = a.iter().zip(noise(7, 2.2)).map(|(a, noise)| a + 8.0 + noise).collect();
        let compared = paired(&a, &b, Seed(1));
        let same = paired(&a, &arm(7, 100.0, 1.5), Seed(1));
        let alone = judge(&[(&compared, Direction::Less, MARGIN)]);
        let mut many = vec![(&same, Direction::Less, MARGIN); 40];
        many.push((&compared, Direction::Less, MARGIN));
        let among = judge(&many);
        assert!(alone[0].p_holm < among[40].p_holm);
        assert_eq!(alone[0].verdict, Some(Verdict::Worse));
    }

    #[test]
    fn runs_that_agree_to_the_last_digit_are_equivalent_or_apart() {
        assert_eq!(judged(&[3.0; 6], &[3.0; 6], Direction::Less).verdict, Some(Verdict::Equivalent));
        assert_eq!(judged(&[0.0; 6], &[0.0; 6], Direction::Less).verdict, Some(Verdict::Equivalent));
        assert_eq!(judged(&[3.0; 6], &[4.0; 6], Direction::Less).verdict, Some(Verdict::Worse));
    }
}
