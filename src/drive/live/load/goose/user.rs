//! What a goose user does in one transaction: waits until its request is due, lets goose send it, reads the answer to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use goose::goose::{GooseMethod, GooseRequest, GooseUser, TransactionError, TransactionFunction, TransactionResult};
use hyper::Uri;

use crate::drive::journeys::StepPlan;
use crate::drive::live::REPLICA_HEADER;
use crate::drive::live::clock::Clock;
use crate::record::{Detail, ErrorKind, ReplicaId, WorkerId};
use crate::time::Timestamp;

use super::super::engine::Exchange;
use super::super::failure::{self, Failure, Fault};
use super::super::request::{Prepared, RequestError};
use super::desk::Desk;
use super::failure::fault;

/// How long a user with nothing left to send holds still before goose may ask it again.
const REST: Duration = Duration::from_millis(20);

/// One request of a journey, ready to be sent any number of times.
pub(super) struct Errand {
    name: String,
    method: GooseMethod,
    uri: Uri,
    headers: Vec<(String, String)>,
    body: Bytes,
    timeout: Option<Duration>,
}

impl Errand {
    /// A step's request to the function at `uri`.
    pub(super) fn new(uri: &Uri, step: &StepPlan, timeout: Option<Duration>) -> Result<Self, RequestError> {
        let mut text = format!("{}://{}", uri.scheme_str().unwrap_or("http"), authority(uri));
        text.push_str(uri.path());
        text.push_str(&step.path);
        let query = step.query.as_deref().or(uri.query()).unwrap_or_default();
        if !query.is_empty() {
            text.push('?');
            text.push_str(query);
        }
        let uri: Uri = text.parse().map_err(|_| RequestError::Host(text))?;
        // whatever can't be sent is refused before the load, in the words of the other loads
        Prepared::new(&uri, &step.request)?;
        let method = match step.request.method.as_str() {
            "GET" => GooseMethod::Get,
            "POST" => GooseMethod::Post,
            "PUT" => GooseMethod::Put,
            "PATCH" => GooseMethod::Patch,
            "DELETE" => GooseMethod::Delete,
            "HEAD" => GooseMethod::Head,
            other => return Err(RequestError::Method(other.to_owned())),
        };
        Ok(Self {
            name: step.name.clone(),
            method,
            uri,
            headers: step.request.headers.clone(),
            body: Bytes::from(step.request.body.clone()),
            timeout,
        })
    }

    /// Scheme, host and port, as goose wants them.
    pub(super) fn host(&self) -> String {
        format!("{}://{}/", self.uri.scheme_str().unwrap_or("http"), authority(&self.uri))
    }

    /// The request as goose takes it.
    fn request<'a>(&'a self, url: &'a str, user: &GooseUser) -> Result<GooseRequest<'a>, Box<TransactionError>> {
        let mut builder = user.get_request_builder(&self.method, url)?;
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if !self.body.is_empty() {
            builder = builder.body(self.body.clone());
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        Ok(GooseRequest::builder().path(url).name(self.name.as_str()).set_request_builder(builder).build())
    }

    fn failure(&self, fault: Fault, began: bool) -> Failure {
        Failure {
            kind: fault.kind,
            operation: failure::operation(&self.method.to_string()),
            url: self.uri.to_string(),
            why: fault.why.unwrap_or_else(|| failure::in_words(fault.kind, began)),
        }
    }
}

fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
}

/// The transaction of an errand.
pub(super) fn function(errand: Arc<Errand>, desk: Arc<Desk>) -> TransactionFunction {
    Arc::new(move |user: &mut GooseUser| -> Pin<Box<dyn Future<Output = TransactionResult> + Send + '_>> {
        let (errand, desk) = (Arc::clone(&errand), Arc::clone(&desk));
        Box::pin(async move {
            let worker = WorkerId(user.weighted_users_index as u32);
            let Some(call) = desk.next(worker).await else {
                tokio::time::sleep(REST).await;
                return Ok(());
            };
            let sent = desk.leaves(worker, call);
            let (exchange, fault) = exchange(&errand, user, sent, desk.clock()).await;
            let failure = || errand.failure(fault, exchange.first_byte.is_some());
            desk.arrived(worker, call, &exchange, failure).await;
            // a request that failed is a row; to goose the transaction is done
            Ok(())
        })
    })
}

/// Sends the request and reads all of its answer.
async fn exchange(errand: &Errand, user: &mut GooseUser, sent: Timestamp, clock: Clock) -> (Exchange, Fault) {
    let lost = |done, fault: Fault| {
        let answer = Err(fault.kind);
        (Exchange { sent, first_byte: None, done, answer, replica: None, detail: Detail::default() }, fault)
    };
    let url = errand.uri.to_string();
    let request = match errand.request(&url, user) {
        Ok(request) => request,
        Err(error) => return lost(clock.now(), Fault::new(ErrorKind::Connect, error.to_string())),
    };
    let answered = match user.request(request).await {
        Ok(answered) => answered,
        Err(error) => return lost(clock.now(), Fault::new(ErrorKind::Connect, error.to_string())),
    };
    let first_byte = clock.now();
    let wait = Duration::from_micros(answered.request.response_time_micros());
    let mut response = match answered.response {
        Ok(response) => response,
        Err(error) => return lost(first_byte, fault(error.is_timeout(), error.is_redirect(), &error)),
    };
    let status = response.status().as_u16();
    let replica = response.headers().get(REPLICA_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let size = response.content_length();
    let mut answer = Ok(status);
    let mut failed = Fault::from(ErrorKind::CutBody);
    loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => {
                // whatever breaks it off, it was the body that was cut
                failed = if error.is_timeout() { ErrorKind::Timeout.into() } else { failed };
                answer = Err(failed.kind);
                break;
            }
        }
    }
    let done = clock.now();
    let detail = Detail { wait, read: done - first_byte, size, ..Detail::default() };
    let replica = replica.map(ReplicaId);
    (Exchange { sent, first_byte: Some(first_byte), done, answer, replica, detail }, failed)
}
