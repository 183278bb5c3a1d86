//! What can go wrong with a results directory, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::summary::SCHEMA_VERSION;
use crate::drive::RecordError;

/// A results directory could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The directory is there already.
    #[error("{0} exists, and results are never overwritten\n  hint: choose another directory with --out, or remove it")]
    Exists(PathBuf),
    /// Another program is writing to it.
    #[error("{0} is being written by another watchtower\n  hint: wait until it has ended, or end it first")]
    Locked(PathBuf),
    /// A part of the path is a file.
    #[error("{path} cannot be a directory of results: {file} is a file\n  hint: choose another directory with --out")]
    FileInTheWay {
        /// The directory asked for.
        path: PathBuf,
        /// The file that stands there.
        file: PathBuf,
    },
    /// The directory could not be made.
    #[error("{path} cannot be created: {source}\n  hint: choose a directory you may write to with --out")]
    Create {
        /// The directory asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("{path} cannot be written: {source}; the rows before it are kept{}", remedy(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{path}{}: {problem}\n  hint: the file was cut off or changed by hand; restore it or run the study again", at_line(*line))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<u64>,
        /// What is wrong there.
        problem: String,
    },
    /// The layout is of another version.
    #[error(
        "{path} has results of layout {found}, and this program reads layout {SCHEMA_VERSION}\n  hint: use the version of watchtower that wrote them"
    )]
    Version {
        /// The file that says so.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// No study is in the directory.
    #[error(
        "{0} is no directory of results: it holds no study.json\n  hint: give the directory that `watchtower run` printed"
    )]
    NotResults(PathBuf),
    /// No search is in the directory.
    #[error(
        "{0} is no directory of a search: it holds no tune.json\n  hint: give the directory that `watchtower tune` printed"
    )]
    NotATuning(PathBuf),
    /// An arm's name makes no directory.
    #[error("the arm's name {0:?} cannot name a directory\n  hint: use letters, digits, \"-\", \"_\" and \".\"")]
    ArmName(String),
}

impl From<ResultsError> for RecordError {
    fn from(error: ResultsError) -> Self {
        Self(Box::new(error))
    }
}

impl ResultsError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\n  hint: free some space or choose another disk with --out"
        }
        _ => "",
    }
}

fn at_line(line: Option<u64>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}
