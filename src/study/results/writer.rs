//! One run as it happens: its rows, and at its end what they add up to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::about::RunAbout;
use super::course::Course;
use super::directory::{json, replace_file};
use super::error::ResultsError;
use super::hgrm::percentile_text;
use super::load_text::what_hey_has_no_word_for;
use super::marks::Marks;
use super::measures::Material;
use super::metrics_file;
use super::rows::{Row, RowFile};
use super::shards::{Recording, Told, seal};
use super::summary::RunSummary;
use super::totals::{Counts, Snapshot, Totals};
use crate::drive::clocks::Ahead;
use crate::drive::{Outcome, Phase, RecordError, Recorder};
use crate::record::{
    CpuShares, EventKind, EventRow, FunctionId, GeneratorId, Lost, Measurement, PlatformSample, ProbeRow, ProcessRow,
    RequestRow,
};
use crate::stats::timeline::{Second, Timeline};
use crate::time::{Epoch, Timestamp};

/// Head of `requests.csv`.
const REQUESTS: &str = "generator,worker,due_s,ready_s,sent_s,first_byte_s,done_s,status,error,replica";
/// Head of `timeline.csv`.
const TIMELINE: &str = "t_s,planned,sent,completed,errors,lost,in_flight,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,\
                        queue,desired,ready,starting,terminating,demand,utilisation,replica_seconds";
/// Head of `processes.csv`.
const PROCESSES: &str = "t_s,replica,pid,state,cpu_s,rss_mib,threads,in_flight";
/// Head of `events.csv`.
const EVENTS: &str = "t_s,actor,kind,from,to,reason,value";
/// Head of `cpu.csv`.
const CPU: &str = "t_s,generator,generator_thread,platform,process,others,stolen,total,awake";
/// Head of `probes.csv`.
const PROBES: &str = "t_s,latency_ms,status,above,below,decision";

/// Which rows of a run are kept. Whatever is added up (histograms, timeline, summary, hey's texts) is complete either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// A row per request in `requests.csv`.
    #[default]
    All,
    /// No `requests.csv`.
    None,
}

/// Writes a run's directory as the run goes.
///
/// Rows are on disk at the latest when their second ends, events at once. A row of `timeline.csv` is written when its second ends,
/// with `sent` and `in_flight` empty, since a request is told of only when it was answered; [`RunWriter::finish`] fills them in.
#[derive(Debug)]
pub struct RunWriter {
    path: PathBuf,
    about: RunAbout,
    requests: Option<RowFile>,
    timeline_rows: RowFile,
    events: RowFile,
    probes: RowFile,
    /// Only where the machine tells.
    cpu: Option<RowFile>,
    /// Only where replicas are processes.
    processes: Option<RowFile>,
    /// Only where the policy reads metrics.
    metrics: Option<RowFile>,
    /// Only of a shard.
    recording: Option<Recording>,
    /// How far this machine's clock is ahead of the gateway's. Only of a shard.
    clock: Option<Ahead>,
    load_start: Timestamp,
    /// When the load ended, once it did.
    load_end: Option<Timestamp>,
    timeline: Timeline,
    totals: Box<Totals>,
    course: Box<Course>,
}

impl RunWriter {
    /// Begins the files of a run in its directory, which exists and is empty.
    pub(super) fn create(path: &Path, about: RunAbout, rows: Rows) -> Result<Self, ResultsError> {
        let requests = || RowFile::create(&path.join("requests.csv"), REQUESTS);
        Ok(Self {
            requests: (rows == Rows::All).then(requests).transpose()?,
            timeline_rows: RowFile::create(&path.join("timeline.csv"), TIMELINE)?,
            events: RowFile::create(&path.join("events.csv"), EVENTS)?,
            probes: RowFile::create(&path.join("probes.csv"), PROBES)?,
            cpu: None,
            processes: None,
            metrics: None,
            recording: None,
            clock: None,
            load_start: Timestamp::ZERO,
            load_end: None,
            timeline: Timeline::new(Timestamp::ZERO, about.cores),
            totals: Box::new(Totals::new(about.slo, about.loads.len(), &about.shadows)),
            course: Box::new(Course::new(&about, Timestamp::ZERO)),
            path: path.to_owned(),
            about,
        })
    }

    /// The same for a shard's run, which can be united with the others'.
    pub(super) fn recorded(self) -> Result<Self, ResultsError> {
        Ok(Self { recording: Some(Recording::create(&self.path)?), ..self })
    }

    /// Notes what the other machines' clocks are laid beside, if it is known.
    pub fn clock_ahead(&mut self, ahead: Option<Ahead>) {
        self.clock = ahead;
    }

    fn keep(&mut self, told: impl FnOnce() -> Told) -> Result<(), ResultsError> {
        match &mut self.recording {
            Some(recording) => recording.keep(&told()),
            None => Ok(()),
        }
    }

    /// Where the run's files are.
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// The run so far.
    pub fn snapshot(&self) -> Snapshot {
        self.totals.snapshot()
    }

    /// Ends the run: completes its rows, adds them up, and writes what is known only now. `summary.json` comes last, so a run
    /// that has one is whole.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn finish(self, outcome: &Outcome) -> Result<RunSummary, ResultsError> {
        self.finish_unless(outcome, Vec::new())
    }

    /// The same of a run that is invalid for these reasons too, if there are any.
    pub(super) fn finish_unless(
        mut self,
        outcome: &Outcome,
        invalid_because: Vec<String>,
    ) -> Result<RunSummary, ResultsError> {
        let counts = Counts::of(outcome);
        self.load_end = Some(outcome.load_end);
        if counts.unused_busy > 0 {
            let lost = Lost { busy: counts.unused_busy, late: 0 };
            self.timeline.lost(outcome.load_end, lost);
            // in the load's last second, not in one that begins where it ends
            self.course.lost(outcome.load_end - Duration::from_nanos(1), lost);
        }
        self.totals.sample(outcome.end, &outcome.last_sample);
        let seconds = self.timeline.finish(outcome.end, counts.planned, &outcome.last_sample);

        let rows = [&mut self.timeline_rows, &mut self.events, &mut self.probes];
        let others = self.cpu.iter_mut().chain(&mut self.processes).chain(&mut self.metrics);
        for rows in rows.into_iter().chain(&mut self.requests).chain(others) {
            rows.flush()?;
        }
        self.rewrite_timeline(&seconds)?;
        for (index, (generator, tally)) in self.totals.generators().iter().zip(&outcome.generators).enumerate() {
            let file = self.path.join(format!("hey-{}.txt", index + 1));
            let load = self.about.loads.get(index).map_or("", String::as_str);
            let text = generator.text(tally.duration) + &what_hey_has_no_word_for(load, tally);
            replace_file(&file, text.as_bytes())?;
        }
        let answered = self.totals.answered();
        replace_file(&self.path.join("latency.hgrm"), percentile_text(answered.histogram()).as_bytes())?;
        let mut summary = self.totals.summary(&self.about, outcome, &answered);
        let material = Material {
            run: &summary,
            about: &self.about,
            outcome,
            ready: self.totals.ready.as_ref(),
            desired: self.totals.desired.as_ref(),
            course: &self.course,
            seconds: &seconds,
        };
        summary.measures = material.measures();
        summary.valid &= invalid_because.is_empty();
        summary.invalid_because.extend(invalid_because);
        if let Some(recording) = &mut self.recording {
            recording.flush()?;
        }
        let file = self.path.join("summary.json");
        let text = json(&file, &summary)?;
        Marks::of_run(&self.path, &text)?.write(&self.path)?;
        if self.recording.is_some() {
            let rows = if self.requests.is_some() { Rows::All } else { Rows::None };
            seal(&self.path, &self.about, rows, outcome, self.clock, &text)?;
        }
        replace_file(&file, &text)?;
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
            .maybe(self.about.demand.at(second.start).replicas().filter(|_| self.is_load(second.start)))
            .number(second.utilisation, 4)
            .seconds(second.replica_time);
    }

    /// Whether the load was on in this second.
    fn is_load(&self, second: i64) -> bool {
        let starts_before = |end: Timestamp| (second as f64) < end.seconds_since(self.load_start);
        second >= 0 && self.load_end.is_none_or(starts_before)
    }
}

impl Recorder for RunWriter {
    fn begin(&mut self, epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.load_start = load_start;
        self.timeline = Timeline::new(load_start, self.about.cores);
        self.totals.begin(epoch, load_start);
        *self.course = Course::new(&self.about, load_start);
        Ok(())
    }

    fn phase(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        self.keep(|| Told::Phase(at, phase))?;
        match phase {
            Phase::WarmUp => self.timeline.begin(at),
            Phase::Load => {}
            Phase::CoolDown => self.load_end = Some(at),
        }
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.keep(|| Told::Request(*row))?;
        self.timeline.request(row);
        self.totals.request(row);
        self.course.request(row, self.totals.ready.as_ref());
        let Some(requests) = &mut self.requests else { return Ok(()) };
        let origin = self.load_start;
        requests.row(|out| {
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

    fn lost(&mut self, at: Timestamp, generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.keep(|| Told::Lost(at, generator, lost))?;
        self.timeline.lost(at, lost);
        self.course.lost(at, lost);
        Ok(())
    }

    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        self.keep(|| Told::Probe(row.clone()))?;
        self.totals.probe(row);
        self.course.probe(row);
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
        self.keep(|| Told::Event(row.clone()))?;
        self.totals.event(row);
        if let (EventKind::Ready | EventKind::Terminated, Some(to)) = (row.kind, row.to) {
            self.course.ready(to);
        }
        let origin = self.load_start;
        self.events.row(|out| {
            out.time(row.at, origin).text(&row.actor).text(row.kind.as_str()).maybe(row.from).maybe(row.to);
            out.text(&row.reason).shortest(row.value);
        })?;
        // in the order in which they were heard of, which is up to a second after their time: what is told late is not held
        // back until it could be sorted, since a run may be killed meanwhile;
        // events are few, and the last ones before a crash are the ones that explain it
        self.events.flush()?;
        Ok(())
    }

    fn metrics(&mut self, at: Timestamp, function: FunctionId, sample: &Measurement) -> Result<(), RecordError> {
        let metrics = match &mut self.metrics {
            Some(metrics) => metrics,
            none => none.insert(RowFile::create(&self.path.join("metrics.csv"), metrics_file::HEAD)?),
        };
        metrics_file::write(metrics, self.load_start, at, function, sample)?;
        Ok(())
    }

    fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.keep(|| Told::Second(at, planned, *sample))?;
        self.totals.sample(at, sample);
        self.course.ready(sample.ready);
        for second in self.timeline.second(at, planned, sample) {
            let mut line = Vec::new();
            self.timeline_row(&second, &mut Row::new(&mut line));
            self.timeline_rows.line(&line)?;
        }
        let rows = [&mut self.timeline_rows, &mut self.probes].into_iter();
        for rows in rows.chain(&mut self.requests).chain(&mut self.metrics) {
            rows.flush()?;
        }
        self.recording.as_mut().map_or(Ok(()), Recording::flush)?;
        Ok(())
    }

    fn process(&mut self, at: Timestamp, row: &ProcessRow) -> Result<(), RecordError> {
        self.keep(|| Told::Process(at, *row))?;
        let rows = match &mut self.processes {
            Some(rows) => rows,
            None => self.processes.insert(RowFile::create(&self.path.join("processes.csv"), PROCESSES)?),
        };
        let origin = self.load_start;
        rows.row(|out| {
            out.time(at, origin).count(row.replica.0.into()).count(row.process.into()).text(row.state.as_str());
            out.number(Some(row.cpu_time.as_secs_f64()), 2).number(Some(row.resident as f64 / 1_048_576.0), 1);
            out.count(row.threads.into()).count(row.in_flight.into());
        })?;
        // a row or two a second, and whoever looks for what a killed run left wants the last one
        rows.flush()?;
        Ok(())
    }

    fn cpu(&mut self, at: Timestamp, shares: &CpuShares) -> Result<(), RecordError> {
        self.keep(|| Told::Cpu(at, *shares))?;
        let second = Duration::from_secs(1);
        // the row of a second is counted if all of it lies in the load
        if at >= self.load_start + second && self.load_end.is_none_or(|end| at <= end) {
            self.totals.cpu(shares, &self.about.limits);
        }
        let rows = match &mut self.cpu {
            Some(rows) => rows,
            None => self.cpu.insert(RowFile::create(&self.path.join("cpu.csv"), CPU)?),
        };
        let origin = self.load_start;
        rows.row(|out| {
            // as in timeline.csv: the second by its start
            out.signed(at.seconds_since(origin).round() as i64 - 1).number(Some(shares.generator), 4);
            out.number(Some(shares.generator_thread), 4).number(shares.platform, 4).number(Some(shares.process), 4);
            out.number(Some(shares.others), 4).number(Some(shares.stolen), 4).number(Some(shares.total), 4);
            out.number(Some(shares.awake), 4);
        })?;
        rows.flush()?;
        Ok(())
    }
}
