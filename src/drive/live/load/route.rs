//! The way to a server: by which host and port, through which proxy, under TLS or not. Nothing is dialled here.

use std::net::IpAddr;

use base64::Engine as _;
use hyper::Uri;
use hyper::http::uri::Authority;

use super::request::RequestError;

/// How a host is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::drive::live) enum Host {
    /// It is an address already.
    Address(IpAddr),
    /// It has to be looked up at every dial, as hey does.
    Name(String),
}

impl Host {
    /// The host of an authority, brackets left out.
    pub(super) fn parse(text: &str) -> Self {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_or_else(|_| Self::Name(bare.to_owned()), Self::Address)
    }

    /// As it stands in an address: IPv6 in brackets.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
            Self::Address(address) => address.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Where connections of a request end, and how they get there. Requests of equal routes can share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) host: Host,
    pub(super) port: u16,
    /// The name asked for in the TLS handshake, without a port; `None` for plain HTTP.
    pub(super) tls: Option<String>,
    pub(super) proxy: Option<Proxy>,
}

impl Route {
    /// The way to `uri` through `proxy`, asking for `server` where TLS is spoken.
    pub(super) fn to(uri: &Uri, server: &str, proxy: Option<Proxy>) -> Result<Self, RequestError> {
        let tls = match uri.scheme_str() {
            Some("http") => None,
            Some("https") => Some(without_port(server).to_owned()),
            _ => return Err(RequestError::Scheme(uri.to_string())),
        };
        let name = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| RequestError::Host(uri.to_string()))?;
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Self { host: Host::parse(name), port, tls, proxy })
    }

    /// Whether its connections carry plain HTTP/1.1 on bare TCP.
    pub(super) fn is_bare(&self) -> bool {
        self.tls.is_none() && self.proxy.as_ref().is_none_or(|proxy| proxy.kind != ProxyKind::Https)
    }

    /// The proxy that is told the whole address in each request, if there is one: what it passes on is plain HTTP.
    pub(super) fn forwarder(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| self.tls.is_none() && proxy.kind != ProxyKind::Socks)
    }

    /// Host and port, as `CONNECT` names them.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host.written(), self.port)
    }
}

/// The host of a `Host` header.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // the colons of an IPv6 address stand inside its brackets
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyKind {
    Http,
    /// HTTP under TLS.
    Https,
    /// SOCKS5; names are resolved by the proxy.
    Socks,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) kind: ProxyKind,
    pub(super) host: Host,
    pub(super) port: u16,
    /// User and password.
    pub(super) user: Option<(String, String)>,
}

impl Proxy {
    /// The proxy of an address such as `http://user:password@proxy:3128`.
    pub(super) fn parse(text: &str) -> Result<Self, RequestError> {
        let refused = || RequestError::Proxy(hide_password(text));
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let (kind, port) = match uri.scheme_str() {
            Some("http") => (ProxyKind::Http, 80),
            Some("https") => (ProxyKind::Https, 443),
            Some("socks5" | "socks5h") => (ProxyKind::Socks, 1080),
            _ => return Err(refused()),
        };
        let name = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let user = uri.authority().and_then(user);
        if kind == ProxyKind::Socks
            && user.as_ref().is_some_and(|(name, password)| name.len().max(password.len()) > 255)
        {
            return Err(refused());
        }
        Ok(Self { kind, host: Host::parse(name), port: uri.port_u16().unwrap_or(port), user })
    }

    /// The value of `Proxy-Authorization`, if it wants one.
    pub(super) fn authorization(&self) -> Option<String> {
        self.user.as_ref().map(|(user, password)| basic(user, password))
    }
}

/// User and password in front of a host, decoded.
pub(super) fn user(authority: &Authority) -> Option<(String, String)> {
    let (user, _) = authority.as_str().rsplit_once('@')?;
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    Some((decoded(name), decoded(password)))
}

/// The value of `Authorization` for a user with a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Whether this is the address of a proxy that can be used.
///
/// # Errors
/// When it is none.
pub fn check_proxy(address: &str) -> Result<(), RequestError> {
    Proxy::parse(address).map(|_| ())
}

/// An address with the password in it hidden, as Go shows it.
pub fn hide_password(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let shown = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    if scheme.is_empty() { format!("{shown}{path}") } else { format!("{scheme}://{shown}{path}") }
}

/// `%40` as `@`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[index], digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((16 * high + low) as u8);
                index += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_host_port_and_the_name_asked_for() {
        for (uri, server, host, port, tls) in [
            ("http://127.0.0.1:8080/", "127.0.0.1:8080", Host::Address("127.0.0.1".parse().unwrap()), 8080, None),
            ("http://[::1]/", "[::1]", Host::Address("::1".parse().unwrap()), 80, None),
            ("https://localhost/", "localhost", Host::Name("localhost".to_owned()), 443, Some("localhost")),
            ("https://a:8443/", "a:8443", Host::Name("a".to_owned()), 8443, Some("a")),
            ("https://a:8443/", "fn.example:1", Host::Name("a".to_owned()), 8443, Some("fn.example")),
            ("https://[::1]:1/", "[::1]:1", Host::Address("::1".parse().unwrap()), 1, Some("[::1]")),
        ] {
            let route = Route::to(&uri.parse().unwrap(), server, None).expect("a route");
            assert_eq!((&route.host, route.port, route.tls.as_deref()), (&host, port, tls), "{uri}");
        }
    }

    #[test]
    fn a_proxy_is_an_address_with_credentials() {
        let proxy = Proxy::parse("http://ann:p%40ss@proxy:3128").expect("a proxy");
        assert_eq!((proxy.kind, proxy.host.written().as_str(), proxy.port), (ProxyKind::Http, "proxy", 3128));
        assert_eq!(proxy.authorization().as_deref(), Some("Basic YW5uOnBAc3M="));
        for (text, kind, port) in [
            ("http://p", ProxyKind::Http, 80),
            ("https://p/", ProxyKind::Https, 443),
            ("socks5://p", ProxyKind::Socks, 1080),
        ] {
            let proxy = Proxy::parse(text).expect("a proxy");
            assert_eq!((proxy.kind, proxy.port, proxy.authorization()), (kind, port, None));
        }
        for wrong in ["proxy:3128", "127.0.0.1:3128", "", "ftp://p", "http://"] {
            assert!(matches!(Proxy::parse(wrong), Err(RequestError::Proxy(_))), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_hidden_where_addresses_are_shown() {
        for (text, shown) in [
            ("http://ann:canary@h:1/a@b:c", "http://ann:***@h:1/a@b:c"),
            ("http://ann@h/", "http://ann@h/"),
            ("ann:canary@h", "ann:***@h"),
            ("http://h?x=a:b@c", "http://h?x=a:b@c"),
        ] {
            assert_eq!(hide_password(text), shown);
        }
    }
}
