//! The objective over the time of a load: which windows missed it, how long it took until it was kept again, and by how much it was
//! exceeded when.
//!
//! ```text
//!   seconds of the load   | ok | MISS | MISS | ok | MISS | ok | ok | ok | ok | ok | ok |
//!                                ^------- a spell: 4 s -------^------ kept for 5 s: over
//! ```
//!
//! A request belongs to the second in which it was due, so a second in which answers were slow is one in which users asked. Whole numbers
//! only until the end, so that the order in which answers came in does not matter.

use std::time::Duration;

use super::percentile::nearest_rank;
use super::slo::Slo;
use crate::time::{Timestamp, nanos};

/// For so many seconds with requests, one after another, the objective must be kept until a spell of misses counts as over.
pub const KEPT_FOR: u32 = 5;

/// Requests by the second of the load in which they were due. Memory grows with the seconds of a load.
#[derive(Clone, Debug)]
pub struct Windows {
    slo: Slo,
    load_start: Timestamp,
    seconds: Vec<Second>,
}

/// The requests of one second, or of a wider window.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Planned: answered, given up or lost.
    count: u64,
    /// Answered well and in time.
    kept: u64,
    /// Answered or given up, so that a latency is known.
    timed: u64,
    /// What their latencies from due exceed the objective's by, together, in nanoseconds.
    excess: u128,
}

impl Second {
    /// Whether too many were slow, failed or lost: the objective's percentile of them is not within its latency.
    fn is_missed(&self, slo: &Slo) -> bool {
        self.kept < nearest_rank(self.count, slo.percentile)
    }
}

/// A time in which the objective was missed, in whole seconds of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// The second that missed it first.
    pub from: u32,
    /// Seconds until it was kept again, or until the load's last one if it never was: then the true length is at least this.
    pub length: u32,
    /// Whether it was kept again, for [`KEPT_FOR`] seconds with requests.
    pub is_over: bool,
}

impl Windows {
    /// Nothing counted yet, of a load that starts at `load_start`.
    pub const fn new(slo: Slo, load_start: Timestamp) -> Self {
        Self { slo, load_start, seconds: Vec::new() }
    }

    /// Counts a request that was answered or given up; its latency is from due.
    pub fn request(&mut self, due: Timestamp, from_due: Duration, is_ok: bool) {
        let limit = self.slo.latency;
        let second = self.second(due);
        second.count += 1;
        second.kept += u64::from(is_ok && from_due <= limit);
        second.timed += 1;
        second.excess += u128::from(nanos(from_due.saturating_sub(limit)));
    }

    /// Counts requests of which it turned out at `at` that they never leave. They are missed in that second; what their latency would
    /// have been nobody knows.
    pub fn lost(&mut self, at: Timestamp, count: u64) {
        if count > 0 {
            self.second(at).count += count;
        }
    }

    fn second(&mut self, at: Timestamp) -> &mut Second {
        let index = (at - self.load_start).as_secs() as usize;
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second::default());
        }
        &mut self.seconds[index]
    }

    /// Share of the windows of so many seconds, among those in which requests were due, that missed the objective, 0 to 1; the last may
    /// be shorter. `None` if there were no requests.
    ///
    /// # Panics
    /// When `width` is 0.
    pub fn missed_ratio(&self, width: usize) -> Option<f64> {
        let sum = |window: &[Second]| {
            window.iter().fold(Second::default(), |sum, one| Second {
                count: sum.count + one.count,
                kept: sum.kept + one.kept,
                ..sum
            })
        };
        let asked = self.seconds.chunks(width).map(sum).filter(|window| window.count > 0);
        let (missed, all) = asked
            .fold((0_u64, 0_u64), |(missed, all), window| (missed + u64::from(window.is_missed(&self.slo)), all + 1));
        (all > 0).then(|| missed as f64 / all as f64)
    }

    /// The times in which the objective was missed, in order; the last one may not be over. `None` if there were no requests.
    pub fn spells(&self) -> Option<Vec<Spell>> {
        let mut spells = Vec::new();
        let mut begun: Option<u32> = None;
        // since when it is kept within a spell, and for how many seconds with requests
        let (mut kept_from, mut streak) = (0, 0);
        let mut is_empty = true;
        for (at, second) in (0_u32..).zip(&self.seconds).filter(|(_, second)| second.count > 0) {
            is_empty = false;
            let Some(from) = begun else {
                begun = second.is_missed(&self.slo).then_some(at);
                streak = 0;
                continue;
            };
            if second.is_missed(&self.slo) {
                streak = 0;
                continue;
            }
            if streak == 0 {
                kept_from = at;
            }
            streak += 1;
            if streak == KEPT_FOR {
                spells.push(Spell { from, length: kept_from - from, is_over: true });
                begun = None;
            }
        }
        if let Some(from) = begun {
            spells.push(Spell { from, length: self.seconds.len() as u32 - from, is_over: false });
        }
        (!is_empty).then_some(spells)
    }

    /// The integral of time times error (ITAE), in s²: over the seconds of the load the middle of the second times the mean of
    /// max(latency from due / objective - 1, 0) of the requests due in it. Late errors weigh more than those of the beginning, which no
    /// controller can avoid. `None` if no latency is known.
    pub fn time_weighted_error(&self) -> Option<f64> {
        let limit = nanos(self.slo.latency) as f64;
        let timed = self.seconds.iter().zip(0_u32..).filter(|(second, _)| second.timed > 0);
        let errors =
            timed.map(|(second, at)| (f64::from(at) + 0.5) * (second.excess as f64 / second.timed as f64 / limit));
        let mut sum = None;
        for error in errors {
            sum = Some(sum.unwrap_or(0.0) + error);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(2);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of_percentile(percentile: f64) -> Windows {
        Windows::new(Slo { latency: ms(100), percentile }, START)
    }

    /// A request a second, in time or not; no request where it is `None`.
    fn seconds(in_time: &[Option<bool>]) -> Windows {
        let mut windows = of_percentile(95.0);
        for (at, in_time) in (0..).zip(in_time) {
            if let Some(in_time) = in_time {
                windows.request(START + Duration::from_secs(at), ms(if *in_time { 100 } else { 101 }), true);
            }
        }
        windows
    }

    fn spells(in_time: &[u8]) -> Vec<(u32, u32, bool)> {
        let in_time: Vec<_> = in_time.iter().map(|one| (*one < 2).then_some(*one == 1)).collect();
        let spells = seconds(&in_time).spells().unwrap_or_default();
        spells.into_iter().map(|spell| (spell.from, spell.length, spell.is_over)).collect()
    }

    #[test]
    fn a_window_is_missed_when_too_many_of_its_requests_are_slow_failed_or_lost() {
        // of twenty requests 5 % may miss it: one
        for (slow, failed, lost, missed) in
            [(0, 0, 0, 0.0), (1, 0, 0, 0.0), (1, 1, 0, 1.0), (0, 2, 0, 1.0), (0, 0, 2, 1.0)]
        {
            let mut windows = of_percentile(95.0);
            for number in 0..20 - lost {
                let latency = if number < slow { 101 } else { 100 };
                windows.request(START + ms(number * 10), ms(latency), number < slow || number >= slow + failed);
            }
            windows.lost(START + ms(999), lost);
            assert_eq!(windows.missed_ratio(1), Some(missed), "{slow} slow, {failed} failed, {lost} lost");
        }
    }

    #[test]
    fn windows_begin_at_the_load_s_start_and_those_without_requests_do_not_count() {
        // seconds 0, 2 and 3 missed; 1 kept; 4 to 11 empty; 12 kept
        let mut asked = vec![Some(false), Some(true), Some(false), Some(false)];
        asked.extend([None; 8]);
        asked.push(Some(true));
        let windows = seconds(&asked);
        assert_eq!(windows.missed_ratio(1), Some(0.6));
        // 0 to 9 s: three of four; 10 to 12 s: none of one
        assert_eq!(windows.missed_ratio(10), Some(0.5));
        assert_eq!(of_percentile(95.0).missed_ratio(1), None);
    }

    #[test]
    fn a_spell_ends_when_the_objective_is_streak_five_seconds_with_requests() {
        // drawn: the picture at the head of this file
        assert_eq!(spells(&[1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1]), [(1, 4, true)]);
        // four are not enough, and the load ends: at least nine seconds
        assert_eq!(spells(&[1, 0, 0, 1, 0, 0, 1, 1, 1, 1]), [(1, 9, false)]);
        // a second without requests neither keeps nor misses it
        assert_eq!(spells(&[0, 1, 1, 2, 1, 1, 2, 1, 1]), [(0, 1, true)]);
        assert_eq!(spells(&[0, 1, 1, 1, 1, 1, 1, 0, 0, 1]), [(0, 1, true), (7, 3, false)]);
        assert_eq!(spells(&[1, 1, 2, 1]), []);
        // one request, never answered in time
        assert_eq!(spells(&[0]), [(0, 1, false)]);
        assert_eq!(of_percentile(95.0).spells(), None);
    }

    #[test]
    fn late_errors_weigh_more_than_early_ones() {
        let mut windows = of_percentile(95.0);
        // 0.5 too much on average at 0.5 s, nothing at 1.5 s, 3 too much at 2.5 s
        for (at, latency) in [(0, 100), (900, 200), (1_000, 1), (2_999, 400)] {
            windows.request(START + ms(at), ms(latency), true);
        }
        windows.lost(START + ms(2_000), 7);
        let error = windows.time_weighted_error();
        assert!(error.is_some_and(|error| (error - (0.5 * 0.5 + 2.5 * 3.0)).abs() < 1e-12), "{error:?}");
        assert_eq!(of_percentile(95.0).time_weighted_error(), None);
    }

    proptest! {
        /// Whatever the order in which answers come in.
        #[test]
        fn the_order_of_answers_changes_nothing(
            requests in prop::collection::vec((0_u64..8_000, 0_u64..300, prop::bool::ANY), 1..60),
            swap in 0_usize..60,
        ) {
            let of = |requests: &[(u64, u64, bool)]| {
                let mut windows = of_percentile(90.0);
                for (due, latency, is_ok) in requests {
                    windows.request(START + ms(*due), ms(*latency), *is_ok);
                }
                (windows.missed_ratio(1), windows.missed_ratio(10), windows.spells(), windows.time_weighted_error())
            };
            let mut other = requests.clone();
            other.reverse();
            other.rotate_left(swap % requests.len());
            prop_assert_eq!(of(&requests), of(&other));
        }

        /// A window of all seconds is the objective itself: missed when more requests missed it than may.
        #[test]
        fn one_window_of_everything_is_the_objective(late in prop::collection::vec(prop::bool::ANY, 1..200)) {
            let mut windows = of_percentile(90.0);
            for (number, late) in (0..).zip(&late) {
                windows.request(START + ms(number * 37), ms(if *late { 101 } else { 99 }), true);
            }
            let missed = late.iter().filter(|late| **late).count();
            let wanted = if 10 * missed > late.len() { 1.0 } else { 0.0 };
            prop_assert_eq!(windows.missed_ratio(1_000), Some(wanted));
        }
    }
}
