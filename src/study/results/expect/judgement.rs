//! Whether the runs of a study met what was expected of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::super::columns::COLUMNS;
use super::super::rows::quote;
use super::super::summary::{RunSummary, StudyRecord};
use super::formula::{Formula, Operand};
use super::{Over, parse};

/// What became of one expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not, or can't be said to.
    NotMet,
    /// An arm it names was not asked to run.
    LeftOut,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::LeftOut => "left out",
        }
    }
}

/// One expectation with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The formula as it was written.
    pub expectation: String,
    /// How repeats count.
    pub over: Over,
    /// What became of it.
    pub verdict: Verdict,
    /// Both sides as measured: one for each repeat, or one of the medians.
    pub measured: Vec<Measured>,
    /// The comparison between both sides, for texts.
    #[serde(skip)]
    comparison: &'static str,
    /// Which of `measured` is closest to failing, or furthest beyond it.
    #[serde(skip)]
    deciding: Option<usize>,
}

/// Both sides of an expectation, of one repeat or over all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The repeat, from 1; `None` for medians over all.
    pub repeat: Option<u32>,
    /// Left side; `None` if it is unknown.
    pub left: Option<f64>,
    /// Right side.
    pub right: Option<f64>,
    /// Whether they compare as expected.
    pub met: bool,
    /// Why a side is unknown.
    pub why: Option<String>,
}

impl Judged {
    /// What was measured, in a few words: of several repeats the one that decides.
    pub fn shown(&self) -> String {
        let Some(measured) = self.deciding.and_then(|index| self.measured.get(index)) else {
            return match self.verdict {
                Verdict::LeftOut => "an arm it names was not run (--arm)".to_owned(),
                Verdict::Met | Verdict::NotMet => "no run".to_owned(),
            };
        };
        let values = match (measured.left, measured.right) {
            (Some(left), Some(right)) => format!("{} {} {}", number(left), self.comparison, number(right)),
            _ => measured.why.clone().unwrap_or_default(),
        };
        match measured.repeat {
            Some(repeat) if self.measured.len() > 1 => {
                let missed = self.measured.iter().filter(|measured| !measured.met).count();
                let all = self.measured.len();
                let others = if missed > 0 { format!("{missed} of {all} failed") } else { format!("worst of {all}") };
                format!("{values} (repeat {repeat}; {others})")
            }
            _ => values,
        }
    }
}

/// A number with at most six decimals and no idle zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Judges every expectation of a study by its runs.
pub fn judge(record: &StudyRecord, runs: &[RunSummary]) -> Vec<Judged> {
    record
        .expect
        .iter()
        .map(|expectation| {
            let mut judged = Judged {
                expectation: expectation.formula.clone(),
                over: expectation.over,
                verdict: Verdict::NotMet,
                measured: Vec::new(),
                comparison: "",
                deciding: None,
            };
            match parse(&expectation.formula) {
                Ok(formula) => of_formula(&mut judged, &formula, record, runs),
                Err(error) => {
                    let why = Some(format!("the formula {error}"));
                    judged.measured.push(Measured { repeat: None, left: None, right: None, met: false, why });
                    judged.deciding = Some(0);
                }
            }
            judged
        })
        .collect()
}

fn of_formula(judged: &mut Judged, formula: &Formula, record: &StudyRecord, runs: &[RunSummary]) {
    judged.comparison = formula.comparison.as_str();
    let ran = |operand: &&Operand| record.arms.iter().any(|arm| arm.name == operand.arm);
    if !formula.operands().iter().all(ran) {
        judged.verdict = Verdict::LeftOut;
        return;
    }
    let repeats = 1..=record.repeats.max(1);
    judged.measured = match judged.over {
        Over::Every => {
            repeats.map(|repeat| measure(formula, Some(repeat), &|operand| value(runs, operand, repeat))).collect()
        }
        Over::Median => {
            let median = |operand: &Operand| {
                let values: Result<Vec<f64>, String> =
                    repeats.clone().map(|repeat| value(runs, operand, repeat)).collect();
                values.map(median)
            };
            vec![measure(formula, None, &median)]
        }
    };
    judged.verdict = if judged.measured.iter().all(|measured| measured.met) { Verdict::Met } else { Verdict::NotMet };
    let slack = |measured: &Measured| {
        measured
            .left
            .zip(measured.right)
            .map_or(f64::NEG_INFINITY, |(left, right)| formula.comparison.slack(left, right))
    };
    let by_slack = |(_, one): &(usize, &Measured), (_, other): &(usize, &Measured)| {
        one.met.cmp(&other.met).then(slack(one).total_cmp(&slack(other)))
    };
    judged.deciding = judged.measured.iter().enumerate().min_by(by_slack).map(|(index, _)| index);
}

fn measure(formula: &Formula, repeat: Option<u32>, column: &impl Fn(&Operand) -> Result<f64, String>) -> Measured {
    let (left, right) = (formula.left.value(column), formula.right.value(column));
    let met = matches!((&left, &right), (Ok(left), Ok(right)) if formula.comparison.holds(*left, *right));
    let reasons: BTreeSet<&String> = [&left, &right].into_iter().filter_map(|side| side.as_ref().err()).collect();
    let why = reasons.into_iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    Measured { repeat, left: left.ok(), right: right.ok(), met, why: (!why.is_empty()).then_some(why) }
}

/// A column of an arm in one repeat, as `comparison.csv` has it.
fn value(runs: &[RunSummary], operand: &Operand, repeat: u32) -> Result<f64, String> {
    let Operand { arm, column } = operand;
    let run = runs.iter().find(|run| run.arm == *arm && run.repeat == repeat);
    let run = run.ok_or_else(|| format!("repeat {repeat} of {arm} was not made"))?;
    if run.partial {
        return Err(format!("repeat {repeat} of {arm} is partial"));
    }
    if !run.valid {
        return Err(format!("repeat {repeat} of {arm} is invalid"));
    }
    let column = COLUMNS.iter().find(|known| known.name == column);
    let text = column.map(|column| (column.value)(run).text()).unwrap_or_default();
    text.parse().map_err(|_| format!("{operand} is unknown in repeat {repeat}"))
}

/// The middle of the values; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// `expect.csv`: a row per expectation and repeat, in the scenario's order.
pub fn csv(judged: &[Judged]) -> String {
    let mut text = "expectation,over,repeat,left,comparison,right,verdict,why\n".to_owned();
    for one in judged {
        let mut row = |measured: &Measured, verdict: Verdict| {
            let side = |value: Option<f64>| value.map(number).unwrap_or_default();
            let repeat = measured.repeat.map(|repeat| repeat.to_string()).unwrap_or_default();
            // writing to a string cannot fail
            let _ = writeln!(
                text,
                "{},{},{repeat},{},{},{},{},{}",
                quote(&one.expectation),
                one.over.as_str(),
                side(measured.left),
                one.comparison,
                side(measured.right),
                verdict.as_str(),
                quote(measured.why.as_deref().unwrap_or_default()),
            );
        };
        for measured in &one.measured {
            row(measured, if measured.met { Verdict::Met } else { Verdict::NotMet });
        }
        if one.verdict == Verdict::LeftOut {
            row(&Measured { repeat: None, left: None, right: None, met: false, why: Some(one.shown()) }, one.verdict);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::summary::ArmRecord;
    use super::super::Expectation;
    use super::*;

    fn record(repeats: u32, expect: &[(Over, &str)]) -> StudyRecord {
        let arm = |name: &str| ArmRecord { name: name.to_owned(), ..ArmRecord::default() };
        StudyRecord {
            repeats,
            arms: vec![arm("tower"), arm("openfaas-ce")],
            expect: expect
                .iter()
                .map(|(over, formula)| Expectation { over: *over, formula: (*formula).to_owned() })
                .collect(),
            ..StudyRecord::default()
        }
    }

    fn run(arm: &str, repeat: u32, p95: f64) -> RunSummary {
        RunSummary {
            arm: arm.to_owned(),
            repeat,
            valid: true,
            latency_ms: [("p95".to_owned(), p95)].into(),
            scale_ups: repeat,
            ..RunSummary::default()
        }
    }

    fn three() -> Vec<RunSummary> {
        let both = |repeat, tower, ce| [run("tower", repeat, tower), run("openfaas-ce", repeat, ce)];
        [both(1, 80.0, 200.0), both(2, 130.0, 100.0), both(3, 90.0, 300.0)].concat()
    }

    fn said(expect: &[(Over, &str)], runs: &[RunSummary]) -> String {
        let judged = judge(&record(3, expect), runs);
        judged.iter().map(|one| format!("{}: {}", one.verdict.as_str(), one.shown())).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_asks_each_repeat_and_median_the_middle() {
        let expect = [
            (Over::Every, "tower.p95_ms < 120"),
            (Over::Every, "tower.p95_ms <= 130"),
            (Over::Median, "tower.p95_ms < 0.5 * openfaas-ce.p95_ms"),
            (Over::Median, "tower.p95_ms == 90"),
            (Over::Every, "tower.scale_ups > 0"),
        ];
        insta::assert_snapshot!(said(&expect, &three()), @r#"
        not met: 130 < 120 (repeat 2; 1 of 3 failed)
        met: 130 <= 130 (repeat 2; worst of 3)
        met: 90 < 100
        met: 90 == 90
        met: 1 > 0 (repeat 1; worst of 3)
        "#);
    }

    #[test]
    fn what_is_unknown_invalid_partial_or_missing_meets_nothing_not_even_its_opposite() {
        let mut runs = three();
        runs[0].valid = false;
        runs[2].partial = true;
        runs.truncate(4);
        let expect = [
            (Over::Every, "tower.p95_ms < 1000"),
            (Over::Median, "tower.p95_ms >= 0"),
            (Over::Every, "openfaas-ce.first_scale_up_s < 1000"),
            (Over::Every, "openfaas-ce.first_scale_up_s >= 1000"),
            (Over::Every, "openfaas-ce.scale_ups / (openfaas-ce.scale_ups - 1) > 0"),
            (Over::Every, "no formula"),
        ];
        insta::assert_snapshot!(said(&expect, &runs), @r#"
        not met: repeat 1 of tower is invalid (repeat 1; 3 of 3 failed)
        not met: repeat 1 of tower is invalid
        not met: openfaas-ce.first_scale_up_s is unknown in repeat 1 (repeat 1; 3 of 3 failed)
        not met: openfaas-ce.first_scale_up_s is unknown in repeat 1 (repeat 1; 3 of 3 failed)
        not met: it divides by zero (repeat 1; 2 of 3 failed)
        not met: the formula has "no", which is neither a number nor ARM.COLUMN; write the arm's name, a dot and a column of comparison.csv
        "#);
    }

    #[test]
    fn an_arm_that_was_not_asked_to_run_leaves_its_expectations_out() {
        let judged = judge(&record(1, &[(Over::Every, "tower.p95_ms < other.p95_ms")]), &three());
        assert_eq!((judged[0].verdict, judged[0].measured.len()), (Verdict::LeftOut, 0));
    }

    #[test]
    fn the_file_has_a_row_for_each_repeat() {
        let expect =
            [(Over::Every, "tower.p95_ms < 120"), (Over::Median, "tower.first_scale_up_s > openfaas-ce.p95_ms")];
        insta::assert_snapshot!(csv(&judge(&record(3, &expect), &three())), @r#"
        expectation,over,repeat,left,comparison,right,verdict,why
        tower.p95_ms < 120,every,1,80,<,120,met,
        tower.p95_ms < 120,every,2,130,<,120,not met,
        tower.p95_ms < 120,every,3,90,<,120,met,
        tower.first_scale_up_s > openfaas-ce.p95_ms,median,,,>,200,not met,tower.first_scale_up_s is unknown in repeat 1
        "#);
    }

    #[test]
    fn values_are_those_of_the_file() {
        // comparison.csv says 120.000
        let judged = judge(&record(1, &[(Over::Every, "tower.p95_ms < 120")]), &[run("tower", 1, 119.999_999)]);
        assert_eq!(judged[0].verdict, Verdict::NotMet);
    }
}
