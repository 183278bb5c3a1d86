//! A client of an `OpenFaaS` gateway by its REST API: the embedded platform's and any other's alike.
//!
//! Every exchange has its own connection and a time limit, as the gateway's own reads of its provider have (faas
//! `gateway/plugin/external.go`): these calls are few, and a stale connection must never cost a scaling step.

mod base;
pub(super) mod caller;
mod date;
mod error;

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Method, StatusCode, Uri};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use self::base::Base;
use self::caller::{Caller, quote};
use super::exposition;
use super::{DEFAULT_NAMESPACE, TargetError};
use crate::drive::Trust;
use crate::policy::{Counter, Refusal, ReplicaStatus};
use crate::record::FunctionId;

pub use self::error::RestError;
pub(super) use self::error::is_given_up_on_the_way;

/// A count that was accepted is read back as it was asked for within this: the provider reads a cache, which is milliseconds old
/// (reference: faas-netes `replica_reader.go`).
const READ_BACK_WITHIN: Duration = Duration::from_secs(1);
/// Between two of these readings.
const READ_BACK_EVERY: Duration = Duration::from_millis(50);

/// What the embedded platform adds to an accepted scaling: the desired count after its bounds.
pub const ACCEPTED_HEADER: &str = "x-watchtower-accepted";

/// What a gateway's `/system` addresses ask for.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization {
    /// User and password.
    Basic(Credentials),
    /// A token, as gateways behind an identity provider take it.
    Bearer(String),
}

impl Authorization {
    /// The value of the `Authorization` header.
    fn header(&self) -> String {
        match self {
            Self::Basic(credentials) => credentials.basic(),
            Self::Bearer(token) => format!("Bearer {token}"),
        }
    }
}

impl fmt::Debug for Authorization {
    /// Without what is secret: this may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(credentials) => credentials.fmt(f),
            Self::Bearer(_) => f.write_str("Bearer(..)"),
        }
    }
}

impl From<Credentials> for Authorization {
    fn from(credentials: Credentials) -> Self {
        Self::Basic(credentials)
    }
}

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
    pub authorization: Option<Authorization>,
    /// Whose certificates are good, for addresses that begin with `https://`.
    pub trust: Trust,
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
            authorization: None,
            trust: Trust::System,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            functions: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Whether an address is one that can be spoken to.
///
/// # Errors
/// With what is wrong with it.
pub fn check_address(url: &str) -> Result<(), TargetError> {
    Base::parse(url).map(drop)
}

/// An address fit for a message: a user and a password in it, which do not belong there, are left out.
pub fn shown_address(url: &str) -> String {
    base::without_user(url)
}

/// The client.
#[derive(Clone, Debug)]
pub struct Rest {
    gateway: Caller,
    metrics: Option<Caller>,
    namespace: String,
    functions: Vec<String>,
    counter_names: Vec<String>,
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
        let counter_names = options.functions.iter().map(|name| format!("{name}.{}", options.namespace)).collect();
        let caller = |url: &str, authorization: Option<&Authorization>| {
            Caller::new(Base::parse(url)?, authorization, &options.trust, options.timeout)
        };
        Ok(Self {
            gateway: caller(&options.gateway, options.authorization.as_ref())?,
            // the metrics port asks for nobody's name
            metrics: options.metrics.as_deref().map(|url| caller(url, None)).transpose()?,
            namespace: options.namespace,
            functions: options.functions,
            counter_names,
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
        let uri = format!("{}/function/{name}{mark}{query}", self.gateway.prefix()).parse::<Uri>().ok();
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
        let answer = self.gateway.call(Method::GET, &path, Bytes::new()).await?;
        let body = answer.expect(&[StatusCode::OK])?;
        let status: FunctionStatus =
            serde_json::from_slice(&body).map_err(|source| RestError::Json { uri: answer.uri, source })?;
        Ok(ReplicaStatus { desired: status.replicas, ready: status.available_replicas })
    }

    /// Asks for this many replicas; the desired count that was accepted.
    ///
    /// A gateway answers without saying what it made of the number (the Community Edition brings it into 1 to 5); only the embedded
    /// platform tells ([`ACCEPTED_HEADER`]). From others it is read back, and taken as accepted where it can't be read.
    ///
    /// # Errors
    /// What the gateway said, or why it could not be asked.
    pub async fn scale(&self, function: FunctionId, to: u32) -> Result<u32, Refusal> {
        let asked = self.ask_for(function, to).await;
        asked.unwrap_or_else(|error| Err(Refusal::Unreachable(error.to_string())))
    }

    /// [`Rest::scale`], with the reason as it is where no answer was heard.
    pub(super) async fn ask_for(&self, function: FunctionId, to: u32) -> Result<Result<u32, Refusal>, RestError> {
        let name = self.name(function)?;
        let path = format!("/system/scale-function/{name}?namespace={}", self.namespace);
        let body = serde_json::json!({ "serviceName": name, "replicas": to, "namespace": self.namespace }).to_string();
        let answer = self.gateway.call(Method::POST, &path, body.into()).await?;
        if !answer.status.is_success() {
            return Ok(Err(Refusal::Status { status: answer.status.as_u16(), body: quote(&answer.body) }));
        }
        match answer.accepted {
            Some(accepted) => Ok(Ok(accepted)),
            None => Ok(Ok(self.made_of(function, to).await)),
        }
    }

    /// What a gateway has made of a count that it was asked for.
    async fn made_of(&self, function: FunctionId, to: u32) -> u32 {
        let until = Instant::now() + READ_BACK_WITHIN;
        loop {
            match self.replicas(function).await {
                Ok(status) if status.desired != to && Instant::now() < until => sleep(READ_BACK_EVERY).await,
                Ok(status) => return status.desired,
                Err(error) => {
                    tracing::warn!(%error, "what became of a scaling can't be read");
                    return to;
                }
            }
        }
    }

    /// The same with another limit for an exchange.
    pub(super) fn within(&self, timeout: Duration) -> Self {
        Self { gateway: self.gateway.within(timeout), ..self.clone() }
    }

    /// Reads the counters of answers.
    ///
    /// # Errors
    /// When the metrics can't be had or read.
    pub async fn scrape(&self) -> Result<Vec<Counter>, RestError> {
        let metrics = self.metrics.as_ref().ok_or(RestError::NoMetrics)?;
        let answer = metrics.call(Method::GET, "/metrics", Bytes::new()).await?;
        let body = answer.expect(&[StatusCode::OK])?;
        let samples = exposition::parse(&String::from_utf8_lossy(&body))
            .map_err(|source| RestError::Metrics { uri: answer.uri, source })?;
        Ok(exposition::invocations(&samples, &self.counter_names))
    }

    /// [`Rest::scrape`] for a target, which has no place for the reason of a failure but the log.
    pub(super) async fn scraped(&self) -> Option<Vec<Counter>> {
        self.scrape().await.inspect_err(|error| tracing::warn!(%error, "scrape failed")).ok()
    }

    /// [`Rest::replicas`] for a target, as above.
    pub(super) async fn read_replicas(&self, function: FunctionId) -> Option<ReplicaStatus> {
        self.replicas(function).await.inspect_err(|error| tracing::warn!(%error, "reading replicas failed")).ok()
    }

    /// Whether the gateway answers at its `/healthz`, or at least says that it has none.
    pub(super) async fn answers(&self) -> bool {
        let answer = self.gateway.call(Method::GET, "/healthz", Bytes::new()).await;
        answer.is_ok_and(|answer| !answer.status.is_server_error())
    }

    fn name(&self, function: FunctionId) -> Result<&str, RestError> {
        let name = self.functions.get(usize::from(function.0));
        name.map(String::as_str).ok_or(RestError::UnknownFunction(function.0))
    }
}

/// Whether a name can be one path segment and one counter label. Dots part the name from its namespace.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
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
