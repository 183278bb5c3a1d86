//! A server that notes each request to the byte and answers by path. It runs on a thread of its own, like another host.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Plain,
    /// HTTP/1.1, and HTTP/2 if it is offered.
    Tls,
}

type Notes = Arc<Mutex<Vec<String>>>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    notes: Notes,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(speech: Speech) -> Self {
        let notes = Notes::default();
        let (end, ended) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let shared = Arc::clone(&notes);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                bound.send(listener.local_addr().expect("an address")).expect("the test waits");
                let acceptor = (speech == Speech::Tls).then(acceptor);
                let serving = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        stream.set_nodelay(true).expect("an open socket");
                        let (notes, acceptor) = (Arc::clone(&shared), acceptor.clone());
                        tokio::spawn(async move {
                            let Some(acceptor) = acceptor else { return serve(stream, &notes, "http").await };
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                                serve_h2(stream, notes).await;
                            } else {
                                serve(stream, &notes, "https").await;
                            }
                        });
                    }
                };
                tokio::select! { () = serving => {}, _ = ended => {} }
            });
        });
        let address = address.recv().expect("the server started");
        Self { address, notes, end: Some(end), thread: Some(thread) }
    }

    /// The requests that came, each to the byte.
    pub(super) fn requests(&self) -> Vec<String> {
        self.notes.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server did not panic");
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
    let config =
        ServerConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key);
    let mut config = config.expect("a certificate that fits its key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve_h2(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>, notes: Notes) {
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let notes = Arc::clone(&notes);
        async move {
            // HTTP/2 fixes no order of headers, and neither program keeps one
            let mut lines: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            lines.sort();
            let first = format!("{} {} {:?}", request.method(), request.uri(), request.version());
            notes.lock().expect("no panic").push(format!("{first}\n{}", lines.join("\n")));
            Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from_static(b"hello"))))
        }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, notes: &Notes, scheme: &str) {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer).await else {
            // a TLS handshake, perhaps, which servers answer in plain HTTP
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            return;
        };
        let header = |name: &str| {
            head.lines().skip(1).find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length: usize = header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while buffer.len() < length {
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body: Vec<u8> = buffer.drain(..length).collect();
        notes.lock().expect("no panic").push(format!("{head}{}", String::from_utf8_lossy(&body)));

        let mut words = head.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let target =
            target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or(target, |(_, path)| path);
        let host = header("Host").unwrap_or_default();
        let (answer, goes_on) = answer(method, target.trim_start_matches('/'), &format!("{scheme}://{host}")).await;
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if !goes_on || header("Connection").is_some_and(|value| value == "close") {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        if stream.read_buf(buffer).await.ok()? == 0 || buffer.first() == Some(&0x16) {
            return None;
        }
    }
}

/// `hello` in gzip.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6,
    0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
];

/// The answer as bytes, and whether the connection stays open.
async fn answer(method: &str, path: &str, base: &str) -> (Vec<u8>, bool) {
    let path = path.split('?').next().unwrap_or_default();
    let (what, number) = path.split_once('/').unwrap_or((path, ""));
    let number: u64 = number.parse().unwrap_or(0);
    let with = |status: u64, headers: &str, body: &str| {
        let body_sent = if method == "HEAD" { "" } else { body };
        format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body_sent}", body.len()).into_bytes()
    };
    let plain = |text: &str| text.as_bytes().to_vec();
    match what {
        "status" => (with(number, "", "hello"), true),
        "late" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            (with(200, "", "hello"), true)
        }
        "redirect" if number > 0 => (with(302, &format!("Location: /redirect/{}\r\n", number - 1), ""), true),
        "elsewhere" => (with(301, &format!("Location: {base}/\r\n"), "moved"), true),
        "other" => (with(303, "Location: /\r\n", ""), true),
        "again" => (with(307, "Location: /\r\n", ""), true),
        "loop" => (with(302, "Location: /loop\r\n", ""), true),
        "nowhere" => (with(302, "", ""), true),
        "gzip" => {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", GZIP.len());
            ([answer.as_bytes(), GZIP].concat(), true)
        }
        "chunked" => (plain("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), true),
        "until-closed" => (plain("HTTP/1.1 200 OK\r\n\r\nhello"), false),
        "closes" => (with(200, "Connection: close\r\n", "hello"), false),
        "close" => (Vec::new(), false),
        "garbage" => (plain("garbage\r\n\r\n"), false),
        "cut" => (plain("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"), false),
        "hang" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            (Vec::new(), false)
        }
        "hang-in-body" => {
            // the head goes out at once, the body never comes: two writes would need the stream here
            (plain("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"), true)
        }
        "no-content" => (plain("HTTP/1.1 204 No Content\r\n\r\n"), true),
        _ => (with(200, "", "hello"), true),
    }
}
