//! Why somebody's platform can't be used for a run, or was not left as it was found.

use std::time::Duration;

use super::journal::JournalError;
use super::secret::SecretError;
use crate::drive::live::target::TargetError;
use crate::drive::live::target::kubernetes::{ApiError, ConfigError};
use crate::drive::live::target::rest::RestError;

/// Why a platform can't be used for a run, or was not left as it was.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Something about the addresses.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The password is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no way to the cluster.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificates are not there.
    #[error("ca_file {file} can't be read: {source}")]
    CaFile {
        /// Which.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Changes can't be noted, so none is made.
    #[error("what is about to be changed can't be noted, so nothing was changed: {0}")]
    Journal(#[from] JournalError),
    /// The gateway did not answer as it should.
    #[error("{what}: {source}")]
    Rest {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: Box<RestError>,
    },
    /// The cluster's API server did not answer as it should.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: Box<ApiError>,
    },
    /// What a run does is not allowed to it.
    #[error(
        "this account may not do in the cluster what a run does there; missing:\n{}\n  hint: docs/kubernetes.md has the Role with all of them; ask for it, or choose another isolation in [kubernetes]",
        listed(.0)
    )]
    Rights(Vec<String>),
    /// The gateway would not scale.
    #[error("the gateway would not set {function} to {replicas} replicas: {why}")]
    Refused {
        /// The function.
        function: String,
        /// How many.
        replicas: u32,
        /// What it said.
        why: String,
    },
    /// The gateway granted another count than it was asked for.
    #[error(
        "the gateway made {replicas} replicas of {function} into {made}\n  hint: the Community Edition grants 1 to 5; choose replicas in [function] within what yours grants"
    )]
    Made {
        /// The function.
        function: String,
        /// How many were asked for.
        replicas: u32,
        /// How many there are.
        made: u32,
    },
    /// It took too long.
    #[error(
        "{function} has {ready} of {wanted} replicas ready after {waited:?}\n  hint: look at its pods; raise ready_within in [openfaas] if they only need longer"
    )]
    NotReady {
        /// The function.
        function: String,
        /// How many are ready.
        ready: u32,
        /// How many should be.
        wanted: u32,
        /// The limit.
        waited: Duration,
    },
    /// Pods that were to send a load are not there.
    #[error(
        "not all pods of job {job} run after {waited:?}:\n{}\n  hint: look at them with `kubectl describe`; raise load_ready_within in [kubernetes] if they only need longer, or ask for fewer",
        listed(.pods)
    )]
    NoPods {
        /// The Job.
        job: String,
        /// How long they were waited for.
        waited: Duration,
        /// Which are not, and what the cluster says of each.
        pods: Vec<String>,
    },
    /// The pods of a load are not gone yet.
    #[error("job {job} in namespace {namespace} is being deleted, and its pods are not gone after {waited:?}")]
    Lingers {
        /// The Job.
        job: String,
        /// Where.
        namespace: String,
        /// How long they were waited for.
        waited: Duration,
    },
    /// Two runs on one function would measure each other.
    #[error("another watchtower ({who}) is driving {function} at {place}\n  hint: wait until it ends, or end it")]
    Driven {
        /// Which.
        who: String,
        /// The function.
        function: String,
        /// Where.
        place: String,
    },
    /// It could not be put back in time. The journal keeps it.
    #[error(
        "{function} at {place} could not be put back as it was ({why})\n  hint: run `watchtower restore` when it answers again, or type\n{commands}"
    )]
    NotRestored {
        /// The function.
        function: String,
        /// Where.
        place: String,
        /// What stood in the way at last.
        why: String,
        /// What to type instead.
        commands: String,
    },
}

fn listed(missing: &[String]) -> String {
    missing.iter().map(|right| format!("    {right}")).collect::<Vec<_>>().join("\n")
}
