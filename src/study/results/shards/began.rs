//! When the loads of a run's shards began, against each other: by their machines' clocks, corrected by what is known of these.

use std::fmt;
use std::time::Duration;

use crate::drive::clocks::Ahead;
use crate::time::{format_duration, nanos};

/// The loads of a run's shards may begin this far apart: as long as a load may stand still. Further apart it is another load.
pub(super) const APART_MOST: Duration = Duration::from_millis(500);

/// When one load began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Began {
    /// After the first one, in nanoseconds; before it where negative.
    after: i64,
    /// How far the clock was ahead of the first one's, where both were laid beside the gateway's.
    ahead: Option<Ahead>,
}

impl Began {
    /// Of a load that began at a Unix time of its machine's, against the first one.
    pub(super) fn of(at: Duration, ahead: Option<Ahead>, first: Duration, first_ahead: Option<Ahead>) -> Self {
        let apart = i64::try_from(nanos(at.abs_diff(first))).unwrap_or(i64::MAX);
        let after = if at < first { -apart } else { apart };
        let ahead = ahead.zip(first_ahead).map(|(own, first)| own.over(first));
        Self { after: after.saturating_sub(ahead.map_or(0, Ahead::middle)), ahead }
    }

    /// How far the truth may be from what is known.
    fn uncertainty(self) -> Duration {
        self.ahead.map_or(Duration::ZERO, Ahead::uncertainty)
    }

    /// Whether it was further from the first one than is allowed, however the clocks went.
    pub(super) fn is_apart(self) -> bool {
        Duration::from_nanos(self.after.unsigned_abs()).saturating_sub(self.uncertainty()) > APART_MOST
    }
}

impl fmt::Display for Began {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.after > 0 { "after" } else { "before" };
        write!(f, "{} {word}", format_duration(rounded(Duration::from_nanos(self.after.unsigned_abs()))))
    }
}

/// How far apart the loads of a run began, and what is known of the clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    apart: Duration,
    /// How far apart the clocks were, and how exactly that is known; `None` if one of them was not laid beside the others.
    known: Option<(Duration, Duration)>,
}

impl Clocks {
    pub(super) fn of(began: &[Began]) -> Self {
        let spread = |values: &mut dyn Iterator<Item = i64>| {
            let (least, most) = values.fold((0, 0), |(least, most), value| (value.min(least), value.max(most)));
            Duration::from_nanos(most.abs_diff(least))
        };
        let known = began.iter().all(|one| one.ahead.is_some()).then(|| {
            let ahead = spread(&mut began.iter().filter_map(|one| one.ahead).map(Ahead::middle));
            (ahead, began.iter().map(|one| one.uncertainty()).max().unwrap_or_default())
        });
        Self { apart: spread(&mut began.iter().map(|one| one.after)), known }
    }

    /// The wider ones of two runs.
    pub(super) fn wider(self, other: Self) -> Self {
        let known = self.known.zip(other.known).map(|(one, other)| (one.0.max(other.0), one.1.max(other.1)));
        Self { apart: self.apart.max(other.apart), known }
    }
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |duration| format_duration(rounded(duration));
        write!(f, "{} of each other", text(self.apart))?;
        match self.known {
            None => f.write_str(" by their clocks"),
            Some((ahead, within)) => write!(
                f,
                " (their clocks, laid beside the gateway's, were up to {} apart, known to {}, which is taken into account)",
                text(ahead),
                text(within)
            ),
        }
    }
}

/// To the millisecond, as people read it.
fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[expect(clippy::unnecessary_wraps, reason = "a machine may know nothing of it")]
    const fn ahead(least_ms: i64, most_ms: i64) -> Option<Ahead> {
        Some(Ahead { least: least_ms * 1_000_000, most: most_ms * 1_000_000 })
    }

    #[test]
    fn clocks_that_are_apart_are_no_loads_that_are_apart() {
        // by its own clock the second began 3 s later, and that clock is 3 s ahead, give or take 30 ms
        let first = Began::of(ms(10_000), ahead(-10, 10), ms(10_000), ahead(-10, 10));
        let second = Began::of(ms(13_000), ahead(2_980, 3_000), ms(10_000), ahead(-10, 10));
        assert!(!first.is_apart() && !second.is_apart());
        let said = Clocks::of(&[first, second]).to_string();
        assert!(
            said.starts_with("10ms of each other (their clocks, laid beside the gateway's, were up to 2.99s apart"),
            "{said}"
        );
    }

    #[test]
    fn what_is_not_known_of_clocks_is_not_taken_for_a_load_apart_and_without_knowledge_the_clocks_count() {
        let began = |at, of| Began::of(ms(at), of, ms(10_000), ahead(0, 0));
        assert!(began(10_510, ahead(0, 0)).is_apart());
        assert!(!began(10_510, ahead(-20, 20)).is_apart());
        assert!(!began(10_490, None).is_apart() && began(9_400, None).is_apart());
        assert_eq!(began(9_400, None).to_string(), "600ms before");
        let clocks = Clocks::of(&[began(10_000, ahead(0, 0)), began(10_200, None)]);
        assert_eq!(clocks.to_string(), "200ms of each other by their clocks");
        assert_eq!(clocks.wider(Clocks::of(&[began(10_000, ahead(0, 0))])), clocks);
    }
}
