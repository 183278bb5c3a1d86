//! `recording.jsonl`: all that a shard's run was told, a line each, as it came.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::super::error::ResultsError;
use super::super::rows::RowFile;
use super::super::summary::SCHEMA_VERSION;
use super::told::{Line, Told};

/// The file's name.
pub(super) const NAME: &str = "recording.jsonl";

/// The recording of a run under way.
#[derive(Debug)]
pub(in super::super) struct Recording {
    rows: RowFile,
}

impl Recording {
    /// Begins it in a run's directory.
    pub(in super::super) fn create(directory: &Path) -> Result<Self, ResultsError> {
        let head = format!("{{\"schema_version\":{SCHEMA_VERSION}}}");
        Ok(Self { rows: RowFile::create(&directory.join(NAME), &head)? })
    }

    pub(in super::super) fn keep(&mut self, told: &Told) -> Result<(), ResultsError> {
        let line = serde_json::to_vec(&Line::from(told)).map_err(|error| {
            // a value that is no JSON: there is none among the rows
            ResultsError::write(Path::new(NAME))(error.into())
        })?;
        self.rows.line(&line)
    }

    pub(in super::super) fn flush(&mut self) -> Result<(), ResultsError> {
        self.rows.flush()
    }
}

/// A recording that is read.
#[derive(Debug)]
pub(super) struct Played {
    path: PathBuf,
    lines: BufReader<File>,
    line: String,
    number: u64,
}

impl Played {
    pub(super) fn open(directory: &Path) -> Result<Self, ResultsError> {
        let path = directory.join(NAME);
        let file = File::open(&path).map_err(ResultsError::read(&path))?;
        let mut played = Self { path, lines: BufReader::new(file), line: String::new(), number: 0 };
        // its version is that of the seal
        played.advance()?;
        Ok(played)
    }

    fn advance(&mut self) -> Result<bool, ResultsError> {
        self.line.clear();
        self.number += 1;
        let read = self.lines.read_line(&mut self.line).map_err(ResultsError::read(&self.path))?;
        Ok(read > 0)
    }

    /// The next thing told; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Told>, ResultsError> {
        if !self.advance()? {
            return Ok(None);
        }
        let line = serde_json::from_str::<Line>(&self.line).map_err(|error| error.to_string());
        let told = line.and_then(Told::try_from);
        told.map(Some).map_err(|problem| ResultsError::Malformed {
            path: self.path.clone(),
            line: Some(self.number),
            problem,
        })
    }
}
