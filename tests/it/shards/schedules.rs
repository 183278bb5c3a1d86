//! The shares of a schedule are together the schedule: no request twice, none left out, each when it would have been due.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use watchtower::drive::{GeneratorPlan, SchedulePlan, shares};
use watchtower::random::Seed;
use watchtower::record::{GeneratorId, WorkerId};
use watchtower::schedule::share::Share;
use watchtower::schedule::{Next, Schedule, StepId, Turn};
use watchtower::study::resolve::{Overrides, resolve};
use watchtower::study::scenario::Scenario;
use watchtower::time::Timestamp;

use super::MIXED;

const START: Timestamp = Timestamp::from_secs(3);

fn generators() -> Vec<GeneratorPlan> {
    let scenario = Scenario::parse("mixed.toml", MIXED, ".".into()).expect("TOML");
    resolve(&scenario, &Overrides::default()).unwrap_or_else(|error| panic!("{error}")).generators
}

/// What a schedule calls for when each answer takes as long, in the order in which workers come free: due, step and worker of the whole.
fn calls(mut schedule: Box<dyn Schedule>, answer: Duration) -> Vec<(Timestamp, StepId, WorkerId)> {
    let mut free: BTreeMap<(Timestamp, u32), Turn> =
        (0..schedule.workers()).map(|worker| ((schedule.start(), worker), Turn::first(schedule.start()))).collect();
    let mut calls = Vec::new();
    while let Some(((_, worker), turn)) = free.pop_first() {
        let id = WorkerId(worker);
        if let Next::Call(call) = schedule.next(id, turn) {
            calls.push((call.due, schedule.step(id), schedule.number(id)));
            let done = call.ready + answer;
            free.insert((done, worker), Turn { sent: call.ready, free: done, stall: None });
        }
    }
    calls
}

/// As a set that counts; of an open loop any place may send any request.
fn counted(calls: Vec<(Timestamp, StepId, WorkerId)>, plan: &SchedulePlan) -> Vec<(Timestamp, StepId, WorkerId)> {
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|(due, step, worker)| (due, step, if plan.is_open() { WorkerId(0) } else { worker }))
        .collect();
    calls.sort_unstable_by_key(|(due, step, worker)| (*due, *step, worker.0));
    calls
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_shares_of_a_load_are_together_the_load(seed: u64, of in 1_u32..6, at in 0_u64..16_000, answer in 0_u64..20) {
        let (generators, seed, answer) = (generators(), Seed(seed), Duration::from_millis(answer));
        let all: Vec<Vec<Share>> =
            (1..=of).filter_map(|number| Share::new(number, of)).map(|share| shares(&generators, share)).collect();
        for (number, generator) in generators.iter().enumerate() {
            // places that are full drop what another machine would have had room for
            let plan = match &generator.schedule {
                SchedulePlan::Rate(rate, bound) => SchedulePlan::Rate(
                    rate.clone(),
                    watchtower::schedule::open::Bound { max_in_flight: 400, ..*bound },
                ),
                other => other.clone(),
            };
            let id = GeneratorId(number as u16);
            let whole = plan.build(START, seed, id);
            let parts: Vec<_> =
                all.iter().map(|shares| plan.build_share(START, seed, id, shares[number])).collect();
            let at = START + Duration::from_millis(at);
            let sum = |of: &dyn Fn(&dyn Schedule) -> Option<u64>| parts.iter().map(|part| of(&**part)).sum::<Option<u64>>();
            prop_assert_eq!(whole.planned(), sum(&|part| part.planned()));
            prop_assert_eq!(whole.planned_before(at), sum(&|part| part.planned_before(at)));
            prop_assert_eq!(whole.workers(), parts.iter().map(|part| part.workers()).sum::<u32>());
            let united = parts.into_iter().flat_map(|part| calls(part, answer)).collect();
            prop_assert_eq!(counted(calls(whole, answer), &plan), counted(united, &plan));
        }
    }
}

#[test]
fn workers_are_dealt_out_over_all_loads_in_turn() {
    let generators = generators();
    // 13, 9, 6 and 7: 35 workers, so four machines have 9, 9, 9 and 8
    let workers = |number| {
        let share = Share::new(number, 4).expect("a share");
        let each = shares(&generators, share);
        generators.iter().zip(each).map(|(one, share)| share.count(one.schedule.workers().into())).collect::<Vec<_>>()
    };
    assert_eq!((1..=4).map(workers).collect::<Vec<_>>(), [[4, 2, 1, 2], [3, 3, 1, 2], [3, 2, 2, 2], [3, 2, 2, 1]]);
}
