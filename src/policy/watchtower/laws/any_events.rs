//! What holds whatever happens: random settings, random events in any order, answers lost or never asked for.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::policy::Counter;

fn any_answer() -> impl Strategy<Value = Result<u16, ErrorKind>> {
    prop_oneof![6 => Just(Ok(200)), 1 => Just(Ok(500)), 1 => Just(Err(ErrorKind::Timeout))]
}

fn any_event() -> impl Strategy<Value = Event> {
    let function = || prop_oneof![9 => Just(FunctionId::STUDIED), 1 => Just(FunctionId(1))];
    let micros = prop_oneof![0..200_000u64, 0..100u64, Just(u64::MAX / 1_000)];
    let probe_done = (micros, any_answer()).prop_map(|(micros, answer)| {
        Event::ProbeDone(ProbeOutcome { sent: Timestamp::ZERO, latency: Duration::from_micros(micros), answer })
    });
    let status = proptest::option::of((0..9u32).prop_map(|desired| ReplicaStatus { desired, ready: desired / 2 }));
    let replicas = (function(), status).prop_map(|(function, status)| Event::Replicas { function, status });
    let result = prop_oneof![
        3 => (0..9u32).prop_map(Ok),
        1 => Just(Err(Refusal::Status { status: 500, body: "no".to_owned() }))
    ];
    let answered = (function(), result).prop_map(|(function, result)| Event::ScaleAnswered { function, result });
    let counter = Counter { function: FunctionId::STUDIED, code: 200, value: 1.0 };
    prop_oneof![
        4 => Just(Event::Woken),
        4 => probe_done,
        4 => replicas,
        2 => answered,
        1 => Just(Event::Scraped(Some(vec![counter]))),
        1 => Just(Event::Started { replicas: vec![1] }),
    ]
}

/// Events, each with the milliseconds since the one before; `None` waits until the tower wants to be woken.
fn any_events() -> impl Strategy<Value = Vec<(Option<u64>, Event)>> {
    proptest::collection::vec((prop_oneof![Just(None), (0..9_000u64).prop_map(Some)], any_event()), 0..80)
}

prop_compose! {
    fn any_settings()(
        up in 1..4i64, down in 1..4i64, auto in any::<bool>(), fraction in 0.0..=1.0f64, above in any::<bool>(),
        settle in 0..9_000u64, min in 1..9i64, max in 1..9i64, check_frequency in 1..9i64,
    ) -> Settings {
        let word = |word: &str| Value::Owned(word.to_owned());
        settings(&[
            ("scale_up_rounds", Value::Integer(up)),
            ("scale_down_rounds", Value::Integer(down)),
            ("scale_up_increment", if auto { word("auto") } else { Value::Number(fraction) }),
            ("scale_down_increment", if auto { word("auto") } else { Value::Number(fraction) }),
            ("failed_probes", word(if above { "above" } else { "ignore" })),
            ("settle", Value::Duration(Duration::from_millis(settle))),
            ("min_replicas", Value::Integer(min)),
            ("max_replicas", Value::Integer(max)),
            ("check_frequency", Value::Integer(check_frequency)),
        ])
    }
}

/// Feeds the events at their times; gives what was fed and what came of it.
fn live_through(tower: &mut WatchTower, events: Vec<(Option<u64>, Event)>) -> Vec<(Timestamp, Event, Vec<Action>)> {
    let mut now = Timestamp::ZERO;
    let mut log = Vec::new();
    for (wait, event) in events {
        now = match wait {
            Some(millis) => now + Duration::from_millis(millis),
            None => tower.wake_at().unwrap_or(now).max(now),
        };
        let mut actions = Vec::new();
        tower.handle(now, &event, &mut actions);
        if event == Event::Woken {
            assert!(tower.wake_at().is_none_or(|wake| wake > now), "wants to be woken at once after it was");
        }
        log.push((now, event, actions));
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replicas_asked_for_lie_within_the_limits(settings in any_settings(), events in any_events()) {
        let min = settings.count("min_replicas");
        let max = settings.count("max_replicas").max(min);
        let mut events = events;
        events.insert(0, (Some(0), Event::Started { replicas: vec![1] }));
        for (_, _, actions) in live_through(&mut WatchTower::new(&settings), events) {
            for (_, to) in scales(&actions) {
                prop_assert!((min..=max).contains(&to), "{to} is not in {min}..={max}");
            }
        }
    }

    #[test]
    fn nothing_is_done_before_the_start(settings in any_settings(), events in any_events()) {
        let mut started = false;
        for (_, event, actions) in live_through(&mut WatchTower::new(&settings), events) {
            started |= matches!(event, Event::Started { .. });
            prop_assert!(started || actions.is_empty());
        }
    }

    #[test]
    fn the_same_events_give_the_same_actions(settings in any_settings(), events in any_events()) {
        let log = live_through(&mut WatchTower::new(&settings), events);
        let mut again = WatchTower::new(&settings);
        for (now, event, actions) in log {
            let mut replayed = Vec::new();
            again.handle(now, &event, &mut replayed);
            prop_assert_eq!(replayed, actions);
        }
    }

    #[test]
    fn at_most_one_scaling_waits_for_its_answer(settings in any_settings(), events in any_events()) {
        let mut asked: Option<Timestamp> = None;
        for (now, event, actions) in live_through(&mut WatchTower::new(&settings), events) {
            if matches!(event, Event::ScaleAnswered { function: FunctionId::STUDIED, .. }) {
                asked = None;
            }
            for _ in scales(&actions) {
                prop_assert!(asked.is_none_or(|asked| now >= asked + PATIENCE));
                asked = Some(now);
            }
        }
    }

    #[test]
    fn whatever_got_lost_the_tower_goes_on(settings in any_settings(), events in any_events()) {
        let mut tower = WatchTower::new(&settings);
        let mut events = events;
        events.insert(0, (Some(0), Event::Started { replicas: vec![1] }));
        let log = live_through(&mut tower, events);
        let now = log.last().map_or(Timestamp::ZERO, |(now, _, _)| *now);
        let probing = matches!(tower.prober, Prober::Waiting { .. });
        let mut world =
            World { tower, now, platform: Platform::Obeys, readable: true, desired: 1, done: Vec::new(), reads: 0, probing };
        // every answer still under way is lost, and a backlog is worked off
        let mut judged = BTreeMap::new();
        for _ in 0..400 {
            if world.probing {
                world.probing = false;
                let outcome = ProbeOutcome { sent: world.now, latency: Duration::from_millis(75), answer: Ok(200) };
                world.feed(&Event::ProbeDone(outcome));
            }
            world.now = world.now.max(world.tower.wake_at().unwrap());
            world.feed(&Event::Woken);
            judged.extend(world.judged().into_iter().map(|row| (row.sent, row.decision)));
        }
        let last = judged.last_key_value().map(|(_, decision)| decision.as_ref());
        prop_assert!(last.is_some_and(|decision| decision == "within band"), "{last:?}");
    }
}
