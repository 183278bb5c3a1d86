//! What a run changes at a gateway before it begins, and puts back when it is over.
//!
//! ```text
//!   debts of dead runs paid --> noted on disk --> alert silenced --> replicas as the run begins with
//!                                    |                                         ... the run ...
//!                                    +--- struck out <-- alert heard again <-- replicas as before <-- nothing under way
//! ```

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Access;
use super::notes::{Notes, left};
use super::scalings::Scalings;
use crate::drive::Trust;
use crate::drive::live::clock::Clock;
use crate::drive::live::target::BoxFuture;
use crate::drive::live::target::guest::journal::{Asked, Entry, GatewayDebt, Journal, Owed, Process, Unanswered};
use crate::drive::live::target::guest::silence::{self, Silencer};
use crate::drive::live::target::guest::{Debt, EXCHANGE, GuestError, Stay, Wish, Writer, settle};
use crate::drive::live::target::rest::{Options as RestOptions, Rest, RestError};
use crate::policy::{Refusal, ReplicaStatus};
use crate::record::FunctionId;

/// Between two readings while the function is to become ready.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What was tried, for an exchange that fails.
fn failed(what: &'static str) -> impl FnOnce(RestError) -> GuestError {
    move |source| GuestError::Rest { what, source: Box::new(source) }
}

/// The ways to a gateway and its Alertmanager.
#[derive(Debug)]
struct Ways {
    rest: Rest,
    silencer: Option<Silencer>,
}

impl Ways {
    fn open(access: &Access, functions: &[String]) -> Result<Self, GuestError> {
        Ok(Self { rest: access.rest(functions)?, silencer: access.silencer()? })
    }
}

impl Access {
    /// A client of the gateway.
    pub(in crate::drive::live::target) fn rest(&self, functions: &[String]) -> Result<Rest, GuestError> {
        Ok(Rest::new(RestOptions {
            gateway: self.gateway.clone(),
            metrics: self.metrics.clone(),
            authorization: self.secret.read()?,
            trust: self.trust()?,
            namespace: self.namespace.clone(),
            functions: functions.to_vec(),
            timeout: EXCHANGE,
        })?)
    }

    /// The way to the Alertmanager, if one is known.
    pub(in crate::drive::live::target) fn silencer(&self) -> Result<Option<Silencer>, GuestError> {
        let Some(alertmanager) = &self.alertmanager else { return Ok(None) };
        alertmanager.silencer(&self.trust()?).map(Some)
    }

    /// Whose certificates are good.
    ///
    /// # Errors
    /// When the file of authorities can't be read.
    pub fn trust(&self) -> Result<Trust, GuestError> {
        match &self.ca_file {
            None => Ok(Trust::System),
            Some(file) => std::fs::read(file)
                .map(Trust::Authorities)
                .map_err(|source| GuestError::CaFile { file: file.display().to_string(), source }),
        }
    }
}

/// The way to a gateway and the replicas its first function has, without a change.
pub(super) async fn look(access: &Access, functions: &[String]) -> Result<(Rest, ReplicaStatus), GuestError> {
    let rest = access.rest(functions)?;
    let status = rest.replicas(FunctionId::STUDIED).await.map_err(failed("the function can't be found"))?;
    Ok((rest, status))
}

/// What is owed to a gateway, with the ways there.
struct Owing {
    entry: Entry,
    debt: GatewayDebt,
    ways: Ways,
    /// A run that is alive; a dead one scales no more.
    alive: Option<Alive>,
}

/// How a run changes things.
struct Alive {
    scalings: Arc<Scalings>,
    notes: Arc<Notes>,
}

impl Ways {
    /// Waits until what was asked for and never answered is made or never will be.
    async fn outlast(&self, function: &str, mut open: Vec<Unanswered>) {
        let mut was_told = false;
        loop {
            open.retain(|asked| !left(asked).is_zero());
            if !open.is_empty()
                && let Ok(status) = self.rest.replicas(FunctionId::STUDIED).await
            {
                open.retain(|asked| !asked.what.is_made(status.desired));
            }
            let Some(longest) = open.iter().map(left).max() else { return };
            if !std::mem::replace(&mut was_told, true) {
                tracing::warn!(
                    "{function} may still be changed by what a run asked for and never got an answer to; waiting until that is done or given up, up to {:.0} s",
                    longest.as_secs_f64().ceil()
                );
            }
            sleep(LOOK_EVERY.min(longest)).await;
        }
    }
}

impl Debt for Owing {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn come_to_rest(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let open = match &self.alive {
                Some(Alive { scalings, notes }) => {
                    scalings.end().await;
                    notes.close()
                }
                None => self.debt.unanswered.clone(),
            };
            self.ways.outlast(&self.debt.function, open).await;
        })
    }

    /// Replicas first: the platform's autoscaler should find them as it left them.
    fn put_back(&self) -> BoxFuture<'_, Result<(), GuestError>> {
        Box::pin(async move {
            let status = self.ways.rest.replicas(FunctionId::STUDIED).await;
            let status = status.map_err(failed("replicas can't be read"))?;
            // zero can't be asked of a Community Edition: it makes one of it
            let replicas = self.debt.replicas.max(1);
            if status.desired != replicas {
                let made = self.ways.rest.scale(FunctionId::STUDIED, replicas).await;
                granted(&self.debt.function, replicas, made)?;
            }
            if let (Some(_), Some(silencer)) = (&self.debt.alertmanager, &self.ways.silencer) {
                let ended = silencer.end(&self.entry.id).await;
                ended.map_err(failed("the function's alert is still silenced"))?;
            }
            Ok(())
        })
    }

    fn place(&self) -> &str {
        &self.debt.gateway
    }

    fn function(&self) -> &str {
        &self.debt.function
    }

    fn commands(&self) -> String {
        let GatewayDebt { gateway, namespace, function, replicas, alertmanager, secret, .. } = &self.debt;
        let replicas = (*replicas).max(1);
        let mut text = format!(
            "    curl{} -d '{{\"serviceName\":\"{function}\",\"namespace\":\"{namespace}\",\"replicas\":{replicas}}}' '{gateway}/system/scale-function/{function}?namespace={namespace}'",
            secret.for_curl()
        );
        if let Some(alertmanager) = alertmanager {
            // writing to a string cannot fail
            let _ = write!(text, "\n{}", silence::commands(alertmanager));
        }
        text
    }
}

/// What an entry says is owed to a gateway.
///
/// # Errors
/// When there is no way to it.
pub(in crate::drive::live::target) fn debt(entry: &Entry) -> Result<Arc<dyn Debt>, GuestError> {
    let Owed::Gateway(debt) = &entry.owed else { unreachable!("only what is owed to a gateway comes here") };
    let access = Access {
        gateway: debt.gateway.clone(),
        alertmanager: debt.alertmanager.clone(),
        namespace: debt.namespace.clone(),
        secret: debt.secret.clone(),
        ca_file: debt.ca_file.clone(),
        ..Access::default()
    };
    let ways = Ways::open(&access, std::slice::from_ref(&debt.function))?;
    Ok(Arc::new(Owing { entry: entry.clone(), debt: debt.clone(), ways, alive: None }))
}

/// A function that is the run's own for a while.
pub(super) struct Begun {
    pub(super) rest: Rest,
    pub(super) scalings: Arc<Scalings>,
    pub(super) status: ReplicaStatus,
    pub(super) stay: Stay,
}

/// Takes the first of the wish's functions over: as many replicas as wished, ready, its alert silenced where the run's own policy
/// scales it.
pub(super) async fn begin(access: &Access, wish: &Wish, journal: Journal) -> Result<Begun, GuestError> {
    let ways = Ways::open(access, &wish.functions)?;
    let function = wish.functions.first().cloned().unwrap_or_default();
    for owing in journal.entries()? {
        let same = owing.is_about(&access.gateway, &access.namespace, &function);
        if same && owing.process.is_alive() {
            let who = format!("process {}", owing.process.pid);
            return Err(GuestError::Driven { who, function, place: access.gateway.clone() });
        }
        if same {
            settle(debt(&owing)?.as_ref(), &journal, access.restore_within).await?;
        }
    }
    let before = ways.rest.replicas(FunctionId::STUDIED).await;
    let before = before.map_err(failed("the function can't be found"))?;
    let debt = GatewayDebt {
        gateway: access.gateway.clone(),
        namespace: access.namespace.clone(),
        function,
        replicas: before.desired,
        alertmanager: access.alertmanager.clone().filter(|_| wish.writer == Writer::Policy),
        secret: access.secret.clone(),
        ca_file: access.ca_file.clone(),
        unanswered: Vec::new(),
    };
    let process = Process::own();
    let id = format!("{}-{}", Clock::unix_now().as_millis(), process.pid);
    let entry = Entry { id, process, owed: Owed::Gateway(debt.clone()) };
    let rest = ways.rest.clone();
    let notes = Arc::new(Notes::new(journal.clone(), entry.clone()));
    let scalings = Arc::new(Scalings::new(&rest, access.write_timeout, Some(Arc::clone(&notes))));
    let alive = Alive { scalings: Arc::clone(&scalings), notes: Arc::clone(&notes) };
    let owing = Arc::new(Owing { entry, debt, ways, alive: Some(alive) });
    let stay = Stay::begin(Arc::clone(&owing) as Arc<dyn Debt>, journal, access.restore_within)?;
    match take(&owing, &scalings, &notes, access, wish).await {
        Ok(status) => Ok(Begun { rest, scalings, status, stay }),
        Err(error) => {
            // what stopped it is the better message
            let _ = stay.end().await;
            Err(error)
        }
    }
}

async fn take(
    owing: &Owing,
    scalings: &Scalings,
    notes: &Notes,
    access: &Access,
    wish: &Wish,
) -> Result<ReplicaStatus, GuestError> {
    let rest = &owing.ways.rest;
    let function = &owing.debt.function;
    if let (Writer::Policy, Some(silencer)) = (wish.writer, &owing.ways.silencer) {
        let name = format!("{function}.{}", access.namespace);
        let lasts = wish.lasts + access.ready_within + access.restore_within;
        let asked = notes.ask(Asked::Silence, EXCHANGE)?;
        let begun = silencer.begin(&owing.entry.id, &name, Clock::unix_now(), lasts).await;
        if !begun.as_ref().is_err_and(RestError::leaves_open) {
            notes.answered(&asked);
        }
        begun.map_err(failed("the function's alert can't be silenced"))?;
    }
    let made = match scalings.turn().await {
        Ok(turn) => scalings.ask(turn, owing.debt.replicas, wish.replicas).await,
        Err(refusal) => Err(refusal),
    };
    granted(function, wish.replicas, made)?;
    let deadline = Instant::now() + access.ready_within;
    loop {
        let status = rest.replicas(FunctionId::STUDIED).await.map_err(failed("replicas can't be read"))?;
        if (status.desired, status.ready) == (wish.replicas, wish.replicas) {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            return Err(GuestError::NotReady {
                function: function.clone(),
                ready: status.ready,
                wanted: wish.replicas,
                waited: access.ready_within,
            });
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether a gateway made as many replicas as it was asked for.
fn granted(function: &str, replicas: u32, made: Result<u32, Refusal>) -> Result<(), GuestError> {
    let function = function.to_owned();
    match made {
        Ok(made) if made == replicas => Ok(()),
        Ok(made) => Err(GuestError::Made { function, replicas, made }),
        Err(Refusal::Status { status, body }) => {
            Err(GuestError::Refused { function, replicas, why: format!("{status} {body}") })
        }
        Err(Refusal::Unreachable(why) | Refusal::HeldBack(why)) => Err(GuestError::Refused { function, replicas, why }),
    }
}
