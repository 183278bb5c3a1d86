//! When the requests of a load source are due, by kind of load: what a plan holds, and the schedule a driver makes of it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use super::GeneratorPlan;
use super::journeys::JourneysPlan;
use crate::random::{Purpose, Seed};
use crate::record::{GeneratorId, WorkerId};
use crate::schedule::arrivals::{Arrivals, Source};
use crate::schedule::journeys::Journeys;
use crate::schedule::open::{Bound, Open};
use crate::schedule::rate::{Rate, Spacing};
use crate::schedule::share::Share;
use crate::schedule::trace::Trace;
use crate::schedule::{Next, Schedule, Turn, hey};
use crate::time::Timestamp;

/// When requests are due, by kind of load.
#[derive(Clone, Debug, PartialEq)]
pub enum SchedulePlan {
    /// hey's workers.
    Hey(hey::Settings),
    /// A rate over time.
    Rate(Rate, Bound),
    /// A recorded load.
    Trace(Trace, Bound),
    /// Users on their journeys: goose's by the wall clock, our own in virtual time.
    Goose(JourneysPlan),
}

/// A schedule of a known kind. In virtual time it is asked once per request: a call that can be inlined, and an answer that need not
/// go through memory, save a tenth of the way.
pub(super) enum KnownSchedule {
    Hey(hey::Hey),
    Open(Open),
    Journeys(Journeys),
}

impl KnownSchedule {
    /// When the next call of a worker is due and ready that is back before it and has lost none; [`KnownSchedule::next`] tells of all
    /// others. What is small stays in registers: a call that is handed down whole would be waited for.
    #[inline]
    pub(super) fn next_in_time(&mut self, worker: WorkerId, free: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hey(hey) => hey.next_in_time(worker, free),
            Self::Open(_) | Self::Journeys(_) => None,
        }
    }

    /// [`Schedule::next`].
    pub(super) fn next(&mut self, worker: WorkerId, turn: Turn) -> Next {
        match self {
            Self::Hey(hey) => hey.next(worker, turn),
            Self::Open(open) => open.next(worker, turn),
            Self::Journeys(journeys) => journeys.next(worker, turn),
        }
    }
}

impl KnownSchedule {
    /// A whole load of which only a share is counted: what is lost or left unused.
    pub(super) fn counting(self, share: Share) -> Self {
        match self {
            Self::Open(open) => Self::Open(open.counting(share)),
            other => other,
        }
    }

    /// Whether what a worker lost and left unused is counted; an open loop leaves the others' out itself.
    pub(super) fn accounts_for(&self, share: Share, worker: WorkerId) -> bool {
        match self {
            Self::Hey(_) | Self::Journeys(_) => share.has(worker.0.into()),
            Self::Open(_) => true,
        }
    }

    /// Whether the worker's last call is of this share of the load.
    #[inline]
    pub(super) fn is_of(&self, share: Share, worker: WorkerId) -> bool {
        share.is_whole()
            || match self {
                Self::Hey(_) | Self::Journeys(_) => share.has(worker.0.into()),
                Self::Open(open) => open.counts(worker),
            }
    }

    /// What is left of it for one of several machines.
    pub(super) fn share(self, share: Share) -> Self {
        match self {
            known if share.is_whole() => known,
            Self::Hey(hey) => Self::Hey(hey.share(share)),
            Self::Open(open) => Self::Open(open.share(share)),
            Self::Journeys(journeys) => Self::Journeys(journeys.share(share)),
        }
    }
}

impl Deref for KnownSchedule {
    type Target = dyn Schedule;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Hey(hey) => hey,
            Self::Open(open) => open,
            Self::Journeys(journeys) => journeys,
        }
    }
}

impl DerefMut for KnownSchedule {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Hey(hey) => hey,
            Self::Open(open) => open,
            Self::Journeys(journeys) => journeys,
        }
    }
}

/// How many requests a schedule calls for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Planned {
    /// So many.
    Exactly(u64),
    /// So many on average: the seed decides.
    About(f64),
    /// As many as the answers allow.
    Open,
}

impl Planned {
    /// Those of two generators together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open, _) | (_, Self::Open) => Self::Open,
            (Self::Exactly(one), Self::Exactly(other)) => Self::Exactly(one.saturating_add(other)),
            (one, other) => Self::About(one.number() + other.number()),
        }
    }

    fn number(self) -> f64 {
        match self {
            Self::Exactly(number) => number as f64,
            Self::About(number) => number,
            Self::Open => f64::INFINITY,
        }
    }
}

/// The share of each of these loads that a share of all of them is: workers are dealt out over all loads in their order.
pub fn shares(generators: &[GeneratorPlan], share: Share) -> Vec<Share> {
    let mut before = 0;
    let of = |generator: &GeneratorPlan| {
        let own = share.after(before);
        before += u64::from(generator.schedule.workers());
        own
    };
    generators.iter().map(of).collect()
}

impl SchedulePlan {
    /// The schedule itself, starting at `start`. All that is random in it follows from the run's seed and the generator's number.
    pub fn build(&self, start: Timestamp, seed: Seed, generator: GeneratorId) -> Box<dyn Schedule> {
        self.build_share(start, seed, generator, Share::WHOLE)
    }

    /// The schedule of one of several machines that make the load together.
    pub fn build_share(&self, start: Timestamp, seed: Seed, generator: GeneratorId, share: Share) -> Box<dyn Schedule> {
        match self.build_known(start, seed, generator).share(share) {
            KnownSchedule::Hey(hey) => Box::new(hey),
            KnownSchedule::Open(open) => Box::new(open),
            KnownSchedule::Journeys(journeys) => Box::new(journeys),
        }
    }

    /// The same as a value whose kind is known.
    pub(super) fn build_known(&self, start: Timestamp, seed: Seed, generator: GeneratorId) -> KnownSchedule {
        let number = u64::from(generator.0);
        let open = |source: Source, bound: Bound, duration: Duration| {
            KnownSchedule::Open(Open::new(Arrivals::new(source, seed, number), bound, duration, start))
        };
        match self {
            Self::Hey(settings) => {
                let offsets = settings.offsets(&mut seed.stream_of(Purpose::Arrivals, number));
                KnownSchedule::Hey(hey::Hey::with_offsets(*settings, start, &offsets))
            }
            Self::Rate(rate, bound) => open(rate.source(), *bound, rate.duration()),
            Self::Trace(trace, bound) => open(trace.source(), *bound, trace.duration()),
            Self::Goose(plan) => {
                KnownSchedule::Journeys(Journeys::new(Arc::clone(&plan.settings), start, seed, number))
            }
        }
    }

    /// Whether requests are due whatever became of the ones before.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Rate(..) | Self::Trace(..))
    }

    /// How many requests may be under way at once.
    pub fn workers(&self) -> u32 {
        match self {
            Self::Hey(settings) => settings.workers(),
            Self::Rate(_, bound) | Self::Trace(_, bound) => bound.max_in_flight,
            Self::Goose(plan) => plan.settings.users,
        }
    }

    /// How many requests it calls for.
    pub fn planned(&self) -> Planned {
        match self {
            Self::Hey(settings) => settings.planned().map_or(Planned::Open, Planned::Exactly),
            Self::Goose(plan) => plan.settings.planned().map_or(Planned::Open, Planned::Exactly),
            Self::Rate(rate, _) if rate.spacing == Spacing::Poisson => Planned::About(rate.requests()),
            Self::Trace(trace, _) if trace.count_is_random() => Planned::About(trace.requests()),
            Self::Rate(rate, _) => Planned::Exactly(rate.requests() as u64),
            Self::Trace(trace, _) => Planned::Exactly(trace.requests() as u64),
        }
    }

    /// The shortest time between two requests of a worker, or on average of an open loop at its highest rate.
    pub fn shortest_gap(&self) -> Option<Duration> {
        let gap = |rate: f64| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        match self {
            Self::Hey(settings) => settings.period(),
            // users think as long as they like
            Self::Goose(_) => None,
            Self::Rate(rate, _) => Some(gap(rate.shape.highest())),
            Self::Trace(trace, _) => Some(gap(trace.highest())),
        }
    }

    /// From its start to its end, answers apart and each taking `alone`: an estimate where the answers decide.
    pub fn duration(&self, alone: Duration) -> Duration {
        let settings = match self {
            Self::Hey(settings) => settings,
            Self::Rate(rate, _) => return rate.duration(),
            Self::Trace(trace, _) => return trace.duration(),
            Self::Goose(plan) => return plan.settings.duration(alone),
        };
        let period = settings.period().unwrap_or_default();
        let times = |each: u64, length: Duration| {
            // longer than what a duration holds: refused by the resolver
            Duration::try_from_secs_f64(each as f64 * length.as_secs_f64()).unwrap_or(Duration::MAX)
        };
        let busy = match (settings.duration(), settings.planned_per_worker()) {
            // the stop finds workers that wait for their tick or their answer
            (Some(duration), Some(each)) => {
                times(each, period).max(if alone > period { duration } else { Duration::ZERO })
            }
            (Some(duration), None) => duration,
            (None, each) => times(each.unwrap_or(0), period.max(alone)),
        };
        match settings.phase() {
            hey::Phase::Sync => busy,
            hey::Phase::Spread | hey::Phase::Random => busy.saturating_add(period),
        }
    }
}
