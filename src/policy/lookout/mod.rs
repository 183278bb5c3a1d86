//! The lookout: scales on what arrives and on what waits, seen from a probe and the gateway's own counters.
//!
//! ```text
//!   counters, each interval ---> book.rs: arrivals, answers, in flight --> trend.rs, jumps.rs   \
//!   replicas, each interval ---> starts.rs: how long pods take to start                          |--> steer.rs --> Scale, in words
//!   probe, now and then -------> capacity.rs: what a replica bears                              /     need.rs: how many
//!                                transit.rs: what of a probe is not the gateway's                     helm.rs: when
//! ```
//!
//! It needs no training and knows nothing of the function beforehand: the time a request takes of a replica is worked out from
//! latencies and waits. Without counters it goes by its probes alone, as a watch tower does; without both it keeps what there is,
//! and after a minute goes to the most it has needed of late, because it can't tell that the load is small.

mod blind;
mod book;
mod capacity;
mod helm;
mod jumps;
mod need;
mod settings;
mod starts;
mod steer;
mod transit;
mod trend;

#[cfg(test)]
mod estimates;
#[cfg(test)]
mod laws;

use std::time::Duration;

use crate::record::{EventKind, FunctionId, ProbeRow, ReplicaStatus};
use crate::time::Timestamp;

use self::book::{Book, OwnProbes};
use self::capacity::Capacity;
use self::helm::Helm;
use self::jumps::Jumps;
use self::need::Load;
pub use self::settings::{parameters, tuning};
use self::starts::StartUps;
use self::transit::Transit;
use self::trend::Rate;
use super::metrics::after;
use super::settings::Settings;
use super::{Action, Context, Event, Measurement, Policy, ProbeOutcome, Reason};

/// Observations are made over this long, with as many answers at least.
const OBSERVED: Duration = Duration::from_secs(4);
const OBSERVED_ANSWERS: f64 = 10.0;
/// A latency without company is a mean over this long.
const CALM: Duration = Duration::from_secs(16);
/// So many requests late in each replica are an overload.
const OVERLOAD: f64 = 5.0;
/// An answer to a probe that is not there after this long is lost; drivers have time-outs of their own.
const PATIENCE: Duration = Duration::from_secs(60);
/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    Box::new(Lookout::new(settings, context))
}

#[derive(Debug)]
struct Lookout {
    utilisation: f64,
    concurrency: f64,
    drain: f64,
    standby: u32,
    interval: Duration,
    probe_interval: Duration,
    bounds: (u32, u32),
    /// When the next look is due; `None` before the start.
    next: Option<Timestamp>,
    next_probe: Timestamp,
    /// What the look under way has brought so far.
    measured: Option<Measurement>,
    probes: Probes,
    book: Book,
    capacity: Capacity,
    helm: Helm,
    jumps: Jumps,
    starts: StartUps,
    transit: Transit,
    sight: Sight,
    /// Since when it has waited for a good moment to go down.
    goes_down: Option<Timestamp>,
    /// Since when there has been an overload.
    overloaded: Option<Timestamp>,
    /// Whether what waited before the last new replicas came is still in the old ones.
    is_uneven: bool,
    /// Replicas in service at the last look.
    ready: Option<u32>,
}

/// The probes.
#[derive(Clone, Copy, Debug, Default)]
struct Probes {
    under_way: Option<Timestamp>,
    answered: u64,
    /// How long all of them took, and what of that they spent in the gateway, in seconds.
    took: f64,
    spent: f64,
    last: Option<(Timestamp, f64)>,
    /// In a row: that waited, and that didn't.
    waited: u32,
    free: u32,
    /// When one waited last.
    waited_at: Option<Timestamp>,
}

/// What can be seen, since when not, and what was needed while it could.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    counters: Option<Timestamp>,
    probe: Option<Timestamp>,
    /// It was said that counters, or replicas, can't be read.
    told: (bool, bool),
    /// The most needed in the last minutes, and when.
    most: Option<(Timestamp, u32)>,
    stepped: Option<Timestamp>,
}

impl Lookout {
    fn new(settings: &Settings, context: &Context) -> Self {
        Self {
            utilisation: settings.number("utilisation"),
            concurrency: settings.number("concurrency"),
            drain: settings.duration("drain").as_secs_f64(),
            standby: settings.count("standby"),
            interval: settings.duration("interval"),
            probe_interval: settings.duration("probe_interval"),
            bounds: context.studied_bounds(),
            next: None,
            next_probe: Timestamp::ZERO,
            measured: None,
            probes: Probes::default(),
            book: Book::default(),
            capacity: Capacity::default(),
            helm: Helm::new(settings.duration("hold")),
            jumps: Jumps::new(settings.duration("memory")),
            starts: StartUps::default(),
            transit: Transit::default(),
            goes_down: None,
            overloaded: None,
            sight: Sight::default(),
            is_uneven: false,
            ready: None,
        }
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(due) = self.next.filter(|due| *due <= now) else { return };
        self.next = Some(after(due, self.interval, now));
        self.measured = None;
        // counters before replicas, so that a decision has both
        actions.push(Action::Measure { function: FunctionId::STUDIED });
        actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
        if self.probes.under_way.is_some_and(|sent| now.since(sent) >= PATIENCE) {
            self.probes.under_way = None;
        }
        if self.probes.under_way.is_none() && now >= self.next_probe {
            self.next_probe = now + self.probe_interval;
            self.probes.under_way = Some(now);
            actions.push(Action::Probe);
        }
    }

    fn probe_done(&mut self, now: Timestamp, outcome: &ProbeOutcome, actions: &mut Vec<Action>) {
        let (ok, latency) = (outcome.answer == Ok(200), outcome.latency.as_secs_f64());
        let probes = &mut self.probes;
        probes.under_way = None;
        // an answer of any kind went through the gateway
        if outcome.answer.is_ok() {
            probes.answered += 1;
            probes.took += latency;
            probes.spent += self.transit.within(latency);
        }
        if ok {
            let secs = probes.last.map_or(0.0, |(at, _)| now.since(at).as_secs_f64());
            self.capacity.probe(latency, secs);
            probes.last = Some((now, latency));
            self.sight.probe = Some(now);
        }
        let has_waited = ok && self.capacity.has_waited(latency);
        (probes.waited, probes.free) = match (ok, has_waited) {
            // a probe that failed tells of no load
            (false, _) => (0, 0),
            (true, true) => (probes.waited + 1, 0),
            (true, false) => (0, probes.free + 1),
        };
        if has_waited {
            probes.waited_at = Some(now);
        }
        actions.push(Action::Judged(ProbeRow {
            sent: outcome.sent,
            latency: ok.then_some(outcome.latency),
            answer: outcome.answer,
            above: probes.waited,
            below: probes.free,
            decision: match (ok, has_waited) {
                (false, _) => "failed",
                (true, true) => "waited",
                (true, false) => "met nobody",
            }
            .into(),
        }));
    }

    fn decide(&mut self, now: Timestamp, status: Option<ReplicaStatus>, actions: &mut Vec<Action>) {
        let gone = "the replicas can't be read, so they stay as they are";
        say(&mut self.sight.told.1, status.is_none(), gone, actions);
        let Some(status) = status else { return };
        let sample = self.measured.take();
        let alone = "the gateway's counters can't be read: going by probes alone";
        say(&mut self.sight.told.0, sample.is_none(), alone, actions);
        let Some(sample) = sample else {
            self.book.close();
            return self.decide_without_counters(now, status, actions);
        };
        self.sight.counters = Some(now);
        self.transit.look(&sample, self.probes.answered, self.probes.took);
        self.capacity.transit(self.transit.usual());
        let own = self.own_probes(now);
        self.book.note(now, &sample, own, status.ready);
        self.starts.seen(now, status.ready, status.desired);
        let Some(rate) = self.book.rate() else { return };
        let load = self.learn(now, rate, status);
        self.steer(now, rate, load, status, actions);
    }

    /// The probes as they are in the counters of this look, which were read before its own probe left.
    fn own_probes(&self, now: Timestamp) -> OwnProbes {
        let under_way = self.probes.under_way.filter(|sent| *sent < now);
        OwnProbes {
            in_flight: u32::from(under_way.is_some()),
            answered: self.probes.answered,
            spent: self.probes.spent + under_way.map_or(0.0, |sent| now.since(sent).as_secs_f64()),
        }
    }

    fn learn(&mut self, now: Timestamp, rate: Rate, status: ReplicaStatus) -> Load {
        let secs = self.interval.as_secs_f64();
        let probes = &self.probes;
        let under_way = probes.under_way.map_or(0.0, |sent| now.since(sent).as_secs_f64());
        let is_calm =
            self.overloaded.is_none() && probes.waited == 0 && probes.free > 1 && !self.capacity.has_waited(under_way);
        if let Some(flow) = self.book.flow(CALM).filter(|_| is_calm)
            && let Some(latency) = flow.latency()
        {
            self.capacity.calm(latency, flow.answered(), secs);
        }
        let mut load = Load {
            arrivals: rate.now,
            expected: self.expected(rate),
            each: self.capacity.each(self.concurrency),
            in_flight: self.book.in_flight(),
            alone: self.capacity.alone(),
            ready: f64::from(status.ready.max(1)),
            start_up: self.starts.left(),
            concurrency: self.concurrency,
        };
        let late = load.late();
        // what waited before new replicas came stays in the old ones: until it is gone, a mean over all tells nothing of one
        self.is_uneven = late > 0.0 && (self.is_uneven || self.ready.is_some_and(|before| status.ready != before));
        self.ready = Some(status.ready);
        let is_overloaded = late > OVERLOAD * load.ready;
        let since = *self.overloaded.filter(|_| is_overloaded).get_or_insert(now);
        self.overloaded = is_overloaded.then_some(since);
        // of an overload, what was before it tells nothing
        let window = if is_overloaded { now.since(since).min(OBSERVED) } else { OBSERVED };
        if !window.is_zero()
            && !self.is_uneven
            && let Some(seen) = self.book.flow(window)
            && let (Some(ready), Some(latency)) = (seen.ready.filter(|ready| *ready > 0), seen.latency())
            && seen.answered() >= OBSERVED_ANSWERS.min(seen.secs * OBSERVED_ANSWERS)
        {
            self.capacity.observe(seen.answers / f64::from(ready), latency, secs, is_overloaded);
            load.each = self.capacity.each(self.concurrency);
            load.alone = self.capacity.alone();
        }
        load
    }

    fn scale(&mut self, now: Timestamp, from: u32, to: u32, reason: Reason, actions: &mut Vec<Action>) {
        self.helm.asks(now, from);
        actions.push(Action::Scale { function: FunctionId::STUDIED, from, to, reason });
    }
}

/// Says something once, when it becomes true.
fn say(told: &mut bool, is_so: bool, what: &str, actions: &mut Vec<Action>) {
    if is_so && !*told {
        actions.push(Action::Note { kind: EventKind::Failed, from: None, to: None, reason: Reason::new(what) });
    }
    *told = is_so;
}

impl Policy for Lookout {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { .. } => {
                self.next = Some(now);
                self.wake(now, actions);
            }
            _ if self.next.is_none() => {}
            Event::Woken => self.wake(now, actions),
            Event::Measured { function: FunctionId::STUDIED, sample } => self.measured.clone_from(sample),
            Event::Replicas { function: FunctionId::STUDIED, status } => self.decide(now, *status, actions),
            Event::ProbeDone(outcome) => self.probe_done(now, outcome, actions),
            Event::ScaleAnswered { function: FunctionId::STUDIED, result } => {
                if self.helm.answered(now, result.as_ref().ok().copied()) {
                    self.starts.asked(now);
                }
            }
            Event::Scraped(_) | Event::Measured { .. } | Event::Replicas { .. } | Event::ScaleAnswered { .. } => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.next
    }
}
