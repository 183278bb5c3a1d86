//! Jumps of the load: what has jumped once may do so again, and who has jumped twice of late will.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// What is seen of a jump so soon after it is the same one.
const APART: Duration = Duration::from_secs(15);
/// Its rate is one over this long.
const OVER: Duration = Duration::from_secs(4);
/// So many make a habit.
const HABIT: usize = 2;

/// The jumps of a while.
#[derive(Clone, Debug)]
pub(super) struct Jumps {
    memory: Duration,
    /// When, and how many requests per second came then.
    seen: VecDeque<(Timestamp, f64)>,
}

impl Jumps {
    pub(super) fn new(memory: Duration) -> Self {
        Self { memory, seen: VecDeque::new() }
    }

    /// The load has jumped.
    pub(super) fn note(&mut self, now: Timestamp) {
        if self.seen.back().is_none_or(|(at, _)| now.since(*at) >= APART) {
            self.seen.push_back((now, 0.0));
        }
    }

    /// So many requests per second have come for this long.
    pub(super) fn came(&mut self, now: Timestamp, rate: f64, since: Duration) {
        if let Some((at, reached)) = self.seen.back_mut()
            && since >= OVER
            && (OVER..APART).contains(&now.since(*at))
        {
            *reached = rate;
        }
    }

    /// Forgets what was too long ago.
    pub(super) fn turn(&mut self, now: Timestamp) {
        while self.seen.front().is_some_and(|(at, _)| now.since(*at) > self.memory) {
            self.seen.pop_front();
        }
    }

    /// The rate it may jump to again, in requests per second: the highest it reached.
    pub(super) fn reached(&self) -> Option<f64> {
        self.seen.iter().map(|(_, rate)| *rate).filter(|rate| *rate > 0.0).reduce(f64::max)
    }

    /// The same if it is a habit, so that it is to be expected.
    pub(super) fn expected(&self) -> Option<f64> {
        self.reached().filter(|_| self.seen.len() >= HABIT)
    }

    /// How doubtful it is that it jumps again: not at all if it is a habit; else the more so the longer ago it was, up to 1 when it is
    /// forgotten.
    pub(super) fn doubt(&self, now: Timestamp) -> f64 {
        match self.seen.back() {
            Some((at, _)) if self.seen.len() < HABIT && !self.memory.is_zero() => {
                now.since(*at).as_secs_f64() / self.memory.as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// What was is no sign of what will be.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }
}
