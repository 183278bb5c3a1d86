//! Dialling: from a host's name or address to a stream that can be written to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::drive::live::clock::Clock;
use crate::record::ErrorKind;
use crate::time::Timestamp;

use super::request::{Host, Prepared};

/// How long a dial took, and since when its connection can be written to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dial {
    pub(super) lookup: Duration,
    pub(super) whole: Duration,
    pub(super) ready: Option<Timestamp>,
}

impl Dial {
    /// Opens a connection to where `request` goes, and notes in `self` what it took.
    pub(super) async fn open(&mut self, clock: Clock, request: &Prepared) -> Result<TcpStream, ErrorKind> {
        let begun = clock.now();
        let stream = match &request.host {
            Host::Address(address) => TcpStream::connect(SocketAddr::new(*address, request.port)).await,
            Host::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), request.port)).await;
                self.lookup = clock.now() - begun;
                let addresses: Vec<SocketAddr> = found.map_err(|_| ErrorKind::Connect)?.collect();
                TcpStream::connect(&addresses[..]).await
            }
        };
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => ErrorKind::Refused,
            _ => ErrorKind::Connect,
        })?;
        stream.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
        let ready = clock.now();
        self.whole = ready - begun;
        self.ready = Some(ready);
        Ok(stream)
    }
}
