//! The same servers behind TLS, and servers that get no further than the handshake.

use std::sync::Arc;
use std::time::Duration;

use watchtower::drive::live::load::Engine;
use watchtower::drive::{RequestPlan, Trust};
use watchtower::record::{Answer, ErrorKind};

use super::line::certificate;
use super::server::{Below, Server, Step, say};
use super::{Case, bad_servers, good, good_servers, run_on, send};

/// What TLS changes: a reset is one, but what was to be read before it can't be any more.
fn agrees_behind_tls(cases: Vec<Case>) {
    let (_, config) = certificate(&["localhost"], &[]);
    for case in cases {
        let result = run_on(Below::Tls(Arc::clone(&config)), "https", &case, Engine::Plain);
        let answers: Vec<Answer> = result.rows.iter().map(|row| row.0).collect();
        assert_eq!(answers, case.expected, "{} behind TLS", case.name);
    }
}

#[test]
fn good_servers_are_served_alike_behind_tls() {
    agrees_behind_tls(good_servers());
}

#[test]
fn misbehaviour_behind_tls_is_the_same_kind_of_error_counted_once() {
    agrees_behind_tls(bad_servers());
}

#[test]
fn a_cut_tls_connection_ends_nothing_in_good_order() {
    let (_, config) = certificate(&["localhost"], &[]);
    for (name, said, expected) in [
        // without TLS's goodbye nobody knows whether that was all
        ("until cut", "HTTP/1.1 200 OK\r\n\r\nuntil the end", Err(ErrorKind::CutBody)),
        ("cut head", "HTTP/1.1 200 OK\r\nContent-Le", Err(ErrorKind::Closed)),
        ("cut body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", Err(ErrorKind::CutBody)),
        ("whole and cut", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok(200)),
    ] {
        let case = Case::new(name, &[say(said), Step::Cut], expected);
        let result = run_on(Below::Tls(Arc::clone(&config)), "https", &case, Engine::Plain);
        assert_eq!(result.rows.iter().map(|row| row.0).collect::<Vec<_>>(), case.expected, "{name}");
    }
}

#[test]
fn a_handshake_that_fails_is_an_error_of_tls_counted_once_and_said_in_words() {
    let alert = Step::Say(vec![21, 3, 3, 0, 2, 2, 40]);
    let reset = |why: &str| format!("tls: {why} inside the handshake");
    for (name, steps, why) in [
        ("plain HTTP", vec![good(), Step::Close], "tls: first record does not look like a TLS handshake".to_owned()),
        (
            "garbage",
            vec![say("garbage\r\n\r\n"), Step::Hang],
            "tls: first record does not look like a TLS handshake".to_owned(),
        ),
        ("an alert", vec![alert, Step::Close], "remote error: tls: handshake failure".to_owned()),
        ("closed", vec![Step::Close], "tls: EOF inside the handshake".to_owned()),
        ("reset", vec![Step::Reset], reset("connection reset by peer")),
    ] {
        let case = Case::new(name, &steps, Err(ErrorKind::Tls));
        let server = Server::start_on(Below::Anything, Arc::clone(&case.manner));
        let uri = server.uri("https");
        let (rows, failures) = send(&case, Engine::Plain, &uri);
        assert_eq!(rows.iter().map(|row| row.answer).collect::<Vec<_>>(), case.expected, "{name}");
        assert_eq!(failures[0].to_string(), format!("Get \"{uri}\": {why}"), "{name}");
        assert_eq!(server.end().0, 3, "{name}");
    }
    let case = Case::new("silence", &[Step::Hang], Err(ErrorKind::Timeout)).in_vain();
    let server = Server::start_on(Below::Anything, Arc::clone(&case.manner));
    let (rows, _) = send(&case, Engine::Plain, &server.uri("https"));
    assert!(rows.iter().all(|row| row.answer == Err(ErrorKind::Timeout)), "{rows:?}");
    server.end();
}

#[test]
fn certificates_are_doubted_only_when_that_is_asked_for() {
    let (pem, config) = certificate(&["localhost"], &[]);
    let (stranger, _) = certificate(&["localhost"], &[]);
    let trusting = |authorities: &str| Trust::Authorities(authorities.as_bytes().to_vec());
    let refused = Err(ErrorKind::Tls);
    for (name, host, trust, expected) in [
        ("anything", "127.0.0.1", Trust::Anything, Ok(200)),
        ("a known one", "localhost", trusting(&pem), Ok(200)),
        ("a known one of another host", "127.0.0.1", trusting(&pem), refused),
        ("an unknown one", "localhost", trusting(&stranger), refused),
        ("one that no machine knows", "localhost", Trust::System, refused),
    ] {
        let case = Case::new(name, &[good()], expected).asked(|request| request.client.trust = trust.clone());
        let server = Server::start_on(Below::Tls(Arc::clone(&config)), Arc::clone(&case.manner));
        let uri = server.uri("https").to_string().replace("127.0.0.1", host).parse().expect("a URI");
        let (rows, failures) = match trust {
            // a machine without any certificates says so before anything starts
            Trust::System if no_certificates() => (Vec::new(), Vec::new()),
            _ => send(&case, Engine::Plain, &uri),
        };
        assert!(rows.iter().all(|row| row.answer == expected), "{name}: {rows:?}");
        assert!(failures.iter().all(|failure| failure.why.starts_with("x509: ")), "{name}: {failures:?}");
        server.end();
    }
}

/// Whether this machine has no certificate store.
fn no_certificates() -> bool {
    !["/etc/ssl/certs", "/etc/pki/tls/certs"]
        .iter()
        .any(|place| std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()))
}

#[test]
fn the_name_asked_for_has_no_port_and_is_the_host_that_was_given() {
    let (_, config) = certificate(&["localhost"], &[]);
    let named = |host: &str| {
        let given = host.to_owned();
        let case =
            Case::by("name", Arc::new(|_, _| vec![Step::Name]), &[Ok(200)]).asked(|request: &mut RequestPlan| {
                if !given.is_empty() {
                    request.headers.insert(0, ("Host".to_owned(), given));
                }
                request.timeout = Some(Duration::from_secs(60));
            });
        let server = Server::start_on(Below::Tls(Arc::clone(&config)), Arc::clone(&case.manner));
        let uri = server.uri("https").to_string().replace("127.0.0.1", "localhost").parse().expect("a URI");
        let (rows, _) = send(&case, Engine::Plain, &uri);
        server.end();
        // the server says how long the name is that it was asked for
        rows[0].detail.size
    };
    assert_eq!(named(""), Some("localhost".len() as u64));
    assert_eq!(named("fn.example:8443"), Some("fn.example".len() as u64));
    assert_eq!(named("127.0.0.1"), Some(0), "an address is no name to ask for");
}
