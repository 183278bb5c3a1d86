//! One generator: its schedule, its workers' rounds, and the count of what became of every planned request.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use crate::drive::Tally;
use crate::drive::live::clock::Clock;
use crate::record::{ErrorKind, GeneratorId, Lost, RequestRow, WorkerId};
use crate::schedule::{Call, Next, Schedule, Turn};
use crate::time::Timestamp;

use super::client::Client;
use super::departures::Departures;
use super::engine::{Engine, Exchange};
use super::outbox::Outbox;
use super::request::Prepared;
use super::{Order, Progress, Report};

/// So many workers without pacing wait more than they work: the load's thread sleeps between their answers.
const FEW: u32 = 8;

/// What all generators of a load share, on its one thread.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) departures: Departures,
    pub(super) outbox: Outbox,
    pub(super) progress: Arc<Progress>,
}

/// What a worker is at, so that nothing is forgotten when the load is given up.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Before its first call.
    Idle,
    /// Holds a call that has not left.
    Waiting,
    /// Its request is under way.
    Away(Call, Timestamp),
    /// Got nothing more.
    Finished,
}

/// One load source at work, shared by its workers on the load's thread.
pub(super) struct Generator {
    pub(super) id: GeneratorId,
    engine: Engine,
    request: Arc<Prepared>,
    schedule: RefCell<Box<dyn Schedule>>,
    start: Timestamp,
    stages: RefCell<Vec<Stage>>,
    /// Workers that are not done.
    at_work: Cell<usize>,
    tally: Cell<Tally>,
    /// The kinds of failure there were.
    failed: RefCell<BTreeSet<ErrorKind>>,
    /// When the last of the workers that are done was done.
    done: Cell<Timestamp>,
    is_reported: Cell<bool>,
    /// Whether workers take any connection; otherwise each has its own.
    shares: bool,
    /// Whether many workers send as fast as they can, so that the load's thread never rests.
    is_flat_out: bool,
    /// Clients nobody uses, the last used on top: an open loop opens no more connections than it needs at once.
    idle: RefCell<Vec<Client>>,
    shared: Rc<Shared>,
}

impl Generator {
    /// A generator before its first request.
    pub(super) fn new(
        id: GeneratorId,
        schedule: Box<dyn Schedule>,
        request: Prepared,
        engine: Engine,
        shared: Rc<Shared>,
    ) -> Self {
        let start = schedule.start();
        let workers = schedule.workers();
        Self {
            id,
            engine,
            request: Arc::new(request),
            start,
            stages: RefCell::new(vec![Stage::Idle; workers as usize]),
            at_work: Cell::new(workers as usize),
            is_reported: Cell::new(false),
            shares: schedule.shares_connections(),
            is_flat_out: !schedule.shares_connections() && schedule.period().is_none() && workers > FEW,
            idle: RefCell::default(),
            tally: Cell::new(Tally { period: schedule.period(), ..Tally::default() }),
            failed: RefCell::default(),
            done: Cell::new(start),
            schedule: RefCell::new(schedule),
            shared,
        }
    }

    /// Its workers.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..self.stages.borrow().len() as u32).map(WorkerId)
    }

    /// A worker's life: ask the schedule, wait, send, tell, until the schedule has nothing more.
    pub(super) async fn work(&self, worker: WorkerId, mut orders: watch::Receiver<Order>) {
        tokio::select! {
            () = self.shared.departures.wait_until(self.start) => {}
            // a generator that is stopped before its start has nothing to wait for
            Ok(order) = orders.wait_for(|order| *order != Order::Run) => {
                if let Order::Stop(at) = *order {
                    self.stop(at);
                }
            }
        }
        let mut own = (!self.shares).then(|| self.client());
        let mut turn = Turn::first(self.start);
        loop {
            let next = self.schedule.borrow_mut().next(worker, turn);
            match next {
                Next::Call(call) => {
                    self.lost(turn.free, call.lost);
                    self.stage(worker, Stage::Waiting);
                    if call.ready > turn.free && !self.departs(call.ready, &mut orders).await {
                        self.stage(worker, Stage::Idle);
                        self.count(|tally| tally.unused += 1);
                        let now = self.shared.clock.now();
                        turn = Turn { sent: now, free: now, stall: None };
                        continue;
                    }
                    let sent = self.leave(worker, call);
                    let exchange = match &mut own {
                        Some(client) => self.exchange(client, sent).await,
                        None => self.exchange_on_any(sent).await,
                    };
                    self.arrived(worker, call, &exchange);
                    if self.shared.outbox.is_full() {
                        self.shared.outbox.room().await;
                    }
                    // what keeping the row took is lateness of the next request, not time of the last
                    let free = exchange.done;
                    turn = Turn { sent, free, stall: self.shared.departures.pacer().standstill(sent, free) };
                }
                Next::Finished { lost, unused } => {
                    self.lost(turn.free, lost);
                    if self.finished(worker, turn.free, unused) {
                        let end = self.schedule.borrow().lasts_until();
                        if end > turn.free {
                            self.departs(end, &mut orders).await;
                        }
                        self.report();
                    }
                    return;
                }
            }
        }
    }

    fn client(&self) -> Client {
        let client = Client::new(self.engine, self.shared.clock, Arc::clone(&self.request));
        if self.is_flat_out { client.hurries() } else { client }
    }

    /// One exchange; the first failure of its kind is told in words.
    async fn exchange(&self, client: &mut Client, sent: Timestamp) -> Exchange {
        let exchange = client.exchange(sent).await;
        if let Err(kind) = exchange.answer
            && self.failed.borrow_mut().insert(kind)
        {
            self.shared.progress.failed(self.id, client.failure(kind, exchange.first_byte.is_some()));
        }
        exchange
    }

    /// One exchange by the client that was used last, or by a new one if all are in use.
    async fn exchange_on_any(&self, sent: Timestamp) -> Exchange {
        let idle = self.idle.borrow_mut().pop();
        let mut client = idle.unwrap_or_else(|| self.client());
        let exchange = self.exchange(&mut client, sent).await;
        self.idle.borrow_mut().push(client);
        exchange
    }

    /// Waits until `at`; `false` if an open loop was stopped before. hey's workers send the tick they wait for all the same.
    async fn departs(&self, at: Timestamp, orders: &mut watch::Receiver<Order>) -> bool {
        let departure = self.shared.departures.wait_until(at);
        if !self.shares {
            departure.await;
            return true;
        }
        tokio::select! {
            biased;
            () = departure => true,
            at = stopped(orders) => {
                self.stop(at);
                false
            }
        }
    }

    /// Stops the schedule; requests under way complete.
    pub(super) fn stop(&self, at: Timestamp) {
        self.schedule.borrow_mut().stop(at);
    }

    /// Accounts for every worker whose task was dropped: what was under way is reported as abandoned.
    pub(super) fn give_up(&self) {
        let now = self.shared.clock.now();
        self.stop(now);
        for worker in self.workers() {
            let stage = self.stages.borrow()[worker.0 as usize];
            let sent = match stage {
                Stage::Finished => continue,
                Stage::Away(call, sent) => {
                    self.arrived(worker, call, &Exchange::abandoned(sent, now));
                    sent
                }
                Stage::Waiting => {
                    self.count(|tally| tally.unused += 1);
                    now
                }
                Stage::Idle => self.start,
            };
            let free = now.max(self.start);
            let turn = Turn { sent, free, stall: self.shared.departures.pacer().standstill(sent, now) };
            let next = self.schedule.borrow_mut().next(worker, turn);
            match next {
                Next::Finished { lost, unused } => {
                    self.lost(now, lost);
                    self.finished(worker, now, unused);
                }
                Next::Call(_) => debug_assert!(false, "a stopped schedule has no more calls"),
            }
        }
        self.report();
    }

    /// The worker's request leaves now.
    fn leave(&self, worker: WorkerId, call: Call) -> Timestamp {
        let sent = self.shared.clock.now();
        self.stage(worker, Stage::Away(call, sent));
        self.count(|tally| tally.leaves(&call));
        self.shared.progress.left();
        sent
    }

    fn arrived(&self, worker: WorkerId, call: Call, exchange: &Exchange) {
        self.shared.progress.arrived();
        self.stage(worker, Stage::Idle);
        self.shared.outbox.row(RequestRow {
            generator: self.id,
            worker: self.schedule.borrow().number(worker),
            due: call.due,
            ready: call.ready,
            sent: exchange.sent,
            first_byte: exchange.first_byte,
            done: exchange.done,
            answer: exchange.answer,
            replica: exchange.replica,
            detail: exchange.detail,
        });
    }

    fn lost(&self, at: Timestamp, lost: Lost) {
        if lost != Lost::default() {
            self.count(|tally| {
                tally.lost.busy += lost.busy;
                tally.lost.late += lost.late;
            });
            self.shared.outbox.send(Report::Lost { at, generator: self.id, lost });
        }
    }

    /// A worker is done; whether it was the last.
    fn finished(&self, worker: WorkerId, at: Timestamp, unused: u64) -> bool {
        self.stage(worker, Stage::Finished);
        self.count(|tally| tally.unused += unused);
        self.done.set(self.done.get().max(at));
        self.at_work.set(self.at_work.get() - 1);
        self.at_work.get() == 0
    }

    /// Tells, once, that all workers are done and the generator's time is over.
    fn report(&self) {
        if self.is_reported.replace(true) {
            return;
        }
        let schedule = self.schedule.borrow();
        let mut tally = self.tally.get();
        tally.planned = schedule.planned().unwrap_or(tally.accounted());
        tally.duration = self.done.get().max(schedule.lasts_until()) - self.start;
        self.shared.outbox.last();
        self.shared.outbox.send(Report::Finished { generator: self.id, tally });
    }

    fn stage(&self, worker: WorkerId, stage: Stage) {
        self.stages.borrow_mut()[worker.0 as usize] = stage;
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }
}

/// Waits until the load is stopped, and tells when that was.
async fn stopped(orders: &mut watch::Receiver<Order>) -> Timestamp {
    if let Ok(order) = orders.wait_for(|order| matches!(order, Order::Stop(_))).await
        && let Order::Stop(at) = *order
    {
        return at;
    }
    // given up: this worker is about to be dropped
    std::future::pending().await
}
