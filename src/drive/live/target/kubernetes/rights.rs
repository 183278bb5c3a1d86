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
}
