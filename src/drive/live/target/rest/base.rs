//! A gateway's base address, such as `http://127.0.0.1:8080`, taken apart and checked. Nothing is sent here.

use hyper::Uri;

use crate::drive::live::target::TargetError;

/// A base address, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether TLS is spoken there.
    pub(super) is_secure: bool,
    /// Scheme, authority and path, without a slash at the end.
    pub(super) prefix: String,
}

impl Base {
    /// Takes it apart.
    ///
    /// # Errors
    /// When it is no address this client can speak to.
    pub(super) fn parse(url: &str) -> Result<Self, TargetError> {
        let bad = |why| TargetError::BadUrl { url: without_user(url), why };
        let uri: Uri = url.parse().map_err(|_| bad("it is not a URL"))?;
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad("it does not begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        // wherever it stands: a password may hold what ends a host
        if url.contains('@') {
            return Err(bad("user and password do not belong into the address"));
        }
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        let path = uri.path().trim_end_matches('/');
        let (scheme, port) = if is_secure { ("https", 443) } else { ("http", 80) };
        let prefix = format!("{scheme}://{authority}{path}");
        Ok(Self { host, port: authority.port_u16().unwrap_or(port), is_secure, prefix })
    }
}

/// An address fit for a message: a user and a password in it are not for everybody's eyes.
pub(super) fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + 3));
    // the last one: a password may hold what ends a host
    rest.rfind('@').map_or_else(|| url.to_owned(), |at| format!("{scheme}..{}", &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_a_port_and_what_comes_before_a_path() {
        for (url, host, port, prefix) in [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080, "http://127.0.0.1:8080"),
            ("http://gateway.local/", "gateway.local", 80, "http://gateway.local"),
            ("https://gateway.local/faas", "gateway.local", 443, "https://gateway.local/faas"),
            ("http://[::1]:31112/faas/", "::1", 31112, "http://[::1]:31112/faas"),
        ] {
            let base = Base::parse(url).unwrap();
            assert_eq!((base.host.as_str(), base.port, base.prefix.as_str()), (host, port, prefix));
        }
    }

    #[test]
    fn an_unusable_address_says_why() {
        for (url, why) in [
            ("127.0.0.1:8080", "it does not begin with http:// or https://"),
            ("ftp://gateway", "it does not begin with http:// or https://"),
            ("http://admin:secret@gateway", "user and password do not belong into the address"),
            ("http://gateway/?x=1", "it has a query"),
            ("not a url", "it is not a URL"),
        ] {
            match Base::parse(url) {
                Err(TargetError::BadUrl { why: given, .. }) => assert_eq!(given, why, "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_password_in_an_address_is_in_no_message() {
        for url in [
            "http://admin:canary@gateway",
            "http://admin:can/ary@gateway:1/x",
            "admin:canary@gateway",
            "http://canary@g/?a",
        ] {
            let error = Base::parse(url).unwrap_err().to_string();
            assert!(!error.contains("canary") && !error.contains("ary@"), "{error}");
        }
        assert_eq!(without_user("http://admin:canary@gateway:80/x"), "http://..@gateway:80/x");
        assert_eq!(without_user("http://gateway:80/x"), "http://gateway:80/x");
    }
}
