//! Addresses as Go's `net/url` reads them and `net/http` calls them (Go 1.19), so that what hey accepts, refuses and prints is the same here.
//!
//! ```text
//!   scheme ":" [ "//" [ user "@" ] host ] path [ "?" query ] [ "#" fragment ]
//! ```
//!
//! An address that can be read need not be one that can be called: hey finds that out request by request, and
//! [`Address::cannot_be_called`] says it at once.

use std::fmt::Write;

use crate::study::hey_flags::go::quote;

/// An address, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    opaque: String,
    user: Option<String>,
    host: String,
    /// As it goes over the wire.
    path: String,
    query: Option<String>,
    fragment: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When Go refuses it; the text is Go's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let refused = |of: &str, why: String| format!("parse {}: {why}", quote(of));
        let mut address = Self::parse_before_fragment(rest).map_err(|why| refused(rest, why))?;
        unescape(fragment, Part::Fragment).map_err(|why| refused(text, why))?;
        fragment.clone_into(&mut address.fragment);
        Ok(address)
    }

    fn parse_before_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut address = Self::default();
        if text == "*" {
            text.clone_into(&mut address.path);
            return Ok(address);
        }
        let (scheme, rest) = split_scheme(text)?;
        address.scheme = scheme.to_ascii_lowercase();
        let mut rest = rest;
        if let Some((before, query)) = rest.split_once('?') {
            rest = before;
            address.query = Some(query.to_owned());
        }
        if !rest.starts_with('/') {
            if !address.scheme.is_empty() {
                rest.clone_into(&mut address.opaque);
                return Ok(address);
            }
            if rest.split('/').next().unwrap_or_default().contains(':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if (!address.scheme.is_empty() || !rest.starts_with("///"))
            && let Some(after) = rest.strip_prefix("//")
        {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            rest = path;
            let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
            address.host = parse_host(host)?;
            if let Some(user) = user {
                address.user = Some(parse_user(user)?);
            }
        }
        address.path = escaped_path(rest)?;
        Ok(address)
    }

    /// The scheme, in small letters.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Host and port as written, an empty port left out.
    pub fn host(&self) -> &str {
        self.host.strip_suffix(':').unwrap_or(&self.host)
    }

    /// `user:password`, if the address carries some.
    pub fn credentials(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Why no request can go there, in the words in which Go's client says it of each one.
    pub fn cannot_be_called(&self) -> Option<String> {
        if !matches!(self.scheme.as_str(), "http" | "https") {
            return Some(format!("unsupported protocol scheme {}", quote(&self.scheme)));
        }
        self.host.is_empty().then(|| "http: no Host in request URL".to_owned())
    }

    /// The address as it is called: without credentials and fragment, the path never empty.
    ///
    /// What no request line can hold (a space in the query, say) is escaped.
    pub fn to_call(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let mut text = format!("{}://{}{path}", self.scheme, self.host());
        if let Some(query) = &self.query {
            text.push('?');
            for char in query.chars() {
                let fits =
                    char.is_ascii_graphic() && !matches!(char, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
                if fits { text.push(char) } else { escape_into(&mut text, char) }
            }
        }
        text
    }

    /// The address as Go's client names it in an error: a password is hidden.
    pub fn shown(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    text.push_str("//");
                }
                match self.user.as_deref().map(|user| user.split_once(':')) {
                    None => {}
                    Some(None) => text.extend([self.user.as_deref().unwrap_or_default(), "@"]),
                    Some(Some((name, _))) => text.extend([name, ":***@"]),
                }
                text.push_str(self.host());
            }
            if !self.path.is_empty() && !self.path.starts_with('/') && !self.host.is_empty() {
                text.push('/');
            }
            text.push_str(&self.path);
        } else {
            text.push_str(&self.opaque);
        }
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(query);
        }
        if !self.fragment.is_empty() {
            text.push('#');
            text.push_str(&self.fragment);
        }
        text
    }
}

/// The beginning of each error of Go's client: what was done to which address.
pub fn failed(method: &str, url: &str, why: &str) -> String {
    let mut verb = method.to_ascii_lowercase();
    if let Some(first) = verb.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{verb} {}: {why}", quote(url))
}

/// Where in an address a text stands: what may stand there as it is differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Path,
    User,
    Fragment,
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, char) in text.char_indices() {
        match char {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at > 0 => return Ok((&text[..at], &text[at + 1..])),
            ':' => return Err("missing protocol scheme".to_owned()),
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_host(host: &str) -> Result<String, String> {
    let port = if host.starts_with('[') {
        let end = host.rfind(']').ok_or_else(|| "missing ']' in host".to_owned())?;
        &host[end + 1..]
    } else {
        host.rfind(':').map_or("", |at| &host[at..])
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    if !port.is_empty() && (!port.starts_with(':') || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    unescape(host, Part::Host)
}

fn parse_user(user: &str) -> Result<String, String> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(char);
    if !user.chars().all(fits) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescape(user, Part::User)
}

/// A path as it goes over the wire: as written where that is a valid encoding, else encoded.
fn escaped_path(path: &str) -> Result<String, String> {
    let plain = unescape(path, Part::Path)?;
    let stays = |char: char| char.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:@[]%/".contains(char);
    if path.chars().all(stays) {
        return Ok(path.to_owned());
    }
    let mut escaped = String::with_capacity(path.len());
    for char in plain.chars() {
        let stays = char.is_ascii_alphanumeric() || "-_.~$&+,/:;=@".contains(char);
        if stays { escaped.push(char) } else { escape_into(&mut escaped, char) }
    }
    Ok(escaped)
}

fn escape_into(text: &mut String, char: char) {
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        // writing to a string can't fail
        let _ = write!(text, "%{byte:02X}");
    }
}

fn unescape(text: &str, part: Part) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            let pair = bytes.get(at + 1..at + 3).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
            let wrong = || {
                let shown = &bytes[at..bytes.len().min(at + 3)];
                format!("invalid URL escape {}", quote(&String::from_utf8_lossy(shown)))
            };
            let pair = pair.and_then(|pair| std::str::from_utf8(pair).ok()).ok_or_else(wrong)?;
            let value = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
            // in a host only bytes beyond ASCII may be escaped
            if part == Part::Host && value < 0x80 {
                return Err(wrong());
            }
            plain.push(value);
            at += 3;
            continue;
        }
        let fits = byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte);
        if part == Part::Host && !fits {
            return Err(format!("invalid character {} in host name", quote(&char::from(byte).to_string())));
        }
        plain.push(byte);
        at += 1;
    }
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_called_and_shown_as_go_does() {
        for (text, called, shown) in [
            ("http://h", "http://h/", "http://h"),
            ("HTTP://h:/", "http://h/", "http://h/"),
            (
                "http://h:80/a%20b/c d?x=1&y=a b#part",
                "http://h:80/a%20b/c%20d?x=1&y=a%20b",
                "http://h:80/a%20b/c%20d?x=1&y=a b#part",
            ),
            ("http://h/a%2Fb?", "http://h/a%2Fb?", "http://h/a%2Fb?"),
            ("http://h/a b?c d", "http://h/a%20b?c%20d", "http://h/a%20b?c d"),
            ("http://ann:secret@h/", "http://h/", "http://ann:***@h/"),
            ("http://[::1]:8080/\u{e9}", "http://[::1]:8080/%C3%A9", "http://[::1]:8080/%C3%A9"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.cannot_be_called(), None);
            assert_eq!((address.to_call().as_str(), address.shown().as_str()), (called, shown), "{text}");
        }
        let credentials = |text: &str| Address::parse(text).ok().and_then(|address| address.user);
        assert_eq!(credentials("http://a%40b:c@h/").as_deref(), Some("a@b:c"));
    }

    #[test]
    fn errors_name_method_and_address() {
        assert_eq!(failed("POST", "http://h/a b", "EOF"), "Post \"http://h/a b\": EOF");
    }

    #[test]
    fn a_path_is_encoded_whole_or_left_alone() {
        let called = |text: &str| Address::parse(text).expect(text).to_call();
        assert_eq!(called("http://h/a%20b!"), "http://h/a%20b!");
        assert_eq!(called("http://h/a%20b! \""), "http://h/a%20b%21%20%22");
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (text, why) in [
            ("127.0.0.1:8080", r#"parse "127.0.0.1:8080": first path segment in URL cannot contain colon"#),
            (":8080/", r#"parse ":8080/": missing protocol scheme"#),
            ("http://[::1", r#"parse "http://[::1": missing ']' in host"#),
            ("http://h:port/", r#"parse "http://h:port/": invalid port ":port" after host"#),
            ("http://h/%zz", r#"parse "http://h/%zz": invalid URL escape "%zz""#),
            ("http://a b/", r#"parse "http://a b/": invalid character " " in host name"#),
            ("http://h/\n", r#"parse "http://h/\n": net/url: invalid control character in URL"#),
            ("http://a b@h/", r#"parse "http://a b@h/": net/url: invalid userinfo"#),
            ("http://h/#%z", r#"parse "http://h/#%z": invalid URL escape "%z""#),
        ] {
            assert_eq!(Address::parse(text).expect_err(text), why);
        }
    }

    #[test]
    fn what_can_be_read_need_not_be_callable() {
        for (text, shown, why) in [
            ("localhost:1/", "localhost:1/", "unsupported protocol scheme \"localhost\""),
            ("foo", "foo", "unsupported protocol scheme \"\""),
            ("", "", "unsupported protocol scheme \"\""),
            ("ftp://h/x", "ftp://h/x", "unsupported protocol scheme \"ftp\""),
            ("http:///x", "http:///x", "http: no Host in request URL"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!((address.shown().as_str(), address.cannot_be_called().as_deref()), (shown, Some(why)), "{text}");
        }
    }
}
