//! Numbers and texts as Python reads and shows them: the functions' error texts are Python's.

/// `int(text)`, as far as factorials need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// Below zero.
    Negative,
    /// Fits.
    Fits(u32),
    /// More than fits.
    Large,
}

/// `int(text)`: blanks around it, a sign, digits that single underscores may part.
pub(super) fn int(text: &str) -> Result<Integer, String> {
    let error = || {
        let shown: String = repr(text).chars().take(200).collect();
        format!("invalid literal for int() with base 10: {shown}")
    };
    let trimmed = text.trim();
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let digits = without_underscores(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let digits = digits.filter(|digits| !digits.is_empty()).ok_or_else(error)?;
    let value = digits.trim_start_matches('0');
    Ok(match value.len() {
        0 => Integer::Fits(0),
        _ if negative => Integer::Negative,
        1..=9 => value.parse().map_or(Integer::Large, Integer::Fits),
        _ => Integer::Large,
    })
}

/// `float(text)`.
pub(super) fn float(text: &str) -> Result<f64, String> {
    let error = || format!("could not convert string to float: {}", repr(text));
    without_underscores(text.trim()).and_then(|number| number.parse().ok()).ok_or_else(error)
}

/// The text without underscores if each stands between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    let proper = |index: usize| digit(index.checked_sub(1)) && digit(index.checked_add(1));
    let all_proper = bytes.iter().enumerate().all(|(index, &byte)| byte != b'_' || proper(index));
    all_proper.then(|| text.replace('_', ""))
}

/// `repr(text)`.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            _ if letter == quote => shown.extend(['\\', quote]),
            _ if letter.is_control() => shown.push_str(&format!("\\x{:02x}", letter as u32)),
            _ => shown.push(letter),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, value) in [
            ("50", Integer::Fits(50)),
            (" +0050\n", Integer::Fits(50)),
            ("1_000", Integer::Fits(1_000)),
            ("-0", Integer::Fits(0)),
            ("-3", Integer::Negative),
            ("999999999", Integer::Fits(999_999_999)),
            ("1000000000", Integer::Large),
            ("99999999999999999999999999", Integer::Large),
        ] {
            assert_eq!(int(text), Ok(value), "{text:?}");
        }
        for text in ["", " ", "+", "-", "--1", "1__0", "_1", "1_", "5.0", "0x10", "1e3", "fifty", "5 0"] {
            assert_eq!(int(text), Err(format!("invalid literal for int() with base 10: '{text}'")));
        }
    }

    #[test]
    fn floats_are_read_as_python_reads_them() {
        for (text, value) in
            [("0.75", 0.75), (" 1e-3 ", 0.001), (".5", 0.5), ("5.", 5.0), ("1_0.2_5", 10.25), ("-1", -1.0)]
        {
            assert!((float(text).unwrap() - value).abs() < 1e-12, "{text:?}");
        }
        assert!(float("inf").unwrap().is_infinite() && float("NaN").unwrap().is_nan());
        for text in ["", "0.75s", "1__0", "._5", "one"] {
            assert_eq!(float(text), Err(format!("could not convert string to float: '{text}'")));
        }
    }

    #[test]
    fn a_text_is_shown_on_one_line_between_quotes() {
        for (text, shown) in [("it's", "\"it's\""), ("a'b\"c", "'a\\'b\"c'"), ("\0\n\\", "'\\x00\\n\\\\'")] {
            assert_eq!(repr(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "\\PC{0,40}") {
            let _ = (int(&text), float(&text));
        }
    }
}
