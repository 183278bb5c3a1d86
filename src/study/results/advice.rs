//! Which of two arms to take, and the words for it: one source for the page, for `comparison.md` and for the screen.
//!
//! An arm that keeps the objective is preferred to one that doesn't; of two that keep it the cheaper one; of two that don't the one that
//! misses it less often. What the statistics have not told apart decides nothing.

use super::summary::RunSummary;
use crate::stats::inference::verdict::Verdict;

/// How two arms stand in one metric of which less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The first has less.
    First,
    /// The second has less.
    Second,
    /// The same for all that matters.
    Alike,
    /// Not told apart, or not compared.
    Open,
}

impl Told {
    /// With the arms the other way round.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            Self::Alike | Self::Open => self,
        }
    }

    /// What a verdict on the second arm, measured by the first, says of them.
    pub fn of(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Better) => Self::Second,
            Some(Verdict::Worse) => Self::First,
            Some(Verdict::Equivalent) => Self::Alike,
            Some(Verdict::Undecided) | None => Self::Open,
        }
    }
}

/// Two arms in what matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Two<'a> {
    /// Their names.
    pub names: (&'a str, &'a str),
    /// How often they miss the objective.
    pub missed: Told,
    /// What they cost.
    pub cost: Told,
    /// Which of them keep the objective.
    pub keeps: (bool, bool),
}

impl Two<'_> {
    /// Which to take.
    pub const fn preferred(&self) -> Told {
        match self.keeps {
            (true, true) => match self.cost {
                Told::First | Told::Second | Told::Open => self.cost,
                Told::Alike => self.missed,
            },
            (false, false) if matches!(self.missed, Told::Alike) => self.cost,
            // one keeps it, or none does
            _ => self.missed,
        }
    }

    /// Why the one that is preferred is; `None` where the headline says it, or none is.
    pub fn why(&self) -> Option<String> {
        let (winner, other, keeps) = match self.preferred() {
            Told::First => (self.names.0, self.names.1, self.keeps),
            Told::Second => (self.names.1, self.names.0, (self.keeps.1, self.keeps.0)),
            Told::Alike | Told::Open => return None,
        };
        match keeps {
            (true, true) if self.cost == Told::Alike => Some(format!(
                "{winner} and {other} both meet the objective at the same cost, and {winner} misses it less often"
            )),
            (true, true) => {
                Some(format!("{winner} and {other} both meet the objective, so the cheaper one is the better one"))
            }
            (true, false) => Some(format!("only {winner} meets the objective")),
            (false, _) => None,
        }
    }

    /// What to do, in a sentence without a full stop.
    pub fn advice(&self) -> String {
        let (first, second) = self.names;
        let names = [first.to_owned(), second.to_owned()];
        let taken = match self.preferred() {
            Told::First => take(first, self.keeps.0, self.cost == Told::Second),
            Told::Second => take(second, self.keeps.1, self.cost == Told::First),
            Told::Alike if self.missed == Told::Alike && self.cost == Told::Alike => return either(first, second),
            Told::Alike | Told::Open => return format!("{}: {}", undecided(&names.join(" and ")), self.what_is_open()),
        };
        self.why().map_or_else(|| taken.clone(), |why| format!("{taken}: {why}"))
    }

    fn what_is_open(&self) -> &'static str {
        match (self.missed, self.cost) {
            (Told::Open, Told::Open) => "neither objective nor cost is decided",
            (Told::Open, _) => "which arm misses the objective less often is not decided",
            (_, Told::Open) => "which arm costs less is not decided",
            _ => "they miss the objective as often for all that matters, and only one of them meets it",
        }
    }
}

/// That an arm is to be taken.
pub fn take(winner: &str, keeps: bool, is_dearer: bool) -> String {
    match (keeps, is_dearer) {
        (true, _) => format!("take {winner}"),
        (false, false) => format!("take {winner}, though none of them meets the objective"),
        (false, true) => format!("take {winner} if the objective matters more than the price; none of them meets it"),
    }
}

/// That it makes no difference.
pub fn either(first: &str, second: &str) -> String {
    format!("take either: {first} and {second} are the same in what matters")
}

/// That it is not known yet; `names` are in words.
pub fn undecided(names: &str) -> String {
    format!("undecided between {names}")
}

/// Share of all planned requests of these runs that missed the objective; `None` if nothing was planned.
pub fn missed<'a>(runs: impl Iterator<Item = &'a RunSummary>) -> Option<f64> {
    let known = runs.filter_map(|run| Some((run.slo_violation_ratio?, run.planned as f64)));
    let (missed, planned) =
        known.fold((0.0, 0.0), |(missed, all), (ratio, planned)| (missed + ratio * planned, all + planned));
    (planned > 0.0).then(|| missed / planned)
}

/// Share of requests that may miss an objective of this percentile.
pub fn allowed(percentile: f64) -> f64 {
    (1.0 - percentile / 100.0).clamp(0.0, 1.0)
}

/// Whether these runs together keep an objective of this percentile.
pub fn keeps<'a>(runs: impl Iterator<Item = &'a RunSummary>, percentile: f64) -> bool {
    missed(runs).is_some_and(|missed| missed <= allowed(percentile) + 1e-12)
}

/// A sentence of a phrase.
pub fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_apart_decides_and_the_words_say_at_what_price() {
        use Told::{Alike, First, Open, Second};
        let said = |missed, cost, keeps| Two { names: ("a", "b"), missed, cost, keeps }.advice();
        let (none, both, one) = ((false, false), (true, true), (true, false));
        let cases = [
            (said(First, First, none), "take a, though none of them meets the objective"),
            (said(First, Second, none), "take a if the objective matters more than the price; none of them meets it"),
            (said(Second, First, none), "take b if the objective matters more than the price; none of them meets it"),
            (said(Alike, Second, none), "take b, though none of them meets the objective"),
            (said(First, Open, none), "take a, though none of them meets the objective"),
            (said(Alike, Alike, none), "take either: a and b are the same in what matters"),
            (
                said(Open, First, none),
                "undecided between a and b: which arm misses the objective less often is not decided",
            ),
            (said(Open, Open, both), "undecided between a and b: neither objective nor cost is decided"),
            (said(First, Open, both), "undecided between a and b: which arm costs less is not decided"),
            (
                said(First, Second, both),
                "take b: b and a both meet the objective, so the cheaper one is the better one",
            ),
            (
                said(First, Alike, both),
                "take a: a and b both meet the objective at the same cost, and a misses it less often",
            ),
            (said(First, Second, one), "take a: only a meets the objective"),
            (
                said(Alike, Second, one),
                "undecided between a and b: they miss the objective as often for all that matters, and only one of them meets it",
            ),
        ];
        for (said, wanted) in cases {
            assert_eq!(said, wanted);
        }
        assert_eq!(sentence("take a"), "Take a.");
    }

    #[test]
    fn an_objective_is_kept_by_all_planned_requests_together() {
        let run = |ratio, planned| RunSummary { slo_violation_ratio: Some(ratio), planned, ..RunSummary::default() };
        let runs = [run(0.02, 300), run(0.14, 100)];
        assert_eq!(missed(runs.iter()), Some(0.05));
        assert!(keeps(runs.iter(), 95.0) && !keeps(runs.iter(), 96.0) && !keeps([].iter(), 0.0));
    }
}
