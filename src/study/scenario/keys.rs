//! Every key of a scenario file but the arms' own settings: name, type, range, default, meaning.
//!
//! The reader, its error messages, the filled-in copy in `study.json` and the JSON Schema are all made from these tables, and from
//! the policies' own ([`crate::policy::registry`]), so they cannot disagree.

use std::time::Duration;

use crate::drive::model_settings;
use crate::model::{FunctionModel, NodeModel, Work};
use crate::policy::settings::{Kind, Parameter, Value};
use crate::study::results::Limits;

use super::fault_keys;
use super::load_keys::{self, load_keys};
use super::{kubernetes_keys, openfaas_keys, price_keys};

/// A longest time for anything in a scenario; longer is a slip of the pen.
pub const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Most connections one study opens: beyond it the operating system's limits measure themselves.
pub const WORKERS_MAX: u32 = 10_000;

/// The functions whose answers are built in.
pub const BUILT_IN: [&str; 2] = ["ftest", "sleepy"];

/// Labels of a function that OpenFaaS knows; the Community Edition reads `min`, `max` and `factor`.
pub const SCALE_LABELS: [&str; 9] = [
    "com.openfaas.scale.min",
    "com.openfaas.scale.max",
    "com.openfaas.scale.factor",
    "com.openfaas.scale.type",
    "com.openfaas.scale.target",
    "com.openfaas.scale.target-proportion",
    "com.openfaas.scale.zero",
    "com.openfaas.scale.zero-duration",
    "com.openfaas.scale.down.window",
];

/// A table of the file.
pub struct TableInfo {
    /// Its header without brackets; empty for the top of the file.
    pub name: &'static str,
    /// Its keys.
    pub parameters: Vec<Parameter>,
    /// Tables inside it.
    pub tables: &'static [&'static str],
}

/// All tables, in the order in which they are written; an arm's own settings come on top of `arm`.
pub fn tables() -> Vec<TableInfo> {
    vec![
        TableInfo {
            name: "",
            parameters: top(),
            tables: &[
                "function",
                "slo",
                "load",
                "run",
                "platform",
                "openfaas",
                "kubernetes",
                "limits",
                "price",
                "fault",
                "arm",
                "tune",
                "expect",
            ],
        },
        TableInfo { name: "function", parameters: function(), tables: &["labels", "model"] },
        TableInfo { name: "function.model", parameters: model(&FunctionModel::default()), tables: &[] },
        TableInfo { name: "slo", parameters: slo(), tables: &[] },
        TableInfo { name: "load", parameters: load(), tables: &["journey"] },
        TableInfo { name: "load.journey", parameters: load_keys::journey(), tables: &["step"] },
        TableInfo { name: "load.journey.step", parameters: load_keys::step(), tables: &[] },
        TableInfo { name: "run", parameters: run(), tables: &["until"] },
        TableInfo { name: "run.until", parameters: until(), tables: &[] },
        TableInfo { name: "platform", parameters: platform(), tables: &[] },
        TableInfo { name: "openfaas", parameters: openfaas_keys::openfaas(), tables: &[] },
        TableInfo { name: "kubernetes", parameters: kubernetes_keys::kubernetes(), tables: &[] },
        TableInfo { name: "limits", parameters: limits(), tables: &[] },
        TableInfo { name: "price", parameters: price_keys::price(), tables: &[] },
        TableInfo { name: "fault", parameters: fault(), tables: &[] },
        TableInfo { name: "arm", parameters: arm(), tables: &[] },
        TableInfo { name: "tune", parameters: tune(), tables: &["ranges"] },
    ]
}

/// Keys at the top of the file.
pub fn top() -> Vec<Parameter> {
    vec![
        text("name", "", "names the study and its results directory; the file's name if not given"),
        text("description", "", "what the study asks, for people"),
    ]
}

/// Keys of `[function]`.
pub fn function() -> Vec<Parameter> {
    vec![
        text(
            "name",
            "ftest",
            "the function under test: ftest and sleepy are built in, any other needs a [function.model]",
        ),
        text(
            "query",
            "",
            "query string of load requests, without the question mark; number=50 for ftest, number=0.75 for sleepy if not given",
        ),
        integer("replicas", 1, 10_000, 1, "replicas", "how many replicas are ready when the run begins"),
    ]
}

/// Keys of `[function.model]`, with these defaults.
pub fn model(defaults: &FunctionModel) -> Vec<Parameter> {
    model_settings::parameters(defaults)
}

/// Keys of `[slo]`.
pub fn slo() -> Vec<Parameter> {
    vec![
        duration(
            "latency",
            Duration::from_micros(1),
            LONGEST,
            Duration::from_millis(75),
            "how fast a request must be answered, counted from when it was due",
        ),
        number(
            "percentile",
            0.0,
            100.0,
            95.0,
            "%",
            "how many of the planned requests must be that fast; above 0 and below 100",
        ),
    ]
}

/// Keys of a `[[load]]`, of all its kinds.
pub fn load() -> Vec<Parameter> {
    load_keys().into_iter().map(|key| key.parameter).collect()
}

/// Keys of `[run]`.
pub fn run() -> Vec<Parameter> {
    vec![
        duration(
            "warm_up",
            Duration::ZERO,
            LONGEST,
            Duration::from_secs(15),
            "time before the load, with single requests so that the gateway's counters exist",
        ),
        duration(
            "warm_up_every",
            Duration::from_millis(10),
            LONGEST,
            Duration::from_secs(3),
            "time between two warm-up requests",
        ),
        duration("cool_down", Duration::ZERO, LONGEST, Duration::from_secs(60), "time observed after the load ends"),
        integer("repeats", 1, 1_000, 1, "runs per arm", "how often each arm is run; a verdict needs several"),
        Parameter {
            name: "seed",
            kind: Kind::Integer { min: 0, max: i64::MAX as u64 },
            default: Value::Integer(1),
            unit: "",
            doc: "everything random follows from it; repeats derive their own, arms of one repeat share it",
        },
        Parameter {
            name: "aa",
            kind: Kind::Switch,
            default: Value::Switch(false),
            unit: "",
            doc: "the first arm runs a second time under the name NAME-aa, with luck of its own: what the two differ by is noise; if not given, true in virtual time from six repeats on",
        },
    ]
}

/// Keys of `[run.until]`, where the interval decides how many repeats there are.
pub fn until() -> Vec<Parameter> {
    vec![
        text("metric", "", "the column of comparison.csv whose difference is to be known well enough"),
        text(
            "half_width",
            "",
            "how well: half of its 95 % interval, \"5%\" of the first arm's mean or a number in the metric's unit",
        ),
        integer("most", 6, 1_000, 30, "runs per arm", "repeats after which the study ends all the same"),
    ]
}

/// Keys of `[platform]`.
pub fn platform() -> Vec<Parameter> {
    let node = NodeModel::default();
    let hour = Duration::from_secs(3_600);
    vec![
        integer(
            "cores",
            1,
            1_024,
            node.cores,
            "cores",
            "CPU cores of the modelled node, shared by all replicas and the gateway path",
        ),
        duration(
            "gateway_cpu",
            Duration::ZERO,
            hour,
            node.gateway_cpu.mean,
            "mean CPU work of a request on its way through gateway, provider and watchdog",
        ),
        spread(
            "gateway_cpu_cv",
            node.gateway_cpu,
            "spread of gateway_cpu: standard deviation over mean, 0 for constant",
        ),
        duration(
            "transport",
            Duration::ZERO,
            hour,
            node.transport,
            "time a request spends on the network, there and back",
        ),
        integer(
            "max_replicas",
            1,
            10_000,
            5,
            "replicas",
            "most replicas the platform grants a function; the Community Edition's limit is 5",
        ),
    ]
}

/// Keys of `[limits]`: when a run is not valid.
pub fn limits() -> Vec<Parameter> {
    let limits = Limits::default();
    vec![
        Parameter {
            name: "max_lateness",
            kind: Kind::DurationOr(&["auto"]),
            default: Value::Text("auto"),
            unit: "",
            doc: "99 % of the requests leave at most this late; auto is 5 % of the shortest time between two requests of a worker, from 1 ms to 10 ms",
        },
        duration(
            "max_stall",
            Duration::ZERO,
            LONGEST,
            Duration::from_millis(500),
            "the generator or its host stand still for at most this long in all",
        ),
        Parameter {
            name: "min_accounted",
            kind: Kind::Fraction,
            default: Value::Number(0.999),
            unit: "of the planned requests",
            doc: "how many were sent, or not sent because the system was slow; the others are the generator's fault",
        },
        cpu_limit(
            "max_cpu_others",
            limits.cpu.others,
            "of the machine",
            "other programs take at most this much CPU during the load",
        ),
        cpu_limit(
            "max_cpu_generator",
            limits.cpu.generator_thread,
            "of a core",
            "the generator's busiest thread takes at most this much CPU during the load",
        ),
        cpu_limit(
            "max_cpu_total",
            limits.cpu.total,
            "of the machine",
            "all programs together, where the platform is among them",
        ),
        Parameter {
            name: "suspect",
            kind: Kind::Choice(&["valid", "invalid"]),
            default: Value::Text("valid"),
            unit: "",
            doc: "what a run is that kept time although a max_cpu limit was exceeded, on average or in more than one second of 20; either way it says so",
        },
    ]
}

/// Keys of `[[fault]]`.
pub fn fault() -> Vec<Parameter> {
    fault_keys::keys()
}

/// Whether a parameter's default only stands for "not given".
pub fn is_without_default(parameter: &Parameter) -> bool {
    load_keys::is_without_default(parameter) || fault_keys::is_without_default(parameter)
}

/// Keys every `[[arm]]` has, whatever its policy.
pub fn arm() -> Vec<Parameter> {
    vec![
        text("name", "", "names the arm in tables and files; the policy's name if not given"),
        text("policy", "", "which autoscaler"),
        Parameter {
            name: "shadow_only",
            kind: Kind::Switch,
            default: Value::Switch(false),
            unit: "",
            doc: "the arm is not run itself, it is only a shadow of others",
        },
    ]
}

/// Keys of `[tune]`.
pub fn tune() -> Vec<Parameter> {
    let weight = |name, doc| number(name, 0.0, 1_000.0, 1.0, "", doc);
    vec![
        integer("budget", 1, 100_000, 200, "settings", "how many settings are tried"),
        integer("seeds", 1, 1_000, 5, "seeds", "how many seeds a setting is tried with, unless it is hopeless before"),
        integer("confirmation", 2, 1_000, 20, "seeds", "how many other seeds the recommendation is confirmed with"),
        weight("cost_weight", "how much cost counts where the objective can't be met and a compromise is looked for"),
        weight("violation_weight", "how much violations of the objective count there"),
    ]
}

pub(super) fn text(name: &'static str, default: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, default: Value::Text(default), unit: "", doc }
}

pub(super) fn integer(
    name: &'static str,
    min: u64,
    max: u64,
    default: u32,
    unit: &'static str,
    doc: &'static str,
) -> Parameter {
    Parameter { name, kind: Kind::Integer { min, max }, default: Value::Integer(i64::from(default)), unit, doc }
}

pub(super) fn number(
    name: &'static str,
    min: f64,
    max: f64,
    default: f64,
    unit: &'static str,
    doc: &'static str,
) -> Parameter {
    Parameter { name, kind: Kind::Number { min, max }, default: Value::Number(default), unit, doc }
}

pub(super) fn duration(
    name: &'static str,
    min: Duration,
    max: Duration,
    default: Duration,
    doc: &'static str,
) -> Parameter {
    Parameter { name, kind: Kind::Duration { min, max }, default: Value::Duration(default), unit: "", doc }
}

fn cpu_limit(name: &'static str, default: f64, unit: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Fraction, default: Value::Number(default), unit, doc }
}

fn spread(name: &'static str, work: Work, doc: &'static str) -> Parameter {
    number(name, 0.0, 100.0, work.cv, "", doc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed_and_every_key_is_explained() {
        for table in tables() {
            for parameter in table.parameters {
                assert_eq!(
                    parameter.check(parameter.default.clone()),
                    Ok(parameter.default.clone()),
                    "{}",
                    parameter.name
                );
                assert!(!parameter.doc.is_empty() && !parameter.doc.ends_with('.'), "{}", parameter.name);
            }
        }
    }
}
