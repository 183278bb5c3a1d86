//! The gateway's HTTP API: what is asked, who asks, and who answers.
//!
//! Routes, methods and answers are those of faas `gateway/main.go` at 0.27.8 in front of faas-netes CE 0.18.8 and the
//! queue-worker 0.14.1. Where the real ones would need a registry, a cluster or a network, the file at hand says what stands
//! in their place.

mod address;
mod alert;
pub(super) mod answer;
mod deploy;
mod forward;
mod handed_on;
mod invoke;
mod json;
mod logs;
mod queue;
mod route;
mod secrets;
mod system;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, StatusCode, Version};
use tokio::sync::watch;

use self::forward::Forwarder;
use self::queue::Queue;
use self::route::{Route, route};
use self::secrets::Secrets;
use super::super::DEFAULT_NAMESPACE;
use super::super::rest::Credentials;
use super::alerts::Teller;
use super::factorial::Bodies;
use super::functions::{Function, Functions};
use super::metrics::Metrics;
use super::replicas::Replicas;
use super::secret::{CallIds, same};
use super::server::{Answer, HungUp};
use crate::drive::live::clock::Clock;
use crate::time::Timestamp;

/// Largest body of a `/system` request, in bytes: an alert of thousands of functions.
const BODY_MAX: usize = 4 << 20;
/// Time for any request's body: the gateway's read time-out in the chart.
const BODY_TIMEOUT: Duration = Duration::from_secs(65);

/// The gateway, and the provider behind it.
pub(super) struct Gateway {
    functions: Functions,
    replicas: Replicas,
    forwarder: Forwarder,
    metrics: Metrics,
    credentials: Credentials,
    call_ids: CallIds,
    bodies: Bodies,
    secrets: Secrets,
    queue: Queue,
    /// Holds a grace period when the platform ends.
    stopped: watch::Receiver<Option<Duration>>,
    alerts: Teller,
    /// How long it waits for a function's answer.
    upstream_timeout: Duration,
}

impl Gateway {
    pub(super) fn new(
        functions: Functions,
        replicas: Replicas,
        metrics: Metrics,
        credentials: Credentials,
        stopped: watch::Receiver<Option<Duration>>,
        alerts: Teller,
        upstream_timeout: Duration,
    ) -> io::Result<Self> {
        Ok(Self {
            functions,
            replicas,
            forwarder: Forwarder::new(),
            metrics,
            credentials,
            call_ids: CallIds::new()?,
            bodies: Bodies::default(),
            secrets: Secrets::default(),
            queue: Queue::new(),
            stopped,
            alerts,
            upstream_timeout,
        })
    }

    /// The clock it tells time by.
    pub(super) fn clock(&self) -> Clock {
        *self.replicas.clock()
    }

    /// Answers one request that came from `peer`; or hangs up, where the real gateway's time for an answer is over before it has one.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answer, HungUp> {
        if let Some(why) = host_problem(request.version(), request.headers()) {
            return Ok(answer::malformed(why));
        }
        if request.method() == Method::OPTIONS && request.uri().path() == "*" {
            return Ok(answer::empty(StatusCode::OK));
        }
        let Ok(path) = address::unescape(request.uri().path()) else {
            return Ok(answer::malformed("400 Bad Request"));
        };
        let clean = address::clean(&path);
        if clean != path {
            return Ok(answer::moved(&address::location(request.uri(), &clean)));
        }
        let clean = clean.into_owned();
        let route = route(request.method(), &clean);
        if !route.is_open() && !self.is_admin(request.headers()) {
            let mut refusal = answer::text(StatusCode::UNAUTHORIZED, "invalid credentials");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Restricted\""));
            return Ok(refusal);
        }
        if let Route::Invoke { name } = route {
            let (head, body) = request.into_parts();
            return self.invoke(name, &head, body, peer).await;
        }
        if route == Route::Alert {
            let received = self.replicas.clock().now();
            let body = read(request).await;
            // goes on even if Alertmanager hangs up, as the original does
            let answer = tokio::spawn(async move { self.alert(received, body).await });
            return Ok(answer.await.unwrap_or_else(|_| answer::empty(StatusCode::INTERNAL_SERVER_ERROR)));
        }
        Ok(self.answer_itself(route, request).await)
    }

    /// Everything but invocations and alerts.
    async fn answer_itself(&self, route: Route<'_>, request: Request<Incoming>) -> Answer {
        let query = request.uri().query().map(str::to_owned);
        let (method, path) = (request.method().clone(), route.provider_path(request.uri().path()).map(str::to_owned));
        let began = self.replicas.clock().now();
        let namespace = address::namespace(query.as_deref());
        let namespace = namespace.as_deref();
        let answer = match route {
            Route::Queue { name } => self.enqueue(name, request).await,
            Route::List => self.list(namespace),
            Route::Deploy => self.deploy(read(request).await),
            Route::Update => self.update(read(request).await),
            Route::Delete => self.delete(namespace, read(request).await),
            Route::Status { name } => self.status(name, namespace),
            Route::Scale { name } => self.scale(name, namespace, read(request).await),
            Route::Info => system::info(),
            Route::Namespaces => json::json(&[DEFAULT_NAMESPACE]),
            Route::Namespace => system::namespace(&method),
            Route::Secrets => self.secrets.answer(&method, namespace, read(request).await),
            Route::Logs => self.logs(query.as_deref().unwrap_or_default()).await,
            Route::Health => answer::empty(StatusCode::OK),
            Route::Root => answer::redirect("/ui/"),
            Route::Ui => system::ui(),
            Route::WrongMethod => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
            Route::Invoke { .. } | Route::Alert | Route::Unknown => answer::not_found(),
        };
        if let Some(path) = path {
            self.provided(&method, &path, answer.status(), began);
        }
        answer
    }

    /// The provider answered a request that came to it at `began`.
    fn provided(&self, method: &Method, path: &str, status: StatusCode, began: Timestamp) {
        let took = self.replicas.clock().now() - began;
        self.metrics.provider().answered(method, path, status, took);
    }

    /// The provider's own metrics, in the text format.
    pub(super) fn provider_metrics_text(&self) -> Answer {
        match self.metrics.provider().text() {
            Ok(text) => answer::typed(StatusCode::OK, Metrics::CONTENT_TYPE, text.into()),
            Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// Everything counted so far, in the text format.
    pub(super) fn metrics_text(&self) -> Answer {
        match self.metrics.text() {
            Ok(text) => answer::typed(StatusCode::OK, Metrics::CONTENT_TYPE, text.into()),
            Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// Reads the desired replicas of all functions for the metrics, as the gateway's exporter does now and then.
    pub(super) fn count_replicas(&self) {
        let desired = |function: &Function| self.replicas.status(function.id).desired;
        let functions = self.functions.all();
        let counts: Vec<_> = functions.iter().map(|function| (function.full_name.clone(), desired(function))).collect();
        self.metrics.set_replicas(&counts);
        let now = self.replicas.clock().now();
        self.provided(&Method::GET, "/system/namespaces", StatusCode::OK, now);
        self.provided(&Method::GET, "/system/functions", StatusCode::OK, now);
    }

    fn is_admin(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let encoded = header.and_then(|header| {
            let (scheme, encoded) = header.split_at_checked("Basic ".len())?;
            scheme.eq_ignore_ascii_case(b"Basic ").then_some(encoded)
        });
        let Some(given) = encoded.and_then(|encoded| STANDARD.decode(encoded).ok()) else { return false };
        let parts = given.iter().position(|&byte| byte == b':').map(|colon| (&given[..colon], &given[colon + 1..]));
        // both are compared whatever the first says
        parts.is_some_and(|(user, password)| {
            same(user, self.credentials.user.as_bytes()) & same(password, self.credentials.password.as_bytes())
        })
    }
}

/// What Go's server says of a request without one usable host.
fn host_problem(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    match first {
        None if version == Version::HTTP_11 => Some("400 Bad Request: missing required Host header"),
        Some(_) if second.is_some() => Some("400 Bad Request: too many Host headers"),
        Some(host) if !host.as_bytes().iter().copied().all(may_stand_in_host) => {
            Some("400 Bad Request: malformed Host header")
        }
        _ => None,
    }
}

/// `httpguts.ValidHostHeader` lets these pass.
fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&()*+,-.:;='[]_~".contains(&byte)
}

/// The body of a `/system` request; `None` if it broke off, is too large, or takes too long.
async fn read(request: Request<Incoming>) -> Option<Bytes> {
    let body = Limited::new(request.into_body(), BODY_MAX).collect();
    let body = tokio::time::timeout(BODY_TIMEOUT, body).await.ok()?;
    body.ok().map(http_body_util::Collected::to_bytes)
}
