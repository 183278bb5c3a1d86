//! The laws of replaying: what a recording gives back.

use proptest::prelude::*;

use super::*;
use crate::policy::registry;
use crate::policy::settings::Settings;

fn arm(name: &str, settings: &[(&str, &str)]) -> Arm {
    let policy = registry::find(name).unwrap();
    let parameters = (policy.parameters)();
    let mut complete = Settings::defaults(&parameters);
    for (name, value) in settings {
        complete.set(&parameters, name, Value::Owned((*value).to_owned())).unwrap();
    }
    Arm { name: name.to_owned(), policy, settings: complete }
}

/// Evaluations at 8 s + 15 s x k after the load's start.
fn chain() -> Arm {
    arm("openfaas-ce", &[("evaluation_phase", "8s"), ("phase_reference", "load")])
}

/// Samples each 5 s from -9 s on, one more answer per second than `rates` says for each.
fn recording(rates: &[f64]) -> Recording {
    let mut value = 1000.0;
    let sample = |(step, rate): (usize, &f64)| {
        value += 5.0 * rate;
        Sample { t_s: 5.0 * step as f64 - 9.0, code: 200, value }
    };
    let samples = rates.iter().enumerate().map(sample).collect();
    Recording::new(FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() }, samples)
}

fn scales(arm: &Arm, recordings: &[Recording]) -> Vec<(f64, u32, u32)> {
    let start = Duration::from_secs(1_700_000_000);
    let round = |(at, from, to): (f64, u32, u32)| ((at * 1000.0).round() / 1000.0, from, to);
    counters(arm, Seed(1), start, recordings).scales(FunctionId::STUDIED).into_iter().map(round).collect()
}

/// Keeps what a policy was told.
struct Tapped<'a>(Box<dyn Policy>, &'a mut Vec<(Timestamp, Event)>, &'a mut Vec<(Timestamp, Action)>);

impl Policy for Tapped<'_> {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let before = actions.len();
        self.0.handle(now, event, actions);
        self.1.push((now, event.clone()));
        self.2.extend(actions[before..].iter().map(|action| (now, action.clone())));
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.0.wake_at()
    }
}

#[test]
fn the_counter_stays_flat_after_its_last_sample_so_the_alert_ends() {
    // 20 per second from the first sample to that of 46 s
    let expected = [(28.05, 1, 2), (58.059, 2, 1)];
    assert_eq!(scales(&chain(), &[recording(&[20.0; 12])]), expected);
}

#[test]
fn a_policy_that_asks_by_itself_is_told_the_newest_reading() {
    let recording = recording(&[20.0; 3]);
    let replay = Replay::new(Timestamp::from_secs(9), std::slice::from_ref(&recording), Delivery::OnRequest);
    let asks = Asks { every: Duration::from_secs(2), next: Timestamp::from_secs(1), told: Vec::new() };
    let mut asks = asks;
    replay.run(&mut asks);
    // readings at 0 s, 5 s and 10 s of the run, then flat
    assert_eq!(asks.told[..7], [1100.0, 1100.0, 1200.0, 1200.0, 1200.0, 1300.0, 1300.0].map(Some));
}

struct Asks {
    every: Duration,
    next: Timestamp,
    told: Vec<Option<f64>>,
}

impl Policy for Asks {
    fn handle(&mut self, _now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Woken => {
                self.next += self.every;
                actions.push(Action::Scrape);
            }
            Event::Scraped(counters) => {
                self.told.push(counters.as_ref().map(|counters| counters.iter().map(|counter| counter.value).sum()));
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        Some(self.next)
    }
}

#[test]
fn the_platform_grants_within_its_bounds_and_says_so() {
    let fixed = arm("fixed", &[]);
    let parameters = (fixed.policy.parameters)();
    let with = |replicas, bounds| {
        let mut arm = fixed.clone();
        arm.settings.set(&parameters, "replicas", Value::Integer(replicas)).unwrap();
        let recordings = [Recording { bounds, ..recording(&[1.0; 3]) }];
        let replayed = counters(&arm, Seed(1), Duration::from_secs(1_700_000_000), &recordings);
        replayed.events.into_iter().map(|event| (event.kind, event.from, event.to)).collect::<Vec<_>>()
    };
    assert_eq!(with(3, (1, 5)), [(EventKind::Scale, Some(1), Some(3))]);
    assert_eq!(with(9, (1, 5)), [(EventKind::Scale, Some(1), Some(5))]);
    assert_eq!(with(9, (1, 1)), [(EventKind::Refused, Some(1), Some(1))]);
}

#[test]
fn without_samples_nothing_happens_and_the_replay_ends() {
    let replayed = counters(&chain(), Seed(1), Duration::ZERO, &[recording(&[])]);
    assert_eq!((replayed.events, replayed.end_s), (Vec::new(), TAIL.as_secs_f64()));
}

#[test]
fn a_load_at_the_beginning_of_1970_keeps_its_phases() {
    let start = |start| {
        let arm = arm("openfaas-ce", &[("evaluation_phase", "8s")]);
        counters(&arm, Seed(1), Duration::from_secs(start), &[recording(&[20.0; 12])]).events
    };
    assert_eq!(start(0), start(86_400));
}

#[test]
fn functions_are_read_together_and_scaled_each_by_its_own_alert() {
    let replayed = counters(
        &chain(),
        Seed(1),
        Duration::from_secs(1_700_000_000),
        &[recording(&[20.0; 12]), recording(&[1.0; 12])],
    );
    assert_eq!(replayed.scales(FunctionId(0)).len(), 2);
    assert_eq!(replayed.scales(FunctionId(1)), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replaying_a_log_gives_the_same_actions(rates in prop::collection::vec(0.0_f64..12.0, 3..60), seed: u64) {
        let recordings = [recording(&rates), recording(&[20.0; 20])];
        let context = Context {
            epoch: Epoch::from_unix(Duration::from_secs(1_700_000_000)),
            load_start: Timestamp::from_secs(9),
            seed: Seed(seed),
            functions: recordings.iter().map(|recording| recording.info.clone()).collect(),
        };
        let arm = arm("openfaas-ce", &[("evaluation_phase", "random")]);
        let (mut log, mut actions) = (Vec::new(), Vec::new());
        let mut tapped = Tapped(arm.build(&context), &mut log, &mut actions);
        Replay::new(context.load_start, &recordings, Delivery::OnRequest).run(&mut tapped);
        prop_assert!(!actions.is_empty());
        prop_assert_eq!(events(arm.build(&context).as_mut(), &log), actions);
    }
}
