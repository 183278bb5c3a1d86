//! A request made ready once per generator: where it goes and every byte that does not change between two of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Method, Request, Uri, Version};

use crate::drive::{ClientPlan, RequestPlan};

use super::route::{self, Proxy, Route};
use super::tls::Tls;

/// Why a request can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Neither `http://` nor `https://`.
    #[error(
        "{0}: only http:// and https:// addresses can be called; write one such as http://127.0.0.1:8080/function/ftest"
    )]
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
    /// Not a proxy.
    #[error("proxy {0:?} is no address of one")]
    Proxy(String),
    /// No certificates to trust.
    #[error("certificates can't be verified: {0}; name a PEM file with certificates of authorities, or verify none")]
    Authorities(String),
}

/// A request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub(in crate::drive::live) struct Prepared {
    pub(super) route: Route,
    pub(super) tls: Arc<Tls>,
    pub(super) timeout: Option<Duration>,
    pub(super) keep_alive: bool,
    /// Whether redirects are followed.
    pub(super) follows: bool,
    /// Whether a gzip answer's size is unknown.
    pub(super) unpacks: bool,
    /// What it was made from, the body left out.
    pub(super) plan: Arc<RequestPlan>,
    /// Where it goes, without a user.
    pub(super) url: Uri,
    /// The same as it may be shown.
    pub(super) shown: String,
    method: Method,
    /// As it stands in the request line.
    target: Uri,
    headers: HeaderMap,
    /// All of it as HTTP/1.1.
    bytes: Bytes,
    /// Where the body begins in there.
    body_at: usize,
}

impl Prepared {
    /// The request that `plan` describes, to `uri`.
    ///
    /// Headers stand in hey's order: `Host`, `User-Agent`, `Content-Length`, those of the plan, `Connection`,
    /// `Proxy-Authorization`. A `Host` in the plan replaces the address' own.
    pub(in crate::drive::live) fn new(uri: &Uri, plan: &RequestPlan) -> Result<Self, RequestError> {
        let ClientPlan { trust, http2, .. } = &plan.client;
        Self::over(uri, plan, Arc::new(Tls::new(trust, *http2)?))
    }

    /// The same, with TLS that other requests use too.
    pub(super) fn over(uri: &Uri, plan: &RequestPlan, tls: Arc<Tls>) -> Result<Self, RequestError> {
        let method =
            Method::from_bytes(plan.method.as_bytes()).map_err(|_| RequestError::Method(plan.method.clone()))?;
        let proxy = plan.client.proxy.as_deref().map(Proxy::parse).transpose()?;
        let mut headers = headers(uri, plan, &method)?;
        let server = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let route = Route::to(uri, server, proxy)?;
        let url = without_user(uri)?;
        let target = match route.forwarder() {
            Some(proxy) => {
                if let Some(value) = proxy.authorization() {
                    headers.insert(header::PROXY_AUTHORIZATION, value_of(&header::PROXY_AUTHORIZATION, &value)?);
                }
                url.clone()
            }
            None => Uri::from(url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))),
        };
        let mut bytes = head(&method, &target, &headers);
        let body_at = bytes.len();
        bytes.extend_from_slice(&plan.body);
        Ok(Self {
            route,
            tls,
            timeout: plan.timeout,
            keep_alive: plan.keep_alive,
            follows: plan.client.redirects,
            unpacks: plan.client.unpack,
            plan: Arc::new(RequestPlan { body: Vec::new(), ..plan.clone() }),
            shown: route::hide_password(&uri.to_string()),
            url,
            method,
            target,
            headers,
            bytes: Bytes::from(bytes),
            body_at,
        })
    }

    /// Whether it may be sent a second time after it may have arrived, as Go's `net/http` judges: nothing changes at the server
    /// and the body can be had again.
    pub(super) fn may_repeat(&self) -> bool {
        !self.has_body() && self.method.is_safe()
    }

    /// Its method.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Whether it has a body.
    pub(super) fn has_body(&self) -> bool {
        self.body_at < self.bytes.len()
    }

    /// The request as it goes over the wire in HTTP/1.1.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The request as hyper takes it for HTTP/1.1.
    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.bytes.slice(self.body_at..)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// The request as hyper takes it for HTTP/2: the host stands in the address, and nothing is said about the connection.
    pub(super) fn request_http2(&self) -> Request<Full<Bytes>> {
        let mut request = self.request();
        *request.version_mut() = Version::HTTP_2;
        let host = request.headers_mut().remove(header::HOST);
        let authority = host.and_then(|host| host.to_str().ok()?.parse().ok());
        let mut parts = self.url.clone().into_parts();
        parts.authority = authority.or(parts.authority);
        // the parts of an address are one again, whatever the host
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_else(|_| self.url.clone());
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
            request.headers_mut().remove(name);
        }
        request
    }
}

/// An address with its user left out.
fn without_user(uri: &Uri) -> Result<Uri, RequestError> {
    let mut parts = uri.clone().into_parts();
    let refused = || RequestError::Host(route::hide_password(&uri.to_string()));
    let authority = parts.authority.as_ref().ok_or_else(refused)?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    parts.authority = Some(host.trim_end_matches(':').parse().map_err(|_| refused())?);
    parts.scheme = parts.scheme.or(Some(Scheme::HTTP));
    parts.path_and_query = parts.path_and_query.or_else(|| Some(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).map_err(|_| refused())
}

fn value_of(name: &HeaderName, text: &str) -> Result<HeaderValue, RequestError> {
    HeaderValue::from_str(text).map_err(|_| RequestError::Header(name.to_string(), text.to_owned()))
}

fn headers(uri: &Uri, plan: &RequestPlan, method: &Method) -> Result<HeaderMap, RequestError> {
    let mut given = Vec::with_capacity(plan.headers.len());
    for (name, value) in &plan.headers {
        let refused = || RequestError::Header(name.clone(), value.clone());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        given.push((name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused())?));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);

    let mut headers = HeaderMap::with_capacity(given.len() + 5);
    headers.insert(header::HOST, value_of(&header::HOST, host.trim_end_matches(':'))?);
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
    if let Some((user, password)) = uri.authority().and_then(route::user)
        && !rest.iter().any(|(name, _)| name == header::AUTHORIZATION)
    {
        let credentials = route::basic(&user, &password);
        headers.insert(header::AUTHORIZATION, value_of(&header::AUTHORIZATION, &credentials)?);
    }
    for (name, value) in rest {
        headers.append(name, value);
    }
    if !plan.keep_alive && !headers.contains_key(header::CONNECTION) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(headers)
}

/// Request line and headers as HTTP/1.1.
fn head(method: &Method, target: &Uri, headers: &HeaderMap) -> Vec<u8> {
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
    fn a_forwarding_proxy_is_told_the_whole_address_and_no_other_is() {
        let through = |proxy: &str| {
            let mut plan = RequestPlan { keep_alive: false, ..RequestPlan::default() };
            plan.client.proxy = Some(proxy.to_owned());
            plan
        };
        // hey -x http://u:p@... -disable-keepalive
        let request = prepare("http://fn.test:81/x?y", &through("http://u:p@proxy")).expect("a request");
        assert_eq!(
            String::from_utf8_lossy(request.bytes()),
            "GET http://fn.test:81/x?y HTTP/1.1\r\nHost: fn.test:81\r\nUser-Agent: hey/0.0.1\r\n\
             Content-Type: text/html\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\
             Proxy-Authorization: Basic dTpw\r\n\r\n"
        );
        for (uri, proxy) in [("https://fn.test/x?y", "http://u:p@proxy"), ("http://fn.test/x?y", "socks5://u:p@proxy")]
        {
            let lines = lines(uri, &through(proxy));
            assert_eq!(lines[0], "GET /x?y");
            assert!(!lines.iter().any(|line| line.contains("proxy-authorization")), "{lines:?}");
        }
    }

    #[test]
    fn in_http2_the_host_stands_in_the_address() {
        let headers = vec![("Host".to_owned(), "fn.example".to_owned()), ("X".to_owned(), "y".to_owned())];
        let plan = RequestPlan { headers, keep_alive: false, ..RequestPlan::default() };
        let request = prepare("https://127.0.0.1:8443/x", &plan).expect("a request").request_http2();
        assert_eq!(request.uri(), "https://fn.example/x");
        assert_eq!(request.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn what_can_not_be_sent_is_refused_by_name() {
        let plan = RequestPlan::default();
        assert!(matches!(prepare("ftp://localhost/", &plan), Err(RequestError::Scheme(_))));
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
