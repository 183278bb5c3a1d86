//! The head of an HTTP/1.1 answer: what it tells, and what it says about the body and the connection.
//!
//! RFC 9112, 6.3 and 9.3. httparse splits it into lines; only the headers that matter to a load generator are looked at.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use crate::drive::live::REPLICA_HEADER;
use crate::record::{ErrorKind, ReplicaId};

use super::redirect::leads_on;

/// Headers that are parsed without a second try; answers of functions have ten.
const HEADERS: usize = 32;

/// Most headers an answer may have.
pub(super) const HEADERS_MAX: usize = 128;

/// What an answer's head tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) replica: Option<ReplicaId>,
    /// `Content-Length`, if there was one.
    pub(super) size: Option<u64>,
}

/// A head as it stands on the wire.
pub(super) struct Parsed<'a> {
    /// Its bytes.
    pub(super) length: usize,
    pub(super) head: Head,
    /// Whether it leaves the connection open, as far as it can tell.
    pub(super) keeps_open: bool,
    pub(super) body: Body,
    /// Whether the body is packed by gzip.
    pub(super) packed: bool,
    /// `Location`, where it may lead on.
    pub(super) location: Option<&'a [u8]>,
}

/// What a head says about its body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Sized(u64),
    Chunked,
    UntilClosed,
    /// It contradicts itself; matters only if there is a body.
    Unclear,
}

/// The head at the front of `bytes`; `None` if it goes on behind them.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Parsed<'_>>, ErrorKind> {
    match parse_into(bytes, &mut [MaybeUninit::uninit(); HEADERS]) {
        Err(httparse::Error::TooManyHeaders) => parse_into(bytes, &mut [MaybeUninit::uninit(); HEADERS_MAX]),
        outcome => outcome,
    }
    .map_err(|error| match error {
        httparse::Error::TooManyHeaders => ErrorKind::TooLarge,
        _ => ErrorKind::Protocol,
    })
}

fn parse_into<'a>(
    bytes: &'a [u8],
    slots: &mut [MaybeUninit<Header<'a>>],
) -> Result<Option<Parsed<'a>>, httparse::Error> {
    let mut response = Response::new(&mut []);
    let config = ParserConfig::default();
    let Status::Complete(length) = config.parse_response_with_uninit_headers(&mut response, bytes, slots)? else {
        return Ok(None);
    };
    let (Some(status @ 100..), Some(version)) = (response.code, response.version) else {
        return Err(httparse::Error::Status);
    };
    let mut fields = Fields::default();
    for header in response.headers.iter() {
        fields.read(header);
    }
    Ok(Some(Parsed {
        length,
        head: Head { status, replica: fields.replica, size: fields.size() },
        keeps_open: !fields.close && (version == 1 || fields.keep_alive),
        body: fields.body(version),
        packed: fields.packed,
        location: fields.location.filter(|_| leads_on(status)),
    }))
}

/// The headers that matter.
#[derive(Default)]
struct Fields<'a> {
    length: Length,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    packed: bool,
    location: Option<&'a [u8]>,
    replica: Option<ReplicaId>,
}

/// What all `Content-Length` say together.
#[derive(Clone, Copy, Default)]
enum Length {
    #[default]
    Unsaid,
    Bytes(u64),
    /// No number, or different ones.
    Unclear,
}

/// The last transfer coding.
#[derive(Clone, Copy)]
enum Coding {
    Chunked,
    Other,
}

impl<'a> Fields<'a> {
    fn read(&mut self, header: &Header<'a>) {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // by length first: most headers are none of these
        match header.name.len() {
            8 if is("location") => {
                self.location.get_or_insert(header.value);
            }
            10 if is("connection") => {
                self.close |= tokens(header.value).any(|token| token.eq_ignore_ascii_case(b"close"));
                self.keep_alive |= tokens(header.value).any(|token| token.eq_ignore_ascii_case(b"keep-alive"));
            }
            14 if is("content-length") => {
                for token in tokens(header.value) {
                    self.length = match (self.length, number(token)) {
                        (Length::Unsaid, Some(length)) => Length::Bytes(length),
                        (Length::Bytes(earlier), Some(length)) if earlier == length => Length::Bytes(length),
                        _ => Length::Unclear,
                    };
                }
            }
            16 if is("content-encoding") => self.packed = header.value.eq_ignore_ascii_case(b"gzip"),
            17 if is("transfer-encoding") => {
                let last = tokens(header.value).last();
                let chunked = last.is_some_and(|token| token.eq_ignore_ascii_case(b"chunked"));
                self.coding = Some(if chunked { Coding::Chunked } else { Coding::Other });
            }
            20 if is(REPLICA_HEADER) => {
                let number = number(header.value.trim_ascii()).and_then(|number| u32::try_from(number).ok());
                self.replica = number.map(ReplicaId);
            }
            _ => {}
        }
    }

    fn size(&self) -> Option<u64> {
        match self.length {
            Length::Bytes(length) => Some(length),
            _ => None,
        }
    }

    fn body(&self, version: u8) -> Body {
        match (self.coding, self.length) {
            // RFC 9112, 6.1: its framing is faulty
            (Some(_), _) if version == 0 => Body::Unclear,
            (Some(Coding::Chunked), _) => Body::Chunked,
            (None, Length::Unclear) => Body::Unclear,
            (None, Length::Bytes(length)) => Body::Sized(length),
            (Some(Coding::Other), _) | (None, Length::Unsaid) => Body::UntilClosed,
        }
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Digits only: no sign, no blank.
fn number(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replica_is_read_where_the_target_names_it() {
        for (value, replica) in [("7", Some(7)), (" 12 ", Some(12)), ("-1", None), ("4294967296", None), ("", None)] {
            let text = format!("HTTP/1.1 200 OK\r\nX-Watchtower-Replica: {value}\r\nContent-Length: 0\r\n\r\n");
            let parsed = parse(text.as_bytes()).expect("a head").expect("all of it");
            assert_eq!(parsed.length, text.len());
            assert_eq!(parsed.head, Head { status: 200, replica: replica.map(ReplicaId), size: Some(0) }, "{value:?}");
        }
    }

    #[test]
    fn a_head_that_goes_on_is_no_head_yet() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        for length in 0..text.len() {
            assert!(matches!(parse(&text[..length]), Ok(None)), "{length} bytes");
        }
    }
}
