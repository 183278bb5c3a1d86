//! A worker of a generator in virtual time, and what it got.

use super::platform::Asked;
use crate::record::{Answer, GeneratorId, ReplicaId};
use crate::schedule::Call;
use crate::time::Timestamp;

/// One worker of a generator.
#[derive(Clone, Copy)]
pub(super) struct Worker {
    pub(super) generator: GeneratorId,
    /// Counts the requests, so that a late answer is not taken for the next one's.
    pub(super) attempt: u32,
    pub(super) does: Does,
    pub(super) call: Call,
    /// What its call asks for. Kept until its next one, so a late answer of a request that was given up is taken for an answer to
    /// what its worker asks now.
    pub(super) asked: Asked,
    pub(super) sent: Timestamp,
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Its generator has not begun.
    Nothing,
    /// It waits until its call is ready.
    Send,
    /// It waits for an answer.
    Wait,
    /// It has no more to do.
    Finished,
}

/// What a worker got.
#[derive(Clone, Copy)]
pub(super) struct Reply {
    pub(super) at: Timestamp,
    pub(super) answer: Answer,
    pub(super) replica: Option<ReplicaId>,
    pub(super) size: Option<u64>,
}
