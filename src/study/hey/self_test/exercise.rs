//! One load against the server that knows its delays.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use crate::drive::live::clock::Clock;
use crate::drive::live::cpu::generator_time;
use crate::drive::live::load::{Load, Manner, Report, Served, Yardstick};
use crate::drive::{GeneratorPlan, RequestPlan, SchedulePlan, Tally};
use crate::record::RequestRow;
use crate::study::hey::run::{HEAD_START, RunError};
use crate::time::Timestamp;

/// Between two looks at the generator's CPU time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What both sides noted.
pub(super) struct Exercise {
    pub(super) rows: Vec<RequestRow>,
    pub(super) served: Vec<Served>,
    pub(super) tally: Tally,
    /// Standstills of generator or host, together.
    pub(super) stalled: Duration,
    /// Share of one core that the load's threads used, if the kernel tells.
    pub(super) cpu: Option<f64>,
}

/// Runs it to its end; `manner` is given the load's start.
///
/// # Errors
/// When it can't be started.
pub(super) fn run(
    clock: Clock,
    yardstick: &Yardstick,
    schedule: SchedulePlan,
    manner: impl FnOnce(Timestamp) -> Manner,
) -> Result<Exercise, RunError> {
    let start = clock.now() + HEAD_START;
    yardstick.begin(manner(start));
    let plan = GeneratorPlan { schedule, request: RequestPlan::default(), start: Duration::ZERO };
    let (sender, mut reports) = unbounded_channel();
    let load = Load::start(clock, &yardstick.uri(), &[plan], start, sender)?;
    let mut rows = Vec::new();
    let mut stalled = Duration::ZERO;
    let mut finished = None;
    let mut looks: Option<(Look, Look)> = None;
    while let Some(report) = reports.blocking_recv() {
        match report {
            Report::Requests(some) => {
                rows.extend(some);
                looks = look(looks, clock);
            }
            Report::Stall { from, to } => stalled += to - from.max(start),
            Report::Lost { .. } => {}
            Report::Finished { tally, .. } => finished = Some(tally),
            Report::Failed { .. } => return Err(RunError::Ended),
        }
    }
    drop(load);
    let cpu = looks.and_then(|((first, before), (last, after))| {
        let span = (last - first).as_secs_f64();
        (span > 0.0).then(|| after.saturating_sub(before).as_secs_f64() / span)
    });
    let tally = finished.ok_or(RunError::Ended)?;
    Ok(Exercise { rows, served: yardstick.take(), tally, stalled, cpu })
}

/// When, and how much CPU time the generator had used by then.
type Look = (Timestamp, Duration);

/// The first look and the last; a new one if the last is long enough ago.
fn look(looks: Option<(Look, Look)>, clock: Clock) -> Option<(Look, Look)> {
    let now = clock.now();
    if looks.is_some_and(|(_, (last, _))| now < last + LOOK_EVERY) {
        return looks;
    }
    let Some(time) = generator_time() else { return looks };
    // a report that was read late: the load's threads have ended, and their time with them
    if looks.is_some_and(|(_, (_, last))| time < last) {
        return looks;
    }
    Some((looks.map_or((now, time), |(first, _)| first), (now, time)))
}
