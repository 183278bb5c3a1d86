//! Where goose's users ask what is next and tell what became of it: the schedule, each user's place, the count, the rows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::drive::Tally;
use crate::drive::live::clock::Clock;
use crate::record::{ErrorKind, GeneratorId, RequestRow, WorkerId};
use crate::schedule::{Call, Next, Schedule, Turn};
use crate::time::Timestamp;

use super::super::engine::Exchange;
use super::super::failure::Failure;
use super::super::outbox::{ROWS, Rows, UNDER_WAY_MAX};
use super::super::{Order, Progress, Report};

/// All that the users of one attack share.
pub(super) struct Desk {
    id: GeneratorId,
    clock: Clock,
    progress: Arc<Progress>,
    orders: watch::Receiver<Order>,
    reports: UnboundedSender<Report>,
    room: Arc<Semaphore>,
    over: Notify,
    book: Mutex<Book>,
}

struct Book {
    schedule: Box<dyn Schedule>,
    places: Vec<Place>,
    /// Users who have not done enough.
    at_work: usize,
    tally: Tally,
    /// When the last user of those who are done was done.
    done: Timestamp,
    failed: BTreeSet<ErrorKind>,
    rows: Vec<RequestRow>,
    /// Nothing is taken down any more.
    is_closed: bool,
}

/// Where a user is.
#[derive(Clone, Copy)]
enum Place {
    /// Between two requests.
    Free(Turn),
    /// Holds a call that has not left.
    Waiting,
    /// Its request is under way.
    Away(Call, Timestamp),
    /// Has done enough.
    Finished,
}

impl Desk {
    pub(super) fn new(
        id: GeneratorId,
        clock: Clock,
        schedule: Box<dyn Schedule>,
        progress: Arc<Progress>,
        orders: watch::Receiver<Order>,
        reports: UnboundedSender<Report>,
    ) -> Self {
        let (start, users) = (schedule.start(), schedule.workers() as usize);
        let book = Book {
            schedule,
            places: vec![Place::Free(Turn::first(start)); users],
            at_work: users,
            tally: Tally::default(),
            done: start,
            failed: BTreeSet::new(),
            rows: Vec::with_capacity(ROWS),
            is_closed: false,
        };
        let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        Self { id, clock, progress, orders, reports, room, over: Notify::new(), book: Mutex::new(book) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// A user's next request, once it may leave; `None` if the user has done enough.
    pub(super) async fn next(&self, user: WorkerId) -> Option<Call> {
        let call = self.take(user)?;
        let mut orders = self.orders.clone();
        tokio::select! {
            biased;
            _ = orders.wait_for(|order| *order != Order::Run) => {
                self.give_back(user);
                None
            }
            () = self.clock.sleep_until(call.ready) => Some(call),
        }
    }

    fn take(&self, user: WorkerId) -> Option<Call> {
        let mut book = self.book();
        let place = *book.places.get(user.0 as usize)?;
        let Place::Free(turn) = place else { return None };
        match book.schedule.next(user, turn) {
            Next::Call(call) => {
                book.places[user.0 as usize] = Place::Waiting;
                Some(call)
            }
            Next::Finished { unused, .. } => {
                self.finish(&mut book, user, turn.free, unused);
                None
            }
        }
    }

    /// The load was stopped before a user's request left.
    fn give_back(&self, user: WorkerId) {
        let now = self.clock.now();
        let order = *self.orders.borrow();
        let mut book = self.book();
        book.schedule.stop(if let Order::Stop(at) = order { at.min(now) } else { now });
        self.abandon(&mut book, user, now);
    }

    /// A user leaves the desk for good; what it still had is accounted for.
    fn abandon(&self, book: &mut Book, user: WorkerId, now: Timestamp) {
        match book.places[user.0 as usize] {
            Place::Finished => return,
            Place::Away(call, sent) => self.note(book, user, call, &Exchange::abandoned(sent, now)),
            Place::Waiting => book.tally.unused += 1,
            Place::Free(_) => {}
        }
        let turn = Turn { sent: now, free: now, stall: None };
        match book.schedule.next(user, turn) {
            Next::Finished { unused, .. } => self.finish(book, user, now.max(book.schedule.start()), unused),
            Next::Call(_) => debug_assert!(false, "a stopped schedule has no more calls"),
        }
    }

    fn finish(&self, book: &mut Book, user: WorkerId, at: Timestamp, unused: u64) {
        book.places[user.0 as usize] = Place::Finished;
        book.tally.unused += unused;
        book.done = book.done.max(at);
        book.at_work -= 1;
        if book.at_work == 0 {
            self.over.notify_one();
        }
    }

    /// A user's request leaves now.
    pub(super) fn leaves(&self, user: WorkerId, call: Call) -> Timestamp {
        let sent = self.clock.now();
        let mut book = self.book();
        book.places[user.0 as usize] = Place::Away(call, sent);
        book.tally.leaves(&call);
        self.progress.left();
        sent
    }

    /// A user's request was answered or given up. Waits while whoever takes the rows is far behind.
    pub(super) async fn arrived(
        &self,
        user: WorkerId,
        call: Call,
        exchange: &Exchange,
        failure: impl FnOnce() -> Failure,
    ) {
        {
            let mut book = self.book();
            if book.is_closed {
                return;
            }
            if let Err(kind) = exchange.answer
                && book.failed.insert(kind)
            {
                self.progress.failed(self.id, failure());
            }
            self.note(&mut book, user, call, exchange);
            book.places[user.0 as usize] = Place::Free(Turn { sent: exchange.sent, free: exchange.done, stall: None });
            if book.rows.len() < ROWS {
                return;
            }
        }
        // the semaphore is never closed
        if let Ok(room) = Arc::clone(&self.room).acquire_owned().await {
            self.hand_on(&mut self.book(), Some(room));
        }
    }

    fn note(&self, book: &mut Book, worker: WorkerId, call: Call, exchange: &Exchange) {
        self.progress.arrived();
        let worker = book.schedule.number(worker);
        book.rows.push(RequestRow {
            generator: self.id,
            worker,
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

    /// Hands on the rows that have gathered, if there is room.
    pub(super) fn flush(&self) {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            self.hand_on(&mut self.book(), Some(room));
        }
    }

    fn hand_on(&self, book: &mut Book, room: Option<OwnedSemaphorePermit>) {
        if !book.rows.is_empty() {
            let rows = std::mem::replace(&mut book.rows, Vec::with_capacity(ROWS));
            // nobody listens any more: the run was given up
            let _ = self.reports.send(Report::Requests(Rows::new(rows, room)));
        }
    }

    /// Stops the journeys; requests under way complete.
    pub(super) fn stop(&self, at: Timestamp) {
        self.book().schedule.stop(at);
    }

    pub(super) fn is_over(&self) -> bool {
        self.book().at_work == 0
    }

    /// Returns when all users have done enough.
    pub(super) async fn over(&self) {
        self.over.notified().await;
    }

    /// goose has ended: accounts for every user and tells the count.
    pub(super) fn close(&self) {
        let now = self.clock.now();
        let mut book = self.book();
        book.schedule.stop(now);
        for user in (0..book.places.len() as u32).map(WorkerId) {
            self.abandon(&mut book, user, now);
        }
        book.is_closed = true;
        self.hand_on(&mut book, None);
        let mut tally = book.tally;
        tally.planned = book.schedule.planned().unwrap_or(tally.accounted());
        tally.duration = book.done - book.schedule.start();
        let _ = self.reports.send(Report::Finished { generator: self.id, tally });
    }

    /// goose would not go on: the run can't.
    pub(super) fn fail(&self, why: String) {
        let mut book = self.book();
        book.is_closed = true;
        self.hand_on(&mut book, None);
        let _ = self.reports.send(Report::Failed { generator: self.id, why });
    }
}
