//! A shard's directory as lines of text, for where nothing but text comes through, such as the log of a pod.
//!
//! ```text
//!   directory --> files with their names --gzip--> pieces --base64--> "watchtower-shard 0 H4sI..."
//!                                                                     "watchtower-shard 1 ..."
//!                                                                     "watchtower-shard end 2 SHA-256"
//! ```
//!
//! Other lines may stand between them, and a text may be read again from its beginning: pieces are numbered. Whether all of it is there
//! is known from the last line.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::error::ResultsError;
use super::error::MergeError;
use super::seal::hex;

/// What such a line begins with.
const MARK: &str = "watchtower-shard ";
/// Bytes of a piece: its line stays below 16 KiB, beyond which container runtimes cut lines.
const PIECE: usize = 9 * 1024;
/// How many of the last other lines are kept.
const WORDS_KEPT: usize = 3;

/// What stands before each file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Its path in the directory, with slashes.
    path: String,
    bytes: u64,
}

/// Writes what a union needs of a results directory to `out`.
///
/// # Errors
/// When a file can't be read, or `out` takes no more.
pub fn pack(directory: &Path, out: &mut dyn Write) -> Result<(), ResultsError> {
    let mut gzip =
        GzEncoder::new(Pieces { out, piece: Vec::new(), number: 0, hash: Sha256::new() }, Compression::default());
    let mut paths = vec![directory.join("study.json"), directory.join("comparison.csv")];
    paths.extend(files(&directory.join("runs")).map_err(ResultsError::read(directory))?);
    for path in paths {
        let mut file = File::open(&path).map_err(ResultsError::read(&path))?;
        let bytes = file.metadata().map_err(ResultsError::read(&path))?.len();
        let name = path.strip_prefix(directory).unwrap_or(&path).to_string_lossy().into_owned();
        let head = serde_json::to_string(&Head { path: name, bytes })
            .map_err(|error| ResultsError::read(&path)(error.into()))?;
        writeln!(gzip, "{head}").map_err(ResultsError::read(&path))?;
        let copied =
            io::copy(&mut Read::by_ref(&mut file).take(bytes), &mut gzip).map_err(ResultsError::read(&path))?;
        if copied != bytes {
            return Err(ResultsError::read(&path)(io::Error::other("it became shorter meanwhile")));
        }
    }
    let pieces = gzip.finish().map_err(ResultsError::read(directory))?;
    pieces.end().map_err(ResultsError::read(directory))
}

/// All files below a directory, in order.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes on their way to lines.
struct Pieces<'a> {
    out: &'a mut dyn Write,
    piece: Vec<u8>,
    number: u64,
    hash: Sha256,
}

impl Pieces<'_> {
    fn line(&mut self, length: usize) -> io::Result<()> {
        let piece: Vec<u8> = self.piece.drain(..length).collect();
        self.hash.update(&piece);
        writeln!(self.out, "{MARK}{} {}", self.number, STANDARD.encode(piece))?;
        self.number += 1;
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            self.line(self.piece.len())?;
        }
        writeln!(self.out, "{MARK}end {} {}", self.number, hex(&self.hash.finalize()))?;
        self.out.flush()
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        while self.piece.len() >= PIECE {
            self.line(PIECE)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A directory that comes line by line.
#[derive(Debug)]
pub struct Parcel {
    /// What it is called in messages.
    name: PathBuf,
    bytes: File,
    pieces: u64,
    hash: Sha256,
    /// How many there should be, and what they should add up to.
    end: Option<(u64, String)>,
    /// A piece that came before the one that was due.
    gap: Option<u64>,
    words: Vec<String>,
}

impl Parcel {
    /// Nothing yet; `name` is what messages call it.
    ///
    /// # Errors
    /// When there is no room for what will come.
    pub fn new(name: impl Into<PathBuf>) -> Result<Self, MergeError> {
        let name = name.into();
        let bytes = tempfile::tempfile().map_err(ResultsError::write(&name))?;
        Ok(Self { name, bytes, pieces: 0, hash: Sha256::new(), end: None, gap: None, words: Vec::new() })
    }

    /// Takes a line; one that was taken before, or is none of the parcel's, changes nothing of it.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn take(&mut self, line: &str) -> Result<(), MergeError> {
        let Some(rest) = line.strip_prefix(MARK) else {
            if !line.trim().is_empty() {
                self.words.push(line.trim().to_owned());
                let over = self.words.len().saturating_sub(WORDS_KEPT);
                self.words.drain(..over);
            }
            return Ok(());
        };
        let mut parts = rest.split_whitespace();
        match (parts.next(), parts.next(), parts.next()) {
            (Some("end"), Some(count), Some(hash)) => {
                self.end = count.parse().ok().map(|count| (count, hash.to_owned()));
            }
            (Some(number), Some(piece), None) => {
                // what is cut is missing then, and found to be
                let (Ok(number), Ok(piece)) = (number.parse::<u64>(), STANDARD.decode(piece)) else { return Ok(()) };
                if number > self.pieces {
                    self.gap.get_or_insert(number);
                }
                if number == self.pieces {
                    self.bytes.write_all(&piece).map_err(ResultsError::write(&self.name))?;
                    self.hash.update(&piece);
                    self.pieces += 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether all of it has come.
    pub fn is_whole(&self) -> bool {
        self.end.as_ref().is_some_and(|(count, _)| *count == self.pieces)
    }

    /// The last lines that were none of its own.
    pub fn words(&self) -> String {
        self.words.join(" / ")
    }

    /// Lays the directory out; `into` must not exist.
    ///
    /// # Errors
    /// When something is missing or is not what was packed, or it can't be written.
    pub fn unpack(mut self, into: &Path) -> Result<(), MergeError> {
        let damaged = |what: String| MergeError::Damaged { path: self.name.clone(), what };
        match &self.end {
            None if self.pieces == 0 => return Err(damaged("holds no packed shard".to_owned())),
            None => return Err(damaged(format!("was cut off after piece {}", self.pieces))),
            Some((count, _)) if *count != self.pieces => {
                let gap =
                    self.gap.map_or(String::new(), |gap| format!(": after piece {} comes piece {gap}", self.pieces));
                return Err(damaged(format!("has {} of {count} pieces{gap}", self.pieces)));
            }
            Some((_, hash)) if *hash != hex(&self.hash.clone().finalize()) => {
                return Err(damaged("is not what was packed".to_owned()));
            }
            Some(_) => {}
        }
        self.bytes.seek(SeekFrom::Start(0)).map_err(ResultsError::read(&self.name))?;
        let mut bytes = BufReader::new(GzDecoder::new(BufReader::new(self.bytes)));
        let mut line = String::new();
        loop {
            line.clear();
            if bytes.read_line(&mut line).map_err(ResultsError::read(&self.name))? == 0 {
                return Ok(());
            }
            let head = serde_json::from_str::<Head>(&line).ok().filter(|head| stays_below(&head.path));
            let Some(Head { path, bytes: length }) = head else {
                let what = "holds something else than files".to_owned();
                return Err(MergeError::Damaged { path: self.name, what });
            };
            let path = into.join(path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&path));
            let mut file = made.map_err(ResultsError::write(&path))?;
            let copied = io::copy(&mut bytes.by_ref().take(length), &mut file).map_err(ResultsError::write(&path))?;
            if copied != length {
                let what = format!("was cut off within {}", path.display());
                return Err(MergeError::Damaged { path: self.name, what });
            }
        }
    }
}

/// Whether a path leads to a place below the directory it is joined to.
fn stays_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Lays out a file of such lines (what `kubectl logs` gave, for example); `into` must not exist.
///
/// # Errors
/// When it can't be read, and as [`Parcel::unpack`].
pub fn unpack_file(file: &Path, into: &Path) -> Result<(), MergeError> {
    let mut parcel = Parcel::new(file)?;
    for line in BufReader::new(File::open(file).map_err(ResultsError::read(file))?).lines() {
        parcel.take(&line.map_err(ResultsError::read(file))?)?;
    }
    parcel.unpack(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with some files, and its lines.
    fn packed() -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/an arm-1");
        fs::create_dir_all(&run).unwrap();
        fs::write(folder.path().join("study.json"), "{}\n").unwrap();
        fs::write(folder.path().join("comparison.csv"), "arm\n").unwrap();
        fs::write(folder.path().join("report.html"), "what is drawn from the rest is drawn anew").unwrap();
        fs::write(run.join("empty.csv"), "").unwrap();
        // numbers that gzip can't make much smaller
        let noise: Vec<u8> =
            (0..20_000_u64).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).collect();
        fs::write(run.join("recording.jsonl"), noise).unwrap();
        let mut text = Vec::new();
        pack(folder.path(), &mut text).unwrap();
        let lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
        (folder, lines)
    }

    fn taken<'a>(lines: impl IntoIterator<Item = &'a str>) -> Parcel {
        let mut parcel = Parcel::new("pod").unwrap();
        lines.into_iter().for_each(|line| parcel.take(line).unwrap());
        parcel
    }

    fn refusal(parcel: Parcel) -> String {
        let folder = tempfile::tempdir().unwrap();
        parcel.unpack(&folder.path().join("out")).unwrap_err().to_string()
    }

    #[test]
    fn what_was_packed_is_unpacked_to_the_last_byte_whatever_stands_between_and_is_said_twice() {
        let (folder, lines) = packed();
        assert!(lines.len() > 5 && lines.iter().all(|line| line.len() < 16 * 1024));
        let mut said = vec!["WARN something for people"];
        said.extend(lines[..3].iter().map(String::as_str));
        said.extend(lines.iter().flat_map(|line| ["", line.as_str()]));
        let parcel = taken(said);
        assert!(parcel.is_whole());
        assert_eq!(parcel.words(), "WARN something for people");
        let out = tempfile::tempdir().unwrap();
        let out = out.path().join("out");
        parcel.unpack(&out).unwrap();
        fs::remove_file(folder.path().join("report.html")).unwrap();
        for path in files(folder.path()).unwrap() {
            let copy = out.join(path.strip_prefix(folder.path()).unwrap());
            assert_eq!(fs::read(&path).unwrap(), fs::read(copy).unwrap(), "{}", path.display());
        }
        assert_eq!(files(&out).unwrap().len(), 4);
    }

    #[test]
    fn what_is_cut_off_missing_or_changed_is_refused_with_what_is_wrong() {
        let (_folder, lines) = packed();
        let all = || lines.iter().map(String::as_str);
        let cut = taken(all().take(3));
        assert!(!cut.is_whole());
        assert!(refusal(cut).contains("pod was cut off after piece 3"));
        let said = refusal(taken(all().filter(|line| !line.starts_with("watchtower-shard 2 "))));
        assert!(said.contains("after piece 2 comes piece 3"), "{said}");
        let other = format!("watchtower-shard 1 {}", STANDARD.encode("x"));
        let changed = all().map(|line| if line.starts_with("watchtower-shard 1 ") { other.as_str() } else { line });
        assert!(refusal(taken(changed)).contains("is not what was packed"));
        assert!(refusal(taken(["nothing"])).contains("holds no packed shard"));
        for path in ["../up", "/etc/passwd", "a/../../b", ""] {
            assert!(!stays_below(path), "{path}");
        }
    }
}
