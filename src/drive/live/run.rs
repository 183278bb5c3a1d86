//! One run by the wall clock: the event loop that feeds the policy and keeps what happens.
//!
//! ```text
//!   load threads --reports--> +-----------+ --events--> policy
//!   platform ----changes----> |   loop    | <-actions-- policy
//!   effects -----answers----> +-----------+ --rows----> recorder
//! ```
//!
//! The loop takes one input at a time and never waits for an effect: probes, scrapes and scalings run in tasks of their own
//! and come back as inputs. It decides nothing.

mod effects;
mod error;
mod failures;
mod faults;
mod shadows;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::alarm::Alarm;
use super::clock::Clock;
use super::cpu::CpuWatch;
use super::interrupt::Interrupt;
use super::load::{self, Load, LoadError, Options, Report};
use super::probe::Prober;
use super::target::Target;
use crate::drive::decisions::Decisions;
use crate::drive::faults::Faults;
use crate::drive::shadow::{ShadowId, Shadows};
use crate::drive::{Outcome, Phase, Plan, RecordError, Recorder, Tally, first_second, phase_row};
use crate::policy::{Counter, Event, Measurement, Policy};
use crate::record::{EventKind, EventRow, FunctionId, PlatformSample};
use crate::time::Timestamp;

pub use self::error::RunError;

/// How long requests in flight may take to end after an interruption.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a scaling under way may take to be answered when the run ends; targets themselves give up after five seconds.
const LAST_ANSWER: Duration = Duration::from_secs(6);

/// How far ahead of its beginning a run is planned, so that its files are open and the load's threads stand ready.
const HEAD_START: Duration = Duration::from_millis(200);

/// Drives one run against a target until its cool-down is over, or until it is interrupted.
///
/// `changes` are the platform's own events (pods that become ready or go).
///
/// # Errors
/// When a row can't be kept or the load can't be started; rows kept until then stay.
pub async fn run(
    plan: &Plan,
    target: Arc<dyn Target>,
    clock: &Clock,
    changes: UnboundedReceiver<EventRow>,
    recorder: &mut dyn Recorder,
    interrupt: &mut Interrupt,
) -> Result<Outcome, RunError> {
    // from now, not from the clock's start: what scales the arm from outside may have taken a while to get ready
    let load_start = clock.now() + (plan.warm_up + HEAD_START).max(load::head_start(&plan.generators));
    recorder.begin(clock.epoch(), load_start)?;

    let studied = &plan.functions[FunctionId::STUDIED.0 as usize];
    let uri = target.invoke_uri(FunctionId::STUDIED, &studied.query)?;
    let trust = plan.generators.first().map(|load| load.request.client.trust.clone()).unwrap_or_default();
    let prober = Prober::new(*clock, &uri, trust).map_err(LoadError::from)?;
    let (reports_sender, reports) = unbounded_channel();
    let options = Options { seed: plan.seed, share: plan.share, ..Options::default() };
    let load = Load::start_with(options, *clock, &uri, &plan.generators, load_start, reports_sender)?;

    let context = plan.context(clock.epoch(), load_start);
    let alarm = Alarm::start(*clock).map_err(RunError::Alarm)?;
    let (answers_sender, answers) = unbounded_channel();
    let mut run = Run {
        plan,
        target,
        clock: *clock,
        prober,
        uri,
        recorder,
        policy: plan.arm.build(&context),
        shadows: Shadows::of(plan, &context),
        decisions: Decisions::of(plan.arm.policy.name),
        faults: Faults::of(plan, load_start),
        missed: Vec::new(),
        told: Timestamp::ZERO,
        answers: answers_sender,
        load: Some(load),
        load_start,
        load_end: None,
        finished: vec![None; plan.generators.len()],
        stalled: Duration::ZERO,
        cpu: CpuWatch::default(),
    };
    run.drive(reports, changes, answers, &alarm, interrupt).await
}

/// What an effect brings back to the loop.
enum Answer {
    Policy(Event),
    Shadow(ShadowId, Option<Vec<Counter>>),
    ShadowMetrics(ShadowId, FunctionId, Option<Measurement>),
    WarmUp(crate::record::Answer),
}

struct Run<'a> {
    plan: &'a Plan,
    target: Arc<dyn Target>,
    clock: Clock,
    uri: hyper::Uri,
    prober: Prober,
    recorder: &'a mut dyn Recorder,
    policy: Box<dyn Policy>,
    shadows: Shadows,
    decisions: Decisions,
    faults: Faults,
    /// What a policy that stalls has not been told yet.
    missed: Vec<Event>,
    /// When policy or shadows were told something last: time goes on for them.
    told: Timestamp,
    answers: UnboundedSender<Answer>,
    load: Option<Load>,
    load_start: Timestamp,
    load_end: Option<Timestamp>,
    finished: Vec<Option<Tally>>,
    stalled: Duration,
    cpu: CpuWatch,
}

impl Run<'_> {
    async fn drive(
        &mut self,
        mut reports: UnboundedReceiver<Report>,
        mut changes: UnboundedReceiver<EventRow>,
        mut answers: UnboundedReceiver<Answer>,
        alarm: &Alarm,
        interrupt: &mut Interrupt,
    ) -> Result<Outcome, RunError> {
        // a policy that began as soon as it could would probe as much earlier than planned as getting ready takes less
        let planned = self.load_start - self.plan.warm_up;
        tokio::select! {
            biased;
            () = interrupt.wait() => {}
            () = alarm.wait_until(planned) => {}
        }
        let start = self.as_wished(planned, self.clock.now());
        while let Ok(row) = changes.try_recv() {
            self.recorder.event(&row)?;
        }
        // a machine that stood still until the load had begun leaves no time for it
        self.enter(start.min(self.load_start), Phase::WarmUp)?;
        let replicas = self.plan.functions.iter().map(|function| function.replicas).collect();
        self.tell(start, &Event::Started { replicas })?;
        self.tell_shadows(start, Shadows::start)?;

        let mut warm_up_at = (self.plan.share.leads() && self.plan.warm_up > Duration::ZERO).then_some(start);
        let mut second_at = first_second(start.min(self.load_start), self.load_start);
        let mut loading = false;
        let mut reports_ended = false;
        let mut drain_until = None;
        loop {
            let now = self.clock.now();
            let end = self.load_end.map(|at| at + self.plan.cool_down);
            if end.is_some_and(|end| now >= end) || drain_until.is_some_and(|until| now >= until) {
                break;
            }
            if !loading && now >= self.load_start {
                loading = true;
                self.enter(self.load_start, Phase::Load)?;
            }
            if now >= second_at {
                self.second(second_at)?;
                second_at += Duration::from_secs(1);
                continue;
            }
            if self.faults.next() <= now {
                self.fault(now)?;
                continue;
            }
            if let Some(at) = self.policy_wakes().filter(|at| *at <= now) {
                self.tell(self.as_wished(at, now), &Event::Woken)?;
                continue;
            }
            if self.shadows.next() <= now {
                self.tell_shadows(self.as_wished(self.shadows.next(), now), Shadows::wake)?;
                continue;
            }
            if let Some(at) = warm_up_at.filter(|at| *at <= now) {
                self.warm_up();
                let next = at + self.plan.warm_up_every;
                warm_up_at = (next < self.load_start).then_some(next);
                continue;
            }

            let phase_change = (!loading).then_some(self.load_start);
            let wake = [self.policy_wakes(), Some(second_at), warm_up_at, end, drain_until, phase_change]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(second_at)
                .min(self.shadows.next())
                .min(self.faults.next());
            tokio::select! {
                biased;
                () = interrupt.wait(), if drain_until.is_none() => {
                    let now = self.clock.now();
                    self.recorder.event(&phase_row(now, "interrupted; waiting for requests in flight"))?;
                    if let Some(load) = &self.load {
                        load.stop();
                    }
                    drain_until = Some(if self.load_end.is_some() { now } else { now + DRAIN });
                }
                Some(answer) = answers.recv() => self.answer(answer)?,
                report = reports.recv(), if !reports_ended => match report {
                    Some(report) => self.report(report)?,
                    None if self.load_end.is_none() => return Err(RunError::LoadEnded),
                    None => reports_ended = true,
                },
                Some(row) = changes.recv() => self.recorder.event(&row)?,
                () = alarm.wait_until(wake) => {}
            }
            if drain_until.is_some() && self.load_end.is_some() {
                break;
            }
        }
        let interrupted = drain_until.is_some();
        self.last_answers(&mut answers, &mut second_at, alarm).await?;
        if let Some(load) = self.load.take() {
            failures::tell(self.recorder, self.clock.now(), &load)?;
            if self.load_end.is_none() {
                load.abort();
            }
        }
        // reading the platform moves it on to now, so what it still had to say comes after
        let last_sample = self.target.sample(FunctionId::STUDIED);
        self.tell_shadows(self.clock.now(), Shadows::end)?;
        while let Ok(report) = reports.try_recv() {
            self.report(report)?;
        }
        while let Ok(row) = changes.try_recv() {
            self.recorder.event(&row)?;
        }
        self.end(second_at, interrupted, last_sample)
    }

    /// A scaling that is under way when the run ends is recorded with what became of it. What would follow from it is not done any more.
    async fn last_answers(
        &mut self,
        answers: &mut UnboundedReceiver<Answer>,
        second_at: &mut Timestamp,
        alarm: &Alarm,
    ) -> Result<(), RecordError> {
        let until = self.clock.now() + LAST_ANSWER;
        loop {
            let answer = match answers.try_recv() {
                Ok(answer) => Some(answer),
                Err(_) if !self.decisions.are_open() => return Ok(()),
                Err(_) => {
                    tokio::select! {
                        biased;
                        answer = answers.recv() => answer,
                        () = alarm.wait_until(until.min(*second_at)) => None,
                    }
                }
            };
            let now = self.clock.now();
            if let Some(Answer::Policy(Event::ScaleAnswered { function, result })) = answer {
                let row = self.decisions.answered(now, function, &result);
                self.recorder.event(&row)?;
            }
            if now >= *second_at {
                self.second(*second_at)?;
                *second_at += Duration::from_secs(1);
            }
            if now >= until {
                let rows = self.decisions.unanswered(now);
                return rows.iter().try_for_each(|row| self.recorder.event(row));
            }
        }
    }

    fn end(
        &mut self,
        second_at: Timestamp,
        interrupted: bool,
        last_sample: PlatformSample,
    ) -> Result<Outcome, RunError> {
        let end = self.clock.now();
        if end >= second_at {
            self.second(second_at)?;
        }
        self.recorder.event(&phase_row(end, if interrupted { "ended early: interrupted" } else { "ended" }))?;
        Ok(Outcome {
            epoch: self.clock.epoch(),
            load_start: self.load_start,
            load_end: self.load_end.unwrap_or(end).max(self.load_start),
            end,
            generators: self.finished.iter().map(|tally| tally.unwrap_or_default()).collect(),
            stalled: self.stalled,
            interrupted,
            last_sample,
        })
    }

    fn enter(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        self.recorder.phase(at, phase)?;
        self.recorder.event(&phase_row(at, phase.as_str()))
    }

    fn second(&mut self, at: Timestamp) -> Result<(), RecordError> {
        let planned = self.load.as_ref().and_then(|load| load.planned_before(at));
        let planned = planned.unwrap_or_else(|| self.load.as_ref().map_or(0, Load::sent));
        self.recorder.second(at, planned, &self.target.sample(FunctionId::STUDIED))?;
        for row in self.target.processes(FunctionId::STUDIED) {
            self.recorder.process(at, &row)?;
        }
        let shares = self.cpu.look(self.clock.now());
        shares.map_or(Ok(()), |shares| self.recorder.cpu(at, &shares))
    }

    fn report(&mut self, report: Report) -> Result<(), RunError> {
        match report {
            Report::Requests(rows) => Ok(rows.iter().try_for_each(|row| self.recorder.request(row))?),
            Report::Lost { at, generator, lost } => Ok(self.recorder.lost(at, generator, lost)?),
            Report::Failed { generator, why } => Err(LoadError::Failed { generator: generator.0 + 1, why }.into()),
            Report::Stall { from, to } => {
                self.stalled += to - from;
                let value = (to - from).as_secs_f64();
                Ok(self.recorder.event(&EventRow {
                    at: from,
                    actor: "load".into(),
                    kind: EventKind::Stall,
                    from: None,
                    to: None,
                    reason: format!("the generator's clock stood still for {:.0} ms", value * 1e3),
                    value: Some(value),
                })?)
            }
            Report::Finished { generator, tally } => {
                if let Some(slot) = self.finished.get_mut(generator.0 as usize) {
                    *slot = Some(tally);
                }
                if self.load_end.is_none() && self.finished.iter().all(Option::is_some) {
                    let now = self.clock.now();
                    self.load_end = Some(now.max(self.load_start));
                    if now >= self.load_start {
                        self.enter(now, Phase::CoolDown)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn answer(&mut self, answer: Answer) -> Result<(), RecordError> {
        let now = match &answer {
            // as in virtual time: a probe is over when its answer came, not when that was told here
            Answer::Policy(Event::ProbeDone(outcome)) => (outcome.sent + outcome.latency).max(self.told),
            _ => self.clock.now(),
        };
        match answer {
            Answer::Policy(event) => {
                if let Event::ScaleAnswered { function, result } = &event {
                    let row = self.decisions.answered(now, *function, result);
                    self.recorder.event(&row)?;
                }
                self.tell(now, &event)?;
                match event {
                    Event::ProbeDone(outcome) => {
                        self.tell_shadows(now, |shadows, now, wishes| shadows.probe_done(now, outcome, wishes))
                    }
                    _ => Ok(()),
                }
            }
            Answer::Shadow(shadow, counters) => {
                self.tell_shadows(now, |shadows, now, wishes| shadows.scraped(now, shadow, counters, wishes))
            }
            Answer::ShadowMetrics(shadow, function, sample) => {
                self.tell_shadows(now, |shadows, now, wishes| shadows.measured(now, shadow, function, sample, wishes))
            }
            Answer::WarmUp(Ok(status)) if status < 400 => Ok(()),
            Answer::WarmUp(answer) => self.recorder.event(&EventRow {
                at: now,
                actor: "run".into(),
                kind: EventKind::Failed,
                from: None,
                to: None,
                reason: match answer {
                    Ok(status) => format!("a warm-up request was answered {status}"),
                    Err(kind) => format!("a warm-up request got no answer: {kind}"),
                },
                value: None,
            }),
        }
    }
}
