//! Dialling: from a route to a stream that a request can be written to.
//!
//! ```text
//!   look-up --> race of the address families --> [TLS to the proxy] --> [tunnel through it] --> [TLS to the server]
//! ```

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::drive::live::clock::Clock;
use crate::record::ErrorKind;
use crate::time::Timestamp;

use super::failure::Fault;
use super::request::Prepared;
use super::route::{Host, ProxyKind, Route};
use super::stream::Stream;
use super::tunnel;

/// How long the first address family is given before the other one is tried too: Go's `net.Dialer.FallbackDelay` and the
/// Connection Attempt Delay of RFC 8305 are of this size; 300 ms is Go's.
const FALLBACK_DELAY: Duration = Duration::from_millis(300);

/// How long a dial took, and since when its connection can be written to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dial {
    pub(super) lookup: Duration,
    pub(super) whole: Duration,
    pub(super) ready: Option<Timestamp>,
}

impl Dial {
    /// Opens a connection for `request` that carries plain HTTP/1.1 on bare TCP, and notes in `self` what it took.
    pub(super) async fn open_bare(&mut self, clock: Clock, request: &Prepared) -> Result<TcpStream, Fault> {
        let begun = clock.now();
        let stream = self.reach(clock, &request.route).await?;
        self.is_ready(clock, begun);
        Ok(stream)
    }

    /// Opens a connection for `request`, whatever lies below HTTP, and notes in `self` what it took.
    pub(super) async fn open(&mut self, clock: Clock, request: &Prepared) -> Result<Stream, Fault> {
        let begun = clock.now();
        let route = &request.route;
        let mut stream = Stream::Tcp(self.reach(clock, route).await?);
        if let Some(proxy) = &route.proxy {
            if proxy.kind == ProxyKind::Https {
                let secured = request.tls.shake_hands(stream, &proxy.host.written(), false).await;
                stream = secured.map_err(|fault| through_proxy(fault.kind, fault.why))?;
            }
            if route.tls.is_some() && proxy.kind != ProxyKind::Socks {
                tunnel::connect(&mut stream, proxy, &route.authority()).await?;
            }
        }
        if let Some(name) = &route.tls {
            stream = request.tls.shake_hands(stream, name, true).await?;
        }
        self.is_ready(clock, begun);
        Ok(stream)
    }

    fn is_ready(&mut self, clock: Clock, begun: Timestamp) {
        let ready = clock.now();
        self.whole = ready - begun;
        self.ready = Some(ready);
    }

    /// A TCP connection to the server, or to the proxy before it; a SOCKS proxy has been told where to go.
    async fn reach(&mut self, clock: Clock, route: &Route) -> Result<TcpStream, Fault> {
        let Some(proxy) = &route.proxy else { return self.connect(clock, &route.host, route.port).await };
        let connected = self.connect(clock, &proxy.host, proxy.port).await;
        let mut stream = connected.map_err(|fault| through_proxy(fault.kind, fault.why))?;
        if proxy.kind == ProxyKind::Socks {
            tunnel::socks(&mut stream, proxy, &route.host, route.port).await?;
        }
        Ok(stream)
    }

    async fn connect(&mut self, clock: Clock, host: &Host, port: u16) -> Result<TcpStream, Fault> {
        let stream = match host {
            Host::Address(address) => connect_in_turn(&[SocketAddr::new(*address, port)]).await?,
            Host::Name(name) => {
                let begun = clock.now();
                let found = tokio::net::lookup_host((name.as_str(), port)).await;
                self.lookup = clock.now() - begun;
                let addresses: Vec<SocketAddr> = match found {
                    Ok(found) => found.collect(),
                    Err(_) => return Err(not_found(name)),
                };
                race(&addresses).await?
            }
        };
        stream.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
        Ok(stream)
    }
}

/// Connects as Go does (`net.Dialer.dialParallel`): the family of the first address at once, the other one when that fails or
/// takes long; whoever is first wins.
async fn race(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first_is_v4);
    if second.is_empty() {
        return connect_in_turn(&first).await;
    }
    let mut first = pin!(connect_in_turn(&first));
    let fault = tokio::select! {
        outcome = &mut first => match outcome {
            Ok(stream) => return Ok(stream),
            Err(fault) => Some(fault),
        },
        () = tokio::time::sleep(FALLBACK_DELAY) => None,
    };
    if let Some(fault) = fault {
        return connect_in_turn(&second).await.map_err(|_| fault);
    }
    let mut second = pin!(connect_in_turn(&second));
    tokio::select! {
        outcome = &mut first => match outcome {
            Ok(stream) => Ok(stream),
            Err(fault) => second.await.map_err(|_| fault),
        },
        outcome = &mut second => match outcome {
            Ok(stream) => Ok(stream),
            Err(_) => first.await,
        },
    }
}

/// Connects to the first address that can be; the fault is the first one's.
async fn connect_in_turn(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    let mut first = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                first.get_or_insert_with(|| Fault::dial(*address, &error));
            }
        }
    }
    Err(first.unwrap_or_else(|| Fault::new(ErrorKind::Dns, "dial tcp: the name has no address")))
}

/// A fault on the way to the proxy.
fn through_proxy(kind: ErrorKind, why: Option<String>) -> Fault {
    let why = why.unwrap_or_else(|| super::failure::in_words(kind, false));
    Fault::new(ErrorKind::Proxy, format!("proxyconnect tcp: {why}"))
}

/// A name without addresses, as Go says it: with the resolver that was asked, unless the name is none that can be asked for.
fn not_found(name: &str) -> Fault {
    let is_name = name.trim_end_matches('.').split('.').all(|label| (1..=63).contains(&label.len()));
    let resolver = if is_name { resolver(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()) } else { None };
    let on = resolver.map_or(String::new(), |resolver| format!(" on {resolver}"));
    Fault::new(ErrorKind::Dns, format!("dial tcp: lookup {name}{on}: no such host"))
}

/// The first resolver that a resolv.conf names, with its port.
fn resolver(conf: &str) -> Option<SocketAddr> {
    let mut named = conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok());
    named.next().map(|address| SocketAddr::new(address, 53))
}

/// How a handshake ended that got no further.
pub(super) fn ended(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        _ => super::failure::system(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn closed_port(host: &str) -> SocketAddr {
        TcpListener::bind((host, 0)).await.expect("a port").local_addr().expect("an address")
    }

    fn on_runtime<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn the_other_family_is_tried_when_the_first_refuses() {
        on_runtime(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let open = listener.local_addr().expect("an address");
            let v6 = SocketAddr::new("::1".parse().expect("an address"), closed_port("127.0.0.1").await.port());
            for addresses in [vec![v6, open], vec![open, v6], vec![closed_port("127.0.0.1").await, open]] {
                let stream = race(&addresses).await.expect("one of them listens");
                assert_eq!(stream.peer_addr().expect("a peer"), open);
            }
        });
    }

    #[test]
    fn where_nobody_listens_the_first_address_is_named() {
        on_runtime(async {
            let (one, other) = (closed_port("127.0.0.1").await, closed_port("127.0.0.1").await);
            let fault = race(&[one, other]).await.expect_err("nobody listens");
            assert_eq!(fault.kind, ErrorKind::Refused);
            assert_eq!(fault.why, Some(format!("dial tcp {one}: connect: connection refused")));
        });
    }

    #[test]
    fn the_resolver_is_the_first_one_named() {
        for (conf, expected) in [
            ("# x\nsearch a\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n", Some("10.0.0.2:53")),
            ("nameserver\tfd00::1\n", Some("[fd00::1]:53")),
            ("", None),
        ] {
            assert_eq!(resolver(conf).map(|address| address.to_string()).as_deref(), expected);
        }
    }
}
