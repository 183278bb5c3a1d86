//! Results directories side by side: of different days, hosts, targets or versions.
//!
//! What differs between them besides the arms is said, since it may be what made the difference. What can't be compared at all is
//! refused: another objective counts other requests as missed.

use std::collections::BTreeSet;

use super::advice;
use super::columns::Column;
use super::conclusion::{Conclusion, conclude};
use super::statistics::{Row, Statistics, judge_family, metrics, trusted};
use super::summary::{RunSummary, StudyRecord};
use crate::random::Seed;
use crate::stats::inference::MIN_PAIRS;
use crate::stats::inference::compared::{paired, unpaired};

/// One results directory.
#[derive(Clone, Debug)]
pub struct Source {
    /// How it is called.
    pub label: String,
    /// Its study.
    pub record: StudyRecord,
    /// Its finished runs.
    pub runs: Vec<RunSummary>,
}

/// Why directories can't be compared.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcrossError {
    /// The objectives differ.
    #[error(
        "{a} and {b} can't be compared: the objective is {slo_a} in the one and {slo_b} in the other, so they count other requests as missed\n  hint: run one of them again with the other's [slo]"
    )]
    Objective {
        /// One directory.
        a: String,
        /// The other.
        b: String,
        /// Its objective.
        slo_a: String,
        /// The other's.
        slo_b: String,
    },
    /// A directory has nothing to compare.
    #[error("{0} can't be compared: it has no valid run\n  hint: comparison.md in it says why its runs are not valid")]
    Invalid(String),
    /// The same directory twice.
    #[error("{0} is given twice\n  hint: give results directories of different studies")]
    Twice(String),
}

/// Directories side by side.
#[derive(Clone, Debug)]
pub struct Across {
    /// What else is different, and what was left out.
    pub warnings: Vec<String>,
    /// Every metric of every two arms that are compared.
    pub statistics: Statistics,
    /// What may be said of those with runs enough.
    pub conclusions: Vec<Conclusion>,
    /// All runs, their arms named after directory and arm.
    pub runs: Vec<RunSummary>,
}

/// Compares arms across directories: those of the same name, or, where no name occurs twice, every arm of one with every arm of another.
///
/// Runs in virtual time of the same seed and load are pairs; all others are two samples.
///
/// # Errors
/// When the objectives differ, a directory has no valid run, or one is given twice.
pub fn across(sources: &[Source]) -> Result<Across, AcrossError> {
    for (index, source) in sources.iter().enumerate() {
        if sources[..index].iter().any(|other| other.label == source.label) {
            return Err(AcrossError::Twice(source.label.clone()));
        }
        if !source.runs.iter().any(|run| run.valid) {
            return Err(AcrossError::Invalid(source.label.clone()));
        }
        same_objective(&sources[0], source)?;
    }
    let mut rows = Vec::new();
    for (index, a) in sources.iter().enumerate() {
        for b in &sources[index + 1..] {
            for (arm_a, arm_b) in arms_to_compare(a, b) {
                for (column, metric) in metrics() {
                    let is_paired = pairs_up(&a.record, &b.record);
                    let compared = if is_paired {
                        let (x, y) = values_by_seed(column, (a, &arm_a), (b, &arm_b));
                        paired(&x, &y, Seed(a.record.seed))
                    } else {
                        unpaired(&values(column, a, &arm_a), &values(column, b, &arm_b))
                    };
                    let (arm_a, arm_b) = (named(a, &arm_a), named(b, &arm_b));
                    rows.push(Row { metric, arm_a, arm_b, compared, judged: None, is_aa: false });
                }
            }
        }
    }
    judge_family(&mut rows, false);
    let statistics = Statistics { rows };
    let runs = sources.iter().flat_map(|source| {
        source.runs.iter().map(move |run| RunSummary { arm: named(source, &run.arm), ..run.clone() })
    });
    let runs: Vec<RunSummary> = runs.collect();
    // the objective is the same in all
    let percentile = sources.first().map_or(0.0, |source| source.record.slo_percentile);
    let keeps = |arm: &str| advice::keeps(trusted(&runs, arm), percentile);
    let conclusions = two_by_two(&statistics)
        .into_iter()
        .filter_map(|(arm_a, arm_b)| {
            let runs = statistics.row("planned", &arm_a, &arm_b)?.compared.n;
            (runs >= MIN_PAIRS).then(|| conclude(&statistics, &arm_a, &arm_b, (keeps(&arm_a), keeps(&arm_b)), runs))
        })
        .collect();
    Ok(Across { warnings: warnings(sources), statistics, conclusions, runs })
}

fn same_objective(a: &Source, b: &Source) -> Result<(), AcrossError> {
    let slo = |record: &StudyRecord| format!("{} % within {} ms", record.slo_percentile, record.slo_latency_ms);
    let (slo_a, slo_b) = (slo(&a.record), slo(&b.record));
    if slo_a == slo_b {
        return Ok(());
    }
    Err(AcrossError::Objective { a: a.label.clone(), b: b.label.clone(), slo_a, slo_b })
}

fn named(source: &Source, arm: &str) -> String {
    format!("{}:{arm}", source.label)
}

/// The arms of a study that have a valid run, A/A twins left out.
fn arms(source: &Source) -> Vec<String> {
    let mut arms: Vec<String> = Vec::new();
    for run in source.runs.iter().filter(|run| run.valid && run.aa_of.is_none()) {
        if !arms.contains(&run.arm) {
            arms.push(run.arm.clone());
        }
    }
    arms
}

fn arms_to_compare(a: &Source, b: &Source) -> Vec<(String, String)> {
    let (arms_a, arms_b) = (arms(a), arms(b));
    let shared: Vec<_> =
        arms_a.iter().filter(|arm| arms_b.contains(arm)).map(|arm| (arm.clone(), arm.clone())).collect();
    if !shared.is_empty() {
        return shared;
    }
    arms_a.iter().flat_map(|arm_a| arms_b.iter().map(|arm_b| (arm_a.clone(), arm_b.clone()))).collect()
}

/// Whether runs of the same seed met the same luck.
fn pairs_up(a: &StudyRecord, b: &StudyRecord) -> bool {
    a.target == "simulated"
        && b.target == "simulated"
        && a.loads == b.loads
        && a.seeds.iter().any(|seed| b.seeds.contains(seed))
}

fn values(column: &Column, source: &Source, arm: &str) -> Vec<f64> {
    trusted(&source.runs, arm).filter_map(|run| (column.value)(run).number()).collect()
}

fn values_by_seed(column: &Column, a: (&Source, &str), b: (&Source, &str)) -> (Vec<f64>, Vec<f64>) {
    let number = |(source, arm): (&Source, &str), seed: u64| {
        let run = trusted(&source.runs, arm).find(|run| run.seed == seed)?;
        (column.value)(run).number()
    };
    let seeds: Vec<u64> = trusted(&a.0.runs, a.1).map(|run| run.seed).collect();
    seeds.into_iter().filter_map(|seed| number(a, seed).zip(number(b, seed))).unzip()
}

fn two_by_two(statistics: &Statistics) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for row in &statistics.rows {
        let pair = (row.arm_a.clone(), row.arm_b.clone());
        if pairs.last() != Some(&pair) && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// What is not the same everywhere, and what is left out.
fn warnings(sources: &[Source]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differs = |what: &str, of: &dyn Fn(&Source) -> String| {
        let all: BTreeSet<String> = sources.iter().map(of).collect();
        if all.len() > 1 {
            let each: Vec<String> = sources.iter().map(|source| format!("{}: {}", source.label, of(source))).collect();
            warnings.push(format!("{what} ({})", each.join("; ")));
        }
    };
    differs("the targets differ, so what differs may be the platform", &|source| source.record.target.clone());
    differs("the hosts differ, so what differs may be the machine", &|source| {
        let host = &source.record.host;
        if host.cpu.is_empty() {
            "none, virtual time".to_owned()
        } else {
            let awake = if host.kept_awake { ", kept awake" } else { "" };
            format!("{}, {} cores, {}{awake}", host.cpu, host.cores, host.system)
        }
    });
    differs("the versions of watchtower differ", &|source| source.record.watchtower_version.clone());
    differs("the loads differ: the arms did not get the same requests", &|source| source.record.loads.join(" and "));
    differs("the functions or platforms differ", &|source| model(&source.record.scenario));
    differs("the seeds differ, so runs are no pairs and it takes more of them", &|source| {
        source.record.seed.to_string()
    });
    for source in sources {
        if source.record.status != "done" {
            warnings.push(format!("{} is {}: some of its runs may be missing", source.label, source.record.status));
        }
        let invalid = source.runs.iter().filter(|run| !run.valid).count();
        if invalid > 0 {
            warnings.push(format!(
                "{}: {invalid} of {} runs are not valid and left out",
                source.label,
                source.runs.len()
            ));
        }
    }
    warnings
}

/// What a scenario says of function and platform, in one line; `study.json` keeps it complete.
fn model(scenario: &str) -> String {
    let mut kept = Vec::new();
    let mut is_model = false;
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            is_model = line.starts_with("[function") || line == "[platform]";
        } else if is_model {
            kept.push(line);
        }
    }
    kept.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::inference::compared::Test;

    fn source(label: &str, arm: &str, runs: u32, missed: f64) -> Source {
        let record = StudyRecord {
            target: "simulated".to_owned(),
            status: "done".to_owned(),
            seed: 1,
            seeds: (1..=runs.into()).collect(),
            slo_latency_ms: 75.0,
            slo_percentile: 95.0,
            ..StudyRecord::default()
        };
        let run = |repeat: u32| RunSummary {
            arm: arm.to_owned(),
            repeat,
            seed: repeat.into(),
            valid: true,
            slo_violation_ratio: Some(missed + 0.01 * f64::from(repeat * 5 % 7)),
            ..RunSummary::default()
        };
        Source { label: label.to_owned(), record, runs: (1..=runs).map(run).collect() }
    }

    #[test]
    fn the_same_arm_of_two_days_is_compared_with_itself() {
        let (monday, tuesday) = (source("mon", "tower", 8, 0.3), source("tue", "tower", 8, 0.1));
        let found = across(&[monday, tuesday]).expect("comparable");
        assert_eq!(found.warnings, [""; 0]);
        assert_eq!(found.conclusions.len(), 1);
        assert!(
            found.conclusions[0].headline.starts_with("tue:tower measured by mon:tower, 8 "),
            "{:?}",
            found.conclusions
        );
        let row = found.statistics.row("slo_violation_ratio", "mon:tower", "tue:tower").expect("a row");
        assert_eq!((row.verdict().as_str(), row.compared.is_paired), ("better", true));
    }

    #[test]
    fn other_seeds_or_another_clock_make_two_samples_and_are_said() {
        let (one, mut other) = (source("one", "tower", 8, 0.3), source("other", "ce", 9, 0.1));
        other.record.target = "embedded".to_owned();
        other.record.seed = 2;
        other.record.host.cpu = "a processor".to_owned();
        let found = across(&[one, other]).expect("comparable");
        let row = found.statistics.row("slo_violation_ratio", "one:tower", "other:ce").expect("a row");
        assert!(!row.compared.is_paired && matches!(row.compared.exact_test, Test::RankSum));
        let said = found.warnings.join("\n");
        for what in ["the targets differ", "the hosts differ", "the seeds differ"] {
            assert!(said.contains(what), "{said}");
        }
    }

    #[test]
    fn another_objective_no_valid_run_and_the_same_directory_are_refused() {
        let one = source("one", "tower", 6, 0.3);
        let mut strict = source("strict", "tower", 6, 0.3);
        strict.record.slo_latency_ms = 50.0;
        let error = across(&[one.clone(), strict]).expect_err("refused").to_string();
        assert!(error.contains("95 % within 75 ms in the one and 95 % within 50 ms in the other"), "{error}");
        let mut invalid = source("invalid", "tower", 6, 0.3);
        invalid.runs.iter_mut().for_each(|run| run.valid = false);
        assert_eq!(across(&[one.clone(), invalid]).expect_err("refused"), AcrossError::Invalid("invalid".to_owned()));
        assert_eq!(across(&[one.clone(), one]).expect_err("refused"), AcrossError::Twice("one".to_owned()));
    }

    #[test]
    fn five_runs_conclude_nothing() {
        let found = across(&[source("one", "tower", 5, 0.3), source("two", "tower", 5, 0.1)]).expect("comparable");
        assert_eq!(found.conclusions, []);
    }
}
