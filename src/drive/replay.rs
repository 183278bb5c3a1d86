//! Policies without a run: a recorded list of events once more, or what a policy would have done on recorded counters.
//!
//! No clock and no network: a policy is a function of its events, so the same events give the same actions, and a counter
//! that somebody once recorded is enough to ask any autoscaler what it would have made of it.
//!
//! ```text
//!   recorded     |     |     |     |     |-----+-----+-- ... --|      then flat, for TAIL
//!                x     x     x     x     x     .     .         .
//!   policy       scraped at these times, or, if it asks by itself, told the newest value
//!   platform     grants at once, within the function's bounds
//! ```
//!
//! A policy whose setting `scrape_phase` knows the word `recorded` gets it: it is handed each recorded reading at its own
//! time, so it sees exactly the samples (and the gaps) that the recording's Prometheus saw. Every other policy asks when it
//! wants to and is told the newest reading. Probes are refused: a recording answers no requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::policy::settings::Value;
use crate::policy::{Action, Context, Counter, Event, FunctionInfo, Policy, ProbeOutcome, Reason, ReplicaStatus};
use crate::random::Seed;
use crate::record::{ErrorKind, EventKind, FunctionId};
use crate::time::{Epoch, Timestamp};

use super::Arm;

/// How long a recording goes on after its last sample, every counter unchanged: the load has ended, the chain goes on
/// reading. The Community Edition's longest way from a load's end back to the minimum is 35 s.
pub const TAIL: Duration = Duration::from_secs(120);

/// Time between the flat readings of the tail if the recording is too short to tell its own.
const USUAL_SPACING: Duration = Duration::from_secs(5);
/// Readings closer than this are not continued in the tail at their own spacing.
const SHORTEST_SPACING: Duration = Duration::from_millis(100);
/// Events at one instant after which a policy is taken to be caught in a loop.
const MOST_EVENTS_AT_ONCE: u32 = 100_000;

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

/// What was recorded of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its name and labels.
    pub info: FunctionInfo,
    /// Its counters, in any order. Samples whose time is not a finite number are left out.
    pub samples: Vec<Sample>,
    /// Replicas desired at the start.
    pub replicas: u32,
    /// Fewest and most replicas the platform grants.
    pub bounds: (u32, u32),
}

/// One reading of one counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since the load's start, negative before it.
    pub t_s: f64,
    /// Status of the answers it counts.
    pub code: u16,
    /// Answers so far.
    pub value: f64,
}

impl Recording {
    /// Of a function of the Community Edition: 1 replica at the start, 1 to 5 granted.
    pub fn new(info: FunctionInfo, samples: Vec<Sample>) -> Self {
        Self { info, samples, replicas: 1, bounds: (1, 5) }
    }
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
    let lead = recordings
        .iter()
        .flat_map(|recording| &recording.samples)
        .filter(|sample| sample.t_s.is_finite())
        .fold(0.0_f64, |lead, sample| lead.max(-sample.t_s));
    let lead = Duration::try_from_secs_f64(lead).unwrap_or(Duration::ZERO);
    let day = Duration::from_secs(86_400);
    let days = u32::try_from(lead.saturating_sub(load_start).as_nanos().div_ceil(day.as_nanos())).unwrap_or(u32::MAX);
    let context = Context {
        epoch: Epoch::from_unix((load_start + day * days).saturating_sub(lead)),
        load_start: Timestamp::ZERO + lead,
        seed,
        functions: recordings.iter().map(|recording| recording.info.clone()).collect(),
    };
    let mut settings = arm.settings.clone();
    let takes_recorded = settings.set(&(arm.policy.parameters)(), "scrape_phase", Value::Text("recorded")).is_ok();
    let mut policy = (arm.policy.build)(&settings, &context);
    let delivery = if takes_recorded { Delivery::AsRecorded } else { Delivery::OnRequest };
    Replay::new(context.load_start, recordings, delivery).run(policy.as_mut())
}

/// How readings reach the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// Each at its own time, unasked.
    AsRecorded,
    /// The newest, when the policy asks.
    OnRequest,
}

/// The world a policy is replayed in.
struct Replay<'a> {
    load_start: Timestamp,
    recordings: &'a [Recording],
    delivery: Delivery,
    readings: VecDeque<(Timestamp, Vec<Counter>)>,
    newest: BTreeMap<(FunctionId, u16), f64>,
    desired: Vec<u32>,
    /// Answers that are ready, in order of the questions.
    answers: VecDeque<Event>,
    end: Timestamp,
    events: Vec<ReplayEvent>,
}

impl<'a> Replay<'a> {
    fn new(load_start: Timestamp, recordings: &'a [Recording], delivery: Delivery) -> Self {
        let (readings, end) = readings(load_start, recordings);
        Self {
            load_start,
            recordings,
            delivery,
            readings: readings.into_iter().collect(),
            newest: BTreeMap::new(),
            desired: recordings.iter().map(|recording| recording.replicas).collect(),
            answers: VecDeque::new(),
            end,
            events: Vec::new(),
        }
    }

    fn run(mut self, policy: &mut dyn Policy) -> Replayed {
        let mut now = Timestamp::ZERO;
        let mut at_once = 0;
        self.handle(policy, now, &Event::Started { replicas: self.desired.clone() });
        loop {
            let before = now;
            if let Some(answer) = self.answers.pop_front() {
                self.handle(policy, now, &answer);
            } else {
                let reading = self.readings.front().map_or(Timestamp::MAX, |(at, _)| *at);
                let wake = policy.wake_at().unwrap_or(Timestamp::MAX).max(now);
                let next = reading.min(wake);
                if next > self.end {
                    let end_s = self.end.seconds_since(self.load_start);
                    return Replayed { events: self.events, end_s };
                }
                now = next;
                if reading == now {
                    self.read(policy, now);
                } else {
                    self.handle(policy, now, &Event::Woken);
                }
            }
            at_once = if now == before { at_once + 1 } else { 0 };
            assert!(at_once < MOST_EVENTS_AT_ONCE, "the policy asks for more at {now} than it lets time pass");
        }
    }

    /// The next recorded reading has come. One at the instant of a wake-up is there before it.
    fn read(&mut self, policy: &mut dyn Policy, now: Timestamp) {
        let Some((_, counters)) = self.readings.pop_front() else { return };
        for counter in &counters {
            self.newest.insert((counter.function, counter.code), counter.value);
        }
        if self.delivery == Delivery::AsRecorded {
            self.handle(policy, now, &Event::Scraped(Some(counters)));
        }
    }

    fn handle(&mut self, policy: &mut dyn Policy, now: Timestamp, event: &Event) {
        let mut actions = Vec::new();
        policy.handle(now, event, &mut actions);
        for action in actions {
            self.act(now, action);
        }
    }

    fn act(&mut self, now: Timestamp, action: Action) {
        match action {
            Action::Probe => {
                let answer = Err(ErrorKind::Refused);
                self.answers.push_back(Event::ProbeDone(ProbeOutcome { sent: now, latency: Duration::ZERO, answer }));
            }
            Action::Scrape => {
                let counters: Vec<Counter> = self
                    .newest
                    .iter()
                    .map(|((function, code), value)| Counter { function: *function, code: *code, value: *value })
                    .collect();
                self.answers.push_back(Event::Scraped((!counters.is_empty()).then_some(counters)));
            }
            Action::ReadReplicas { function } => {
                let status = self
                    .desired
                    .get(usize::from(function.0))
                    .map(|desired| ReplicaStatus { desired: *desired, ready: *desired });
                self.answers.push_back(Event::Replicas { function, status });
            }
            Action::Scale { function, to, reason, .. } => self.scale(now, function, to, reason),
            Action::Judged(_) => {}
            Action::Note { kind, from, to, reason } => {
                self.events.push(ReplayEvent { t_s: self.seconds(now), kind, function: None, from, to, reason });
            }
        }
    }

    fn scale(&mut self, now: Timestamp, function: FunctionId, to: u32, reason: Reason) {
        let index = usize::from(function.0);
        let t_s = self.seconds(now);
        let (Some(recording), Some(desired)) = (self.recordings.get(index), self.desired.get_mut(index)) else {
            let refusal = crate::policy::Refusal::Status { status: 404, body: "no such function".to_owned() };
            self.answers.push_back(Event::ScaleAnswered { function, result: Err(refusal) });
            return;
        };
        let (fewest, most) = recording.bounds;
        let granted = to.min(most).max(fewest);
        let from = std::mem::replace(desired, granted);
        let kind = if granted == from { EventKind::Refused } else { EventKind::Scale };
        let function_of = Some(function);
        self.events.push(ReplayEvent { t_s, kind, function: function_of, from: Some(from), to: Some(granted), reason });
        self.answers.push_back(Event::ScaleAnswered { function, result: Ok(granted) });
    }

    fn seconds(&self, at: Timestamp) -> f64 {
        at.seconds_since(self.load_start)
    }
}

/// Readings by time, the flat tail included, and the end of it all. Samples of one instant are one reading.
fn readings(load_start: Timestamp, recordings: &[Recording]) -> (BTreeMap<Timestamp, Vec<Counter>>, Timestamp) {
    let mut readings: BTreeMap<Timestamp, Vec<Counter>> = BTreeMap::new();
    let mut ends = Vec::new();
    for (index, recording) in recordings.iter().enumerate() {
        let function = FunctionId(u16::try_from(index).unwrap_or(u16::MAX));
        let mut samples: Vec<(Timestamp, Counter)> = recording
            .samples
            .iter()
            .filter(|sample| sample.t_s.is_finite())
            .map(|sample| {
                let counter = Counter { function, code: sample.code, value: sample.value };
                (timestamp(load_start, sample.t_s), counter)
            })
            .collect();
        samples.sort_by_key(|(at, counter)| (*at, counter.code));
        let last: BTreeMap<u16, f64> = samples.iter().map(|(_, counter)| (counter.code, counter.value)).collect();
        ends.push((function, samples.last().map_or(load_start, |(at, _)| *at), spacing(&samples), last));
        for (at, counter) in samples {
            readings.entry(at).or_default().push(counter);
        }
    }
    let end = ends.iter().map(|(_, at, ..)| *at).max().unwrap_or(load_start) + TAIL;
    for (function, last_at, spacing, last) in ends {
        let mut at = last_at + spacing;
        while at <= end && !last.is_empty() {
            let flat = last.iter().map(|(code, value)| Counter { function, code: *code, value: *value });
            readings.entry(at).or_default().extend(flat);
            at += spacing;
        }
    }
    (readings, end)
}

/// The usual time between two readings of one function: the median.
fn spacing(samples: &[(Timestamp, Counter)]) -> Duration {
    let mut gaps: Vec<Duration> =
        samples.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|gap| *gap >= SHORTEST_SPACING).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(USUAL_SPACING)
}

/// Whole microseconds: recordings are rounded to the millisecond, and binary fractions shall not show in Unix time.
fn timestamp(load_start: Timestamp, t_s: f64) -> Timestamp {
    let micros = (t_s.abs() * 1e6).round() as u64;
    let distance = Duration::from_micros(micros);
    if t_s < 0.0 { load_start - distance } else { load_start + distance }
}

#[cfg(test)]
mod laws;
