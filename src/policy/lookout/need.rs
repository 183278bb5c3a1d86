//! How many replicas a load needs.
//!
//! ```text
//!   by load       arrivals, by the time a new replica serves, x time each takes / utilisation
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
/// Replicas that are started for a load that is still to come.
const AHEAD: f64 = 1.0;
/// More than any platform grants.
const MANY: f64 = 1e6;

/// What is known when a need is worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Requests per second.
    pub(super) arrivals: f64,
    /// The same by the time a replica that is asked for now will serve.
    pub(super) expected: f64,
    /// Time a request takes of a replica, in seconds; above 0.
    pub(super) each: f64,
    /// Requests in flight.
    pub(super) in_flight: f64,
    /// Latency of a request that meets nobody, in seconds.
    pub(super) alone: f64,
    /// Replicas in service.
    pub(super) ready: f64,
    /// How long it takes until more of them are, on average, in seconds.
    pub(super) start_up: f64,
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

    /// Replicas for what is expected to arrive.
    pub(super) fn by_load(&self, utilisation: f64) -> f64 {
        let now = replicas_for(self.arrivals.min(self.expected), self.each, utilisation);
        replicas_for(self.expected, self.each, utilisation).min(now + AHEAD)
    }

    /// Replicas with which the backlog is gone `drain` seconds after they came; 0 without one.
    pub(super) fn by_backlog(&self, drain: f64) -> f64 {
        let late = self.late();
        if late <= 0.0 || self.each <= 0.0 {
            return 0.0;
        }
        let bears = 1.0 / self.each;
        let backlog = late + (self.arrivals - self.ready * bears).max(0.0) * self.start_up;
        let spare = bears - backlog / self.ready / drain;
        if spare <= 0.0 { MANY } else { (self.arrivals / spare - NONE).ceil().clamp(0.0, MANY) }
    }
}

/// Replicas that so many requests per second, each of which takes `each` seconds of one, keep busy for this part of their time.
pub(super) fn replicas_for(arrivals: f64, each: f64, utilisation: f64) -> f64 {
    (arrivals * each / utilisation - NONE).ceil().clamp(0.0, MANY)
}
