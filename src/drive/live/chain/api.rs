//! What is asked of the running programs over their HTTP APIs, and what their answers say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use tokio::net::TcpStream;

/// Time for one exchange: on loopback, with a program that has next to nothing to do.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer read, in bytes; hundreds of functions stay well below.
const ANSWER_MAX: usize = 4 << 20;

/// Why a program did not tell what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("no connection: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no answer within {TIMEOUT:?}")]
    Timeout,
    #[error("{0}")]
    Http(Box<dyn std::error::Error + Send + Sync>),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("not the answer expected: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether a program says it is ready (`/-/ready` of both).
pub(super) async fn is_ready(address: SocketAddr) -> Result<(), ApiError> {
    get(address, "/-/ready").await.map(drop)
}

/// One rule group, with its rules.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    /// Unix time at which it began; `None` before the first.
    #[serde(rename = "lastEvaluation", deserialize_with = "unix_time")]
    pub(super) last_evaluation: Option<Duration>,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(default)]
    alerts: Vec<Alert>,
}

/// One pending or firing alert.
#[derive(Debug, Deserialize)]
pub(super) struct Alert {
    labels: BTreeMap<String, String>,
    state: String,
    /// Unix time of the evaluation that made it pending.
    #[serde(rename = "activeAt", deserialize_with = "unix_time")]
    pub(super) active_at: Option<Duration>,
}

impl Group {
    /// Pending and firing alerts of all rules.
    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.rules.iter().flat_map(|rule| &rule.alerts)
    }
}

impl Alert {
    pub(super) fn function_name(&self) -> &str {
        self.labels.get("function_name").map_or("", String::as_str)
    }

    pub(super) fn is_firing(&self) -> bool {
        self.state == "firing"
    }
}

/// The alerting rule groups of a Prometheus.
pub(super) async fn groups(prometheus: SocketAddr) -> Result<Vec<Group>, ApiError> {
    #[derive(Deserialize)]
    struct Data {
        groups: Vec<Group>,
    }
    Ok(data::<Data>(&get(prometheus, "/api/v1/rules?type=alert").await?)?.groups)
}

/// One scraped address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScrapeTarget {
    pub(super) health: String,
    pub(super) last_error: String,
    /// Unix time; `None` before the first.
    #[serde(deserialize_with = "unix_time")]
    pub(super) last_scrape: Option<Duration>,
}

/// What a Prometheus scrapes.
pub(super) async fn targets(prometheus: SocketAddr) -> Result<Vec<ScrapeTarget>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        active_targets: Vec<ScrapeTarget>,
    }
    Ok(data::<Data>(&get(prometheus, "/api/v1/targets?state=active").await?)?.active_targets)
}

/// How many Alertmanagers a Prometheus sends its alerts to.
pub(super) async fn alertmanagers(prometheus: SocketAddr) -> Result<usize, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        active_alertmanagers: Vec<serde_json::Value>,
    }
    Ok(data::<Data>(&get(prometheus, "/api/v1/alertmanagers").await?)?.active_alertmanagers.len())
}

/// Unix time at which an Alertmanager took its configuration, which starts its clock of sweeps (main.go, dispatch.go `Run`).
pub(super) async fn configured_at(alertmanager: SocketAddr) -> Result<Duration, ApiError> {
    const METRIC: &str = "alertmanager_config_last_reload_success_timestamp_seconds";
    let text = get(alertmanager, "/metrics").await?;
    let text = String::from_utf8_lossy(&text);
    let value = text.lines().find_map(|line| line.strip_prefix(METRIC)?.trim().parse::<f64>().ok());
    let time = value.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| ApiError::Http(format!("no {METRIC}").into()))
}

/// The values of an expression at a Unix time, by the label `function_name`. Evaluations count whole milliseconds, cut off
/// and not rounded (model/timestamp `FromTime`), and so does this.
pub(super) async fn query(
    prometheus: SocketAddr,
    expression: &str,
    at: Duration,
) -> Result<BTreeMap<String, f64>, ApiError> {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let path = format!("/api/v1/query?query={}&time={seconds}.{millis:03}", escaped(expression));
    vector(&get(prometheus, &path).await?)
}

fn vector(body: &[u8]) -> Result<BTreeMap<String, f64>, ApiError> {
    #[derive(Deserialize)]
    struct Data {
        result: Vec<Series>,
    }
    #[derive(Deserialize)]
    struct Series {
        metric: BTreeMap<String, String>,
        value: (f64, String),
    }
    let series = data::<Data>(body)?.result.into_iter();
    Ok(series
        .filter_map(|series| Some((series.metric.get("function_name")?.clone(), series.value.1.parse().ok()?)))
        .collect())
}

/// A time as Go writes it; its zero time, in the year 1, stands for never.
fn unix_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
    Ok(u64::try_from(time.as_nanosecond()).ok().map(Duration::from_nanos))
}

fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    #[derive(Deserialize)]
    struct Answer<T> {
        data: T,
    }
    Ok(serde_json::from_slice::<Answer<T>>(body)?.data)
}

/// Fit for an address's query (RFC 3986 unreserved characters stay).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // writing to a string can't fail
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

async fn get(address: SocketAddr, path: &str) -> Result<Bytes, ApiError> {
    tokio::time::timeout(TIMEOUT, get_untimed(address, path)).await.unwrap_or(Err(ApiError::Timeout))
}

async fn get_untimed(address: SocketAddr, path: &str) -> Result<Bytes, ApiError> {
    let http = |error: hyper::Error| ApiError::Http(error.into());
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(http)?;
    let request = Request::get(path).header(HOST, address.to_string()).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| ApiError::Http(error.into()))?;
    // ends with the sender, or with the connection
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(http)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(ApiError::Http)?;
    connection.abort();
    if status.is_success() { Ok(body.to_bytes()) } else { Err(ApiError::Status(status)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_escaped_whole() {
        assert_eq!(escaped("rate(a{b=\"200\"}[10s]) > 5"), "rate%28a%7Bb%3D%22200%22%7D%5B10s%5D%29%20%3E%205");
    }

    #[test]
    fn a_time_is_read_to_the_nanosecond_and_the_year_1_is_never() {
        let read = |time: &str| {
            let target: ScrapeTarget =
                serde_json::from_str(&format!(r#"{{"health":"up","lastError":"","lastScrape":"{time}"}}"#)).unwrap();
            target.last_scrape
        };
        assert_eq!(read("1970-01-01T00:00:07.891727015Z"), Some(Duration::from_nanos(7_891_727_015)));
        assert_eq!(read("2026-11-24T03:00:00+01:00"), Some(Duration::from_secs(1_795_485_600)));
        assert_eq!(read("0001-01-01T00:00:00Z"), None);
    }

    #[test]
    fn values_are_read_by_function_and_no_number_is_none() {
        let body = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"function_name":"ftest.openfaas-fn"},"value":[1700000000.5,"12.25"]},
            {"metric":{},"value":[1700000000.5,"1"]}]}}"#;
        let values = vector(body).unwrap();
        assert_eq!(values, BTreeMap::from([("ftest.openfaas-fn".to_owned(), 12.25)]));
        assert!(vector(b"{}").is_err());
    }
}
