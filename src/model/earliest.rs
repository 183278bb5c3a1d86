//! The earliest of a changing set of times, one per slot.

/// A winner tree: changing a time and finding the earliest cost O(log slots).
#[derive(Clone, Debug)]
pub(super) struct Earliest {
    /// Slots there is room for; a power of two.
    leaves: usize,
    /// A heap-shaped tree: the parent of `i` is `i / 2` and holds the earlier of its children; slot `s` is `leaves + s`.
    times: Vec<f64>,
}

impl Earliest {
    pub(super) fn new() -> Self {
        Self { leaves: 1, times: vec![f64::INFINITY; 2] }
    }

    /// Sets a slot's time; infinity for never.
    pub(super) fn set(&mut self, slot: u32, time: f64) {
        let slot = slot as usize;
        while slot >= self.leaves {
            self.grow();
        }
        let mut node = self.leaves + slot;
        if self.times[node].to_bits() == time.to_bits() {
            return;
        }
        self.times[node] = time;
        while node > 1 {
            node /= 2;
            let winner = earlier(self.times[2 * node], self.times[2 * node + 1]);
            if self.times[node].to_bits() == winner.to_bits() {
                return;
            }
            self.times[node] = winner;
        }
    }

    /// The earliest time; infinity if there is none.
    pub(super) fn time(&self) -> f64 {
        self.times[1]
    }

    /// The slot of the earliest time, the lowest of equal ones.
    pub(super) fn slot(&self) -> u32 {
        let mut node = 1;
        while node < self.leaves {
            node = 2 * node + usize::from(self.times[2 * node] > self.times[2 * node + 1]);
        }
        (node - self.leaves) as u32
    }

    fn grow(&mut self) {
        let slots = self.times.split_off(self.leaves);
        self.leaves *= 2;
        self.times = vec![f64::INFINITY; 2 * self.leaves];
        self.times[self.leaves..self.leaves + slots.len()].copy_from_slice(&slots);
        for node in (1..self.leaves).rev() {
            self.times[node] = earlier(self.times[2 * node], self.times[2 * node + 1]);
        }
    }
}

fn earlier(left: f64, right: f64) -> f64 {
    if right < left { right } else { left }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_earliest_is_the_minimum_of_all_slots(changes in prop::collection::vec((0_u32..37, 0_u32..9), 1..200)) {
            let mut tree = Earliest::new();
            let mut plain = [f64::INFINITY; 37];
            for (slot, time) in changes {
                // 8 stands for never
                let time = if time == 8 { f64::INFINITY } else { f64::from(time) };
                tree.set(slot, time);
                plain[slot as usize] = time;
                let least = plain.iter().copied().fold(f64::INFINITY, f64::min);
                prop_assert_eq!(tree.time().to_bits(), least.to_bits());
                if least.is_finite() {
                    let first = plain.iter().position(|time| *time <= least).unwrap();
                    prop_assert_eq!(tree.slot() as usize, first);
                }
            }
        }
    }
}
