//! Side by side with hey itself: the same bytes and the same bursts at the same server.
//!
//! The bytes hey 0.1.4 sends are committed here, so that half of the comparison needs no hey. Where the program is missing
//! (`apt-get install hey`), the other half says SKIPPED and passes.

use std::process::Command;
use std::time::Duration;

use watchtower::drive::live::clock::Clock;
use watchtower::drive::{GeneratorPlan, RequestPlan};

use super::server::{Act, Hit, Server};
use super::{hey, run};

/// Runs hey against the server; false if it is not installed.
fn real_hey(server: &Server, flags: &[&str]) -> bool {
    let uri = server.uri("/function/ftest?number=50").to_string();
    match Command::new("hey").args(flags).arg(uri).output() {
        Ok(output) => {
            assert!(output.status.success(), "hey {flags:?}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(error) => {
            eprintln!("SKIPPED: comparison with hey {flags:?}; apt-get install hey ({error})");
            false
        }
    }
}

/// A request as bytes, with the server's address left out.
fn bytes(server: &Server, hit: &Hit) -> String {
    format!("{}{}", hit.head, String::from_utf8_lossy(&hit.body)).replace(&server.address.to_string(), "ADDRESS")
}

#[test]
fn requests_are_hey_s_to_the_byte() {
    let plan = RequestPlan::default;
    let header = |name: &str, value: &str| {
        let mut plan = plan();
        plan.headers.insert(2, (name.to_owned(), value.to_owned()));
        plan
    };
    let cases: [(&[&str], RequestPlan, &str); 6] = [
        (
            &[],
            plan(),
            "GET /function/ftest?number=50 HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Type: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
        ),
        (
            &["-H", "Hey: hey"],
            header("Hey", "hey"),
            "GET /function/ftest?number=50 HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Type: text/html\r\nHey: hey\r\nAccept-Encoding: gzip\r\n\r\n",
        ),
        (
            &["-H", "x-request-ID: a  b"],
            header("x-request-ID", "a  b"),
            "GET /function/ftest?number=50 HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Type: text/html\r\nX-Request-Id: a  b\r\nAccept-Encoding: gzip\r\n\r\n",
        ),
        (
            &["-m", "POST", "-d", "hello"],
            RequestPlan { method: "POST".to_owned(), body: b"hello".to_vec(), ..plan() },
            "POST /function/ftest?number=50 HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Length: 5\r\nContent-Type: text/html\r\nAccept-Encoding: gzip\r\n\r\nhello",
        ),
        (
            &["-m", "PUT", "-disable-keepalive"],
            RequestPlan { method: "PUT".to_owned(), keep_alive: false, ..plan() },
            "PUT /function/ftest?number=50 HTTP/1.1\r\nHost: ADDRESS\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Length: 0\r\nContent-Type: text/html\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        ),
        (
            &["-host", "ftest.example"],
            header("Host", "ftest.example"),
            "GET /function/ftest?number=50 HTTP/1.1\r\nHost: ftest.example\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Type: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
        ),
    ];
    for (flags, plan, expected) in cases {
        let clock = Clock::start();
        let server = Server::that(clock, Act::Answer);
        run(clock, &server, GeneratorPlan { request: plan, ..hey(1, "", 1, 0.0) });
        assert_eq!(bytes(&server, &server.next_hit()), expected, "ours for {flags:?}");
        if real_hey(&server, &[&["-n", "1", "-c", "1"], flags].concat()) {
            assert_eq!(bytes(&server, &server.next_hit()), expected, "hey {flags:?}");
        }
    }
}

/// Sizes of the bursts in which requests came: a pause of 50 ms ends one.
fn bursts(hits: &[Hit]) -> Vec<usize> {
    let mut arrivals: Vec<_> = hits.iter().map(|hit| hit.at).collect();
    arrivals.sort();
    arrivals.chunk_by(|one, next| *next - *one < Duration::from_millis(50)).map(<[_]>::len).collect()
}

#[test]
fn arrivals_come_in_the_bursts_in_which_hey_sends_them() {
    // 8 bursts of 10; a worker that waits for its tick at the end still sends; closed loop by count, remainder dropped
    let cases: [(&[&str], GeneratorPlan, &[usize]); 3] = [
        (&["-z", "2s", "-c", "10", "-q", "4"], hey(200, "2s", 10, 4.0), &[10; 8]),
        (&["-z", "1100ms", "-c", "3", "-q", "2"], hey(200, "1100ms", 3, 2.0), &[3; 3]),
        (&["-n", "43", "-c", "8", "-q", "5"], hey(43, "", 8, 5.0), &[8; 5]),
    ];
    // a machine that stands still for 50 ms tears a burst apart, hey's or ours; it does not do so five times in a row
    let settles = |mut attempt: Box<dyn FnMut() -> Vec<usize> + '_>, expected: &[usize]| {
        let mut last = attempt();
        for _ in 0..4 {
            if last == expected {
                break;
            }
            last = attempt();
        }
        last
    };
    for (flags, plan, expected) in cases {
        let ours = || {
            let clock = Clock::start();
            let server = Server::that(clock, Act::Answer);
            run(clock, &server, plan.clone()).0.tally();
            bursts(&server.hits())
        };
        assert_eq!(settles(Box::new(ours), expected), expected, "ours for {flags:?}");
        let installed = real_hey(&Server::that(Clock::start(), Act::Answer), &["-n", "1", "-c", "1"]);
        let theirs = || {
            let server = Server::that(Clock::start(), Act::Answer);
            real_hey(&server, flags);
            bursts(&server.hits())
        };
        if installed {
            assert_eq!(settles(Box::new(theirs), expected), expected, "hey {flags:?}");
        }
    }
}

#[test]
fn a_slow_server_loses_hey_s_ticks_the_way_it_loses_ours() {
    // ticks at 0.2, 0.4, ... 2.0 s; each answer takes 0.5 s, so every worker runs back to back from the remembered tick
    let slow = Act::Late(Duration::from_millis(500));
    let clock = Clock::start();
    let server = Server::that(clock, slow);
    let (record, _) = run(clock, &server, hey(200, "2s", 2, 5.0));
    let tally = record.tally();
    let ours = server.hits().len() as u64;
    assert_eq!(ours, tally.sent);
    let server = Server::that(clock, slow);
    if real_hey(&server, &["-z", "2s", "-c", "2", "-q", "5"]) {
        let theirs = server.hits().len() as u64;
        // 0.2, 0.7, 1.2, 1.7 s and no more, with 0.3 s to spare for a slow machine
        assert_eq!(ours, theirs, "{tally:?}");
    }
}
