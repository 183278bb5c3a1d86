//! What a replica bears, learned from how long requests take under which load.
//!
//! ```text
//!   one at a time (a lock, one core)      mean time there = s / (1 - r s)              processor sharing, r requests/s at each replica
//!                                         s = time there / (1 + r time there)          solved for s, what a request takes of a replica
//!   otherwise                             mean wait = s rho / (1 - rho), rho = r s     M/M/1
//!                                         s = (sqrt(r² w² + 4 r w) - r w) / 2r         solved for s
//! ```
//!
//! The first holds whatever the law of the work is (Kleinrock, Queueing Systems II, 4.4), so it is right from light load on. A replica
//! with several threads that wait is no M/M/1, and under light load the second errs; under heavy load any queue comes near it (Kingman's
//! heavy-traffic limit, 1961), and in overload both are exactly what a replica takes for a request. A function that waits shows itself
//! another way: what its requests take beyond a probe, which returns at once, they hold a thread for. Where neither model fits, what
//! an overload has shown stands against both.

/// What is known of a time counts as much as so many seconds of overload at most, so that a function that was changed is known soon.
const MEMORY: f64 = 6.0;
/// What a second in overload tells against one of a replica that is just busy.
const OVERLOADED: f64 = 4.0;
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
const LASTING: f64 = 2.5;
const STANDS: f64 = 0.9;
/// A probe that takes longer than so many times a lone one, and this many seconds, has waited.
const WAITED: (f64, f64) = (2.0, 0.002);
/// Probes that make a mean.
const PROBES: u32 = 8;

/// The time a request takes of a replica, in seconds, if `per_replica` requests per second wait `wait` seconds on average.
pub(super) fn service_time(per_replica: f64, wait: f64) -> f64 {
    if per_replica <= 0.0 || wait <= 0.0 {
        return 0.0;
    }
    let load = per_replica * wait;
    ((load * load + 4.0 * load).sqrt() - load) / (2.0 * per_replica)
}

/// The same for a replica that works on one at a time, if they are there for `there` seconds on average.
pub(super) fn shared_time(per_replica: f64, there: f64) -> f64 {
    there / (1.0 + per_replica * there)
}

/// A mean of observations of different weight, of which old ones fade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Estimate {
    value: f64,
    weight: f64,
}

impl Estimate {
    fn add(&mut self, seen: f64, weight: f64) {
        self.value += weight / (self.weight + weight) * (seen - self.value);
        self.weight = (self.weight + weight).min(MEMORY);
    }
}

/// The lowest mean of a few probes in a row, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LoneProbe {
    lowest: Option<f64>,
    is_settled: bool,
    sum: f64,
    count: u32,
    secs: f64,
}

impl LoneProbe {
    fn pass(&mut self, secs: f64) {
        self.lowest = self.lowest.map(|lowest| lowest * (1.0 + FORGET * secs));
    }

    fn add(&mut self, latency: f64, secs: f64) {
        self.sum += latency;
        self.count += 1;
        self.secs += secs;
        let mean = self.sum / f64::from(self.count);
        if self.count == PROBES {
            let before = self.lowest.filter(|_| self.is_settled);
            *self = Self { lowest: Some(lowest(before, mean, self.secs)), is_settled: true, ..Self::default() };
        } else if !self.is_settled {
            self.lowest = Some(mean);
        }
    }
}

/// What was learned of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Capacity {
    /// Latency of a request that meets nobody, in seconds, and how many answers it is the mean of.
    alone: Option<f64>,
    alone_of: f64,
    /// Latency of a probe that meets nobody, and what of it is not the gateway's, in seconds.
    probe: LoneProbe,
    transit: f64,
    /// Time a request takes of a replica, in seconds, from waits.
    waits: Estimate,
    /// The same of a replica that works on one at a time, from the time they are there.
    shared: Estimate,
    /// The same as an overload showed it that lasted, and how long ago that was, in seconds; 0 without one.
    exact: f64,
    exact_for: f64,
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

    /// So many seconds of a probe's latency are not the gateway's.
    pub(super) fn transit(&mut self, secs: f64) {
        self.transit = secs;
    }

    /// A mean latency was seen while probes met nobody; `answered` requests made it, `secs` after the last one.
    pub(super) fn calm(&mut self, latency: f64, answered: f64, secs: f64) {
        if answered < ENOUGH_AT_FIRST {
            return;
        }
        if answered >= ENOUGH {
            self.alone = Some(lowest(self.alone, latency, secs));
            self.alone_of = ENOUGH;
        } else if answered > self.alone_of {
            self.alone = Some(latency);
            self.alone_of = answered;
        }
    }

    /// A probe was answered, `secs` after the last one. One that waited tells nothing of a lone one, but that its latency may have grown.
    pub(super) fn probe(&mut self, latency: f64, secs: f64) {
        if self.has_waited(latency) {
            self.probe.pass(secs);
        } else {
            self.probe.add(latency, secs);
        }
    }

    /// Whether a probe of this latency met somebody; `false` while nothing is known of probes.
    pub(super) fn has_waited(&self, latency: f64) -> bool {
        self.probe.lowest.is_some_and(|alone| latency >= WAITED.0 * alone + WAITED.1)
    }

    /// A mean latency was seen at `per_replica` requests per second, `secs` after the last look.
    pub(super) fn observe(&mut self, per_replica: f64, latency: f64, secs: f64, is_overloaded: bool) {
        if self.alone.is_none() && !is_overloaded {
            return;
        }
        let seen = service_time(per_replica, latency - self.alone());
        let there = latency - self.lone_probe().unwrap_or(0.0);
        self.overloaded = if is_overloaded { self.overloaded + secs } else { 0.0 };
        if self.overloaded >= LASTING {
            (self.exact, self.exact_for) = (seen, 0.0);
        } else {
            self.exact_for += secs;
        }
        let weight =
            secs * if is_overloaded { OVERLOADED } else { (per_replica * self.waits.value).clamp(LEAST_WEIGHT, 1.0) };
        self.waits.add(seen, weight);
        if there > 0.0 {
            self.shared.add(shared_time(per_replica, there), weight);
        }
        let (serial, parallel) = SERIAL;
        self.is_serial = self.waits.value > self.work() * if self.is_serial { parallel } else { serial };
    }

    /// Whether requests seem to be worked on one at a time.
    pub(super) fn is_serial(&self) -> bool {
        self.is_serial
    }

    /// Time a request takes of a replica that works on `concurrency` at once, in seconds.
    pub(super) fn each(&self, concurrency: f64) -> f64 {
        let seen = if self.is_serial { self.shared.value } else { self.waits.value.max(self.work() / concurrency) };
        if self.exact <= 0.0 {
            return seen;
        }
        let faded = FORGET * self.exact_for;
        seen.min(self.exact / STANDS * faded.exp()).max(self.exact * STANDS * (-faded).exp())
    }

    /// What a probe that meets nobody takes of the gateway, in seconds.
    fn lone_probe(&self) -> Option<f64> {
        self.probe.lowest.map(|lowest| (lowest - self.transit).max(0.0))
    }

    /// What a request does beyond a probe, in seconds.
    fn work(&self) -> f64 {
        match (self.alone, self.lone_probe()) {
            (Some(alone), Some(probe)) => (alone - probe).max(0.0),
            _ => 0.0,
        }
    }
}

fn lowest(before: Option<f64>, seen: f64, secs: f64) -> f64 {
    before.map_or(seen, |before| seen.min(before * (1.0 + FORGET * secs)))
}
