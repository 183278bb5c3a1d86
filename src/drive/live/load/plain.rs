//! Plain HTTP/1.1 by hand, for speed: the request's bytes are ready, the answer is read where it arrives.
//!
//! ```text
//!   one write of prepared bytes  -->  wait for the socket  -->  one read into the connection's own buffer  -->  answer.rs
//! ```
//!
//! A request on an open connection costs two system calls and no allocation, and touches nothing another connection uses.
//! Measured against nginx on two cores, 50 connections: 250 000 requests a second, where hyper makes 115 000 and wrk 235 000.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout_at};

use crate::drive::live::clock::Clock;
use crate::record::{Detail, ErrorKind};
use crate::time::Timestamp;

use super::answer::{Answer, HEAD_MAX};
use super::dial::Dial;
use super::engine::Exchange;
use super::head::Head;
use super::request::Prepared;

/// Room for an answer at first; it doubles whenever one read fills it.
const ROOM: usize = 8 * 1024;

/// Most room: an answer's head that is refused if it is longer, and as much behind it.
const ROOM_MAX: usize = 2 * HEAD_MAX;

/// One worker's connection.
pub(in crate::drive::live) struct Plain {
    clock: Clock,
    request: Arc<Prepared>,
    stream: Option<TcpStream>,
    buffer: Buffer,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// What happened to one request so far, on one connection.
#[derive(Clone, Copy, Debug)]
struct Way {
    answer: Answer,
    /// Bytes of the request that were handed to the system.
    written: usize,
    /// Whether the system takes no more, because the server has gone.
    deaf: bool,
    written_at: Option<Timestamp>,
    first_byte: Option<Timestamp>,
    read_at: Option<Timestamp>,
}

impl Plain {
    /// A connection for `request`, which is not dialled yet.
    pub(in crate::drive::live) fn new(clock: Clock, request: Arc<Prepared>) -> Self {
        Self { clock, request, stream: None, buffer: Buffer::default(), alarm: None }
    }

    /// Sends the request, which counts as having left at `sent`, and reads the answer to its end.
    pub(in crate::drive::live) async fn exchange(&mut self, sent: Timestamp) -> Exchange {
        let deadline = self.request.timeout.map(|limit| sent + limit);
        let mut dial = Dial::default();
        let mut way = self.way();
        let outcome = self.attempt(deadline, &mut dial, &mut way).await;
        let done = match outcome {
            Ok(_) => way.read_at.unwrap_or_else(|| self.clock.now()),
            Err(_) => self.clock.now(),
        };
        let whole = way.written == self.request.bytes().len();
        if outcome.is_err() || !whole || !way.answer.keeps_open() || !self.buffer.is_empty() || !self.request.keep_alive
        {
            self.close();
        }
        let (written, first_byte) = (way.written_at, way.first_byte);
        let head = outcome.as_ref().ok();
        Exchange {
            sent,
            first_byte,
            done,
            answer: outcome.map(|head| head.status),
            replica: head.and_then(|head| head.replica),
            detail: Detail {
                dial: dial.whole,
                lookup: dial.lookup,
                write: written.map_or(Duration::ZERO, |written| written - dial.ready.unwrap_or(sent)),
                wait: first_byte.zip(written).map_or(Duration::ZERO, |(first_byte, written)| first_byte - written),
                read: first_byte.map_or(Duration::ZERO, |first_byte| done - first_byte),
                size: head.and_then(|head| head.size),
            },
        }
    }

    /// On the open connection if there is one, else on a new one; one that turns out to have been closed costs one more try.
    async fn attempt(
        &mut self,
        deadline: Option<Timestamp>,
        dial: &mut Dial,
        way: &mut Way,
    ) -> Result<Head, ErrorKind> {
        if self.is_open() {
            match poll_fn(|cx| self.poll_head(cx, deadline, way)).await {
                Err(kind) if self.died_idle(kind, way) => {}
                outcome => return outcome,
            }
        }
        self.close();
        *way = self.way();
        let opened = dial.open(self.clock, &self.request);
        self.stream = Some(match deadline.map(|deadline| self.clock.instant(deadline)) {
            None => opened.await?,
            Some(deadline) => timeout_at(deadline.into(), opened).await.unwrap_or(Err(ErrorKind::Timeout))?,
        });
        poll_fn(|cx| self.poll_head(cx, deadline, way)).await
    }

    fn way(&self) -> Way {
        let answer = Answer::to(self.request.method());
        Way { answer, written: 0, deaf: false, written_at: None, first_byte: None, read_at: None }
    }

    fn close(&mut self) {
        self.stream = None;
        self.buffer.clear();
    }

    /// Whether there is a connection that can take a request. One on which the server closed or said something unasked in the
    /// meantime can't; where nothing happened, asking costs no system call.
    fn is_open(&mut self) -> bool {
        let Some(stream) = &self.stream else { return false };
        matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether a request on this connection failed only because the server had closed it between two requests, and may go again.
    ///
    /// Go's rule (`persistConn.shouldRetryRequest`): no byte of an answer, and either nothing was written or the request may
    /// be repeated.
    fn died_idle(&self, kind: ErrorKind, way: &Way) -> bool {
        matches!(kind, ErrorKind::Closed | ErrorKind::Reset)
            && way.first_byte.is_none()
            && (way.written_at.is_none() || self.request.may_repeat())
    }

    /// Reads what there is of the answer and writes what is left of the request, in this order: an answer that comes before the
    /// request was read counts.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Timestamp>,
        way: &mut Way,
    ) -> Poll<Result<Head, ErrorKind>> {
        loop {
            match self.poll_read(cx, way) {
                Poll::Ready(Ok(Some(head))) => return Poll::Ready(Ok(head)),
                Poll::Ready(Err(kind)) => return Poll::Ready(Err(kind)),
                Poll::Pending if self.poll_write(cx, way).is_pending() => break,
                Poll::Ready(Ok(None)) | Poll::Pending => {}
            }
            // a body that never ends may come too fast for the alarm to be asked
            if deadline.is_some_and(|deadline| way.read_at.max(way.written_at) >= Some(deadline)) {
                return Poll::Ready(Err(ErrorKind::Timeout));
            }
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        ready!(poll_passed(&mut self.alarm, cx, self.clock.instant(deadline).into()));
        Poll::Ready(Err(ErrorKind::Timeout))
    }

    /// Reads once; ready with the answer's head when all of the answer is there.
    fn poll_read(&mut self, cx: &mut Context<'_>, way: &mut Way) -> Poll<Result<Option<Head>, ErrorKind>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(ErrorKind::Closed)) };
        let length = ready!(self.buffer.poll_fill(cx, Pin::new(stream))).map_err(|error| kind_of(&error))?;
        let now = self.clock.now();
        way.read_at = Some(now);
        if length == 0 {
            return Poll::Ready(way.answer.closed().map(Some));
        }
        way.first_byte.get_or_insert(now);
        let taken = way.answer.take(self.buffer.bytes())?;
        self.buffer.consume(taken);
        Poll::Ready(Ok(way.answer.whole()))
    }

    /// Writes once; ready if there is more to write.
    fn poll_write(&mut self, cx: &mut Context<'_>, way: &mut Way) -> Poll<()> {
        let left = &self.request.bytes()[way.written..];
        let Some(stream) = self.stream.as_mut().filter(|_| !left.is_empty() && !way.deaf) else { return Poll::Pending };
        match ready!(Pin::new(stream).poll_write(cx, left)) {
            Ok(length) => {
                way.written += length;
                way.written_at = Some(self.clock.now());
            }
            // what the server said before it stopped listening may still be read, and its end too
            Err(_) => way.deaf = true,
        }
        if way.deaf || way.written == self.request.bytes().len() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// Waits until `deadline` has passed. The alarm stands where an earlier request set it, and is moved only when it rings: moving
/// it at every request would cost more than writing the request.
fn poll_passed(alarm: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
    let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
    loop {
        ready!(alarm.as_mut().poll(cx));
        if alarm.deadline() >= deadline {
            return Poll::Ready(());
        }
        alarm.as_mut().reset(deadline);
    }
}

fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Reset,
    }
}

/// Bytes that were read and not taken yet.
#[derive(Debug, Default)]
struct Buffer {
    room: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        &self.room[..self.filled]
    }

    fn is_empty(&self) -> bool {
        self.filled == 0
    }

    fn clear(&mut self) {
        self.filled = 0;
    }

    fn consume(&mut self, taken: usize) {
        self.room.copy_within(taken..self.filled, 0);
        self.filled -= taken;
    }

    /// Reads once; the length is 0 at the end of the stream only.
    fn poll_fill(&mut self, cx: &mut Context<'_>, stream: Pin<&mut TcpStream>) -> Poll<io::Result<usize>> {
        if self.room.is_empty() {
            self.room.resize(ROOM, 0);
        }
        let mut room = ReadBuf::new(&mut self.room[self.filled..]);
        ready!(stream.poll_read(cx, &mut room))?;
        let length = room.filled().len();
        self.filled += length;
        if self.filled == self.room.len() && self.filled < ROOM_MAX {
            self.room.resize(2 * self.filled, 0);
        }
        Poll::Ready(Ok(length))
    }
}
