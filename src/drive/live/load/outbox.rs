//! Rows on their way out of the load's thread, a handful at a time.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::record::RequestRow;

use super::Report;

/// Most rows in one report.
const ROWS: usize = 256;

/// Longest time a row waits for others: a table of seconds is complete soon after each.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Makes something of rows, in the order in which they came.
pub type Fold = Box<dyn FnMut(&[RequestRow]) + Send>;

/// What becomes of the rows of a load.
#[derive(Default)]
pub enum Keep {
    /// Each is reported, for whoever writes them down. A row is some 170 bytes, and a thread that takes them all.
    #[default]
    Rows,
    /// They are handed to this on the load's own thread and forgotten, so a load of any length takes no more memory than what
    /// this makes of it. It must not wait: while it runs nothing is sent.
    Folded(Fold),
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows => "Rows",
            Self::Folded(_) => "Folded",
        })
    }
}

/// Gathers rows, so that a request costs no wake-up of whoever records it.
#[derive(Debug)]
pub(super) struct Outbox {
    rows: RefCell<Vec<RequestRow>>,
    keep: RefCell<Keep>,
    reports: UnboundedSender<Report>,
}

impl Outbox {
    /// An outbox that empties itself into `reports`, or into what `keep` says.
    pub(super) fn new(reports: UnboundedSender<Report>, keep: Keep) -> Self {
        Self { rows: RefCell::new(Vec::with_capacity(ROWS)), keep: RefCell::new(keep), reports }
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

    /// Hands on what has gathered.
    pub(super) fn flush(&self) {
        let mut rows = self.rows.borrow_mut();
        if rows.is_empty() {
            return;
        }
        match &mut *self.keep.borrow_mut() {
            Keep::Folded(fold) => {
                fold(&rows);
                rows.clear();
            }
            Keep::Rows => {
                let full = std::mem::replace(&mut *rows, Vec::with_capacity(ROWS));
                self.send(Report::Requests(full));
            }
        }
    }

    /// Sends anything else, without waiting.
    pub(super) fn send(&self, report: Report) {
        // nobody listens any more: the run was given up, and the load is about to be
        let _ = self.reports.send(report);
    }
}
