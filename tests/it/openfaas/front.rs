//! Somebody's gateway as it may be: the platform behind it answers, and this is slow, gone, refuses, or forgets who may come in. It says
//! no more than a real one does of what became of a scaling.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::super::listener::Listener;
use super::super::points::{Calls, Moment, Then};

/// What goes wrong.
#[derive(Clone, Default)]
pub(super) struct Weather {
    /// Every connection is closed at once.
    pub(super) down: bool,
    /// Nobody's password is good any more.
    pub(super) expired: bool,
    /// Whoever brings this token is let in, with this for the platform behind; nobody else is.
    pub(super) token: Option<(String, String)>,
    /// So long before a scaling to so many is carried out, which is done whether whoever asked still waits or not.
    pub(super) takes: Option<(u64, Duration)>,
    /// Every so manyth scaling is answered as faas-netes answers a conflict.
    pub(super) refuse_every: Option<usize>,
    /// No replica is ever ready.
    pub(super) never_ready: bool,
    /// Before each answer.
    pub(super) slow: Duration,
}

#[derive(Default)]
struct Shared {
    weather: Mutex<Weather>,
    /// Counts that were asked for, in order.
    asked: Mutex<Vec<u64>>,
    /// How many of them are done or refused.
    done: Mutex<usize>,
    /// What befalls whoever calls.
    calls: Arc<Calls>,
}

/// The gateway. It ends when it is dropped.
pub(super) struct Front {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _listener: Listener,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Front {
    /// In front of the gateway at this address; its calls are counted with those of others.
    pub(super) fn before(gateway: SocketAddr, calls: Arc<Calls>) -> Self {
        let shared = Arc::new(Shared { calls, ..Shared::default() });
        let serving = Arc::clone(&shared);
        let listener = Listener::start(move |stream| {
            if !locked(&serving.weather).down {
                // whoever went away in the middle wants no answer
                let _ = serve(&serving, gateway, stream);
            }
        });
        Self { address: listener.address, shared, _listener: listener }
    }

    pub(super) fn weather(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut locked(&self.shared.weather));
    }

    /// Counts that were asked for, in order.
    pub(super) fn asked(&self) -> Vec<u64> {
        locked(&self.shared.asked).clone()
    }

    /// Whether a scaling is under way.
    pub(super) fn is_busy(&self) -> bool {
        locked(&self.shared.asked).len() > *locked(&self.shared.done)
    }
}

/// A message: its first line, its headers, its body.
#[derive(Clone)]
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads one whose body has a length or, if it is an answer, ends with its connection.
    fn read(reader: &mut impl BufRead, is_answer: bool) -> io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let first = lines.remove(0);
        let headers = lines.iter().filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut message = Self { first, headers, body: Vec::new() };
        let length = message.header("content-length").and_then(|length| length.parse().ok());
        if let Some(length) = length {
            message.body.resize(length, 0);
            reader.read_exact(&mut message.body)?;
        } else if is_answer {
            reader.read_to_end(&mut message.body)?;
        }
        Ok(message)
    }

    fn bytes(&self) -> Vec<u8> {
        let hop = |name: &str| ["connection", "content-length"].iter().any(|hop| name.eq_ignore_ascii_case(hop));
        let kept = self.headers.iter().filter(|(name, _)| !hop(name));
        let mut lines = vec![self.first.clone()];
        lines.extend(kept.map(|(name, value)| format!("{name}: {value}")));
        if self.header("transfer-encoding").is_none() {
            lines.push(format!("Content-Length: {}", self.body.len()));
        }
        lines.push("Connection: close\r\n\r\n".to_owned());
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

fn serve(shared: &Shared, gateway: SocketAddr, mut stream: TcpStream) -> io::Result<()> {
    let request = Message::read(&mut BufReader::new(stream.try_clone()?), false)?;
    let call = shared.calls.comes(request.first.clone());
    if call.at(Moment::Before) == Then::GoOn {
        let answer = answered(shared, gateway, &request);
        let slow = locked(&shared.weather).slow;
        thread::sleep(slow);
        if let Some(answer) = answer? {
            call.answer(&mut stream, &answer.bytes())?;
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn plain(status: &str, body: &str) -> Message {
    Message { first: format!("HTTP/1.1 {status}"), headers: Vec::new(), body: body.as_bytes().to_vec() }
}

fn answered(shared: &Shared, gateway: SocketAddr, request: &Message) -> io::Result<Option<Message>> {
    let weather = locked(&shared.weather).clone();
    let path = request.first.split(' ').nth(1).unwrap_or_default();
    let mut request = request.clone();
    let path = path.to_owned();
    if path.starts_with("/system/") {
        let mut is_let_in = !weather.expired;
        if let Some((token, instead)) = &weather.token {
            is_let_in &= request.header("authorization") == Some(&format!("Bearer {token}"));
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            request.headers.push(("Authorization".to_owned(), instead.clone()));
        }
        if !is_let_in {
            return Ok(Some(plain("401 Unauthorized", "invalid credentials")));
        }
    }
    let request = &request;
    if path.starts_with("/system/scale-function/") {
        let body: serde_json::Value = serde_json::from_slice(&request.body)?;
        let replicas = body["replicas"].as_u64().unwrap_or(0);
        let number = {
            let mut asked = locked(&shared.asked);
            asked.push(replicas);
            asked.len()
        };
        thread::sleep(weather.takes.filter(|(to, _)| *to == replicas).map(|(_, long)| long).unwrap_or_default());
        let refused = weather.refuse_every.is_some_and(|every| number.is_multiple_of(every));
        let answer = if refused {
            Ok(Some(plain("500 Internal Server Error", "unable to update function deployment")))
        } else {
            passed_on(gateway, request).map(Some)
        };
        *locked(&shared.done) += 1;
        return answer;
    }
    let mut answer = passed_on(gateway, request)?;
    if weather.never_ready && path.starts_with("/system/function/") {
        let mut status: serde_json::Value = serde_json::from_slice(&answer.body)?;
        status["availableReplicas"] = 0.into();
        answer.body = status.to_string().into_bytes();
    }
    Ok(Some(answer))
}

fn passed_on(gateway: SocketAddr, request: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(gateway)?;
    stream.write_all(&request.bytes())?;
    let mut answer = Message::read(&mut BufReader::new(stream), true)?;
    // nobody else tells what was made of a count
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-watchtower-accepted"));
    Ok(answer)
}
