//! Reading from a socket, and when what was read had come.
//!
//! ```text
//!   bytes reach the socket ------------- this thread is woken -- read
//!            |------------- their age -----------------------|
//! ```
//!
//! A core that was idle takes 50 microseconds and more to wake up (in a guest of a guest 0.2 ms), and a thread that is busy with
//! another answer reads this one later. None of that is time the server took, so it may not be in a latency: Linux notes for each
//! packet when it came (`SO_TIMESTAMPNS`, socket(7)) and hands that out with the bytes. Where it does not, nothing is known of their age.
//!
//! Generators read answers with it. The embedded platform reads requests: what a thread took to wake up for one is none of the model's time.
//!
//! The notes cost 3 % of what one thread can do. Under many workers that send as fast as they can it never sleeps and that counts, so
//! there a connection whose answers come fast does without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// An answer that takes this long leaves a core time to fall asleep.
const LONG: Duration = Duration::from_millis(1);

/// After so many answers in a row that took less, a connection does without notes.
const ENOUGH: u32 = 16;

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// Bytes; none at the end of the stream.
    pub(super) length: usize,
    /// How long ago the last of them came, if the kernel tells.
    pub(super) age: Option<Duration>,
}

/// Reads a connection's bytes with their age.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// Where the kernel writes its notes; `None` if it makes none.
    notes: Option<Vec<u8>>,
    /// Whether a connection of fast answers is to do without notes.
    spares: bool,
    /// Answers in a row that took less than [`LONG`].
    fast: u32,
}

impl Receiver {
    /// A new connection: the kernel is to note when bytes come. Best effort: without it they have no age.
    pub(super) fn attend(&mut self, stream: &TcpStream) {
        self.fast = 0;
        self.notes = notes(stream, true).then(room);
    }

    /// Answers that come fast may do without notes.
    pub(super) fn spare(&mut self) {
        self.spares = true;
    }

    /// An answer took this long, which says whether notes are worth their cost on this connection.
    pub(super) fn took(&mut self, stream: &TcpStream, latency: Duration) {
        if !self.spares {
            return;
        }
        if latency >= LONG {
            if self.fast >= ENOUGH {
                self.attend(stream);
            }
            self.fast = 0;
        } else if self.fast < ENOUGH {
            self.fast += 1;
            if self.fast == ENOUGH && self.notes.take().is_some() {
                notes(stream, false);
            }
        }
    }

    /// Reads once into `space`, which is not empty.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut TcpStream,
        space: &mut [u8],
    ) -> Poll<io::Result<Receipt>> {
        if let Some(notes) = &mut self.notes {
            return poll_noted(cx, stream, space, notes);
        }
        let mut space = ReadBuf::new(space);
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        Poll::Ready(Ok(Receipt { length: space.filled().len(), age: None }))
    }
}

#[cfg(target_os = "linux")]
fn notes(stream: &TcpStream, wanted: bool) -> bool {
    nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::ReceiveTimestampns, &wanted).is_ok()
}

#[cfg(target_os = "linux")]
fn room() -> Vec<u8> {
    nix::cmsg_space!(nix::sys::time::TimeSpec)
}

#[cfg(target_os = "linux")]
fn poll_noted(
    cx: &mut Context<'_>,
    stream: &TcpStream,
    space: &mut [u8],
    notes: &mut [u8],
) -> Poll<io::Result<Receipt>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let mut receipt = None;
        // a read that brought less than there was room for has emptied the socket. Saying so saves the next one a call that finds
        // nothing; what comes in between is told anew, as after any edge. The end of the stream stays told.
        let outcome = stream.try_io(tokio::io::Interest::READABLE, || {
            let read = receive(stream, space, notes)?;
            receipt = Some(read);
            if (1..space.len()).contains(&read.length) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (receipt, outcome) {
            (Some(receipt), _) => return Poll::Ready(Ok(receipt)),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
            (None, _) => {}
        }
    }
}

#[cfg(target_os = "linux")]
fn receive(stream: &TcpStream, space: &mut [u8], notes: &mut [u8]) -> io::Result<Receipt> {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    use crate::drive::live::clock::Clock;

    let mut parts = [io::IoSliceMut::new(space)];
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(notes), MsgFlags::empty())?;
    let came = message.cmsgs().ok().and_then(|mut notes| {
        notes.find_map(|note| match note {
            ControlMessageOwned::ScmTimestampns(came) => Some(came),
            _ => None,
        })
    });
    let age = came.and_then(|came| Clock::unix_now().checked_sub(came.into()));
    Ok(Receipt { length: message.bytes, age })
}

#[cfg(not(target_os = "linux"))]
fn notes(_: &TcpStream, _: bool) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn room() -> Vec<u8> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn poll_noted(
    cx: &mut Context<'_>,
    stream: &mut TcpStream,
    space: &mut [u8],
    _: &mut [u8],
) -> Poll<io::Result<Receipt>> {
    // no kernel was asked for notes here, so none made this
    Receiver::default().poll(cx, stream, space)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::thread;
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    /// What a receiver reads of these pieces, this long after the last was written, until the other side has closed.
    fn receipts(pieces: &[&[u8]], lain: Duration, room: usize) -> (Vec<Receipt>, Vec<u8>, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let mut receiver = Receiver::default();
            receiver.attend(&stream);
            let other = listener.accept().await.expect("a connection").0.into_std().expect("a stream");
            other.set_nonblocking(false).expect("a stream that blocks");
            let begun = Instant::now();
            for piece in pieces {
                (&other).write_all(piece).expect("sent");
            }
            drop(other);
            // nobody looks, as when the thread is busy with something else
            thread::sleep(lain);
            let (mut receipts, mut read, mut space) = (Vec::new(), Vec::new(), vec![0; room]);
            loop {
                let next = poll_fn(|cx| receiver.poll(cx, &mut stream, &mut space)).await.expect("read");
                receipts.push(next);
                read.extend_from_slice(&space[..next.length]);
                if next.length == 0 {
                    return (receipts, read, begun.elapsed());
                }
            }
        })
    }

    #[test]
    fn everything_is_read_in_order_up_to_the_end_whatever_the_room() {
        for room in [1, 2, 3, 7, 64] {
            let (receipts, read, _) = receipts(&[b"hello", b", ", b"world"], Duration::ZERO, room);
            assert_eq!(read, b"hello, world");
            assert!(receipts.iter().all(|receipt| receipt.length <= room));
            assert_eq!(receipts.last().map(|receipt| receipt.length), Some(0));
        }
    }

    /// The kernel begins to note for the whole machine a moment after the first asks, so the first bytes may have no age.
    #[cfg(target_os = "linux")]
    #[test]
    fn bytes_are_as_old_as_they_have_lain_there() {
        let lain = Duration::from_millis(30);
        let told = (0..100).find_map(|_| {
            let (receipts, _, since_written) = receipts(&[b"x"], lain, 8);
            receipts[0].age.map(|age| (age, since_written))
        });
        let (age, since_written) = told.expect("the kernel tells");
        assert!(lain <= age && age <= since_written, "{lain:?} <= {age:?} <= {since_written:?}");
    }
    #[test]
    fn a_connection_of_fast_answers_does_without_notes_until_one_is_slow() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
            let mut receiver = Receiver::default();
            receiver.attend(&stream);
            let noted = cfg!(target_os = "linux");
            assert_eq!(receiver.notes.is_some(), noted);
            let (fast, slow) = (LONG / 2, LONG);
            for _ in 0..2 * ENOUGH {
                receiver.took(&stream, fast);
            }
            assert_eq!(receiver.notes.is_some(), noted, "nobody is in a hurry");
            receiver.spare();
            for _ in 0..2 {
                for _ in 1..ENOUGH {
                    receiver.took(&stream, fast);
                    assert_eq!(receiver.notes.is_some(), noted);
                }
                receiver.took(&stream, slow);
            }
            for _ in 0..2 * ENOUGH {
                receiver.took(&stream, fast);
            }
            assert_eq!(receiver.notes, None);
            receiver.took(&stream, slow);
            assert_eq!(receiver.notes.is_some(), noted);
        });
    }
}
