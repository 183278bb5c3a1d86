//! The files of a run, read back as they were written.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ResultsError;

/// A row of `timeline.csv`; the columns' names and units are the file's own. What is unknown is `None`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct TimelineRecord {
    /// Start of the second, in seconds since the load's start.
    pub t_s: f64,
    /// Requests the schedules called for.
    pub planned: Option<u64>,
    /// Requests that left.
    pub sent: Option<u64>,
    /// Requests that were answered.
    pub completed: Option<u64>,
    /// Requests that failed.
    pub errors: Option<u64>,
    /// Planned requests that turned out to be lost.
    pub lost: Option<u64>,
    /// Requests under way at the second's end.
    pub in_flight: Option<u64>,
    /// Median latency from leaving, of the requests answered in this second.
    pub p50_ms: Option<f64>,
    /// 90th percentile.
    pub p90_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// Requests that wait for a worker thread, at the second's end.
    pub queue: Option<u32>,
    /// Replicas asked for.
    pub desired: Option<u32>,
    /// Replicas in service.
    pub ready: Option<u32>,
    /// Replicas on their way up.
    pub starting: Option<u32>,
    /// Replicas on their way down.
    pub terminating: Option<u32>,
    /// Fewest replicas that meet the objective, during the load.
    pub demand: Option<u32>,
    /// CPU time used over the time of all cores, 0 to 1.
    pub utilisation: Option<f64>,
    /// Replica-seconds lived in this second.
    pub replica_seconds: Option<f64>,
}

/// A row of `events.csv`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct EventRecord {
    /// When, in seconds since the load's start.
    pub t_s: f64,
    /// Who.
    pub actor: String,
    /// What kind, see [`crate::record::EventKind`].
    pub kind: String,
    /// Replicas before.
    pub from: Option<u32>,
    /// Replicas after.
    pub to: Option<u32>,
    /// Why.
    pub reason: String,
    /// The number that mattered most.
    pub value: Option<f64>,
}

/// A row of `probes.csv`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ProbeRecord {
    /// When the probe left, in seconds since the load's start.
    pub t_s: f64,
    /// Its latency, if it was answered.
    pub latency_ms: Option<f64>,
    /// HTTP status, or the kind of error in a word.
    pub status: String,
    /// Consecutive probes above the band.
    pub above: u32,
    /// Consecutive probes below it.
    pub below: u32,
    /// What the policy made of it.
    pub decision: String,
}

/// A row of `metrics.csv`: a pod as the policy was told of it, or a function without one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct MetricsRecord {
    /// When the policy was told, in seconds since the load's start.
    pub t_s: f64,
    /// Which function, in the scenario's order from 0.
    pub function: u16,
    /// Its requests at the gateway or beyond.
    pub in_flight: u32,
    /// Answers given so far.
    pub answered: u64,
    /// Time all requests have spent there so far, in seconds.
    pub request_time_s: f64,
    /// The pod.
    pub replica: Option<u32>,
    /// When it was asked for.
    pub asked_s: Option<f64>,
    /// Since when it is in service, if it is.
    pub ready_s: Option<f64>,
    /// CPU time it has used.
    pub replica_cpu_s: Option<f64>,
    /// Requests in it.
    pub replica_in_flight: Option<u32>,
    /// Time all requests have spent in it.
    pub replica_request_time_s: Option<f64>,
    /// Requests it has served.
    pub replica_answered: Option<u64>,
}

/// All rows of a CSV file with a header; further columns are passed over.
pub(super) fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ResultsError> {
    let text = fs::read(path).map_err(ResultsError::read(path))?;
    let malformed = |line, problem: String| ResultsError::Malformed { path: path.to_owned(), line, problem };
    if text.is_empty() {
        return Err(malformed(Some(1), "the header is missing".to_owned()));
    }
    if text.last() != Some(&b'\n') {
        let lines = text.split(|byte| *byte == b'\n').count() as u64;
        return Err(malformed(Some(lines), "the last line is incomplete".to_owned()));
    }
    let mut reader = csv::Reader::from_reader(text.as_slice());
    reader
        .deserialize()
        .map(|row| {
            row.map_err(|error| {
                let line = error.position().map(csv::Position::line);
                malformed(line, problem(&error))
            })
        })
        .collect()
}

/// The error without its position, which the caller names.
fn problem(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    }
}

/// A JSON file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ResultsError> {
    read_json_of(path, u64::from(super::summary::SCHEMA_VERSION))
}

/// The same of a file whose layout has a version of its own.
pub(super) fn read_json_of<T: DeserializeOwned>(path: &Path, version: u64) -> Result<T, ResultsError> {
    let text = fs::read_to_string(path).map_err(ResultsError::read(path))?;
    let malformed = |line, problem: String| ResultsError::Malformed { path: path.to_owned(), line, problem };
    let lines = |error: &serde_json::Error| (error.line() > 0).then_some(error.line() as u64);
    // the version first: the rest of another layout may look like anything
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| malformed(lines(&error), error.to_string()))?;
    let found = value.get("schema_version").and_then(serde_json::Value::as_u64);
    match found {
        Some(found) if found != version => Err(ResultsError::Version { path: path.to_owned(), found }),
        None => Err(malformed(None, "schema_version is missing".to_owned())),
        Some(_) => serde_json::from_str(&text).map_err(|error| malformed(lines(&error), error.to_string())),
    }
}
