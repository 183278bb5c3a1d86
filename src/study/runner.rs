//! Runs a study: every arm, every repeat, one after another, each row on disk as it comes.
//!
//! The order is arm by arm within a repeat, so that a study that is cut short has compared what it has. Each run gets a
//! platform of its own: nothing of one run (counters, pods, warm connections) reaches the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::companion::{CompanionError, Outside};
use super::demand::Demand;
use super::plan::Study;
use super::results::summary::{RunSummary, StudyRecord};
use super::results::{Ending, ResultsDir, ResultsError, RunAbout, RunWriter, Snapshot};
use super::target_kind::TargetKind;
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::{RunError, run};
use crate::drive::live::target::TargetError;
use crate::drive::live::target::embedded::Embedded;
use crate::drive::{Phase, Plan, RecordError, Recorder};
use crate::record::{EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use crate::time::{Epoch, Timestamp};

/// Why a study could not go on. What was written before stays, and says so.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The results could not be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The platform could not be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What scales the arm from outside could not be started.
    #[error("arm \"{arm}\", repeat {repeat}: {source}")]
    Companion {
        /// Which arm.
        arm: String,
        /// Which repeat.
        repeat: u32,
        /// Why.
        source: CompanionError,
    },
    /// A run could not go on.
    #[error("arm \"{arm}\", repeat {repeat}: {source}")]
    Run {
        /// Which arm.
        arm: String,
        /// Which repeat.
        repeat: u32,
        /// Why.
        source: RunError,
    },
}

/// Who wants to see what goes on.
pub trait Observer {
    /// A run begins: the `index`th of `total`, counted from 1.
    fn run_begins(&mut self, run: &RunBegins<'_>);
    /// The run under way, about once a second.
    fn run_goes_on(&mut self, progress: &Progress);
    /// A run is over.
    fn run_ended(&mut self, summary: &RunSummary);
}

/// A run that begins.
#[derive(Clone, Copy, Debug)]
pub struct RunBegins<'a> {
    /// Its arm.
    pub arm: &'a str,
    /// Its repeat, from 1.
    pub repeat: u32,
    /// Which of all runs, from 1.
    pub index: u64,
    /// How many runs there are.
    pub total: u64,
    /// How long it will take: an estimate.
    pub duration: Duration,
}

/// A run under way.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Time since the run's start.
    pub elapsed: Duration,
    /// Its phase.
    pub phase: Phase,
    /// What it has seen so far.
    pub seen: Snapshot,
}

/// How a study ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyEnd {
    /// Its results directory.
    pub results: PathBuf,
    /// Each run that ended, in order.
    pub runs: Vec<RunSummary>,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// Runs all of `study` into a new directory `results`, whose `study.json` starts as `record`.
///
/// `demand` is what the load asks for, where that is known.
///
/// # Errors
/// When results can't be written, the platform can't be started, or a run can't go on. The directory then says `failed`.
pub async fn run_study(
    study: &Study,
    record: &StudyRecord,
    demand: Demand,
    results: &Path,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<StudyEnd, StudyError> {
    let mut directory = ResultsDir::create(results, record)?;
    let mut end = StudyEnd { results: results.to_owned(), runs: Vec::new(), interrupted: false };
    let outcome = all_runs(study, demand, &mut directory, observer, interrupt, &mut end).await;
    let ending = match &outcome {
        Err(_) => Ending::Failed,
        Ok(()) if end.interrupted => Ending::Partial,
        Ok(()) => Ending::Done,
    };
    let finished = directory.finish(ending, Clock::unix_now().as_secs_f64());
    outcome?;
    finished?;
    Ok(end)
}

async fn all_runs(
    study: &Study,
    demand: Demand,
    directory: &mut ResultsDir,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
    end: &mut StudyEnd,
) -> Result<(), StudyError> {
    let mut index = 0;
    for repeat in 1..=study.repeats {
        for (arm, settings) in study.arms.iter().enumerate() {
            index += 1;
            let duration = study.duration_of_run();
            observer.run_begins(&RunBegins { arm: &settings.name, repeat, index, total: study.runs(), duration });
            let plan = study.plan(arm, repeat);
            let writer = directory.run(about(study, demand, &plan, repeat))?;
            let summary = one_run(&plan, repeat, writer, observer, interrupt).await?;
            directory.add(&summary)?;
            observer.run_ended(&summary);
            end.interrupted = summary.partial;
            end.runs.push(summary);
            if end.interrupted {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn one_run(
    plan: &Plan,
    repeat: u32,
    writer: RunWriter,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<RunSummary, StudyError> {
    let clock = Clock::start();
    let (events, changes) = unbounded_channel();
    let outside = Outside::new(events.clone());
    let alerts = outside.alerts(plan);
    let target = Arc::new(Embedded::with_alerts(&plan.functions, plan.node, plan.seed, clock, events, alerts)?);
    let arm = || plan.arm.name.clone();
    let companion = outside
        .start(plan, &target, &clock, writer.directory(), interrupt)
        .await
        .map_err(|source| StudyError::Companion { arm: arm(), repeat, source })?;
    let mut watched = Watched { writer, observer, phase: Phase::WarmUp };
    let outcome = run(plan, target, &clock, changes, &mut watched, interrupt).await;
    if let Some(companion) = companion {
        companion.end(outcome.is_err()).await;
    }
    let outcome = outcome.map_err(|source| StudyError::Run { arm: arm(), repeat, source })?;
    Ok(watched.writer.finish(&outcome)?)
}

fn about(study: &Study, demand: Demand, plan: &Plan, repeat: u32) -> RunAbout {
    RunAbout {
        arm: plan.arm.name.clone(),
        policy: plan.arm.policy.name.to_owned(),
        repeat,
        seed: plan.seed.0,
        target: study.target.to_string(),
        slo: study.slo,
        cores: matches!(study.target, TargetKind::Embedded).then_some(plan.node.cores),
        loads: study.loads.clone(),
        limits: study.limits,
        demand: demand.replicas(),
        min_replicas: plan.functions[0].bounds.0,
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
}
