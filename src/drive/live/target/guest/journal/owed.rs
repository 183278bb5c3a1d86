//! What a run owes to a platform, as the journal has it: what it changed there, what it is put back to, and the way to come in again.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::secret::SecretSource;
use super::super::silence::Alertmanager;

/// What a run owes to a platform. They are told apart by what they name: a cluster, or a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Owed {
    /// To a Kubernetes cluster.
    Cluster(ClusterDebt),
    /// To one, too: pods that send a load.
    Load(LoadDebt),
    /// To a gateway.
    Gateway(GatewayDebt),
}

/// What was changed at a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayDebt {
    /// The gateway's base address.
    pub gateway: String,
    /// Where the function lives.
    pub namespace: String,
    /// The function.
    pub function: String,
    /// How many replicas it had.
    pub replicas: u32,
    /// Where alerts are silenced, if they are.
    pub alertmanager: Option<Alertmanager>,
    /// How to be let in.
    pub secret: SecretSource,
    /// Authorities that vouch for the gateway and the Alertmanager, if not this machine's.
    pub ca_file: Option<PathBuf>,
    /// What was asked for and had not been answered when this was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Unanswered>,
}

/// A change that was asked for and of which no answer is known: it may be made yet, also when whoever asked is dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// What it is.
    pub what: Asked,
    /// When it was asked for, as Unix time.
    pub asked_at: Duration,
    /// So long after that it has been made or never will be.
    pub within: Duration,
}

/// What a run asks of a gateway and its Alertmanager to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Another count of replicas.
    Scaling {
        /// How many there were.
        from: u32,
        /// How many there are to be.
        to: u32,
    },
    /// The function's alert silenced.
    Silence,
}

impl Asked {
    /// Whether it has been made, where there are so many replicas now. What a gateway makes of a count is a shorter step, never another
    /// way. Of a silence the replicas tell nothing.
    pub(in crate::drive::live::target) fn is_made(self, replicas: u32) -> bool {
        match self {
            Self::Scaling { from, to } => replicas != from && (from.min(to)..=from.max(to)).contains(&replicas),
            Self::Silence => false,
        }
    }
}

/// What was changed in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterDebt {
    /// The API server's address.
    pub cluster: String,
    /// The files that say how to reach it, as `KUBECONFIG` lists them; none inside the cluster.
    pub kubeconfig: Option<String>,
    /// Which of their contexts.
    pub context: Option<String>,
    /// Where the function lives.
    pub namespace: String,
    /// The function.
    pub function: String,
    /// What was taken over: the function, and the Alertmanager where it is switched off.
    pub taken: Vec<Taken>,
    /// Where alerts are silenced, if they are.
    pub silenced_at: Option<Alertmanager>,
    /// Authorities that vouch for that address, if not this machine's.
    pub ca_file: Option<PathBuf>,
}

/// A Job whose pods send a load, with a `ConfigMap` of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadDebt {
    /// The API server's address.
    pub cluster: String,
    /// The files that say how to reach it, as `KUBECONFIG` lists them; none inside the cluster.
    pub kubeconfig: Option<String>,
    /// Which of their contexts.
    pub context: Option<String>,
    /// Where it is.
    pub job_namespace: String,
    /// Its name.
    pub job: String,
}

/// A Deployment that a run has for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Where it lives.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
    /// How many replicas it had; `None` while nothing but its Lease was taken.
    pub replicas: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaling_is_seen_to_be_made_by_a_step_its_way_however_short() {
        let asked = |from, to| Asked::Scaling { from, to };
        for (asked, made, not) in [
            (asked(2, 7), &[3, 5, 7][..], &[1, 2, 8][..]),
            (asked(3, 1), &[2, 1], &[3, 4, 0]),
            (asked(2, 2), &[], &[1, 2, 3]),
            (Asked::Silence, &[], &[1]),
        ] {
            assert!(made.iter().all(|replicas| asked.is_made(*replicas)), "{asked:?}");
            assert!(!not.iter().any(|replicas| asked.is_made(*replicas)), "{asked:?}");
        }
    }
}
