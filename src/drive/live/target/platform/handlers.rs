//! What the functions answer: status, type and bytes, and the waiting a request asks for; `functions/` has them in Python.
//! How long it takes is the model's say.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::factorial::{Bodies, NUMBER_MAX};
use super::python::{Integer, float, int};
use crate::drive::Handler;

/// One request, seen from inside the function.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Whether it carries the header `Hey`, in any case.
    pub(super) probe: bool,
    /// Without `?`.
    pub(super) query: &'a str,
}

/// What the function does with it.
pub(super) struct Job {
    /// How long it holds its worker thread; `None` leaves that to the model.
    pub(super) wait: Option<Duration>,
    pub(super) reply: Reply,
}

/// What the function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// For `OPTIONS`.
    pub(super) allow: Option<&'static str>,
}

impl Reply {
    /// Errors repeat what the caller wrote, so they are no HTML.
    fn failed(text: String) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, content_type: "text/plain; charset=utf-8", body: text.into(), allow: None }
    }

    /// What Flask answers when the handler raises an exception (werkzeug `exceptions.py`).
    pub(super) fn raised() -> Self {
        const PAGE: &str = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n\
            <h1>Internal Server Error</h1>\n<p>The server encountered an internal error and was unable to complete your request. \
            Either the server is overloaded or there is an error in the application.</p>\n";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self {
            status,
            content_type: "text/html; charset=utf-8",
            body: Bytes::from_static(PAGE.as_bytes()),
            allow: None,
        }
    }

    fn json(body: Bytes) -> Self {
        Self { status: StatusCode::OK, content_type: "application/json", body, allow: None }
    }

    fn empty() -> Self {
        Self { status: StatusCode::OK, content_type: "text/html; charset=utf-8", body: Bytes::new(), allow: None }
    }
}

/// What a function does with a call.
pub(super) async fn job(handler: Handler, call: &Call<'_>, bodies: &Bodies) -> Job {
    if call.method == Method::OPTIONS {
        // Flask answers these itself
        let reply = Reply { allow: Some("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"), ..Reply::empty() };
        return Job { wait: Some(Duration::ZERO), reply };
    }
    if call.probe {
        return Job { wait: Some(Duration::ZERO), reply: Reply::empty() };
    }
    let failed = |text: String| Job { wait: Some(Duration::ZERO), reply: Reply::failed(text) };
    let number = value(call.query, "number");
    match handler {
        Handler::Plain => Job { wait: None, reply: Reply::empty() },
        Handler::Ftest => match factor(number.as_deref()) {
            Ok(n) => Job { wait: None, reply: Reply::json(bodies.get(n).await) },
            Err(text) => failed(text),
        },
        Handler::Sleepy => match sleep(number.as_deref()) {
            Ok(wait) => {
                let reply = Reply::json(Bytes::from_static(b"{\"value\":\"Good Morning!\"}\n"));
                Job { wait: Some(wait), reply }
            }
            Err(text) => failed(text),
        },
    }
}

fn factor(number: Option<&str>) -> Result<u32, String> {
    match int(number.ok_or("number is missing; ask for example with ?number=50")?)? {
        Integer::Fits(n) if n <= NUMBER_MAX => Ok(n),
        _ => Err(format!("number is not from 0 to {NUMBER_MAX}")),
    }
}

fn sleep(number: Option<&str>) -> Result<Duration, String> {
    let seconds = float(number.ok_or("number is missing; ask for example with ?number=0.75")?)?;
    let max = Handler::SLEEP_MAX.as_secs_f64();
    if (0.0..=max).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("number is not from 0 to {max}"))
    }
}

/// The first value of a key in a query string, decoded; a key without `=` has an empty one.
fn value<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .filter(|(name, value)| !(name.is_empty() && value.is_empty()))
        .find(|(name, _)| decoded(name) == key)
        .map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let hex = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_value_of_a_key_counts_and_is_decoded() {
        for (query, number) in [
            ("number=50", Some("50")),
            ("a=1&number=5&number=6", Some("5")),
            ("n%75mber=%35+0", Some("5 0")),
            ("number", Some("")),
            ("number=%zz%4", Some("%zz%4")),
            ("numbers=5&&=", None),
            ("", None),
        ] {
            assert_eq!(value(query, "number").as_deref(), number, "{query:?}");
        }
    }

    #[test]
    fn a_factorial_is_bounded_and_says_what_is_wrong() {
        assert_eq!(factor(Some("10000")), Ok(10_000));
        for (number, text) in [
            (None, "number is missing; ask for example with ?number=50"),
            (Some("fifty"), "invalid literal for int() with base 10: 'fifty'"),
            (Some("-1"), "number is not from 0 to 10000"),
            (Some("10001"), "number is not from 0 to 10000"),
        ] {
            assert_eq!(factor(number), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_sleep_is_a_length_of_time_that_the_watchdog_allows() {
        assert_eq!(sleep(Some("0.75")), Ok(Duration::from_millis(750)));
        for (number, text) in [
            (None, "number is missing; ask for example with ?number=0.75"),
            (Some("long"), "could not convert string to float: 'long'"),
            (Some("-0.1"), "number is not from 0 to 30"),
            (Some("nan"), "number is not from 0 to 30"),
            (Some("31"), "number is not from 0 to 30"),
        ] {
            assert_eq!(sleep(number), Err(text.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_a_function_panic(query in "\\PC{0,60}") {
            let number = value(&query, "number");
            let _ = (factor(number.as_deref()), sleep(number.as_deref()));
        }
    }
}
