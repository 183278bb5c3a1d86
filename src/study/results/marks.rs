//! `files.json`: what files were when they were complete, so that one that is cut off, missing or changed later is found by name.
//!
//! A run's marks its own files, and is written before `summary.json`, whose mark it has already; the study's marks what stands beside it
//! and the `files.json` of each run. CRC-32 (that of zip and PNG): it finds accidents and edits, and is no protection from somebody who
//! means to deceive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::directory::write_json;
use super::error::ResultsError;
use super::reader::read_json;
use super::summary::SCHEMA_VERSION;

/// The file's name.
pub const NAME: &str = "files.json";

/// A file as it was when it was complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its length.
    pub bytes: u64,
    /// CRC-32 of its bytes, in eight hexadecimal digits.
    pub crc32: String,
}

impl Mark {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, crc32: format!("{:08x}", crc32fast::hash(bytes)) }
    }

    /// Of the file as it is now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hasher, mut bytes) = (crc32fast::Hasher::new(), 0);
        let mut block = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut block)?;
            if read == 0 {
                return Ok(Self { bytes, crc32: format!("{:08x}", hasher.finalize()) });
            }
            hasher.update(&block[..read]);
            bytes += read as u64;
        }
    }

    /// What became of the file since, in a few words; `None` if it is what it was.
    pub fn breach(&self, path: &Path) -> Option<String> {
        match Self::of_file(path) {
            Ok(found) if found == *self => None,
            Ok(found) if found.bytes < self.bytes => {
                Some(format!("was cut off or changed: it has {} of {} bytes", found.bytes, self.bytes))
            }
            Ok(_) => Some("was changed: it is not what it was when it was complete".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("is missing".to_owned()),
            Err(error) => Some(format!("can't be read: {error}")),
        }
    }
}

/// The marks of a directory, by the paths of the files in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    schema_version: u32,
    /// Each file with its mark.
    pub files: BTreeMap<String, Mark>,
}

impl Default for Marks {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, files: BTreeMap::new() }
    }
}

impl Marks {
    /// Of a run's directory whose files are complete but for `summary.json`, which is about to be written and holds `summary`. Programs'
    /// logs are left out, since they may still grow.
    pub(super) fn of_run(directory: &Path, summary: &[u8]) -> Result<Self, ResultsError> {
        let mut marks = Self::default();
        for entry in fs::read_dir(directory).map_err(ResultsError::read(directory))? {
            let path = entry.map_err(ResultsError::read(directory))?.path();
            let grows = path.extension().is_some_and(|extension| extension == "log");
            if let Some(name) = path.file_name().filter(|_| !grows && path.is_file()) {
                marks.note(&name.to_string_lossy(), &path)?;
            }
        }
        marks.files.insert("summary.json".to_owned(), Mark::of(summary));
        Ok(marks)
    }

    /// Marks a file as it is now, under this name; nothing if it is not there.
    pub(super) fn note(&mut self, name: &str, path: &Path) -> Result<(), ResultsError> {
        match Mark::of_file(path) {
            Ok(mark) => {
                self.files.insert(name.to_owned(), mark);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ResultsError::read(path)(error)),
        }
    }

    /// Writes them into their directory.
    pub(super) fn write(&self, directory: &Path) -> Result<(), ResultsError> {
        write_json(&directory.join(NAME), self)
    }

    /// Those of a directory; `None` if it has none: it is of an older version, or not complete.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, ResultsError> {
        let file = directory.join(NAME);
        file.exists().then(|| read_json(&file)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_changed_or_gone_is_told_from_what_it_was() {
        let room = tempfile::tempdir().expect("a folder");
        let path = room.path().join("rows.csv");
        let text = b"t_s,value\n1,2\n";
        fs::write(&path, text).expect("a file");
        let mark = Mark::of_file(&path).expect("readable");
        assert_eq!(mark, Mark::of(text));
        // the check value of the CRC catalogue
        assert_eq!(Mark::of(b"123456789").crc32, "cbf43926");
        assert_eq!(mark.breach(&path), None);
        fs::write(&path, &text[..9]).expect("a file");
        assert_eq!(mark.breach(&path).as_deref(), Some("was cut off or changed: it has 9 of 14 bytes"));
        fs::write(&path, b"t_s,value\n1,3\n").expect("a file");
        assert!(mark.breach(&path).is_some_and(|said| said.starts_with("was changed")));
        fs::remove_file(&path).expect("removable");
        assert_eq!(mark.breach(&path).as_deref(), Some("is missing"));
    }

    #[test]
    fn a_run_s_marks_are_of_all_its_files_but_logs_and_read_back() {
        let room = tempfile::tempdir().expect("a folder");
        for name in ["requests.csv", "hey-1.txt", "prometheus.log"] {
            fs::write(room.path().join(name), name).expect("a file");
        }
        assert_eq!(Marks::read(room.path()).expect("none"), None);
        let marks = Marks::of_run(room.path(), b"{}").expect("marks");
        assert_eq!(marks.files.keys().collect::<Vec<_>>(), ["hey-1.txt", "requests.csv", "summary.json"]);
        marks.write(room.path()).expect("written");
        assert_eq!(Marks::read(room.path()).expect("read"), Some(marks));
        fs::write(room.path().join(NAME), "{").expect("a file");
        assert!(Marks::read(room.path()).expect_err("cut off").to_string().contains("files.json"));
    }
}
