//! Arrivals in order, made a block at a time, so that a schedule of any length takes little memory and any part of it can be
//! looked at without the parts before.
//!
//! ```text
//!   block 0 | block 1 | block 2 | ...       each has a stream of random numbers of its own
//!       0       256       511               arrivals before it, counted once when the schedule is made
//! ```
//!
//! Blocks are 256 requests of a rate, 256 of a Poisson process's expected requests, 256 recorded times, or one bin of counts.
//! Offsets are nanoseconds from the schedule's start.

use std::sync::Arc;

use rand_distr::{Distribution, Exp1};
use rand_xoshiro::rand_core::Rng;

use crate::random::{Purpose, Seed, Stream};

use super::shape::Shape;
use super::share::Share;
use super::trace::Bins;

/// Requests of a block, or expected ones.
const BLOCK: u64 = 256;

/// Where arrivals come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The k-th when the integral of the shape reaches k.
    Even(Arc<Shape>),
    /// A Poisson process whose rate is the shape: unit arrivals on the axis of its integral, taken back to time.
    Poisson(Arc<Shape>),
    /// At these offsets, which ascend.
    Times(Arc<[u64]>),
    /// So many in each bin.
    Bins(Arc<Bins>),
}

impl Source {
    fn blocks(&self) -> u64 {
        match self {
            Self::Even(shape) => shape.requests().div_ceil(BLOCK),
            Self::Poisson(shape) => (shape.total() / BLOCK as f64).ceil() as u64,
            Self::Times(times) => (times.len() as u64).div_ceil(BLOCK),
            Self::Bins(bins) => bins.len() as u64,
        }
    }

    /// An offset that nothing in the block comes before and nothing in the blocks before it after.
    fn begins(&self, block: u64) -> u64 {
        match self {
            Self::Even(shape) => shape.inverse((block * BLOCK + 1) as f64),
            Self::Poisson(shape) => shape.inverse((block * BLOCK) as f64),
            Self::Times(times) => times[(block * BLOCK) as usize],
            Self::Bins(bins) => bins.begins(block as usize),
        }
    }

    /// Fills `offsets` with the arrivals of a block, in order.
    fn fill(&self, block: u64, luck: Luck, offsets: &mut Vec<u64>) {
        offsets.clear();
        match self {
            Self::Even(shape) => {
                let last = ((block + 1) * BLOCK).min(shape.requests());
                offsets.extend((block * BLOCK + 1..=last).map(|k| shape.inverse(k as f64)));
            }
            Self::Poisson(shape) => {
                let end = shape.total().min(((block + 1) * BLOCK) as f64);
                let stream = luck.of_block(block);
                offsets.extend(poisson((block * BLOCK) as f64, end, stream).map(|requests| shape.inverse(requests)));
                // where two are searched for that lie closer together than a nanosecond, rounding may change their order
                offsets.sort_unstable();
            }
            Self::Times(times) => {
                let first = (block * BLOCK) as usize;
                let last = (first + BLOCK as usize).min(times.len());
                offsets.extend_from_slice(&times[first..last]);
            }
            Self::Bins(bins) => bins.fill(block as usize, luck.of_block(block), offsets),
        }
    }
}

/// The points of a Poisson process of rate 1 between two points.
///
/// It has no memory, so it may begin anew at each block.
pub(super) fn poisson(from: f64, to: f64, stream: Stream) -> impl Iterator<Item = f64> {
    let (mut at, mut stream) = (from, stream);
    std::iter::from_fn(move || {
        let gap: f64 = Exp1.sample(&mut stream);
        at += gap;
        (at < to).then_some(at)
    })
}

/// Uniform in [0, 1): the 53 bits a double can hold.
pub(super) fn uniform(stream: &mut Stream) -> f64 {
    (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The chance of one generator: a stream for each block.
#[derive(Clone, Copy, Debug)]
struct Luck(Seed);

impl Luck {
    fn of_block(self, block: u64) -> Stream {
        self.0.stream_of(Purpose::Arrivals, block)
    }
}

/// A list of arrivals that is never whole in memory. Clones share what was counted.
#[derive(Clone, Debug)]
pub struct Arrivals {
    source: Source,
    luck: Luck,
    /// Arrivals up to the end of each block, where blocks are not all of one size.
    up_to: Option<Arc<[u64]>>,
    total: u64,
    block: u64,
    /// The rest of the block that is being handed out.
    offsets: Vec<u64>,
    taken: usize,
    /// Those handed out are of this share.
    share: Share,
    /// How many were passed, of whatever share.
    passed: u64,
}

impl Arrivals {
    /// The arrivals of a source; all that is random in them follows from `seed` and the generator's number.
    pub fn new(source: Source, seed: Seed, generator: u64) -> Self {
        let luck = Luck(Seed(seed.stream_of(Purpose::Arrivals, generator).next_u64()));
        let (total, up_to) = match &source {
            Source::Even(shape) => (shape.requests(), None),
            Source::Times(times) => (times.len() as u64, None),
            Source::Poisson(_) | Source::Bins(_) => {
                let (mut total, mut offsets) = (0, Vec::new());
                let up_to: Arc<[u64]> = (0..source.blocks())
                    .map(|block| {
                        source.fill(block, luck, &mut offsets);
                        total += offsets.len() as u64;
                        total
                    })
                    .collect();
                (total, Some(up_to))
            }
        };
        let share = Share::WHOLE;
        Self { source, luck, up_to, total, block: 0, offsets: Vec::new(), taken: 0, share, passed: 0 }
    }

    /// Those of one of several machines.
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// How many there are.
    pub const fn total(&self) -> u64 {
        self.share.count(self.total)
    }

    /// How many come before `offset`.
    pub fn before(&self, offset: u64) -> u64 {
        self.share.count(self.of_all_before(offset))
    }

    fn of_all_before(&self, offset: u64) -> u64 {
        // the last block that begins before it; the ones after it have nothing to count
        let (mut low, mut high) = (0, self.source.blocks());
        while low < high {
            let middle = low.midpoint(high);
            if self.source.begins(middle) < offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else { return 0 };
        let mut offsets = Vec::new();
        self.source.fill(block, self.luck, &mut offsets);
        self.before_block(block) + offsets.partition_point(|at| *at < offset) as u64
    }

    fn before_block(&self, block: u64) -> u64 {
        match &self.up_to {
            None => block * BLOCK,
            Some(up_to) => block.checked_sub(1).map_or(0, |last| up_to[last as usize]),
        }
    }

    /// The next arrival, which stays the next one.
    pub fn peek(&mut self) -> Option<u64> {
        loop {
            let next = self.peek_at_any()?;
            if self.share.has(self.passed) {
                return Some(next);
            }
            self.pass();
        }
    }

    fn pass(&mut self) {
        self.taken += 1;
        self.passed += 1;
    }

    fn peek_at_any(&mut self) -> Option<u64> {
        while self.taken == self.offsets.len() {
            if self.block >= self.source.blocks() {
                return None;
            }
            self.source.fill(self.block, self.luck, &mut self.offsets);
            self.taken = 0;
            self.block += 1;
        }
        self.offsets.get(self.taken).copied()
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let next = self.peek()?;
        self.pass();
        Some(next)
    }
}

#[cfg(test)]
mod laws;
