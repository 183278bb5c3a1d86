//! What the runs of a study say about its arms, metric by metric: `stats.csv` and `effects.csv`, and what the words of a verdict are made of.
//!
//! Runs of one repeat are a pair; only valid runs count. Arms are compared two by two, in the scenario's order: `arm_b` measured by
//! `arm_a`. An arm's A/A twin is compared with its arm only, and judged apart, since what it shows is noise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::columns::{COLUMNS, Column};
use super::on_all_cores::on_all_cores;
use super::pairs::{ArmPair, ByRepeat, pairs_of_arms};
use super::rows::quote;
use super::summary::{RunSummary, StudyRecord};
use crate::random::Seed;
use crate::stats::inference::compared::{Compared, Draws, paired, paired_by};
use crate::stats::inference::distance::{kolmogorov_smirnov, wasserstein};
use crate::stats::inference::moments::mean;
use crate::stats::inference::t_interval::of_mean;
use crate::stats::inference::verdict::{Judgement, judge};
use crate::stats::inference::{Interval, LEVEL, MIN_PAIRS};
use crate::stats::latency::LatencyHistogram;
use crate::stats::metric::{self, Metric};

const HEAD: &str = "metric,arm_a,arm_b,n,mean_a,mean_b,difference,ci_low,ci_high,test,p,p_holm,cliffs_delta,verdict\n";

const EFFECTS: &str =
    "metric,arm_a,arm_b,aa,ratio,ratio_low,ratio_high,margin,noise_floor,more_pairs,p_exact,p_signed_rank\n";

const DISTANCES: &str = "latency_from,arm_a,arm_b,requests_a,requests_b,ks,wasserstein_ms\n";

/// Two arms by one metric.
#[derive(Clone, Debug)]
pub struct Row {
    /// The metric.
    pub metric: &'static Metric,
    /// The arm that is the measure.
    pub arm_a: String,
    /// The arm that is measured.
    pub arm_b: String,
    /// What the pairs show.
    pub compared: Compared,
    /// What may be said of it; `None` where neither more nor less is better.
    pub judged: Option<Judgement>,
    /// Whether b is the A/A twin of a: both are the same, and what differs is noise.
    pub is_aa: bool,
}

/// All comparisons of a study.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// By metric, then by arms.
    pub rows: Vec<Row>,
}

impl Statistics {
    /// Compares the arms of a study. What is drawn follows from the study's seed.
    pub fn of(record: &StudyRecord, runs: &[RunSummary]) -> Self {
        let (pairs, valid) = (pairs_of_arms(record, runs), ByRepeat::of(runs));
        let all = metrics().flat_map(|(column, metric)| pairs.iter().map(move |pair| (column, metric, pair)));
        let (of, values): (Vec<_>, Vec<_>) =
            all.map(|(column, metric, pair)| ((metric, pair), valid.values(column, &pair.0, &pair.1))).unzip();
        let draws = |n| (n, Draws::of(n, Seed(record.seed)));
        let draws: BTreeMap<usize, Draws> =
            values.iter().map(|(a, _)| a.len()).collect::<BTreeSet<_>>().into_iter().map(draws).collect();
        let compared = on_all_cores(&values, |(a, b)| paired_by(a, b, &draws[&a.len()]));
        let row = |((metric, (arm_a, arm_b, is_aa)), compared): ((&'static Metric, &ArmPair), Compared)| {
            let (arm_a, arm_b) = (arm_a.clone(), arm_b.clone());
            Row { metric, arm_a, arm_b, compared, judged: None, is_aa: *is_aa }
        };
        let mut rows: Vec<Row> = of.into_iter().zip(compared).map(row).collect();
        judge_family(&mut rows, false);
        judge_family(&mut rows, true);
        Self { rows }
    }

    /// The row of a metric and two arms.
    pub fn row(&self, metric: &str, arm_a: &str, arm_b: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.metric.name == metric && row.arm_a == arm_a && row.arm_b == arm_b)
    }

    /// How far two sets of runs of one and the same arm lie apart, by the A/A twin of `arm`, or of any arm if it has none: the far
    /// end of the interval of their difference.
    pub fn noise_floor(&self, metric: &str, arm: &str) -> Option<f64> {
        let rows = || self.rows.iter().filter(|row| row.is_aa && row.metric.name == metric);
        let row = rows().find(|row| row.arm_a == arm).or_else(|| rows().next())?;
        row.compared.interval.map(|interval| interval.low.abs().max(interval.high.abs()))
    }

    /// `stats.csv`.
    pub fn csv(&self) -> String {
        let mut text = HEAD.to_owned();
        for row in &self.rows {
            let Compared { n, mean_a, mean_b, difference, interval, .. } = row.compared;
            let judged = row.judged;
            // of what is not judged the p stands by itself
            let found = judged.and_then(|judged| judged.p.zip(judged.test));
            let unjudged = if judged.is_none() && n >= MIN_PAIRS { row.compared.p_among(1) } else { None };
            let (p, made_by) = found.or(unjudged).unzip();
            let cells = [
                row.metric.name.to_owned(),
                quote(&row.arm_a).into_owned(),
                quote(&row.arm_b).into_owned(),
                n.to_string(),
                maybe(mean_a),
                maybe(mean_b),
                maybe(difference),
                low(interval),
                high(interval),
                made_by.map_or("", |test| test.as_str()).to_owned(),
                chance(p),
                chance(judged.and_then(|judged| judged.p_holm)),
                // one pair is always all above or all below
                maybe(row.compared.cliffs_delta.filter(|_| row.compared.n > 1)),
                quote(&row.verdict()).into_owned(),
            ];
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }

    /// `effects.csv`: what `stats.csv` has no column for.
    pub fn effects(&self) -> String {
        let mut text = EFFECTS.to_owned();
        for row in &self.rows {
            let Compared { n, ratio, ratio_interval, p_exact, p_signed_rank, .. } = row.compared;
            let floor = if row.is_aa { None } else { self.noise_floor(row.metric.name, &row.arm_a) };
            let cells = [
                row.metric.name.to_owned(),
                quote(&row.arm_a).into_owned(),
                quote(&row.arm_b).into_owned(),
                row.is_aa.to_string(),
                maybe(ratio),
                low(ratio_interval),
                high(ratio_interval),
                maybe(row.judged.and_then(|judged| judged.margin)),
                maybe(floor),
                row.judged.and_then(|judged| judged.more_pairs).map_or_else(String::new, |more| more.to_string()),
                chance(p_exact.filter(|_| n >= MIN_PAIRS)),
                chance(p_signed_rank.filter(|_| n >= MIN_PAIRS)),
            ];
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

impl Row {
    /// The word of its verdict, or why there is none.
    pub fn verdict(&self) -> String {
        let n = self.compared.n;
        match self.judged {
            _ if n < MIN_PAIRS => {
                let runs = if n == 1 { "run" } else { "runs" };
                format!("none: {n} {runs} per arm, at least {MIN_PAIRS} pairs are needed")
            }
            None => "none: neither more nor less of it is better".to_owned(),
            Some(Judgement { verdict: Some(verdict), .. }) => verdict.as_str().to_owned(),
            Some(_) => "none: the metric is unknown".to_owned(),
        }
    }
}

/// `distances.csv`: how far apart the latencies of two arms are as distributions, over the histograms of their valid runs together.
pub(super) fn distances(record: &StudyRecord, runs: &[RunSummary]) -> String {
    let mut text = DISTANCES.to_owned();
    for (name, due) in [("sent", false), ("due", true)] {
        for (arm_a, arm_b, _) in pairs_of_arms(record, runs) {
            let (a, b) = (merged(runs, &arm_a, due), merged(runs, &arm_b, due));
            let in_ms = |histogram: &LatencyHistogram| -> Vec<(f64, f64)> {
                histogram.buckets().iter().map(|(us, count)| (*us as f64 / 1e3, *count as f64)).collect()
            };
            let (in_a, in_b) = (in_ms(&a), in_ms(&b));
            let _ = writeln!(
                text,
                "{name},{},{},{},{},{},{}",
                quote(&arm_a),
                quote(&arm_b),
                a.count(),
                b.count(),
                maybe(kolmogorov_smirnov(&in_a, &in_b)),
                maybe(wasserstein(&in_a, &in_b)),
            );
        }
    }
    text
}

/// The latencies of all valid runs of an arm together, from leaving or from due.
pub fn merged(runs: &[RunSummary], arm: &str, due: bool) -> LatencyHistogram {
    let mut all = LatencyHistogram::new();
    for run in trusted(runs, arm) {
        let buckets = if due { &run.due_histogram_us } else { &run.latency_histogram_us };
        all.merge(&LatencyHistogram::from_buckets(buckets));
    }
    all
}

/// How well a metric is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width {
    /// Pairs of runs; of one arm alone its runs.
    pub pairs: usize,
    /// Mean of the first arm.
    pub mean_a: Option<f64>,
    /// Half of the interval of the difference; of one arm alone, of its mean.
    pub half_width: Option<f64>,
}

/// How well a metric is known of every two arms, their A/A twins left out; of one arm alone by itself.
pub fn half_widths(record: &StudyRecord, runs: &[RunSummary], metric: &str) -> Vec<Width> {
    let Some((column, _)) = metrics().find(|(column, _)| column.name == metric) else { return Vec::new() };
    let two: Vec<_> = pairs_of_arms(record, runs).into_iter().filter(|(.., is_aa)| !is_aa).collect();
    let valid = ByRepeat::of(runs);
    if two.is_empty() {
        let alone = arms(record, runs).into_iter().take(1).map(|arm| {
            let (values, _) = valid.values(column, &arm, &arm);
            let interval = of_mean(&values, LEVEL);
            Width { pairs: values.len(), mean_a: mean(&values), half_width: interval.map(|ends| ends.half_width()) }
        });
        return alone.collect();
    }
    let width = |(arm_a, arm_b, _): &ArmPair| {
        let (a, b) = valid.values(column, arm_a, arm_b);
        let compared = paired(&a, &b, Seed(record.seed));
        let half_width = compared.interval.map(|ends| ends.half_width());
        Width { pairs: compared.n, mean_a: compared.mean_a, half_width }
    };
    two.iter().map(width).collect()
}

/// Columns by which arms are compared, with what the table of metrics says of them.
pub(super) fn metrics() -> impl Iterator<Item = (&'static Column, &'static Metric)> {
    COLUMNS.iter().filter(|column| column.is_metric).filter_map(|column| Some((column, metric::find(column.name)?)))
}

pub(super) fn judge_family(rows: &mut [Row], aa: bool) {
    let is_member = |row: &Row| row.is_aa == aa && row.metric.judged.is_some();
    let family: Vec<_> = rows
        .iter()
        .filter(|row| is_member(row))
        .filter_map(|row| row.metric.judged.map(|(direction, margin)| (&row.compared, direction, margin)))
        .collect();
    let judged = judge(&family);
    for (row, judged) in rows.iter_mut().filter(|row| is_member(row)).zip(judged) {
        row.judged = Some(judged);
    }
}

/// Arms in the scenario's order, then any others in order of appearance.
pub(super) fn arms(record: &StudyRecord, runs: &[RunSummary]) -> Vec<String> {
    let mut arms: Vec<String> = Vec::new();
    for name in record.arms.iter().map(|arm| &arm.name).chain(runs.iter().map(|run| &run.arm)) {
        if !arms.contains(name) {
            arms.push(name.clone());
        }
    }
    arms
}

pub(super) fn repeats(runs: &[RunSummary]) -> BTreeSet<u32> {
    runs.iter().map(|run| run.repeat).collect()
}

/// The valid runs of an arm.
pub(super) fn trusted<'a>(runs: &'a [RunSummary], arm: &'a str) -> impl Iterator<Item = &'a RunSummary> {
    runs.iter().filter(move |run| run.arm == arm && run.valid)
}

fn maybe(number: Option<f64>) -> String {
    number.filter(|number| number.is_finite()).map(|number| format!("{number:.6}")).unwrap_or_default()
}

/// A p keeps its digits however small it is.
fn chance(p: Option<f64>) -> String {
    p.map(|p| if p < 1e-4 && p > 0.0 { format!("{p:.3e}") } else { format!("{p:.6}") }).unwrap_or_default()
}

fn low(interval: Option<Interval>) -> String {
    maybe(interval.map(|interval| interval.low))
}

fn high(interval: Option<Interval>) -> String {
    maybe(interval.map(|interval| interval.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::results::summary::ArmRecord;

    fn study(arms: &[(&str, Option<&str>)]) -> StudyRecord {
        let arms = arms.iter().map(|(name, aa_of)| ArmRecord {
            name: (*name).to_owned(),
            aa_of: aa_of.map(ToOwned::to_owned),
            ..ArmRecord::default()
        });
        StudyRecord { arms: arms.collect(), seed: 1, ..StudyRecord::default() }
    }

    fn run(arm: &str, repeat: u32, missed: f64) -> RunSummary {
        RunSummary {
            arm: arm.to_owned(),
            repeat,
            valid: true,
            slo_violation_ratio: Some(missed),
            latency_histogram_us: vec![(100 * u64::from(repeat), 10)],
            ..RunSummary::default()
        }
    }

    fn runs(n: u32) -> Vec<RunSummary> {
        (1..=n)
            .flat_map(|repeat| {
                let noise = f64::from(repeat * 7 % 5) * 0.002;
                [
                    run("a", repeat, 0.30 + noise),
                    run("b", repeat, 0.10 - noise / 2.0),
                    run("a-aa", repeat, 0.31 - noise),
                ]
            })
            .collect()
    }

    #[test]
    fn every_compared_column_is_in_the_table_of_metrics_and_nothing_else_is() {
        let columns: Vec<&str> = COLUMNS.iter().filter(|column| column.is_metric).map(|column| column.name).collect();
        let table: Vec<&str> = metric::METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(columns, table);
    }

    #[test]
    fn the_verdict_is_about_b_measured_by_a_and_twins_are_apart() {
        let record = study(&[("a", None), ("b", None), ("a-aa", Some("a"))]);
        let statistics = Statistics::of(&record, &runs(8));
        let row = statistics.row("slo_violation_ratio", "a", "b").expect("a row");
        assert_eq!((row.verdict().as_str(), row.is_aa), ("better", false));
        let twins = statistics.row("slo_violation_ratio", "a", "a-aa").expect("a row");
        assert!(twins.is_aa && twins.verdict() != "better" && twins.verdict() != "worse", "{}", twins.verdict());
        assert!(statistics.row("slo_violation_ratio", "b", "a-aa").is_none());
        let floor = statistics.noise_floor("slo_violation_ratio", "a").expect("a floor");
        assert!(floor > 0.0 && floor < 0.05, "{floor}");
        assert_eq!(
            statistics.row("planned", "a", "b").expect("a row").verdict(),
            "none: neither more nor less of it is better"
        );
        assert_eq!(
            statistics.row("p95_ms", "a", "b").expect("a row").verdict(),
            "none: 0 runs per arm, at least 6 pairs are needed"
        );
    }

    #[test]
    fn five_pairs_carry_no_verdict_and_an_invalid_run_takes_its_partner_with_it() {
        let record = study(&[("a", None), ("b", None)]);
        let mut runs = runs(6);
        let found = |runs: &[RunSummary]| {
            let statistics = Statistics::of(&record, runs);
            let row = statistics.row("slo_violation_ratio", "a", "b").expect("a row").clone();
            (row.compared.n, row.verdict())
        };
        assert_eq!(found(&runs).0, 6);
        runs[0].valid = false;
        assert_eq!(found(&runs), (5, "none: 5 runs per arm, at least 6 pairs are needed".to_owned()));
    }

    #[test]
    fn distances_are_of_all_requests_together() {
        let record = study(&[("a", None), ("b", None)]);
        let runs = [run("a", 1, 0.1), run("a", 2, 0.1), run("b", 3, 0.1)];
        let text = distances(&record, &runs);
        assert_eq!(text.lines().nth(1), Some("sent,a,b,20,10,1.000000,0.150000"));
        assert_eq!(text.lines().nth(2), Some("due,a,b,0,0,,"));
    }
}
