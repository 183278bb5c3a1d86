//! Rows on their way out of the load's thread, a handful at a time.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::record::RequestRow;

use super::Report;

/// Most rows in one report, but for the last ones of a load.
pub(super) const ROWS: usize = 256;

/// Longest time a row waits for others: a table of seconds is complete soon after each.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Most reports of rows that were not dropped yet by whoever takes them: 16 MB of rows, and at 250 000 requests a second a
/// quarter of a second in which a disk may hang.
pub(super) const UNDER_WAY_MAX: usize = 256;

/// Rows of a report, in the order in which they came. As long as one lives, it counts as under way: whoever keeps many makes the
/// load wait, which is recorded as lateness.
pub struct Rows {
    rows: Vec<RequestRow>,
    /// None in the last ones of a load, which wait for nobody.
    _under_way: Option<OwnedSemaphorePermit>,
}

impl Rows {
    /// Rows that count as under way as long as `room` is held.
    pub(super) fn new(rows: Vec<RequestRow>, room: Option<OwnedSemaphorePermit>) -> Self {
        Self { rows, _under_way: room }
    }
}

impl Deref for Rows {
    type Target = [RequestRow];

    fn deref(&self) -> &[RequestRow] {
        &self.rows
    }
}

impl IntoIterator for Rows {
    type Item = RequestRow;
    type IntoIter = std::vec::IntoIter<RequestRow>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a RequestRow;
    type IntoIter = std::slice::Iter<'a, RequestRow>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

/// Makes something of rows, in the order in which they came.
pub type Fold = Box<dyn FnMut(&[RequestRow]) + Send>;

/// What becomes of the rows of a load.
#[derive(Default)]
pub enum Keep {
    /// Each is reported, for whoever writes them down. Who takes them too slowly makes the load wait: nothing is lost, and memory
    /// stays bounded.
    #[default]
    Rows,
    /// They are handed to this on the load's own thread and forgotten, so a load of any length takes no more memory than what
    /// this makes of it. It must not wait: while it runs nothing is sent. Rows of journeys, which goose sends, are reported all the
    /// same.
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
    room: Arc<Semaphore>,
}

impl Outbox {
    /// An outbox that empties itself into `reports`, or into what `keep` says.
    pub(super) fn new(reports: UnboundedSender<Report>, keep: Keep) -> Self {
        Self {
            rows: RefCell::new(Vec::with_capacity(ROWS)),
            keep: RefCell::new(keep),
            reports,
            room: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        }
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

    /// Whether whoever takes the rows is so far behind that a worker has to wait for [`Outbox::room`].
    pub(super) fn is_full(&self) -> bool {
        self.rows.borrow().len() >= ROWS
    }

    /// Waits until there is room for another row. Nobody waits for nothing: the last rows go by [`Outbox::last`].
    pub(super) async fn room(&self) {
        while self.is_full() {
            let room = Arc::clone(&self.room).acquire_owned().await;
            // the semaphore is never closed
            let Ok(room) = room else { return };
            if self.is_full() {
                self.hand_on(Some(room));
            }
        }
    }

    /// Hands on what has gathered, if there is room for it.
    pub(super) fn flush(&self) {
        if self.rows.borrow().is_empty() {
            return;
        }
        let room = match &*self.keep.borrow() {
            Keep::Folded(_) => None,
            Keep::Rows => match Arc::clone(&self.room).try_acquire_owned() {
                Ok(room) => Some(room),
                Err(_) => return,
            },
        };
        self.hand_on(room);
    }

    /// Hands on what has gathered, whether there is room or not: no more follows.
    pub(super) fn last(&self) {
        self.hand_on(None);
    }

    fn hand_on(&self, room: Option<OwnedSemaphorePermit>) {
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
                self.send(Report::Requests(Rows::new(full, room)));
            }
        }
    }

    /// Sends anything else, without waiting.
    pub(super) fn send(&self, report: Report) {
        // nobody listens any more: the run was given up, and the load is about to be
        let _ = self.reports.send(report);
    }
}
