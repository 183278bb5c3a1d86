//! One listening port: connections with limits, and an end that lets answers finish.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};

use super::super::TargetError;
use super::stalling::Stalling;
use crate::drive::live::clock::Clock;

/// Time for the headers of a request, the wait for the next one on a kept connection included: the gateway's read time-out
/// in the chart.
const HEADER_TIMEOUT: Duration = Duration::from_secs(65);
/// How long an answer may wait for a client that does not read: the gateway's write time-out in the chart.
const WRITE_TIMEOUT: Duration = Duration::from_secs(65);
/// Connections served at once; more wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 16_384;
/// Headers of one request, and their size with the request line, in bytes. Go's default is 1 MiB; no client of a function
/// needs it.
const HEADERS_MAX: usize = 128;
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Connections the kernel holds until they are accepted: a burst of a few thousand.
const BACKLOG: u32 = 4_096;
/// Pause when the system has no file descriptors left: some connection has to end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A response as the platform makes them.
pub(super) type Answer = Response<Full<Bytes>>;

/// The connection is closed without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hung up without an answer")]
pub(super) struct HungUp;

/// Listens on an address.
pub(super) fn listen(role: &'static str, address: SocketAddr) -> Result<TcpListener, TargetError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => TargetError::AddressInUse { role, address },
        _ => TargetError::Listen { role, address, source },
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    // connections of a platform that ended a moment ago don't keep the port
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

/// Serves a port until `stop` holds a grace period: then no connection is accepted any more, and those that are answering
/// get that long to finish. `handle` gets each request with the address it came from, and with its connection's [`Came`](super::stalling::Came) if there is a clock to
/// tell it by.
pub(super) async fn serve<H, F>(
    listener: TcpListener,
    clock: Option<Clock>,
    mut stop: watch::Receiver<Option<Duration>>,
    handle: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer, HungUp>> + Send + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADER_BYTES_MAX)
        .max_buf_size(2 * HEADER_BYTES_MAX)
        .title_case_headers(true);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accept = async {
            // fails only if the semaphore is closed, which nothing does
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            _ = stop.wait_for(Option::is_some) => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // an answer is one small write: it must not wait for the acknowledgement of the last one
                let _ = stream.set_nodelay(true);
                let handle = handle.clone();
                let mut stream = Stalling::new(stream, WRITE_TIMEOUT);
                let came = clock.map(|clock| stream.attend(clock));
                let service = service_fn(move |mut request: Request<Incoming>| {
                    if let Some(came) = &came {
                        request.extensions_mut().insert(came.clone());
                    }
                    handle(request, peer)
                });
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection to the embedded platform ended early");
                    }
                    drop(place);
                });
            }
            // the client went away between the kernel's accept and ours
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted; if files ran out, raise the limit with `ulimit -n`");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let grace = stop.borrow().unwrap_or_default();
    let _ = tokio::time::timeout(grace, graceful.shutdown()).await;
}
