//! Queued calls and their results.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use watchtower::drive::Handler;
use watchtower::record::FunctionId;

use super::{Fixture, function, until, wire};

/// Listens for callbacks and answers each with 200.
struct Receiver(TcpListener);

impl Receiver {
    fn start() -> Self {
        Self(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/done?x=y", self.0.local_addr().unwrap())
    }

    /// The next callback: its request line, its headers in any order, its body.
    fn next(&self) -> (String, Vec<(String, String)>, String) {
        let (mut stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
        let (mut bytes, mut part) = (Vec::new(), [0; 4_096]);
        loop {
            let text = String::from_utf8(bytes.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let mut lines = head.split("\r\n");
                let line = lines.next().unwrap().to_owned();
                let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
                let headers: Vec<_> =
                    headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
                let length = headers.iter().find(|(name, _)| name == "content-length");
                if body.len() == length.map_or(0, |(_, length)| length.parse().unwrap()) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                    return (line, headers, body.to_owned());
                }
            }
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the callback broke off: {text}");
            bytes.extend_from_slice(&part[..read]);
        }
    }
}

fn queue(fixture: &Fixture, path: &str, headers: &[(&str, &str)], body: &str) -> wire::Reply {
    fixture.send("POST", &format!("/async-function/{path}"), headers, body)
}

#[test]
fn the_result_of_a_queued_call_is_posted_with_its_status_its_name_and_its_number() {
    let fixture = Fixture::start();
    let receiver = Receiver::start();
    let url = receiver.url();
    let callback = [("X-Callback-Url", url.as_str())];
    let accepted = queue(&fixture, "ftest.openfaas-fn/any?number=4", &callback, "a body");
    assert_eq!((accepted.status, accepted.text().as_str()), (202, ""));
    let (line, headers, body) = receiver.next();
    assert_eq!((line.as_str(), body.as_str()), ("POST /done?x=y HTTP/1.1", "{\"value\":24}\n"));
    let header = |name: &str| {
        let found: Vec<_> = headers.iter().filter(|(header, _)| header == name).collect();
        assert!(found.len() <= 1, "{name} twice: {headers:?}");
        found.first().map(|(_, value)| value.as_str())
    };
    assert_eq!(header("x-function-status"), Some("200"));
    assert_eq!(header("x-function-name"), Some("ftest.openfaas-fn"));
    assert_eq!(header("x-call-id"), accepted.header("X-Call-Id"), "the number the caller was given");
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("server"), Some("waitress"));
    assert_eq!(header("x-served-by"), Some("openfaas-community/0.27.8"));
    assert_eq!(header("x-duration-seconds").and_then(|seconds| seconds.split_once('.')).unwrap().1.len(), 6);
    assert_eq!(header("host"), Some(receiver.0.local_addr().unwrap().to_string().as_str()));
    assert_eq!(fixture.answered("ftest", 200), 1, "it is counted when it is carried out");
}

#[test]
fn a_queued_call_of_nobody_is_accepted_and_its_result_is_the_gateways_refusal() {
    let fixture = Fixture::start();
    let receiver = Receiver::start();
    let url = receiver.url();
    queue(&fixture, "nobody", &[("X-Callback-Url", &url), ("X-Call-Id", "mine")], "");
    let (_, headers, body) = receiver.next();
    assert!(body.starts_with("error finding function nobody.openfaas-fn: "), "{body}");
    for (name, value) in [("x-function-status", "404"), ("x-call-id", "mine"), ("x-function-name", "nobody")] {
        assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{name}: {headers:?}");
    }
    assert!(!fixture.metrics().contains("nobody"));
}

#[test]
fn queued_calls_are_carried_out_one_after_another_and_only_counted_then() {
    let fixture = Fixture::start();
    for _ in 0..5 {
        assert_eq!(queue(&fixture, "sleepy?number=0.1", &[], "").status, 202);
    }
    // four threads could sleep at once; the worker has one call out at a time
    let mut most = 0;
    until("all are answered", || {
        let started = fixture.series("gateway_function_invocation_started{function_name=\"sleepy.openfaas-fn\"}");
        let answered = fixture.answered("sleepy", 200);
        most = most.max(started.saturating_sub(answered));
        answered == 5
    });
    assert_eq!((most, fixture.platform.sample(FunctionId(1)).queue), (1, 0));
}

#[test]
fn a_callback_that_nobody_takes_stops_nothing() {
    let fixture = Fixture::start();
    let nowhere = format!("http://{}/", Receiver::start().0.local_addr().unwrap());
    for url in [nowhere.as_str(), "https://127.0.0.1/", "mailto:x@y", "/relative"] {
        assert_eq!(queue(&fixture, "plain", &[("X-Callback-Url", url)], "").status, 202, "{url}");
    }
    until("all are carried out", || fixture.answered("plain", 200) == 4);
}

#[test]
fn a_body_is_queued_up_to_256_000_bytes() {
    let fixture = Fixture::of(vec![function("plain", Handler::Plain, 1)]);
    assert_eq!(queue(&fixture, "plain", &[], &"x".repeat(256_000)).status, 202);
    let refused = queue(&fixture, "plain", &[], &"x".repeat(256_001));
    let text = "Error queuing request: request body too large for OpenFaaS CE (256001 bytes), maximum: 256000 bytes\n";
    assert_eq!((refused.status, refused.text().as_str()), (500, text));
    assert_eq!(refused.header("X-Content-Type-Options"), Some("nosniff"));
}

#[test]
fn a_queue_that_is_full_refuses_and_keeps_what_it_has() {
    let mut slow = function("slow", Handler::Sleepy, 1);
    slow.query = "number=20".to_owned();
    let fixture = Fixture::of(vec![slow]);
    assert_eq!(queue(&fixture, "slow?number=20", &[], "").status, 202);
    // 64 MiB are 262 bodies of 256 000 bytes
    let body = "x".repeat(256_000);
    let refused = (0..300).map(|_| queue(&fixture, "slow?number=20", &[], &body)).find(|reply| reply.status != 202);
    let refused = refused.unwrap();
    assert!(refused.status == 500 && refused.text().starts_with("Error queuing request: "), "{refused:?}");
    assert_eq!(fixture.get("/function/slow?number=0.01").status, 200, "direct calls go on");
}
