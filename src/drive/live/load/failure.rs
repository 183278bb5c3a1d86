//! Why a request got no answer, in words: hey's (that is Go's) where it has some, our own elsewhere.
//!
//! One text per kind of failure and generator, without ephemeral ports, so that a thousand refused requests are one line. A
//! request that is answered never comes here.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::record::ErrorKind;

use super::answer::HEAD_MAX;

/// How the first request of a kind of failure failed. `Display` is the line hey would print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which kind.
    pub kind: ErrorKind,
    /// The method as Go's errors have it: `Get`, `Post`.
    pub operation: String,
    /// The address that was called, a password in it hidden; where a redirect failed, the one it led to.
    pub url: String,
    /// What went wrong.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\": {}", self.operation, self.url, self.why)
    }
}

/// A kind of failure with the words for this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: ErrorKind,
    /// `None` where [`in_words`] says it all.
    pub(super) why: Option<String>,
}

impl Fault {
    /// One with words of its own.
    pub(super) fn new(kind: ErrorKind, why: impl Into<String>) -> Self {
        Self { kind, why: Some(why.into()) }
    }

    /// A dial that failed at this address.
    pub(super) fn dial(address: SocketAddr, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => ErrorKind::Refused,
            _ => ErrorKind::Connect,
        };
        Self::new(kind, format!("dial tcp {address}: connect: {}", system(error)))
    }
}

impl From<ErrorKind> for Fault {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, why: None }
    }
}

/// What a kind of failure is called where nothing more is known; `began` if the answer's first byte had come.
pub(super) fn in_words(kind: ErrorKind, began: bool) -> String {
    match kind {
        ErrorKind::Refused => "dial tcp: connect: connection refused".to_owned(),
        ErrorKind::Connect => "dial tcp: no connection".to_owned(),
        ErrorKind::Dns => "dial tcp: lookup: no such host".to_owned(),
        ErrorKind::Tls => "tls: handshake failed".to_owned(),
        ErrorKind::Proxy => "the proxy could not be used".to_owned(),
        ErrorKind::Redirect => "a redirect led nowhere".to_owned(),
        ErrorKind::Reset => "read: connection reset by peer".to_owned(),
        ErrorKind::Closed if began => "unexpected EOF".to_owned(),
        ErrorKind::Closed => "EOF".to_owned(),
        ErrorKind::CutBody => "unexpected EOF: the connection was closed inside the answer's body".to_owned(),
        ErrorKind::Timeout if began => {
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)".to_owned()
        }
        ErrorKind::Timeout => "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned(),
        ErrorKind::Protocol => "net/http: HTTP/1.x transport connection broken: malformed HTTP answer".to_owned(),
        ErrorKind::TooLarge => format!(
            "net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded {HEAD_MAX} bytes; aborted"
        ),
        ErrorKind::Abandoned => "unanswered when the run was ended".to_owned(),
    }
}

/// What an answer that is no HTTP is called, given its first bytes.
pub(super) fn malformed(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.starts_with(b"HTTP/1.") || line.is_empty() {
        return None;
    }
    let line = String::from_utf8_lossy(&line[..line.len().min(LINE_SHOWN)]);
    Some(format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response {line:?}"))
}

/// Bytes of a malformed answer that are shown.
const LINE_SHOWN: usize = 80;

/// An error of the system's in Go's manner: small letters, no number.
pub(super) fn system(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// A method as Go's errors have it: only the first letter is large.
pub(super) fn operation(method: &str) -> String {
    let (first, rest) = method.split_at_checked(1).unwrap_or((method, ""));
    format!("{first}{}", rest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_go_has() {
        let failure = |method: &str, fault: Fault| {
            let why = fault.why.unwrap_or_else(|| in_words(fault.kind, false));
            Failure { kind: fault.kind, operation: operation(method), url: "http://a:1/".to_owned(), why }.to_string()
        };
        let address = "127.0.0.1:1".parse().expect("an address");
        let refused = io::Error::from_raw_os_error(111);
        for (text, expected) in [
            (
                failure("GET", Fault::dial(address, &refused)),
                "Get \"http://a:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
            ),
            (failure("FOO", ErrorKind::Closed.into()), "Foo \"http://a:1/\": EOF"),
            (
                failure("POST", ErrorKind::Timeout.into()),
                "Post \"http://a:1/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            ),
            (
                failure("GET", Fault { kind: ErrorKind::Protocol, why: malformed(b"garbage\r\n\r\n") }),
                "Get \"http://a:1/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"garbage\"",
            ),
        ] {
            assert_eq!(text, expected);
        }
        assert_eq!(malformed(b"HTTP/1.1 200 OK\r\nno colon\r\n"), None);
    }
}
