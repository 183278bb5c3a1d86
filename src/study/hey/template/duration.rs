//! Durations as Go has them (`time.Duration`): their text and their methods.

use super::value::Value;

/// A duration as Go's `String` writes it: `2.0213s`, `1m30s`, `910.025µs`.
pub(super) fn text(nanos: i64) -> String {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let decimals = |value: u64, unit: u64| {
        let digits = unit.to_string().len() - 1;
        let text = format!("{}.{:0digits$}", value / unit, value % unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let unsigned = match magnitude {
        0 => "0s".to_owned(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => format!("{}\u{b5}s", decimals(magnitude, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimals(magnitude, 1_000_000)),
        _ => {
            let (minutes, rest) = (magnitude / 60_000_000_000, magnitude % 60_000_000_000);
            let secs = decimals(rest, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{secs}s"),
                (0, minutes) => format!("{minutes}m{secs}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{secs}s"),
            }
        }
    };
    format!("{sign}{unsigned}")
}

/// How many arguments a duration's method takes; `None` if it has no such method.
pub(super) fn params(name: &str) -> Option<usize> {
    match name {
        "Abs" | "Hours" | "Microseconds" | "Milliseconds" | "Minutes" | "Nanoseconds" | "Seconds" | "String" => Some(0),
        "Round" | "Truncate" => Some(1),
        _ => None,
    }
}

/// A method of Go's `time.Duration`.
pub(super) fn call(nanos: i64, name: &str, argument: i64) -> Value {
    let units = |unit: i64| (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64;
    let towards_zero = |step: i64| if step <= 0 { nanos } else { nanos - nanos % step };
    match name {
        "Abs" => Value::Duration(nanos.saturating_abs()),
        "Hours" => Value::Float(units(3_600_000_000_000)),
        "Minutes" => Value::Float(units(60_000_000_000)),
        "Seconds" => Value::Float(units(1_000_000_000)),
        "Milliseconds" => Value::Int64(nanos / 1_000_000),
        "Microseconds" => Value::Int64(nanos / 1_000),
        "Nanoseconds" => Value::Int64(nanos),
        "Round" => {
            let down = towards_zero(argument);
            let up = if argument > 0 && nanos - down >= argument - (nanos - down) { argument } else { 0 };
            Value::Duration(down.saturating_add(up))
        }
        "Truncate" => Value::Duration(towards_zero(argument)),
        _ => Value::text(text(nanos)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_go_s() {
        for (nanos, text) in [
            (0, "0s"),
            (15, "15ns"),
            (910_025, "910.025\u{b5}s"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (-1_000_000, "-1ms"),
        ] {
            assert_eq!(super::text(nanos), text);
        }
    }
}
