//! How long the gateway, its provider and the watchdog wait, in their own time: run with `cargo test -- --ignored`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::Options;
use watchtower::random::Seed;

use super::{Fixture, all_three, node, until, wire};

#[test]
fn a_function_that_does_not_answer_in_time_is_a_bad_gateway_and_counted_as_one() {
    let mut options = Options::new(all_three(), node(), Seed(1), Clock::start());
    options.upstream_timeout = Duration::from_millis(50);
    let fixture = Fixture::with(options);
    let reply = fixture.get("/function/sleepy?number=30");
    assert_eq!((reply.status, reply.text().as_str()), (502, ""));
    assert!(reply.header("X-Served-By").is_some_and(|by| by.starts_with("openfaas-community/")), "{reply:?}");
    assert!(reply.header("X-Duration-Seconds").is_none(), "the watchdog said nothing: {reply:?}");
    assert_eq!([502, 504, 200].map(|code| fixture.answered("sleepy", code)), [1, 0, 0]);
}

#[test]
#[ignore = "waits for time-outs of 30 and 65 s"]
fn the_limits_of_watchdog_and_gateway_end_a_call() {
    let fixture = Fixture::start();
    let never = serde_json::json!({
        "service": "never",
        "image": "figlet",
        "annotations": { "watchtower.model.start_up": "1h" },
    });
    let slow = serde_json::json!({
        "service": "slow",
        "image": "figlet",
        "annotations": { "watchtower.model.wait": "40s", "watchtower.model.start_up": "0" },
    });
    for spec in [never, slow] {
        assert_eq!(fixture.admin("POST", "/system/functions", &spec.to_string()).status, 202);
    }
    until("slow is there", || fixture.replicas("slow") == (1, 1));
    let began = Instant::now();
    let authorization = fixture.platform.credentials().basic();
    let call = |path: &str| {
        let mut stream = TcpStream::connect(fixture.platform.gateway_address()).unwrap();
        let headers = [("Authorization", authorization.as_str())];
        stream.write_all(&wire::request("GET", path, &headers, b"")).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        (answer, began.elapsed().as_secs())
    };
    std::thread::scope(|scope| {
        let held = scope.spawn(|| call("/function/never"));
        let followed = scope.spawn(|| call("/system/logs?name=ftest&follow=1"));
        let (overdue, after) = call("/function/slow");
        let reply = wire::parse(&overdue);
        assert_eq!((reply.status, reply.text().as_str()), (504, ""));
        assert!(reply.header("X-Duration-Seconds").is_some_and(|seconds| seconds.starts_with("30.0")), "{reply:?}");
        assert!((30..60).contains(&after), "{after}");
        let (nothing, after) = held.join().unwrap();
        assert_eq!(String::from_utf8(nothing).unwrap(), "", "the connection is closed without an answer");
        assert!((65..100).contains(&after), "{after}");
        let (stream, after) = followed.join().unwrap();
        let reply = wire::parse(&stream);
        assert_eq!((reply.status, reply.text().as_str()), (200, ""));
        assert!((65..100).contains(&after), "{after}");
    });
    assert_eq!(fixture.answered("slow", 504), 1);
    assert!(!fixture.was_called("never"));
}
