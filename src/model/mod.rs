//! The platform as a queueing system: replicas, their node, the router, the life of functions and pods.
//!
//! ```text
//!  arrive -> transport -> gateway path (CPU) -> router -> replica: FIFO queue -> W threads (lock, then wait) -> transport -> done
//!                              \______________ all share the node's cores ______________/
//! ```
//!
//! One object, [`Cluster`], stands behind the simulator and behind the embedded gateway alike: both ask it for its next
//! change and tell it the time. No clock, no socket; randomness from the run's named streams only.
//!
//! Time inside is exact to the nanosecond: processor sharing is followed by virtual time (`node`, `replica`), never by
//! slices, so an event costs O(log n) whatever is under way.

#[cfg(debug_assertions)]
mod audit;
mod change;
mod cluster;
mod conditions;
pub mod config;
mod earliest;
mod lines;
mod metrics;
mod node;
mod path;
mod pods;
mod presence;
mod replica;
mod request;
mod rollout;

mod scaling;
mod tags;
mod work;

pub use change::{Change, Ending};
pub use cluster::Cluster;
pub use conditions::Conditions;
pub use config::{FunctionModel, NodeModel, StartUp, Work};
pub use request::{Arrival, RequestId};
