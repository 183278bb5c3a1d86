//! The objects of a load from pods, as they are handed to the cluster.

use std::time::Duration;

use serde_json::{Value, json};

use super::Order;
use crate::drive::live::target::kubernetes::isolation::MARK;

/// Where pods find the scenario.
pub const SCENARIO: &str = "/scenario/scenario.toml";
/// The only container of a pod.
pub(super) const CONTAINER: &str = "load";
/// The label by which the pods of one load are found.
const LABEL: &str = "watchtower/load";
/// How long a pod that is asked to end may take.
const GRACE_SECS: u32 = 5;
/// A finished Job that nobody deletes goes by itself after so long.
const TTL_SECS: u32 = 3_600;

pub(super) fn jobs(namespace: &str) -> String {
    format!("/apis/batch/v1/namespaces/{namespace}/jobs")
}

pub(super) fn maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

/// The pods of a Job, as a list.
pub(super) fn pods(namespace: &str, job: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods?labelSelector=watchtower%2Fload%3D{job}")
}

pub(super) fn log(namespace: &str, pod: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?container={CONTAINER}&follow=true")
}

fn meta(namespace: &str, name: &str) -> Value {
    json!({
        "name": name,
        "namespace": namespace,
        "labels": { "app.kubernetes.io/name": "watchtower", "app.kubernetes.io/component": "load", LABEL: name },
        // whoever finds it knows whose it is
        "annotations": { MARK: json!({ "id": name }).to_string() },
    })
}

pub(super) fn map(namespace: &str, name: &str, order: &Order) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(namespace, name),
        "immutable": true,
        "data": { "scenario.toml": order.scenario },
    })
}

/// A pod that fails is not replaced: its part of the load is over, and the others' is not to be cut short by it.
pub(super) fn job(namespace: &str, name: &str, order: &Order) -> Value {
    let labels = json!({ "app.kubernetes.io/name": "watchtower", "app.kubernetes.io/component": "load", LABEL: name });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta(namespace, name),
        "spec": {
            "completionMode": "Indexed",
            "completions": order.pods,
            "parallelism": order.pods,
            "backoffLimit": i32::MAX,
            "backoffLimitPerIndex": 0,
            "activeDeadlineSeconds": whole_seconds(order.lasts),
            "ttlSecondsAfterFinished": TTL_SECS,
            "template": {
                "metadata": { "labels": labels },
                "spec": pod(name, order),
            },
        },
    })
}

fn pod(name: &str, order: &Order) -> Value {
    json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_SECS,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        // generators beside each other would measure each other
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": { LABEL: name } },
        }],
        "containers": [{
            "name": CONTAINER,
            "image": order.image,
            "args": order.args,
            "workingDir": "/work",
            // no limit of CPU: a generator that is throttled is late
            "resources": {
                "requests": { "cpu": "500m", "memory": "128Mi" },
                "limits": { "memory": "1Gi" },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "volumeMounts": [
                { "name": "scenario", "mountPath": "/scenario", "readOnly": true },
                { "name": "work", "mountPath": "/work" },
            ],
        }],
        "volumes": [
            { "name": "scenario", "configMap": { "name": name } },
            { "name": "work", "emptyDir": {} },
        ],
    })
}

/// At least one, and no more than the field holds.
fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).clamp(1, i32::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_has_one_pod_that_may_do_nothing_but_send() {
        let order = Order {
            pods: 4,
            image: "registry.example.org/watchtower:0.1.0".to_owned(),
            args: vec!["run".to_owned(), SCENARIO.to_owned()],
            scenario: String::new(),
            lasts: Duration::from_secs(300),
        };
        let job = job("lab", "watchtower-load-1-2", &order);
        let spec = &job["spec"];
        assert_eq!((&spec["completions"], &spec["parallelism"]), (&json!(4), &json!(4)));
        assert_eq!((&spec["completionMode"], &spec["backoffLimitPerIndex"]), (&json!("Indexed"), &json!(0)));
        let pod = &spec["template"]["spec"];
        assert_eq!((&pod["restartPolicy"], &pod["automountServiceAccountToken"]), (&json!("Never"), &json!(false)));
        assert_eq!(pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"], json!(true));
        assert_eq!(
            pod["volumes"][0]["configMap"]["name"],
            map("lab", "watchtower-load-1-2", &order)["metadata"]["name"]
        );
        assert!(pods("lab", "x").ends_with("labelSelector=watchtower%2Fload%3Dx"), "{LABEL}");
    }

    #[test]
    fn the_job_that_a_person_can_apply_has_the_same_pods() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kubernetes/load/job.yaml");
        let written: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let container = &written["spec"]["template"]["spec"]["containers"][0];
        let args: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
        let lasts = Duration::from_secs(3_600);
        let order = Order { pods: 4, image: "watchtower".to_owned(), args, scenario: String::new(), lasts };
        let mut made = job("openfaas-fn", "watchtower-load", &order);
        // kustomize labels them
        let labels = json!({ "app.kubernetes.io/name": "watchtower", "app.kubernetes.io/component": "load" });
        let spread = &mut made["spec"]["template"]["spec"]["topologySpreadConstraints"][0];
        spread["labelSelector"]["matchLabels"] = labels;
        made["spec"]["template"]["metadata"].take();
        let mut written = written["spec"].clone();
        written["template"]["metadata"].take();
        assert_eq!(written, made["spec"]);
    }
}
