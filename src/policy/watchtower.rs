//! The watch tower: scales on the latency of its own probes, exactly as the original program decides.
//!
//! ```text
//!  prober    probe ---> pause ---> probe ---> pause ---> probe        never waits for the decider
//!              |                     |
//!  queue       +---->  [ result ][ result ]                           grows while the decider is busy
//!                          |
//!  decider    read count, count the round, scale?  ---> settle ---> read back        one result at a time
//! ```
//!
//! The original is two threads joined by a queue: one runs hey once, pauses, and runs it again; the other takes the
//! latencies one by one. So a decision may lag behind the probes but never delays one, and both are kept apart here too.
//! What the original does oddly is kept: a step to the count there already is counts as a success, a step beyond the limit as
//! a failure. What it dies of (a failed probe, an unreadable count) is noted, and the tower goes on.
//!
//! May not enter: a clock, a socket, the platform's own bounds (its refusals come in as events).

mod parameters;
mod rule;

#[cfg(test)]
mod laws;

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::{ErrorKind, EventKind, FunctionId, ProbeRow};
use crate::time::Timestamp;

pub use self::parameters::{objection, parameters, tuning};
use self::rule::{Attempt, Increment, Observation, Printed, Rounds, Rule, Side, percent};
use super::settings::Settings;
use super::{Action, Context, Event, Policy, ProbeOutcome, Reason, Refusal, ReplicaStatus};

/// How long an answer may take before it counts as lost.
///
/// Drivers answer everything, failures too, within time-outs of their own (hey's is 20 s); this only keeps a lost answer
/// from stopping the tower for good.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes one.
pub fn build(settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    Box::new(WatchTower::new(settings))
}

#[derive(Clone, Debug)]
struct WatchTower {
    /// Between two probes.
    pause: Duration,
    /// Between an accepted scaling and reading the count back.
    settle: Duration,
    /// Whether a failed probe counts as one above the band.
    failed_is_above: bool,
    rule: Rule,
    rounds: Rounds,
    /// Probes failed so far.
    failed: u64,
    prober: Prober,
    /// Probes the decider has not come to yet, oldest first.
    queue: VecDeque<ProbeOutcome>,
    decider: Decider,
}

/// The thread that probes.
#[derive(Clone, Copy, Debug)]
enum Prober {
    NotStarted,
    Waiting { since: Timestamp },
    Pausing { until: Timestamp },
}

/// The thread that decides.
#[derive(Clone, Copy, Debug)]
enum Decider {
    Idle,
    /// Reads the count a decision starts from.
    Reading {
        probe: ProbeOutcome,
        observation: Observation,
        since: Timestamp,
    },
    /// Waits for the platform's answer to a scaling.
    Scaling {
        step: Step,
        since: Timestamp,
    },
    /// Waits before it reads back.
    Settling {
        step: Step,
        until: Timestamp,
    },
    ReadingBack {
        step: Step,
        since: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    from: u32,
    to: u32,
}

impl Policy for WatchTower {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match (event, self.prober) {
            (Event::Started { .. }, Prober::NotStarted) => self.probe(now, actions),
            (_, Prober::NotStarted) => return,
            (Event::Woken, _) => {
                self.wake_prober(now, actions);
                self.wake_decider(now, actions);
            }
            (Event::ProbeDone(outcome), Prober::Waiting { .. }) => self.probe_done(now, *outcome, actions),
            (Event::Replicas { function: FunctionId::STUDIED, status }, _) => self.count_read(now, *status, actions),
            (Event::ScaleAnswered { function: FunctionId::STUDIED, result }, _) => {
                self.scale_answered(now, result, actions);
            }
            _ => {}
        }
        self.take_next(now, actions);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let prober = match self.prober {
            Prober::NotStarted => None,
            Prober::Waiting { since } => Some(since + PATIENCE),
            Prober::Pausing { until } => Some(until),
        };
        let decider = match self.decider {
            Decider::Idle => None,
            Decider::Settling { until, .. } => Some(until),
            Decider::Reading { since, .. } | Decider::Scaling { since, .. } | Decider::ReadingBack { since, .. } => {
                Some(since + PATIENCE)
            }
        };
        prober.into_iter().chain(decider).min()
    }
}

/// Probing.
impl WatchTower {
    fn probe(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        actions.push(Action::Probe);
        self.prober = Prober::Waiting { since: now };
    }

    fn wake_prober(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        match self.prober {
            Prober::Pausing { until } if now >= until => self.probe(now, actions),
            Prober::Waiting { since } if now >= since + PATIENCE => {
                let lost = ProbeOutcome { sent: since, latency: now - since, answer: Err(ErrorKind::Timeout) };
                self.probe_done(now, lost, actions);
            }
            Prober::NotStarted | Prober::Pausing { .. } | Prober::Waiting { .. } => {}
        }
    }

    fn probe_done(&mut self, now: Timestamp, probe: ProbeOutcome, actions: &mut Vec<Action>) {
        self.prober = Prober::Pausing { until: now + self.pause };
        if probe.answer != Ok(200) {
            self.failed += 1;
            let how = match probe.answer {
                Ok(status) => format!("status {status}"),
                Err(error) => error.to_string(),
            };
            let so = if self.failed_is_above { "counts as above the band" } else { "no observation" };
            let text = format!("probe failed ({how}): {so}; {} failed so far", self.failed);
            note(actions, EventKind::Failed, None, Reason::with(text, self.failed as f64));
        }
        self.queue.push_back(probe);
    }
}

/// Deciding.
impl WatchTower {
    /// Takes results from the queue until one needs an answer from outside.
    fn take_next(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Decider::Idle = self.decider {
            let Some(probe) = self.queue.pop_front() else { return };
            let observation = match (probe.answer, Printed::from_latency(probe.latency)) {
                (Ok(200), Some(latency)) => Observation::Latency(latency),
                (Ok(200), None) => {
                    self.judged(&probe, "prints as 0.0000 s: dropped".to_owned(), actions);
                    continue;
                }
                _ if self.failed_is_above => Observation::FailedAbove,
                _ => {
                    self.judged(&probe, "failed: no observation".to_owned(), actions);
                    continue;
                }
            };
            actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
            self.decider = Decider::Reading { probe, observation, since: now };
        }
    }

    fn wake_decider(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        match self.decider {
            Decider::Settling { step, until } if now >= until => self.read_back(now, step, actions),
            Decider::Reading { since, .. } | Decider::ReadingBack { since, .. } if now >= since + PATIENCE => {
                self.count_read(now, None, actions);
            }
            Decider::Scaling { since, .. } if now >= since + PATIENCE => {
                let text = format!("the scaling had no answer in {} s: counts as failed", PATIENCE.as_secs());
                note(actions, EventKind::Failed, None, Reason::new(text));
                self.decider = Decider::Idle;
            }
            _ => {}
        }
    }

    fn count_read(&mut self, now: Timestamp, status: Option<ReplicaStatus>, actions: &mut Vec<Action>) {
        // the original reads the Deployment's spec, so what is asked for and not what is ready
        let desired = status.map(|status| status.desired);
        match self.decider {
            Decider::Reading { probe, observation, .. } => {
                self.decider = Decider::Idle;
                self.decide(now, &probe, observation, desired, actions);
            }
            Decider::ReadingBack { step, .. } => {
                self.decider = Decider::Idle;
                self.check_back(step, desired, actions);
            }
            Decider::Idle | Decider::Scaling { .. } | Decider::Settling { .. } => {}
        }
    }

    fn decide(
        &mut self,
        now: Timestamp,
        probe: &ProbeOutcome,
        observation: Observation,
        current: Option<u32>,
        actions: &mut Vec<Action>,
    ) {
        let side = self.rule.side(observation);
        self.rounds.count(side);
        let rounds = self.rounds_in_words(side);
        let Some(current) = current else {
            let text = "the replica count could not be read: this probe counts, but can't scale";
            note(actions, EventKind::Failed, None, Reason::new(text));
            self.judged(probe, format!("{rounds}: replicas unknown"), actions);
            return;
        };
        match self.rule.attempt(self.rounds, observation, current) {
            Attempt::Wait => self.judged(probe, rounds, actions),
            Attempt::AtLimit(limit) => self.judged(probe, format!("{rounds}: at the limit of {limit}"), actions),
            Attempt::Ask(to) => {
                let step = Step { from: current, to };
                let way = if side == Side::Above { "up" } else { "down" };
                self.judged(probe, format!("{rounds}: scale {way} {current} to {to}"), actions);
                let reason = self.reason(observation, side, step);
                actions.push(Action::Scale { function: FunctionId::STUDIED, from: current, to, reason });
                self.decider = Decider::Scaling { step, since: now };
            }
        }
    }

    fn scale_answered(&mut self, now: Timestamp, result: &Result<u32, Refusal>, actions: &mut Vec<Action>) {
        let Decider::Scaling { step, .. } = self.decider else { return };
        match result {
            Ok(_) if self.settle.is_zero() => self.read_back(now, step, actions),
            Ok(_) => self.decider = Decider::Settling { step, until: now + self.settle },
            // drivers record refusals; what matters here is that the rounds stay, so that the next probe tries again
            Err(_) => self.decider = Decider::Idle,
        }
    }

    fn read_back(&mut self, now: Timestamp, step: Step, actions: &mut Vec<Action>) {
        actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
        self.decider = Decider::ReadingBack { step, since: now };
    }

    fn check_back(&mut self, step: Step, seen: Option<u32>, actions: &mut Vec<Action>) {
        match seen {
            Some(seen) if seen == step.to => self.rounds = Rounds::default(),
            Some(seen) => {
                let text = format!("asked for {} replicas, but {seen} are read back: counts as failed", step.to);
                note(actions, EventKind::Refused, Some(step), Reason::with(text, f64::from(seen)));
            }
            None => {
                let text =
                    format!("asked for {} replicas, but the count could not be read back: counts as failed", step.to);
                note(actions, EventKind::Failed, Some(step), Reason::new(text));
            }
        }
    }
}

/// Rounds in words. They go on beyond those that are needed while scalings are refused or the count of replicas can't be read.
fn counted(seen: u32, needed: u32) -> String {
    if seen <= needed { format!("{seen} of {needed}") } else { format!("{seen} ({needed} needed)") }
}

/// Words.
impl WatchTower {
    fn judged(&self, probe: &ProbeOutcome, decision: String, actions: &mut Vec<Action>) {
        actions.push(Action::Judged(ProbeRow {
            sent: probe.sent,
            latency: probe.answer.is_ok().then_some(probe.latency),
            answer: probe.answer,
            above: self.rounds.above,
            below: self.rounds.below,
            decision: decision.into(),
        }));
    }

    fn rounds_in_words(&self, side: Side) -> String {
        match side {
            Side::Below => format!("below {}", counted(self.rounds.below, self.rule.down_rounds)),
            Side::Within => "within band".to_owned(),
            Side::Above => format!("above {}", counted(self.rounds.above, self.rule.up_rounds)),
        }
    }

    fn reason(&self, observation: Observation, side: Side, step: Step) -> Reason {
        let Step { from, to } = step;
        let rule = &self.rule;
        let (word, edge, sign, seen, rounds, increment) = match side {
            Side::Above => ("above", rule.upper_edge(), '+', self.rounds.above, rule.up_rounds, rule.up),
            Side::Below | Side::Within => {
                ("below", rule.lower_edge(), '-', self.rounds.below, rule.down_rounds, rule.down)
            }
        };
        let what = match observation {
            Observation::Latency(latency) => format!("latency {latency}"),
            Observation::FailedAbove => "probe failed, counted as".to_owned(),
        };
        let by = match increment {
            Increment::Fraction(fraction) => format!("{sign}{} %", percent(fraction)),
            Increment::Auto => "auto".to_owned(),
        };
        let text = format!(
            "{what} {word} {edge} ms ({} ms {sign} {} %), round {}: {from} to {to} replicas ({by})",
            rule.target_millis,
            percent(rule.tolerance),
            counted(seen, rounds),
        );
        match observation {
            Observation::Latency(latency) => Reason::with(text, latency.as_millis()),
            Observation::FailedAbove => Reason::new(text),
        }
    }
}

impl WatchTower {
    fn new(settings: &Settings) -> Self {
        Self {
            pause: Duration::from_secs(settings.integer("check_frequency")),
            settle: settings.duration("settle"),
            failed_is_above: settings.word("failed_probes") == "above",
            rule: Rule::from_settings(settings),
            rounds: Rounds::default(),
            failed: 0,
            prober: Prober::NotStarted,
            queue: VecDeque::new(),
            decider: Decider::Idle,
        }
    }
}

fn note(actions: &mut Vec<Action>, kind: EventKind, step: Option<Step>, reason: Reason) {
    let (from, to) = (step.map(|step| step.from), step.map(|step| step.to));
    actions.push(Action::Note { kind, from, to, reason });
}
