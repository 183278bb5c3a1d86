//! The loop that controllers of clusters share: metrics are read every so often, and every so often replicas are set by them.
//!
//! ```text
//!   each metrics_interval    Measure -------> readings
//!   each tick                ReadReplicas --> rule(now, replicas, readings) --> Scale
//! ```
//!
//! A [`Rule`] is arithmetic: numbers in, a verdict out. This holds its timers, asks for what it needs and acts on what it says.

use std::time::Duration;

use crate::record::{EventKind, FunctionId, ReplicaStatus};
use crate::time::Timestamp;

use super::metrics::{Readings, after};
use super::{Action, Event, Policy, Reason};

/// What a rule makes of one tick.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing to do.
    Keep,
    /// There should be so many.
    Scale(u32, Reason),
    /// It can't tell, and so changes nothing; why.
    Blind(&'static str),
}

/// A controller's rule.
pub(super) trait Rule: Send {
    /// What to do, given the replicas there are.
    fn decide(&mut self, now: Timestamp, replicas: ReplicaStatus, readings: &Readings) -> Verdict;

    /// The platform changed the desired replicas as asked.
    fn scaled(&mut self, _now: Timestamp, _from: u32, _to: u32) {}
}

/// A rule with its timers.
#[derive(Debug)]
pub(super) struct Controller<R> {
    rule: R,
    readings: Readings,
    tick: Duration,
    next: Option<Timestamp>,
    /// What it could not tell at the last tick, so that it is said once.
    blind: Option<&'static str>,
    /// A scaling that has no answer yet.
    asked: Option<(u32, u32)>,
}

impl<R: Rule> Controller<R> {
    /// Decides each `tick`, for the first time one tick after the start.
    pub(super) fn new(rule: R, readings: Readings, tick: Duration) -> Self {
        Self { rule, readings, tick, next: None, blind: None, asked: None }
    }

    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.readings.ask(now, actions);
        if let Some(due) = self.next.filter(|due| *due <= now) {
            self.next = Some(after(due, self.tick, now));
            actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
        }
    }

    fn decide(&mut self, now: Timestamp, replicas: Option<ReplicaStatus>, actions: &mut Vec<Action>) {
        let Some(replicas) = replicas else {
            self.blinded("the replicas could not be read, so they stay as they are", actions);
            return;
        };
        match self.rule.decide(now, replicas, &self.readings) {
            Verdict::Blind(why) => return self.blinded(why, actions),
            Verdict::Scale(to, reason) if to != replicas.desired => {
                let from = replicas.desired;
                self.asked = Some((from, to));
                actions.push(Action::Scale { function: FunctionId::STUDIED, from, to, reason });
            }
            Verdict::Scale(..) | Verdict::Keep => {}
        }
        self.blind = None;
    }

    fn blinded(&mut self, why: &'static str, actions: &mut Vec<Action>) {
        if self.blind.replace(why) != Some(why) {
            actions.push(Action::Note { kind: EventKind::Failed, from: None, to: None, reason: Reason::new(why) });
        }
    }
}

impl<R: Rule> Policy for Controller<R> {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { .. } => {
                self.readings.start(now);
                self.next = Some(now + self.tick);
                self.wake(now, actions);
            }
            Event::Woken => self.wake(now, actions),
            Event::Measured { function: FunctionId::STUDIED, sample } => self.readings.told(now, sample.as_ref()),
            Event::Replicas { function: FunctionId::STUDIED, status } if self.next.is_some() => {
                self.decide(now, *status, actions);
            }
            Event::ScaleAnswered { function: FunctionId::STUDIED, result } => {
                let asked = self.asked.take();
                if let (Some((from, _)), Ok(accepted)) = (asked, result)
                    && from != *accepted
                {
                    self.rule.scaled(now, from, *accepted);
                }
            }
            Event::ProbeDone(_)
            | Event::Scraped(_)
            | Event::Replicas { .. }
            | Event::Measured { .. }
            | Event::ScaleAnswered { .. } => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.readings.due().into_iter().chain(self.next).min()
    }
}
