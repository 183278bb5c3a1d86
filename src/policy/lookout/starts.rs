//! How long pods take to start, as seen.

use crate::time::Timestamp;

/// How long a pod takes to start, until one was seen, in seconds.
const UNSEEN: f64 = 4.5;
/// How much the last one seen counts.
const LAST: f64 = 0.3;
/// A pod that takes longer than this has another reason, in seconds.
const LONGEST: f64 = 60.0;

/// How long pods took to start.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartUps {
    usual: f64,
    asked: Option<Timestamp>,
    ready: u32,
}

impl Default for StartUps {
    fn default() -> Self {
        Self { usual: UNSEEN, asked: None, ready: 0 }
    }
}

impl StartUps {
    /// More replicas were asked for.
    pub(super) fn asked(&mut self, now: Timestamp) {
        self.asked.get_or_insert(now);
    }

    /// So many replicas are in service of those desired.
    pub(super) fn seen(&mut self, now: Timestamp, ready: u32, desired: u32) {
        if let Some(asked) = self.asked
            && ready > self.ready
        {
            let took = now.since(asked).as_secs_f64().min(LONGEST);
            self.usual += LAST * (took - self.usual);
        }
        if ready >= desired {
            self.asked = None;
        }
        self.ready = ready;
    }

    /// Seconds until a pod that is asked for now serves.
    pub(super) fn usual(&self) -> f64 {
        self.usual
    }

    /// Seconds until more serve than do now, on average: half a start-up if some are on their way.
    pub(super) fn left(&self) -> f64 {
        if self.asked.is_some() { self.usual / 2.0 } else { self.usual }
    }
}
