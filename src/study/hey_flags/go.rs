//! Numbers, durations and booleans as Go's `flag` package reads them (Go 1.19: strconv, time), and its words for what it refuses.

use std::fmt::Write;
use std::time::Duration;

use crate::time::{DurationError, parse_duration};

/// Go's two reasons to refuse a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a value of that type.
    #[error("parse error")]
    Parse,
    /// Too large.
    #[error("value out of range")]
    Range,
}

/// An integer in base 0: `0x10`, `0o17`, `017`, `0b11` and `1_000` are read.
///
/// # Errors
/// When it is no integer, or none of 64 bits.
pub fn integer(text: &str) -> Result<i64, ValueError> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (radix, body, after_prefix) = match prefixes.iter().find(|(prefix, _)| lower.starts_with(prefix)) {
        Some((prefix, radix)) => (*radix, &lower[prefix.len()..], true),
        None if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..], true),
        None => (10, lower.as_str(), false),
    };
    // an underscore stands between two digits, or between a prefix and a digit
    if body.ends_with('_') || body.contains("__") || (body.starts_with('_') && !after_prefix) {
        return Err(ValueError::Parse);
    }
    let body = body.replace('_', "");
    if body.is_empty() || !body.chars().all(|char| char.is_digit(radix)) {
        return Err(ValueError::Parse);
    }
    let magnitude = i128::from_str_radix(&body, radix).map_err(|_| ValueError::Range)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| ValueError::Range)
}

/// A decimal number, `Inf` or `NaN`.
///
/// # Errors
/// When it is no number, or beyond what 64 bits hold.
pub fn float(text: &str) -> Result<f64, ValueError> {
    let number: f64 = text.parse().map_err(|_| ValueError::Parse)?;
    if number.is_infinite() && !text.to_ascii_lowercase().contains("inf") { Err(ValueError::Range) } else { Ok(number) }
}

/// A duration; a negative one is given as zero, since hey takes both for "not set".
///
/// # Errors
/// When it is no duration.
pub(super) fn duration(text: &str) -> Result<Duration, ValueError> {
    // days are a notation of ours, and white space around is forgiven in files only
    if text.contains('d') || text.trim() != text {
        return Err(ValueError::Parse);
    }
    let unsigned = text.strip_prefix('-').filter(|rest| !rest.starts_with(['-', '+']));
    match (parse_duration(unsigned.unwrap_or(text)), unsigned) {
        (Ok(_), Some(_)) => Ok(Duration::ZERO),
        (Ok(duration), None) => Ok(duration),
        (Err(DurationError::TooLong), _) => Err(ValueError::Range),
        (Err(_), _) => Err(ValueError::Parse),
    }
}

/// A boolean.
///
/// # Errors
/// When it is none.
pub fn boolean(text: &str) -> Result<bool, ValueError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(ValueError::Parse),
    }
}

/// A text in Go's double quotes (`strconv.Quote`).
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            // writing to a string can't fail
            char if char < ' ' || char == '\u{7f}' => drop(write!(quoted, "\\x{:02x}", char as u32)),
            // what Rust escapes as not printable Go escapes too; combining marks alone are printable to Go
            char if char.is_control() => drop(write!(quoted, "\\u{:04x}", char as u32)),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_go_s() {
        for (text, quoted) in [
            ("abc", r#""abc""#),
            ("it's \"é\" \\", r#""it's \"é\" \\""#),
            ("\u{1}\t\u{7f}\u{7}\u{85}", r#""\x01\t\x7f\a\u0085""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }

    #[test]
    fn integers_are_read_in_base_zero() {
        for (text, value) in [
            ("50", Ok(50)),
            ("0x10", Ok(16)),
            ("0X_1f", Ok(31)),
            ("017", Ok(15)),
            ("0o17", Ok(15)),
            ("0b101", Ok(5)),
            ("1_000", Ok(1_000)),
            ("+7", Ok(7)),
            ("-3", Ok(-3)),
            ("0", Ok(0)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("9223372036854775808", Err(ValueError::Range)),
            ("99999999999999999999999999999999999999999999999", Err(ValueError::Range)),
            ("1__0", Err(ValueError::Parse)),
            ("_1", Err(ValueError::Parse)),
            ("1_", Err(ValueError::Parse)),
            ("08", Err(ValueError::Parse)),
            ("0x", Err(ValueError::Parse)),
            ("--1", Err(ValueError::Parse)),
            ("abc", Err(ValueError::Parse)),
            ("5.0", Err(ValueError::Parse)),
            ("", Err(ValueError::Parse)),
            ("\u{665}", Err(ValueError::Parse)),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_know_no_days() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("-1s"), Ok(Duration::ZERO));
        for text in ["120", "1d", " 1s", "--1s", "-+1s", ""] {
            assert_eq!(duration(text), Err(ValueError::Parse), "{text}");
        }
        assert_eq!(duration("99999999h"), Err(ValueError::Range));
    }

    #[test]
    fn numbers_and_booleans_are_go_s() {
        assert_eq!(float("0.5"), Ok(0.5));
        assert_eq!(float("1e999"), Err(ValueError::Range));
        assert!(float("NaN").is_ok_and(f64::is_nan));
        assert_eq!(float("5/s"), Err(ValueError::Parse));
        assert_eq!(boolean("T"), Ok(true));
        assert_eq!(boolean("yes"), Err(ValueError::Parse));
    }
}
