//! The arms of a study side by side, to read: `comparison.md`, fit for a pull request.
//!
//! What it says of the arms are the conclusions of the statistics over pairs of runs; of fewer than six pairs it says that there is
//! no verdict.

mod in_pairs;

use std::fmt::Write;

use super::advice::sentence;
use super::columns::{COLUMNS, Column, Value};
use super::conclusion::{ONE_BY_ONE, conclusions, is_twin, pairs};
use super::directory::run_name;
use super::expect::{Judged, Verdict};
use super::explanation::{explanations, explanations_of_arms};
use super::scores::Score;
use super::statistics::{Statistics, arms, merged, trusted};
use super::summary::{RunSummary, StudyRecord};
use crate::stats::inference::MIN_PAIRS;

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

/// `comparison.md`: what may be concluded, what was expected, the arms side by side, and every run.
pub fn markdown(
    record: &StudyRecord,
    runs: &[RunSummary],
    judged: &[Judged],
    statistics: &Statistics,
    scores: &[Score],
) -> String {
    let arms = arms(record, runs);
    let mut text = format!("# {}\n", one_line(&record.name));
    if !record.description.is_empty() {
        let _ = write!(text, "\n{}\n", record.description.trim());
    }
    let _ = write!(text, "\n{}\n", standing(record, runs, &arms, statistics));
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
        text.push_str(&in_pairs::statistics_tables(statistics));
        text.push_str(&in_pairs::scores_table(scores));
        text.push_str(&arms_table(runs, &arms));
        text.push_str(&runs_table(runs, &arms));
        text.push_str(&shadows_table(runs));
    }
    text
}

/// How to read the numbers of runs that need it; of repeated runs a line per arm.
fn explained(runs: &[RunSummary]) -> String {
    let words: Vec<String> = if runs.iter().any(|run| run.repeat > 1) {
        explanations_of_arms(runs)
    } else {
        let of = |run: &RunSummary| {
            let name = run_name(&run.arm, run.repeat);
            explanations(run).into_iter().map(move |words| format!("Run {name}: {words}"))
        };
        runs.iter().flat_map(of).collect()
    };
    let lines: Vec<String> = words.iter().map(|words| format!("- {}.\n", one_line(words))).collect();
    if lines.is_empty() { String::new() } else { format!("\nHow to read them:\n\n{}", lines.concat()) }
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
fn standing(record: &StudyRecord, runs: &[RunSummary], arms: &[String], statistics: &Statistics) -> String {
    let mut paragraphs: Vec<String> = match record.status.as_str() {
        "partial" => vec!["**This study is partial**: it was interrupted before all its runs were made.".to_owned()],
        "running" => vec!["**This study has not ended, or was killed**: runs may be missing.".to_owned()],
        "failed" => vec!["**This study failed**: a run could not be made, and those before it stand below.".to_owned()],
        _ => Vec::new(),
    };
    let concluded = conclusions(record, runs, statistics);
    let is_long = concluded.len() > ONE_BY_ONE;
    paragraphs.extend(is_long.then(|| in_pairs::many(&concluded)));
    for one in concluded.iter().filter(|_| !is_long) {
        let mut text = format!("**Verdict**: {}.", one_line(&one.headline));
        if !one.advice.is_empty() {
            let _ = write!(text, " **{}**", sentence(&one_line(&one.advice)));
        }
        text.push('\n');
        for line in &one.details {
            let _ = write!(text, "\n- {}", one_line(line));
        }
        let _ = write!(text, "\n- {}", one_line(&one.count));
        paragraphs.push(text);
    }
    let real: Vec<String> = arms.iter().filter(|arm| !is_twin(record, arm)).cloned().collect();
    if real.len() < 2 {
        paragraphs.push("**No verdict**: with one arm there is nothing to compare.".to_owned());
    } else if concluded.is_empty() {
        let have = match pairs(runs, &real.iter().collect::<Vec<_>>()) {
            0 => "no repeat has a valid run of every arm".to_owned(),
            1 => "one run per arm".to_owned(),
            pairs => format!("{pairs} runs per arm"),
        };
        paragraphs.push(format!(
            "**No verdict**: {have}. What is different below may be chance, since two runs of one and the same arm differ too; \
             it takes at least {MIN_PAIRS} pairs of runs to tell (`--repeats {MIN_PAIRS}`)."
        ));
    }
    paragraphs.join("\n\n")
}

/// Metrics down, arms across: of one valid run its value, of several their mean and range.
fn arms_table(runs: &[RunSummary], arms: &[String]) -> String {
    let mut text = "\n## Arms\n\n".to_owned();
    if arms.iter().any(|arm| trusted(runs, arm).count() > 1) {
        text.push_str(
            "Mean over the valid runs, smallest to largest in brackets; a percentile is that of all their requests together.\n\n",
        );
    }
    let counts = arms.iter().map(|arm| trusted(runs, arm).count().to_string());
    let mut rows = vec![std::iter::once("valid runs".to_owned()).chain(counts).collect::<Vec<_>>()];
    for column in COLUMNS.iter().filter(|column| column.is_metric) {
        let cells = arms.iter().map(|arm| {
            let values: Vec<Value> = trusted(runs, arm).map(|run| (column.value)(run)).collect();
            match percentile(column.name) {
                Some((due, percent)) if values.len() > 1 => cell_of(&values, together(runs, arm, due, percent)),
                _ => cell(&values),
            }
        });
        let cells: Vec<String> = cells.collect();
        // what no arm knows is in comparison.csv, empty
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(std::iter::once(column.name.to_owned()).chain(cells).collect());
        }
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

/// The percentile that a column holds, and whether it is of latency from due.
fn percentile(column: &str) -> Option<(bool, f64)> {
    let (due, rest) = column.strip_prefix("due_").map_or((false, column), |rest| (true, rest));
    let number = rest.strip_prefix('p')?.strip_suffix("_ms")?;
    let percent = if number == "999" { 99.9 } else { number.parse().ok()? };
    Some((due, percent))
}

/// A percentile of all requests of an arm's valid runs together, in milliseconds. Percentiles have no mean.
fn together(runs: &[RunSummary], arm: &str, due: bool, percent: f64) -> Option<f64> {
    merged(runs, arm, due).percentile(percent).map(|latency| latency.as_secs_f64() * 1e3)
}

/// One value as it is; of several the mean and the range; nothing if none is known.
fn cell(values: &[Value]) -> String {
    let numbers: Vec<f64> = values.iter().filter_map(Value::number).collect();
    cell_of(values, (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64))
}

/// One value as it is; of several this middle and the range; nothing if none is known.
fn cell_of(values: &[Value], middle: Option<f64>) -> String {
    let numbers: Vec<f64> = values.iter().filter_map(Value::number).collect();
    let decimals = values.iter().map(|value| if let Value::Number(_, decimals) = value { *decimals } else { 0 }).max();
    let decimals = decimals.unwrap_or(0).min(4);
    match (numbers.as_slice(), middle) {
        ([], _) => String::new(),
        ([number], _) => format!("{number:.decimals$}"),
        (numbers, middle) => {
            let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // the mean of counts is not a count
            let middle = middle.map_or("-".to_owned(), |middle| format!("{middle:.*}", decimals.max(1)));
            format!("{middle} ({min:.decimals$} to {max:.decimals$})")
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
