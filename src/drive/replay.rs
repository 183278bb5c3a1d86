//! Policies without a run: a recorded list of events once more, or what a policy would have done on a recorded run.
//!
//! No clock and no network: a policy is a function of its events, so the same events give the same actions, and a counter
//! that somebody once recorded is enough to ask any autoscaler what it would have made of it.
//!
//! ```text
//!   readings     |     |     |     |     |-----+-----+-- ... --|      then flat, for TAIL
//!                x     x     x     x     x     .     .         .
//!   answers      ||| || |||| ||| | |||||||                            every one, so the counters are known at all times
//!   probes          *-->     *---->     *-->                          the recorded ones; none is sent
//!   platform     grants at once, within the function's bounds
//! ```
//!
//! A policy whose setting `scrape_phase` knows the word `recorded` gets readings so: it is handed each at its own time, and
//! sees exactly the samples (and the gaps) that the recording's Prometheus saw. Every other policy asks when it wants to and is
//! told the newest reading. Where every answer was recorded each policy asks by itself and is told what the counters were
//! at that moment. A policy that wants to probe is given the recorded probe that was under way then, or the next one, as a shadow
//! is; without recorded probes it is refused, since a recording answers no requests. Metrics are those that the run's policy was told.

mod metrics;
mod readings;
mod recording;
mod world;

use std::time::Duration;

use crate::policy::settings::Value;
use crate::policy::{Action, Context, Event, Policy, Reason};
use crate::random::Seed;
use crate::record::{EventKind, FunctionId};
use crate::time::{Epoch, Timestamp};

pub use self::recording::{
    Answered, Counted, RecordedMetrics, RecordedProbe, RecordedReplicas, RecordedRun, Recording, Sample, Series,
};
use self::world::{Delivery, World};
use super::Arm;

/// How long a recording goes on after its end, every counter unchanged: the load has ended, the chain goes on
/// reading. The Community Edition's longest way from a load's end back to the minimum is 35 s.
pub const TAIL: Duration = Duration::from_secs(120);

/// Feeds recorded events to a fresh policy; its actions, each at the time of the event that caused it.
pub fn events(policy: &mut dyn Policy, log: &[(Timestamp, Event)]) -> Vec<(Timestamp, Action)> {
    let mut taken = Vec::new();
    let mut actions = Vec::new();
    for (at, event) in log {
        policy.handle(*at, event, &mut actions);
        taken.extend(actions.drain(..).map(|action| (*at, action)));
    }
    taken
}

/// What a policy did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Everything it decided and noted, in order.
    pub events: Vec<ReplayEvent>,
    /// End of the replay, in seconds since the load's start.
    pub end_s: f64,
}

/// One thing a policy did.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayEvent {
    /// Seconds since the load's start.
    pub t_s: f64,
    /// What kind. [`EventKind::Scale`] changed the desired replicas; [`EventKind::Refused`] asked for what the platform's bounds
    /// don't grant.
    pub kind: EventKind,
    /// Whose replicas, if it is about replicas.
    pub function: Option<FunctionId>,
    /// Desired replicas before.
    pub from: Option<u32>,
    /// And after.
    pub to: Option<u32>,
    /// Why.
    pub reason: Reason,
}

impl Replayed {
    /// The changes of a function's desired replicas: when (seconds since the load's start), from, to.
    pub fn scales(&self, function: FunctionId) -> Vec<(f64, u32, u32)> {
        self.events
            .iter()
            .filter(|event| event.kind == EventKind::Scale && event.function == Some(function))
            .filter_map(|event| Some((event.t_s, event.from?, event.to?)))
            .collect()
    }
}

/// What a policy would have done on recorded counters. `load_start` is the Unix time of the load's start.
///
/// The seed decides what the arm's settings leave to chance. A load that starts earlier in 1970 than its recording is moved
/// by whole days, of which every usual interval is a part.
pub fn counters(arm: &Arm, seed: Seed, load_start: Duration, recordings: &[Recording]) -> Replayed {
    let run = RecordedRun { functions: recordings.to_vec(), ..RecordedRun::default() };
    recorded(arm, seed, load_start, &run)
}

/// What a policy would have done in a recorded run; as [`counters`], with all that was recorded of it.
///
/// A policy that probes ends with the recording, after which there are no probes; every other goes on for [`TAIL`].
pub fn recorded(arm: &Arm, seed: Seed, load_start: Duration, run: &RecordedRun) -> Replayed {
    let times = || run.functions.iter().flat_map(Recording::times).chain(run.span.map(|(from_s, _)| from_s));
    let lead = Duration::try_from_secs_f64(times().fold(0.0_f64, |lead, t_s| lead.max(-t_s))).unwrap_or(Duration::ZERO);
    let day = Duration::from_secs(86_400);
    let days = u32::try_from(lead.saturating_sub(load_start).as_nanos().div_ceil(day.as_nanos())).unwrap_or(u32::MAX);
    let first = (load_start + day * days).saturating_sub(lead);
    // the epoch is a whole millisecond, so that the first reading can be at one too
    let beyond = Duration::from_nanos((first.subsec_nanos() % MILLI).into());
    let context = Context {
        epoch: Epoch::from_unix(first.saturating_sub(beyond)),
        load_start: Timestamp::ZERO + lead + beyond,
        seed,
        functions: run.functions.iter().map(|recording| recording.info.clone()).collect(),
        bounds: run.functions.iter().map(|recording| recording.bounds).collect(),
    };
    let mut settings = arm.settings.clone();
    let was_read = run.functions.iter().any(|recording| matches!(recording.counted, Counted::Readings(_)));
    let takes_recorded =
        was_read && settings.set(&(arm.policy.parameters)(), "scrape_phase", Value::Text("recorded")).is_ok();
    let mut policy = (arm.policy.build)(&settings, &context);
    let delivery = if takes_recorded { Delivery::AsRecorded } else { Delivery::OnRequest };
    let tail = if arm.policy.probes { Duration::ZERO } else { TAIL };
    World::new(context.epoch, context.load_start, run, delivery, tail).run(policy.as_mut())
}

/// Nanoseconds of a millisecond.
const MILLI: u32 = 1_000_000;

/// When a reading was taken: at a whole millisecond of Unix time, which is what Prometheus counts in.
///
/// Recorded times are rounded to the millisecond after the load's start, which is no whole one: the nearest is the one it was.
/// At a rate of exactly the threshold a millisecond decides.
fn reading_time(epoch: Epoch, load_start: Timestamp, t_s: f64) -> Timestamp {
    let at = timestamp(load_start, t_s);
    let beyond = epoch.unix_at(at).subsec_nanos() % MILLI;
    if beyond < MILLI / 2 {
        at - Duration::from_nanos(beyond.into())
    } else {
        at + Duration::from_nanos((MILLI - beyond).into())
    }
}

/// Whole microseconds: recordings are rounded to the millisecond, and binary fractions shall not show in Unix time.
fn timestamp(load_start: Timestamp, t_s: f64) -> Timestamp {
    let micros = (t_s.abs() * 1e6).round() as u64;
    let distance = Duration::from_micros(micros);
    if t_s < 0.0 { load_start - distance } else { load_start + distance }
}

#[cfg(test)]
mod laws;
