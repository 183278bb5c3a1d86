//! Responses in the shapes Go's `net/http` gives them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use super::super::server::Answer;

/// A status and its text, for [`error`].
pub(super) type Refused = (StatusCode, String);

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

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

/// What Go's server says of a request it can't read, before it closes the connection.
pub(super) fn malformed(text_of_it: &str) -> Answer {
    let mut answer = text(StatusCode::BAD_REQUEST, text_of_it);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The router's way to a cleaner address: no body.
pub(super) fn moved(location: &str) -> Answer {
    with_location(empty(StatusCode::MOVED_PERMANENTLY), location)
}

/// `http.Redirect`, with a page for those who have to click.
pub(super) fn redirect(location: &str) -> Answer {
    let page = format!("<a href=\"{location}\">Moved Permanently</a>.\n\n");
    with_location(typed(StatusCode::MOVED_PERMANENTLY, HTML, page.into()), location)
}

fn with_location(mut answer: Answer, location: &str) -> Answer {
    // an address that was read from a request, escaped, is always a header value
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}
