//! A client of an `OpenFaaS` gateway by its REST API: the embedded platform's and any other's alike.
//!
//! Every exchange has its own connection and a time limit, as the gateway's own reads of its provider have (faas
//! `gateway/plugin/external.go`): these calls are few, and a stale connection must never cost a scaling step.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::exposition::{self, ExpositionError};
use super::{DEFAULT_NAMESPACE, TargetError};
use crate::policy::{Counter, Refusal, ReplicaStatus};
use crate::record::FunctionId;

/// What the embedded platform adds to an accepted scaling: the desired count after its bounds.
pub const ACCEPTED_HEADER: &str = "x-watchtower-accepted";

/// The longest status or metrics read, in bytes; a gateway with hundreds of functions stays well below.
const ANSWER_MAX: usize = 16 << 20;
/// How much of an unexpected answer is quoted, in characters.
const QUOTE_MAX: usize = 200;

/// User and password for a gateway's `/system` addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `admin` on every `OpenFaaS`.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// The user every `OpenFaaS` gateway has.
    pub const USER: &'static str = "admin";

    /// The value of an `Authorization` header.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

impl fmt::Debug for Credentials {
    /// Without the password: this may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where a gateway is and what is asked of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base address of the gateway, such as `http://127.0.0.1:8080`.
    pub gateway: String,
    /// Base address of its metrics, such as `http://127.0.0.1:8082`; `None` if they can't be reached.
    pub metrics: Option<String>,
    /// For `/system`; `None` if it is open.
    pub credentials: Option<Credentials>,
    /// Where the functions live: [`DEFAULT_NAMESPACE`] unless the installation says otherwise.
    pub namespace: String,
    /// Names of the functions, by [`FunctionId`].
    pub functions: Vec<String>,
    /// Time for one exchange, from the dial to the end of the answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gateway: "http://127.0.0.1:8080".to_owned(),
            metrics: None,
            credentials: None,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            functions: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Why the gateway did not tell what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// No connection.
    #[error("can't connect to {address}: {source}; is the gateway running, or its port forwarded?")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too slow.
    #[error("{uri} gave no complete answer within {timeout:?}")]
    Timeout {
        /// What was asked.
        uri: Uri,
        /// The limit.
        timeout: Duration,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("{uri}: {source}")]
    Http {
        /// What was asked.
        uri: Uri,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another status than expected.
    #[error("{uri} answered {status}: {body}{}", hint(*status))]
    Status {
        /// What was asked.
        uri: Uri,
        /// The status.
        status: StatusCode,
        /// The beginning of the body.
        body: String,
    },
    /// Not the JSON it should be.
    #[error("{uri} did not answer with a function's status: {source}; is this the address of a gateway?")]
    Json {
        /// What was asked.
        uri: Uri,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Not the text format.
    #[error("{uri}: {source}")]
    Metrics {
        /// What was asked.
        uri: Uri,
        /// What is wrong with it.
        source: ExpositionError,
    },
    /// There is nothing to scrape.
    #[error("no metrics address was given, so counters can't be read: name the gateway's metrics port (8082)")]
    NoMetrics,
    /// A function the client was not told of.
    #[error("function {0} was not named to this client")]
    UnknownFunction(u16),
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; check the gateway's user and password",
        StatusCode::NOT_FOUND => "; is the function deployed?",
        _ => "",
    }
}

/// The client.
#[derive(Clone, Debug)]
pub struct Rest {
    gateway: Base,
    metrics: Option<Base>,
    authorization: Option<HeaderValue>,
    namespace: String,
    functions: Vec<String>,
    counter_names: Vec<String>,
    timeout: Duration,
}

/// A base address, taken apart.
#[derive(Clone, Debug)]
struct Base {
    host: String,
    port: u16,
    /// Scheme, authority and path, without a slash at the end.
    prefix: String,
}

/// What is read of a function's status; counts of zero are absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionStatus {
    #[serde(default)]
    replicas: u32,
    #[serde(default)]
    available_replicas: u32,
}

impl Rest {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When an address, a name or the password can't be used.
    pub fn new(options: Options) -> Result<Self, TargetError> {
        if let Some(name) = options.functions.iter().find(|name| !is_name(name)) {
            return Err(TargetError::BadName(name.clone()));
        }
        if !is_name(&options.namespace) {
            return Err(TargetError::BadName(options.namespace));
        }
        let authorization = options.credentials.as_ref().map(|credentials| {
            let mut value = HeaderValue::try_from(credentials.basic());
            if let Ok(value) = &mut value {
                value.set_sensitive(true);
            }
            value
        });
        // base64 text is always a header value
        let authorization = authorization.and_then(Result::ok);
        let counter_names = options.functions.iter().map(|name| format!("{name}.{}", options.namespace)).collect();
        Ok(Self {
            gateway: Base::parse(&options.gateway)?,
            metrics: options.metrics.as_deref().map(Base::parse).transpose()?,
            authorization,
            namespace: options.namespace,
            functions: options.functions,
            counter_names,
            timeout: options.timeout,
        })
    }

    /// The address of a function with this query string (without `?`; empty for none).
    ///
    /// # Errors
    /// When the function was not named to this client, or the query does not fit into an address.
    pub fn invoke_uri(&self, function: FunctionId, query: &str) -> Result<Uri, TargetError> {
        let unknown = || TargetError::UnknownFunction(function.0, self.functions.len());
        let name = self.functions.get(usize::from(function.0)).ok_or_else(unknown)?;
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!("{}/function/{name}{mark}{query}", self.gateway.prefix).parse::<Uri>().ok();
        // a `#` would silently end the query
        uri.filter(|uri| uri.query().unwrap_or("") == query)
            .ok_or_else(|| TargetError::BadQuery { query: query.to_owned() })
    }

    /// Reads a function's replicas.
    ///
    /// # Errors
    /// When the gateway can't be reached or does not know the function.
    pub async fn replicas(&self, function: FunctionId) -> Result<ReplicaStatus, RestError> {
        let name = self.name(function)?;
        let path = format!("/system/function/{name}?namespace={}", self.namespace);
        let answer = self.exchange(&self.gateway, Method::GET, &path, Bytes::new()).await?;
        let body = answer.expect(&[StatusCode::OK])?;
        let status: FunctionStatus =
            serde_json::from_slice(&body).map_err(|source| RestError::Json { uri: answer.uri, source })?;
        Ok(ReplicaStatus { desired: status.replicas, ready: status.available_replicas })
    }

    /// Asks for this many replicas; the desired count that was accepted.
    ///
    /// A gateway answers without saying what it made of the number; only the embedded platform tells
    /// ([`ACCEPTED_HEADER`]). From others the number asked for is taken as accepted.
    ///
    /// # Errors
    /// What the gateway said, or why it could not be asked.
    pub async fn scale(&self, function: FunctionId, to: u32) -> Result<u32, Refusal> {
        let unreachable = |error: &RestError| Refusal::Unreachable(error.to_string());
        let name = self.name(function).map_err(|error| unreachable(&error))?;
        let path = format!("/system/scale-function/{name}?namespace={}", self.namespace);
        let body = serde_json::json!({ "serviceName": name, "replicas": to, "namespace": self.namespace }).to_string();
        let answer = self.exchange(&self.gateway, Method::POST, &path, body.into()).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        if !answer.status.is_success() {
            return Err(Refusal::Status { status: answer.status.as_u16(), body: quote(&answer.body) });
        }
        Ok(answer.accepted.unwrap_or(to))
    }

    /// Reads the counters of answers.
    ///
    /// # Errors
    /// When the metrics can't be had or read.
    pub async fn scrape(&self) -> Result<Vec<Counter>, RestError> {
        let metrics = self.metrics.as_ref().ok_or(RestError::NoMetrics)?;
        let answer = self.exchange(metrics, Method::GET, "/metrics", Bytes::new()).await?;
        let body = answer.expect(&[StatusCode::OK])?;
        let samples = exposition::parse(&String::from_utf8_lossy(&body))
            .map_err(|source| RestError::Metrics { uri: answer.uri, source })?;
        Ok(exposition::invocations(&samples, &self.counter_names))
    }

    fn name(&self, function: FunctionId) -> Result<&str, RestError> {
        let name = self.functions.get(usize::from(function.0));
        name.map(String::as_str).ok_or(RestError::UnknownFunction(function.0))
    }

    async fn exchange(&self, base: &Base, method: Method, path: &str, body: Bytes) -> Result<Answer, RestError> {
        // both parts were checked when the client was made
        let uri: Uri = format!("{}{path}", base.prefix).parse().unwrap_or_default();
        let exchange = self.exchange_untimed(base, &uri, method, body);
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(RestError::Timeout { uri, timeout: self.timeout }),
        }
    }

    async fn exchange_untimed(&self, base: &Base, uri: &Uri, method: Method, body: Bytes) -> Result<Answer, RestError> {
        let address = || format!("{}:{}", base.host, base.port);
        let stream = TcpStream::connect((base.host.as_str(), base.port)).await;
        let stream = stream.map_err(|source| RestError::Connect { address: address(), source })?;
        let http = |source: hyper::Error| RestError::Http { uri: uri.clone(), source: source.into() };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        let request = self.request(uri, method, body)?;
        // ends with the sender, or with the connection
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(http)?;
        let status = response.status();
        let accepted = response.headers().get(ACCEPTED_HEADER);
        let accepted = accepted.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|source| match source.downcast::<LengthLimitError>() {
            Ok(_) => RestError::Http { uri: uri.clone(), source: format!("more than {ANSWER_MAX} bytes").into() },
            Err(source) => RestError::Http { uri: uri.clone(), source },
        })?;
        connection.abort();
        Ok(Answer { uri: uri.clone(), status, accepted, body: body.to_bytes() })
    }

    fn request(&self, uri: &Uri, method: Method, body: Bytes) -> Result<Request<Full<Bytes>>, RestError> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder().method(method).uri(path).header(HOST, authority).header(ACCEPT, "*/*");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::new(body)).map_err(|source| RestError::Http { uri: uri.clone(), source: source.into() })
    }
}

/// What came back.
struct Answer {
    uri: Uri,
    status: StatusCode,
    accepted: Option<u32>,
    body: Bytes,
}

impl Answer {
    fn expect(&self, statuses: &[StatusCode]) -> Result<Bytes, RestError> {
        if statuses.contains(&self.status) {
            return Ok(self.body.clone());
        }
        Err(RestError::Status { uri: self.uri.clone(), status: self.status, body: quote(&self.body) })
    }
}

impl Base {
    fn parse(url: &str) -> Result<Self, TargetError> {
        let bad = |why| TargetError::BadUrl { url: url.to_owned(), why };
        let uri: Uri = url.parse().map_err(|_| bad("it is not a URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(bad("TLS is not spoken here; forward the gateway's port")),
            _ => return Err(bad("it does not begin with http://")),
        }
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
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
        let prefix = format!("http://{authority}{path}");
        Ok(Self { host, port: authority.port_u16().unwrap_or(80), prefix })
    }
}

/// Whether a name can be one path segment and one counter label. Dots part the name from its namespace.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn quote(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let body = body.trim();
    match body.char_indices().nth(QUOTE_MAX) {
        Some((end, _)) => format!("{}...", &body[..end]),
        None => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(gateway: &str) -> Result<Rest, TargetError> {
        Rest::new(Options { gateway: gateway.to_owned(), functions: vec!["ftest".into()], ..Options::default() })
    }

    #[test]
    fn a_function_is_invoked_below_the_gateways_address() {
        for (gateway, query, uri) in [
            ("http://127.0.0.1:8080", "number=50", "http://127.0.0.1:8080/function/ftest?number=50"),
            ("http://gateway.local/", "", "http://gateway.local/function/ftest"),
            ("http://[::1]:31112/faas/", "a=%20", "http://[::1]:31112/faas/function/ftest?a=%20"),
        ] {
            assert_eq!(rest(gateway).unwrap().invoke_uri(FunctionId(0), query).unwrap().to_string(), uri);
        }
    }

    #[test]
    fn an_unusable_address_says_why() {
        for (gateway, why) in [
            ("127.0.0.1:8080", "it does not begin with http://"),
            ("https://gateway", "TLS is not spoken here; forward the gateway's port"),
            ("http://admin:secret@gateway", "user and password do not belong into the address"),
            ("http://gateway/?x=1", "it has a query"),
            ("not a url", "it is not a URL"),
        ] {
            match rest(gateway) {
                Err(TargetError::BadUrl { why: given, .. }) => assert_eq!(given, why, "{gateway}"),
                other => panic!("{gateway}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_query_that_would_be_cut_is_refused() {
        let rest = rest("http://gateway").unwrap();
        for query in ["number=5#0", "number=5 0", "number=\n"] {
            assert!(matches!(rest.invoke_uri(FunctionId(0), query), Err(TargetError::BadQuery { .. })), "{query:?}");
        }
        assert!(matches!(rest.invoke_uri(FunctionId(1), ""), Err(TargetError::UnknownFunction(1, 1))));
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let credentials = Credentials { user: "admin".into(), password: "geheim".into() };
        assert_eq!(format!("{credentials:?}"), "Credentials { user: \"admin\", .. }");
        assert_eq!(credentials.basic(), "Basic YWRtaW46Z2VoZWlt");
    }
}
