//! The world a policy is replayed in: what was recorded, when it comes, and a platform that grants everything at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::policy::{Action, Counter, Event, Policy, ProbeOutcome, Reason, Refusal};
use crate::record::{ErrorKind, EventKind, FunctionId};
use crate::time::{Epoch, Timestamp};

use super::metrics::{self, Metrics};
use super::readings::{answers, readings};
use super::recording::{Counted, RecordedProbe, RecordedReplicas, RecordedRun, Recording};
use super::{ReplayEvent, Replayed, timestamp};

/// Events at one instant after which a policy is taken to be caught in a loop.
const MOST_EVENTS_AT_ONCE: u32 = 100_000;

/// How readings reach the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Each at its own time, unasked.
    AsRecorded,
    /// The newest, when the policy asks.
    OnRequest,
}

/// One counter as the policy is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    function: FunctionId,
    code: u16,
    /// Among the function's counters of this status: each gateway has its own.
    gateway: usize,
}

/// The world.
pub(super) struct World<'a> {
    load_start: Timestamp,
    recordings: &'a [Recording],
    delivery: Delivery,
    readings: VecDeque<(Timestamp, Vec<Counter>)>,
    answered: VecDeque<(Timestamp, FunctionId, u16)>,
    /// Counters at the last reading, or as far as answers were counted.
    newest: BTreeMap<Place, f64>,
    desired: Vec<u32>,
    /// Answers by the time from which each is there, in order of the questions: none overtakes another.
    answers: VecDeque<(Timestamp, Event)>,
    /// Probes that are not over yet, by their ends; [`None`] if none was recorded at all.
    probes: Option<VecDeque<(Timestamp, ProbeOutcome)>>,
    waits_for_probe: bool,
    metrics: Metrics,
    replicas: &'a [RecordedReplicas],
    end: Timestamp,
    events: Vec<ReplayEvent>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        epoch: Epoch,
        load_start: Timestamp,
        run: &'a RecordedRun,
        delivery: Delivery,
        tail: Duration,
    ) -> Self {
        let last = run.functions.iter().flat_map(Recording::times).map(|t_s| timestamp(load_start, t_s)).max();
        let ended = run.span.map(|(_, to_s)| timestamp(load_start, to_s)).into_iter().chain(last).max();
        let end = ended.unwrap_or(load_start) + tail;
        let mut probes: Vec<(Timestamp, ProbeOutcome)> =
            run.probes.iter().map(|probe| outcome(load_start, probe)).collect();
        probes.sort_by_key(|(done, outcome)| (*done, outcome.sent));
        Self {
            load_start,
            recordings: &run.functions,
            delivery,
            readings: readings(epoch, load_start, &run.functions, end).into_iter().collect(),
            answered: answers(load_start, &run.functions).into(),
            newest: BTreeMap::new(),
            desired: run.functions.iter().map(|recording| recording.replicas).collect(),
            answers: VecDeque::new(),
            probes: (!probes.is_empty()).then(|| probes.into()),
            waits_for_probe: false,
            metrics: Metrics::new(load_start, run),
            replicas: &run.replicas,
            end,
            events: Vec::new(),
        }
    }

    pub(super) fn run(mut self, policy: &mut dyn Policy) -> Replayed {
        let mut now = Timestamp::ZERO;
        let mut at_once = 0;
        self.handle(policy, now, &Event::Started { replicas: self.desired.clone() });
        loop {
            let before = now;
            if self.answers.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, answer)) = self.answers.pop_front()
            {
                self.handle(policy, now, &answer);
            } else {
                let reading = self.readings.front().map_or(Timestamp::MAX, |(at, _)| *at);
                let probe = self.next_probe(now);
                let wake = policy.wake_at().unwrap_or(Timestamp::MAX).max(now);
                let answer = self.answers.front().map_or(Timestamp::MAX, |(at, _)| *at);
                let next = reading.min(probe).min(answer).min(wake);
                if next > self.end {
                    let end_s = self.end.seconds_since(self.load_start);
                    return Replayed { events: self.events, end_s };
                }
                now = next;
                if reading == now {
                    self.read(policy, now);
                } else if probe == now {
                    self.probed(policy, now);
                } else if answer == now {
                    // it is handed over in the next turn
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
        let mut places: BTreeMap<(FunctionId, u16), usize> = BTreeMap::new();
        for counter in &counters {
            let gateway = places.entry((counter.function, counter.code)).or_default();
            if !counter.value.is_nan() {
                let place = Place { function: counter.function, code: counter.code, gateway: *gateway };
                self.newest.insert(place, counter.value);
            }
            *gateway += 1;
        }
        if self.delivery == Delivery::AsRecorded {
            self.handle(policy, now, &Event::Scraped(Some(counters)));
        }
    }

    /// When the probe that the policy waits for is over. Probes it did not ask for go by.
    fn next_probe(&mut self, now: Timestamp) -> Timestamp {
        let Some(probes) = self.probes.as_mut().filter(|_| self.waits_for_probe) else { return Timestamp::MAX };
        while probes.front().is_some_and(|(done, _)| *done < now) {
            probes.pop_front();
        }
        probes.front().map_or(Timestamp::MAX, |(done, _)| *done)
    }

    fn probed(&mut self, policy: &mut dyn Policy, now: Timestamp) {
        let Some((_, outcome)) = self.probes.as_mut().and_then(VecDeque::pop_front) else { return };
        self.waits_for_probe = false;
        self.handle(policy, now, &Event::ProbeDone(outcome));
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
            Action::Probe if self.probes.is_some() => self.waits_for_probe = true,
            Action::Probe => {
                let answer = Err(ErrorKind::Refused);
                self.answers
                    .push_back((now, Event::ProbeDone(ProbeOutcome { sent: now, latency: Duration::ZERO, answer })));
            }
            Action::Scrape => {
                let counters = self.counters(now);
                self.answers.push_back((now, Event::Scraped(counters)));
            }
            Action::ReadReplicas { function } => {
                let desired = self.desired.get(usize::from(function.0)).copied();
                let recorded = if function == FunctionId::STUDIED { self.replicas } else { &[] };
                let status = desired.map(|desired| metrics::status(self.load_start, recorded, now, desired));
                self.answers.push_back((now, Event::Replicas { function, status }));
            }
            Action::Measure { function } => {
                let (at, sample) = self.metrics.answer(now, function);
                self.answers.push_back((at, Event::Measured { function, sample }));
            }
            Action::Scale { function, to, reason, .. } => self.scale(now, function, to, reason),
            Action::Judged(_) => {}
            Action::Note { kind, from, to, reason } => {
                self.events.push(ReplayEvent { t_s: self.seconds(now), kind, function: None, from, to, reason });
            }
        }
    }

    /// The counters as a scrape at `now` finds them; [`None`] before the first reading, when they are not known.
    fn counters(&mut self, now: Timestamp) -> Option<Vec<Counter>> {
        while let Some((at, function, code)) = self.answered.front().copied()
            && at <= now
        {
            self.answered.pop_front();
            *self.newest.entry(Place { function, code, gateway: 0 }).or_default() += 1.0;
        }
        let counter =
            |(place, value): (&Place, &f64)| Counter { function: place.function, code: place.code, value: *value };
        let counters: Vec<Counter> = self.newest.iter().map(counter).collect();
        let known = self.recordings.iter().any(|recording| matches!(recording.counted, Counted::Answers(_)));
        (known || !counters.is_empty()).then_some(counters)
    }

    fn scale(&mut self, now: Timestamp, function: FunctionId, to: u32, reason: Reason) {
        let index = usize::from(function.0);
        let t_s = self.seconds(now);
        let (Some(recording), Some(desired)) = (self.recordings.get(index), self.desired.get_mut(index)) else {
            let refusal = Refusal::Status { status: 404, body: "no such function".to_owned() };
            self.answers.push_back((now, Event::ScaleAnswered { function, result: Err(refusal) }));
            return;
        };
        let (fewest, most) = recording.bounds;
        let granted = to.min(most).max(fewest);
        let from = std::mem::replace(desired, granted);
        let kind = if granted == from { EventKind::Refused } else { EventKind::Scale };
        let function_of = Some(function);
        self.events.push(ReplayEvent { t_s, kind, function: function_of, from: Some(from), to: Some(granted), reason });
        self.answers.push_back((now, Event::ScaleAnswered { function, result: Ok(granted) }));
    }

    fn seconds(&self, at: Timestamp) -> f64 {
        at.seconds_since(self.load_start)
    }
}

/// A recorded probe by its end.
fn outcome(load_start: Timestamp, probe: &RecordedProbe) -> (Timestamp, ProbeOutcome) {
    let (sent, done) = (timestamp(load_start, probe.sent_s), timestamp(load_start, probe.done_s));
    (done, ProbeOutcome { sent, latency: done - sent, answer: probe.answer })
}
