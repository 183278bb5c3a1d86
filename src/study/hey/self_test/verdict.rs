//! What a self-test's numbers mean for whoever reads others: how far those of this machine can be trusted, and what to change.

use std::time::Duration;

use crate::study::hey::numbers::millis;
use crate::study::results::Limits;
use crate::study::results::validity::max_lateness_for;
use crate::time::{format_duration, nanos};

use super::findings::{Findings, Loop, Pacing, Percentile};
use super::remedy::{GIVE_ROOM, be_nearer, give_room};

/// A percentile is right if it is this near to the known one, or within [`SHARE`] of it.
const NEAR: Duration = Duration::from_micros(50);
/// Part of the known value.
const SHARE: f64 = 0.01;

/// How far numbers can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Percentiles lie within 1 % or 50 microseconds of the truth, and the load left on time.
    Precise,
    /// The load left on time, but percentiles, or rates beyond the common ones, are less exact than that; it says by how much.
    Coarse,
    /// Requests were not accounted for, or the generator was late at a low rate.
    Unfit,
}

impl Trust {
    /// The word that stands in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Precise => "precise",
            Self::Coarse => "coarse",
            Self::Unfit => "unfit",
        }
    }
}

/// The verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How far.
    pub trust: Trust,
    /// In a sentence or two.
    pub sentence: String,
    /// What makes numbers unfit, and what to change.
    pub faults: Vec<String>,
    /// What makes them coarse.
    pub doubts: Vec<String>,
    /// The largest distance of a percentile from the known one.
    pub off: Duration,
}

/// Judges the findings.
pub fn judge(findings: &Findings) -> Verdict {
    let faults = faults(findings);
    let doubts = doubts(findings);
    let off = percentiles(findings).map(|(_, at)| at.off()).max().unwrap_or_default();
    let trust = match (faults.is_empty(), doubts.is_empty()) {
        (true, true) => Trust::Precise,
        (true, false) => Trust::Coarse,
        (false, _) => Trust::Unfit,
    };
    Verdict { trust, sentence: sentence(findings, trust, off), faults, doubts, off }
}

/// Every percentile with a known one beside it, and where it is from.
fn percentiles(findings: &Findings) -> impl Iterator<Item = (String, &Percentile)> {
    let truths = findings.truths.iter().flat_map(|truth| {
        let from = format!("delay {}, {} loop", truth.delay, truth.paced.as_str());
        truth.percentiles.iter().map(move |at| (from.clone(), at))
    });
    let stalled = findings.stalled.iter().flat_map(|(closed, open)| {
        let of = |paced: Loop, list: &'static str| format!("standstill, {} loop, from {list}", paced.as_str());
        let lists = [
            (of(Loop::Closed, "sent"), &closed.from_sent),
            (of(Loop::Closed, "due"), &closed.from_due),
            (of(Loop::Open, "sent"), &open.from_sent),
            (of(Loop::Open, "due"), &open.from_due),
        ];
        lists.into_iter().flat_map(|(from, list)| list.iter().map(move |at| (from.clone(), at)))
    });
    truths.chain(stalled)
}

fn is_near(at: &Percentile) -> bool {
    at.off() <= NEAR.max(at.known.mul_f64(SHARE))
}

fn faults(findings: &Findings) -> Vec<String> {
    let mut faults = Vec::new();
    if findings.left_over > 0 {
        faults.push(format!(
            "{} of {} requests and their answers were not accounted for; if the system still has file descriptors (ulimit -n), this \
             is a fault of watchtower, please report it",
            findings.left_over, findings.requests
        ));
    }
    for exercise in &findings.unknown {
        faults.push(format!("too few requests came through to tell anything of \"{exercise}\": {GIVE_ROOM}"));
    }
    if let Some(slow) = findings.pacings.first().filter(|slow| !is_on_time(slow)) {
        faults.push(late(slow, &give_room(findings)));
    }
    let limit = Limits::default().max_stall;
    if findings.stood_still > limit {
        faults.push(format!(
            "the generator or its host stood still for {} in all, and {} is allowed: {GIVE_ROOM}",
            told(findings.stood_still),
            format_duration(limit)
        ));
    }
    let lost = findings.stalled.iter().map(|(closed, open)| closed.lost_late + open.lost_late).sum::<u64>();
    if lost > 0 {
        faults.push(format!("{lost} requests were never sent because the generator was behind: {GIVE_ROOM}"));
    }
    faults
}

fn doubts(findings: &Findings) -> Vec<String> {
    let mut doubts = Vec::new();
    let far: Vec<(String, &Percentile)> = percentiles(findings).filter(|(_, at)| !is_near(at)).collect();
    if let Some((from, at)) = far.iter().max_by_key(|(_, at)| at.off()) {
        doubts.push(format!(
            "{} of {} percentiles are further than 1 % and {} from the known ones; the furthest is p{} of \"{from}\", which reads {:.3} ms for {:.3} ms: {}",
            far.len(),
            percentiles(findings).count(),
            format_duration(NEAR),
            at.percent,
            millis(at.measured),
            millis(at.known),
            be_nearer(findings),
        ));
    }
    for fast in findings.pacings.iter().skip(1).filter(|fast| !is_on_time(fast)) {
        doubts.push(late(fast, &give_room(findings)));
    }
    if !findings.stood_still.is_zero() && findings.stood_still <= Limits::default().max_stall {
        doubts.push(format!(
            "the generator or its host stood still for {} in all: {GIVE_ROOM}",
            told(findings.stood_still)
        ));
    }
    let limit = Limits::default().cpu.others;
    if let Some(others) = findings.others.filter(|others| *others > limit) {
        doubts.push(format!(
            "other programs used {:.0} % of the machine, more than {:.0} %: close them",
            others * 100.0,
            limit * 100.0
        ));
    }
    doubts
}

/// Whether a rate was kept as a study's runs have to keep theirs.
fn is_on_time(pacing: &Pacing) -> bool {
    pacing.lost_late == 0 && pacing.p99 <= allowed(pacing)
}

fn allowed(pacing: &Pacing) -> Duration {
    max_lateness_for(Some(Duration::from_secs_f64(1.0 / pacing.rate)))
}

fn late(pacing: &Pacing, remedy: &str) -> String {
    format!(
        "at {} requests/s one in a hundred left {} or more after it was due, and {} is allowed ({} were never sent): {remedy}",
        pacing.rate,
        told(pacing.p99),
        format_duration(allowed(pacing)),
        pacing.lost_late,
    )
}

fn sentence(findings: &Findings, trust: Trust, off: Duration) -> String {
    let percentiles = match trust {
        Trust::Unfit => return "Don't trust numbers measured on this machine as it is now.".to_owned(),
        Trust::Precise => format!("Percentiles can be trusted to 1 % or {}, whichever is more", format_duration(NEAR)),
        Trust::Coarse => format!("Percentiles can be trusted to {}", told(off.max(NEAR))),
    };
    let p50 = findings.truths.iter().map(|truth| truth.added.p50).max().unwrap_or_default();
    let p99 = findings.truths.iter().map(|truth| truth.added.p99).max().unwrap_or_default();
    let latencies = format!(
        "{percentiles}; a single latency reads up to {} too long at the median and {} for one in a hundred, so two that differ by less \
         are the same.",
        told(p50),
        told(p99)
    );
    let rates = match findings.kept {
        (Some(kept), _) => format!("Rates up to {kept:.0} requests/s against a server on this machine leave on time"),
        (None, Some(missed)) => {
            format!("No rate of {missed:.0} requests/s or more against a server on this machine leaves on time")
        }
        (None, None) => return latencies,
    };
    let slow = findings.pacings.first();
    let slow = slow.map_or_else(String::new, |slow| format!(", at {} requests/s within {}", slow.rate, told(slow.p99)));
    format!("{latencies} {rates}{slow}.")
}

/// A duration rounded up to two significant digits of microseconds or more.
fn told(duration: Duration) -> String {
    let mut unit = 1_000;
    while nanos(duration).div_ceil(unit) >= 100 {
        unit *= 10;
    }
    format_duration(Duration::from_nanos(nanos(duration).div_ceil(unit) * unit))
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Added, Stalled, Truth};
    use super::*;

    const US: Duration = Duration::from_micros(1);

    fn pacing(rate: f64) -> Pacing {
        Pacing {
            rate,
            requests: 375,
            lost_late: 0,
            p50: 2 * US,
            p99: 38 * US,
            max: 90 * US,
            gap_p50: 3 * US,
            gap_p99: 60 * US,
            cpu: Some(0.02),
        }
    }

    fn at(percent: f64, known: u64, measured: u64) -> Percentile {
        Percentile { percent, known: US * known as u32, measured: US * measured as u32 }
    }

    fn good() -> Findings {
        let stalled = Stalled {
            planned: 370,
            sent: 280,
            lost_busy: 90,
            lost_late: 0,
            from_sent: vec![at(50.0, 2_000, 2_030)],
            from_due: vec![at(99.0, 375_000, 375_060)],
        };
        Findings {
            truths: vec![Truth {
                delay: "5ms".to_owned(),
                paced: Loop::Closed,
                requests: 840,
                least: 5_020 * US,
                added: Added { p50: 24 * US, p99: 61 * US, max: 300 * US },
                percentiles: vec![at(50.0, 5_003, 5_027), at(99.0, 5_020, 5_070)],
            }],
            stalled: Some((stalled.clone(), stalled)),
            pacings: vec![pacing(250.0), pacing(5_000.0)],
            kept: (Some(57_000.0), Some(62_000.0)),
            requests: 100_000,
            others: Some(0.03),
            ..Findings::default()
        }
    }

    fn with(change: impl FnOnce(&mut Findings)) -> Verdict {
        let mut findings = good();
        change(&mut findings);
        judge(&findings)
    }

    #[test]
    fn a_machine_that_keeps_to_everything_is_precise() {
        let verdict = with(|_| {});
        assert_eq!((verdict.trust, verdict.off), (Trust::Precise, 60 * US), "{verdict:?}");
        insta::assert_snapshot!(verdict.sentence, @"Percentiles can be trusted to 1 % or 50us, whichever is more; a single latency reads up to 24us too long at the median and 61us for one in a hundred, so two that differ by less are the same. Rates up to 57000 requests/s against a server on this machine leave on time, at 250 requests/s within 38us.");
    }

    #[test]
    fn a_percentile_is_near_by_share_or_by_distance() {
        for (known, measured, near) in [
            (100, 150, true),
            (100, 151, false),
            (20_000, 20_200, true),
            (20_000, 20_201, false),
            // too short is as wrong as too long
            (20_000, 19_799, false),
        ] {
            assert_eq!(is_near(&at(50.0, known, measured)), near, "{known} {measured}");
        }
    }

    #[test]
    fn what_is_less_exact_is_told_and_still_of_use() {
        for (change, word) in [
            (
                Box::new(|found: &mut Findings| found.truths[0].percentiles[1] = at(99.0, 5_020, 5_190))
                    as Box<dyn FnOnce(&mut _)>,
                "p99 of \"delay 5ms, closed loop\", which reads 5.190 ms for 5.020 ms",
            ),
            (
                Box::new(|found: &mut Findings| found.pacings[1].p99 = 1_001 * US),
                "at 5000 requests/s one in a hundred left 1.1ms",
            ),
            (Box::new(|found: &mut Findings| found.others = Some(0.4)), "40 % of the machine"),
            (Box::new(|found: &mut Findings| found.stood_still = 21_000 * US), "stood still for 21ms"),
        ] {
            let verdict = with(change);
            assert_eq!(
                (verdict.trust, verdict.faults.len(), verdict.doubts.len()),
                (Trust::Coarse, 0, 1),
                "{verdict:?}"
            );
            assert!(verdict.doubts[0].contains(word), "{verdict:?}");
        }
    }

    #[test]
    fn a_generator_that_fails_is_unfit() {
        for (change, word) in [
            (Box::new(|found: &mut Findings| found.left_over = 1) as Box<dyn FnOnce(&mut _)>, "1 of 100000 requests"),
            (Box::new(|found: &mut Findings| found.pacings[0].p99 = 1_001 * US), "at 250 requests/s"),
            (Box::new(|found: &mut Findings| found.pacings[0].lost_late = 1), "1 were never sent"),
            (
                Box::new(|found: &mut Findings| found.unknown.push("delay 5ms, open loop".to_owned())),
                "\"delay 5ms, open loop\"",
            ),
            (Box::new(|found: &mut Findings| found.stood_still = 600_000 * US), "600ms in all, and 500ms"),
            (
                Box::new(|found: &mut Findings| found.stalled.as_mut().expect("there is one").0.lost_late = 3),
                "3 requests",
            ),
        ] {
            let verdict = with(change);
            assert_eq!((verdict.trust, verdict.faults.len()), (Trust::Unfit, 1), "{verdict:?}");
            assert!(verdict.faults[0].contains(word) && verdict.sentence.starts_with("Don't"), "{verdict:?}");
        }
    }

    #[test]
    fn a_guest_whose_threads_wake_late_is_told_how_its_cores_are_kept_awake() {
        for (is_virtual, kept_awake, timer, named) in
            [(true, false, 300, true), (true, false, 100, false), (true, true, 300, false), (false, false, 300, false)]
        {
            let verdict = with(|found| {
                let machine = &mut found.machine;
                (machine.is_virtual, machine.kept_awake, machine.timer_p99) = (is_virtual, kept_awake, timer * US);
                found.pacings[0].p99 = 1_001 * US;
            });
            assert_eq!(verdict.faults[0].contains("--keep-awake"), named, "{verdict:?}");
        }
    }

    #[test]
    fn a_guest_with_nothing_to_close_is_not_told_to_close_anything() {
        for (kept_awake, others, named) in [(true, 0.01, true), (true, 0.2, false), (false, 0.01, false)] {
            let verdict = with(|found| {
                (found.machine.is_virtual, found.machine.kept_awake, found.others) = (true, kept_awake, Some(others));
                found.truths[0].percentiles[1] = at(99.0, 5_020, 5_190);
            });
            assert_eq!(
                (verdict.doubts[0].contains("bare metal"), verdict.doubts[0].contains("close other programs")),
                (named, !named),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn told_durations_are_rounded_up_to_two_digits() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1us"),
            (24_000, "24us"),
            (99_001, "100us"),
            (101_000, "110us"),
            (1_234_000, "1.3ms"),
            (2_000_000_000, "2s"),
        ] {
            assert_eq!(told(Duration::from_nanos(nanos)), text);
        }
    }
}
