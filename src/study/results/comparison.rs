//! The arms of a study side by side: `comparison.md` to read and `stats.csv` to compute with.
//!
//! No arm is named the better one here. What runs of different arms show may be chance; saying otherwise takes statistics over
//! enough pairs of runs.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::columns::{COLUMNS, Column, Value};
use super::directory::run_name;
use super::expect::{Judged, Verdict};
use super::explanation::explanations;
use super::rows::quote;
use super::summary::{RunSummary, StudyRecord};

/// With fewer pairs a two-sided Wilcoxon signed-rank test can't reach p < 0.05: its smallest p is 2 / 2^n.
pub const MIN_PAIRS: usize = 6;

const STATS: &str = "metric,arm_a,arm_b,n,mean_a,mean_b,difference,ci_low,ci_high,test,p,p_holm,cliffs_delta,verdict\n";

/// Metrics that deserve a column of their own in the list of runs.
const OF_EACH_RUN: [&str; 10] = [
    "planned",
    "sent",
    "lost_busy",
    "lost_late",
    "errors",
    "p50_ms",
    "p95_ms",
    "due_p95_ms",
    "slo_violation_ratio",
    "replica_seconds",
];

/// `stats.csv`: every metric for every pair of arms, over the repeats in which both arms have a valid run.
pub fn stats(record: &StudyRecord, runs: &[RunSummary]) -> String {
    let mut text = STATS.to_owned();
    let arms = arms(record, runs);
    for column in COLUMNS.iter().filter(|column| column.is_metric) {
        for (index, arm_a) in arms.iter().enumerate() {
            for arm_b in &arms[index + 1..] {
                let pairs: Vec<(f64, f64)> = repeats(runs)
                    .into_iter()
                    .filter_map(|repeat| number(runs, column, arm_a, repeat).zip(number(runs, column, arm_b, repeat)))
                    .collect();
                let n = pairs.len();
                let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
                let mean_a = mean(pairs.iter().map(|pair| pair.0).sum());
                let mean_b = mean(pairs.iter().map(|pair| pair.1).sum());
                let difference = mean_a.zip(mean_b).map(|(a, b)| b - a);
                let verdict = if n < MIN_PAIRS {
                    let runs = if n == 1 { "run" } else { "runs" };
                    format!("none: {n} {runs} per arm, at least {MIN_PAIRS} pairs are needed")
                } else {
                    "none: no test was made".to_owned()
                };
                let _ = writeln!(
                    text,
                    "{},{},{},{n},{},{},{},,,,,,,{}",
                    column.name,
                    quote(arm_a),
                    quote(arm_b),
                    maybe(mean_a),
                    maybe(mean_b),
                    maybe(difference),
                    quote(&verdict),
                );
            }
        }
    }
    text
}

/// `comparison.md`: what may be concluded, what was expected, the arms side by side, and every run.
pub fn markdown(record: &StudyRecord, runs: &[RunSummary], judged: &[Judged]) -> String {
    let arms = arms(record, runs);
    let mut text = format!("# {}\n", one_line(&record.name));
    if !record.description.is_empty() {
        let _ = write!(text, "\n{}\n", record.description.trim());
    }
    let _ = write!(text, "\n{}\n", standing(record, runs, &arms));
    for run in runs.iter().filter(|run| !run.valid) {
        let name = run_name(&run.arm, run.repeat);
        let what = if run.partial { "partial" } else { "invalid" };
        let _ = write!(text, "\n**Run {} is {what}**, and its numbers are left out of the means:\n\n", one_line(&name));
        for reason in &run.invalid_because {
            let _ = writeln!(text, "- {}", one_line(reason));
        }
    }
    for run in runs.iter().filter(|run| !run.suspect_because.is_empty()) {
        let name = run_name(&run.arm, run.repeat);
        let _ = write!(text, "\n**Run {} is suspect**: it kept time, yet\n\n", one_line(&name));
        for reason in &run.suspect_because {
            let _ = writeln!(text, "- {}", one_line(reason));
        }
    }
    text.push_str(&explained(runs));
    for note in &record.notes {
        let _ = write!(text, "\n{}\n", note.trim());
    }
    text.push_str(&expectations_table(judged));
    if !runs.is_empty() {
        text.push_str(&arms_table(runs, &arms));
        text.push_str(&runs_table(runs, &arms));
        text.push_str(&shadows_table(runs));
    }
    text
}

/// How to read the numbers of runs that need it.
fn explained(runs: &[RunSummary]) -> String {
    let line = |(run, words): (&RunSummary, String)| {
        format!("- Run {}: {}.\n", one_line(&run_name(&run.arm, run.repeat)), one_line(&words))
    };
    let lines: String =
        runs.iter().flat_map(|run| explanations(run).into_iter().map(move |words| (run, words))).map(line).collect();
    if lines.is_empty() { lines } else { format!("\nHow to read them:\n\n{lines}") }
}

/// What was expected, what was measured, and what became of it.
fn expectations_table(judged: &[Judged]) -> String {
    if judged.is_empty() {
        return String::new();
    }
    let head = ["expectation", "repeats", "measured", "verdict"].map(str::to_owned);
    let rows: Vec<Vec<String>> = judged
        .iter()
        .map(|one| {
            let verdict = match one.verdict {
                Verdict::NotMet => format!("**{}**", one.verdict.as_str()),
                Verdict::Met | Verdict::LeftOut => one.verdict.as_str().to_owned(),
            };
            vec![format!("`{}`", one.expectation), one.over.as_str().to_owned(), one.shown(), verdict]
        })
        .collect();
    format!("\n## Expectations\n\n{}", table(&head, &rows, 4))
}

/// What may be concluded, in words.
fn standing(record: &StudyRecord, runs: &[RunSummary], arms: &[String]) -> String {
    let mut sentences: Vec<String> = match record.status.as_str() {
        "partial" => vec!["**This study is partial**: it was interrupted before all its runs were made.".to_owned()],
        "failed" => vec!["**This study failed**: a run could not be made, and those before it stand below.".to_owned()],
        _ => Vec::new(),
    };
    let pairs = repeats(runs)
        .into_iter()
        .filter(|repeat| arms.iter().all(|arm| trusted(runs, arm).any(|run| run.repeat == *repeat)))
        .count();
    sentences.push(if arms.len() < 2 {
        "**No verdict**: with one arm there is nothing to compare.".to_owned()
    } else if pairs >= MIN_PAIRS {
        format!("**No verdict**: {pairs} valid runs per arm stand below with their means, and no test was made.")
    } else {
        let have = match pairs {
            0 => "no repeat has a valid run of every arm".to_owned(),
            1 => "one run per arm".to_owned(),
            _ => format!("{pairs} runs per arm"),
        };
        format!(
            "**No verdict**: {have}. What is different below may be chance, since two runs of one and the same arm differ too; \
             it takes at least {MIN_PAIRS} pairs of runs to tell (`--repeats {MIN_PAIRS}`)."
        )
    });
    sentences.join(" ")
}

/// Metrics down, arms across: of one valid run its value, of several their mean and range.
fn arms_table(runs: &[RunSummary], arms: &[String]) -> String {
    let mut text = "\n## Arms\n\n".to_owned();
    if arms.iter().any(|arm| trusted(runs, arm).count() > 1) {
        text.push_str("Mean over the valid runs, smallest to largest in brackets.\n\n");
    }
    let counts = arms.iter().map(|arm| trusted(runs, arm).count().to_string());
    let mut rows = vec![std::iter::once("valid runs".to_owned()).chain(counts).collect::<Vec<_>>()];
    for column in COLUMNS.iter().filter(|column| column.is_metric) {
        let cells = arms.iter().map(|arm| {
            let values: Vec<Value> = trusted(runs, arm).map(|run| (column.value)(run)).collect();
            cell(&values)
        });
        rows.push(std::iter::once(column.name.to_owned()).chain(cells).collect());
    }
    let head: Vec<String> = std::iter::once("metric".to_owned()).chain(arms.iter().cloned()).collect();
    text.push_str(&table(&head, &rows, 1));
    text
}

/// A row per run, invalid ones too.
fn runs_table(runs: &[RunSummary], arms: &[String]) -> String {
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| OF_EACH_RUN.contains(&column.name)).collect();
    let mut sorted: Vec<&RunSummary> = runs.iter().collect();
    sorted.sort_by_key(|run| (arms.iter().position(|arm| *arm == run.arm), run.repeat));
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .map(|run| {
            let standing = if run.partial {
                "partial"
            } else if run.valid {
                "yes"
            } else {
                "no"
            };
            let mut cells = vec![run_name(&run.arm, run.repeat), standing.to_owned(), run.seed.to_string()];
            cells.extend(columns.iter().map(|column| cell(&[(column.value)(run)])));
            cells
        })
        .collect();
    let mut head: Vec<String> = ["run", "valid", "seed"].map(str::to_owned).into();
    head.extend(columns.iter().map(|column| column.name.to_owned()));
    format!("\n## Runs\n\n{}", table(&head, &rows, 2))
}

/// What shadows would have done, beside what the arm did.
fn shadows_table(runs: &[RunSummary]) -> String {
    let head = ["run", "policy of", "carried out", "scale_ups", "scale_downs", "first_scale_up_s", "most desired"]
        .map(str::to_owned);
    let whole = |count: Option<u32>| count.map_or(String::new(), |count| count.to_string());
    let seconds = |first: Option<f64>| first.map_or(String::new(), |first| format!("{first:.3}"));
    let mut rows = Vec::new();
    for run in runs.iter().filter(|run| !run.shadows.is_empty()) {
        let name = run_name(&run.arm, run.repeat);
        let (ups, downs) = (run.scale_ups.to_string(), run.scale_downs.to_string());
        let own = [&name, &run.arm, "yes", &ups, &downs, &seconds(run.first_scale_up_s), ""].map(str::to_owned);
        rows.push(own.to_vec());
        for shadow in &run.shadows {
            let (ups, downs) = (shadow.scale_ups.to_string(), shadow.scale_downs.to_string());
            let (first, most) = (seconds(shadow.first_scale_up_s), whole(shadow.desired_max));
            rows.push([&name, &shadow.name, "no", &ups, &downs, &first, &most].map(ToOwned::to_owned).to_vec());
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let words = "What the shadows would have done under the load and the latencies of the arm they watched.";
    format!("\n## Shadows\n\n{words}\n\n{}", table(&head, &rows, 3))
}

/// One value as it is; of several the mean and the range; nothing if none is known.
fn cell(values: &[Value]) -> String {
    let numbers: Vec<f64> = values.iter().filter_map(Value::number).collect();
    let decimals = values.iter().map(|value| if let Value::Number(_, decimals) = value { *decimals } else { 0 }).max();
    let decimals = decimals.unwrap_or(0).min(4);
    match numbers.as_slice() {
        [] => String::new(),
        [number] => format!("{number:.decimals$}"),
        numbers => {
            let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
            let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // the mean of counts is not a count
            format!("{mean:.*} ({min:.decimals$} to {max:.decimals$})", decimals.max(1))
        }
    }
}

/// A table in GitHub's Markdown; the columns from `numbers` on are aligned to the right.
fn table(head: &[String], rows: &[Vec<String>], numbers: usize) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| one_line(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<&str> = (0..head.len()).map(|index| if index < numbers { "---" } else { "---:" }).collect();
    let mut text = line(head);
    let _ = writeln!(text, "| {} |", rule.join(" | "));
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

/// Words that can't break a table or a heading.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Arms in the scenario's order, then any others in order of appearance.
fn arms(record: &StudyRecord, runs: &[RunSummary]) -> Vec<String> {
    let mut arms: Vec<String> = Vec::new();
    for name in record.arms.iter().map(|arm| &arm.name).chain(runs.iter().map(|run| &run.arm)) {
        if !arms.contains(name) {
            arms.push(name.clone());
        }
    }
    arms
}

fn repeats(runs: &[RunSummary]) -> BTreeSet<u32> {
    runs.iter().map(|run| run.repeat).collect()
}

/// The valid runs of an arm.
fn trusted<'a>(runs: &'a [RunSummary], arm: &'a str) -> impl Iterator<Item = &'a RunSummary> {
    runs.iter().filter(move |run| run.arm == arm && run.valid)
}

fn number(runs: &[RunSummary], column: &Column, arm: &str, repeat: u32) -> Option<f64> {
    let run = trusted(runs, arm).find(|run| run.repeat == repeat)?;
    (column.value)(run).number()
}

fn maybe(number: Option<f64>) -> String {
    number.map(|number| format!("{number:.6}")).unwrap_or_default()
}
