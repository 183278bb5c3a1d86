//! How far a machine's clock is ahead of another's, from answers that carry the other's time in whole seconds (the `Date` of HTTP).
//!
//! ```text
//!   own clock      asked ---------------- answered
//!   other clock            [second, second + 1)         so: asked - second - 1 < ahead <= answered - second
//! ```
//!
//! Each answer bounds the difference, whatever the way there and back took; of many, those just before and just after a second's end
//! bound it to about the time of one exchange. May not enter: a clock, a socket.

use std::time::Duration;

use crate::time::nanos;

/// A second, in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// How far a clock is ahead of another one; behind it where negative. Known between two bounds, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// At least so far.
    pub least: i64,
    /// At most so far.
    pub most: i64,
}

impl Ahead {
    /// What one answer says: asked for and there at these Unix times by the one clock, given within this Unix second of the other.
    pub fn told(asked: Duration, answered: Duration, second: u64) -> Self {
        let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let second = signed(second).saturating_mul(SECOND);
        Self {
            least: signed(nanos(asked)).saturating_sub(second).saturating_sub(SECOND),
            most: signed(nanos(answered)).saturating_sub(second),
        }
    }

    /// What both say; `None` if they contradict each other, as when a clock was set in between.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let both = Self { least: self.least.max(other.least), most: self.most.min(other.most) };
        (both.least <= both.most).then_some(both)
    }

    /// How far this clock is ahead of another that is itself so far ahead of the same third one.
    #[must_use]
    pub const fn over(self, other: Self) -> Self {
        Self { least: self.least.saturating_sub(other.most), most: self.most.saturating_sub(other.least) }
    }

    /// The middle of what is possible, in nanoseconds.
    pub const fn middle(self) -> i64 {
        self.least.saturating_add(self.most.saturating_sub(self.least) / 2)
    }

    /// How far the truth may be from the middle.
    pub const fn uncertainty(self) -> Duration {
        Duration::from_nanos(self.most.abs_diff(self.least).div_ceil(2))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_answer_bounds_the_difference_to_a_second_and_the_way() {
        let told = Ahead::told(Duration::from_millis(10_400), Duration::from_millis(10_500), 10);
        assert_eq!(told, Ahead { least: -600_000_000, most: 500_000_000 });
        assert_eq!((told.middle(), told.uncertainty()), (-50_000_000, Duration::from_millis(550)));
        assert_eq!(told.and(Ahead { least: 600_000_000, most: SECOND }), None);
    }

    proptest! {
        /// Whatever the ways take, the true difference lies within the bounds, and exchanges around a second's end bound it to their length.
        #[test]
        fn the_truth_lies_within_the_bounds(
            ahead in -5_000_i64..5_000,
            ways in prop::collection::vec((1_u64..20, 1_u64..20), 120),
        ) {
            let (mut other_ms, mut known) = (100_000_300_u64, None::<Ahead>);
            for (there, back) in ways {
                let own = |other: u64| Duration::from_millis(other.saturating_add_signed(ahead));
                let told = Ahead::told(own(other_ms), own(other_ms + there + back), (other_ms + there) / 1_000);
                let both = known.map_or(Some(told), |known| known.and(told));
                prop_assert!(both.is_some());
                known = both;
                other_ms += there + back + 5;
            }
            let known = known.unwrap();
            prop_assert!(known.least <= ahead * 1_000_000 && ahead * 1_000_000 <= known.most, "{known:?}");
            prop_assert!(known.uncertainty() <= Duration::from_millis(45), "{known:?}");
            // a third clock that is as far ahead of the other is not ahead of this one
            let none = known.over(known);
            prop_assert!(none.middle() == 0);
        }
    }
}
