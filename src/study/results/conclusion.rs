//! What the statistics of a study mean, in words: per two arms a headline, the metrics that decide, and what to do.

use std::fmt::Write as _;

use serde::Serialize;

use super::advice::{self, Told, Two};
use super::statistics::{Row, Statistics, arms, repeats, trusted};
use super::summary::{RunSummary, StudyRecord};
use crate::stats::inference::MIN_PAIRS;
use crate::stats::inference::verdict::Verdict;

/// The metrics that decide between arms, with their words: how often the objective is missed, how slow the slow are, what it costs.
pub const DECISIVE: [(&str, &str); 3] =
    [("slo_violation_ratio", "objective missed"), ("due_p95_ms", "p95 from due"), ("replica_seconds", "cost")];

/// What may be said of two arms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conclusion {
    /// The arm that is the measure.
    pub arm_a: String,
    /// The arm that is measured.
    pub arm_b: String,
    /// Repeats in which both have a valid run.
    pub pairs: usize,
    /// What the runs show, in a sentence without a full stop.
    pub headline: String,
    /// What to do about it, likewise; empty where nothing follows.
    pub advice: String,
    /// The one of them to take; `None` where that is open, or makes no difference.
    pub taken: Option<String>,
    /// A line per decisive metric.
    pub details: Vec<String>,
    /// How many metrics were judged as what, and what would decide the rest.
    pub count: String,
}

/// More pairs of arms than these are not told one by one to somebody who reads.
pub const ONE_BY_ONE: usize = 6;

/// How often an arm is the one to take of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The arm.
    pub arm: String,
    /// Rivals against which it is.
    pub taken: usize,
    /// Rivals that are taken instead.
    pub beaten: usize,
    /// Rivals against which that is open, or makes no difference.
    pub open: usize,
}

/// All arms of these conclusions, those first that are to be taken most often.
pub fn standings(conclusions: &[Conclusion]) -> Vec<Standing> {
    let mut standings: Vec<Standing> = Vec::new();
    for one in conclusions {
        for arm in [&one.arm_a, &one.arm_b] {
            let place = standings.iter().position(|known| known.arm == *arm).unwrap_or_else(|| {
                standings.push(Standing { arm: arm.clone(), taken: 0, beaten: 0, open: 0 });
                standings.len() - 1
            });
            let standing = &mut standings[place];
            match &one.taken {
                Some(taken) if taken == arm => standing.taken += 1,
                Some(_) => standing.beaten += 1,
                None => standing.open += 1,
            }
        }
    }
    // of equal ones the order is that of the scenario
    standings.sort_by_key(|standing| (std::cmp::Reverse(standing.taken), standing.beaten));
    standings
}

/// The conclusions on every two arms of a study that have enough pairs.
pub fn conclusions(record: &StudyRecord, runs: &[RunSummary], statistics: &Statistics) -> Vec<Conclusion> {
    let real: Vec<String> = arms(record, runs).into_iter().filter(|arm| !is_twin(record, arm)).collect();
    let mut conclusions = Vec::new();
    for (index, arm_a) in real.iter().enumerate() {
        for arm_b in &real[index + 1..] {
            let pairs = pairs(runs, &[arm_a, arm_b]);
            if pairs >= MIN_PAIRS {
                let keeps = |arm: &str| advice::keeps(trusted(runs, arm), record.slo_percentile);
                conclusions.push(conclude(statistics, arm_a, arm_b, (keeps(arm_a), keeps(arm_b)), pairs));
            }
        }
    }
    conclusions
}

/// Whether an arm is the A/A twin of another.
pub fn is_twin(record: &StudyRecord, arm: &str) -> bool {
    record.arms.iter().any(|known| known.name == arm && known.aa_of.is_some())
}

/// Repeats in which all these arms have a valid run.
pub fn pairs(runs: &[RunSummary], arms: &[&String]) -> usize {
    let has_all = |repeat: &u32| arms.iter().all(|arm| trusted(runs, arm).any(|run| run.repeat == *repeat));
    repeats(runs).iter().filter(|repeat| has_all(repeat)).count()
}

pub(super) fn conclude(
    statistics: &Statistics,
    arm_a: &str,
    arm_b: &str,
    keeps: (bool, bool),
    pairs: usize,
) -> Conclusion {
    let verdict = |metric: &str| statistics.row(metric, arm_a, arm_b).and_then(|row| row.judged?.verdict);
    let said = DECISIVE.iter().filter_map(|(metric, words)| Some(format!("{} by {words}", verdict(metric)?.as_str())));
    let said: Vec<String> = said.collect();
    let is_paired = statistics.rows.iter().all(|row| row.compared.is_paired);
    let runs = if is_paired { "pairs of runs" } else { "runs of each" };
    let said = if said.is_empty() { "no decisive metric is known of both".to_owned() } else { said.join(", ") };
    // without a verdict on either nothing follows
    let (missed, cost) = (verdict(DECISIVE[0].0), verdict(DECISIVE[2].0));
    let two = Two { names: (arm_a, arm_b), missed: Told::of(missed), cost: Told::of(cost), keeps };
    let is_known = missed.is_some() && cost.is_some();
    let taken = match two.preferred() {
        Told::First if is_known => Some(arm_a.to_owned()),
        Told::Second if is_known => Some(arm_b.to_owned()),
        Told::First | Told::Second | Told::Alike | Told::Open => None,
    };
    Conclusion {
        arm_a: arm_a.to_owned(),
        arm_b: arm_b.to_owned(),
        pairs,
        headline: format!("{arm_b} measured by {arm_a}, {pairs} {runs}: {said}"),
        advice: if is_known { two.advice() } else { String::new() },
        taken,
        details: DECISIVE
            .iter()
            .filter_map(|(metric, words)| {
                let floor = statistics.noise_floor(metric, arm_a);
                statistics.row(metric, arm_a, arm_b).and_then(|row| detail(row, words, floor))
            })
            .collect(),
        count: count(statistics, arm_a, arm_b),
    }
}

/// A metric of two arms in a line.
fn detail(row: &Row, words: &str, floor: Option<f64>) -> Option<String> {
    let verdict = row.judged?.verdict?;
    let (compared, unit) = (&row.compared, row.metric.unit);
    let show = |value: f64| figure(value, row.metric.name, unit);
    let interval = compared.interval?;
    let mut text = format!(
        "{words}: {}; {} instead of {}, by {} (95 % interval {} to {})",
        verdict.as_str(),
        show(compared.mean_b?),
        show(compared.mean_a?),
        signed(compared.difference?, row),
        signed(interval.low, row),
        signed(interval.high, row),
    );
    if let Some(margin) = row.judged?.margin.filter(|_| verdict == Verdict::Equivalent) {
        let _ = write!(text, "; less than {} does not matter", show(margin));
    }
    if verdict == Verdict::Undecided {
        let _ = write!(text, "; {}", more(row.judged?.more_pairs));
    }
    if let Some(floor) = floor {
        let _ = write!(text, "; noise floor {}", show(floor));
    }
    Some(text)
}

/// How many more pairs would decide, in words.
pub(super) fn more(pairs: Option<usize>) -> String {
    match pairs {
        Some(1) => "about 1 more pair would decide".to_owned(),
        Some(pairs) => format!("about {pairs} more pairs would decide"),
        None => "no number of runs in reach would decide".to_owned(),
    }
}

fn count(statistics: &Statistics, arm_a: &str, arm_b: &str) -> String {
    let rows = || statistics.rows.iter().filter(|row| row.arm_a == arm_a && row.arm_b == arm_b);
    let of =
        |wanted: Verdict| rows().filter(move |row| row.judged.is_some_and(|judged| judged.verdict == Some(wanted)));
    let number = |verdict| of(verdict).count();
    let judged = rows().filter(|row| row.judged.is_some_and(|judged| judged.verdict.is_some())).count();
    let mut text = format!(
        "of {judged} metrics: {} better, {} worse, {} equivalent, {} undecided",
        number(Verdict::Better),
        number(Verdict::Worse),
        number(Verdict::Equivalent),
        number(Verdict::Undecided),
    );
    let nearest =
        of(Verdict::Undecided).filter_map(|row| row.judged?.more_pairs.map(|more| (more, row.metric.name))).min();
    if let Some((pairs, metric)) = nearest {
        let _ = write!(text, "; {} on {metric}", more(Some(pairs)));
    }
    text
}

/// A number with its unit: four digits, ratios of requests in percent.
pub(super) fn figure(value: f64, metric: &str, unit: &str) -> String {
    if metric == "slo_violation_ratio" {
        return format!("{} %", digits(value * 100.0));
    }
    let number = digits(value);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// A difference with its sign; of ratios of requests in percentage points.
fn signed(value: f64, row: &Row) -> String {
    let text = figure(value, row.metric.name, row.metric.unit).replace(" %", " points");
    if value > 0.0 { format!("+{text}") } else { text }
}

/// Four significant digits, without an exponent, and no more than four decimals.
pub(super) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        1_000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    // minus nothing is nothing
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) { text.replace('-', "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::results::summary::ArmRecord;

    fn study() -> StudyRecord {
        let arm = |name: &str| ArmRecord { name: name.to_owned(), ..ArmRecord::default() };
        let twin = ArmRecord { aa_of: Some("tower".to_owned()), ..arm("tower-aa") };
        StudyRecord { arms: vec![arm("tower"), arm("ce"), twin], seed: 1, ..StudyRecord::default() }
    }

    fn run(arm: &str, repeat: u32, missed: f64, cost: f64, p95: f64) -> RunSummary {
        RunSummary {
            arm: arm.to_owned(),
            repeat,
            valid: true,
            slo_violation_ratio: Some(missed),
            replica_seconds: Some(cost),
            due_ms: [("p95".to_owned(), p95)].into(),
            ..RunSummary::default()
        }
    }

    #[test]
    fn a_study_says_which_arm_to_take_and_how_sure_that_is() {
        let runs: Vec<RunSummary> = (1..=10)
            .flat_map(|repeat| {
                let noise = f64::from(repeat * 7 % 10) - 4.5;
                [
                    run("tower", repeat, 0.12 + noise * 0.001, 400.0 + noise, 80.0 + noise * 4.0),
                    run("ce", repeat, 0.31 - noise * 0.002, 300.0 - noise, 82.0 - noise * 4.0),
                    run("tower-aa", repeat, 0.121 - noise * 0.001, 401.0 - noise, 81.0),
                ]
            })
            .collect();
        let statistics = Statistics::of(&study(), &runs);
        let found = conclusions(&study(), &runs, &statistics);
        assert_eq!(found.len(), 1);
        let Conclusion { headline, advice, details, count, .. } = &found[0];
        insta::assert_snapshot!(format!("{headline}\n{advice}\n{}\n{count}", details.join("\n")), @r"
        ce measured by tower, 10 pairs of runs: worse by objective missed, undecided by p95 from due, better by cost
        take tower if the objective matters more than the price; none of them meets it
        objective missed: worse; 31.00 % instead of 12.00 %, by +19.00 points (95 % interval +18.35 points to +19.65 points); noise floor 0.5332 %
        p95 from due: undecided; 82.00 ms instead of 80.00 ms, by +2.000 ms (95 % interval -15.33 ms to +19.33 ms); about 1144 more pairs would decide; noise floor 9.663 ms
        cost: better; 300.0 s instead of 400.0 s, by -100.0 s (95 % interval -104.3 s to -95.67 s); noise floor 5.332 s
        of 6 metrics: 1 better, 1 worse, 3 equivalent, 1 undecided; about 1144 more pairs would decide on due_p95_ms
        ");
    }

    #[test]
    fn of_many_arms_it_is_counted_how_often_each_is_to_be_taken() {
        let of = |arm_a: &str, arm_b: &str, taken: Option<&str>| Conclusion {
            arm_a: arm_a.to_owned(),
            arm_b: arm_b.to_owned(),
            pairs: 8,
            headline: String::new(),
            advice: String::new(),
            taken: taken.map(str::to_owned),
            details: Vec::new(),
            count: String::new(),
        };
        let all = [of("a", "b", Some("b")), of("a", "c", None), of("b", "c", Some("b"))];
        let said: Vec<String> = standings(&all)
            .iter()
            .map(|one| format!("{}: {}, {}, {}", one.arm, one.taken, one.beaten, one.open))
            .collect();
        assert_eq!(said, ["b: 2, 0, 0", "a: 0, 1, 1", "c: 0, 1, 1"]);
    }

    #[test]
    fn five_pairs_conclude_nothing() {
        let runs: Vec<RunSummary> = (1..=5)
            .flat_map(|repeat| [run("tower", repeat, 0.1, 1.0, 2.0), run("ce", repeat, 0.5, 1.0, 2.0)])
            .collect();
        assert_eq!(conclusions(&study(), &runs, &Statistics::of(&study(), &runs)), []);
    }

    #[test]
    fn numbers_have_four_digits_and_no_minus_nothing() {
        let shown = [12_345.6, 123.456, 12.345, 1.23456, 0.012_345, -0.000_01].map(digits);
        assert_eq!(shown, ["12346", "123.5", "12.35", "1.235", "0.0123", "0.0000"]);
        assert_eq!(figure(0.0512, "slo_violation_ratio", ""), "5.120 %");
        assert_eq!(figure(51.2, "p95_ms", "ms"), "51.20 ms");
    }
}
