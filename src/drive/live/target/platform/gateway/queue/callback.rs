//! The result of a queued call, posted to who asked for it (nats-queue-worker `main.go`, `postResult`).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::WORKER;

/// Time for one callback, from the dial to the head of the answer: one that never answers must not keep the worker for ever.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How a queued call ended.
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A result on its way.
pub(super) struct Callback {
    pub(super) url: String,
    pub(super) function: String,
    pub(super) call_id: Option<HeaderValue>,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
}

/// Why a result was not delivered.
#[derive(Debug, thiserror::Error)]
enum CallbackError {
    #[error("it is no address that begins with http://")]
    Address,
    #[error("no answer within {TIMEOUT:?}")]
    Timeout,
    #[error("{0}")]
    Dial(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

impl Callback {
    /// Posts it, once. What goes wrong is logged, as the worker does.
    pub(super) async fn post(self) {
        let (url, function) = (self.url.clone(), self.function.clone());
        let sent = tokio::time::timeout(TIMEOUT, self.send()).await;
        match sent.unwrap_or(Err(CallbackError::Timeout)) {
            Ok(status) => {
                let status = status.as_u16();
                tracing::debug!(%url, function, status, "posted the result of a queued call");
            }
            Err(error) => tracing::warn!(%url, function, %error, "the result of a queued call was not delivered"),
        }
    }

    async fn send(self) -> Result<StatusCode, CallbackError> {
        let url: Uri = self.url.parse().map_err(|_| CallbackError::Address)?;
        let host = url.host().filter(|_| url.scheme_str() == Some("http")).ok_or(CallbackError::Address)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((bare, port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let shown = if port == 80 { host.to_owned() } else { format!("{host}:{port}") };
        let request = self.request(&url, &shown);
        // ends with the connection
        let connection = tokio::spawn(connection);
        let answered = sender.send_request(request).await;
        connection.abort();
        Ok(answered?.status())
    }

    fn request(self, url: &Uri, host: &str) -> Request<Full<Bytes>> {
        let Outcome { status, mut headers, body } = self.outcome;
        // the function's headers go along; those of its connection don't
        for header in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            headers.remove(header);
        }
        let mut put = |name: HeaderName, value: Result<HeaderValue, hyper::http::Error>| {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        };
        let text = |text: String| HeaderValue::try_from(text).map_err(Into::into);
        put(HOST, text(host.to_owned()));
        put(USER_AGENT, Ok(WORKER));
        put(CONNECTION, Ok(HeaderValue::from_static("close")));
        put(HeaderName::from_static("x-duration-seconds"), text(format!("{:.6}", self.took.as_secs_f64())));
        put(HeaderName::from_static("x-function-status"), Ok(HeaderValue::from(status.as_u16())));
        put(HeaderName::from_static("x-function-name"), text(self.function));
        if let Some(id) = self.call_id {
            put(HeaderName::from_static("x-call-id"), Ok(id));
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().unwrap_or_default();
        *request.headers_mut() = headers;
        request
    }
}
