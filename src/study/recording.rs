//! Recorded counters, read from files: the input of a replay.
//!
//! The layout is a CSV with the head `t_s,code,value`: seconds since the load's start, status, answers so far. Further columns
//! are passed over.

use std::path::{Path, PathBuf};

use crate::drive::replay::Sample;

/// A recorded counter could not be read. What to do about it stands in a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be opened.
    #[error("{path}: {source}\n  hint: give a CSV with the columns t_s,code,value")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("{path} has no column {column:?}\n  hint: the head must name t_s, code and value")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A field is no number, or a row is not as long as the head.
    #[error("{path}:{line}: {problem}\n  hint: each row is a time in seconds, a status such as 200, and a count")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// There are no rows.
    #[error("{0} holds no samples\n  hint: a replay needs at least two readings of the counter")]
    Empty(PathBuf),
}

/// Reads one function's counters.
///
/// # Errors
/// When the file can't be read or is not such a CSV; the error names the line.
pub fn read(path: &Path) -> Result<Vec<Sample>, RecordingError> {
    let open = |source| RecordingError::Open { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(open)?;
    let head = reader.headers().map_err(open)?.clone();
    let place = |column: &'static str| {
        head.iter()
            .position(|name| name.trim_start_matches('\u{feff}') == column)
            .ok_or_else(|| RecordingError::Column { path: path.to_owned(), column })
    };
    let (time, code, value) = (place("t_s")?, place("code")?, place("value")?);
    let mut samples = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let wrong = |problem: String| RecordingError::Row { path: path.to_owned(), line, problem };
        if !reader.read_record(&mut record).map_err(|error| wrong(error.to_string()))? {
            break;
        }
        let line = record.position().map_or(line, csv::Position::line);
        let wrong = |problem: String| RecordingError::Row { path: path.to_owned(), line, problem };
        let number = |index: usize| -> Result<f64, RecordingError> {
            let text = record.get(index).unwrap_or_default();
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| wrong(format!("{text:?} is not a number")))
        };
        let status = record.get(code).unwrap_or_default();
        samples.push(Sample {
            t_s: number(time)?,
            code: status.parse().map_err(|_| wrong(format!("{status:?} is not a status")))?,
            value: number(value)?,
        });
    }
    if samples.is_empty() { Err(RecordingError::Empty(path.to_owned())) } else { Ok(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Sample>, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        read(file.path()).map_err(|error| error.to_string().replace(&file.path().display().to_string(), "FILE"))
    }

    #[test]
    fn columns_are_found_by_name() {
        let samples = read_text("code,value,t_s,note\n200,24,5.154,x\n500, 7 ,-1.5,y\n").expect("samples");
        assert_eq!(samples[0], Sample { t_s: 5.154, code: 200, value: 24.0 });
        assert_eq!(samples[1], Sample { t_s: -1.5, code: 500, value: 7.0 });
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, message) in [
            ("t_s,code\n1,200\n", "FILE has no column \"value\""),
            ("t_s,code,value\n1,200,3\n2,2oo,4\n", "FILE:3: \"2oo\" is not a status"),
            ("t_s,code,value\n1,200,NaN\n", "FILE:2: \"NaN\" is not a number"),
            ("t_s,code,value\n", "FILE holds no samples"),
        ] {
            let error = read_text(text).expect_err("wrong");
            assert!(error.starts_with(message), "{error}");
        }
    }
}
