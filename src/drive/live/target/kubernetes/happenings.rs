//! The cluster's own events about a function, in its own words: the Deployment's, its replica sets' and its pods'.

use super::objects::{Happening, Involved};
use crate::drive::live::target::guest::row;
use crate::record::{EventKind, EventRow};
use crate::time::Timestamp;

/// The row of an event, if it is about the function.
pub(super) fn told(at: Timestamp, function: &str, happening: &Happening) -> Option<EventRow> {
    let Happening { involved_object: about, reason, message, count, .. } = happening;
    if !is_about(about, function) {
        return None;
    }
    let again = count.filter(|count| *count > 1).map(|count| format!(" ({count} times)")).unwrap_or_default();
    let text = format!("{} {}: {reason}: {}{again}", about.kind, about.name, message.trim());
    Some(row(at, EventKind::Cluster, None, text, count.map(f64::from)))
}

/// A replica set is named after its Deployment and a hash, a pod after its replica set and some letters.
fn is_about(about: &Involved, function: &str) -> bool {
    let rest = about.name.strip_prefix(function);
    let parts = |rest: &str| rest.strip_prefix('-').map(|rest| rest.split('-').count());
    match (about.kind.as_str(), rest) {
        ("Deployment", Some("")) => true,
        ("ReplicaSet", Some(rest)) => parts(rest) == Some(1),
        ("Pod", Some(rest)) => parts(rest) == Some(2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(kind: &str, name: &str, count: Option<u32>) -> Happening {
        Happening {
            metadata: super::super::objects::Meta::default(),
            involved_object: Involved { kind: kind.to_owned(), name: name.to_owned() },
            reason: "ScalingReplicaSet".to_owned(),
            message: "Scaled up replica set fail-6fb787b4f6 to 2".to_owned(),
            count,
        }
    }

    #[test]
    fn what_is_told_is_what_the_cluster_says_and_about_this_function() {
        let text = |kind: &str, name: &str| {
            told(Timestamp::ZERO, "fail", &happening(kind, name, Some(1))).map(|row| row.reason)
        };
        assert_eq!(
            text("Deployment", "fail").as_deref(),
            Some("Deployment fail: ScalingReplicaSet: Scaled up replica set fail-6fb787b4f6 to 2")
        );
        for (kind, name, is_told) in [
            ("ReplicaSet", "fail-6fb787b4f6", true),
            ("Pod", "fail-6fb787b4f6-x2vbn", true),
            ("Deployment", "fail-too", false),
            ("ReplicaSet", "fail-too-6fb787b4f6", false),
            ("Pod", "fail-too-6fb787b4f6-x2vbn", false),
            ("Pod", "failing-6fb787b4f6-x2vbn", false),
            ("Node", "fail", false),
        ] {
            assert_eq!(text(kind, name).is_some(), is_told, "{kind} {name}");
        }
        let again = told(Timestamp::ZERO, "fail", &happening("Pod", "fail-a-b", Some(3)));
        assert!(again.is_some_and(|row| row.reason.ends_with("(3 times)") && row.value == Some(3.0)));
    }
}
