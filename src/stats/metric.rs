//! The table of metrics: what each one is, its unit, where its definition comes from, which way is good, and how much matters.
//!
//! One entry per column of `comparison.csv` by which arms are compared. docs/metrics.md is written from this table.

use std::fmt::Write as _;

use super::inference::verdict::{Direction, Margin};

/// One metric of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its column in `comparison.csv`.
    pub name: &'static str,
    /// Its unit; empty for a plain number or a ratio.
    pub unit: &'static str,
    /// What it is: words or a formula.
    pub formula: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
    /// Which way is good and how much matters; `None` where neither more nor less is better by itself.
    pub judged: Option<(Direction, Margin)>,
}

const HEY: &str = "hey 0.1.4, report.go";
const OWN: &str = "watchtower";
const SPEC: &str = "Herbst et al., SPEC-RG-2016-01; ToMPECS 3(4) 2018";
const BUNGEE: &str = "BUNGEE: Herbst et al., SEAMS 2015";
const CHAMELEON: &str = "Bauer et al., IEEE TPDS 30(4) 2019 (Chameleon)";
const CONTROL: &str = "control engineering's step response";
const TENE: &str = "Tene 2013 (coordinated omission), from when a request was due";

/// Less is better; a difference matters from a share of arm a's mean on, and never below `least`.
const fn less(relative: f64, least: f64) -> (Direction, Margin) {
    (Direction::Less, Margin { relative, least })
}

/// More is better.
const fn more(relative: f64, least: f64) -> (Direction, Margin) {
    (Direction::More, Margin { relative, least })
}

const fn metric(
    name: &'static str,
    unit: &'static str,
    formula: &'static str,
    source: &'static str,
    judged: Option<(Direction, Margin)>,
) -> Metric {
    Metric { name, unit, formula, source, judged }
}

/// A latency: a twentieth matters, but no less than a tenth of a millisecond.
const fn latency(name: &'static str, formula: &'static str, source: &'static str) -> Metric {
    metric(name, "ms", formula, source, Some(less(0.05, 0.1)))
}

/// All metrics, in the order of the columns.
pub const METRICS: &[Metric] = &[
    metric("planned", "requests", "requests the schedules called for", OWN, None),
    metric("sent", "requests", "requests that left", OWN, None),
    metric("completed", "requests", "requests that were answered, with any status", OWN, None),
    metric("errors", "requests", "no answer, or a status of 400 and above", HEY, Some(less(0.05, 1.0))),
    metric(
        "lost_busy",
        "requests",
        "planned, never sent because their worker still waited",
        OWN,
        Some(less(0.05, 1.0)),
    ),
    metric("lost_late", "requests", "planned, never sent because the generator was late", OWN, None),
    metric("achieved_ratio", "", "sent / planned", OWN, None),
    metric("duration_s", "s", "load start to last answer", HEY, None),
    metric("rps", "1/s", "sent / duration", HEY, None),
    latency("mean_ms", "arithmetic mean of the answered requests, from sent", HEY),
    latency("p10_ms", "10th percentile (nearest rank) of the answered requests, from sent", HEY),
    latency("p25_ms", "25th percentile, from sent", HEY),
    latency("p50_ms", "50th percentile, from sent", HEY),
    latency("p75_ms", "75th percentile, from sent", HEY),
    latency("p90_ms", "90th percentile, from sent", HEY),
    latency("p95_ms", "95th percentile, from sent", HEY),
    latency("p99_ms", "99th percentile, from sent", HEY),
    latency("p999_ms", "99.9th percentile, from sent", HEY),
    latency("max_ms", "the slowest, from sent", HEY),
    latency("due_p50_ms", "50th percentile, from due", TENE),
    latency("due_p95_ms", "95th percentile, from due", TENE),
    latency("due_p99_ms", "99th percentile, from due", TENE),
    metric(
        "slo_violation_ratio",
        "",
        "(slow from due + failed + lost) / planned, slow: longer than the objective's latency",
        "PBScaler 2024 and others; over planned, so that what was never sent violates",
        Some(less(0.05, 0.005)),
    ),
    metric(
        "apdex",
        "",
        "(n[<= T] + n[(T, 4T]] / 2) / planned, T: the objective's latency, from due; failed and lost count 0",
        "Apdex Technical Specification 1.1, 2007",
        Some(more(0.0, 0.01)),
    ),
    metric("replicas_mean", "replicas", "(1 / T) integral of ready(t) dt over the load", OWN, None),
    metric("replicas_max", "replicas", "most ready replicas from the load's start to the run's end", OWN, None),
    metric(
        "replica_seconds",
        "s",
        "integral of all replicas (ready, starting, terminating) dt from the load's start to the run's end: the cost",
        OWN,
        Some(less(0.05, 1.0)),
    ),
    metric("scale_ups", "", "scalings to more", OWN, None),
    metric("scale_downs", "", "scalings to fewer", OWN, None),
    metric("first_scale_up_s", "s", "load start to the first scaling to more; empty if there is none", OWN, None),
    metric("back_to_min_s", "s", "load end until the fewest replicas are desired again; empty if never", OWN, None),
    metric(
        "theta_u",
        "",
        "(1 / T) integral of max(d - s, 0) / d dt: how much was missing",
        SPEC,
        Some(less(0.05, 0.01)),
    ),
    metric(
        "theta_o",
        "",
        "(1 / T) integral of max(s - d, 0) / d dt: how much was too much",
        SPEC,
        Some(less(0.05, 0.01)),
    ),
    metric("tau_u", "", "share of time with s < d", SPEC, Some(less(0.05, 0.01))),
    metric("tau_o", "", "share of time with s > d", SPEC, Some(less(0.05, 0.01))),
    metric(
        "instability",
        "",
        "share of seconds over which s and d change in different directions",
        "Herbst et al., SPEC-RG-2016-01; over steps of a second",
        Some(less(0.05, 0.01)),
    ),
    metric("probes", "probes", "monitoring requests of the policy", OWN, None),
    metric("probe_p50_ms", "ms", "median latency of the answered probes", OWN, None),
    metric("held_back", "requests", "sent later than due because no worker was free", OWN, Some(less(0.05, 1.0))),
    metric("held_back_mean_ms", "ms", "how long those waited, on average", OWN, None),
    metric("held_back_max_ms", "ms", "how long the one that waited longest did", OWN, None),
    metric(
        "theta_o_supply",
        "",
        "mean over time of max(s - d, 0) / s: the share of what was supplied that was too much",
        "Ilyushkin et al., ICPE 2017",
        Some(less(0.05, 0.01)),
    ),
    metric("accuracy_u", "replicas", "(1 / T) integral of max(d - s, 0) dt", BUNGEE, Some(less(0.05, 0.05))),
    metric("accuracy_o", "replicas", "(1 / T) integral of max(s - d, 0) dt", BUNGEE, Some(less(0.05, 0.05))),
    metric(
        "jitter_per_min",
        "1/min",
        "(sum of |changes of s| - sum of |changes of d|) / T: above 0 it oscillates, below 0 it lags",
        BUNGEE,
        None,
    ),
    metric("first_ready_s", "s", "load start until more replicas are ready than then; empty if never", OWN, None),
    metric(
        "reversals",
        "",
        "changes of direction of the desired count, from the load's start to the run's end",
        OWN,
        None,
    ),
    metric("replicas_changed", "replicas", "sum of |changes of the desired count|, likewise", OWN, None),
    metric(
        "overshoot",
        "",
        "(most ready - last) / (last - first) over the load; only of a load that does not change, and of supply that rose",
        CONTROL,
        None,
    ),
    metric("settling_s", "s", "load start until ready stays within 1 of its last level; likewise", OWN, None),
    metric("probe_share", "", "probes / (probes + sent): what watching costs", OWN, None),
    metric("probe_bias_ms", "ms", "median of the probes less median of the requests, from sent", OWN, None),
    metric("goodput_rps", "1/s", "requests that met the objective / duration", OWN, Some(more(0.05, 0.1))),
    metric(
        "replica_s_per_1000",
        "s",
        "replica-seconds per 1 000 requests that met the objective",
        OWN,
        Some(less(0.05, 0.01)),
    ),
    metric(
        "slo_missed_1s",
        "",
        "share of seconds that missed the objective, of those in which requests were due: more of them than its percentile allows were \
         slow from due, failed or lost",
        "windows of the objective: Google SRE Workbook 2018, chapter 5",
        None,
    ),
    metric("slo_missed_10s", "", "the same of windows of 10 s from the load's start", "likewise", None),
    metric(
        "recovery_s",
        "s",
        "first second that missed the objective until it is kept for 5 seconds with requests; 0 if none missed it. Never kept again: \
         until the load's last second, so the truth is at least this",
        "restricted at the load's end: Royston and Parmar, BMC Med. Res. Methodol. 13, 2013",
        Some(less(0.05, 1.0)),
    ),
    metric("recovery_longest_s", "s", "the longest such time in the load, likewise", OWN, None),
    metric("overloads", "", "how many such times there were", OWN, None),
    metric(
        "recovered",
        "",
        "1 if the last of them ended within the load, 0 if not; empty if there was none",
        OWN,
        None,
    ),
    metric(
        "slowdown_mean",
        "",
        "mean of max(latency from due / S, 1) of the answered requests, S: what one takes alone on an idle platform, by its model",
        "bounded slowdown: Feitelson and Rudolph, JSSPP 1998",
        None,
    ),
    metric("slowdown_p99", "", "max(99th percentile from due / S, 1)", "likewise", None),
    metric(
        "efficiency",
        "",
        "S without the way there and back x good answers / (threads of a replica x integral of ready dt): the share of the threads' time \
         that the answers would have taken alone, by the model",
        OWN,
        None,
    ),
    metric(
        "rise_s",
        "s",
        "from a tenth to nine tenths of the way of ready from its first to its last level; only of a load that does not change, and of \
         supply that rose",
        CONTROL,
        None,
    ),
    metric(
        "itae_s2",
        "s²",
        "integral of t x e(t) dt over the load, by seconds: e is the mean of max(latency from due / objective - 1, 0) of the requests due \
         in that second that were answered or given up; only of a load that does not change",
        "ITAE: Graham and Lathrop, Trans. AIEE 72, 1953",
        None,
    ),
    metric(
        "scalings_per_min",
        "1/min",
        "changes of the desired count per minute, from the load's start to the run's end",
        OWN,
        None,
    ),
    metric(
        "longest_cycle_s",
        "s",
        "longest time from a turn of the desired count to the second one after it; empty of fewer than three turns",
        OWN,
        None,
    ),
    metric(
        "probe_pearson",
        "",
        "correlation of each probe's latency with the median, from sent, of the requests answered in its second",
        "Pearson 1895",
        None,
    ),
    metric("probe_spearman", "", "the same of their ranks, ties shared", "Spearman 1904", None),
    metric(
        "probe_lag_s",
        "s",
        "by how many seconds, up to 10 either way, probes follow what users see: the shift at which Pearson's correlation is largest; \
         below 0 they are ahead",
        OWN,
        None,
    ),
    metric("cold_share", "", "requests sent while no replica was ready / sent", OWN, None),
    metric("cold_mean_ms", "ms", "mean latency from due of those that were answered", OWN, None),
    metric(
        "deviation",
        "",
        "(sum of m^6)^(1/6) over theta_u, theta_o, tau_u, tau_o, instability and slo_violation_ratio: distance from the ideal",
        CHAMELEON,
        None,
    ),
    metric("deviation_worst", "", "the largest of these six", CHAMELEON, None),
    metric("cost", "currency", "replica_seconds x price of a replica-second, by the scenario's [price]", OWN, None),
    metric("cost_per_million", "currency", "cost per million requests that met the objective", OWN, None),
    metric("memory_gb_s", "GB s", "replica_seconds x memory of a replica, by the scenario's [price]", OWN, None),
    metric(
        "billed_gb_s",
        "GB s",
        "sum over answered requests of latency from sent, rounded up to 1 ms, x memory: what a platform that bills requests would count",
        "AWS Lambda's pricing since 2020",
        None,
    ),
];

/// Scores of an arm against others, in the order of the columns of `scores.csv`: no metrics of a run, and nothing is judged by them.
pub const SCORES: &[Metric] = &[
    metric(
        "competition",
        "",
        "(won + tied / 2) / (won + tied + lost) over the six metrics of deviation, by their means over the pairs of runs; tied: the same \
         to six decimals. Of all rivals: over the metrics against each of them",
        CHAMELEON,
        None,
    ),
    metric(
        "speed_up",
        "",
        "(product of max(m of base, 0.001) / max(m of arm, 0.001))^(1/6) over these six: above 1 the arm is better than its base. The \
         base is the rival; of all rivals the first arm that does not scale (policy fixed), empty without one",
        "elastic speed-up: Herbst et al., ToMPECS 3(4) 2018; Bauer et al., IEEE TPDS 30(4) 2019. The floor is ours",
        None,
    ),
];

const DOCUMENT: &str = "\
# Metrics

<!-- Made from the program's own table (src/stats/metric.rs). To change this page change the table, then run
     UPDATE_DOCS=1 cargo test --test it metrics_document -->

One number per run and metric: the columns of `comparison.csv` by which arms are compared. d(t) is demand, the fewest ready replicas
that meet the objective at the load of that moment; s(t) is supply, the ready replicas; T is the time in which demand is known.
Integrals of these step functions are exact, without sampling. An unknown value is empty, never 0.

**Good** says which way is better; where it says neither, no verdict is made. **Matters from** is the margin: a difference below it is
too small to matter, whatever its p ([statistics.md](statistics.md)).

| metric | unit | what it is | good | matters from | source |
| --- | --- | --- | --- | --- | --- |
";

const DOCUMENT_OF_SCORES: &str = "
## Scores of arms against each other

Several metrics in one number (`scores.csv`, [results.md](results.md)). A score hides what it is made of: whether an arm wins by much or
by nothing, and whether the runs can tell. So it stands beside the metrics and their verdicts, never in their place, and decides nothing.

| score | what it is | source |
| --- | --- | --- |
";

/// The page docs/metrics.md.
pub fn document() -> String {
    let mut page = DOCUMENT.to_owned();
    for metric in METRICS {
        let (good, margin) = match metric.judged {
            None => ("neither", String::new()),
            Some((direction, margin)) => {
                let good = if direction == Direction::Less { "less" } else { "more" };
                let least = format!("{} {}", margin.least, metric.unit);
                let least = least.trim_end();
                let share = margin.relative * 100.0;
                (good, if share > 0.0 { format!("{share} %, at least {least}") } else { least.to_owned() })
            }
        };
        let formula = metric.formula.replace('|', "\\|");
        let cells = [&format!("`{}`", metric.name), metric.unit, &formula, good, &margin, metric.source];
        page.push_str("| ");
        page.push_str(&cells.join(" | "));
        page.push_str(" |\n");
    }
    page.push_str(DOCUMENT_OF_SCORES);
    for score in SCORES {
        // writing to a string can't fail
        let _ = writeln!(page, "| `{}` | {} | {} |", score.name, score.formula, score.source);
    }
    page
}

/// The metric of a column.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_margin_is_above_nothing() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..index].iter().all(|other| other.name != metric.name), "{}", metric.name);
            assert!(!metric.formula.is_empty() && !metric.source.is_empty(), "{}", metric.name);
            if let Some((_, margin)) = metric.judged {
                assert!(margin.least > 0.0 && (0.0..1.0).contains(&margin.relative), "{}", metric.name);
            }
        }
        assert_eq!(find("p95_ms").map(|metric| metric.unit), Some("ms"));
        assert_eq!(find("p95"), None);
    }
}
