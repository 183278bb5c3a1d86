//! What comes to `/system/alert`, told to whoever wants to know: the gateway's own view of an autoscaler it doesn't host.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::record::FunctionId;
use crate::time::Timestamp;

/// How notifications are taken.
pub struct Alerts {
    /// From a notification to its first step and its answer: what the gateway's calls to its provider take.
    pub latency: Duration,
    /// Told of everything that happens to a notification, in order; must be quick.
    pub on_turn: OnAlert,
}

impl Default for Alerts {
    /// At once, telling nobody.
    fn default() -> Self {
        Self { latency: Duration::ZERO, on_turn: Box::new(|_| ()) }
    }
}

/// Told of every [`AlertTurn`].
pub type OnAlert = Box<dyn FnMut(AlertTurn) + Send>;

/// Something happened to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTurn {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Notified,
}

/// What happened to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notified {
    /// It came, with these alerts: functions as the alerts name them, and whether they fire.
    Received(Vec<(String, bool)>),
    /// One of its alerts was followed; `from` and `to` are desired replicas, equal if nothing was to be done.
    Followed {
        /// Whose.
        function: FunctionId,
        /// Whether the alert fires.
        is_firing: bool,
        /// Before.
        from: u32,
        /// What the platform made it.
        to: u32,
    },
    /// One of its alerts was passed over: the function is unknown, or its labels can't be used.
    PassedOver {
        /// The function as the alert names it.
        name: String,
        /// The scaling factor, if that is why.
        factor: Option<i64>,
    },
    /// It was answered with this status.
    Answered(u16),
}

/// The teller, shared by the handlers of several notifications at once.
pub(super) struct Teller {
    pub(super) latency: Duration,
    on_turn: Mutex<OnAlert>,
}

impl Teller {
    pub(super) fn new(alerts: Alerts) -> Self {
        Self { latency: alerts.latency, on_turn: Mutex::new(alerts.on_turn) }
    }

    pub(super) fn tell(&self, at: Timestamp, what: Notified) {
        (self.on_turn.lock().unwrap_or_else(PoisonError::into_inner))(AlertTurn { at, what });
    }
}
