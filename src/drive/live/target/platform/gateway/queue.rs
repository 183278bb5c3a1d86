//! Calls that are queued and answered later (faas `handlers/queue_proxy.go`, queue-worker 0.14.1).
//!
//! ```text
//!   POST /async-function/NAME --> 202      queue --> worker: one call after another --> POST to X-Callback-Url
//! ```
//!
//! The queue is in memory and bounded in calls and in bytes; what does not fit is refused as a queue that fails is. A call is
//! carried out as the worker's own request to the gateway, so it is counted and modelled like any other.

mod callback;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use self::callback::{Callback, Outcome};
use super::super::server::Answer;
use super::address::check_callback;
use super::answer::Refused;
use super::invoke::given_call_id;
use super::{BODY_TIMEOUT, Gateway, answer};

/// Largest body that can be queued, in bytes (nats-queue-worker `handler/nats_queue.go`).
const BODY_MAX: usize = 256_000;
/// Calls that wait at most.
const CALLS_MAX: usize = 10_000;
/// Bytes of bodies that wait or are being received at most.
const BYTES_MAX: usize = 64 << 20;

const CALLBACK_URL: HeaderName = HeaderName::from_static("x-callback-url");
/// Who the worker says it is (nats-queue-worker `main.go`).
const WORKER: HeaderValue = HeaderValue::from_static("openfaas-ce/nats-queue-worker");

/// Where its requests come from: it is in this process, and dials nobody.
const WORKER_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// The queue.
pub(super) struct Queue {
    sender: mpsc::Sender<Queued>,
    /// Until the worker takes it.
    receiver: Mutex<Option<mpsc::Receiver<Queued>>>,
    room: Arc<Semaphore>,
}

/// One call.
struct Queued {
    function: String,
    /// Its address as a direct call.
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    callback: Option<String>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Queue {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(CALLS_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)), room: Arc::new(Semaphore::new(BYTES_MAX)) }
    }

    /// Reads a body, as far as it may be queued.
    async fn receive(&self, mut body: Incoming) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
        let (mut kept, mut room, mut length) = (BytesMut::new(), None::<OwnedSemaphorePermit>, 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            length += data.len();
            if length > BODY_MAX {
                // only its length counts from here on
                (kept, room) = (BytesMut::new(), None);
                continue;
            }
            let more = u32::try_from(data.len()).unwrap_or(u32::MAX);
            let more = Arc::clone(&self.room).try_acquire_many_owned(more);
            let more = more.map_err(|_| failed(&format!("the calls that wait have {BYTES_MAX} bytes already")))?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            kept.extend_from_slice(&data);
        }
        if length > BODY_MAX {
            let text = format!("request body too large for OpenFaaS CE ({length} bytes), maximum: {BODY_MAX} bytes");
            return Err(failed(&text));
        }
        Ok((kept.freeze(), room))
    }

    fn put(&self, call: Queued) -> Result<(), Refused> {
        self.sender.try_send(call).map_err(|_| failed(&format!("{CALLS_MAX} calls wait already")))
    }
}

fn failed(why: &str) -> Refused {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("Error queuing request: {why}"))
}

/// The address at which a queued call is carried out.
fn direct(queued: &Uri) -> Uri {
    let address = queued.path_and_query().and_then(|address| address.as_str().strip_prefix("/async-function/"));
    // what stood in an address fits into one
    address.and_then(|address| format!("/function/{address}").parse().ok()).unwrap_or_default()
}

impl Gateway {
    /// Queues a call; nobody looks whether there is such a function.
    pub(super) async fn enqueue(&self, name: &str, request: Request<Incoming>) -> Answer {
        let (mut head, body) = request.into_parts();
        let marks = self.marks(&head.headers, self.replicas.clock().now());
        if let Some(id) = marks.call_id() {
            head.headers.insert("x-call-id", id);
        }
        let mut answer = match self.take_in(name, head, body).await {
            Ok(()) => answer::empty(StatusCode::ACCEPTED),
            Err((status, text)) => answer::error(status, &text),
        };
        marks.put_on(self, &mut answer);
        answer
    }

    async fn take_in(&self, name: &str, head: Parts, body: Incoming) -> Result<(), Refused> {
        let received = tokio::time::timeout(BODY_TIMEOUT, self.queue.receive(body)).await;
        let too_slow = |_| Err((StatusCode::BAD_REQUEST, "the body took too long".to_owned()));
        let (body, room) = received.unwrap_or_else(too_slow)?;
        let callback = head.headers.get(CALLBACK_URL).map(|url| String::from_utf8_lossy(url.as_bytes()).into_owned());
        let callback = callback.filter(|url| !url.is_empty());
        if let Some(url) = &callback {
            check_callback(url).map_err(|error| (StatusCode::BAD_REQUEST, error))?;
        }
        self.queue.put(Queued {
            function: name.to_owned(),
            uri: direct(&head.uri),
            headers: head.headers,
            body,
            callback,
            _room: room,
        })
    }

    /// The worker: carries calls out, one after another, until the platform ends.
    pub(in super::super) async fn work_off_queue(&self) {
        let receiver = self.queue.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(mut calls), mut stopped) = (receiver, self.stopped.clone()) else { return };
        loop {
            let call = tokio::select! {
                biased;
                _ = stopped.wait_for(Option::is_some) => break,
                call = calls.recv() => call,
            };
            let Some(call) = call else { break };
            tokio::select! {
                biased;
                _ = stopped.wait_for(Option::is_some) => break,
                () = self.carry_out(call) => {}
            }
        }
        if !calls.is_empty() {
            tracing::warn!(calls = calls.len(), "queued calls were dropped at the platform's end");
        }
    }

    async fn carry_out(&self, call: Queued) {
        let clock = self.replicas.clock();
        let started = clock.now();
        let Queued { function, uri, mut headers, body, callback, _room: _ } = call;
        let call_id = given_call_id(&headers).cloned();
        headers.insert(USER_AGENT, WORKER);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.headers_mut() = headers;
        *request.uri_mut() = uri;
        let (head, ()) = request.into_parts();
        let outcome = match self.invoke(&function, &head, Full::new(body), WORKER_ADDRESS).await {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                // a body in memory can't break
                let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                Outcome { status: head.status, headers: head.headers, body }
            }
            Err(_) => {
                Outcome { status: StatusCode::SERVICE_UNAVAILABLE, headers: HeaderMap::new(), body: Bytes::new() }
            }
        };
        let took: Duration = clock.now() - started;
        if let Some(url) = callback {
            Callback { url, function, call_id, took, outcome }.post().await;
        }
    }
}
