//! Evaluations on as many threads as there are, answered in the order in which they were asked for.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::{Measured, TuneError, Tuning, evaluate};
use crate::drive::live::cores::granted;
use crate::drive::live::interrupt::Interrupt;
use crate::policy::settings::Settings;
use crate::random::Seed;

/// One run that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Which of the studies.
    pub(super) study: usize,
    pub(super) settings: Arc<Settings>,
    pub(super) seed: Seed,
}

/// Threads that make runs.
pub(super) struct Pool {
    tuning: Arc<Tuning>,
    threads: usize,
    stop: Arc<AtomicBool>,
}

impl Pool {
    pub(super) fn new(tuning: &Arc<Tuning>, threads: Option<NonZeroUsize>) -> Self {
        let threads = threads.map_or_else(granted, NonZeroUsize::get);
        Self { tuning: Arc::clone(tuning), threads, stop: Arc::default() }
    }

    /// Makes all runs and hands over each result in the order of the jobs, as soon as all before it are there. Whether they were all
    /// made: not if the end was asked for, or a result was refused.
    pub(super) async fn all(
        &self,
        jobs: Vec<Job>,
        interrupt: &mut Interrupt,
        mut take: impl FnMut(usize, Measured) -> Result<(), TuneError>,
    ) -> Result<bool, TuneError> {
        let count = jobs.len();
        let mut to_begin = jobs.into_iter().enumerate();
        let mut under_way: JoinSet<(usize, Option<Measured>)> = JoinSet::new();
        let mut early: BTreeMap<usize, Measured> = BTreeMap::new();
        let mut next = 0;
        let mut failed = None;
        loop {
            while under_way.len() < self.threads && failed.is_none() && interrupt.cause().is_none() {
                let Some((index, job)) = to_begin.next() else { break };
                let (tuning, stop) = (Arc::clone(&self.tuning), Arc::clone(&self.stop));
                under_way.spawn_blocking(move || {
                    let goes_on = || !stop.load(Ordering::Relaxed);
                    (index, evaluate(&tuning.studies[job.study], &job.settings, job.seed, &goes_on))
                });
            }
            let joined = tokio::select! {
                biased;
                joined = under_way.join_next() => joined,
                () = interrupt.wait(), if interrupt.cause().is_none() => {
                    self.stop.store(true, Ordering::Relaxed);
                    continue;
                }
            };
            match joined {
                None => break,
                Some(Ok((index, Some(measured)))) => {
                    early.insert(index, measured);
                }
                Some(Ok((_, None))) => {}
                Some(Err(_panicked)) => failed = failed.or(Some(TuneError::SimulationDied)),
            }
            while let Some(measured) = early.remove(&next).filter(|_| failed.is_none()) {
                match take(next, measured) {
                    Ok(()) => next += 1,
                    Err(error) => {
                        self.stop.store(true, Ordering::Relaxed);
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(next == count), Err)
    }
}
