//! What a run changes in a cluster before it begins, and puts back when it is over.
//!
//! ```text
//!   rights --> debts of dead runs paid --> noted on disk --> Leases --> noted on disk and on each object
//!                                                                         |
//!              struck out <-- Leases <-- objects as before <-- the run <-- Alertmanager off, replicas as the run begins with
//! ```
//!
//! Every change names the version of the object it was decided on, so a change that arrives late, after the object was put back,
//! finds another version and is refused.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

use super::cluster::{ApiError, Cluster, Door};
use super::lease::{self, Keeper};
use super::objects::{Deployment, Place};
use super::{Access, Conflicts, Isolation, failed, rights};
use crate::drive::live::clock::Clock;
use crate::drive::live::target::BoxFuture;
use crate::drive::live::target::guest::journal::{ClusterDebt, Entry, Journal, Owed, Process, Taken};
use crate::drive::live::target::guest::silence::{self, Silencer};
use crate::drive::live::target::guest::{Debt, GuestError, Stay, Wish, Writer, settle};
use crate::record::EventRow;

/// The annotation of an object that a run has changed.
pub const MARK: &str = "watchtower/restore";

/// Between two readings while pods are to go.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What stands in the annotation: enough to put the object back without any journal.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Mark {
    /// The run.
    pub(super) id: String,
    /// Replicas before.
    pub(super) replicas: u32,
    /// The function that the run is about, which may be another object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<Place>,
    /// Where its alert is silenced, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silenced_at: Option<String>,
}

pub(super) fn mark_of(deployment: &Deployment) -> Option<Mark> {
    let text = deployment.metadata.annotations.get(MARK)?;
    let mark: Mark = serde_json::from_str(text)
        .inspect_err(|error| tracing::warn!("annotation {MARK} is not one of ours: {error}"))
        .ok()?;
    // it becomes the name of a file, and anybody may have written it
    let is_ours = is_id(&mark.id);
    if !is_ours {
        tracing::warn!("annotation {MARK} is not one of ours: no run is called {:?}", mark.id);
    }
    Some(mark).filter(|_| is_ours)
}

/// Whether a run may be called so.
pub(super) fn is_id(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_digit()) && text.chars().all(is_of_an_id)
}

fn is_of_an_id(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-.".contains(char)
}

/// What is owed to a cluster, with the way there.
struct Owing {
    entry: Entry,
    debt: ClusterDebt,
    door: Door,
    silencer: Option<Silencer>,
    /// Alive while the run goes on; stopped before the Leases are given back.
    keeper: Option<Arc<Keeper>>,
}

impl Owing {
    fn new(entry: Entry, debt: ClusterDebt, door: Door, keeper: Option<Arc<Keeper>>) -> Result<Self, GuestError> {
        let access = super::super::openfaas::Access {
            alertmanager: debt.silenced_at.clone(),
            ca_file: debt.ca_file.clone(),
            ..Default::default()
        };
        let silencer = access.silencer()?;
        let entry = Entry { owed: Owed::Cluster(debt.clone()), ..entry };
        Ok(Self { entry, debt, door, silencer, keeper })
    }

    async fn put_all_back(&self) -> Result<(), GuestError> {
        if let Some(keeper) = &self.keeper {
            keeper.close();
        }
        let cluster = self.door.open()?;
        for taken in &self.debt.taken {
            let place = place_of(taken);
            put_back(&cluster, &place, |mark| mark.id == self.entry.id).await?;
        }
        if let Some(silencer) = &self.silencer {
            let ended = silencer.end(&self.entry.id).await;
            ended.map_err(|source| GuestError::Rest {
                what: "the function's alert is still silenced",
                source: Box::new(source),
            })?;
        }
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
        for taken in self.debt.taken.iter().rev() {
            let place = place_of(taken);
            let released = lease::release(&cluster, &place, &self.entry.id).await;
            released.map_err(failed(&format!("the Lease on {place} can't be given back")))?;
        }
        Ok(())
    }
}

pub(super) fn place_of(taken: &Taken) -> Place {
    Place { namespace: taken.namespace.clone(), deployment: taken.deployment.clone() }
}

impl Debt for Owing {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn put_back(&self) -> BoxFuture<'_, Result<(), GuestError>> {
        Box::pin(self.put_all_back())
    }

    fn place(&self) -> &str {
        &self.debt.cluster
    }

    fn function(&self) -> &str {
        &self.debt.function
    }

    fn commands(&self) -> String {
        let ClusterDebt { kubeconfig, context, taken, silenced_at, .. } = &self.debt;
        let kubectl = kubectl(kubeconfig.as_deref(), context.as_deref());
        let mut lines = Vec::new();
        for Taken { namespace, deployment, replicas } in taken {
            if let Some(replicas) = replicas {
                lines.push(format!("    {kubectl} -n {namespace} scale deployment/{deployment} --replicas={replicas}"));
                lines.push(format!("    {kubectl} -n {namespace} annotate deployment/{deployment} {MARK}-"));
            }
            let place = Place { namespace: namespace.clone(), deployment: deployment.clone() };
            lines.push(format!("    {kubectl} -n {namespace} delete lease {} --ignore-not-found", place.lease_name()));
        }
        lines.extend(silenced_at.as_ref().map(silence::commands));
        lines.join("\n")
    }
}

/// How a person calls kubectl for a cluster.
pub(super) fn kubectl(kubeconfig: Option<&str>, context: Option<&str>) -> String {
    let kubectl = match kubeconfig {
        None => "kubectl".to_owned(),
        Some(files) if files.contains(':') => format!("KUBECONFIG={files} kubectl"),
        Some(file) => format!("kubectl --kubeconfig {file}"),
    };
    context.iter().fold(kubectl, |kubectl, context| format!("{kubectl} --context {context}"))
}

/// What an entry says is owed to a cluster.
///
/// # Errors
/// When there is no way to it any more.
pub(in crate::drive::live::target) async fn debt(entry: &Entry) -> Result<Arc<dyn Debt>, GuestError> {
    let Owed::Cluster(debt) = &entry.owed else { unreachable!("only what is owed to a cluster comes here") };
    let way = super::Way { kubeconfig: debt.kubeconfig.clone(), context: debt.context.clone() };
    let door = Door::find(&way).await?;
    if door.cluster() != debt.cluster {
        return Err(super::ConfigError::Elsewhere { now: door.cluster(), then: debt.cluster.clone() }.into());
    }
    Ok(Arc::new(Owing::new(entry.clone(), debt.clone(), door, None)?))
}

/// A function that is the run's own for a while.
pub(super) struct Begun {
    pub(super) cluster: Cluster,
    pub(super) place: Place,
    pub(super) keeper: Arc<Keeper>,
    pub(super) stay: Stay,
}

/// Takes the first of the wish's functions over, and the Alertmanager where the run's own policy scales: noted, marked and, for the
/// Alertmanager, switched off. The function has the replicas the run begins with, but perhaps not ready yet.
pub(super) async fn begin(
    access: &Access,
    wish: &Wish,
    journal: Journal,
    clock: Clock,
    events: &UnboundedSender<EventRow>,
) -> Result<Begun, GuestError> {
    let gateway = &access.gateway;
    let door = Door::find(&access.way).await?;
    let cluster = door.open()?;
    let function = wish.functions.first().cloned().unwrap_or_default();
    let place = Place { namespace: gateway.namespace.clone(), deployment: function.clone() };
    let is_alone = wish.writer == Writer::Policy;
    let off = Some(&access.alertmanager).filter(|_| is_alone && access.isolation == Isolation::Scale);
    rights::check(&cluster, &rights::needed(&place, off)).await?;

    for owing in journal.entries()? {
        let same = owing.is_about(&door.cluster(), &place.namespace, &function);
        if same && owing.process.is_alive() {
            let who = format!("process {}", owing.process.pid);
            return Err(GuestError::Driven { who, function, place: door.cluster() });
        }
        if same {
            settle(debt(&owing).await?.as_ref(), &journal, gateway.restore_within).await?;
        }
    }
    // nothing is changed where nothing is found
    let places: Vec<Place> = std::iter::once(&place).chain(off).cloned().collect();
    for place in &places {
        read(&cluster, place).await?;
    }

    let process = Process::own();
    let id = format!("{}-{}-{}", Clock::unix_now().as_millis(), process.pid, host());
    let mut debt = ClusterDebt {
        cluster: door.cluster(),
        kubeconfig: door.way.kubeconfig.clone(),
        context: door.way.context.clone(),
        namespace: place.namespace.clone(),
        function,
        taken: places.iter().map(|place| taken(place, None)).collect(),
        silenced_at: None,
        ca_file: gateway.ca_file.clone(),
    };
    let entry = Entry { id: id.clone(), process, owed: Owed::Cluster(debt.clone()) };
    let owing = Owing::new(entry.clone(), debt.clone(), door.clone(), None)?;
    let mut stay = Stay::begin(Arc::new(owing), journal, gateway.restore_within)?;
    let taking = async {
        for place in &places {
            lease::acquire(&cluster, place, &id).await?;
        }
        let keeper = Arc::new(Keeper::start(&cluster, &places, &id, clock, events));
        debt.taken.clear();
        for place in &places {
            // whoever marked it had the Lease we have now, and is gone
            put_back(&cluster, place, |_| true).await?;
            debt.taken.push(taken(place, Some(read(&cluster, place).await?.desired())));
        }
        if is_alone && access.isolation == Isolation::Silence {
            debt.silenced_at.clone_from(&gateway.alertmanager);
        }
        let owing = Arc::new(Owing::new(entry, debt.clone(), door, Some(Arc::clone(&keeper)))?);
        stay.owe(Arc::clone(&owing) as Arc<dyn Debt>)?;
        for taken in &debt.taken {
            mark(&cluster, &id, &debt, taken).await?;
        }
        if let Some(silencer) = &owing.silencer {
            let name = format!("{}.{}", debt.function, debt.namespace);
            let lasts = wish.lasts + gateway.ready_within + gateway.restore_within;
            let begun = silencer.begin(&id, &name, Clock::unix_now(), lasts).await;
            begun.map_err(|source| GuestError::Rest {
                what: "the function's alert can't be silenced",
                source: Box::new(source),
            })?;
        }
        if let Some(alertmanager) = off {
            switch_off(&cluster, alertmanager, gateway.ready_within).await?;
        }
        set(&cluster, &place, wish.replicas).await?;
        Ok::<_, GuestError>(keeper)
    }
    .await;
    match taking {
        Ok(keeper) => Ok(Begun { cluster, place, keeper, stay }),
        Err(error) => {
            // what stopped it is the better message
            let _ = stay.end().await;
            Err(error)
        }
    }
}

pub(super) fn taken(place: &Place, replicas: Option<u32>) -> Taken {
    Taken { namespace: place.namespace.clone(), deployment: place.deployment.clone(), replicas }
}

/// This machine's name, so that no run elsewhere has the same id.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|char| is_of_an_id(*char)).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

async fn read(cluster: &Cluster, place: &Place) -> Result<Deployment, GuestError> {
    cluster.get(&place.path()).await.map_err(failed(&format!("{place} can't be found")))
}

/// Notes on a Deployment what it is put back to; refused if its replicas are not what was noted on disk.
async fn mark(cluster: &Cluster, id: &str, debt: &ClusterDebt, taken: &Taken) -> Result<(), GuestError> {
    let place = place_of(taken);
    let what = || failed(&format!("what is changed can't be noted on {place}"));
    let mut conflicts = Conflicts::default();
    loop {
        let before = read(cluster, &place).await?;
        let replicas = taken.replicas.unwrap_or_else(|| before.desired());
        let of = Place { namespace: debt.namespace.clone(), deployment: debt.function.clone() };
        let silenced_at = debt.silenced_at.as_ref().map(|alertmanager| alertmanager.address.clone());
        let mark = Mark { id: id.to_owned(), replicas, of: Some(of), silenced_at };
        let mark = json!(mark).to_string();
        match annotate(cluster, &place, &before, json!(mark)).await {
            Ok(()) => return Ok(()),
            Err(error) if conflicts.allow(&error) => {}
            Err(error) => return Err(what()(error)),
        }
    }
}

async fn annotate(cluster: &Cluster, place: &Place, before: &Deployment, mark: Value) -> Result<(), ApiError> {
    let change = json!({ "metadata": {
        "resourceVersion": before.metadata.resource_version,
        "annotations": { MARK: mark },
    } });
    cluster.patch::<Value>(&place.path(), &change).await.map(drop)
}

/// Puts a Deployment back to what its mark says, if it has one that is meant.
async fn put_back(cluster: &Cluster, place: &Place, is_meant: impl Fn(&Mark) -> bool) -> Result<(), GuestError> {
    let what = || failed(&format!("{place} can't be put back"));
    let mut conflicts = Conflicts::default();
    loop {
        let now: Deployment = match cluster.get(&place.path()).await {
            Ok(now) => now,
            // what was deleted meanwhile is put back by whoever deleted it
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(what()(error)),
        };
        let Some(mark) = mark_of(&now).filter(&is_meant) else { return Ok(()) };
        let done = if now.desired() == mark.replicas {
            annotate(cluster, place, &now, Value::Null).await.map(|()| true)
        } else {
            let put = scale(cluster, place, &now.metadata.resource_version, mark.replicas).await;
            put.map(|()| false)
        };
        match done {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if conflicts.allow(&error) => {}
            Err(error) => return Err(what()(error)),
        }
    }
}

/// Asks for this many replicas of an object of this version.
pub(super) async fn scale(cluster: &Cluster, place: &Place, version: &str, replicas: u32) -> Result<(), ApiError> {
    cluster.replace::<Value>(&place.scale(), &place.scaled(version, replicas)).await.map(drop)
}

async fn set(cluster: &Cluster, place: &Place, replicas: u32) -> Result<(), GuestError> {
    super::scale_to(cluster, place, replicas, || None).await.map_err(failed(&format!("{place} can't be scaled")))
}

async fn switch_off(cluster: &Cluster, place: &Place, within: Duration) -> Result<(), GuestError> {
    set(cluster, place, 0).await?;
    let deadline = Instant::now() + within;
    loop {
        let now = read(cluster, place).await?;
        if now.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(GuestError::NotReady {
                function: place.deployment.clone(),
                ready: now.replicas().ready,
                wanted: 0,
                waited: within,
            });
        }
        sleep(LOOK_EVERY).await;
    }
}
