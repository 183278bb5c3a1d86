//! A share of a load: what one of several load machines sends of it, dealt out like cards.
//!
//! ```text
//!   workers of load 1     0 1 2 3 4     of 3 shares     share 1: 0 3      share 2: 1 4     share 3: 2
//!   workers of load 2     5 6 7                         share 1: 6        share 2: 7       share 3: 5
//! ```
//!
//! Workers (hey), users (journeys) and places (rates and traces) are counted from 0 over all loads of a scenario, in its order. Number n
//! is of share n mod N + 1. The requests of a rate or trace are not bound to a place, so they are dealt out by themselves: request k,
//! counted from 0 in order of due, is of the share of its load's place k. Whatever is random is drawn for the whole load, so that the
//! shares of one seed are together the load of that seed.

use std::fmt;
use std::str::FromStr;

/// Most shares a load may be dealt into.
const MOST: u32 = 1_000;

/// Which of how many shares. Written `I/N`, I from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// From 0.
    index: u32,
    of: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Share `number`, from 1, of `of`; `None` if there is no such share, or more than 1000.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        ((1..=of).contains(&number) && of <= MOST).then(|| Self { index: number - 1, of })
    }

    /// Which, from 1.
    pub const fn number(self) -> u32 {
        self.index + 1
    }

    /// How many there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether it is all of it.
    pub const fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Whether it is the one that sees to whatever is to be done once: the autoscaler, its probes, the warm-up.
    pub const fn leads(self) -> bool {
        self.index == 0
    }

    /// Whether the n-th thing, from 0, is in it.
    #[inline]
    pub const fn has(self, n: u64) -> bool {
        self.of == 1 || n % self.of as u64 == self.index as u64
    }

    /// How many of the first `total` things are in it.
    pub const fn count(self, total: u64) -> u64 {
        (total + (self.of - 1 - self.index) as u64) / self.of as u64
    }

    /// Which of all things is its n-th, both from 0.
    pub const fn nth(self, n: u64) -> u64 {
        n * self.of as u64 + self.index as u64
    }

    /// The same share of things that are dealt out after `before` others.
    #[must_use]
    pub const fn after(self, before: u64) -> Self {
        let moved = (before % self.of as u64) as u32;
        Self { index: (self.index + self.of - moved) % self.of, of: self.of }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number(), self.of)
    }
}

/// Words that name no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no shard: write I/N, such as 2/4, with I from 1 to N and N at most {MOST}")]
pub struct UnknownShare(pub String);

impl FromStr for Share {
    type Err = UnknownShare;

    fn from_str(text: &str) -> Result<Self, UnknownShare> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        numbers.and_then(|(number, of)| Self::new(number, of)).ok_or_else(|| UnknownShare(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_written_as_which_of_how_many_and_nothing_else_is_one() {
        for text in ["1/1", "2/4", "1000/1000"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        for text in ["", "2", "0/4", "5/4", "1/0", "1/1001", "a/b", "1/4/2", "-1/4", " 1/4"] {
            assert_eq!(text.parse::<Share>(), Err(UnknownShare(text.to_owned())));
        }
    }

    proptest! {
        /// Everything is in one share and no other, and each share knows how many it has and which.
        #[test]
        fn shares_are_a_deal(of in 1_u32..9, before in 0_u64..40, total in 0_u64..60) {
            let shares: Vec<Share> = (1..=of).map(|number| Share::new(number, of).unwrap()).collect();
            for share in &shares {
                let later = share.after(before);
                let own: Vec<u64> = (0..total).filter(|n| later.has(*n)).collect();
                let dealt: Vec<u64> = (0..total).filter(|n| share.has(before + n)).collect();
                prop_assert_eq!(&own, &dealt);
                prop_assert_eq!(later.count(total), own.len() as u64);
                prop_assert_eq!((0..own.len() as u64).map(|n| later.nth(n)).collect::<Vec<_>>(), own);
            }
            prop_assert_eq!(shares.iter().map(|share| share.after(before).count(total)).sum::<u64>(), total);
        }
    }
}
