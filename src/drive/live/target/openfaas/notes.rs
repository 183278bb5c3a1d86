//! What a run asks a gateway and its Alertmanager to change, noted on disk before it is asked and struck out when it is answered.
//!
//! ```text
//!   noted --> asked --answered--> struck out
//!               |
//!               +--no answer, or kill -9--> stays: whoever puts things back waits until it is made, or never will be
//! ```
//!
//! A gateway knows no versions, so what it was asked for and carries out late overwrites what was put back meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::drive::live::clock::Clock;
use crate::drive::live::target::guest::journal::{Asked, Entry, Journal, JournalError, Owed, Unanswered};

/// The entry of a run, with what it waits for.
#[derive(Debug)]
pub(super) struct Notes {
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entry: Entry,
    /// Whether things are being put back: what is written then would outlive the entry.
    is_closed: bool,
}

impl Notes {
    /// For an entry that is in the journal, or about to be.
    pub(super) fn new(journal: Journal, entry: Entry) -> Self {
        Self { journal, state: Mutex::new(State { entry, is_closed: false }) }
    }

    /// Notes what is asked for next, and that it is over after so long. What was never answered and is over, or is seen to be made by the
    /// count that a scaling begins with, is forgotten.
    ///
    /// # Errors
    /// When it can't be noted: then it must not be asked for.
    pub(super) fn ask(&self, what: Asked, within: Duration) -> Result<Unanswered, JournalError> {
        let asked = Unanswered { what, asked_at: Clock::unix_now(), within };
        self.write(|open| {
            open.retain(|other| {
                !left(other).is_zero() && !matches!(what, Asked::Scaling { from, .. } if other.what.is_made(from))
            });
            open.push(asked.clone());
        })?;
        Ok(asked)
    }

    /// Strikes out what was answered.
    pub(super) fn answered(&self, asked: &Unanswered) {
        let written = self.write(|open| open.retain(|other| other != asked));
        if let Err(error) = written {
            // whoever puts things back waits in vain, and no more
            tracing::warn!("an answer could not be noted: {error}");
        }
    }

    /// Nothing is noted any more; what is still not answered.
    pub(super) fn close(&self) -> Vec<Unanswered> {
        let mut state = self.state();
        state.is_closed = true;
        open(&mut state.entry).clone()
    }

    fn write(&self, change: impl FnOnce(&mut Vec<Unanswered>)) -> Result<(), JournalError> {
        let mut state = self.state();
        change(open(&mut state.entry));
        if state.is_closed { Ok(()) } else { self.journal.keep(&state.entry) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(entry: &mut Entry) -> &mut Vec<Unanswered> {
    match &mut entry.owed {
        Owed::Gateway(debt) => &mut debt.unanswered,
        Owed::Cluster(_) | Owed::Load(_) => unreachable!("a run at a gateway owes to a gateway"),
    }
}

/// How long something may still be under way. A clock that was set back meanwhile makes it no longer than it was at first.
pub(super) fn left(asked: &Unanswered) -> Duration {
    let passed = Clock::unix_now().checked_sub(asked.asked_at).unwrap_or_default();
    asked.within.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::live::target::guest::SecretSource;
    use crate::drive::live::target::guest::journal::{GatewayDebt, Process};

    const LONG: Duration = Duration::from_secs(3_600);

    fn notes(folder: &std::path::Path) -> Notes {
        let owed = Owed::Gateway(GatewayDebt {
            gateway: "http://127.0.0.1:8080".to_owned(),
            namespace: "openfaas-fn".to_owned(),
            function: "ftest".to_owned(),
            replicas: 2,
            alertmanager: None,
            secret: SecretSource::None,
            ca_file: None,
            unanswered: Vec::new(),
        });
        Notes::new(Journal::at(folder), Entry { id: "1".to_owned(), process: Process::own(), owed })
    }

    /// What whoever comes next reads.
    fn on_disk(notes: &Notes) -> Vec<Asked> {
        let entries = notes.journal.entries().unwrap();
        entries.into_iter().flat_map(|mut entry| open(&mut entry).clone()).map(|asked| asked.what).collect()
    }

    fn scaling(from: u32, to: u32) -> Asked {
        Asked::Scaling { from, to }
    }

    #[test]
    fn what_is_asked_is_on_disk_until_it_is_answered_over_or_seen_to_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let notes = notes(folder.path());
        let first = notes.ask(scaling(2, 3), LONG).unwrap();
        assert_eq!(on_disk(&notes), [scaling(2, 3)]);
        notes.answered(&first);
        assert_eq!(on_disk(&notes), []);

        notes.ask(Asked::Silence, Duration::ZERO).unwrap();
        notes.ask(scaling(3, 4), LONG).unwrap();
        assert_eq!(on_disk(&notes), [scaling(3, 4)], "the silence is over");
        notes.ask(scaling(3, 5), LONG).unwrap();
        assert_eq!(on_disk(&notes), [scaling(3, 4), scaling(3, 5)]);
        notes.ask(scaling(4, 5), LONG).unwrap();
        assert_eq!(on_disk(&notes), [scaling(4, 5)], "both had gone as far as four");
    }

    #[test]
    fn an_answer_that_comes_when_all_is_put_back_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let notes = notes(folder.path());
        let asked = notes.ask(scaling(2, 3), LONG).unwrap();
        assert_eq!(notes.close(), std::slice::from_ref(&asked));
        std::fs::remove_file(folder.path().join("1.json")).unwrap();
        notes.answered(&asked);
        assert_eq!(on_disk(&notes), []);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let asked_at = Clock::unix_now() + LONG;
        assert_eq!(left(&Unanswered { what: Asked::Silence, asked_at, within: LONG }), LONG);
    }
}
