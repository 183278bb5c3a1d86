//! Faults: when they come, what is on, and what is said of them.

use super::*;
use crate::drive::Arm;
use crate::model::NodeModel;
use crate::policy::registry;
use crate::policy::settings::Settings;
use crate::random::Seed;
use crate::schedule::share::Share;

const LOAD_START: Timestamp = Timestamp::from_secs(15);

fn faults(faults: &[(Trouble, u64, u64)]) -> Faults {
    let secs = Duration::from_secs;
    let policy = registry::find("fixed").expect("it is registered");
    let plan = Plan {
        arm: Arm { name: "fixed".into(), policy, settings: Settings::defaults(&(policy.parameters)()) },
        shadows: Vec::new(),
        seed: Seed(1),
        functions: Vec::new(),
        node: NodeModel::default(),
        generators: Vec::new(),
        faults: faults
            .iter()
            .map(|(trouble, start, duration)| Fault {
                trouble: *trouble,
                start: secs(*start),
                duration: secs(*duration),
            })
            .collect(),
        warm_up: secs(15),
        warm_up_every: secs(3),
        cool_down: secs(60),
        share: Share::WHOLE,
    };
    Faults::of(&plan, LOAD_START)
}

/// All that is said, by seconds since the load's start.
fn told(faults: &mut Faults) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    while faults.next() < Timestamp::MAX {
        let now = faults.next();
        while let Some(turned) = faults.turn(now) {
            told.push(((now - LOAD_START).as_secs(), turned.row.reason));
        }
    }
    told
}

#[test]
fn each_start_and_each_end_is_told_in_order_of_time_and_what_ends_comes_before_what_begins() {
    let mut faults =
        faults(&[(Trouble::SlowNode(2.5), 30, 10), (Trouble::ProbesFail, 5, 25), (Trouble::Crash(2), 30, 0)]);
    let expected = [
        (5, "probes-fail begins, for 25s"),
        (30, "probes-fail ends"),
        (30, "slow-node (2.5 times) begins, for 10s"),
        (30, "crash (2 replicas)"),
        (40, "slow-node (2.5 times) ends"),
    ];
    assert_eq!(told(&mut faults), expected.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn a_fault_is_on_from_its_start_until_just_before_its_end() {
    let mut faults = faults(&[(Trouble::CountersVanish, 2, 3)]);
    let on = |faults: &mut Faults, millis: u64| {
        while faults.turn(Timestamp::from_millis(millis)).is_some() {}
        faults.counters_vanish()
    };
    let seen = [16_999, 17_000, 19_999, 20_000].map(|millis| on(&mut faults, millis));
    assert_eq!(seen, [false, true, true, false]);
}

#[test]
fn of_two_at_once_factors_multiply_and_a_switch_stays_on_until_both_are_over() {
    let mut faults = faults(&[
        (Trouble::SlowNode(2.0), 0, 10),
        (Trouble::SlowNode(3.0), 5, 10),
        (Trouble::PolicyStalls, 0, 10),
        (Trouble::PolicyStalls, 5, 10),
    ]);
    let mut at = |secs: u64| {
        let mut resumes = false;
        while let Some(turned) = faults.turn(LOAD_START + Duration::from_secs(secs)) {
            resumes |= turned.policy_resumes;
        }
        (faults.conditions().cpu_factor, faults.policy_stalls(), resumes)
    };
    assert_eq!(
        [0, 5, 10, 15].map(&mut at),
        [(2.0, true, false), (6.0, true, false), (3.0, true, false), (1.0, false, true)]
    );
}

#[test]
fn the_platform_is_told_of_circumstances_only_when_they_change() {
    let mut faults =
        faults(&[(Trouble::NeverReady, 0, 10), (Trouble::NeverReady, 5, 10), (Trouble::ScalingRefused, 7, 1)]);
    let mut changes = Vec::new();
    while let Some(turned) = faults.turn(Timestamp::from_secs(100)) {
        changes.push(turned.conditions.map(|conditions| conditions.never_ready));
    }
    assert_eq!(changes, [Some(true), None, None, None, None, Some(false)]);
}

#[test]
fn what_a_fault_broke_is_on_record_as_failed_and_what_breaks_by_itself_as_broken() {
    use EventKind::{Broken, Decision, Failed};
    let mut faults = faults(&[(Trouble::CountersVanish, 2, 3), (Trouble::SlowNode(2.0), 50, 5)]);
    let mut at = |secs: u64| {
        let now = LOAD_START + Duration::from_secs(secs);
        while faults.turn(now).is_some() {}
        [Broken, Decision].map(|kind| faults.excuse(now, kind))
    };
    assert_eq!(
        [1, 2, 4, 5, 7, 55].map(&mut at),
        [
            [Broken, Decision],
            [Failed, Decision],
            [Failed, Decision],
            [Failed, Decision],
            [Broken, Decision],
            [Broken, Decision],
        ]
    );
}

#[test]
fn every_kind_is_told_by_its_own_name() {
    let all = [
        Trouble::ProbesFail,
        Trouble::CountersVanish,
        Trouble::ScalingRefused,
        Trouble::NeverReady,
        Trouble::SlowStart(2.0),
        Trouble::Crash(1),
        Trouble::SlowNode(2.0),
        Trouble::PolicyStalls,
    ];
    assert_eq!(all.map(|trouble| trouble.kind().name), KINDS.each_ref().map(|kind| kind.name));
}
