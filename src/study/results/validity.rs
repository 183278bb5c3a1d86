//! When the numbers of a run can be trusted, and what to change when they can't.
//!
//! A run compares autoscalers only if the load was the planned one: every planned request left or was lost to the system's own
//! slowness, and the generator kept time. A slow system is a result; a slow generator is a fault of the measurement. A busy machine
//! proves nothing by itself, since lateness and standstills are measured directly; but it is a reason to look again, so the run
//! is called suspect.

use std::time::Duration;

use super::about::KEEP_AWAKE;
use super::broken::Broken;
use crate::stats::cpu::{CpuLimits, CpuUse};
use crate::stats::latency::LatencyHistogram;
use crate::time::{format_duration, nanos};

/// What a valid run may not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Longest 99th percentile of the generator's lateness (sent minus ready).
    pub max_lateness_p99: Duration,
    /// Longest standstill of generator or host, in total.
    pub max_stall: Duration,
    /// Smallest (sent + lost busy) / planned, 0 to 1.
    pub min_accounted: f64,
    /// CPU from which a run is suspect.
    pub cpu: CpuLimits,
    /// What a suspect run is.
    pub suspects: Suspects,
}

/// What becomes of a run whose generator kept time although the machine was busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspects {
    /// It is valid, and says what is doubtful.
    Warn,
    /// It is invalid.
    Refuse,
}

impl Default for Limits {
    /// 5 ms, 500 ms, 99.9 %; a quarter of the machine for other programs, 90 % of a core for the generator, 95 % of the machine in all.
    ///
    /// 5 ms is small against the latencies that objectives name (tens of milliseconds), and half a second is less than
    /// the time an autoscaler takes to react. Next to a generator that needs a few percent of a core, a quarter of the machine
    /// taken by others leaves both it and an embedded platform the cores they need; a thread above 90 % of a core has no room to
    /// be on time, and a machine above 95 % is full but for the ticks it is counted in.
    fn default() -> Self {
        Self {
            max_lateness_p99: Duration::from_millis(5),
            max_stall: Duration::from_millis(500),
            min_accounted: 0.999,
            cpu: CpuLimits { generator_thread: 0.9, others: 0.25, total: 0.95 },
            suspects: Suspects::Warn,
        }
    }
}

/// Longest 99th percentile of lateness where none is given: 5 % of the shortest time between two requests, within what the clock
/// of an ordinary host can keep (1 to 10 ms).
pub fn max_lateness_for(gap: Option<Duration>) -> Duration {
    const LONGEST: Duration = Duration::from_millis(10);
    const SHORTEST: Duration = Duration::from_millis(1);
    gap.map_or(LONGEST, |gap| (gap / 20).clamp(SHORTEST, LONGEST))
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) planned: u64,
    pub(super) sent: u64,
    /// Requests of which a row came.
    pub(super) rows: u64,
    pub(super) lost_busy: u64,
    pub(super) lost_late: u64,
    pub(super) lateness: &'a LatencyHistogram,
    pub(super) stalled: Duration,
    pub(super) cpu: &'a CpuUse,
    pub(super) load: Duration,
    pub(super) interrupted: bool,
    pub(super) broken: &'a Broken,
    pub(super) leads_only: bool,
    pub(super) may_doze: bool,
}

/// What a run's numbers are worth, in sentences with the numbers and what to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Why they are not those of the load that was asked for; empty for a valid run.
    pub(super) invalid_because: Vec<String>,
    /// What makes them doubtful.
    pub(super) suspect_because: Vec<String>,
}

/// Judges a run.
pub(super) fn standing(facts: &Facts<'_>, limits: &Limits) -> Standing {
    let mut invalid_because = reasons(facts, limits);
    let suspect_because = suspicions(facts, &limits.cpu);
    match limits.suspects {
        Suspects::Warn => Standing { invalid_because, suspect_because },
        Suspects::Refuse => {
            invalid_because.extend(suspect_because);
            Standing { invalid_because, suspect_because: Vec::new() }
        }
    }
}

fn reasons(facts: &Facts<'_>, limits: &Limits) -> Vec<String> {
    let mut reasons = Vec::new();
    let &Facts { planned, sent, rows, lost_busy, lost_late, lateness, stalled, load, interrupted, broken, .. } = facts;
    if interrupted && load.is_zero() {
        reasons.push("the run was interrupted before its load began; run it again".to_owned());
    } else if interrupted {
        reasons.push(format!(
            "the run was interrupted {} after its load began, so it compares with nothing; run it again",
            seconds(load)
        ));
    }
    reasons.extend(broken.reasons());
    if sent == 0 && facts.leads_only {
        return reasons;
    }
    if sent == 0 {
        reasons.push("no request was sent; check the load and that the target answers".to_owned());
        return reasons;
    }
    let accounted = if planned == 0 { 1.0 } else { (sent + lost_busy) as f64 / planned as f64 };
    if accounted < limits.min_accounted {
        reasons.push(format!(
            "{} of {planned} planned requests ({:.2} %) were never sent, {lost_late} of them because the generator was late, \
             so the arms did not get the same load; at least {:.2} % must be sent or lost to the system's own slowness: {}, or \
             set [limits] min_accounted = {} if so much inequality does not matter",
            planned - sent - lost_busy,
            (1.0 - accounted) * 100.0,
            limits.min_accounted * 100.0,
            give_room(facts, &limits.cpu),
            (accounted * 1e3).floor() / 1e3,
        ));
    }
    if let Some(p99) = lateness.percentile(99.0).filter(|p99| *p99 > limits.max_lateness_p99) {
        reasons.push(format!(
            "the generator was late: 1 % of the requests left {} or more after they could, and {} is allowed: {}, or set [limits] \
             max_lateness = \"{}\" if the objective bears it",
            format_duration(p99),
            format_duration(limits.max_lateness_p99),
            give_room(facts, &limits.cpu),
            format_duration(rounded_up(p99)),
        ));
    }
    if stalled > limits.max_stall {
        reasons.push(format!(
            "the generator or its host stood still for {} of {}, and {} is allowed: {}, or set [limits] max_stall = \"{}\" if a \
             gap in the load does not matter",
            seconds(stalled),
            seconds(load),
            seconds(limits.max_stall),
            give_room(facts, &limits.cpu),
            format_duration(rounded_up(stalled)),
        ));
    }
    if rows != sent && !interrupted {
        reasons.push(format!(
            "{sent} requests left but {rows} were recorded; this is a fault of watchtower, please report it"
        ));
    }
    reasons
}

/// What helps a generator that was late, judged by who had the CPU.
fn give_room(facts: &Facts<'_>, limits: &CpuLimits) -> String {
    let cpu = facts.cpu;
    if cpu.seconds > 0 && (cpu.mean.others > limits.others || often(cpu.others_over, cpu)) {
        format!("close other programs, which used {} of the machine", percent(cpu.mean.others))
    } else if cpu.seconds > 0 && (cpu.mean.generator_thread > limits.generator_thread || often(cpu.generator_over, cpu))
    {
        less_load(facts, limits)
    } else {
        let sleepers = if facts.may_doze { format!("{KEEP_AWAKE}, ") } else { String::new() };
        format!("{sleepers}close other programs, lower -c or -q of the [[load]]s, or use a machine with more cores")
    }
}

/// The load that the generator's busiest thread could make within its limit.
fn less_load(facts: &Facts<'_>, limits: &CpuLimits) -> String {
    let rate = if facts.load.is_zero() { 0.0 } else { facts.sent as f64 / facts.load.as_secs_f64() };
    let used = facts.cpu.mean.generator_thread.max(limits.generator_thread);
    format!(
        "ask for less (lower -q or -c of the [[load]]s to about {:.0} requests/s in all, from {rate:.0}) or use a machine with \
         faster cores",
        rate * limits.generator_thread / used,
    )
}

fn suspicions(facts: &Facts<'_>, limits: &CpuLimits) -> Vec<String> {
    let mut suspicions = Vec::new();
    let cpu = facts.cpu;
    let (mean, worst) = (&cpu.mean, &cpu.worst);
    let over = |mean: f64, limit: f64, seconds: u32| cpu.seconds > 0 && (mean > limit || often(seconds, cpu));
    let seconds_over =
        |seconds: u32, limit: f64| format!("{seconds} of {} seconds above {}", cpu.seconds, percent(limit));
    if over(mean.others, limits.others, cpu.others_over) {
        let stolen = if mean.stolen > 0.01 {
            format!(", {} of the machine went to a hypervisor's other guests", percent(mean.stolen))
        } else {
            String::new()
        };
        suspicions.push(format!(
            "other programs used {} of the machine's CPU during the load and {} in the worst second ({}){stolen}, so latencies \
             may be theirs: close them and run it again, or set [limits] max_cpu_others = {}",
            percent(mean.others),
            percent(worst.others),
            seconds_over(cpu.others_over, limits.others),
            fraction_up(worst.others),
        ));
    }
    if over(mean.generator_thread, limits.generator_thread, cpu.generator_over) {
        suspicions.push(format!(
            "the generator's busiest thread used {} of a core during the load and {} in the worst second ({}), so it may be what \
             was measured: {}, or set [limits] max_cpu_generator = {}",
            percent(mean.generator_thread),
            percent(worst.generator_thread),
            seconds_over(cpu.generator_over, limits.generator_thread),
            less_load(facts, limits),
            fraction_up(worst.generator_thread),
        ));
    }
    // a platform elsewhere does not suffer from a full machine here, and the generator's own lateness shows what it suffers
    if mean.platform.is_some() && over(mean.total, limits.total, cpu.total_over) {
        suspicions.push(format!(
            "the machine was full: {} of its CPU was used during the load and {} in the worst second ({}), so the platform on it \
             answered late: lower -q or -c of the [[load]]s, use a machine with more cores or --target simulated, or set [limits] \
             max_cpu_total = {}",
            percent(mean.total),
            percent(worst.total),
            seconds_over(cpu.total_over, limits.total),
            fraction_up(worst.total),
        ));
    }
    suspicions
}

/// More than one second in twenty: a single one in two minutes says little, a single one in ten seconds a lot.
fn often(seconds: u32, cpu: &CpuUse) -> bool {
    seconds * 20 > cpu.seconds
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The next fraction of two digits, as a limit can be written.
fn fraction_up(share: f64) -> f64 {
    ((share * 100.0).ceil() / 100.0).min(1.0)
}

/// The next duration of two digits, as a limit can be written.
fn rounded_up(duration: Duration) -> Duration {
    let nanos = nanos(duration).max(1);
    let step = 10_u64.pow(nanos.ilog10().saturating_sub(1));
    Duration::from_nanos(nanos.div_ceil(step).saturating_mul(step))
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::CpuShares;

    fn lateness(p99_millis: u64) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        for _ in 0..90 {
            histogram.record(Duration::from_micros(60));
        }
        for _ in 0..10 {
            histogram.record(Duration::from_millis(p99_millis));
        }
        histogram
    }

    fn judge(change: impl FnOnce(&mut Facts<'_>), lateness_p99: u64) -> Vec<String> {
        standing_of(change, lateness_p99, &CpuUse::default(), &Limits::default()).invalid_because
    }

    fn standing_of(change: impl FnOnce(&mut Facts<'_>), lateness_p99: u64, cpu: &CpuUse, limits: &Limits) -> Standing {
        let (lateness, broken) = (lateness(lateness_p99), Broken::default());
        let mut facts = Facts {
            planned: 30_000,
            sent: 29_000,
            rows: 29_000,
            lost_busy: 1_000,
            lost_late: 0,
            lateness: &lateness,
            stalled: Duration::ZERO,
            cpu,
            load: Duration::from_secs(120),
            interrupted: false,
            broken: &broken,
            leads_only: false,
            may_doze: false,
        };
        change(&mut facts);
        standing(&facts, limits)
    }

    #[test]
    fn a_slow_system_is_a_result() {
        assert_eq!(judge(|_| {}, 1), [""; 0]);
        assert_eq!(judge(|facts| (facts.sent, facts.rows, facts.lost_busy) = (1, 1, 29_999), 1), [""; 0]);
        // 30 of 30 000 may be missing, and 400 ms of 120 s may be a standstill
        assert_eq!(judge(|facts| (facts.lost_busy, facts.lost_late) = (970, 30), 1), [""; 0]);
        assert_eq!(judge(|facts| facts.stalled = Duration::from_millis(400), 1), [""; 0]);
    }

    #[test]
    fn each_fault_of_the_measurement_is_named_with_its_numbers() {
        let run = |change: fn(&mut Facts<'_>), lateness| judge(change, lateness).join("\n");
        insta::assert_snapshot!(run(|facts| (facts.lost_busy, facts.lost_late) = (0, 990), 1), @"1000 of 30000 planned requests (3.33 %) were never sent, 990 of them because the generator was late, so the arms did not get the same load; at least 99.90 % must be sent or lost to the system's own slowness: close other programs, lower -c or -q of the [[load]]s, or use a machine with more cores, or set [limits] min_accounted = 0.966 if so much inequality does not matter");
        insta::assert_snapshot!(run(|_| {}, 12), @r#"the generator was late: 1 % of the requests left 12ms or more after they could, and 5ms is allowed: close other programs, lower -c or -q of the [[load]]s, or use a machine with more cores, or set [limits] max_lateness = "12ms" if the objective bears it"#);
        insta::assert_snapshot!(run(|facts| facts.stalled = Duration::from_millis(1_700), 1), @r#"the generator or its host stood still for 1.70 s of 120.00 s, and 0.50 s is allowed: close other programs, lower -c or -q of the [[load]]s, or use a machine with more cores, or set [limits] max_stall = "1.7s" if a gap in the load does not matter"#);
        insta::assert_snapshot!(run(|facts| facts.interrupted = true, 1), @"the run was interrupted 120.00 s after its load began, so it compares with nothing; run it again");
        insta::assert_snapshot!(run(|facts| (facts.sent, facts.rows) = (0, 0), 1), @"no request was sent; check the load and that the target answers");
        insta::assert_snapshot!(run(|facts| facts.rows = 28_999, 1), @"29000 requests left but 28999 were recorded; this is a fault of watchtower, please report it");
    }

    /// A load of `seconds`, of which the first `over` were like `busy` and the others idle.
    fn cpu(seconds: u32, over: u32, busy: CpuShares) -> CpuUse {
        let mut cpu = CpuUse::default();
        for second in 0..seconds {
            let idle = CpuShares { platform: busy.platform.map(|_| 0.1), ..CpuShares::default() };
            cpu.add(if second < over { &busy } else { &idle }, &Limits::default().cpu);
        }
        cpu
    }

    #[test]
    fn a_busy_machine_makes_a_run_suspect_and_only_the_scenario_makes_it_invalid() {
        let busy = CpuShares { others: 0.8, total: 0.85, stolen: 0.3, ..CpuShares::default() };
        let cpu = cpu(120, 30, busy);
        let standing = standing_of(|_| {}, 1, &cpu, &Limits::default());
        assert_eq!(standing.invalid_because, [""; 0]);
        insta::assert_snapshot!(standing.suspect_because.join("\n"), @"other programs used 20 % of the machine's CPU during the load and 80 % in the worst second (30 of 120 seconds above 25 %), 8 % of the machine went to a hypervisor's other guests, so latencies may be theirs: close them and run it again, or set [limits] max_cpu_others = 0.8");
        let refuse = Limits { suspects: Suspects::Refuse, ..Limits::default() };
        let refused = standing_of(|_| {}, 1, &cpu, &refuse);
        assert_eq!((refused.invalid_because, refused.suspect_because), (standing.suspect_because, Vec::new()));
    }

    #[test]
    fn a_generator_that_fills_its_core_is_told_how_much_it_can_do() {
        let busy = CpuShares { generator_thread: 0.99, generator: 0.5, total: 0.6, ..CpuShares::default() };
        let standing = standing_of(|_| {}, 1, &cpu(120, 120, busy), &Limits::default());
        insta::assert_snapshot!(standing.suspect_because.join("\n"), @"the generator's busiest thread used 99 % of a core during the load and 99 % in the worst second (120 of 120 seconds above 90 %), so it may be what was measured: ask for less (lower -q or -c of the [[load]]s to about 220 requests/s in all, from 242) or use a machine with faster cores, or set [limits] max_cpu_generator = 0.99");
    }

    #[test]
    fn a_full_machine_matters_where_the_platform_is_on_it() {
        let busy = CpuShares { total: 0.99, platform: Some(0.7), ..CpuShares::default() };
        let standing = standing_of(|_| {}, 1, &cpu(120, 7, busy), &Limits::default());
        insta::assert_snapshot!(standing.suspect_because.join("\n"), @"the machine was full: 6 % of its CPU was used during the load and 99 % in the worst second (7 of 120 seconds above 95 %), so the platform on it answered late: lower -q or -c of the [[load]]s, use a machine with more cores or --target simulated, or set [limits] max_cpu_total = 0.99");
        let elsewhere = CpuShares { platform: None, ..busy };
        assert_eq!(standing_of(|_| {}, 1, &cpu(120, 7, elsewhere), &Limits::default()), Standing::default());
        // one second of twenty is allowed
        assert_eq!(standing_of(|_| {}, 1, &cpu(120, 6, busy), &Limits::default()), Standing::default());
    }

    #[test]
    fn who_had_the_cpu_decides_what_a_late_generator_is_told() {
        let late = |busy| standing_of(|_| {}, 12, &cpu(10, 10, busy), &Limits::default()).invalid_because.join("");
        let others = CpuShares { others: 0.62, total: 0.7, ..CpuShares::default() };
        assert!(
            late(others).contains("is allowed: close other programs, which used 62 % of the machine, or set [limits]")
        );
        let own = CpuShares { generator_thread: 0.97, ..CpuShares::default() };
        assert!(late(own).contains("to about 224 requests/s in all, from 242)"), "{}", late(own));
    }

    #[test]
    fn a_guest_whose_cores_doze_is_told_how_they_are_kept_awake_unless_others_were_in_the_way() {
        let told = |others| {
            let cpu = cpu(10, 10, CpuShares { others, ..CpuShares::default() });
            standing_of(|facts| facts.may_doze = true, 12, &cpu, &Limits::default()).invalid_because.join("")
        };
        assert_eq!([0.1, 0.9].map(|others| told(others).contains("--keep-awake")), [true, false]);
    }

    #[test]
    fn a_limit_that_is_proposed_would_have_been_enough() {
        for (millis, proposed) in [(12, 12), (123, 130), (1_999, 2_000), (1_000, 1_000), (7, 7)] {
            assert_eq!(rounded_up(Duration::from_millis(millis)), Duration::from_millis(proposed));
        }
        assert_eq!((fraction_up(0.801), fraction_up(1.7)), (0.81, 1.0));
    }

    #[test]
    fn several_faults_are_all_named() {
        assert_eq!(judge(|facts| (facts.lost_busy, facts.stalled) = (0, Duration::from_secs(9)), 12).len(), 3);
    }
}
