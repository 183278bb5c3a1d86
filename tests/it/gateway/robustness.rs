//! Hostile input, taken ports, and the end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use proptest::prelude::*;

use super::{Fixture, all_three, function, node, until, wire};
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::TargetError;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::drive::{FunctionPlan, Handler};
use watchtower::random::Seed;

/// Sends bytes, ends the sending side, and gives what comes back: nothing at all is an answer too.
pub(super) fn throw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = wire::connect(address);
    // the platform may have hung up in the middle
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn hostile_requests_are_refused_and_the_platform_stays() {
    let fixture = Fixture::start();
    let gateway = fixture.platform.gateway_address();
    let long = "x".repeat(100_000);
    let many = "X-Y: z\r\n".repeat(1_000);
    for (what, bytes, status) in [
        ("no HTTP", "\0\u{1}\u{2}\r\n\r\n".to_owned(), Some(400)),
        ("a TLS greeting", "\u{16}\u{3}\u{1}\0\u{5}".to_owned(), None),
        ("a long address", format!("GET /function/ftest?number={long} HTTP/1.1\r\nHost: x\r\n\r\n"), Some(431)),
        ("a long header", format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), Some(431)),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), Some(431)),
        ("a length below zero", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(), Some(400)),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            Some(400),
        ),
        (
            "a bad chunk",
            "POST /function/ftest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            Some(502),
        ),
        ("half a request", "GET /function/ft".to_owned(), None),
        ("nothing", String::new(), None),
    ] {
        let answer = throw(gateway, bytes.as_bytes());
        if let Some(status) = status {
            assert_eq!(wire::parse(&answer).status, status, "{what}");
        }
    }
    let huge = format!("{{\"replicas\":1,\"x\":\"{}\"}}", "y".repeat(5 << 20));
    assert_eq!(fixture.admin("POST", "/system/scale-function/ftest", &huge).status, 400);
    let deep = "[".repeat(100_000);
    assert_eq!(fixture.admin("POST", "/system/alert", &deep).status, 400);
    assert_eq!(fixture.get("/function/ftest?number=3").text(), "{\"value\":6}\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_the_platform_down(requests in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 4)) {
        let fixture = Fixture::of(vec![function("plain", Handler::Plain, 1)]);
        for bytes in &requests {
            throw(fixture.platform.gateway_address(), bytes);
            let query = [b"GET /function/plain?".as_slice(), bytes, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
            throw(fixture.platform.gateway_address(), &query);
        }
        prop_assert_eq!(fixture.get("/function/plain").status, 200);
    }
}

#[test]
fn one_connection_serves_many_requests_in_order() {
    let fixture = Fixture::start();
    let mut stream = wire::connect(fixture.platform.gateway_address());
    stream.write_all(b"GET /function/ftest?number=3 HTTP/1.1\r\nHost: x\r\n\r\nGET /function/ftest?number=4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (first, second) = (text.find("{\"value\":6}\n").unwrap(), text.find("{\"value\":24}\n").unwrap());
    assert!(first < second);
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let fixture = Fixture::start();
    let taken = fixture.platform.gateway_address();
    let start = |change: fn(&mut Options, SocketAddr)| {
        let mut options = Options::new(all_three(), node(), Seed(1), Clock::start());
        change(&mut options, taken);
        Platform::start(options).err().unwrap().to_string()
    };
    for (role, message) in [
        ("gateway", start(|options, taken| options.listen = taken)),
        ("metrics", start(|options, taken| options.metrics = taken)),
    ] {
        assert!(message.starts_with(&format!("{taken} is in use (wanted for the {role})")), "{message}");
        assert!(message.contains("stop the program that listens there, or choose another address"), "{message}");
    }
}

#[test]
fn functions_that_cannot_be_served_are_refused_with_the_reason() {
    let start = |functions: Vec<FunctionPlan>| {
        Platform::start(Options::new(functions, node(), Seed(1), Clock::start())).err().unwrap()
    };
    let plain = |name: &str| function(name, Handler::Plain, 1);
    assert!(matches!(start(vec![]), TargetError::NoFunctions));
    for name in ["", "a.b", "a/b", "ä", "a b"] {
        assert!(matches!(start(vec![plain(name)]), TargetError::BadName(bad) if bad == name), "{name:?}");
    }
    assert!(matches!(start(vec![plain("a"), plain("a")]), TargetError::DuplicateName(name) if name == "a"));
    let many = FunctionPlan { replicas: 6, ..plain("a") };
    assert!(matches!(start(vec![many]), TargetError::BadReplicas { replicas: 6, min: 1, max: 5, .. }));
}

#[test]
fn a_platform_that_is_stopped_answers_what_it_has_and_takes_nothing_more() {
    let fixture = Fixture::start();
    let (gateway, metrics) = (fixture.platform.gateway_address(), fixture.platform.metrics_address());
    let idle = wire::connect(gateway);
    let reply = std::thread::scope(|scope| {
        let call = scope.spawn(move || wire::send(gateway, "GET", "/function/sleepy?number=0.3", &[], b""));
        let started = "gateway_function_invocation_started{function_name=\"sleepy.openfaas-fn\"}";
        until("the request is under way", || fixture.series(started) == 1);
        fixture.platform.stop(Duration::from_secs(10));
        call.join().unwrap()
    });
    assert_eq!((reply.status, reply.text().as_str()), (200, "{\"value\":\"Good Morning!\"}\n"));
    for address in [gateway, metrics] {
        assert!(TcpStream::connect(address).is_err(), "{address} is still open");
    }
    drop(idle);
}

#[test]
fn a_password_is_drawn_if_none_is_given() {
    let start = || Platform::start(Options::new(all_three(), node(), Seed(1), Clock::start())).unwrap();
    let (one, other) = (start(), start());
    assert_eq!(one.credentials().user, "admin");
    assert_ne!(one.credentials().password, other.credentials().password);
    let authorization = one.credentials().basic();
    let info = |platform: &Platform| {
        let headers = [("Authorization", authorization.as_str())];
        wire::send(platform.gateway_address(), "GET", "/system/info", &headers, b"").status
    };
    assert_eq!((info(&one), info(&other)), (200, 401));
}
