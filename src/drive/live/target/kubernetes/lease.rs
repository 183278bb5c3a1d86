//! Leases (`coordination.k8s.io`), one per Deployment that a run has for itself, so that no two watchtowers drive the same one.
//!
//! ```text
//!   free, or its holder silent for a whole lease --> ours --renewed every 5 s--> deleted
//!                                                      |
//!                                                      +--- somebody else's: the run may not scale any more
//! ```
//!
//! Whether a holder is silent is seen by watching the Lease for as long as it lasts, never by comparing clocks of two machines (as
//! client-go's leader election does it).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::cluster::{ApiError, Cluster};
use super::objects::{Lease, Place};
use super::{Conflicts, failed};
use crate::drive::live::clock::Clock;
use crate::drive::live::target::guest::{EXCHANGE, GuestError, row};
use crate::record::{EventKind, EventRow};

/// How long a holder may be silent.
const LASTS: Duration = Duration::from_secs(15);
/// Between two renewals: two may fail before the Lease is anybody's.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A Lease that was not renewed for so long is doubted: a change that is decided on now is done before the Lease is anybody's.
const DOUBTED_AFTER: Duration = LASTS.saturating_sub(EXCHANGE);
/// Between two looks at somebody else's Lease.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Takes the Lease on a Deployment for `holder`.
///
/// # Errors
/// When somebody else has it and gives signs of life, or the cluster does not answer.
pub(super) async fn acquire(cluster: &Cluster, place: &Place, holder: &str) -> Result<(), GuestError> {
    let what = || failed(&format!("the Lease on {place} can't be had"));
    let mut conflicts = Conflicts::default();
    let mut seen: Option<(String, Instant)> = None;
    loop {
        let lease: Lease = match cluster.get(&place.lease()).await {
            Ok(lease) => lease,
            Err(error) if error.is_missing() => {
                match cluster.create::<Value>(&place.leases(), &body(place, holder, None)).await {
                    Ok(_) => return Ok(()),
                    // somebody was faster
                    Err(error) if conflicts.allow(&error) => continue,
                    Err(error) => return Err(what()(error)),
                }
            }
            Err(error) => return Err(what()(error)),
        };
        let other = lease.spec.holder_identity.as_deref().filter(|other| !other.is_empty() && *other != holder);
        if let Some(other) = other {
            let lasts = lease.spec.lease_duration_seconds.map_or(LASTS, |secs| Duration::from_secs(secs.into()));
            match &seen {
                Some((version, _)) if *version != lease.metadata.resource_version => {
                    return Err(GuestError::Driven {
                        who: other.to_owned(),
                        function: place.deployment.clone(),
                        place: format!("namespace {}", place.namespace),
                    });
                }
                Some((_, since)) if since.elapsed() >= lasts => {}
                Some(_) => {
                    sleep(LOOK_EVERY).await;
                    continue;
                }
                None => {
                    tracing::warn!("{other} has the Lease on {place}; waiting up to {lasts:?} for a sign of life");
                    seen = Some((lease.metadata.resource_version, Instant::now()));
                    sleep(LOOK_EVERY).await;
                    continue;
                }
            }
        }
        match cluster.replace::<Value>(&place.lease(), &body(place, holder, Some(&lease))).await {
            Ok(_) => return Ok(()),
            Err(error) if conflicts.allow(&error) => {}
            Err(error) => return Err(what()(error)),
        }
    }
}

/// Watches the Lease on a Deployment, or its absence, for as long as one lasts.
///
/// # Errors
/// When somebody gives a sign of life by it, or the cluster does not answer.
pub(super) async fn is_silent(cluster: &Cluster, place: &Place) -> Result<(), GuestError> {
    let first = look(cluster, place).await?;
    let secs = first.as_ref().and_then(|lease| lease.spec.lease_duration_seconds);
    let until = Instant::now() + secs.map_or(LASTS, |secs| Duration::from_secs(secs.into()));
    let version = |lease: &Option<Lease>| lease.as_ref().map(|lease| lease.metadata.resource_version.clone());
    loop {
        sleep(LOOK_EVERY).await;
        let now = look(cluster, place).await?;
        match &now {
            Some(lease) if version(&now) != version(&first) => {
                return Err(GuestError::Driven {
                    who: lease.spec.holder_identity.clone().unwrap_or_default(),
                    function: place.deployment.clone(),
                    place: format!("namespace {}", place.namespace),
                });
            }
            // given back: the run has ended meanwhile
            None if first.is_some() => return Ok(()),
            _ if Instant::now() >= until => return Ok(()),
            _ => {}
        }
    }
}

/// Who has the Lease on a Deployment, as far as this account may know.
///
/// # Errors
/// When the cluster does not answer.
pub(super) async fn holder(cluster: &Cluster, place: &Place) -> Result<Option<String>, GuestError> {
    match cluster.get::<Lease>(&place.lease()).await {
        Ok(lease) => Ok(lease.spec.holder_identity),
        Err(error) if error.is_missing() || error.code() == Some(403) => Ok(None),
        Err(error) => Err(failed(&format!("the Lease on {place} can't be read"))(error)),
    }
}

async fn look(cluster: &Cluster, place: &Place) -> Result<Option<Lease>, GuestError> {
    match cluster.get(&place.lease()).await {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(failed(&format!("the Lease on {place} can't be read"))(error)),
    }
}

/// Gives the Lease on a Deployment back, if `holder` has it.
///
/// # Errors
/// When the cluster does not answer.
pub(super) async fn release(cluster: &Cluster, place: &Place, holder: &str) -> Result<(), ApiError> {
    let mut conflicts = Conflicts::default();
    loop {
        let lease: Lease = match cluster.get(&place.lease()).await {
            Ok(lease) => lease,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        if lease.spec.holder_identity.as_deref() != Some(holder) {
            return Ok(());
        }
        let Lease { metadata, .. } = lease;
        let only = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": metadata.uid, "resourceVersion": metadata.resource_version },
        });
        match cluster.delete(&place.lease(), &only).await {
            Err(error) if conflicts.allow(&error) => {}
            Err(error) if error.is_missing() => return Ok(()),
            other => return other,
        }
    }
}

fn body(place: &Place, holder: &str, before: Option<&Lease>) -> Value {
    written(place, holder, LASTS, before)
}

/// A Lease as its holder writes it, over the one there was. By client-go's rules: the time it was acquired stays, and transitions count,
/// with its holder; one that is given back has the empty name.
pub(super) fn written(place: &Place, holder: &str, lasts: Duration, before: Option<&Lease>) -> Value {
    let now = micro_time(Clock::unix_now());
    let spec = before.map(|lease| &lease.spec);
    let is_same = spec.is_some_and(|spec| spec.holder_identity.as_deref() == Some(holder));
    let changes = spec.is_some() && !is_same && !holder.is_empty();
    let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or(0) + u32::from(changes);
    let acquired = spec.and_then(|spec| spec.acquire_time.clone()).filter(|_| is_same);
    let mut metadata = json!({ "name": place.lease_name(), "namespace": place.namespace });
    if let Some(before) = before {
        metadata["resourceVersion"] = json!(before.metadata.resource_version);
    }
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": lasts.as_secs().max(1),
            "acquireTime": acquired.unwrap_or_else(|| now.clone()),
            "renewTime": now,
            "leaseTransitions": transitions,
        },
    })
}

/// RFC 3339 with six digits after the point, which is all that a `MicroTime` takes.
fn micro_time(unix: Duration) -> String {
    let micros = i64::try_from(unix.as_micros()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Keeps Leases alive for as long as it lives itself.
#[derive(Debug)]
pub(super) struct Keeper {
    lost: Arc<Mutex<Option<String>>>,
    /// When each Lease was renewed last.
    renewed: Vec<(Place, Arc<Mutex<Instant>>)>,
    /// Whether things are being put back.
    is_over: AtomicBool,
    tasks: Vec<AbortHandle>,
}

impl Keeper {
    /// Renews the Leases on these Deployments; one that is lost is told to `events`.
    pub(super) fn start(
        cluster: &Cluster,
        places: &[Place],
        holder: &str,
        clock: Clock,
        events: &UnboundedSender<EventRow>,
    ) -> Self {
        let lost = Arc::new(Mutex::new(None));
        // they were acquired a moment ago; a renewal counts from before it was sent
        let now = Instant::now();
        let renewed: Vec<_> = places.iter().map(|place| (place.clone(), Arc::new(Mutex::new(now)))).collect();
        let tasks = renewed
            .iter()
            .map(|(place, renewed)| {
                let (lost, renewed) = (Arc::clone(&lost), Arc::clone(renewed));
                let kept = Kept { cluster: cluster.clone(), place: place.clone(), holder: holder.to_owned(), renewed };
                tokio::spawn(keep(kept, clock, events.clone(), lost)).abort_handle()
            })
            .collect();
        Self { lost, renewed, is_over: AtomicBool::new(false), tasks }
    }

    /// Who has a Lease that was ours, if somebody has.
    fn lost(&self) -> Option<String> {
        locked(&self.lost).clone()
    }

    /// From now on nothing is scaled: what a policy asked for at the last moment must not come after things were put back.
    pub(super) fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Why nothing may be scaled, if so.
    pub(super) fn objection(&self, place: &Place) -> Option<String> {
        if self.is_over.load(Ordering::SeqCst) {
            return Some("the run is over".to_owned());
        }
        if let Some(other) = self.lost() {
            return Some(format!("the Lease on {place} is {other}'s now"));
        }
        let silent = self.renewed.iter().find(|(kept, _)| kept == place).map(|(_, renewed)| locked(renewed).elapsed());
        silent.and_then(|silent| doubt(place, silent))
    }

    /// No more renewals.
    pub(super) fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why a Lease that was not renewed for so long may be somebody else's, if so.
fn doubt(place: &Place, silent: Duration) -> Option<String> {
    (silent >= DOUBTED_AFTER).then(|| {
        format!(
            "the Lease on {place} could not be renewed for {:.0} s and may be somebody else's",
            silent.as_secs_f64()
        )
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A Lease that is kept alive.
struct Kept {
    cluster: Cluster,
    place: Place,
    holder: String,
    renewed: Arc<Mutex<Instant>>,
}

async fn keep(kept: Kept, clock: Clock, events: UnboundedSender<EventRow>, lost: Arc<Mutex<Option<String>>>) {
    let Kept { cluster, place, holder, renewed } = kept;
    loop {
        sleep(RENEW_EVERY).await;
        let begun = Instant::now();
        match renew(&cluster, &place, &holder).await {
            Ok(None) => *locked(&renewed) = begun,
            Ok(Some(other)) => {
                let reason = format!("{other} took the Lease on {place} over: from now on this run scales nothing");
                *locked(&lost) = Some(other);
                // the run is over if nobody hears it
                let _ = events.send(row(clock.now(), EventKind::Broken, None, reason, None));
                return;
            }
            Err(error) => tracing::warn!("the Lease on {place} could not be renewed: {error}"),
        }
    }
}

/// Who has it, if we have it no more.
async fn renew(cluster: &Cluster, place: &Place, holder: &str) -> Result<Option<String>, ApiError> {
    let mut conflicts = Conflicts::default();
    loop {
        let lease: Lease = match cluster.get(&place.lease()).await {
            Ok(lease) => lease,
            Err(error) if error.is_missing() => {
                match cluster.create::<Value>(&place.leases(), &body(place, holder, None)).await {
                    Err(error) if conflicts.allow(&error) => continue,
                    other => return other.map(|_| None),
                }
            }
            Err(error) => return Err(error),
        };
        match &lease.spec.holder_identity {
            Some(other) if other != holder => return Ok(Some(other.clone())),
            _ => {}
        }
        match cluster.replace::<Value>(&place.lease(), &body(place, holder, Some(&lease))).await {
            Err(error) if conflicts.allow(&error) => {}
            other => return other.map(|_| None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_could_not_be_renewed_is_doubted_before_anybody_else_may_take_it() {
        let place = Place { namespace: "openfaas-fn".into(), deployment: "ftest".into() };
        assert_eq!(doubt(&place, Duration::from_millis(9_999)), None, "one renewal may fail");
        let why = doubt(&place, Duration::from_secs(10)).unwrap();
        assert!(
            why.starts_with("the Lease on deployment ftest in namespace openfaas-fn could not be renewed for 10 s")
        );
    }

    #[test]
    fn a_time_has_six_digits_after_the_point() {
        assert_eq!(micro_time(Duration::from_millis(1_795_972_598_250)), "2026-11-29T17:16:38.250000Z");
    }
}
