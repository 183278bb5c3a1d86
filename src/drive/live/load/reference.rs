//! What a `Location` header leads to: RFC 3986, 5.2 to 5.4, on text. Nothing is fetched here.

use hyper::Uri;

/// The address that `reference` means where `base` stands; `None` if it is none.
///
/// What can't stand in an address unescaped is escaped, as Go does it in paths; a fragment is left out.
pub(super) fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    if reference.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let reference = reference.split('#').next().unwrap_or_default();
    let (scheme, rest) = split_scheme(reference);
    let base_scheme = base.scheme_str().unwrap_or("http");
    let (before_query, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let authority_and_path = before_query.strip_prefix("//");
    let (authority, path) = match authority_and_path {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (authority, without_dots(path))
        }
        // an address of another kind, such as mailto:
        None if scheme.is_some() => return None,
        None => {
            let path = match before_query {
                "" => base.path().to_owned(),
                absolute if absolute.starts_with('/') => without_dots(absolute),
                relative => {
                    let folder = base.path().rfind('/').map_or("/", |end| &base.path()[..=end]);
                    without_dots(&format!("{folder}{relative}"))
                }
            };
            (base.authority()?.as_str(), path)
        }
    };
    let query = if before_query.is_empty() && authority_and_path.is_none() { query.or(base.query()) } else { query };
    let path = if path.is_empty() { "/" } else { &path };
    let mut text =
        format!("{}://{authority}{}", scheme.map_or(base_scheme.to_owned(), str::to_ascii_lowercase), escaped(path));
    if let Some(query) = query {
        text.push('?');
        text.push_str(&escaped(query));
    }
    text.parse().ok()
}

/// Whether a reference names a scheme, so that nothing of its base is left but perhaps that.
pub(super) fn is_absolute(reference: &str) -> bool {
    split_scheme(reference).0.is_some()
}

/// The scheme, if there is one, and what follows its colon.
pub(super) fn split_scheme(reference: &str) -> (Option<&str>, &str) {
    match reference.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|char: char| char.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) =>
        {
            (Some(scheme), rest)
        }
        _ => (None, reference),
    }
}

/// RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    let absolute = path.starts_with('/');
    if absolute {
        segments.next();
    }
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    if kept.is_empty() && !absolute { String::new() } else { format!("/{}", kept.join("/")) }
}

/// Everything that may not stand in an address, in `%` notation; a `%` stays one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
            escaped.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_where_rfc_3986_says() {
        // its examples in 5.4, those that an HTTP address can be
        let base: Uri = "http://a/b/c/d;p?q".parse().expect("an address");
        for (reference, target) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("HTTPS://h:1/x y?z=ä", "https://h:1/x%20y?z=%C3%A4"),
            ("http://h", "http://h/"),
        ] {
            let resolved = resolve(&base, reference).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), Some(target), "{reference}");
        }
        for reference in ["http://a b/", "g\u{7}", "mailto:x", "http:///x"] {
            assert_eq!(resolve(&base, reference), None, "{reference}");
        }
    }
}
