//! When the generator itself stood still: judged by how late a thread wakes that asked to be woken.
//!
//! ```text
//!   beat     beat     beat  (process stopped)            beat
//!    |--------|--------|- - - - - - - - - - - - - - - - -|
//!                               ^ asked to wake here     ^ woke here: the time between is a standstill
//! ```
//!
//! No clock is read here.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Lateness of a wake-up from which it counts as a standstill of the process or the host.
///
/// Sharpened wake-ups come 0.1 ms late at the 99th percentile on an idle machine and a few milliseconds late on a loaded one
/// (one scheduler slice each for what runs in between); a tenth of the 200 ms period of `hey -q 5` is what begins to change a run.
pub(super) const LIMIT: Duration = Duration::from_millis(20);

/// Standstills kept. A worker asks about the time of one request only; 256 of at least [`LIMIT`] each are five seconds of
/// nothing but standstill.
const KEPT: usize = 256;

/// A stretch of time, from and to.
pub(super) type Stretch = (Timestamp, Timestamp);

/// The standstill that a wake-up at `woken` shows, if it was asked for at `asked`.
pub(super) fn standstill(asked: Timestamp, woken: Timestamp) -> Option<Stretch> {
    (woken - asked > LIMIT).then_some((asked, woken))
}

/// The latest standstills.
#[derive(Debug, Default)]
pub(super) struct Standstills(VecDeque<Stretch>);

impl Standstills {
    /// Adds one that begins after those before it ended.
    pub(super) fn push(&mut self, stretch: Stretch) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(stretch);
    }

    /// The longest part of a standstill between two points; several in one request are rare, and the longest cost it most.
    pub(super) fn within(&self, from: Timestamp, to: Timestamp) -> Option<Stretch> {
        self.0.iter().filter_map(|stretch| overlap(*stretch, (from, to))).max_by_key(|(from, to)| *to - *from)
    }
}

/// What two stretches share.
pub(super) fn overlap(one: Stretch, other: Stretch) -> Option<Stretch> {
    let shared = (one.0.max(other.0), one.1.min(other.1));
    (shared.0 < shared.1).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_wake_up_is_a_standstill_from_when_it_was_asked_for() {
        for (asked, woken, expected) in [
            (100, 100, None),
            (100, 120, None),
            (100, 121, Some((ms(100), ms(121)))),
            // notified early
            (100, 90, None),
            (100, 2_100, Some((ms(100), ms(2_100)))),
        ] {
            assert_eq!(standstill(ms(asked), ms(woken)), expected, "asked {asked}, woke {woken}");
        }
    }

    #[test]
    fn a_request_is_told_the_longest_standstill_inside_it() {
        let mut standstills = Standstills::default();
        for (from, to) in [(100, 200), (300, 350), (1_000, 3_000)] {
            standstills.push((ms(from), ms(to)));
        }
        for (from, to, expected) in [
            (0, 100, None),
            (0, 400, Some((100, 200))),
            (180, 400, Some((300, 350))),
            (2_000, 2_500, Some((2_000, 2_500))),
            (3_000, 9_000, None),
        ] {
            let expected = expected.map(|(from, to)| (ms(from), ms(to)));
            assert_eq!(standstills.within(ms(from), ms(to)), expected, "{from} to {to}");
        }
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut standstills = Standstills::default();
        for start in 0..=(KEPT as u64) {
            standstills.push((ms(100 * start), ms(100 * start + 50)));
        }
        assert_eq!(standstills.within(ms(0), ms(60)), None);
        assert!(standstills.within(ms(100), ms(160)).is_some());
    }
}
