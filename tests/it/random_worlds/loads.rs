//! Loads of every kind for random worlds.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use watchtower::drive::journeys::{JourneyPlan, JourneysPlan, StepPlan};
use watchtower::drive::{RequestPlan, SchedulePlan};
use watchtower::schedule::hey;
use watchtower::schedule::journeys::{Ends, Journey, Settings, Step, Think};
use watchtower::schedule::open::{Bound, WhenFull};
use watchtower::schedule::rate::{Rate, Spacing};
use watchtower::schedule::shape::Shape;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn schedule() -> impl Strategy<Value = SchedulePlan> {
    prop_oneof![5 => workers(), 2 => rate(), 2 => users()]
}

fn workers() -> impl Strategy<Value = SchedulePlan> {
    let paced = (1_u32..40, 0.2_f64..40.0, 50_u64..15_000)
        .prop_map(|(workers, rate, millis)| hey::Settings::new(1, workers, rate, Some(ms(millis))));
    let counted = (1_u32..40, 0_u64..60, prop::sample::select(vec![0.0, 0.0, 3.0, 900.0]))
        .prop_map(|(workers, each, rate)| hey::Settings::new(u64::from(workers) * (each + 1), workers, rate, None));
    let unpaced =
        (1_u32..20, 1_u64..20).prop_map(|(workers, millis)| hey::Settings::new(1, workers, 0.0, Some(ms(millis))));
    prop_oneof![4 => paced, 2 => counted, 1 => unpaced]
        .prop_map(|settings| SchedulePlan::Hey(settings.expect("flags hey takes")))
}

fn rate() -> impl Strategy<Value = SchedulePlan> {
    (0.0_f64..200.0, 0.1_f64..200.0, 10_u64..20_000, any::<bool>(), 1_u32..60, any::<bool>()).prop_map(
        |(from, to, millis, poisson, max_in_flight, drops)| {
            let shape = Shape::sawtooth(from, to, ms(millis / 3 + 1), ms(millis)).expect("a shape");
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Even };
            let when_full = if drops { WhenFull::Drop } else { WhenFull::Wait };
            SchedulePlan::Rate(Rate { shape: Arc::new(shape), spacing }, Bound { max_in_flight, when_full })
        },
    )
}

fn users() -> impl Strategy<Value = SchedulePlan> {
    // some time to think, or a function that takes no time would be asked without end
    let step = (1_u32..4, 1_u64..2_000, 0_u64..2_000, prop::sample::select(vec![None, Some("number=5"), Some("")]));
    let journey = (1_u32..4, prop::collection::vec(step, 1..4));
    let ends =
        prop_oneof![(1_u64..10_000).prop_map(|millis| Ends::After(ms(millis))), (1_u64..20).prop_map(Ends::Rounds)];
    (1_u32..30, 0_u64..5_000, ends, prop::collection::vec(journey, 1..3)).prop_map(|(users, ramp, ends, journeys)| {
        let plan = |steps: &Vec<(u32, u64, u64, Option<&str>)>| JourneyPlan {
            name: "journey".to_owned(),
            steps: steps
                .iter()
                .map(|(.., query)| StepPlan {
                    name: "step".to_owned(),
                    path: String::new(),
                    query: query.map(str::to_owned),
                    request: RequestPlan::default(),
                })
                .collect(),
        };
        let timing = |(weight, min, more, _): &(u32, u64, u64, Option<&str>)| Step {
            weight: *weight,
            think: Think { min: ms(*min), max: ms(min + more) },
        };
        SchedulePlan::Goose(JourneysPlan {
            journeys: journeys.iter().map(|(_, steps)| plan(steps)).collect(),
            settings: Arc::new(Settings {
                users,
                ramp: ms(ramp),
                ends,
                journeys: journeys
                    .iter()
                    .map(|(weight, steps)| Journey { weight: *weight, steps: steps.iter().map(timing).collect() })
                    .collect(),
            }),
        })
    })
}
