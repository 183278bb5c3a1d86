//! The table of arms: what they achieved, for how much.

use std::fmt::Write as _;

use super::{arm_name, close_table, figures, open_table, scores, statistics};
use crate::report::charts::data::{ArmSeries, Distribution, Study};
use crate::report::charts::{ChartError, scale};
use crate::report::material::{Arm, Material};
use crate::report::verdict::Comparison;
use crate::study::results::summary::RunSummary;

/// More arms than these leave no room for charts beside their numbers.
const BESIDE_CHARTS: usize = 4;

/// Where a row's numbers come from.
#[derive(Clone, Copy)]
enum Of {
    /// A percentile of latency from leaving, in percent: of all requests of all runs.
    Latency(&'static str, f64),
    /// Likewise, from due.
    Due(&'static str, f64),
    /// The mean of the runs' own numbers, with their range.
    Mean(fn(&RunSummary) -> Option<f64>),
    /// A number of the arm.
    Whole(fn(&Arm) -> Option<f64>),
}

/// How a number is written.
type Written = fn(f64) -> String;

struct Row {
    label: &'static str,
    hint: &'static str,
    of: Of,
    written: Written,
}

const fn row(label: &'static str, hint: &'static str, of: Of, written: Written) -> Row {
    Row { label, hint, of, written }
}

fn plain(value: f64) -> String {
    // from a thousand on there are no decimals to lose, and thousands stand apart in means as in counts
    if value >= 0.0 && (value.fract() == 0.0 || value >= 1_000.0) {
        scale::count(value.round() as u64)
    } else {
        scale::digits(value, 4)
    }
}

fn seconds(value: f64) -> String {
    format!("{}\u{a0}s", scale::digits(value, 3))
}

fn minutes_or_seconds(value: f64) -> String {
    if value >= 600.0 { format!("{}\u{a0}min", scale::digits(value / 60.0, 3)) } else { seconds(value) }
}

fn measure(run: &RunSummary, name: &str) -> Option<f64> {
    run.measures.get(name).copied()
}

#[expect(clippy::unnecessary_wraps, reason = "a row's numbers may be unknown; these never are")]
fn known(count: u64) -> Option<f64> {
    Some(count as f64)
}

/// A title, what it means, and its rows.
type Groups = &'static [(&'static str, &'static str, &'static [Row])];

/// What decides between arms.
const DECISIVE: Groups = &[
    (
        "Objective",
        "",
        &[row(
            "Requests that missed it",
            "slow from due, failed or never sent; share of planned",
            Of::Whole(Arm::slo_violation_ratio),
            scale::percent,
        )],
    ),
    (
        "Latency from sent",
        "counted as hey does, from when a request left",
        &[
            row("Median", "", Of::Latency("p50", 50.0), scale::latency),
            row("p95", "", Of::Latency("p95", 95.0), scale::latency),
            row("p99", "", Of::Latency("p99", 99.0), scale::latency),
        ],
    ),
    (
        "Latency from due",
        "from when it should have left: what users wait, and what the objective is about",
        &[
            row("Median", "", Of::Due("p50", 50.0), scale::latency),
            row("p95", "", Of::Due("p95", 95.0), scale::latency),
            row("p99", "", Of::Due("p99", 99.0), scale::latency),
        ],
    ),
    (
        "Cost",
        "",
        &[
            row(
                "Replica-seconds",
                "starting and terminating ones included",
                Of::Mean(|run| run.replica_seconds),
                plain,
            ),
            row("Money", "by the scenario's [price]", Of::Mean(|run| measure(run, "cost")), plain),
            row(
                "Money for a million",
                "requests that met the objective",
                Of::Mean(|run| measure(run, "cost_per_million")),
                plain,
            ),
            row("Ready replicas, mean", "", Of::Mean(|run| run.replicas_mean), plain),
        ],
    ),
];

/// Everything else.
const FURTHER: Groups = &[
    (
        "Latency",
        "",
        &[
            row("p99.9 from sent", "", Of::Latency("p999", 99.9), scale::latency),
            row("Slowest from sent", "", Of::Latency("max", 100.0), scale::latency),
            row("p99.9 from due", "", Of::Due("p999", 99.9), scale::latency),
            row("Slowest from due", "", Of::Due("max", 100.0), scale::latency),
            row("Apdex", "1 is best", Of::Mean(|run| run.apdex), plain),
            row(
                "Slowdown, mean",
                "times as long as alone on an idle platform",
                Of::Mean(|run| measure(run, "slowdown_mean")),
                plain,
            ),
        ],
    ),
    (
        "Objective over time",
        "",
        &[
            row(
                "Seconds that missed it",
                "share of those with requests",
                Of::Mean(|run| measure(run, "slo_missed_1s")),
                scale::percent,
            ),
            row(
                "Windows of 10 s that missed it",
                "likewise",
                Of::Mean(|run| measure(run, "slo_missed_10s")),
                scale::percent,
            ),
            row(
                "Recovery",
                "first miss until kept for 5 s; at least, where it never was",
                Of::Mean(|run| measure(run, "recovery_s")),
                minutes_or_seconds,
            ),
            row("Longest recovery", "", Of::Mean(|run| measure(run, "recovery_longest_s")), minutes_or_seconds),
            row("Overloads", "times it was missed and kept again", Of::Mean(|run| measure(run, "overloads")), plain),
        ],
    ),
    (
        "Load",
        "",
        &[
            row("Planned requests", "", Of::Mean(|run| known(run.planned)), plain),
            row("Sent", "", Of::Mean(|run| known(run.sent)), plain),
            row("Sent per second", "", Of::Mean(|run| run.rps), plain),
            row("Errors", "no answer, or a status from 400 on", Of::Mean(|run| known(run.errors)), plain),
            row("Lost, worker busy", "the system was slow", Of::Mean(|run| known(run.lost_busy)), plain),
            row("Lost, generator late", "a fault of the measurement", Of::Mean(|run| known(run.lost_late)), plain),
            row("Held back", "sent late, no worker was free", Of::Mean(|run| known(run.held_back)), plain),
            row("Held back for", "of those, on average", Of::Mean(|run| run.held_back_mean_ms), scale::latency),
        ],
    ),
    (
        "Scaling",
        "",
        &[
            row("First scale-up after", "from the load's start", Of::Mean(|run| run.first_scale_up_s), seconds),
            row("Back to the fewest after", "from the load's end", Of::Mean(|run| run.back_to_min_s), seconds),
            row("Scale-ups", "", Of::Mean(|run| known(run.scale_ups.into())), plain),
            row("Scale-downs", "", Of::Mean(|run| known(run.scale_downs.into())), plain),
            row("Ready replicas, most", "", Of::Mean(|run| run.replicas_max.map(f64::from)), plain),
            row("Scalings per minute", "", Of::Mean(|run| measure(run, "scalings_per_min")), plain),
            row("Longest cycle", "up, down and up again", Of::Mean(|run| measure(run, "longest_cycle_s")), seconds),
            row("Rise", "from a tenth to nine tenths of the way", Of::Mean(|run| measure(run, "rise_s")), seconds),
            row("Sent while nothing was ready", "", Of::Mean(|run| measure(run, "cold_share")), scale::percent),
        ],
    ),
    (
        "Elasticity",
        "ready replicas against demand, the fewest that meet the objective",
        &[
            row("Demand", "fewest replicas that meet the objective", Of::Mean(|run| run.demand.map(f64::from)), plain),
            row("Too few replicas", "share of time (τ under)", Of::Mean(|run| run.tau_u), scale::percent),
            row("Replicas lacking", "share of demand (θ under)", Of::Mean(|run| run.theta_u), scale::percent),
            row("Too many replicas", "share of time (τ over)", Of::Mean(|run| run.tau_o), scale::percent),
            row("Replicas in excess", "share of demand (θ over)", Of::Mean(|run| run.theta_o), scale::percent),
            row("Moved unlike demand", "share of time (instability)", Of::Mean(|run| run.instability), scale::percent),
            row(
                "Threads at work",
                "share of their time, as if requests were alone",
                Of::Mean(|run| measure(run, "efficiency")),
                scale::percent,
            ),
            row(
                "Deviation",
                "all of these and the misses in one, 0 is ideal",
                Of::Mean(|run| measure(run, "deviation")),
                plain,
            ),
        ],
    ),
    (
        "Probes",
        "",
        &[
            row("Sent", "", Of::Mean(|run| (run.probes > 0).then_some(run.probes as f64)), plain),
            row("Median latency", "", Of::Mean(|run| run.probe_p50_ms), scale::latency),
            row(
                "Against users, correlation",
                "Pearson's, with the median of their second; 1 is best",
                Of::Mean(|run| measure(run, "probe_pearson")),
                plain,
            ),
            row("Against users, by ranks", "Spearman's", Of::Mean(|run| measure(run, "probe_spearman")), plain),
            row("Behind users by", "", Of::Mean(|run| measure(run, "probe_lag_s")), seconds),
        ],
    ),
];

pub(super) fn section(
    page: &mut String,
    material: &Material,
    study: &Study,
    comparisons: &[Comparison],
) -> Result<(), ChartError> {
    if material.summaries().next().is_none() {
        return Ok(());
    }
    // many columns need the whole width, and the charts go below
    let layout = if material.arms.len() > BESIDE_CHARTS { ("wide", "pairs") } else { ("pairs", "stack") };
    let _ = write!(page, "<section>\n<h2>Comparison</h2>\n<div class=\"{}\">\n<div class=\"card\">\n", layout.0);
    if repeated(material) {
        page.push_str(
            "<p>Percentiles are those of all requests of an arm's runs together. Other numbers are means over its runs, with the \
             smallest and the largest below.</p>\n",
        );
    }
    table(page, "Comparison of the arms", DECISIVE, material, study);
    page.push_str("<details>\n<summary>Further numbers</summary>\n");
    table(page, "Further numbers of the arms", FURTHER, material, study);
    page.push_str("</details>\n<p class=\"hint\">Every number of every run: <a href=\"comparison.csv\">comparison.csv</a>.</p>\n</div>\n");
    figures::beside_the_comparison(page, study, layout.1)?;
    page.push_str("</div>\n");
    statistics::section(page, comparisons);
    scores::section(page, material, comparisons);
    page.push_str("</section>\n");
    Ok(())
}

fn repeated(material: &Material) -> bool {
    material.arms.iter().any(|arm| arm.summaries().count() > 1)
}

fn table(page: &mut String, label: &str, groups: Groups, material: &Material, study: &Study) {
    // numbers stay near their labels when there are few arms
    let room = 26 + 11 * material.arms.len();
    open_table(page, label, &format!(" style=\"max-width:{room}rem\""));
    page.push_str("<thead><tr><th scope=\"col\"></th>");
    let repeated = repeated(material);
    for (place, arm) in material.arms.iter().enumerate() {
        let runs = match arm.summaries().count() {
            0 => "<span class=\"hint\">no run</span>".to_owned(),
            1 if !repeated => String::new(),
            1 => "<span class=\"hint\">1 run</span>".to_owned(),
            many => format!("<span class=\"hint\">{many} runs</span>"),
        };
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{}{runs}</th>", arm_name(place, &arm.name));
    }
    page.push_str("</tr></thead>\n");
    for (group, hint, rows) in groups {
        let lines: Vec<String> = rows.iter().filter_map(|row| line(row, material, study)).collect();
        if lines.is_empty() {
            continue;
        }
        let columns = material.arms.len() + 1;
        let _ = write!(
            page,
            "<tbody class=\"group\"><tr><th scope=\"rowgroup\" colspan=\"{columns}\">{group}{}</th></tr>\n{}</tbody>\n",
            small(hint),
            lines.concat()
        );
    }
    close_table(page);
}

fn small(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("<span class=\"hint\">{hint}</span>") }
}

/// A line of the table; `None` if no arm knows the number.
fn line(row: &Row, material: &Material, study: &Study) -> Option<String> {
    let cells: Vec<Option<String>> =
        material.arms.iter().zip(&study.arms).map(|(arm, series)| cell(row, arm, series)).collect();
    if cells.iter().all(Option::is_none) {
        return None;
    }
    let mut line = format!("<tr><th scope=\"row\">{}{}</th>", row.label, small(row.hint));
    for cell in cells {
        let _ = write!(line, "<td class=\"number\">{}</td>", cell.unwrap_or_else(|| "–".to_owned()));
    }
    line.push_str("</tr>\n");
    Some(line)
}

fn cell(row: &Row, arm: &Arm, series: &ArmSeries) -> Option<String> {
    match row.of {
        Of::Latency(key, percent) => {
            percentile(arm, &series.latency, |run| run.latency_ms.get(key).copied(), percent).map(row.written)
        }
        Of::Due(key, percent) => {
            percentile(arm, &series.due, |run| run.due_ms.get(key).copied(), percent).map(row.written)
        }
        Of::Whole(of) => of(arm).map(row.written),
        Of::Mean(of) => {
            let values: Vec<f64> = arm.summaries().filter_map(of).filter(|value| value.is_finite()).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let (min, max) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
            let range = if max > min {
                format!("<span class=\"range\">{} – {}</span>", (row.written)(min), (row.written)(max))
            } else {
                String::new()
            };
            Some((row.written)(mean) + &range)
        }
    }
}

/// The percentile of one run as its summary has it; of several, that of their merged histogram.
fn percentile(arm: &Arm, merged: &Distribution, of: impl Fn(&RunSummary) -> Option<f64>, percent: f64) -> Option<f64> {
    let runs: Vec<&RunSummary> = arm.summaries().collect();
    match runs[..] {
        [only] => of(only),
        _ => merged.quantile(percent / 100.0).map(|us| us as f64 / 1e3),
    }
}
