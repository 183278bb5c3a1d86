//! Requests as the function gets them: openfaas-ce.md 2.1, "Added to request", and the path. What answers is a process behind the gateway
//! that tells what it was asked; without Python on the machine these tests say so and pass.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use watchtower::drive::Handler;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Processes};
use watchtower::random::Seed;

use super::conformance::expect;
use super::{Fixture, function, node, until, wire};

/// A replica of nothing but Python's standard library: it answers what it was asked, as JSON, with headers of its own.
const ECHO: &str = r#"
import http.server, json, os, sys

class Replica(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.path == "/_/health":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        length = int(self.headers.get("Content-Length", "0"))
        asked = {"line": self.requestline, "headers": sorted([k.lower(), v] for k, v in self.headers.items()),
                 "body": self.rfile.read(length).decode()}
        with open(os.path.join(sys.argv[1], "asked.json"), "w") as file:
            json.dump(asked, file)
        body = json.dumps(asked).encode()
        self.send_response_only(302 if "redirect" in self.path else 200)
        self.send_header("Date", self.date_time_string())
        self.send_header("X-Own", "kept")
        self.send_header("Keep-Alive", "timeout=5")
        if "redirect" in self.path:
            self.send_header("Location", "http://127.0.0.1:1/nowhere")
        if "over" in self.path:
            self.send_header("X-Served-By", "the function")
        if "typed" in self.path:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replica)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// A gateway in front of one such replica; `None`, told, without Python.
fn echo() -> Option<(Fixture, TempDir)> {
    let python = Command::new("python3").arg("-c").arg("").stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        println!("SKIPPED: python3 is not installed, so no process can tell what the gateway hands on");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("echo.py");
    std::fs::write(&server, ECHO).unwrap();
    let mut options = Options::new(vec![function("echo", Handler::Plain, 1)], node(), Seed(1), Clock::start());
    options.processes = Some(Processes {
        python: PathBuf::from("python3"),
        server,
        folders: vec![folder.path().to_owned()],
        leash: Some(env!("CARGO_BIN_EXE_watchtower").into()),
        log: folder.path().join("replicas.log"),
    });
    Some((Fixture::with(options), folder))
}

/// What the function was asked: its request line, and its headers without those of the hop itself.
fn asked(reply: &wire::Reply) -> (String, Vec<(String, String)>) {
    let told: Value = serde_json::from_slice(&reply.body).unwrap();
    let header = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    let headers = told["headers"].as_array().unwrap().iter().map(header);
    let headers = headers.filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"));
    (told["line"].as_str().unwrap().to_owned(), headers.collect())
}

/// Takes a header off the list; its value.
fn take(headers: &mut Vec<(String, String)>, name: &str) -> String {
    let place =
        headers.iter().position(|(header, _)| header == name).unwrap_or_else(|| panic!("no {name}: {headers:?}"));
    headers.remove(place).1
}

/// X-Call-Id (UUID v4) if absent, X-Start-Time (Unix ns), X-Forwarded-Host (Host), X-Forwarded-For (remote addr with port) if absent;
/// custom headers such as `Hey` pass unchanged
#[test]
fn the_gateway_adds_its_own_and_passes_on_the_client_s() {
    let Some((fixture, _folder)) = echo() else { return };
    let faas_cli = ("User-Agent", "faas-cli/0.16.30 (openfaas; linux; amd64)");
    for (sent, kept) in [
        // curl
        (
            vec![("User-Agent", "curl/7.88.1"), ("Accept", "*/*")],
            vec![("accept", "*/*"), ("user-agent", "curl/7.88.1")],
        ),
        // hey
        (
            vec![("User-Agent", "hey/0.0.1"), ("Accept-Encoding", "gzip"), ("Hey", "hey")],
            vec![("accept-encoding", "gzip"), ("hey", "hey"), ("user-agent", "hey/0.0.1")],
        ),
        // faas-cli
        (
            vec![faas_cli, ("Content-Type", "text/plain"), ("Accept-Encoding", "gzip")],
            vec![("accept-encoding", "gzip"), ("content-type", "text/plain"), ("user-agent", faas_cli.1)],
        ),
        // nothing of its own: Go's client says who it is
        (vec![], vec![("user-agent", "Go-http-client/1.1")]),
    ] {
        let reply = fixture.send("POST", "/function/echo", &sent, "hello");
        let (line, mut headers) = asked(&reply);
        assert_eq!(line, "POST / HTTP/1.1");
        assert_eq!(
            Some(take(&mut headers, "x-call-id").as_str()),
            reply.header("X-Call-Id"),
            "the same for both sides"
        );
        assert_eq!(Some(take(&mut headers, "x-start-time").as_str()), reply.header("X-Start-Time"));
        assert_eq!(take(&mut headers, "x-forwarded-host"), "test");
        let from = take(&mut headers, "x-forwarded-for");
        assert!(from.starts_with("127.0.0.1:") && from.parse::<std::net::SocketAddr>().is_ok(), "{from}");
        let kept: Vec<_> = kept.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(headers, kept, "and nothing else");
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap()["body"], "hello");
    }
}

/// ... if absent; hop-by-hop headers removed
#[test]
fn what_the_client_says_of_itself_is_believed_and_what_is_between_neighbours_is_left_out() {
    let Some((fixture, _folder)) = echo() else { return };
    let sent = [
        ("User-Agent", "me"),
        ("X-Call-Id", "mine"),
        ("X-Start-Time", "0"),
        ("X-Forwarded-Host", "outside"),
        ("X-Forwarded-For", "10.1.2.3"),
        ("Te", "trailers"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Keep-Alive", "5"),
        ("Upgrade", "h2c"),
    ];
    let reply = fixture.send("GET", "/function/echo", &sent, "");
    let (_, mut headers) = asked(&reply);
    assert_eq!(reply.header("X-Call-Id"), None);
    // the gateway's own comes beside the client's
    assert_eq!(take(&mut headers, "x-start-time"), "0");
    assert_eq!(Some(take(&mut headers, "x-start-time").as_str()), reply.header("X-Start-Time"));
    let expected =
        [("user-agent", "me"), ("x-call-id", "mine"), ("x-forwarded-for", "10.1.2.3"), ("x-forwarded-host", "outside")];
    let expected: Vec<_> = expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(headers, expected);
}

/// The function sees path "/" plus REST, query unchanged
#[test]
fn the_function_sees_the_rest_of_the_path_and_the_query_as_it_is() {
    let Some((fixture, _folder)) = echo() else { return };
    for (path, line) in [
        ("/function/echo", "GET / HTTP/1.1"),
        ("/function/echo/", "GET / HTTP/1.1"),
        ("/function/echo.openfaas-fn/a/b?c=d&e=%20+", "GET /a/b?c=d&e=%20+ HTTP/1.1"),
        ("/function/echo?number=50", "GET /?number=50 HTTP/1.1"),
    ] {
        assert_eq!(asked(&fixture.get(path)).0, line, "{path}");
    }
}

/// Function headers pass through; an upstream header of the same name overwrites; redirects are not followed; the provider gives what
/// has no type the request's, or text/plain
#[test]
fn the_function_s_answer_comes_back_as_it_is() {
    let Some((fixture, _folder)) = echo() else { return };
    let answer = |status: u16, content_type: &str, by: &str, more: &str| {
        format!(
            "< {status}\n< Content-Length: {{length}}\n< Content-Type: {content_type}\n{more}< X-Call-Id: {{uuid}}\n< X-Duration-Seconds: {{seconds}}\n< X-Own: kept\n< X-Served-By: {by}\n< X-Start-Time: {{nanos}}\n< X-Watchtower-Replica: 0\n"
        )
    };
    let gateway = "openfaas-community/0.27.8";
    let to = "< Location: http://127.0.0.1:1/nowhere\n";
    for (path, expected) in [
        ("", answer(200, "text/plain", gateway, "")),
        ("/typed", answer(200, "application/json", gateway, "")),
        ("/over", answer(200, "text/plain", "the function", "")),
        ("/redirect", answer(302, "text/plain", gateway, to)),
    ] {
        let mut reply = fixture.get(&format!("/function/echo{path}"));
        assert!(!asked(&reply).0.is_empty());
        // the body is another matter, and its length goes with it
        let length = reply.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap();
        "0".clone_into(&mut length.1);
        reply.body.clear();
        expect(&reply, &expected);
    }
}

/// POST /async-function/NAME[/REST]: the queue-worker calls back through /function
#[test]
fn a_queued_call_comes_to_the_function_with_its_path_its_query_and_its_number() {
    let Some((fixture, folder)) = echo() else { return };
    let accepted = fixture.send("POST", "/async-function/echo/a?b=c", &[("Hey", "no")], "queued");
    assert_eq!(accepted.status, 202);
    until("it is carried out", || fixture.answered("echo", 200) == 1);
    let told = std::fs::read_to_string(folder.path().join("asked.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["line"], &told["body"]), (&json!("POST /a?b=c HTTP/1.1"), &json!("queued")));
    let headers = told["headers"].as_array().unwrap();
    for pair in [
        json!(["x-call-id", accepted.header("X-Call-Id").unwrap()]),
        json!(["hey", "no"]),
        json!(["user-agent", "openfaas-ce/nats-queue-worker"]),
    ] {
        assert!(headers.contains(&pair), "{pair}: {headers:?}");
    }
}
