//! A calibration as JSON, for programs: everything the table has, and every figure.

use serde_json::{Value, json};

use super::Calibration;
use super::text::figure_name;
use crate::drive::calibration::{Fit, FittedPhase, Interval, Phase, Quantity};
use crate::record::Answer;

/// Version of the layout.
const SCHEMA_VERSION: u32 = 1;

impl Calibration {
    /// All of it. Times are milliseconds except where a name says otherwise.
    pub fn json(&self) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "function": self.name,
            "source": self.source,
            "status": if self.partial { "partial" } else { "done" },
            "fits": self.fits(),
            "misfits": self.misfits.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "notes": self.notes,
            "replicas": self.measurement.replicas,
            "phases": self.measurement.phases.iter().map(phase).collect::<Vec<_>>(),
            "model": self.fit.as_ref().map(|fit| self.model(fit)),
        })
    }

    fn model(&self, fit: &Fit) -> Value {
        let quantities: serde_json::Map<String, Value> = Quantity::ALL
            .iter()
            .map(|quantity| (quantity.key().to_owned(), interval(&fit.interval(*quantity))))
            .collect();
        let start_up = self.start_up().map(|(fixed, width)| {
            let seen: Vec<f64> = self.start_ups.iter().map(std::time::Duration::as_secs_f64).collect();
            json!({ "fixed_s": fixed, "width_s": width, "seen_s": seen })
        });
        json!({
            "workers": { "value": fit.best.workers, "low": fit.workers.0, "high": fit.workers.1 },
            "cores": { "value": fit.best.cores, "low": fit.cores.0, "high": fit.cores.1 },
            "quantities": quantities,
            "serialised_share": fit.serialised.as_ref().map(interval),
            "start_up": start_up,
            "distance": fit.distance,
            "freedom": fit.freedom,
            "phases": fit.phases.iter().map(fitted).collect::<Vec<_>>(),
        })
    }
}

fn interval(interval: &Interval) -> Value {
    json!({ "value": interval.value, "low": interval.low, "high": interval.high })
}

fn phase(phase: &Phase) -> Value {
    let failed: serde_json::Map<String, Value> =
        phase.failed.iter().map(|(answer, count)| (answer_name(*answer), json!(count))).collect();
    json!({
        "phase": phase.design.words(),
        "answers": phase.replies.len(),
        "failed": failed,
        "mean_ms": phase.mean_ms(),
        "throughput_rps": phase.throughput(),
    })
}

fn answer_name(answer: Answer) -> String {
    answer.map_or_else(|kind| kind.to_string(), |status| status.to_string())
}

fn fitted(phase: &FittedPhase) -> Value {
    let figures = phase.figures.iter().map(|figure| {
        json!({
            "figure": figure_name(figure.kind),
            "measured_ms": figure.measured,
            "error_ms": figure.error,
            "model_ms": figure.modelled,
        })
    });
    json!({ "phase": phase.design.words(), "figures": figures.collect::<Vec<_>>() })
}
