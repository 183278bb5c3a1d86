//! Everything on the platform that has a time in the future, in the order in which it comes.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use crate::record::FunctionId;
use crate::time::Timestamp;

use super::request::{Answer, Key};

/// Everything that has a time in the future. All but `waits` have the same delay for all, so a line is in order.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Requests in transport.
    pub(super) inbound: VecDeque<(Timestamp, u32)>,
    /// Requests at the gateway, no replica being ready: the next look.
    pub(super) held: VecDeque<(Timestamp, u32)>,
    /// Requests that reached a replica: the watchdog's execution limit.
    pub(super) limits: VecDeque<(Timestamp, Key)>,
    /// Idle connections of replicas with a backlog (slot, generation): when they are closed.
    pub(super) closings: VecDeque<(Timestamp, u32, u32)>,
    /// Requests that wait in a thread; at equal times first in, first out.
    pub(super) waits: BinaryHeap<Reverse<Wait>>,
    pub(super) waits_pushed: u64,
    /// Answers in transport.
    pub(super) outbound: VecDeque<(Timestamp, Answer)>,
    /// Scalings accepted and not carried out.
    pub(super) scalings: VecDeque<(Timestamp, FunctionId)>,
    /// Not later than the front of any line that is rarely due: `held`, `limits`, `closings` and `scalings`. They are looked at when
    /// this time has come, and not with each of the events between.
    pub(super) rare: Timestamp,
}

/// A request that waits in a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) until: Timestamp,
    /// Counts the waits.
    pub(super) order: u64,
    pub(super) request: Key,
}

impl Wait {
    /// Time and order as one number: comparing them one after the other is what a heap would spend most of its time on.
    fn rank(&self) -> u128 {
        u128::from(self.until.as_nanos()) << 64 | u128::from(self.order)
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Wait {}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wait {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            inbound: VecDeque::new(),
            held: VecDeque::new(),
            limits: VecDeque::new(),
            closings: VecDeque::new(),
            waits: BinaryHeap::new(),
            waits_pushed: 0,
            outbound: VecDeque::new(),
            scalings: VecDeque::new(),
            rare: Timestamp::MAX,
        }
    }

    /// A line that is rarely due got an entry for this time.
    pub(super) fn rarely(&mut self, at: Timestamp) {
        self.rare = self.rare.min(at);
    }

    pub(super) fn next(&self) -> Timestamp {
        let waits = self.waits.peek().map_or(Timestamp::MAX, |Reverse(wait)| wait.until);
        waits.min(front(&self.inbound, |entry| entry.0)).min(front(&self.outbound, |entry| entry.0)).min(self.rare)
    }

    pub(super) fn find_rare(&mut self) {
        self.rare = front(&self.held, |entry| entry.0)
            .min(front(&self.limits, |entry| entry.0))
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
