//! The documentation's examples, the rule's corners, and the whole rule against a literal model of it.

mod literal;

use proptest::prelude::*;

use super::*;
use crate::policy::settings::Value;
use crate::policy::{Action, Event};
use crate::random::Seed;
use crate::record::FunctionId;
use crate::time::Epoch;

const UTILIZATION: Target = Target::Utilization { percent: 50, request: 1_000 };

fn pods(groups: &[Group]) -> BTreeMap<ReplicaId, Group> {
    (0..).map(ReplicaId).zip(groups.iter().copied()).collect()
}

fn proposed(current: u32, groups: &[Group], target: Target) -> Option<u32> {
    propose(current, &pods(groups), target, 0.1).map(|proposal| proposal.replicas)
}

#[test]
fn twice_the_target_doubles_and_half_of_it_halves() {
    // kubernetes.io, "Horizontal Pod Autoscaling", algorithm details: 200m against 100m doubles, 50m halves
    let target = Target::AverageValue(100);
    assert_eq!(proposed(2, &[Group::Ready(200); 2], target), Some(4));
    assert_eq!(proposed(4, &[Group::Ready(50); 4], target), Some(2));
}

#[test]
fn within_a_tenth_nothing_changes() {
    let target = Target::AverageValue(1_000);
    // 0.899 x 5 is 4.5, which rounds up to 5 again; 1.1 is a hair more than a tenth off in binary, in Go as here
    for (value, replicas) in [(900, 5), (899, 5), (700, 4), (1_099, 5), (1_100, 6)] {
        assert_eq!(proposed(5, &[Group::Ready(value); 5], target), Some(replicas), "{value}");
    }
}

#[test]
fn pods_without_a_metric_make_the_step_smaller_and_never_turn_it_round() {
    use Group::{Missing, Ready, Unready};
    for (current, groups, replicas) in [
        // up: 1.8 over three ready pods would be 6; the missing one counts 0, so (2.7 / 4) / 0.5 = 1.35 over four
        (4, vec![Ready(900), Ready(900), Ready(900), Missing], Some(6)),
        // down: 0.6 over three; the missing one counts all of its request: (0.9 + 1) / 4 / 0.5 = 0.95
        (4, vec![Ready(300), Ready(300), Ready(300), Missing], Some(4)),
        (4, vec![Ready(100), Ready(100), Ready(100), Missing], Some(3)),
        // up with pods that are not ready: they count 0, which here turns it round, so nothing
        (3, vec![Ready(700), Unready, Unready], Some(3)),
        (2, vec![Ready(1_000), Unready], Some(2)),
        (2, vec![Ready(1_500), Unready], Some(3)),
        // down they don't count: 0.4 of two ready pods
        (4, vec![Ready(200), Ready(200), Unready, Unready], Some(1)),
        (2, vec![Missing, Unready], None),
        (0, vec![], None),
    ] {
        assert_eq!(proposed(current, &groups, UTILIZATION), replicas, "{groups:?}");
    }
}

#[test]
fn an_external_metric_is_divided_by_what_a_replica_should_bear() {
    for (current, total, each, replicas) in
        [(1, 100_000, 50_000, 2), (2, 109_000, 50_000, 2), (2, 111_000, 50_000, 3), (5, 0, 50_000, 0)]
    {
        assert_eq!(propose_for_total(current, total, each, 0.1).replicas, replicas, "{total} at {current}");
    }
}

fn direction(window: u64, pods: u32, percent: u32, period: u64, select: Select) -> Direction {
    Direction { window: Duration::from_secs(window), pods, percent, period: Duration::from_secs(period), select }
}

#[test]
fn four_pods_or_a_tenth_a_minute_as_the_documentation_counts_them() {
    // kubernetes.io, "Configurable scaling behavior": 80 replicas lose 8, then 8 (a tenth of 72 rounded up), and 4 each from 40 on
    let down = direction(0, 4, 10, 60, Select::Max);
    let mut behavior = Behavior::new(direction(0, 4, 100, 15, Select::Max), down, (1, 1_000));
    let (mut replicas, mut seen) = (80, vec![80]);
    for minute in 0..9 {
        let now = Timestamp::from_secs(60 * (minute + 1));
        let to = behavior.limit(now, replicas, 10).replicas;
        behavior.scaled(now, replicas, to);
        replicas = to;
        seen.push(to);
    }
    assert_eq!(seen, [80, 72, 64, 57, 51, 45, 40, 36, 32, 28]);
}

#[test]
fn by_default_it_goes_up_at_once_and_down_after_five_minutes() {
    let mut behavior =
        Behavior::new(direction(0, 4, 100, 15, Select::Max), direction(300, 0, 100, 15, Select::Max), (1, 20));
    let mut replicas = 1;
    let mut at = |secs, proposal| {
        let now = Timestamp::from_secs(secs);
        let to = behavior.limit(now, replicas, proposal).replicas;
        if to != replicas {
            behavior.scaled(now, replicas, to);
        }
        replicas = to;
        to
    };
    assert_eq!(at(15, 18), 5, "four pods are more than twice one");
    assert_eq!(at(30, 18), 10, "twice");
    assert_eq!(at(45, 18), 18);
    for secs in (60..345).step_by(15) {
        assert_eq!(at(secs, 2), 18, "{secs} s: 18 was proposed less than five minutes ago");
    }
    assert_eq!(at(345, 2), 2);
    assert_eq!(at(360, 40), 6, "a proposal beyond the bounds comes step by step too");
}

#[test]
fn a_direction_can_be_off_and_a_count_outside_the_bounds_comes_back_at_once() {
    let up = direction(0, 4, 100, 15, Select::Disabled);
    let mut behavior = Behavior::new(up, direction(0, 0, 100, 15, Select::Max), (2, 6));
    let at = Timestamp::from_secs;
    assert_eq!(behavior.limit(at(15), 3, 6).replicas, 3);
    assert_eq!(behavior.limit(at(30), 9, 9), Limited { replicas: 6, by: Some("the bounds") });
    assert_eq!(behavior.limit(at(45), 1, 1).replicas, 2);
    assert_eq!(behavior.limit(at(60), 4, 0), Limited { replicas: 2, by: Some("the bounds") });
}

fn sample(cpu_millis: &[u64], ready: u64) -> Measurement {
    let pod = |(replica, cpu): (u32, &u64)| PodSample {
        replica: ReplicaId(replica),
        ready: Some(Timestamp::from_secs(ready)),
        cpu_time: Duration::from_millis(*cpu),
        ..PodSample::default()
    };
    Measurement { pods: (0..).zip(cpu_millis).map(pod).collect(), ..Measurement::default() }
}

/// The policy with its timers, fed by hand: each metrics answer comes before the replicas are read.
fn scalings(settings: &[(&str, Value)], world: impl Fn(u64) -> Option<Measurement>) -> Vec<(u64, u32, u32)> {
    let parameters = parameters();
    let mut complete = Settings::defaults(&parameters);
    for (name, value) in settings {
        complete.set(&parameters, name, value.clone()).unwrap();
    }
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO,
        seed: Seed(1),
        functions: Vec::new(),
        bounds: vec![(1, 5)],
    };
    let mut policy = build(&complete, &context);
    let (mut desired, mut scalings, mut second) = (1, Vec::new(), 0);
    let mut event = Event::Started { replicas: vec![1] };
    while second <= 120 {
        let now = Timestamp::from_secs(second);
        let mut actions = Vec::new();
        policy.handle(now, &event, &mut actions);
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                let function = FunctionId::STUDIED;
                let answer = match action {
                    Action::Measure { .. } => Event::Measured { function, sample: world(second) },
                    Action::ReadReplicas { .. } => {
                        Event::Replicas { function, status: Some(ReplicaStatus { desired, ready: desired }) }
                    }
                    Action::Scale { from, to, .. } => {
                        scalings.push((second, from, to));
                        desired = to;
                        Event::ScaleAnswered { function, result: Ok(to) }
                    }
                    _ => continue,
                };
                policy.handle(now, &answer, &mut actions);
            }
        }
        second = policy.wake_at().map_or(u64::MAX, |at| at.as_nanos().div_ceil(1_000_000_000));
        event = Event::Woken;
    }
    scalings
}

#[test]
fn it_scales_on_cpu_time_as_it_is_used_and_as_late_as_it_is_told() {
    // one core's worth from the start: 100 % of the request against 80 %
    let busy = |second: u64| Some(sample(&[second * 1_000], 0));
    assert_eq!(scalings(&[], busy).first(), Some(&(15, 1, 2)));
    assert_eq!(scalings(&[("metrics_lag", Value::Text("20s"))], busy).first(), Some(&(45, 1, 2)));
    assert_eq!(scalings(&[("target_cpu", Value::Number(0.95))], busy), [], "5 % over is within the tolerance");
    assert_eq!(scalings(&[], |_| None), [], "without metrics nothing changes");
}

#[test]
fn a_pod_s_first_partial_sample_does_not_count() {
    // ready at 20 s; the reading at 30 s covers 15 s of which it lived 10
    let young = |second: u64| Some(sample(&[second * 1_000], 20));
    assert_eq!(scalings(&[], young).first(), Some(&(45, 1, 2)));
}

fn group() -> impl Strategy<Value = Group> {
    prop_oneof![
        6 => (0_i64..3_000).prop_map(Group::Ready),
        1 => Just(Group::Missing),
        1 => Just(Group::Unready),
    ]
}

proptest! {
    #[test]
    fn proposals_are_those_of_the_literal_model(
        current in 0_u32..12,
        groups in proptest::collection::vec(group(), 0..12),
        percent in 1_i64..200,
        target in 1_i64..2_000,
        is_utilization: bool,
    ) {
        let target = if is_utilization { Target::Utilization { percent, request: 500 } } else { Target::AverageValue(target) };
        let ours = propose(current, &pods(&groups), target, 0.1).map(|proposal| proposal.replicas);
        prop_assert_eq!(ours, literal::propose(current, &groups, target));
    }

    #[test]
    fn steps_are_those_of_the_literal_model_and_stay_within_the_bounds(
        windows in (0_u64..4, 0_u64..8),
        ups in (0_u32..5, 0_u32..150, 1_u64..5),
        downs in (0_u32..5, 0_u32..101, 1_u64..5),
        selects in (0_usize..3, 0_usize..3),
        proposals in proptest::collection::vec(0_u32..40, 1..60),
    ) {
        let select = |index: usize| [Select::Max, Select::Min, Select::Disabled][index];
        let up = direction(windows.0 * 15, ups.0, ups.1, ups.2 * 15, select(selects.0));
        let down = direction(windows.1 * 15, downs.0, downs.1, downs.2 * 15, select(selects.1));
        let mut ours = Behavior::new(up, down, (1, 20));
        let mut model = literal::Behavior::new(up, down, (1, 20));
        let mut replicas = 1;
        for (tick, proposal) in (1..).zip(proposals) {
            let now = Timestamp::from_secs(tick * 15);
            let to = ours.limit(now, replicas, proposal).replicas;
            prop_assert_eq!(to, model.limit(tick * 15, replicas, proposal));
            prop_assert!((1..=20).contains(&to));
            if to != replicas {
                ours.scaled(now, replicas, to);
                model.scaled(tick * 15, replicas, to);
            }
            replicas = to;
        }
    }
}
