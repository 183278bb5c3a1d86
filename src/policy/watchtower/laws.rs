//! The original's rule, a test for each line of its description; small worlds in full and any events at all stand apart.

mod any_events;
mod small_worlds;
mod world;

use self::world::{Platform, World};
use super::*;
use crate::policy::settings::Value;

fn settings(changes: &[(&str, Value)]) -> Settings {
    let parameters = parameters();
    let mut settings = Settings::defaults(&parameters);
    for (name, value) in changes {
        settings.set(&parameters, name, value.clone()).unwrap();
    }
    settings
}

fn rounds(up: i64, down: i64) -> Settings {
    settings(&[("scale_up_rounds", Value::Integer(up)), ("scale_down_rounds", Value::Integer(down))])
}

fn scales(actions: &[Action]) -> Vec<(u32, u32)> {
    let step = |action: &Action| if let Action::Scale { from, to, .. } = action { Some((*from, *to)) } else { None };
    actions.iter().filter_map(step).collect()
}

fn notes(actions: &[Action]) -> Vec<(EventKind, &str)> {
    let note = |action| {
        if let &Action::Note { kind, ref reason, .. } = action { Some((kind, reason.text.as_str())) } else { None }
    };
    actions.iter().filter_map(note).collect()
}

const ABOVE: f64 = 100.0;
const WITHIN: f64 = 75.0;
const BELOW: f64 = 20.0;

#[test]
fn a_probe_below_the_lower_edge_counts_below_and_forgets_above() {
    let mut world = World::new(&rounds(9, 3), 5);
    assert_eq!(
        world.decisions(&[ABOVE, BELOW, 59.9, BELOW]),
        ["above 1 of 9", "below 1 of 3", "below 2 of 3", "below 3 of 3: scale down 5 to 1"]
    );
    assert_eq!(world.desired, 1);
}

#[test]
fn a_probe_above_the_upper_edge_counts_above_and_forgets_below() {
    let mut world = World::new(&rounds(2, 9), 1);
    assert_eq!(
        world.decisions(&[BELOW, ABOVE, 90.1, ABOVE]),
        ["below 1 of 9", "above 1 of 2", "above 2 of 2: scale up 1 to 2", "above 1 of 2"]
    );
    assert_eq!(world.desired, 2);
}

#[test]
fn a_probe_within_the_band_edges_included_forgets_both() {
    let mut world = World::new(&rounds(2, 2), 3);
    assert_eq!(
        world.decisions(&[ABOVE, 90.0, ABOVE, WITHIN, BELOW, 60.0, BELOW]),
        ["above 1 of 2", "within band", "above 1 of 2", "within band", "below 1 of 2", "within band", "below 1 of 2"]
    );
    assert_eq!(world.desired, 3);
}

#[test]
fn a_successful_scaling_resets_both_counters() {
    let mut world = World::new(&rounds(2, 2), 1);
    world.decisions(&[ABOVE, ABOVE]);
    assert_eq!(world.tower.rounds, Rounds::default());
    assert_eq!(world.decisions(&[ABOVE, ABOVE]), ["above 1 of 2", "above 2 of 2: scale up 2 to 3"]);
}

#[test]
fn a_failed_scaling_leaves_the_counter_so_that_every_further_probe_tries_again() {
    for (platform, kind) in [(Platform::Refuses, None), (Platform::Ignores, Some(EventKind::Refused))] {
        let mut world = World::new(&rounds(2, 2), 1);
        world.platform = platform;
        for (probe, tried) in [(1, 0), (2, 1), (3, 1), (4, 1)] {
            world.probe(100_000, Ok(200));
            assert_eq!(scales(&world.done), vec![(1, 2); tried], "probe {probe}, {platform:?}");
            let kinds: Vec<_> = notes(&world.done).into_iter().map(|(kind, _)| kind).collect();
            assert_eq!(kinds, vec![kind; tried].into_iter().flatten().collect::<Vec<_>>());
            assert_eq!(world.judged()[0].above, probe);
        }
        world.platform = Platform::Obeys;
        assert_eq!(world.decisions(&[ABOVE, ABOVE]), ["above 5 (2 needed): scale up 1 to 2", "above 1 of 2"]);
    }
}

#[test]
fn steps_up_and_down_are_rounded_up_and_kept_between_the_floor_and_the_cap() {
    let fraction = Value::Number;
    let auto = || Value::Owned("auto".to_owned());
    for (name, increment, latency, steps) in [
        ("scale_up_increment", fraction(0.2), ABOVE, vec![(1, 2), (2, 3), (3, 4), (4, 5)]),
        ("scale_up_increment", fraction(1.0), ABOVE, vec![(1, 2), (2, 4), (4, 5)]),
        ("scale_up_increment", auto(), ABOVE, vec![(1, 2), (2, 3), (3, 4), (4, 5)]),
        ("scale_up_increment", auto(), 700.0, vec![(1, 5)]),
        ("scale_down_increment", fraction(1.0), BELOW, vec![(5, 1)]),
        ("scale_down_increment", fraction(0.5), BELOW, vec![(5, 3), (3, 2), (2, 1)]),
        ("scale_down_increment", auto(), 50.0, vec![(5, 4), (4, 3), (3, 2), (2, 2)]),
        ("scale_down_increment", auto(), 1.0, vec![(5, 1)]),
    ] {
        let one = Value::Integer(1);
        let settings =
            settings(&[("scale_up_rounds", one.clone()), ("scale_down_rounds", one), (name, increment.clone())]);
        let mut world = World::new(&settings, steps[0].0);
        for _ in &steps {
            world.probe((latency * 1000.0) as u64, Ok(200));
        }
        assert_eq!(scales(&world.done), steps, "{name} = {increment}");
    }
}

#[test]
fn at_exactly_the_limit_nothing_is_sent_and_the_attempt_counts_as_failed() {
    let mut top = World::new(&rounds(2, 2), 5);
    assert_eq!(
        top.decisions(&[ABOVE, ABOVE, ABOVE]),
        ["above 1 of 2", "above 2 of 2: at the limit of 5", "above 3 (2 needed): at the limit of 5"]
    );
    let mut bottom = World::new(&rounds(2, 2), 1);
    assert_eq!(
        bottom.decisions(&[BELOW, BELOW, BELOW]),
        ["below 1 of 2", "below 2 of 2: at the limit of 1", "below 3 (2 needed): at the limit of 1"]
    );
    // somebody else makes room: the very next probe scales
    top.desired = 4;
    bottom.desired = 2;
    assert_eq!(top.decisions(&[ABOVE]), ["above 4 (2 needed): scale up 4 to 5"]);
    assert_eq!(bottom.decisions(&[BELOW]), ["below 4 (2 needed): scale down 2 to 1"]);
}

#[test]
fn after_a_scaling_it_waits_then_reads_back_and_reports_a_mismatch_as_a_failure() {
    for (settle, after) in [("1s", 1_000), ("2500ms", 2_500), ("0s", 0)] {
        let settle = ("settle", Value::Owned(settle.to_owned()));
        let mut world = World::new(&settings(&[settle, ("scale_up_rounds", Value::Integer(1))]), 1);
        world.platform = Platform::Ignores;
        world.probing = false;
        let answer = Ok(200);
        world.feed(&Event::ProbeDone(ProbeOutcome { sent: world.now, latency: Duration::from_millis(100), answer }));
        if after > 0 {
            assert_eq!(world.reads, 1, "only the one the decision started from");
            assert_eq!(world.tower.wake_at(), Some(Timestamp::from_millis(after)));
            world.wake();
        }
        assert_eq!(world.reads, 2);
        let refused = (EventKind::Refused, "asked for 2 replicas, but 1 are read back: counts as failed");
        assert_eq!(notes(&world.done), [refused]);
        assert_eq!(world.tower.rounds, Rounds { above: 1, below: 0 });
    }
}

#[test]
fn a_step_to_the_count_there_is_already_is_sent_and_counts_as_a_success() {
    let fifth = ("scale_down_increment", Value::Number(0.2));
    let settings = settings(&[fifth, ("scale_down_rounds", Value::Integer(2))]);
    for (replicas, to) in [(5, 4), (4, 4), (3, 3), (2, 2)] {
        let mut world = World::new(&settings, replicas);
        let attempt = format!("below 2 of 2: scale down {replicas} to {to}");
        assert_eq!(world.decisions(&[BELOW, BELOW, BELOW]), ["below 1 of 2", &attempt, "below 1 of 2"]);
    }
}

#[test]
fn the_wait_after_a_scaling_never_delays_a_probe_and_results_queue_up_meanwhile() {
    let slow_to_settle = ("settle", Value::Owned("12s".to_owned()));
    let mut world = World::new(&settings(&[slow_to_settle, ("scale_up_rounds", Value::Integer(1))]), 1);
    let mut left = Vec::new();
    for _ in 0..4 {
        left.push(world.now);
        world.probe(100_000, Ok(200));
    }
    let period = |probe: u64| Timestamp::from_millis(5_100 * probe);
    assert_eq!(left, [period(0), period(1), period(2), period(3)], "pause plus latency, whatever the decider does");
    let decided: Vec<_> = world.judged().into_iter().map(|row| (row.sent, row.decision.into_owned())).collect();
    let first = (period(0), "above 1 of 1: scale up 1 to 2".to_owned());
    let second = (period(1), "above 1 of 1: scale up 2 to 3".to_owned());
    assert_eq!(
        decided,
        [first, second],
        "the second probe of 5.2 s is judged at 12.1 s, from the count of that moment"
    );
    assert_eq!(world.tower.queue.len(), 2);
}

#[test]
fn latency_is_what_hey_prints_and_a_printed_zero_is_dropped() {
    let mut world = World::new(&rounds(2, 9), 1);
    assert_eq!(
        world.decisions(&[ABOVE, 0.049, 90.049, ABOVE, 0.049, 90.051]),
        [
            "above 1 of 2",
            "prints as 0.0000 s: dropped",
            "within band",
            "above 1 of 2",
            "prints as 0.0000 s: dropped",
            "above 2 of 2: scale up 1 to 2",
        ]
    );
}

#[test]
fn each_decision_reads_the_count_once_and_each_scaling_once_more() {
    let mut world = World::new(&rounds(3, 9), 1);
    let reads: Vec<_> = [WITHIN, ABOVE, ABOVE, 0.01, ABOVE, BELOW]
        .into_iter()
        .map(|millis| {
            world.decisions(&[millis]);
            world.reads
        })
        .collect();
    assert_eq!(reads, [1, 2, 3, 3, 5, 6]);
}

#[test]
fn a_failed_probe_is_no_observation_but_noted_and_counted() {
    let mut world = World::new(&rounds(2, 9), 1);
    world.probe(100_000, Ok(200));
    for answer in [Ok(500), Ok(404), Ok(301), Ok(201), Err(ErrorKind::Refused), Err(ErrorKind::Timeout)] {
        world.probe(100_000, answer);
    }
    assert_eq!(world.reads, 1);
    assert_eq!(
        notes(&world.done).into_iter().map(|(kind, text)| format!("{kind:?} {text}")).collect::<Vec<_>>(),
        [
            "Failed probe failed (status 500): no observation; 1 failed so far",
            "Failed probe failed (status 404): no observation; 2 failed so far",
            "Failed probe failed (status 301): no observation; 3 failed so far",
            "Failed probe failed (status 201): no observation; 4 failed so far",
            "Failed probe failed (refused): no observation; 5 failed so far",
            "Failed probe failed (timeout): no observation; 6 failed so far",
        ]
    );
    let rows = world.judged();
    assert!(rows.iter().all(|row| (row.above, row.below) == (1, 0)));
    assert_eq!((rows[1].latency, rows[5].latency), (Some(Duration::from_millis(100)), None));
    assert_eq!(world.decisions(&[ABOVE]), ["above 2 of 2: scale up 1 to 2"], "the round before them still counts");
}

#[test]
fn a_failed_probe_counts_as_above_when_the_setting_says_so() {
    let above = ("failed_probes", Value::Owned("above".to_owned()));
    let mut world = World::new(&settings(&[above, ("scale_up_rounds", Value::Integer(2))]), 1);
    world.probe(3_000, Ok(500));
    world.probe(0, Err(ErrorKind::Refused));
    assert_eq!(scales(&world.done), [(1, 2)]);
    let reason = world.done.iter().find_map(|action| match action {
        Action::Scale { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let text = "probe failed, counted as above 90 ms (75 ms + 20 %), round 2 of 2: 1 to 2 replicas (+20 %)";
    assert_eq!(reason, Some(Reason::new(text)));
}

#[test]
fn replicas_are_those_asked_for_and_not_those_in_service() {
    // the world reports 77 ready ones throughout
    let mut world = World::new(&rounds(1, 9), 2);
    assert_eq!(world.decisions(&[ABOVE]), ["above 1 of 1: scale up 2 to 3"]);
}

#[test]
fn a_scaling_carries_latency_band_edge_and_rounds() {
    let reasons = |settings: &Settings, replicas, millis| {
        let mut world = World::new(settings, replicas);
        world.probe(millis, Ok(200));
        world.probe(millis, Ok(200));
        let reason = |action| if let Action::Scale { reason, .. } = action { Some(reason) } else { None };
        std::mem::take(&mut world.done).into_iter().find_map(reason)
    };
    assert_eq!(
        reasons(&rounds(2, 12), 1, 95_321),
        Some(Reason::with("latency 95.3 ms above 90 ms (75 ms + 20 %), round 2 of 2: 1 to 2 replicas (+20 %)", 95.3))
    );
    assert_eq!(
        reasons(&rounds(2, 2), 5, 8_000),
        Some(Reason::with("latency 8.0 ms below 60 ms (75 ms - 20 %), round 2 of 2: 5 to 1 replicas (-100 %)", 8.0))
    );
}

#[test]
fn an_unreadable_count_lets_the_probe_count_but_not_scale() {
    let mut world = World::new(&rounds(2, 9), 1);
    world.readable = false;
    assert_eq!(
        world.decisions(&[ABOVE, ABOVE, ABOVE]),
        ["above 1 of 2: replicas unknown", "above 2 of 2: replicas unknown", "above 3 (2 needed): replicas unknown"]
    );
    world.readable = true;
    assert_eq!(world.decisions(&[ABOVE]), ["above 4 (2 needed): scale up 1 to 2"]);
}

#[test]
fn the_first_probe_leaves_at_the_start() {
    let mut tower = WatchTower::new(&settings(&[]));
    assert_eq!(tower.wake_at(), None);
    let mut actions = Vec::new();
    tower.handle(Timestamp::from_millis(3), &Event::Started { replicas: vec![1] }, &mut actions);
    assert_eq!(actions, [Action::Probe]);
}
