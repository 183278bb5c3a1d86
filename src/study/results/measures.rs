//! Further measures of a run, from its step functions, its counts and its course: oscillation, step response, recovery, what probing
//! costs and what it is worth, goodput, cost per good answer, money. What can't be said of a run is left out.

use std::collections::BTreeMap;

use super::about::RunAbout;
use super::course::Course;
use super::summary::RunSummary;
use crate::drive::Outcome;
use crate::stats::scores::{deviation, worst};
use crate::stats::step_fn::StepFn;
use crate::stats::step_response::{first_rise, longest_cycle, reversals, step_response, steps_taken, total_change};
use crate::stats::timeline::Second;

/// What measures are made of.
pub(super) struct Material<'a> {
    /// What is known of the run without them.
    pub(super) run: &'a RunSummary,
    pub(super) about: &'a RunAbout,
    pub(super) outcome: &'a Outcome,
    /// Ready replicas over time.
    pub(super) ready: Option<&'a StepFn>,
    /// Desired ones.
    pub(super) desired: Option<&'a StepFn>,
    pub(super) course: &'a Course,
    /// The run second by second.
    pub(super) seconds: &'a [Second],
}

/// Measures by their columns.
#[derive(Default)]
struct Found(BTreeMap<String, f64>);

impl Found {
    fn put(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(name.to_owned(), value);
        }
    }
}

impl Material<'_> {
    /// All measures that can be said of the run.
    pub(super) fn measures(&self) -> BTreeMap<String, f64> {
        let mut found = Found::default();
        self.elasticity(&mut found);
        self.scaling(&mut found);
        self.objective(&mut found);
        self.work(&mut found);
        self.probes(&mut found);
        self.price(&mut found);
        found.0
    }

    fn elasticity(&self, found: &mut Found) {
        let &Outcome { load_start, load_end, .. } = self.outcome;
        let elasticity = self.ready.and_then(|ready| self.about.demand.elasticity(ready, load_start, load_end));
        found.put("theta_o_supply", elasticity.and_then(|one| one.theta_o_supply));
        found.put("accuracy_u", elasticity.map(|one| one.accuracy_u));
        found.put("accuracy_o", elasticity.map(|one| one.accuracy_o));
        found.put("jitter_per_min", elasticity.map(|one| one.jitter_per_min));
        if let Some((one, missed)) = elasticity.zip(self.run.slo_violation_ratio) {
            let six = [one.theta_u, one.theta_o, one.tau_u, one.tau_o, one.instability, missed];
            found.put("deviation", deviation(&six));
            found.put("deviation_worst", worst(&six));
        }
    }

    fn scaling(&self, found: &mut Found) {
        let &Outcome { load_start, load_end, end, .. } = self.outcome;
        let (ready, desired) = (self.ready, self.desired);
        let first = ready.and_then(|ready| first_rise(ready, load_start, end));
        found.put("first_ready_s", first.map(|at| at.seconds_since(load_start)));
        found.put("reversals", desired.map(|desired| f64::from(reversals(desired, load_start, end))));
        found.put("replicas_changed", desired.map(|desired| total_change(desired, load_start, end) as f64));
        let minutes = (end - load_start).as_secs_f64() / 60.0;
        found
            .put("scalings_per_min", desired.map(|desired| f64::from(steps_taken(desired, load_start, end)) / minutes));
        let cycle = desired.and_then(|desired| longest_cycle(desired, load_start, end));
        found.put("longest_cycle_s", cycle.map(|cycle| cycle.as_secs_f64()));
        // only a load that is one step has a step response
        if self.about.demand.stretches().len() == 1 {
            let response = ready.and_then(|ready| step_response(ready, load_start, load_end));
            found.put("overshoot", response.map(|response| response.overshoot));
            found.put("settling_s", response.map(|response| response.settling.as_secs_f64()));
            found.put("rise_s", response.map(|response| response.rise.as_secs_f64()));
            found.put("itae_s2", self.course.windows.time_weighted_error());
        }
    }

    fn objective(&self, found: &mut Found) {
        let windows = &self.course.windows;
        found.put("slo_missed_1s", windows.missed_ratio(1));
        found.put("slo_missed_10s", windows.missed_ratio(10));
        let Some(spells) = windows.spells() else { return };
        let longest = spells.iter().map(|spell| spell.length).max().unwrap_or(0);
        found.put("recovery_s", Some(spells.first().map_or(0.0, |first| f64::from(first.length))));
        found.put("recovery_longest_s", Some(f64::from(longest)));
        found.put("overloads", Some(spells.len() as f64));
        found.put("recovered", spells.last().map(|last| f64::from(u8::from(last.is_over))));
    }

    fn work(&self, found: &mut Found) {
        let &Outcome { load_start, load_end, .. } = self.outcome;
        let (run, course) = (self.run, self.course);
        if let Some(alone) = self.about.alone.filter(|alone| !alone.request.is_zero()) {
            found.put("slowdown_mean", course.slowdown());
            let p99 = run.due_ms.get("p99").map(|due| due / 1e3 / alone.request.as_secs_f64());
            found.put("slowdown_p99", p99.map(|p99| p99.max(1.0)));
            let supplied = self.ready.map(|ready| ready.integral(load_start, load_end) * f64::from(alone.threads));
            found.put("efficiency", supplied.map(|time| course.good as f64 * alone.thread.as_secs_f64() / time));
        }
        found.put("cold_share", course.cold_share());
        found.put("cold_mean_ms", course.cold_mean_ms());
        let good = self.good();
        found.put("goodput_rps", good.filter(|_| run.duration_s > 0.0).map(|good| good / run.duration_s));
        found.put("replica_s_per_1000", run.replica_seconds.zip(good).map(|(cost, good)| 1_000.0 * cost / good));
    }

    fn probes(&self, found: &mut Found) {
        let run = self.run;
        if run.probes == 0 {
            return;
        }
        found.put("probe_share", Some(run.probes as f64 / (run.probes + run.sent) as f64));
        let bias = run.probe_p50_ms.zip(run.latency_ms.get("p50")).map(|(probe, user)| probe - user);
        found.put("probe_bias_ms", bias);
        let together = self.course.probes_and_users(self.seconds);
        found.put("probe_pearson", together.pearson);
        found.put("probe_spearman", together.spearman);
        found.put("probe_lag_s", together.lag_s.map(|lag| lag as f64));
    }

    fn price(&self, found: &mut Found) {
        let Some(price) = &self.about.price else { return };
        let cost = self.run.replica_seconds.and_then(|lived| price.of(lived));
        found.put("cost", cost);
        found.put("cost_per_million", cost.zip(self.good()).map(|(cost, good)| 1e6 * cost / good));
        if let Some(memory) = price.memory_gb {
            found.put("memory_gb_s", self.run.replica_seconds.map(|lived| lived * memory));
            found.put("billed_gb_s", Some(self.course.billed_ms as f64 / 1e3 * memory));
        }
    }

    /// Requests that met the objective.
    fn good(&self) -> Option<f64> {
        self.run.slo_violation_ratio.map(|missed| (1.0 - missed) * self.run.planned as f64)
    }
}
