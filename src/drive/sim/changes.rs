//! What happens on the platform, as rows and as answers to those who asked.

use crate::drive::{RecordError, Recorder};
use crate::model::{Change, Ending};
use crate::record::{EventKind, EventRow, FunctionId};

use super::Simulation;
use super::platform::Caller;
use super::worker::Reply;

impl<R: Recorder + ?Sized> Simulation<'_, R> {
    /// Something happened on the platform.
    #[inline]
    pub(super) fn take(&mut self, change: &Change) -> Result<(), RecordError> {
        let Change::Answered { request, at, ending, replica } = *change else { return self.take_rare(change) };
        let caller = Caller::of(request);
        let Caller::Worker { worker, attempt } = caller else { return self.take_ours(caller, ending) };
        let (status, size) = self.platform.count(self.load.asked(worker), ending);
        let reply = Reply { at, answer: Ok(status), replica, size };
        self.load.answer(worker, attempt, reply, &mut self.agenda, self.recorder)?;
        self.end_load_if_done()
    }

    /// An answer to a probe, or to a warm-up request.
    #[cold]
    fn take_ours(&mut self, caller: Caller, ending: Ending) -> Result<(), RecordError> {
        match (self.platform.count_ours(caller, ending), caller) {
            (status, Caller::Probe { number }) => self.settle_probe(number, Ok(status)),
            (status, _) if status >= 400 => self.warm_up_failed(status),
            _ => Ok(()),
        }
    }

    #[cold]
    fn take_rare(&mut self, change: &Change) -> Result<(), RecordError> {
        match *change {
            Change::Ready { at, function, replica, from, to } if function == FunctionId::STUDIED => {
                self.recorder.event(&EventRow {
                    at,
                    actor: "platform".into(),
                    kind: EventKind::Ready,
                    from: Some(from),
                    to: Some(to),
                    reason: format!("replica {} is ready", replica.0),
                    value: None,
                })
            }
            Change::Terminated { at, function, replica, from, to, cut } if function == FunctionId::STUDIED => {
                let state = if from == to { " before it was ready" } else { "" };
                self.recorder.event(&EventRow {
                    at,
                    actor: "platform".into(),
                    kind: EventKind::Terminated,
                    from: Some(from),
                    to: Some(to),
                    reason: format!("replica {} was removed{state}; requests cut: {cut}", replica.0),
                    value: Some(f64::from(cut)),
                })
            }
            Change::Died { at, function, replica, from, to, cut } if function == FunctionId::STUDIED => {
                self.recorder.event(&EventRow {
                    at,
                    actor: "platform".into(),
                    kind: EventKind::Terminated,
                    from: Some(from),
                    to: Some(to),
                    reason: format!("replica {} died; requests cut: {cut}", replica.0),
                    value: Some(f64::from(cut)),
                })
            }
            // the rows of a run are about the function under study, a held request's row is its answer's, and answers were taken before
            Change::Ready { .. }
            | Change::Terminated { .. }
            | Change::Died { .. }
            | Change::Released { .. }
            | Change::Answered { .. } => Ok(()),
        }
    }

    fn warm_up_failed(&mut self, status: u16) -> Result<(), RecordError> {
        self.recorder.event(&EventRow {
            at: self.now,
            actor: "run".into(),
            kind: EventKind::Failed,
            from: None,
            to: None,
            reason: format!("a warm-up request was answered {status}"),
            value: None,
        })
    }
}
