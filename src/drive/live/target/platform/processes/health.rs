//! Whether a replica that was started is in service yet.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ChildStdout;
use std::sync::Weak;
use std::time::Duration;

use super::Pool;
use super::replica::port_of;
use crate::record::{FunctionId, ReplicaId};

/// Time between two health checks of a replica that is starting.
const CHECK_EVERY: Duration = Duration::from_millis(20);
/// Time for one health check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until a new replica listens and is healthy, and tells the pool. Ends without a word if the replica or the pool does.
pub(super) fn await_health(pool: &Weak<Pool>, function: FunctionId, id: ReplicaId, output: ChildStdout) {
    let Some(port) = port_of(output) else { return };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while let Some(pool) = pool.upgrade() {
        if is_healthy(address) {
            pool.is_healthy(function, id, port);
            return;
        }
        let state = pool.lock();
        let is_there = state.functions[usize::from(function.0)].replicas.iter().any(|replica| replica.id == id);
        if state.ended || !is_there {
            return;
        }
        drop(pool.wait(state, CHECK_EVERY));
    }
}

/// Whether the health address answers 200, as the readiness probe of faas-netes asks (`pkg/k8s/probes.go`).
fn is_healthy(address: SocketAddr) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, CHECK_TIMEOUT)?;
        stream.set_read_timeout(Some(CHECK_TIMEOUT))?;
        stream.write_all(b"GET /_/health HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
