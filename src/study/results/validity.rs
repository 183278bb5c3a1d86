//! When the numbers of a run can be trusted, and what to change when they can't.
//!
//! A run compares autoscalers only if the load was the planned one: every planned request left or was lost to the system's own
//! slowness, and the generator kept time. A slow system is a result; a slow generator is a fault of the measurement.

use std::time::Duration;

use crate::stats::latency::LatencyHistogram;
use crate::time::format_duration;

/// What a valid run may not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Longest 99th percentile of the generator's lateness (sent minus ready).
    pub max_lateness_p99: Duration,
    /// Longest standstill of generator or host, in total.
    pub max_stall: Duration,
    /// Smallest (sent + lost busy) / planned, 0 to 1.
    pub min_accounted: f64,
}

impl Default for Limits {
    /// 5 ms, 500 ms, 99.9 %.
    ///
    /// 5 ms is small against the latencies that objectives name (tens of milliseconds), and half a second is less than
    /// the time an autoscaler takes to react.
    fn default() -> Self {
        Self { max_lateness_p99: Duration::from_millis(5), max_stall: Duration::from_millis(500), min_accounted: 0.999 }
    }
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
    pub(super) load: Duration,
    pub(super) interrupted: bool,
    pub(super) broken: &'a Broken,
}

/// What broke of the arm or under it, each once; the first few are kept, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    named: Vec<String>,
    others: u64,
}

impl Broken {
    const NAMED_MOST: usize = 3;

    pub(super) fn note(&mut self, what: &str) {
        if self.named.iter().any(|named| named == what) {
            return;
        }
        if self.named.len() < Self::NAMED_MOST {
            self.named.push(what.to_owned());
        } else {
            self.others += 1;
        }
    }
}

const GIVE_ROOM: &str = "close other programs, lower -c or -q, or use a machine with more cores";

/// Why a run is invalid, in sentences with the numbers and what to change; empty for a valid run.
pub(super) fn reasons(facts: &Facts<'_>, limits: &Limits) -> Vec<String> {
    let mut reasons = Vec::new();
    let &Facts { planned, sent, rows, lost_busy, lost_late, lateness, stalled, load, interrupted, broken } = facts;
    if interrupted && load.is_zero() {
        reasons.push("the run was interrupted before its load began; run it again".to_owned());
    } else if interrupted {
        reasons.push(format!(
            "the run was interrupted {} after its load began, so it compares with nothing; run it again",
            seconds(load)
        ));
    }
    reasons.extend(broken.named.iter().map(|what| {
        format!("{what}: the arm was not whole, so this is no measurement of it; see events.csv, and run it again")
    }));
    if broken.others > 0 {
        reasons.push(format!("{} more things broke, see events.csv", broken.others));
    }
    if sent == 0 {
        reasons.push("no request was sent; check the load and that the target answers".to_owned());
        return reasons;
    }
    let accounted = if planned == 0 { 1.0 } else { (sent + lost_busy) as f64 / planned as f64 };
    if accounted < limits.min_accounted {
        reasons.push(format!(
            "{} of {planned} planned requests ({:.2} %) were never sent, {lost_late} of them because the generator was late, \
             so the arms did not get the same load; at least {:.2} % must be sent or lost to the system's own slowness: {GIVE_ROOM}",
            planned - sent - lost_busy,
            (1.0 - accounted) * 100.0,
            limits.min_accounted * 100.0,
        ));
    }
    if let Some(p99) = lateness.percentile(99.0).filter(|p99| *p99 > limits.max_lateness_p99) {
        reasons.push(format!(
            "the generator was late: 1 % of the requests left {} or more after they could, and {} is allowed: {GIVE_ROOM}",
            format_duration(p99),
            format_duration(limits.max_lateness_p99),
        ));
    }
    if stalled > limits.max_stall {
        reasons.push(format!(
            "the generator or its host stood still for {} of {}, and {} is allowed: {GIVE_ROOM}",
            seconds(stalled),
            seconds(load),
            seconds(limits.max_stall),
        ));
    }
    if rows != sent && !interrupted {
        reasons.push(format!(
            "{sent} requests left but {rows} were recorded; this is a fault of watchtower, please report it"
        ));
    }
    reasons
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (lateness, broken) = (lateness(lateness_p99), Broken::default());
        let mut facts = Facts {
            planned: 30_000,
            sent: 29_000,
            rows: 29_000,
            lost_busy: 1_000,
            lost_late: 0,
            lateness: &lateness,
            stalled: Duration::ZERO,
            load: Duration::from_secs(120),
            interrupted: false,
            broken: &broken,
        };
        change(&mut facts);
        reasons(&facts, &Limits::default())
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
        insta::assert_snapshot!(run(|facts| (facts.lost_busy, facts.lost_late) = (0, 990), 1), @"1000 of 30000 planned requests (3.33 %) were never sent, 990 of them because the generator was late, so the arms did not get the same load; at least 99.90 % must be sent or lost to the system's own slowness: close other programs, lower -c or -q, or use a machine with more cores");
        insta::assert_snapshot!(run(|_| {}, 12), @"the generator was late: 1 % of the requests left 12ms or more after they could, and 5ms is allowed: close other programs, lower -c or -q, or use a machine with more cores");
        insta::assert_snapshot!(run(|facts| facts.stalled = Duration::from_millis(1_700), 1), @"the generator or its host stood still for 1.70 s of 120.00 s, and 0.50 s is allowed: close other programs, lower -c or -q, or use a machine with more cores");
        insta::assert_snapshot!(run(|facts| facts.interrupted = true, 1), @"the run was interrupted 120.00 s after its load began, so it compares with nothing; run it again");
        insta::assert_snapshot!(run(|facts| (facts.sent, facts.rows) = (0, 0), 1), @"no request was sent; check the load and that the target answers");
        insta::assert_snapshot!(run(|facts| facts.rows = 28_999, 1), @"29000 requests left but 28999 were recorded; this is a fault of watchtower, please report it");
    }

    #[test]
    fn what_broke_is_named_once_and_three_are_enough() {
        let mut broken = Broken::default();
        for what in ["prometheus ended", "scrape failed", "prometheus ended", "alertmanager ended", "disk", "net"] {
            broken.note(what);
        }
        let lateness = lateness(1);
        let facts = Facts {
            planned: 1,
            sent: 1,
            rows: 1,
            lost_busy: 0,
            lost_late: 0,
            lateness: &lateness,
            stalled: Duration::ZERO,
            load: Duration::from_secs(1),
            interrupted: false,
            broken: &broken,
        };
        insta::assert_snapshot!(reasons(&facts, &Limits::default()).join("\n"), @r"
        prometheus ended: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        scrape failed: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        alertmanager ended: the arm was not whole, so this is no measurement of it; see events.csv, and run it again
        2 more things broke, see events.csv
        ");
    }

    #[test]
    fn several_faults_are_all_named() {
        assert_eq!(judge(|facts| (facts.lost_busy, facts.stalled) = (0, Duration::from_secs(9)), 12).len(), 3);
    }
}
