//! A worker's client: its connections, and the redirects between them.
//!
//! ```text
//!   request --> the line to its server --> an answer, or a redirect --> the line to another server --> ...
//! ```
//!
//! A chain of redirects is one exchange: it begins where the first request left and tells of the last one's way, as hey does.

use std::sync::Arc;

use crate::drive::live::clock::Clock;
use crate::record::ErrorKind;
use crate::time::Timestamp;

use super::engine::{Engine, Exchange};
use super::failure::{Failure, in_words, operation};
use super::plain::Plain;
use super::redirect::{Chain, leads_on};
use super::request::Prepared;
use super::route::Route;
use super::secured::Secured;

/// Most lines kept beside the one to the server itself: a chain leads to no more.
const OTHERS_MAX: usize = 8;

/// A line to a server, dialled again whenever it was closed.
enum Line {
    // the line of nearly all requests lies where it is used
    Plain(Plain),
    Secured(Box<Secured>),
}

impl Line {
    fn new(engine: Engine, clock: Clock, route: &Route) -> Self {
        match engine {
            Engine::Plain if route.is_bare() => Self::Plain(Plain::new(clock)),
            Engine::Plain | Engine::Hyper => Self::Secured(Box::new(Secured::new(clock))),
        }
    }

    async fn exchange(&mut self, request: &Prepared, sent: Timestamp, deadline: Option<Timestamp>) -> Exchange {
        match self {
            Self::Plain(plain) => plain.exchange(request, sent, deadline).await,
            Self::Secured(secured) => secured.exchange(request, sent, deadline).await,
        }
    }

    fn location(&mut self) -> Option<String> {
        match self {
            Self::Plain(plain) => plain.location(),
            Self::Secured(secured) => secured.location(),
        }
    }

    fn why(&mut self) -> Option<String> {
        match self {
            Self::Plain(plain) => plain.why(),
            Self::Secured(secured) => secured.why(),
        }
    }
}

/// One worker's connections, for one request that it sends over and over.
pub(in crate::drive::live) struct Client {
    clock: Clock,
    engine: Engine,
    request: Arc<Prepared>,
    line: Line,
    others: Vec<(Route, Line)>,
    /// Where the last request failed, if not at its own address; and why, where there is more to say than its kind.
    blamed: Option<String>,
    why: Option<String>,
}

impl Client {
    /// A client that has not dialled yet.
    pub(in crate::drive::live) fn new(engine: Engine, clock: Clock, request: Arc<Prepared>) -> Self {
        let line = Line::new(engine, clock, &request.route);
        Self { clock, engine, request, line, others: Vec::new(), blamed: None, why: None }
    }

    /// For one of many workers that send as fast as they can: where answers come fast, the time at which each is read is exact
    /// enough, and what it costs to ask the kernel for it counts.
    pub(super) fn hurries(mut self) -> Self {
        if let Line::Plain(plain) = &mut self.line {
            plain.spare_notes();
        }
        self
    }

    /// Sends the request, which counts as having left at `sent`, and reads the answer to its end.
    ///
    /// Whatever goes wrong is in the exchange; what is left of the connection then is not used again.
    pub(in crate::drive::live) async fn exchange(&mut self, sent: Timestamp) -> Exchange {
        (self.blamed, self.why) = (None, None);
        let deadline = self.request.timeout.map(|limit| sent + limit);
        let exchange = self.line.exchange(&self.request, sent, deadline).await;
        match exchange.answer {
            Ok(status) if self.request.follows && leads_on(status) => {
                Box::pin(self.follow(exchange, status, deadline)).await
            }
            _ => exchange,
        }
    }

    /// What the last exchange failed of, which was of this kind; `began` if a first byte had come.
    pub(super) fn failure(&mut self, kind: ErrorKind, began: bool) -> Failure {
        let url = self.blamed.take().unwrap_or_else(|| self.request.shown.clone());
        let why = self.why.take().or_else(|| self.line.why()).unwrap_or_else(|| in_words(kind, began));
        Failure { kind, operation: operation(self.request.method().as_str()), url, why }
    }

    async fn follow(&mut self, first: Exchange, status: u16, deadline: Option<Timestamp>) -> Exchange {
        let sent = first.sent;
        let mut chain = Chain::of(Arc::clone(&self.request));
        let (mut exchange, mut status) = (first, status);
        let mut location = self.line.location();
        while let Some(place) = location.take() {
            let request = match chain.next(status, &place) {
                Ok(Some(request)) => request,
                Ok(None) => break,
                // a redirect that can't be followed is the whole chain's error
                Err((url, fault)) => {
                    (self.blamed, self.why) = (Some(url), fault.why);
                    exchange = Exchange { answer: Err(fault.kind), replica: None, ..exchange };
                    break;
                }
            };
            let left = self.clock.now();
            let line = if request.route == self.request.route {
                &mut self.line
            } else {
                line_to(&mut self.others, self.engine, self.clock, &request.route)
            };
            exchange = line.exchange(&request, left, deadline).await;
            match exchange.answer {
                Ok(next) if leads_on(next) => (status, location) = (next, line.location()),
                Ok(_) => {}
                Err(_) => {
                    self.why = line.why();
                    self.blamed = Some(request.shown.clone());
                }
            }
        }
        Exchange { sent, ..exchange }
    }
}

/// The line of a route among those kept, or a new one in place of the oldest.
fn line_to<'a>(others: &'a mut Vec<(Route, Line)>, engine: Engine, clock: Clock, route: &Route) -> &'a mut Line {
    let known = others.iter().position(|(known, _)| known == route);
    let index = known.unwrap_or_else(|| {
        if others.len() == OTHERS_MAX {
            others.remove(0);
        }
        others.push((route.clone(), Line::new(engine, clock, route)));
        others.len() - 1
    });
    &mut others[index].1
}
