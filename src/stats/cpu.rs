//! Shares of the CPU from the times a kernel counts.
//!
//! ```text
//!   reading        reading                 counters only grow, so two readings give the time between them
//!      |--------------|
//!   generator + platform + process = what this program used        others = what the machine did for the rest
//! ```
//!
//! What keeps idle cores awake is counted by itself: it fills a machine that does nothing, and gives way to whoever does something.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::CpuShares;

/// Whose work a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// It generates load.
    Generator,
    /// It is the platform.
    Platform,
    /// It keeps an idle core awake.
    Keeper,
    /// Anything else in this program.
    Process,
}

/// CPU times counted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuTimes {
    /// Each living thread of this process by its number.
    pub threads: BTreeMap<u32, (Party, Duration)>,
    /// The whole process, threads that ended included.
    pub process: Duration,
    /// Each living process that this one started, directly or not, by its number.
    pub children: BTreeMap<u32, Duration>,
    /// The machine: programs and kernel, interrupts left out.
    pub work: Duration,
    /// The machine: interrupts.
    pub interrupts: Duration,
    /// The machine: time that a hypervisor gave to others.
    pub stolen: Duration,
    /// Cores of the machine.
    pub cores: u32,
}

impl CpuTimes {
    /// Shares of the machine between an earlier reading and this one, `elapsed` apart; `None` if that is no time.
    ///
    /// A thread or child that ended in between took its last slice with it; of a thread it is counted as the process' own.
    pub fn since(&self, before: &Self, elapsed: Duration) -> Option<CpuShares> {
        let machine = elapsed.as_secs_f64() * f64::from(self.cores);
        if machine <= 0.0 {
            return None;
        }
        let share = |time: Duration| time.as_secs_f64() / machine;
        let mut generator = Duration::ZERO;
        let mut busiest = Duration::ZERO;
        let mut platform = Duration::ZERO;
        let mut awake = Duration::ZERO;
        let mut has_platform = !self.children.is_empty();
        for (thread, (party, time)) in &self.threads {
            let used = time.saturating_sub(before.threads.get(thread).map_or(Duration::ZERO, |(_, time)| *time));
            match party {
                Party::Generator => {
                    generator += used;
                    busiest = busiest.max(used);
                }
                Party::Platform => {
                    has_platform = true;
                    platform += used;
                }
                Party::Keeper => awake += used,
                Party::Process => {}
            }
        }
        let process = self.process.saturating_sub(before.process);
        let own = process.saturating_sub(generator + platform + awake);
        let children: Duration = self
            .children
            .iter()
            .map(|(child, time)| time.saturating_sub(before.children.get(child).copied().unwrap_or_default()))
            .sum();
        let work = self.work.saturating_sub(before.work);
        let stolen = self.stolen.saturating_sub(before.stolen);
        let interrupts = self.interrupts.saturating_sub(before.interrupts);
        // counters of the machine and of the process tick apart, by a hundredth of a second or so
        let others = work.saturating_sub(process + children);
        Some(CpuShares {
            generator: share(generator),
            generator_thread: busiest.as_secs_f64() / elapsed.as_secs_f64(),
            platform: has_platform.then(|| share(platform + children)),
            process: share(own),
            others: share(others + stolen),
            stolen: share(stolen),
            total: share((work + stolen + interrupts).saturating_sub(awake)),
            awake: share(awake),
        })
    }
}

/// What [`CpuShares`] above this count as too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuLimits {
    /// Of one core, by the generator's busiest thread.
    pub generator_thread: f64,
    /// Of the machine, by other programs.
    pub others: f64,
    /// Of the machine, by everybody.
    pub total: f64,
}

/// Shares of many seconds: their mean, the worst of each, and how many seconds were above the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuUse {
    /// Seconds counted.
    pub seconds: u32,
    /// Mean over them.
    pub mean: CpuShares,
    /// Each share in its own worst second.
    pub worst: CpuShares,
    /// Seconds in which the generator's busiest thread was above its limit.
    pub generator_over: u32,
    /// Seconds in which other programs were above theirs.
    pub others_over: u32,
    /// Seconds in which the machine was.
    pub total_over: u32,
}

impl CpuUse {
    /// Counts one second.
    pub fn add(&mut self, shares: &CpuShares, limits: &CpuLimits) {
        self.mean =
            join(&self.mean, shares, |mean, one| (mean * f64::from(self.seconds) + one) / f64::from(self.seconds + 1));
        self.worst = join(&self.worst, shares, f64::max);
        self.seconds += 1;
        self.generator_over += u32::from(shares.generator_thread > limits.generator_thread);
        self.others_over += u32::from(shares.others > limits.others);
        self.total_over += u32::from(shares.total > limits.total);
    }
}

/// Both, share by share.
fn join(one: &CpuShares, other: &CpuShares, by: impl Fn(f64, f64) -> f64) -> CpuShares {
    CpuShares {
        generator: by(one.generator, other.generator),
        generator_thread: by(one.generator_thread, other.generator_thread),
        // one that was not seen in a second used nothing in it
        platform: (one.platform.is_some() || other.platform.is_some())
            .then(|| by(one.platform.unwrap_or(0.0), other.platform.unwrap_or(0.0))),
        process: by(one.process, other.process),
        others: by(one.others, other.others),
        stolen: by(one.stolen, other.stolen),
        total: by(one.total, other.total),
        awake: by(one.awake, other.awake),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A machine of two cores. Threads: 1 and 2 generate, 3 is the platform, 4 the rest.
    fn times(threads: [u64; 4], ended: u64, child: u64, others: u64) -> CpuTimes {
        let parties = [Party::Generator, Party::Generator, Party::Platform, Party::Process];
        let process: u64 = threads.iter().sum::<u64>() + ended;
        CpuTimes {
            threads: (1..).zip(parties.into_iter().zip(threads.map(ms))).collect(),
            process: ms(process),
            children: BTreeMap::from([(77, ms(child))]),
            work: ms(process + child + others),
            interrupts: ms(10),
            stolen: ms(0),
            cores: 2,
        }
    }

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    }

    #[test]
    fn each_party_gets_its_time_over_all_cores() {
        let before = times([100, 5, 300, 50], 0, 10, 1_000);
        let after = CpuTimes { stolen: ms(40), interrupts: ms(30), ..times([300, 65, 500, 90], 0, 110, 1_600) };
        let shares = after.since(&before, ms(1_000)).expect("a second");
        close(shares.generator, 0.13);
        close(shares.generator_thread, 0.2);
        close(shares.platform.expect("seen"), 0.15);
        close(shares.process, 0.02);
        close(shares.others, 0.32);
        close(shares.stolen, 0.02);
        close(shares.total, 0.63);
        assert_eq!(after.since(&before, Duration::ZERO), None);
    }

    #[test]
    fn what_keeps_cores_awake_is_nobody_s_work() {
        let counted = |keeper: u64| {
            let mut times = times([0, 0, 0, 0], 0, 0, 0);
            times.threads.insert(5, (Party::Keeper, ms(keeper)));
            times.process += ms(keeper);
            times.work += ms(keeper);
            times
        };
        // two cores, and nothing else to do on them
        let shares = counted(1_900).since(&counted(0), ms(1_000)).expect("a second");
        close(shares.awake, 0.95);
        let CpuShares { generator, process, others, total, .. } = shares;
        assert_eq!((generator, process, others, total), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn a_platform_elsewhere_is_unknown_and_not_idle() {
        let mut before = times([0; 4], 0, 0, 0);
        before.children.clear();
        before.threads.remove(&3);
        assert_eq!(before.since(&before, ms(1)).expect("some time").platform, None);
    }

    #[test]
    fn what_an_ended_thread_used_stays_with_the_process() {
        let before = times([100, 100, 100, 100], 0, 0, 0);
        let mut after = times([100, 100, 100, 100], 50, 0, 0);
        after.threads.remove(&2);
        close(after.since(&before, ms(1_000)).expect("a second").process, 0.025);
    }

    #[test]
    fn counters_that_tick_apart_give_no_negative_share() {
        let before = times([0; 4], 0, 0, 0);
        let after = CpuTimes { work: ms(90), ..times([100, 0, 0, 0], 0, 0, 0) };
        close(after.since(&before, ms(1_000)).expect("a second").others, 0.0);
    }

    #[test]
    fn mean_worst_and_seconds_above_a_limit() {
        let limits = CpuLimits { generator_thread: 0.9, others: 0.25, total: 0.95 };
        let mut cpu = CpuUse::default();
        for (others, thread, platform) in [(0.1, 0.5, Some(0.4)), (0.5, 1.0, None), (0.25, 0.9, Some(0.2))] {
            let shares =
                CpuShares { others, generator_thread: thread, platform, total: others, ..CpuShares::default() };
            cpu.add(&shares, &limits);
        }
        assert_eq!((cpu.seconds, cpu.generator_over, cpu.others_over, cpu.total_over), (3, 1, 1, 0));
        close(cpu.mean.others, 0.85 / 3.0);
        close(cpu.worst.others, 0.5);
        close(cpu.mean.platform.expect("seen"), 0.2);
        close(cpu.worst.platform.expect("seen"), 0.4);
    }

    proptest! {
        #[test]
        fn the_parties_add_up_to_what_the_machine_did(used in prop::array::uniform4(0_u64..500), child in 0_u64..100, others in 0_u64..500) {
            let shares = times(used, 0, child, others).since(&times([0; 4], 0, 0, 0), ms(1_000)).expect("a second");
            let sum = shares.generator + shares.platform.expect("seen") + shares.process + shares.others;
            // interrupts were 10 ms before, too
            prop_assert!((sum - shares.total).abs() < 1e-9);
        }
    }
}
