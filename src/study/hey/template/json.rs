//! `jsonify`: a value as Go's `encoding/json` writes it.

use std::fmt::Write;

use super::float;
use super::value::Value;

/// The value as JSON; empty if it holds a number JSON has no word for, as hey prints then.
pub(super) fn jsonify(value: &Value) -> String {
    let mut out = String::new();
    if write(&mut out, value).is_some() { out } else { String::new() }
}

fn write(out: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Nil | Value::Unmade(_) => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Float(float) => out.push_str(&number(*float)?),
        Value::Text(text) => write_text(out, text),
        Value::Floats(_) | Value::Ints(_) | Value::Structs(..) => {
            out.push('[');
            for (at, (_, item)) in value.pairs()?.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item)?;
            }
            out.push(']');
        }
        Value::IntMap(_) | Value::TextMap(_) => {
            let key_of = |key: Value| match key {
                Value::Text(text) => text.to_string(),
                other => other.as_int().unwrap_or_default().to_string(),
            };
            let mut entries: Vec<_> = value.pairs()?.into_iter().map(|(key, value)| (key_of(key), value)).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            write_entries(out, entries.iter().map(|(key, value)| (key.as_str(), value)))?;
        }
        Value::Struct(of, values) => write_entries(out, of.fields.iter().copied().zip(values.iter()))?,
        Value::Int(_) | Value::Int64(_) | Value::Byte(_) | Value::Duration(_) => {
            out.push_str(&value.as_int()?.to_string());
        }
    }
    Some(())
}

fn write_entries<'a>(out: &mut String, entries: impl Iterator<Item = (&'a str, &'a Value)>) -> Option<()> {
    out.push('{');
    for (at, (key, value)) in entries.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        write(out, value)?;
    }
    out.push('}');
    Some(())
}

/// As in JavaScript: plain from 1e-6 to 1e21, with an exponent outside.
fn number(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // e-09 becomes e-9
        return Some(float::exponent(value, None).replace("e-0", "e-"));
    }
    Some(float::fixed(value, None))
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                // writing to a string can't fail
                let _ = write!(out, "\\u{:04x}", char as u32);
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_go_s() {
        for (value, json) in [
            (Value::Float(0.000_001), "0.000001"),
            (Value::Float(0.000_000_12), "1.2e-7"),
            (Value::Float(1e21), "1e+21"),
            (Value::Float(-3.0), "-3"),
            (Value::Float(f64::NAN), ""),
            (Value::text("<a> \"b\"\n"), "\"\\u003ca\\u003e \\\"b\\\"\\n\""),
            (Value::Unmade("[]float64"), "null"),
            (Value::Floats([].into()), "[]"),
            (
                Value::IntMap([(1_000, 1), (200, 2)].into_iter().collect::<std::collections::BTreeMap<_, _>>().into()),
                r#"{"1000":1,"200":2}"#,
            ),
            (Value::Duration(5), "5"),
        ] {
            assert_eq!(jsonify(&value), json);
        }
    }
}
