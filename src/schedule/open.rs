//! Open loops: requests are due when the arrivals say so, whatever became of the ones before.
//!
//! ```text
//!   arrivals     | 1 2   3 4 5        |     one queue for all workers, in order
//!   worker 0     | [1......]          |     a free worker takes the next arrival, due or still to come
//!   worker 1     |   [2...........]   |
//!   both busy    |       3 4          |     3 waits for worker 0: it is held back, and its latency from due shows it
//! ```
//!
//! Workers are places: as many requests are under way at once as there are workers, no more. Each free one holds one arrival, so
//! the earliest that has not left is always held by a free worker, if there is one, and leaves on time.

use std::time::Duration;

use crate::record::{Lost, WorkerId};
use crate::time::{Timestamp, nanos};

use super::arrivals::Arrivals;
use super::share::Share;
use super::{Call, Next, Schedule, Turn};

/// What becomes of an arrival that finds every place taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It leaves as soon as a place is free, in order.
    #[default]
    Wait,
    /// It never leaves: lost, because the system was slow.
    Drop,
}

impl WhenFull {
    /// The word that stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Drop => "drop",
        }
    }
}

/// How many requests may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// At most so many, at least 1.
    pub max_in_flight: u32,
    /// What becomes of the others.
    pub when_full: WhenFull,
}

/// The schedule of an open loop.
#[derive(Clone, Debug)]
pub struct Open {
    arrivals: Arrivals,
    bound: Bound,
    start: Timestamp,
    duration: Duration,
    stop: Timestamp,
    /// Arrivals handed out or dropped.
    taken: u64,
    /// When each worker's last request could have left.
    ready: Vec<Timestamp>,
    /// Which arrival each worker was given last.
    given: Vec<u64>,
    /// Its places are those of this share.
    share: Share,
    /// What is lost or left unused is counted of this share only.
    counted: Share,
}

impl Open {
    /// An open loop over these arrivals that starts at `start` and lasts as long as `duration`.
    pub fn new(arrivals: Arrivals, bound: Bound, duration: Duration, start: Timestamp) -> Self {
        let places = bound.max_in_flight as usize;
        let (ready, given) = (vec![start; places], vec![0; places]);
        let (share, counted) = (Share::WHOLE, Share::WHOLE);
        Self { arrivals, bound, start, duration, stop: Timestamp::MAX, taken: 0, ready, given, share, counted }
    }

    /// What is left of it for one of several machines: its arrivals, and its places for them.
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        let places = share.count(self.bound.max_in_flight.into()) as u32;
        let bound = Bound { max_in_flight: places, ..self.bound };
        Self { share, ..Self::new(self.arrivals.share(share), bound, self.duration, self.start) }
    }

    /// The whole load, of which only what one of several machines would have sent is counted.
    #[must_use]
    pub fn counting(self, counted: Share) -> Self {
        Self { counted, ..self }
    }

    /// Whether the worker's last arrival is counted.
    pub fn counts(&self, worker: WorkerId) -> bool {
        self.counted.has(self.given[worker.0 as usize])
    }

    fn due(&self, offset: u64) -> Timestamp {
        self.start + Duration::from_nanos(offset)
    }

    /// What came while every place was taken and won't wait.
    fn drop_before(&mut self, worker: WorkerId, turn: &Turn) -> Lost {
        let ready = self.ready[worker.0 as usize];
        let mut lost = Lost::default();
        while let Some(offset) = self.arrivals.peek() {
            let due = self.due(offset);
            if due >= turn.free {
                break;
            }
            // the worker was not waiting for an answer then, but for the generator
            if !self.counted.has(self.taken) {
                // another machine's
            } else if (due > ready && due <= turn.sent)
                || turn.stall.is_some_and(|(from, to)| (from..=to).contains(&due))
            {
                lost.late += 1;
            } else {
                lost.busy += 1;
            }
            self.arrivals.next();
            self.taken += 1;
        }
        lost
    }

    /// The worker gets nothing more; the first to hear so accounts for all that is left.
    fn finish(&mut self, lost: Lost) -> Next {
        let total = self.arrivals.total();
        let unused = self.counted.count(total) - self.counted.count(self.taken);
        self.taken = total;
        Next::Finished { lost, unused }
    }
}

impl Schedule for Open {
    fn boxed_clone(&self) -> Box<dyn Schedule> {
        Box::new(self.clone())
    }

    fn shares_connections(&self) -> bool {
        true
    }

    fn workers(&self) -> u32 {
        self.bound.max_in_flight
    }

    fn number(&self, worker: WorkerId) -> WorkerId {
        WorkerId(self.share.nth(worker.0.into()) as u32)
    }

    fn start(&self) -> Timestamp {
        self.start
    }

    fn next(&mut self, worker: WorkerId, turn: Turn) -> Next {
        if turn.free >= self.stop {
            return self.finish(Lost::default());
        }
        let lost = match self.bound.when_full {
            WhenFull::Wait => Lost::default(),
            WhenFull::Drop => self.drop_before(worker, &turn),
        };
        match self.arrivals.next() {
            Some(offset) => {
                self.given[worker.0 as usize] = self.taken;
                self.taken += 1;
                let due = self.due(offset);
                let ready = due.max(turn.free);
                self.ready[worker.0 as usize] = ready;
                Next::Call(Call { due, ready, lost })
            }
            None => self.finish(lost),
        }
    }

    fn stop(&mut self, at: Timestamp) {
        self.stop = self.stop.min(at);
    }

    fn planned(&self) -> Option<u64> {
        Some(self.arrivals.total())
    }

    fn planned_before(&self, at: Timestamp) -> Option<u64> {
        Some(self.arrivals.before(nanos(at - self.start)))
    }

    fn period(&self) -> Option<Duration> {
        None
    }

    fn last_due(&self) -> Option<Timestamp> {
        Some(self.start + self.duration)
    }

    fn lasts_until(&self) -> Timestamp {
        (self.start + self.duration).min(self.stop)
    }
}

#[cfg(test)]
mod laws;
