//! Redirects as Go's `net/http` follows them (client.go of Go 1.19: `redirectBehavior`, `Client.do`, `makeHeadersCopier`,
//! `refererForURL`): which answers lead on, and to what request. Nothing is sent here.

use std::sync::Arc;

use hyper::{Method, Uri};

use crate::drive::RequestPlan;
use crate::record::ErrorKind;

use super::failure::Fault;
use super::reference;
use super::request::{Prepared, RequestError};

/// Most requests in one chain: Go's `defaultCheckRedirect`.
const REQUESTS_MAX: u32 = 10;

/// Headers that go to no other host than the one they were meant for.
const CONFIDENTIAL: [&str; 4] = ["authorization", "www-authenticate", "cookie", "cookie2"];

/// Whether an answer with this status leads on, if it says where to.
pub(super) fn leads_on(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// A request that was redirected, and may be again.
#[derive(Debug)]
pub(super) struct Chain {
    first: Arc<Prepared>,
    last: Arc<Prepared>,
    requests: u32,
}

/// Where a redirect failed: the address to be blamed, and why.
pub(super) type DeadEnd = (String, Fault);

impl Chain {
    /// A chain of one request, which was answered.
    pub(super) fn of(first: Arc<Prepared>) -> Self {
        Self { last: Arc::clone(&first), first, requests: 1 }
    }

    /// The request that follows an answer with this status and `Location`; `None` if the answer is the chain's result.
    pub(super) fn next(&mut self, status: u16, location: &str) -> Result<Option<Arc<Prepared>>, DeadEnd> {
        let keeps_method = matches!(status, 307 | 308);
        // a body that was sent can't be had again
        if !leads_on(status) || location.is_empty() || (keeps_method && self.first.has_body()) {
            return Ok(None);
        }
        let dead = |url: String, why: String| (url, Fault::new(ErrorKind::Redirect, why));
        let Some(url) = reference::resolve(&self.last.url, location) else {
            return Err(match reference::split_scheme(location) {
                (Some(scheme), _) if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") => {
                    dead(location.to_owned(), format!("unsupported protocol scheme {scheme:?}"))
                }
                _ => dead(self.last.shown.clone(), format!("failed to parse Location header {location:?}")),
            });
        };
        if self.requests >= REQUESTS_MAX {
            return Err(dead(location.to_owned(), format!("stopped after {REQUESTS_MAX} redirects")));
        }
        let plan = self.plan(&url, keeps_method, location);
        let next = Prepared::over(&url, &plan, Arc::clone(&self.first.tls)).map_err(|error| match error {
            RequestError::Scheme(url) => {
                let scheme = reference::split_scheme(&url).0.unwrap_or_default().to_owned();
                dead(url, format!("unsupported protocol scheme {scheme:?}"))
            }
            RequestError::Host(url) => dead(url, "http: no Host in request URL".to_owned()),
            other => dead(url.to_string(), other.to_string()),
        })?;
        let next = Arc::new(next);
        self.last = Arc::clone(&next);
        self.requests += 1;
        Ok(Some(next))
    }

    /// What is sent next: the first request's headers, without its body, and who sent us.
    fn plan(&self, url: &Uri, keeps_method: bool, location: &str) -> RequestPlan {
        let mut plan = RequestPlan::clone(&self.first.plan);
        let method = self.last.method();
        let keeps_method = keeps_method || matches!(*method, Method::GET | Method::HEAD);
        if keeps_method { method.as_str() } else { "GET" }.clone_into(&mut plan.method);
        let same_host = is_same_or_below(url, &self.last.url);
        let keeps_host = !reference::is_absolute(location);
        plan.headers.retain(|(name, _)| {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            (keeps_host || !is("host")) && (same_host || !CONFIDENTIAL.into_iter().any(is))
        });
        if self.last.url.scheme_str() != Some("https") || url.scheme_str() != Some("http") {
            refer(&mut plan, self.last.url.to_string());
        }
        plan
    }
}

/// Sets `Referer` at its place: by name behind the user agent, before the `Accept-Encoding` that the client adds itself.
fn refer(plan: &mut RequestPlan, referer: String) {
    plan.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("referer"));
    let added = plan.client.unpack && plan.headers.last().is_some_and(|(name, _)| name == "Accept-Encoding");
    let end = plan.headers.len() - usize::from(added);
    let is_first = |name: &str| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("user-agent");
    let begin = plan.headers.iter().take_while(|(name, _)| is_first(name)).count().min(end);
    let place = plan.headers[begin..end].iter().position(|(name, _)| name.as_str() > "Referer");
    plan.headers.insert(place.map_or(end, |place| begin + place), ("Referer".to_owned(), referer));
}

/// Whether an address is at the same host and port as another one, or at a host below it.
fn is_same_or_below(url: &Uri, other: &Uri) -> bool {
    let place = |url: &Uri| {
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
        format!("{}:{port}", url.host().unwrap_or_default().to_ascii_lowercase())
    };
    let (place, other) = (place(url), place(other));
    place == other || place.strip_suffix(&other).is_some_and(|below| below.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(url: &str, plan: &RequestPlan) -> Chain {
        Chain::of(Arc::new(Prepared::new(&url.parse().expect("an address"), plan).expect("a request")))
    }

    fn text(request: &Prepared) -> String {
        String::from_utf8_lossy(request.bytes()).replace("\r\n", "\n")
    }

    fn plan(method: &str, headers: &[(&str, &str)]) -> RequestPlan {
        let mut plan = RequestPlan { method: method.to_owned(), ..RequestPlan::default() };
        for (name, value) in headers {
            plan.headers.insert(plan.headers.len() - 1, ((*name).to_owned(), (*value).to_owned()));
        }
        plan
    }

    #[test]
    fn methods_change_and_bodies_stay_behind_as_in_go() {
        let mut with_body = plan("POST", &[]);
        with_body.body = b"xx".to_vec();
        for (sent, status, expected) in [
            (plan("GET", &[]), 302, Some("GET")),
            (plan("HEAD", &[]), 303, Some("HEAD")),
            (plan("POST", &[]), 301, Some("GET")),
            (plan("PUT", &[]), 303, Some("GET")),
            (plan("POST", &[]), 307, Some("POST")),
            (with_body.clone(), 302, Some("GET")),
            (with_body.clone(), 308, None),
            (plan("GET", &[]), 304, None),
            (plan("GET", &[]), 300, None),
        ] {
            let next = chain("http://a/b", &sent).next(status, "/c").expect("no dead end");
            assert_eq!(next.as_ref().map(|next| next.method().as_str()), expected, "{} {status}", sent.method);
            assert!(next.is_none_or(|next| !next.has_body()));
        }
        // a chain that began with a body never keeps its method, whatever became of it since
        let mut chain = chain("http://a/b", &with_body);
        assert!(chain.next(302, "/c").expect("no dead end").is_some());
        assert!(chain.next(307, "/d").expect("no dead end").is_none());
    }

    #[test]
    fn headers_go_along_with_a_referer_and_secrets_stay_at_home() {
        let sent = plan("GET", &[("Authorization", "Basic x"), ("X-B", "1"), ("Cookie", "c")]);
        let next = chain("http://a.test/b?c", &sent).next(302, "d").expect("no dead end").expect("a request");
        insta::assert_snapshot!(text(&next), @r"
        GET /d HTTP/1.1
        Host: a.test
        User-Agent: hey/0.0.1
        Content-Type: text/html
        Authorization: Basic x
        Referer: http://a.test/b?c
        X-B: 1
        Cookie: c
        Accept-Encoding: gzip
        ");
        for (from, location, kept) in [
            ("http://a.test/", "http://a.test:80/", true),
            ("http://a.test/", "http://b.a.test/", true),
            ("http://a.test/", "http://ba.test/", false),
            ("http://a.test/", "http://a.test:81/", false),
            ("http://a.test/", "https://a.test/", false),
        ] {
            let next = chain(from, &sent).next(302, location).expect("no dead end").expect("a request");
            assert_eq!(text(&next).contains("Authorization"), kept, "{from} to {location}");
            assert_eq!(text(&next).contains("Cookie"), kept);
        }
        let next = chain("https://a.test/", &sent).next(302, "http://a.test/").expect("no dead end");
        assert!(!text(&next.expect("a request")).contains("Referer"));
    }

    #[test]
    fn a_host_of_the_user_s_goes_along_with_relative_redirects_only() {
        let mut sent = plan("GET", &[]);
        sent.headers.insert(0, ("Host".to_owned(), "fn.example".to_owned()));
        for (location, host) in [("/c", "fn.example"), ("http://b/c", "b")] {
            let next = chain("http://a/b", &sent).next(302, location).expect("no dead end").expect("a request");
            assert!(text(&next).contains(&format!("\nHost: {host}\n")), "{}", text(&next));
        }
    }

    #[test]
    fn dead_ends_are_blamed_in_go_s_words() {
        let blamed = |chain: &mut Chain, location: &str| {
            let (url, fault) = chain.next(302, location).expect_err("a dead end");
            assert_eq!(fault.kind, ErrorKind::Redirect);
            format!("{url}: {}", fault.why.unwrap_or_default())
        };
        let mut one = chain("http://u:canary@a/b", &plan("GET", &[]));
        assert_eq!(blamed(&mut one, "ftp://x/y"), "ftp://x/y: unsupported protocol scheme \"ftp\"");
        assert_eq!(blamed(&mut one, "mailto:x"), "mailto:x: unsupported protocol scheme \"mailto\"");
        assert_eq!(
            blamed(&mut one, "http://a b/"),
            "http://u:***@a/b: failed to parse Location header \"http://a b/\""
        );
        let mut long = chain("http://a/b", &plan("GET", &[]));
        for _ in 1..REQUESTS_MAX {
            assert!(long.next(302, "/loop").expect("no dead end").is_some());
        }
        assert_eq!(blamed(&mut long, "/loop"), "/loop: stopped after 10 redirects");
    }
}
