//! One worker's line through hyper, for whatever lies below HTTP: bare TCP, TLS, a tunnel; HTTP/1.1, or HTTP/2 where the server
//! chose it. Its plain sibling is [`plain`](super::plain).

use std::time::Duration;

use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use tokio::time::timeout_at;

use crate::drive::live::REPLICA_HEADER;
use crate::drive::live::clock::Clock;
use crate::record::{Detail, ErrorKind, ReplicaId};
use crate::time::Timestamp;

use super::dial::Dial;
use super::engine::Exchange;
use super::failure::Fault;
use super::head::Head;
use super::http1::Http1;
use super::http2::Http2;
use super::redirect::leads_on;
use super::request::Prepared;
use super::wire::{Marks, Wire};

/// One worker's line.
pub(super) struct Secured {
    clock: Clock,
    line: Option<Line>,
    location: Option<String>,
    why: Option<String>,
}

/// An open connection.
enum Line {
    Http1(Http1),
    Http2(Http2),
}

/// What was noted of a request on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    written: Option<Timestamp>,
    first_byte: Option<Timestamp>,
}

impl Secured {
    /// A line that is not dialled yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, line: None, location: None, why: None }
    }

    /// Where the last answer sent us, if it was a redirect that says where to.
    pub(super) fn location(&mut self) -> Option<String> {
        self.location.take()
    }

    /// What went wrong with the last request, where there is more to say than its kind.
    pub(super) fn why(&mut self) -> Option<String> {
        self.why.take()
    }

    /// Sends a request, which counts as having left at `sent`, and reads the answer to its end.
    pub(super) async fn exchange(
        &mut self,
        request: &Prepared,
        sent: Timestamp,
        deadline: Option<Timestamp>,
    ) -> Exchange {
        let mut dial = Dial::default();
        let mut way = Way::default();
        (self.location, self.why) = (None, None);
        let clock = self.clock;
        let attempt = self.attempt(request, &mut dial, &mut way);
        let head = match deadline.map(|deadline| clock.instant(deadline)) {
            None => attempt.await,
            Some(deadline) => timeout_at(deadline.into(), attempt).await.unwrap_or(Err(ErrorKind::Timeout.into())),
        };
        let done = clock.now();
        // what timed out could not note it itself
        if let Some(line) = self.line.as_ref().filter(|_| head.is_err()) {
            way = line.way(way);
        }
        let first_byte = way.first_byte;
        // what is written of a request behind the first byte of its answer is written for nobody
        let written = way.written.map(|written| first_byte.map_or(written, |first_byte| written.min(first_byte)));
        let head = head.map_err(|fault| {
            self.why = fault.why;
            fault.kind
        });
        let told = head.as_ref().ok();
        let detail = Detail {
            dial: dial.whole,
            lookup: dial.lookup,
            write: written.map_or(Duration::ZERO, |written| written - dial.ready.unwrap_or(sent)),
            wait: first_byte.zip(written).map_or(Duration::ZERO, |(first_byte, written)| first_byte - written),
            read: first_byte.map_or(Duration::ZERO, |first_byte| done - first_byte),
            size: told.and_then(|head| head.size),
        };
        let replica = told.and_then(|head| head.replica);
        let stays = head.is_ok() && request.keep_alive;
        match self.line.as_mut().filter(|_| stays) {
            Some(Line::Http1(line)) if line.is_written(request) => line.settle().await,
            Some(Line::Http2(_)) => {}
            _ => self.line = None,
        }
        Exchange { sent, first_byte, done, answer: head.map(|head| head.status), replica, detail }
    }

    /// On the open line if there is one, else on a new one; a line that turns out to have been closed costs one more try.
    async fn attempt(&mut self, request: &Prepared, dial: &mut Dial, way: &mut Way) -> Result<Head, Fault> {
        if let Some(line) = &mut self.line
            && line.is_open().await
        {
            match line.exchange(self.clock, request, way).await {
                Err((fault, untouched)) if died_idle(request, &fault, untouched, *way) => *way = Way::default(),
                outcome => {
                    let (head, location) = outcome.map_err(|(fault, _)| fault)?;
                    self.location = location;
                    return Ok(head);
                }
            }
        }
        self.line = None;
        let stream = dial.open(self.clock, request).await?;
        let http2 = stream.speaks_http2();
        let wire = Wire::new(stream, self.clock);
        let line = if http2 { Line::Http2(Http2::on(wire).await?) } else { Line::Http1(Http1::on(wire).await?) };
        let line = self.line.insert(line);
        let (head, location) = line.exchange(self.clock, request, way).await.map_err(|(fault, _)| fault)?;
        self.location = location;
        Ok(head)
    }
}

/// Whether a request on a used line failed only because the server had closed it between two requests, and may go again.
///
/// Go's rule (`persistConn.shouldRetryRequest`): no byte of an answer, and either nothing was written or the request may
/// be repeated; in HTTP/2 also where the server says that it did nothing with it.
fn died_idle(request: &Prepared, fault: &Fault, untouched: bool, way: Way) -> bool {
    matches!(fault.kind, ErrorKind::Closed | ErrorKind::Reset)
        && way.first_byte.is_none()
        && (untouched || way.written.is_none() || request.may_repeat())
}

/// What a request came to, or why it came to nothing and whether the server surely did nothing with it.
type Outcome = Result<(Head, Option<String>), (Fault, bool)>;

impl Line {
    async fn is_open(&mut self) -> bool {
        match self {
            Self::Http1(line) => line.is_open().await,
            Self::Http2(line) => line.is_open().await,
        }
    }

    fn marks(&self) -> &Marks {
        match self {
            Self::Http1(line) => line.marks(),
            Self::Http2(line) => line.marks(),
        }
    }

    /// What the marks tell beyond what is known: in HTTP/2 bytes come that belong to no answer.
    fn way(&self, known: Way) -> Way {
        let marks = self.marks();
        let first_byte = match self {
            Self::Http1(_) => marks.first_byte(),
            Self::Http2(_) => None,
        };
        Way { written: known.written.or(marks.written()), first_byte: known.first_byte.or(first_byte) }
    }

    async fn exchange(&mut self, clock: Clock, request: &Prepared, way: &mut Way) -> Outcome {
        self.marks().clear();
        let answer = match self {
            Self::Http1(line) => line.send(request).await.map_err(|fault| (fault, false)),
            Self::Http2(line) => line.send(request).await,
        };
        if matches!(self, Self::Http2(_)) && answer.is_ok() {
            way.first_byte = Some(clock.now());
        }
        *way = self.way(*way);
        let mut answer = answer?;
        match self {
            Self::Http1(line) => line.read(answer.body_mut()).await,
            Self::Http2(line) => line.read(answer.body_mut()).await,
        }
        .map_err(|fault| (fault, false))?;
        Ok(head(&answer, request))
    }
}

/// What an answer tells, and where it sends us if it is a redirect.
fn head(answer: &Response<Incoming>, request: &Prepared) -> (Head, Option<String>) {
    let text = |name| answer.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let packed = text(header::CONTENT_ENCODING.as_str()).is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
    let size = text(header::CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok());
    let status = answer.status().as_u16();
    let head = Head {
        status,
        replica: text(REPLICA_HEADER).and_then(|replica| replica.trim().parse().ok()).map(ReplicaId),
        size: size.filter(|_| !(packed && request.unpacks)),
    };
    let location = answer.headers().get(header::LOCATION).filter(|_| leads_on(status));
    (head, location.map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned()))
}
