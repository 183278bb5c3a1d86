//! What one load against one address measured, in memory that a long run does not outgrow.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::drive::Tally;
use crate::record::{ErrorKind, RequestRow};
use crate::schedule::hey;
use crate::stats::hey_summary::{HeySummary, KEPT_EXACTLY};
use crate::stats::latency::{Latencies, LatencyHistogram};
use crate::time::{Epoch, Timestamp};

/// All that is known once the load is over, and what comes in before.
#[derive(Clone, Debug)]
pub struct Measured {
    /// hey's own numbers.
    pub summary: HeySummary,
    /// Latencies of answered requests from when they were due; only if there is a rate.
    pub due: Option<Latencies>,
    /// How late requests left: sent minus ready.
    pub lateness: LatencyHistogram,
    /// Requests without an answer, by kind.
    pub failures: BTreeMap<ErrorKind, u64>,
    /// Every answered request as hey's templates see it, up to [`KEPT_EXACTLY`]; only if asked for.
    pub columns: Option<Columns>,
    /// What became of the planned requests.
    pub tally: Tally,
    /// Standstills of the generator or the host.
    pub stalls: u64,
    /// Their time in all.
    pub stalled: Duration,
    /// CPU time this process used meanwhile, if the system tells; without what kept cores awake.
    pub cpu: Option<Duration>,
    /// CPU time of what kept cores awake; `None` if nothing did.
    pub awake: Option<Duration>,
    /// Whether cores of this machine take long to wake: it is a guest of a hypervisor, and they were not kept awake.
    pub may_doze: bool,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
    /// Unix time of the load's start.
    pub started: Duration,
    /// Whether the schedule alone says how many requests there will be.
    pub planned_by_schedule: bool,
    start: Timestamp,
}

/// The results hey keeps one by one, each a column in order of arrival; seconds.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Latency from sent.
    pub latencies: Vec<f64>,
    /// Name look-up and dial.
    pub dials: Vec<f64>,
    /// Name look-up.
    pub lookups: Vec<f64>,
    /// Writing the request.
    pub writes: Vec<f64>,
    /// Reading the answer.
    pub reads: Vec<f64>,
    /// Waiting for the answer's first byte.
    pub waits: Vec<f64>,
    /// When it left, from the run's start.
    pub offsets: Vec<f64>,
    /// Status.
    pub status_codes: Vec<u16>,
}

impl Columns {
    fn add(&mut self, row: &RequestRow, status: u16, start: Timestamp) {
        if self.latencies.len() == KEPT_EXACTLY {
            return;
        }
        self.latencies.push(row.latency().as_secs_f64());
        self.dials.push(row.detail.dial.as_secs_f64());
        self.lookups.push(row.detail.lookup.as_secs_f64());
        self.writes.push(row.detail.write.as_secs_f64());
        self.reads.push(row.detail.read.as_secs_f64());
        self.waits.push(row.detail.wait.as_secs_f64());
        self.offsets.push((row.sent - start).as_secs_f64());
        self.status_codes.push(status);
    }
}

impl Measured {
    /// Nothing yet, of a load that starts at `start`; each result is kept for itself if `in_columns`.
    pub fn new(pacing: &hey::Settings, start: Timestamp, epoch: Epoch, in_columns: bool) -> Self {
        Self {
            started: epoch.unix_at(start),
            planned_by_schedule: pacing.planned().is_some(),
            summary: HeySummary::new(),
            due: pacing.period().map(|_| Latencies::new(KEPT_EXACTLY)),
            lateness: LatencyHistogram::new(),
            failures: BTreeMap::new(),
            columns: in_columns.then(Columns::default),
            tally: Tally::default(),
            stalls: 0,
            stalled: Duration::ZERO,
            cpu: None,
            awake: None,
            may_doze: false,
            interrupted: false,
            start,
        }
    }

    /// Takes rows in the order in which they came.
    pub fn add(&mut self, rows: &[RequestRow]) {
        for row in rows {
            self.lateness.record(row.lateness());
            match row.answer {
                Ok(status) => {
                    self.summary.answered(row.latency(), &row.detail, status);
                    if let Some(due) = &mut self.due {
                        due.record(row.latency_from_due());
                    }
                    if let Some(columns) = &mut self.columns {
                        columns.add(row, status, self.start);
                    }
                }
                Err(kind) => {
                    // the summary gets them with their words, which are known in the end
                    *self.failures.entry(kind).or_default() += 1;
                }
            }
        }
    }

    /// When the load started.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// From the load's start to the last answer.
    pub fn total(&self) -> Duration {
        self.tally.duration
    }

    /// Requests that got no answer, or a status of 400 and above.
    pub fn errors(&self) -> u64 {
        let refused: u64 = self.summary.status_codes().range(400..).map(|(_, count)| count).sum();
        self.summary.failures() + refused
    }
}
