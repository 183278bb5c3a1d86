//! Laws of roll-outs in the model: how many pods there are, of which kind, and what requests meet.

use std::time::Duration;

use proptest::prelude::*;
use watchtower::model::{Arrival, Change, Cluster, Ending, FunctionModel, NodeModel, RequestId, StartUp, Work};
use watchtower::random::Seed;
use watchtower::record::{FunctionId, ReplicaId};
use watchtower::time::Timestamp;

const NODE: NodeModel = NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO };
const F: FunctionId = FunctionId(0);

/// A function whose pods take exactly a second to start, and whose requests wait as long as the model says.
fn model(wait_ms: u64) -> FunctionModel {
    FunctionModel {
        cpu: Work::NONE,
        probe_cpu: Work::NONE,
        wait: Work::constant(Duration::from_millis(wait_ms)),
        start_up: StartUp { fixed: Duration::from_secs(1), container: Duration::ZERO, probe: Duration::ZERO },
        termination: Duration::ZERO,
        ..FunctionModel::default()
    }
}

fn ms(at: u64) -> Timestamp {
    Timestamp::from_millis(at)
}

fn advance(cluster: &mut Cluster, to: u64) -> Vec<Change> {
    let mut changes = Vec::new();
    cluster.advance(ms(to), &mut changes);
    changes
}

/// Time in ms, pod, ready pods after: `+` for one that came, `-` for one that went.
fn pods(changes: &[Change]) -> Vec<(u64, char, u32, u32)> {
    let of = |change: &Change| match *change {
        Change::Ready { at, replica, to, .. } => Some((at.as_nanos() / 1_000_000, '+', replica.0, to)),
        Change::Terminated { at, replica, to, .. } => Some((at.as_nanos() / 1_000_000, '-', replica.0, to)),
        Change::Answered { .. } | Change::Released { .. } | Change::Died { .. } => None,
    };
    changes.iter().filter_map(of).collect()
}

fn call(cluster: &mut Cluster, at: u64, number: u64) {
    cluster.arrive(ms(at), Arrival { request: RequestId(number), function: F, probe: false, wait: None });
}

#[test]
fn a_roll_out_replaces_one_pod_after_another_and_is_never_short_of_one() {
    let mut cluster = Cluster::new(NODE, &[(model(0), 2, (1, 5))], Seed(1));
    cluster.update(ms(0), F, &model(0), None);
    let changes = advance(&mut cluster, 10_000);
    let expected = [(1_000, '+', 2, 3), (1_000, '-', 1, 2), (2_000, '+', 3, 3), (2_000, '-', 0, 2)];
    assert_eq!(pods(&changes), expected);
    assert_eq!((cluster.status(F).desired, cluster.next_change()), (2, None));
}

#[test]
fn a_scaling_in_mid_roll_out_is_followed_and_old_pods_go_first() {
    let mut cluster = Cluster::new(NODE, &[(model(0), 2, (1, 5))], Seed(1));
    cluster.update(ms(0), F, &model(0), None);
    advance(&mut cluster, 500);
    cluster.scale(ms(500), F, 4);
    // five pods at most: two old, one new under way, two more
    assert_eq!(cluster.sample(F).starting, 1);
    advance(&mut cluster, 500);
    assert_eq!((cluster.sample(F).ready, cluster.sample(F).starting), (2, 3));
    let up = advance(&mut cluster, 10_000);
    assert_eq!(cluster.status(F).ready, 4);
    assert!(pods(&up).iter().all(|(.., ready)| (2..=5).contains(ready)), "{up:?}");
    cluster.update(ms(10_000), F, &model(0), Some(1));
    let down = pods(&advance(&mut cluster, 20_000));
    // three of the old ones go at once, the last one when its successor is ready
    assert_eq!(down.iter().filter(|(at, kind, ..)| *at == 10_000 && *kind == '-').count(), 3, "{down:?}");
    assert_eq!(cluster.status(F).ready, 1);
}

#[test]
fn work_is_the_new_revisions_from_its_first_ready_pod_on() {
    let mut cluster = Cluster::new(NODE, &[(model(10), 1, (1, 5))], Seed(1));
    assert_eq!(cluster.update(ms(0), F, &model(200), None), 1);
    assert_eq!(cluster.revision(F), 0);
    call(&mut cluster, 500, 1);
    advance(&mut cluster, 1_000);
    assert_eq!(cluster.revision(F), 1);
    call(&mut cluster, 2_000, 2);
    let answered = |changes: &[Change]| {
        let of = |change: &Change| match change {
            Change::Answered { request, at, ending: Ending::Served, replica } => {
                Some((request.0, at.as_nanos() / 1_000_000, *replica))
            }
            _ => None,
        };
        changes.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(answered(&advance(&mut cluster, 5_000)), [(2, 2_200, Some(ReplicaId(1)))]);
}

#[test]
fn what_an_old_pod_holds_is_cut_when_its_successor_is_ready() {
    let mut cluster = Cluster::new(NODE, &[(model(5_000), 1, (1, 5))], Seed(1));
    call(&mut cluster, 0, 1);
    cluster.update(ms(0), F, &model(5_000), None);
    let changes = advance(&mut cluster, 10_000);
    let cut = changes
        .iter()
        .any(|change| matches!(change, Change::Answered { at, ending: Ending::Cut, .. } if *at == ms(1_000)));
    assert!(cut, "{changes:?}");
}

#[test]
fn a_removed_function_refuses_what_it_held_and_what_comes_late() {
    let mut cluster = Cluster::new(NODE, &[(model(0), 0, (0, 5))], Seed(1));
    call(&mut cluster, 0, 1);
    advance(&mut cluster, 50);
    cluster.remove(ms(50), F);
    call(&mut cluster, 60, 2);
    let endings: Vec<_> = advance(&mut cluster, 1_000)
        .iter()
        .filter_map(|change| match change {
            Change::Answered { request, at, ending, replica: None } => {
                Some((request.0, at.as_nanos() / 1_000_000, *ending))
            }
            _ => None,
        })
        .collect();
    assert_eq!(endings, [(2, 60, Ending::Removed), (1, 100, Ending::Removed)]);
    assert_eq!((cluster.sample(F).queue, cluster.next_change()), (0, None));
}

#[test]
fn a_deployed_function_has_luck_of_its_own_and_leaves_the_others_theirs() {
    let busy = FunctionModel { cpu: Work { mean: Duration::from_millis(5), cv: 1.0 }, ..model(0) };
    let answers = |deploy: bool| {
        let mut cluster = Cluster::new(NODE, &[(busy.clone(), 1, (1, 5))], Seed(7));
        if deploy {
            assert_eq!(cluster.deploy(ms(0), &busy, 2, (1, 5)), Some(FunctionId(1)));
        }
        for number in 0..20 {
            call(&mut cluster, 100 * number, number);
        }
        let changes = advance(&mut cluster, 60_000);
        changes.into_iter().filter(|change| matches!(change, Change::Answered { .. })).collect::<Vec<_>>()
    };
    assert_eq!(answers(false), answers(true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is asked for in whatever order: at most one pod too many, never fewer ready than before unless fewer are
    /// wanted, and in the end exactly what was wanted, all of the last revision.
    #[test]
    fn roll_outs_keep_to_their_limits_and_end(
        steps in proptest::collection::vec((0_u64..1_500, 0_u32..9), 1..25),
        seed in any::<u64>(),
    ) {
        let drawn = FunctionModel {
            start_up: StartUp {
                fixed: Duration::from_millis(100),
                container: Duration::from_millis(900),
                probe: Duration::from_millis(700),
            },
            ..model(3)
        };
        let mut cluster = Cluster::new(NODE, &[(drawn.clone(), 1, (1, 5))], Seed(seed));
        let (mut now, mut sent, mut most_wanted, mut changes) = (0, 0, 1, Vec::new());
        for (pause, what) in steps {
            now += pause;
            cluster.advance(ms(now), &mut changes);
            let before = cluster.status(F);
            match what {
                0..=5 => {
                    cluster.scale(ms(now), F, what);
                }
                6 | 7 => {
                    cluster.update(ms(now), F, &drawn, None);
                }
                _ => {
                    call(&mut cluster, now, sent);
                    sent += 1;
                }
            }
            cluster.advance(ms(now), &mut changes);
            let sample = cluster.sample(F);
            most_wanted = most_wanted.max(sample.desired);
            prop_assert!(sample.ready >= before.ready.min(sample.desired), "{:?} after {:?}", sample, before);
            prop_assert!(sample.ready + sample.starting >= sample.desired);
            prop_assert!(sample.ready + sample.starting <= most_wanted + 1);
        }
        cluster.advance(ms(now + 200_000), &mut changes);
        let sample = cluster.sample(F);
        prop_assert_eq!((sample.ready, sample.starting, sample.terminating, sample.queue), (sample.desired, 0, 0, 0));
        prop_assert_eq!(cluster.next_change(), None);
        let answered = changes.iter().filter(|change| matches!(change, Change::Answered { .. })).count();
        prop_assert_eq!(answered as u64, sent);
    }
}
