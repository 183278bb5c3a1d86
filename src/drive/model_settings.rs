//! The keys of a function's model: name, type, range, default, meaning; and the model they make.
//!
//! A scenario has them in `[function.model]`, a deployment to the embedded platform in its labels and annotations: one
//! table for both. No file format enters here.

use std::time::Duration;

use crate::model::{FunctionModel, StartUp, Work};
use crate::policy::settings::{Kind, Parameter, Settings, Value};

/// Longest time of anything in a model.
const HOUR: Duration = Duration::from_secs(3_600);
/// Largest spread.
const SPREAD_MAX: f64 = 100.0;

/// Every key, in the order in which they are written; what is not given is as in `defaults`.
pub fn parameters(defaults: &FunctionModel) -> Vec<Parameter> {
    vec![
        integer(
            "workers",
            1,
            10_000,
            defaults.workers,
            "threads",
            "worker threads of a replica over one queue; waitress has 4",
        ),
        integer(
            "connections",
            1,
            1_000_000,
            defaults.connections,
            "connections",
            "connections a replica serves at once; the others wait in its backlog",
        ),
        duration(
            "cpu",
            Duration::ZERO,
            HOUR,
            defaults.cpu.mean,
            "mean CPU work of a request in the replica, one request at a time (interpreter lock)",
        ),
        spread("cpu_cv", defaults.cpu, "spread of cpu: standard deviation over mean, 0 for constant"),
        duration(
            "probe_cpu",
            Duration::ZERO,
            HOUR,
            defaults.probe_cpu.mean,
            "mean CPU work of a request with the header Hey, which returns at once",
        ),
        spread("probe_cpu_cv", defaults.probe_cpu, "spread of probe_cpu"),
        duration(
            "wait",
            Duration::ZERO,
            HOUR,
            defaults.wait.mean,
            "mean time a worker thread is held without using CPU; for sleepy the number in the query",
        ),
        spread("wait_cv", defaults.wait, "spread of wait"),
        Parameter {
            name: "raises",
            kind: Kind::Number { min: 0.0, max: 1.0 },
            default: Value::Number(defaults.raises),
            unit: "",
            doc: "share of requests whose handler raises an exception after its work: 500, and no probe is among them",
        },
        integer(
            "max_inflight",
            0,
            1_000_000,
            defaults.max_inflight,
            "requests",
            "requests a replica's watchdog has at once; the others are answered 429; 0 for no limit",
        ),
        duration(
            "listens_after",
            Duration::ZERO,
            HOUR,
            defaults.listens_after,
            "how long after a pod is ready its process listens; until then its watchdog answers 500",
        ),
        duration(
            "start_up",
            Duration::ZERO,
            HOUR,
            defaults.start_up.fixed,
            "shortest time from a pod's creation until it serves",
        ),
        duration(
            "start_up_container",
            Duration::ZERO,
            HOUR,
            defaults.start_up.container,
            "what starting the container adds at most, evenly spread from 0",
        ),
        duration(
            "start_up_probe",
            Duration::ZERO,
            HOUR,
            defaults.start_up.probe,
            "what waiting for the next readiness probe adds at most, evenly spread from 0",
        ),
        duration(
            "termination",
            Duration::ZERO,
            HOUR,
            defaults.termination,
            "how long a removed pod lingers, and costs",
        ),
    ]
}

/// The model of complete settings: those of [`parameters`], each with a value.
pub fn model(settings: &Settings) -> FunctionModel {
    let work = |mean: &str, cv: &str| Work { mean: settings.duration(mean), cv: settings.number(cv) };
    FunctionModel {
        workers: settings.count("workers"),
        connections: settings.count("connections"),
        cpu: work("cpu", "cpu_cv"),
        probe_cpu: work("probe_cpu", "probe_cpu_cv"),
        wait: work("wait", "wait_cv"),
        raises: settings.number("raises"),
        max_inflight: settings.count("max_inflight"),
        listens_after: settings.duration("listens_after"),
        start_up: StartUp {
            fixed: settings.duration("start_up"),
            container: settings.duration("start_up_container"),
            probe: settings.duration("start_up_probe"),
        },
        termination: settings.duration("termination"),
    }
}

fn integer(name: &'static str, min: u64, max: u64, default: u32, unit: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Integer { min, max }, default: Value::Integer(i64::from(default)), unit, doc }
}

fn duration(name: &'static str, min: Duration, max: Duration, default: Duration, doc: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Duration { min, max }, default: Value::Duration(default), unit: "", doc }
}

fn spread(name: &'static str, work: Work, doc: &'static str) -> Parameter {
    let kind = Kind::Number { min: 0.0, max: SPREAD_MAX };
    Parameter { name, kind, default: Value::Number(work.cv), unit: "", doc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_a_model_make_that_model() {
        let odd = FunctionModel {
            workers: 3,
            connections: 7,
            cpu: Work { mean: Duration::from_millis(11), cv: 0.5 },
            probe_cpu: Work { mean: Duration::from_millis(12), cv: 0.25 },
            wait: Work { mean: Duration::from_millis(13), cv: 0.125 },
            raises: 0.75,
            max_inflight: 18,
            listens_after: Duration::from_millis(19),
            start_up: StartUp {
                fixed: Duration::from_millis(14),
                container: Duration::from_millis(15),
                probe: Duration::from_millis(16),
            },
            termination: Duration::from_millis(17),
        };
        for expected in [odd, FunctionModel::default()] {
            assert_eq!(model(&Settings::defaults(&parameters(&expected))), expected);
        }
    }
}
