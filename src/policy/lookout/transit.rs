//! How much of a probe's latency is the way to the gateway and back, which the gateway's own counters know nothing of.
//!
//! ```text
//!   latency of a probe = way to the gateway and back + time in the gateway
//!                        here                          what its counters grew by, if nobody else was there
//! ```
//!
//! Without it a fast function would seem to take less of a replica than it does, by all of the way.

use crate::record::Measurement;

/// How much the last one seen counts.
const LAST: f64 = 0.3;

/// The way of a probe outside of the gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transit {
    /// In seconds; `None` until one was seen.
    usual: Option<f64>,
    /// The last look, if nobody was in the gateway then.
    last: Option<Look>,
}

/// What all requests and the policy's own probes had come to.
#[derive(Clone, Copy, Debug)]
struct Look {
    answered: u64,
    spent: f64,
    probes: u64,
    took: f64,
}

impl Transit {
    /// The counters say so, while so many own probes were answered and took so many seconds, as their sender saw it.
    pub(super) fn look(&mut self, sample: &Measurement, probes: u64, took: f64) {
        let look = Look { answered: sample.answered, spent: sample.request_time.as_secs_f64(), probes, took };
        let is_empty = sample.in_flight == 0;
        let Some(last) = std::mem::replace(&mut self.last, is_empty.then_some(look)).filter(|_| is_empty) else {
            return;
        };
        let count = probes.saturating_sub(last.probes);
        // probes alone, and all of them
        if count == 0 || look.answered.checked_sub(last.answered) != Some(count) {
            return;
        }
        let outside = ((look.took - last.took) - (look.spent - last.spent)) / count as f64;
        // counters of a gateway that began anew may tell anything
        if outside >= 0.0 && look.spent >= last.spent {
            self.usual = Some(self.usual.map_or(outside, |usual| usual + LAST * (outside - usual)));
        }
    }

    /// Whether one was seen.
    pub(super) fn is_known(&self) -> bool {
        self.usual.is_some()
    }

    /// Seconds of a probe's latency that are not the gateway's; none until it is known.
    pub(super) fn usual(&self) -> f64 {
        self.usual.unwrap_or(0.0)
    }

    /// The seconds of this latency that were spent in the gateway.
    pub(super) fn within(&self, latency: f64) -> f64 {
        (latency - self.usual()).max(0.0)
    }
}
