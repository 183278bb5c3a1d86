//! How many are somewhere, and for how long all of them have been there together.

use std::time::Duration;

use crate::time::Timestamp;

/// A count over time with its integral.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presence {
    count: u32,
    /// Time spent by all up to `counted_to`, in nanoseconds.
    spent: u64,
    counted_to: Timestamp,
}

impl Presence {
    /// Nobody, from now on.
    pub(super) fn since(now: Timestamp) -> Self {
        Self { counted_to: now, ..Self::default() }
    }

    pub(super) fn enter(&mut self, now: Timestamp) {
        self.pass(now);
        self.count += 1;
    }

    pub(super) fn leave(&mut self, now: Timestamp) {
        self.pass(now);
        self.count -= 1;
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Time spent by all of them up to `now`.
    pub(super) fn spent(&self, now: Timestamp) -> Duration {
        Duration::from_nanos(self.spent + u64::from(self.count) * now.nanos_since(self.counted_to))
    }

    fn pass(&mut self, now: Timestamp) {
        self.spent += u64::from(self.count) * now.nanos_since(self.counted_to);
        self.counted_to = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spent_is_the_integral_of_the_count() {
        let at = Timestamp::from_secs;
        let mut presence = Presence::since(at(1));
        presence.enter(at(2));
        presence.enter(at(3));
        presence.leave(at(6));
        assert_eq!((presence.count(), presence.spent(at(8))), (1, Duration::from_secs(1 + 2 * 3 + 2)));
    }
}
