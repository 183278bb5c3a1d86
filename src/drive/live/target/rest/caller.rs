//! One exchange with one server: a connection of its own, plain or TLS, and a time limit for all of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::base::Base;
use super::{ACCEPTED_HEADER, Authorization, RestError};
use crate::drive::Trust;
use crate::drive::live::load::client_config;
use crate::drive::live::target::TargetError;

/// The longest status or metrics read, in bytes; a gateway with hundreds of functions stays well below.
const ANSWER_MAX: usize = 16 << 20;
/// How much of an unexpected answer is quoted, in characters.
const QUOTE_MAX: usize = 200;

/// Who speaks to one server.
#[derive(Clone, Debug)]
pub(in crate::drive::live::target) struct Caller {
    base: Base,
    authorization: Option<HeaderValue>,
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

impl Caller {
    /// For the server at `base`; nothing is sent yet.
    ///
    /// # Errors
    /// When TLS is wanted and the authorities can't be read, or the password can't stand in a header.
    pub(super) fn new(
        base: Base,
        authorization: Option<&Authorization>,
        trust: &Trust,
        timeout: Duration,
    ) -> Result<Self, TargetError> {
        let tls = if base.is_secure {
            let config = client_config(trust).map_err(|error| TargetError::Trust(error.to_string()))?;
            Some(config)
        } else {
            None
        };
        let authorization = match authorization {
            None => None,
            Some(authorization) => {
                let mut value =
                    HeaderValue::try_from(authorization.header()).map_err(|_invalid| TargetError::BadSecret)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self { base, authorization, tls, timeout })
    }

    /// For any server, by its address.
    ///
    /// # Errors
    /// As [`Caller::new`], and when the address can't be used.
    pub(in crate::drive::live::target) fn at(
        url: &str,
        authorization: Option<&Authorization>,
        trust: &Trust,
        timeout: Duration,
    ) -> Result<Self, TargetError> {
        Self::new(Base::parse(url)?, authorization, trust, timeout)
    }

    /// The same with another limit for an exchange.
    pub(super) fn within(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Scheme, authority and path of the server, without a slash at the end.
    pub(in crate::drive::live::target) fn prefix(&self) -> &str {
        &self.base.prefix
    }

    /// Sends one request to a path below the server's address and reads the answer.
    ///
    /// # Errors
    /// When no complete answer came in time.
    pub(in crate::drive::live::target) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, RestError> {
        let uri = format!("{}{path}", self.base.prefix);
        let uri: Uri = uri.parse().map_err(|source: hyper::http::uri::InvalidUri| RestError::Http {
            uri: Uri::default(),
            source: format!("{path:?} can't stand in an address: {source}").into(),
        })?;
        match tokio::time::timeout(self.timeout, self.call_untimed(&uri, method, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(RestError::Timeout { uri, timeout: self.timeout }),
        }
    }

    async fn call_untimed(&self, uri: &Uri, method: Method, body: Bytes) -> Result<Answer, RestError> {
        let address = || format!("{}:{}", self.base.host, self.base.port);
        let stream = TcpStream::connect((self.base.host.as_str(), self.base.port)).await;
        let stream = stream.map_err(|source| RestError::Connect { address: address(), source })?;
        let Some(config) = &self.tls else { return self.exchange(uri, method, body, stream).await };
        let tls = |source: std::io::Error| RestError::Tls { address: address(), source };
        let name = ServerName::try_from(self.base.host.clone()).map_err(|error| tls(std::io::Error::other(error)))?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(tls)?;
        self.exchange(uri, method, body, stream).await
    }

    async fn exchange<S>(&self, uri: &Uri, method: Method, body: Bytes, stream: S) -> Result<Answer, RestError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let http = |source: hyper::Error| RestError::Http { uri: uri.clone(), source: source.into() };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
        let request = self.request(uri, method, body)?;
        // whoever gives up waiting hangs up: a server that answers nobody is not to be left with ever more connections
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let response = sender.send_request(request).await.map_err(http)?;
        let status = response.status();
        let accepted = response.headers().get(ACCEPTED_HEADER);
        let accepted = accepted.and_then(|value| value.to_str().ok()?.parse().ok());
        let date = response.headers().get(DATE).cloned();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|source| match source.downcast::<LengthLimitError>() {
            Ok(_) => RestError::Http { uri: uri.clone(), source: format!("more than {ANSWER_MAX} bytes").into() },
            Err(source) => RestError::Http { uri: uri.clone(), source },
        })?;
        Ok(Answer { uri: uri.clone(), status, accepted, date, body: body.to_bytes() })
    }

    fn request(&self, uri: &Uri, method: Method, body: Bytes) -> Result<Request<Full<Bytes>>, RestError> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder().method(method).uri(path).header(HOST, authority).header(ACCEPT, "*/*");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::new(body)).map_err(|source| RestError::Http { uri: uri.clone(), source: source.into() })
    }
}

/// What came back.
#[derive(Debug)]
pub(in crate::drive::live::target) struct Answer {
    pub(super) uri: Uri,
    pub(in crate::drive::live::target) status: StatusCode,
    pub(super) accepted: Option<u32>,
    /// When the server gave it, by its own clock, in whole seconds.
    pub(super) date: Option<HeaderValue>,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body, if the status is one of these.
    ///
    /// # Errors
    /// With the status and the beginning of the body, if it is another.
    pub(in crate::drive::live::target) fn expect(&self, statuses: &[StatusCode]) -> Result<Bytes, RestError> {
        if statuses.contains(&self.status) {
            return Ok(self.body.clone());
        }
        Err(RestError::Status { uri: self.uri.clone(), status: self.status, body: quote(&self.body) })
    }
}

/// The beginning of a body, fit for a message.
pub(super) fn quote(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let body = body.trim();
    match body.char_indices().nth(QUOTE_MAX) {
        Some((end, _)) => format!("{}...", &body[..end]),
        None => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn whoever_gets_no_answer_hangs_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            // to the end, which comes when the other side hangs up
            stream.read_to_end(&mut heard).await.unwrap();
            heard
        });
        let caller = Caller::at(&url, None, &Trust::System, Duration::from_millis(200)).unwrap();
        let answer = caller.call(Method::GET, "/slow", Bytes::new()).await;
        assert!(matches!(answer, Err(RestError::Timeout { .. })), "{answer:?}");
        let heard = tokio::time::timeout(Duration::from_secs(30), server).await.unwrap().unwrap();
        assert!(heard.starts_with(b"GET /slow HTTP/1.1\r\n"));
    }
}
