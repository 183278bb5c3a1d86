//! What a replica bears, learned from how long requests wait under which load.
//!
//! ```text
//!   mean wait = s rho / (1 - rho),  rho = r s        M/M/1 with r requests per second at each replica
//!   s = (-r w + sqrt(r² w² + 4 r w)) / 2r            solved for s, the time a request takes of a replica
//! ```
//!
//! Under light load this errs, for a replica with several threads is no M/M/1; under heavy load any queue comes near it, and in
//! overload s is exactly what one replica takes for one request (Kingman's heavy-traffic limit, 1961).

/// The time a request takes of a replica, in seconds, if `per_replica` requests per second wait `wait` seconds on average.
pub(super) fn service_time(per_replica: f64, wait: f64) -> f64 {
    if per_replica <= 0.0 || wait <= 0.0 {
        return 0.0;
    }
    let load = per_replica * wait;
    ((load * load + 4.0 * load).sqrt() - load) / (2.0 * per_replica)
}

/// How much of a new observation is taken over.
const RAISE: f64 = 0.05;
const LOWER: f64 = 0.05;

/// What was learned of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Capacity {
    /// Latency of a request that meets nobody, in seconds.
    pub(super) alone: Option<f64>,
    /// Latency of a probe that meets nobody, in seconds.
    pub(super) probe_alone: Option<f64>,
    /// Time a request takes of a replica, in seconds, from waits.
    learned: f64,
}

impl Capacity {
    /// A mean latency was seen.
    pub(super) fn latency(&mut self, secs: f64) {
        self.alone = Some(self.alone.map_or(secs, |alone| if secs < alone { secs } else { alone * 1.0005 }));
    }

    /// A probe was answered.
    pub(super) fn probe(&mut self, secs: f64) {
        self.probe_alone = Some(self.probe_alone.map_or(secs, |alone| if secs < alone { secs } else { alone * 1.0005 }));
    }

    /// Waits were seen at this load of each replica.
    pub(super) fn observe(&mut self, per_replica: f64, latency: f64, over: bool) {
        let seen = service_time(per_replica, latency - self.alone.unwrap_or(0.0));
        let share = if self.learned == 0.0 { 1.0 } else if over { if seen > self.learned { 0.5 } else { 0.1 } } else if seen > self.learned { RAISE } else { LOWER };
        self.learned += share * (seen - self.learned);
    }

    /// Time a request takes of a replica that works on `concurrency` at once, in seconds.
    pub(super) fn each(&self, concurrency: f64) -> f64 {
        // what a request does beyond a probe, which returns at once
        let work = match (self.alone, self.probe_alone) {
            (Some(alone), Some(probe)) => (alone - probe).max(0.0),
            _ => 0.0,
        };
        self.learned.max(work / concurrency)
    }
}
