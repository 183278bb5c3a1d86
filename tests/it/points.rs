//! Points of a run at which something befalls it: before, during and after each of its calls to the servers of a test. The calls are
//! counted in a run of the same scenario that nothing happens to, and none is left out.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It has come, and nothing was done.
    Before,
    /// It was done, and half the answer is out.
    During,
    /// The answer is out.
    After,
}

/// All of them.
pub(crate) const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

/// What becomes of the connection then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Cut,
}

/// A call, by its number from 0, and a moment of it.
pub(crate) type Point = (usize, Moment);

type Hook = Arc<dyn Fn(usize, Moment) -> Then + Send + Sync>;

/// Points at which a run is ended in each way, at the very least.
const POINTS_LEAST: usize = 25;

/// Points that are tried at once: a run waits for nearly all of its time, and each has servers of its own.
const AT_ONCE: usize = 12;

/// What servers were asked, in the order in which it came, and what befalls whoever asks.
#[derive(Default)]
pub(crate) struct Calls {
    seen: Mutex<Vec<String>>,
    hook: Mutex<Option<Hook>>,
    /// How many of them are being answered.
    open: Mutex<usize>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Calls {
    /// One comes, such as `GET /apis/...`.
    pub(crate) fn comes(&self, what: String) -> Call<'_> {
        let number = {
            let mut seen = locked(&self.seen);
            seen.push(what);
            seen.len() - 1
        };
        *locked(&self.open) += 1;
        Call { calls: self, number, hook: locked(&self.hook).clone() }
    }

    /// All so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        locked(&self.seen).clone()
    }

    pub(crate) fn hook(&self, hook: impl Fn(usize, Moment) -> Then + Send + Sync + 'static) {
        *locked(&self.hook) = Some(Arc::new(hook));
    }

    pub(crate) fn unhook(&self) {
        *locked(&self.hook) = None;
    }

    /// Whether none is being answered.
    pub(crate) fn are_all_over(&self) -> bool {
        *locked(&self.open) == 0
    }
}

/// A call that is being answered.
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    number: usize,
    hook: Option<Hook>,
}

impl Call<'_> {
    /// It has come so far.
    pub(crate) fn at(&self, moment: Moment) -> Then {
        self.hook.as_ref().map_or(Then::GoOn, |hook| hook(self.number, moment))
    }

    /// Writes the answer: one half, then the other.
    pub(crate) fn answer(&self, writer: &mut TcpStream, bytes: &[u8]) -> io::Result<Then> {
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        writer.write_all(first)?;
        if self.at(Moment::During) == Then::Cut {
            return Ok(Then::Cut);
        }
        writer.write_all(rest)?;
        Ok(self.at(Moment::After))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        *locked(&self.calls.open) -= 1;
    }
}

/// Each of these moments of so many calls.
pub(crate) fn points(calls: usize, moments: &[Moment]) -> Vec<Point> {
    (0..calls).flat_map(|call| moments.iter().map(move |moment| (call, *moment))).collect()
}

/// Does it for each point, several at once: most of a run is waiting.
pub(crate) fn at_each(points: Vec<Point>, test: impl Fn(Point) + Sync) {
    assert!(points.len() >= POINTS_LEAST, "{} points", points.len());
    let (queue, test) = (Mutex::new(points.into_iter()), &test);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = locked(&queue).next();
                    let Some(point) = next else { return };
                    test(point);
                }
            });
        }
    });
}

/// Starts a process that is sent a signal at a point of its own; one that is killed is cut off, too.
pub(crate) fn signalled_at(calls: &Calls, point: Point, signal: Signal, start: impl FnOnce() -> Child) -> Child {
    let then = if signal == Signal::SIGKILL { Then::Cut } else { Then::GoOn };
    struck_at(calls, point, signal, move || then, start)
}

/// Starts a process that is killed at a point of its own; what it asked for is done so much later, though nobody waits for it any more.
pub(crate) fn killed_and_served_late(
    calls: &Calls,
    point: Point,
    late: Duration,
    start: impl FnOnce() -> Child,
) -> Child {
    let then = move || {
        thread::sleep(late);
        Then::GoOn
    };
    struck_at(calls, point, Signal::SIGKILL, then, start)
}

fn struck_at(
    calls: &Calls,
    point: Point,
    signal: Signal,
    then: impl Fn() -> Then + Send + Sync + 'static,
    start: impl FnOnce() -> Child,
) -> Child {
    let pid: Arc<Mutex<Option<u32>>> = Arc::default();
    let whom = Arc::clone(&pid);
    calls.hook(move |number, at| {
        if (number, at) != point {
            return Then::GoOn;
        }
        // the first call comes when the process has long been started, if not always been noted
        let pid = loop {
            if let Some(pid) = *locked(&whom) {
                break Pid::from_raw(pid.try_into().expect("a pid"));
            }
            thread::yield_now();
        };
        let _ = kill(pid, signal);
        then()
    });
    let child = start();
    *locked(&pid) = Some(child.id());
    child
}
