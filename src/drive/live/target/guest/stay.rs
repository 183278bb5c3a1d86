//! A run's stay on somebody's platform: its debt is noted before anything is changed, and paid when the stay ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::GuestError;
use super::journal::{Entry, Journal};
use crate::drive::live::target::BoxFuture;

/// The first wait after a failure to put something back, doubled with each; a server that restarts is back after seconds.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a run owes to a platform, and how it is paid.
pub(in crate::drive::live::target) trait Debt: Send + Sync {
    /// As it stands on disk.
    fn entry(&self) -> &Entry;

    /// Waits until nothing is under way any more that was asked for before: what is made afterwards would undo the putting back.
    fn come_to_rest(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Puts everything back. What is as before already stays as it is, so this may be tried again.
    fn put_back(&self) -> BoxFuture<'_, Result<(), GuestError>>;

    /// The platform, for messages.
    fn place(&self) -> &str;

    /// The function, for messages.
    fn function(&self) -> &str;

    /// What a person types to put it back, a command a line, each indented.
    fn commands(&self) -> String;
}

/// The end of a run's stay: what has to be put back. Dropping it puts everything back too, while the caller waits.
pub struct Stay {
    debt: Arc<dyn Debt>,
    journal: Journal,
    within: Duration,
    is_over: bool,
}

impl fmt::Debug for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stay").field("entry", self.debt.entry()).finish_non_exhaustive()
    }
}

impl Stay {
    /// Notes what is about to be changed; to be called before it is. Refused where another run of this machine has the function.
    pub(in crate::drive::live::target) fn begin(
        debt: Arc<dyn Debt>,
        journal: Journal,
        within: Duration,
    ) -> Result<Self, GuestError> {
        if let Err(other) = journal.claim(debt.entry())? {
            return Err(GuestError::Driven {
                who: format!("process {}", other.pid),
                function: debt.function().to_owned(),
                place: debt.place().to_owned(),
            });
        }
        Ok(Self { debt, journal, within, is_over: false })
    }

    /// Notes more that is about to be changed, in the place of what was noted before.
    pub(in crate::drive::live::target) fn owe(&mut self, debt: Arc<dyn Debt>) -> Result<(), GuestError> {
        self.journal.keep(debt.entry())?;
        self.debt = debt;
        Ok(())
    }

    /// Puts back what was changed.
    ///
    /// # Errors
    /// When it can't be put back in time; the message says what to type, and the journal keeps it for `watchtower restore`.
    pub async fn end(mut self) -> Result<(), GuestError> {
        let ended = settle(self.debt.as_ref(), &self.journal, self.within).await;
        // not before: whoever gives up waiting here leaves it to the drop
        self.is_over = true;
        ended
    }
}

impl Drop for Stay {
    /// For ends nobody foresaw: an error on the way, a panic. A thread of its own, since this may be inside a runtime.
    fn drop(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let (debt, journal, within) = (Arc::clone(&self.debt), self.journal.clone(), self.within);
        let paid = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(settle(debt.as_ref(), &journal, within)).map_err(|error| error.to_string())
        });
        match paid.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error}"),
            Err(_) => tracing::error!("putting the function back ended early; run `watchtower restore`"),
        }
    }
}

/// Pays a debt and strikes it out. The time that is given to it begins when nothing is under way any more.
///
/// # Errors
/// When it can't be put back in time; the entry stays then.
pub(in crate::drive::live::target) async fn settle(
    debt: &dyn Debt,
    journal: &Journal,
    within: Duration,
) -> Result<(), GuestError> {
    debt.come_to_rest().await;
    retried(debt, within).await?;
    Ok(journal.strike(debt.entry())?)
}

async fn retried(debt: &dyn Debt, within: Duration) -> Result<(), GuestError> {
    let deadline = Instant::now() + within;
    let mut wait = FIRST_WAIT;
    loop {
        let why = match debt.put_back().await {
            Ok(()) => return Ok(()),
            Err(error) => error.to_string(),
        };
        if Instant::now() + wait >= deadline {
            return Err(GuestError::NotRestored {
                function: debt.function().to_owned(),
                place: debt.place().to_owned(),
                why,
                commands: debt.commands(),
            });
        }
        tracing::warn!("{} could not be put back yet: {why}", debt.function());
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
