//! Invocations of real processes: the same way as a modelled one up to the replica, and from there over HTTP to it.
//!
//! The provider's and the watchdog's shares of the way are done here: choosing a replica, and the limit of an execution. What the process
//! answers goes back as it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::super::functions::Function;
use super::super::processes::{Chosen, Pool};
use super::super::server::Answer;
use super::handed_on::{to_client, to_function, type_answer};
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

    /// Calls a function for who asks from an address; the request is counted as begun as soon as a replica is ready.
    ///
    /// # Errors
    /// How it ended, where the request never came as far as being counted.
    pub(super) async fn call(
        &self,
        pool: &Arc<Pool>,
        name: &str,
        function: &Function,
        (head, peer): (&Parts, SocketAddr),
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
        let mut headers = to_function(&head.headers, peer);
        under_way.put_on_request(&mut headers);
        let (began, replica) = (clock.now(), chosen.replica);
        let sent = self.send(&chosen, head, headers, body);
        let from_watchdog = |mut answer: Answer| {
            type_answer(answer.headers_mut(), &head.headers);
            with_duration(answer, clock.now() - began)
        };
        let mut answer = match tokio::time::timeout(EXECUTION_LIMIT, sent).await {
            Ok(Some(answer)) => {
                chosen.answered();
                from_watchdog(answer)
            }
            // refused or reset: it died
            Ok(None) => internal(StatusCode::INTERNAL_SERVER_ERROR, &format!("Can't reach service for: {name}.")),
            Err(_) => from_watchdog(answer::empty(StatusCode::GATEWAY_TIMEOUT)),
        };
        answer.headers_mut().insert(invoke::REPLICA, HeaderValue::from(replica.0));
        Ok(answer)
    }

    /// `None` if the replica could not be reached, or died under it.
    async fn send(&self, chosen: &Chosen, head: &Parts, headers: HeaderMap, body: Bytes) -> Option<Answer> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = address(&head.uri, chosen.address)?;
        *request.headers_mut() = headers;
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.ok()?.to_bytes();
        let mut answer = Answer::new(Full::new(body));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = to_client(&head.headers);
        Some(answer)
    }
}

/// Where a call of `/function/NAME/REST` goes at a replica: to `/REST`, with its query. The provider strips what addressed the function.
fn address(asked: &Uri, replica: SocketAddr) -> Option<Uri> {
    let rest = asked.path().strip_prefix("/function/").and_then(|path| path.split_once('/'));
    let rest = rest.map_or("", |(_, rest)| rest);
    let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("http://{replica}/{rest}{query}").parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_asked_for_the_rest_of_the_path_and_the_whole_query() {
        for (asked, expected) in [
            ("/function/ftest?number=50", "http://127.0.0.1:5000/?number=50"),
            ("/function/ftest", "http://127.0.0.1:5000/"),
            ("/function/ftest.openfaas-fn/", "http://127.0.0.1:5000/"),
            (
                "/function/%66test/a/function/ftest?x=/function/ftest/y",
                "http://127.0.0.1:5000/a/function/ftest?x=/function/ftest/y",
            ),
            ("/function/ftest/%zz%20a?b=%", "http://127.0.0.1:5000/%zz%20a?b=%"),
        ] {
            let replica = SocketAddr::from(([127, 0, 0, 1], 5_000));
            let address = address(&asked.parse().unwrap(), replica).unwrap();
            assert_eq!(address, expected.parse::<Uri>().unwrap(), "{asked}");
        }
    }
}
