//! A gateway that does what the test says: it answers probes as late as it is told, keeps every scaling it is asked for, and can be gone.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::super::listener::Listener;

pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _listener: Listener,
}

#[derive(Default)]
struct State {
    replicas: Mutex<u32>,
    /// How late each probe is answered; the last one goes on.
    late: Mutex<VecDeque<Duration>>,
    probes: Mutex<u32>,
    scalings: Mutex<Vec<u32>>,
    /// Answers nobody.
    is_gone: AtomicBool,
    authorization: Mutex<Option<String>>,
}

impl StandIn {
    /// One with so many replicas, whose probes are so late.
    pub(crate) fn start(replicas: u32, late_ms: &[u64]) -> Self {
        let state = Arc::new(State::default());
        *state.replicas.lock().unwrap() = replicas;
        *state.late.lock().unwrap() = late_ms.iter().map(|millis| Duration::from_millis(*millis)).collect();
        let shared = Arc::clone(&state);
        let listener = Listener::start(move |stream| serve(&stream, &shared));
        Self { address: listener.address, state, _listener: listener }
    }

    pub(crate) fn scalings(&self) -> Vec<u32> {
        self.state.scalings.lock().unwrap().clone()
    }

    pub(crate) fn replicas(&self) -> u32 {
        *self.state.replicas.lock().unwrap()
    }

    pub(crate) fn probes(&self) -> u32 {
        *self.state.probes.lock().unwrap()
    }

    /// Hangs up on everybody, or no longer.
    pub(crate) fn be_gone(&self, is_gone: bool) {
        self.state.is_gone.store(is_gone, Ordering::SeqCst);
    }

    pub(crate) fn authorization(&self) -> Option<String> {
        self.state.authorization.lock().unwrap().clone()
    }
}

/// One connection, request by request.
fn serve(stream: &TcpStream, state: &State) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let (mut length, mut is_probe) = (0, false);
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let (name, value) = header.trim().split_once(": ").unwrap_or((header.trim(), ""));
            match name.to_ascii_lowercase().as_str() {
                "" => break,
                "content-length" => length = value.parse().unwrap_or(0),
                "hey" => is_probe = true,
                "authorization" => *state.authorization.lock().unwrap() = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() || state.is_gone.load(Ordering::SeqCst) {
            return;
        }
        let path = line.split_whitespace().nth(1).unwrap_or_default();
        let (status, answer) = if is_probe {
            *state.probes.lock().unwrap() += 1;
            let late = {
                let mut late = state.late.lock().unwrap();
                if late.len() > 1 { late.pop_front() } else { late.front().copied() }
            };
            thread::sleep(late.unwrap_or_default());
            ("200 OK", String::new())
        } else if path.starts_with("/system/function/") {
            let replicas = *state.replicas.lock().unwrap();
            ("200 OK", format!("{{\"name\":\"ftest\",\"replicas\":{replicas},\"availableReplicas\":{replicas}}}"))
        } else if path.starts_with("/system/scale-function/") {
            let asked: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let replicas = asked["replicas"].as_u64().expect("a count") as u32;
            *state.replicas.lock().unwrap() = replicas;
            state.scalings.lock().unwrap().push(replicas);
            ("202 Accepted", String::new())
        } else {
            ("404 Not Found", String::new())
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", answer.len());
        let mut stream = stream;
        if stream.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}
