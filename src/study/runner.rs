//! Runs a study: every arm, every repeat, each row on disk as it comes.
//!
//! One loop for all targets. It begins runs in a fixed order (`agenda`), arm by arm within a repeat, so that a study that is cut short
//! has compared what it has; it adds them up in the same order, whatever order they end in. How a run is made is the business of
//! `live` (one after another, by the wall clock) and `simulated` (as many at once as there are threads, in virtual time).
//!
//! Each run gets a platform of its own: nothing of one run (counters, pods, warm connections) reaches the next.

mod about;
mod agenda;
mod live;
mod simulated;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use about::about;
use agenda::{Agenda, Next};

use super::companion::CompanionError;
use super::plan::Study;
use super::results::statistics::Statistics;
use super::results::summary::{RunSummary, StudyRecord};
use super::results::{Ending, ResultsDir, ResultsError, Rows, RunWriter, Snapshot};
use super::target_kind::TargetKind;
use crate::drive::live::awake::{Awake, AwakeError};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::RunError;
use crate::drive::live::target::TargetError;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::process::EnvironmentError;
use crate::drive::{Phase, Plan, RecordError};
use crate::stats::demand::DemandCurve;

/// Why a study could not go on. What was written before stays, and says so.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The results could not be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// There is no Python for the functions.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The platform could not be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The machine can't be kept awake.
    #[error(transparent)]
    Awake(#[from] AwakeError),
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
    /// Somebody's platform could not be used, or was not left as it was found.
    #[error("arm \"{arm}\", repeat {repeat}: {source}")]
    Guest {
        /// Which arm.
        arm: String,
        /// Which repeat.
        repeat: u32,
        /// Why.
        source: Box<GuestError>,
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
    /// A run in virtual time could not go on.
    #[error("arm \"{arm}\", repeat {repeat}: {source}")]
    Simulation {
        /// Which arm.
        arm: String,
        /// Which repeat.
        repeat: u32,
        /// Why.
        source: RecordError,
    },
    /// A thread that simulated ended before its run did.
    #[error("a simulation ended before its time; this is a fault of watchtower, please report it")]
    SimulationDied,
}

/// Who wants to see what goes on.
pub trait Observer {
    /// Something has to be made before the first run, which takes a while.
    fn prepares(&mut self, what: &str);
    /// A run by the wall clock begins: the `index`th of `total`, counted from 1.
    fn run_begins(&mut self, run: &RunBegins<'_>);
    /// The run under way, about once a second.
    fn run_goes_on(&mut self, progress: &Progress);
    /// Runs in virtual time are under way, about ten times a second.
    fn simulation_goes_on(&mut self, progress: &SimulationProgress);
    /// A run is over. Runs end in the study's order.
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

/// A study in virtual time under way.
#[derive(Clone, Copy, Debug)]
pub struct SimulationProgress {
    /// Runs that are over.
    pub ended: u64,
    /// How many runs there are.
    pub total: u64,
    /// How much of the study's virtual time has passed, 0 to 1: an estimate.
    pub share: f64,
}

/// How a study is carried out: wishes that change no number in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// How many runs in virtual time are made at once; as many as there are cores if it is not given.
    pub threads: Option<NonZeroUsize>,
    /// Which rows are kept.
    pub rows: Rows,
    /// When the load of the first run begins, as Unix time, where several machines make it together; each further run has a fixed time
    /// after it. At once if it is not given.
    pub start_at: Option<Duration>,
    /// Whether this machine's cores are kept awake while runs go on by the wall clock.
    pub keep_awake: bool,
}

/// How long before a run's warm-up it is begun, where machines keep in step: for taking the function over.
pub const TAKE_OVER: Duration = live::TAKE_OVER;

/// How long a study takes whose machines keep in step, from its first warm-up on: an estimate.
pub fn time_in_step(study: &Study) -> Duration {
    live::in_step(study.duration_of_run(), study.runs())
}

/// How a study ended.
#[derive(Clone, Debug)]
pub struct StudyEnd {
    /// Its results directory.
    pub results: PathBuf,
    /// Each run that ended, in order.
    pub runs: Vec<RunSummary>,
    /// What they say of their arms.
    pub statistics: Statistics,
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
    demand: &DemandCurve,
    results: &Path,
    conduct: Conduct,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<StudyEnd, StudyError> {
    let replicas = live::prepare(study.target, observer).await?;
    let directory = ResultsDir::create(results, record)?;
    directory.write_demand(demand)?;
    carry_out(study, demand, Vec::new(), (conduct, replicas), directory, observer, interrupt).await
}

/// Goes on with a study whose directory exists: what was finished stays as it is, what was cut short is made again, and what is
/// missing is made.
///
/// # Errors
/// As [`run_study`], and when the directory is no study's or another program writes to it.
pub async fn resume_study(
    study: &Study,
    record: &StudyRecord,
    demand: &DemandCurve,
    results: &Path,
    conduct: Conduct,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<StudyEnd, StudyError> {
    let replicas = live::prepare(study.target, observer).await?;
    let (directory, finished) = ResultsDir::reopen(results, record)?;
    carry_out(study, demand, finished, (conduct, replicas), directory, observer, interrupt).await
}

async fn carry_out(
    study: &Study,
    demand: &DemandCurve,
    finished: Vec<RunSummary>,
    (conduct, replicas): (Conduct, live::Replicas),
    mut directory: ResultsDir,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<StudyEnd, StudyError> {
    let results = directory.path().to_owned();
    let mut end = StudyEnd { results, runs: Vec::new(), statistics: Statistics::default(), interrupted: false };
    let outcome =
        all_runs(study, demand, finished, (conduct, replicas), &mut directory, observer, interrupt, &mut end).await;
    let ending = match &outcome {
        Err(_) => Ending::Failed,
        Ok(()) if end.interrupted => Ending::Partial,
        Ok(()) => Ending::Done,
    };
    let finished = directory.finish(ending, Clock::unix_now().as_secs_f64());
    outcome?;
    end.statistics = finished?;
    Ok(end)
}

/// One run that is to be made.
struct Job {
    /// Its place in the study's order, from 0.
    index: u64,
    repeat: u32,
    plan: Plan,
    writer: RunWriter,
}

/// Who makes the runs.
enum Maker {
    Live(Box<live::Live>),
    Simulated(simulated::Simulated),
}

impl Maker {
    fn of(study: &Study, conduct: Conduct, replicas: live::Replicas) -> Self {
        if study.target == TargetKind::Simulated {
            Self::Simulated(simulated::Simulated::new(study, conduct.threads))
        } else {
            Self::Live(Box::new(live::Live::new(study, replicas, conduct.start_at)))
        }
    }

    /// Whether another run can be begun before one ends.
    fn has_room(&self) -> bool {
        match self {
            Self::Live(live) => live.has_room(),
            Self::Simulated(simulated) => simulated.has_room(),
        }
    }

    fn begin(&mut self, job: Job) {
        match self {
            Self::Live(live) => live.begin(job),
            Self::Simulated(simulated) => simulated.begin(job),
        }
    }

    /// Waits for a run to end: its place in the study's order, and what it added up to. `None` if none is under way.
    async fn ended(
        &mut self,
        observer: &mut dyn Observer,
        interrupt: &mut Interrupt,
    ) -> Option<(u64, Result<RunSummary, StudyError>)> {
        match self {
            Self::Live(live) => live.ended(observer, interrupt).await,
            Self::Simulated(simulated) => simulated.ended(observer, interrupt).await,
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "what a study is, what is there, who carries it out, and where it ends up"
)]
async fn all_runs(
    study: &Study,
    demand: &DemandCurve,
    finished: Vec<RunSummary>,
    (conduct, replicas): (Conduct, live::Replicas),
    directory: &mut ResultsDir,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
    end: &mut StudyEnd,
) -> Result<(), StudyError> {
    let _awake = conduct.keep_awake.then(Awake::keep).transpose()?;
    let mut maker = Maker::of(study, conduct, replicas);
    let mut agenda = Agenda::new(study);
    let mut finished: BTreeMap<(u32, String), RunSummary> =
        finished.into_iter().map(|run| ((run.repeat, run.arm.clone()), run)).collect();
    let mut failed = None;
    // over, and not yet added up: those before it go on
    let mut early: BTreeMap<u64, Over> = BTreeMap::new();
    loop {
        while failed.is_none() && !end.interrupted && maker.has_room() {
            let Some(Next { index, repeat, arm }) = agenda.next() else { break };
            if let Some(summary) = finished.remove(&(repeat, study.arms[arm].name.clone())) {
                early.insert(index, Over { summary, is_new: false });
                continue;
            }
            let plan = study.plan(arm, repeat);
            match directory.run_with(about(study, demand, conduct, &plan, repeat, arm), conduct.rows) {
                Ok(writer) => maker.begin(Job { index, repeat, plan, writer }),
                Err(error) => failed = Some(error.into()),
            }
        }
        let ended = maker.ended(observer, interrupt).await;
        let is_idle = ended.is_none();
        match ended {
            Some((index, Ok(summary))) => {
                // what is under way still ends; nothing more is begun
                end.interrupted |= summary.partial || interrupt.cause().is_some();
                early.insert(index, Over { summary, is_new: true });
            }
            Some((_, Err(error))) => {
                failed.get_or_insert(error);
            }
            None => {}
        }
        while let Some(entry) = early.first_entry().filter(|entry| *entry.key() == end.runs.len() as u64) {
            add(entry.remove(), directory, observer, end)?;
        }
        if is_idle && (failed.is_some() || end.interrupted || !agenda.goes_on(directory.record(), &end.runs)) {
            break;
        }
    }
    // a run that failed leaves a gap in the order; those behind it that ended are results all the same
    for over in early.into_values() {
        add(over, directory, observer, end)?;
    }
    for summary in finished.into_values() {
        add(Over { summary, is_new: false }, directory, observer, end)?;
    }
    failed.map_or(Ok(()), Err)
}

/// A run that is over.
struct Over {
    summary: RunSummary,
    /// Made now, and not before the study was interrupted.
    is_new: bool,
}

fn add(
    Over { summary, is_new }: Over,
    directory: &mut ResultsDir,
    observer: &mut dyn Observer,
    end: &mut StudyEnd,
) -> Result<(), StudyError> {
    directory.add(&summary)?;
    if is_new {
        observer.run_ended(&summary);
    }
    end.runs.push(summary);
    Ok(())
}
