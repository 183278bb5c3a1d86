//! Faults in virtual time.

use std::time::Duration;

use crate::drive::{RecordError, Recorder};
use crate::model::Change;
use crate::policy::{Counter, Event, Measurement, ProbeOutcome};
use crate::record::{ErrorKind, FunctionId};
use crate::time::Timestamp;

use super::Simulation;
use super::agenda::What;

impl<R: Recorder + ?Sized> Simulation<'_, R> {
    /// The next fault that begins or ends goes on the agenda.
    pub(super) fn expect_fault(&mut self) {
        let next = self.faults.next();
        if next < Timestamp::MAX {
            self.agenda.push(next, What::Fault);
        }
    }

    /// A fault begins or ends.
    pub(super) fn fault(&mut self, changes: &mut Vec<Change>) -> Result<(), RecordError> {
        let now = self.now;
        let mut resumes = false;
        while let Some(turned) = self.faults.turn(now) {
            self.recorder.event(&turned.row)?;
            if let Some(conditions) = turned.conditions {
                self.platform.cluster.suffer(now, conditions, changes);
            }
            if turned.dies > 0 {
                self.platform.cluster.crash(now, FunctionId::STUDIED, turned.dies, changes);
            }
            for change in changes.drain(..) {
                self.take(&change)?;
            }
            resumes |= turned.policy_resumes;
        }
        self.expect_fault();
        if resumes { self.resume() } else { Ok(()) }
    }

    /// The policy runs again: it is told what it missed, and then that its time has come, if it has.
    fn resume(&mut self) -> Result<(), RecordError> {
        for event in std::mem::take(&mut self.missed) {
            self.tell(&event)?;
        }
        let (now, patience) = (self.now, &self.patience);
        self.agenda.wake_at(self.policy.wake_at().map(|at| patience.earliest(now, at)));
        Ok(())
    }

    /// The policy's time has come. One that stalls doesn't notice.
    pub(super) fn wake(&mut self) -> Result<(), RecordError> {
        if self.faults.policy_stalls() { Ok(()) } else { self.tell(&Event::Woken) }
    }

    /// The gateway's counters, where they can be read.
    pub(super) fn counters(&self) -> Option<Vec<Counter>> {
        (!self.faults.counters_vanish()).then(|| self.platform.counters())
    }

    /// The platform's metrics of a function, where they can be read.
    pub(super) fn metrics(&self, function: FunctionId) -> Option<Measurement> {
        if self.faults.counters_vanish() { None } else { self.platform.measure(self.now, function) }
    }

    /// What comes of a probe that finds nobody.
    pub(super) fn probe_refused(&self) -> Event {
        Event::ProbeDone(ProbeOutcome { sent: self.now, latency: Duration::ZERO, answer: Err(ErrorKind::Refused) })
    }
}
