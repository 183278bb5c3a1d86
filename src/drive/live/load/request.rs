//! A request made ready once per generator: where it goes and every byte that does not change between two of them.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri};

use crate::drive::RequestPlan;

/// Why a request can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Neither `http://` nor anything else the generator speaks.
    #[error("{0}: only http:// addresses can be called; write one such as http://127.0.0.1:8080/function/ftest")]
    Scheme(String),
    /// No host in the address.
    #[error("{0}: the address names no host; write one such as http://127.0.0.1:8080/function/ftest")]
    Host(String),
    /// Not an HTTP method.
    #[error("method {0:?} is not an HTTP token; write one such as GET")]
    Method(String),
    /// Not an HTTP header.
    #[error("header {0:?}: {1:?} can't be sent; names are HTTP tokens, values hold no line breaks")]
    Header(String, String),
}

/// How a host is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::drive::live) enum Host {
    /// It is an address already.
    Address(IpAddr),
    /// It has to be looked up at every dial, as hey does.
    Name(String),
}

/// A request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub(in crate::drive::live) struct Prepared {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) timeout: Option<Duration>,
    pub(super) keep_alive: bool,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
    bytes: Vec<u8>,
}

impl Prepared {
    /// The request that `plan` describes, to `uri`.
    ///
    /// Headers stand in hey's order: `Host`, `User-Agent`, `Content-Length`, those of the plan, `Connection`. A `Host` in the
    /// plan replaces the address' own.
    pub(in crate::drive::live) fn new(uri: &Uri, plan: &RequestPlan) -> Result<Self, RequestError> {
        if uri.scheme_str() != Some("http") {
            return Err(RequestError::Scheme(uri.to_string()));
        }
        let name = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| RequestError::Host(uri.to_string()))?;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let host = bare.parse().map_or_else(|_| Host::Name(bare.to_owned()), Host::Address);
        let method =
            Method::from_bytes(plan.method.as_bytes()).map_err(|_| RequestError::Method(plan.method.clone()))?;
        let target = Uri::from(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        let headers = headers(uri, plan, &method)?;
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(80),
            timeout: plan.timeout,
            keep_alive: plan.keep_alive,
            bytes: bytes(&method, &target, &headers, &plan.body),
            headers,
            method,
            target,
            body: Bytes::from(plan.body.clone()),
        })
    }

    /// Whether it may be sent a second time after it may have arrived, as Go's `net/http` judges: nothing changes at the server
    /// and the body can be had again.
    pub(super) fn may_repeat(&self) -> bool {
        self.body.is_empty() && self.method.is_safe()
    }

    /// Its method.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The request as it goes over the wire.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The request as hyper takes it.
    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn headers(uri: &Uri, plan: &RequestPlan, method: &Method) -> Result<HeaderMap, RequestError> {
    let mut given = Vec::with_capacity(plan.headers.len());
    for (name, value) in &plan.headers {
        let refused = || RequestError::Header(name.clone(), value.clone());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        given.push((name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let value =
        |text: &str| HeaderValue::from_str(text).map_err(|_| RequestError::Header("host".to_owned(), text.to_owned()));

    let mut headers = HeaderMap::with_capacity(given.len() + 4);
    headers.insert(header::HOST, value(host.trim_end_matches(':'))?);
    let (first, rest): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(name, _)| matches!(*name, header::HOST | header::USER_AGENT));
    for (name, value) in first {
        headers.insert(name, value);
    }
    let has_body = !plan.body.is_empty();
    let length_expected = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if (has_body || length_expected) && !rest.iter().any(|(name, _)| name == header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(plan.body.len()));
    }
    // as Go does with a user in the address
    if let Some(user) = user
        && !rest.iter().any(|(name, _)| name == header::AUTHORIZATION)
    {
        let credentials = base64::engine::general_purpose::STANDARD.encode(user);
        headers.insert(header::AUTHORIZATION, value(&format!("Basic {credentials}"))?);
    }
    for (name, value) in rest {
        headers.append(name, value);
    }
    if !plan.keep_alive && !headers.contains_key(header::CONNECTION) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(headers)
}

fn bytes(method: &Method, target: &Uri, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        // hey writes names as Go does, each word with a capital
        let mut word_begins = true;
        for byte in name.as_str().bytes() {
            bytes.push(if word_begins { byte.to_ascii_uppercase() } else { byte });
            word_begins = byte == b'-';
        }
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(uri: &str, plan: &RequestPlan) -> Result<Prepared, RequestError> {
        Prepared::new(&uri.parse().expect("a URI"), plan)
    }

    fn lines(uri: &str, plan: &RequestPlan) -> Vec<String> {
        let request = prepare(uri, plan).expect("a request").request();
        let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        std::iter::once(format!("{} {}", request.method(), request.uri())).chain(headers).collect()
    }

    #[test]
    fn headers_stand_in_the_order_in_which_hey_sends_them() {
        let plan = RequestPlan {
            method: "POST".to_owned(),
            body: b"12345".to_vec(),
            keep_alive: false,
            ..RequestPlan::default()
        };
        assert_eq!(
            lines("http://localhost:8080/function/ftest?number=50", &plan),
            [
                "POST /function/ftest?number=50",
                "host: localhost:8080",
                "user-agent: hey/0.0.1",
                "content-length: 5",
                "content-type: text/html",
                "accept-encoding: gzip",
                "connection: close",
            ]
        );
    }

    #[test]
    fn an_address_without_a_path_asks_for_the_root() {
        assert_eq!(lines("http://localhost", &RequestPlan::default())[0], "GET /");
        assert_eq!(lines("http://localhost?number=5", &RequestPlan::default())[0], "GET /?number=5");
    }

    #[test]
    fn a_user_in_the_address_becomes_credentials_and_never_a_host() {
        let lines = lines("http://ann:secret@localhost:81/", &RequestPlan::default());
        assert!(lines.contains(&"host: localhost:81".to_owned()), "{lines:?}");
        assert!(lines.contains(&"authorization: Basic YW5uOnNlY3JldA==".to_owned()), "{lines:?}");
    }

    #[test]
    fn hosts_are_names_or_addresses_of_either_family() {
        let plan = RequestPlan::default();
        for (uri, host, port) in [
            ("http://127.0.0.1:8080/", Host::Address("127.0.0.1".parse().unwrap()), 8080),
            ("http://[::1]/", Host::Address("::1".parse().unwrap()), 80),
            ("http://localhost/", Host::Name("localhost".to_owned()), 80),
        ] {
            let prepared = prepare(uri, &plan).expect("a request");
            assert_eq!((prepared.host, prepared.port), (host, port));
        }
    }

    #[test]
    fn what_can_not_be_sent_is_refused_by_name() {
        let plan = RequestPlan::default();
        assert!(matches!(prepare("https://localhost/", &plan), Err(RequestError::Scheme(_))));
        assert!(matches!(prepare("/function/ftest", &plan), Err(RequestError::Scheme(_))));
        let method = RequestPlan { method: "A B".to_owned(), ..plan.clone() };
        assert_eq!(prepare("http://localhost/", &method).err(), Some(RequestError::Method("A B".to_owned())));
        let headers = vec![("Hey".to_owned(), "a\nb".to_owned())];
        assert!(matches!(
            prepare("http://localhost/", &RequestPlan { headers, ..plan }),
            Err(RequestError::Header(..))
        ));
    }
}
