//! A server that does what it is told with every request, however wrong, and counts the connections that are still open.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;
use tokio_rustls::rustls::ServerConfig;

use super::line::Line;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Say(Vec<u8>),
    /// Says it byte by byte.
    Drip(Vec<u8>),
    /// Says it over and over until the other side has gone.
    Forever(Vec<u8>),
    Wait(Duration),
    /// Says nothing until the other side has gone.
    Hang,
    /// The same, and reads what comes meanwhile, slower than anybody writes it.
    Sip,
    /// Answers with the name that was asked for in the handshake.
    Name,
    Close,
    /// Closes without the goodbye that TLS has; elsewhere the same as [`Step::Close`].
    Cut,
    Reset,
}

/// What is spoken below HTTP.
#[derive(Clone)]
pub(super) enum Below {
    Tcp,
    Tls(Arc<ServerConfig>),
    /// Nothing is: whatever comes first is taken for a request.
    Anything,
}

/// Says a text.
pub(super) fn say(text: &str) -> Step {
    Step::Say(text.as_bytes().to_vec())
}

/// What to do with a request, by the number of its connection and its own number on that connection, both from 0.
pub(super) type Manner = dyn Fn(usize, usize) -> Vec<Step> + Send + Sync;

#[derive(Default)]
struct Seen {
    accepted: usize,
    requests: Vec<Vec<u8>>,
    connections: Vec<JoinHandle<()>>,
}

pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    drained: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it on a free port.
    pub(super) fn start(manner: Arc<Manner>) -> Self {
        Self::start_on(Below::Tcp, manner)
    }

    /// Starts it on something else than bare TCP.
    pub(super) fn start_on(below: Below, manner: Arc<Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (seen, ended) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let (shared, over) = (Arc::clone(&seen), Arc::clone(&ended));
        let drained = Arc::new(AtomicUsize::new(0));
        let drain = Arc::clone(&drained);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (notes, manner, below) = (Arc::clone(&shared), Arc::clone(&manner), below.clone());
                let drain = Arc::clone(&drain);
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = seen.accepted;
                seen.accepted += 1;
                seen.connections
                    .push(thread::spawn(move || serve(stream, &below, connection, &notes, &drain, &*manner)));
            }
        });
        Self { address, seen, drained, ended, thread: Some(thread) }
    }

    pub(super) fn uri(&self, scheme: &str) -> hyper::Uri {
        format!("{scheme}://{}/function/ftest?number=50", self.address).parse().expect("a URI")
    }

    /// Bytes read while it hung.
    pub(super) fn drained(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.drained)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; returns how many connections there were and what was asked, once the other side has closed every connection. One
    /// that it left open would keep this waiting forever.
    pub(super) fn end(mut self) -> (usize, Vec<String>) {
        self.stop();
        let connections = std::mem::take(&mut self.seen.lock().expect("no panic").connections);
        for connection in connections {
            connection.join().expect("no panic");
        }
        let seen = self.seen.lock().expect("no panic");
        let address = self.address.to_string();
        let texts = seen.requests.iter().map(|bytes| String::from_utf8_lossy(bytes).replace(&address, "ADDRESS"));
        (seen.accepted, texts.collect())
    }

    fn stop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // one more connection, so that it looks
            drop(TcpStream::connect(self.address));
            drop(thread.join());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(
    stream: TcpStream,
    below: &Below,
    connection: usize,
    seen: &Mutex<Seen>,
    drained: &AtomicUsize,
    manner: &Manner,
) {
    stream.set_nodelay(true).expect("a socket option");
    let mut stream = match below {
        Below::Tcp | Below::Anything => Line::Tcp(stream),
        Below::Tls(config) => Line::secured(stream, config),
    };
    let mut buffer = Vec::new();
    for number in 0.. {
        let request = match below {
            Below::Anything => read_anything(&mut stream),
            Below::Tcp | Below::Tls(_) => read_request(&mut stream, &mut buffer),
        };
        let Ok(Some(request)) = request else { return };
        seen.lock().expect("no panic").requests.push(request);
        for step in manner(connection, number) {
            if !matches!(perform(&mut stream, &step, drained), Ok(true)) {
                return;
            }
        }
    }
}

/// Whatever comes first.
fn read_anything(stream: &mut Line) -> io::Result<Option<Vec<u8>>> {
    let mut piece = [0; 4096];
    let length = stream.read(&mut piece)?;
    Ok((length > 0).then(|| piece[..length].to_vec()))
}

/// The head of the next request, with its body as far as it is short.
fn read_request(stream: &mut Line, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end + 4]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
            // a long body is left where it is: the answer comes before it was read
            let length = length.filter(|length| *length < 10_000).unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let rest = buffer.split_off(end + 4 + length);
                return Ok(Some(std::mem::replace(buffer, rest)));
            }
        }
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            length => buffer.extend_from_slice(&piece[..length]),
        }
    }
}

/// Does it; false if the connection is over.
fn perform(stream: &mut Line, step: &Step, drained: &AtomicUsize) -> io::Result<bool> {
    match step {
        Step::Say(bytes) => stream.write_all(bytes)?,
        Step::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_micros(200));
            }
        }
        Step::Forever(bytes) => loop {
            stream.write_all(bytes)?;
        },
        Step::Wait(time) => thread::sleep(*time),
        Step::Hang => {
            let mut piece = [0; 4096];
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(false),
                    length => drained.fetch_add(length, Ordering::SeqCst),
                };
            }
        }
        Step::Sip => {
            let mut piece = vec![0; 65536];
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(false),
                    length => drained.fetch_add(length, Ordering::SeqCst),
                };
                thread::sleep(Duration::from_millis(1));
            }
        }
        Step::Name => {
            let name = stream.asked_for().unwrap_or_default().to_owned();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())?;
        }
        Step::Close | Step::Cut => {
            if *step == Step::Close {
                stream.say_goodbye()?;
            }
            stream.socket().shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        Step::Reset => {
            SockRef::from(stream.socket()).set_linger(Some(Duration::ZERO))?;
            return Ok(false);
        }
    }
    Ok(true)
}
