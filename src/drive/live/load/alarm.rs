//! What wakes the load's own thread in time for the next departure.
//!
//! On Linux a timer of the kernel that the thread's event loop waits for beside its sockets: one wake-up. Elsewhere the pacer's thread,
//! which wakes this one: two, each of them late by some 50 microseconds at times.

use std::task::Context;

use crate::drive::live::clock::Clock;
use crate::time::Timestamp;

use super::pacer::Pacer;

/// Belongs to one event loop and is made inside it.
#[derive(Debug)]
pub(super) struct Alarm<'a> {
    clock: Clock,
    pacer: &'a Pacer,
    #[cfg(target_os = "linux")]
    timer: Option<linux::Timer>,
}

impl<'a> Alarm<'a> {
    /// An alarm of the event loop that runs this; where the kernel gives no timer, it is the pacer's.
    pub(super) fn new(clock: Clock, pacer: &'a Pacer) -> Self {
        Self {
            clock,
            pacer,
            #[cfg(target_os = "linux")]
            timer: linux::Timer::new().ok(),
        }
    }

    /// Has the task woken at `at`, in place of what was set before; it may be woken sooner for other reasons.
    pub(super) fn set(&self, at: Timestamp, cx: &mut Context<'_>) {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer
            && timer.set(at - self.clock.now(), cx)
        {
            return;
        }
        self.pacer.wake_at(at, cx.waker().clone());
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A timer of the kernel in the event loop of this thread.
    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<Descriptor>);

    #[derive(Debug)]
    struct Descriptor(TimerFd);

    impl AsRawFd for Descriptor {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
            // its successor is unsafe, for descriptors that are closed or replaced while they are registered; this one is neither
            #[allow(deprecated, reason = "the successor needs unsafe code, which this crate forbids")]
            AsyncFd::with_interest(Descriptor(timer), Interest::READABLE).map(Self)
        }

        /// Whether the task will be woken after this time.
        pub(super) fn set(&self, wait: Duration, cx: &mut Context<'_>) -> bool {
            // zero would disarm it
            let wait = wait.max(Duration::from_nanos(1));
            let once = Expiration::OneShot(TimeSpec::from_duration(wait));
            if self.0.get_ref().0.set(once, TimerSetTimeFlags::empty()).is_err() {
                return false;
            }
            loop {
                match self.0.poll_read_ready(cx) {
                    Poll::Pending => return true,
                    Poll::Ready(Err(_)) => return false,
                    // what the last expiry left behind, or this one's, already
                    Poll::Ready(Ok(mut ready)) => {
                        if ready.get_inner().0.wait().is_ok() {
                            cx.waker().wake_by_ref();
                            return true;
                        }
                        ready.clear_ready();
                    }
                }
            }
        }
    }
}
