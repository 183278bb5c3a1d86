//! Arms against each other in one number: `scores.csv`, and the tables of it.
//!
//! Made of what the statistics have of two arms, and of the same pairs of runs. A score says nothing of what it is made of, so beside it
//! stands in how many of its metrics the runs tell the two arms apart; no verdict is made of it.

use std::fmt::Write as _;

use super::advice::Told;
use super::rows::quote;
use super::statistics::{Row, Statistics};
use super::summary::StudyRecord;
use crate::stats::scores::{Competition, SCORED, speed_up};

const HEAD: &str = "arm,against,pairs,won,tied,lost,competition,told_better,told_worse,speed_up,base\n";

/// The policy that does not scale.
const UNSCALED: &str = "fixed";

/// One metric of two arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured<'a> {
    /// The metric, less of which is better.
    pub metric: &'a str,
    /// The arm that is the measure.
    pub arm_a: &'a str,
    /// The arm that is measured.
    pub arm_b: &'a str,
    /// Pairs of runs.
    pub pairs: u64,
    /// Mean of the first over them.
    pub mean_a: f64,
    /// Mean of the second.
    pub mean_b: f64,
    /// Which of them the statistics say has less.
    pub told: Told,
}

/// One arm against a rival, or against all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The arm.
    pub arm: String,
    /// Its rival; `None`: all of them together.
    pub against: Option<String>,
    /// Pairs of runs; against all, of the rival with the fewest.
    pub pairs: u64,
    /// Metrics won, tied and lost.
    pub competition: Competition,
    /// In how many of them the statistics tell that the arm is better.
    pub told_better: u32,
    /// And in how many that it is worse.
    pub told_worse: u32,
    /// How many times better than the base.
    pub speed_up: Option<f64>,
    /// What the speed-up is measured by.
    pub base: Option<String>,
}

/// The scores of a study: of each arm against each other, then against all; by the order of the arms. Empty where the six metrics of
/// no two arms are known.
pub fn scores(measured: &[Measured<'_>], arms: &[&str], base: Option<&str>) -> Vec<Score> {
    let mut all = Vec::new();
    for arm in arms {
        let rivals: Vec<Score> =
            arms.iter().filter(|rival| *rival != arm).filter_map(|rival| against(measured, arm, rival)).collect();
        let Some(fewest) = rivals.iter().map(|score| score.pairs).min() else { continue };
        let over_base = rivals.iter().find(|score| score.against.as_deref() == base);
        let together = Score {
            arm: (*arm).to_owned(),
            against: None,
            pairs: fewest,
            competition: rivals.iter().fold(Competition::default(), |sum, score| sum.and(score.competition)),
            told_better: rivals.iter().map(|score| score.told_better).sum(),
            told_worse: rivals.iter().map(|score| score.told_worse).sum(),
            speed_up: if base == Some(*arm) { Some(1.0) } else { over_base.and_then(|score| score.speed_up) },
            base: base.filter(|base| base == arm || over_base.is_some()).map(ToOwned::to_owned),
        };
        all.extend(rivals);
        all.push(together);
    }
    all
}

/// `None` where one of the metrics is not known of both.
fn against(measured: &[Measured<'_>], arm: &str, rival: &str) -> Option<Score> {
    let (mut own, mut other) = (Vec::with_capacity(SCORED.len()), Vec::with_capacity(SCORED.len()));
    let (mut told_better, mut told_worse) = (0, 0);
    let mut pairs = u64::MAX;
    for metric in SCORED {
        let one = measured.iter().filter(|one| one.metric == metric).find_map(|one| match (one.arm_a, one.arm_b) {
            (a, b) if a == arm && b == rival => Some(*one),
            (a, b) if a == rival && b == arm => {
                Some(Measured { mean_a: one.mean_b, mean_b: one.mean_a, told: one.told.flipped(), ..*one })
            }
            _ => None,
        })?;
        own.push(one.mean_a);
        other.push(one.mean_b);
        told_better += u32::from(one.told == Told::First);
        told_worse += u32::from(one.told == Told::Second);
        pairs = pairs.min(one.pairs);
    }
    Some(Score {
        arm: arm.to_owned(),
        against: Some(rival.to_owned()),
        pairs,
        competition: Competition::of(&own, &other),
        told_better,
        told_worse,
        speed_up: speed_up(&other, &own),
        base: Some(rival.to_owned()),
    })
}

/// The arms that have scores, and the one that does not scale: A/A twins are no rivals.
pub fn contenders(record: &StudyRecord) -> (Vec<&str>, Option<&str>) {
    let real = || record.arms.iter().filter(|arm| arm.aa_of.is_none());
    let base = real().find(|arm| arm.policy == UNSCALED);
    (real().map(|arm| arm.name.as_str()).collect(), base.map(|arm| arm.name.as_str()))
}

/// The scores of a study by its statistics.
pub(super) fn of_study(record: &StudyRecord, statistics: &Statistics) -> Vec<Score> {
    let scored = statistics.rows.iter().filter(|row| !row.is_aa && SCORED.contains(&row.metric.name));
    let known: Vec<Measured<'_>> = scored.filter_map(measured).collect();
    let (arms, base) = contenders(record);
    scores(&known, &arms, base)
}

fn measured(row: &Row) -> Option<Measured<'_>> {
    let (mean_a, mean_b) = row.compared.mean_a.zip(row.compared.mean_b)?;
    Some(Measured {
        metric: row.metric.name,
        arm_a: &row.arm_a,
        arm_b: &row.arm_b,
        pairs: row.compared.n as u64,
        mean_a,
        mean_b,
        told: Told::of(row.judged.and_then(|judged| judged.verdict)),
    })
}

/// `scores.csv`.
pub(super) fn csv(scores: &[Score]) -> String {
    let mut text = HEAD.to_owned();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    let name = |name: Option<&String>| name.map_or_else(String::new, |name| quote(name).into_owned());
    for score in scores {
        let Competition { won, tied, lost } = score.competition;
        // writing to a string can't fail
        let _ = writeln!(
            text,
            "{},{},{},{won},{tied},{lost},{},{},{},{},{}",
            quote(&score.arm),
            name(score.against.as_ref()),
            score.pairs,
            number(score.competition.share()),
            score.told_better,
            score.told_worse,
            number(score.speed_up),
            name(score.base.as_ref()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::results::summary::ArmRecord;

    /// Means of the six metrics, in the order of [`SCORED`].
    const TOWER: [f64; 6] = [0.2, 0.1, 0.4, 0.2, 0.1, 0.3];
    const CE: [f64; 6] = [0.4, 0.05, 0.4, 0.4, 0.0, 0.3];
    const FIXED: [f64; 6] = [0.8, 0.0, 0.8, 0.0, 0.1, 0.6];

    fn met<'a>(arm_a: &'a str, a: [f64; 6], arm_b: &'a str, b: [f64; 6], told: Told) -> Vec<Measured<'a>> {
        let one = |place: usize| Measured {
            metric: SCORED[place],
            arm_a,
            arm_b,
            pairs: 8,
            mean_a: a[place],
            mean_b: b[place],
            told: if place == 0 { told } else { Told::Open },
        };
        (0..6).map(one).collect()
    }

    #[test]
    fn each_arm_meets_each_other_and_all_of_them() {
        let rows = [
            met("tower", TOWER, "ce", CE, Told::First),
            met("tower", TOWER, "fixed", FIXED, Told::First),
            met("ce", CE, "fixed", FIXED, Told::Open),
        ];
        let found = scores(&rows.concat(), &["tower", "ce", "fixed"], Some("fixed"));
        // tower against ce: better in 2, worse in 2, the same in 2; 2 x 1/2 x 1 x 2 x 1/100 x 1 = 0.02, its sixth root 0.521
        // tower against fixed: better in 3 (4, 2, 2), the same in 1, worse in 2 (100, 200): 16 / 20 000
        // ce against fixed: better in 4 (2, 2, 100, 2), worse in 2 (50, 400): 800 / 20 000
        insta::assert_snapshot!(csv(&found), @r"
        arm,against,pairs,won,tied,lost,competition,told_better,told_worse,speed_up,base
        tower,ce,8,2,2,2,0.500000,1,0,0.521001,ce
        tower,fixed,8,3,1,2,0.583333,1,0,0.304683,fixed
        tower,,8,5,3,4,0.541667,2,0,0.304683,fixed
        ce,tower,8,2,2,2,0.500000,0,1,1.919383,tower
        ce,fixed,8,4,0,2,0.666667,0,0,0.584804,fixed
        ce,,8,6,2,4,0.583333,0,1,0.584804,fixed
        fixed,tower,8,2,1,3,0.416667,0,1,3.282099,tower
        fixed,ce,8,2,0,4,0.333333,0,0,1.709976,ce
        fixed,,8,4,1,7,0.375000,0,1,1.000000,fixed
        ");
    }

    #[test]
    fn without_an_arm_that_stands_still_there_is_no_speed_up_over_all() {
        let rows = met("tower", TOWER, "ce", CE, Told::Open);
        let found = scores(&rows, &["tower", "ce"], None);
        assert_eq!(found.len(), 4);
        assert!(found[1].against.is_none() && found[1].speed_up.is_none() && found[1].base.is_none());
    }

    #[test]
    fn where_one_of_the_six_is_unknown_there_is_no_score() {
        let rows = met("tower", TOWER, "ce", CE, Told::Open);
        assert_eq!(scores(&rows[..5], &["tower", "ce"], None), []);
        assert_eq!(scores(&rows, &["tower"], None), []);
    }

    #[test]
    fn twins_are_no_rivals_and_the_first_arm_that_does_not_scale_is_the_base() {
        let arm = |name: &str, policy: &str| ArmRecord {
            name: name.to_owned(),
            policy: policy.to_owned(),
            ..ArmRecord::default()
        };
        let twin = ArmRecord { aa_of: Some("tower".to_owned()), ..arm("tower-aa", "watchtower") };
        let arms = vec![arm("tower", "watchtower"), arm("three", "fixed"), arm("five", "fixed"), twin];
        let record = StudyRecord { arms, ..StudyRecord::default() };
        assert_eq!(contenders(&record), (vec!["tower", "three", "five"], Some("three")));
    }
}
