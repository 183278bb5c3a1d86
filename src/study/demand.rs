//! Demand: the fewest replicas that meet the objective under a study's load.
//!
//! Asked of the model in virtual time, with a fixed number of ready replicas and the study's own seed: an answer for this load as
//! a whole, exact for loads that don't change while they last. Known only where the target is the model itself.

use std::time::Duration;

use super::plan::Study;
use crate::drive::{Arm, Phase, Plan, RecordError, Recorder, sim};
use crate::policy::registry;
use crate::policy::settings::{Settings, Value};
use crate::record::{EventRow, FunctionId, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use crate::stats::slo::{Slo, SloCount};
use crate::time::{Epoch, Timestamp};

/// What is known of demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// This many ready replicas meet the objective, fewer don't.
    Replicas(u32),
    /// Not even the platform's limit does: replicas are not what is missing.
    BeyondLimit(u32),
    /// It can't be asked.
    Unknown,
}

impl Demand {
    /// The number, where there is one.
    pub const fn replicas(self) -> Option<u32> {
        match self {
            Self::Replicas(replicas) => Some(replicas),
            Self::BeyondLimit(_) | Self::Unknown => None,
        }
    }
}

/// Asks the model for the demand of a study's load.
///
/// Goes up from the fewest, so it ends at the first number that is enough.
pub fn demand(study: &Study) -> Demand {
    demand_while(study, &|| true)
}

/// The same for as long as `goes_on` says so; [`Demand::Unknown`] if it was stopped.
pub fn demand_while(study: &Study, goes_on: &dyn Fn() -> bool) -> Demand {
    let Some(fixed) = registry::find("fixed") else { return Demand::Unknown };
    let Some(first) = study.functions.first() else { return Demand::Unknown };
    let (min, max) = first.bounds;
    let allowed = 1.0 - study.slo.percentile / 100.0;
    for replicas in min..=max {
        let parameters = (fixed.parameters)();
        let mut settings = Settings::defaults(&parameters);
        if settings.set(&parameters, "replicas", Value::Integer(replicas.into())).is_err() {
            return Demand::Unknown;
        }
        let arm = Arm { name: fixed.name.to_owned(), policy: fixed, settings };
        let mut plan =
            Plan { arm, shadows: Vec::new(), cool_down: Duration::ZERO, seed: study.seed, ..study.plan(0, 1) };
        plan.functions[FunctionId::STUDIED.0 as usize].replicas = replicas;
        let mut count = Count {
            slo: study.slo,
            met: SloCount::new(study.slo),
            missed: 0,
            // beyond so many it is settled that the objective is missed
            enough: study.planned_requests().map(|planned| (planned as f64 * allowed) as u64 + 1),
            goes_on,
        };
        match sim::run(&plan, Epoch::default(), &mut count) {
            Ok(outcome) => {
                let planned = outcome.generators.iter().map(|tally| tally.planned).sum();
                match count.met.violation_ratio(planned) {
                    Some(missed) if missed <= allowed => return Demand::Replicas(replicas),
                    Some(_) => {}
                    None => return Demand::Unknown,
                }
            }
            Err(_settled) if count.is_missed() => {}
            Err(_stopped) => return Demand::Unknown,
        }
    }
    Demand::BeyondLimit(max)
}

/// Counts what the objective is about and keeps nothing. Refuses further seconds once it is settled that the objective is missed.
struct Count<'a> {
    slo: Slo,
    met: SloCount,
    /// Requests that were slow, failed or lost.
    missed: u64,
    /// How many of them settle it, where that is known.
    enough: Option<u64>,
    goes_on: &'a dyn Fn() -> bool,
}

impl Count<'_> {
    fn is_missed(&self) -> bool {
        self.enough.is_some_and(|enough| self.missed > enough)
    }
}

impl Recorder for Count<'_> {
    fn begin(&mut self, _epoch: Epoch, _load_start: Timestamp) -> Result<(), RecordError> {
        Ok(())
    }

    fn phase(&mut self, _at: Timestamp, _phase: Phase) -> Result<(), RecordError> {
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.met.record(row.latency_from_due(), row.is_ok());
        self.missed += u64::from(!row.is_ok() || row.latency_from_due() > self.slo.latency);
        Ok(())
    }

    fn lost(&mut self, _at: Timestamp, _generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.missed += lost.busy + lost.late;
        Ok(())
    }

    fn probe(&mut self, _row: &ProbeRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn event(&mut self, _row: &EventRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn second(&mut self, _at: Timestamp, _planned: u64, _sample: &PlatformSample) -> Result<(), RecordError> {
        if self.is_missed() || !(self.goes_on)() { Err(RecordError("no more is needed".into())) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::resolve::{Overrides, resolve};
    use crate::study::scenario::Scenario;

    /// A worker thread that sleeps 200 ms, four of them per replica: 20 answers per second and replica.
    fn study(objective: &str, load: &str) -> Study {
        let text = format!(
            r#"
            [function]
            name = "sleepy"
            query = "number=0.2"
            [function.model]
            cpu = "0s"
            [platform]
            gateway_cpu = "0s"
            transport = "0s"
            [slo]
            latency = "{objective}"
            percentile = 99
            [[load]]
            hey = "{load}"
            [[arm]]
            policy = "fixed"
            "#
        );
        let scenario = Scenario::parse("demand.toml", &text, ".".into()).expect("TOML");
        resolve(&scenario, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn whoever_asks_can_stop_asking() {
        assert_eq!(demand_while(&study("250ms", "-z 20s -c 1 -q 2"), &|| false), Demand::Unknown);
    }

    #[test]
    fn one_worker_needs_one_replica() {
        assert_eq!(demand(&study("250ms", "-z 20s -c 1 -q 2")), Demand::Replicas(1));
    }

    #[test]
    fn four_at_a_time_on_random_replicas_need_one_that_can_hold_them_all() {
        assert_eq!(demand(&study("250ms", "-z 20s -c 4 -q 2")), Demand::Replicas(1));
    }

    #[test]
    fn what_no_number_of_replicas_can_give_is_said() {
        assert_eq!(demand(&study("150ms", "-z 20s -c 1 -q 2")), Demand::BeyondLimit(5));
    }
}
