//! CSV files that grow row by row, so that a killed run keeps whole rows.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::ResultsError;
use crate::time::{Timestamp, nanos};

/// Rows are handed to the system when so many bytes have come together.
const FULL: usize = 32 * 1024;

/// A file of rows. Whole rows only are handed to the system, in one write.
#[derive(Debug)]
pub(super) struct RowFile {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Length of the file in whole rows.
    length: u64,
}

impl RowFile {
    /// A new file with its header, which is on disk at once.
    pub(super) fn create(path: &Path, header: &str) -> Result<Self, ResultsError> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(ResultsError::write(path))?;
        let mut rows = Self::over(file, path);
        rows.buffer.extend_from_slice(header.as_bytes());
        rows.buffer.push(b'\n');
        rows.flush()?;
        Ok(rows)
    }

    fn over(file: File, path: &Path) -> Self {
        Self { path: path.to_owned(), file, buffer: Vec::with_capacity(FULL + 512), length: 0 }
    }

    /// Appends the row that `fill` writes.
    pub(super) fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) -> Result<(), ResultsError> {
        fill(&mut Row::new(&mut self.buffer));
        self.buffer.push(b'\n');
        if self.buffer.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Appends a row made elsewhere, without its line break.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), ResultsError> {
        self.row(|row| row.bytes.extend_from_slice(line))
    }

    /// Hands the rows so far to the system.
    pub(super) fn flush(&mut self) -> Result<(), ResultsError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        let result = match written {
            Ok(()) => {
                self.length += self.buffer.len() as u64;
                Ok(())
            }
            Err(source) => {
                self.drop_half_row();
                Err(ResultsError::Write { path: self.path.clone(), source })
            }
        };
        self.buffer.clear();
        result
    }

    /// After a disk filled up inside a row: leaves the whole rows before it. The error that matters has happened already.
    fn drop_half_row(&mut self) {
        let Ok(metadata) = self.file.metadata() else { return };
        let reached = (metadata.len().saturating_sub(self.length) as usize).min(self.buffer.len());
        let whole = self.buffer[..reached].iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if self.file.set_len(self.length + whole as u64).is_ok() {
            self.length += whole as u64;
        }
    }
}

impl Drop for RowFile {
    /// A run that ends by an error elsewhere keeps its last rows too.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// One row under construction.
#[derive(Debug)]
pub(super) struct Row<'a> {
    bytes: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Row<'a> {
    /// A row at the end of `bytes`.
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes, is_first: true }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if !self.is_first {
            self.bytes.push(b',');
        }
        self.is_first = false;
        self.bytes
    }

    /// An unknown value.
    pub(super) fn unknown(&mut self) -> &mut Self {
        self.next();
        self
    }

    /// Words, quoted where they must be.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.next().extend_from_slice(quote(text).as_bytes());
        self
    }

    /// A count.
    pub(super) fn count(&mut self, count: u64) -> &mut Self {
        push_digits(self.next(), count, 1);
        self
    }

    /// A whole number.
    pub(super) fn signed(&mut self, number: i64) -> &mut Self {
        let bytes = self.next();
        if number < 0 {
            bytes.push(b'-');
        }
        push_digits(bytes, number.unsigned_abs(), 1);
        self
    }

    /// A count that may be unknown.
    pub(super) fn maybe(&mut self, count: Option<impl Into<u64>>) -> &mut Self {
        match count {
            Some(count) => self.count(count.into()),
            None => self.unknown(),
        }
    }

    /// A time in seconds since `origin`, to the microsecond.
    pub(super) fn time(&mut self, at: Timestamp, origin: Timestamp) -> &mut Self {
        let nanos = i128::from(at.as_nanos()) - i128::from(origin.as_nanos());
        // rounding down from half a microsecond more keeps the order of times
        let micros = (nanos + 500).div_euclid(1000);
        let bytes = self.next();
        if micros < 0 {
            bytes.push(b'-');
        }
        push_decimal(bytes, micros.unsigned_abs() as u64, 6);
        self
    }

    /// A duration in seconds with six decimals, which may be unknown.
    pub(super) fn seconds(&mut self, duration: Option<Duration>) -> &mut Self {
        match duration {
            Some(duration) => push_decimal(self.next(), nanos(duration).saturating_add(500) / 1000, 6),
            None => return self.unknown(),
        }
        self
    }

    /// A duration in seconds with all its nine decimals.
    pub(super) fn nanos(&mut self, duration: Duration) -> &mut Self {
        push_decimal(self.next(), nanos(duration), 9);
        self
    }

    /// A duration in milliseconds with three decimals, which may be unknown.
    pub(super) fn millis(&mut self, duration: Option<Duration>) -> &mut Self {
        match duration {
            Some(duration) => push_decimal(self.next(), nanos(duration).saturating_add(500) / 1000, 3),
            None => return self.unknown(),
        }
        self
    }

    /// A number with as many decimals as given, which may be unknown.
    pub(super) fn number(&mut self, number: Option<f64>, decimals: usize) -> &mut Self {
        match number.filter(|number| number.is_finite()) {
            Some(number) => self.next().extend_from_slice(format!("{number:.decimals$}").as_bytes()),
            None => return self.unknown(),
        }
        self
    }

    /// A number with as few digits as read back to it, which may be unknown.
    pub(super) fn shortest(&mut self, number: Option<f64>) -> &mut Self {
        match number.filter(|number| number.is_finite()) {
            Some(number) => self.next().extend_from_slice(number.to_string().as_bytes()),
            None => return self.unknown(),
        }
        self
    }
}

/// A field as CSV has it: in double quotes if it holds a comma, a quote or a line break (RFC 4180).
pub(super) fn quote(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

/// `value / 10^decimals` with all its decimals. By hand, because a busy second writes a million of these.
fn push_decimal(bytes: &mut Vec<u8>, value: u64, decimals: u32) {
    let unit = 10_u64.pow(decimals);
    push_digits(bytes, value / unit, 1);
    bytes.push(b'.');
    push_digits(bytes, value % unit, decimals as usize);
}

/// `value` with at least so many digits.
fn push_digits(bytes: &mut Vec<u8>, value: u64, at_least: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = value;
    let mut used = 0;
    while rest > 0 || used < at_least {
        used += 1;
        digits[20 - used] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    bytes.extend_from_slice(&digits[20 - used..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(fill: impl FnOnce(&mut Row<'_>)) -> String {
        let mut bytes = Vec::new();
        fill(&mut Row::new(&mut bytes));
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn unknown_is_empty_and_never_zero() {
        let row = line(|row| {
            row.unknown()
                .count(0)
                .maybe(None::<u32>)
                .millis(None)
                .seconds(None)
                .number(None, 3)
                .number(Some(f64::NAN), 3);
        });
        assert_eq!(row, ",0,,,,,");
    }

    #[test]
    fn times_count_from_the_origin_to_the_microsecond() {
        let load = Timestamp::from_secs(15);
        for (nanos, text) in [
            (15_000_000_000, "0.000000"),
            (15_000_000_499, "0.000000"),
            (15_000_000_500, "0.000001"),
            (14_999_999_600, "0.000000"),
            (14_999_999_499, "-0.000001"),
            (0, "-15.000000"),
            (135_123_456_789, "120.123457"),
        ] {
            assert_eq!(
                line(|row| {
                    row.time(Timestamp::from_nanos(nanos), load);
                }),
                text
            );
        }
        assert_eq!(
            line(|row| {
                row.millis(Some(Duration::from_nanos(64_512_345)));
            }),
            "64.512"
        );
    }

    #[test]
    fn commas_quotes_and_line_breaks_are_quoted() {
        for (field, quoted) in
            [("plain", "plain"), ("a, b", "\"a, b\""), ("say \"no\"", "\"say \"\"no\"\"\""), ("a\nb", "\"a\nb\"")]
        {
            assert_eq!(quote(field), quoted);
        }
    }

    #[test]
    fn a_full_disk_names_the_file_and_what_to_do() {
        let full = OpenOptions::new().append(true).open("/dev/full").expect("Linux has it");
        let mut rows = RowFile::over(full, Path::new("results/x/requests.csv"));
        rows.row(|row| {
            row.count(1);
        })
        .expect("buffered");
        let error = rows.flush().expect_err("the disk is full").to_string();
        assert!(error.starts_with("results/x/requests.csv cannot be written: No space left on device"), "{error}");
        assert!(error.ends_with("free some space or choose another disk with --out"), "{error}");
    }

    #[test]
    fn only_whole_rows_reach_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rows.csv");
        let mut rows = RowFile::create(&path, "a,b").expect("created");
        let mut lengths = std::collections::BTreeSet::new();
        for count in 0..10_000_u64 {
            rows.row(|row| {
                row.count(count).text("words, and more");
            })
            .expect("written");
            let text = std::fs::read_to_string(&path).expect("readable");
            if lengths.insert(text.len()) {
                assert!(text.ends_with('\n'));
            }
        }
        assert!(lengths.len() > 3, "it grows while rows come");
        drop(rows);
        assert_eq!(std::fs::read_to_string(&path).expect("readable").lines().count(), 10_001);
    }

    proptest! {
        #[test]
        fn digits_by_hand_are_the_digits_of_format(value: u64) {
            let mut bytes = Vec::new();
            push_decimal(&mut bytes, value, 6);
            prop_assert_eq!(String::from_utf8(bytes).expect("text"), format!("{}.{:06}", value / 1_000_000, value % 1_000_000));
        }
    }
}
