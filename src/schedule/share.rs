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
//!
//! One machine sees to what is to be done once. That is the one with share 1, or one beside them that sends nothing: it is share 0, and
//! the others then know of it (`I/N+0`).

use std::fmt;
use std::str::FromStr;

/// Most shares a load may be dealt into.
const MOST: u32 = 1_000;

/// Which of how many shares. Written `I/N`, I from 1; `I/N+0` where a machine beside them leads, which is `0/N` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0; of whoever sends nothing 0 as well.
    index: u32,
    of: u32,
    lead: Lead,
}

/// Who sees to what is to be done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// The machine with the first share.
    First,
    /// A machine without a share; this one has one.
    Apart,
    /// This machine, which has no share.
    Own,
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1, lead: Lead::First };

    /// Share `number`, from 1, of `of`; `None` if there is no such share, or more than 1000.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let is_one = (1..=of).contains(&number) && of <= MOST;
        is_one.then(|| Self { index: number - 1, of, lead: Lead::First })
    }

    /// The same of a load that a machine without a share leads; number 0 is that machine.
    pub fn led_apart(number: u32, of: u32) -> Option<Self> {
        match number {
            0 => Self::new(1, of).map(|share| Self { lead: Lead::Own, ..share }),
            number => Self::new(number, of).map(|share| Self { lead: Lead::Apart, ..share }),
        }
    }

    /// Which, from 1; 0 if it is none of them.
    pub const fn number(self) -> u32 {
        match self.lead {
            Lead::Own => 0,
            Lead::First | Lead::Apart => self.index + 1,
        }
    }

    /// How many there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether it is all there is: the load, and what is to be done once.
    pub const fn is_whole(self) -> bool {
        self.of == 1 && matches!(self.lead, Lead::First)
    }

    /// Whether it is the one that sees to whatever is to be done once: the autoscaler, its probes, the warm-up.
    pub const fn leads(self) -> bool {
        match self.lead {
            Lead::First => self.index == 0,
            Lead::Apart => false,
            Lead::Own => true,
        }
    }

    /// Whether whoever leads has no share of the load.
    pub const fn is_led_apart(self) -> bool {
        !matches!(self.lead, Lead::First)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        matches!(self.lead, Lead::Own)
    }

    /// All machines' shares of the same load, whoever leads first.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let is_apart = self.is_led_apart();
        let (first, of) = (u32::from(!is_apart), self.of);
        (first..=of)
            .filter_map(move |number| if is_apart { Self::led_apart(number, of) } else { Self::new(number, of) })
    }

    /// Whether the n-th thing, from 0, is in it.
    #[inline]
    pub const fn has(self, n: u64) -> bool {
        !self.is_empty() && (self.of == 1 || n % self.of as u64 == self.index as u64)
    }

    /// How many of the first `total` things are in it.
    pub const fn count(self, total: u64) -> u64 {
        if self.is_empty() { 0 } else { (total + (self.of - 1 - self.index) as u64) / self.of as u64 }
    }

    /// Which of all things is its n-th, both from 0.
    pub const fn nth(self, n: u64) -> u64 {
        n * self.of as u64 + self.index as u64
    }

    /// The same share of things that are dealt out after `before` others.
    #[must_use]
    pub const fn after(self, before: u64) -> Self {
        let moved = (before % self.of as u64) as u32;
        Self { index: (self.index + self.of - moved) % self.of, ..self }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apart = if self.lead == Lead::Apart { "+0" } else { "" };
        write!(f, "{}/{}{apart}", self.number(), self.of)
    }
}

/// Words that name no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no shard: write I/N, such as 2/4, with I from 1 to N and N at most {MOST}; or 0/N for a machine that leads and sends \
     nothing, and I/N+0 for those it leads"
)]
pub struct UnknownShare(pub String);

impl FromStr for Share {
    type Err = UnknownShare;

    fn from_str(text: &str) -> Result<Self, UnknownShare> {
        let share = || {
            let (number, of) = text.split_once('/')?;
            let (of, is_apart) = of.strip_suffix("+0").map_or((of, false), |of| (of, true));
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            match (number, is_apart) {
                (0, true) => None,
                (0, false) | (_, true) => Self::led_apart(number, of),
                (_, false) => Self::new(number, of),
            }
        };
        share().ok_or_else(|| UnknownShare(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_written_as_which_of_how_many_and_nothing_else_is_one() {
        for text in ["1/1", "2/4", "1000/1000", "0/1", "0/4", "1/1+0", "4/4+0"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        for text in ["", "2", "5/4", "1/0", "0/0", "1/1001", "a/b", "1/4/2", "-1/4", " 1/4", "0/4+0", "5/4+0", "1/4+1"]
        {
            assert_eq!(text.parse::<Share>(), Err(UnknownShare(text.to_owned())));
        }
    }

    #[test]
    fn whoever_leads_apart_has_nothing_and_the_others_have_all() {
        let leader: Share = "0/3".parse().unwrap();
        assert!(leader.leads() && leader.is_led_apart() && leader.is_empty() && !leader.is_whole());
        assert_eq!((leader.number(), leader.count(9), leader.has(0), leader.after(2).has(0)), (0, 0, false, false));
        let all: Vec<Share> = leader.all().collect();
        assert_eq!(all.iter().map(Share::to_string).collect::<Vec<_>>(), ["0/3", "1/3+0", "2/3+0", "3/3+0"]);
        assert_eq!(all, all[2].all().collect::<Vec<_>>());
        assert!(all[1..].iter().all(|share| !share.leads() && !share.is_whole()));
        assert_eq!(all[1..].iter().map(|share| share.count(10)).sum::<u64>(), 10);
        let lone: Share = "1/1+0".parse().unwrap();
        assert!(lone.has(5) && !lone.leads() && !lone.is_whole());
        assert_eq!("2/3".parse::<Share>().unwrap().all().count(), 3);
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
