//! Everything on the platform that has a time in the future, in the order in which it comes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::record::FunctionId;
use crate::time::Timestamp;

use super::request::{Answer, Key};

/// Everything that has a time in the future. All but `waits` have the same delay for all, so a line is in order; a request whose way in is shorter is put where it belongs.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Requests in transport.
    pub(super) inbound: VecDeque<(Timestamp, u32)>,
    /// Requests at the gateway, no replica being ready: the next look.
    pub(super) held: VecDeque<(Timestamp, u32)>,
    /// Requests that were at a replica when that was last looked at: the watchdog's execution limit.
    pub(super) limits: VecDeque<(Timestamp, Key)>,
    /// When it is looked at again: no request that came since is given up before. [`Timestamp::MAX`] if none came.
    pub(super) limits_looked_at: Timestamp,
    /// Idle connections of replicas with a backlog (slot, generation): when they are closed.
    pub(super) closings: VecDeque<(Timestamp, u32, u32)>,
    /// Requests that wait in a thread; at equal times first in, first out.
    pub(super) waits: Waits,
    /// Numbers the waits, from 1 whenever nothing waits.
    pub(super) waits_pushed: u32,
    /// Answers in transport.
    pub(super) outbound: VecDeque<(Timestamp, Answer)>,
    /// Scalings accepted and not carried out.
    pub(super) scalings: VecDeque<(Timestamp, FunctionId)>,
    /// Not later than the front of any line that is rarely due: `held`, `limits`, `closings` and `scalings`. They are looked at when
    /// this time has come, and not with each of the events between.
    pub(super) rare: Timestamp,
}

/// A request that waits in a thread: until when, the number of its wait, its slot.
///
/// All three in one number, in that order: a heap of those compares at once, moves each in registers, and keeps first in, first out
/// at equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wait(u128);

impl Wait {
    pub(super) fn new(until: Timestamp, number: u32, slot: u32) -> Self {
        Self(u128::from(until.as_nanos()) << 64 | u128::from(number) << 32 | u128::from(slot))
    }

    pub(super) const fn until(self) -> Timestamp {
        Timestamp::from_nanos((self.0 >> 64) as u64)
    }

    pub(super) const fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(super) const fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// The waits of all threads, the first to end first.
///
/// A thread that is through mostly begins the next request of its queue at once, and with it the next wait. So the first one stays at
/// its place while it is dealt with: the next wait is put there, which is one way down the heap and not one down and one up.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    heap: BinaryHeap<Reverse<Wait>>,
    /// The first one has ended and stands there still.
    has_ended: bool,
}

impl Waits {
    /// Takes the first wait if its time has come.
    #[inline]
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Wait> {
        if self.has_ended {
            self.has_ended = false;
            self.heap.pop();
        }
        let Reverse(first) = *self.heap.peek()?;
        self.has_ended = first.until() <= now;
        self.has_ended.then_some(first)
    }

    #[inline]
    pub(super) fn push(&mut self, wait: Wait) {
        if self.has_ended
            && let Some(mut first) = self.heap.peek_mut()
        {
            *first = Reverse(wait);
            self.has_ended = false;
        } else {
            self.heap.push(Reverse(wait));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.len() == usize::from(self.has_ended)
    }

    /// When the first one ends, once all that ended have been taken; [`Timestamp::MAX`] if there is none.
    fn next(&self) -> Timestamp {
        debug_assert!(!self.has_ended, "whoever takes what is due takes all of it");
        self.heap.peek().map_or(Timestamp::MAX, |Reverse(wait)| wait.until())
    }
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            inbound: VecDeque::new(),
            held: VecDeque::new(),
            limits: VecDeque::new(),
            limits_looked_at: Timestamp::MAX,
            closings: VecDeque::new(),
            waits: Waits::default(),
            waits_pushed: 0,
            outbound: VecDeque::new(),
            scalings: VecDeque::new(),
            rare: Timestamp::MAX,
        }
    }

    /// A request is in transport until `at`. Almost always it is the last to be there; one whose way was shorter passes others.
    pub(super) fn enter_transport(&mut self, at: Timestamp, slot: u32) {
        if self.inbound.back().is_none_or(|last| last.0 <= at) {
            self.inbound.push_back((at, slot));
        } else {
            let place = self.inbound.partition_point(|entry| entry.0 <= at);
            self.inbound.insert(place, (at, slot));
        }
    }

    /// A line that is rarely due got an entry for this time.
    pub(super) fn rarely(&mut self, at: Timestamp) {
        self.rare = self.rare.min(at);
    }

    #[inline]
    pub(super) fn next(&self) -> Timestamp {
        self.waits
            .next()
            .min(front(&self.inbound, |entry| entry.0))
            .min(front(&self.outbound, |entry| entry.0))
            .min(self.rare)
    }

    pub(super) fn find_rare(&mut self) {
        self.rare = front(&self.held, |entry| entry.0)
            .min(front(&self.limits, |entry| entry.0))
            .min(self.limits_looked_at)
            .min(front(&self.closings, |entry| entry.0))
            .min(front(&self.scalings, |entry| entry.0));
    }
}

fn front<T>(line: &VecDeque<T>, time: impl Fn(&T) -> Timestamp) -> Timestamp {
    line.front().map_or(Timestamp::MAX, time)
}

/// Takes the front of a line if its time has come.
pub(super) fn due<T>(line: &mut VecDeque<T>, now: Timestamp, time: impl Fn(&T) -> Timestamp) -> Option<T> {
    if line.front().is_some_and(|entry| time(entry) <= now) { line.pop_front() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_whose_way_is_shorter_passes_others_and_no_equal_ones() {
        let mut lines = Lines::new();
        for (slot, at) in (0..).zip([5, 9, 7, 9, 5, 3]) {
            lines.enter_transport(Timestamp::from_nanos(at), slot);
        }
        let slots: Vec<u32> = lines.inbound.iter().map(|(_, slot)| *slot).collect();
        assert_eq!(slots, [5, 0, 4, 2, 1, 3]);
    }

    proptest! {
        /// Whether or not something is put in the place of the one that ended, each comes at its time, and the first in first.
        #[test]
        fn waits_end_in_the_order_of_their_times(steps in prop::collection::vec((0_u64..9, prop::collection::vec(1_u64..9, 0..3)), 1..60)) {
            let (mut waits, mut plain) = (Waits::default(), Vec::new());
            let (mut now, mut number) = (Timestamp::ZERO, 0);
            for (wait, follow) in steps {
                now = now.saturating_add_nanos(wait);
                let mut follow = follow.into_iter().map(|wait| {
                    number += 1;
                    Wait::new(now.saturating_add_nanos(wait), number, number)
                });
                while let Some(ended) = waits.take_due(now) {
                    plain.sort();
                    prop_assert_eq!(ended, plain.remove(0));
                    prop_assert_eq!(waits.is_empty(), plain.is_empty());
                    if let Some(next) = follow.next() {
                        waits.push(next);
                        plain.push(next);
                    }
                }
                prop_assert!(plain.iter().all(|wait| wait.until() > now));
                for next in follow {
                    waits.push(next);
                    plain.push(next);
                }
                prop_assert_eq!(waits.next(), plain.iter().map(|wait| wait.until()).min().unwrap_or(Timestamp::MAX));
            }
        }
    }
}
