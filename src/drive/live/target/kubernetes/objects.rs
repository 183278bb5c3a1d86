//! As much of the cluster's objects as a run needs, and where they are. What else an object has is left alone: changes go as patches,
//! or by the scale subresource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::policy::ReplicaStatus;

/// Names and versions of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A Deployment.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) metadata: Meta,
    #[serde(default)]
    spec: DeploymentSpec,
    #[serde(default)]
    status: DeploymentStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct DeploymentSpec {
    replicas: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeploymentStatus {
    replicas: u32,
    ready_replicas: u32,
}

impl Deployment {
    /// Replicas asked for; one where nothing is said.
    pub(super) fn desired(&self) -> u32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// Asked for and ready.
    pub(super) fn replicas(&self) -> ReplicaStatus {
        ReplicaStatus { desired: self.desired(), ready: self.status.ready_replicas }
    }

    /// Whether no pod of it is left.
    pub(super) fn is_empty(&self) -> bool {
        self.desired() == 0 && self.status.replicas == 0
    }
}

/// The scale subresource.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Scale {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: ScaleSpec,
}

/// What is asked for; nothing is written for none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScaleSpec {
    pub(super) replicas: u32,
}

/// A list, with the version of the whole.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) metadata: Meta,
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
}

/// A Lease.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Lease {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: LeaseSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LeaseSpec {
    pub(super) holder_identity: Option<String>,
    pub(super) acquire_time: Option<String>,
    pub(super) lease_duration_seconds: Option<u32>,
    pub(super) lease_transitions: Option<u32>,
}

/// An event, as controllers and kubelets write them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happening {
    pub(super) metadata: Meta,
    pub(super) involved_object: Involved,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) message: String,
    pub(super) count: Option<u32>,
}

/// What an event is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Involved {
    pub(super) kind: String,
    pub(super) name: String,
}

/// Where a Deployment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
}

impl Place {
    pub(super) fn path(&self) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments/{}", self.namespace, self.deployment)
    }

    pub(super) fn scale(&self) -> String {
        format!("{}/scale", self.path())
    }

    /// The scale subresource with so many replicas asked for, over this version of the object and no other.
    pub(super) fn scaled(&self, version: &str, replicas: u32) -> Value {
        json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": { "name": self.deployment, "namespace": self.namespace, "resourceVersion": version },
            "spec": { "replicas": replicas },
        })
    }

    /// The list of which it is the only entry.
    pub(super) fn listed(&self) -> String {
        let Self { namespace, deployment } = self;
        format!("/apis/apps/v1/namespaces/{namespace}/deployments?fieldSelector=metadata.name%3D{deployment}")
    }

    pub(super) fn leases(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    /// The name of the Lease on it.
    pub(super) fn lease_name(&self) -> String {
        format!("watchtower-{}", self.deployment)
    }

    pub(super) fn lease(&self) -> String {
        format!("{}/{}", self.leases(), self.lease_name())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "deployment {} in namespace {}", self.deployment, self.namespace)
    }
}

/// Deployments of a namespace.
pub(super) fn deployments(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments")
}

/// Events of a namespace.
pub(super) fn happenings(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/events")
}
