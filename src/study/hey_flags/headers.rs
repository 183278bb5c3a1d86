//! Request headers as hey builds them and Go's transport sends them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Headers Go's transport takes from elsewhere, so that `-H` has no say in them.
const NOT_FROM_H: [&str; 4] = ["Host", "Content-Length", "Transfer-Encoding", "Trailer"];

/// Splits what `-H` was given: `^([\w-]+):\s*(.+)`, the name in canonical form, the value without white space around it.
pub(super) fn split(input: &str) -> Option<(String, String)> {
    let (name, rest) = input.split_once(':')?;
    let word = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    if name.is_empty() || !name.chars().all(word) {
        return None;
    }
    // what follows the colon must hold at least one character other than a newline
    let line = rest.trim_start().split('\n').next().unwrap_or_default();
    if line.is_empty() && !rest.contains(|char: char| char != '\n') {
        return None;
    }
    Some((canonical(name), line.trim().to_owned()))
}

/// A header's name as Go writes it: capitals at the start and after each hyphen, small letters elsewhere.
pub(super) fn canonical(name: &str) -> String {
    let mut upper = true;
    name.chars()
        .map(|char| {
            let written = if upper { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() };
            upper = char == '-';
            written
        })
        .collect()
}

/// Whether Go sends a header of this canonical name when `-H` gives it.
pub(super) fn is_sent(name: &str) -> bool {
    !NOT_FROM_H.contains(&name)
}

/// Whether a value can stand in a header: no control characters but the tab.
pub(super) fn is_value(value: &str) -> bool {
    !value.chars().any(|char| char.is_ascii_control() && char != '\t')
}

/// Whether this is an HTTP method: a token of RFC 9110.
pub(super) fn is_method(method: &str) -> bool {
    let token = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char);
    !method.is_empty() && method.chars().all(token)
}

/// The value of `Authorization` for what `-a` was given: `^(.+):([^\s].+)`, so the password has two characters at least.
pub(super) fn basic_auth(input: &str) -> Option<String> {
    // a dot stands for no newline, and nothing holds the pattern to the end
    let line = input.split('\n').next().unwrap_or_default();
    let fits = line.match_indices(':').any(|(at, _)| {
        let mut password = line[at + 1..].chars();
        at > 0 && password.next().is_some_and(|first| !first.is_whitespace()) && password.next().is_some()
    });
    fits.then(|| authorization(line))
}

/// The value of `Authorization` for `user:password`.
pub(crate) fn authorization(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name_a_colon_and_a_value() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        for (input, expected) in [
            ("Hey: hey", pair("Hey", "hey")),
            ("x-CUSTOM-id:a:b ", pair("X-Custom-Id", "a:b")),
            ("A_b: 1", pair("A_b", "1")),
            ("A:  ", pair("A", "")),
            ("A:", None),
            ("A b: c", None),
            (": c", None),
            ("Hey", None),
        ] {
            assert_eq!(split(input), expected, "{input}");
        }
    }

    #[test]
    fn basic_auth_is_sent() {
        assert_eq!(basic_auth("user:pass").as_deref(), Some("Basic dXNlcjpwYXNz"));
        assert_eq!(basic_auth("a:b: c").as_deref(), Some("Basic YTpiOiBj"));
        for wrong in ["user", ":pass", "user:", "user:p", "user: pass"] {
            assert_eq!(basic_auth(wrong), None, "{wrong}");
        }
    }
}
