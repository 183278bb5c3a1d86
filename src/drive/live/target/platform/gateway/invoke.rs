//! Invocations: the way of one request through gateway, provider and a modelled replica.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_LENGTH, HeaderName, HeaderValue, SERVER};
use hyper::{Method, Request, StatusCode};

use super::super::clockwork::Answered;
use super::super::functions::{Function, split_namespace};
use super::super::handlers::{self, Call, Reply};
use super::super::server::Answer;
use super::{Gateway, answer};
use crate::drive::live::REPLICA_HEADER;
use crate::model::Ending;
use crate::record::ReplicaId;
use crate::time::{Timestamp, nanos};

const SERVED_BY: &str = "openfaas-community/0.27.8";
/// Largest body a function is sent, in bytes. It is read and thrown away: the functions look at their query only.
const BODY_MAX: usize = 64 << 20;
/// Time for that body: the gateway's read time-out in the chart.
const BODY_TIMEOUT: Duration = Duration::from_secs(65);

const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
const START_TIME: HeaderName = HeaderName::from_static("x-start-time");
const SERVED_BY_HEADER: HeaderName = HeaderName::from_static("x-served-by");
const DURATION: HeaderName = HeaderName::from_static("x-duration-seconds");
const INTERNAL: HeaderName = HeaderName::from_static("x-openfaas-internal");
const REPLICA: HeaderName = HeaderName::from_static(REPLICA_HEADER);

/// A request of a known function, from its start to its count.
struct Counted<'a> {
    gateway: &'a Gateway,
    function: &'a str,
    began: Timestamp,
    done: bool,
}

impl<'a> Counted<'a> {
    fn begin(gateway: &'a Gateway, function: &'a str) -> Self {
        gateway.metrics.started(function);
        Self { gateway, function, began: gateway.clockwork.clock().now(), done: false }
    }

    fn finish(&mut self, status: StatusCode) {
        self.done = true;
        let took = self.gateway.clockwork.clock().now() - self.began;
        self.gateway.metrics.completed(self.function, status, took);
    }
}

impl Drop for Counted<'_> {
    /// A client that goes away before its answer is counted as 502 (faas `gateway/handlers/forwarding_proxy.go`).
    fn drop(&mut self) {
        if !self.done {
            self.finish(StatusCode::BAD_GATEWAY);
        }
    }
}

impl Gateway {
    pub(super) async fn invoke(&self, name: &str, request: Request<Incoming>) -> Answer {
        let (bare, namespace) = split_namespace(name);
        let not_found = |why: &str| {
            let text = format!("error finding function {bare}.{namespace}: {why}");
            answer::text(StatusCode::NOT_FOUND, &text)
        };
        let Some(function) = self.functions.find(bare, namespace) else {
            let why = format!("server returned non-200 status code (404) for function, {bare}, body: ");
            return not_found(&why);
        };
        // every invocation reads the function first, and a factor out of range fails that
        if let Err(why) = function.ranges() {
            return not_found(&why);
        }
        let mut counted = Counted::begin(self, &function.full_name);
        let call_id = (!request.headers().contains_key(CALL_ID)).then(|| self.call_ids.next());
        let started = self.clockwork.clock().epoch().unix_at(counted.began);
        let mut answer = self.run(name, function, request).await;
        let headers = answer.headers_mut();
        if let Some(id) = call_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(CALL_ID, id);
        }
        headers.insert(START_TIME, HeaderValue::from(nanos(started)));
        headers.insert(SERVED_BY_HEADER, HeaderValue::from_static(SERVED_BY));
        counted.finish(answer.status());
        answer
    }

    /// `name` is the function's as the address has it.
    async fn run(&self, name: &str, function: &Function, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        match head.method {
            Method::GET
            | Method::PUT
            | Method::POST
            | Method::PATCH
            | Method::DELETE
            | Method::HEAD
            | Method::OPTIONS => {}
            // the provider passes on no other (faas-provider proxy/proxy.go)
            _ => return answer::empty(StatusCode::METHOD_NOT_ALLOWED),
        }
        match tokio::time::timeout(BODY_TIMEOUT, pass_over(body)).await {
            Ok(Ok(())) => {}
            Ok(Err(status)) => return answer::empty(status),
            Err(_) => return answer::empty(StatusCode::REQUEST_TIMEOUT),
        }
        let probe = head.headers.contains_key("hey");
        let call = Call { method: &head.method, probe, query: head.uri.query().unwrap_or_default() };
        let job = handlers::job(function.handler, &call, &self.bodies).await;
        match self.clockwork.arrive(function.id, probe, job.wait).await {
            Ok(answered) => came_back(name, answered, &job.reply, &head.method),
            // the platform ended under it
            Err(_) => answer::empty(StatusCode::BAD_GATEWAY),
        }
    }
}

/// Reads a body to its end.
async fn pass_over(mut body: Incoming) -> Result<(), StatusCode> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += frame.data_ref().map_or(0, bytes::Bytes::len);
        if length > BODY_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(())
}

fn came_back(name: &str, answered: Answered, reply: &Reply, method: &Method) -> Answer {
    let mut answer = match answered.ending {
        Ending::Served => with_duration(from_function(reply, method), answered.took),
        // the watchdog's execution limit
        Ending::Overdue => with_duration(answer::empty(StatusCode::GATEWAY_TIMEOUT), answered.took),
        // the watchdog dies with its process, which resets the provider's connection
        Ending::Cut => {
            let text = format!("Can't reach service for: {name}.");
            let mut answer = answer::error(StatusCode::INTERNAL_SERVER_ERROR, &text);
            answer.headers_mut().insert(INTERNAL, HeaderValue::from_static("proxy"));
            answer
        }
        // held until the gateway's time was up
        Ending::NoReplica => answer::empty(StatusCode::BAD_GATEWAY),
    };
    if let Some(ReplicaId(replica)) = answered.replica {
        answer.headers_mut().insert(REPLICA, HeaderValue::from(replica));
    }
    answer
}

fn from_function(reply: &Reply, method: &Method) -> Answer {
    let head = *method == Method::HEAD;
    let body = if head { bytes::Bytes::new() } else { reply.body.clone() };
    let mut answer = answer::typed(reply.status, reply.content_type, body);
    let headers = answer.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("waitress"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
    if let Some(allow) = reply.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    answer
}

/// What the watchdog adds, with its six decimals. The model tells one time for the whole way, so transport and gateway path
/// are in it.
fn with_duration(mut answer: Answer, took: Duration) -> Answer {
    if let Ok(seconds) = HeaderValue::try_from(format!("{:.6}", took.as_secs_f64())) {
        answer.headers_mut().insert(DURATION, seconds);
    }
    answer
}
