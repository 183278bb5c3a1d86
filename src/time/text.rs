//! Durations as people write them: Go's notation (`2m`, `1m30s`, `500ms`), as hey's `-z` reads it.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("is empty; write a number with a unit, such as \"75ms\" or \"2m\"")]
    Empty,
    /// A number without a unit, other than 0.
    #[error("has no unit; write for example \"{0}s\" for seconds or \"{0}ms\" for milliseconds")]
    NoUnit(String),
    /// A unit that is not one of ns, us, ms, s, m, h, d.
    #[error("has the unknown unit \"{0}\"; known are ns, us, ms, s, m, h and d")]
    UnknownUnit(String),
    /// Something where a number should be.
    #[error("is not a duration; write a number with a unit, such as \"75ms\", \"1.5s\" or \"1m30s\"")]
    NotANumber,
    /// A minus sign.
    #[error("is negative; a duration is at least 0")]
    Negative,
    /// More than a century.
    #[error("is too long; the longest duration is 100 years")]
    TooLong,
}

const NANOS_PER_UNIT: [(&str, f64); 9] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
];

const LONGEST_NANOS: f64 = 100.0 * 365.25 * 86_400e9;

/// Reads a duration in Go's notation: decimal numbers, each with a unit, without spaces. A bare `0` is zero.
///
/// # Errors
/// When the text is not such a duration; the error says what to write, beginning with a verb so that it can follow a key and a value.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        if !number.contains(|c: char| c.is_ascii_digit()) {
            return Err(DurationError::NotANumber);
        }
        let value: f64 = number.parse().map_err(|_| DurationError::NotANumber)?;
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(DurationError::NoUnit(number.to_owned()));
        }
        let Some((_, nanos)) = NANOS_PER_UNIT.iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit(unit.to_owned()));
        };
        total += value * nanos;
        if total > LONGEST_NANOS {
            return Err(DurationError::TooLong);
        }
        rest = tail;
    }
    Ok(Duration::from_nanos(total.round() as u64))
}

/// Writes a duration in the largest unit that needs no more than three decimals: `2m`, `1.5s`, `75ms`, `250us`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    for (unit, size) in [("h", 3_600_000_000_000_u128), ("m", 60_000_000_000)] {
        if nanos >= size && nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    for (unit, size) in [("s", 1_000_000_000_u128), ("ms", 1_000_000), ("us", 1_000)] {
        if nanos >= size && nanos.is_multiple_of(size / 1000) {
            let thousandths = nanos / (size / 1000);
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            let text = text.trim_end_matches('0').trim_end_matches('.');
            return format!("{text}{unit}");
        }
    }
    format!("{nanos}ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        for (text, nanos) in [
            ("2m", 120_000_000_000),
            ("1m30s", 90_000_000_000),
            ("500ms", 500_000_000),
            ("1.5s", 1_500_000_000),
            ("250us", 250_000),
            ("7\u{b5}s", 7_000),
            ("3ns", 3),
            ("0", 0),
            (".5s", 500_000_000),
            ("1h", 3_600_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_says_why() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("120", DurationError::NoUnit("120".into())),
            ("-1s", DurationError::Negative),
            ("5 s", DurationError::UnknownUnit(" s".into())),
            ("5x", DurationError::UnknownUnit("x".into())),
            ("s", DurationError::NotANumber),
            ("1..5s", DurationError::NotANumber),
            ("NaN", DurationError::NotANumber),
            ("9999999d", DurationError::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for nanos in
            [0, 1, 999, 1_000, 75_000_000, 1_500_000_000, 90_000_000_000, 120_000_000_000, 5_400_000, 1_234_567]
        {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_duration(Duration::from_millis(5)), "5ms");
        assert_eq!(format_duration(Duration::from_micros(5_400)), "5.4ms");
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
    }
}
