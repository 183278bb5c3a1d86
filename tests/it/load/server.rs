//! A server that notes what arrives and misbehaves on demand. It runs on a thread of its own, like another host.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use watchtower::drive::live::clock::Clock;
use watchtower::time::Timestamp;

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Answers 200.
    Answer,
    /// Answers with a status and more headers.
    Head(&'static str),
    /// Answers after a while.
    Late(Duration),
    /// Answers, then closes the connection without having said so.
    AnswerAndClose,
    /// Closes without an answer.
    Close,
    /// Resets the connection without an answer.
    Reset,
    /// Announces 100 bytes, sends 10 and closes.
    CutBody,
    /// Sends half a chunk and closes.
    CutChunk,
    /// Closes inside the answer's head.
    CutHead,
    /// Sends something that is not HTTP.
    Garbage,
    /// Sends a chunk whose size is no number.
    GarbledChunk,
    /// Never answers.
    Silence,
    /// Sends the head and never the body.
    SilentBody,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) at: Timestamp,
    /// Which connection, counted from 0 in order of acceptance.
    pub(super) connection: usize,
    /// Request line and headers.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

type Manner = dyn Fn(usize, usize) -> Act + Send + Sync;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    hits: mpsc::Receiver<Hit>,
    accepted: Arc<Mutex<usize>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that does the same with every request.
    pub(super) fn that(clock: Clock, act: Act) -> Self {
        Self::start(clock, move |_, _| act)
    }

    /// A server that decides by the number of the connection and of the request on it, both from 0.
    pub(super) fn start(clock: Clock, manner: impl Fn(usize, usize) -> Act + Send + Sync + 'static) -> Self {
        let (hit, hits) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let (bound, address) = mpsc::channel();
        let accepted = Arc::new(Mutex::new(0));
        let count = Arc::clone(&accepted);
        let manner: Arc<Manner> = Arc::new(manner);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                bound.send(listener.local_addr().expect("an address")).expect("the test waits");
                let serving = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let connection = {
                            let mut count = count.lock().unwrap();
                            *count += 1;
                            *count - 1
                        };
                        tokio::spawn(serve(stream, connection, clock, hit.clone(), Arc::clone(&manner)));
                    }
                };
                tokio::select! { () = serving => {}, _ = ended => {} }
            });
        });
        let address = address.recv().expect("the server started");
        Self { address, hits, accepted, end: Some(end), thread: Some(thread) }
    }

    pub(super) fn uri(&self, path: &str) -> hyper::Uri {
        format!("http://{}{path}", self.address).parse().expect("a URI")
    }

    /// The next request, however long it takes (a minute means never).
    pub(super) fn next_hit(&self) -> Hit {
        self.hits.recv_timeout(Duration::from_secs(60)).expect("a request arrives")
    }

    /// All requests that arrived and were not taken yet.
    pub(super) fn hits(&self) -> Vec<Hit> {
        self.hits.try_iter().collect()
    }

    /// Connections accepted so far.
    pub(super) fn accepted(&self) -> usize {
        *self.accepted.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server did not panic");
        }
    }
}

async fn serve(mut stream: TcpStream, connection: usize, clock: Clock, hits: mpsc::Sender<Hit>, manner: Arc<Manner>) {
    stream.set_nodelay(true).expect("a socket option");
    let mut buffer = Vec::new();
    for number in 0.. {
        let Some(hit) = read_request(&mut stream, &mut buffer, connection, clock).await else { return };
        if hits.send(hit).is_err() || !perform(&mut stream, manner(connection, number)).await {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize, clock: Clock) -> Option<Hit> {
    let mut at = None;
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end + 4]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some(Hit { at: at.unwrap_or_else(|| clock.now()), connection, head, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        at.get_or_insert_with(|| clock.now());
    }
}

/// Does it; false if the connection is over.
async fn perform(stream: &mut TcpStream, act: Act) -> bool {
    let (text, goes_on) = match act {
        Act::Answer => ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        Act::Head(head) => (head, true),
        Act::Late(wait) => {
            tokio::time::sleep(wait).await;
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true)
        }
        Act::AnswerAndClose => ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
        Act::Close => ("", false),
        Act::Reset => {
            stream.set_zero_linger().expect("a socket option");
            ("", false)
        }
        Act::CutBody => ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", false),
        Act::CutChunk => ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n0123456789", false),
        Act::CutHead => ("HTTP/1.1 200 OK\r\nContent-Le", false),
        Act::Garbage => ("garbage\r\n\r\n", false),
        Act::GarbledChunk => ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n", false),
        Act::Silence => return std::future::pending().await,
        Act::SilentBody => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
            stream.write_all(head).await.expect("the client waits");
            return std::future::pending().await;
        }
    };
    stream.write_all(text.as_bytes()).await.is_ok() && goes_on
}
