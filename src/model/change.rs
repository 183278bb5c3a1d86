//! What comes out of the platform.

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::RequestId;

/// Something that happened on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A request's answer is back at its sender.
    Answered {
        /// Which request.
        request: RequestId,
        /// When the answer was complete.
        at: Timestamp,
        /// How it ended.
        ending: Ending,
        /// The replica it had reached; `None` if it reached none.
        replica: Option<ReplicaId>,
    },
    /// A request that the gateway held for want of a ready replica goes on. Its answer follows.
    Released {
        /// Which request.
        request: RequestId,
        /// When.
        at: Timestamp,
    },
    /// A pod became ready and is in the router from now on.
    Ready {
        /// When.
        at: Timestamp,
        /// Whose pod.
        function: FunctionId,
        /// Which.
        replica: ReplicaId,
        /// Ready replicas before.
        from: u32,
        /// And after.
        to: u32,
    },
    /// A pod was taken out of service and out of the router; it still costs for a while.
    ///
    /// A pod that was removed before it was ready changes no count: `from` equals `to`.
    Terminated {
        /// When.
        at: Timestamp,
        /// Whose pod.
        function: FunctionId,
        /// Which.
        replica: ReplicaId,
        /// Ready replicas before.
        from: u32,
        /// And after.
        to: u32,
        /// Requests that were cut: they were in its queue or its threads.
        cut: u32,
    },
    /// A pod in service died; another is started in its place.
    Died {
        /// When.
        at: Timestamp,
        /// Whose pod.
        function: FunctionId,
        /// Which.
        replica: ReplicaId,
        /// Ready replicas before.
        from: u32,
        /// And after.
        to: u32,
        /// Requests that died with it.
        cut: u32,
    },
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The function answered.
    Served,
    /// The pod died under it: the template's Python has no SIGTERM handler, so what it held is cut, not drained.
    Cut,
    /// Over the watchdog's execution limit of 30 s.
    Overdue,
    /// Held at the gateway for 65 s, and no replica became ready.
    NoReplica,
    /// Past the gateway, and no replica was left to go to.
    NoEndpoint,
    /// Held at the gateway when its function was removed.
    Removed,
    /// The handler raised an exception.
    Raised,
    /// The replica's watchdog had as many requests as it lets in.
    TooMany,
    /// The replica's process did not listen yet.
    NotListening,
}
