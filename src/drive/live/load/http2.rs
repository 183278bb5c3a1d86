//! HTTP/2 over hyper: one connection per worker, with one request on it at a time.
//!
//! hyper wants tasks of its own for the connection and for long bodies. They are kept together here, and end with the
//! connection: nothing is left running or open behind a worker.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use crate::record::ErrorKind;

use super::answer::HEAD_MAX;
use super::failure::Fault;
use super::request::Prepared;
use super::wire::{Marks, Wire};

/// Runs a connection's tasks, and ends them with its last clone.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
        });
    }
}

/// An open connection.
pub(super) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    marks: Arc<Marks>,
    tasks: Tasks,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        // hyper's own tasks hold clones of what runs them
        self.tasks.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Http2 {
    /// A connection on this wire, which the server chose HTTP/2 for.
    pub(super) async fn on(wire: Wire) -> Result<Self, Fault> {
        let marks = wire.marks();
        let tasks = Tasks::default();
        let mut hyper = http2::Builder::new(tasks.clone());
        hyper.max_header_list_size(HEAD_MAX as u32);
        let handshake = hyper.handshake(TokioIo::new(wire)).await;
        let (sender, driver) = handshake.map_err(|error| fault(&error, ErrorKind::Closed).0)?;
        tasks.execute(driver);
        Ok(Self { sender, marks, tasks })
    }

    /// Whether it can take a request. One that the server closed or said goodbye on can't.
    pub(super) async fn is_open(&mut self) -> bool {
        // what came in the meantime has been seen by then
        tokio::task::yield_now().await;
        !self.sender.is_closed() && self.sender.ready().await.is_ok()
    }

    /// Sends a request; the head of its answer and what is to be read behind it. The flag of a fault tells whether the server
    /// surely did nothing with the request, so that it may go again whatever it is.
    pub(super) async fn send(&mut self, request: &Prepared) -> Result<Response<Incoming>, (Fault, bool)> {
        let answer = self.sender.send_request(request.request_http2()).await;
        answer.map_err(|error| fault(&error, self.ended(ErrorKind::Closed)))
    }

    /// Reads an answer's body to its end.
    pub(super) async fn read(&self, body: &mut Incoming) -> Result<(), Fault> {
        while !body.is_end_stream() {
            match body.frame().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(fault(&error, self.ended(ErrorKind::CutBody)).0),
                None => break,
            }
        }
        Ok(())
    }

    /// What the end of the connection is called: `closed`, unless it was reset.
    fn ended(&self, closed: ErrorKind) -> ErrorKind {
        if self.marks.was_reset() { ErrorKind::Reset } else { closed }
    }

    /// What the connection notes.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }
}

/// What an error of hyper's is called here, `closed` if the connection ended; and whether the server surely did nothing with the
/// request (RFC 9113, 8.7).
fn fault(error: &hyper::Error, closed: ErrorKind) -> (Fault, bool) {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<h2::Error>() {
            return h2_fault(cause, closed);
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return (io_kind(cause, closed).into(), false);
        }
        source = cause.source();
    }
    let ended = error.is_canceled() || error.is_closed() || error.is_incomplete_message();
    (if ended { closed } else { ErrorKind::Protocol }.into(), error.is_canceled())
}

fn h2_fault(error: &h2::Error, closed: ErrorKind) -> (Fault, bool) {
    if let Some(cause) = error.get_io() {
        return (io_kind(cause, closed).into(), false);
    }
    let reason = error.reason().map_or_else(|| "unknown".to_owned(), |reason| format!("{reason:?}"));
    match (error.is_remote(), error.is_go_away()) {
        (true, true) => {
            let why = format!("http2: server sent GOAWAY and closed the connection; ErrCode={reason}");
            (Fault::new(closed, why), error.reason() == Some(h2::Reason::NO_ERROR))
        }
        (true, false) => {
            let why = format!("stream error: {reason}; received from peer");
            (Fault::new(ErrorKind::Reset, why), error.reason() == Some(h2::Reason::REFUSED_STREAM))
        }
        (false, _) => {
            let too_large = error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
            let kind = if too_large { ErrorKind::TooLarge } else { ErrorKind::Protocol };
            (Fault::new(kind, format!("http2: connection error: {reason}")), false)
        }
    }
}

fn io_kind(error: &io::Error, closed: ErrorKind) -> ErrorKind {
    match error.kind() {
        // h2 calls the end of a connection a broken pipe
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => closed,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Protocol,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Reset,
    }
}
