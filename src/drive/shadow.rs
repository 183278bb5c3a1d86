//! Shadows: policies that see what the arm's own policy could see, and whose decisions are kept but never carried out.
//!
//! ```text
//!   counters --read for it----> +--------+ --scale--> its own count (granted at once, within the function's bounds)
//!   the arm's probes ---------> | shadow |                    |
//!   its own count ------------> +--------+ <------------------+
//!                                    \--> rows of the actor `shadow:NAME`; nothing else leaves
//! ```
//!
//! What would the other one have done under this very load? Three choices make that a fair question:
//!
//! - **Replicas are its own.** A shadow reads the count it would have set itself, starting from the run's: `openfaas-ce` steps
//!   from `spec.replicas`, and the count that the arm sets would make it skip steps or take them twice. All it asks for is
//!   ready at once.
//! - **Counters and metrics are read for it**, at the times it asks: reading them changes nothing. Metrics of pods are those of the
//!   arm's pods.
//! - **Probes are the arm's.** A probe is work for the function, so a shadow never sends one: it is given the arm's probe
//!   that is under way, or the next one. With the same pace both see the same probes.
//!
//! What no shadow can show is the effect of its own decisions: latencies and counters are those of the arm's replicas.
//!
//! May not enter: the platform. There is no way from here to it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::{Action, Context, Counter, Event, Measurement, Policy, ProbeOutcome, Refusal, ReplicaStatus};
use crate::record::{EventKind, EventRow, FunctionId, ProbeRow};
use crate::time::Timestamp;

use super::decisions::Decisions;
use super::{Arm, Plan};

/// From asking for replicas to the answer, as in the simulator: one call to the Kubernetes API, roughly.
const SCALE_LATENCY: Duration = Duration::from_millis(5);

/// The least time between two wake-ups that a shadow asks for at once: whatever it is, it holds up no run.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// Answers a shadow is given at one instant; what it asks beyond that it learns a moment later.
const ANSWERS_AT_ONCE: u32 = 1_000;

/// One shadow of a run, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowId(usize);

/// What shadows leave behind, for the driver to see to.
#[derive(Debug, Default)]
pub struct Wishes {
    /// To be kept.
    pub rows: Vec<EventRow>,
    /// Who wants the counters read; the answer goes to [`Shadows::scraped`].
    pub scrapes: Vec<ShadowId>,
    /// Who wants a function's metrics read; the answer goes to [`Shadows::measured`].
    pub measures: Vec<(ShadowId, FunctionId)>,
}

impl Wishes {
    /// Whether nothing is left to read.
    pub fn is_answered(&self) -> bool {
        self.scrapes.is_empty() && self.measures.is_empty()
    }
}

/// The shadows of one run.
#[derive(Default)]
pub struct Shadows(Vec<Shadow>);

struct Shadow {
    id: ShadowId,
    policy: Box<dyn Policy>,
    decisions: Decisions,
    /// What it would have set, of each function.
    desired: Vec<u32>,
    /// Fewest and most that the platform would grant.
    bounds: Vec<(u32, u32)>,
    /// Answers to its own questions, by time.
    answers: VecDeque<(Timestamp, Event)>,
    waits_for_probe: bool,
    /// It is not woken before.
    rested: Timestamp,
}

impl Shadows {
    /// The shadows of a plan.
    pub fn of(plan: &Plan, context: &Context) -> Self {
        let shadow = |(index, arm): (usize, &Arm)| Shadow {
            id: ShadowId(index),
            policy: arm.build(context),
            decisions: Decisions::of(EventRow::shadow(&arm.name)),
            desired: plan.functions.iter().map(|function| function.replicas).collect(),
            bounds: plan.functions.iter().map(|function| function.bounds).collect(),
            answers: VecDeque::new(),
            waits_for_probe: false,
            rested: Timestamp::ZERO,
        };
        Self(plan.shadows.iter().enumerate().map(shadow).collect())
    }

    /// When [`Shadows::wake`] is due; [`Timestamp::MAX`] for never. May have passed.
    pub fn next(&self) -> Timestamp {
        self.0.iter().map(Shadow::next).min().unwrap_or(Timestamp::MAX)
    }

    /// The run begins.
    pub fn start(&mut self, now: Timestamp, wishes: &mut Wishes) {
        for shadow in &mut self.0 {
            let replicas = shadow.desired.clone();
            shadow.handle(now, &Event::Started { replicas }, wishes);
        }
    }

    /// Gives each shadow what is due at `now`: answers, then its wake-up.
    pub fn wake(&mut self, now: Timestamp, wishes: &mut Wishes) {
        for shadow in &mut self.0 {
            shadow.wake(now, wishes);
        }
    }

    /// The counters were read for this shadow; `None` if they could not be had.
    pub fn scraped(&mut self, now: Timestamp, of: ShadowId, counters: Option<Vec<Counter>>, wishes: &mut Wishes) {
        if let Some(shadow) = self.0.get_mut(of.0) {
            shadow.handle(now, &Event::Scraped(counters), wishes);
        }
    }

    /// A function's metrics were read for this shadow; `None` if they could not be had.
    pub fn measured(
        &mut self,
        now: Timestamp,
        of: ShadowId,
        function: FunctionId,
        sample: Option<Measurement>,
        wishes: &mut Wishes,
    ) {
        if let Some(shadow) = self.0.get_mut(of.0) {
            shadow.handle(now, &Event::Measured { function, sample }, wishes);
        }
    }

    /// A probe of the arm's own policy is answered or given up: for every shadow that waits for one.
    pub fn probe_done(&mut self, now: Timestamp, outcome: ProbeOutcome, wishes: &mut Wishes) {
        for shadow in &mut self.0 {
            if std::mem::take(&mut shadow.waits_for_probe) {
                shadow.handle(now, &Event::ProbeDone(outcome), wishes);
            }
        }
    }

    /// The run ends: what was decided and has no answer yet is decided all the same.
    pub fn end(&mut self, now: Timestamp, wishes: &mut Wishes) {
        for shadow in &mut self.0 {
            while let Some((at, answer)) = shadow.answers.pop_front() {
                if let Event::ScaleAnswered { function, result } = &answer {
                    wishes.rows.push(shadow.decisions.answered(at.min(now), *function, result));
                }
            }
        }
    }
}

impl Shadow {
    fn next(&self) -> Timestamp {
        let answer = self.answers.front().map_or(Timestamp::MAX, |(at, _)| *at);
        let wake = self.policy.wake_at().unwrap_or(Timestamp::MAX);
        answer.min(wake).max(self.rested)
    }

    fn wake(&mut self, now: Timestamp, wishes: &mut Wishes) {
        if now < self.rested {
            return;
        }
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let mut woken = false;
        for _ in 0..ANSWERS_AT_ONCE {
            if is_due(self.answers.front().map(|(at, _)| *at)) {
                let Some((_, answer)) = self.answers.pop_front() else { break };
                if let Event::ScaleAnswered { function, result } = &answer {
                    wishes.rows.push(self.decisions.answered(now, *function, result));
                }
                self.handle(now, &answer, wishes);
            } else if is_due(self.policy.wake_at()) && !woken {
                woken = true;
                self.handle(now, &Event::Woken, wishes);
            } else {
                break;
            }
        }
        if self.next() <= now {
            self.rested = now + LEAST_PAUSE;
        }
    }

    fn handle(&mut self, now: Timestamp, event: &Event, wishes: &mut Wishes) {
        let mut actions = Vec::new();
        self.policy.handle(now, event, &mut actions);
        for action in actions {
            match action {
                Action::Probe => self.waits_for_probe = true,
                Action::Scrape => wishes.scrapes.push(self.id),
                Action::Measure { function } => wishes.measures.push((self.id, function)),
                Action::ReadReplicas { function } => {
                    let desired = self.desired.get(usize::from(function.0));
                    let status = desired.map(|desired| ReplicaStatus { desired: *desired, ready: *desired });
                    self.answer(now, Event::Replicas { function, status });
                }
                Action::Scale { function, from, to, reason } => {
                    self.decisions.asked(function, from, to, reason);
                    let result = self.grant(function, to);
                    self.answer(now + SCALE_LATENCY, Event::ScaleAnswered { function, result });
                }
                Action::Judged(row) => wishes.rows.push(self.judged(now, &row)),
                Action::Note { kind, from, to, reason } => {
                    wishes.rows.push(self.decisions.note(now, kind, from, to, reason));
                }
            }
        }
    }

    /// What the platform would have made of a wish.
    fn grant(&mut self, function: FunctionId, to: u32) -> Result<u32, Refusal> {
        let index = usize::from(function.0);
        let (Some(desired), Some((fewest, most))) = (self.desired.get_mut(index), self.bounds.get(index)) else {
            return Err(Refusal::Status { status: 404, body: "no such function".to_owned() });
        };
        *desired = to.min(*most).max(*fewest);
        Ok(*desired)
    }

    /// Keeps the answers in order of time; at equal times in order of the questions.
    fn answer(&mut self, at: Timestamp, event: Event) {
        let place = self.answers.partition_point(|(other, _)| *other <= at);
        self.answers.insert(place, (at, event));
    }

    /// `probes.csv` holds the probes of the arm's own policy, so what a shadow makes of one stands among the events.
    fn judged(&self, now: Timestamp, row: &ProbeRow) -> EventRow {
        let latency = row.latency.map(|latency| latency.as_secs_f64() * 1e3);
        let what = match (latency, row.answer) {
            (Some(latency), _) => format!("probe of {latency:.1} ms"),
            (None, Ok(status)) => format!("probe answered {status}"),
            (None, Err(error)) => format!("probe failed ({error})"),
        };
        let reason = crate::policy::Reason { text: format!("{what}: {}", row.decision), value: latency };
        self.decisions.note(now, EventKind::Decision, None, None, reason)
    }
}

#[cfg(test)]
mod laws;
