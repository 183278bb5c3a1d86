//! Runs by the wall clock: one after another, each on a platform that is started for it, or as a guest on somebody's.

mod openfaas;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{Job, Observer, Progress, RunBegins, StudyError};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::run;
use crate::drive::live::target::embedded::Embedded;
use crate::drive::live::target::openfaas::Access;
use crate::drive::{Phase, RecordError, Recorder};
use crate::record::{CpuShares, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use crate::study::companion::Outside;
use crate::study::plan::Study;
use crate::study::results::RunWriter;
use crate::study::results::summary::RunSummary;
use crate::time::{Epoch, Timestamp};

pub(super) struct Live {
    total: u64,
    duration_of_run: Duration,
    openfaas: Option<Access>,
    next: Option<Job>,
}

impl Live {
    pub(super) fn new(study: &Study) -> Self {
        Self {
            total: study.runs(),
            duration_of_run: study.duration_of_run(),
            openfaas: study.openfaas.clone(),
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
        let ended = match &self.openfaas {
            None => one_run(job, observer, interrupt).await,
            Some(access) => openfaas::one_run(access, self.duration_of_run, job, observer, interrupt).await,
        };
        Some((index, ended))
    }
}

async fn one_run(job: Job, observer: &mut dyn Observer, interrupt: &mut Interrupt) -> Result<RunSummary, StudyError> {
    let Job { repeat, mut plan, writer, .. } = job;
    let clock = Clock::start();
    let (events, changes) = unbounded_channel();
    let outside = Outside::new(events.clone());
    let alerts = outside.alerts(&plan);
    let target = Embedded::with_alerts(&plan.functions, plan.node, plan.seed, clock, events, alerts)?;
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
    let outcome = outcome.map_err(|source| StudyError::Run { arm, repeat, source })?;
    Ok(watched.writer.finish(&outcome)?)
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

    fn cpu(&mut self, at: Timestamp, shares: &CpuShares) -> Result<(), RecordError> {
        self.writer.cpu(at, shares)
    }
}
