//! How a request is exchanged for an answer: the seam between workers and the client below them.
//!
//! A worker knows when to send, an engine knows how. An engine makes connections for one prepared request and holds no state
//! that two of them share.

use crate::record::{Answer, Detail, ReplicaId};
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

/// Makes connections for one request.
pub(super) trait Engine {
    /// What a worker keeps from one request to the next.
    type Connection: Connection;

    /// A connection that is dialled when it is first needed.
    fn connection(&self) -> Self::Connection;
}

/// One worker's line to the server, dialled again whenever it was closed.
pub(super) trait Connection {
    /// Sends the request, which counts as having left at `sent`, and reads the answer to its end.
    ///
    /// Whatever goes wrong is in the exchange; what is left of the connection then is not used again.
    async fn exchange(&mut self, sent: Timestamp) -> Exchange;
}
