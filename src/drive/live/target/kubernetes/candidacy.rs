//! A sidecar's leadership by a Lease: the steps of an [`Election`] carried out, until it is asked to end.
//!
//! The Lease is the one that a run takes too ([`lease`](super::lease)), so a run and a sidecar never drive the same function: a run
//! finds it held and says by whom, a sidecar stands by until the run is over. When it ends, it gives the Lease back, and another leads
//! at once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cluster::{ApiError, Cluster};
use super::isolation::host;
use super::lease;
use super::objects::{Lease, Place};
use crate::drive::live::clock::Clock;
use crate::drive::sidecar::election::{self, Election, Outcome, Step, Terms};
use crate::time::Timestamp;

/// The annotation by which a new leader makes the object's version another one.
pub const FENCE: &str = "watchtower/leader";

/// How long giving the Lease back may take at the end; it runs out by itself if that fails.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// A claim to lead. It ends, and gives back what it has, when it is dropped or asked to end.
#[derive(Debug)]
pub struct Candidacy {
    lead: watch::Receiver<Option<Timestamp>>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Candidacy {
    /// Stands for the lead over a Deployment. Needs a tokio runtime around it.
    pub(super) fn stand(cluster: Cluster, place: Place, terms: Terms, clock: Clock) -> Self {
        let me = format!("{}_{:x}-{}", host(), Clock::unix_now().as_nanos(), std::process::id());
        let (tell, lead) = watch::channel(None);
        let (end, ended) = watch::channel(false);
        let candidate = Candidate { cluster, place, me, terms, before: None, is_failing: false };
        let task = tokio::spawn(candidate.run(clock, tell, ended));
        Self { lead, end, task }
    }

    /// Until when it leads; `None` while another one does.
    pub fn watched(&self) -> watch::Receiver<Option<Timestamp>> {
        self.lead.clone()
    }

    /// Leads no longer, and lets others do so at once.
    pub async fn end(self) {
        self.end.send_replace(true);
        // one that panicked has been told of, and its Lease runs out
        let _ = timeout(LEAVE_WITHIN, self.task).await;
    }
}

struct Candidate {
    cluster: Cluster,
    place: Place,
    me: String,
    terms: Terms,
    /// The Lease as it was read or written last.
    before: Option<Lease>,
    is_failing: bool,
}

impl Candidate {
    async fn run(mut self, clock: Clock, tell: watch::Sender<Option<Timestamp>>, mut ended: watch::Receiver<bool>) {
        let stands = async {
            let mut election = Election::new(self.terms, self.me.clone());
            loop {
                if let Some(step) = election.wake(clock.now()) {
                    let outcome = self.carry_out(&step).await;
                    election.bring(clock.now(), outcome);
                }
                tell.send_if_modified(|lead| std::mem::replace(lead, election.leads_until()) != election.leads_until());
                clock.sleep_until(election.wake_at()).await;
            }
        };
        tokio::select! {
            () = stands => {}
            // a program that forgot it has ended too
            over = ended.wait_for(|ended| *ended) => drop(over),
        }
        tell.send_replace(None);
        if let Err(error) = self.give_back().await {
            tracing::warn!("the Lease on {} is not given back, and runs out by itself: {error}", self.place);
        }
    }

    async fn carry_out(&mut self, step: &Step) -> Outcome {
        let within = self.terms.exchange();
        let place = self.place.clone();
        let why = match timeout(within, self.attempt(step)).await {
            Ok(Ok(outcome)) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::warn!("the Lease on {place} can be asked for again");
                }
                return outcome;
            }
            // taken, or taken away, by somebody who was faster
            Ok(Err(error)) if error.is_conflict() || error.is_missing() => return Outcome::Conflict,
            Ok(Err(error)) => error.to_string(),
            Err(_late) => format!("no answer within {within:?}"),
        };
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!("the Lease on {place} can't be had or renewed: {why}");
        }
        Outcome::Failed
    }

    async fn attempt(&mut self, step: &Step) -> Result<Outcome, ApiError> {
        let written = match step {
            Step::Read => {
                return match self.cluster.get::<Lease>(&self.place.lease()).await {
                    Ok(lease) => {
                        let seen = seen(&lease);
                        self.before = Some(lease);
                        Ok(Outcome::Read(Some(seen)))
                    }
                    Err(error) if error.is_missing() => {
                        self.before = None;
                        Ok(Outcome::Read(None))
                    }
                    Err(error) => Err(error),
                };
            }
            Step::Fence => {
                // another one each time, so that the version is another one in any case
                let lease = self.before.as_ref().map_or("", |lease| lease.metadata.resource_version.as_str());
                let mark = json!({ "metadata": { "annotations": { FENCE: format!("{} {lease}", self.me) } } });
                return self.cluster.patch::<Value>(&self.place.path(), &mark).await.map(|_| Outcome::Fenced);
            }
            Step::Create => {
                let lease = lease::written(&self.place, &self.me, self.terms.lasts, None);
                self.cluster.create::<Lease>(&self.place.leases(), &lease).await?
            }
            Step::Replace(version) => {
                let mut lease = lease::written(&self.place, &self.me, self.terms.lasts, self.before.as_ref());
                lease["metadata"]["resourceVersion"] = json!(version);
                self.cluster.replace::<Lease>(&self.place.lease(), &lease).await?
            }
        };
        let version = written.metadata.resource_version.clone();
        self.before = Some(written);
        Ok(Outcome::Written(version))
    }

    async fn give_back(&self) -> Result<(), ApiError> {
        let lease: Lease = match self.cluster.get(&self.place.lease()).await {
            Ok(lease) => lease,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        if lease.spec.holder_identity.as_deref() != Some(&self.me) {
            return Ok(());
        }
        let free = lease::written(&self.place, "", Duration::from_secs(1), Some(&lease));
        match self.cluster.replace::<Value>(&self.place.lease(), &free).await {
            // it is somebody else's already
            Err(error) if error.is_conflict() || error.is_missing() => Ok(()),
            other => other.map(drop),
        }
    }
}

fn seen(lease: &Lease) -> election::Lease {
    let Lease { metadata, spec } = lease;
    let lasts = spec.lease_duration_seconds.map_or(Terms::default().lasts, |secs| Duration::from_secs(secs.into()));
    election::Lease {
        holder: spec.holder_identity.clone().filter(|holder| !holder.is_empty()),
        lasts,
        version: metadata.resource_version.clone(),
    }
}
