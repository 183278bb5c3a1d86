//! What is recorded of how an arm came to be the only one who scales its function, or that it may not be.

use crate::record::{EventKind, EventRow};
use crate::time::Timestamp;

use super::silence::ALERT;

/// The platform's own autoscaler is kept from scaling, in this way.
pub(in crate::drive::live::target) fn isolated(at: Timestamp, how: String) -> EventRow {
    said(at, how)
}

/// It is not, for this reason: said to whoever watches too, since a run that it breaks into is lost.
pub(in crate::drive::live::target) fn not_isolated(at: Timestamp, function: &str, why: &str) -> EventRow {
    let reason = format!(
        "not isolated: {why}, so the platform's own autoscaler may scale {function} beside this arm; if it does, the run is invalid"
    );
    tracing::warn!("{reason}");
    said(at, reason)
}

/// The way of those who only silence the alert.
pub(in crate::drive::live::target) fn silenced(function: &str, url: &str) -> String {
    format!("isolated: the alert {ALERT} of {function} is silenced at {url}, and no other")
}

fn said(at: Timestamp, reason: String) -> EventRow {
    EventRow { at, actor: "run".into(), kind: EventKind::Phase, from: None, to: None, reason, value: None }
}
