//! An HTTP/1.1 answer read from bytes as they come: no socket, no clock, no allocation.
//!
//! ```text
//!   [1xx head]*  head  body: none | sized | chunked | until the connection closes
//! ```
//!
//! What ends a body is RFC 9112, 6.3. Only what a load generator needs is kept; the body goes nowhere.

use hyper::Method;

use crate::record::ErrorKind;

use super::chunks::Chunks;
use super::head::{Body, Head, parse};

/// Longest head, interim ones included, before it counts as endless. nginx passes on 8 KiB at most unless told otherwise.
pub(super) const HEAD_MAX: usize = 64 * 1024;

/// One answer on its way in.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    asked: Asked,
    /// Whether a gzip answer's size is unknown.
    unpacks: bool,
    stage: Stage,
    head: Head,
    /// Where it sends us instead: the one thing that is kept on the heap, since few answers have it.
    location: Option<Box<[u8]>>,
    /// Whether the server keeps the connection open after it.
    keeps_open: bool,
    /// Bytes of interim heads.
    interim: usize,
    /// Bytes of an unfinished head in which its end was looked for already.
    searched: usize,
    /// How long an unfinished head must be before it is parsed again without its end in sight.
    parse_from: usize,
}

/// What the request has to do with the answer's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// An answer to `HEAD` has no body whatever its head says.
    Head,
    /// A 2xx to `CONNECT` has none either, and ends HTTP on the connection.
    Connect,
    Other,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Head,
    Sized(u64),
    Chunked(Chunks),
    UntilClosed,
    Whole,
}

impl Answer {
    /// The answer to a request with `method`, of which nothing has come yet. `unpacks` tells whether the client itself asked for
    /// gzip: then a gzip answer has no size, as in Go, so that sums of sizes agree with hey's.
    pub(super) fn to(method: &Method, unpacks: bool) -> Self {
        let asked = match *method {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Connect,
            _ => Asked::Other,
        };
        Self {
            asked,
            unpacks,
            stage: Stage::Head,
            head: Head::default(),
            location: None,
            keeps_open: false,
            interim: 0,
            searched: 0,
            parse_from: 0,
        }
    }

    /// Takes what belongs to it from the front of `bytes`; returns how many it took.
    ///
    /// What it did not take has to be there again, with more behind it, the next time; beyond [`HEAD_MAX`] it never asks for
    /// more. After an error the answer is lost.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let mut taken = 0;
        while let Stage::Head = self.stage {
            match self.take_head(&bytes[taken..])? {
                Some(length) => taken += length,
                None => return Ok(taken),
            }
        }
        let body = &bytes[taken..];
        match &mut self.stage {
            Stage::Sized(left) => {
                let part = usize::try_from(*left).map_or(body.len(), |left| left.min(body.len()));
                *left -= part as u64;
                if *left == 0 {
                    self.stage = Stage::Whole;
                }
                taken += part;
            }
            Stage::Chunked(chunks) => {
                taken += chunks.take(body)?;
                if chunks.is_whole() {
                    self.stage = Stage::Whole;
                }
            }
            Stage::UntilClosed => taken = bytes.len(),
            Stage::Head | Stage::Whole => {}
        }
        Ok(taken)
    }

    /// What it tells, once it is complete.
    pub(super) fn whole(&self) -> Option<Head> {
        matches!(self.stage, Stage::Whole).then_some(self.head)
    }

    /// Where a redirect sends us, if it is one.
    pub(super) fn location(&self) -> Option<&[u8]> {
        self.location.as_deref()
    }

    /// What the end of the connection makes of it; `rest` is what it has not taken.
    pub(super) fn closed(&self, rest: &[u8]) -> Result<Head, ErrorKind> {
        match self.stage {
            // a head that came in drops may not have been looked at since
            Stage::Head => Err(parse(rest).err().unwrap_or(ErrorKind::Closed)),
            Stage::Sized(_) | Stage::Chunked(_) => Err(ErrorKind::CutBody),
            Stage::UntilClosed | Stage::Whole => Ok(self.head),
        }
    }

    /// Whether its connection may serve another request.
    pub(super) fn keeps_open(&self) -> bool {
        self.keeps_open
    }

    /// The length of a complete head, final or interim, at the front of `bytes`.
    fn take_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ErrorKind> {
        // one that comes in drops is not parsed again at every drop
        if bytes.len() < self.parse_from && !ends_line_twice(&bytes[self.searched.min(bytes.len())..]) {
            self.searched = bytes.len().saturating_sub(2);
            return Ok(None);
        }
        let Some(parsed) = parse(bytes)? else {
            self.searched = bytes.len().saturating_sub(2);
            self.parse_from = 2 * bytes.len();
            return if self.interim + bytes.len() < HEAD_MAX { Ok(None) } else { Err(ErrorKind::TooLarge) };
        };
        (self.searched, self.parse_from) = (0, 0);
        if self.interim + parsed.length > HEAD_MAX {
            return Err(ErrorKind::TooLarge);
        }
        let status = parsed.head.status;
        if status < 200 && status != 101 {
            self.interim += parsed.length;
            return Ok(Some(parsed.length));
        }
        self.head = parsed.head;
        if parsed.packed && self.unpacks {
            self.head.size = None;
        }
        self.location = parsed.location.map(Box::from);
        self.keeps_open = parsed.keeps_open;
        let bodiless = matches!(status, 101 | 204 | 304) || self.asked == Asked::Head;
        let tunnel = status == 101 || (self.asked == Asked::Connect && status < 300);
        self.stage = match parsed.body {
            _ if bodiless || tunnel => Stage::Whole,
            Body::Sized(0) => Stage::Whole,
            Body::Sized(length) => Stage::Sized(length),
            Body::Chunked => Stage::Chunked(Chunks::new()),
            Body::UntilClosed => Stage::UntilClosed,
            Body::Unclear => return Err(ErrorKind::Protocol),
        };
        if tunnel || matches!(self.stage, Stage::UntilClosed) {
            self.keeps_open = false;
        }
        Ok(Some(parsed.length))
    }
}

/// An answer as this program reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its status.
    pub status: u16,
    /// Its `Content-Length`, if it has one.
    pub size: Option<u64>,
    /// Where it sends the client instead, if it is a redirect.
    pub location: Option<Vec<u8>>,
    /// Whether its connection may serve another request.
    pub keeps_open: bool,
    /// Its bytes.
    pub length: usize,
}

/// What the plain engine makes of these bytes as the answer to a request with `method`, if they come in pieces of at most `piece`
/// bytes and the connection ends behind them.
///
/// # Errors
/// What the request would fail of.
pub fn read_answer(method: &Method, bytes: &[u8], piece: usize) -> Result<Reading, ErrorKind> {
    let mut answer = Answer::to(method, false);
    let (mut taken, mut come) = (0, 0);
    let mut whole = None;
    while whole.is_none() && come < bytes.len() {
        come += piece.clamp(1, bytes.len() - come);
        taken += answer.take(&bytes[taken..come])?;
        whole = answer.whole();
    }
    let head = whole.map_or_else(|| answer.closed(&bytes[taken..]), Ok)?;
    let location = answer.location().map(<[u8]>::to_vec);
    Ok(Reading { status: head.status, size: head.size, location, keeps_open: answer.keeps_open(), length: taken })
}

/// Whether an empty line ends in it, as a head does.
fn ends_line_twice(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod laws;
