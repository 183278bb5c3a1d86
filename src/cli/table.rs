//! The comparison as a table for a terminal.

use std::collections::BTreeSet;

use crate::study::results::expect::{Judged, Verdict};
use crate::study::results::summary::RunSummary;

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
pub(super) fn table(runs: &[RunSummary]) -> String {
    let mut lines: Vec<Vec<String>> = vec![COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect()];
    lines.extend(
        runs.iter().map(|run| COLUMNS.iter().map(|(_, cell)| cell(run).unwrap_or_else(|| "-".to_owned())).collect()),
    );
    aligned(&lines, 1)
}

/// What was expected of the arms, what was measured, and what became of it.
pub(super) fn expectations(judged: &[Judged]) -> String {
    let mut lines = vec![["expectation", "repeats", "verdict", "measured"].map(str::to_owned).to_vec()];
    lines.extend(judged.iter().map(|one| {
        let verdict = match one.verdict {
            Verdict::NotMet => "NOT MET",
            Verdict::Met | Verdict::LeftOut => one.verdict.as_str(),
        };
        vec![one.expectation.clone(), one.over.as_str().to_owned(), verdict.to_owned(), one.shown()]
    }));
    aligned(&lines, 4)
}

/// Lines of as many cells each, in columns: words left, from column `numbers` on right.
pub(super) fn aligned(lines: &[Vec<String>], numbers: usize) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, width))| {
                    if column < numbers { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// What a table of so few runs means: no verdict below six repeats in which every arm has a valid run.
pub(super) fn reading(runs: &[RunSummary]) -> Option<String> {
    let arms: BTreeSet<&str> = runs.iter().map(|run| run.arm.as_str()).collect();
    let repeats: BTreeSet<u32> = runs.iter().map(|run| run.repeat).collect();
    let paired = |repeat: u32| {
        let valid = |arm: &&str| runs.iter().any(|run| run.repeat == repeat && run.arm == **arm && run.valid);
        arms.iter().all(valid)
    };
    let pairs = repeats.into_iter().filter(|repeat| paired(*repeat)).count();
    (arms.len() > 1 && pairs < 6).then(|| {
        let counted = match pairs {
            0 => "no repeat has a valid run of every arm, which".to_owned(),
            1 => "one run per arm".to_owned(),
            _ => format!("{pairs} runs per arm"),
        };
        let verb = if pairs > 1 { "carry" } else { "carries" };
        format!("{counted} {verb} no verdict: at least 6 are needed to tell a difference from luck (--repeats 6)")
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
        insta::assert_snapshot!(table(&[slow, none]), @r"
        arm         repeat  valid  planned   sent  errors  p50 ms  p95 ms  p99 ms  due p95  SLO missed  replicas  replica s  first up
        watchtower       1    yes    60000  59990       0       -   131.2       -        -           -         -          -         -
        ce               1     NO    60000      7       0       -       -       -        -           -         -          -         -
        ");
    }

    #[test]
    fn one_run_per_arm_carries_no_verdict() {
        let run = |arm: &str, repeat| RunSummary { arm: arm.into(), repeat, valid: true, ..RunSummary::default() };
        assert!(reading(&[run("a", 1), run("b", 1)]).is_some_and(|text| text.starts_with("one run per arm")));
        assert_eq!(reading(&[run("a", 1)]), None);
        let six: Vec<_> = (1..=6).flat_map(|repeat| [run("a", repeat), run("b", repeat)]).collect();
        assert_eq!(reading(&six), None);
    }
}
