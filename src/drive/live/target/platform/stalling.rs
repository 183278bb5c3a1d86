//! A connection that is given up when the other side stops reading, and tells when what it read had come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::drive::live::clock::Clock;
use crate::drive::live::receive::Receiver;
use crate::time::Timestamp;

/// Most bytes of one read: more than a request of a function mostly has.
const READ_AT_ONCE: usize = 8 * 1024;

/// A stream whose writes fail once none has got on for a time.
pub(super) struct Stalling {
    stream: TcpStream,
    limit: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    receiver: Receiver,
    /// By which it tells when bytes came, if anybody wants to know.
    clock: Option<Clock>,
    came: Came,
}

/// When the last bytes of a connection came, for whoever holds this.
#[derive(Clone, Debug, Default)]
pub(super) struct Came(Arc<AtomicU64>);

impl Came {
    /// Takes it: bytes are of one request. Nothing where the kernel does not tell, or none came since it was taken last, as of a request that came
    /// together with the one before.
    pub(super) fn take(&self) -> Option<Timestamp> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            nanos => Some(Timestamp::from_nanos(nanos)),
        }
    }
}

impl Stalling {
    pub(super) fn new(stream: TcpStream, limit: Duration) -> Self {
        let (receiver, came) = (Receiver::default(), Came::default());
        Self { stream, limit, stalled: None, receiver, clock: None, came }
    }

    /// From now on it tells when bytes came, by this clock.
    pub(super) fn attend(&mut self, clock: Clock) -> Came {
        self.receiver.attend(&self.stream);
        self.clock = Some(clock);
        self.came.clone()
    }

    /// What a write came to, or an error if it waited for too long.
    fn watch<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answers")))
    }
}

impl AsyncRead for Stalling {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(clock) = this.clock else { return Pin::new(&mut this.stream).poll_read(context, read) };
        // all of it would be made zero each time, whatever there is to read
        let room = read.remaining().min(READ_AT_ONCE);
        let space = read.initialize_unfilled_to(room);
        let receipt = ready!(this.receiver.poll(context, &mut this.stream, space))?;
        read.advance(receipt.length);
        let came = receipt.age.map_or(0, |age| (clock.now() - age).as_nanos());
        this.came.0.store(came, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_write_fails_when_nobody_reads_and_goes_on_when_somebody_does() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut stalling = Stalling::new(stream, Duration::from_millis(50));
        let more_than_fits = vec![0_u8; 64 << 20];
        let error = stalling.write_all(&more_than_fits).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        stalling.stalled = None;
        stalling.limit = Duration::from_secs(20);
        let (written, read) = tokio::join!(
            async {
                let written = stalling.write_all(&more_than_fits).await;
                drop(stalling);
                written
            },
            async { reader.read_to_end(&mut Vec::new()).await }
        );
        assert!(written.is_ok() && read.unwrap() > more_than_fits.len(), "what was stuck went out as well");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_tells_once_when_bytes_came_however_late_they_are_read() {
        let clock = Clock::start();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut stalling = Stalling::new(stream, Duration::from_secs(20));
        let came = stalling.attend(clock);
        assert_eq!(came.take(), None);
        let (mut read, mut told) = ([0; 3], 0);
        // the kernel begins to note for the whole machine a moment after the first asks
        for _ in 0..100 {
            let before = clock.now();
            sender.write_all(b"one").await.unwrap();
            let after = clock.now();
            clock.sleep_until(after + Duration::from_millis(20)).await;
            stalling.read_exact(&mut read).await.unwrap();
            let Some(at) = came.take() else { continue };
            // the clock of the kernel's notes may be stepped beside ours
            assert!(
                at + Duration::from_millis(1) >= before && at <= after + Duration::from_millis(10),
                "{at} in {before}..{after}"
            );
            assert_eq!(came.take(), None);
            told += 1;
            if told == 2 {
                return;
            }
        }
        panic!("the kernel tells");
    }
}
