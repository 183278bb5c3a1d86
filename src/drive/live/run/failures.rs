//! Why requests failed, in a row of events for the first one of each kind: `requests.csv` has a word for each, and here is what it
//! stood for.

use crate::drive::live::load::Load;
use crate::drive::{RecordError, Recorder};
use crate::record::{EventKind, EventRow};
use crate::time::Timestamp;

/// Records how the first request of each kind of failure failed.
pub(super) fn tell(recorder: &mut dyn Recorder, at: Timestamp, load: &Load) -> Result<(), RecordError> {
    load.failures().into_iter().try_for_each(|((generator, kind), failure)| {
        recorder.event(&EventRow {
            at,
            actor: "load".into(),
            kind: EventKind::Failed,
            from: None,
            to: None,
            reason: format!("load {}: the first request that ended in {kind}: {failure}", generator.0 + 1),
            value: None,
        })
    })
}
