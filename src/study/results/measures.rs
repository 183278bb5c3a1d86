//! Further measures of a run, from its step functions and its counts: oscillation, step response, what probing costs, goodput, cost per
//! good answer. What can't be said of a run is left out.

use std::collections::BTreeMap;

use super::about::RunAbout;
use super::summary::RunSummary;
use crate::drive::Outcome;
use crate::stats::step_fn::StepFn;
use crate::stats::step_response::{first_rise, reversals, step_response, total_change};

/// The measures by their columns.
pub(super) fn of(
    run: &RunSummary,
    about: &RunAbout,
    outcome: &Outcome,
    ready: Option<&StepFn>,
    desired: Option<&StepFn>,
) -> BTreeMap<String, f64> {
    let &Outcome { load_start, load_end, end, .. } = outcome;
    let mut found = BTreeMap::new();
    let mut put = |name: &str, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            found.insert(name.to_owned(), value);
        }
    };
    let elasticity = ready.and_then(|ready| about.demand.elasticity(ready, load_start, load_end));
    put("theta_o_supply", elasticity.and_then(|one| one.theta_o_supply));
    put("accuracy_u", elasticity.map(|one| one.accuracy_u));
    put("accuracy_o", elasticity.map(|one| one.accuracy_o));
    put("jitter_per_min", elasticity.map(|one| one.jitter_per_min));
    put(
        "first_ready_s",
        ready.and_then(|ready| first_rise(ready, load_start, end)).map(|at| at.seconds_since(load_start)),
    );
    put("reversals", desired.map(|desired| f64::from(reversals(desired, load_start, end))));
    put("replicas_changed", desired.map(|desired| total_change(desired, load_start, end) as f64));
    // only a load that is one step has a step response
    if about.demand.stretches().len() == 1 {
        let response = ready.and_then(|ready| step_response(ready, load_start, load_end));
        put("overshoot", response.map(|response| response.overshoot));
        put("settling_s", response.map(|response| response.settling.as_secs_f64()));
    }
    if run.probes > 0 {
        put("probe_share", Some(run.probes as f64 / (run.probes + run.sent) as f64));
        put("probe_bias_ms", run.probe_p50_ms.zip(run.latency_ms.get("p50")).map(|(probe, user)| probe - user));
    }
    let good = run.slo_violation_ratio.map(|missed| (1.0 - missed) * run.planned as f64);
    put("goodput_rps", good.filter(|_| run.duration_s > 0.0).map(|good| good / run.duration_s));
    put("replica_s_per_1000", run.replica_seconds.zip(good).map(|(cost, good)| 1_000.0 * cost / good));
    found
}
