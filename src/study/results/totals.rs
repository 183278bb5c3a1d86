//! What a run adds up to, as its rows come in. No file here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::about::RunAbout;
use super::broken::Broken;
use super::cost::Cost;
use super::scaling::Scaling;
use super::summary::{CpuSummary, GeneratorSummary, RunSummary, SCHEMA_VERSION};
use super::validity::{self, Facts, Limits, Standing};
use crate::drive::{HeldBack, Outcome, Tally};
use crate::record::{CpuShares, ErrorKind, EventKind, EventRow, PlatformSample, ProbeRow, RequestRow};
use crate::stats::cpu::CpuUse;
use crate::stats::hey_summary::{HeySummary, KEPT_EXACTLY};
use crate::stats::latency::{Latencies, LatencyHistogram};
use crate::stats::slo::{Slo, SloCount};
use crate::stats::step_fn::StepFn;
use crate::time::{Epoch, Timestamp};

/// The percentiles a summary has, by their keys.
const PERCENTILES: [(&str, f64); 8] = [
    ("p10", 10.0),
    ("p25", 25.0),
    ("p50", 50.0),
    ("p75", 75.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p99", 99.0),
    ("p999", 99.9),
];

/// A run so far, for a progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// 95th percentile from leaving, of all answers so far.
    pub latency_p95: Option<Duration>,
    /// Requests that left and were answered or given up.
    pub sent: u64,
    /// Requests that were answered, with any status.
    pub completed: u64,
    /// Requests that failed: no answer, or a status of 400 and above.
    pub errors: u64,
    /// Ready replicas.
    pub ready: Option<u32>,
    /// Desired replicas.
    pub desired: Option<u32>,
}

/// Everything a summary needs, in memory that does not grow with the run beyond a million latencies kept.
#[derive(Debug)]
pub(super) struct Totals {
    epoch: Epoch,
    load_start: Timestamp,
    generators: Vec<HeySummary>,
    due: Latencies,
    lateness: LatencyHistogram,
    slo: SloCount,
    requests: RequestCounts,
    probe_latencies: Latencies,
    probes: u64,
    scaling: Scaling,
    /// What each shadow would have done.
    shadows: Vec<(String, Scaling)>,
    pub(super) ready: Option<StepFn>,
    pub(super) desired: Option<StepFn>,
    cost: Cost,
    broken: Broken,
    cpu: CpuUse,
}

#[derive(Debug, Default)]
struct RequestCounts {
    rows: u64,
    completed: u64,
    errors: u64,
    status_codes: BTreeMap<u16, u64>,
    error_kinds: BTreeMap<ErrorKind, u64>,
}

impl Totals {
    /// Nothing yet, of this many generators and these shadows.
    pub(super) fn new(slo: Slo, generators: usize, shadows: &[String]) -> Self {
        Self {
            epoch: Epoch::default(),
            load_start: Timestamp::ZERO,
            generators: vec![HeySummary::new(); generators],
            due: Latencies::new(KEPT_EXACTLY),
            lateness: LatencyHistogram::new(),
            slo: SloCount::new(slo),
            requests: RequestCounts::default(),
            probe_latencies: Latencies::new(KEPT_EXACTLY),
            probes: 0,
            scaling: Scaling::default(),
            shadows: shadows.iter().map(|name| (name.clone(), Scaling::default())).collect(),
            ready: None,
            desired: None,
            cost: Cost::default(),
            broken: Broken::default(),
            cpu: CpuUse::default(),
        }
    }

    pub(super) fn begin(&mut self, epoch: Epoch, load_start: Timestamp) {
        self.epoch = epoch;
        self.load_start = load_start;
    }

    pub(super) fn request(&mut self, row: &RequestRow) {
        self.lateness.record(row.lateness());
        self.slo.record(row.latency_from_due(), row.is_ok());
        let index = usize::from(row.generator.0);
        if index >= self.generators.len() {
            self.generators.resize_with(index + 1, HeySummary::new);
        }
        let generator = &mut self.generators[index];
        let counts = &mut self.requests;
        counts.rows += 1;
        counts.errors += u64::from(!row.is_ok());
        match row.answer {
            Ok(status) => {
                counts.completed += 1;
                *counts.status_codes.entry(status).or_default() += 1;
                generator.answered(row.latency(), &row.detail, status);
                self.due.record(row.latency_from_due());
            }
            Err(kind) => {
                *counts.error_kinds.entry(kind).or_default() += 1;
                generator.failed(in_words(kind));
            }
        }
    }

    pub(super) fn probe(&mut self, row: &ProbeRow) {
        self.probes += 1;
        if let Some(latency) = row.latency {
            self.probe_latencies.record(latency);
        }
    }

    pub(super) fn event(&mut self, row: &EventRow) {
        if let Some(name) = row.of_shadow() {
            if let Some((_, scaling)) = self.shadows.iter_mut().find(|(known, _)| known == name) {
                scaling.event(row, self.load_start);
            }
            return;
        }
        self.scaling.event(row, self.load_start);
        match (row.kind, row.from, row.to) {
            (EventKind::Scale, Some(from), Some(to)) => {
                set(&mut self.desired, row.at, from, to);
            }
            (EventKind::Ready | EventKind::Terminated, Some(from), Some(to)) => {
                set(&mut self.ready, row.at, from, to);
            }
            (EventKind::Broken, ..) => self.broken.note(&row.reason),
            _ => {}
        }
    }

    pub(super) fn sample(&mut self, at: Timestamp, sample: &PlatformSample) {
        set(&mut self.ready, at, sample.ready, sample.ready);
        set(&mut self.desired, at, sample.desired, sample.desired);
        self.cost.sample(at, sample.replica_time, self.load_start);
    }

    /// A whole second of the load.
    pub(super) fn cpu(&mut self, shares: &CpuShares, limits: &Limits) {
        self.cpu.add(shares, &limits.cpu);
    }

    pub(super) fn generators(&self) -> &[HeySummary] {
        &self.generators
    }

    /// Latencies from leaving, of all generators.
    pub(super) fn answered(&self) -> Latencies {
        Latencies::united(self.generators.iter().map(HeySummary::latencies))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut answered = LatencyHistogram::new();
        self.generators.iter().for_each(|generator| answered.merge(generator.latencies().histogram()));
        let now = |function: &Option<StepFn>| function.as_ref().map(|function| function.at(Timestamp::MAX));
        Snapshot {
            latency_p95: answered.percentile(95.0),
            sent: self.requests.rows,
            completed: self.requests.completed,
            errors: self.requests.errors,
            ready: now(&self.ready),
            desired: now(&self.desired),
        }
    }

    /// What the run adds up to; `answered` are the latencies of [`Totals::answered`].
    pub(super) fn summary(&self, about: &RunAbout, outcome: &Outcome, answered: &Latencies) -> RunSummary {
        let counts = Counts::of(outcome);
        let held = outcome.generators.iter().map(|tally| tally.held_back).fold(HeldBack::default(), HeldBack::and);
        let &Outcome { load_start, load_end, .. } = outcome;
        let Standing { invalid_because, suspect_because } = validity::standing(
            &Facts {
                planned: counts.planned,
                sent: counts.sent,
                rows: self.requests.rows,
                lost_busy: counts.lost_busy,
                lost_late: counts.lost_late,
                lateness: &self.lateness,
                stalled: outcome.stalled,
                cpu: &self.cpu,
                load: load_end - load_start,
                interrupted: outcome.interrupted,
                broken: &self.broken,
                leads_only: about.leads_only,
                may_doze: about.may_doze,
            },
            &about.limits,
        );
        let elasticity = self.ready.as_ref().and_then(|ready| about.demand.elasticity(ready, load_start, load_end));
        let ready = self.ready.as_ref().filter(|_| outcome.end > load_start);
        let lived = outcome.last_sample.replica_time;
        RunSummary {
            schema_version: SCHEMA_VERSION,
            arm: about.arm.clone(),
            policy: about.policy.clone(),
            aa_of: about.aa_of.clone(),
            repeat: about.repeat,
            seed: about.seed,
            target: about.target.clone(),
            valid: invalid_because.is_empty(),
            invalid_because,
            suspect_because,
            partial: outcome.interrupted,
            started_unix_s: self.epoch.unix().as_secs_f64(),
            load_started_unix_s: Some(self.epoch.unix_at(load_start).as_secs_f64()),
            planned: counts.planned,
            sent: counts.sent,
            completed: self.requests.completed,
            errors: self.requests.errors,
            lost_busy: counts.lost_busy,
            lost_late: counts.lost_late,
            held_back: held.count,
            held_back_mean_ms: (held.count > 0).then(|| millis(held.time) / held.count as f64),
            held_back_max_ms: (held.count > 0).then(|| millis(held.longest)),
            duration_s: (load_end - load_start).as_secs_f64(),
            rps: (load_end > load_start).then(|| counts.sent as f64 / (load_end - load_start).as_secs_f64()),
            latency_ms: latency_map(answered),
            due_ms: latency_map(&self.due),
            slo_violation_ratio: self.slo.violation_ratio(counts.planned),
            apdex: self.slo.apdex(counts.planned),
            replicas_mean: ready.and_then(|ready| ready.mean(load_start, load_end)),
            replicas_max: ready.map(|ready| ready.max(load_start, outcome.end)),
            replica_seconds: self.cost.since_load_start(lived).map(|lived| lived.as_secs_f64()),
            scale_ups: self.scaling.ups,
            scale_downs: self.scaling.downs,
            first_scale_up_s: self.scaling.first_up.map(|at| at.seconds_since(load_start)),
            shadows: self.shadows.iter().map(|(name, scaling)| scaling.of_shadow(name, load_start)).collect(),
            back_to_min_s: self.back_to_min(about.min_replicas, load_end),
            theta_u: elasticity.map(|elasticity| elasticity.theta_u),
            theta_o: elasticity.map(|elasticity| elasticity.theta_o),
            tau_u: elasticity.map(|elasticity| elasticity.tau_u),
            tau_o: elasticity.map(|elasticity| elasticity.tau_o),
            instability: elasticity.map(|elasticity| elasticity.instability),
            measures: BTreeMap::new(),
            probes: self.probes,
            probe_p50_ms: self.probe_latencies.sorted().percentile(50.0).map(millis),
            lateness_us: self.lateness_map(),
            stalled_s: outcome.stalled.as_secs_f64(),
            cpu: CpuSummary::of(&self.cpu),
            latencies_rounded: !(answered.is_exact() && self.due.is_exact()),
            demand: about.demand.peak(),
            status_codes: self.requests.status_codes.clone(),
            error_kinds: by_name(&self.requests.error_kinds),
            generators: generator_summaries(about, outcome),
            latency_histogram_us: answered.histogram().buckets(),
            due_histogram_us: self.due.histogram().buckets(),
            lateness_histogram_us: self.lateness.buckets(),
        }
    }

    /// From the load's end until the desired replicas were back at the fewest; `None` if they never left, or never came back.
    fn back_to_min(&self, min: u32, load_end: Timestamp) -> Option<f64> {
        let desired = self.desired.as_ref()?;
        if desired.max(Timestamp::ZERO, Timestamp::MAX) <= min {
            return None;
        }
        desired.first_at_most(min, load_end).map(|at| at.seconds_since(load_end))
    }

    fn lateness_map(&self) -> BTreeMap<String, f64> {
        let mut map = BTreeMap::new();
        for (key, percent) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p999", 99.9), ("max", 100.0)] {
            if let Some(lateness) = self.lateness.percentile(percent) {
                map.insert(key.to_owned(), lateness.as_secs_f64() * 1e6);
            }
        }
        map
    }
}

fn generator_summaries(about: &RunAbout, outcome: &Outcome) -> Vec<GeneratorSummary> {
    let summary = |(index, tally): (usize, &Tally)| {
        let counts = Counts::of_one(tally, outcome.interrupted);
        GeneratorSummary {
            generator: index as u32 + 1,
            load: about.loads.get(index).cloned().unwrap_or_default(),
            planned: counts.planned,
            sent: counts.sent,
            lost_busy: counts.lost_busy,
            lost_late: counts.lost_late,
            held_back: tally.held_back.count,
            held_back_max_s: tally.held_back.longest.as_secs_f64(),
            duration_s: tally.duration.as_secs_f64(),
        }
    };
    outcome.generators.iter().enumerate().map(summary).collect()
}

/// Requests of all generators, by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) planned: u64,
    pub(super) sent: u64,
    pub(super) lost_busy: u64,
    pub(super) lost_late: u64,
    /// The part of `lost_busy` that no `lost` row told of.
    pub(super) unused_busy: u64,
}

impl Counts {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let ones = outcome.generators.iter().map(|tally| Self::of_one(tally, outcome.interrupted));
        ones.fold(Self::default(), |sum, one| Self {
            planned: sum.planned + one.planned,
            sent: sum.sent + one.sent,
            lost_busy: sum.lost_busy + one.lost_busy,
            lost_late: sum.lost_late + one.lost_late,
            unused_busy: sum.unused_busy + one.unused_busy,
        })
    }

    /// What was still to come when a schedule ran out was lost to a worker that waited; when it was interrupted, nobody had
    /// called for it yet.
    fn of_one(tally: &Tally, interrupted: bool) -> Self {
        let Tally { planned, sent, lost, unused, .. } = *tally;
        if interrupted {
            let called = planned.saturating_sub(unused).max(sent + lost.busy + lost.late);
            Self { planned: called, sent, lost_busy: lost.busy, lost_late: lost.late, unused_busy: 0 }
        } else {
            Self { planned, sent, lost_busy: lost.busy + unused, lost_late: lost.late, unused_busy: unused }
        }
    }
}

/// From `at` on the count is `to`; if nothing was known before, it was `from`.
fn set(function: &mut Option<StepFn>, at: Timestamp, from: u32, to: u32) {
    function.get_or_insert_with(|| StepFn::constant(from)).set(at, to);
}

fn latency_map(latencies: &Latencies) -> BTreeMap<String, f64> {
    let sorted = latencies.sorted();
    let mut map = BTreeMap::new();
    let mut insert = |key: &str, value: Option<Duration>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), millis(value));
        }
    };
    insert("mean", latencies.histogram().mean());
    for (key, percent) in PERCENTILES {
        insert(key, sorted.percentile(percent));
    }
    insert("max", latencies.histogram().max());
    map
}

fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

fn by_name(kinds: &BTreeMap<ErrorKind, u64>) -> BTreeMap<String, u64> {
    kinds.iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect()
}

/// The line of hey's error distribution for a kind of error.
fn in_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Refused => "connection refused",
        ErrorKind::Connect => "no connection",
        ErrorKind::Dns => "host name not found",
        ErrorKind::Tls => "no TLS connection",
        ErrorKind::Proxy => "the proxy could not be reached or refused",
        ErrorKind::Redirect => "redirects that lead nowhere",
        ErrorKind::Reset => "connection reset",
        ErrorKind::Closed => "connection closed before the answer",
        ErrorKind::CutBody => "connection closed inside the answer",
        ErrorKind::Timeout => "no complete answer within the time-out",
        ErrorKind::Protocol => "the answer was not HTTP",
        ErrorKind::TooLarge => "the answer's head was too large",
        ErrorKind::Abandoned => "unanswered when the run was ended",
    }
}
