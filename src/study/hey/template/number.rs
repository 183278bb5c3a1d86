//! Constants in templates: numbers, characters and quoted texts as Go reads them (strconv).

use super::value::Value;

/// A number or a character: an int where it is one, else a float. `None` if it is neither.
pub(super) fn constant(text: &str) -> Option<Value> {
    if let Some(body) = text.strip_prefix('\'') {
        let body = unquote_body(body.strip_suffix('\'')?, '\'')?;
        let mut chars = body.chars();
        let (first, none) = (chars.next()?, chars.next());
        return none.is_none().then_some(Value::Int(i64::from(first as u32)));
    }
    if let Ok(int) = crate::study::hey_flags::go::integer(text) {
        return Some(Value::Int(int));
    }
    let plain = text.replace('_', "").to_ascii_lowercase();
    let float = match plain.split_once("0x") {
        Some((sign, body)) => hex_float(body).map(|float| if sign == "-" { -float } else { float })?,
        None => plain.parse().ok()?,
    };
    float.is_finite().then_some(Value::Float(float))
}

/// `1.8p3`, without its prefix; it needs an exponent.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = u64::from_str_radix(&format!("{whole}{part}"), 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    Some(digits as f64 * 2_f64.powi(exponent - 4 * part.len() as i32))
}

/// The text between quotes, escapes resolved.
pub(super) fn unquote(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.strip_suffix('`').map(|raw| raw.replace('\r', ""));
    }
    unquote_body(text.strip_prefix('"')?.strip_suffix('"')?, '"')
}

/// Escapes resolved; `None` where there is none such. Only the quote that ends the text may be escaped as itself.
fn unquote_body(body: &str, quote: char) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            bytes.extend(char.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = chars.next()?;
        let mut digits = |first: &str, count: usize, radix: u32| {
            let rest: String = chars.by_ref().take(count).collect();
            u32::from_str_radix(&format!("{first}{rest}"), radix).ok().filter(|_| rest.len() == count)
        };
        let char = match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            char if char == quote => char,
            'x' => {
                bytes.push(u8::try_from(digits("", 2, 16)?).ok()?);
                continue;
            }
            '0'..='7' => {
                bytes.push(u8::try_from(digits(&escape.to_string(), 2, 8)?).ok()?);
                continue;
            }
            'u' => char::from_u32(digits("", 4, 16)?)?,
            'U' => char::from_u32(digits("", 8, 16)?)?,
            _ => return None,
        };
        bytes.extend(char.encode_utf8(&mut [0; 4]).bytes());
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_go_s() {
        for (text, value) in [
            ("42", Some(Value::Int(42))),
            ("-0x1F", Some(Value::Int(-31))),
            ("'a'", Some(Value::Int(97))),
            (r"'\n'", Some(Value::Int(10))),
            ("1.5", Some(Value::Float(1.5))),
            ("-1e3", Some(Value::Float(-1_000.0))),
            ("0x1.8p1", Some(Value::Float(3.0))),
            ("1e999", None),
            ("'ab'", None),
            ("1..2", None),
        ] {
            assert_eq!(constant(text), value, "{text}");
        }
    }

    #[test]
    fn quoted_texts_are_go_s() {
        for (text, plain) in [
            (r#""a\tb\"\x41\101\u00e9""#, Some("a\tb\"AA\u{e9}")),
            ("`a\\n\r`", Some("a\\n")),
            (r#""\'""#, None),
            (r#""\x4""#, None),
        ] {
            assert_eq!(unquote(text).as_deref(), plain, "{text}");
        }
    }
}
