//! Invocations: the way of one request through gateway, provider and a modelled replica.
//!
//! ```text
//!   look-up --> a replica ready? --> counted as started --> body --> model --> counted with its status --> answer
//!                   \__ held by the model until there is one, for 65 s at most __/
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{ACCEPT, ALLOW, CONTENT_LENGTH, HeaderName, HeaderValue, SERVER};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};

use super::super::clockwork::{Answered, Arrived, Clockwork, Standing};
use super::super::functions::{Function, split_namespace};
use super::super::handlers::{self, Call, Reply};
use super::super::metrics::provider::STATUS;
use super::super::replicas::Replicas;
use super::super::server::{Answer, HungUp};
use super::super::stalling::Came;
use super::system::check_namespace;
use super::{BODY_TIMEOUT, Gateway, answer, handed_on};
use crate::drive::live::REPLICA_HEADER;
use crate::model::Ending;
use crate::record::ReplicaId;
use crate::time::{Timestamp, nanos};

const SERVED_BY: &str = "openfaas-community/0.27.8";
/// Largest body a function is sent, in bytes.
const BODY_MAX: usize = 64 << 20;

const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
const START_TIME: HeaderName = HeaderName::from_static("x-start-time");
const SERVED_BY_HEADER: HeaderName = HeaderName::from_static("x-served-by");
const DURATION: HeaderName = HeaderName::from_static("x-duration-seconds");
const INTERNAL: HeaderName = HeaderName::from_static("x-openfaas-internal");
pub(super) const REPLICA: HeaderName = HeaderName::from_static(REPLICA_HEADER);

/// A request of a known function, from its start to its count.
struct Counted<'a> {
    gateway: &'a Gateway,
    function: &'a str,
    began: Timestamp,
    done: bool,
}

impl<'a> Counted<'a> {
    fn begin(gateway: &'a Gateway, function: &'a str, began: Timestamp) -> Self {
        gateway.metrics.started(function);
        Self { gateway, function, began, done: false }
    }

    fn finish(&mut self, status: StatusCode) {
        self.done = true;
        let took = self.gateway.replicas.clock().now() - self.began;
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

/// What the gateway's middleware adds to answers, whoever gives them (faas `handlers/callid_middleware.go`).
pub(super) struct Marks {
    /// Of a request that came without one.
    call_id: Option<HeaderValue>,
    started: Timestamp,
}

impl Marks {
    pub(super) fn put_on(self, gateway: &Gateway, answer: &mut Answer) {
        let started = self.start_time(gateway);
        let headers = answer.headers_mut();
        // what the function says of the same name is put over it
        if let Some(id) = self.call_id {
            headers.entry(CALL_ID).or_insert(id);
        }
        headers.entry(START_TIME).or_insert(started);
        headers.entry(SERVED_BY_HEADER).or_insert(HeaderValue::from_static(SERVED_BY));
    }

    /// What the same middleware adds to the request on its way to the function.
    pub(super) fn put_on_request(&self, gateway: &Gateway, headers: &mut HeaderMap) {
        if let Some(id) = self.call_id() {
            headers.insert(CALL_ID, id);
        }
        // beside one that the client sent
        headers.append(START_TIME, self.start_time(gateway));
    }

    fn start_time(&self, gateway: &Gateway) -> HeaderValue {
        HeaderValue::from(nanos(gateway.replicas.clock().epoch().unix_at(self.started)))
    }

    /// The call's number if it was given here.
    pub(super) fn call_id(&self) -> Option<HeaderValue> {
        self.call_id.clone()
    }
}

/// The number a request already has. An empty one is none.
pub(super) fn given_call_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(CALL_ID).filter(|id| !id.is_empty())
}

impl Gateway {
    pub(super) fn marks(&self, headers: &HeaderMap, started: Timestamp) -> Marks {
        let new = || HeaderValue::try_from(self.call_ids.next()).ok();
        Marks { call_id: if given_call_id(headers).is_some() { None } else { new() }, started }
    }

    /// Answers a call of the function `name`, as the address has it, that came from `peer`.
    ///
    /// # Errors
    /// The connection is to be closed without an answer.
    pub(super) async fn invoke<B>(&self, name: &str, head: &Parts, body: B, peer: SocketAddr) -> Result<Answer, HungUp>
    where
        B: Body + Unpin,
        B::Data: Buf,
    {
        let (bare, namespace) = split_namespace(name);
        let not_found = |status: StatusCode, why: &str| {
            answer::text(status, &format!("error finding function {bare}.{namespace}: {why}"))
        };
        let function = match self.look_up(bare, namespace) {
            Ok(function) => function,
            Err(why) => return Ok(not_found(StatusCode::NOT_FOUND, &why)),
        };
        // every invocation reads the function first, and a factor out of range fails that
        if let Err(why) = function.ranges() {
            return Ok(not_found(StatusCode::NOT_FOUND, &why));
        }
        let now = self.replicas.clock().now();
        let standing = self.replicas.standing(function.id);
        let mut call = Underway { counted: None, marks: None, gateway: self, function: &function };
        if standing.ready {
            call.begin(&head.headers, now);
        }
        let answered = match (self.check(head, namespace.is_empty(), name, body).await, &self.replicas) {
            (Err(refusal), _) => Ok(*refusal),
            (Ok(_), Replicas::Modelled(clockwork)) => {
                self.run(clockwork, name, &function, standing, head, &mut call).await
            }
            (Ok(body), Replicas::Processes(pool)) => {
                self.forwarder.call(pool, name, &function, (head, peer), body, &mut call).await
            }
        };
        match answered {
            Ok(mut answer) => {
                if call.counted.is_none() {
                    call.begin(&head.headers, now);
                }
                if let Some(marks) = call.marks.take() {
                    marks.put_on(self, &mut answer);
                }
                if let Some(mut counted) = call.counted.take() {
                    counted.finish(answer.status());
                }
                Ok(answer)
            }
            // nothing of it reached the part that counts
            Err(Ending::Removed) => {
                let why = no_success(StatusCode::NOT_FOUND, bare, "");
                Ok(not_found(StatusCode::INTERNAL_SERVER_ERROR, &why))
            }
            Err(_) => Err(HungUp),
        }
    }

    /// Reads a function from the provider, as the gateway does before it does anything with one (faas `plugin/external.go`).
    ///
    /// # Errors
    /// The gateway's words for a reading that failed.
    pub(super) fn look_up(&self, name: &str, namespace: &str) -> Result<Arc<Function>, String> {
        let began = self.replicas.clock().now();
        let read = match (check_namespace(Some(namespace)), self.functions.find(name)) {
            (Err(refusal), _) => Err((StatusCode::BAD_REQUEST, format!("{refusal}\n"))),
            (Ok(()), None) => Err((StatusCode::NOT_FOUND, String::new())),
            (Ok(()), Some(function)) => Ok(function),
        };
        let status = read.as_ref().map_or_else(|(status, _)| *status, |_| StatusCode::OK);
        self.provided(&Method::GET, STATUS, status, began);
        read.map_err(|(status, body)| no_success(status, name, &body))
    }

    /// What the provider refuses before it asks the function; the body is read on the way.
    async fn check<B>(&self, head: &Parts, nowhere: bool, name: &str, body: B) -> Result<Bytes, Box<Answer>>
    where
        B: Body + Unpin,
        B::Data: Buf,
    {
        match head.method {
            Method::GET
            | Method::PUT
            | Method::POST
            | Method::PATCH
            | Method::DELETE
            | Method::HEAD
            | Method::OPTIONS => {}
            // the provider passes on no other (faas-provider proxy/proxy.go)
            _ => return Err(Box::new(answer::empty(StatusCode::METHOD_NOT_ALLOWED))),
        }
        // `NAME.` is found in the default namespace, and has its endpoints in none
        if nowhere {
            return Err(Box::new(no_endpoints(name)));
        }
        // who is modelled looks at the query only
        let keep = matches!(self.replicas, Replicas::Processes(_));
        let read = tokio::time::timeout(BODY_TIMEOUT, read_over(body, keep)).await;
        read.unwrap_or(Err(StatusCode::BAD_GATEWAY)).map_err(|status| Box::new(answer::empty(status)))
    }

    /// The function's answer, or one of those who stand before it.
    ///
    /// # Errors
    /// How it ended, where the request never came as far as being counted.
    async fn run(
        &self,
        clockwork: &Clockwork,
        name: &str,
        function: &Function,
        standing: Standing,
        head: &Parts,
        call: &mut Underway<'_>,
    ) -> Result<Answer, Ending> {
        let probe = head.headers.contains_key("hey");
        let asked = Call { method: &head.method, probe, query: head.uri.query().unwrap_or_default() };
        let job = handlers::job(function.handler(standing.revision), &asked, &self.bodies).await;
        let Arrived { released, answer } =
            clockwork.arrive(function.id, probe, job.wait, head.extensions.get().and_then(Came::take));
        if let Some(released) = released
            && let Ok(at) = released.await
            && call.counted.is_none()
        {
            call.begin(&head.headers, at);
        }
        let bad_gateway = Ok(answer::empty(StatusCode::BAD_GATEWAY));
        let answered = if call.counted.is_some() {
            match tokio::time::timeout(self.upstream_timeout, answer).await {
                Ok(answered) => answered,
                Err(_) => return bad_gateway,
            }
        } else {
            answer.await
        };
        match answered {
            Ok(Answered { ending: ending @ (Ending::NoReplica | Ending::Removed), .. }) if call.counted.is_none() => {
                Err(ending)
            }
            Ok(answered) => Ok(came_back(name, answered, standing.max_inflight, &job.reply, head)),
            // the platform ended under it
            Err(_) => bad_gateway,
        }
    }
}

fn no_success(status: StatusCode, name: &str, body: &str) -> String {
    let code = status.as_u16();
    format!("server returned non-200 status code ({code}) for function, {name}, body: {body}")
}

/// A request of a known function: what is owed to the counters and to its answer.
pub(super) struct Underway<'a> {
    counted: Option<Counted<'a>>,
    marks: Option<Marks>,
    gateway: &'a Gateway,
    function: &'a Function,
}

impl Underway<'_> {
    /// Whether it passed the look for a replica.
    pub(super) fn is_counted(&self) -> bool {
        self.counted.is_some()
    }

    /// Adds to the request's headers what the gateway does once it is counted.
    pub(super) fn put_on_request(&self, headers: &mut HeaderMap) {
        if let Some(marks) = &self.marks {
            marks.put_on_request(self.gateway, headers);
        }
    }

    /// It passed the look for a replica.
    pub(super) fn begin(&mut self, headers: &HeaderMap, at: Timestamp) {
        self.counted = Some(Counted::begin(self.gateway, &self.function.full_name, at));
        self.marks = Some(self.gateway.marks(headers, at));
    }
}

/// Reads a body to its end, and keeps it if it is wanted. What goes wrong on the way breaks the gateway's own request to the provider.
async fn read_over<B>(mut body: B, keep: bool) -> Result<Bytes, StatusCode>
where
    B: Body + Unpin,
    B::Data: Buf,
{
    let (mut length, mut kept) = (0, BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.remaining();
        if length > BODY_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if keep {
            kept.put(data);
        }
    }
    Ok(kept.freeze())
}

fn came_back(name: &str, answered: Answered, max_inflight: u32, reply: &Reply, head: &Parts) -> Answer {
    let from_watchdog = |mut answer: Answer| {
        handed_on::type_answer(answer.headers_mut(), &head.headers);
        with_duration(answer, answered.took)
    };
    let mut answer = match answered.ending {
        Ending::Served => from_watchdog(from_function(reply, &head.method)),
        Ending::Raised => from_watchdog(from_function(&Reply::raised(), &head.method)),
        // the watchdog's execution limit
        Ending::Overdue => from_watchdog(answer::empty(StatusCode::GATEWAY_TIMEOUT)),
        // it finds nobody at its process' port
        Ending::NotListening => from_watchdog(answer::empty(StatusCode::INTERNAL_SERVER_ERROR)),
        // its limiter stands before the part that measures
        Ending::TooMany => too_many(max_inflight),
        // the provider's streaming proxy has no words for a connection that breaks, and Go's server says 200 then
        Ending::Cut if head.headers.get(ACCEPT).is_some_and(|accept| accept == "text/event-stream") => {
            answer::empty(StatusCode::OK)
        }
        // the watchdog dies with its process, which resets the provider's connection
        Ending::Cut => internal(StatusCode::INTERNAL_SERVER_ERROR, &format!("Can't reach service for: {name}.")),
        // the function was removed under it
        Ending::NoEndpoint | Ending::Removed | Ending::NoReplica => no_endpoints(name),
    };
    if let Some(ReplicaId(replica)) = answered.replica {
        answer.headers_mut().insert(REPLICA, HeaderValue::from(replica));
    }
    answer
}

/// The watchdog's limiter (faas-middleware `concurrency_limiter.go`).
fn too_many(limit: u32) -> Answer {
    let text = format!("Concurrent request limit exceeded. Max concurrent requests: {limit}\n");
    answer::text(StatusCode::TOO_MANY_REQUESTS, &text)
}

pub(super) fn no_endpoints(name: &str) -> Answer {
    internal(StatusCode::SERVICE_UNAVAILABLE, &format!("No endpoints available for: {name}."))
}

/// An error of the provider's own.
pub(super) fn internal(status: StatusCode, text: &str) -> Answer {
    let mut answer = answer::error(status, text);
    answer.headers_mut().insert(INTERNAL, HeaderValue::from_static("proxy"));
    answer
}

fn from_function(reply: &Reply, method: &Method) -> Answer {
    let head = *method == Method::HEAD;
    let body = if head { Bytes::new() } else { reply.body.clone() };
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
pub(super) fn with_duration(mut answer: Answer, took: Duration) -> Answer {
    if let Ok(seconds) = HeaderValue::try_from(format!("{:.6}", took.as_secs_f64())) {
        answer.headers_mut().insert(DURATION, seconds);
    }
    answer
}
