//! One run as it happens: its rows, and at its end what they add up to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::{replace_file, write_json};
use super::error::ResultsError;
use super::hgrm::percentile_text;
use super::rows::{Row, RowFile};
use super::summary::{GeneratorSummary, RunSummary, SCHEMA_VERSION};
use super::validity::{self, Facts, Limits};
use crate::drive::{Outcome, Phase, RecordError, Recorder, Tally};
use crate::record::{ErrorKind, EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use crate::stats::elasticity::elasticity;
use crate::stats::hey_summary::{HeySummary, KEPT_EXACTLY};
use crate::stats::latency::{Latencies, LatencyHistogram};
use crate::stats::slo::{Slo, SloCount};
use crate::stats::step_fn::StepFn;
use crate::stats::timeline::{Second, Timeline};
use crate::time::{Epoch, Timestamp};

/// Head of `requests.csv`.
const REQUESTS: &str = "generator,worker,due_s,ready_s,sent_s,first_byte_s,done_s,status,error,replica";
/// Head of `timeline.csv`.
const TIMELINE: &str = "t_s,planned,sent,completed,errors,lost,in_flight,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,\
                        queue,desired,ready,starting,terminating,demand,utilisation,replica_seconds";
/// Head of `events.csv`.
const EVENTS: &str = "t_s,actor,kind,from,to,reason,value";
/// Head of `probes.csv`.
const PROBES: &str = "t_s,latency_ms,status,above,below,decision";

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

/// What a run is, as its files need to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunAbout {
    /// Arm.
    pub arm: String,
    /// Its policy.
    pub policy: String,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Where it takes place.
    pub target: String,
    /// The objective its requests are judged by.
    pub slo: Slo,
    /// Cores of the node, where the target knows them; for the utilisation.
    pub cores: Option<u32>,
    /// Load sources as hey would be called, or in words, in order.
    pub loads: Vec<String>,
    /// What a valid run may not exceed.
    pub limits: Limits,
    /// Fewest replicas that meet the objective under this load, if known.
    pub demand: Option<u32>,
    /// Fewest replicas the platform grants.
    pub min_replicas: u32,
}

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

/// Writes a run's directory as the run goes.
///
/// Rows are on disk at the latest when their second ends, events at once. A row of `timeline.csv` is written when its second ends,
/// with `sent` and `in_flight` empty, since a request is told of only when it was answered; [`RunWriter::finish`] fills them in.
#[derive(Debug)]
pub struct RunWriter {
    path: PathBuf,
    about: RunAbout,
    requests: RowFile,
    timeline_rows: RowFile,
    events: RowFile,
    probes: RowFile,
    epoch: Epoch,
    load_start: Timestamp,
    /// When the load ended, once it did.
    load_end: Option<Timestamp>,
    timeline: Timeline,
    generators: Vec<HeySummary>,
    due: Latencies,
    lateness: LatencyHistogram,
    slo: SloCount,
    requests_count: RequestCounts,
    probe_latencies: Latencies,
    probes_count: u64,
    scaling: Scaling,
    ready: Option<StepFn>,
    desired: Option<StepFn>,
    cost: Cost,
}

#[derive(Debug, Default)]
struct RequestCounts {
    rows: u64,
    completed: u64,
    errors: u64,
    status_codes: BTreeMap<u16, u64>,
    error_kinds: BTreeMap<ErrorKind, u64>,
}

#[derive(Debug, Default)]
struct Scaling {
    ups: u32,
    downs: u32,
    first_up: Option<Timestamp>,
}

/// Time lived by all replicas, where the load starts and where it was seen last.
#[derive(Debug, Default)]
struct Cost {
    at_load_start: Option<Duration>,
    last: (Timestamp, Duration),
}

impl Cost {
    fn sample(&mut self, at: Timestamp, lived: Duration, load_start: Timestamp) {
        let (before_at, before) = std::mem::replace(&mut self.last, (at, lived));
        if self.at_load_start.is_none() && at >= load_start {
            // replicas between two samples are taken as steady; a sample at the load's start makes this exact
            let share = if at == before_at {
                1.0
            } else {
                (load_start - before_at).as_secs_f64() / (at - before_at).as_secs_f64()
            };
            self.at_load_start = Some(before + lived.saturating_sub(before).mul_f64(share.min(1.0)));
        }
    }
}

impl RunWriter {
    /// Begins the files of a run in its directory, which exists and is empty.
    pub(super) fn create(path: &Path, about: RunAbout) -> Result<Self, ResultsError> {
        Ok(Self {
            requests: RowFile::create(&path.join("requests.csv"), REQUESTS)?,
            timeline_rows: RowFile::create(&path.join("timeline.csv"), TIMELINE)?,
            events: RowFile::create(&path.join("events.csv"), EVENTS)?,
            probes: RowFile::create(&path.join("probes.csv"), PROBES)?,
            epoch: Epoch::default(),
            load_start: Timestamp::ZERO,
            load_end: None,
            timeline: Timeline::new(Timestamp::ZERO, about.cores),
            generators: vec![HeySummary::new(); about.loads.len()],
            due: Latencies::new(KEPT_EXACTLY),
            lateness: LatencyHistogram::new(),
            slo: SloCount::new(about.slo),
            requests_count: RequestCounts::default(),
            probe_latencies: Latencies::new(KEPT_EXACTLY),
            probes_count: 0,
            scaling: Scaling::default(),
            ready: None,
            desired: None,
            cost: Cost::default(),
            path: path.to_owned(),
            about,
        })
    }

    /// The run so far.
    pub fn snapshot(&self) -> Snapshot {
        let mut answered = LatencyHistogram::new();
        self.generators.iter().for_each(|generator| answered.merge(generator.latencies().histogram()));
        let now = |function: &Option<StepFn>| function.as_ref().map(|function| function.at(Timestamp::MAX));
        Snapshot {
            latency_p95: answered.percentile(95.0),
            sent: self.requests_count.rows,
            completed: self.requests_count.completed,
            errors: self.requests_count.errors,
            ready: now(&self.ready),
            desired: now(&self.desired),
        }
    }

    /// Ends the run: completes its rows, adds them up, and writes what is known only now. `summary.json` comes last, so a run
    /// that has one is whole.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn finish(mut self, outcome: &Outcome) -> Result<RunSummary, ResultsError> {
        let counts = Counts::of(outcome);
        self.load_end = Some(outcome.load_end);
        if counts.unused_busy > 0 {
            self.timeline.lost(outcome.load_end, Lost { busy: counts.unused_busy, late: 0 });
        }
        self.sample(outcome.end, &outcome.last_sample);
        let seconds = self.timeline.finish(outcome.end, counts.planned, &outcome.last_sample);

        for rows in [&mut self.requests, &mut self.timeline_rows, &mut self.events, &mut self.probes] {
            rows.flush()?;
        }
        self.rewrite_timeline(&seconds)?;
        for (index, (generator, tally)) in self.generators.iter().zip(&outcome.generators).enumerate() {
            let file = self.path.join(format!("hey-{}.txt", index + 1));
            replace_file(&file, generator.text(tally.duration).as_bytes())?;
        }
        let answered = Latencies::united(self.generators.iter().map(HeySummary::latencies));
        replace_file(&self.path.join("latency.hgrm"), percentile_text(answered.histogram()).as_bytes())?;
        let summary = self.summary(outcome, &counts, &answered);
        write_json(&self.path.join("summary.json"), &summary)?;
        Ok(summary)
    }

    /// Rows were written while some requests of their seconds were still under way; now all is known.
    fn rewrite_timeline(&self, seconds: &[Second]) -> Result<(), ResultsError> {
        let mut text = TIMELINE.as_bytes().to_vec();
        text.push(b'\n');
        for second in seconds {
            self.timeline_row(second, &mut Row::new(&mut text));
            text.push(b'\n');
        }
        replace_file(&self.path.join("timeline.csv"), &text)
    }

    fn timeline_row(&self, second: &Second, row: &mut Row<'_>) {
        let latency = second.latency;
        let platform = second.platform;
        row.signed(second.start)
            .maybe(second.planned)
            .maybe(second.sent)
            .count(second.completed)
            .count(second.errors)
            .count(second.lost)
            .maybe(second.in_flight)
            .millis(latency.map(|latency| latency.p50))
            .millis(latency.map(|latency| latency.p90))
            .millis(latency.map(|latency| latency.p95))
            .millis(latency.map(|latency| latency.p99))
            .millis(latency.map(|latency| latency.max))
            .maybe(platform.map(|platform| platform.queue))
            .maybe(platform.map(|platform| platform.desired))
            .maybe(platform.map(|platform| platform.ready))
            .maybe(platform.map(|platform| platform.starting))
            .maybe(platform.map(|platform| platform.terminating))
            .maybe(self.about.demand.filter(|_| self.is_load(second.start)))
            .number(second.utilisation, 4)
            .seconds(second.replica_time);
    }

    /// Whether the load was on in this second.
    fn is_load(&self, second: i64) -> bool {
        let starts_before = |end: Timestamp| (second as f64) < end.seconds_since(self.load_start);
        second >= 0 && self.load_end.is_none_or(starts_before)
    }

    fn sample(&mut self, at: Timestamp, sample: &PlatformSample) {
        set(&mut self.ready, at, sample.ready, sample.ready);
        set(&mut self.desired, at, sample.desired, sample.desired);
        self.cost.sample(at, sample.replica_time, self.load_start);
    }

    fn summary(&self, outcome: &Outcome, counts: &Counts, answered: &Latencies) -> RunSummary {
        let about = &self.about;
        let (load_start, load_end) = (outcome.load_start, outcome.load_end);
        let load = load_end - load_start;
        let reasons = validity::reasons(
            &Facts {
                planned: counts.planned,
                sent: counts.sent,
                rows: self.requests_count.rows,
                lost_busy: counts.lost_busy,
                lost_late: counts.lost_late,
                lateness: &self.lateness,
                stalled: outcome.stalled,
                load,
                interrupted: outcome.interrupted,
            },
            &about.limits,
        );
        let elasticity = about
            .demand
            .zip(self.ready.as_ref())
            .and_then(|(demand, ready)| elasticity(&StepFn::constant(demand), ready, load_start, load_end));
        let ready = self.ready.as_ref().filter(|_| outcome.end > load_start);
        let lived = outcome.last_sample.replica_time;
        RunSummary {
            schema_version: SCHEMA_VERSION,
            arm: about.arm.clone(),
            policy: about.policy.clone(),
            repeat: about.repeat,
            seed: about.seed,
            target: about.target.clone(),
            valid: reasons.is_empty(),
            invalid_because: reasons,
            partial: outcome.interrupted,
            started_unix_s: self.epoch.unix().as_secs_f64(),
            planned: counts.planned,
            sent: counts.sent,
            completed: self.requests_count.completed,
            errors: self.requests_count.errors,
            lost_busy: counts.lost_busy,
            lost_late: counts.lost_late,
            duration_s: load.as_secs_f64(),
            rps: (!load.is_zero()).then(|| counts.sent as f64 / load.as_secs_f64()),
            latency_ms: latency_map(answered),
            due_ms: latency_map(&self.due),
            slo_violation_ratio: self.slo.violation_ratio(counts.planned),
            apdex: self.slo.apdex(counts.planned),
            replicas_mean: ready.and_then(|ready| ready.mean(load_start, load_end)),
            replicas_max: ready.map(|ready| ready.max(load_start, outcome.end)),
            replica_seconds: self.cost.at_load_start.map(|before| lived.saturating_sub(before).as_secs_f64()),
            scale_ups: self.scaling.ups,
            scale_downs: self.scaling.downs,
            first_scale_up_s: self.scaling.first_up.map(|at| at.seconds_since(load_start)),
            back_to_min_s: self.back_to_min(load_end),
            theta_u: elasticity.map(|elasticity| elasticity.theta_u),
            theta_o: elasticity.map(|elasticity| elasticity.theta_o),
            tau_u: elasticity.map(|elasticity| elasticity.tau_u),
            tau_o: elasticity.map(|elasticity| elasticity.tau_o),
            instability: elasticity.map(|elasticity| elasticity.instability),
            probes: self.probes_count,
            probe_p50_ms: self.probe_latencies.sorted().percentile(50.0).map(millis),
            lateness_us: self.lateness_map(),
            stalled_s: outcome.stalled.as_secs_f64(),
            demand: about.demand,
            status_codes: self.requests_count.status_codes.clone(),
            error_kinds: by_name(&self.requests_count.error_kinds),
            generators: self.generator_summaries(outcome),
            latency_histogram_us: answered.histogram().buckets(),
            due_histogram_us: self.due.histogram().buckets(),
            lateness_histogram_us: self.lateness.buckets(),
        }
    }

    fn generator_summaries(&self, outcome: &Outcome) -> Vec<GeneratorSummary> {
        let summary = |(index, tally): (usize, &Tally)| {
            let counts = Counts::of_one(tally, outcome.interrupted);
            GeneratorSummary {
                generator: index as u32 + 1,
                load: self.about.loads.get(index).cloned().unwrap_or_default(),
                planned: counts.planned,
                sent: counts.sent,
                lost_busy: counts.lost_busy,
                lost_late: counts.lost_late,
                duration_s: tally.duration.as_secs_f64(),
            }
        };
        outcome.generators.iter().enumerate().map(summary).collect()
    }

    /// From the load's end until the desired replicas were back at the fewest; `None` if they never left, or never came back.
    fn back_to_min(&self, load_end: Timestamp) -> Option<f64> {
        let desired = self.desired.as_ref()?;
        let min = self.about.min_replicas;
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

impl Recorder for RunWriter {
    fn begin(&mut self, epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.epoch = epoch;
        self.load_start = load_start;
        self.timeline = Timeline::new(load_start, self.about.cores);
        Ok(())
    }

    fn phase(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        if phase == Phase::CoolDown {
            self.load_end = Some(at);
        }
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.timeline.request(row);
        self.lateness.record(row.lateness());
        self.slo.record(row.latency_from_due(), row.is_ok());
        let index = usize::from(row.generator.0);
        if index >= self.generators.len() {
            self.generators.resize_with(index + 1, HeySummary::new);
        }
        let generator = &mut self.generators[index];
        let counts = &mut self.requests_count;
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
        let origin = self.load_start;
        self.requests.row(|out| {
            out.count(u64::from(row.generator.0) + 1).count(row.worker.0.into());
            out.time(row.due, origin).time(row.ready, origin).time(row.sent, origin);
            match row.first_byte {
                Some(at) => out.time(at, origin),
                None => out.unknown(),
            };
            out.time(row.done, origin);
            match row.answer {
                Ok(status) => out.count(status.into()).unknown(),
                Err(kind) => out.unknown().text(kind.as_str()),
            };
            out.maybe(row.replica.map(|replica| replica.0));
        })?;
        Ok(())
    }

    fn lost(&mut self, at: Timestamp, _generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.timeline.lost(at, lost);
        Ok(())
    }

    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        self.probes_count += 1;
        if let Some(latency) = row.latency {
            self.probe_latencies.record(latency);
        }
        let origin = self.load_start;
        self.probes.row(|out| {
            out.time(row.sent, origin).millis(row.latency);
            match row.answer {
                Ok(status) => out.count(status.into()),
                Err(kind) => out.text(kind.as_str()),
            };
            out.count(row.above.into()).count(row.below.into()).text(&row.decision);
        })?;
        Ok(())
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        match (row.kind, row.from, row.to) {
            (EventKind::Scale, Some(from), Some(to)) => {
                set(&mut self.desired, row.at, from, to);
                self.scaling.ups += u32::from(to > from);
                self.scaling.downs += u32::from(to < from);
                if to > from && row.at >= self.load_start && self.scaling.first_up.is_none() {
                    self.scaling.first_up = Some(row.at);
                }
            }
            (EventKind::Ready | EventKind::Terminated, Some(from), Some(to)) => {
                set(&mut self.ready, row.at, from, to);
            }
            _ => {}
        }
        let origin = self.load_start;
        self.events.row(|out| {
            out.time(row.at, origin).text(&row.actor).text(row.kind.as_str()).maybe(row.from).maybe(row.to);
            out.text(&row.reason).shortest(row.value);
        })?;
        // events are few, and the last ones before a crash are the ones that explain it
        self.events.flush()?;
        Ok(())
    }

    fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.sample(at, sample);
        for second in self.timeline.second(at, planned, sample) {
            let mut line = Vec::new();
            self.timeline_row(&second, &mut Row::new(&mut line));
            self.timeline_rows.line(&line)?;
        }
        for rows in [&mut self.requests, &mut self.timeline_rows, &mut self.probes] {
            rows.flush()?;
        }
        Ok(())
    }
}

/// Requests of all generators, by what became of them.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    planned: u64,
    sent: u64,
    lost_busy: u64,
    lost_late: u64,
    /// The part of `lost_busy` that no `lost` row told of.
    unused_busy: u64,
}

impl Counts {
    fn of(outcome: &Outcome) -> Self {
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
        ErrorKind::Reset => "connection reset",
        ErrorKind::Closed => "connection closed before the answer",
        ErrorKind::CutBody => "connection closed inside the answer",
        ErrorKind::Timeout => "no complete answer within the time-out",
        ErrorKind::Protocol => "the answer was not HTTP",
        ErrorKind::Abandoned => "unanswered when the run was ended",
    }
}
