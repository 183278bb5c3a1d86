//! The gateway's clock, by the `Date` of its answers, beside this machine's: what the machines of one load have in common.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderValue;
use tokio::time::{Instant, sleep};

use super::Rest;
use crate::drive::clocks::Ahead;
use crate::drive::live::clock::Clock;

/// Asking goes on for so long, so that the end of a second falls into it.
const LASTS: Duration = Duration::from_millis(1_200);
/// Between two answers: what is found out is about as exact.
const PAUSE: Duration = Duration::from_millis(10);

impl Rest {
    /// How far this machine's clock is ahead of the gateway's; takes a little more than a second. `None` if the gateway does not answer
    /// or tells no time, or a clock was set meanwhile.
    pub async fn clock_ahead(&self) -> Option<Ahead> {
        let begun = Instant::now();
        let mut known: Option<Ahead> = None;
        while begun.elapsed() < LASTS {
            let asked = Clock::unix_now();
            let answer = self.gateway.call(Method::GET, "/healthz", Bytes::new()).await;
            let answered = Clock::unix_now();
            let answer =
                answer.inspect_err(|error| tracing::warn!(%error, "the gateway's clock can't be read")).ok()?;
            let told = Ahead::told(asked, answered, answer.date.as_ref().and_then(seconds)?);
            known = Some(known.map_or(Some(told), |known| known.and(told))?);
            sleep(PAUSE).await;
        }
        known
    }
}

/// Unix seconds of a `Date`, such as `Sun, 29 Nov 2026 20:00:00 GMT` (RFC 9110, 5.6.7).
fn seconds(date: &HeaderValue) -> Option<u64> {
    let time = jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok()?;
    u64::try_from(time.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_unix_seconds_and_anything_else_is_none() {
        assert_eq!(seconds(&HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT")), Some(784_111_777));
        assert_eq!(seconds(&HeaderValue::from_static("yesterday")), None);
    }
}
