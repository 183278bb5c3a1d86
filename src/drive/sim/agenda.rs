//! What the driver itself has to do, and when.
//!
//! Almost all entries are sends, one per request, and a generator's come in order of time but for those that may leave at once. So
//! they stand in lines, where the next one costs a comparison per generator, and only the rest goes through a heap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::time::Timestamp;

/// Entries by time; at equal times in order of insertion. The policy's wake-up is one of them and can be replaced.
#[derive(Debug)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    /// Sends to come: a line per generator, and the first for those that were due when they came in. Each is in order of time.
    lines: Vec<VecDeque<Send>>,
    inserted: u64,
    wake: Option<(Timestamp, u64)>,
    /// What comes next, and what comes first at all other places: while a line is ahead of it, no other need be looked at.
    next: Next,
    second: Next,
}

/// One entry of the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A worker's next request is ready to leave.
    Send { worker: u32 },
    /// The policy's own wish.
    Woken,
    /// An answer to the policy.
    Deliver { number: u32 },
    /// A probe has waited long enough.
    ProbeTimeout { number: u32 },
    /// The next warm-up request.
    WarmUp,
    /// The warm-up is over.
    LoadStart,
    /// A generator starts.
    Begin { generator: u16 },
    /// A generator whose requests have all been answered is over, because its time is.
    Finish { generator: u16 },
    /// A fault begins or ends.
    Fault,
    /// A second of the timeline is over.
    Second,
    /// The cool-down is over.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Timestamp,
    order: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
struct Send {
    at: Timestamp,
    order: u64,
    worker: u32,
}

/// Time, order and place of the next entry.
#[derive(Clone, Copy, Debug)]
struct Next {
    at: Timestamp,
    order: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Line(usize),
    Heap,
    Wake,
    /// There is none.
    Nowhere,
}

/// Time and order as one number, which is compared at once.
fn rank(at: Timestamp, order: u64) -> u128 {
    u128::from(at.as_nanos()) << 64 | u128::from(order)
}

impl Next {
    const NONE: Self = Self { at: Timestamp::MAX, order: u64::MAX, place: Place::Nowhere };

    fn is_before(&self, other: &Self) -> bool {
        rank(self.at, self.order) < rank(other.at, other.order)
    }
}

impl Agenda {
    /// An empty one for so many generators.
    pub(super) fn new(generators: usize) -> Self {
        Self {
            heap: BinaryHeap::new(),
            lines: vec![VecDeque::new(); generators + 1],
            inserted: 0,
            wake: None,
            next: Next::NONE,
            second: Next::NONE,
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, what: What) {
        let order = self.number();
        self.heap.push(Reverse(Entry { at, order, what }));
        self.consider(Next { at, order, place: Place::Heap });
    }

    /// A worker of this generator will send at `at`; `now` is the time of this call and never decreases.
    #[inline]
    pub(super) fn push_send(&mut self, now: Timestamp, at: Timestamp, generator: u16, worker: u32) {
        let line = if at <= now { 0 } else { usize::from(generator) + 1 };
        let last = self.lines[line].back().map(|last| last.at);
        if last.is_some_and(|last| last > at) {
            self.push(at, What::Send { worker });
            return;
        }
        let order = self.number();
        self.lines[line].push_back(Send { at, order, worker });
        // whoever stands before it in line comes before it
        if last.is_none() {
            self.consider(Next { at, order, place: Place::Line(line) });
        }
    }

    /// Replaces the policy's wake-up. A wish that stays the same keeps its place among equal times.
    pub(super) fn wake_at(&mut self, at: Option<Timestamp>) {
        if self.wake.map(|(at, _)| at) != at {
            let order = self.number();
            self.wake = at.map(|at| (at, order));
            self.find_next();
        }
    }

    /// The time of the next entry; [`Timestamp::MAX`] if there is none.
    pub(super) fn next(&self) -> Timestamp {
        self.next.at
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<(Timestamp, What)> {
        let Next { at, place, .. } = self.next;
        let what = match place {
            Place::Line(line) => What::Send { worker: self.lines[line].pop_front()?.worker },
            Place::Heap => self.heap.pop()?.0.what,
            Place::Wake => {
                self.wake = None;
                What::Woken
            }
            Place::Nowhere => return None,
        };
        match self.first_at(place) {
            Some(first) if first.is_before(&self.second) => self.next = first,
            _ => self.find_next(),
        }
        Some((at, what))
    }

    /// Something new is at its place.
    #[inline]
    fn consider(&mut self, new: Next) {
        if new.is_before(&self.next) {
            if new.place != self.next.place {
                self.second = self.next;
            }
            self.next = new;
        } else if new.place != self.next.place && new.is_before(&self.second) {
            self.second = new;
        }
    }

    #[inline]
    fn first_at(&self, place: Place) -> Option<Next> {
        let (at, order) = match place {
            Place::Line(line) => self.lines[line].front().map(|send| (send.at, send.order)),
            Place::Heap => self.heap.peek().map(|Reverse(entry)| (entry.at, entry.order)),
            Place::Wake => self.wake,
            Place::Nowhere => None,
        }?;
        Some(Next { at, order, place })
    }

    fn find_next(&mut self) {
        (self.next, self.second) = (Next::NONE, Next::NONE);
        for line in 0..self.lines.len() {
            self.consider_first_at(Place::Line(line));
        }
        self.consider_first_at(Place::Heap);
        self.consider_first_at(Place::Wake);
    }

    fn consider_first_at(&mut self, place: Place) {
        if let Some(first) = self.first_at(place) {
            self.consider(first);
        }
    }

    fn number(&mut self) -> u64 {
        self.inserted += 1;
        self.inserted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_times_keep_the_order_of_insertion_and_a_replaced_wake_up_never_comes() {
        let (one, two) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        let mut agenda = Agenda::new(1);
        agenda.push(two, What::Second);
        agenda.wake_at(Some(one));
        agenda.wake_at(Some(two));
        agenda.push(two, What::WarmUp);
        agenda.push_send(Timestamp::ZERO, one, 0, 7);
        let order: Vec<What> = std::iter::from_fn(|| agenda.pop()).map(|(_, what)| what).collect();
        assert_eq!(order, [What::Send { worker: 7 }, What::Second, What::Woken, What::WarmUp]);
    }

    proptest! {
        /// Lines and heap together are one queue: by time, then by insertion.
        #[test]
        fn whatever_is_pushed_comes_out_by_time_and_then_by_insertion(
            steps in prop::collection::vec((0_u64..5, 0_u16..4, any::<bool>()), 1..100),
        ) {
            let mut agenda = Agenda::new(3);
            let (mut now, mut expected) = (Timestamp::ZERO, Vec::new());
            for (number, (wait, generator, pops)) in (0_u32..).zip(steps) {
                let at = now + std::time::Duration::from_nanos(wait);
                if generator < 3 {
                    agenda.push_send(now, at, generator, number);
                    expected.push((at, What::Send { worker: number }));
                } else {
                    agenda.push(at, What::Deliver { number });
                    expected.push((at, What::Deliver { number }));
                }
                if pops {
                    // stable: what was pushed first stays first among equal times
                    expected.sort_by_key(|(at, _)| *at);
                    let first = expected.remove(0);
                    prop_assert_eq!(agenda.next(), first.0);
                    prop_assert_eq!(agenda.pop(), Some(first));
                    now = first.0;
                }
            }
            expected.sort_by_key(|(at, _)| *at);
            prop_assert_eq!(std::iter::from_fn(|| agenda.pop()).collect::<Vec<_>>(), expected);
        }
    }
}
