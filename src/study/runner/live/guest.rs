//! A run on somebody's platform: the function is taken over for it and put back, whatever ended it. Of several machines that make the
//! load together the first one does that, and the others send their share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Job, Observer, StudyError, Watched};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::run;
use crate::drive::live::target::Target;
use crate::drive::live::target::guest::journal::Journal;
use crate::drive::live::target::guest::{GuestError, SecretSource, Stay, Wish, Writer};
use crate::drive::live::target::kubernetes::Kubernetes;
use crate::drive::live::target::openfaas::plain::Plain;
use crate::drive::live::target::openfaas::{Access, OpenFaas};
use crate::drive::{Arm, Phase, Plan, Recorder};
use crate::policy::registry::{Scaler, find};
use crate::policy::settings::Settings;
use crate::record::{EventKind, EventRow};
use crate::schedule::share::Share;
use crate::study::plan::Premises;
use crate::study::results::summary::RunSummary;

/// Longer than planned by this at most: slow answers, the wait for requests in flight.
const MARGIN: Duration = Duration::from_secs(120);

/// When a run is, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// How long it takes: an estimate.
    pub(super) lasts: Duration,
    /// When its load begins, as Unix time; as soon as it can if not given.
    pub(super) load_at: Option<Duration>,
}

pub(super) async fn one_run(
    premises: &Premises,
    times: Times,
    job: Job,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<RunSummary, StudyError> {
    let Job { repeat, mut plan, mut writer, .. } = job;
    let arm = plan.arm.name.clone();
    let guest = |source| StudyError::Guest { arm: arm.clone(), repeat, source: Box::new(source) };
    if !plan.share.is_whole() {
        let ahead = as_sent_from(premises, plan.share).clock_ahead().await;
        writer.clock_ahead(ahead);
    }
    let clock = Clock::start();
    // asked to end while the function gets ready: the run then learns of it by itself, at once
    let (target, changes, stay) = begin(premises, times, &mut plan, clock).await.map_err(guest)?;
    if let Some(at) = times.load_at {
        plan.warm_up = plan.warm_up.max(at.saturating_sub(Clock::unix_now()));
    }
    let mut watched = Watched { writer, observer, phase: Phase::WarmUp };
    let outcome = run(&plan, target, &clock, changes, &mut watched, interrupt).await;
    let ended = match stay {
        Some(stay) => stay.end().await,
        None => Ok(()),
    };
    if let Err(error) = &ended {
        let reason = format!("not left as it was found: {}", error.to_string().lines().next().unwrap_or_default());
        let row = EventRow {
            at: clock.now(),
            actor: "run".into(),
            kind: EventKind::Failed,
            from: None,
            to: None,
            reason,
            value: None,
        };
        // what matters more is told below
        let _ = watched.event(&row);
    }
    let outcome = outcome.map_err(|source| StudyError::Run { arm: arm.clone(), repeat, source })?;
    let summary = watched.writer.finish(&outcome)?;
    ended.map_err(guest)?;
    Ok(summary)
}

/// The target of a run: taken over, or joined where another machine has taken it over; that one decides, and this one looks on.
async fn begin(
    premises: &Premises,
    times: Times,
    plan: &mut Plan,
    clock: Clock,
) -> Result<(Arc<dyn Target>, UnboundedReceiver<EventRow>, Option<Stay>), GuestError> {
    let functions: Vec<String> = plan.functions.iter().map(|function| function.info.name.clone()).collect();
    let (events, changes) = unbounded_channel();
    if !plan.share.leads() {
        plan.shadows.clear();
        plan.faults.clear();
        plan.arm = looking_on(&plan.arm);
        if plan.share.is_led_apart() {
            // what becomes of the function is the leader's to see: this one only sends
            return Ok((Arc::new(Plain::open(&as_sent_from(premises, plan.share), &functions)?), changes, None));
        }
        // on a cluster too: what another machine does there is seen through the gateway
        let target = OpenFaas::join(premises.gateway(), &functions, clock, events).await?;
        return Ok((Arc::new(target), changes, None));
    }
    let wish = Wish {
        functions,
        replicas: plan.functions.first().map_or(1, |function| function.replicas),
        bounds: plan.functions.first().map_or((1, u32::MAX), |function| function.bounds),
        writer: if plan.arm.policy.scaler == Scaler::Platform { Writer::Platform } else { Writer::Policy },
        lasts: times.lasts + MARGIN,
    };
    let journal = Journal::of_user()?;
    let (target, stay): (Arc<dyn Target>, Stay) = match premises {
        Premises::Gateway(access) => {
            let (target, stay) = OpenFaas::take_over(access, wish, journal, clock, events).await?;
            (Arc::new(target), stay)
        }
        Premises::Cluster(access) => {
            let (target, stay) = Kubernetes::take_over(access, wish, journal, clock, events).await?;
            (Arc::new(target), stay)
        }
    };
    Ok((target, changes, Some(stay)))
}

/// The gateway as a machine with this share reaches it. One that is led by another is let in nowhere, and needs not be.
fn as_sent_from(premises: &Premises, share: Share) -> Access {
    let mut access = premises.gateway().clone();
    if share.is_led_apart() && !share.leads() {
        access.secret = SecretSource::None;
        if let Premises::Cluster(cluster) = premises {
            // inside the cluster, which has authorities of its own
            access.gateway.clone_from(&cluster.load.gateway);
            access.ca_file = None;
        }
    }
    access
}

/// The same arm without a will of its own.
fn looking_on(arm: &Arm) -> Arm {
    // it is registered
    let Some(policy) = find("native") else { return arm.clone() };
    Arm { name: arm.name.clone(), policy, settings: Settings::defaults(&(policy.parameters)()) }
}
