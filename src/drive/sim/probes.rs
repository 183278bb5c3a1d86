//! Probes under way: when each left, for as long as somebody may ask.
//!
//! A probe is settled by its answer or by its time-out, whichever comes first, and the other comes too late for it. Numbers are
//! never used again, so what comes late finds nothing.

use std::collections::VecDeque;

use crate::time::Timestamp;

/// By number, from the oldest that is not settled on; memory follows what is under way, not what has been.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The number of the first in the line.
    first: u32,
    /// When each left; `None` once it is settled.
    sent: VecDeque<Option<Timestamp>>,
}

impl Probes {
    /// A probe leaves; its number.
    pub(super) fn leaves(&mut self, now: Timestamp) -> u32 {
        self.sent.push_back(Some(now));
        self.first + self.sent.len() as u32 - 1
    }

    /// Settles a probe: when it left, or `None` if it was settled before.
    pub(super) fn settle(&mut self, number: u32) -> Option<Timestamp> {
        let place = number.checked_sub(self.first)?;
        let sent = self.sent.get_mut(place as usize)?.take();
        while let Some(None) = self.sent.front() {
            self.sent.pop_front();
            self.first += 1;
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_settled_once_and_in_any_order() {
        let mut probes = Probes::default();
        let at = Timestamp::from_secs;
        let numbers: Vec<u32> = (0..3).map(|second| probes.leaves(at(second))).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(probes.settle(1), Some(at(1)));
        assert_eq!(probes.settle(1), None);
        assert_eq!(probes.settle(0), Some(at(0)));
        assert_eq!(probes.settle(0), None);
        assert_eq!(probes.leaves(at(3)), 3);
        assert_eq!(probes.settle(3), Some(at(3)));
        assert_eq!(probes.settle(2), Some(at(2)));
    }

    #[test]
    fn memory_follows_what_is_under_way_and_not_what_has_been() {
        let mut probes = Probes::default();
        for second in 0..100_000 {
            let number = probes.leaves(Timestamp::from_secs(second));
            if let Some(before) = number.checked_sub(1) {
                assert_eq!(probes.settle(before), Some(Timestamp::from_secs(second - 1)));
            }
        }
        assert_eq!(probes.sent.len(), 1);
        assert!(probes.sent.capacity() < 100);
    }
}
