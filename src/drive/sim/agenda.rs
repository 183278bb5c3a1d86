//! What the driver itself has to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Timestamp;

/// Entries by time; at equal times in order of insertion. The policy's wake-up is one of them and can be replaced.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    inserted: u64,
    wake: Option<(Timestamp, u64)>,
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

impl Agenda {
    pub(super) fn push(&mut self, at: Timestamp, what: What) {
        let order = self.number();
        self.heap.push(Reverse(Entry { at, order, what }));
    }

    /// Replaces the policy's wake-up. A wish that stays the same keeps its place among equal times.
    pub(super) fn wake_at(&mut self, at: Option<Timestamp>) {
        if self.wake.map(|(at, _)| at) != at {
            let order = self.number();
            self.wake = at.map(|at| (at, order));
        }
    }

    /// The time of the next entry; [`Timestamp::MAX`] if there is none.
    pub(super) fn next(&self) -> Timestamp {
        let heap = self.heap.peek().map_or(Timestamp::MAX, |Reverse(entry)| entry.at);
        self.wake.map_or(heap, |(at, _)| at.min(heap))
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, What)> {
        let first = self.heap.peek().map(|Reverse(entry)| (entry.at, entry.order));
        match self.wake {
            Some(wake) if first.is_none_or(|first| wake < first) => {
                self.wake = None;
                Some((wake.0, What::Woken))
            }
            _ => self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what)),
        }
    }

    fn number(&mut self) -> u64 {
        self.inserted += 1;
        self.inserted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_the_order_of_insertion_and_a_replaced_wake_up_never_comes() {
        let (one, two) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        let mut agenda = Agenda::default();
        agenda.push(two, What::Second);
        agenda.wake_at(Some(one));
        agenda.wake_at(Some(two));
        agenda.push(two, What::WarmUp);
        agenda.push(one, What::Send { worker: 7 });
        let order: Vec<What> = std::iter::from_fn(|| agenda.pop()).map(|(_, what)| what).collect();
        assert_eq!(order, [What::Send { worker: 7 }, What::Second, What::Woken, What::WarmUp]);
    }
}
