//! As much of Alertmanager's API (v2) as silences need, on a free port of loopback, and what it was told.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::listener::Listener;
use super::super::points::{Calls, Moment, Then};

/// Its silences, in the order in which they came.
pub(crate) struct Alertmanager {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _listener: Listener,
}

#[derive(Default)]
struct Shared {
    silences: Mutex<Vec<Value>>,
    /// Whoever does not bring this is not let in.
    authorization: Mutex<Option<String>>,
    calls: Arc<Calls>,
}

impl Alertmanager {
    pub(crate) fn start() -> Self {
        Self::counted(Arc::default())
    }

    /// Its calls are counted with those of others.
    pub(super) fn counted(calls: Arc<Calls>) -> Self {
        let shared = Arc::new(Shared { calls, ..Shared::default() });
        let serving = Arc::clone(&shared);
        let listener = Listener::start(move |stream| answer(stream, &serving));
        Self { address: listener.address, shared, _listener: listener }
    }

    /// From now on only those are let in who bring this header.
    pub(crate) fn asks_for(&self, authorization: String) {
        *self.shared.authorization.lock().expect("nobody panicked") = Some(authorization);
    }

    /// What is silenced now: alert and function of each.
    pub(crate) fn silenced(&self) -> Vec<(String, String)> {
        let silences = self.shared.silences.lock().expect("nobody panicked");
        let active = silences.iter().filter(|silence| silence["status"]["state"] == "active");
        let value = |silence: &Value, index: usize| silence["matchers"][index]["value"].as_str().unwrap().to_owned();
        active.map(|silence| (value(silence, 0), value(silence, 1))).collect()
    }

    pub(crate) fn ever(&self) -> usize {
        self.shared.silences.lock().expect("nobody panicked").len()
    }
}

fn answer(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().expect("a length");
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                authorization = Some(value.trim().to_owned());
            }
            _ => {}
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    // whoever was killed in the middle of it has asked for nothing
    let Some(first) = head.first().filter(|_| reader.read_exact(&mut body).is_ok()) else { return };
    let call = shared.calls.comes(first.trim().to_owned());
    if call.at(Moment::Before) == Then::Cut {
        return;
    }
    let wanted = shared.authorization.lock().expect("nobody panicked").clone();
    let (status, text) = if wanted.is_some() && wanted != authorization {
        ("401 Unauthorized", "Unauthorized".to_owned())
    } else {
        done(&mut shared.silences.lock().expect("nobody panicked"), first, &body)
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    let _ = call.answer(reader.get_mut(), answer.as_bytes());
}

fn done(silences: &mut Vec<Value>, first: &str, body: &[u8]) -> (&'static str, String) {
    let (method, path) = first.split_once(' ').expect("a request line");
    let path = path.split(' ').next().expect("a path");
    match (method, path) {
        ("POST", "/api/v2/silences") => {
            let mut silence: Value = serde_json::from_slice(body).expect("JSON");
            for time in ["startsAt", "endsAt"] {
                silence[time].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
            }
            let id = format!("silence-{}", silences.len());
            silence["id"] = json!(id);
            silence["status"] = json!({ "state": "active" });
            silences.push(silence);
            ("200 OK", json!({ "silenceID": id }).to_string())
        }
        ("GET", "/api/v2/silences") => ("200 OK", Value::Array(silences.clone()).to_string()),
        ("DELETE", path) => {
            let id = path.strip_prefix("/api/v2/silence/").expect("a silence");
            let silence = silences.iter_mut().find(|silence| silence["id"] == id).expect("one of ours");
            silence["status"]["state"] = json!("expired");
            ("200 OK", String::new())
        }
        _ => ("404 Not Found", String::new()),
    }
}
