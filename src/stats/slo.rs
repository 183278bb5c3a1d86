//! The service level objective: how fast how many of the planned requests must be answered.

use std::time::Duration;

/// A service level objective: this percentile of the planned requests is answered well within this latency, from due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// The latency that counts as fast enough.
    pub latency: Duration,
    /// The percentile that must stay under it, above 0 and below 100.
    pub percentile: f64,
}
