//! Any OpenFaaS gateway as a target, by its REST API: nothing is started, and what is changed is put back.
//!
//! ```text
//!   isolation: replicas and alert as the run needs them, as before afterwards   (journal: also after kill -9)
//!   a reading a second --> watch: rows, sample, cost
//!   scalings: one at a time, none of which arrives after the run
//!   rest: counters, and what becomes of a scaling
//! ```
//!
//! A gateway tells counts of replicas and no pods, no queue and no CPU; what it does not tell stays unknown.

mod isolation;
mod notes;
pub mod plain;
mod scalings;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::guest::alone::{isolated, not_isolated, silenced};
use super::guest::journal::Journal;
use super::guest::{Alertmanager, GuestError, SecretSource, Stay, Watch, Wish, Writer};
use super::rest::Rest;
use super::{BoxFuture, DEFAULT_NAMESPACE, Target};
use crate::drive::clocks::Ahead;
use crate::drive::live::clock::Clock;
use crate::policy::Refusal;
use crate::record::{EventRow, FunctionId, PlatformSample};
use crate::time::Timestamp;

pub(super) use self::isolation::debt;
use self::scalings::Scalings;

/// Between two readings of the replicas.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Where a gateway is, how to be let in, and how long to be patient with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its base address.
    pub gateway: String,
    /// The base address of its metrics; without it counters can't be read.
    pub metrics: Option<String>,
    /// Its Alertmanager; without it the platform's own autoscaler is not kept from scaling.
    pub alertmanager: Option<Alertmanager>,
    /// Where the functions live.
    pub namespace: String,
    /// How to be let in.
    pub secret: SecretSource,
    /// PEM file of the authorities that vouch for it; this machine's own if not given.
    pub ca_file: Option<PathBuf>,
    /// How long the function may take to have the replicas a run begins with.
    pub ready_within: Duration,
    /// How long putting things back is tried.
    pub restore_within: Duration,
    /// When it hangs up on whoever waits for an answer: by then a scaling is done or never will be. The chart's is 65 s (reference:
    /// openfaas/faas-netes, `values.yaml`).
    pub write_timeout: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            gateway: "http://127.0.0.1:8080".to_owned(),
            metrics: None,
            alertmanager: None,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            secret: SecretSource::None,
            ca_file: None,
            ready_within: Duration::from_secs(60),
            restore_within: Duration::from_secs(60),
            write_timeout: Duration::from_secs(65),
        }
    }
}

impl Access {
    /// How far this machine's clock is ahead of the gateway's, which all machines of a load have in common. Takes a little more than a
    /// second. `None` where that can't be found out.
    pub async fn clock_ahead(&self) -> Option<Ahead> {
        // the time is told to everybody
        let open = Self { secret: SecretSource::None, ..self.clone() };
        let rest =
            open.rest(&[]).inspect_err(|error| tracing::warn!(%error, "the gateway's clock can't be read")).ok()?;
        rest.clock_ahead().await
    }
}

/// A gateway with a function that is the run's own for a while.
#[derive(Debug)]
pub struct OpenFaas {
    rest: Rest,
    scalings: Arc<Scalings>,
    watch: Arc<Mutex<Watch>>,
    clock: Clock,
    reader: AbortHandle,
    description: String,
}

impl OpenFaas {
    /// Takes a function over: as many replicas as the run begins with, its alert silenced where the run's own policy scales and
    /// an Alertmanager is known. Changes of its replicas go to `events`, by the actor `platform`.
    ///
    /// # Errors
    /// When the gateway, the function or the password is not there, or another run has the function. Nothing is changed then.
    pub async fn take_over(
        access: &Access,
        wish: Wish,
        journal: Journal,
        clock: Clock,
        events: UnboundedSender<EventRow>,
    ) -> Result<(Self, Stay), GuestError> {
        let isolation::Begun { rest, scalings, status, stay } = isolation::begin(access, &wish, journal).await?;
        if let Some(row) = alone(access, &wish, clock.now()) {
            // nobody listens any more when the run is over
            let _ = events.send(row);
        }
        let watch = Watch::new(wish.writer, clock.now(), status);
        let description = format!("OpenFaaS gateway at {} ({})", access.gateway, wish.functions.join(", "));
        Ok((Self::watching(rest, scalings, watch, clock, events, description), stay))
    }

    /// Joins a run whose function another machine has taken over: nothing is changed here, and nothing has to be put back.
    ///
    /// # Errors
    /// When the gateway, the function or the password is not there.
    pub async fn join(
        access: &Access,
        functions: &[String],
        clock: Clock,
        events: UnboundedSender<EventRow>,
    ) -> Result<Self, GuestError> {
        let (rest, status) = isolation::look(access, functions).await?;
        let watch = Watch::new(Writer::Another, clock.now(), status);
        let description = format!("OpenFaaS gateway at {} ({})", access.gateway, functions.join(", "));
        let scalings = Arc::new(Scalings::new(&rest, access.write_timeout, None));
        Ok(Self::watching(rest, scalings, watch, clock, events, description))
    }

    fn watching(
        rest: Rest,
        scalings: Arc<Scalings>,
        watch: Watch,
        clock: Clock,
        events: UnboundedSender<EventRow>,
        description: String,
    ) -> Self {
        let watch = Arc::new(Mutex::new(watch));
        let reader = tokio::spawn(read_on(rest.clone(), Arc::clone(&watch), clock, events)).abort_handle();
        Self { rest, scalings, watch, clock, reader, description }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenFaas {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What was done about the platform's own autoscaler, or that nothing was.
fn alone(access: &Access, wish: &Wish, at: Timestamp) -> Option<EventRow> {
    let function = wish.functions.first()?;
    let name = format!("{function}.{}", access.namespace);
    match (wish.writer, &access.alertmanager) {
        (Writer::Policy, Some(alertmanager)) => Some(isolated(at, silenced(&name, &alertmanager.address))),
        (Writer::Policy, None) => Some(not_isolated(at, &name, "no alertmanager is named in [openfaas]")),
        (Writer::Platform | Writer::Another, _) => None,
    }
}

async fn read_on(rest: Rest, watch: Arc<Mutex<Watch>>, clock: Clock, events: UnboundedSender<EventRow>) {
    let mut ticks = tokio::time::interval(READ_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let reading = rest.replicas(FunctionId::STUDIED).await.map_err(|error| error.to_string());
        let rows = watch.lock().unwrap_or_else(PoisonError::into_inner).read(clock.now(), reading);
        for row in rows {
            if events.send(row).is_err() {
                return;
            }
        }
    }
}

impl Target for OpenFaas {
    fn gateway(&self) -> &Rest {
        &self.rest
    }

    fn scale(&self, function: FunctionId, to: u32) -> BoxFuture<'_, Result<u32, Refusal>> {
        Box::pin(async move {
            if function != FunctionId::STUDIED {
                // of another one nothing is noted, so nobody would put it back
                return Err(Refusal::HeldBack("a run scales the function under study only".to_owned()));
            }
            let turn = self.scalings.turn().await?;
            let from = self.watch().desired();
            let wanted = self.scalings.most().filter(|most| from <= *most).map_or(to, |most| most.min(to));
            if wanted < to && wanted == from {
                return Ok(from);
            }
            // before it is asked: a reading may come between the gateway's deed and its answer
            let before = self.watch().ask_at_most(wanted);
            let answer = self.scalings.ask(turn, from, wanted).await;
            match &answer {
                // more, or a step the other way, is somebody else's, of which the next reading tells
                Ok(made) if !(from.min(wanted)..=from.max(wanted)).contains(made) => drop(self.watch().ask(wanted)),
                Ok(made) => drop(self.watch().ask(*made)),
                Err(Refusal::Status { .. }) => drop(self.watch().ask(before)),
                // what can't be known after a broken connection, the readings will show
                Err(Refusal::Unreachable(_) | Refusal::HeldBack(_)) => {}
            }
            answer
        })
    }

    fn sample(&self, function: FunctionId) -> PlatformSample {
        if function == FunctionId::STUDIED { self.watch().sample(self.clock.now()) } else { PlatformSample::default() }
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
