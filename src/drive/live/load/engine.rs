//! What a request is exchanged for, and by which client.
//!
//! A worker knows when to send, a client how. There are two ways below it, which a test holds against each other: [`plain`]
//! writes and reads plain HTTP/1.1 by itself and is the fast one; [`secured`] is hyper's, for everything else.
//!
//! [`plain`]: super::plain
//! [`secured`]: super::secured

use crate::record::{Answer, Detail, ErrorKind, ReplicaId};
use crate::time::Timestamp;

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
    /// HTTP/1.1 written and read by this program, without allocation and shared state per request, where it goes over bare TCP;
    /// hyper for the rest: TLS, HTTP/2.
    #[default]
    Plain,
    /// hyper for everything.
    Hyper,
}
