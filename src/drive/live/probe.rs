//! One monitoring request of the watch tower, and one request of the load by itself.
//!
//! Each dials a connection of its own: the original starts a new `hey -n 1 -c 1` per probe, so its latency contains the dial, and
//! a probe over a kept connection would read lower.

use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;

use crate::drive::{PROBE_TIMEOUT, RequestPlan, Trust};
use crate::policy::ProbeOutcome;

use super::clock::Clock;
use super::load::{Client, Engine, Exchange, Prepared, RequestError};

/// What `hey -n 1 -c 1 -H "Hey: hey"` sends.
pub fn probe_request(timeout: Duration) -> RequestPlan {
    let mut plan = RequestPlan { timeout: Some(timeout), ..RequestPlan::default() };
    // Go sorts headers by name and puts Accept-Encoding last
    let place = plan.headers.len().saturating_sub(1);
    plan.headers.insert(place, ("Hey".to_owned(), "hey".to_owned()));
    plan
}

/// What an autoscaler probes with, made once: a connection's worth of settings takes a tenth of a millisecond to put together, by which
/// each probe would leave later.
#[derive(Clone)]
pub struct Prober {
    clock: Clock,
    request: Arc<Prepared>,
}

impl Prober {
    /// Probes of `uri`, by a server that is to be vouched for so.
    ///
    /// # Errors
    /// When `uri` is no address that can be called, or no certificates can be verified so.
    pub fn new(clock: Clock, uri: &Uri, trust: Trust) -> Result<Self, RequestError> {
        let mut request = probe_request(PROBE_TIMEOUT);
        request.client.trust = trust;
        Ok(Self { clock, request: Arc::new(Prepared::new(uri, &request)?) })
    }

    /// Sends one over a new connection. The latency runs from before the dial to the end of the body; what goes wrong on the way is in the
    /// outcome.
    pub async fn probe(&self) -> ProbeOutcome {
        as_probe(&once(self.clock, Arc::clone(&self.request)).await)
    }
}

fn as_probe(exchange: &Exchange) -> ProbeOutcome {
    ProbeOutcome { sent: exchange.sent, latency: exchange.done - exchange.sent, answer: exchange.answer }
}

/// Sends one probe as hey would, with a patience of its own: no certificate is doubted. See [`Prober`].
///
/// # Errors
/// When `uri` is no address that can be called.
pub async fn probe(clock: &Clock, uri: &Uri, timeout: Duration) -> Result<ProbeOutcome, RequestError> {
    Ok(as_probe(&call_once(clock, uri, &probe_request(timeout)).await?))
}

/// Sends one request over a new connection, as a generator would, and closes it.
///
/// # Errors
/// When the request can't be made. What goes wrong on the way is in the exchange.
pub async fn call_once(clock: &Clock, uri: &Uri, plan: &RequestPlan) -> Result<Exchange, RequestError> {
    Ok(once(*clock, Arc::new(Prepared::new(uri, plan)?)).await)
}

async fn once(clock: Clock, request: Arc<Prepared>) -> Exchange {
    Client::new(Engine::default(), clock, request).exchange(clock.now()).await
}
