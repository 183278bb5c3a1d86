//! `html`, `js` and `urlquery` (Go's text/template, funcs.go).

use std::fmt::Write;

/// Text that may stand in HTML.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            char => out.push(char),
        }
    }
    out
}

/// Text that may stand in a JavaScript literal.
pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => out.push_str(r"\\"),
            '\'' => out.push_str(r"\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => {
                // writing to a string can't fail
                let _ = write!(out, "\\u{:04X}", char as u32);
            }
            char if char.is_control() => {
                let _ = write!(out, "\\u{:04X}", char as u32);
            }
            char => out.push(char),
        }
    }
    out
}

/// Text that may stand in a query.
pub(super) fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_elsewhere_is_escaped() {
        assert_eq!(html("<a b='c'> & \"d\""), "&lt;a b=&#39;c&#39;&gt; &amp; &#34;d&#34;");
        assert_eq!(js("it's <b> \"x\"\n=\\"), "it\\'s \\u003Cb\\u003E \\\"x\\\"\\u000A\\u003D\\\\");
        assert_eq!(url_query("a b&\u{e9}~"), "a+b%26%C3%A9~");
    }
}
