//! The columns of `comparison.csv`: their order, their values, their formats. One list for the file, the table and the statistics.

use super::rows::quote;
use super::summary::{CpuSummary, RunSummary, ShadowSummary};

/// One value of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A count.
    Count(u64),
    /// A measured number, written with this many decimals.
    Number(f64, usize),
    /// Not known: empty in the file.
    Unknown,
}

impl Value {
    /// As the file has it, before quoting.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Number(number, decimals) => format!("{number:.decimals$}"),
            Self::Unknown => String::new(),
        }
    }

    /// As a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number, _) => Some(*number),
            Self::Text(_) | Self::Flag(_) | Self::Unknown => None,
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// Whether arms are compared by it, in `comparison.md` and `stats.csv`.
    pub is_metric: bool,
    /// Its value for a run.
    pub value: fn(&RunSummary) -> Value,
}

const fn about(name: &'static str, value: fn(&RunSummary) -> Value) -> Column {
    Column { name, is_metric: false, value }
}

const fn metric(name: &'static str, value: fn(&RunSummary) -> Value) -> Column {
    Column { name, is_metric: true, value }
}

fn known(value: Option<f64>, decimals: usize) -> Value {
    value.filter(|value| value.is_finite()).map_or(Value::Unknown, |value| Value::Number(value, decimals))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn latency(run: &RunSummary, key: &str) -> Value {
    known(run.latency_ms.get(key).copied(), 3)
}

fn due(run: &RunSummary, key: &str) -> Value {
    known(run.due_ms.get(key).copied(), 3)
}

fn measure(run: &RunSummary, name: &str, decimals: usize) -> Value {
    known(run.measures.get(name).copied(), decimals)
}

fn cpu(run: &RunSummary, of: fn(&CpuSummary) -> Option<f64>) -> Value {
    known(run.cpu.as_ref().and_then(of), 4)
}

/// What each shadow would have done, in a few words.
fn shadows(run: &RunSummary) -> String {
    let of = |shadow: &ShadowSummary| {
        let first = shadow.first_scale_up_s.map_or(String::new(), |first| format!(", first up at {first:.3} s"));
        format!("{}: {} up, {} down{first}", shadow.name, shadow.scale_ups, shadow.scale_downs)
    };
    run.shadows.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// All columns in the file's order: those of the contract, then further ones.
pub const COLUMNS: &[Column] = &[
    about("arm", |run| text(&run.arm)),
    about("repeat", |run| Value::Count(run.repeat.into())),
    about("seed", |run| Value::Count(run.seed)),
    about("target", |run| text(&run.target)),
    about("valid", |run| Value::Flag(run.valid)),
    metric("planned", |run| Value::Count(run.planned)),
    metric("sent", |run| Value::Count(run.sent)),
    metric("completed", |run| Value::Count(run.completed)),
    metric("errors", |run| Value::Count(run.errors)),
    metric("lost_busy", |run| Value::Count(run.lost_busy)),
    metric("lost_late", |run| Value::Count(run.lost_late)),
    metric("achieved_ratio", |run| known(Some(run.sent as f64 / run.planned as f64), 6)),
    metric("duration_s", |run| Value::Number(run.duration_s, 6)),
    metric("rps", |run| known(run.rps, 3)),
    metric("mean_ms", |run| latency(run, "mean")),
    metric("p10_ms", |run| latency(run, "p10")),
    metric("p25_ms", |run| latency(run, "p25")),
    metric("p50_ms", |run| latency(run, "p50")),
    metric("p75_ms", |run| latency(run, "p75")),
    metric("p90_ms", |run| latency(run, "p90")),
    metric("p95_ms", |run| latency(run, "p95")),
    metric("p99_ms", |run| latency(run, "p99")),
    metric("p999_ms", |run| latency(run, "p999")),
    metric("max_ms", |run| latency(run, "max")),
    metric("due_p50_ms", |run| due(run, "p50")),
    metric("due_p95_ms", |run| due(run, "p95")),
    metric("due_p99_ms", |run| due(run, "p99")),
    metric("slo_violation_ratio", |run| known(run.slo_violation_ratio, 6)),
    metric("apdex", |run| known(run.apdex, 6)),
    metric("replicas_mean", |run| known(run.replicas_mean, 4)),
    metric("replicas_max", |run| run.replicas_max.map_or(Value::Unknown, |max| Value::Count(max.into()))),
    metric("replica_seconds", |run| known(run.replica_seconds, 3)),
    metric("scale_ups", |run| Value::Count(run.scale_ups.into())),
    metric("scale_downs", |run| Value::Count(run.scale_downs.into())),
    metric("first_scale_up_s", |run| known(run.first_scale_up_s, 3)),
    metric("back_to_min_s", |run| known(run.back_to_min_s, 3)),
    metric("theta_u", |run| known(run.theta_u, 6)),
    metric("theta_o", |run| known(run.theta_o, 6)),
    metric("tau_u", |run| known(run.tau_u, 6)),
    metric("tau_o", |run| known(run.tau_o, 6)),
    metric("instability", |run| known(run.instability, 6)),
    metric("probes", |run| Value::Count(run.probes)),
    metric("probe_p50_ms", |run| known(run.probe_p50_ms, 3)),
    about("policy", |run| text(&run.policy)),
    metric("held_back", |run| Value::Count(run.held_back)),
    metric("held_back_mean_ms", |run| known(run.held_back_mean_ms, 3)),
    metric("held_back_max_ms", |run| known(run.held_back_max_ms, 3)),
    metric("theta_o_supply", |run| measure(run, "theta_o_supply", 6)),
    metric("accuracy_u", |run| measure(run, "accuracy_u", 4)),
    metric("accuracy_o", |run| measure(run, "accuracy_o", 4)),
    metric("jitter_per_min", |run| measure(run, "jitter_per_min", 4)),
    metric("first_ready_s", |run| measure(run, "first_ready_s", 3)),
    metric("reversals", |run| measure(run, "reversals", 0)),
    metric("replicas_changed", |run| measure(run, "replicas_changed", 0)),
    metric("overshoot", |run| measure(run, "overshoot", 4)),
    metric("settling_s", |run| measure(run, "settling_s", 3)),
    metric("probe_share", |run| measure(run, "probe_share", 6)),
    metric("probe_bias_ms", |run| measure(run, "probe_bias_ms", 3)),
    metric("goodput_rps", |run| measure(run, "goodput_rps", 3)),
    metric("replica_s_per_1000", |run| measure(run, "replica_s_per_1000", 3)),
    about("partial", |run| Value::Flag(run.partial)),
    about("demand", |run| run.demand.map_or(Value::Unknown, |demand| Value::Count(demand.into()))),
    about("lateness_p99_us", |run| known(run.lateness_us.get("p99").copied(), 1)),
    about("stalled_s", |run| Value::Number(run.stalled_s, 6)),
    about("cpu_generator", |run| cpu(run, |cpu| Some(cpu.mean.generator))),
    about("cpu_generator_thread_max", |run| cpu(run, |cpu| Some(cpu.worst.generator_thread))),
    about("cpu_platform", |run| cpu(run, |cpu| cpu.mean.platform)),
    about("cpu_process", |run| cpu(run, |cpu| Some(cpu.mean.process))),
    about("cpu_others", |run| cpu(run, |cpu| Some(cpu.mean.others))),
    about("cpu_others_max", |run| cpu(run, |cpu| Some(cpu.worst.others))),
    about("suspect_because", |run| text(&run.suspect_because.join("; "))),
    about("shadows", |run| if run.shadows.is_empty() { Value::Unknown } else { text(&shadows(run)) }),
    about("aa_of", |run| run.aa_of.as_deref().map_or(Value::Unknown, text)),
    about("invalid_because", |run| text(&run.invalid_because.join("; "))),
    metric("slo_missed_1s", |run| measure(run, "slo_missed_1s", 6)),
    metric("slo_missed_10s", |run| measure(run, "slo_missed_10s", 6)),
    metric("recovery_s", |run| measure(run, "recovery_s", 0)),
    metric("recovery_longest_s", |run| measure(run, "recovery_longest_s", 0)),
    metric("overloads", |run| measure(run, "overloads", 0)),
    metric("recovered", |run| measure(run, "recovered", 0)),
    metric("slowdown_mean", |run| measure(run, "slowdown_mean", 4)),
    metric("slowdown_p99", |run| measure(run, "slowdown_p99", 4)),
    metric("efficiency", |run| measure(run, "efficiency", 6)),
    metric("rise_s", |run| measure(run, "rise_s", 3)),
    metric("itae_s2", |run| measure(run, "itae_s2", 3)),
    metric("scalings_per_min", |run| measure(run, "scalings_per_min", 4)),
    metric("longest_cycle_s", |run| measure(run, "longest_cycle_s", 3)),
    metric("probe_pearson", |run| measure(run, "probe_pearson", 6)),
    metric("probe_spearman", |run| measure(run, "probe_spearman", 6)),
    metric("probe_lag_s", |run| measure(run, "probe_lag_s", 0)),
    metric("cold_share", |run| measure(run, "cold_share", 6)),
    metric("cold_mean_ms", |run| measure(run, "cold_mean_ms", 3)),
    metric("deviation", |run| measure(run, "deviation", 6)),
    metric("deviation_worst", |run| measure(run, "deviation_worst", 6)),
    metric("cost", |run| measure(run, "cost", 8)),
    metric("cost_per_million", |run| measure(run, "cost_per_million", 6)),
    metric("memory_gb_s", |run| measure(run, "memory_gb_s", 4)),
    metric("billed_gb_s", |run| measure(run, "billed_gb_s", 4)),
];

/// The first line of `comparison.csv`.
pub fn header() -> String {
    let names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
    names.join(",") + "\n"
}

/// A run's line.
pub fn row(run: &RunSummary) -> String {
    let values: Vec<_> = COLUMNS.iter().map(|column| quote(&(column.value)(run).text()).into_owned()).collect();
    values.join(",") + "\n"
}
