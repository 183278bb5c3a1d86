//! What several runs say about their arms: differences with intervals, tests, effect sizes, verdicts.
//!
//! ```text
//!   one number per run --> pairs (arm a, arm b, one per repeat) --> difference, ratio --> interval   t_interval, resample
//!                                                               --> p                 --> sign_flip, signed_rank, holm
//!                                                               --> effect            --> effect
//!                                    interval + p + margin      --> verdict           --> runs needed (power)
//! ```
//!
//! The run is the unit: requests inside a run depend on each other, runs don't. Everything here is arithmetic over numbers that
//! are finite; where chance is drawn on (resampling) the stream or the indices are handed in.

pub mod compared;
pub mod correlation;
pub mod distance;
pub mod distribution;
pub mod effect;
pub mod holm;
pub mod moments;
pub mod power;
pub mod rank_sum;
pub mod ranks;
pub mod resample;
pub mod sign_flip;
pub mod signed_rank;
pub mod t_interval;
pub mod verdict;

/// An interval that covers the true value with the probability it was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Half of its length.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether a value lies in it, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// With fewer pairs there is no verdict: a two-sided exact test of five signs can't reach p < 0.05, its smallest p is 2 / 2^5.
pub const MIN_PAIRS: usize = 6;

/// The level of every interval.
pub const LEVEL: f64 = 0.95;

/// The chance of a false verdict that is put up with.
pub const ALPHA: f64 = 0.05;
