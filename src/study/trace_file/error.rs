//! What is wrong with a trace: file, line, column, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A trace that can't be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFileError {
    path: PathBuf,
    line: Option<u64>,
    column: Option<(usize, String)>,
    what: String,
    hint: String,
}

impl std::error::Error for TraceFileError {}

/// `FILE:LINE: column 3 (count): WHAT`.
impl fmt::Display for TraceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match (self.line, &self.column) {
            (Some(line), Some((column, name))) => write!(f, ":{line}: column {} ({name}): {}", column + 1, self.what),
            (Some(line), None) => write!(f, ":{line}: {}", self.what),
            (None, _) => write!(f, " {}", self.what),
        }
    }
}

impl TraceFileError {
    pub(super) fn new(path: &Path, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, column: None, what: what.into(), hint: hint.into() }
    }

    pub(super) fn line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }

    /// In a field; `column` counts from 0.
    pub(super) fn cell(self, line: u64, column: usize, name: &str) -> Self {
        Self { line: Some(line), column: Some((column, name.to_owned())), ..self }
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let (what, hint) = match error.kind() {
            io::ErrorKind::NotFound => ("does not exist".to_owned(), "the path is looked up beside the scenario file"),
            io::ErrorKind::PermissionDenied => ("may not be read by you".to_owned(), "check the file's permissions"),
            _ => (format!("cannot be read: {error}"), "name a CSV file"),
        };
        Self::new(path, what, hint)
    }

    pub(super) fn of_csv(path: &Path, error: &csv::Error) -> Self {
        let line = error.position().map(csv::Position::line);
        let (what, hint) = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                (format!("has {len} fields, and the lines before have {expected_len}"), "complete the row or delete it")
            }
            csv::ErrorKind::Utf8 { .. } => ("is not UTF-8 text".to_owned(), "save it as UTF-8"),
            csv::ErrorKind::Io(error) => (format!("cannot be read: {error}"), "name a CSV file"),
            _ => (error.to_string(), "name a CSV file"),
        };
        Self { line, ..Self::new(path, what, hint) }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}
