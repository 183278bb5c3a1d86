//! HTTP/1.1 over hyper: one connection, driven inside the task that waits for the answer.
//!
//! No pool and no task beside the request: hyper's connection future is polled by whoever waits, which measured 10 % more
//! requests per second than a spawned one, and leaves nothing running between two requests.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header;
use hyper_util::rt::TokioIo;

use crate::drive::live::REPLICA_HEADER;
use crate::drive::live::clock::Clock;
use crate::record::{Detail, ErrorKind, ReplicaId};
use crate::time::Timestamp;

use super::answer::HEAD_MAX;
use super::dial::Dial;
use super::engine::Exchange;
use super::head::{HEADERS_MAX, Head};
use super::request::Prepared;
use super::wire::{Marks, Wire};

/// One worker's line over HTTP/1.1.
pub(super) struct Http1 {
    clock: Clock,
    request: Arc<Prepared>,
    line: Option<Line>,
}

impl Http1 {
    /// A connection for `request`, which is not dialled yet.
    pub(super) fn new(clock: Clock, request: Arc<Prepared>) -> Self {
        Self { clock, request, line: None }
    }

    /// Sends the request, which counts as having left at `sent`, and reads the answer to its end.
    pub(super) async fn exchange(&mut self, sent: Timestamp) -> Exchange {
        let mut dial = Dial::default();
        let head = match self.request.timeout {
            None => self.attempt(&mut dial).await,
            Some(limit) => {
                let deadline = self.clock.instant(sent + limit).into();
                let attempt = tokio::time::timeout_at(deadline, self.attempt(&mut dial)).await;
                attempt.unwrap_or(Err(ErrorKind::Timeout))
            }
        };
        let done = self.clock.now();
        let marks = self.line.as_ref().map(|line| &line.marks);
        let first_byte = marks.and_then(|marks| marks.first_byte());
        let written = marks.and_then(|marks| marks.written());
        let detail = Detail {
            dial: dial.whole,
            lookup: dial.lookup,
            write: written.map_or(Duration::ZERO, |written| written - dial.ready.unwrap_or(sent)),
            wait: first_byte.zip(written).map_or(Duration::ZERO, |(first_byte, written)| first_byte - written),
            read: first_byte.map_or(Duration::ZERO, |first_byte| done - first_byte),
            size: head.as_ref().ok().and_then(|head| head.size),
        };
        if head.is_err() || !self.request.keep_alive {
            self.line = None;
        } else if let Some(line) = &mut self.line {
            line.settle().await;
        }
        let replica = head.as_ref().ok().and_then(|head| head.replica);
        Exchange { sent, first_byte, done, answer: head.map(|head| head.status), replica, detail }
    }

    /// On the open line if there is one, else on a new one; a line that turns out to have been closed costs one more try.
    async fn attempt(&mut self, dial: &mut Dial) -> Result<Head, ErrorKind> {
        if let Some(line) = &mut self.line
            && line.is_open().await
        {
            match line.send(&self.request).await {
                Err(kind) if line.died_idle(kind, &self.request) => {}
                outcome => return outcome,
            }
        }
        self.line = None;
        let line = self.line.insert(dial_line(self.clock, &self.request, dial).await?);
        line.send(&self.request).await
    }
}

/// An open TCP connection with hyper's state machine on it.
struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Gone once the connection is closed.
    driver: Option<Driver>,
    marks: Arc<Marks>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<Wire>, Full<Bytes>>>>;

async fn dial_line(clock: Clock, request: &Prepared, dial: &mut Dial) -> Result<Line, ErrorKind> {
    let stream = dial.open(clock, request).await?;
    let wire = Wire::new(stream, clock);
    let marks = wire.marks();
    let mut hyper = http1::Builder::new();
    hyper.title_case_headers(true).max_header_size(HEAD_MAX).max_buf_size(2 * HEAD_MAX).max_headers(HEADERS_MAX);
    let (sender, driver) = hyper.handshake(TokioIo::new(wire)).await.map_err(|_| ErrorKind::Connect)?;
    Ok(Line { sender, driver: Some(Box::pin(driver)), marks })
}

impl Line {
    /// Whether the line can take a request; one on which the server closed or said something unasked in the meantime can't.
    async fn is_open(&mut self) -> bool {
        self.settle().await;
        drive(&mut self.driver, self.sender.ready()).await.is_ok()
    }

    /// Lets hyper finish with the last answer, so that the next request can be written at once, and see what came since.
    async fn settle(&mut self) {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn send(&mut self, request: &Prepared) -> Result<Head, ErrorKind> {
        self.marks.clear();
        let answer = drive(&mut self.driver, self.sender.send_request(request.request())).await;
        let (head, mut body) = answer.map_err(|error| kind_of(&error, ErrorKind::Closed))?.into_parts();
        while !body.is_end_stream() {
            match drive(&mut self.driver, body.frame()).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(kind_of(&error, ErrorKind::CutBody)),
                None => break,
            }
        }
        let text = |name| head.headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        // hey unpacks gzip and then knows no size; sums of sizes must agree with its own
        let packed = text(header::CONTENT_ENCODING.as_str()).is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let size = text(header::CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok());
        Ok(Head {
            status: head.status.as_u16(),
            replica: text(REPLICA_HEADER).and_then(|replica| replica.trim().parse().ok()).map(ReplicaId),
            size: size.filter(|_| !packed),
        })
    }

    /// Whether a request on this line failed only because the server had closed it between two requests, and may go again.
    ///
    /// Go's rule (`persistConn.shouldRetryRequest`): no byte of an answer, and either nothing was written or the request may
    /// be repeated.
    fn died_idle(&self, kind: ErrorKind, request: &Prepared) -> bool {
        matches!(kind, ErrorKind::Closed | ErrorKind::Reset)
            && self.marks.first_byte().is_none()
            && (self.marks.written().is_none() || request.may_repeat())
    }
}

/// Waits for `wanted` while the connection it depends on makes progress.
async fn drive<T>(driver: &mut Option<Driver>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        if let Poll::Ready(value) = wanted.as_mut().poll(cx) {
            return Poll::Ready(value);
        }
        if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            // dropping it fails whatever still waits on it
            *driver = None;
        }
        wanted.as_mut().poll(cx)
    })
    .await
}

/// What an error of hyper's is called here; `closed` if the connection ended without a reset.
fn kind_of(error: &hyper::Error, closed: ErrorKind) -> ErrorKind {
    if error.is_parse_too_large() {
        return ErrorKind::TooLarge;
    }
    if error.is_parse() {
        return ErrorKind::Protocol;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return match cause.kind() {
                io::ErrorKind::UnexpectedEof => closed,
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Protocol,
                io::ErrorKind::TimedOut => ErrorKind::Timeout,
                _ => ErrorKind::Reset,
            };
        }
        source = cause.source();
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() { closed } else { ErrorKind::Protocol }
}
