//! A run on somebody's platform: the function is taken over for it and put back, whatever ended it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{Job, Observer, StudyError, Watched};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::run::run;
use crate::drive::live::target::Target;
use crate::drive::live::target::guest::journal::Journal;
use crate::drive::live::target::guest::{Wish, Writer};
use crate::drive::live::target::kubernetes::Kubernetes;
use crate::drive::live::target::openfaas::OpenFaas;
use crate::drive::{Phase, Recorder};
use crate::policy::registry::Scaler;
use crate::record::{EventKind, EventRow};
use crate::study::plan::Premises;
use crate::study::results::summary::RunSummary;

/// Longer than planned by this at most: slow answers, the wait for requests in flight.
const MARGIN: Duration = Duration::from_secs(120);

pub(super) async fn one_run(
    premises: &Premises,
    lasts: Duration,
    job: Job,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<RunSummary, StudyError> {
    let Job { repeat, plan, writer, .. } = job;
    let arm = plan.arm.name.clone();
    let guest = |source| StudyError::Guest { arm: arm.clone(), repeat, source: Box::new(source) };
    let wish = Wish {
        functions: plan.functions.iter().map(|function| function.info.name.clone()).collect(),
        replicas: plan.functions.first().map_or(1, |function| function.replicas),
        bounds: plan.functions.first().map_or((1, u32::MAX), |function| function.bounds),
        writer: if plan.arm.policy.scaler == Scaler::Platform { Writer::Platform } else { Writer::Policy },
        lasts: lasts + MARGIN,
    };
    let clock = Clock::start();
    let (events, changes) = unbounded_channel();
    let journal = Journal::of_user().map_err(|error| guest(error.into()))?;
    // asked to end while the function gets ready: the run then learns of it by itself, at once
    let (target, stay): (Arc<dyn Target>, _) = match premises {
        Premises::Gateway(access) => {
            let (target, stay) = OpenFaas::take_over(access, wish, journal, clock, events).await.map_err(guest)?;
            (Arc::new(target), stay)
        }
        Premises::Cluster(access) => {
            let (target, stay) = Kubernetes::take_over(access, wish, journal, clock, events).await.map_err(guest)?;
            (Arc::new(target), stay)
        }
    };
    let mut watched = Watched { writer, observer, phase: Phase::WarmUp };
    let outcome = run(&plan, target, &clock, changes, &mut watched, interrupt).await;
    let ended = stay.end().await;
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
