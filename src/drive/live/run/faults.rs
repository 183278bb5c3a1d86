//! Faults by the wall clock.

use super::Run;
use crate::drive::RecordError;
use crate::record::FunctionId;
use crate::time::Timestamp;

impl Run<'_> {
    /// Faults begin or end.
    pub(super) fn fault(&mut self, now: Timestamp) -> Result<(), RecordError> {
        let mut resumes = false;
        while let Some(turned) = self.faults.turn(now) {
            self.recorder.event(&turned.row)?;
            if let Some(conditions) = turned.conditions {
                self.target.suffer(conditions);
            }
            if turned.dies > 0 {
                self.target.crash(FunctionId::STUDIED, turned.dies);
            }
            resumes |= turned.policy_resumes;
        }
        if resumes {
            // its wake-up, if its time has come, is the loop's next turn
            for event in std::mem::take(&mut self.missed) {
                self.tell(now, &event)?;
            }
        }
        Ok(())
    }

    /// When the policy wants to be woken. One that stalls isn't.
    pub(super) fn policy_wakes(&self) -> Option<Timestamp> {
        if self.faults.policy_stalls() { None } else { self.policy.wake_at() }
    }
}
