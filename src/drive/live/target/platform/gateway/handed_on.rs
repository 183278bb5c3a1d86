//! The headers of a request as the function gets them, and of its answer as the client does.
//!
//! Gateway, provider and watchdog each pass on what they got, less what is between two neighbours only, and say where it came from
//! (faas `handlers/forwarding_proxy.go`, faas-provider `proxy/proxy.go`, of-watchdog `executor/http_runner.go`).

use std::net::SocketAddr;

use hyper::HeaderMap;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

/// Headers between two neighbours only, as the gateway has them.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// Headers that belong to the connection they came on, and are made anew for the next one.
const OF_THE_CONNECTION: [HeaderName; 3] = [CONTENT_LENGTH, HOST, EXPECT];

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What Go's client says it is where nobody said.
const GO: HeaderValue = HeaderValue::from_static("Go-http-client/1.1");
/// The type of an answer without one (faas-provider `proxy/proxy.go`, `defaultContentType`).
const DEFAULT_TYPE: HeaderValue = HeaderValue::from_static("text/plain");

/// What a request that came from `peer` with `headers` has when it comes to the function.
pub(super) fn to_function(headers: &HeaderMap, peer: SocketAddr) -> HeaderMap {
    let mut handed_on = without(headers, &[&HOP_BY_HOP[..], &OF_THE_CONNECTION]);
    let is_there = |name: &HeaderName| headers.get(name).is_some_and(|value| !value.is_empty());
    if let Some(host) = headers.get(HOST).filter(|_| !is_there(&FORWARDED_HOST)) {
        handed_on.insert(FORWARDED_HOST, host.clone());
    }
    // with its port, as Go has a remote address
    if let Ok(peer) = HeaderValue::try_from(peer.to_string())
        && !is_there(&FORWARDED_FOR)
    {
        handed_on.insert(FORWARDED_FOR, peer);
    }
    handed_on.entry(USER_AGENT).or_insert(GO);
    handed_on
}

/// What the function's answer has when it comes to the client.
pub(super) fn to_client(headers: &HeaderMap) -> HeaderMap {
    // its length goes along: an answer to HEAD has one without a body
    without(headers, &[&HOP_BY_HOP])
}

/// The provider gives every answer a type: its own, that of the request, or the default. A stream is left as it is.
pub(super) fn type_answer(answer: &mut HeaderMap, request: &HeaderMap) {
    if request.get(ACCEPT).is_some_and(|accept| accept == "text/event-stream") {
        return;
    }
    let given = |headers: &HeaderMap| headers.get(CONTENT_TYPE).filter(|value| !value.is_empty()).cloned();
    if given(answer).is_none() {
        answer.insert(CONTENT_TYPE, given(request).unwrap_or(DEFAULT_TYPE));
    }
}

fn without(headers: &HeaderMap, lists: &[&[HeaderName]]) -> HeaderMap {
    let mut kept = headers.clone();
    for name in lists.iter().copied().flatten() {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_711);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_is_between_neighbours_stays_behind_and_the_rest_goes_on_with_where_it_came_from() {
        let sent = headers(&[
            ("host", "gateway:8080"),
            ("hey", "hey"),
            ("user-agent", "curl/8"),
            ("connection", "close"),
            ("proxy-connection", "close"),
            ("proxy-authorization", "Basic eDp5"),
            ("te", "trailers"),
            ("content-length", "3"),
        ]);
        let expected = headers(&[
            ("hey", "hey"),
            ("user-agent", "curl/8"),
            ("x-forwarded-host", "gateway:8080"),
            ("x-forwarded-for", "127.0.0.1:4711"),
        ]);
        assert_eq!(to_function(&sent, PEER), expected);
    }

    #[test]
    fn where_it_came_from_is_believed_if_it_was_said() {
        let said = [("x-forwarded-host", "a"), ("x-forwarded-for", "b"), ("user-agent", "c")];
        assert_eq!(to_function(&headers(&said), PEER), headers(&said));
        let nothing = headers(&[("x-forwarded-for", "127.0.0.1:4711"), ("user-agent", "Go-http-client/1.1")]);
        assert_eq!(to_function(&HeaderMap::new(), PEER), nothing, "a client of HTTP/1.0 names no host");
    }

    #[test]
    fn an_answer_has_a_type_its_own_that_of_the_request_or_the_default() {
        for (answer, request, expected) in [
            (Some("a/b"), Some("c/d"), Some("a/b")),
            (None, Some("c/d"), Some("c/d")),
            (None, None, Some("text/plain")),
        ] {
            let typed = |value: Option<&'static str>| {
                value.map_or_else(HeaderMap::new, |value| headers(&[("content-type", value)]))
            };
            let mut answer = typed(answer);
            type_answer(&mut answer, &typed(request));
            assert_eq!(answer, typed(expected));
        }
        let mut streamed = HeaderMap::new();
        type_answer(&mut streamed, &headers(&[("accept", "text/event-stream")]));
        assert_eq!(streamed, HeaderMap::new());
    }
}
