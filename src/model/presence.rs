//! How many are somewhere, and for how long all of them have been there together.

use std::time::Duration;

use crate::time::Timestamp;

/// A count over time with its integral.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presence {
    count: u32,
    /// The moments of all that left less the moments of all that came, in nanoseconds, modulo 2^64: what is missing from the integral
    /// are the moments up to which those who are there are counted. The integral itself is below 2^64, so no information is lost.
    balance: u64,
}

impl Presence {
    pub(super) fn enter(&mut self, now: Timestamp) {
        self.balance = self.balance.wrapping_sub(now.as_nanos());
        self.count += 1;
    }

    pub(super) fn leave(&mut self, now: Timestamp) {
        self.balance = self.balance.wrapping_add(now.as_nanos());
        self.count -= 1;
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Time spent by all of them up to `now`.
    pub(super) fn spent(&self, now: Timestamp) -> Duration {
        Duration::from_nanos(self.balance.wrapping_add(u64::from(self.count).wrapping_mul(now.as_nanos())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spent_is_the_integral_of_the_count() {
        let at = Timestamp::from_secs;
        let mut presence = Presence::default();
        presence.enter(at(2));
        presence.enter(at(3));
        presence.leave(at(6));
        assert_eq!((presence.count(), presence.spent(at(8))), (1, Duration::from_secs(1 + 2 * 3 + 2)));
    }
}
