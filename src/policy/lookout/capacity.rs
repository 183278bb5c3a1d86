//! What a replica bears, learned from how long requests wait under which load.
//!
//! ```text
//!   mean wait = s rho / (1 - rho),  rho = r s        M/M/1 with r requests per second at each replica
//!   s = (sqrt(r² w² + 4 r w) - r w) / 2r             solved for s, the time a request takes of a replica
//! ```
//!
//! Under light load this errs, for a replica with several threads is no M/M/1; under heavy load any queue comes near it (Kingman's
//! heavy-traffic limit, 1961), and in overload s is exactly what a replica takes for a request. A function that waits shows
//! itself another way: what its requests take beyond a probe, which returns at once, they hold a thread for.

/// How soon an observation counts, in seconds: in overload, where it is exact, and otherwise at full utilisation.
const OVERLOADED_WITHIN: f64 = 1.5;
const BUSY_WITHIN: f64 = 20.0;
/// Below this utilisation observations count no less.
const LEAST_WEIGHT: f64 = 0.2;
/// Answers that make a mean latency; fewer will do for a first one.
const ENOUGH: f64 = 20.0;
const ENOUGH_AT_FIRST: f64 = 3.0;
/// What is remembered as the latency of a lone request may rise by so much of itself per second, so that a function that was
/// changed is known within the hour.
const FORGET: f64 = 1.0 / 3_600.0;
/// Requests are worked on one at a time (a lock, one core) if what each takes of a replica comes to this part of its work; and no
/// longer if it falls below the other.
const SERIAL: (f64, f64) = (0.5, 0.3);
/// An overload that has lasted so long, in seconds, shows what replicas bear; of that so much stands against what light load seems to
/// say, which without chance in arrivals and work is nothing at all.
const LASTING: f64 = 4.0;
const STANDS: f64 = 0.9;
/// A probe that takes longer than so many times a lone one, and this many seconds, has waited.
const WAITED: (f64, f64) = (2.0, 0.002);

/// The time a request takes of a replica, in seconds, if `per_replica` requests per second wait `wait` seconds on average.
pub(super) fn service_time(per_replica: f64, wait: f64) -> f64 {
    if per_replica <= 0.0 || wait <= 0.0 {
        return 0.0;
    }
    let load = per_replica * wait;
    ((load * load + 4.0 * load).sqrt() - load) / (2.0 * per_replica)
}

/// What was learned of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Capacity {
    /// Latency of a request that meets nobody, in seconds.
    alone: Option<f64>,
    /// Latency of a probe that meets nobody, in seconds.
    probe_alone: Option<f64>,
    /// Time a request takes of a replica, in seconds, from waits.
    learned: f64,
    /// The same as an overload showed it that lasted; it counts for nearly all of itself.
    exact: f64,
    /// For how long there has been an overload, in seconds.
    overloaded: f64,
    /// Whether requests seem to be worked on one at a time.
    is_serial: bool,
}

impl Capacity {
    /// Latency of a request that meets nobody, in seconds; 0 while it isn't known.
    pub(super) fn alone(&self) -> f64 {
        self.alone.unwrap_or(0.0)
    }

    /// A mean latency was seen while probes met nobody; `answered` requests made it, `secs` after the last one.
    pub(super) fn calm(&mut self, latency: f64, answered: f64, secs: f64) {
        let enough = if self.alone.is_some() { ENOUGH } else { ENOUGH_AT_FIRST };
        if answered >= enough {
            self.alone = Some(lowest(self.alone, latency, secs));
        }
    }

    /// A probe was answered, `secs` after the last one.
    pub(super) fn probe(&mut self, latency: f64, secs: f64) {
        self.probe_alone = Some(lowest(self.probe_alone, latency, secs));
    }

    /// Whether a probe of this latency met somebody; `false` while nothing is known of probes.
    pub(super) fn has_waited(&self, latency: f64) -> bool {
        self.probe_alone.is_some_and(|alone| latency >= WAITED.0 * alone + WAITED.1)
    }

    /// A mean latency was seen at `per_replica` requests per second, `secs` after the last look.
    pub(super) fn observe(&mut self, per_replica: f64, latency: f64, secs: f64, is_overloaded: bool) {
        if self.alone.is_none() && !is_overloaded {
            return;
        }
        let seen = service_time(per_replica, latency - self.alone());
        self.overloaded = if is_overloaded { self.overloaded + secs } else { 0.0 };
        if self.overloaded >= LASTING {
            self.exact = seen;
        } else {
            self.exact *= 1.0 - FORGET * secs;
        }
        let within = if is_overloaded {
            OVERLOADED_WITHIN
        } else {
            BUSY_WITHIN / (per_replica * self.learned).clamp(LEAST_WEIGHT, 1.0)
        };
        self.learned += (1.0 - (-secs / within).exp()) * (seen - self.learned);
        let (serial, parallel) = SERIAL;
        self.is_serial = self.learned > self.work() * if self.is_serial { parallel } else { serial };
    }

    /// Time a request takes of a replica that works on `concurrency` at once, in seconds.
    pub(super) fn each(&self, concurrency: f64) -> f64 {
        let work = self.work();
        self.learned.max(STANDS * self.exact).max(if self.is_serial { work } else { work / concurrency })
    }

    /// What a request does beyond a probe, in seconds.
    fn work(&self) -> f64 {
        match (self.alone, self.probe_alone) {
            (Some(alone), Some(probe)) => (alone - probe).max(0.0),
            _ => 0.0,
        }
    }
}

fn lowest(before: Option<f64>, seen: f64, secs: f64) -> f64 {
    before.map_or(seen, |before| seen.min(before * (1.0 + FORGET * secs)))
}
