//! What the replicas of a run cost: the time that all of them lived, from the load's start on.

use std::time::Duration;

use crate::time::Timestamp;

/// Time lived by all replicas, where the load starts and where it was seen last.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    at_load_start: Option<Duration>,
    last: (Timestamp, Duration),
}

impl Cost {
    /// What had been lived at a moment.
    pub(crate) fn sample(&mut self, at: Timestamp, lived: Duration, load_start: Timestamp) {
        let (before_at, before) = std::mem::replace(&mut self.last, (at, lived));
        if self.at_load_start.is_none() && at >= load_start {
            // replicas between two samples are taken as steady; a sample at the load's start makes this exact
            let share = if at == before_at {
                1.0
            } else {
                (load_start - before_at).as_secs_f64() / (at - before_at).as_secs_f64()
            };
            self.at_load_start = Some(before + lived.saturating_sub(before).mul_f64(share.min(1.0)));
        }
    }

    /// Of `lived`, what was lived since the load's start; `None` if nothing was seen there.
    pub(crate) fn since_load_start(&self, lived: Duration) -> Option<Duration> {
        self.at_load_start.map(|before| lived.saturating_sub(before))
    }
}
