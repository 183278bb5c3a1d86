//! The platform as a queueing system: replicas, their node, the router, the life of pods.
//!
//! ```text
//!  arrive -> transport -> gateway path (CPU) -> router -> replica: FIFO queue -> W threads (lock, then wait) -> transport -> done
//!                              \______________ all share the node's cores ______________/
//! ```
//!
//! One object, [`Cluster`], stands behind the simulator and behind the embedded gateway alike: both ask it for its next
//! change and tell it the time. No clock, no socket; randomness from the run's named streams only.

pub mod config;

pub use config::{FunctionModel, NodeModel, StartUp, Work};
