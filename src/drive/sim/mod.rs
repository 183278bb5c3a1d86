//! Virtual time: a run as fast as it can be computed.
//!
//! ```text
//!   agenda (sends, wake-ups, answers to a policy, seconds)  \
//!   client time-outs, shadows                                |-- the earliest of them is next
//!   cluster (everything on the platform)                    /
//! ```
//!
//! The platform goes first at equal times, so an answer is known before the tick that would find its worker busy. No clock,
//! no socket, no file: rows leave through the [`Recorder`] as they do under the live driver.

mod agenda;
mod answer;
mod changes;
mod epoch;
mod faults;
mod generator;
mod load;
mod patience;
mod platform;
mod probes;
mod worker;

use std::time::Duration;

use crate::model::Change;
use crate::policy::{Action, Event, Policy, ProbeOutcome, Reason};
use crate::record::{Answer, ErrorKind, EventKind, FunctionId};
use crate::time::{Epoch, Timestamp};

use super::decisions::Decisions;
use super::faults::Faults;
use super::shadow::{Shadows, Wishes};
use super::{Outcome, PROBE_TIMEOUT, Phase, Plan, PolicyFailure, RecordError, Recorder, first_second, phase_row};
use agenda::{Agenda, What};
pub use epoch::epoch;
use load::Load;
use patience::Patience;
use platform::{Asked, Caller, Platform};
use probes::Probes;

/// Time between asking for replicas and the platform's answer: one call to the Kubernetes API, roughly.
const SCALE_LATENCY: Duration = Duration::from_millis(5);

/// The timeline's step.
const SECOND: Duration = Duration::from_secs(1);

/// Makes one run in virtual time. The same plan and epoch give the same rows.
///
/// # Errors
/// When the recorder could not keep a row; the run ends there.
pub fn run<R: Recorder + ?Sized>(plan: &Plan, epoch: Epoch, recorder: &mut R) -> Result<Outcome, RecordError> {
    run_while(plan, epoch, recorder, &mut |_| true)
}

/// The same for as long as `goes_on` says so, which is asked each second of virtual time and told how much of it has passed.
///
/// A run that is ended early ends at once: what is under way is recorded as abandoned, and the outcome as interrupted.
///
/// # Errors
/// When the recorder could not keep a row; the run ends there.
pub fn run_while<R: Recorder + ?Sized>(
    plan: &Plan,
    epoch: Epoch,
    recorder: &mut R,
    goes_on: &mut dyn FnMut(Duration) -> bool,
) -> Result<Outcome, RecordError> {
    let load_start = Timestamp::ZERO + plan.warm_up;
    let context = plan.context(epoch, load_start);
    let simulation = Simulation {
        plan,
        recorder,
        epoch,
        load_start,
        now: Timestamp::ZERO,
        agenda: Agenda::new(plan.generators.len()),
        platform: Platform::new(plan),
        load: Load::new(plan, load_start),
        policy: plan.arm.build(&context),
        shadows: Shadows::of(plan, &context),
        actions: Vec::new(),
        deliveries: Vec::new(),
        free_deliveries: Vec::new(),
        patience: Patience::default(),
        decisions: Decisions::of(plan.arm.policy.name),
        faults: Faults::of(plan, load_start),
        missed: Vec::new(),
        probes: Probes::default(),
        next_second: first_second(Timestamp::ZERO, load_start),
        load_end: None,
        goes_on,
        interrupted: false,
    };
    simulation.run()
}

struct Simulation<'a, R: ?Sized> {
    plan: &'a Plan,
    recorder: &'a mut R,
    epoch: Epoch,
    load_start: Timestamp,
    now: Timestamp,
    agenda: Agenda,
    platform: Platform,
    load: Load,
    policy: Box<dyn Policy>,
    shadows: Shadows,
    /// Kept between events for its room.
    actions: Vec<Action>,
    /// Answers on their way to the policy, by number; each is taken once, and its number used again.
    deliveries: Vec<Option<Event>>,
    free_deliveries: Vec<u32>,
    patience: Patience,
    decisions: Decisions,
    faults: Faults,
    /// What a policy that stalls has not been told yet.
    missed: Vec<Event>,
    probes: Probes,
    next_second: Timestamp,
    load_end: Option<Timestamp>,
    goes_on: &'a mut dyn FnMut(Duration) -> bool,
    interrupted: bool,
}

impl<R: Recorder + ?Sized> Simulation<'_, R> {
    fn run(mut self) -> Result<Outcome, RecordError> {
        self.begin()?;
        let mut changes = Vec::new();
        loop {
            let platform = self.platform.cluster.next_change().unwrap_or(Timestamp::MAX);
            let timeout = self.load.next_timeout();
            let agenda = self.agenda.next();
            let shadows = self.shadows.next();
            if platform <= timeout && platform <= agenda && platform <= shadows {
                self.now = platform;
                self.platform.cluster.advance(platform, &mut changes);
                for change in &changes {
                    self.take(change)?;
                }
                changes.clear();
            } else if shadows < agenda && shadows <= timeout {
                self.now = shadows.max(self.now);
                self.tell_shadows(Shadows::wake)?;
            } else if timeout <= agenda {
                self.now = timeout;
                self.load.time_out(timeout, &mut self.agenda, self.recorder)?;
                self.end_load_if_done()?;
            } else {
                let Some((at, what)) = self.agenda.pop() else { break };
                self.now = at;
                match what {
                    // by far the most
                    What::Send { worker } => {
                        self.load.send(at, worker, &mut self.platform);
                        continue;
                    }
                    What::End => break,
                    _ => self.perform(what, &mut changes)?,
                }
                if self.interrupted {
                    break;
                }
            }
        }
        self.finish(&mut changes)
    }

    fn begin(&mut self) -> Result<(), RecordError> {
        self.recorder.begin(self.epoch, self.load_start)?;
        self.enter(Phase::WarmUp)?;
        let replicas = (0..self.plan.functions.len() as u16)
            .map(|function| self.platform.cluster.status(FunctionId(function)).desired)
            .collect();
        self.agenda.push(self.next_second, What::Second);
        self.agenda.push(self.load_start, What::LoadStart);
        self.expect_fault();
        if !self.plan.warm_up.is_zero() {
            self.agenda.push(Timestamp::ZERO, What::WarmUp);
        }
        self.tell(&Event::Started { replicas })?;
        self.tell_shadows(Shadows::start)
    }

    /// Something of the agenda has come up, other than what the loop sees to itself.
    #[inline(never)]
    fn perform(&mut self, what: What, changes: &mut Vec<Change>) -> Result<(), RecordError> {
        let now = self.now;
        match what {
            What::Woken => self.wake()?,
            What::Deliver { number } => self.deliver(number)?,
            What::ProbeTimeout { number } => self.settle_probe(number, Err(ErrorKind::Timeout))?,
            What::WarmUp => {
                self.platform.send(now, Caller::WarmUp, Asked::default());
                let next = now + self.plan.warm_up_every;
                if next < self.load_start && next > now {
                    self.agenda.push(next, What::WarmUp);
                }
            }
            What::LoadStart => {
                self.enter(Phase::Load)?;
                for generator in 0..self.plan.generators.len() {
                    self.agenda.push(self.load.start(generator), What::Begin { generator: generator as u16 });
                }
                self.end_load_if_done()?;
            }
            What::Begin { generator } => {
                self.load.begin(generator, &mut self.agenda, self.recorder)?;
                self.end_load_if_done()?;
            }
            What::Finish { generator } => {
                self.load.finish(now, generator);
                self.end_load_if_done()?;
            }
            What::Fault => self.fault(changes)?,
            What::Second => self.second(changes)?,
            // the loop's own
            What::Send { .. } | What::End => {}
        }
        Ok(())
    }

    fn second(&mut self, changes: &mut Vec<Change>) -> Result<(), RecordError> {
        // nothing is due before now; this only moves the sample's clock
        self.platform.cluster.advance(self.now, changes);
        self.assert_laws();
        let sample = self.platform.cluster.sample(FunctionId::STUDIED);
        self.recorder.second(self.now, self.load.planned_before(self.now), &sample)?;
        self.next_second = self.now + SECOND;
        self.agenda.push(self.next_second, What::Second);
        if !(self.goes_on)(self.now - Timestamp::ZERO) {
            self.interrupted = true;
            self.recorder.event(&phase_row(self.now, "interrupted"))?;
            self.load.abandon(self.now, &mut self.agenda, self.recorder)?;
        }
        Ok(())
    }

    /// Hands one event to the policy and carries out what it wants; one that stalls is told later.
    fn tell(&mut self, event: &Event) -> Result<(), RecordError> {
        if self.faults.policy_stalls() {
            self.missed.push(event.clone());
            return Ok(());
        }
        if let Event::Measured { function, sample: Some(sample) } = event {
            self.recorder.metrics(self.now, *function, sample)?;
        }
        let mut actions = std::mem::take(&mut self.actions);
        self.policy.handle(self.now, event, &mut actions);
        if let Some(why) = self.policy.failure() {
            return Err(RecordError(Box::new(PolicyFailure(why))));
        }
        if self.patience.told(self.now) {
            let reason = "it asks again and again at one moment; from here on it is told something once a millisecond";
            let row = self.decisions.note(self.now, EventKind::Failed, None, None, Reason::new(reason));
            self.recorder.event(&row)?;
        }
        let (now, patience) = (self.now, &self.patience);
        self.agenda.wake_at(self.policy.wake_at().map(|at| patience.earliest(now, at)));
        for action in actions.drain(..) {
            self.act(action)?;
        }
        self.actions = actions;
        Ok(())
    }

    /// Gives the shadows something, and sees to what they leave behind.
    fn tell_shadows(&mut self, give: impl FnOnce(&mut Shadows, Timestamp, &mut Wishes)) -> Result<(), RecordError> {
        let mut wishes = Wishes::default();
        give(&mut self.shadows, self.now, &mut wishes);
        while !wishes.is_answered() {
            if let Some(shadow) = wishes.scrapes.pop() {
                let counters = self.counters();
                self.shadows.scraped(self.now, shadow, counters, &mut wishes);
            }
            if let Some((shadow, function)) = wishes.measures.pop() {
                let sample = self.metrics(function);
                self.shadows.measured(self.now, shadow, function, sample, &mut wishes);
            }
        }
        wishes.rows.iter().try_for_each(|row| self.recorder.event(row))
    }

    fn act(&mut self, action: Action) -> Result<(), RecordError> {
        let now = self.now;
        match action {
            Action::Probe if self.faults.probes_fail() => self.answer_policy(now, self.probe_refused()),
            Action::Probe => {
                let number = self.probes.leaves(now);
                self.platform.send(now, Caller::Probe { number }, Asked::default());
                self.agenda.push(now + PROBE_TIMEOUT, What::ProbeTimeout { number });
            }
            Action::Scrape => {
                let counters = self.counters();
                self.answer_policy(now, Event::Scraped(counters));
            }
            Action::ReadReplicas { function } => {
                let status = self.platform.status(function);
                self.answer_policy(now, Event::Replicas { function, status });
            }
            Action::Measure { function } => {
                let sample = self.metrics(function);
                self.answer_policy(now, Event::Measured { function, sample });
            }
            Action::Scale { function, from, to, reason } => {
                self.decisions.asked(function, from, to, reason);
                let result = match self.faults.refusal() {
                    Some(refusal) => Err(refusal),
                    None => self.platform.scale(now, function, to),
                };
                self.answer_policy(now + SCALE_LATENCY, Event::ScaleAnswered { function, result });
            }
            Action::Judged(row) => self.recorder.probe(&row)?,
            Action::Note { kind, from, to, reason } => {
                let kind = self.faults.excuse(now, kind);
                let row = self.decisions.note(now, kind, from, to, reason);
                self.recorder.event(&row)?;
            }
        }
        Ok(())
    }

    fn answer_policy(&mut self, at: Timestamp, event: Event) {
        let number = self.free_deliveries.pop().unwrap_or_else(|| {
            self.deliveries.push(None);
            self.deliveries.len() as u32 - 1
        });
        self.deliveries[number as usize] = Some(event);
        self.agenda.push(self.patience.earliest(self.now, at), What::Deliver { number });
    }

    fn deliver(&mut self, number: u32) -> Result<(), RecordError> {
        let Some(event) = self.deliveries[number as usize].take() else { return Ok(()) };
        self.free_deliveries.push(number);
        if let Event::ScaleAnswered { function, result } = &event {
            let row = self.decisions.answered(self.now, *function, result);
            self.recorder.event(&row)?;
        }
        self.tell(&event)?;
        if let Event::ProbeDone(outcome) = event {
            self.tell_shadows(|shadows, now, wishes| shadows.probe_done(now, outcome, wishes))?;
        }
        Ok(())
    }

    fn settle_probe(&mut self, number: u32, answer: Answer) -> Result<(), RecordError> {
        let Some(sent) = self.probes.settle(number) else { return Ok(()) };
        let outcome = ProbeOutcome { sent, latency: self.now - sent, answer };
        self.tell(&Event::ProbeDone(outcome))?;
        self.tell_shadows(|shadows, now, wishes| shadows.probe_done(now, outcome, wishes))
    }

    fn enter(&mut self, phase: Phase) -> Result<(), RecordError> {
        self.recorder.phase(self.now, phase)?;
        self.recorder.event(&phase_row(self.now, phase.as_str()))
    }

    fn end_load_if_done(&mut self) -> Result<(), RecordError> {
        if self.load_end.is_none() && self.now >= self.load_start && self.load.is_done() {
            self.load_end = Some(self.now);
            self.agenda.push(self.now + self.plan.cool_down, What::End);
            self.enter(Phase::CoolDown)?;
        }
        Ok(())
    }

    /// In debug builds: what holds for any queueing system holds for this one, and every request that left was settled once or is
    /// still waited for.
    fn assert_laws(&self) {
        #[cfg(debug_assertions)]
        {
            self.platform.cluster.assert_laws();
            self.load.assert_conserved();
        }
    }

    fn finish(mut self, changes: &mut Vec<Change>) -> Result<Outcome, RecordError> {
        if self.next_second == self.now {
            self.second(changes)?;
        }
        // nothing is due before now; this only moves the sample's clock
        self.platform.cluster.advance(self.now, changes);
        self.assert_laws();
        self.tell_shadows(Shadows::end)?;
        let how = if self.interrupted { "ended early: interrupted" } else { "ended" };
        self.recorder.event(&phase_row(self.now, how))?;
        Ok(Outcome {
            epoch: self.epoch,
            load_start: self.load_start,
            load_end: self.load_end.unwrap_or(self.now).max(self.load_start),
            end: self.now,
            generators: self.load.tallies(),
            stalled: Duration::ZERO,
            interrupted: self.interrupted,
            last_sample: self.platform.cluster.sample(FunctionId::STUDIED),
        })
    }
}
