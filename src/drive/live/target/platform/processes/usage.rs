//! What a process has used, as the kernel counts it in `/proc`.

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

/// CPU time, memory and threads of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// CPU time used, in user and kernel mode.
    pub(super) cpu_time: Duration,
    /// Memory in RAM, in bytes; 0 of one that has ended.
    pub(super) resident: u64,
    pub(super) threads: u32,
}

impl Usage {
    /// As it stands; `None` where there is no `/proc`, or no such process any more. One that has ended and has not been waited for
    /// still tells its CPU time.
    pub(super) fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let unit = |variable| sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok());
        Self::parse(&stat, unit(SysconfVar::CLK_TCK)?, unit(SysconfVar::PAGE_SIZE)?)
    }

    /// From the text of `/proc/PID/stat` (proc(5)): the name in brackets may hold anything, so fields are counted from its end.
    fn parse(stat: &str, ticks_per_s: u64, page: u64) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // the third field of the file is the first here
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks = number(14)? + number(15)?;
        Some(Self {
            cpu_time: Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / ticks_per_s.max(1))),
            resident: number(24)?.saturating_mul(page),
            threads: u32::try_from(number(20)?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_manual_whatever_the_name() {
        let stat = "4242 (py) (3) thon) S 1 4242 4242 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 6 0 12345 104857600 2048 18446744073709551615 1 1 0";
        let expected = Usage { cpu_time: Duration::from_secs(3), resident: 2_048 * 4_096, threads: 6 };
        assert_eq!(Usage::parse(stat, 100, 4_096), Some(expected));
        assert_eq!(Usage::parse("4242 (python) S 1", 100, 4_096), None);
    }

    #[test]
    fn this_process_uses_memory_and_has_threads() {
        let Some(usage) = Usage::of(std::process::id()) else { return };
        assert!(usage.resident > 1_000_000 && usage.threads >= 1, "{usage:?}");
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
