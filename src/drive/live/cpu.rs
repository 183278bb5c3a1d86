//! Who uses this machine's CPU, as the kernel counts it in `/proc`.
//!
//! Read once a second by the run's own loop: some twenty small files, a third of a millisecond. Where there is no `/proc` (or one
//! that hides what is needed) nothing is known, and nothing is made up. What the counters mean is `stats::cpu`'s business.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::record::CpuShares;
use crate::stats::cpu::{CpuTimes, Party};
use crate::time::Timestamp;

/// Names of the load's threads; they may go on behind a hyphen, as in `load-2`.
const GENERATOR: [&str; 2] = ["load", "pacer"];

/// Names of the platform's, likewise.
const PLATFORM: [&str; 1] = ["platform"];

/// Name of those that keep cores awake, likewise.
pub(super) const KEEPER: &str = "awake";

/// Shortest time between two looks: the counters tick a hundred times a second, so less would be noise.
const SPAN_MIN: Duration = Duration::from_millis(500);

/// Processes below this one that are looked at, so that a process that starts thousands doesn't take the run's time.
const CHILDREN_MAX: usize = 256;

/// Watches the CPU from one look to the next.
#[derive(Debug, Default)]
pub struct CpuWatch {
    last: Option<(Timestamp, CpuTimes)>,
}

impl CpuWatch {
    /// Who used it since the last look; `None` at the first one, too soon after one, and where the machine doesn't tell.
    pub fn look(&mut self, now: Timestamp) -> Option<CpuShares> {
        if self.last.as_ref().is_some_and(|(before, _)| now - *before < SPAN_MIN) {
            return None;
        }
        let times = read()?;
        let shares = self.last.as_ref().and_then(|(before, last)| times.since(last, now - *before));
        self.last = Some((now, times));
        shares
    }
}

/// CPU time of the load's threads that live now, to the nanosecond; `None` where the kernel keeps no account of it
/// (`/proc/PID/task/TID/schedstat`, Linux).
pub fn generator_time() -> Option<Duration> {
    let mut sum = None;
    for entry in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // a thread that ends while it is looked at is gone
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
        if party(name.trim_end()) != Party::Generator {
            continue;
        }
        let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
        *sum.get_or_insert(Duration::ZERO) += scheduled(&text)?;
    }
    sum
}

/// CPU time of one of this process' threads, by its number in the system, to the nanosecond; `None` where the kernel keeps no account
/// of it, and of a thread that has ended.
pub(super) fn thread_time(number: i32) -> Option<Duration> {
    scheduled(&fs::read_to_string(format!("/proc/self/task/{number}/schedstat")).ok()?)
}

/// The first number of a `schedstat`: nanoseconds on a core.
fn scheduled(text: &str) -> Option<Duration> {
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// The counters as they stand; `None` where they can't be had.
fn read() -> Option<CpuTimes> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let ticks_per_s = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok().filter(|ticks| *ticks > 0)?;
    let time = |ticks: u64| Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / ticks_per_s));
    let mut times = machine(&fs::read_to_string("/proc/stat").ok()?, time)?;
    times.process = time(task(&fs::read_to_string("/proc/self/stat").ok()?)?.1);
    let mut below = Vec::new();
    for entry in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // a thread that ends while it is looked at is gone
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let (name, ticks) = task(&text)?;
        times.threads.insert(thread, (party(name), time(ticks)));
        below.extend(children(&entry.path().join("children")));
    }
    times.children = descendants(below, time);
    Some(times)
}

/// CPU times of processes and all that they started.
fn descendants(mut waiting: Vec<u32>, time: impl Fn(u64) -> Duration) -> BTreeMap<u32, Duration> {
    let mut found = BTreeMap::new();
    while let Some(process) = waiting.pop() {
        if found.len() >= CHILDREN_MAX {
            break;
        }
        let Ok(text) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let Some((_, ticks)) = task(&text) else { continue };
        if found.insert(process, time(ticks)).is_some() {
            continue;
        }
        let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        waiting.extend(threads.flat_map(|thread| children(&thread.path().join("children"))));
    }
    found
}

/// The processes that a thread started; none where the kernel keeps no list.
fn children(path: &std::path::Path) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The machine's counters, from `/proc/stat` (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal.
fn machine(text: &str, time: impl Fn(u64) -> Duration) -> Option<CpuTimes> {
    let mut words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let mut counters = [0; 8];
    for counter in &mut counters {
        *counter = words.next()?.parse().ok()?;
    }
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = counters;
    let is_core = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    let cores = text.lines().filter(is_core).count();
    Some(CpuTimes {
        work: time(user + nice + system),
        interrupts: time(irq + softirq),
        stolen: time(steal),
        cores: u32::try_from(cores).ok().filter(|cores| *cores > 0)?,
        ..CpuTimes::default()
    })
}

/// Name and ticks (user and system) of a process or thread, from its `stat`. The name may hold blanks and brackets.
fn task(text: &str) -> Option<(&str, u64)> {
    let (_, rest) = text.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    // the fields after the name, from the third: state is 3, utime 14, stime 15
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((name, user + system))
}

fn party(name: &str) -> Party {
    let is = |known: &&str| name.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if GENERATOR.iter().any(is) {
        Party::Generator
    } else if PLATFORM.iter().any(is) {
        Party::Platform
    } else if is(&KEEPER) {
        Party::Keeper
    } else {
        Party::Process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_whatever_its_name() {
        let text = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 1 2 3 4 25 17 9 9 20 0 3 0 100 1000 200";
        assert_eq!(task(text), Some(("a) b (c", 42)));
        assert_eq!(task("4711 (short) S 1"), None);
        assert_eq!(task(""), None);
    }

    #[test]
    fn the_machine_is_read_from_its_first_line() {
        let text = "cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 1\ncpu1 1 1\nintr 5\n";
        let times = machine(text, Duration::from_millis).expect("counters");
        assert_eq!(
            (times.work, times.interrupts, times.stolen),
            (Duration::from_millis(150), Duration::from_millis(13), Duration::from_millis(8),)
        );
        assert_eq!(times.cores, 2);
        for wrong in ["", "cpu  1 2 3\ncpu0 1\n", "cpu  1 2 3 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7 x\ncpu0 1\n"] {
            assert_eq!(machine(wrong, Duration::from_millis), None, "{wrong:?}");
        }
    }

    #[test]
    fn threads_are_told_apart_by_their_names() {
        for (name, of) in [
            ("load", Party::Generator),
            ("pacer", Party::Generator),
            ("platform-http", Party::Platform),
            ("platform-model", Party::Platform),
            ("load-2", Party::Generator),
            ("awake-1", Party::Keeper),
            ("loader", Party::Process),
            ("watchtower", Party::Process),
            ("tokio-rt-worker", Party::Process),
        ] {
            assert_eq!(party(name), of, "{name}");
        }
    }

    #[test]
    fn time_of_the_load_is_that_of_its_threads_and_grows() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("pacer".to_owned());
        let busy = thread
            .spawn(move || while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {})
            .expect("a thread");
        let first = generator_time();
        // where it is counted at all it grows, since the thread gets some time sooner or later
        while first.is_some() && generator_time() <= first {
            std::thread::yield_now();
        }
        drop(stop);
        busy.join().expect("it ended");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_thread_of_the_load_is_seen_as_one() {
        let thread = std::thread::Builder::new().name("load-under-test".to_owned());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let busy = thread
            .spawn(move || while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {})
            .expect("a thread");
        let clock = super::super::clock::Clock::start();
        let mut watch = CpuWatch::default();
        assert_eq!(watch.look(clock.now()), None, "nothing to count from");
        // the busy thread gets some time sooner or later, however full the machine is
        let shares = loop {
            std::thread::sleep(Duration::from_millis(20));
            if let Some(shares) = watch.look(clock.now()).filter(|shares| shares.generator_thread > 0.0) {
                break shares;
            }
        };
        drop(stop);
        busy.join().expect("it ended");
        assert!(shares.generator > 0.0 && shares.total >= 0.0, "{shares:?}");
    }
}
