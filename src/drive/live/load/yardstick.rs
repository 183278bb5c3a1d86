//! A server that knows how long each of its answers took: what a generator can be measured against.
//!
//! ```text
//!   request read              answer written
//!        |-- kept for its time --|
//!      came                    left             both by the generator's own clock
//! ```
//!
//! What a generator measures beyond that time is its own doing, the kernel's and the loopback's. Each answer carries its number, in
//! the header that names replicas elsewhere, so requests and answers are put together without guessing.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinSet, LocalSet};

use crate::drive::live::REPLICA_HEADER;
use crate::drive::live::clock::Clock;
use crate::time::Timestamp;

use super::departures::Departures;
use super::pacer::Pacer;

/// How long requests are kept before they are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    usual: Duration,
    /// Every so many requests one is kept this long instead.
    rare: Option<(u64, Duration)>,
    stall: Option<(Timestamp, Timestamp)>,
    attentive: bool,
}

impl Manner {
    /// All of them equally long; zero answers at once.
    pub const fn constant(usual: Duration) -> Self {
        Self { usual, rare: None, stall: None, attentive: false }
    }

    /// One of `every` requests (at least 1) is kept for `rare` instead.
    #[must_use]
    pub fn and_rarely(self, every: u64, rare: Duration) -> Self {
        Self { rare: Some((every.max(1), rare)), ..self }
    }

    /// The server stands still between these two points: what comes meanwhile is answered at the end.
    #[must_use]
    pub const fn and_stands_still(self, from: Timestamp, to: Timestamp) -> Self {
        Self { stall: Some((from, to)), ..self }
    }

    /// The server looks for requests without pause. Otherwise it sleeps until the kernel wakes it, which after a few milliseconds
    /// of idleness takes some 50 microseconds that are no delay of its own choice and yet nobody else's. Costs a core.
    #[must_use]
    pub const fn and_never_sleeps(self) -> Self {
        Self { attentive: true, ..self }
    }

    /// When the request of this number (from 0) that came at `came` is to be answered.
    pub fn answers_at(&self, number: u64, came: Timestamp) -> Timestamp {
        let kept = match self.rare {
            Some((every, rare)) if number % every == every - 1 => rare,
            _ => self.usual,
        };
        let at = came + kept;
        self.stall.filter(|(from, to)| (*from..*to).contains(&came)).map_or(at, |(_, to)| at.max(to))
    }
}

/// An answer that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The request's number in order of arrival, from 0.
    pub number: u32,
    /// When the whole request had been read.
    pub came: Timestamp,
    /// When the answer was about to be written.
    pub left: Timestamp,
}

/// The server, on a thread of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Yardstick {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    roused: Arc<Notify>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Book {
    manner: Manner,
    /// Requests that came.
    came: u32,
    served: Vec<Served>,
}

impl Yardstick {
    /// Starts it on a free port of the loopback; it answers at once until told otherwise.
    ///
    /// # Errors
    /// When the system gives no port, event loop or thread.
    pub fn start(clock: Clock) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let pacer = Pacer::named("yardstick-pacer", clock, |_| {})?;
        let book = Arc::new(Mutex::new(Book::default()));
        let (end, ended) = oneshot::channel();
        let roused = Arc::new(Notify::new());
        let (desk_book, desk_roused) = (Arc::clone(&book), Arc::clone(&roused));
        let thread = thread::Builder::new().name("yardstick".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, async {
                let departures = Departures::new(clock, pacer);
                let desk = Rc::new(Desk { clock, departures, book: desk_book, roused: desk_roused });
                tokio::select! {
                    () = desk.accept(listener) => {}
                    () = desk.departures.keep() => {}
                    () = desk.attend() => {}
                    _ = ended => {}
                }
            });
        })?;
        Ok(Self { address, book, roused, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Never: an address and a port make an address to call.
    #[expect(clippy::expect_used, reason = "an address and a port make an address to call")]
    pub fn uri(&self) -> Uri {
        format!("http://{}/", self.address).parse().expect("an address to call")
    }

    /// From now on requests are kept so; counting and the book begin anew.
    pub fn begin(&self, manner: Manner) {
        *locked(&self.book) = Book { manner, ..Book::default() };
        self.roused.notify_one();
    }

    /// What was answered since, in the order in which answers left.
    pub fn take(&self) -> Vec<Served> {
        std::mem::take(&mut locked(&self.book).served)
    }
}

impl Drop for Yardstick {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // a panic in it has been printed; there is nothing left to do about it here
            let _ = thread.join();
        }
    }
}

fn locked(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all connections share, on the one thread.
struct Desk {
    clock: Clock,
    departures: Departures,
    book: Arc<Mutex<Book>>,
    roused: Arc<Notify>,
}

impl Desk {
    /// Keeps the thread from sleeping while that is asked for; sockets are looked at on every turn.
    async fn attend(&self) {
        loop {
            // once for many turns, since the other side asks for the book too
            if locked(&self.book).manner.attentive {
                for _ in 0..64 {
                    tokio::task::yield_now().await;
                }
            } else {
                self.roused.notified().await;
            }
        }
    }

    async fn accept(self: &Rc<Self>, listener: TcpListener) {
        // a connection that can't be had (no descriptors left) shows at the generator; the others go on
        let mut connections = JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Rc::clone(self);
                    connections.spawn_local(async move { desk.serve(stream).await });
                }
                Err(_) => tokio::task::yield_now().await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// Answers requests without bodies, one after the other, until the other side has no more.
    async fn serve(&self, mut stream: TcpStream) {
        // without it an answer still goes out, only later
        let _ = stream.set_nodelay(true);
        let mut buffer = Vec::with_capacity(1024);
        let mut answer = String::new();
        while let Some(came) = self.request(&mut stream, &mut buffer).await {
            let (number, at) = {
                let mut book = locked(&self.book);
                let number = book.came;
                book.came += 1;
                (number, book.manner.answers_at(u64::from(number), came))
            };
            if at > came {
                self.departures.wait_until(at).await;
            }
            answer.clear();
            let _ = write!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{REPLICA_HEADER}: {number}\r\n\r\nok");
            let left = self.clock.now();
            // before the answer is out, or whoever has it could ask for the book too soon
            locked(&self.book).served.push(Served { number, came, left });
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// When the next request was there whole; `None` if there is none.
    async fn request(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Timestamp> {
        let mut came = self.clock.now();
        loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                buffer.drain(..end + 4);
                return Some(came);
            }
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
            came = self.clock.now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_request_is_kept_for_its_time_and_to_the_end_of_a_stall() {
        let at = Timestamp::from_millis;
        let manner = Manner::constant(5 * MS).and_rarely(3, 20 * MS).and_stands_still(at(100), at(200));
        assert_eq!(manner.and_never_sleeps().answers_at(2, at(10)), at(30));
        for (number, came, answered) in [
            (0, 10, 15),
            (1, 10, 15),
            (2, 10, 30),
            (5, 10, 30),
            (3, 99, 104),
            (3, 100, 200),
            (2, 199, 219),
            (3, 200, 205),
        ] {
            assert_eq!(manner.answers_at(number, at(came)), at(answered), "request {number} at {came} ms");
        }
    }

    #[test]
    fn every_answer_is_in_the_book_under_its_number_and_not_before_its_time() {
        let clock = Clock::start();
        let yardstick = Yardstick::start(clock).expect("a server");
        let mut stream = std::net::TcpStream::connect(yardstick.address).expect("a connection");
        for manner in [Manner::constant(2 * MS), Manner::constant(2 * MS).and_never_sleeps()] {
            yardstick.begin(manner);
            let before = clock.now();
            for number in 0..3 {
                // in two pieces: it counts from when the request is whole
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").expect("sent");
                stream.write_all(b"\r\n").expect("sent");
                let mut answer = [0; 256];
                let length = stream.read(&mut answer).expect("an answer");
                let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
                assert!(answer.contains(&format!("{REPLICA_HEADER}: {number}\r\n")) && answer.ends_with("\r\n\r\nok"));
            }
            let served = yardstick.take();
            assert_eq!(served.iter().map(|one| one.number).collect::<Vec<_>>(), [0, 1, 2]);
            assert!(served.iter().all(|one| one.came >= before && one.left >= one.came + 2 * MS), "{served:?}");
            assert!(yardstick.take().is_empty());
        }
    }
}
