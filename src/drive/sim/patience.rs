//! What keeps a policy that never lets time pass from stopping it for good.

use std::time::Duration;

use crate::time::Timestamp;

/// Events at one moment after which it is taken for granted that there is no end to them. Policies take a handful.
const MOST_AT_ONE_MOMENT: u32 = 1_000;

/// What time then passes between two events: by the wall clock no loop is faster than its policy, and none is much faster than this.
const BREATH: Duration = Duration::from_millis(1);

/// Counts the events a policy is told at one moment.
///
/// By the wall clock a policy whose wish to be woken stays in the past, or that asks again with every answer, keeps one core busy and
/// the run goes on. In virtual time an answer takes none, so it would be asked and answered at the same moment for ever.
#[derive(Debug, Default)]
pub(super) struct Patience {
    moment: Timestamp,
    events: u32,
    is_lost: bool,
}

impl Patience {
    /// The policy is told something. True if patience is lost with it, once in a run.
    pub(super) fn told(&mut self, now: Timestamp) -> bool {
        if self.moment != now {
            (self.moment, self.events) = (now, 0);
        }
        self.events += 1;
        self.events > MOST_AT_ONE_MOMENT && !std::mem::replace(&mut self.is_lost, true)
    }

    /// When the policy can be told something that is for `at`.
    pub(super) fn earliest(&self, now: Timestamp, at: Timestamp) -> Timestamp {
        let at = at.max(now);
        if self.is_lost && self.moment == now { at.max(now + BREATH) } else { at }
    }
}
