//! One evaluation: a run in virtual time of which two numbers are kept and no row.

use std::time::Duration;

use crate::drive::{Plan, RecordError, Recorder, sim};
use crate::policy::settings::Settings;
use crate::random::Seed;
use crate::record::{PlatformSample, RequestRow};
use crate::stats::slo::SloCount;
use crate::study::plan::Study;
use crate::study::results::Cost;
use crate::time::{Epoch, Timestamp};

/// What one run costs and misses, as `comparison.csv` has it for the same arm and seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Time lived by all replicas from the load's start to the run's end, in seconds.
    pub replica_seconds: f64,
    /// Share of the planned requests that were slow, failed or lost, 0 to 1.
    pub slo_violation_ratio: f64,
}

/// Runs a study's first arm with other settings and this seed, for as long as `goes_on` says so, which is asked once a second of
/// virtual time. `None` if it was stopped.
///
/// Shadows are left out: they change nothing in the arm's run.
pub fn evaluate(study: &Study, settings: &Settings, seed: Seed, goes_on: &dyn Fn() -> bool) -> Option<Measured> {
    let mut plan: Plan = study.plan(0, 1);
    plan.shadows.clear();
    plan.arm.settings = settings.clone();
    plan.seed = seed;
    let mut count = Count { met: SloCount::new(study.slo), cost: Cost::default(), load_start: Timestamp::ZERO };
    let mut asked = |_passed: Duration| goes_on();
    let outcome = sim::run_while(&plan, sim::epoch(seed), &mut count, &mut asked).ok()?;
    if outcome.interrupted {
        return None;
    }
    let planned = outcome.generators.iter().map(|tally| tally.planned).sum();
    let lived = count.cost.since_load_start(outcome.last_sample.replica_time).unwrap_or_default();
    Some(Measured {
        replica_seconds: lived.as_secs_f64(),
        // a load that plans nothing misses nothing
        slo_violation_ratio: count.met.violation_ratio(planned).unwrap_or(0.0),
    })
}

/// Counts what the two numbers are made of.
struct Count {
    met: SloCount,
    cost: Cost,
    load_start: Timestamp,
}

impl Recorder for Count {
    fn begin(&mut self, _epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.load_start = load_start;
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.met.record(row.latency_from_due(), row.is_ok());
        Ok(())
    }

    fn second(&mut self, at: Timestamp, _planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.cost.sample(at, sample.replica_time, self.load_start);
        Ok(())
    }
}
