//! Why a run by the wall clock ends before its time.

use crate::drive::RecordError;
use crate::drive::live::load::LoadError;
use crate::drive::live::target::TargetError;

/// Why a run could not go on. What was recorded before stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A row could not be kept.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The load could not be started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The thread that wakes the run's loop could not be started.
    #[error("the run's alarm could not be started: {0}; is there a limit on threads (ulimit -u)?")]
    Alarm(std::io::Error),
    /// The load's thread ended before its work was done.
    #[error("the load generator ended before its time; this is a fault of watchtower, please report it")]
    LoadEnded,
    /// The target could not be addressed.
    #[error(transparent)]
    Target(#[from] TargetError),
}
