//! What a run tells of itself as it goes; who keeps it is no driver's matter.

use super::Phase;
use crate::record::{
    CpuShares, EventRow, FunctionId, GeneratorId, Lost, Measurement, PlatformSample, ProbeRow, ProcessRow, RequestRow,
};
use crate::time::{Epoch, Timestamp};

/// A row could not be kept (a full disk, for instance), or the policy that makes them failed ([`PolicyFailure`](super::PolicyFailure)). The run ends; what
/// was kept stays.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where rows go as they come. What is of no interest is passed over: it need not be written.
///
/// Drivers call [`Recorder::second`] once a second, after everything that happened before it, with the platform as it stands.
pub trait Recorder {
    /// The run begins: its Unix time and the start of its load are fixed now.
    ///
    /// # Errors
    /// When it can't be kept.
    fn begin(&mut self, _epoch: Epoch, _load_start: Timestamp) -> Result<(), RecordError> {
        Ok(())
    }

    /// The run entered a phase.
    ///
    /// # Errors
    /// When it can't be kept.
    fn phase(&mut self, _at: Timestamp, _phase: Phase) -> Result<(), RecordError> {
        Ok(())
    }

    /// A load request was answered or given up.
    ///
    /// # Errors
    /// When it can't be kept.
    fn request(&mut self, _row: &RequestRow) -> Result<(), RecordError> {
        Ok(())
    }

    /// Planned requests turned out to be lost.
    ///
    /// # Errors
    /// When it can't be kept.
    fn lost(&mut self, _at: Timestamp, _generator: GeneratorId, _lost: Lost) -> Result<(), RecordError> {
        Ok(())
    }

    /// A policy judged a probe.
    ///
    /// # Errors
    /// When it can't be kept.
    fn probe(&mut self, _row: &ProbeRow) -> Result<(), RecordError> {
        Ok(())
    }

    /// Something happened.
    ///
    /// # Errors
    /// When it can't be kept.
    fn event(&mut self, _row: &EventRow) -> Result<(), RecordError> {
        Ok(())
    }

    /// A second of the run is over. `planned` counts the requests the schedules called for before `at`.
    ///
    /// # Errors
    /// When it can't be kept.
    fn second(&mut self, _at: Timestamp, _planned: u64, _sample: &PlatformSample) -> Result<(), RecordError> {
        Ok(())
    }

    /// A policy was told the platform's metrics of a function.
    ///
    /// # Errors
    /// When they can't be kept.
    fn metrics(&mut self, _at: Timestamp, _function: FunctionId, _sample: &Measurement) -> Result<(), RecordError> {
        Ok(())
    }

    /// A replica as it stands at the end of a second, where replicas are processes.
    ///
    /// # Errors
    /// When it can't be kept.
    fn process(&mut self, _at: Timestamp, _row: &ProcessRow) -> Result<(), RecordError> {
        Ok(())
    }

    /// Who used the machine's CPU in the second that ended at `at`. Only by the wall clock, and only where the machine tells; the
    /// first second comes when there was one before it to count from.
    ///
    /// # Errors
    /// When it can't be kept.
    fn cpu(&mut self, _at: Timestamp, _shares: &CpuShares) -> Result<(), RecordError> {
        Ok(())
    }
}
