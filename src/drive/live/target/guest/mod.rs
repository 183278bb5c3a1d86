//! A run on somebody's platform as a guest: what it changes there is noted before the change and put back when the run ends, whatever
//! ended it.
//!
//! ```text
//!   note on disk --> change --> ... the run ... --> put back --> note struck out
//!        |                                             ^
//!        +---- kill -9: the next run, or `restore` ----+
//! ```
//!
//! How a change is made and put back is the business of a platform's own target ([`openfaas`](super::openfaas),
//! [`kubernetes`](super::kubernetes)); nothing here speaks to one, but to an Alertmanager.

pub(super) mod alone;
mod error;
pub mod journal;
mod secret;
pub(super) mod silence;
mod stay;
mod watch;

use std::time::Duration;

use self::journal::{Entry, Journal, Owed};

pub use self::error::GuestError;
pub use self::secret::{SecretError, SecretSource};
pub use self::silence::Alertmanager;
pub use self::stay::Stay;
pub(super) use self::stay::{Debt, settle};
pub use self::watch::Writer;
pub(super) use self::watch::{Watch, row};

/// Time for one exchange with somebody's platform.
pub(super) const EXCHANGE: Duration = Duration::from_secs(5);

/// What a run is to find.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The functions by their ids; the first is scaled.
    pub functions: Vec<String>,
    /// Replicas of the first, ready.
    pub replicas: u32,
    /// Fewest and most that are ever asked for.
    pub bounds: (u32, u32),
    /// Who scales it.
    pub writer: Writer,
    /// How long the run may take.
    pub lasts: Duration,
}

/// Pays a dead run's debt: puts back what it changed and strikes it out.
///
/// # Errors
/// When it can't be put back in time; the entry stays then.
pub async fn pay(entry: &Entry, journal: &Journal, within: Duration) -> Result<(), GuestError> {
    match &entry.owed {
        Owed::Gateway(_) => settle(super::openfaas::debt(entry)?.as_ref(), journal, within).await,
        Owed::Cluster(_) => settle(super::kubernetes::debt(entry).await?.as_ref(), journal, within).await,
        Owed::Load(_) => settle(super::kubernetes::pods::debt(entry).await?.as_ref(), journal, within).await,
    }
}

/// Takes a debt over that a run on another machine has left, or one whose note here is lost, and pays it as [`pay`] does. If it can't be
/// paid now, it is this machine's from now on.
///
/// # Errors
/// As [`pay`], and when it can't be noted: then nothing was changed.
pub async fn adopt(entry: &Entry, journal: &Journal, within: Duration) -> Result<(), GuestError> {
    journal.keep(entry)?;
    pay(entry, journal, within).await
}
