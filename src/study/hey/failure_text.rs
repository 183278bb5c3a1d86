//! What hey's error distribution says of a request without an answer.
//!
//! The words are those of Go's client (1.19) where it has some; ephemeral ports are left out, so that one kind of failure is one line.

use std::net::ToSocketAddrs;

use crate::record::ErrorKind;
use crate::study::hey_flags::go::quote;

use super::address::Address;

/// Texts for the failures of requests to one address.
#[derive(Clone, Debug)]
pub struct FailureTexts {
    head: String,
    peer: String,
}

impl FailureTexts {
    /// For requests with `method` to `address`. A host that is a name is looked up, since errors name the peer's address.
    pub fn new(method: &str, address: &Address) -> Self {
        let mut verb = method.to_ascii_lowercase();
        if let Some(first) = verb.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let host = address.host();
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = if address.scheme() == "https" { 443 } else { 80 };
        let peer = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let found = peer.to_socket_addrs().ok().and_then(|mut found| found.next());
        Self {
            head: format!("{verb} {}", quote(&address.shown())),
            peer: found.map_or(peer, |address| address.to_string()),
        }
    }

    /// Any other reason, with the request named before it as Go does.
    pub fn of(&self, reason: &str) -> String {
        format!("{}: {reason}", self.head)
    }

    /// The text for a kind of failure; `answered` if the answer had begun.
    pub fn text(&self, kind: ErrorKind, answered: bool) -> String {
        let peer = &self.peer;
        self.of(&match kind {
            ErrorKind::Refused => format!("dial tcp {peer}: connect: connection refused"),
            ErrorKind::Connect => format!("dial tcp {peer}: connect: no connection"),
            ErrorKind::Dns => {
                format!("dial tcp: lookup {}: no such host", peer.rsplit_once(':').map_or(&**peer, |(host, _)| host))
            }
            ErrorKind::Tls => "remote error: tls: handshake failure".to_owned(),
            ErrorKind::Proxy => format!("proxyconnect tcp: dial tcp {peer}: connect: no connection"),
            ErrorKind::Redirect => "stopped after 10 redirects".to_owned(),
            ErrorKind::Reset => format!("read tcp {peer}: read: connection reset by peer"),
            ErrorKind::Closed if answered => "unexpected EOF".to_owned(),
            ErrorKind::Closed => "EOF".to_owned(),
            ErrorKind::CutBody => "unexpected EOF while reading body".to_owned(),
            ErrorKind::Timeout if answered => {
                "context deadline exceeded (Client.Timeout or context cancellation while reading body)".to_owned()
            }
            ErrorKind::Timeout => {
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()
            }
            ErrorKind::Protocol => "net/http: HTTP/1.x transport connection broken: malformed HTTP response".to_owned(),
            ErrorKind::TooLarge => "net/http: server response headers exceeded 65536 bytes; aborted".to_owned(),
            ErrorKind::Abandoned => "context canceled".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_as_go_s_client_puts_them() {
        let address = Address::parse("http://ann:secret@127.0.0.1:1/a?b").expect("an address");
        let texts = FailureTexts::new("POST", &address);
        assert_eq!(
            texts.text(ErrorKind::Refused, false),
            "Post \"http://ann:***@127.0.0.1:1/a?b\": dial tcp 127.0.0.1:1: connect: connection refused"
        );
        assert_eq!(texts.text(ErrorKind::Closed, false), "Post \"http://ann:***@127.0.0.1:1/a?b\": EOF");
        let address = Address::parse("http://[::1]").expect("an address");
        assert!(FailureTexts::new("GET", &address).text(ErrorKind::Refused, false).contains(" dial tcp [::1]:80: "));
    }
}
