//! Cores that are kept from falling asleep, so that whoever is due runs at once.
//!
//! A core without work halts. On a guest of a hypervisor that gives the core away, and it takes the host up to a millisecond to bring
//! it back: measured on a KVM guest, a thread that slept 4 ms woke 0.14 ms late at the median and 1.1 ms for one in a hundred. So there
//! is a thread on each core that never sleeps, and which is made to disturb nobody:
//!
//! ```text
//!   SCHED_IDLE        who wakes takes the core at once, and the kernel looks for a place to wake as if the core were idle
//!   sched_yield       after each look: its share beside who goes on running, 3 of 1027, comes in microseconds, not in ticks
//!   rest              a core that was wanted for a millisecond, or most of four, is busy and needs no keeper: it sleeps, longer each time
//! ```
//!
//! Why the second: the kernel keeps accounts when a task yields, wakes or sleeps, and else with its tick, each 1 to 4 ms. A thread of the
//! lowest priority that merely spins is owed a third of a per cent and is given it in one piece of a tick; and one that wakes beside it
//! may be found to have had more than its share until the next tick (EEVDF's eligibility). Measured so: 1 % of requests at
//! 5000/s left 0.4 ms late. Virtual time of a thread of weight 3 passes 341 times as fast, so where accounts are kept every
//! microsecond it is out of turn after a few of them. Why the third: weights are those within a group of processes (a container, a
//! session); who belongs to another one knows nothing of this one's low priority.
//!
//! What may not enter: who wants the cores awake, and what is told of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::time::Timestamp;

use super::clock::Clock;
use super::cores;
use super::cpu::{KEEPER, thread_time};

/// A keeper that comes to look so late was put aside.
const ERRAND: Duration = Duration::from_micros(20);

/// One that was put aside for so long is on a busy core: the load's thread waits for a departure for half of it at most
/// (`load/departures.rs`).
const WANTED: Duration = Duration::from_millis(1);

/// And so is one that was put aside for three quarters of so long, piece by piece.
const WINDOW: Duration = Duration::from_millis(4);

/// How long a keeper leaves a core alone that is wanted: at first, and at most. Each time it finds it wanted again it doubles.
const REST: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// Why cores can't be kept awake.
#[derive(Debug, thiserror::Error)]
pub enum AwakeError {
    /// The system denies a thread what it needs.
    #[error("core {core} can't be kept awake: {source}\n  hint: leave --keep-awake out")]
    Core {
        /// Which core.
        core: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no such threads, or none for this program.
    #[error("{0}\n  hint: leave --keep-awake out")]
    NotOffered(String),
}

/// Keeps cores awake until it is dropped.
#[derive(Debug)]
pub struct Awake {
    bell: Arc<Bell>,
    keepers: Vec<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    thread: Option<JoinHandle<()>>,
    /// The thread's number in the system.
    number: i32,
}

/// What ends the keepers.
#[derive(Debug, Default)]
struct Bell {
    is_over: AtomicBool,
    resting: Mutex<()>,
    changed: Condvar,
}

/// Why cores can't be kept awake here, in a sentence; `None` if they can, as far as can be seen without trying.
pub fn objection() -> Option<String> {
    let (allowed, granted) = (cores::allowed().len(), cores::granted());
    if !cfg!(target_os = "linux") {
        return Some("--keep-awake is about Linux, and this is another system".to_owned());
    }
    (granted < allowed).then(|| {
        format!(
            "--keep-awake would use up what this container may have: the time of {granted} of its {allowed} cores, which \
             idle ones that are kept awake take as well"
        )
    })
}

impl Awake {
    /// Keeps all cores awake on which this program may run.
    ///
    /// # Errors
    /// Where it is not offered ([`objection`]), and when the system denies the threads or their priority.
    pub fn keep() -> Result<Self, AwakeError> {
        match objection() {
            Some(why) => Err(AwakeError::NotOffered(why)),
            None => Self::keep_these(&cores::allowed()),
        }
    }

    fn keep_these(cores: &[usize]) -> Result<Self, AwakeError> {
        let clock = Clock::start();
        let mut awake = Self { bell: Arc::default(), keepers: Vec::with_capacity(cores.len()) };
        for core in cores.iter().copied() {
            let failed = |source| AwakeError::Core { core, source };
            let (sender, ready) = mpsc::channel();
            let bell = Arc::clone(&awake.bell);
            let thread = thread::Builder::new()
                .name(format!("{KEEPER}-{core}"))
                .spawn(move || {
                    if Self::settles(core, &sender) {
                        bell.keep(clock);
                    }
                })
                .map_err(failed)?;
            awake.keepers.push(Keeper { thread: Some(thread), number: 0 });
            // one that is gone without a word has panicked, and said so
            let number = ready.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())).map_err(failed)?;
            if let Some(keeper) = awake.keepers.last_mut() {
                keeper.number = number;
            }
        }
        Ok(awake)
    }

    /// Has this thread take its core and the lowest priority, and tells of it; whether it did.
    fn settles(core: usize, sender: &Sender<io::Result<i32>>) -> bool {
        let settled = cores::keep_to(core).and_then(|()| lowest_priority());
        let is_settled = settled.is_ok();
        // who waits for it is there
        let _ = sender.send(settled);
        is_settled
    }

    /// CPU time of the keepers so far; `None` where the kernel keeps no account of it.
    pub fn cpu_time(&self) -> Option<Duration> {
        self.keepers.iter().map(|keeper| thread_time(keeper.number)).sum()
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.bell.is_over.store(true, Ordering::Relaxed);
        // whoever is about to rest has the lock, or sees that it is over
        drop(self.bell.lock());
        self.bell.changed.notify_all();
        for thread in self.keepers.iter_mut().filter_map(|keeper| keeper.thread.take()) {
            // a panic in it has been printed; there is nothing left to do about it here
            let _ = thread.join();
        }
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn keep(&self, clock: Clock) {
        let mut manners = Manners::new(clock.now());
        while !self.is_over() {
            match manners.look(clock.now()) {
                Turn::Stay => thread::yield_now(),
                Turn::Rest(until) => {
                    let guard = self.lock();
                    if !self.is_over() {
                        drop(clock.block_until(&self.changed, guard, until));
                    }
                }
            }
        }
    }
}

/// What a keeper does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It looks again, as soon as it is given its core.
    Stay,
    /// It sleeps until then.
    Rest(Timestamp),
}

/// Whether a core is wanted, by how late its keeper comes to look.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// When it meant to look.
    expected: Timestamp,
    /// Since when it counts, and how much of it others had the core.
    since: Timestamp,
    away: Duration,
    rest: Duration,
}

impl Manners {
    fn new(now: Timestamp) -> Self {
        Self { expected: now, since: now, away: Duration::ZERO, rest: REST.0 }
    }

    fn look(&mut self, now: Timestamp) -> Turn {
        let (late, counted) = (now - self.expected, now - self.since);
        if late >= ERRAND {
            self.away += late;
        }
        let is_full = counted >= WINDOW && 4 * self.away >= 3 * counted;
        if late >= WANTED || is_full {
            let rest = self.rest;
            *self = Self { rest: (2 * rest).min(REST.1), ..Self::new(now + rest) };
            return Turn::Rest(now + rest);
        }
        if counted >= WINDOW {
            *self = Self { rest: (self.rest / 2).max(REST.0), ..Self::new(now) };
        }
        self.expected = now;
        Turn::Stay
    }
}

/// Makes this thread one that gives way to all others; its number.
#[cfg(target_os = "linux")]
fn lowest_priority() -> io::Result<i32> {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id, thread_schedule_policy,
    };
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    // it sets a niceness as well, which means nothing to an idle thread and may be denied where the program has been made nice
    let asked = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    match thread_schedule_policy() {
        Ok(found) if found == idle => Ok(nix::unistd::gettid().as_raw()),
        _ => Err(io::Error::other(match asked {
            Err(error) => format!("the system denies the lowest priority ({error})"),
            Ok(()) => "the system does not keep to the lowest priority".to_owned(),
        })),
    }
}

#[cfg(not(target_os = "linux"))]
fn lowest_priority() -> io::Result<i32> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(micros: u64) -> Timestamp {
        Timestamp::from_nanos(micros * 1_000)
    }

    #[test]
    fn who_is_put_aside_for_a_moment_stays_and_who_is_for_long_rests_longer_each_time() {
        let mut manners = Manners::new(us(0));
        // a thread woke, waited half a millisecond for a departure, and slept again
        assert_eq!([2, 502, 504].map(|at| manners.look(us(at))), [Turn::Stay; 3]);
        assert_eq!(manners.look(us(1_504)), Turn::Rest(us(3_504)));
        // it woke on time, and the core is wanted again at once
        assert_eq!(manners.look(us(3_550)), Turn::Stay);
        assert_eq!(manners.look(us(5_000)), Turn::Rest(us(9_000)));
        // it woke late: the core is wanted still
        assert_eq!(manners.look(us(11_000)), Turn::Rest(us(19_000)));
        let mut now = us(19_000);
        for _ in 0..9 {
            now += Duration::from_millis(70);
            manners.look(now);
        }
        assert_eq!(manners.rest, REST.1, "it never sleeps longer than that");
    }

    /// Looks each microsecond for a while, but for the first so many of each hundred; whether it was told to rest.
    fn rests(manners: &mut Manners, away: u64, micros: u64) -> bool {
        let begun = manners.expected;
        let looks = (0..micros).filter(|at| at % 100 >= away);
        looks.into_iter().any(|at| manners.look(begun + Duration::from_micros(at)) != Turn::Stay)
    }

    #[test]
    fn a_core_of_which_others_have_most_is_left_to_them_and_taken_again_once_it_is_idle() {
        // each absence is short: a load of 10 000 a second beside it
        assert!(!rests(&mut Manners::new(us(0)), 60, 20_000), "it has not most of it");
        let mut manners = Manners::new(us(0));
        assert!(rests(&mut manners, 90, 20_000));
        assert_eq!(manners.rest, 2 * REST.0);
        assert!(!rests(&mut manners, 0, 20_000));
        assert_eq!(manners.rest, REST.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_keepers_end_with_what_wanted_them() {
        let awake = Awake::keep_these(&cores::allowed()).expect("idle threads");
        let numbers: Vec<i32> = awake.keepers.iter().map(|keeper| keeper.number).collect();
        assert_eq!(numbers.len(), cores::allowed().len());
        let lives = |number: &i32| std::path::Path::new(&format!("/proc/self/task/{number}")).exists();
        assert!(numbers.iter().all(lives));
        assert!(awake.cpu_time().is_some());
        drop(awake);
        // a thread that was joined may be on the list for a moment
        while numbers.iter().any(lives) {
            thread::yield_now();
        }
    }

    /// CPU time of a busy thread and of the keeper beside it on one core, until the busy one has had a quarter of a second.
    #[cfg(target_os = "linux")]
    fn side_by_side(core: usize) -> (Duration, Duration) {
        let (number, is_over) = (std::sync::atomic::AtomicI32::new(0), AtomicBool::new(false));
        // whatever becomes of the test, it ends
        let (clock, end) = (Clock::start(), Timestamp::from_secs(120));
        thread::scope(|scope| {
            scope.spawn(|| {
                cores::keep_to(core).expect("a core of its own");
                number.store(nix::unistd::gettid().as_raw(), Ordering::Release);
                while !is_over.load(Ordering::Relaxed) && clock.now() < end {
                    std::hint::spin_loop();
                }
            });
            while number.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            let awake = Awake::keep_these(&[core]).expect("an idle thread");
            let busy = || thread_time(number.load(Ordering::Acquire)).expect("it lives");
            let (before, kept) = (busy(), awake.cpu_time().expect("it lives"));
            while busy().saturating_sub(before) < Duration::from_millis(250) {
                thread::sleep(Duration::from_millis(10));
            }
            let found = (busy().saturating_sub(before), awake.cpu_time().expect("it lives").saturating_sub(kept));
            is_over.store(true, Ordering::Relaxed);
            found
        })
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_keeper_leaves_a_busy_core_to_whoever_keeps_it_busy() {
        let core = cores::allowed()[0];
        // both are of one process, so however busy the machine is with others, it is between these two
        let (busy, keeper) = side_by_side(core);
        assert!(keeper < busy / 4, "the keeper took {keeper:?} beside {busy:?}");
    }
}
