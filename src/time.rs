//! The only notion of time below `drive`: a point in a run, and the Unix time at which it began.
//!
//! No clock is read here. Drivers hand in the time; durations are [`std::time::Duration`].

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

mod text;

pub use text::{DurationError, format_duration, parse_duration};

/// A point in a run: nanoseconds since the run's start (the start of its warm-up).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const MAX: Self = Self(u64::MAX);

    /// The point this many nanoseconds after the run's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point this many milliseconds after the run's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// The point this many whole seconds after the run's start.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// Nanoseconds since the run's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the run's start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Seconds since `origin`, negative before it: how files count time from the load's start.
    pub fn seconds_since(self, origin: Self) -> f64 {
        if self >= origin { (self.0 - origin.0) as f64 / 1e9 } else { -((origin.0 - self.0) as f64 / 1e9) }
    }

    /// Time passed since `earlier`; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Nanoseconds passed since `earlier`; 0 if `earlier` is not earlier. For arithmetic where a [`Duration`] would only be taken apart.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This point moved later by nanoseconds, staying at [`Timestamp::MAX`] instead of overflowing.
    #[must_use]
    pub const fn saturating_add_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// This point moved later, staying at [`Timestamp::MAX`] instead of overflowing.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

/// A duration in whole nanoseconds; durations beyond 584 years count as that.
pub const fn nanos(duration: Duration) -> u64 {
    match duration.as_secs().checked_mul(1_000_000_000) {
        Some(secs) => secs.saturating_add(duration.subsec_nanos() as u64),
        None => u64::MAX,
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// Time between two points; zero if the right one is later. See [`Timestamp::since`].
impl Sub for Timestamp {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// This point moved earlier, never before the run's start.
impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

/// The Unix time of a run's start.
///
/// Prometheus evaluates its rules on a grid fixed to the Unix epoch, so a run has to know where on that grid it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(Duration);

impl Epoch {
    /// A run that began this long after 1970-01-01T00:00:00Z.
    pub const fn from_unix(since_1970: Duration) -> Self {
        Self(since_1970)
    }

    /// Unix time of the run's start.
    pub const fn unix(self) -> Duration {
        self.0
    }

    /// Unix time of a point in the run.
    pub fn unix_at(self, at: Timestamp) -> Duration {
        self.0 + Duration::from_nanos(at.as_nanos())
    }

    /// The first point at or after `from` whose Unix time is `phase` modulo `period`.
    ///
    /// `period` is not zero.
    pub fn next_on_grid(self, from: Timestamp, period: Duration, phase: Duration) -> Timestamp {
        let period = period.as_nanos();
        let phase = phase.as_nanos() % period;
        let now = self.unix_at(from).as_nanos();
        let wait = (phase + period - now % period) % period;
        from + Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_fixed_to_the_unix_epoch_and_not_to_the_run() {
        let epoch = Epoch::from_unix(Duration::from_millis(100_200));
        let period = Duration::from_secs(15);
        let phase = Duration::from_millis(8_324);
        // 100.2 s is 10.2 s into its period, the next point is 113.324 s
        let first = epoch.next_on_grid(Timestamp::ZERO, period, phase);
        assert_eq!(first, Timestamp::from_millis(13_124));
        assert_eq!(epoch.next_on_grid(first, period, phase), first);
    }

    #[test]
    fn seconds_before_the_load_are_negative() {
        let load = Timestamp::from_secs(15);
        assert!((Timestamp::from_secs(12).seconds_since(load) + 3.0).abs() < 1e-12);
        assert!((Timestamp::from_secs(17).seconds_since(load) - 2.0).abs() < 1e-12);
    }
}
