//! What a run changes at a gateway before it begins, and puts back when it is over, whatever ended it.
//!
//! ```text
//!   debts of dead runs paid --> noted on disk --> alert silenced --> replicas as the run begins with
//!                                    |                                         ... the run ...
//!                                    +--- struck out <-- replicas as before <-- alert heard again
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::journal::{Entry, Journal, JournalError, Process};
use super::secret::SecretError;
use super::{Access, silence};
use crate::drive::Trust;
use crate::drive::live::clock::Clock;
use crate::drive::live::target::TargetError;
use crate::drive::live::target::rest::caller::Caller;
use crate::drive::live::target::rest::{Options as RestOptions, Rest, RestError};
use crate::policy::{Refusal, ReplicaStatus};
use crate::record::FunctionId;

/// Time for one exchange.
pub(super) const EXCHANGE: Duration = Duration::from_secs(5);
/// Between two readings while the function is to become ready.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The first wait after a failure to put something back, doubled with each; a gateway that restarts is back after seconds.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why a gateway can't be used for a run, or was not left as it was.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// Something about the addresses.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The password is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The certificates are not there.
    #[error("ca_file {file} can't be read: {source}")]
    CaFile {
        /// Which.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Changes can't be noted, so none is made.
    #[error("what is about to be changed can't be noted, so nothing was changed: {0}")]
    Journal(#[from] JournalError),
    /// The gateway did not answer as it should.
    #[error("{what}: {source}")]
    Rest {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: Box<RestError>,
    },
    /// The gateway would not scale.
    #[error("the gateway would not set {function} to {replicas} replicas: {why}")]
    Refused {
        /// The function.
        function: String,
        /// How many.
        replicas: u32,
        /// What it said.
        why: String,
    },
    /// It took too long.
    #[error(
        "{function} has {ready} of {wanted} replicas ready after {waited:?}\n  hint: look at its pods; raise ready_within in [openfaas] if they only need longer"
    )]
    NotReady {
        /// The function.
        function: String,
        /// How many are ready.
        ready: u32,
        /// How many should be.
        wanted: u32,
        /// The limit.
        waited: Duration,
    },
    /// Two runs on one function would measure each other.
    #[error(
        "another watchtower (process {pid}) is driving {function} at {gateway}\n  hint: wait until it ends, or end it"
    )]
    Driven {
        /// Its process.
        pid: u32,
        /// The function.
        function: String,
        /// Where.
        gateway: String,
    },
    /// It could not be put back in time. The journal keeps it.
    #[error(
        "{function} at {gateway} could not be put back as it was ({why})\n  hint: run `watchtower restore` when the gateway answers again, or type\n{commands}"
    )]
    NotRestored {
        /// The function.
        function: String,
        /// Where.
        gateway: String,
        /// What stood in the way at last.
        why: String,
        /// What to type instead.
        commands: String,
    },
}

/// What was tried, for an exchange that fails.
fn failed(what: &'static str) -> impl FnOnce(RestError) -> IsolationError {
    move |source| IsolationError::Rest { what, source: Box::new(source) }
}

/// The ways to a gateway and its Alertmanager.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) rest: Rest,
    alertmanager: Option<Caller>,
}

impl Ways {
    pub(super) fn open(access: &Access, functions: &[String]) -> Result<Self, IsolationError> {
        let trust = access.trust()?;
        let rest = Rest::new(RestOptions {
            gateway: access.gateway.clone(),
            metrics: access.metrics.clone(),
            authorization: access.secret.read()?,
            trust: trust.clone(),
            namespace: access.namespace.clone(),
            functions: functions.to_vec(),
            timeout: EXCHANGE,
        })?;
        let alertmanager = access.alertmanager.as_deref();
        let alertmanager = alertmanager.map(|url| Caller::at(url, None, &trust, EXCHANGE)).transpose()?;
        Ok(Self { rest, alertmanager })
    }
}

impl Access {
    /// Whose certificates are good.
    ///
    /// # Errors
    /// When the file of authorities can't be read.
    pub fn trust(&self) -> Result<Trust, IsolationError> {
        match &self.ca_file {
            None => Ok(Trust::System),
            Some(file) => std::fs::read(file)
                .map(Trust::Authorities)
                .map_err(|source| IsolationError::CaFile { file: file.display().to_string(), source }),
        }
    }
}

/// The way to a gateway and the replicas its first function has, without a change.
pub(super) async fn look(access: &Access, functions: &[String]) -> Result<(Rest, ReplicaStatus), IsolationError> {
    let rest = Ways::open(access, functions)?.rest;
    let status = rest.replicas(FunctionId::STUDIED).await.map_err(failed("the function can't be found"))?;
    Ok((rest, status))
}

/// A function taken over for a run. Dropping it puts everything back too, while the caller waits.
#[derive(Debug)]
pub(super) struct Isolation {
    entry: Entry,
    ways: Ways,
    journal: Journal,
    within: Duration,
    is_over: bool,
}

/// How a run wants to find its function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Replicas, ready.
    pub(super) replicas: u32,
    /// Whether the platform's own autoscaler is to be kept from scaling.
    pub(super) alone: bool,
    /// How long the run may take.
    pub(super) lasts: Duration,
}

impl Isolation {
    /// Takes the first of `functions` over.
    pub(super) async fn begin(
        access: &Access,
        functions: &[String],
        wanted: Wanted,
        journal: Journal,
    ) -> Result<(Self, ReplicaStatus), IsolationError> {
        let ways = Ways::open(access, functions)?;
        let function = functions.first().cloned().unwrap_or_default();
        for debt in journal.entries()? {
            let same =
                (&debt.gateway, &debt.namespace, &debt.function) == (&access.gateway, &access.namespace, &function);
            if same && debt.process.is_alive() {
                return Err(IsolationError::Driven { pid: debt.process.pid, function, gateway: debt.gateway });
            }
            if same {
                pay(&debt, &journal, access.restore_within).await?;
            }
        }
        let before = ways.rest.replicas(FunctionId::STUDIED).await;
        let before = before.map_err(failed("the function can't be found"))?;
        let process = Process::own();
        let entry = Entry {
            id: format!("{}-{}", Clock::unix_now().as_millis(), process.pid),
            process,
            gateway: access.gateway.clone(),
            namespace: access.namespace.clone(),
            function: function.clone(),
            replicas: before.desired,
            alertmanager: access.alertmanager.clone().filter(|_| wanted.alone),
            secret: access.secret.clone(),
            ca_file: access.ca_file.clone(),
        };
        journal.keep(&entry)?;
        let mut isolation = Self { entry, ways, journal, within: access.restore_within, is_over: false };
        match isolation.take(access, wanted).await {
            Ok(status) => Ok((isolation, status)),
            Err(error) => {
                // what stopped it is the better message
                let _ = isolation.put_back().await;
                Err(error)
            }
        }
    }

    async fn take(&self, access: &Access, wanted: Wanted) -> Result<ReplicaStatus, IsolationError> {
        if let (true, Some(alertmanager)) = (wanted.alone, &self.ways.alertmanager) {
            let name = format!("{}.{}", self.entry.function, access.namespace);
            let lasts = wanted.lasts + access.ready_within + access.restore_within;
            silence::begin(alertmanager, &self.entry.id, &name, Clock::unix_now(), lasts)
                .await
                .map_err(failed("the function's alert can't be silenced"))?;
        }
        scale(&self.ways.rest, &self.entry.function, wanted.replicas).await?;
        let deadline = Instant::now() + access.ready_within;
        loop {
            let status = self.ways.rest.replicas(FunctionId::STUDIED).await;
            let status = status.map_err(failed("replicas can't be read"))?;
            if (status.desired, status.ready) == (wanted.replicas, wanted.replicas) {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(IsolationError::NotReady {
                    function: self.entry.function.clone(),
                    ready: status.ready,
                    wanted: wanted.replicas,
                    waited: access.ready_within,
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The way to the gateway.
    pub(super) const fn rest(&self) -> &Rest {
        &self.ways.rest
    }

    /// Puts everything back, once.
    pub(super) async fn put_back(&mut self) -> Result<(), IsolationError> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(());
        }
        settle(&self.entry, &self.ways, &self.journal, self.within).await
    }
}

impl Drop for Isolation {
    /// For ends nobody foresaw: an error on the way, a panic. A thread of its own, since this may be inside a runtime.
    fn drop(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let (entry, ways, journal, within) = (self.entry.clone(), self.ways.clone(), self.journal.clone(), self.within);
        let paid = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(settle(&entry, &ways, &journal, within)).map_err(|error| error.to_string())
        });
        match paid.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("{error}"),
            Err(_) => tracing::error!("putting the function back ended early; run `watchtower restore`"),
        }
    }
}

/// Pays a dead run's debt: puts back what it changed and strikes it out.
///
/// # Errors
/// When it can't be put back in time; the entry stays then.
pub async fn pay(entry: &Entry, journal: &Journal, within: Duration) -> Result<(), IsolationError> {
    let access = Access {
        gateway: entry.gateway.clone(),
        alertmanager: entry.alertmanager.clone(),
        namespace: entry.namespace.clone(),
        secret: entry.secret.clone(),
        ca_file: entry.ca_file.clone(),
        ..Access::default()
    };
    let ways = Ways::open(&access, std::slice::from_ref(&entry.function))?;
    settle(entry, &ways, journal, within).await
}

/// Puts back what an entry says and strikes it out.
async fn settle(entry: &Entry, ways: &Ways, journal: &Journal, within: Duration) -> Result<(), IsolationError> {
    retried(entry, ways, within).await?;
    Ok(journal.strike(entry)?)
}

async fn retried(entry: &Entry, ways: &Ways, within: Duration) -> Result<(), IsolationError> {
    let deadline = Instant::now() + within;
    let mut wait = FIRST_WAIT;
    loop {
        let why = match once(entry, ways).await {
            Ok(()) => return Ok(()),
            Err(error) => error.to_string(),
        };
        if Instant::now() + wait >= deadline {
            return Err(IsolationError::NotRestored {
                function: entry.function.clone(),
                gateway: entry.gateway.clone(),
                why,
                commands: commands(entry),
            });
        }
        tracing::warn!("{} could not be put back yet: {why}", entry.function);
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Replicas first: the platform's autoscaler should find them as it left them.
async fn once(entry: &Entry, ways: &Ways) -> Result<(), IsolationError> {
    let status = ways.rest.replicas(FunctionId::STUDIED).await;
    let status = status.map_err(failed("replicas can't be read"))?;
    // zero can't be asked of a Community Edition: it makes one of it
    if status.desired != entry.replicas.max(1) {
        scale(&ways.rest, &entry.function, entry.replicas.max(1)).await?;
    }
    if let (Some(_), Some(alertmanager)) = (&entry.alertmanager, &ways.alertmanager) {
        silence::end(alertmanager, &entry.id).await.map_err(failed("the function's alert is still silenced"))?;
    }
    Ok(())
}

async fn scale(rest: &Rest, function: &str, replicas: u32) -> Result<u32, IsolationError> {
    rest.scale(FunctionId::STUDIED, replicas).await.map_err(|refusal| IsolationError::Refused {
        function: function.to_owned(),
        replicas,
        why: match refusal {
            Refusal::Status { status, body } => format!("{status} {body}"),
            Refusal::Unreachable(why) | Refusal::HeldBack(why) => why,
        },
    })
}

/// What a person types to put it back.
fn commands(entry: &Entry) -> String {
    let Entry { gateway, namespace, function, replicas, alertmanager, secret, .. } = entry;
    let replicas = (*replicas).max(1);
    // writing to a string cannot fail, below neither
    let mut text = format!(
        "    curl{} -d '{{\"serviceName\":\"{function}\",\"namespace\":\"{namespace}\",\"replicas\":{replicas}}}' '{gateway}/system/scale-function/{function}?namespace={namespace}'",
        secret.for_curl()
    );
    if let Some(alertmanager) = alertmanager {
        let amtool = format!("amtool --alertmanager.url={alertmanager} silence");
        let _ = write!(text, "\n    {amtool} expire $({amtool} query -q --created-by=watchtower)");
    }
    text
}
