//! A calibration's measurement by the wall clock: sends what the course orders, phase by phase.

use std::time::Duration;

use hyper::Uri;
use tokio::sync::mpsc::unbounded_channel;

use crate::drive::calibration::{Limits, Measurement, Order, Phase};
use crate::drive::{GeneratorPlan, RequestPlan, SchedulePlan};
use crate::record::{Answer, RequestRow};
use crate::schedule::hey::Settings;

use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::load::{Load, LoadError, Report, RequestError};
use crate::drive::live::probe::call_once;

/// How far ahead the load's threads are told of its start.
const HEAD_START: Duration = Duration::from_millis(5);
/// A pause between two phases, in which what is left of the last one ends.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The request can't be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The load can't be made.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its thread ended before its work was done.
    #[error("the load generator ended before its time; this is a fault of watchtower, please report it")]
    Ended,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The phases.
    pub measurement: Measurement,
    /// The very first call, on a connection of its own: its answer and its latency.
    pub first: (Answer, Duration),
    /// Requests sent in all.
    pub sent: u64,
    /// Time it took in all.
    pub took: Duration,
    /// Standstills of this machine meanwhile, together.
    pub stalled: Duration,
    /// Whether it was ended early by Ctrl-C or SIGTERM.
    pub interrupted: bool,
}

/// Measures the function at `uri` with this many replicas. `tell` hears of each phase that is over.
///
/// # Errors
/// When nothing can be sent at all. Answers that are no good ones are part of what is measured.
pub async fn measure(
    clock: Clock,
    uri: &Uri,
    request: &RequestPlan,
    replicas: u32,
    limits: Limits,
    interrupt: &mut Interrupt,
    tell: &mut dyn FnMut(&Phase),
) -> Result<Measured, MeasureError> {
    let begin = clock.now();
    let first = call_once(&clock, uri, request).await?;
    let mut measured = Measured {
        measurement: Measurement { phases: Vec::new(), replicas },
        first: (first.answer, first.done - first.sent),
        sent: 1,
        took: Duration::ZERO,
        stalled: Duration::ZERO,
        interrupted: false,
    };
    while !measured.interrupted
        && let Some(order) = limits.next(&measured.measurement, measured.sent, clock.now() - begin)
    {
        let (rows, stalled) = carry_out(clock, uri, request, order, interrupt).await?;
        measured.sent += rows.len() as u64;
        measured.stalled += stalled;
        measured.interrupted = interrupt.cause().is_some();
        let phase = match order {
            Order::Callers { parallel, .. } => Phase::of_callers(parallel, &rows),
            Order::Bursts { size, .. } => Phase::of_bursts(size, &rows),
        };
        tell(&phase);
        measured.measurement.phases.push(phase);
        clock.sleep_until(clock.now() + PAUSE).await;
    }
    measured.took = clock.now() - begin;
    Ok(measured)
}

async fn carry_out(
    clock: Clock,
    uri: &Uri,
    request: &RequestPlan,
    order: Order,
    interrupt: &mut Interrupt,
) -> Result<(Vec<RequestRow>, Duration), MeasureError> {
    let (settings, at_most) = match order {
        Order::Callers { parallel, requests, at_most } => (Settings::new(requests, parallel, 0.0, None), at_most),
        Order::Bursts { size, rounds, period } => {
            let settings = Settings::new(u64::from(size) * rounds, size, 1.0 / period.as_secs_f64(), None);
            (settings, period.mul_f64(rounds as f64 + 4.0))
        }
    };
    let Ok(settings) = settings else { return Ok((Vec::new(), Duration::ZERO)) };
    let plan = GeneratorPlan { schedule: SchedulePlan::Hey(settings), request: request.clone(), start: Duration::ZERO };
    let (sender, mut reports) = unbounded_channel();
    let start = clock.now() + HEAD_START;
    let load = Load::start(clock, uri, &[plan], start, sender)?;
    let (mut rows, mut stalled) = (Vec::new(), Duration::ZERO);
    let (stop_at, mut is_stopping, mut is_finished) = (start + at_most, false, false);
    while !is_finished {
        tokio::select! {
            report = reports.recv() => match report {
                Some(Report::Requests(some)) => rows.extend(some.iter().copied()),
                Some(Report::Stall { from, to }) => stalled += to - from.max(start),
                Some(Report::Finished { .. }) => is_finished = true,
                Some(Report::Lost { .. }) => {}
                Some(Report::Failed { .. }) | None => return Err(MeasureError::Ended),
            },
            () = clock.sleep_until(stop_at), if !is_stopping => {
                is_stopping = true;
                load.stop();
            }
            () = interrupt.wait(), if !is_stopping => {
                is_stopping = true;
                load.stop();
            }
        }
    }
    drop(load);
    Ok((rows, stalled))
}
