//! The objects of the stand-in's cluster, with the rules that a real API server keeps: versions, conflicts, and every change in order
//! for those who watch. Answers are worded as the transcript in the reference has them.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::jobs;

/// One resource: `deployments`, `leases` or `events`, in a namespace, by name.
pub(super) type Key = (String, String, String);

/// An answer: status and body.
pub(super) type Answer = (u16, Value);

/// One change, as a watch tells it.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) what: &'static str,
    pub(super) key: Key,
    pub(super) object: Value,
}

#[derive(Default)]
pub(super) struct Objects {
    pub(super) version: u64,
    pub(super) all: BTreeMap<Key, Value>,
    pub(super) changes: Vec<Change>,
    /// Pods on their way up, by Deployment: since when.
    starting: BTreeMap<Key, Instant>,
    happenings: u64,
}

#[derive(Default)]
pub(super) struct Store {
    objects: Mutex<Objects>,
    pub(super) changed: Condvar,
}

/// How long a pod takes until it is ready.
const START_UP: Duration = Duration::from_millis(200);

pub(super) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    (code, body)
}

pub(super) fn key(resource: &str, namespace: &str, name: &str) -> Key {
    (resource.to_owned(), namespace.to_owned(), name.to_owned())
}

fn group(resource: &str) -> &'static str {
    match resource {
        "deployments" => "deployments.apps",
        "leases" => "leases.coordination.k8s.io",
        "jobs" => "jobs.batch",
        "configmaps" => "configmaps",
        "pods" => "pods",
        _ => "events",
    }
}

pub(super) fn missing(resource: &str, name: &str) -> Answer {
    status(404, "NotFound", &format!("{} \"{name}\" not found", group(resource)))
}

pub(super) fn conflict(resource: &str, name: &str) -> Answer {
    status(
        409,
        "Conflict",
        &format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            group(resource)
        ),
    )
}

impl Store {
    pub(super) fn lock(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A Deployment with so many pods, all ready.
    pub(super) fn deploy(&self, namespace: &str, name: &str, replicas: u32) {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": name, "namespace": namespace, "uid": format!("uid-{namespace}-{name}"),
                "annotations": { "prometheus.io.scrape": "false" },
            },
            "spec": { "replicas": replicas, "selector": { "matchLabels": { "faas_function": name } } },
            "status": { "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas },
        });
        self.lock().put(&key("deployments", namespace, name), deployment);
        self.changed.notify_all();
    }

    /// One turn of the controllers: pods are made, become ready, and go.
    pub(super) fn reconcile(&self, never_ready: bool) {
        let mut objects = self.lock();
        let deployments: Vec<Key> =
            objects.all.keys().filter(|(resource, ..)| resource == "deployments").cloned().collect();
        let mut moved = false;
        for key in deployments {
            moved |= objects.reconcile(&key, never_ready);
        }
        jobs::collect(&mut objects);
        drop(objects);
        if moved {
            self.changed.notify_all();
        }
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

impl Objects {
    /// Writes an object; nothing happens where nothing changes.
    pub(super) fn put(&mut self, key: &Key, mut object: Value) -> Value {
        let before = self.all.get(key).cloned();
        if let Some(before) = &before {
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if *before == object {
                return object;
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let what = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.changes.push(Change { version: self.version, what, key: key.clone(), object: object.clone() });
        self.all.insert(key.clone(), object.clone());
        object
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(mut object) = self.all.remove(key) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.changes.push(Change { version: self.version, what: "DELETED", key: key.clone(), object });
        }
    }

    /// Whether a version that a writer names is that of the object.
    pub(super) fn is_current(object: &Value, named: &Value) -> bool {
        named.as_str().is_none_or(|version| version.is_empty() || object["metadata"]["resourceVersion"] == version)
    }

    fn reconcile(&mut self, key: &Key, never_ready: bool) -> bool {
        let Some(deployment) = self.all.get(key).cloned() else { return false };
        let (wanted, made) = (count(&deployment["spec"]["replicas"]), count(&deployment["status"]["replicas"]));
        let ready = count(&deployment["status"]["readyReplicas"]);
        let mut next = deployment;
        if wanted != made {
            let verb = if wanted > made { "up" } else { "down" };
            self.starting.insert(key.clone(), Instant::now());
            next["status"]["replicas"] = json!(wanted);
            if ready > wanted {
                next["status"]["readyReplicas"] = json!(wanted);
            }
            self.put(key, next);
            self.happen(key, &format!("Scaled {verb} replica set {}-6fb787b4f6 to {wanted}", key.2));
            return true;
        }
        let is_up = self.starting.get(key).is_none_or(|since| since.elapsed() >= START_UP);
        if ready < wanted && is_up && !never_ready {
            next["status"]["readyReplicas"] = json!(wanted);
            next["status"]["availableReplicas"] = json!(wanted);
            self.put(key, next);
            return true;
        }
        false
    }

    fn happen(&mut self, about: &Key, message: &str) {
        self.happenings += 1;
        let name = format!("{}.{:x}", about.2, 0x17ab_0000 + self.happenings);
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": name, "namespace": about.1, "uid": format!("uid-{name}") },
            "involvedObject": { "kind": "Deployment", "namespace": about.1, "name": about.2 },
            "reason": "ScalingReplicaSet", "message": message, "count": 1, "type": "Normal",
            "source": { "component": "deployment-controller" },
        });
        self.put(&key("events", &about.1, &name), event);
    }
}
