//! A day of the Azure Functions 2019 traces: `invocations_per_function_md.anon.dNN.csv`, a row per function, a column per minute.
//!
//! The format is that of `AzureFunctionsDataset2019.md` (Shahrad et al., ATC 2020). Two passes: one over all rows to find the
//! function, one over its own row.

use std::io;
use std::path::Path;
use std::time::Duration;

use csv::{ByteRecord, Position, StringRecord};

use super::{Contents, Read, TraceFileError, Wanted, whole_number};

/// The columns before the minutes.
const HEAD: [&str; 4] = ["HashOwner", "HashApp", "HashFunction", "Trigger"];

pub(super) fn read<R: io::Read + io::Seek>(
    path: &Path,
    reader: &mut csv::Reader<R>,
    head: &StringRecord,
    wanted: Wanted<'_>,
) -> Result<Read, TraceFileError> {
    check_head(path, head)?;
    let (position, which) = match wanted.function_hash {
        Some(hash) => (by_hash(path, reader, hash)?, String::new()),
        None => (by_rank(path, reader, wanted.function_rank)?, format!(", rank {}", wanted.function_rank)),
    };
    let failed = |error: csv::Error| TraceFileError::of_csv(path, &error);
    let line = position.line();
    reader.seek(position).map_err(failed)?;
    let mut record = StringRecord::new();
    reader.read_record(&mut record).map_err(failed)?;
    let counts = (HEAD.len()..record.len())
        .map(|column| whole_number(path, line, &record, column, &format!("minute {}", &head[column])))
        .collect::<Result<Vec<u64>, _>>()?;
    let hash: String = record.get(2).unwrap_or_default().chars().take(12).collect();
    let bin = Duration::from_secs(60);
    Ok(Read { contents: Contents::Function { counts, bin }, about: format!(" (function {hash}{which})") })
}

fn check_head(path: &Path, head: &StringRecord) -> Result<(), TraceFileError> {
    let wrong = |column: usize, expected: &str, found: &str| {
        let what = format!("column {} of the head is {found:?} and should be {expected:?}", column + 1);
        let hint =
            "a day of the Azure Functions 2019 traces begins HashOwner,HashApp,HashFunction,Trigger,1,2,3 and so on";
        Err(TraceFileError::new(path, what, hint).line(1))
    };
    for (column, expected) in HEAD.iter().enumerate() {
        let found = head.get(column).unwrap_or_default();
        if found.trim_start_matches('\u{feff}') != *expected {
            return wrong(column, expected, found);
        }
    }
    if head.len() == HEAD.len() {
        return wrong(HEAD.len(), "1", "");
    }
    for (column, found) in head.iter().enumerate().skip(HEAD.len()) {
        let expected = (column - HEAD.len() + 1).to_string();
        if found != expected {
            return wrong(column, &expected, found);
        }
    }
    Ok(())
}

/// The one row of a function.
fn by_hash<R: io::Read>(path: &Path, reader: &mut csv::Reader<R>, hash: &str) -> Result<Position, TraceFileError> {
    let mut found: Option<(Position, String)> = None;
    each(path, reader, |position, record| {
        let text = |column: usize| String::from_utf8_lossy(record.get(column).unwrap_or_default());
        let (owner, app, function) = (text(0), text(1), text(2));
        let is_it =
            hash == function || hash == format!("{app}/{function}") || hash == format!("{owner}/{app}/{function}");
        if !is_it {
            return Ok(());
        }
        let full = format!("{owner}/{app}/{function}");
        if let Some((first, other)) = &found {
            let what = format!("has functions of that hash on the lines {} and {}", first.line(), position.line());
            let hint = format!("write function_hash = \"{other}\" or \"{full}\"");
            return Err(TraceFileError::new(path, what, hint));
        }
        found = Some((position, full));
        Ok(())
    })?;
    found.map(|(position, _)| position).ok_or_else(|| {
        let what = format!("has no function {hash:?}");
        TraceFileError::new(path, what, "copy a HashFunction from the file, or choose one by function_rank = 1")
    })
}

/// The row with so many-th most invocations; the earlier row goes first among equals.
fn by_rank<R: io::Read>(path: &Path, reader: &mut csv::Reader<R>, rank: u64) -> Result<Position, TraceFileError> {
    let mut totals = Vec::new();
    each(path, reader, |position, record| {
        let mut total = 0_u64;
        for (column, field) in record.iter().enumerate().skip(HEAD.len()) {
            let count = std::str::from_utf8(field).ok().and_then(|text| text.parse::<u64>().ok());
            let Some(count) = count else {
                let text = String::from_utf8_lossy(field);
                let minute = format!("minute {}", column + 1 - HEAD.len());
                let error = TraceFileError::new(path, format!("{text:?} is not a count"), "counts are whole numbers");
                return Err(error.cell(position.line(), column, &minute));
            };
            total = total.saturating_add(count);
        }
        totals.push((total, position));
        Ok(())
    })?;
    let functions = totals.len();
    totals.sort_by_key(|(total, _)| std::cmp::Reverse(*total));
    let index = usize::try_from(rank).unwrap_or(usize::MAX).saturating_sub(1);
    totals.into_iter().nth(index).map(|(_, position)| position).ok_or_else(|| {
        let what = format!("has {functions} functions, so none of rank {rank}");
        TraceFileError::new(path, what, "lower function_rank")
    })
}

fn each<R: io::Read>(
    path: &Path,
    reader: &mut csv::Reader<R>,
    mut take: impl FnMut(Position, &ByteRecord) -> Result<(), TraceFileError>,
) -> Result<(), TraceFileError> {
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| TraceFileError::of_csv(path, &error))? {
        let position = record.position().cloned().unwrap_or_else(Position::new);
        take(position, &record)?;
    }
    Ok(())
}
