//! Runs in virtual time: as many at once as there are threads, each on one.
//!
//! A run shares nothing with another, so what comes out does not depend on the number of threads. Memory is bounded by the
//! runs under way: a run is planned and its files are opened when a thread is free for it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Job, Observer, SimulationProgress, StudyError};
use crate::drive::live::cores::granted;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::sim;
use crate::study::plan::Study;
use crate::study::results::summary::RunSummary;
use crate::time::nanos;

/// Between two looks at how far the runs are.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Simulated {
    threads: usize,
    total: u64,
    ended: u64,
    duration_of_run: Duration,
    under_way: JoinSet<(u64, Result<RunSummary, StudyError>)>,
    shared: Arc<Shared>,
}

/// What the threads and the loop tell each other.
#[derive(Default)]
struct Shared {
    /// The runs are to end.
    stop: AtomicBool,
    /// Virtual time that has passed in all runs, in nanoseconds.
    passed: AtomicU64,
}

impl Simulated {
    pub(super) fn new(study: &Study, threads: Option<NonZeroUsize>) -> Self {
        let threads = threads.map_or_else(granted, NonZeroUsize::get);
        Self {
            threads,
            total: study.runs(),
            ended: 0,
            duration_of_run: study.duration_of_run(),
            under_way: JoinSet::new(),
            shared: Arc::default(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < self.threads
    }

    pub(super) fn begin(&mut self, job: Job) {
        let shared = Arc::clone(&self.shared);
        self.under_way.spawn_blocking(move || (job.index, one_run(job, &shared)));
    }

    pub(super) async fn ended(
        &mut self,
        observer: &mut dyn Observer,
        interrupt: &mut Interrupt,
    ) -> Option<(u64, Result<RunSummary, StudyError>)> {
        loop {
            if interrupt.cause().is_some() {
                self.shared.stop.store(true, Ordering::Relaxed);
            }
            let joined = tokio::select! {
                biased;
                joined = tokio::time::timeout(LOOK_EVERY, self.under_way.join_next()) => joined,
                () = interrupt.wait(), if interrupt.cause().is_none() => continue,
            };
            observer.simulation_goes_on(&self.progress());
            match joined {
                Err(_elapsed) => {}
                Ok(None) => return None,
                Ok(Some(Ok(ended))) => {
                    self.ended += 1;
                    return Some(ended);
                }
                Ok(Some(Err(_panicked))) => return Some((self.total, Err(StudyError::SimulationDied))),
            }
        }
    }

    fn progress(&self) -> SimulationProgress {
        let whole = self.duration_of_run.as_secs_f64() * self.total as f64;
        let passed = Duration::from_nanos(self.shared.passed.load(Ordering::Relaxed)).as_secs_f64();
        let share = if whole > 0.0 { (passed / whole).min(1.0) } else { 1.0 };
        SimulationProgress { ended: self.ended, total: self.total, share }
    }
}

fn one_run(job: Job, shared: &Shared) -> Result<RunSummary, StudyError> {
    let Job { repeat, plan, mut writer, .. } = job;
    let mut told = Duration::ZERO;
    let mut goes_on = |elapsed: Duration| {
        shared.passed.fetch_add(nanos(elapsed.saturating_sub(told)), Ordering::Relaxed);
        told = elapsed;
        !shared.stop.load(Ordering::Relaxed)
    };
    let outcome = sim::run_while(&plan, sim::epoch(plan.seed), &mut writer, &mut goes_on)
        .map_err(|source| StudyError::Simulation { arm: plan.arm.name.clone(), repeat, source })?;
    Ok(writer.finish(&outcome)?)
}
