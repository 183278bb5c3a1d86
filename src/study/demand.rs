//! Demand: the fewest replicas that meet the objective at the load of each moment.
//!
//! Asked of the model in virtual time, with a fixed number of ready replicas and the study's own seed. A load that doesn't change
//! while it lasts is asked about as a whole. One that does is cut into levels (`levels.rs`), and the model is asked once per level
//! with a load that stays there. Known only where the target is the model itself.

mod levels;

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::Study;
use crate::drive::{Arm, GeneratorPlan, Plan, Planned, RecordError, Recorder, sim};
use crate::policy::registry;
use crate::policy::settings::{Settings, Value};
use crate::record::{FunctionId, GeneratorId, Lost, PlatformSample, RequestRow};
use crate::schedule::share::Share;
use crate::stats::demand::{Demand, DemandCurve, Stretch};
use crate::stats::slo::{Slo, SloCount};
use crate::time::{Epoch, Timestamp};

/// Asks the model for the demand of a study's load.
pub fn demand(study: &Study) -> DemandCurve {
    demand_while(study, &|| true)
}

/// The same for as long as `goes_on` says so; [`DemandCurve::unknown`] if it was stopped.
pub fn demand_while(study: &Study, goes_on: &dyn Fn() -> bool) -> DemandCurve {
    if !study.target.is_modelled() {
        // what the model needs says nothing of what is there
        return DemandCurve::unknown();
    }
    let levels = levels::of(study);
    if let [only] = &levels[..] {
        let demand = ask(study, &study.generators, goes_on);
        return DemandCurve::constant(demand, only.level.rate(study));
    }
    let mut asked = BTreeMap::new();
    let mut stretches: Vec<Stretch> = Vec::new();
    for begun in levels {
        let generators = begun.level.generators(study);
        let demand = *asked.entry(begun.level.clone()).or_insert_with(|| ask(study, &generators, goes_on));
        if !goes_on() {
            return DemandCurve::unknown();
        }
        stretches.push(Stretch { from: begun.from, rate: begun.level.rate(study), demand });
    }
    DemandCurve::new(stretches)
}

/// The fewest ready replicas that meet the objective under these load sources.
///
/// Goes up from the fewest, so it ends at the first number that is enough.
fn ask(study: &Study, generators: &[GeneratorPlan], goes_on: &dyn Fn() -> bool) -> Demand {
    let Some(fixed) = registry::find("fixed") else { return Demand::Unknown };
    let Some(first) = study.functions.first() else { return Demand::Unknown };
    let (min, max) = first.bounds;
    if generators.is_empty() {
        return Demand::Replicas(min);
    }
    let planned = generators.iter().map(|generator| generator.schedule.planned());
    let planned = match planned.fold(Planned::Exactly(0), Planned::and) {
        Planned::Exactly(planned) => Some(planned),
        Planned::About(planned) => Some(planned.round() as u64),
        Planned::Open => None,
    };
    let allowed = 1.0 - study.slo.percentile / 100.0;
    for replicas in min..=max {
        let parameters = (fixed.parameters)();
        let mut settings = Settings::defaults(&parameters);
        if settings.set(&parameters, "replicas", Value::Integer(replicas.into())).is_err() {
            return Demand::Unknown;
        }
        let arm = Arm { name: fixed.name.to_owned(), policy: fixed, settings };
        let mut plan = Plan {
            arm,
            shadows: Vec::new(),
            // what the load asks for when nothing is amiss
            faults: Vec::new(),
            cool_down: Duration::ZERO,
            share: Share::WHOLE,
            seed: study.seed,
            generators: generators.to_vec(),
            ..study.plan(0, 1)
        };
        plan.functions[FunctionId::STUDIED.0 as usize].replicas = replicas;
        let mut count = Count {
            slo: study.slo,
            met: SloCount::new(study.slo),
            missed: 0,
            // beyond so many it is settled that the objective is missed
            enough: planned.map(|planned| (planned as f64 * allowed) as u64 + 1),
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
    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.met.record(row.latency_from_due(), row.is_ok());
        self.missed += u64::from(!row.is_ok() || row.latency_from_due() > self.slo.latency);
        Ok(())
    }

    fn lost(&mut self, _at: Timestamp, _generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.missed += lost.busy + lost.late;
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
            {load}
            [[arm]]
            policy = "fixed"
            "#
        );
        let scenario = Scenario::parse("demand.toml", &text, ".".into()).expect("TOML");
        resolve(&scenario, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The demand of a load that doesn't change.
    fn constant(study: &Study) -> Demand {
        let curve = demand(study);
        assert_eq!(curve.stretches().len(), 1, "{curve:?}");
        curve.stretches()[0].demand
    }

    fn curve(study: &Study) -> Vec<(u64, Demand)> {
        demand(study).stretches().iter().map(|stretch| (stretch.from, stretch.demand)).collect()
    }

    #[test]
    fn whoever_asks_can_stop_asking() {
        assert_eq!(demand_while(&study("250ms", "hey = \"-z 20s -c 1 -q 2\""), &|| false).peak(), None);
    }

    #[test]
    fn one_worker_needs_one_replica() {
        assert_eq!(constant(&study("250ms", "hey = \"-z 20s -c 1 -q 2\"")), Demand::Replicas(1));
    }

    #[test]
    fn four_at_a_time_on_random_replicas_need_one_that_can_hold_them_all() {
        assert_eq!(constant(&study("250ms", "hey = \"-z 20s -c 4 -q 2\"")), Demand::Replicas(1));
    }

    #[test]
    fn what_no_number_of_replicas_can_give_is_said() {
        assert_eq!(constant(&study("150ms", "hey = \"-z 20s -c 1 -q 2\"")), Demand::BeyondLimit(5));
    }

    #[test]
    fn demand_follows_the_steps_of_a_rate_and_the_same_level_is_the_same_demand() {
        // 20 answers per second and replica; evenly spaced, so that a replica is enough until nearly that
        let load = "steps = \"4 for 30s, 60 for 30s, 4 for 30s\"";
        let found = curve(&study("1s", load));
        let at: Vec<u64> = found.iter().map(|(from, _)| *from).collect();
        assert_eq!(at, [0, 30, 60], "{found:?}");
        assert_eq!(found[0].1, Demand::Replicas(1));
        assert_eq!(found[2].1, Demand::Replicas(1));
        let Demand::Replicas(most) = found[1].1 else { panic!("{found:?}") };
        assert!(most >= 4, "three replicas are just busy all the time: {found:?}");
    }

    #[test]
    fn a_second_terminal_that_starts_later_is_a_level_of_its_own() {
        let load = "hey = \"-z 60s -c 4 -q 2\"\n[[load]]\nhey = \"-z 20s -c 12 -q 2\"\nstart = \"20s\"";
        let found = curve(&study("450ms", load));
        assert_eq!(found.iter().map(|(from, _)| *from).collect::<Vec<_>>(), [0, 20, 40], "{found:?}");
        assert_eq!(found[0].1, found[2].1);
        assert!(found[1].1.replicas() > found[0].1.replicas(), "{found:?}");
    }

    #[test]
    fn a_silence_asks_for_the_fewest() {
        let load = "steps = \"0 for 20s, 30 for 20s\"";
        assert_eq!(curve(&study("1s", load))[0], (0, Demand::Replicas(1)));
    }
}
