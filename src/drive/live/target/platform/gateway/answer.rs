//! Responses in the shapes Go's `net/http` gives them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::super::server::Answer;

const TEXT: &str = "text/plain; charset=utf-8";

/// A status alone: `w.WriteHeader`.
pub(in super::super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// A body of this type.
pub(in super::super) fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A text as it is: `w.Write`, whose type Go guesses.
pub(in super::super) fn text(status: StatusCode, text: &str) -> Answer {
    typed(status, TEXT, Bytes::copy_from_slice(text.as_bytes()))
}

/// A text and a new line: `http.Error`.
pub(in super::super) fn error(status: StatusCode, text: &str) -> Answer {
    let mut answer = typed(status, TEXT, format!("{text}\n").into());
    let header = HeaderName::from_static("x-content-type-options");
    answer.headers_mut().insert(header, HeaderValue::from_static("nosniff"));
    answer
}

/// What Go's router says of an address it does not know.
pub(in super::super) fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "404 page not found")
}
