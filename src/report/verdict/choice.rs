//! Which arm to take, of any number: the one that is preferred to every other. Of two it is decided, and put into words, where the tables
//! have it from too (`study::results::advice`).

use super::{Comparison, Ranked, UNIT, Verdict, in_words, mean_cost, money};
use crate::report::charts::scale;
use crate::report::material::{Arm, Material};
use crate::study::results::advice::{self, Told, Two, sentence};

/// The metric that says how well the objective was kept.
pub(in crate::report) const DECISIVE: &str = "slo_violation_ratio";
/// The metric that says what that cost.
pub(in crate::report) const COST: &str = "replica_seconds";
/// With fewer pairs of runs no test can tell anything apart.
pub(super) const FEWEST_PAIRS: usize = 6;
/// More arms than these are told in a table rather than in sentences.
const IN_SENTENCES: usize = 3;

/// The verdict's own word, and the difference's sign for the direction.
pub(in crate::report) fn told_by(row: &Comparison) -> Told {
    let word = row.verdict.split(|sign: char| !sign.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or("");
    match (word.to_lowercase().as_str(), row.difference) {
        ("better" | "worse", Some(difference)) if difference < 0.0 => Told::Second,
        ("better" | "worse", Some(difference)) if difference > 0.0 => Told::First,
        ("equivalent", _) => Told::Alike,
        _ => Told::Open,
    }
}

/// All arms of a study and how they compare.
pub(super) struct Choice<'a> {
    material: &'a Material,
    comparisons: &'a [Comparison],
}

impl<'a> Choice<'a> {
    pub(super) const fn of(material: &'a Material, comparisons: &'a [Comparison]) -> Self {
        Self { material, comparisons }
    }

    /// The comparison of two arms, and whether it names them the other way round.
    fn row(&self, metric: &str, first: &Arm, second: &Arm) -> Option<(&'a Comparison, bool)> {
        self.comparisons.iter().filter(|row| row.metric == metric).find_map(|row| {
            if row.arm_a == first.name && row.arm_b == second.name {
                Some((row, false))
            } else if row.arm_a == second.name && row.arm_b == first.name {
                Some((row, true))
            } else {
                None
            }
        })
    }

    fn told(&self, metric: &str, first: &Arm, second: &Arm) -> Told {
        match self.row(metric, first, second) {
            Some((row, false)) => told_by(row),
            Some((row, true)) => told_by(row).flipped(),
            None => Told::Open,
        }
    }

    fn keeps(&self, arm: &Arm) -> bool {
        advice::keeps(arm.summaries().filter(|run| run.valid), self.material.record.slo_percentile)
    }

    fn two<'b>(&self, first: &'b Arm, second: &'b Arm) -> Two<'b> {
        Two {
            names: (&first.name, &second.name),
            missed: self.told(DECISIVE, first, second),
            cost: self.told(COST, first, second),
            keeps: (self.keeps(first), self.keeps(second)),
        }
    }

    /// Which of two arms to take.
    fn preferred(&self, first: &Arm, second: &Arm) -> Told {
        self.two(first, second).preferred()
    }

    pub(super) fn verdict(&self) -> Verdict {
        let arms: Vec<&Arm> = self.material.arms.iter().collect();
        if !self.comparisons.iter().any(|row| row.metric == DECISIVE) {
            return Verdict {
                headline: "No verdict: the runs were repeated, but not compared.".to_owned(),
                sure: vec!["stats.csv has no comparison of how often the objective was missed.".to_owned()],
                ..Verdict::default()
            };
        }
        // rivals in the order of how well they did: what is said of the first of them says most
        let ranked = self.ranked(&arms);
        let others = |arm: &Arm| ranked.iter().copied().filter(|other| other.name != arm.name).collect::<Vec<_>>();
        let beats_all = |arm: &&Arm| {
            others(arm).iter().all(|other| matches!(self.preferred(arm, other), Told::First | Told::Alike))
                && others(arm).iter().any(|other| self.preferred(arm, other) == Told::First)
        };
        let winner = arms.iter().copied().find(beats_all);
        let mut verdict = if let Some(winner) = winner {
            self.taken(winner, &others(winner))
        } else {
            let is_beaten = |arm: &&Arm| others(arm).iter().any(|other| self.preferred(other, arm) == Told::First);
            let order = if arms.len() > IN_SENTENCES { &ranked } else { &arms };
            let left: Vec<&Arm> = order.iter().copied().filter(|arm| !is_beaten(arm)).collect();
            self.open(if left.len() > 1 { &left } else { order }, order)
        };
        if arms.len() > IN_SENTENCES {
            verdict.ranking = self.ranking(&ranked, winner);
        }
        verdict
    }

    /// The arms as their numbers have them: those that keep the objective by cost, then the others by how often they missed it.
    fn ranked<'b>(&self, arms: &[&'b Arm]) -> Vec<&'b Arm> {
        let mut ranked = arms.to_vec();
        let by = |arm: &Arm| {
            let keeps = self.keeps(arm);
            let second = if keeps { mean_cost(arm) } else { arm.slo_violation_ratio() };
            (!keeps, second.unwrap_or(f64::INFINITY))
        };
        ranked.sort_by(|a, b| {
            let (a, b) = (by(a), by(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        ranked
    }

    /// All arms in a table, the one to take first.
    fn ranking(&self, ranked: &[&Arm], winner: Option<&Arm>) -> Vec<Ranked> {
        let is_winner = |arm: &Arm| winner.is_some_and(|winner| winner.name == arm.name);
        let (first, rest): (Vec<&Arm>, Vec<&Arm>) = ranked.iter().copied().partition(|arm| is_winner(arm));
        let line = |arm: &Arm| Ranked {
            name: arm.name.clone(),
            keeps: self.keeps(arm),
            missed: arm.slo_violation_ratio(),
            cost: mean_cost(arm),
            money: money(self.material, arm),
            against: winner.filter(|winner| winner.name != arm.name).map(|winner| {
                let missed = match self.told(DECISIVE, winner, arm) {
                    Told::First => "misses it more often",
                    Told::Second => "misses it less often",
                    Told::Alike => "misses it as often",
                    Told::Open => "misses not told apart",
                };
                let cost = match self.told(COST, winner, arm) {
                    Told::First => "costs more",
                    Told::Second => "costs less",
                    Told::Alike => "costs the same",
                    Told::Open => "cost not told apart",
                };
                (missed, cost)
            }),
        };
        first.into_iter().chain(rest).map(line).collect()
    }

    /// So many rivals are spoken of one by one: all of a few, of many the two that came closest.
    fn spoken_of(rivals: usize) -> usize {
        if rivals < IN_SENTENCES { rivals } else { 2 }
    }

    fn taken(&self, winner: &Arm, others: &[&Arm]) -> Verdict {
        let keeps = self.keeps(winner);
        let is_dearer = others.iter().any(|other| self.told(COST, winner, other) == Told::Second);
        let headline = sentence(&advice::take(&winner.name, keeps, is_dearer));
        // of several the first that keeps it too says more than that others don't
        let telling = others.iter().find(|other| self.keeps(other)).or_else(|| others.first());
        let why = telling.and_then(|other| self.two(winner, other).why());
        let mut because: Vec<String> = why.iter().map(|why| sentence(why)).collect();
        because.push(self.missed(winner, others));
        Verdict {
            headline,
            because,
            sure: others.iter().take(Self::spoken_of(others.len())).map(|other| self.sure(winner, other)).collect(),
            cost: self.costs(winner, others),
            taken: Some(winner.name.clone()),
            ..Verdict::default()
        }
    }

    /// What an arm costs against its rivals, and what that is counted in.
    fn costs(&self, arm: &Arm, others: &[&Arm]) -> Vec<String> {
        let spoken_of = others.iter().take(Self::spoken_of(others.len()));
        let mut said: Vec<String> = spoken_of.filter_map(|other| self.cost(arm, other)).collect();
        if !said.is_empty() {
            said.push(UNIT.to_owned());
        }
        said
    }

    fn open(&self, left: &[&Arm], arms: &[&Arm]) -> Verdict {
        let names: Vec<String> = left.iter().map(|arm| arm.name.clone()).collect();
        let (first, second) = (left[0], left[left.len().min(2) - 1]);
        let alike = self.told(DECISIVE, first, second) == Told::Alike && self.told(COST, first, second) == Told::Alike;
        let headline = if alike && left.len() == 2 {
            sentence(&advice::either(&first.name, &second.name))
        } else {
            sentence(&advice::undecided(&in_words(&names, 6)))
        };
        // of many the closest one alone: it is open four times over with two
        let most = if arms.len() > IN_SENTENCES { 1 } else { left.len() };
        let rivals = || left.iter().skip(1).take(most);
        let mut sure: Vec<String> = rivals().map(|other| self.sure(first, other)).collect();
        for other in rivals() {
            for (metric, words) in [(DECISIVE, "how often the objective was missed"), (COST, "cost")] {
                let Some((row, _)) = self.row(metric, first, other) else { continue };
                let said = row.verdict.trim().trim_end_matches('.');
                if self.told(metric, first, other) == Told::Open && !said.is_empty() {
                    let more = row.more_pairs.filter(|more| *more > 0).map_or(String::new(), |more| {
                        let repeats = row.n.unwrap_or(0) + more;
                        format!("; about {more} more pairs of runs would decide (--repeats {repeats})")
                    });
                    sure.push(format!("On {words} the statistics say: {said}{more}."));
                }
            }
        }
        Verdict {
            headline,
            because: vec![self.missed(arms[0], &arms[1..])],
            sure,
            cost: self.costs(first, &left[1..]),
            ..Verdict::default()
        }
    }

    /// How often each missed the objective.
    fn missed(&self, first: &Arm, others: &[&Arm]) -> String {
        let record = &self.material.record;
        let missed = |arm: &Arm| arm.slo_violation_ratio().map_or("–".to_owned(), scale::percent);
        let of_others: Vec<String> =
            others.iter().map(|other| format!("{} with {}", other.name, missed(other))).collect();
        format!(
            "{} missed {} with {} of its planned requests, {}; {} may miss it.",
            first.name,
            scale::latency(record.slo_latency_ms),
            missed(first),
            of_others[..Self::spoken_of(others.len())].join(", "),
            scale::percent(advice::allowed(record.slo_percentile)),
        )
    }

    /// How sure the difference in missed requests is.
    fn sure(&self, first: &Arm, second: &Arm) -> String {
        let Some((row, flipped)) = self.row(DECISIVE, first, second) else {
            return format!("{} and {} were not compared.", first.name, second.name);
        };
        let n = row.n.unwrap_or(0);
        let pairs = if n == 1 { "one pair of runs".to_owned() } else { format!("{n} pairs of runs") };
        let (Some(low), Some(high)) = (row.ci_low, row.ci_high) else {
            return format!("{} against {}, {pairs}: {}.", first.name, second.name, row.verdict.trim_end_matches('.'));
        };
        // the row is second less first; said is first less second
        let (low, high) = if flipped { (low, high) } else { (-high, -low) };
        let points = |share: f64| scale::digits(share.abs() * 100.0, 3);
        let said = if high < 0.0 {
            format!("{} to {} percentage points less often than", points(high), points(low))
        } else if low > 0.0 {
            format!("{} to {} percentage points more often than", points(low), points(high))
        } else {
            format!("between {} percentage points less and {} more often than", points(low), points(high))
        };
        let p =
            row.p_holm.map_or(String::new(), |p| format!(", p = {} corrected for all metrics", scale::digits(p, 2)));
        let noise = row.noise_floor.map_or(String::new(), |floor| {
            format!(" Runs of one and the same arm lie up to {} points apart (A/A).", points(floor))
        });
        format!("Over {pairs} {} missed the objective {said} {} (95 % interval{p}).{noise}", first.name, second.name)
    }

    /// What the first costs against the second.
    fn cost(&self, first: &Arm, second: &Arm) -> Option<String> {
        let (a, b) = (mean_cost(first)?, mean_cost(second)?);
        let count = |value: f64| scale::count(value.round() as u64);
        let against = if b > 0.0 && self.told(COST, first, second) != Told::Alike {
            let share = scale::percent((a - b).abs() / b);
            match self.told(COST, first, second) {
                Told::Open => format!(": {share} {}, which may be chance", if a < b { "less" } else { "more" }),
                _ => format!(": {share} {}", if a < b { "less" } else { "more" }),
            }
        } else {
            ": the same for all that matters".to_owned()
        };
        let money = money(self.material, first).zip(money(self.material, second));
        let (of_first, of_second) = money.map(|(a, b)| (format!(" ({a})"), format!(" ({b})"))).unwrap_or_default();
        Some(format!(
            "{} costs {} replica-seconds a run{of_first}, {} {}{of_second}{against}.",
            first.name,
            count(a),
            second.name,
            count(b)
        ))
    }
}

#[cfg(test)]
mod laws;
