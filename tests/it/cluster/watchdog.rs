//! What stands before a handler and turns requests away, and a handler that fails.

use std::time::Duration;

use watchtower::model::{Arrival, Change, Ending, FunctionModel, RequestId, StartUp, Work};
use watchtower::record::ReplicaId;

use super::{F, FREE_NODE, answers, cluster, idle_function, millis, ms, request, run};

#[test]
fn a_watchdog_lets_in_as_many_as_it_may_and_turns_the_others_away_at_once() {
    let mut cluster = cluster(FREE_NODE, FunctionModel { workers: 1, max_inflight: 2, ..idle_function() }, 1);
    let mut changes = Vec::new();
    for (at, number) in [(0, 1), (0, 2), (50, 3), (150, 4), (160, 5)] {
        changes.extend(run(&mut cluster, ms(at)));
        cluster.arrive(ms(at), request(number, millis(100)));
    }
    changes.extend(run(&mut cluster, ms(10_000)));
    let expected = [
        (3, 50, Ending::TooMany),
        (1, 100, Ending::Served),
        (5, 160, Ending::TooMany),
        (2, 200, Ending::Served),
        (4, 300, Ending::Served),
    ];
    assert_eq!(answers(&changes), expected);
    assert_eq!((cluster.sample(F).queue, cluster.next_change()), (0, None));
}

#[test]
fn who_was_turned_away_is_told_with_the_replica_that_did() {
    let mut cluster = cluster(FREE_NODE, FunctionModel { max_inflight: 1, ..idle_function() }, 1);
    cluster.arrive(ms(0), request(1, millis(100)));
    cluster.arrive(ms(0), request(2, millis(100)));
    let changes = run(&mut cluster, ms(0));
    let replica = Some(ReplicaId(0));
    assert_eq!(changes, [Change::Answered { request: RequestId(2), at: ms(0), ending: Ending::TooMany, replica }]);
}

#[test]
fn what_the_watchdog_has_given_up_is_not_in_it_any_more_though_its_thread_works_on() {
    let mut cluster = cluster(FREE_NODE, FunctionModel { workers: 1, max_inflight: 1, ..idle_function() }, 1);
    cluster.arrive(ms(0), request(1, millis(40_000)));
    let mut changes = run(&mut cluster, ms(29_000));
    cluster.arrive(ms(29_000), request(2, millis(10)));
    changes.extend(run(&mut cluster, ms(31_000)));
    cluster.arrive(ms(31_000), request(3, millis(10)));
    changes.extend(run(&mut cluster, ms(100_000)));
    let expected = [(2, 29_000, Ending::TooMany), (1, 30_000, Ending::Overdue), (3, 40_010, Ending::Served)];
    assert_eq!(answers(&changes), expected);
}

#[test]
fn a_pod_whose_process_does_not_listen_yet_answers_for_it_and_those_of_the_start_listen() {
    let start_up = StartUp { fixed: millis(1_000), container: Duration::ZERO, probe: Duration::ZERO };
    let model = FunctionModel { listens_after: millis(200), start_up, ..idle_function() };
    let mut one = cluster(FREE_NODE, model.clone(), 1);
    one.arrive(ms(0), request(1, millis(10)));
    assert_eq!(answers(&run(&mut one, ms(100))), [(1, 10, Ending::Served)]);
    let mut none = cluster(FREE_NODE, model, 0);
    none.scale(ms(0), F, 1);
    let mut changes = Vec::new();
    for (at, number) in [(1_000, 1), (1_199, 2), (1_200, 3)] {
        changes.extend(run(&mut none, ms(at)));
        none.arrive(ms(at), request(number, millis(10)));
    }
    changes.extend(run(&mut none, ms(5_000)));
    let expected = [(1, 1_000, Ending::NotListening), (2, 1_199, Ending::NotListening), (3, 1_210, Ending::Served)];
    assert_eq!(answers(&changes), expected);
}

#[test]
fn a_handler_that_raises_takes_its_time_and_changes_nobody_s_luck() {
    let of = |raises: f64| {
        let cpu = Work { mean: millis(2), cv: 1.0 };
        let mut cluster = cluster(FREE_NODE, FunctionModel { raises, cpu, ..FunctionModel::default() }, 2);
        let mut changes = Vec::new();
        for number in 0..4_000 {
            changes.extend(run(&mut cluster, ms(number * 3)));
            cluster.arrive(ms(number * 3), request(number, millis(1)));
        }
        let probe = Arrival { request: RequestId(4_000), function: F, probe: true, wait: None };
        changes.extend(run(&mut cluster, ms(100_000)));
        cluster.arrive(ms(100_000), probe);
        changes.extend(run(&mut cluster, ms(200_000)));
        answers(&changes)
    };
    let (never, now_and_then, always) = (of(0.0), of(0.3), of(1.0));
    let when = |answers: &[(u64, u64, Ending)]| answers.iter().map(|&(number, at, _)| (number, at)).collect::<Vec<_>>();
    assert_eq!(when(&never), when(&now_and_then));
    assert_eq!(when(&never), when(&always));
    let raised = |answers: &[(u64, u64, Ending)]| answers.iter().filter(|answer| answer.2 == Ending::Raised).count();
    assert_eq!((raised(&never), raised(&always)), (0, 4_000), "a probe never does");
    // four standard errors of a share of 0.3 among 4 000
    assert!(raised(&now_and_then).abs_diff(1_200) < 4 * 29, "{}", raised(&now_and_then));
}
