//! When requests are due: pure arithmetic over a worker's history.
//!
//! ```text
//!        due            ready          sent                          done
//!         |--- busy -----|--- late -----|--------- latency -----------|
//!   the schedule     its worker      it left:                     the answer
//!   called for it    was free        the generator's              was complete
//! ```
//!
//! A schedule never sleeps and never sends. A driver asks for a worker's next [`Call`], waits until it is
//! ready, sends it, and comes back when the answer is there. Nothing here reads a clock or draws from a
//! generator it was not given.

pub mod arrivals;
pub mod hey;
pub mod journeys;
pub mod open;
pub mod rate;
pub mod shape;
pub mod share;
pub mod trace;

use std::time::Duration;

use crate::record::{Lost, WorkerId};
use crate::time::Timestamp;

/// One request the schedule calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// When the schedule called for it.
    pub due: Timestamp,
    /// When it may leave: due, or when the worker came free, if later.
    pub ready: Timestamp,
    /// Planned requests passed over since the worker's last call.
    pub lost: Lost,
}

/// Which of a load's requests a call is for, where it has several: counted from 0 over all its journeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u32);

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Call(Call),
    /// Nothing more; these planned requests were passed over since the last call.
    Finished {
        /// Lost since the worker's last call.
        lost: Lost,
        /// Planned requests that were still to come when the schedule stopped.
        unused: u64,
    },
}

/// How a worker's last request went: what the schedule needs to know to find the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When the last request left; the schedule's start if there was none.
    pub sent: Timestamp,
    /// When the worker came free again.
    pub free: Timestamp,
    /// A standstill of the generator itself between the two, if it noticed one: what was lost in it was lost late.
    pub stall: Option<(Timestamp, Timestamp)>,
}

impl Turn {
    /// The first turn of a worker that starts at `start`.
    pub const fn first(start: Timestamp) -> Self {
        Self { sent: start, free: start, stall: None }
    }
}

/// A source of due times for a fixed set of workers.
pub trait Schedule: Send {
    /// A copy that goes its own way from here on.
    fn boxed_clone(&self) -> Box<dyn Schedule>;

    /// Whether workers are only places in a bounded number of requests under way: any of them may take any connection.
    fn shares_connections(&self) -> bool {
        false
    }

    /// How many workers (connections) it drives.
    fn workers(&self) -> u32;

    /// Which worker of the whole load one of these is; another only where this is a [share](share::Share) of it.
    fn number(&self, worker: WorkerId) -> WorkerId {
        worker
    }

    /// When the schedule begins.
    fn start(&self) -> Timestamp;

    /// The worker's next call, given how its last one went. Called once per turn and worker.
    fn next(&mut self, worker: WorkerId, turn: Turn) -> Next;

    /// What the worker's last call is for; most loads have one request only.
    fn step(&self, _worker: WorkerId) -> StepId {
        StepId::default()
    }

    /// Stops the schedule at `at`, as hey's Ctrl-C does: workers that are free at or after it get nothing more.
    fn stop(&mut self, at: Timestamp);

    /// Requests the whole schedule calls for; `None` if only the answers decide (a closed loop that ends by time).
    fn planned(&self) -> Option<u64>;

    /// Requests it calls for before `at`, counted from the start; `None` as above.
    fn planned_before(&self, at: Timestamp) -> Option<u64>;

    /// The time between two requests of one worker, if there is one: lateness is judged against it.
    fn period(&self) -> Option<Duration>;

    /// When the last planned request is due, as far as the schedule alone decides that.
    fn last_due(&self) -> Option<Timestamp>;

    /// Until when the load goes on even if no request is left, because its end is a matter of time; its start if there is no such end.
    fn lasts_until(&self) -> Timestamp {
        self.start()
    }
}
