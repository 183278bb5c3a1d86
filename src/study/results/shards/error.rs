//! Why shards make no study, each by its name.

use std::path::PathBuf;

use super::super::error::ResultsError;
use crate::drive::RecordError;

/// Shards that can't be united.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Results can't be read or written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The union could not be kept.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Not made with `--shard`.
    #[error(
        "{0} is a whole study and no shard of one\n  hint: give directories that `watchtower run --shard I/N` made; `watchtower compare` lays whole studies side by side"
    )]
    Whole(PathBuf),
    /// It did not come to its end.
    #[error(
        "{path} is not finished (status {status:?})\n  hint: go on with it by `watchtower run SCENARIO --resume {path}`"
    )]
    Unfinished {
        /// Which.
        path: PathBuf,
        /// What `study.json` says.
        status: String,
    },
    /// Of different studies.
    #[error(
        "{path} is a shard of another study than {first}: it has `{theirs}` where that has `{ours}`\n  hint: give the shards of one scenario, seed and version"
    )]
    Different {
        /// The odd one.
        path: PathBuf,
        /// The first.
        first: PathBuf,
        /// What the odd one has.
        theirs: String,
        /// What the first one has.
        ours: String,
    },
    /// The same shard twice.
    #[error("{second} is shard {shard}, and so is {first}\n  hint: leave one of them out")]
    Twice {
        /// The first of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Which shard.
        shard: String,
    },
    /// Some are not there.
    #[error(
        "shard {shards} is missing: {given} of {of} shards were given\n  hint: give them all, or make what is missing with --shard"
    )]
    Missing {
        /// Which.
        shards: String,
        /// How many are there.
        given: usize,
        /// How many there should be.
        of: u32,
    },
    /// A run is not in all of them.
    #[error(
        "{path} has no run {run}, and {first} has\n  hint: go on with it by `watchtower run SCENARIO --resume {path}`"
    )]
    NoRun {
        /// The shard without it.
        path: PathBuf,
        /// The run.
        run: String,
        /// One with it.
        first: PathBuf,
    },
    /// A run that was cut short before its seal.
    #[error(
        "{0} has no shard.json: the run was not finished\n  hint: go on with the shard by `watchtower run SCENARIO --resume DIR`"
    )]
    Unsealed(PathBuf),
    /// A file that is not what it was.
    #[error("{path} {what}\n  hint: copy the shard's directory again from where it was made, or make the shard again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}
