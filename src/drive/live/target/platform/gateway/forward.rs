//! Invocations of real processes: the same way as a modelled one up to the replica, and from there over HTTP to it.
//!
//! The provider's and the watchdog's shares of the way are done here: choosing a replica, the limit of an execution, the headers that stop
//! at each hop. What the process answers goes back as it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::super::functions::Function;
use super::super::processes::{Chosen, Pool};
use super::super::server::Answer;
use super::invoke::{Underway, internal, no_endpoints, with_duration};
use super::{answer, invoke};
use crate::model::Ending;

/// Time between two looks for a ready replica (gateway, `function_scaler.go`).
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the gateway holds a request without a ready replica: its write time-out in the chart.
const HELD_AT_MOST: Duration = Duration::from_secs(65);
/// The watchdog's limit on one execution, and the connections it keeps: how many, how long (of-watchdog `http_runner.go`).
const EXECUTION_LIMIT: Duration = Duration::from_secs(30);
const CONNECTIONS_IDLE: usize = 100;
const CONNECTION_IDLE: Duration = Duration::from_millis(500);
/// Largest answer of a function, in bytes.
const ANSWER_MAX: usize = 64 << 20;

/// Headers that are between two neighbours only (RFC 9110 section 7.6.1), and those that are set anew.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    CONTENT_LENGTH,
    HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("te"),
    HeaderName::from_static("trailer"),
];

/// Sends requests to replicas.
pub(super) struct Forwarder {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Forwarder {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(CONNECTION_IDLE)
            .pool_max_idle_per_host(CONNECTIONS_IDLE)
            .retry_canceled_requests(false)
            .build(connector);
        Self { client }
    }

    /// Calls a function; the request is counted as begun as soon as a replica is ready.
    ///
    /// # Errors
    /// How it ended, where the request never came as far as being counted.
    pub(super) async fn call(
        &self,
        pool: &Arc<Pool>,
        name: &str,
        function: &Function,
        head: &Parts,
        body: Bytes,
        under_way: &mut Underway<'_>,
    ) -> Result<Answer, Ending> {
        let _present = Present::enter(pool, function);
        let clock = *pool.clock();
        let until = clock.now() + HELD_AT_MOST;
        while pool.status(function.id).ready == 0 {
            if clock.now() >= until {
                return Err(Ending::NoReplica);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if !under_way.is_counted() {
            under_way.begin(&head.headers, clock.now());
        }
        let Some(chosen) = pool.choose(function.id) else { return Ok(no_endpoints(name)) };
        let (began, replica) = (clock.now(), chosen.replica);
        let mut answer = match tokio::time::timeout(EXECUTION_LIMIT, self.send(&chosen, name, head, body)).await {
            Ok(Some(answer)) => {
                chosen.answered();
                with_duration(answer, clock.now() - began)
            }
            // refused or reset: it died
            Ok(None) => internal(StatusCode::INTERNAL_SERVER_ERROR, &format!("Can't reach service for: {name}.")),
            Err(_) => with_duration(answer::empty(StatusCode::GATEWAY_TIMEOUT), clock.now() - began),
        };
        answer.headers_mut().insert(invoke::REPLICA, HeaderValue::from(replica.0));
        Ok(answer)
    }

    /// `None` if the replica could not be reached, or died under it.
    async fn send(&self, chosen: &Chosen, name: &str, head: &Parts, body: Bytes) -> Option<Answer> {
        // the provider strips what addressed the function
        let path = head.uri.path();
        let rest = path.split_once(&format!("/function/{name}")).map_or("/", |(_, rest)| rest);
        let slash = if rest.starts_with('/') { "" } else { "/" };
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let uri: Uri = format!("http://{}{slash}{rest}{query}", chosen.address).parse().ok()?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = end_to_end(&head.headers);
        if let Some(host) = head.headers.get(HOST) {
            request.headers_mut().insert(HeaderName::from_static("x-forwarded-host"), host.clone());
        }
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.ok()?.to_bytes();
        let length = head.headers.get(CONTENT_LENGTH).cloned();
        let mut answer = Answer::new(Full::new(body));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = end_to_end(&head.headers);
        if let Some(length) = length {
            // of an answer to HEAD, too
            answer.headers_mut().insert(CONTENT_LENGTH, length);
        }
        Some(answer)
    }
}

/// Headers without those that are between two neighbours only.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

/// A request at the gateway.
struct Present<'a> {
    pool: &'a Pool,
    function: &'a Function,
}

impl<'a> Present<'a> {
    fn enter(pool: &'a Pool, function: &'a Function) -> Self {
        pool.count(function.id, 1);
        Self { pool, function }
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.pool.count(self.function.id, -1);
    }
}
