//! The comparison as a table for a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::fit::{Width, aligned, wrapped};
use crate::stats::inference::MIN_PAIRS;
use crate::stats::inference::moments::mean;
use crate::stats::latency::LatencyHistogram;
use crate::study::results::conclusion::{Conclusion, ONE_BY_ONE, Standing, is_twin, pairs, standings};
use crate::study::results::expect::{Judged, Verdict};
use crate::study::results::statistics::merged;
use crate::study::results::summary::{RunSummary, StudyRecord};

type Cell = fn(&RunSummary) -> Option<String>;

const COLUMNS: [(&str, Cell); 14] = [
    ("arm", |run| Some(run.arm.clone())),
    ("repeat", |run| Some(run.repeat.to_string())),
    ("valid", |run| {
        Some(
            if run.partial {
                "partial"
            } else if run.valid {
                "yes"
            } else {
                "NO"
            }
            .to_owned(),
        )
    }),
    ("planned", |run| Some(run.planned.to_string())),
    ("sent", |run| Some(run.sent.to_string())),
    ("errors", |run| Some(run.errors.to_string())),
    ("p50 ms", |run| latency(&run.latency_ms, "p50")),
    ("p95 ms", |run| latency(&run.latency_ms, "p95")),
    ("p99 ms", |run| latency(&run.latency_ms, "p99")),
    ("due p95", |run| latency(&run.due_ms, "p95")),
    ("SLO missed", |run| run.slo_violation_ratio.map(|ratio| format!("{:.1} %", ratio * 100.0))),
    ("replicas", |run| Some(format!("{:.2} (max {})", run.replicas_mean?, run.replicas_max?))),
    ("replica s", |run| run.replica_seconds.map(|seconds| format!("{seconds:.0}"))),
    ("first up", |run| run.first_scale_up_s.map(|seconds| format!("{seconds:.1} s"))),
];

fn latency(percentiles: &std::collections::BTreeMap<String, f64>, key: &str) -> Option<String> {
    percentiles.get(key).map(|value| format!("{value:.1}"))
}

/// A line per run, columns aligned: words left, numbers right.
pub(super) fn table(runs: &[RunSummary], width: Width) -> String {
    let mut lines: Vec<Vec<String>> = vec![COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect()];
    lines.extend(
        runs.iter().map(|run| COLUMNS.iter().map(|(_, cell)| cell(run).unwrap_or_else(|| "-".to_owned())).collect()),
    );
    aligned(&lines, 1, width)
}

/// What was expected of the arms, what was measured, and what became of it.
pub(super) fn expectations(judged: &[Judged], width: Width) -> String {
    let mut lines = vec![["expectation", "repeats", "verdict", "measured"].map(str::to_owned).to_vec()];
    lines.extend(judged.iter().map(|one| {
        let verdict = match one.verdict {
            Verdict::NotMet => "NOT MET",
            Verdict::Met | Verdict::LeftOut => one.verdict.as_str(),
        };
        vec![one.expectation.clone(), one.over.as_str().to_owned(), verdict.to_owned(), one.shown()]
    }));
    aligned(&lines, 4, width)
}

/// A line per arm where arms have several runs: of their valid runs together. Percentiles are those of all requests, never a mean of
/// percentiles.
pub(super) fn arms(runs: &[RunSummary], width: Width) -> String {
    let mut lines = vec![ARM_COLUMNS.map(str::to_owned).to_vec()];
    let mut seen: Vec<&str> = Vec::new();
    for run in runs {
        if !seen.contains(&run.arm.as_str()) {
            seen.push(&run.arm);
            lines.push(arm(runs, &run.arm));
        }
    }
    aligned(&lines, 1, width)
}

const ARM_COLUMNS: [&str; 10] =
    ["arm", "valid runs", "errors", "p50 ms", "p95 ms", "p99 ms", "due p95", "SLO missed", "replica s", "first up"];

fn arm(runs: &[RunSummary], name: &str) -> Vec<String> {
    let all = runs.iter().filter(|run| run.arm == name).count();
    let valid: Vec<&RunSummary> = runs.iter().filter(|run| run.arm == name && run.valid).collect();
    let (sent, due) = (merged(runs, name, false), merged(runs, name, true));
    let percentile = |histogram: &LatencyHistogram, percent: f64| {
        let latency = histogram.percentile(percent);
        latency.map_or("-".to_owned(), |latency| format!("{:.1}", latency.as_secs_f64() * 1e3))
    };
    // mean and, in brackets, smallest and largest
    let spread = |of: &dyn Fn(&RunSummary) -> Option<f64>, decimals: usize, unit: &str| {
        let values: Vec<f64> = valid.iter().filter_map(|run| of(run)).collect();
        let Some(mean) = mean(&values) else { return "-".to_owned() };
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{mean:.decimals$} ({low:.decimals$} to {high:.decimals$}){unit}")
    };
    vec![
        name.to_owned(),
        if valid.len() == all { all.to_string() } else { format!("{} of {all}", valid.len()) },
        valid.iter().map(|run| run.errors).sum::<u64>().to_string(),
        percentile(&sent, 50.0),
        percentile(&sent, 95.0),
        percentile(&sent, 99.0),
        percentile(&due, 95.0),
        spread(&|run| run.slo_violation_ratio.map(|ratio| ratio * 100.0), 1, " %"),
        spread(&|run| run.replica_seconds, 0, ""),
        spread(&|run| run.first_scale_up_s, 1, " s"),
    ]
}

/// What the runs allow to say, for a person: of enough pairs the conclusions, otherwise why there is none.
pub(super) fn reading(record: &StudyRecord, runs: &[RunSummary], found: &[Conclusion], width: Width) -> Option<String> {
    concluded(found, width).or_else(|| too_few(record, runs).map(|words| wrapped(&words, width)))
}

/// Conclusions for a person; `None` of none.
pub(super) fn concluded(concluded: &[Conclusion], width: Width) -> Option<String> {
    match concluded.len() {
        0 => None,
        1..=ONE_BY_ONE => Some(wrapped(&told(concluded), width)),
        pairs => {
            let words = format!("Each of the {pairs} pairs of arms in words: --json, and comparison.md of a study");
            Some(format!("\n{}{}", counted(concluded, width), wrapped(&words, width)))
        }
    }
}

/// How often each arm is the one to take, for more pairs than anybody reads.
fn counted(concluded: &[Conclusion], width: Width) -> String {
    let mut lines = vec![["arm", "to be taken against", "rivals taken instead", "open"].map(str::to_owned).to_vec()];
    lines.extend(standings(concluded).into_iter().map(|Standing { arm, taken, beaten, open }| {
        vec![arm, taken.to_string(), beaten.to_string(), open.to_string()]
    }));
    aligned(&lines, 1, width)
}

fn told(concluded: &[Conclusion]) -> String {
    let mut text = String::new();
    for one in concluded {
        // writing to a string can't fail
        let _ = writeln!(text, "\n{}", one.headline);
        if !one.advice.is_empty() {
            let _ = writeln!(text, "  => {}", one.advice);
        }
        for line in one.details.iter().chain([&one.count]) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text.trim_end().to_owned()
}

/// What a table of so few runs means: no verdict below six repeats in which every arm has a valid run.
fn too_few(record: &StudyRecord, runs: &[RunSummary]) -> Option<String> {
    let arms: BTreeSet<&String> = runs.iter().map(|run| &run.arm).filter(|arm| !is_twin(record, arm)).collect();
    let pairs = pairs(runs, &arms.iter().copied().collect::<Vec<_>>());
    (arms.len() > 1 && pairs < MIN_PAIRS).then(|| {
        let counted = match pairs {
            0 => "no repeat has a valid run of every arm, which".to_owned(),
            1 => "one run per arm".to_owned(),
            _ => format!("{pairs} runs per arm"),
        };
        let verb = if pairs > 1 { "carry" } else { "carries" };
        format!("{counted} {verb} no verdict: at least {MIN_PAIRS} are needed to tell a difference from luck (--repeats {MIN_PAIRS})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_a_dash_and_numbers_stand_under_each_other() {
        let mut slow = RunSummary {
            arm: "watchtower".into(),
            repeat: 1,
            valid: true,
            planned: 60_000,
            sent: 59_990,
            ..RunSummary::default()
        };
        slow.latency_ms.insert("p95".into(), 131.24);
        let none = RunSummary { arm: "ce".into(), repeat: 1, planned: 60_000, sent: 7, ..RunSummary::default() };
        insta::assert_snapshot!(table(&[slow, none], Width::UNBOUNDED), @r"
        arm         repeat  valid  planned   sent  errors  p50 ms  p95 ms  p99 ms  due p95  SLO missed  replicas  replica s  first up
        watchtower       1    yes    60000  59990       0       -   131.2       -        -           -         -          -         -
        ce               1     NO    60000      7       0       -       -       -        -           -         -          -         -
        ");
    }

    #[test]
    fn one_run_per_arm_carries_no_verdict() {
        let run = |arm: &str, repeat| RunSummary { arm: arm.into(), repeat, valid: true, ..RunSummary::default() };
        let record = StudyRecord::default();
        let said = |runs: &[RunSummary]| reading(&record, runs, &[], Width::UNBOUNDED);
        assert!(said(&[run("a", 1), run("b", 1)]).is_some_and(|text| text.starts_with("one run per arm")));
        assert_eq!(said(&[run("a", 1)]), None);
        let six: Vec<_> = (1..=6).flat_map(|repeat| [run("a", repeat), run("b", repeat)]).collect();
        assert_eq!(said(&six), None);
    }

    #[test]
    fn runs_of_an_arm_stand_in_one_line_and_percentiles_are_of_all_requests() {
        let run = |arm: &str, repeat: u32, us: u64, requests: u64| RunSummary {
            arm: arm.into(),
            repeat,
            valid: repeat < 3,
            slo_violation_ratio: Some(0.1 * f64::from(repeat)),
            latency_histogram_us: vec![(us, requests)],
            ..RunSummary::default()
        };
        // the mean of the two p95 would be 105 ms
        let runs = [
            run("tower", 1, 10_000, 999),
            run("tower", 2, 200_000, 1),
            run("tower", 3, 900_000, 50),
            run("ce", 1, 5_000, 1),
        ];
        insta::assert_snapshot!(arms(&runs, Width::UNBOUNDED), @r"
        arm    valid runs  errors  p50 ms  p95 ms  p99 ms  due p95             SLO missed  replica s  first up
        tower      2 of 3       0    10.0    10.0    10.0        -  15.0 (10.0 to 20.0) %          -         -
        ce              1       0     5.0     5.0     5.0        -  10.0 (10.0 to 10.0) %          -         -
        ");
    }
}
