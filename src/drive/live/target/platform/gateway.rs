//! The gateway's HTTP API: which address means what, and who may ask it.
//!
//! Routes, methods and answers are those of faas `gateway/main.go` at 0.27.8 in front of faas-netes CE 0.18.8. A wrong method
//! on a known address is 405, before any password is asked for.

mod alert;
pub(super) mod answer;
mod invoke;
mod system;

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use super::super::rest::Credentials;
use super::alerts::Teller;
use super::clockwork::Clockwork;
use super::factorial::Bodies;
use super::functions::Functions;
use super::metrics::Metrics;
use super::secret::{CallIds, same};
use super::server::Answer;

/// Largest body of a `/system` request, in bytes: an alert of thousands of functions.
const BODY_MAX: usize = 4 << 20;

/// The gateway.
pub(super) struct Gateway {
    functions: Functions,
    clockwork: Arc<Clockwork>,
    metrics: Metrics,
    credentials: Credentials,
    call_ids: CallIds,
    bodies: Bodies,
    alerts: Teller,
}

/// What an address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Invoke { name: &'a str },
    InvokeAsync,
    List,
    Deployment,
    Status { name: &'a str },
    Scale { name: &'a str },
    Alert,
    Info,
    Namespaces,
    Secrets,
    Logs,
    Health,
    Root,
    Ui,
    WrongMethod,
    Unknown,
}

fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let only = |allowed: &Method, route| if method == allowed { route } else { Route::WrongMethod };
    match parts.as_slice() {
        [""] => only(&Method::GET, Route::Root),
        ["ui", ..] => only(&Method::GET, Route::Ui),
        ["healthz"] => only(&Method::GET, Route::Health),
        ["function", name, ..] if is_segment(name) => Route::Invoke { name },
        ["async-function", name, ..] if is_segment(name) => only(&Method::POST, Route::InvokeAsync),
        ["system", "functions"] => match *method {
            Method::GET => Route::List,
            Method::POST | Method::PUT | Method::DELETE => Route::Deployment,
            _ => Route::WrongMethod,
        },
        ["system", "function", name] if is_segment(name) => only(&Method::GET, Route::Status { name }),
        ["system", "scale-function", name] if is_segment(name) => only(&Method::POST, Route::Scale { name }),
        ["system", "alert"] => only(&Method::POST, Route::Alert),
        ["system", "info"] => only(&Method::GET, Route::Info),
        ["system", "namespaces"] => only(&Method::GET, Route::Namespaces),
        ["system", "secrets"] => match *method {
            Method::GET | Method::POST | Method::PUT | Method::DELETE => Route::Secrets,
            _ => Route::WrongMethod,
        },
        ["system", "logs"] => only(&Method::GET, Route::Logs),
        _ => Route::Unknown,
    }
}

/// The gateway's pattern of names.
fn is_segment(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

impl Gateway {
    pub(super) fn new(
        functions: Functions,
        clockwork: Arc<Clockwork>,
        metrics: Metrics,
        credentials: Credentials,
        alerts: Teller,
    ) -> io::Result<Self> {
        let (call_ids, bodies) = (CallIds::new()?, Bodies::default());
        Ok(Self { functions, clockwork, metrics, credentials, call_ids, bodies, alerts })
    }

    /// Answers one request.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let route = route(request.method(), &path);
        let open = matches!(
            route,
            Route::Invoke { .. }
                | Route::InvokeAsync
                | Route::Health
                | Route::Root
                | Route::WrongMethod
                | Route::Unknown
        );
        if !open && !self.is_admin(&request) {
            let mut refusal = answer::text(StatusCode::UNAUTHORIZED, "invalid credentials");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Restricted\""));
            return refusal;
        }
        match route {
            Route::Invoke { name } => self.invoke(name, request).await,
            Route::InvokeAsync => answer::text(
                StatusCode::NOT_IMPLEMENTED,
                "the embedded platform has no queue: invoke the function at /function/NAME",
            ),
            Route::List => self.list(),
            Route::Deployment => answer::text(
                StatusCode::NOT_IMPLEMENTED,
                "the embedded platform has a fixed set of functions: name them when it is started",
            ),
            Route::Status { name } => self.status(name, namespace(&request)),
            Route::Scale { name } => {
                let namespace = namespace(&request).map(str::to_owned);
                let body = read(request).await;
                self.scale(name, namespace.as_deref(), body)
            }
            Route::Alert => {
                let received = self.clockwork.clock().now();
                let body = read(request).await;
                // goes on even if Alertmanager hangs up, as the original does
                let answer = tokio::spawn(async move { self.alert(received, body).await });
                answer.await.unwrap_or_else(|_| answer::empty(StatusCode::INTERNAL_SERVER_ERROR))
            }
            Route::Info => system::info(),
            Route::Namespaces => system::namespaces(),
            Route::Secrets if request.method() == Method::GET => system::secrets(),
            Route::Secrets => answer::text(StatusCode::NOT_IMPLEMENTED, "the embedded platform keeps no secrets"),
            Route::Logs => answer::typed(StatusCode::OK, "application/x-ndjson", Bytes::new()),
            Route::Health => answer::empty(StatusCode::OK),
            Route::Root => {
                let mut moved = answer::empty(StatusCode::MOVED_PERMANENTLY);
                moved.headers_mut().insert(LOCATION, HeaderValue::from_static("/ui/"));
                moved
            }
            Route::Ui => answer::text(StatusCode::OK, "the embedded platform has no pages: ask /system/functions"),
            Route::WrongMethod => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
            Route::Unknown => answer::not_found(),
        }
    }

    /// Everything counted so far, in the text format.
    pub(super) fn metrics_text(&self) -> Answer {
        let desired = self
            .functions
            .iter()
            .map(|function| (function.full_name.as_str(), self.clockwork.status(function.id).desired));
        match self.metrics.text(desired) {
            Ok(text) => answer::typed(StatusCode::OK, Metrics::CONTENT_TYPE, text.into()),
            Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn is_admin(&self, request: &Request<Incoming>) -> bool {
        let header = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
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

fn namespace(request: &Request<Incoming>) -> Option<&str> {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, value)| *key == "namespace" && !value.is_empty()).map(|(_, value)| value).next()
}

/// The body of a `/system` request; `None` if it broke off or is too large.
async fn read(request: Request<Incoming>) -> Option<Bytes> {
    Limited::new(request.into_body(), BODY_MAX).collect().await.ok().map(http_body_util::Collected::to_bytes)
}

/// A JSON object, or `null`, which stands for an empty one; `None` if it is neither, as Go has it.
fn object<T: Default + DeserializeOwned>(body: &[u8]) -> Option<T> {
    match serde_json::from_slice(body).ok()? {
        serde_json::Value::Null => Some(T::default()),
        value @ serde_json::Value::Object(_) => serde_json::from_value(value).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_and_a_method_mean_one_thing() {
        let name = "ftest";
        for (method, path, expected) in [
            ("GET", "/function/ftest", Route::Invoke { name }),
            ("BREW", "/function/ftest/", Route::Invoke { name }),
            ("POST", "/function/ftest/a/b", Route::Invoke { name }),
            ("GET", "/function/ftest.openfaas-fn", Route::Invoke { name: "ftest.openfaas-fn" }),
            ("GET", "/function/", Route::Unknown),
            ("GET", "/function/%66test", Route::Unknown),
            ("GET", "/async-function/ftest", Route::WrongMethod),
            ("POST", "/async-function/ftest", Route::InvokeAsync),
            ("GET", "/system/functions", Route::List),
            ("PUT", "/system/functions", Route::Deployment),
            ("PATCH", "/system/functions", Route::WrongMethod),
            ("GET", "/system/function/ftest", Route::Status { name }),
            ("HEAD", "/system/function/ftest", Route::WrongMethod),
            ("GET", "/system/function/ftest/x", Route::Unknown),
            ("POST", "/system/scale-function/ftest", Route::Scale { name }),
            ("GET", "/system/scale-function/ftest", Route::WrongMethod),
            ("POST", "/system/alert", Route::Alert),
            ("GET", "/healthz", Route::Health),
            ("GET", "/", Route::Root),
            ("GET", "/ui/", Route::Ui),
            ("GET", "/metrics", Route::Unknown),
            ("OPTIONS", "*", Route::Unknown),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(route(&method, path), expected, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn every_path_means_something(path in "\\PC{0,60}") {
            let _ = route(&Method::GET, &path);
        }
    }
}
