//! Addresses as Go and its router read them: escapes undone, dots and doubled slashes resolved, and nothing let through that
//! only looks like another path.

use std::borrow::Cow;
use std::fmt::Write as _;

use hyper::Uri;

/// A `%` without two hexadecimal digits behind it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid URL escape {0:?}")]
pub(super) struct BadEscape(pub(super) String);

/// A path with its escapes undone; bytes that are no text are replaced.
///
/// # Errors
/// An escape that is none.
pub(super) fn unescape(path: &str) -> Result<Cow<'_, str>, BadEscape> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            let shown = &tail[..tail.len().min(2)];
            return Err(BadEscape(format!("%{}", String::from_utf8_lossy(shown))));
        };
        bytes.push(byte);
        rest = &tail[2..];
    }
    Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The path without dots and doubled slashes, as the router wants it (gorilla/mux `cleanPath`); a slash at the end stays.
pub(super) fn clean(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    Cow::Owned(format!("/{}{slash}", parts.join("/")))
}

/// Where the router sends who asked for an unclean path: the clean one, with the query and, if it was given, the host.
pub(super) fn location(uri: &Uri, clean: &str) -> String {
    let mut location = String::new();
    if let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) {
        location = format!("{scheme}://{authority}");
    }
    for byte in clean.bytes() {
        // net/url escapes everything else in a path
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            location.push(byte as char);
        } else {
            // writing to a string can't fail
            let _ = write!(location, "%{byte:02X}");
        }
    }
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        location.push('?');
        location.push_str(query);
    }
    location
}

/// The value of a key in the query, as `url.Values` has it: the first (or the last) one, decoded. Pairs that can't be
/// decoded, or hold a semicolon, are passed over.
pub(super) fn query_values<'a>(query: &'a str, key: &'a str) -> impl DoubleEndedIterator<Item = String> + 'a {
    let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
    let decoded = |text: &str| unescape(&text.replace('+', " ")).map(Cow::into_owned).ok();
    pairs.filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name)? == key).then(|| decoded(value)).flatten()
    })
}

/// The namespace a query asks for; `None` for the default one.
pub(super) fn namespace(query: Option<&str>) -> Option<String> {
    query_values(query?, "namespace").next().filter(|namespace| !namespace.is_empty())
}

/// Checks an address to call back, as far as `url.Parse` does.
///
/// # Errors
/// Its words.
pub(super) fn check_callback(url: &str) -> Result<(), String> {
    let error = |why: &str| Err(format!("parse {url:?}: {why}"));
    if url.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return error("net/url: invalid control character in URL");
    }
    let url = url.split('#').next().unwrap_or_default();
    let scheme_end = url.find(|letter: char| !(letter.is_ascii_alphanumeric() || "+-.".contains(letter)));
    let rest = match scheme_end.map(|end| (end, &url[end..])) {
        Some((0, rest)) if rest.starts_with(':') => return error("missing protocol scheme"),
        Some((end, rest)) if rest.starts_with(':') && url.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            &url[end + 1..]
        }
        Some((_, rest)) if rest.starts_with(':') => return error("first path segment in URL cannot contain colon"),
        _ => url,
    };
    let path = rest.split('?').next().unwrap_or_default();
    let (authority, path) = match path.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", path),
    };
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    if let Some(port) = port.filter(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return error(&format!("invalid port {:?} after host", format!(":{port}")));
    }
    match unescape(authority).and(unescape(path)) {
        Ok(_) => Ok(()),
        Err(bad) => error(&bad.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_named() {
        for (path, plain) in [
            ("/function/ftest", Ok("/function/ftest")),
            ("/function/%66test", Ok("/function/ftest")),
            ("/a%2Fb%2e%2E", Ok("/a/b..")),
            ("/%ff", Ok("/\u{fffd}")),
            ("/a%", Err("%")),
            ("/a%4", Err("%4")),
            ("/a%zz", Err("%zz")),
            ("/%+1", Err("%+1")),
        ] {
            assert_eq!(unescape(path).as_deref(), plain.map_err(|bad| BadEscape(bad.to_owned())).as_deref(), "{path}");
        }
    }

    #[test]
    fn dots_and_doubled_slashes_are_resolved_and_never_lead_out() {
        for (path, cleaned) in [
            ("/", "/"),
            ("", "/"),
            ("/function/ftest/", "/function/ftest/"),
            ("//function//ftest", "/function/ftest"),
            ("/function/../system/info", "/system/info"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/./b/.", "/a/b"),
            ("/a/b/..", "/a"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/.hidden/..x", "/.hidden/..x"),
            ("a", "/a"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn the_router_keeps_the_query_and_escapes_the_path() {
        for (uri, to, expected) in [
            ("//x?a=b", "/x", "/x?a=b"),
            ("http://h:1//x", "/x", "http://h:1/x"),
            ("//x", "/a b\u{e4}", "/a%20b%C3%A4"),
        ] {
            assert_eq!(location(&uri.parse().unwrap(), to), expected);
        }
    }

    #[test]
    fn a_namespace_is_the_first_one_that_is_given() {
        for (query, expected) in [
            ("namespace=dev&namespace=x", Some("dev")),
            ("a=b&name%73pace=d%65v", Some("dev")),
            ("namespace=", None),
            ("namespace=%zz", None),
            ("", None),
        ] {
            assert_eq!(namespace(Some(query)).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn an_address_to_call_back_is_refused_in_gos_words() {
        for fine in ["http://h/x?y=z", "http://[::1]:80/", "h", "", "/a/b", "https://h:/", "a/b:c", "mailto:x@y"] {
            assert_eq!(check_callback(fine), Ok(()), "{fine}");
        }
        for (url, error) in [
            (":x", "parse \":x\": missing protocol scheme"),
            ("1:x", "parse \"1:x\": first path segment in URL cannot contain colon"),
            ("http://h:x/", "parse \"http://h:x/\": invalid port \":x\" after host"),
            ("http://h/%zz", "parse \"http://h/%zz\": invalid URL escape \"%zz\""),
        ] {
            assert_eq!(check_callback(url), Err(error.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn a_clean_path_has_no_way_up_and_stays_itself(path in "[/.a%]{0,30}") {
            let once = clean(&path).into_owned();
            prop_assert!(once.starts_with('/') && !once.contains("//"));
            prop_assert!(once.split('/').all(|part| part != ".." && part != "."));
            prop_assert_eq!(clean(&once), once.as_str());
        }

        #[test]
        fn no_address_makes_it_panic(url in "\\PC{0,40}") {
            let _ = (unescape(&url), check_callback(&url), query_values(&url, "a").count());
        }
    }
}
