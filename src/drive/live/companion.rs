//! What scales an arm from outside while its run goes on: started and ready before the run, ended after it.
//!
//! ```text
//!   platform <==scales== companion --events--> the run's loop --rows--> recorder
//! ```
//!
//! The run's loop knows nothing of it: it has an onlooker for a policy, and the companion's events come on the channel on which
//! the platform tells its own. A companion that breaks tells so by an event of kind [`broken`](crate::record::EventKind::Broken)
//! and never ends the run.

use super::target::BoxFuture;

/// Something beside a run. Dropping it ends it at once, in whatever state the run is.
pub trait Companion: Send {
    /// Ends it and everything it started. `failed` says that the run could not go on, so that what explains it is kept.
    fn end(self: Box<Self>, failed: bool) -> BoxFuture<'static, ()>;
}
