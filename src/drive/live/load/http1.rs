//! HTTP/1.1 over hyper: one connection, driven inside the task that waits for the answer.
//!
//! No pool and no task beside the request: hyper's connection future is polled by whoever waits, which measured 10 % more
//! requests per second than a spawned one, and leaves nothing running between two requests.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::record::ErrorKind;

use super::answer::HEAD_MAX;
use super::failure::Fault;
use super::head::HEADERS_MAX;
use super::request::Prepared;
use super::wire::{Marks, Wire};

/// An open connection with hyper's state machine on it.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Gone once the connection is closed.
    driver: Option<Driver>,
    marks: Arc<Marks>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<Wire>, Full<Bytes>>>>;

impl Http1 {
    /// A connection on this wire; nothing is sent yet.
    pub(super) async fn on(wire: Wire) -> Result<Self, Fault> {
        let marks = wire.marks();
        let mut hyper = http1::Builder::new();
        hyper.title_case_headers(true).max_header_size(HEAD_MAX).max_buf_size(2 * HEAD_MAX).max_headers(HEADERS_MAX);
        let (sender, driver) = hyper.handshake(TokioIo::new(wire)).await.map_err(|_| ErrorKind::Connect)?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), marks })
    }

    /// Whether it can take a request; one on which the server closed or said something unasked in the meantime can't.
    pub(super) async fn is_open(&mut self) -> bool {
        self.settle().await;
        // what is not ready now still has something of the last request to write
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Lets hyper finish with the last answer, so that the next request can be written at once, and see what came since.
    pub(super) async fn settle(&mut self) {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Sends a request; the head of its answer and what is to be read behind it.
    pub(super) async fn send(&mut self, request: &Prepared) -> Result<Response<Incoming>, Fault> {
        let answer = drive(&mut self.driver, self.sender.send_request(request.request())).await;
        answer.map_err(|error| fault(&error, ErrorKind::Closed))
    }

    /// Reads an answer's body to its end.
    pub(super) async fn read(&mut self, body: &mut Incoming) -> Result<(), Fault> {
        while !body.is_end_stream() {
            match drive(&mut self.driver, body.frame()).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(fault(&error, ErrorKind::CutBody)),
                None => break,
            }
        }
        Ok(())
    }

    /// Whether all of a request has been written: where an answer came early, the connection is of no more use.
    pub(super) fn is_written(&self, request: &Prepared) -> bool {
        !request.has_body() || self.marks.bytes() >= request.bytes().len() as u64
    }

    /// What the connection notes.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }
}

/// Waits for `wanted` while the connection it depends on makes progress.
async fn drive<T>(driver: &mut Option<Driver>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        if let Poll::Ready(value) = wanted.as_mut().poll(cx) {
            return Poll::Ready(value);
        }
        if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            // dropping it fails whatever still waits on it
            *driver = None;
        }
        wanted.as_mut().poll(cx)
    })
    .await
}

/// What an error of hyper's is called here; `closed` if the connection ended without a reset.
fn fault(error: &hyper::Error, closed: ErrorKind) -> Fault {
    if error.is_parse_too_large() {
        return ErrorKind::TooLarge.into();
    }
    if error.is_parse() {
        return ErrorKind::Protocol.into();
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return match cause.kind() {
                io::ErrorKind::UnexpectedEof => closed,
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Protocol,
                io::ErrorKind::TimedOut => ErrorKind::Timeout,
                _ => ErrorKind::Reset,
            }
            .into();
        }
        source = cause.source();
    }
    let ended = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    if ended { closed } else { ErrorKind::Protocol }.into()
}
