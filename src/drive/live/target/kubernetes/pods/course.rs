//! What becomes of the pods of a load, as a list of them tells about once a second.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::drive::live::target::kubernetes::cluster::Cluster;
use crate::drive::live::target::kubernetes::objects::{List, Meta};

/// Between two lists.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The annotation by which the pods of an Indexed Job are numbered, from 0.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A pod.
#[derive(Clone, Debug, Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    reason: String,
    message: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    status: String,
    reason: String,
    message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    state: State,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Why>,
    terminated: Option<Why>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Why {
    reason: String,
    message: String,
    exit_code: Option<i32>,
}

impl Status {
    /// What the cluster says of why it is not, or no more, running.
    fn words(&self) -> String {
        let container = self.container_statuses.first().map(|container| &container.state);
        let mut words = Vec::new();
        if let Some(why) = container.and_then(|state| state.terminated.as_ref().or(state.waiting.as_ref())) {
            words.extend([why.reason.clone(), why.message.clone()]);
            words.extend(why.exit_code.map(|code| format!("exit code {code}")));
        }
        words.extend([self.reason.clone(), self.message.clone()]);
        if self.phase == "Pending" {
            let unmet =
                self.conditions.iter().filter(|condition| condition.status == "False" && !condition.message.is_empty());
            words.extend(unmet.flat_map(|condition| [condition.reason.clone(), condition.message.clone()]));
        }
        words.retain(|word| !word.is_empty());
        words.dedup();
        words.join(": ")
    }
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not there yet, or its container has not started.
    #[default]
    Pending,
    Running,
    /// Its container has ended, or it is gone.
    Over,
}

/// What is known of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Empty until there is one.
    pub(super) name: String,
    pub(super) stage: Stage,
    pub(super) words: String,
}

/// All pods, by their numbers from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Course(Vec<Seen>);

impl Course {
    /// Before any of them was seen.
    pub(super) fn of(pods: u32) -> Self {
        Self(vec![Seen::default(); pods as usize])
    }

    pub(super) fn pod(&self, pod: u32) -> Seen {
        self.0.get(pod as usize).cloned().unwrap_or_default()
    }

    /// What to call a pod in messages.
    pub(super) fn name(&self, pod: u32) -> String {
        Some(self.pod(pod).name).filter(|name| !name.is_empty()).unwrap_or_else(|| format!("number {pod}"))
    }

    pub(super) fn are_all_running(&self) -> bool {
        self.0.iter().all(|seen| seen.stage == Stage::Running)
    }

    pub(super) fn has_one_ended(&self) -> bool {
        self.0.iter().any(|seen| seen.stage == Stage::Over)
    }

    /// A line for each that does not run.
    pub(super) fn not_running(&self) -> Vec<String> {
        let others = (0..).zip(&self.0).filter(|(_, seen)| seen.stage != Stage::Running);
        others
            .map(|(pod, seen)| {
                let words = if seen.words.is_empty() { "the cluster has not started it" } else { &seen.words };
                format!("{}: {words}", self.name(pod))
            })
            .collect()
    }

    /// Takes a list in. The first pod of a number is the one: what replaces it later came too late for the load.
    fn take(&mut self, pods: Vec<Pod>) {
        let mut listed: BTreeMap<String, Pod> = BTreeMap::new();
        for pod in pods {
            let index = pod.metadata.annotations.get(INDEX).and_then(|index| index.parse::<usize>().ok());
            if let Some(seen) = index.and_then(|index| self.0.get_mut(index)).filter(|seen| seen.name.is_empty()) {
                seen.name.clone_from(&pod.metadata.name);
            }
            listed.insert(pod.metadata.name.clone(), pod);
        }
        for seen in self.0.iter_mut().filter(|seen| !seen.name.is_empty() && seen.stage != Stage::Over) {
            let (stage, words) = match listed.get(&seen.name) {
                None => (Stage::Over, "it was deleted".to_owned()),
                Some(pod) => {
                    let stage = match pod.status.phase.as_str() {
                        "Running" => Stage::Running,
                        "Succeeded" | "Failed" => Stage::Over,
                        _ => Stage::Pending,
                    };
                    (stage, pod.status.words())
                }
            };
            (seen.stage, seen.words) = (stage, words);
        }
    }
}

/// Looks at the pods again and again for as long as somebody wants to know. What was known last stays while the cluster does not answer.
pub(super) async fn look(cluster: Cluster, path: String, tell: watch::Sender<Course>) {
    while !tell.is_closed() {
        match cluster.get::<List<Pod>>(&path).await {
            Ok(list) => tell.send_modify(|course| course.take(list.items)),
            Err(error) => tracing::warn!("the pods of the load can't be looked at: {error}"),
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, index: u32, status: &serde_json::Value) -> Pod {
        let metadata = json!({ "name": name, "annotations": { INDEX: index.to_string() } });
        serde_json::from_value(json!({ "metadata": metadata, "status": status })).unwrap()
    }

    #[test]
    fn a_pod_is_followed_by_its_number_and_what_replaces_it_is_not() {
        let mut course = Course::of(2);
        assert_eq!(
            course.not_running(),
            ["number 0: the cluster has not started it", "number 1: the cluster has not started it"]
        );
        let waits = json!({ "phase": "Pending", "containerStatuses": [{ "state": { "waiting": {
            "reason": "ErrImagePull", "message": "no such image" } } }] });
        course.take(vec![pod("a", 0, &json!({ "phase": "Running" })), pod("b", 1, &waits)]);
        assert_eq!(course.not_running(), ["b: ErrImagePull: no such image"]);
        course.take(vec![pod("a", 0, &json!({ "phase": "Running" })), pod("b", 1, &json!({ "phase": "Running" }))]);
        assert!(course.are_all_running() && !course.has_one_ended());

        let killed = json!({ "phase": "Failed", "containerStatuses": [{ "state": { "terminated": {
            "reason": "OOMKilled", "exitCode": 137 } } }] });
        course.take(vec![pod("a", 0, &killed), pod("c", 0, &json!({ "phase": "Running" }))]);
        assert_eq!((course.pod(0).name.as_str(), course.pod(0).words.as_str()), ("a", "OOMKilled: exit code 137"));
        assert_eq!(course.pod(1).words, "it was deleted");
        assert!(course.has_one_ended());
    }
}
