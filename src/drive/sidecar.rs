//! An autoscaler that stays: a policy held to rules that a long life needs, pure, so that an hour of faults is a moment's test.
//!
//! ```text
//!   leadership --+
//!                v
//!   answers --> +---------+ --events--> policy          errands: probe, read, scrape, scale; a look now and then
//!   time -----> | Sidecar | <-actions--   |
//!               +---------+ --errands, news--> whoever carries them out and keeps them
//! ```
//!
//! What it adds to the policy: it acts only while it leads; never beyond its bounds, nor more often a minute than it may; it gives a
//! platform that does not answer time, longer each time, and its policy rests meanwhile; it keeps the last it knew. In a dry run
//! nothing is asked of the platform but its answers to probes and readings: the policy's replicas are then its own, granted at once.
//!
//! May not enter: a clock, a socket, a word for people that is not an event's.

pub mod election;
mod orders;
mod signs;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt as _;

use super::Arm;
use super::decisions::Decisions;
use crate::policy::{Context, Event, FunctionInfo, Policy, Reason, Refusal, ReplicaStatus};
use crate::random::{Purpose, Seed, Stream};
use crate::record::{EventKind, FunctionId};
use crate::time::{Epoch, Timestamp};

use self::signs::{Failures, Side, sign_of};
pub use self::words::{Brought, Counts, Errand, News, Rules, Standing, Task, Wishes};

/// Between two looks at the replicas, whatever the policy asks: what is told of them is never older.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// So many failures in a row, and the platform counts as lost.
const LOST_AFTER: u32 = 3;

/// The first wait for a lost platform, doubled with each that was in vain.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An autoscaler of one function.
pub struct Sidecar {
    arm: Arm,
    function: FunctionInfo,
    epoch: Epoch,
    rules: Rules,
    seed: Seed,
    luck: Stream,
    /// Until when it leads; `None` if it does not.
    leads_until: Option<Timestamp>,
    reign: u64,
    state: State,
    /// Of this reign.
    policy: Option<Box<dyn Policy>>,
    decisions: Decisions,
    /// What the platform said last.
    known: Option<ReplicaStatus>,
    /// What was last asked for and accepted, or seen.
    expected: u32,
    /// Scalings under way.
    scaling: u32,
    /// Whether one went unanswered, so that nobody knows whether it was carried out.
    unsure: bool,
    /// When it scaled in the last minute.
    acted: VecDeque<Timestamp>,
    failures: Failures,
    wait: Duration,
    look_at: Timestamp,
    looking: bool,
    /// Not before is a policy woken that asks for it again and again.
    rested: Timestamp,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Standby,
    /// Has to find the platform: for the first time, or again.
    Seeking {
        since: Timestamp,
        was_lost: bool,
    },
    Flying,
}

impl Sidecar {
    /// One that does not lead yet. `seed` is for its policy's own luck and for how long it waits.
    pub fn new(arm: Arm, function: FunctionInfo, epoch: Epoch, rules: Rules, seed: Seed) -> Self {
        Self {
            decisions: Decisions::of(arm.policy.name),
            arm,
            function,
            epoch,
            rules,
            seed,
            luck: seed.stream_of(Purpose::Policy, u64::MAX),
            leads_until: None,
            reign: 0,
            state: State::Standby,
            policy: None,
            known: None,
            expected: 0,
            scaling: 0,
            unsure: false,
            acted: VecDeque::new(),
            failures: Failures::default(),
            wait: FIRST_WAIT,
            look_at: Timestamp::ZERO,
            looking: false,
            rested: Timestamp::ZERO,
            counts: Counts::default(),
        }
    }

    /// Whether it leads, and until when that is sure: `None` for not. Told as often as it changes.
    pub fn lead(&mut self, now: Timestamp, until: Option<Timestamp>, wishes: &mut Wishes) {
        let (before, after) = (self.leads_until.is_some(), until.is_some());
        self.leads_until = until;
        if before == after {
            return;
        }
        self.reign += 1;
        self.policy = None;
        self.decisions = Decisions::of(self.arm.policy.name);
        self.failures = Failures::default();
        (self.wait, self.looking, self.scaling, self.unsure) = (FIRST_WAIT, false, 0, false);
        if after {
            self.state = State::Seeking { since: now, was_lost: false };
            self.look(wishes);
        } else {
            self.state = State::Standby;
            self.note(now, EventKind::Phase, "another one leads: stands by", wishes);
        }
    }

    /// When [`Sidecar::wake`] is due; [`Timestamp::MAX`] for never. May have passed.
    pub fn wake_at(&self) -> Timestamp {
        let look = if self.looking || matches!(self.state, State::Standby) { Timestamp::MAX } else { self.look_at };
        let policy = match (self.state, &self.policy) {
            (State::Flying, Some(policy)) => policy.wake_at().map_or(Timestamp::MAX, |at| at.max(self.rested)),
            _ => Timestamp::MAX,
        };
        look.min(policy)
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Timestamp, wishes: &mut Wishes) {
        if !self.looking && !matches!(self.state, State::Standby) && self.look_at <= now {
            self.look(wishes);
        }
        let is_due = |policy: &dyn Policy| policy.wake_at().is_some_and(|at| at.max(self.rested) <= now);
        if matches!(self.state, State::Flying) && self.policy.as_deref().is_some_and(is_due) {
            self.tell(now, Event::Woken, wishes);
        }
    }

    /// Takes what an errand brought. Of an earlier reign it is only counted.
    pub fn bring(&mut self, now: Timestamp, reign: u64, brought: Brought, wishes: &mut Wishes) {
        let is_late = reign != self.reign;
        match brought {
            Brought::Looked(status) if !is_late => self.looked(now, status, wishes),
            Brought::Looked(_) => {}
            Brought::Answer(event) => {
                if let Event::ScaleAnswered { result, .. } = &event {
                    self.scaled(now, result, is_late, wishes);
                }
                if is_late {
                    return;
                }
                match &event {
                    Event::Replicas { status: Some(status), .. } => self.known = Some(*status),
                    Event::ScaleAnswered { result: Ok(accepted), .. } => self.expected = *accepted,
                    _ => {}
                }
                let sign = sign_of(&event);
                self.tell(now, event, wishes);
                match sign {
                    Some((side, Err(why))) => self.failed(now, side, &why, wishes),
                    Some((side, Ok(()))) => *self.failures.of(side) = 0,
                    None => {}
                }
            }
        }
    }

    /// How it stands.
    pub const fn standing(&self) -> Standing {
        match self.state {
            State::Standby => Standing::Standby,
            State::Seeking { was_lost: true, .. } => Standing::Lost,
            State::Seeking { .. } if self.failures.most() >= LOST_AFTER => Standing::Lost,
            State::Seeking { .. } => Standing::Looking,
            State::Flying => Standing::Leading,
        }
    }

    /// What it has done.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The replicas as the platform told of them last, also while it does not answer.
    pub const fn known(&self) -> Option<ReplicaStatus> {
        self.known
    }

    /// Replicas it last asked for, or saw; in a dry run those it would have.
    pub const fn wanted(&self) -> u32 {
        self.expected
    }

    /// Whether a scaling of this reign is under way.
    pub const fn is_scaling(&self) -> bool {
        self.scaling > 0
    }

    /// What it remembers of the past, in entries: bounded by its rules.
    pub fn memory(&self) -> usize {
        self.acted.len() + self.scaling as usize
    }

    fn look(&mut self, wishes: &mut Wishes) {
        self.looking = true;
        self.errand(Task::Look, wishes);
    }

    fn errand(&self, task: Task, wishes: &mut Wishes) {
        wishes.errands.push(Errand { reign: self.reign, task });
    }

    fn looked(&mut self, now: Timestamp, status: Option<ReplicaStatus>, wishes: &mut Wishes) {
        self.looking = false;
        let Some(status) = status else {
            self.look_at = now + LOOK_EVERY;
            return self.failed(now, Side::Control, "replicas can't be read, or the gateway does not answer", wishes);
        };
        self.look_at = now + LOOK_EVERY;
        (self.failures, self.wait) = (Failures::default(), FIRST_WAIT);
        self.known = Some(status);
        match self.state {
            State::Standby => {}
            State::Flying => self.seen(now, status.desired, wishes),
            State::Seeking { since, was_lost } => {
                self.state = State::Flying;
                if was_lost {
                    let gone = (now - since).as_secs_f64();
                    let text = format!("the platform answers again, after {gone:.1} s");
                    self.event(now, EventKind::Failed, None, None, Reason::with(text, gone), wishes);
                    self.seen(now, status.desired, wishes);
                } else {
                    self.begin(now, status.desired, wishes);
                }
            }
        }
    }

    fn begin(&mut self, now: Timestamp, replicas: u32, wishes: &mut Wishes) {
        self.expected = replicas;
        let plural = if replicas == 1 { "" } else { "s" };
        self.note(now, EventKind::Phase, &format!("leads, from {replicas} replica{plural} on"), wishes);
        let context = Context {
            epoch: self.epoch,
            load_start: now,
            seed: self.seed,
            functions: vec![self.function.clone()],
            bounds: vec![self.rules.bounds],
        };
        self.policy = Some(self.arm.build(&context));
        self.tell(now, Event::Started { replicas: vec![replicas] }, wishes);
    }

    /// Somebody else may have set the replicas. In a dry run nobody else is there: the count is the policy's own.
    fn seen(&mut self, now: Timestamp, desired: u32, wishes: &mut Wishes) {
        if self.rules.dry_run || self.scaling > 0 {
            return;
        }
        let was_unsure = std::mem::take(&mut self.unsure);
        if desired == self.expected {
            return;
        }
        if was_unsure {
            let (from, to) = (Some(self.expected), Some(desired));
            self.expected = desired;
            let reason = Reason::new("the scaling that went unanswered was carried out");
            return self.event(now, EventKind::Decision, from, to, reason, wishes);
        }
        self.counts.meddlings += 1;
        let (from, to) = (Some(self.expected), Some(desired));
        let text = format!("someone else set {desired} replicas where {} had been asked for", self.expected);
        self.expected = desired;
        self.event(now, EventKind::Broken, from, to, Reason::new(text), wishes);
    }

    /// Something did not answer.
    fn failed(&mut self, now: Timestamp, side: Side, why: &str, wishes: &mut Wishes) {
        let failures = self.failures.of(side);
        *failures = failures.saturating_add(1);
        let failures = *failures;
        match self.state {
            State::Standby => {}
            State::Flying if failures < LOST_AFTER => {
                // one that fails is looked at again soon
                self.look_at = self.look_at.min(now + FIRST_WAIT);
            }
            State::Flying => {
                self.counts.losses += 1;
                self.state = State::Seeking { since: now, was_lost: true };
                let text = format!("the platform is lost, {failures} failures in a row ({why}): the policy rests");
                self.note(now, EventKind::Failed, &text, wishes);
                self.wait_longer(now);
            }
            State::Seeking { was_lost, .. } => {
                if !was_lost && failures == 1 {
                    let text = format!("the function is not found ({why}): waits for it");
                    self.note(now, EventKind::Failed, &text, wishes);
                }
                self.wait_longer(now);
            }
        }
    }

    /// Waits between half of and all of the wait, so that many don't come back at once, and longer the next time.
    fn wait_longer(&mut self, now: Timestamp) {
        self.look_at = now + self.wait.mul_f64(self.luck.random_range(0.5..1.0));
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Counts and keeps what became of a scaling.
    fn scaled(&mut self, now: Timestamp, result: &Result<u32, Refusal>, is_late: bool, wishes: &mut Wishes) {
        let before = self.expected;
        match result {
            Ok(accepted) if *accepted > before => self.counts.ups += 1,
            Ok(accepted) if *accepted < before => self.counts.downs += 1,
            Ok(_) => self.counts.unchanged += 1,
            Err(Refusal::Status { .. }) => self.counts.refused += 1,
            // it was on its way when leadership ran out, and never got there
            Err(Refusal::HeldBack(_)) => self.counts.held_back += 1,
            Err(Refusal::Unreachable(_)) => self.counts.unanswered += 1,
        }
        if is_late {
            return;
        }
        self.scaling = self.scaling.saturating_sub(1);
        self.unsure |= matches!(result, Err(Refusal::Unreachable(_)));
        let row = self.decisions.answered(now, FunctionId::STUDIED, result);
        wishes.news.push(News::Event(row));
    }

    fn note(&self, now: Timestamp, kind: EventKind, text: &str, wishes: &mut Wishes) {
        self.event(now, kind, None, None, Reason::new(text), wishes);
    }

    fn event(
        &self,
        now: Timestamp,
        kind: EventKind,
        from: Option<u32>,
        to: Option<u32>,
        reason: Reason,
        wishes: &mut Wishes,
    ) {
        wishes.news.push(News::Event(self.decisions.note(now, kind, from, to, reason)));
    }
}
