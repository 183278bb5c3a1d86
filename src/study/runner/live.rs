//! Runs by the wall clock: one after another, each on a platform that is started for it, or as a guest on somebody's.

mod guest;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{Job, Observer, Progress, RunBegins, StudyError};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::run;
use crate::drive::live::target::TargetError;
use crate::drive::live::target::embedded::Embedded;
use crate::drive::live::target::platform::Options;
use crate::drive::live::target::process::{Environment, EnvironmentError, Recipe, Workshop};
use crate::drive::live::toll::toll;
use crate::drive::{Phase, RecordError, Recorder};
use crate::record::{
    CpuShares, EventKind, EventRow, FunctionId, GeneratorId, Lost, Measurement, PlatformSample, ProbeRow, ProcessRow,
    RequestRow,
};
use crate::study::companion::{Outside, own_program};
use crate::study::plan::{Premises, Study};
use crate::study::results::RunWriter;
use crate::study::results::summary::RunSummary;
use crate::study::target_kind::TargetKind;
use crate::time::{Epoch, Timestamp};

/// From one run to the next there is this much more than a run takes, where machines keep in step: for taking the function over and
/// for putting it back.
const BETWEEN: Duration = Duration::from_secs(30);

/// So much of it, before the warm-up, is for taking the function over.
pub(super) const TAKE_OVER: Duration = Duration::from_secs(15);

/// What runs the replicas of a study's runs.
#[derive(Clone, Debug)]
pub(super) enum Replicas {
    /// The model.
    Modelled,
    /// Processes of this Python.
    Processes(Environment),
}

/// Gets ready what the runs of a target need; tells of it if it takes a while.
pub(super) async fn prepare(target: TargetKind, observer: &mut dyn Observer) -> Result<Replicas, EnvironmentError> {
    if target != TargetKind::Process {
        return Ok(Replicas::Modelled);
    }
    let recipe = Recipe::find()?;
    if let Some(made) = recipe.made() {
        return Ok(Replicas::Processes(made));
    }
    observer.prepares(&recipe.what_is_made());
    let made = tokio::task::spawn_blocking(move || recipe.make()).await;
    // only a panic of the task ends it without an answer, and the program with it
    made.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic())).map(Replicas::Processes)
}

pub(super) struct Live {
    replicas: Replicas,
    total: u64,
    duration_of_run: Duration,
    premises: Option<Premises>,
    /// When the first run's load begins, as Unix time, if that is fixed.
    start_at: Option<Duration>,
    next: Option<Job>,
}

impl Live {
    pub(super) fn new(study: &Study, replicas: Replicas, start_at: Option<Duration>) -> Self {
        Self {
            replicas,
            total: study.runs(),
            duration_of_run: study.duration_of_run(),
            premises: study.premises.clone(),
            start_at,
            next: None,
        }
    }

    /// Two runs at once would measure each other.
    pub(super) fn has_room(&self) -> bool {
        self.next.is_none()
    }

    pub(super) fn begin(&mut self, job: Job) {
        self.next = Some(job);
    }

    pub(super) async fn ended(
        &mut self,
        observer: &mut dyn Observer,
        interrupt: &mut Interrupt,
    ) -> Option<(u64, Result<RunSummary, StudyError>)> {
        let job = self.next.take()?;
        observer.run_begins(&RunBegins {
            arm: &job.plan.arm.name,
            repeat: job.repeat,
            index: job.index + 1,
            total: self.total,
            duration: self.duration_of_run,
        });
        let index = job.index;
        let ended = match &self.premises {
            None => one_run(job, &self.replicas, observer, interrupt).await,
            Some(premises) => {
                let load_at = self.load_at(index);
                if let Some(at) = load_at {
                    wait_until(at.saturating_sub(job.plan.warm_up + TAKE_OVER), interrupt).await;
                }
                let times = guest::Times { lasts: self.duration_of_run, load_at };
                Box::pin(guest::one_run(premises, times, job, observer, interrupt)).await
            }
        };
        Some((index, ended))
    }
}

impl Live {
    /// When the load of a run begins, as Unix time, if that is fixed.
    fn load_at(&self, index: u64) -> Option<Duration> {
        let before = in_step(self.duration_of_run, index);
        self.start_at.map(|first| first.saturating_add(before))
    }
}

/// How long so many runs take, where machines keep in step.
pub(super) fn in_step(duration_of_run: Duration, runs: u64) -> Duration {
    duration_of_run.saturating_add(BETWEEN).saturating_mul(u32::try_from(runs).unwrap_or(u32::MAX))
}

/// Waits until a Unix time, or until the end is asked for, of which the run then learns by itself.
async fn wait_until(at: Duration, interrupt: &mut Interrupt) {
    let (clock, wait) = (Clock::start(), at.saturating_sub(Clock::unix_now()));
    if !wait.is_zero() && interrupt.cause().is_none() {
        tokio::select! {
            () = clock.sleep_until(clock.now() + wait) => {}
            () = interrupt.wait() => {}
        }
    }
}

async fn one_run(
    job: Job,
    replicas: &Replicas,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<RunSummary, StudyError> {
    let Job { repeat, mut plan, writer, .. } = job;
    // before the run's clock starts
    let toll = match replicas {
        Replicas::Modelled if !plan.node.transport.is_zero() => Some(toll(&Clock::start()).await?),
        Replicas::Modelled | Replicas::Processes(_) => None,
    };
    let clock = Clock::start();
    let (events, changes) = unbounded_channel();
    let outside = Outside::new(events.clone());
    let alerts = outside.alerts(&plan);
    let mut options = Options { alerts, ..Options::new(plan.functions.clone(), plan.node, plan.seed, clock) };
    // its files are there for as long as the run
    let workshop = match replicas {
        Replicas::Modelled => None,
        Replicas::Processes(environment) => {
            let workshop = Workshop::set_up().map_err(|error| TargetError::Replica(error.to_string()))?;
            let names = plan.functions.iter().map(|function| function.info.name.as_str());
            options.processes = Some(workshop.processes(environment, names, own_program()));
            Some(workshop)
        }
    };
    if let Some(toll) = toll {
        // the receiver is above
        let _ = events.send(spare_transport(&mut options, toll));
    }
    let target = Embedded::on(options, events)?;
    let target = Arc::new(target);
    let arm = plan.arm.name.clone();
    let companion = outside
        .start(&mut plan, &target, &clock, writer.directory(), interrupt)
        .await
        .map_err(|source| StudyError::Companion { arm: arm.clone(), repeat, source })?;
    let mut watched = Watched { writer, observer, phase: Phase::WarmUp };
    let outcome = run(&plan, target, &clock, changes, &mut watched, interrupt).await;
    if let Some(companion) = companion {
        companion.end(outcome.is_err()).await;
    }
    drop(workshop);
    let outcome = outcome.map_err(|source| StudyError::Run { arm, repeat, source })?;
    Ok(watched.writer.finish(&outcome)?)
}

/// An answer's way back from a modelled function is partly a real one, and the model's transport is shortened by it; a row that says so.
fn spare_transport(options: &mut Options, toll: Duration) -> EventRow {
    let (whole, real) = (options.node.transport, toll.min(options.node.transport));
    options.node.transport = whole.saturating_sub(real);
    options.real_way_back = Some(real);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let what = if cfg!(target_os = "linux") {
        "an answer's real way back, the rest is modelled; what the way to the platform takes is made up for"
    } else {
        "the real way to the platform and back, the rest is modelled"
    };
    let reason = format!("of {:.2} ms of transport {:.2} ms are {what}", millis(whole), millis(real));
    EventRow {
        at: Timestamp::ZERO,
        actor: Cow::Borrowed("platform"),
        kind: EventKind::Host,
        from: None,
        to: None,
        reason,
        value: Some(real.as_secs_f64()),
    }
}

/// A run's writer with somebody looking over its shoulder.
struct Watched<'a> {
    writer: RunWriter,
    observer: &'a mut dyn Observer,
    phase: Phase,
}

impl Recorder for Watched<'_> {
    fn begin(&mut self, epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.writer.begin(epoch, load_start)
    }

    fn phase(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        self.phase = phase;
        self.writer.phase(at, phase)
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.writer.request(row)
    }

    fn lost(&mut self, at: Timestamp, generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.writer.lost(at, generator, lost)
    }

    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        self.writer.probe(row)
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.writer.event(row)
    }

    fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.writer.second(at, planned, sample)?;
        let elapsed = at - Timestamp::ZERO;
        self.observer.run_goes_on(&Progress { elapsed, phase: self.phase, seen: self.writer.snapshot() });
        Ok(())
    }

    fn process(&mut self, at: Timestamp, row: &ProcessRow) -> Result<(), RecordError> {
        self.writer.process(at, row)
    }

    fn cpu(&mut self, at: Timestamp, shares: &CpuShares) -> Result<(), RecordError> {
        self.writer.cpu(at, shares)
    }

    fn metrics(&mut self, at: Timestamp, function: FunctionId, sample: &Measurement) -> Result<(), RecordError> {
        self.writer.metrics(at, function, sample)
    }
}
