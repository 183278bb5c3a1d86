//! The gateway's `/system/alert`: one alert after another, read the replicas, add a step or go back to the minimum.
//!
//! ```text
//!   POST --> read replicas --> from == to? next alert
//!                          \-> scale, not before POST + latency --> answered --> next alert --> ... --> reply
//! ```
//!
//! Errors are asymmetric, as in gateway 0.27.8 (handlers/alerthandler.go, plugin/external.go): a failing read is
//! swallowed, a failing write makes the reply a 500, and a write without an answer ends the handler and its connection.
//! Nothing here knows why an alert fires or when the next POST comes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::policy::{Action, FunctionInfo, Reason, Refusal, ReplicaStatus};
use crate::record::{EventKind, FunctionId};
use crate::time::Timestamp;

use super::alertmanager::{Reply, Status};
use super::ranges::Ranges;
use super::words;

/// One alert of a POST.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Order {
    /// Whose.
    pub(super) function: FunctionId,
    /// What it says.
    pub(super) status: Status,
    /// The rate behind it, for the reason.
    pub(super) rate: Option<f64>,
}

/// A handler at work for one POST.
#[derive(Debug)]
struct Handler {
    post: u64,
    /// Before this no scaling leaves and no reply.
    leaves: Timestamp,
    todo: VecDeque<Order>,
    stage: Stage,
    has_failed: bool,
}

#[derive(Debug)]
enum Stage {
    Reading(Order),
    Holding { function: FunctionId, from: u32, to: u32, reason: Reason },
    Writing(FunctionId),
    Replying(Reply),
}

/// All handlers at work. More than one only if Alertmanager gave up on a POST that goes on here.
#[derive(Debug)]
pub(super) struct Gateway {
    names: Vec<String>,
    ranges: Vec<Ranges>,
    latency: Duration,
    handlers: Vec<Handler>,
}

impl Gateway {
    /// For these functions. `latency` is the time from a POST to its reply if every answer comes at once.
    pub(super) fn new(functions: &[FunctionInfo], latency: Duration) -> Self {
        Self {
            names: functions.iter().map(|function| function.name.clone()).collect(),
            ranges: functions.iter().map(|function| Ranges::of(&function.labels)).collect(),
            latency,
            handlers: Vec::new(),
        }
    }

    /// The function's name, for texts and for the order of alerts.
    pub(super) fn name(&self, function: FunctionId) -> String {
        match self.names.get(usize::from(function.0)) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("function {}", function.0 + 1),
        }
    }

    /// Takes a POST.
    pub(super) fn post(&mut self, now: Timestamp, post: u64, orders: Vec<Order>, actions: &mut Vec<Action>) {
        let mut handler = Handler {
            post,
            leaves: now + self.latency,
            todo: orders.into(),
            stage: Stage::Replying(Reply::Status(200)),
            has_failed: false,
        };
        handler.begin_next(actions);
        self.handlers.push(handler);
    }

    /// Takes the answer to [`Action::ReadReplicas`].
    pub(super) fn replicas(&mut self, function: FunctionId, status: Option<ReplicaStatus>, actions: &mut Vec<Action>) {
        let ranges = self.ranges_of(function);
        let name = self.name(function);
        let reads =
            |handler: &&mut Handler| matches!(handler.stage, Stage::Reading(order) if order.function == function);
        let Some(handler) = self.handlers.iter_mut().find(reads) else { return };
        let Stage::Reading(order) = handler.stage else { return };
        let Some(ReplicaStatus { desired, .. }) = status else {
            actions.push(note(EventKind::Failed, words::unread(&name)));
            return handler.begin_next(actions);
        };
        let is_firing = order.status == Status::Firing;
        let (to, reason) = match words::step(ranges, is_firing, desired, order.rate) {
            Ok(step) => step,
            Err(factor) => {
                actions.push(note(EventKind::Failed, words::bad_factor(&name, factor)));
                return handler.begin_next(actions);
            }
        };
        if to == desired {
            let reason = words::stays(&name, to, &reason);
            actions.push(Action::Note { kind: EventKind::Decision, from: Some(to), to: Some(to), reason });
            return handler.begin_next(actions);
        }
        handler.stage = Stage::Holding { function, from: desired, to, reason };
    }

    /// Takes the answer to [`Action::Scale`].
    pub(super) fn scaled(&mut self, function: FunctionId, result: Result<(), &Refusal>, actions: &mut Vec<Action>) {
        let writes = |handler: &&mut Handler| matches!(handler.stage, Stage::Writing(of) if of == function);
        let Some(handler) = self.handlers.iter_mut().find(writes) else { return };
        match result {
            Ok(()) => handler.begin_next(actions),
            Err(Refusal::Status { .. } | Refusal::HeldBack(_)) => {
                handler.has_failed = true;
                handler.begin_next(actions);
            }
            // The original reads the status of an answer that isn't there and its handler dies with the connection.
            Err(Refusal::Unreachable(_)) => handler.stage = Stage::Replying(Reply::ConnectionLost),
        }
    }

    /// When a scaling or a reply leaves next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.handlers.iter().filter(|handler| handler.holds()).map(|handler| handler.leaves).min()
    }

    /// Does one thing that is due at `now`; the reply to a POST, if that was it.
    pub(super) fn tick(&mut self, now: Timestamp, actions: &mut Vec<Action>) -> Option<(u64, Reply)> {
        let at = self.handlers.iter().position(|handler| handler.holds() && handler.leaves <= now)?;
        let handler = &mut self.handlers[at];
        match &mut handler.stage {
            Stage::Holding { function, from, to, reason } => {
                let (function, reason) = (*function, std::mem::replace(reason, Reason::new("")));
                actions.push(Action::Scale { function, from: *from, to: *to, reason });
                handler.stage = Stage::Writing(function);
                None
            }
            Stage::Replying(reply) => {
                let (post, reply) = (handler.post, *reply);
                self.handlers.remove(at);
                Some((post, reply))
            }
            Stage::Reading(_) | Stage::Writing(_) => None,
        }
    }

    fn ranges_of(&self, function: FunctionId) -> Ranges {
        self.ranges.get(usize::from(function.0)).copied().unwrap_or_else(|| Ranges::of(&BTreeMap::new()))
    }
}

impl Handler {
    fn begin_next(&mut self, actions: &mut Vec<Action>) {
        self.stage = match self.todo.pop_front() {
            Some(order) => {
                actions.push(Action::ReadReplicas { function: order.function });
                Stage::Reading(order)
            }
            None => Stage::Replying(Reply::Status(if self.has_failed { 500 } else { 200 })),
        };
    }

    /// Whether it waits for its time only, not for an answer.
    fn holds(&self) -> bool {
        matches!(self.stage, Stage::Holding { .. } | Stage::Replying(_))
    }
}

fn note(kind: EventKind, text: String) -> Action {
    Action::Note { kind, from: None, to: None, reason: Reason::new(text) }
}

#[cfg(test)]
mod laws;
