//! Which setting is recommended, and what its confirmation says.
//!
//! Arithmetic over what was measured; nothing is run or written here.

use crate::search::Score;
use crate::search::front::{front, knee};
use crate::stats::inference::moments::mean;
use crate::stats::inference::t_interval;

/// A mean difference with its 95 % interval, from pairs of runs with the same seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The mean of the differences.
    pub mean: f64,
    /// Half the width of Student's interval; `None` for a single pair.
    pub half_width: Option<f64>,
}

impl Difference {
    /// Of pairs (one, other): one less other. `None` of no pairs.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().map(|(one, other)| one - other).collect();
        let half_width = t_interval::of_mean(&differences, 0.95).map(|interval| interval.half_width());
        Some(Self { mean: mean(&differences)?, half_width })
    }

    /// Whether it is below 0 and luck doesn't explain it.
    pub fn is_clearly_below_zero(self) -> bool {
        self.half_width.is_some_and(|half| self.mean + half < 0.0)
    }
}

/// A setting that was tried with every seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its trial.
    pub trial: usize,
    /// Its means over seeds and scenarios.
    pub mean: Score,
    /// How far below the share that may miss the objective it stays, in the scenario where that is least; negative if it misses it.
    pub room: f64,
    /// Standard error of its mean share of misses in that scenario; `None` with a single seed.
    pub room_error: Option<f64>,
}

impl Candidate {
    /// Whether it meets the objective of every scenario, on average over the seeds.
    pub fn meets(&self) -> bool {
        self.room >= 0.0
    }
}

/// Why a setting is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The cheapest of those that meet the objective with a standard error to spare.
    CheapestThatMeetsSafely,
    /// The cheapest of those that meet the objective; that one does with a standard error to spare is not shown, or there was one seed.
    CheapestThatMeets,
    /// None meets the objective: the corner of the part of the front that is better than the hand-set setting in both ways.
    CornerOfTheBetter,
    /// None meets the objective, and none is better than the hand-set setting in both ways: the corner of the front.
    Corner,
}

impl Reason {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheapestThatMeetsSafely => {
                "the cheapest setting that meets the objective with at least a standard error to spare"
            }
            Self::CheapestThatMeets => {
                "the cheapest setting that meets the objective; that one does with a standard error to spare is not shown"
            }
            Self::CornerOfTheBetter => {
                "no setting meets the objective; of those that cost less and miss less than the hand-set one, this is where the front turns"
            }
            Self::Corner => {
                "no setting meets the objective, and none costs less and misses less than the hand-set one; this is where the front turns"
            }
        }
    }
}

/// What is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// An index into the candidates.
    pub candidate: usize,
    /// Why.
    pub reason: Reason,
}

/// Chooses among candidates, one of which is the hand-set setting; `None` if there are none.
pub fn choose(candidates: &[Candidate], hand_set: usize, cost_weight: f64, violation_weight: f64) -> Option<Choice> {
    let cheapest = |fits: &dyn Fn(&Candidate) -> bool| {
        let fitting = (0..candidates.len()).filter(|index| fits(&candidates[*index]));
        fitting.min_by(|a, b| {
            let (one, other) = (candidates[*a].mean, candidates[*b].mean);
            one.cost.total_cmp(&other.cost).then(one.missed.total_cmp(&other.missed)).then(a.cmp(b))
        })
    };
    if let Some(candidate) =
        cheapest(&|candidate| candidate.meets() && candidate.room_error.is_some_and(|error| candidate.room >= error))
    {
        return Some(Choice { candidate, reason: Reason::CheapestThatMeetsSafely });
    }
    if let Some(candidate) = cheapest(&Candidate::meets) {
        return Some(Choice { candidate, reason: Reason::CheapestThatMeets });
    }
    let hand = candidates.get(hand_set)?.mean;
    let corner = |indices: Vec<usize>| {
        let scores: Vec<Score> = indices.iter().map(|index| candidates[*index].mean).collect();
        let on_front = front(&scores);
        let ordered: Vec<Score> = on_front.iter().map(|index| scores[*index]).collect();
        knee(&ordered, cost_weight, violation_weight).map(|corner| indices[on_front[corner]])
    };
    let better = (0..candidates.len()).filter(|index| candidates[*index].mean.dominates(hand)).collect();
    if let Some(candidate) = corner(better) {
        return Some(Choice { candidate, reason: Reason::CornerOfTheBetter });
    }
    corner((0..candidates.len()).collect()).map(|candidate| Choice { candidate, reason: Reason::Corner })
}

/// What the seeds that the search did not see say of the recommended setting beside the hand-set one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The recommended setting is the hand-set one.
    IsHandSet,
    /// It meets the objective, and the hand-set one does not.
    MeetsWhatWasMissed,
    /// Both meet the objective, and it costs less.
    Cheaper,
    /// Both miss the objective; it costs no more and misses no more, and one of them clearly less.
    BetterThough,
    /// It is not shown to be better.
    NotBetter,
}

impl Verdict {
    /// Whether it beats the hand-set setting.
    pub const fn beats(self) -> bool {
        matches!(self, Self::MeetsWhatWasMissed | Self::Cheaper | Self::BetterThough)
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IsHandSet => "nothing that was tried beats the hand-set setting",
            Self::MeetsWhatWasMissed => "it beats the hand-set setting: it meets the objective, which that one misses",
            Self::Cheaper => "it beats the hand-set setting: both meet the objective, and it costs less",
            Self::BetterThough => {
                "it beats the hand-set setting in cost and violations taken together, though neither meets the objective"
            }
            Self::NotBetter => "nothing that was tried is shown to beat the hand-set setting",
        }
    }
}

/// Judges two settings by runs with the same seeds: whether each meets the objective, and the differences recommended less hand-set.
pub fn judge(recommended_meets: bool, hand_set_meets: bool, cost: Difference, missed: Difference) -> Verdict {
    match (recommended_meets, hand_set_meets) {
        (true, false) => Verdict::MeetsWhatWasMissed,
        (true, true) if cost.is_clearly_below_zero() => Verdict::Cheaper,
        (false, false)
            if cost.mean <= 0.0
                && missed.mean <= 0.0
                && (cost.is_clearly_below_zero() || missed.is_clearly_below_zero()) =>
        {
            Verdict::BetterThough
        }
        _ => Verdict::NotBetter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(of: &[(f64, f64, f64)]) -> Vec<Candidate> {
        // cost, share missed, standard error; 5 % may miss
        of.iter()
            .enumerate()
            .map(|(trial, (cost, missed, error))| Candidate {
                trial,
                mean: Score { cost: *cost, missed: *missed },
                room: 0.05 - missed,
                room_error: Some(*error),
            })
            .collect()
    }

    fn chosen(of: &[(f64, f64, f64)]) -> Option<(usize, Reason)> {
        choose(&candidates(of), 0, 1.0, 1.0).map(|choice| (choice.candidate, choice.reason))
    }

    #[test]
    fn where_the_objective_is_met_the_cheapest_is_recommended_and_luck_does_not_count() {
        use Reason::{CheapestThatMeets, CheapestThatMeetsSafely};
        let just = (90.0, 0.049, 0.01);
        assert_eq!(chosen(&[(200.0, 0.3, 0.0), (120.0, 0.01, 0.01), just]), Some((1, CheapestThatMeetsSafely)));
        assert_eq!(chosen(&[(200.0, 0.3, 0.0), (80.0, 0.06, 0.01), just]), Some((2, CheapestThatMeets)));
    }

    #[test]
    fn where_it_is_missed_something_better_in_both_ways_comes_before_a_trade() {
        use Reason::{Corner, CornerOfTheBetter};
        let hand = (100.0, 0.5, 0.0);
        assert_eq!(chosen(&[hand, (99.0, 0.4, 0.0), (20.0, 0.55, 0.0)]), Some((1, CornerOfTheBetter)));
        assert_eq!(chosen(&[hand, (150.0, 0.1, 0.0), (300.0, 0.09, 0.0)]), Some((1, Corner)));
        assert_eq!(chosen(&[hand]), Some((0, Corner)));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn only_what_luck_does_not_explain_beats_the_hand_set_setting() {
        let clear = Difference { mean: -2.0, half_width: Some(1.0) };
        let vague = Difference { mean: -2.0, half_width: Some(3.0) };
        let worse = Difference { mean: 0.1, half_width: Some(0.01) };
        for ((recommended, hand_set, cost, missed), verdict) in [
            ((true, false, worse, clear), Verdict::MeetsWhatWasMissed),
            ((true, true, clear, worse), Verdict::Cheaper),
            ((true, true, vague, clear), Verdict::NotBetter),
            ((false, false, vague, clear), Verdict::BetterThough),
            ((false, false, vague, vague), Verdict::NotBetter),
            ((false, false, clear, worse), Verdict::NotBetter),
            ((false, true, clear, worse), Verdict::NotBetter),
        ] {
            assert_eq!(judge(recommended, hand_set, cost, missed), verdict, "{cost:?} {missed:?}");
        }
    }
}
