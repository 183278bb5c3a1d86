//! Jobs under processor sharing, ordered by the virtual time at which each is done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A min-heap of (virtual completion time, job); first in, first out at equal times.
///
/// A job that enters at virtual time `v` with work `w` is done at `v + w`, however many share the server meanwhile,
/// because virtual time runs at the rate one job gets (Kleinrock 1976; the virtual time of fair queueing, Parekh and
/// Gallager 1993).
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    heap: BinaryHeap<Reverse<Tag>>,
    pushed: u32,
}

/// Virtual time, order and job as one number, which is compared at once and moved in registers. Times are not negative, so their
/// bits are ordered as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tag(u128);

impl Tag {
    fn new(time: f64, order: u32, job: u32) -> Self {
        Self(u128::from(time.to_bits()) << 64 | u128::from(order) << 32 | u128::from(job))
    }

    const fn time(self) -> f64 {
        f64::from_bits((self.0 >> 64) as u64)
    }

    const fn job(self) -> u32 {
        self.0 as u32
    }
}

impl Tags {
    pub(super) fn push(&mut self, time: f64, job: u32) {
        debug_assert!(time >= 0.0, "virtual time is never negative");
        if self.heap.is_empty() {
            self.pushed = 0;
        }
        self.heap.push(Reverse(Tag::new(time, self.pushed, job)));
        self.pushed = self.pushed.wrapping_add(1);
    }

    pub(super) fn first(&self) -> Option<f64> {
        self.heap.peek().map(|Reverse(tag)| tag.time())
    }

    pub(super) fn pop(&mut self) -> Option<(f64, u32)> {
        self.heap.pop().map(|Reverse(tag)| (tag.time(), tag.job()))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
    }
}
