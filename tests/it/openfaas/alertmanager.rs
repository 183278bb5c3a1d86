//! As much of Alertmanager's API (v2) as silences need, on a free port of loopback, and what it was told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// Its silences, in the order in which they came.
pub(crate) struct Alertmanager {
    pub(crate) address: SocketAddr,
    silences: Arc<Mutex<Vec<Value>>>,
}

impl Alertmanager {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let silences = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&silences);
        // ends with the tests
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &kept);
            }
        });
        Self { address, silences }
    }

    /// What is silenced now: alert and function of each.
    pub(crate) fn silenced(&self) -> Vec<(String, String)> {
        let silences = self.silences.lock().expect("nobody panicked");
        let active = silences.iter().filter(|silence| silence["status"]["state"] == "active");
        let value = |silence: &Value, index: usize| silence["matchers"][index]["value"].as_str().unwrap().to_owned();
        active.map(|silence| (value(silence, 0), value(silence, 1))).collect()
    }

    pub(crate) fn ever(&self) -> usize {
        self.silences.lock().expect("nobody panicked").len()
    }
}

fn answer(stream: TcpStream, silences: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let Some(first) = head.first() else { return };
    let (method, path) = first.split_once(' ').expect("a request line");
    let path = path.split(' ').next().expect("a path");
    let mut silences = silences.lock().expect("nobody panicked");
    let (status, text) = match (method, path) {
        ("POST", "/api/v2/silences") => {
            let mut silence: Value = serde_json::from_slice(&body).expect("JSON");
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
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
    let _ = reader.get_mut().write_all(answer.as_bytes());
}
