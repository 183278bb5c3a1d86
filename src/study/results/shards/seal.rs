//! `shard.json`: written when a shard's run is whole, with what the run was, how it ended, and what its files are, so that one that is
//! cut off, missing or changed later is found by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::about::RunAbout;
use super::super::directory::write_json;
use super::super::error::ResultsError;
use super::super::reader::read_json;
use super::super::summary::SCHEMA_VERSION;
use super::super::writer::Rows;
use super::about::AboutRecord;
use super::error::MergeError;
use super::outcome::OutcomeRecord;
use crate::drive::Outcome;
use crate::drive::clocks::Ahead;

/// The file's name.
const NAME: &str = "shard.json";

/// The seal of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seal {
    schema_version: u32,
    /// How far the machine's clock was ahead of the gateway's, at least and at most, in nanoseconds; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_ahead: Option<(i64, i64)>,
    pub(super) about: AboutRecord,
    /// Whether the run has a `requests.csv`.
    rows: bool,
    pub(super) outcome: OutcomeRecord,
    files: BTreeMap<String, FileRecord>,
}

/// A file as it was when the run was whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileRecord {
    bytes: u64,
    sha256: String,
}

/// Seals a run's directory, whose files are complete but for `summary.json`, which is about to be written and holds `summary`.
pub(in super::super) fn seal(
    directory: &Path,
    about: &RunAbout,
    rows: Rows,
    outcome: &Outcome,
    clock: Option<Ahead>,
    summary: &[u8],
) -> Result<(), ResultsError> {
    let mut files = BTreeMap::from([("summary.json".to_owned(), file_record(summary))]);
    for entry in fs::read_dir(directory).map_err(ResultsError::read(directory))? {
        let path = entry.map_err(ResultsError::read(directory))?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            files.insert(name.to_string_lossy().into_owned(), look(&path).map_err(ResultsError::read(&path))?);
        }
    }
    let seal = Seal {
        schema_version: SCHEMA_VERSION,
        clock_ahead: clock.map(|Ahead { least, most }| (least, most)),
        about: about.into(),
        rows: rows == Rows::All,
        outcome: outcome.into(),
        files,
    };
    write_json(&directory.join(NAME), &seal)
}

impl Seal {
    /// Reads the seal of a run and looks whether its files are still what they were.
    pub(super) fn checked(directory: &Path) -> Result<Self, MergeError> {
        let file = directory.join(NAME);
        if !file.exists() {
            return Err(MergeError::Unsealed(directory.to_owned()));
        }
        let seal: Self = read_json(&file)?;
        for (name, noted) in &seal.files {
            let path = directory.join(name);
            let found = match look(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(MergeError::Damaged { path, what: "is missing".to_owned() });
                }
                Err(error) => return Err(ResultsError::read(&path)(error).into()),
            };
            if found.bytes < noted.bytes {
                let what = format!("was cut off: it has {} of {} bytes", found.bytes, noted.bytes);
                return Err(MergeError::Damaged { path, what });
            }
            if found != *noted {
                let what = "is not what it was when the shard's run ended".to_owned();
                return Err(MergeError::Damaged { path, what });
            }
        }
        Ok(seal)
    }

    /// How far the machine's clock was ahead of the gateway's.
    pub(super) fn clock(&self) -> Option<Ahead> {
        self.clock_ahead.map(|(least, most)| Ahead { least, most })
    }

    /// Which rows it has.
    pub(super) const fn rows(&self) -> Rows {
        if self.rows { Rows::All } else { Rows::None }
    }
}

fn look(path: &Path) -> std::io::Result<FileRecord> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(FileRecord { bytes, sha256: hex(&hash.finalize()) });
        }
        hash.update(&block[..read]);
        bytes += read as u64;
    }
}

fn file_record(bytes: &[u8]) -> FileRecord {
    FileRecord { bytes: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) }
}

/// Bytes as digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string can't fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}
