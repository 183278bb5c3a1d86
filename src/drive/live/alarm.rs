//! The thread that wakes a run's loop when its policy wants to be woken.
//!
//! tokio's timers round up to a millisecond and come one to two late. A watch tower asks anew a fixed time after each answer, so with
//! them its probes fell behind those of the same run in virtual time by as much per probe, and soon met other moments of a load that
//! comes in bursts. A sleeping thread is some 50 microseconds late, and so is the one it wakes: so it is set a little early, and the rest
//! of the time is waited out awake.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clock::{Clock, sharpen_timers};
use crate::time::Timestamp;

/// How long before its time a sleeper is woken, to wait out the rest awake: two threads are woken one by the other, each 50 to 100
/// microseconds late on a guest. A policy that wakes once a second costs 0.03 % of a core by it.
const EARLY: Duration = Duration::from_micros(300);

/// An alarm for one sleeper; its thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Alarm {
    clock: Clock,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Who is to be woken, and when.
    set: Option<(Timestamp, Waker)>,
    ended: bool,
}

impl Alarm {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn start(clock: Clock) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let shared = Arc::clone(&bell);
        let thread = thread::Builder::new().name("alarm".to_owned()).spawn(move || shared.watch(clock))?;
        Ok(Self { clock, bell, thread: Some(thread) })
    }

    /// Waits until `at`, never shorter. Setting it again, after a wait was given up, replaces what it was set to.
    pub(super) async fn wait_until(&self, at: Timestamp) {
        poll_fn(|context| {
            let now = self.clock.now();
            if now >= at {
                return Poll::Ready(());
            }
            let at = at - EARLY;
            if now >= at {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut state = self.bell.lock();
            let sooner = state.set.as_ref().is_none_or(|(set, _)| at < *set);
            state.set = Some((at, context.waker().clone()));
            drop(state);
            // a thread that wakes too early sees the new time by itself, and the system call is saved
            if sooner {
                self.bell.changed.notify_one();
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.bell.lock().ended = true;
        self.bell.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // a panic in it has been printed; there is nothing left to do about it here
            let _ = thread.join();
        }
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, clock: Clock) {
        sharpen_timers();
        let mut state = self.lock();
        while !state.ended {
            if let Some((_, sleeper)) = state.set.take_if(|(at, _)| *at <= clock.now()) {
                // the sleeper sets it again at once, which takes the lock
                drop(state);
                sleeper.wake();
                state = self.lock();
                continue;
            }
            let until = state.set.as_ref().map_or(Timestamp::MAX, |(at, _)| *at);
            state = clock.block_until(&self.changed, state, until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives a future on this thread.
    fn complete(future: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
    }

    #[test]
    fn nobody_is_woken_before_the_time() {
        let clock = Clock::start();
        let alarm = Alarm::start(clock).unwrap();
        for wait in [0, 1, 3_000, 7_000] {
            let at = clock.now() + Duration::from_micros(wait);
            complete(alarm.wait_until(at));
            assert!(clock.now() >= at, "{wait} us");
        }
    }

    #[test]
    fn a_wait_that_was_given_up_leaves_the_alarm_to_the_next_one_sooner_or_later() {
        let clock = Clock::start();
        let alarm = Alarm::start(clock).unwrap();
        let hour = clock.now() + Duration::from_secs(3_600);
        let soon = clock.now() + Duration::from_millis(2);
        complete(async {
            tokio::select! {
                biased;
                () = alarm.wait_until(hour) => unreachable!("an hour has not passed"),
                () = std::future::ready(()) => {}
            }
            alarm.wait_until(soon).await;
            tokio::select! {
                biased;
                () = alarm.wait_until(clock.now() + Duration::from_millis(1)) => unreachable!("it was polled once"),
                () = std::future::ready(()) => {}
            }
            alarm.wait_until(clock.now() + Duration::from_millis(4)).await;
        });
        assert!(clock.now() >= soon);
    }

    #[test]
    fn an_alarm_that_is_dropped_ends_its_thread_whatever_it_was_set_to() {
        let clock = Clock::start();
        let alarm = Alarm::start(clock).unwrap();
        complete(async {
            tokio::select! {
                biased;
                () = alarm.wait_until(Timestamp::MAX) => {}
                () = std::future::ready(()) => {}
            }
        });
        drop(alarm);
    }
}
