//! The error matrix of openfaas-ce.md 2.2, row by row: what the client sees to the byte, and what is counted. A test's comment is
//! the row's first column.
//!
//! Rows that wait for time-outs of 30 and 65 s have a second test in `patience` that waits them out.

use std::time::Duration;

use serde_json::json;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::Options;
use watchtower::drive::{FunctionPlan, Handler};
use watchtower::random::Seed;
use watchtower::record::FunctionId;

use super::conformance::expect;
use super::{Fixture, all_three, function, node, until};

/// Series of the error itself and of every other code that the function may have.
fn counted(fixture: &Fixture, name: &str) -> Vec<(u16, u64)> {
    let codes = [200, 404, 429, 500, 502, 503, 504];
    codes.map(|code| (code, fixture.answered(name, code))).into_iter().filter(|(_, count)| *count > 0).collect()
}

fn sleepy_with(change: impl FnOnce(&mut FunctionPlan)) -> Fixture {
    let mut plan = function("sleepy", Handler::Sleepy, 1);
    change(&mut plan);
    Fixture::of(vec![plan])
}

/// function unknown
#[test]
fn function_unknown() {
    let fixture = Fixture::start();
    let reply = fixture.get("/function/nobody");
    expect(
        &reply,
        "< 404\n< Content-Length: 113\n< Content-Type: text/plain; charset=utf-8\n<< error finding function nobody.openfaas-fn: server returned non-200 status code (404) for function, nobody, body: \n",
    );
    assert!(!fixture.was_called("nobody"), "it is not counted");
}

/// provider unreachable, or bad factor label (the provider is in this process, and always reached)
#[test]
fn bad_factor_label() {
    let fixture = sleepy_with(|plan| {
        plan.info.labels.insert("com.openfaas.scale.factor".to_owned(), "101".to_owned());
    });
    expect(
        &fixture.get("/function/sleepy?number=0"),
        "< 404\n< Content-Length: 96\n< Content-Type: text/plain; charset=utf-8\n<< error finding function sleepy.openfaas-fn: bad scaling factor: 101, is not in range of [0 - 100]\n",
    );
    assert!(!fixture.was_called("sleepy"), "it is not counted");
}

/// replicas > 0 but none ready
#[test]
fn none_ready_and_then_one_is() {
    let fixture = Fixture::start();
    let spec = json!({
        "service": "late",
        "image": "ftest",
        "annotations": {
            "watchtower.model.start_up": "500ms",
            "watchtower.model.start_up_container": "0",
            "watchtower.model.start_up_probe": "0",
        },
    });
    assert_eq!(fixture.admin("POST", "/system/functions", &spec.to_string()).status, 202);
    assert_eq!(fixture.replicas("late"), (1, 0));
    let reply = fixture.get("/function/late?number=3");
    expect(
        &reply,
        "< 200\n< Content-Length: 12\n< Content-Type: application/json\n< Server: waitress\n< X-Call-Id: {uuid}\n< X-Duration-Seconds: {seconds}\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n< X-Watchtower-Replica: 0\n<< {\"value\":6}\\n\n",
    );
    assert_eq!(fixture.replicas("late"), (1, 1), "it was held until then");
    assert_eq!(counted(&fixture, "late"), [(200, 1)]);
}

/// no endpoint at proxy time
#[test]
fn no_endpoint_at_proxy_time() {
    let fixture = Fixture::start();
    // the gateway finds it in the default namespace, the provider has its endpoints in the one that is named: in none
    expect(
        &fixture.get("/function/sleepy."),
        "< 503\n< Content-Length: 37\n< Content-Type: text/plain; charset=utf-8\n< X-Call-Id: {uuid}\n< X-Content-Type-Options: nosniff\n< X-Openfaas-Internal: proxy\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n<< No endpoints available for: sleepy..\\n\n",
    );
    assert_eq!(counted(&fixture, "sleepy"), [(503, 1)]);
}

/// pod refuses/reset
#[test]
fn the_pod_resets() {
    let fixture = sleepy_with(|_| ());
    let reply = std::thread::scope(|scope| {
        let call = scope.spawn(|| fixture.get("/function/sleepy?number=20"));
        until("it sleeps", || fixture.platform.measure(FunctionId(0)).in_flight == 1);
        fixture.platform.crash(FunctionId(0), 1);
        call.join().unwrap()
    });
    expect(
        &reply,
        "< 500\n< Content-Length: 33\n< Content-Type: text/plain; charset=utf-8\n< X-Call-Id: {uuid}\n< X-Content-Type-Options: nosniff\n< X-Openfaas-Internal: proxy\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n< X-Watchtower-Replica: 0\n<< Can't reach service for: sleepy.\\n\n",
    );
    assert_eq!(counted(&fixture, "sleepy"), [(500, 1)]);
}

/// no answer in 60 s, or provider gone mid-call (here after 50 ms)
#[test]
fn no_answer_in_time() {
    let mut options = Options::new(all_three(), node(), Seed(1), Clock::start());
    options.upstream_timeout = Duration::from_millis(50);
    let fixture = Fixture::with(options);
    expect(
        &fixture.get("/function/sleepy?number=20"),
        "< 502\n< Content-Length: 0\n< X-Call-Id: {uuid}\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n",
    );
    assert_eq!(counted(&fixture, "sleepy"), [(502, 1)]);
}

/// process not listening / died
#[test]
fn process_not_listening() {
    let fixture = Fixture::start();
    let spec = json!({
        "service": "deaf",
        "image": "ftest",
        "annotations": {
            "watchtower.model.start_up": "0",
            "watchtower.model.start_up_container": "0",
            "watchtower.model.start_up_probe": "0",
            "watchtower.model.listens_after": "1h",
        },
    });
    assert_eq!(fixture.admin("POST", "/system/functions", &spec.to_string()).status, 202);
    until("its pod is ready", || fixture.replicas("deaf") == (1, 1));
    let seen = |content_type: &str| {
        format!(
            "< 500\n< Content-Length: 0\n< Content-Type: {content_type}\n< X-Call-Id: {{uuid}}\n< X-Duration-Seconds: {{seconds}}\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {{nanos}}\n< X-Watchtower-Replica: 0\n"
        )
    };
    // the watchdog gives no type, so the provider takes its default, or the request's
    expect(&fixture.get("/function/deaf?number=3"), &seen("text/plain"));
    let posted = fixture.send("POST", "/function/deaf?number=3", &[("Content-Type", "image/png")], "x");
    expect(&posted, &seen("image/png"));
    assert_eq!(counted(&fixture, "deaf"), [(500, 2)]);
}

/// handler exception
#[test]
fn handler_exception() {
    let fixture = sleepy_with(|plan| plan.model.raises = 1.0);
    expect(
        &fixture.get("/function/sleepy?number=0.001"),
        "< 500\n< Content-Length: 265\n< Content-Type: text/html; charset=utf-8\n< Server: waitress\n< X-Call-Id: {uuid}\n< X-Duration-Seconds: {seconds}\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n< X-Watchtower-Replica: 0\n<< <!doctype html>\\n<html lang=en>\\n<title>500 Internal Server Error</title>\\n<h1>Internal Server Error</h1>\\n<p>The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application.</p>\\n\n",
    );
    let probe = fixture.send("GET", "/function/sleepy", &[("Hey", "hey")], "");
    assert_eq!((probe.status, probe.text().as_str()), (200, ""), "a probe leaves the handler before it can raise");
    assert_eq!(counted(&fixture, "sleepy"), [(200, 1), (500, 1)]);
}

/// `max_inflight` exceeded (if set)
#[test]
fn max_inflight_exceeded() {
    let fixture = sleepy_with(|plan| plan.model.max_inflight = 2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(fixture.get("/function/sleepy?number=1.5").status, 200));
        }
        until("two are in it", || fixture.platform.measure(FunctionId(0)).in_flight == 2);
        expect(
            &fixture.get("/function/sleepy?number=1"),
            "< 429\n< Content-Length: 62\n< Content-Type: text/plain; charset=utf-8\n< X-Call-Id: {uuid}\n< X-Served-By: openfaas-community/0.27.8\n< X-Start-Time: {nanos}\n< X-Watchtower-Replica: 0\n<< Concurrent request limit exceeded. Max concurrent requests: 2\\n\n",
        );
    });
    assert_eq!(fixture.get("/function/sleepy?number=0").status, 200, "there is room again");
    assert_eq!(counted(&fixture, "sleepy"), [(200, 3), (429, 1)]);
}

/// `max_inflight` exceeded, where a deployment sets it as people do
#[test]
fn a_deployment_sets_the_watchdog_s_limit_by_its_environment() {
    let fixture = Fixture::start();
    let spec = json!({
        "service": "one",
        "image": "sleepy",
        "envVars": { "max_inflight": "1", "write_debug": "true" },
        "annotations": {
            "watchtower.model.start_up": "0",
            "watchtower.model.start_up_container": "0",
            "watchtower.model.start_up_probe": "0",
        },
    });
    assert_eq!(fixture.admin("POST", "/system/functions", &spec.to_string()).status, 202);
    until("its pod is ready", || fixture.replicas("one") == (1, 1));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(fixture.get("/function/one?number=1.5").status, 200));
        until("one is in it", || fixture.platform.measure(FunctionId(3)).in_flight == 1);
        let refused = fixture.get("/function/one?number=1");
        let text = "Concurrent request limit exceeded. Max concurrent requests: 1\n";
        assert_eq!((refused.status, refused.text().as_str()), (429, text));
    });
}

/// client went away: `queueing::a_client_that_goes_away_is_counted_as_502`; function > `exec_timeout` 30 s, and 65 s without a
/// replica: `patience::the_limits_of_watchdog_and_gateway_end_a_call`, which waits for them.
#[test]
fn the_other_rows_have_tests_of_these_names() {
    let named = [
        (include_str!("queueing.rs"), "fn a_client_that_goes_away_is_counted_as_502("),
        (include_str!("patience.rs"), "fn the_limits_of_watchdog_and_gateway_end_a_call("),
    ];
    for (file, test) in named {
        assert!(file.contains(test), "{test}");
    }
}
