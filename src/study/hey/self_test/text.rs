//! A self-test for a person.

use std::fmt::Write;
use std::time::Duration;

use crate::study::hey::numbers::millis;

use super::findings::{Findings, Loop, Percentile, Stalled};
use super::verdict::{Trust, Verdict};

/// All of it: the machine, each finding, the verdict.
pub fn text(findings: &Findings, verdict: &Verdict) -> String {
    let mut out = String::new();
    machine(&mut out, findings);
    truths(&mut out, findings);
    standstill(&mut out, findings);
    pacing(&mut out, findings);
    let _ = writeln!(out, "Verdict: {}", verdict.trust.as_str());
    let _ = writeln!(out, "  {}", verdict.sentence);
    for fault in &verdict.faults {
        let _ = writeln!(out, "  FAULT:\t{fault}");
    }
    for doubt in &verdict.doubts {
        let _ = writeln!(out, "  DOUBT:\t{doubt}");
    }
    if verdict.trust != Trust::Precise {
        out.push_str("  Test again when the machine is idle; a single test tells of its own moment only.\n");
    }
    out
}

/// A duration in milliseconds, to the microsecond.
fn ms(duration: Duration) -> String {
    format!("{:.3}", millis(duration))
}

fn machine(out: &mut String, findings: &Findings) {
    let machine = &findings.machine;
    out.push_str("Machine:\n");
    let guest = if machine.is_virtual { ", a guest of a hypervisor" } else { "" };
    let _ = writeln!(out, "  Processor:\t{}, {} core(s) to use{guest}", machine.cpu, machine.cores);
    let _ = writeln!(out, "  System:\t{}", machine.system);
    let mut busy = Vec::new();
    busy.extend(machine.load_average.map(|load| format!("load average {load:.2}")));
    busy.extend(findings.others.map(|others| format!("other programs used {:.0} % of it", others * 100.0)));
    if !busy.is_empty() {
        let _ = writeln!(out, "  Busy:\t\t{}", busy.join(", "));
    }
    if machine.kept_awake {
        let with =
            findings.awake.map_or_else(String::new, |share| format!(", which took {:.0} % of it", share * 100.0));
        let _ = writeln!(out, "  Kept awake:\tidle cores{with}");
    }
    let _ = writeln!(
        out,
        "  Clock:\t{:.0} ns a reading, in steps of {} ns",
        machine.clock_reading_ns,
        machine.clock_step.as_nanos()
    );
    let _ = writeln!(
        out,
        "  Timer:\ta thread that sleeps 1 ms wakes {} ms late (p50), {} ms (p99), {} ms (max)\n",
        ms(machine.timer_p50),
        ms(machine.timer_p99),
        ms(machine.timer_max)
    );
}

fn truths(out: &mut String, findings: &Findings) {
    let _ = writeln!(out, "Latency beyond what the server took (ms):");
    let _ = writeln!(
        out,
        "  {:<22} {:<7} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "delay", "loop", "requests", "p50", "p99", "max", "fastest"
    );
    for truth in &findings.truths {
        let _ = writeln!(
            out,
            "  {:<22} {:<7} {:>8} {:>8} {:>8} {:>8} {:>9}",
            truth.delay,
            truth.paced.as_str(),
            truth.requests,
            ms(truth.added.p50),
            ms(truth.added.p99),
            ms(truth.added.max),
            ms(truth.least)
        );
    }
    out.push_str("\nPercentiles, measured / known (ms):\n");
    let _ = writeln!(out, "  {:<22} {:<7} {:>19} {:>19} {:>19}", "delay", "loop", "p50", "p90", "p99");
    for truth in &findings.truths {
        row(out, &truth.delay, truth.paced, &truth.percentiles);
    }
    out.push('\n');
}

fn row(out: &mut String, name: &str, paced: Loop, percentiles: &[Percentile]) {
    let _ = write!(out, "  {name:<22} {:<7}", paced.as_str());
    for at in percentiles {
        let _ = write!(out, " {:>19}", format!("{} / {}", ms(at.measured), ms(at.known)));
    }
    out.push('\n');
}

fn standstill(out: &mut String, findings: &Findings) {
    let Some((closed, open)) = &findings.stalled else { return };
    let _ = writeln!(out, "The server stands still for {} ms, measured / known (ms):", millis(findings.stall).round());
    let _ = writeln!(out, "  {:<22} {:<7} {:>19} {:>19} {:>19}", "latency from", "loop", "p50", "p90", "p99");
    for (name, paced, list) in [
        ("sent, as hey counts", Loop::Closed, &closed.from_sent),
        ("due", Loop::Closed, &closed.from_due),
        ("due", Loop::Open, &open.from_due),
    ] {
        row(out, name, paced, list);
    }
    let p90 = |list: &[Percentile]| {
        list.iter().find(|at| at.percent >= 90.0).map_or_else(|| "-".to_owned(), |at| ms(at.measured))
    };
    let Stalled { planned, lost_busy, .. } = closed;
    let _ = writeln!(
        out,
        "  hey's workers wait in it: {lost_busy} of {planned} requests are never sent, and what is sent shows a p90 of {} ms. At the same \
         rate whoever asks meets {} ms.\n",
        p90(&closed.from_sent),
        p90(&open.from_due)
    );
}

fn pacing(out: &mut String, findings: &Findings) {
    out.push_str("Pacing (ms):\n");
    let _ = writeln!(
        out,
        "  {:<22} {:>8} {:>8} {:>8} {:>8} {:>15} {:>15} {:>7}",
        "even rate", "requests", "late p50", "p99", "max", "server gaps p50", "p99", "CPU"
    );
    for pacing in &findings.pacings {
        let cpu = pacing.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.1} %", cpu * 100.0));
        let _ = writeln!(
            out,
            "  {:<22} {:>8} {:>8} {:>8} {:>8} {:>15} {:>15} {:>7}",
            format!("{} requests/s", pacing.rate),
            pacing.requests,
            ms(pacing.p50),
            ms(pacing.p99),
            ms(pacing.max),
            ms(pacing.gap_p50),
            ms(pacing.gap_p99),
            cpu
        );
    }
    if let Some(bursts) = &findings.bursts {
        let _ = writeln!(
            out,
            "  {} bursts of {}: the first leaves {} ms late (p50), the last {} ms after it (p50; {} ms at most); at the server the burst \
             lasts {} ms (p50)",
            bursts.bursts,
            bursts.workers,
            ms(bursts.first_p50),
            ms(bursts.span_p50),
            ms(bursts.span_max),
            ms(bursts.came_p50)
        );
    }
    match findings.kept {
        (Some(kept), Some(missed)) => {
            let _ = writeln!(out, "  Highest rate kept: {kept:.0} requests/s ({missed:.0} is not)");
        }
        (Some(kept), None) => {
            let _ = writeln!(out, "  Highest rate kept: {kept:.0} requests/s, and none higher was tried");
        }
        (None, Some(missed)) => {
            let _ = writeln!(out, "  Highest rate kept: below {missed:.0} requests/s");
        }
        (None, None) => {}
    }
    if let Some(closed) = &findings.closed {
        let _ = writeln!(out, "  {} workers without a limit: {:.0} requests/s", closed.workers, closed.rps);
    }
    out.push('\n');
}
