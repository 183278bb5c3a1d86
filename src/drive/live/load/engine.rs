//! How a request is exchanged for an answer: the seam between workers and the clients below them.
//!
//! A worker knows when to send, an engine knows how. There are two, which a test holds against each other: [`plain`] writes
//! and reads plain HTTP/1.1 by itself and is the fast one; [`http1`] is hyper's.
//!
//! [`plain`]: super::plain
//! [`http1`]: super::http1

use std::sync::Arc;

use crate::drive::live::clock::Clock;
use crate::record::{Answer, Detail, ErrorKind, ReplicaId};
use crate::time::Timestamp;

use super::http1::Http1;
use super::plain::Plain;
use super::request::Prepared;

/// One request with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When it left (before any dial).
    pub sent: Timestamp,
    /// When the first byte of the answer came, if one came.
    pub first_byte: Option<Timestamp>,
    /// When the answer was complete or given up.
    pub done: Timestamp,
    /// Status or error.
    pub answer: Answer,
    /// The replica that answered, where it says so in `X-Watchtower-Replica`.
    pub replica: Option<ReplicaId>,
    /// Parts of the way.
    pub detail: Detail,
}

impl Exchange {
    /// One whose answer nobody waited for.
    pub(super) fn abandoned(sent: Timestamp, at: Timestamp) -> Self {
        Self {
            sent,
            first_byte: None,
            done: at,
            answer: Err(ErrorKind::Abandoned),
            replica: None,
            detail: Detail::default(),
        }
    }
}

/// The clients a load can be sent with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// HTTP/1.1 written and read by this program: no allocation and no shared state per request.
    #[default]
    Plain,
    /// HTTP/1.1 by hyper.
    Hyper,
}

impl Engine {
    /// A connection for `request`, which is dialled when it is first needed.
    pub(super) fn connection(self, clock: Clock, request: Arc<Prepared>) -> Connection {
        match self {
            Self::Plain => Connection::Plain(Plain::new(clock, request)),
            Self::Hyper => Connection::Hyper(Http1::new(clock, request)),
        }
    }
}

/// One worker's line to the server, dialled again whenever it was closed.
pub(super) enum Connection {
    Plain(Plain),
    Hyper(Http1),
}

impl Connection {
    /// Sends the request, which counts as having left at `sent`, and reads the answer to its end.
    ///
    /// Whatever goes wrong is in the exchange; what is left of the connection then is not used again.
    pub(super) async fn exchange(&mut self, sent: Timestamp) -> Exchange {
        match self {
            Self::Plain(plain) => plain.exchange(sent).await,
            Self::Hyper(http1) => http1.exchange(sent).await,
        }
    }
}
