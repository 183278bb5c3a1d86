//! The laws of replaying: what a recording gives back.

use proptest::prelude::*;

use super::*;
use crate::policy::settings::Settings;
use crate::policy::{FunctionInfo, ProbeOutcome, registry};
use crate::record::ErrorKind;

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
    let run = RecordedRun { functions: vec![recording], ..RecordedRun::default() };
    let replay = World::new(Epoch::default(), Timestamp::from_secs(9), &run, Delivery::OnRequest, TAIL);
    let asks = Asks { every: Duration::from_secs(2), next: Timestamp::from_secs(1), told: Vec::new() };
    let mut asks = asks;
    replay.run(&mut asks);
    // readings at 0 s, 5 s and 10 s of the run, then flat
    assert_eq!(asks.told[..7], [1100.0, 1100.0, 1200.0, 1200.0, 1200.0, 1300.0, 1300.0].map(Some));
}

#[test]
fn a_reading_keeps_its_millisecond_whatever_part_of_one_the_load_began_at() {
    // exactly the threshold: 25 answers in 5 s, so the last bit of the extrapolation decides, and with it the millisecond
    let arm = arm("openfaas-ce", &[("evaluation_phase", "8s")]);
    let mut seen = std::collections::BTreeSet::new();
    for phase_ms in 1_000..1_100 {
        let alerts = |start_us: u32| {
            let start = 1_700_000_010.0 + f64::from(start_us) / 1e6;
            let samples = (0..12).map(|step| {
                let unix = 1_700_000_000.0 + f64::from(phase_ms) / 1000.0 + 5.0 * f64::from(step);
                // as a file has it
                let t_s = ((unix - start) * 1000.0).round() / 1000.0;
                Sample { t_s, code: 200, value: 1000.0 + 25.0 * f64::from(step) }
            });
            let recording = Recording::new(FunctionInfo::default(), samples.collect());
            counters(&arm, Seed(1), Duration::from_secs_f64(start), &[recording]).events.len()
        };
        let expected = alerts(0);
        for start_us in (1..1000).step_by(83) {
            assert_eq!(alerts(start_us), expected, "readings at {phase_ms} ms, load at {start_us} us");
        }
        seen.insert(expected);
    }
    assert!(seen.len() > 1, "it does depend on the millisecond: {seen:?}");
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

/// Two gateways of which the second takes the first one's place: a counter each, read at one moment.
#[test]
fn the_counter_of_a_new_gateway_is_another_series_and_not_a_reset() {
    let series = |from: u32, to: u32, start: f64| Series {
        code: 200,
        samples: (from..to).map(|step| (5.0 * f64::from(step) - 9.0, start + 100.0 * f64::from(step - from))).collect(),
    };
    let of = |series: Vec<Series>| Recording::of(FunctionInfo::default(), Counted::Readings(series));
    let ended = |recording: Recording| scales(&chain(), &[recording]);
    // evaluations at 8, 23, 38 s: that of 23 s sees one sample of the old series and one of the new one, so no rate
    assert_eq!(ended(of(vec![series(0, 6, 1000.0), series(6, 13, 50.0)])), [(58.05, 1, 2), (68.053, 2, 1)]);
    // the same samples in one series: the counter was reset, and the alert goes on
    let mut reset = series(0, 6, 1000.0);
    reset.samples.extend(series(6, 13, 50.0).samples);
    assert_eq!(ended(of(vec![reset])), [(28.05, 1, 2), (68.062, 2, 1)]);
}

#[test]
fn a_series_that_ended_before_the_recording_does_not_go_on_flat() {
    let at = |times: &[f64]| Series { code: 200, samples: times.iter().map(|at| (*at, 1.0)).collect() };
    let old = at(&[0.0, 5.0, 10.0]);
    let new = at(&[22.0, 27.0, 32.0]);
    let recording = Recording::of(FunctionInfo::default(), Counted::Readings(vec![old, new]));
    let found = readings::readings(Epoch::default(), Timestamp::ZERO, &[recording], Timestamp::from_secs(45));
    let present =
        |counters: &Vec<crate::policy::Counter>| counters.iter().map(|counter| !counter.value.is_nan()).collect();
    let found: Vec<(u64, Vec<bool>)> =
        found.iter().map(|(at, counters)| (at.as_nanos() / 1_000_000_000, present(counters))).collect();
    let (old, new) = (vec![true, false], vec![false, true]);
    let expected = [(0, &old), (5, &old), (10, &old), (22, &new), (27, &new), (32, &new), (37, &new), (42, &new)];
    assert_eq!(found, expected.map(|(at, who)| (at, who.clone())));
}

/// Of 20 answers a second from 0 s to 50 s: what a gateway would have counted.
fn answers() -> Vec<Answered> {
    (0..1000).map(|number| Answered { t_s: f64::from(number) / 20.0, code: 200 }).collect()
}

#[test]
fn where_every_answer_was_recorded_a_policy_reads_the_counters_when_it_wants_to() {
    let run = RecordedRun {
        functions: vec![Recording::of(FunctionInfo::default(), Counted::Answers(answers()))],
        probes: Vec::new(),
        span: Some((-2.0, 60.0)),
        ..RecordedRun::default()
    };
    let asks = Asks { every: Duration::from_secs(2), next: Timestamp::from_secs(1), told: Vec::new() };
    let mut asks = asks;
    World::new(Epoch::default(), Timestamp::from_secs(2), &run, Delivery::OnRequest, TAIL).run(&mut asks);
    // asked at 1 s, 3 s, 5 s of the run, which are -1 s, 1 s and 3 s of the load; the answer of that instant counts
    assert_eq!(asks.told[..4], [Some(0.0), Some(21.0), Some(61.0), Some(101.0)]);
    assert_eq!(asks.told.last(), Some(&Some(1000.0)));
    let phased = |phase| {
        let arm =
            arm("openfaas-ce", &[("evaluation_phase", "8s"), ("scrape_phase", phase), ("phase_reference", "load")]);
        recorded(&arm, Seed(1), Duration::from_secs(1_700_000_000), &run).scales(FunctionId::STUDIED).len()
    };
    // evaluations at 8 s and 23 s, notification at 28 s; scrapes are where the setting says
    assert_eq!([phased("1s"), phased("4s")], [2, 2]);
}

/// Probes at once one after another, and keeps what it is told.
struct Probes(Vec<(Timestamp, ProbeOutcome)>);

impl Policy for Probes {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { .. } => actions.push(Action::Probe),
            Event::ProbeDone(outcome) => {
                self.0.push((now, *outcome));
                actions.push(Action::Probe);
            }
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }
}

#[test]
fn a_policy_that_probes_is_given_the_recorded_probe_under_way_or_the_next_one() {
    let probe = |sent_s, done_s, answer| RecordedProbe { sent_s, done_s, answer };
    let run = RecordedRun {
        functions: vec![Recording::of(FunctionInfo::default(), Counted::Answers(Vec::new()))],
        // in no order; the second and the third end at one moment
        probes: vec![
            probe(3.0, 4.0, Err(ErrorKind::Closed)),
            probe(-2.0, 1.0, Ok(200)),
            probe(2.0, 4.0, Ok(500)),
            probe(9.0, 70.0, Ok(200)),
        ],
        span: Some((-2.0, 60.0)),
        ..RecordedRun::default()
    };
    let mut probes = Probes(Vec::new());
    World::new(Epoch::default(), Timestamp::from_secs(2), &run, Delivery::OnRequest, Duration::ZERO).run(&mut probes);
    let seen: Vec<(u64, u64, _)> = probes
        .0
        .iter()
        .map(|(at, outcome)| (at.as_nanos() / 1_000_000_000, outcome.latency.as_secs(), outcome.answer))
        .collect();
    assert_eq!(seen, [(3, 3, Ok(200)), (6, 2, Ok(500)), (6, 1, Err(ErrorKind::Closed))]);
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
            bounds: recordings.iter().map(|recording| recording.bounds).collect(),
        };
        let arm = arm("openfaas-ce", &[("evaluation_phase", "random")]);
        let (mut log, mut actions) = (Vec::new(), Vec::new());
        let mut tapped = Tapped(arm.build(&context), &mut log, &mut actions);
        let run = RecordedRun { functions: recordings.into(), ..RecordedRun::default() };
        World::new(context.epoch, context.load_start, &run, Delivery::OnRequest, TAIL).run(&mut tapped);
        prop_assert!(!actions.is_empty());
        prop_assert_eq!(events(arm.build(&context).as_mut(), &log), actions);
    }
}
