//! What this machine's clock and timers can do, by trying them.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::clock::{Clock, sharpen_timers};
use crate::time::nanos;

/// Readings of the clock in a row.
const READINGS: u32 = 20_000;

/// How long a thread sleeps each time.
const WAIT: Duration = Duration::from_millis(1);

/// What clock and timers did.
#[derive(Clone, Debug, PartialEq)]
pub struct Timers {
    /// What one reading of the clock costs, in nanoseconds.
    pub reading_ns: f64,
    /// The smallest step between two readings that differ.
    pub step: Duration,
    /// How late a sleeping thread woke, each time, ascending.
    pub lateness: Vec<Duration>,
}

/// Tries them: a moment for the clock, and so many waits of a millisecond each.
///
/// # Errors
/// When the system starts no thread.
pub fn try_out(clock: Clock, waits: u32) -> io::Result<Timers> {
    // the load's threads are sharpened; this one stays as it is
    let thread = thread::Builder::new().name("timers".to_owned()).spawn(move || {
        sharpen_timers();
        let (reading_ns, step) = readings(clock);
        let (lock, never) = (Mutex::new(()), Condvar::new());
        let mut lateness: Vec<Duration> = (0..waits)
            .map(|_| {
                let until = clock.now() + WAIT;
                let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
                while clock.now() < until {
                    guard = clock.block_until(&never, guard, until);
                }
                clock.now() - until
            })
            .collect();
        lateness.sort_unstable();
        Timers { reading_ns, step, lateness }
    })?;
    thread.join().map_err(|_| io::Error::other("the thread that tries the timers ended before its time"))
}

fn readings(clock: Clock) -> (f64, Duration) {
    let start = clock.now();
    let (mut last, mut step) = (start, Duration::MAX);
    for _ in 0..READINGS {
        let now = clock.now();
        if now > last {
            step = step.min(now - last);
        }
        last = now;
    }
    // a clock that did not move in so many readings steps by more than they took
    let step = if step == Duration::MAX { Duration::ZERO } else { step };
    (nanos(last - start) as f64 / f64::from(READINGS), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_ends_early_and_the_clock_moves() {
        let timers = try_out(Clock::start(), 5).expect("a thread");
        assert!(timers.lateness.len() == 5 && timers.lateness.is_sorted());
        assert!(timers.reading_ns > 0.0 && timers.step > Duration::ZERO, "{timers:?}");
    }
}
