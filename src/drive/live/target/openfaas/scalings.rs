//! Scalings of a run at somebody's gateway: one after another, each followed to its end, so that none arrives after the function was put
//! back.
//!
//! ```text
//!   turn --> asked --answer, or 5 s--> the policy goes on
//!     |        |
//!     |        +---until it is answered, or the gateway has given it up---+
//!     +------------- the next scaling, or putting back <------------------+
//! ```
//!
//! A gateway knows no versions: a scaling that it carries out late overwrites what was set meanwhile. Each is noted on disk before it is
//! asked for, so that whoever puts things back after a `kill -9` waits for it too.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::notes::Notes;
use crate::drive::live::target::guest::EXCHANGE;
use crate::drive::live::target::guest::journal::{Asked, Unanswered};
use crate::drive::live::target::rest::{Rest, is_given_up_on_the_way};
use crate::policy::Refusal;
use crate::record::FunctionId;

/// So long after a gateway hangs up, whatever it was asked for is done or never will be.
const AFTER_HANGING_UP: Duration = Duration::from_secs(1);

/// The way to scale the function under study.
#[derive(Debug)]
pub(super) struct Scalings {
    rest: Rest,
    /// From asking until the gateway has done it or has given it up.
    over_within: Duration,
    /// Where they are noted; a machine that only looks on has nothing to note.
    notes: Option<Arc<Notes>>,
    turn: Arc<Semaphore>,
    is_over: AtomicBool,
    limit: Mutex<Limit>,
}

/// What a gateway is known to grant at most.
#[derive(Debug, Default)]
struct Limit {
    most: Option<u32>,
    /// It left the function at so many when it was asked for more, the last time.
    left_at: Option<u32>,
}

impl Limit {
    /// Where there were `from` and `to` were asked for, there are `made`. A step that was made shorter is the limit's doing; none at all
    /// may once be that of a slow provider.
    fn learn(&mut self, from: u32, to: u32, made: u32) {
        let is_less = (from..to).contains(&made);
        if is_less && (made > from || self.left_at == Some(made)) {
            self.most = Some(made);
        }
        if self.most.is_some_and(|most| made > most) {
            self.most = None;
        }
        self.left_at = Some(made).filter(|_| is_less);
    }
}

/// Leave to scale: nobody else does meanwhile.
#[derive(Debug)]
pub(super) struct Turn {
    permit: OwnedSemaphorePermit,
    /// When whoever asks is told that there was no answer.
    until: Instant,
}

impl Scalings {
    /// By this client, of a gateway that hangs up after `write_timeout`.
    pub(super) fn new(rest: &Rest, write_timeout: Duration, notes: Option<Arc<Notes>>) -> Self {
        let over_within = write_timeout + AFTER_HANGING_UP;
        Self {
            rest: rest.within(over_within),
            over_within,
            notes,
            turn: Arc::new(Semaphore::new(1)),
            is_over: AtomicBool::new(false),
            limit: Mutex::default(),
        }
    }

    /// Waits for the scaling before this one.
    ///
    /// # Errors
    /// When that one takes too long, or the run is over.
    pub(super) async fn turn(&self) -> Result<Turn, Refusal> {
        let until = Instant::now() + EXCHANGE;
        let permit = timeout_at(until, Arc::clone(&self.turn).acquire_owned()).await;
        match permit {
            // after the wait: it may have ended meanwhile
            _ if self.is_over.load(Ordering::SeqCst) => Err(Refusal::HeldBack("the run is over".to_owned())),
            Ok(Ok(permit)) => Ok(Turn { permit, until }),
            Ok(Err(_)) | Err(_) => {
                Err(Refusal::HeldBack("the scaling before this one has not been answered yet".to_owned()))
            }
        }
    }

    /// The most that may be asked for so that the gateway grants it, as far as that is known.
    pub(super) fn most(&self) -> Option<u32> {
        self.limit().most
    }

    fn limit(&self) -> MutexGuard<'_, Limit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for this many replicas where there were `from`; what became of them.
    ///
    /// The exchange has a thread of its own: it goes on when whoever asked has gone, and its runtime with him.
    ///
    /// # Errors
    /// What the gateway said, or that it said nothing in time: then it may still do it.
    pub(super) async fn ask(&self, turn: Turn, from: u32, to: u32) -> Result<u32, Refusal> {
        let Turn { permit, until } = turn;
        let (answer, answered) = oneshot::channel();
        let (rest, notes, over_within) = (self.rest.clone(), self.notes.clone(), self.over_within);
        let started = thread::Builder::new().name("scaling".to_owned()).spawn(move || {
            let (result, answered) = asked(&rest, notes.as_deref(), (from, to), over_within);
            // nobody may wait any more
            let _ = answer.send(result);
            if let (Some(notes), Some(answered)) = (notes, answered) {
                notes.answered(&answered);
            }
            drop(permit);
        });
        started.map_err(|error| cannot(&error))?;
        let Ok(Ok(result)) = timeout_at(until, answered).await else {
            let why = format!("no complete answer within {EXCHANGE:?}; the gateway may still do it");
            return Err(Refusal::Unreachable(why));
        };
        if let Ok(made) = result {
            self.limit().learn(from, to, made);
        }
        result
    }

    /// No scalings any more; returns when none is under way.
    pub(super) async fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        if timeout(self.over_within + EXCHANGE, self.turn.acquire()).await.is_err() {
            tracing::warn!("the gateway has a scaling under way that nobody can wait for any longer");
        }
    }
}

/// Asks for a scaling once it is noted; what came of it, and the note if it is to be struck out.
fn asked(
    rest: &Rest,
    notes: Option<&Notes>,
    (from, to): (u32, u32),
    over_within: Duration,
) -> (Result<u32, Refusal>, Option<Unanswered>) {
    let kept = notes.map(|notes| notes.ask(Asked::Scaling { from, to }, over_within)).transpose();
    let kept = match kept {
        Ok(kept) => kept,
        Err(error) => return (Err(Refusal::HeldBack(format!("it can't be noted: {error}"))), None),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return (Err(cannot(&error)), kept),
    };
    match runtime.block_on(rest.ask_for(FunctionId::STUDIED, to)) {
        Ok(Err(Refusal::Status { status, body })) if is_given_up_on_the_way(status) => {
            (Err(Refusal::Status { status, body }), None)
        }
        Ok(result) => (result, kept),
        Err(error) => {
            let is_open = error.leaves_open();
            (Err(Refusal::Unreachable(error.to_string())), kept.filter(|_| !is_open))
        }
    }
}

fn cannot(error: &io::Error) -> Refusal {
    Refusal::Unreachable(format!("the thread that would ask could not be started: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_learned_from_a_step_made_shorter_or_from_two_that_were_not_made() {
        for (steps, most) in [
            (&[(2, 7, 5)][..], Some(5)),
            (&[(5, 6, 5)], None),
            (&[(5, 6, 5), (5, 7, 5)], Some(5)),
            (&[(5, 6, 5), (5, 4, 4), (4, 5, 5), (5, 6, 5)], None),
            (&[(2, 7, 5), (5, 8, 8)], None),
            // somebody else's doing
            (&[(2, 4, 6)], None),
            (&[(3, 2, 1)], None),
        ] {
            let mut limit = Limit::default();
            for (from, to, made) in steps {
                limit.learn(*from, *to, *made);
            }
            assert_eq!(limit.most, most, "{steps:?}");
        }
    }
}
