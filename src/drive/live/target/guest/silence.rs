//! The Community Edition's alert of one function, silenced at Alertmanager by its API (v2), and heard again.
//!
//! A silence ends by itself, so even a machine that never comes back leaves the function without its autoscaler for no longer than
//! the run would have taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{EXCHANGE, GuestError, SecretSource};
use crate::drive::Trust;
use crate::drive::live::target::rest::RestError;
use crate::drive::live::target::rest::caller::Caller;

/// The alert that scales (the chart's Prometheus rule; reference: openfaas/faas-netes, `prometheus-cfg.yaml`).
pub(super) const ALERT: &str = "APIHighInvocationRate";
/// Who the silence says made it.
const CREATOR: &str = "watchtower";

/// Where an Alertmanager is, and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alertmanager {
    /// Its base address.
    pub address: String,
    /// How to be let in; it has nobody to ask for by itself, but may be told to, or have a proxy before it that does.
    #[serde(default)]
    pub secret: SecretSource,
}

impl Alertmanager {
    /// The way there; nothing is sent yet.
    ///
    /// # Errors
    /// When the address, the secret or the authorities can't be used.
    pub(in crate::drive::live::target) fn silencer(&self, trust: &Trust) -> Result<Silencer, GuestError> {
        let caller = Caller::at(&self.address, self.secret.read()?.as_ref(), trust, EXCHANGE)?;
        Ok(Silencer { caller, was_refused: AtomicBool::new(false) })
    }
}

/// How a run silences its function's alert, and has it heard again.
#[derive(Debug)]
pub(in crate::drive::live::target) struct Silencer {
    caller: Caller,
    /// Whether this run's silence is known not to be there.
    was_refused: AtomicBool,
}

#[derive(Deserialize)]
struct Silence {
    id: String,
    comment: String,
    #[serde(rename = "createdBy")]
    created_by: String,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    state: String,
}

impl Silencer {
    /// Silences the alert of `function` (with its namespace, as the counter names it) from now on, for as long as `lasts`, by the run `id`.
    ///
    /// # Errors
    /// When Alertmanager can't be reached or refuses.
    pub(in crate::drive::live::target) async fn begin(
        &self,
        id: &str,
        function: &str,
        now: Duration,
        lasts: Duration,
    ) -> Result<(), RestError> {
        let matcher = |name: &str, value: &str| serde_json::json!({ "name": name, "value": value, "isRegex": false, "isEqual": true });
        let body = serde_json::json!({
            "matchers": [matcher("alertname", ALERT), matcher("function_name", function)],
            "startsAt": rfc3339(now),
            "endsAt": rfc3339(now + lasts),
            "createdBy": CREATOR,
            "comment": comment(id),
        });
        let answer = self.caller.call(Method::POST, "/api/v2/silences", Bytes::from(body.to_string())).await;
        let begun = answer.and_then(|answer| answer.expect(&[StatusCode::OK]).map(drop));
        let was_refused = begun.as_ref().is_err_and(|error| !error.leaves_open());
        self.was_refused.store(was_refused, Ordering::Relaxed);
        begun
    }

    /// Ends all silences that the run `id` began. Where its silence was refused nobody is asked, who may well let nobody in.
    ///
    /// # Errors
    /// When Alertmanager can't be reached or refuses.
    pub(in crate::drive::live::target) async fn end(&self, id: &str) -> Result<(), RestError> {
        if self.was_refused.load(Ordering::Relaxed) {
            return Ok(());
        }
        let answer = self.caller.call(Method::GET, "/api/v2/silences", Bytes::new()).await?;
        let body = answer.expect(&[StatusCode::OK])?;
        let silences: Vec<Silence> = serde_json::from_slice(&body).map_err(|source| RestError::Json {
            uri: format!("{}/api/v2/silences", self.caller.prefix()).parse().unwrap_or_default(),
            source,
        })?;
        for silence in silences {
            if silence.created_by == CREATOR && silence.comment == comment(id) && silence.status.state != "expired" {
                let path = format!("/api/v2/silence/{}", silence.id);
                let answer = self.caller.call(Method::DELETE, &path, Bytes::new()).await?;
                answer.expect(&[StatusCode::OK])?;
            }
        }
        Ok(())
    }
}

/// What a person types to end all silences of this program.
pub(in crate::drive::live::target) fn commands(alertmanager: &Alertmanager) -> String {
    let Alertmanager { address, secret } = alertmanager;
    let curl = format!("curl -sS{}", secret.for_curl());
    let ours = format!(".[] | select(.createdBy == \"{CREATOR}\" and .status.state != \"expired\") | .id");
    format!(
        "    for id in $({curl} {address}/api/v2/silences | jq -r '{ours}'); do {curl} -X DELETE {address}/api/v2/silence/$id; done"
    )
}

/// By which a silence is found again: its own number is not known before it is made, and by then it may be too late to note it.
fn comment(id: &str) -> String {
    format!("watchtower run {id}: the function is scaled by another autoscaler meanwhile")
}

fn rfc3339(unix: Duration) -> String {
    let millis = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
