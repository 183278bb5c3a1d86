//! Functions that come, change and go while calls are under way.

use std::time::Duration;

use serde_json::json;
use watchtower::drive::Handler;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::model::{NodeModel, Work};
use watchtower::random::Seed;
use watchtower::record::FunctionId;

use super::{Fixture, all_three, function, until, wire};

/// Start-up and work of a deployed function, in the test's own time.
fn quick(service: &str, image: &str) -> serde_json::Value {
    json!({
        "service": service,
        "image": image,
        "annotations": {
            "watchtower.model.cpu": "0",
            "watchtower.model.start_up": "50ms",
            "watchtower.model.start_up_container": "0",
            "watchtower.model.start_up_probe": "0",
        },
    })
}

fn deploy(fixture: &Fixture, spec: &serde_json::Value) {
    assert_eq!(fixture.admin("POST", "/system/functions", &spec.to_string()).status, 202, "{spec}");
}

fn update(fixture: &Fixture, spec: &serde_json::Value) {
    assert_eq!(fixture.admin("PUT", "/system/functions", &spec.to_string()).status, 202, "{spec}");
}

fn delete(fixture: &Fixture, name: &str) -> u16 {
    fixture.admin("DELETE", "/system/functions", &json!({ "functionName": name }).to_string()).status
}

#[test]
fn a_deployed_function_answers_from_its_first_ready_pod_on_and_earlier_calls_are_held() {
    let fixture = Fixture::start();
    let mut spec = quick("new", "ghcr.io/team/ftest:1");
    spec["annotations"]["watchtower.model.start_up"] = json!("300ms");
    deploy(&fixture, &spec);
    assert_eq!(fixture.replicas("new"), (1, 0));
    let started = "gateway_function_invocation_started{function_name=\"new.openfaas-fn\"}";
    let reply = fixture.get("/function/new?number=4");
    assert_eq!((reply.status, reply.text().as_str()), (200, "{\"value\":24}\n"));
    let seconds: f64 = reply.header("X-Duration-Seconds").unwrap().parse().unwrap();
    assert!(seconds < 0.1, "the watchdog knows nothing of the wait at the gateway: {seconds}");
    assert_eq!((fixture.series(started), fixture.answered("new", 200)), (1, 1));
    assert_eq!(fixture.replicas("new"), (1, 1));
}

#[test]
fn a_call_that_is_held_is_not_counted_before_it_goes_on() {
    let fixture = Fixture::start();
    let mut spec = quick("never", "ftest");
    spec["annotations"]["watchtower.model.start_up"] = json!("1h");
    deploy(&fixture, &spec);
    let reply = std::thread::scope(|scope| {
        let call = scope.spawn(|| fixture.get("/function/never?number=4"));
        until("it is held", || fixture.platform.sample(FunctionId(3)).queue == 1);
        assert!(!fixture.was_called("never"), "held calls are no started calls");
        assert_eq!(delete(&fixture, "never"), 202);
        call.join().unwrap()
    });
    let text = "error finding function never.openfaas-fn: server returned non-200 status code (404) for function, never, body: ";
    assert_eq!((reply.status, reply.text().as_str()), (500, text));
    assert_eq!(reply.header("X-Call-Id"), None);
    assert!(!fixture.was_called("never"), "and what never went on is never counted");
}

#[test]
fn an_update_replaces_the_pods_one_by_one_and_then_the_answers_are_the_new_ones() {
    let fixture = Fixture::of(vec![function("sleepy", Handler::Sleepy, 2)]);
    let mut spec = quick("sleepy", "ftest:2");
    spec["annotations"]["watchtower.model.start_up"] = json!("500ms");
    spec["labels"] = json!({ "com.openfaas.scale.min": "3" });
    update(&fixture, &spec);
    assert_eq!(fixture.replicas("sleepy"), (3, 2), "the label sets the replicas");
    assert_eq!(
        fixture.get("/function/sleepy?number=0.001").text(),
        "{\"value\":\"Good Morning!\"}\n",
        "old pods serve on"
    );
    until("the new pods are there", || fixture.changes.lock().unwrap().len() == 5);
    assert_eq!(fixture.get("/function/sleepy?number=4").text(), "{\"value\":24}\n");
    let ready: Vec<_> =
        fixture.changes.lock().unwrap().iter().map(|change| (change.replica.0, change.from, change.to)).collect();
    let (mut fewest, mut most) = (u32::MAX, 0);
    for (_, _, to) in &ready {
        (fewest, most) = (fewest.min(*to), most.max(*to));
    }
    assert!(fewest >= 2 && most <= 4, "at least what was ready, at most one more than desired: {ready:?}");
    assert_eq!(fixture.replicas("sleepy"), (3, 3));
    let replica = fixture.get("/function/sleepy?number=4").header("X-Watchtower-Replica").map(str::to_owned).unwrap();
    assert!(["2", "3", "4"].contains(&replica.as_str()), "{replica}");
}

/// Deletes sleepy with five calls in it, four of them asleep.
fn cut(fixture: &Fixture, headers: &[(&str, &str)]) -> Vec<wire::Reply> {
    std::thread::scope(|scope| {
        let call = || fixture.send("GET", "/function/sleepy?number=20", headers, "");
        let calls: Vec<_> = (0..5).map(|_| scope.spawn(call)).collect();
        until("four sleep and one waits", || fixture.platform.sample(FunctionId(1)).queue == 1);
        assert_eq!(delete(fixture, "sleepy"), 202);
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn a_deletion_cuts_what_is_in_the_pods_and_the_name_is_free_again() {
    let fixture = Fixture::start();
    for reply in cut(&fixture, &[]) {
        assert_eq!((reply.status, reply.text().as_str()), (500, "Can't reach service for: sleepy.\n"));
        assert_eq!(reply.header("X-OpenFaaS-Internal"), Some("proxy"));
    }
    assert_eq!(fixture.answered("sleepy", 500), 5);
    assert_eq!(fixture.get("/function/sleepy").status, 404);
    assert_eq!(delete(&fixture, "sleepy"), 404);
    deploy(&fixture, &quick("sleepy", "sleepy"));
    assert_eq!(fixture.get("/function/sleepy?number=0.01").text(), "{\"value\":\"Good Morning!\"}\n");
}

#[test]
fn a_stream_that_is_cut_ends_as_an_empty_200() {
    let fixture = Fixture::start();
    for reply in cut(&fixture, &[("Accept", "text/event-stream")]) {
        assert_eq!((reply.status, reply.text().as_str(), reply.header("X-OpenFaaS-Internal")), (200, "", None));
    }
    assert_eq!(fixture.answered("sleepy", 200), 5, "and is counted as one");
}

#[test]
fn a_call_past_the_gateway_finds_no_endpoint_when_its_function_is_gone() {
    let gateway_cpu = Work::constant(Duration::from_secs(1));
    let node = NodeModel { gateway_cpu, ..super::node() };
    let platform = Platform::start(Options::new(all_three(), node, Seed(1), Clock::start())).unwrap();
    let gateway = platform.gateway_address();
    let reply = std::thread::scope(|scope| {
        let call = scope.spawn(move || wire::send(gateway, "GET", "/function/plain", &[], b""));
        let work = || platform.sample(FunctionId(2)).cpu_time;
        until("the call is on the gateway's path", || work().is_some_and(|time| time > Duration::ZERO));
        let authorization = platform.credentials().basic();
        let headers = [("Authorization", authorization.as_str())];
        let deleted = wire::send(gateway, "DELETE", "/system/functions", &headers, b"{\"functionName\":\"plain\"}");
        assert_eq!(deleted.status, 202);
        call.join().unwrap()
    });
    assert_eq!((reply.status, reply.text().as_str()), (503, "No endpoints available for: plain.\n"));
    assert_eq!(reply.header("X-OpenFaaS-Internal"), Some("proxy"));
    let metrics = wire::send(platform.metrics_address(), "GET", "/metrics", &[], b"").text();
    assert!(metrics.contains("invocation_total{code=\"503\",function_name=\"plain.openfaas-fn\"} 1"), "{metrics}");
}

#[test]
fn the_sixteenth_function_is_one_too_many() {
    let fixture = Fixture::start();
    for number in 3..15 {
        deploy(&fixture, &quick(&format!("f{number}"), "figlet"));
    }
    let refused = fixture.admin("POST", "/system/functions", &quick("f15", "figlet").to_string());
    let text =
        "unable to create function, maximum: 15, visit https://openfaas.com/pricing to upgrade to OpenFaaS Standard\n";
    assert_eq!((refused.status, refused.text().as_str()), (400, text));
    assert_eq!(delete(&fixture, "f3"), 202);
    deploy(&fixture, &quick("f15", "figlet"));
    assert_eq!(fixture.get("/function/f15").status, 200);
}

#[test]
fn a_deployed_function_scales_by_its_labels_and_its_limits_are_the_community_editions() {
    let fixture = Fixture::start();
    let mut spec = quick("wide", "figlet");
    spec["labels"] =
        json!({ "com.openfaas.scale.min": "2", "com.openfaas.scale.max": "4", "com.openfaas.scale.factor": "50" });
    deploy(&fixture, &spec);
    assert_eq!(fixture.replicas("wide").0, 2);
    let alert =
        |status: &str| json!({ "alerts": [{ "status": status, "labels": { "function_name": "wide.openfaas-fn" } }] });
    for (status, desired) in [("firing", 4), ("firing", 4), ("resolved", 2)] {
        assert_eq!(fixture.admin("POST", "/system/alert", &alert(status).to_string()).status, 200);
        assert_eq!(fixture.replicas("wide").0, desired, "{status}");
    }
    assert_eq!(fixture.scale("wide", 9).header("X-Watchtower-Accepted"), Some("5"));
    until("its pods are there", || fixture.replicas("wide") == (5, 5));
    let ready = fixture.changes.lock().unwrap().iter().filter(|change| change.to > change.from).count();
    assert!(ready >= 5);
}
