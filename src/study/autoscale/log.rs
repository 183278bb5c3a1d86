//! The log of a sidecar: a line of JSON for each thing that happened, for people and for whoever counts them.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::config::LogLevel;
use crate::drive::live::sidecar::{Board, Listener};
use crate::drive::sidecar::{News, Sidecar, Wishes};
use crate::record::EventKind;
use crate::time::{Epoch, Timestamp};

/// Takes a finished line.
pub(super) type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Logs what a sidecar does, and puts on the board how it stands.
pub(super) struct Log {
    pub(super) function: String,
    /// Shared, since it may change while sidecars go on.
    pub(super) level: Arc<Mutex<LogLevel>>,
    pub(super) epoch: Epoch,
    pub(super) dry_run: bool,
    pub(super) board: Board,
    pub(super) sink: Sink,
}

/// A line. What does not apply is left out.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    function: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "is_false")]
    dry_run: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Listener for Log {
    fn hear(&mut self, sidecar: &Sidecar, wishes: &mut Wishes) {
        self.board.put(&self.function, sidecar, self.dry_run);
        let lowest = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
        for news in wishes.news.drain(..) {
            let (level, line) = match &news {
                News::Event(row) => {
                    let (level, word) = level_of(row.kind);
                    let line = Line {
                        from: row.from,
                        to: row.to,
                        value: row.value,
                        ..self.line(row.at, word, row.kind.as_str(), &row.reason)
                    };
                    (level, line)
                }
                News::Probe(row) => {
                    let status = match row.answer {
                        Ok(status) => status.to_string(),
                        Err(kind) => kind.to_string(),
                    };
                    let latency_ms = row.latency.map(|latency| latency.as_nanos() as f64 / 1e6);
                    let line = Line {
                        latency_ms,
                        status: Some(status),
                        ..self.line(row.sent, "DEBUG", "probe", &row.decision)
                    };
                    (LogLevel::Debug, line)
                }
            };
            if level >= lowest {
                // plain values are JSON
                (self.sink)(&serde_json::to_string(&line).unwrap_or_default());
            }
        }
    }
}

impl Log {
    fn line<'a>(&'a self, at: Timestamp, level: &'static str, event: &'a str, reason: &'a str) -> Line<'a> {
        let Self { function, dry_run, .. } = self;
        let (from, to, latency_ms, status, value) = (None, None, None, None, None);
        let (time, dry_run) = (self.time(at), *dry_run);
        Line { time, level, function, event, from, to, latency_ms, status, reason, value, dry_run }
    }

    /// RFC 3339, to the millisecond.
    fn time(&self, at: Timestamp) -> String {
        let millis = i64::try_from(self.epoch.unix_at(at).as_millis()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(millis);
        time.map_or_else(|_| millis.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    }
}

fn level_of(kind: EventKind) -> (LogLevel, &'static str) {
    match kind {
        EventKind::Refused | EventKind::Failed | EventKind::Broken | EventKind::Stall => (LogLevel::Warning, "WARNING"),
        EventKind::Phase
        | EventKind::Scale
        | EventKind::Decision
        | EventKind::Alert
        | EventKind::Ready
        | EventKind::Terminated
        | EventKind::Fault
        | EventKind::Cluster
        | EventKind::Host => (LogLevel::Info, "INFO"),
    }
}
