//! The least rights a run needs in a cluster, each asked for before anything is changed (`SelfSubjectAccessReview`).

use std::fmt;

use serde::Deserialize;
use serde_json::json;

use super::cluster::{ApiError, Cluster};
use super::objects::Place;
use crate::drive::live::target::guest::GuestError;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// One thing a run does in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: String,
    /// The one object it is needed for; any if empty.
    name: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, group, resource, subresource, namespace, name } = self;
        let slash = if subresource.is_empty() { "" } else { "/" };
        let dot = if group.is_empty() { "" } else { "." };
        write!(f, "{verb} {resource}{slash}{subresource}{dot}{group}")?;
        if !name.is_empty() {
            write!(f, " {name:?}")?;
        }
        write!(f, " in namespace {namespace}")
    }
}

/// What is done to a Deployment that a run has for itself; one that is also followed is watched.
fn of_a_deployment(place: &Place, is_followed: bool) -> Vec<Right> {
    let right = |verb, group, resource, subresource, name: &str| Right {
        verb,
        group,
        resource,
        subresource,
        namespace: place.namespace.clone(),
        name: name.to_owned(),
    };
    let lease = place.lease_name();
    let mut rights = Vec::new();
    let mut verbs = vec!["get", "patch"];
    if is_followed {
        verbs.extend(["list", "watch"]);
    }
    rights.extend(verbs.into_iter().map(|verb| right(verb, "apps", "deployments", "", &place.deployment)));
    rights.extend(["get", "update"].map(|verb| right(verb, "apps", "deployments", "scale", &place.deployment)));
    // what does not exist yet has no name that a rule could be about
    rights.push(right("create", "coordination.k8s.io", "leases", "", ""));
    rights.extend(["get", "update", "delete"].map(|verb| right(verb, "coordination.k8s.io", "leases", "", &lease)));
    rights
}

/// All that a run does: to its function, and to the Alertmanager if that is switched off.
pub(super) fn needed(function: &Place, alertmanager: Option<&Place>) -> Vec<Right> {
    let mut rights = of_a_deployment(function, true);
    rights.extend(["list", "watch"].map(|verb| Right {
        verb,
        group: "",
        resource: "events",
        subresource: "",
        namespace: function.namespace.clone(),
        name: String::new(),
    }));
    rights.extend(alertmanager.into_iter().flat_map(|place| of_a_deployment(place, false)));
    rights
}

/// All that a sidecar does to its function; in a dry run it only looks.
pub(super) fn of_a_sidecar(function: &Place, is_dry: bool) -> Vec<Right> {
    let is_needed = |right: &Right| match right.verb {
        // a Lease is given back, and stays
        "delete" => false,
        verb => !is_dry || (right.resource == "deployments" && right.subresource.is_empty() && verb != "patch"),
    };
    of_a_deployment(function, true).into_iter().filter(is_needed).collect()
}

/// What is done for the pods of a load, beside what its runs do.
pub(super) fn load(namespace: &str) -> Vec<Right> {
    let right = |verb, group, resource, subresource| Right {
        verb,
        group,
        resource,
        subresource,
        namespace: namespace.to_owned(),
        // each load's are named anew
        name: String::new(),
    };
    let mut rights: Vec<Right> = ["create", "get", "delete"].map(|verb| right(verb, "batch", "jobs", "")).into();
    rights.extend(["create", "delete"].map(|verb| right(verb, "", "configmaps", "")));
    rights.extend([right("list", "", "pods", ""), right("get", "", "pods", "log")]);
    rights
}

/// What putting objects back takes, where that is all.
pub(super) fn to_put_back(places: &[Place]) -> Vec<Right> {
    places.iter().flat_map(|place| of_a_deployment(place, false)).collect()
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: Verdict,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Verdict {
    allowed: bool,
}

/// Asks for each of them.
///
/// # Errors
/// With those that are missing, or when the cluster does not answer.
pub(super) async fn check(cluster: &Cluster, needed: &[Right]) -> Result<(), GuestError> {
    let missing = missing(cluster, needed).await.map_err(super::failed("rights can't be asked for"))?;
    if missing.is_empty() { Ok(()) } else { Err(GuestError::Rights(missing)) }
}

/// Asks for each of them; those that are missing, as a Role would grant them.
///
/// # Errors
/// When the cluster does not answer.
pub(super) async fn missing(cluster: &Cluster, needed: &[Right]) -> Result<Vec<String>, ApiError> {
    let mut missing = Vec::new();
    for right in needed {
        if !is_allowed(cluster, right).await? {
            missing.push(right.to_string());
        }
    }
    Ok(missing)
}

async fn is_allowed(cluster: &Cluster, right: &Right) -> Result<bool, ApiError> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
            "namespace": right.namespace,
            "name": right.name,
        } },
    });
    cluster.create::<Review>(REVIEWS, &review).await.map(|review| review.status.allowed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_sidecar_deletes_nothing_and_in_a_dry_run_changes_nothing() {
        let function = Place { namespace: "openfaas-fn".into(), deployment: "ftest".into() };
        let verbs = |is_dry: bool| of_a_sidecar(&function, is_dry).iter().map(|right| right.verb).collect::<Vec<_>>();
        assert_eq!(verbs(true), ["get", "list", "watch"]);
        assert_eq!(verbs(false), ["get", "patch", "list", "watch", "get", "update", "create", "get", "update"]);
    }

    #[test]
    fn a_right_is_named_as_a_role_would_grant_it() {
        let function = Place { namespace: "openfaas-fn".into(), deployment: "ftest".into() };
        let rights: Vec<String> = needed(&function, None).iter().map(Right::to_string).collect();
        insta::assert_snapshot!(rights.join("\n"), @r#"
        get deployments.apps "ftest" in namespace openfaas-fn
        patch deployments.apps "ftest" in namespace openfaas-fn
        list deployments.apps "ftest" in namespace openfaas-fn
        watch deployments.apps "ftest" in namespace openfaas-fn
        get deployments/scale.apps "ftest" in namespace openfaas-fn
        update deployments/scale.apps "ftest" in namespace openfaas-fn
        create leases.coordination.k8s.io in namespace openfaas-fn
        get leases.coordination.k8s.io "watchtower-ftest" in namespace openfaas-fn
        update leases.coordination.k8s.io "watchtower-ftest" in namespace openfaas-fn
        delete leases.coordination.k8s.io "watchtower-ftest" in namespace openfaas-fn
        list events in namespace openfaas-fn
        watch events in namespace openfaas-fn
        "#);
    }

    /// What a Role grants, worded as [`Right`] is.
    fn granted(role: &str) -> BTreeSet<String> {
        let role: Value = serde_saphyr::from_str(role).expect("a Role in YAML");
        assert_eq!(role["kind"], "Role");
        let words = |value: &Value| -> Vec<String> {
            let list = value.as_array().into_iter().flatten();
            list.map(|word| word.as_str().expect("a word").to_owned()).collect()
        };
        let namespace = role["metadata"]["namespace"].as_str().expect("a namespace").to_owned();
        let mut granted = BTreeSet::new();
        for rule in role["rules"].as_array().expect("rules") {
            let names = match words(&rule["resourceNames"]) {
                names if names.is_empty() => vec![String::new()],
                names => names.iter().map(|name| format!(" {name:?}")).collect(),
            };
            for (group, resource) in words(&rule["apiGroups"]).iter().flat_map(|group| {
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                words(&rule["resources"]).into_iter().map(move |resource| (group.clone(), resource))
            }) {
                for verb in words(&rule["verbs"]) {
                    granted.extend(
                        names.iter().map(|name| format!("{verb} {resource}{group}{name} in namespace {namespace}")),
                    );
                }
            }
        }
        granted
    }

    fn worded(rights: &[Right]) -> BTreeSet<String> {
        rights.iter().map(Right::to_string).collect()
    }

    fn file(path: &str) -> String {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
    }

    fn first_yaml(manual: &str) -> &str {
        manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("Roles")
    }

    fn place(namespace: &str, deployment: &str) -> Place {
        Place { namespace: namespace.to_owned(), deployment: deployment.to_owned() }
    }

    #[test]
    fn the_roles_of_the_manual_grant_what_a_run_asks_for_and_nothing_else() {
        let manual = file("docs/kubernetes.md");
        let granted: BTreeSet<String> = first_yaml(&manual).split("---\n").flat_map(granted).collect();
        let needed = needed(&place("openfaas-fn", "ftest"), Some(&place("openfaas", "alertmanager")));
        assert_eq!(granted, worded(&needed));
    }

    #[test]
    fn the_role_of_a_load_from_pods_grants_what_it_asks_for_and_nothing_else() {
        assert_eq!(granted(&file("scripts/kubernetes/load/role.yaml")), worded(&load("openfaas-fn")));
    }

    #[test]
    fn the_roles_of_the_sidecars_manifests_and_of_its_manual_grant_what_it_asks_for_and_nothing_else() {
        let asked = worded(&of_a_sidecar(&place("openfaas-fn", "ftest"), false));
        assert_eq!(granted(&file("scripts/kubernetes/base/role.yaml")), asked);
        assert_eq!(granted(first_yaml(&file("docs/autoscale.md"))), asked);
    }
}
