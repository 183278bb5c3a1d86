//! Desired and ready replicas, by the scaling address and by alerts.

use super::{Fixture, START_UP, function, until};
use watchtower::drive::Handler;
use watchtower::drive::live::target::platform::Turn;
use watchtower::record::{FunctionId, ReplicaId};

#[test]
fn desired_replicas_change_at_once_and_ready_ones_when_their_pods_are() {
    let fixture = Fixture::of(vec![function("ftest", Handler::Ftest, 1)]);
    assert_eq!(fixture.scale("ftest", 3).status, 202);
    assert_eq!(fixture.replicas("ftest").0, 3);
    until("both pods are ready", || fixture.replicas("ftest") == (3, 3));
    fixture.scale("ftest", 1);
    assert_eq!(fixture.replicas("ftest"), (1, 1), "pods leave at once");

    let changes = fixture.changes.lock().unwrap();
    let turns: Vec<_> = changes.iter().map(|change| (change.replica, change.from, change.to, change.turn)).collect();
    let ready = Turn::Ready { after: START_UP };
    let gone = Turn::Terminated { cut: 0 };
    let expected = [
        (ReplicaId(1), 1, 2, ready),
        (ReplicaId(2), 2, 3, ready),
        (ReplicaId(2), 3, 2, gone),
        (ReplicaId(1), 2, 1, gone),
    ];
    assert_eq!(turns, expected);
    assert!(
        changes.is_sorted_by_key(|change| change.at) && changes.iter().all(|change| change.function == FunctionId(0))
    );
}

#[test]
fn replicas_stay_within_the_bounds_of_the_function() {
    let mut narrow = function("narrow", Handler::Plain, 2);
    narrow.bounds = (2, 3);
    let fixture = Fixture::of(vec![function("ftest", Handler::Ftest, 1), narrow]);
    for (name, to, accepted) in [
        ("ftest", 0, "1"),
        ("ftest", 99, "5"),
        ("ftest", 4, "4"),
        ("narrow", 0, "2"),
        ("narrow", 5, "3"),
        ("narrow", u32::MAX, "3"),
    ] {
        let reply = fixture.scale(name, to);
        assert_eq!((reply.status, reply.header("X-Watchtower-Accepted")), (202, Some(accepted)), "{name} {to}");
        assert_eq!(fixture.replicas(name).0.to_string(), accepted, "{name} {to}");
    }
}

#[test]
fn what_a_removed_pod_held_is_cut() {
    let fixture = Fixture::of(vec![function("sleepy", Handler::Sleepy, 2)]);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let call = || fixture.get("/function/sleepy?number=1");
        let calls: Vec<_> = (0..10).map(|_| scope.spawn(call)).collect();
        // more than four are at one pod, and the seed sends some of the first six to the other
        until("two wait", || fixture.platform.sample(FunctionId(0)).queue >= 2);
        fixture.scale("sleepy", 1);
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let cut: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert!(!cut.is_empty());
    for reply in &cut {
        assert_eq!((reply.status, reply.text().as_str()), (500, "Can't reach service for: sleepy.\n"));
        assert_eq!(reply.header("X-OpenFaaS-Internal"), Some("proxy"));
        assert_eq!(reply.header("X-Watchtower-Replica"), Some("1"));
    }
    assert_eq!(fixture.answered("sleepy", 500), cut.len() as u64);
    let turn = fixture.changes.lock().unwrap()[0].turn;
    assert_eq!(turn, Turn::Terminated { cut: cut.len() as u32 });
}

/// The body Alertmanager posts, as far as anyone reads it.
fn alerts(alerts: &[(&str, &str)]) -> String {
    let one = |&(status, name): &(&str, &str)| {
        serde_json::json!({
            "status": status,
            "labels": { "alertname": "APIHighInvocationRate", "function_name": name, "severity": "major" },
            "annotations": { "summary": "High invocation total" },
            "startsAt": "2024-06-17T18:05:08.324Z",
            "endsAt": "0001-01-01T00:00:00Z",
        })
    };
    let alerts: Vec<_> = alerts.iter().map(one).collect();
    serde_json::json!({ "receiver": "scale-up", "status": "firing", "version": "4", "alerts": alerts }).to_string()
}

#[test]
fn a_firing_alert_adds_a_step_and_a_resolved_one_returns_to_the_fewest() {
    let mut fast = function("fast", Handler::Plain, 1);
    fast.info.labels.insert("com.openfaas.scale.factor".to_owned(), "50".to_owned());
    fast.info.labels.insert("com.openfaas.scale.max".to_owned(), "4".to_owned());
    let fixture = Fixture::of(vec![function("ftest", Handler::Ftest, 1), fast]);
    let desired = || (fixture.replicas("ftest").0, fixture.replicas("fast").0);
    for (posted, after) in [
        (alerts(&[("firing", "ftest.openfaas-fn")]), (2, 1)),
        (alerts(&[("firing", "ftest.openfaas-fn"), ("firing", "fast.openfaas-fn")]), (3, 3)),
        (alerts(&[("firing", "ftest"), ("firing", "fast.openfaas-fn")]), (4, 4)),
        (alerts(&[("firing", "ftest.openfaas-fn"), ("firing", "fast.openfaas-fn")]), (5, 4)),
        (alerts(&[("firing", "ftest.openfaas-fn")]), (5, 4)),
        (alerts(&[("resolved", "ftest.openfaas-fn")]), (1, 4)),
        (alerts(&[("firing", "nobody.openfaas-fn"), ("firing", "ftest.other"), ("firing", "")]), (1, 4)),
        (alerts(&[]), (1, 4)),
        ("{}".to_owned(), (1, 4)),
        ("{\"alerts\":[null,{\"status\":\"firing\"}]}".to_owned(), (1, 4)),
    ] {
        let reply = fixture.admin("POST", "/system/alert", &posted);
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{posted}");
        assert_eq!(desired(), after, "{posted}");
    }
    for posted in ["", "x", "[]", "{\"alerts\":{}}"] {
        let reply = fixture.admin("POST", "/system/alert", posted);
        assert_eq!((reply.status, reply.text().as_str()), (400, "Unable to parse alert, bad format."), "{posted:?}");
    }
    assert_eq!(desired(), (1, 4));
}

#[test]
fn readings_that_fail_are_swallowed_and_scalings_that_fail_are_told() {
    let labelled = |name: &str, label: &str| {
        let mut plan = function(name, Handler::Plain, 2);
        plan.info.labels.insert(format!("com.openfaas.scale.{label}"), "0".to_owned());
        plan
    };
    let fixture = Fixture::of(vec![labelled("factorless", "factor"), labelled("minless", "min")]);
    let post = |name: &str, status: &str| {
        let reply = fixture.admin("POST", "/system/alert", &alerts(&[(status, name)]));
        (reply.status, reply.text())
    };
    assert_eq!(post("factorless", "firing"), (200, String::new()));
    assert_eq!(fixture.replicas("factorless").0, 2);
    let invoked = fixture.get("/function/factorless");
    let why = "error finding function factorless.openfaas-fn: bad scaling factor: 0, is not in range of [0 - 100]";
    assert_eq!((invoked.status, invoked.text().as_str()), (404, why), "and no invocation gets through");

    let (status, text) = post("minless", "resolved");
    assert_eq!(status, 500);
    assert!(text.starts_with("[0] error scaling HTTP code 400, ") && text.ends_with('\n'), "{text}");
    assert_eq!(fixture.replicas("minless").0, 2);
}
