//! A generator in virtual time: its schedule, what of it is counted, and which of its requests are given up when.

use std::collections::VecDeque;

use crate::drive::Tally;
use crate::drive::schedule_plan::KnownSchedule;
use crate::record::WorkerId;
use crate::schedule::share::Share;
use crate::time::Timestamp;

use super::platform::Asked;
use super::worker::{Does, Worker};

/// One generator: its schedule, and what became of it so far.
pub(super) struct Generator {
    pub(super) schedule: KnownSchedule,
    /// What is counted of it.
    pub(super) share: Share,
    /// The schedule of that share, asked for what it plans; the same as `schedule` if it is all of it.
    pub(super) shared: Option<KnownSchedule>,
    /// What its first step asks for; nothing special for loads without journeys.
    pub(super) asked: Option<Asked>,
    /// Its first worker among all.
    pub(super) first: u32,
    pub(super) workers_left: u32,
    /// Requests that were answered or given up.
    pub(super) settled: u64,
    /// In nanoseconds.
    pub(super) timeout: Option<u64>,
    /// When each request is given up that was waited for when that was last looked at, in order: its worker, and which attempt.
    pub(super) timeouts: VecDeque<(Timestamp, u32, u32)>,
    /// When it is looked at again: no request that left since is given up before. [`Timestamp::MAX`] if none left.
    pub(super) timeouts_looked_at: Timestamp,
    pub(super) tally: Tally,
}

impl Generator {
    /// What is counted of its schedule.
    pub(super) fn counted(&self) -> &KnownSchedule {
        self.shared.as_ref().unwrap_or(&self.schedule)
    }

    /// Whether the last call of a worker of its own is counted.
    #[inline]
    pub(super) fn counts(&self, worker: WorkerId) -> bool {
        self.shared.is_none() || self.schedule.is_of(self.share, worker)
    }

    /// Looks which requests are waited for, and when each will be given up.
    ///
    /// Almost all are answered long before. So none is put in line when it leaves: looking as often as the time-out is long is in time for
    /// whatever has left since.
    pub(super) fn look_at_timeouts(&mut self, now: Timestamp, workers: &[Worker]) {
        let Some(timeout) = self.timeout else { return };
        let own = (self.first..).zip(&workers[self.first as usize..][..self.schedule.workers() as usize]);
        let waiting = own.filter(|(_, worker)| worker.does == Does::Wait);
        let mut timeouts: Vec<(Timestamp, u32, u32)> = waiting
            .map(|(number, worker)| (worker.sent.saturating_add_nanos(timeout), number, worker.attempt))
            .collect();
        timeouts.sort_unstable();
        self.timeouts_looked_at = if timeouts.is_empty() { Timestamp::MAX } else { now.saturating_add_nanos(timeout) };
        self.timeouts = timeouts.into();
    }

    /// Drops the time-outs of requests that are settled from the front of the line; the first of the others.
    pub(super) fn drop_settled_timeouts(&mut self, workers: &[Worker]) -> Option<Timestamp> {
        while let Some((at, worker, attempt)) = self.timeouts.front() {
            let state = &workers[*worker as usize];
            if state.does == Does::Wait && state.attempt == *attempt {
                return Some(*at);
            }
            self.timeouts.pop_front();
        }
        None
    }
}
