//! The machine under a self-test, as far as its numbers explain those of the generator.

use std::fs;
use std::io;
use std::time::Duration;

use crate::drive::live::clock::Clock;
use crate::drive::live::timers::try_out;
use crate::stats::percentile::percentile;
use crate::study::hey::cores;
use crate::study::host;

/// What it is and what its clock and timers do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Model of its processor.
    pub cpu: String,
    /// Cores this program may use.
    pub cores: usize,
    /// Operating system and kernel.
    pub system: String,
    /// Whether it says that it is a guest of a hypervisor.
    pub is_virtual: bool,
    /// Whether its idle cores are kept awake.
    pub kept_awake: bool,
    /// Programs that wanted to run over the last minute, before the test.
    pub load_average: Option<f64>,
    /// What one reading of the clock costs, in nanoseconds.
    pub clock_reading_ns: f64,
    /// Smallest step of the clock.
    pub clock_step: Duration,
    /// How late a thread wakes that sleeps for a millisecond, half of the times.
    pub timer_p50: Duration,
    /// 99 of 100 times.
    pub timer_p99: Duration,
    /// Every time.
    pub timer_max: Duration,
}

impl Machine {
    /// Looks at it, whose idle cores are kept awake or not; so many waits of a millisecond are tried.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn look(clock: Clock, waits: u32, kept_awake: bool) -> io::Result<Self> {
        let load_average = load_average();
        let timers = try_out(clock, waits)?;
        let late = |percent| percentile(&timers.lateness, percent).unwrap_or_default();
        let about = host::facts();
        Ok(Self {
            cpu: about.cpu,
            cores: cores::available(),
            system: about.system,
            is_virtual: host::is_virtual(),
            kept_awake,
            load_average,
            clock_reading_ns: timers.reading_ns,
            clock_step: timers.step,
            timer_p50: late(50.0),
            timer_p99: late(99.0),
            timer_max: late(100.0),
        })
    }
}

fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
