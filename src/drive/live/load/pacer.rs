//! The thread that wakes the load on time, and that notices when time was stolen.
//!
//! It sleeps in the kernel until shortly before the next departure, or for one beat if nothing is due. tokio's own timers round
//! to a millisecond and would let a burst leave one to two milliseconds late; this thread is off by some 50 microseconds, which
//! the lead in `departures` takes up. Since it wakes every beat whatever happens, a wake-up that comes far too late shows that the
//! process or the host stood still.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::drive::live::clock::{Clock, sharpen_timers};
use crate::time::Timestamp;

use super::stall::{Standstills, Stretch, overlap, standstill};

/// Longest sleep: how soon a standstill is noticed when nothing is due. A hundred wake-ups a second cost below 0.1 % of a core.
const BEAT: Duration = Duration::from_millis(10);

/// The pacer's thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Pacer {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread shares with those it wakes.
#[derive(Debug)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
    /// When the thread asked to be woken next, in nanoseconds: a standstill that it has not noticed yet begins there.
    asked: AtomicU64,
    /// End of the latest standstill, in nanoseconds; 0 if there was none.
    stood_until: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    alarm: Option<(Timestamp, Waker)>,
    /// When the thread wakes by itself.
    asleep_until: Timestamp,
    standstills: Standstills,
    ended: bool,
}

impl Pacer {
    /// Starts the thread; every standstill it notices goes to `stood_still`.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn start(clock: Clock, stood_still: impl Fn(Stretch) + Send + 'static) -> io::Result<Self> {
        Self::named("pacer", clock, stood_still)
    }

    /// [`Pacer::start`] under another name than that of the load's, whose CPU time is told apart by it.
    ///
    /// # Errors
    /// As there.
    pub(super) fn named(name: &str, clock: Clock, stood_still: impl Fn(Stretch) + Send + 'static) -> io::Result<Self> {
        let bell = Arc::new(Bell {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            asked: AtomicU64::new((clock.now() + BEAT).as_nanos()),
            stood_until: AtomicU64::new(0),
        });
        let shared = Arc::clone(&bell);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || shared.ring(clock, &stood_still))?;
        Ok(Self { bell, thread: Some(thread) })
    }

    /// Has `waker` woken at `at`, in place of the alarm set before.
    pub(super) fn wake_at(&self, at: Timestamp, waker: Waker) {
        let mut state = self.bell.lock();
        state.alarm = Some((at, waker));
        let sooner = at < state.asleep_until;
        drop(state);
        // otherwise it wakes in time to see the alarm by itself, and the system call is saved
        if sooner {
            self.bell.changed.notify_one();
        }
    }

    /// The longest standstill between two points of which the later one is now.
    ///
    /// Also one that the pacer itself has yet to wake from: after a stopped process goes on, nobody knows which thread runs first.
    pub(super) fn standstill(&self, from: Timestamp, now: Timestamp) -> Option<Stretch> {
        let asked = Timestamp::from_nanos(self.bell.asked.load(Ordering::Acquire));
        if let Some(stretch) = standstill(asked, now) {
            return overlap(stretch, (from, now));
        }
        if self.bell.stood_until.load(Ordering::Acquire) <= from.as_nanos() {
            return None;
        }
        self.bell.lock().standstills.within(from, now)
    }
}

impl Drop for Pacer {
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

    fn ring(&self, clock: Clock, stood_still: &impl Fn(Stretch)) {
        sharpen_timers();
        let mut now = clock.now();
        let mut state = self.lock();
        while !state.ended {
            if let Some((_, waker)) = state.alarm.take_if(|(at, _)| *at <= now) {
                drop(state);
                waker.wake();
                state = self.lock();
            }
            let asked = state.alarm.as_ref().map_or(Timestamp::MAX, |(at, _)| *at).clamp(now, now + BEAT);
            state.asleep_until = asked;
            self.asked.store(asked.as_nanos(), Ordering::Release);
            state = clock.block_until(&self.changed, state, asked);
            now = clock.now();
            if let Some(stretch) = standstill(asked, now) {
                state.standstills.push(stretch);
                self.stood_until.store(stretch.1.as_nanos(), Ordering::Release);
                stood_still(stretch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Wake;

    use super::*;

    struct Bird(Clock, Mutex<mpsc::Sender<Timestamp>>);

    impl Wake for Bird {
        fn wake(self: Arc<Self>) {
            let _ = self.1.lock().unwrap().send(self.0.now());
        }
    }

    #[test]
    fn it_wakes_at_the_time_asked_for_and_never_before() {
        let clock = Clock::start();
        let pacer = Pacer::start(clock, |_| {}).expect("a thread");
        for wait in [0, 300, 3_000, 30_000] {
            let (sender, woken) = mpsc::channel();
            let at = clock.now() + Duration::from_micros(wait);
            pacer.wake_at(at, Arc::new(Bird(clock, Mutex::new(sender))).into());
            assert!(woken.recv().expect("woken once") >= at);
        }
    }

    #[test]
    fn an_earlier_alarm_takes_the_place_of_a_later_one() {
        let clock = Clock::start();
        let pacer = Pacer::start(clock, |_| {}).expect("a thread");
        let (sender, woken) = mpsc::channel();
        let waker = Waker::from(Arc::new(Bird(clock, Mutex::new(sender))));
        let at = clock.now() + Duration::from_millis(1);
        pacer.wake_at(Timestamp::MAX, waker.clone());
        pacer.wake_at(at, waker);
        assert!(woken.recv().expect("woken") >= at);
        drop(pacer);
        assert!(woken.recv().is_err(), "woken once only");
    }

    #[test]
    fn a_standstill_the_pacer_has_not_woken_from_is_known_already() {
        let clock = Clock::start();
        let pacer = Pacer::start(clock, |_| {}).expect("a thread");
        let (from, now) = (Timestamp::from_secs(99), Timestamp::from_secs(100));
        // a hundred seconds in which the pacer has not been seen
        assert_eq!(pacer.standstill(from, now), Some((from, now)));
    }
}
