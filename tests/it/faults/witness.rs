//! Keeps all rows of a run in memory.

use watchtower::drive::{RecordError, Recorder};
use watchtower::record::{EventRow, PlatformSample, RequestRow};
use watchtower::time::{Epoch, Timestamp};

#[derive(Default)]
pub(super) struct Witness {
    load_start: Timestamp,
    pub(super) events: Vec<EventRow>,
    pub(super) requests: Vec<RequestRow>,
    /// Desired replicas of each second.
    pub(super) desired: Vec<u32>,
}

impl Witness {
    /// Seconds since the load's start.
    pub(super) fn t_s(&self, at: Timestamp) -> f64 {
        (at.as_nanos() as f64 - self.load_start.as_nanos() as f64) / 1e9
    }

    /// Events whose reason has this in it.
    pub(super) fn events_with(&self, reason: &str) -> impl Iterator<Item = &EventRow> {
        self.events.iter().filter(move |row| row.reason.contains(reason))
    }
}

impl Recorder for Witness {
    fn begin(&mut self, _: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.load_start = load_start;
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.requests.push(*row);
        Ok(())
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.events.push(row.clone());
        Ok(())
    }

    fn second(&mut self, _: Timestamp, _: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.desired.push(sample.desired);
        Ok(())
    }
}
