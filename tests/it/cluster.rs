//! Laws of the platform model: pods, connections, the shared node, and what the caller may rely on.

mod watchdog;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use watchtower::model::{Arrival, Change, Cluster, Ending, FunctionModel, NodeModel, RequestId, StartUp, Work};
use watchtower::random::Seed;
use watchtower::record::{FunctionId, ReplicaId};
use watchtower::time::Timestamp;

const F: FunctionId = FunctionId::STUDIED;
const FREE_NODE: NodeModel = NodeModel { cores: 1_000, gateway_cpu: Work::NONE, transport: Duration::ZERO };

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Four threads, no work but what a request brings along.
fn idle_function() -> FunctionModel {
    FunctionModel { cpu: Work::NONE, probe_cpu: Work::NONE, ..FunctionModel::default() }
}

fn cluster(node: NodeModel, model: FunctionModel, replicas: u32) -> Cluster {
    Cluster::new(node, &[(model, replicas, (0, 100))], Seed(5))
}

fn request(number: u64, wait: Duration) -> Arrival {
    Arrival { request: RequestId(number), function: F, probe: false, wait: Some(wait) }
}

fn run(cluster: &mut Cluster, until: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    cluster.advance(until, &mut changes);
    changes
}

/// (request, answered at in ms, ending), in order.
fn answers(changes: &[Change]) -> Vec<(u64, u64, Ending)> {
    let answer = |change: &Change| match *change {
        Change::Answered { request, at, ending, .. } => Some((request.0, at.as_nanos() / 1_000_000, ending)),
        _ => None,
    };
    changes.iter().filter_map(answer).collect()
}

fn removed(changes: &[Change]) -> Vec<(u32, u32, u32, u32)> {
    let row = |change: &Change| match *change {
        Change::Terminated { replica, from, to, cut, .. } => Some((replica.0, from, to, cut)),
        _ => None,
    };
    changes.iter().filter_map(row).collect()
}

#[test]
fn a_pod_is_ready_three_to_six_seconds_after_it_was_asked_for() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 1);
    assert_eq!(cluster.scale(ms(1_000), F, 100), 100);
    assert_eq!(cluster.status(F).desired, 100, "accepted at once");
    let changes = run(&mut cluster, ms(20_000));
    let times: Vec<f64> = changes
        .iter()
        .map(|change| match change {
            Change::Ready { at, .. } => at.as_secs_f64() - 1.0,
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(times.len(), 99);
    assert!(times.iter().all(|time| (3.0..=6.0).contains(time)), "{times:?}");
    assert!(times.is_sorted());
    let mean = times.iter().sum::<f64>() / 99.0;
    assert!((mean - 4.5).abs() < 0.3, "3 s + U(0, 1) + U(0, 2) has mean 4.5 s, not {mean}");
    assert_eq!(cluster.status(F).ready, 100);
}

#[test]
fn starting_pods_are_removed_before_ready_ones_and_the_youngest_first() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 3);
    cluster.scale(ms(0), F, 5);
    run(&mut cluster, ms(100));
    let sample = cluster.sample(F);
    assert_eq!((sample.desired, sample.ready, sample.starting, sample.terminating), (5, 3, 2, 0));
    cluster.scale(ms(200), F, 1);
    let changes = run(&mut cluster, ms(300));
    assert_eq!(removed(&changes), [(4, 3, 3, 0), (3, 3, 3, 0), (2, 3, 2, 0), (1, 2, 1, 0)]);
    let sample = cluster.sample(F);
    assert_eq!((sample.desired, sample.ready, sample.starting, sample.terminating), (1, 1, 0, 4));
    // they cost until they are gone
    run(&mut cluster, ms(10_000));
    let sample = cluster.sample(F);
    assert_eq!((sample.ready, sample.starting, sample.terminating), (1, 0, 0));
    assert_eq!(sample.replica_time, millis(10_000 + 4 * 1_200));
}

#[test]
fn scaling_stays_within_the_bounds() {
    let mut cluster = Cluster::new(FREE_NODE, &[(idle_function(), 9, (1, 5))], Seed(5));
    assert_eq!(cluster.status(F).ready, 5);
    assert_eq!(cluster.scale(ms(0), F, 8), 5);
    assert_eq!(cluster.scale(ms(0), F, 0), 1);
    run(&mut cluster, ms(0));
    assert_eq!(cluster.status(F).ready, 1);
}

#[test]
fn a_removed_pod_cuts_what_is_in_its_queue_and_its_threads_and_nothing_else() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 2);
    for number in 0..40 {
        cluster.arrive(ms(0), request(number, millis(500)));
    }
    run(&mut cluster, ms(100));
    cluster.scale(ms(100), F, 1);
    let changes = run(&mut cluster, ms(20_000));
    let [(1, 2, 1, cut)] = removed(&changes)[..] else { panic!("{changes:?}") };
    let answers = answers(&changes);
    let was_cut = |(_, at, ending): &&(u64, u64, Ending)| *ending == Ending::Cut && *at == 100;
    assert_eq!(answers.iter().filter(was_cut).count(), cut as usize);
    assert!((10..30).contains(&cut), "about half of 40: {cut}");
    assert_eq!(answers.iter().filter(|(_, _, ending)| *ending == Ending::Served).count(), 40 - cut as usize);
    for change in &changes {
        if let Change::Answered { ending, replica, .. } = change {
            let expected = if *ending == Ending::Cut { ReplicaId(1) } else { ReplicaId(0) };
            assert_eq!(*replica, Some(expected));
        }
    }
}

#[test]
fn without_a_ready_replica_a_request_is_held_until_the_next_look_finds_one() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 0);
    cluster.arrive(ms(50), request(1, millis(10)));
    cluster.scale(ms(1_000), F, 1);
    let held = run(&mut cluster, ms(3_000));
    assert_eq!(answers(&held), []);
    assert_eq!(cluster.sample(F).queue, 1);
    let changes = run(&mut cluster, ms(10_000));
    let [
        Change::Ready { at: ready, .. },
        Change::Released { at: released, .. },
        Change::Answered { at, ending: Ending::Served, .. },
    ] = changes[..]
    else {
        panic!("{changes:?}")
    };
    let look = at - millis(10);
    assert_eq!(look, released);
    assert!(look >= ready && look - ready < millis(100), "ready {ready}, looked {look}");
    assert_eq!((look - ms(50)).as_nanos() % 100_000_000, 0, "it looks every 100 ms");
}

#[test]
fn after_65_seconds_without_a_replica_a_held_request_is_given_up() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 0);
    cluster.arrive(ms(0), request(1, millis(10)));
    assert_eq!(answers(&run(&mut cluster, ms(100_000))), [(1, 65_000, Ending::NoReplica)]);
    assert_eq!((cluster.sample(F).queue, cluster.next_change()), (0, None));
}

#[test]
fn the_watchdog_gives_up_after_30_seconds_but_the_thread_works_on() {
    let mut cluster = cluster(FREE_NODE, FunctionModel { workers: 1, ..idle_function() }, 1);
    cluster.arrive(ms(0), request(1, millis(40_000)));
    cluster.arrive(ms(5_000), request(2, millis(10)));
    cluster.arrive(ms(20_000), request(3, millis(10)));
    let changes = run(&mut cluster, ms(100_000));
    // 2 waits for the thread for 30 s itself; 3 gets it when the first is done
    let expected = [(1, 30_000, Ending::Overdue), (2, 35_000, Ending::Overdue), (3, 40_010, Ending::Served)];
    assert_eq!(answers(&changes), expected);
}

#[test]
fn beyond_98_connections_a_request_waits_until_an_idle_one_is_closed() {
    let mut cluster = cluster(FREE_NODE, idle_function(), 1);
    for number in 0..99 {
        cluster.arrive(ms(0), request(number, millis(10)));
    }
    let answers = answers(&run(&mut cluster, ms(10_000)));
    assert_eq!(answers.len(), 99);
    for (number, at, _) in &answers[..98] {
        assert_eq!(*at, (number / 4 + 1) * 10);
    }
    // the first connections came free at 10 ms, were closed 500 ms later, and one of them was its
    assert_eq!(answers[98], (98, 520, Ending::Served));
}

#[test]
fn newcomers_use_idle_connections_while_the_backlog_waits() {
    let mut cluster = cluster(FREE_NODE, FunctionModel { connections: 1, ..idle_function() }, 1);
    cluster.arrive(ms(0), request(0, millis(100)));
    cluster.arrive(ms(1), request(1, millis(100)));
    cluster.arrive(ms(200), request(2, millis(100)));
    let served = |number, at| (number, at, Ending::Served);
    assert_eq!(answers(&run(&mut cluster, ms(5_000))), [served(0, 100), served(2, 300), served(1, 900)]);
}

#[test]
fn two_replicas_on_one_core_run_at_half_speed() {
    let model = FunctionModel { cpu: Work::constant(millis(10)), ..idle_function() };
    for (cores, expected) in [(1, 20), (2, 10)] {
        let node = NodeModel { cores, ..FREE_NODE };
        let functions = [(model.clone(), 1, (1, 1)), (model.clone(), 1, (1, 1))];
        let mut cluster = Cluster::new(node, &functions, Seed(1));
        for function in [0, 1] {
            cluster.arrive(ms(0), Arrival { function: FunctionId(function), ..request(0, Duration::ZERO) });
        }
        let times: Vec<u64> = answers(&run(&mut cluster, ms(1_000))).iter().map(|answer| answer.1).collect();
        assert_eq!(times, [expected, expected], "{cores} cores");
        assert_eq!(cluster.sample(F).cpu_time, Some(millis(20)));
    }
}

#[test]
fn a_replica_is_one_runnable_entity_however_many_of_its_threads_want_the_lock() {
    // one core: the gateway request and the replica get half each, and the replica's two threads a quarter each
    let node = NodeModel { cores: 1, gateway_cpu: Work::constant(millis(10)), transport: Duration::ZERO };
    let function = |cpu| FunctionModel { cpu: Work::constant(millis(cpu)), ..idle_function() };
    let mut cluster = Cluster::new(node, &[(function(40), 1, (1, 1))], Seed(1));
    for number in 0..2 {
        cluster.arrive(ms(0), request(number, Duration::ZERO));
    }
    cluster.arrive(ms(30), request(2, Duration::ZERO));
    // 20 ms: both are through the gateway; each gets half the lock. 30 ms: 5 of 40 ms done each; now half a core is the
    // gateway's. 50 ms: 10 ms done each; three share the lock. 140 ms: the two are done, and the third has 10 ms to go
    let changes = run(&mut cluster, ms(1_000));
    let served = |number, at| (number, at, Ending::Served);
    assert_eq!(answers(&changes), [served(0, 140), served(1, 140), served(2, 150)]);
}

#[test]
fn transport_is_added_once_half_on_each_way() {
    let node = NodeModel { transport: millis(7), ..FREE_NODE };
    let mut cluster = cluster(node, idle_function(), 1);
    cluster.arrive(ms(10), request(1, millis(100)));
    run(&mut cluster, ms(113));
    assert_eq!(cluster.next_change(), Some(Timestamp::from_nanos(113_500_000)), "the wait ends");
    assert_eq!(answers(&run(&mut cluster, ms(1_000))), [(1, 117, Ending::Served)]);
}

/// The answers to 500 requests, a few ms apart, on a busy node.
fn busy(probes: bool, replicas: u32, step: Option<u64>) -> Vec<(u64, Timestamp)> {
    let node = NodeModel { cores: 2, gateway_cpu: Work { mean: millis(2), cv: 1.0 }, transport: millis(3) };
    let model = FunctionModel { cpu: Work { mean: millis(5), cv: 2.0 }, ..idle_function() };
    let mut cluster = cluster(node, model, replicas);
    let mut changes = Vec::new();
    for number in 0..500 {
        let at = ms(number * 4);
        if let Some(step) = step {
            let from = ms(number.saturating_sub(1) * 4).as_nanos();
            for between in (from..at.as_nanos()).step_by(step as usize) {
                cluster.advance(Timestamp::from_nanos(between), &mut changes);
            }
        }
        if probes {
            let probe = Arrival { probe: true, ..request(1_000_000 + number, Duration::ZERO) };
            cluster.arrive(at, probe);
        }
        cluster.arrive(at, request(number, Duration::ZERO));
    }
    cluster.advance(ms(60_000), &mut changes);
    let mut load: Vec<(u64, Timestamp)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Answered { request, at, .. } if request.0 < 1_000_000 => Some((request.0, *at)),
            _ => None,
        })
        .collect();
    load.sort_unstable();
    load
}

#[test]
fn how_often_time_is_advanced_changes_nothing() {
    let (coarse, fine) = (busy(false, 2, None), busy(false, 2, Some(73_331)));
    assert_eq!(coarse.len(), 500);
    for ((number, at), (_, again)) in coarse.iter().zip(&fine) {
        assert!((*at - *again).max(*again - *at) <= Duration::from_nanos(5), "request {number}: {at} or {again}");
    }
}

#[test]
fn the_same_calls_give_the_same_answers_to_the_nanosecond() {
    assert_eq!(busy(true, 3, None), busy(true, 3, None));
    assert_ne!(busy(true, 3, None), busy(false, 3, None), "probes do cost something");
}

#[test]
fn the_same_request_brings_the_same_work_whatever_the_replicas_and_the_probes() {
    // alone on the platform, latency is work: 500 requests 10 s apart
    let latencies = |replicas, probes: bool| -> Vec<Duration> {
        let node = NodeModel { cores: 2, gateway_cpu: Work { mean: millis(2), cv: 1.0 }, transport: millis(3) };
        let model = FunctionModel { cpu: Work { mean: millis(5), cv: 2.0 }, ..idle_function() };
        let mut cluster = cluster(node, model, replicas);
        let answered = |number: u64| {
            let at = Timestamp::from_secs(10 * number);
            if probes {
                cluster.arrive(at, Arrival { probe: true, ..request(1, Duration::ZERO) });
                run(&mut cluster, at + millis(5_000));
            }
            let at = at + millis(5_000);
            cluster.arrive(at, request(number, Duration::ZERO));
            match run(&mut cluster, at + millis(4_999))[..] {
                [Change::Answered { at: done, .. }] => done - at,
                ref other => panic!("{other:?}"),
            }
        };
        (0..500).map(answered).collect()
    };
    assert_eq!(latencies(1, false), latencies(4, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Requests and scalings at random, down to none and up again: every request is answered once, in order of time,
    /// by a replica that was in service at that moment if it was served, and the counts always add up.
    #[test]
    fn every_request_is_answered_once_and_only_by_a_ready_replica(
        seed in 0_u64..1_000,
        steps in prop::collection::vec((0_u64..400, 0_u32..12, 0_u64..300), 1..150),
    ) {
        let node = NodeModel { cores: 2, gateway_cpu: Work { mean: millis(1), cv: 1.0 }, transport: Duration::ZERO };
        let model = FunctionModel {
            connections: 6,
            cpu: Work { mean: millis(20), cv: 1.5 },
            start_up: StartUp { fixed: millis(100), container: millis(300), probe: millis(200) },
            ..FunctionModel::default()
        };
        let mut cluster = Cluster::new(node, &[(model, 1, (0, 5))], Seed(seed));
        let (mut now, mut sent, mut changes) = (Timestamp::ZERO, 0, Vec::new());
        for (pause, what, wait) in steps {
            now += millis(pause);
            if what < 6 {
                cluster.scale(now, F, what);
            } else {
                for _ in 6..what {
                    cluster.arrive(now, request(sent, millis(wait)));
                    sent += 1;
                }
            }
            cluster.advance(now, &mut changes);
            let sample = cluster.sample(F);
            prop_assert_eq!(sample.desired, sample.ready + sample.starting);
        }
        cluster.advance(now + Duration::from_secs(200), &mut changes);
        prop_assert_eq!((cluster.sample(F).queue, cluster.next_change()), (0, None));

        let (mut ready, mut answered, mut last) = (BTreeSet::from([ReplicaId(0)]), BTreeSet::new(), Timestamp::ZERO);
        for change in changes {
            let at = match change {
                Change::Ready { at, replica, from, to, .. } => {
                    prop_assert!(ready.insert(replica));
                    prop_assert_eq!((from + 1, to as usize), (to, ready.len()));
                    at
                }
                Change::Terminated { at, replica, from, to, .. } => {
                    prop_assert_eq!(ready.remove(&replica), from != to);
                    prop_assert_eq!(to as usize, ready.len());
                    at
                }
                Change::Died { .. } => unreachable!("nothing crashes here"),
                Change::Released { request, at } => {
                    prop_assert!(!answered.contains(&request), "released after its answer: {:?}", request);
                    at
                }
                Change::Answered { request, at, ending, replica } => {
                    prop_assert!(answered.insert(request), "answered twice: {:?}", request);
                    match ending {
                        Ending::Served => prop_assert!(replica.is_some_and(|replica| ready.contains(&replica))),
                        Ending::NoReplica | Ending::NoEndpoint | Ending::Removed => prop_assert_eq!(replica, None),
                        _ => prop_assert!(replica.is_some()),
                    }
                    at
                }
            };
            prop_assert!(at >= last, "time runs backwards");
            last = at;
        }
        prop_assert_eq!(answered.len() as u64, sent);
    }
}
