//! Who runs the replicas behind the gateway: the model, or real processes.

use std::sync::Arc;
use std::time::Duration;

use super::clockwork::{Clockwork, Standing};
use super::processes::Pool;
use crate::drive::live::clock::Clock;
use crate::model::{Conditions, FunctionModel};
use crate::policy::{Measurement, ReplicaStatus};
use crate::record::{FunctionId, PlatformSample, ProcessRow};
use crate::time::Timestamp;

/// One of them.
#[derive(Clone)]
pub(super) enum Replicas {
    /// Modelled capacity.
    Modelled(Arc<Clockwork>),
    /// Real capacity.
    Processes(Arc<Pool>),
}

impl Replicas {
    pub(super) fn clock(&self) -> &Clock {
        match self {
            Self::Modelled(clockwork) => clockwork.clock(),
            Self::Processes(pool) => pool.clock(),
        }
    }

    pub(super) fn standing(&self, function: FunctionId) -> Standing {
        match self {
            Self::Modelled(clockwork) => clockwork.standing(function),
            Self::Processes(pool) => Standing { ready: pool.status(function).ready > 0, revision: 0, max_inflight: 0 },
        }
    }

    /// A new function; `None` where there can be no more, or none at all.
    pub(super) fn deploy(&self, model: &FunctionModel, replicas: u32, bounds: (u32, u32)) -> Option<FunctionId> {
        match self {
            Self::Modelled(clockwork) => clockwork.deploy(model, replicas, bounds),
            Self::Processes(_) => None,
        }
    }

    /// Another revision of a function.
    pub(super) fn update(&self, function: FunctionId, model: &FunctionModel, replicas: Option<u32>) {
        if let Self::Modelled(clockwork) = self {
            clockwork.update(function, model, replicas);
        }
    }

    /// A function is gone.
    pub(super) fn remove(&self, function: FunctionId) {
        if let Self::Modelled(clockwork) = self {
            clockwork.remove(function);
        }
    }

    /// Whether functions come and go.
    pub(super) fn takes_functions(&self) -> bool {
        matches!(self, Self::Modelled(_))
    }

    pub(super) fn scale(&self, function: FunctionId, to: u32) -> u32 {
        match self {
            Self::Modelled(clockwork) => clockwork.scale(function, to),
            Self::Processes(pool) => pool.scale(function, to),
        }
    }

    pub(super) fn status(&self, function: FunctionId) -> ReplicaStatus {
        match self {
            Self::Modelled(clockwork) => clockwork.status(function),
            Self::Processes(pool) => pool.status(function),
        }
    }

    pub(super) fn measure(&self, function: FunctionId) -> Measurement {
        match self {
            Self::Modelled(clockwork) => clockwork.measure(function),
            Self::Processes(pool) => pool.measure(function),
        }
    }

    pub(super) fn sample(&self, function: FunctionId) -> PlatformSample {
        match self {
            Self::Modelled(clockwork) => clockwork.sample(function),
            Self::Processes(pool) => pool.sample(function),
        }
    }

    /// Each replica's process; none of a modelled one.
    pub(super) fn processes(&self, function: FunctionId) -> Vec<ProcessRow> {
        match self {
            Self::Modelled(_) => Vec::new(),
            Self::Processes(pool) => pool.rows(function),
        }
    }

    /// From now on these are the circumstances; nothing of that kind befalls real processes.
    pub(super) fn suffer(&self, conditions: Conditions) {
        if let Self::Modelled(clockwork) = self {
            clockwork.suffer(conditions);
        }
    }

    /// A probe is asked for, and sets out. True if its way counts from then on.
    pub(super) fn probing(&self, asked: Timestamp) -> bool {
        match self {
            Self::Modelled(clockwork) => clockwork.probing(asked),
            Self::Processes(_) => false,
        }
    }

    /// The probe that was asked for then took this long from there, by its sender's clock; nothing if it got no answer.
    pub(super) fn probed(&self, asked: Timestamp, took: Option<Duration>) {
        if let Self::Modelled(clockwork) = self {
            clockwork.probed(asked, took);
        }
    }

    /// So many replicas die now.
    pub(super) fn crash(&self, function: FunctionId, replicas: u32) {
        match self {
            Self::Modelled(clockwork) => clockwork.crash(function, replicas),
            Self::Processes(pool) => pool.crash(function, replicas),
        }
    }
}
