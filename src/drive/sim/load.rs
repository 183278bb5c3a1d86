//! The generators in virtual time: workers that send the moment they are ready and never stand still.
//!
//! Of a share of a load all of it is computed, since all of it meets the platform; what is counted and told of is the share.

use std::collections::VecDeque;
use std::time::Duration;

use crate::drive::{Plan, RecordError, Recorder, Tally, shares};
use crate::record::{Detail, ErrorKind, GeneratorId, Lost, RequestRow, WorkerId};
use crate::schedule::{Call, Next, Turn};
use crate::time::{Timestamp, nanos};

use super::agenda::{Agenda, What};
use super::generator::Generator;
use super::platform::{Asked, Caller, Platform, steps_of};
use super::worker::{Does, Reply, Worker};

/// A worker's time for one request, however fast the answer: without it, a worker without pacing would send for ever at one moment to
/// a function that takes no time. In nanoseconds; hey takes some ten microseconds.
const SHORTEST_TURN: u64 = 1_000;

pub(super) struct Load {
    generators: Vec<Generator>,
    /// Of all generators, one after the other.
    workers: Vec<Worker>,
    running: usize,
    /// No request is given up before; [`Timestamp::MAX`] if none will be.
    next_timeout: Timestamp,
}

impl Load {
    pub(super) fn new(plan: &Plan, load_start: Timestamp) -> Self {
        let (mut generators, mut workers) = (Vec::new(), Vec::new());
        let mut steps = 1;
        let shares = shares(&plan.generators, plan.share);
        for ((number, generator), share) in (0..).zip(&plan.generators).zip(shares) {
            let start = load_start + generator.start;
            let build = || generator.schedule.build_known(start, plan.seed, GeneratorId(number));
            let schedule = build().counting(share);
            let idle = Worker {
                generator: GeneratorId(number),
                attempt: 0,
                does: Does::Nothing,
                call: Call { due: start, ready: start, lost: Lost::default() },
                asked: Asked::default(),
                sent: start,
            };
            let own_steps = steps_of(generator).count() as u32;
            let asked = (own_steps > 0).then_some(Asked(steps));
            steps += own_steps;
            let first = workers.len() as u32;
            workers.extend((0..schedule.workers()).map(|_| idle));
            generators.push(Generator {
                asked,
                first,
                workers_left: schedule.workers(),
                settled: 0,
                timeout: generator.request.timeout.map(nanos),
                timeouts: VecDeque::new(),
                timeouts_looked_at: Timestamp::MAX,
                tally: Tally { period: schedule.period(), ..Tally::default() },
                share,
                shared: (!share.is_whole()).then(|| build().share(share)),
                schedule,
            });
        }
        Self { running: generators.len(), generators, workers, next_timeout: Timestamp::MAX }
    }

    pub(super) fn start(&self, generator: usize) -> Timestamp {
        self.generators[generator].schedule.start()
    }

    pub(super) fn is_done(&self) -> bool {
        self.running == 0
    }

    /// Requests the schedules called for before `at`; those that are accounted for, where only the answers decide.
    pub(super) fn planned_before(&self, at: Timestamp) -> u64 {
        let planned =
            |generator: &Generator| generator.counted().planned_before(at).unwrap_or(generator.tally.accounted());
        self.generators.iter().map(planned).sum()
    }

    /// Panics unless every request that left was settled once or is still waited for.
    #[cfg(debug_assertions)]
    pub(super) fn assert_conserved(&self) {
        for (number, generator) in (0..).zip(&self.generators) {
            let waits = |(place, worker): &(u32, &Worker)| {
                let is_here = worker.generator == GeneratorId(number) && worker.does == Does::Wait;
                is_here && generator.counts(WorkerId(place - generator.first))
            };
            let waiting = (0..).zip(&self.workers).filter(waits).count() as u64;
            assert_eq!(
                generator.tally.sent,
                generator.settled + waiting,
                "generator {number}: sent = settled + waiting"
            );
        }
    }

    pub(super) fn tallies(&self) -> Vec<Tally> {
        let tally = |generator: &Generator| {
            let planned = generator.counted().planned().unwrap_or(generator.tally.accounted());
            Tally { planned, ..generator.tally }
        };
        self.generators.iter().map(tally).collect()
    }

    /// A generator starts: every worker asks for its first call.
    pub(super) fn begin<R: Recorder + ?Sized>(
        &mut self,
        generator: u16,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        let generator = &self.generators[usize::from(generator)];
        let (first, start) = (generator.first, generator.schedule.start());
        for worker in first..first + generator.schedule.workers() {
            self.ask(worker, start, start, agenda, recorder)?;
        }
        Ok(())
    }

    /// A worker is free, after what it sent last: its next call goes on the agenda, or it is done.
    #[inline]
    fn ask<R: Recorder + ?Sized>(
        &mut self,
        worker: u32,
        sent: Timestamp,
        free: Timestamp,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        let id = self.workers[worker as usize].generator;
        let generator = &mut self.generators[usize::from(id.0)];
        let number = WorkerId(worker - generator.first);
        // of hey's schedule, which has no steps to ask for
        if let Some(due) = generator.schedule.next_in_time(number, free) {
            let state = &mut self.workers[worker as usize];
            state.call = Call { due, ready: due, lost: Lost::default() };
            state.does = Does::Send;
            agenda.push_send(free, due, id.0, worker);
            return Ok(());
        }
        let lost = match generator.schedule.next(number, Turn { sent, free, stall: None }) {
            Next::Call(call) => {
                let state = &mut self.workers[worker as usize];
                state.call = call;
                if let Some(first) = generator.asked {
                    state.asked = Asked(first.0 + generator.schedule.step(number).0);
                }
                state.does = Does::Send;
                agenda.push_send(free, call.ready, id.0, worker);
                call.lost
            }
            Next::Finished { lost, unused } => {
                self.workers[worker as usize].does = Does::Finished;
                if generator.schedule.accounts_for(generator.share, number) {
                    generator.tally.unused += unused;
                    generator.tally.duration = generator.tally.duration.max(free - generator.schedule.start());
                }
                generator.workers_left -= 1;
                if generator.workers_left == 0 {
                    let end = generator.schedule.lasts_until();
                    if end > free {
                        agenda.push(end, What::Finish { generator: id.0 });
                    } else {
                        self.running -= 1;
                    }
                }
                lost
            }
        };
        if lost != Lost::default() && generator.schedule.accounts_for(generator.share, number) {
            generator.tally.lost.busy += lost.busy;
            generator.tally.lost.late += lost.late;
            recorder.lost(free, id, lost)?;
        }
        Ok(())
    }

    /// The time of a generator is over, and it has had nothing to send since before.
    pub(super) fn finish(&mut self, now: Timestamp, generator: u16) {
        let generator = &mut self.generators[usize::from(generator)];
        generator.tally.duration = generator.tally.duration.max(now - generator.schedule.start());
        self.running -= 1;
    }

    /// A worker's request leaves.
    #[inline]
    pub(super) fn send(&mut self, now: Timestamp, worker: u32, platform: &mut Platform) {
        let state = &mut self.workers[worker as usize];
        state.sent = now;
        state.does = Does::Wait;
        let generator = &mut self.generators[usize::from(state.generator.0)];
        if generator.counts(WorkerId(worker - generator.first)) {
            generator.tally.leaves(&state.call);
        }
        let (attempt, asked) = (state.attempt, state.asked);
        if let Some(timeout) = generator.timeout
            && generator.timeouts_looked_at == Timestamp::MAX
        {
            generator.timeouts_looked_at = now.saturating_add_nanos(timeout);
            self.next_timeout = self.next_timeout.min(generator.timeouts_looked_at);
        }
        platform.send(now, Caller::Worker { worker, attempt }, asked);
    }

    /// What a worker asked for.
    pub(super) fn asked(&self, worker: u32) -> Asked {
        self.workers[worker as usize].asked
    }

    /// An answer came. One whose worker gave up long ago is dropped.
    #[inline]
    pub(super) fn answer<R: Recorder + ?Sized>(
        &mut self,
        worker: u32,
        attempt: u32,
        reply: Reply,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        let state = &self.workers[worker as usize];
        if state.does != Does::Wait || state.attempt != attempt {
            return Ok(());
        }
        self.settle(worker, reply, agenda, recorder)
    }

    /// No request is given up before, and then perhaps none either: whether the first in line is settled is looked at when its
    /// time has come. [`Timestamp::MAX`] if none will be.
    pub(super) fn next_timeout(&self) -> Timestamp {
        self.next_timeout
    }

    /// Gives up the requests whose time-out is now.
    pub(super) fn time_out<R: Recorder + ?Sized>(
        &mut self,
        now: Timestamp,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        for generator in 0..self.generators.len() {
            if self.generators[generator].timeouts_looked_at <= now {
                self.generators[generator].look_at_timeouts(now, &self.workers);
            }
            while let Some((at, worker, attempt)) = self.generators[generator].timeouts.front().copied() {
                if at > now {
                    break;
                }
                self.generators[generator].timeouts.pop_front();
                let state = &self.workers[worker as usize];
                if state.does == Does::Wait && state.attempt == attempt {
                    self.give_up(worker, now, ErrorKind::Timeout, agenda, recorder)?;
                }
            }
        }
        let workers = &self.workers;
        let first = self.generators.iter_mut().map(|generator| {
            let waited_for = generator.drop_settled_timeouts(workers).unwrap_or(Timestamp::MAX);
            waited_for.min(generator.timeouts_looked_at)
        });
        self.next_timeout = first.min().unwrap_or(Timestamp::MAX);
        Ok(())
    }

    /// The run is cut short: nothing more leaves, and what waits for an answer is given up.
    pub(super) fn abandon<R: Recorder + ?Sized>(
        &mut self,
        now: Timestamp,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        for generator in &mut self.generators {
            generator.schedule.stop(now);
        }
        for worker in 0..self.workers.len() as u32 {
            let state = self.workers[worker as usize];
            let generator = &mut self.generators[usize::from(state.generator.0)];
            match state.does {
                Does::Nothing => {
                    let start = generator.schedule.start();
                    self.ask(worker, start, start, agenda, recorder)?;
                }
                Does::Send => {
                    // its call never leaves
                    let number = WorkerId(worker - generator.first);
                    generator.tally.unused += u64::from(generator.schedule.is_of(generator.share, number));
                    self.ask(worker, state.sent, now, agenda, recorder)?;
                }
                Does::Wait => {
                    self.give_up(worker, now, ErrorKind::Abandoned, agenda, recorder)?;
                }
                Does::Finished => {}
            }
        }
        Ok(())
    }

    /// A worker has waited long enough.
    #[cold]
    #[inline(never)]
    fn give_up<R: Recorder + ?Sized>(
        &mut self,
        worker: u32,
        at: Timestamp,
        why: ErrorKind,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        self.settle(worker, Reply { at, answer: Err(why), replica: None, size: None }, agenda, recorder)
    }

    /// A worker is through with a request, one way or the other.
    ///
    /// The row is made where its recorder is known: nothing is made of it but what that one reads.
    #[inline]
    fn settle<R: Recorder + ?Sized>(
        &mut self,
        worker: u32,
        reply: Reply,
        agenda: &mut Agenda,
        recorder: &mut R,
    ) -> Result<(), RecordError> {
        let state = &mut self.workers[worker as usize];
        state.attempt = (state.attempt + 1) % Caller::ATTEMPTS;
        let (sent, number) = (state.sent, state.generator);
        let generator = &mut self.generators[usize::from(number.0)];
        let of_generator = WorkerId(worker - generator.first);
        if generator.counts(of_generator) {
            generator.settled += 1;
            let is_answered = reply.answer.is_ok();
            recorder.request(&RequestRow {
                generator: number,
                worker: of_generator,
                due: state.call.due,
                ready: state.call.ready,
                sent,
                first_byte: is_answered.then_some(reply.at),
                done: reply.at,
                answer: reply.answer,
                replica: reply.replica,
                detail: Detail {
                    wait: if is_answered { reply.at - sent } else { Duration::ZERO },
                    size: reply.size,
                    ..Detail::default()
                },
            })?;
        }
        self.ask(worker, sent, reply.at.max(sent.saturating_add_nanos(SHORTEST_TURN)), agenda, recorder)
    }
}
