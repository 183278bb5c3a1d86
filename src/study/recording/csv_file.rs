//! Counters in a CSV: one row per reading.
//!
//! The layout has the head `t_s,code,value`: seconds since the load's start, status, answers so far. Further columns are passed
//! over. A row without a value is a reading that brought nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::RecordingError;
use crate::drive::replay::Sample;

/// Times further than this from the load's start, in seconds, are Unix times: three years.
const FURTHEST_S: f64 = 1e8;

/// Reads one function's counters; none if there are only rows without a value, or no rows.
///
/// # Errors
/// When the text is not such a CSV; the error names the line.
pub(super) fn read(path: &Path, text: &[u8]) -> Result<Vec<Sample>, RecordingError> {
    let at_line = |line, problem: String| RecordingError::Row { path: path.to_owned(), line, problem };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let head = reader.headers().map_err(|error| at_line(1, error.to_string()))?.clone();
    let place = |column: &'static str| {
        head.iter()
            .position(|name| name.trim_start_matches('\u{feff}') == column)
            .ok_or_else(|| RecordingError::Column { path: path.to_owned(), column })
    };
    let (time, code, value) = (place("t_s")?, place("code")?, place("value")?);
    let mut samples: Vec<Sample> = Vec::new();
    let mut known: BTreeMap<(u64, u16), f64> = BTreeMap::new();
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
        let t_s = number(time)?;
        if t_s.abs() > FURTHEST_S {
            return Err(RecordingError::UnixTimes { path: path.to_owned(), line, t_s });
        }
        let code = status.parse().map_err(|_| wrong(format!("{status:?} is not a status")))?;
        if record.get(value).is_some_and(str::is_empty) {
            continue;
        }
        let value = number(value)?;
        match known.insert((t_s.to_bits(), code), value) {
            None => samples.push(Sample { t_s, code, value }),
            Some(before) if before.to_bits() == value.to_bits() => {}
            Some(before) => {
                return Err(wrong(format!("a second value for status {code} at {t_s} s: {value} after {before}")));
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Sample>, String> {
        read(Path::new("FILE"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name() {
        let samples = read_text("code,value,t_s,note\n200,24,5.154,x\n500, 7 ,-1.5,y\n").expect("samples");
        assert_eq!(samples[0], Sample { t_s: 5.154, code: 200, value: 24.0 });
        assert_eq!(samples[1], Sample { t_s: -1.5, code: 500, value: 7.0 });
    }

    #[test]
    fn a_row_without_a_value_is_a_reading_that_brought_nothing() {
        let samples = read_text("t_s,code,value\n0,200,10\n5,200,\n10,200,30\n").expect("samples");
        assert_eq!(samples.iter().map(|sample| sample.t_s).collect::<Vec<_>>(), [0.0, 10.0]);
        assert_eq!(read_text("t_s,code,value\n"), Ok(Vec::new()));
    }

    #[test]
    fn a_row_that_is_there_twice_counts_once() {
        let twice = "t_s,code,value\n0,200,10\n0,500,1\n0,200,10\n5,200,20\n";
        assert_eq!(read_text(twice).expect("samples").len(), 3);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, message) in [
            ("t_s,code\n1,200\n", "FILE has no column \"value\""),
            ("t_s,code,value\n1,200,3\n2,2oo,4\n", "FILE:3: \"2oo\" is not a status"),
            ("t_s,code,value\n1,200,NaN\n", "FILE:2: \"NaN\" is not a number"),
            ("t_s,code,value\n1,200,inf\n", "FILE:2: \"inf\" is not a number"),
            ("t_s,code,value\n,200,3\n", "FILE:2: \"\" is not a number"),
            ("t_s,code,value\n1,200\n", "FILE:2: "),
            ("t_s,code,value\n1,200,3\n1,200,4\n", "FILE:3: a second value for status 200 at 1 s: 4 after 3"),
            ("t_s,code,value\n1795457216,200,3\n", "FILE:2: 1795457216 s is no time since a load's start"),
        ] {
            let error = read_text(text).expect_err("wrong");
            assert!(error.starts_with(message) && error.contains("\n  hint: "), "{error}");
        }
    }
}
