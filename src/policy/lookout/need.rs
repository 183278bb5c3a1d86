//! How many replicas a load needs.
//!
//! ```text
//!   by load       arrivals x time each takes / utilisation
//!   by backlog    what waits stays with the replicas it waits in, so new ones help by what they keep away from those:
//!                 arrivals / n  <=  what a replica bears - its part of the backlog / drain
//! ```
//!
//! The router is blind: each replica has a queue of its own, so utilisation per replica is what decides and a large pool may not
//! run hotter than a small one.

/// Load of this part of a replica is none: what is exact in decimals is not rounded up.
const NONE: f64 = 0.05;
/// Requests that queue in a replica beyond its threads, per thread, before they are called a backlog.
const QUEUE_PER_THREAD: f64 = 2.0;
/// How long a pod takes to start if none is on its way, and what of it is left on average if one is, in seconds.
const START_UP: f64 = 4.5;
const START_UP_LEFT: f64 = 2.0;
/// More than any platform grants.
const MANY: f64 = 1e6;

/// What is known when a need is worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests per second.
    pub(super) arrivals: f64,
    /// Time a request takes of a replica, in seconds; above 0.
    pub(super) each: f64,
    /// Requests in flight.
    pub(super) in_flight: f64,
    /// Latency of a request that meets nobody, in seconds.
    pub(super) alone: f64,
    /// Replicas in service.
    pub(super) ready: f64,
    /// Whether more are on their way.
    pub(super) is_starting: bool,
    /// Requests a replica works on at once.
    pub(super) concurrency: f64,
}

impl Load {
    /// Replicas it keeps busy.
    pub(super) fn busy(&self) -> f64 {
        self.arrivals * self.each
    }

    /// Requests that wait for longer than chance explains.
    pub(super) fn late(&self) -> f64 {
        let usual = self.arrivals * self.alone + QUEUE_PER_THREAD * self.concurrency * self.ready;
        (self.in_flight - usual).max(0.0)
    }

    /// Replicas for what arrives.
    pub(super) fn by_load(&self, utilisation: f64) -> f64 {
        (self.busy() / utilisation - NONE).ceil().clamp(0.0, MANY)
    }

    /// Replicas with which the backlog is gone `drain` seconds after they came; 0 without one.
    pub(super) fn by_backlog(&self, drain: f64) -> f64 {
        let late = self.late();
        if late <= 0.0 || self.each <= 0.0 {
            return 0.0;
        }
        let bears = 1.0 / self.each;
        let left = if self.is_starting { START_UP_LEFT } else { START_UP };
        let backlog = late + (self.arrivals - self.ready * bears).max(0.0) * left;
        let spare = bears - backlog / self.ready / drain;
        if spare <= 0.0 { MANY } else { (self.arrivals / spare - NONE).ceil().clamp(0.0, MANY) }
    }
}
