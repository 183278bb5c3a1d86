//! The Community Edition's alert of one function, silenced at Alertmanager by its API (v2), and heard again.
//!
//! A silence ends by itself, so even a machine that never comes back leaves the function without its autoscaler for no longer than
//! the run would have taken.

use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::drive::live::target::rest::RestError;
use crate::drive::live::target::rest::caller::Caller;

/// The alert that scales (the chart's Prometheus rule; reference: openfaas/faas-netes, `prometheus-cfg.yaml`).
pub(super) const ALERT: &str = "APIHighInvocationRate";
/// Who the silence says made it.
const CREATOR: &str = "watchtower";

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

/// Silences the alert of `function` (with its namespace, as the counter names it) from now on, for as long as `lasts`.
///
/// # Errors
/// When Alertmanager can't be reached or refuses.
pub(in crate::drive::live::target) async fn begin(
    alertmanager: &Caller,
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
    let answer = alertmanager.call(Method::POST, "/api/v2/silences", Bytes::from(body.to_string())).await?;
    answer.expect(&[StatusCode::OK]).map(drop)
}

/// Ends all silences that the run `id` began; how many there were.
///
/// # Errors
/// When Alertmanager can't be reached or refuses.
pub(in crate::drive::live::target) async fn end(alertmanager: &Caller, id: &str) -> Result<usize, RestError> {
    let answer = alertmanager.call(Method::GET, "/api/v2/silences", Bytes::new()).await?;
    let body = answer.expect(&[StatusCode::OK])?;
    let silences: Vec<Silence> = serde_json::from_slice(&body).map_err(|source| RestError::Json {
        uri: format!("{}/api/v2/silences", alertmanager.prefix()).parse().unwrap_or_default(),
        source,
    })?;
    let mut ended = 0;
    for silence in silences {
        if silence.created_by == CREATOR && silence.comment == comment(id) && silence.status.state != "expired" {
            let path = format!("/api/v2/silence/{}", silence.id);
            let answer = alertmanager.call(Method::DELETE, &path, Bytes::new()).await?;
            answer.expect(&[StatusCode::OK])?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// What a person types to end all silences of this program.
pub(in crate::drive::live::target) fn commands(alertmanager: &str) -> String {
    let amtool = format!("amtool --alertmanager.url={alertmanager} silence");
    format!("    {amtool} expire $({amtool} query -q --created-by={CREATOR})")
}

/// By which a silence is found again: its own number is not known before it is made, and by then it may be too late to note it.
fn comment(id: &str) -> String {
    format!("watchtower run {id}: the function is scaled by another autoscaler meanwhile")
}

fn rfc3339(unix: Duration) -> String {
    let millis = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
