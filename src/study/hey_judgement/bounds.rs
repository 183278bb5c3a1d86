//! How many ticks slow requests can have cost a paced hey, from the latencies alone.
//!
//! ```text
//!   ticks    |    |    |    |    |         on its tick, a request of L loses max(0, floor(L / T) - 1): one tick is remembered
//!   request  [=============]               here 3 ticks came, one is remembered, 2 are lost
//!
//!   ticks    |    |    |    |    |         a request that leaves late, on the remembered tick, loses by where it ends on
//!   chain    [=======][=======][==]        the grid: m requests in a row lose floor(sum of L / T) - m between them
//! ```
//!
//! Facts: reference/hey.md section 4 (hey 0.1.4, requester.go; a Go ticker's channel holds one tick).

use std::time::Duration;

use super::output::{Bin, HeyOutput};

/// How many of the missing requests slow ones can account for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Explained {
    /// So many at least: every request as fast as its bin allows, and on its tick.
    pub least: u64,
    /// So many at most if each request left on its tick.
    pub on_tick: u64,
    /// So many at most whatever the order: as if all slow requests had followed one another at a single worker, and every
    /// worker had been at a slow one when the time was up. `None` if hey's output sets no bound.
    pub most: Option<u64>,
}

/// What slow requests can have cost, at a tick each `period`; `timeout` is hey's `-t`.
pub(super) fn explained(output: &HeyOutput, period: Duration, timeout: Option<Duration>, workers: u32) -> Explained {
    let period = period.as_secs_f64();
    let waited = timeout.map(|timeout| timeout.as_secs_f64());
    // sums that no run reaches stay at the largest number
    let (mut least, mut on_tick) = (0_u64, 0_u64);
    // in ticks; None once something has no bound
    let mut chain = Some(0.0_f64);
    let mut slow = 0_u64;
    for bin in &output.bins {
        least = least.saturating_add(bin.count.saturating_mul(lost_on_tick(bin.from, period)));
        on_tick = on_tick.saturating_add(bin.count.saturating_mul(lost_on_tick(bin.to, period)));
        extend(&mut chain, &mut slow, bin, period);
    }
    if let Some(waited) = waited {
        let timed_out = output.timeouts.saturating_mul(lost_on_tick(waited, period));
        least = least.saturating_add(timed_out);
        on_tick = on_tick.saturating_add(timed_out);
    }
    // other errors mostly come at once, but may have taken as long as a time-out
    match waited {
        Some(waited) => {
            let failed = Bin { from: 0.0, to: waited, count: output.errors };
            extend(&mut chain, &mut slow, &failed, period);
        }
        None if output.errors > 0 => chain = None,
        None => {}
    }
    let beyond = Bin { from: 0.0, to: output.slowest.as_secs_f64(), count: output.beyond_bins };
    extend(&mut chain, &mut slow, &beyond, period);
    // a worker that is busy at the end does not use the tick it remembers
    let at_the_end = slow.min(u64::from(workers));
    let most = chain.map(|ticks| ((ticks + 1e-9).floor() as u64).saturating_add(at_the_end));
    Explained { least, on_tick, most }
}

/// Ticks lost to a request of so many seconds that left on its tick.
fn lost_on_tick(secs: f64, period: f64) -> u64 {
    ((secs / period).floor() as u64).saturating_sub(1)
}

/// Adds requests to the one long chain; those shorter than a period end it instead.
fn extend(chain: &mut Option<f64>, slow: &mut u64, bin: &Bin, period: f64) {
    let periods = bin.to / period;
    if periods >= 1.0 {
        *slow += bin.count;
        *chain = chain.map(|ticks| ticks + (periods - 1.0) * bin.count as f64);
    }
}

/// Longest time that the flags allow a hey from its start to its last answer.
///
/// By time, a worker that waits for its tick when the time is up still sends: `-z`, a period and one request. By count, a worker
/// that met all the slowest requests one after the other: each takes its time or a period, whichever is longer.
pub(super) fn longest_total(
    output: &HeyOutput,
    period: Option<Duration>,
    duration: Option<Duration>,
    per_worker: Option<u64>,
    timeout: Option<Duration>,
) -> Option<Duration> {
    let period = period.unwrap_or_default();
    let slowest = if output.errors == 0 { output.slowest } else { output.slowest.max(timeout?) };
    if let Some(duration) = duration {
        return Some(duration + period + slowest);
    }
    let period = period.as_secs_f64();
    let mut left = per_worker?;
    let mut secs = period;
    let failed = Bin { from: 0.0, to: slowest.as_secs_f64(), count: output.errors + output.beyond_bins };
    for bin in std::iter::once(&failed).chain(output.bins.iter().rev()) {
        let taken = bin.count.min(left);
        secs += taken as f64 * bin.to.max(period);
        left -= taken;
    }
    Duration::try_from_secs_f64(secs).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::WorkerId;
    use crate::schedule::hey::{Hey, Settings};
    use crate::schedule::{Next, Schedule, Turn};
    use crate::time::Timestamp;

    fn output(latencies_ms: &[u64]) -> HeyOutput {
        let bins = latencies_ms.iter().map(|ms| {
            let secs = *ms as f64 / 1e3;
            Bin { from: secs, to: secs, count: 1 }
        });
        HeyOutput {
            total: Duration::ZERO,
            slowest: Duration::from_millis(latencies_ms.iter().copied().max().unwrap_or(0)),
            answers: latencies_ms.len() as u64,
            errors: 0,
            timeouts: 0,
            bins: bins.collect(),
            beyond_bins: 0,
        }
    }

    #[test]
    fn one_slow_request_loses_all_ticks_but_the_remembered_one() {
        for (ms, lost) in [(199, 0), (200, 0), (399, 0), (401, 1), (625, 2), (1_001, 4)] {
            let explained = explained(&output(&[ms]), Duration::from_millis(200), None, 50);
            assert_eq!((explained.least, explained.on_tick), (lost, lost), "{ms} ms");
        }
    }

    #[test]
    fn errors_explain_what_a_time_out_may_have_taken() {
        let mut output = output(&[10]);
        (output.errors, output.timeouts) = (3, 1);
        let period = Duration::from_secs(1);
        let with = explained(&output, period, Some(Duration::from_secs(20)), 50);
        assert_eq!(with, Explained { least: 19, on_tick: 19, most: Some(3 * 19 + 3) });
        assert_eq!(explained(&output, period, None, 50).most, None);
    }

    /// Runs the real schedule over these latencies: what was lost, and when the last request ended.
    fn walked(settings: Settings, latencies: &mut impl Iterator<Item = u64>) -> (u64, Vec<u64>, Duration) {
        let mut hey = Hey::new(settings, Timestamp::ZERO);
        let (mut missing, mut used, mut end) = (0, Vec::new(), Duration::ZERO);
        for worker in 0..settings.workers() {
            let mut turn = Turn::first(Timestamp::ZERO);
            loop {
                match hey.next(WorkerId(worker), turn) {
                    Next::Call(call) => {
                        missing += call.lost.busy + call.lost.late;
                        let ms = latencies.next().unwrap_or(1);
                        used.push(ms);
                        let free = call.ready + Duration::from_millis(ms);
                        end = end.max(free - Timestamp::ZERO);
                        turn = Turn { sent: call.ready, free, stall: None };
                    }
                    Next::Finished { lost, unused } => {
                        missing += lost.busy + lost.late + unused;
                        break;
                    }
                }
            }
        }
        (missing, used, end)
    }

    proptest! {
        #[test]
        fn no_order_of_latencies_loses_more_than_the_bound_or_less_than_the_least(
            latencies in prop::collection::vec(1_u64..900, 1..120),
            workers in 1_u32..5,
        ) {
            let settings = Settings::new(200, workers, 10.0, Some(Duration::from_secs(3))).expect("flags");
            let (missing, used, end) = walked(settings, &mut latencies.into_iter());
            let output = output(&used);
            let period = Duration::from_millis(100);
            let explained = explained(&output, period, None, workers);
            prop_assert!(Some(missing) <= explained.most, "{missing} missing, {explained:?}");
            // what is under way at the end loses no tick after it
            let at_the_end = u64::from(workers) * 8;
            prop_assert!(explained.least <= missing + at_the_end, "{missing} missing, {explained:?}");
            let longest = longest_total(&output, Some(period), settings.duration(), None, None);
            prop_assert!(Some(end) <= longest);
        }

        #[test]
        fn a_run_by_count_is_never_longer_than_its_slowest_requests_in_a_row(
            latencies in prop::collection::vec(1_u64..900, 1..60),
            workers in 1_u32..5,
        ) {
            let settings = Settings::new(40, workers, 10.0, None).expect("flags");
            let (_, used, end) = walked(settings, &mut latencies.into_iter());
            let mut sorted = used.clone();
            sorted.sort_unstable();
            let per_worker = settings.planned_per_worker();
            let longest = longest_total(&output(&sorted), settings.period(), None, per_worker, None);
            prop_assert!(Some(end) <= longest, "{end:?} {longest:?}");
        }
    }
}
