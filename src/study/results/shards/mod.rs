//! Shards: parts of one study's load made by several machines, and their union.
//!
//! ```text
//!   shard 1/2: runs/ARM-1/ + recording.jsonl  shard.json --+
//!                                                          +--> read.rs --> unite.rs --> a RunWriter, as for any run
//!   shard 2/2: runs/ARM-1/ + recording.jsonl  shard.json --+
//! ```
//!
//! A run of a shard keeps, beside the files every run has, all that its writer was told, to the nanosecond (`recording.jsonl`), and at
//! its end what it was and what its files are (`shard.json`, the seal). The union tells a new writer all of it again, in order, as if one
//! machine had made the load: nothing is averaged, nothing is added up that was rounded before. What is to be there once (the
//! autoscaler, its probes, the platform) is the first shard's.

mod about;
mod began;
mod error;
mod outcome;
mod packed;
mod read;
mod recording;
mod seal;
mod told;
mod unite;

pub use error::MergeError;
pub use packed::{Parcel, pack, unpack_file};
pub use read::{LostShard, Shards};
pub(super) use recording::Recording;
pub(super) use seal::seal;
pub(super) use told::Told;

/// What a reader of one shard's results must know.
pub fn note(shard: &str) -> String {
    format!(
        "This is shard {shard} of the load: what is counted and timed here is what this machine sent, while all shards' requests met the \
         function. `watchtower merge` unites them."
    )
}
