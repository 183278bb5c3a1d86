//! The load of a machine that leads and sends nothing: the others' requests are not seen from here, so it is over when its plan says so.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::{Load, LoadError, Order, Progress, Report};
use crate::drive::live::clock::Clock;
use crate::drive::{GeneratorPlan, Tally};
use crate::record::GeneratorId;
use crate::time::Timestamp;

/// Starts a load that waits as long as these generators are to last, without their answers, and then reports them finished.
pub(super) fn start(
    clock: Clock,
    generators: &[GeneratorPlan],
    load_start: Timestamp,
    reports: UnboundedSender<Report>,
) -> Result<Load, LoadError> {
    let count = u16::try_from(generators.len()).map_err(|_| LoadError::TooMany(generators.len()))?;
    let lasts = generators.iter().map(|plan| plan.start.saturating_add(plan.schedule.duration(Duration::ZERO)));
    let end = load_start + lasts.max().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (orders, mut orders_taken) = watch::channel(Order::Run);
    let thread = thread::Builder::new().name("load".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = clock.sleep_until(end) => {}
                // whoever gave the orders is gone: that is an end too
                _ = orders_taken.wait_for(|order| *order != Order::Run) => {}
            }
        });
        for number in 0..count {
            let finished = Report::Finished { generator: GeneratorId(number), tally: Tally::default() };
            // nobody listens any more: the run was given up
            let _ = reports.send(finished);
        }
    })?;
    let progress = vec![Arc::new(Progress::default())];
    Ok(Load { orders, clock, progress, schedules: Mutex::default(), threads: vec![thread] })
}
