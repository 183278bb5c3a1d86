//! A function's Deployment as it is: followed, scaled and called through its gateway, with nothing taken over and nothing put back. For
//! who stays, not for a run.
//!
//! Replicas are what the watch told last. Right after a scaling the watch may not have told of it yet: until it has, they are read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::candidacy::Candidacy;
use super::cluster::{ApiError, Cluster, Door, Way};
use super::follow::{Course, News, follow};
use super::objects::{Deployment, Place, Scale};
use super::{Conflicts, QUIET, refusal, rights};
use crate::drive::live::clock::Clock;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::rest::Rest;
use crate::drive::live::target::{BoxFuture, Target, openfaas};
use crate::drive::sidecar::election::Terms;
use crate::policy::{Refusal, ReplicaStatus};
use crate::record::{FunctionId, PlatformSample};
use crate::time::Timestamp;

/// How long the watch may take to tell of a scaling; from then on it is believed again whatever it tells.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Versions of the object that are remembered: a watch may tell of a scaling before the scaling is answered.
const REMEMBERED: usize = 16;

/// The ways to a function, looked up: nothing is sent yet.
#[derive(Debug)]
pub struct Ways {
    rest: Rest,
    cluster: Cluster,
    place: Place,
    clock: Clock,
    description: String,
}

impl Ways {
    /// Looks them up: to the API server, and to the gateway through which the function is called.
    ///
    /// # Errors
    /// When there is no way to a cluster, or an address, a name, the password or the file of authorities can't be used.
    pub async fn find(way: &Way, gateway: &openfaas::Access, function: &str, clock: Clock) -> Result<Self, GuestError> {
        let rest = gateway.rest(&[function.to_owned()])?;
        let door = Door::find(way).await?;
        let place = Place { namespace: gateway.namespace.clone(), deployment: function.to_owned() };
        let description = format!("{place} at {}, invoked through {}", door.cluster(), gateway.gateway);
        Ok(Self { rest, cluster: door.open()?, place, clock, description })
    }

    /// The rights that a sidecar lacks, each as a Role would grant it.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn missing_rights(&self, is_dry: bool) -> Result<Vec<String>, ApiError> {
        rights::missing(&self.cluster, &rights::of_a_sidecar(&self.place, is_dry)).await
    }

    /// For who only looks.
    pub fn look(self) -> Plain {
        Plain::new(self, watch::channel(None).1, Terms::default())
    }

    /// For who scales while he leads.
    pub fn stand(self, terms: Terms) -> (Plain, Candidacy) {
        let candidacy = Candidacy::stand(self.cluster.clone(), self.place.clone(), terms, self.clock);
        (Plain::new(self, candidacy.watched(), terms), candidacy)
    }
}

/// A function in a cluster.
#[derive(Debug)]
pub struct Plain {
    ways: Ways,
    /// Until when it may be scaled.
    lead: watch::Receiver<Option<Timestamp>>,
    terms: Terms,
    seen: Arc<Mutex<Seen>>,
    reader: AbortHandle,
}

/// What the watch told.
#[derive(Debug, Default)]
struct Seen {
    reading: Reading,
    versions: VecDeque<String>,
    /// Of a scaling that was not told yet, the version it made if that is known; and when that is no longer waited for.
    awaited: Option<(Option<String>, Timestamp)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Reading {
    /// The watch has just begun.
    #[default]
    Unread,
    /// The API server can't be asked, or the function is not there.
    Lost,
    Known(ReplicaStatus),
}

impl Seen {
    fn told(&mut self, deployment: Option<&Deployment>) {
        let Some(deployment) = deployment else {
            self.reading = Reading::Lost;
            return;
        };
        self.reading = Reading::Known(deployment.replicas());
        let version = &deployment.metadata.resource_version;
        if self.versions.len() == REMEMBERED {
            self.versions.pop_front();
        }
        self.versions.push_back(version.clone());
        self.awaited.take_if(|(awaited, _)| awaited.as_ref() == Some(version));
    }

    /// A scaling made this version, or it is not known whether it did.
    fn scaled(&mut self, version: Option<String>, until: Timestamp) {
        let is_told = version.as_ref().is_some_and(|version| self.versions.contains(version));
        self.awaited = (!is_told).then_some((version, until));
    }

    /// The reading, where it can be relied on.
    fn reliable(&mut self, now: Timestamp) -> Option<Reading> {
        self.awaited.take_if(|(_, until)| *until <= now);
        let is_reliable = self.awaited.is_none() && !matches!(self.reading, Reading::Unread);
        is_reliable.then_some(self.reading)
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plain {
    fn new(ways: Ways, lead: watch::Receiver<Option<Timestamp>>, terms: Terms) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let reader = tokio::spawn(read_on(ways.cluster.clone(), ways.place.clone(), Arc::clone(&seen)));
        Self { ways, lead, terms, seen, reader: reader.abort_handle() }
    }

    fn objection(&self) -> Option<String> {
        let until = *self.lead.borrow();
        let is_over = until.is_none_or(|until| until <= self.ways.clock.now());
        is_over.then(|| "leadership has run out".to_owned())
    }

    /// Asks for this many replicas over the version that was read, and reads anew where another writer was faster. The version it made.
    async fn scale_to(&self, to: u32) -> Result<String, Refusal> {
        let Ways { cluster, place, .. } = &self.ways;
        let mut conflicts = Conflicts::default();
        loop {
            let now: Scale = cluster.get(&place.scale()).await.map_err(|error| refusal(&error))?;
            if let Some(why) = self.objection() {
                return Err(Refusal::HeldBack(why));
            }
            let wish = place.scaled(&now.metadata.resource_version, to);
            match cluster.replace::<Scale>(&place.scale(), &wish).await {
                Ok(scale) => return Ok(scale.metadata.resource_version),
                Err(error) if conflicts.allow(&error) => {}
                Err(error) => return Err(refusal(&error)),
            }
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_on(cluster: Cluster, place: Place, seen: Arc<Mutex<Seen>>) {
    let course = Course { path: place.listed(), quiet: QUIET, past: true };
    follow::<Deployment>(&cluster, &course, |news| {
        let mut seen = locked(&seen);
        match news {
            News::All(all) => seen.told(all.first()),
            News::One(deployment) => seen.told(Some(&deployment)),
            News::Gone(_) => seen.told(None),
            News::Lost(why) => {
                if !matches!(seen.reading, Reading::Lost) {
                    tracing::warn!("{place} can't be followed: {why}");
                }
                seen.told(None);
            }
            News::Silent(most) => {
                tracing::warn!("the watch of {place} had gone silent for up to {most:?}; it is begun anew");
            }
        }
        true
    })
    .await;
}

impl Target for Plain {
    fn gateway(&self) -> &Rest {
        &self.ways.rest
    }

    fn replicas(&self, _function: FunctionId) -> BoxFuture<'_, Option<ReplicaStatus>> {
        Box::pin(async move {
            let reading = locked(&self.seen).reliable(self.ways.clock.now());
            match reading {
                Some(Reading::Known(status)) => return Some(status),
                Some(Reading::Lost) => return None,
                Some(Reading::Unread) | None => {}
            }
            let read: Result<Deployment, ApiError> = self.ways.cluster.get(&self.ways.place.path()).await;
            let read = read.inspect_err(|error| tracing::warn!(%error, "reading replicas failed"));
            read.ok().map(|deployment| deployment.replicas())
        })
    }

    fn answers(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.ways.rest.answers())
    }

    fn scale(&self, _function: FunctionId, to: u32) -> BoxFuture<'_, Result<u32, Refusal>> {
        Box::pin(async move {
            let within = self.terms.exchange();
            let late = |_| Err(Refusal::Unreachable(format!("no answer to the scaling within {within:?}")));
            let result = timeout(within, self.scale_to(to)).await.unwrap_or_else(late);
            let until = self.ways.clock.now() + TOLD_WITHIN;
            match result {
                Ok(version) => {
                    locked(&self.seen).scaled(Some(version), until);
                    Ok(to)
                }
                Err(refusal) => {
                    if matches!(refusal, Refusal::Unreachable(_)) {
                        locked(&self.seen).scaled(None, until);
                    }
                    Err(refusal)
                }
            }
        })
    }

    fn sample(&self, _function: FunctionId) -> PlatformSample {
        PlatformSample::default()
    }

    fn describe(&self) -> String {
        self.ways.description.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(version: &str, replicas: u32) -> Deployment {
        let object = json!({
            "metadata": { "name": "ftest", "resourceVersion": version },
            "spec": { "replicas": replicas },
            "status": { "replicas": replicas, "readyReplicas": 1 },
        });
        serde_json::from_value(object).unwrap()
    }

    fn desired(seen: &mut Seen, at: u64) -> Option<u32> {
        match seen.reliable(Timestamp::from_secs(at)) {
            Some(Reading::Known(status)) => Some(status.desired),
            _ => None,
        }
    }

    #[test]
    fn what_the_watch_told_before_a_scaling_is_not_believed_after_it() {
        let mut seen = Seen::default();
        assert_eq!(desired(&mut seen, 0), None);
        seen.told(Some(&deployment("5", 2)));
        assert_eq!(desired(&mut seen, 0), Some(2));
        seen.scaled(Some("7".to_owned()), Timestamp::from_secs(30));
        assert_eq!(desired(&mut seen, 1), None);
        // somebody's change on the way there
        seen.told(Some(&deployment("6", 2)));
        assert_eq!(desired(&mut seen, 1), None);
        seen.told(Some(&deployment("7", 3)));
        assert_eq!(desired(&mut seen, 1), Some(3));
    }

    #[test]
    fn a_watch_may_be_faster_than_the_answer_and_nothing_is_waited_for_for_ever() {
        let mut seen = Seen::default();
        seen.told(Some(&deployment("7", 3)));
        seen.scaled(Some("7".to_owned()), Timestamp::from_secs(30));
        assert_eq!(desired(&mut seen, 1), Some(3));
        // unanswered: what it made of the object is not known
        seen.scaled(None, Timestamp::from_secs(30));
        seen.told(Some(&deployment("8", 4)));
        assert_eq!(desired(&mut seen, 29), None);
        assert_eq!(desired(&mut seen, 30), Some(4));
        for version in 9..100 {
            seen.told(Some(&deployment(&version.to_string(), 4)));
        }
        assert_eq!(seen.versions.len(), REMEMBERED);
    }
}
