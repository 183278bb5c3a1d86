//! Tunnels through a proxy: `CONNECT` of HTTP (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928 and 1929).
//!
//! Whatever goes wrong here is the proxy's fault, in kind, and has Go's words where it has some.

use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use hyper::Method;

use crate::record::ErrorKind;

use super::answer::Answer;
use super::dial::ended;
use super::failure::Fault;
use super::route::{Host, Proxy};
use super::stream::Stream;

fn fault(why: impl Into<String>) -> Fault {
    Fault::new(ErrorKind::Proxy, why)
}

/// Asks an HTTP proxy for a tunnel to `authority`.
pub(super) async fn connect(stream: &mut Stream, proxy: &Proxy, authority: &str) -> Result<(), Fault> {
    // as Go's transport writes it, whatever the user agent of the requests
    let credentials = proxy.authorization().map(|value| format!("Proxy-Authorization: {value}\r\n"));
    let request = format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: Go-http-client/1.1\r\n{}\r\n",
        credentials.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| fault(ended(&error)))?;
    stream.flush().await.map_err(|error| fault(ended(&error)))?;

    let mut answer = Answer::to(&Method::CONNECT, false);
    let mut bytes = Vec::new();
    let mut reason = None;
    loop {
        if let Some(head) = answer.whole() {
            return match (head.status, bytes.is_empty()) {
                (200, true) => Ok(()),
                (200, false) => Err(fault("the proxy said more than that the tunnel stands")),
                (status, _) => {
                    Err(fault(reason.filter(|text: &String| !text.is_empty()).unwrap_or_else(|| status.to_string())))
                }
            };
        }
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).await.map_err(|error| fault(ended(&error)))?;
        if length == 0 {
            // a refusal whose body ends with the connection is one all the same
            return Err(fault(
                reason.filter(|text: &String| !text.is_empty()).unwrap_or_else(|| "unexpected EOF".to_owned()),
            ));
        }
        bytes.extend_from_slice(&piece[..length]);
        if reason.is_none() {
            reason = reason_of(&bytes);
        }
        let taken = answer.take(&bytes).map_err(|_| {
            fault(super::failure::malformed(&bytes).unwrap_or_else(|| "the proxy's answer is no HTTP".to_owned()))
        })?;
        bytes.drain(..taken);
    }
}

/// What follows the status in the first line, once that has come; empty if there is nothing.
fn reason_of(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = String::from_utf8_lossy(&bytes[..end]);
    Some(line.trim_end().splitn(3, ' ').nth(2).unwrap_or_default().to_owned())
}

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;

/// Asks a SOCKS5 proxy for a connection.
pub(super) async fn socks(stream: &mut TcpStream, proxy: &Proxy, host: &Host, port: u16) -> Result<(), Fault> {
    let broken = |error: std::io::Error| fault(format!("socks connect tcp: {}", ended(&error)));
    let greeting: &[u8] = match proxy.user {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(greeting).await.map_err(broken)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(broken)?;
    match (chosen, &proxy.user) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some((user, password))) => {
            let mut message = vec![1, user.len() as u8];
            message.extend_from_slice(user.as_bytes());
            message.push(password.len() as u8);
            message.extend_from_slice(password.as_bytes());
            stream.write_all(&message).await.map_err(broken)?;
            let mut verdict = [0; 2];
            stream.read_exact(&mut verdict).await.map_err(broken)?;
            if verdict[1] != 0 {
                return Err(fault("socks connect tcp: username/password authentication failed"));
            }
        }
        ([VERSION, _], _) => return Err(fault("socks connect tcp: no acceptable authentication methods")),
        ([version, _], _) => return Err(fault(format!("socks connect tcp: unexpected protocol version {version}"))),
    }

    let mut request = vec![VERSION, 1, 0];
    match host {
        Host::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Host::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Host::Name(name) => {
            let length = u8::try_from(name.len()).map_err(|_| fault("socks connect tcp: FQDN too long"))?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await.map_err(broken)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(broken)?;
    if reply[0] != VERSION {
        return Err(fault(format!("socks connect tcp: unexpected protocol version {}", reply[0])));
    }
    if reply[1] != 0 {
        return Err(fault(format!("socks connect tcp: {}", refusal(reply[1]))));
    }
    // the address the proxy bound, which nobody needs
    let length = match reply[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(broken)?),
        other => return Err(fault(format!("socks connect tcp: unknown address type {other}"))),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await.map_err(broken)?;
    Ok(())
}

/// RFC 1928, 6, in Go's words.
fn refusal(code: u8) -> String {
    match code {
        1 => "general SOCKS server failure".to_owned(),
        2 => "connection not allowed by ruleset".to_owned(),
        3 => "network unreachable".to_owned(),
        4 => "host unreachable".to_owned(),
        5 => "connection refused".to_owned(),
        6 => "TTL expired".to_owned(),
        7 => "command not supported".to_owned(),
        8 => "address type not supported".to_owned(),
        other => format!("unknown code: {other}"),
    }
}
