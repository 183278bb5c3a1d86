//! Rows on their way out of the load's thread, a handful at a time.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::record::RequestRow;

use super::Report;

/// Most rows in one report.
const ROWS: usize = 256;

/// Longest time a row waits for others: a table of seconds is complete soon after each.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Gathers rows, so that a request costs no wake-up of whoever records it.
#[derive(Debug)]
pub(super) struct Outbox {
    rows: RefCell<Vec<RequestRow>>,
    reports: UnboundedSender<Report>,
}

impl Outbox {
    /// An outbox that empties itself into `reports`.
    pub(super) fn new(reports: UnboundedSender<Report>) -> Self {
        Self { rows: RefCell::new(Vec::with_capacity(ROWS)), reports }
    }

    /// Adds a row.
    pub(super) fn row(&self, row: RequestRow) {
        let full = {
            let mut rows = self.rows.borrow_mut();
            rows.push(row);
            rows.len() >= ROWS
        };
        if full {
            self.flush();
        }
    }

    /// Sends what has gathered.
    pub(super) fn flush(&self) {
        let mut rows = self.rows.borrow_mut();
        if !rows.is_empty() {
            let full = std::mem::replace(&mut *rows, Vec::with_capacity(ROWS));
            self.send(Report::Requests(full));
        }
    }

    /// Sends anything else, without waiting.
    pub(super) fn send(&self, report: Report) {
        // nobody listens any more: the run was given up, and the load is about to be
        let _ = self.reports.send(report);
    }
}
