//! Recorded load, read from files.
//!
//! | head | what it is |
//! | --- | --- |
//! | a column `time_s`, and perhaps `generator` | when each request came, in seconds; `watchtower check --schedule` writes it |
//! | a column `count`, and perhaps `time_s` | how many came in each bin, in order; with `time_s` the bin's start, gaps are empty bins |
//! | `HashOwner,HashApp,HashFunction,Trigger,1,2,...` | a day of the Azure Functions 2019 traces: a function's invocations by minute |
//!
//! Only numbers leave this room.

mod azure;
mod error;

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use csv::StringRecord;

pub use error::TraceFileError;

/// Most requests or bins that are kept in memory.
const ROWS_MAX: usize = 50_000_000;

/// The longest recording: more than a year.
const SECONDS_MAX: f64 = 400.0 * 86_400.0;

/// What is asked of a file.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// How long a bin of counts is.
    pub bin: Duration,
    /// Only the requests of this generator, where the file tells.
    pub generator: Option<u16>,
    /// Which function of many.
    pub function_hash: Option<&'a str>,
    /// Which one if no hash is given: 1 has the most invocations.
    pub function_rank: u64,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// When each request came: nanoseconds, ascending.
    Times(Vec<u64>),
    /// How many came in each bin.
    Counts {
        /// By bin.
        counts: Vec<u64>,
        /// How long a bin is.
        bin: Duration,
    },
    /// One function of many, by minute.
    Function {
        /// By minute.
        counts: Vec<u64>,
        /// A minute.
        bin: Duration,
    },
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// What it holds.
    pub contents: Contents,
    /// Which part of the file that is, to follow its name; empty if all of it.
    pub about: String,
}

/// Reads a trace.
///
/// # Errors
/// When the file can't be read or is no trace; the error names line and column.
pub fn read(path: &Path, wanted: Wanted<'_>) -> Result<Read, TraceFileError> {
    let file = File::open(path).map_err(|error| TraceFileError::unreadable(path, &error))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(TraceFileError::new(path, "is a directory", "name a CSV in it"));
    }
    parse(path, file, wanted)
}

/// Reads a trace from what the file holds; `path` stands in errors only.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, file: impl io::Read + io::Seek, wanted: Wanted<'_>) -> Result<Read, TraceFileError> {
    let at = |error: &csv::Error| TraceFileError::of_csv(path, error);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).has_headers(true).from_reader(file);
    let head = reader.headers().map_err(|error| at(&error))?.clone();
    let named = |name: &str| head.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
    if named("HashFunction").is_some() {
        return azure::read(path, &mut reader, &head, wanted);
    }
    match (named("count"), named("time_s")) {
        (Some(count), time) => counts(path, &mut reader, count, time, wanted.bin),
        (None, Some(time)) => times(path, &mut reader, time, named("generator"), wanted.generator),
        (None, None) if head.iter().all(str::is_empty) => {
            Err(TraceFileError::new(path, "is empty", "name a CSV with a column time_s or count"))
        }
        (None, None) => {
            let columns: Vec<String> = head.iter().take(6).map(|name| format!("{name:?}")).collect();
            let what = format!("has neither a column time_s nor count, but {}", columns.join(", "));
            let hint = "the first line names the columns: time_s for the time of each request in seconds, count for the requests of each bin";
            Err(TraceFileError::new(path, what, hint).line(1))
        }
    }
}

/// When each request came; a file of several generators is one load unless one of them is asked for.
fn times<R: io::Read>(
    path: &Path,
    reader: &mut csv::Reader<R>,
    time: usize,
    generator: Option<usize>,
    wanted: Option<u16>,
) -> Result<Read, TraceFileError> {
    let only = match (wanted, generator) {
        (Some(_), None) => {
            let hint = "leave generator out: the file is one load";
            return Err(TraceFileError::new(path, "has no column generator", hint).line(1));
        }
        (Some(wanted), Some(column)) => Some((column, wanted.to_string())),
        (None, _) => None,
    };
    let mut times = Vec::new();
    rows(path, reader, |line, record| {
        if only.as_ref().is_some_and(|(column, wanted)| record.get(*column) != Some(wanted)) {
            return Ok(());
        }
        times.push((seconds(path, line, record, time)? * 1e9).round() as u64);
        Ok(())
    })?;
    if times.is_empty() {
        let what = match wanted {
            Some(wanted) => format!("has no request of generator {wanted}"),
            None => "holds no request".to_owned(),
        };
        return Err(TraceFileError::new(path, what, "a row below the head is a request"));
    }
    // who records when answers come has the requests out of order
    times.sort_unstable();
    let about = wanted.map_or_else(String::new, |wanted| format!(" (generator {wanted})"));
    Ok(Read { contents: Contents::Times(times), about })
}

/// How many came in each bin.
fn counts<R: io::Read>(
    path: &Path,
    reader: &mut csv::Reader<R>,
    count: usize,
    time: Option<usize>,
    bin: Duration,
) -> Result<Read, TraceFileError> {
    let mut counts: Vec<u64> = Vec::new();
    rows(path, reader, |line, record| {
        if let Some(time) = time {
            let at = seconds(path, line, record, time)?;
            let index = at / bin.as_secs_f64();
            let whole = index.round();
            let wrong =
                |what: String, hint: &str| Err(TraceFileError::new(path, what, hint).cell(line, time, "time_s"));
            if (index - whole).abs() > 1e-6 * whole.max(1.0) {
                let what = format!("{at} is not where a bin of {} begins", crate::time::format_duration(bin));
                return wrong(what, "write bin = \"...\" as long as the file's bins, or leave the column out");
            }
            if (whole as usize) < counts.len() {
                return wrong(format!("{at} does not come after the bin before it"), "sort the rows by time_s");
            }
            if whole as usize >= ROWS_MAX {
                return wrong(format!("{at} is too far away"), "let time_s count from 0, where the trace begins");
            }
            counts.resize(whole as usize, 0);
        }
        counts.push(whole_number(path, line, record, count, "count")?);
        Ok(())
    })?;
    if counts.is_empty() {
        return Err(TraceFileError::new(path, "holds no bin", "a row below the head is the count of a bin"));
    }
    Ok(Read { contents: Contents::Counts { counts, bin }, about: String::new() })
}

/// Hands each row to `take` with its line.
fn rows<R: io::Read>(
    path: &Path,
    reader: &mut csv::Reader<R>,
    mut take: impl FnMut(u64, &StringRecord) -> Result<(), TraceFileError>,
) -> Result<(), TraceFileError> {
    let mut record = StringRecord::new();
    let mut number = 0_usize;
    while reader.read_record(&mut record).map_err(|error| TraceFileError::of_csv(path, &error))? {
        number += 1;
        if number > ROWS_MAX {
            let what = format!("has more than {ROWS_MAX} rows");
            return Err(TraceFileError::new(path, what, "replay a part of it, or counts instead of times"));
        }
        take(record.position().map_or(0, csv::Position::line), &record)?;
    }
    Ok(())
}

fn seconds(path: &Path, line: u64, record: &StringRecord, column: usize) -> Result<f64, TraceFileError> {
    let text = record.get(column).unwrap_or_default();
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        Ok(seconds) => {
            let what = format!("{seconds} is not a time in the trace");
            let hint = "times are seconds since the trace's start, from 0 up to 400 days";
            Err(TraceFileError::new(path, what, hint).cell(line, column, "time_s"))
        }
        Err(_) => {
            let what = format!("{text:?} is not a number");
            Err(TraceFileError::new(path, what, "write seconds, such as 12.25").cell(line, column, "time_s"))
        }
    }
}

fn whole_number(
    path: &Path,
    line: u64,
    record: &StringRecord,
    column: usize,
    name: &str,
) -> Result<u64, TraceFileError> {
    // no bin of any trace is larger, and sums of them stay exact
    const LARGEST: u64 = 1_000_000_000;
    let text = record.get(column).unwrap_or_default();
    text.parse().ok().filter(|count| *count <= LARGEST).ok_or_else(|| {
        let what = format!("{text:?} is not a count");
        TraceFileError::new(path, what, "a count is a whole number from 0 to 1000000000").cell(line, column, name)
    })
}

#[cfg(test)]
mod laws;
