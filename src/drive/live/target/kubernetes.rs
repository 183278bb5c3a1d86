//! A Kubernetes cluster as a target: a function's Deployment is scaled by its scale subresource, followed by a watch, and invoked
//! through the gateway in front of it. Nothing is started there, and what is changed is put back.
//!
//! ```text
//!   isolation: rights, Leases, notes; Alertmanager off; replicas as the run needs them; all as before afterwards
//!   follow: Deployment --> watch: rows, sample, cost        cluster's events --> rows in its own words
//!   rest: invocations and counters, through the gateway
//! ```
//!
//! The API server tells no queue and no CPU; what it does not tell stays unknown.

mod candidacy;
mod cluster;
mod follow;
mod found;
mod happenings;
mod isolation;
mod lease;
mod objects;
pub mod plain;
mod pod;
pub mod pods;
mod rights;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use self::cluster::Cluster;
use self::follow::{Course, Followed, News, follow};
use self::lease::Keeper;
use self::objects::{Deployment, Happening, Meta, Scale};
use super::guest::alone::{isolated, not_isolated, silenced};
use super::guest::journal::Journal;
use super::guest::{GuestError, Stay, Watch, Wish, Writer, row};
use super::rest::Rest;
use super::{BoxFuture, Target, openfaas};
use crate::drive::live::clock::Clock;
use crate::policy::{Refusal, ReplicaStatus};
use crate::record::{EventKind, EventRow, FunctionId, PlatformSample};
use crate::time::Timestamp;

pub use self::candidacy::{Candidacy, FENCE};
pub use self::cluster::{ApiError, ConfigError, Way};
pub use self::found::{Finder, Left, Search};
pub use self::isolation::MARK;
pub(super) use self::isolation::debt;
pub use self::objects::Place;

/// Quiet for so long, the watch of the Deployment is doubted: a policy of five seconds' rounds misses one at most.
const QUIET: Duration = Duration::from_secs(5);
/// The same for the cluster's events, on which nothing depends.
const QUIET_EVENTS: Duration = Duration::from_secs(30);
/// How often one change is tried while others change the same object.
const CONFLICTS_MOST: u32 = 10;

/// How often one change was decided anew, because others had changed the same object.
#[derive(Debug, Default)]
struct Conflicts(u32);

impl Conflicts {
    /// Whether it is to be decided anew after this error.
    fn allow(&mut self, error: &ApiError) -> bool {
        self.0 += 1;
        error.is_conflict() && self.0 <= CONFLICTS_MOST
    }
}

/// How the platform's own autoscaler is kept from scaling while an arm of this program does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// The Alertmanager is scaled to 0, as the original experiment did.
    #[default]
    Scale,
    /// The function's alert is silenced at the Alertmanager.
    Silence,
    /// Not at all.
    Nothing,
}

/// Where a cluster is, and what is to be changed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The way to its API server.
    pub way: Way,
    /// The gateway in front of its functions.
    pub gateway: openfaas::Access,
    /// What is done about the platform's own autoscaler.
    pub isolation: Isolation,
    /// Its Alertmanager.
    pub alertmanager: Place,
    /// Where load comes from pods, if it does.
    pub load: pods::Site,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            way: Way::default(),
            gateway: openfaas::Access::default(),
            isolation: Isolation::Scale,
            alertmanager: Place { namespace: "openfaas".to_owned(), deployment: "alertmanager".to_owned() },
            load: pods::Site::default(),
        }
    }
}

/// A cluster with a function that is the run's own for a while.
#[derive(Debug)]
pub struct Kubernetes {
    rest: Rest,
    cluster: Cluster,
    place: Place,
    bounds: (u32, u32),
    watch: Arc<Mutex<Option<Watch>>>,
    clock: Clock,
    keeper: Arc<Keeper>,
    readers: [AbortHandle; 2],
    description: String,
}

/// What was tried, for an exchange that fails.
fn failed(what: &str) -> impl FnOnce(ApiError) -> GuestError + use<> {
    let what = what.to_owned();
    move |source| GuestError::Api { what, source: Box::new(source) }
}

impl Kubernetes {
    /// Takes a function over: its Lease, as many replicas as the run begins with, the platform's own autoscaler kept from scaling where
    /// the run's own policy scales. Changes of its replicas go to `events`, by the actor `platform`, and so do the cluster's events.
    ///
    /// # Errors
    /// When the cluster, a right or the function is missing, or another run has the function. Nothing is changed then.
    pub async fn take_over(
        access: &Access,
        wish: Wish,
        journal: Journal,
        clock: Clock,
        events: UnboundedSender<EventRow>,
    ) -> Result<(Self, Stay), GuestError> {
        let rest = access.gateway.rest(&wish.functions)?;
        let begun = isolation::begin(access, &wish, journal, clock, &events).await?;
        let isolation::Begun { cluster, place, keeper, stay } = begun;
        if wish.writer == Writer::Policy {
            // nobody listens any more when the run is over
            let _ = events.send(alone(access, &place, clock.now()));
        }
        let watch = Arc::new(Mutex::new(None));
        let (sender, receiver) = watch::channel(None);
        let readers = [
            tokio::spawn(follow_deployment(
                cluster.clone(),
                place.clone(),
                Arc::clone(&watch),
                clock,
                events.clone(),
                sender,
            )),
            tokio::spawn(follow_events(cluster.clone(), place.clone(), clock, events)),
        ];
        let readers = readers.map(|reader| reader.abort_handle());
        let description = format!("{place}, invoked through {}", access.gateway.gateway);
        let target = Self { rest, cluster, place, bounds: wish.bounds, watch, clock, keeper, readers, description };
        match ready(receiver, wish.replicas, &target.place, access.gateway.ready_within).await {
            Ok(status) => {
                *target.watch() = Some(Watch::new(wish.writer, clock.now(), status));
                Ok((target, stay))
            }
            Err(error) => {
                drop(target);
                // what stopped it is the better message
                let _ = stay.end().await;
                Err(error)
            }
        }
    }

    fn watch(&self) -> MutexGuard<'_, Option<Watch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the policy asks for; what it had asked for before.
    fn ask(&self, count: u32) -> u32 {
        self.watch().as_mut().map_or(count, |watch| watch.ask(count))
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

/// What was done about the platform's own autoscaler, or that nothing was.
fn alone(access: &Access, place: &Place, at: Timestamp) -> EventRow {
    let function = format!("{}.{}", place.deployment, place.namespace);
    match (access.isolation, &access.gateway.alertmanager) {
        (Isolation::Scale, _) => isolated(at, format!("isolated: {} has no replicas meanwhile", access.alertmanager)),
        (Isolation::Silence, Some(alertmanager)) => isolated(at, silenced(&function, &alertmanager.address)),
        (Isolation::Silence | Isolation::Nothing, _) => {
            not_isolated(at, &function, "isolation is \"none\" in [kubernetes]")
        }
    }
}

/// Waits until the watch shows so many replicas, ready.
async fn ready(
    mut seen: watch::Receiver<Option<Result<ReplicaStatus, String>>>,
    wanted: u32,
    place: &Place,
    within: Duration,
) -> Result<ReplicaStatus, GuestError> {
    let is_so = |seen: &Option<Result<ReplicaStatus, String>>| matches!(seen, Some(Ok(status)) if (status.desired, status.ready) == (wanted, wanted));
    let is_ready = matches!(tokio::time::timeout(within, seen.wait_for(is_so)).await, Ok(Ok(_)));
    let last = seen.borrow().clone().and_then(Result::ok);
    if is_ready {
        return Ok(last.unwrap_or_default());
    }
    Err(GuestError::NotReady {
        function: place.deployment.clone(),
        ready: last.map_or(0, |status| status.ready),
        wanted,
        waited: within,
    })
}

impl Followed for Deployment {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Followed for Happening {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

async fn follow_deployment(
    cluster: Cluster,
    place: Place,
    watch: Arc<Mutex<Option<Watch>>>,
    clock: Clock,
    events: UnboundedSender<EventRow>,
    seen: watch::Sender<Option<Result<ReplicaStatus, String>>>,
) {
    let course = Course { path: place.listed(), quiet: QUIET, past: true };
    let gone = || Err(format!("{place} is not there any more"));
    follow::<Deployment>(&cluster, &course, |news| {
        let reading = match news {
            News::All(all) => all.first().map_or_else(gone, |deployment| Ok(deployment.replicas())),
            News::One(deployment) => Ok(deployment.replicas()),
            News::Gone(_) => gone(),
            News::Lost(why) => Err(why),
            News::Silent(most) => {
                let reason = format!(
                    "the watch had gone silent: for up to {:.0} s changes were not seen; it is begun anew",
                    most.as_secs_f64()
                );
                tracing::warn!("{reason}");
                return events
                    .send(row(clock.now(), EventKind::Failed, None, reason, Some(most.as_secs_f64())))
                    .is_ok();
            }
        };
        seen.send_replace(Some(reading.clone()));
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = watch.as_mut().map(|watch| watch.read(clock.now(), reading)).unwrap_or_default();
        rows.into_iter().all(|row| events.send(row).is_ok())
    })
    .await;
}

async fn follow_events(cluster: Cluster, place: Place, clock: Clock, events: UnboundedSender<EventRow>) {
    let course = Course { path: objects::happenings(&place.namespace), quiet: QUIET_EVENTS, past: false };
    follow::<Happening>(&cluster, &course, |news| match news {
        News::One(happening) => {
            happenings::told(clock.now(), &place.deployment, &happening).is_none_or(|row| events.send(row).is_ok())
        }
        // the Deployment's watch tells of that
        News::Lost(_) | News::All(_) | News::Gone(_) | News::Silent(_) => true,
    })
    .await;
}

/// Asks for this many replicas: the version that was read is named, and read anew where another writer was faster.
///
/// `objection` is asked between the two: whoever puts things back after it had none finds the version named here, or makes it old.
async fn scale_to(
    cluster: &Cluster,
    place: &Place,
    replicas: u32,
    objection: impl Fn() -> Option<String>,
) -> Result<(), ApiError> {
    let mut conflicts = Conflicts::default();
    loop {
        let now: Scale = cluster.get(&place.scale()).await?;
        if now.spec.replicas == replicas {
            return Ok(());
        }
        if let Some(why) = objection() {
            return Err(ApiError::Unreachable { what: format!("PUT {}", place.scale()), why });
        }
        match isolation::scale(cluster, place, &now.metadata.resource_version, replicas).await {
            Err(error) if conflicts.allow(&error) => {}
            other => return other,
        }
    }
}

fn refusal(error: &ApiError) -> Refusal {
    match error {
        ApiError::Refused { code, message, .. } => Refusal::Status { status: *code, body: message.clone() },
        other => Refusal::Unreachable(other.to_string()),
    }
}

impl Target for Kubernetes {
    fn gateway(&self) -> &Rest {
        &self.rest
    }

    fn replicas(&self, function: FunctionId) -> BoxFuture<'_, Option<ReplicaStatus>> {
        Box::pin(async move {
            if function != FunctionId::STUDIED {
                return None;
            }
            let read: Result<Deployment, ApiError> = self.cluster.get(&self.place.path()).await;
            read.inspect_err(|error| tracing::warn!(%error, "reading replicas failed"))
                .ok()
                .map(|deployment| deployment.replicas())
        })
    }

    fn scale(&self, function: FunctionId, to: u32) -> BoxFuture<'_, Result<u32, Refusal>> {
        Box::pin(async move {
            if function != FunctionId::STUDIED {
                return Err(Refusal::Unreachable("a run scales the function under study only".to_owned()));
            }
            if let Some(why) = self.keeper.objection(&self.place) {
                return Err(Refusal::Unreachable(why));
            }
            let to = to.clamp(self.bounds.0, self.bounds.1);
            // before it is asked: the watch may be faster than the answer
            let before = self.ask(to);
            match scale_to(&self.cluster, &self.place, to, || self.keeper.objection(&self.place)).await {
                Ok(()) => Ok(to),
                Err(error) => {
                    // what can't be known after a broken connection, the watch will show
                    if !matches!(error, ApiError::Timeout { .. } | ApiError::Unreachable { .. }) {
                        self.ask(before);
                    }
                    Err(refusal(&error))
                }
            }
        })
    }

    fn sample(&self, function: FunctionId) -> PlatformSample {
        let watch = self.watch();
        let sample =
            watch.as_ref().filter(|_| function == FunctionId::STUDIED).map(|watch| watch.sample(self.clock.now()));
        sample.unwrap_or_default()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
