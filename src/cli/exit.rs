//! Exit codes: part of the contract with scripts and CI.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: a run failed or is invalid; results written so far stay.
    Failed,
    /// 2: bad usage or scenario.
    Usage,
    /// 3: everything ran, and an expectation (of the scenario, or `hey --expect`) is not met.
    NotMet,
    /// 130: Ctrl-C; results so far are written and marked partial.
    Interrupted,
    /// 143: SIGTERM, likewise.
    Terminated,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::NotMet => 3,
            ExitStatus::Interrupted => 130,
            ExitStatus::Terminated => 143,
        })
    }
}
