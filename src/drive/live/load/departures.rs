//! Where workers wait for their time to leave.
//!
//! ```text
//!   alarm                 load thread
//!   rings at ready - lead --> gives way to sockets until almost ready --> wakes every worker of the burst in one go
//! ```
//!
//! All on the load's own thread, so nothing is locked and a burst costs one system call, not one per worker.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::drive::live::clock::Clock;
use crate::time::Timestamp;

use super::alarm::Alarm;
use super::pacer::Pacer;

/// The part of a pause by which the load's thread is woken before its end, so it costs some 2.5 % of a core.
///
/// Sockets are served meanwhile, so the price is idle CPU and nothing else; but a target on the same machine could have used it.
const LEAD_SHARE: u32 = 40;

/// The least: what a thread's wake-up takes while cores are awake (30 microseconds, measured).
const LEAD_MIN: Duration = Duration::from_micros(60);

/// The most: after a long pause cores have slept deeply and take longer to come up.
const LEAD_MAX: Duration = Duration::from_micros(500);

/// What it takes to wake one worker after a pause: a burst is woken by so much earlier per worker, and its first one waits out
/// the rest on the spot.
///
/// Measured: the first of 50 left 20 microseconds late without it. Sockets are not served in that time.
const WAKING: Duration = Duration::from_nanos(400);

/// Most workers for which a burst is woken earlier, so that sockets are left alone for 25 microseconds at most.
const WAKING_MAX: usize = 64;

/// The workers that wait, in order of departure and then of arrival here.
#[derive(Debug)]
pub(super) struct Departures {
    clock: Clock,
    pacer: Pacer,
    waiting: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    tickets: Cell<u64>,
    /// Until when the gatekeeper sleeps; [`Timestamp::ZERO`] while it is awake.
    asleep_until: Cell<Timestamp>,
    gatekeeper: RefCell<Option<Waker>>,
}

impl Departures {
    /// A gate that `pacer` opens.
    pub(super) fn new(clock: Clock, pacer: Pacer) -> Self {
        Self {
            clock,
            pacer,
            waiting: RefCell::default(),
            tickets: Cell::default(),
            asleep_until: Cell::new(Timestamp::ZERO),
            gatekeeper: RefCell::default(),
        }
    }

    /// The pacer behind it.
    pub(super) fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// Waits until `at`, to the last microseconds while the gatekeeper runs; never returns before.
    pub(super) fn wait_until(&self, at: Timestamp) -> Departure<'_> {
        Departure { departures: self, at, ticket: None }
    }

    /// The gatekeeper: lets workers go when their time has come. Runs as long as anybody may wait.
    pub(super) async fn keep(&self) {
        let alarm = Alarm::new(self.clock, &self.pacer);
        let mut lead = LEAD_MIN;
        loop {
            let next = self.release();
            let now = self.clock.now();
            match next {
                Some(next) if next <= now + lead => tokio::task::yield_now().await,
                Some(next) => {
                    lead = ((next - now) / LEAD_SHARE).clamp(LEAD_MIN, LEAD_MAX);
                    self.sleep_until(next - lead, &alarm).await;
                }
                None => self.sleep_until(Timestamp::MAX, &alarm).await,
            }
        }
    }

    /// Wakes everybody whose time has almost come; returns when the next one leaves.
    fn release(&self) -> Option<Timestamp> {
        let mut waiting = self.waiting.borrow_mut();
        loop {
            let (at, _) = *waiting.first_key_value()?.0;
            let burst = waiting.range(..=(at, u64::MAX)).take(WAKING_MAX).count();
            if at > self.clock.now() + WAKING * burst as u32 {
                return Some(at);
            }
            while let Some(first) = waiting.first_entry()
                && first.key().0 == at
            {
                first.remove().wake();
            }
        }
    }

    async fn sleep_until(&self, at: Timestamp, alarm: &Alarm<'_>) {
        let mut asleep = false;
        std::future::poll_fn(|cx| {
            if asleep {
                self.asleep_until.set(Timestamp::ZERO);
                return Poll::Ready(());
            }
            asleep = true;
            self.asleep_until.set(at);
            *self.gatekeeper.borrow_mut() = Some(cx.waker().clone());
            if at < Timestamp::MAX {
                alarm.set(at, cx);
            }
            Poll::Pending
        })
        .await;
    }

    fn enter(&self, at: Timestamp, waker: Waker) -> u64 {
        let ticket = self.tickets.get();
        self.tickets.set(ticket + 1);
        self.waiting.borrow_mut().insert((at, ticket), waker);
        if at < self.asleep_until.get()
            && let Some(gatekeeper) = self.gatekeeper.borrow().as_ref()
        {
            gatekeeper.wake_by_ref();
        }
        ticket
    }
}

/// One worker's wait.
#[derive(Debug)]
pub(super) struct Departure<'a> {
    departures: &'a Departures,
    at: Timestamp,
    ticket: Option<u64>,
}

impl Future for Departure<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.departures.clock.now() >= self.at {
            return Poll::Ready(());
        }
        match self.ticket {
            None => self.ticket = Some(self.departures.enter(self.at, cx.waker().clone())),
            Some(ticket) => {
                if let Some(waker) = self.departures.waiting.borrow_mut().get_mut(&(self.at, ticket)) {
                    waker.clone_from(cx.waker());
                } else {
                    // woken, a little early
                    while self.departures.clock.now() < self.at {
                        std::hint::spin_loop();
                    }
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.departures.waiting.borrow_mut().remove(&(self.at, ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    /// Runs workers that wait for the given times (ms from now) in a load thread of their own; returns who left when, in order.
    fn departures_of(waits: &[u64]) -> Vec<(u64, Timestamp, Timestamp)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let clock = Clock::start();
            let departures = Rc::new(Departures::new(clock, Pacer::start(clock, |_| {}).expect("a thread")));
            let gate = Rc::clone(&departures);
            tokio::task::spawn_local(async move { gate.keep().await });
            let left = Rc::new(RefCell::new(Vec::new()));
            let start = clock.now();
            let workers: Vec<_> = waits
                .iter()
                .map(|wait| {
                    let (departures, left, wait) = (Rc::clone(&departures), Rc::clone(&left), *wait);
                    tokio::task::spawn_local(async move {
                        let at = start + Duration::from_millis(wait);
                        departures.wait_until(at).await;
                        left.borrow_mut().push((wait, at, clock.now()));
                    })
                })
                .collect();
            for worker in workers {
                worker.await.expect("no panic");
            }
            left.take()
        })
    }

    #[test]
    fn workers_leave_in_order_of_their_time_and_never_before_it() {
        let left = departures_of(&[30, 0, 5, 30, 1, 12]);
        let order: Vec<u64> = left.iter().map(|(wait, ..)| *wait).collect();
        assert_eq!(order, [0, 1, 5, 12, 30, 30]);
        assert!(left.iter().all(|(_, at, sent)| sent >= at), "{left:?}");
    }
}
