//! What lies between a client and its server: redirects, proxies, names and address families. Where hey is installed, what it
//! sends is held against it.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;

use watchtower::drive::RequestPlan;
use watchtower::drive::live::load::Engine;
use watchtower::record::{Answer, ErrorKind};

use super::line::certificate;
use super::server::{Below, Server, Step, say};
use super::{Case, agree, good, redirect, send};

const BOTH: [Engine; 2] = [Engine::Plain, Engine::Hyper];

/// A server that answers by path, and what one request to `path` came to there.
struct Visit {
    answer: Answer,
    why: String,
    /// First lines of the requests that arrived.
    lines: Vec<String>,
    texts: Vec<String>,
    connections: usize,
}

fn visit(engine: Engine, steps: &[&[Step]], request: impl FnOnce(&mut RequestPlan)) -> Visit {
    let steps: Vec<Vec<Step>> = steps.iter().map(|steps| steps.to_vec()).collect();
    let arrived = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let manner = move |_: usize, _: usize| {
        let number = arrived.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        steps[number.min(steps.len() - 1)].clone()
    };
    let case = Case::by("visit", Arc::new(manner), &[Ok(0)]).asked(request);
    let server = Server::start(Arc::clone(&case.manner));
    let (rows, failures) = send(&case, engine, &server.uri("http"));
    let (connections, texts) = server.end();
    Visit {
        answer: rows[0].answer,
        why: failures.first().map(ToString::to_string).unwrap_or_default(),
        lines: texts.iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect(),
        texts,
        connections,
    }
}

#[test]
fn a_chain_of_redirects_is_one_request_with_one_result_on_one_connection() {
    for engine in BOTH {
        let visit =
            visit(engine, &[&[redirect("302 Found", "next?a=b")], &[redirect("308 P", "/last")], &[good()]], |_| {});
        assert_eq!(visit.answer, Ok(200), "{engine:?}: {}", visit.why);
        assert_eq!(
            visit.lines,
            ["GET /function/ftest?number=50 HTTP/1.1", "GET /function/next?a=b HTTP/1.1", "GET /last HTTP/1.1",]
        );
        assert_eq!(visit.connections, 1, "{engine:?}");
        assert!(visit.texts[2].contains("Referer: http://ADDRESS/function/next?a=b\r\n"), "{}", visit.texts[2]);
    }
}

#[test]
fn redirects_without_end_stop_after_ten_requests() {
    for engine in BOTH {
        let visit = visit(engine, &[&[redirect("302 Found", "/loop")]], |_| {});
        assert_eq!(visit.answer, Err(ErrorKind::Redirect), "{engine:?}");
        assert_eq!(visit.why, "Get \"/loop\": stopped after 10 redirects");
        assert_eq!(visit.lines.len(), 10);
    }
}

#[test]
fn a_redirect_that_can_not_be_followed_is_an_error_and_one_that_is_not_to_be_an_answer() {
    for engine in BOTH {
        let away = visit(engine, &[&[redirect("302 Found", "ftp://x/y")]], |_| {});
        assert_eq!(
            (away.answer, away.why.as_str()),
            (Err(ErrorKind::Redirect), "Get \"ftp://x/y\": unsupported protocol scheme \"ftp\"",)
        );
        let kept = visit(engine, &[&[redirect("307 T", "/x")]], |request| {
            "POST".clone_into(&mut request.method);
            request.body = b"xx".to_vec();
        });
        assert_eq!((kept.answer, kept.lines.len()), (Ok(307), 1), "{engine:?}");
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let gone = visit(engine, &[&[redirect("302 Found", &format!("http://{closed}/"))]], |_| {});
        assert_eq!(gone.answer, Err(ErrorKind::Refused), "{engine:?}");
        assert_eq!(gone.why, format!("Get \"http://{closed}/\": dial tcp {closed}: connect: connection refused"));
    }
}

#[test]
fn a_redirect_leads_to_another_server_and_under_tls() {
    let (_, config) = certificate(&["localhost"], &[]);
    for engine in BOTH {
        let secured = Server::start_on(Below::Tls(Arc::clone(&config)), Arc::new(|_, _| vec![good()]));
        let there = format!("https://{}/there", secured.address());
        let case = Case::new("led away", &[redirect("301 Moved", &there)], Ok(200));
        let server = Server::start(Arc::clone(&case.manner));
        let (rows, failures) = send(&case, engine, &server.uri("http"));
        assert!(rows.iter().all(|row| row.answer == Ok(200)), "{engine:?}: {failures:?}");
        // one connection each, for all three chains
        assert_eq!((server.end().0, secured.end().0), (1, 1), "{engine:?}");
    }
}

#[test]
fn misbehaviour_behind_a_redirect_is_counted_once() {
    let to = || redirect("302 Found", "/bad");
    let first = |bad: Vec<Step>| -> Arc<super::Manner> {
        Arc::new(move |_, number| if number == 0 { vec![to()] } else { bad.clone() })
    };
    for (name, bad, kind) in [
        ("garbage", say("garbage\r\n\r\n"), ErrorKind::Protocol),
        ("cut", say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\no"), ErrorKind::CutBody),
    ] {
        agree(vec![Case::by(name, first(vec![bad, Step::Close]), &[Err(kind); 3])]);
    }
    agree(vec![Case::by("silence", first(vec![Step::Hang]), &[Err(ErrorKind::Timeout); 2]).in_vain()]);
}

/// Runs hey; false, loudly, if it is not installed.
fn real_hey(flags: &[&str], uri: &str) -> bool {
    match Command::new("hey").args(["-n", "1", "-c", "1"]).args(flags).arg(uri).output() {
        Ok(output) => output.status.success(),
        Err(error) => {
            eprintln!("SKIPPED: comparison with hey {flags:?}; apt-get install hey ({error})");
            false
        }
    }
}

#[test]
fn the_requests_of_a_chain_are_hey_s_to_the_byte() {
    let steps: [&[Step]; 4] = [
        &[redirect("302 Found", "../b?c")],
        &[redirect("301 M", "?d")],
        &[redirect("307 T", "/e/./f/../g")],
        &[good()],
    ];
    for (flags, method, body) in
        [(&[][..], "GET", ""), (&["-m", "POST"], "POST", ""), (&["-m", "PUT", "-d", "hello"], "PUT", "hello")]
    {
        let ours = visit(Engine::Plain, &steps, |request| {
            method.clone_into(&mut request.method);
            request.body = body.as_bytes().to_vec();
        });
        let steps: Vec<Vec<Step>> = steps.iter().map(|steps| steps.to_vec()).collect();
        let server = Server::start(Arc::new(move |_, number| steps[number.min(3)].clone()));
        let compared = real_hey(flags, &server.uri("http").to_string());
        let theirs = server.end().1;
        if compared {
            assert_eq!(ours.texts, theirs, "{flags:?}");
        }
    }
}

#[test]
fn a_proxy_is_told_the_whole_address_as_hey_tells_it() {
    let flags: [&[&str]; 2] = [&[], &["-disable-keepalive"]];
    for (flags, keep_alive) in flags.into_iter().zip([true, false]) {
        for engine in BOTH {
            let case = Case::new("proxy", &[good()], Ok(200));
            let server = Server::start(Arc::clone(&case.manner));
            let proxy = format!("http://ann:se%63ret@{}", server.address());
            let case = case.asked(|request| {
                request.client.proxy = Some(proxy.clone());
                request.keep_alive = keep_alive;
            });
            let uri = "http://fn.test:81/x?y".parse().expect("a URI");
            let (rows, failures) = send(&case, engine, &uri);
            assert!(rows.iter().all(|row| row.answer == Ok(200)), "{engine:?}: {failures:?}");
            let compared = real_hey(&[flags, &["-x", &proxy]].concat(), "http://fn.test:81/x?y");
            let texts = server.end().1;
            assert!(texts[0].starts_with("GET http://fn.test:81/x?y HTTP/1.1\r\nHost: fn.test:81\r\n"), "{}", texts[0]);
            if compared {
                assert_eq!(texts[0], texts[3], "{engine:?}");
            }
        }
    }
}

#[test]
fn a_tunnel_that_is_refused_or_broken_is_the_proxy_s_fault() {
    let none = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let through = |steps: &[Step], scheme: &str, target: &str| {
        let case = Case::new("tunnel", steps, Err(ErrorKind::Proxy));
        let below = if scheme == "socks5" { Below::Anything } else { Below::Tcp };
        let server = Server::start_on(below, Arc::clone(&case.manner));
        let proxy = format!("{scheme}://{}", server.address());
        let case = case.asked(|request| request.client.proxy = Some(proxy));
        let (rows, failures) = send(&case, Engine::Plain, &target.parse().expect("a URI"));
        assert!(rows.iter().all(|row| row.answer == Err(ErrorKind::Proxy)), "{rows:?}");
        (failures[0].why.clone(), server.end().1)
    };
    let https = "https://fn.test/x";
    for (steps, why) in [
        (
            vec![say("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")],
            "Proxy Authentication Required",
        ),
        (vec![say("HTTP/1.1 502 Bad Gateway\r\n\r\n"), Step::Close], "Bad Gateway"),
        (vec![say("HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n")], "503"),
        (vec![Step::Close], "unexpected EOF"),
        (vec![Step::Reset], "connection reset by peer"),
        (
            vec![say("garbage\r\n\r\n")],
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"garbage\"",
        ),
        (vec![say("HTTP/1.1 200 OK\r\n\r\nmore")], "the proxy said more than that the tunnel stands"),
    ] {
        let (said, texts) = through(&steps, "http", https);
        assert_eq!(said, why);
        assert_eq!(
            texts[0],
            "CONNECT fn.test:443 HTTP/1.1\r\nHost: fn.test:443\r\nUser-Agent: Go-http-client/1.1\r\n\r\n"
        );
    }
    for (steps, why) in [
        (vec![Step::Say(vec![5, 255])], "socks connect tcp: no acceptable authentication methods"),
        (vec![Step::Say(vec![4, 0])], "socks connect tcp: unexpected protocol version 4"),
        (vec![Step::Say(vec![5, 0, 5, 5, 0, 1])], "socks connect tcp: connection refused"),
        (vec![Step::Close], "socks connect tcp: EOF"),
    ] {
        assert_eq!(through(&steps, "socks5", "http://fn.test/").0, why);
    }
    let case = Case::new("no proxy", &[good()], Err(ErrorKind::Proxy));
    let case = case.asked(|request| request.client.proxy = Some(format!("http://{none}")));
    let (_, failures) = send(&case, Engine::Plain, &"http://fn.test/".parse().expect("a URI"));
    assert_eq!(
        failures[0].to_string(),
        format!("Get \"http://fn.test/\": proxyconnect tcp: dial tcp {none}: connect: connection refused")
    );
}

/// A proxy that opens tunnels, and notes for whom.
fn tunnel_builder(to: SocketAddr, socks: bool) -> (SocketAddr, Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut piece = [0; 1024];
            let mut text = Vec::new();
            if socks {
                let length = stream.read(&mut piece).expect("a greeting");
                text.extend_from_slice(&piece[..length]);
                stream.write_all(&[5, 2]).expect("the client waits");
                let length = stream.read(&mut piece).expect("credentials");
                text.extend_from_slice(&piece[..length]);
                stream.write_all(&[1, 0]).expect("the client waits");
                let length = stream.read(&mut piece).expect("a request");
                text.extend_from_slice(&piece[..length]);
                stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).expect("the client waits");
            } else {
                while !text.ends_with(b"\r\n\r\n") {
                    let length = stream.read(&mut piece).expect("a request");
                    text.extend_from_slice(&piece[..length]);
                }
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("the client waits");
            }
            notes.lock().expect("no panic").push(String::from_utf8_lossy(&text).into_owned());
            let server = std::net::TcpStream::connect(to).expect("the server");
            let (mut from, mut into) = (stream.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut into);
                let _ = into.shutdown(std::net::Shutdown::Write);
            });
            let (mut from, mut into) = (server, stream);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut into);
                let _ = into.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    (address, asked)
}

#[test]
fn https_goes_through_a_tunnel_and_anything_through_socks() {
    let (_, config) = certificate(&["localhost"], &[]);
    for (socks, scheme, below) in [
        (false, "https", Below::Tls(Arc::clone(&config))),
        (true, "https", Below::Tls(Arc::clone(&config))),
        (true, "http", Below::Tcp),
    ] {
        let case = Case::new("tunnel", &[good()], Ok(200));
        let server = Server::start_on(below, Arc::clone(&case.manner));
        let (proxy, asked) = tunnel_builder(server.address(), socks);
        let kind = if socks { "socks5" } else { "http" };
        let case = case.asked(|request| request.client.proxy = Some(format!("{kind}://ann:pw@{proxy}")));
        let uri = format!("{scheme}://fn.test:8443/x").parse().expect("a URI");
        let (rows, failures) = send(&case, Engine::Plain, &uri);
        assert!(rows.iter().all(|row| row.answer == Ok(200)), "{kind} {scheme}: {failures:?}");
        let (accepted, texts) = server.end();
        assert_eq!(accepted, 1);
        assert!(texts.iter().all(|text| text.starts_with("GET /x HTTP/1.1\r\nHost: fn.test:8443\r\n")), "{texts:?}");
        let expected = if socks {
            "\u{5}\u{2}\u{0}\u{2}\u{1}\u{3}ann\u{2}pw\u{5}\u{1}\u{0}\u{3}\u{7}fn.test \u{fffd}".to_owned()
        } else {
            "CONNECT fn.test:8443 HTTP/1.1\r\nHost: fn.test:8443\r\nUser-Agent: Go-http-client/1.1\r\n\
             Proxy-Authorization: Basic YW5uOnB3\r\n\r\n"
                .to_owned()
        };
        assert_eq!(asked.lock().expect("no panic").as_slice(), [expected], "{kind} {scheme}");
    }
}

#[test]
fn an_answer_packed_by_gzip_has_no_size_unless_the_user_asked_for_it() {
    let packed = say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    for engine in BOTH {
        for (unpack, size) in [(true, None), (false, Some(3))] {
            let case = Case::new("packed", std::slice::from_ref(&packed), Ok(200));
            let case = case.asked(|request| request.client.unpack = unpack);
            let server = Server::start(Arc::clone(&case.manner));
            let (rows, _) = send(&case, engine, &server.uri("http"));
            server.end();
            // what is inside is no gzip: Go notices, and hey does not mind
            assert!(rows.iter().all(|row| (row.answer, row.detail.size) == (Ok(200), size)), "{engine:?}: {rows:?}");
        }
    }
}

#[test]
fn names_are_looked_up_and_addresses_are_not() {
    for engine in BOTH {
        for (host, looked_up) in [("localhost", true), ("127.0.0.1", false)] {
            let case = Case::new("named", &[good()], Ok(200)).asked(|request| request.keep_alive = false);
            let server = Server::start(Arc::clone(&case.manner));
            let uri = server.uri("http").to_string().replace("127.0.0.1", host).parse().expect("a URI");
            let (rows, failures) = send(&case, engine, &uri);
            server.end();
            for row in rows {
                assert_eq!(row.answer, Ok(200), "{host}: {failures:?}");
                assert_eq!(!row.detail.lookup.is_zero(), looked_up, "{host} through {engine:?}");
                assert!(row.detail.lookup <= row.detail.dial);
            }
        }
    }
}

#[test]
fn servers_at_ipv6_addresses_are_called_too() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let case = Case::new("IPv6", &[good()], Err(ErrorKind::Refused));
    let (rows, failures) = send(&case, Engine::Plain, &format!("http://{address}/").parse().expect("a URI"));
    assert!(rows.iter().all(|row| row.answer == Err(ErrorKind::Refused)), "{failures:?}");
    assert_eq!(failures[0].why, format!("dial tcp {address}: connect: connection refused"));
}
