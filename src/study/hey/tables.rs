//! What may follow hey's summary when it is asked for: more percentiles, latency from due, the generator's health.

use std::fmt::Write;

use crate::stats::latency::Latencies;

use super::health;
use super::measured::Measured;
use super::numbers::millis;

/// Percentiles shown if none are chosen.
const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// One line that says why latencies from due and from sent differ.
pub const WHY_DUE: &str = "From due also counts the wait for a worker that was still busy when -q called for the request; hey, from \
                           sent, leaves it out.";

/// Latencies at `percentiles` (at some of our choice if there are none), and from due if requests had due times.
pub fn latency_table(measured: &Measured, percentiles: &[f64]) -> String {
    let percentiles = if percentiles.is_empty() { &PERCENTILES } else { percentiles };
    let due = measured.due.as_ref();
    let mut out = "Latency (ms):\t\tfrom sent".to_owned();
    out.push_str(if due.is_some() { "\tfrom due\n" } else { "\n" });
    let sources: Vec<&Latencies> = std::iter::once(measured.summary.latencies()).chain(due).collect();
    let mut row = |name: &str, values: &dyn Fn(&Latencies) -> Option<f64>| {
        let _ = write!(out, "  {name:<14}");
        for source in &sources {
            let _ = match values(source) {
                Some(value) => write!(out, "\t{value:9.3}"),
                None => write!(out, "\t{:>9}", "-"),
            };
        }
        out.push('\n');
    };
    row("fastest", &|latencies| latencies.histogram().min().map(millis));
    row("average", &|latencies| latencies.histogram().mean().map(millis));
    for percent in percentiles {
        row(&format!("{percent}%"), &|latencies| latencies.sorted().percentile(*percent).map(millis));
    }
    row("slowest", &|latencies| latencies.histogram().max().map(millis));
    if due.is_some() {
        let _ = writeln!(out, "  {WHY_DUE}");
    }
    if sources.iter().any(|latencies| !latencies.is_exact()) {
        out.push_str("  Percentiles have three significant digits: there are too many results to keep each.\n");
    }
    out.push('\n');
    out
}

/// What the generator did, and whether it kept time.
pub fn health_table(measured: &Measured) -> String {
    let tally = &measured.tally;
    let mut out = "Generator:\n".to_owned();
    let _ = match measured.planned() {
        Some(planned) => writeln!(out, "  Planned:\t{planned} requests"),
        None => writeln!(out, "  Planned:\tas many as the answers allow"),
    };
    let _ = writeln!(out, "  Sent:\t\t{} requests", tally.sent);
    let _ = writeln!(
        out,
        "  Lost busy:\t{} (their worker still waited for an answer: the system was slow)",
        tally.lost.busy
    );
    let _ = writeln!(out, "  Lost late:\t{} (the generator was behind: a fault of the measurement)", tally.lost.late);
    let late = |percent: f64| measured.lateness.percentile(percent).map_or(f64::NAN, millis);
    if !measured.lateness.is_empty() {
        let _ =
            writeln!(out, "  Lateness:\tp50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", late(50.0), late(99.0), late(100.0));
    }
    let _ = writeln!(out, "  Standstills:\t{} ({:.3} secs)", measured.stalls, measured.stalled.as_secs_f64());
    if let Some(cpu) = measured.cpu {
        let share = cpu.as_secs_f64() / measured.total().as_secs_f64() * 100.0;
        let _ = writeln!(out, "  CPU:\t\t{:.3} secs ({share:.1} % of a core)", cpu.as_secs_f64());
    }
    if let Some(awake) = measured.awake {
        let _ = writeln!(out, "  Kept awake:\tidle cores, with {:.3} secs of CPU beside it", awake.as_secs_f64());
    }
    let faults = health::faults(measured);
    if faults.is_empty() {
        out.push_str("  The generator kept time.\n");
    }
    for fault in faults {
        let _ = writeln!(out, "  FAULT:\t{fault}");
    }
    out.push('\n');
    out
}
