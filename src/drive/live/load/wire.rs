//! A stream that notes when a request was written and when its answer began.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::drive::live::clock::Clock;
use crate::time::Timestamp;

use super::stream::Stream;

/// Stands for "not yet"; no run lasts 584 years.
const NEVER: u64 = u64::MAX;

/// What a socket noted since the last [`Marks::clear`].
///
/// Atomics only so that a probe can move between the threads of its runtime; nobody else writes.
#[derive(Debug)]
pub(super) struct Marks {
    written: AtomicU64,
    first_byte: AtomicU64,
    /// Bytes written.
    bytes: AtomicU64,
    /// Whether the other side has reset the connection. Stays, however many requests there were.
    reset: AtomicBool,
}

impl Marks {
    fn new() -> Self {
        let (written, first_byte) = (AtomicU64::new(NEVER), AtomicU64::new(NEVER));
        Self { written, first_byte, bytes: AtomicU64::new(0), reset: AtomicBool::new(false) }
    }

    /// Forgets the last request.
    pub(super) fn clear(&self) {
        self.written.store(NEVER, Ordering::Relaxed);
        self.first_byte.store(NEVER, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// How many bytes were written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the connection was reset. The system tells it once, to whoever reads or writes next, and what is between here and
    /// there may keep it for itself: h2 drops what a flush failed with and says that the connection ended.
    pub(super) fn was_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    fn note<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome
            && error.kind() == io::ErrorKind::ConnectionReset
        {
            self.reset.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// When the last bytes of the request were handed to the system, if any were.
    pub(super) fn written(&self) -> Option<Timestamp> {
        get(&self.written)
    }

    /// When the first bytes of the answer came, if any came.
    pub(super) fn first_byte(&self) -> Option<Timestamp> {
        get(&self.first_byte)
    }
}

fn get(mark: &AtomicU64) -> Option<Timestamp> {
    let nanos = mark.load(Ordering::Relaxed);
    (nanos != NEVER).then(|| Timestamp::from_nanos(nanos))
}

/// A stream that keeps [`Marks`]; under TLS they are about what is inside.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    clock: Clock,
    marks: Arc<Marks>,
}

impl Wire {
    /// Watches `stream`.
    pub(super) fn new(stream: Stream, clock: Clock) -> Self {
        Self { stream, clock, marks: Arc::new(Marks::new()) }
    }

    /// Its marks, to be read while the stream is in use.
    pub(super) fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.marks)
    }

    fn note_written(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length @ 1..)) = outcome {
            self.marks.written.store(self.clock.now().as_nanos(), Ordering::Relaxed);
            self.marks.bytes.store(self.marks.bytes() + length as u64, Ordering::Relaxed);
        }
        self.marks.note(outcome)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && self.marks.first_byte().is_none() {
            self.marks.first_byte.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        }
        self.marks.note(outcome)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_written(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_written(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.marks.note(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.marks.note(outcome)
    }
}
