//! An open loop among workers that take their time: order, promptness, the bound, and every request accounted for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::random::Seed;
use crate::schedule::arrivals::Source;

const START: Timestamp = Timestamp::from_secs(15);

fn ms(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

/// Arrivals at these milliseconds.
fn open(at: &[u64], max_in_flight: u32, when_full: WhenFull) -> Open {
    let times: Arc<[u64]> = at.iter().map(|millis| millis * 1_000_000).collect();
    let last = Duration::from_millis(at.last().copied().unwrap_or(0));
    Open::new(Arrivals::new(Source::Times(times), Seed(1), 0), Bound { max_in_flight, when_full }, last, START)
}

/// What became of a run in which the n-th request that leaves takes `latencies[n]` ms.
#[derive(Debug, Default, PartialEq)]
struct Run {
    /// Due and ready, in ms, in order of leaving.
    left: Vec<(u64, u64)>,
    lost: Lost,
    unused: u64,
    most_in_flight: usize,
}

fn run(open: &mut Open, latencies: &[u64]) -> Run {
    let mut run = Run::default();
    let (mut free, mut away): (BinaryHeap<_>, Vec<Timestamp>) = (BinaryHeap::new(), Vec::new());
    for worker in 0..open.workers() {
        free.push(Reverse((START, worker, START)));
    }
    let mut calls: BinaryHeap<Reverse<(Timestamp, Timestamp, u32)>> = BinaryHeap::new();
    let mut latencies = latencies.iter().cycle();
    loop {
        // whatever is earlier: a worker that comes free, or one that leaves
        let next_free = free.peek().map(|Reverse((at, ..))| *at);
        let next_call = calls.peek().map(|Reverse((at, ..))| *at);
        match (next_free, next_call) {
            (Some(at), call) if call.is_none_or(|call| at <= call) => {
                let Some(Reverse((at, worker, sent))) = free.pop() else { break };
                match open.next(WorkerId(worker), Turn { sent, free: at, stall: None }) {
                    Next::Call(call) => {
                        run.lost.busy += call.lost.busy;
                        run.lost.late += call.lost.late;
                        calls.push(Reverse((call.ready, call.due, worker)));
                    }
                    Next::Finished { lost, unused } => {
                        run.lost.busy += lost.busy;
                        run.lost.late += lost.late;
                        run.unused += unused;
                    }
                }
            }
            (_, Some(_)) => {
                let Some(Reverse((ready, due, worker))) = calls.pop() else { break };
                away.retain(|done| *done > ready);
                let done = ready + Duration::from_millis(latencies.next().copied().unwrap_or(1));
                away.push(done);
                run.most_in_flight = run.most_in_flight.max(away.len());
                run.left.push(((due - START).as_millis() as u64, (ready - START).as_millis() as u64));
                free.push(Reverse((done, worker, ready)));
            }
            _ => break,
        }
    }
    run
}

#[test]
fn requests_leave_when_they_are_due_whatever_became_of_the_ones_before() {
    let run = run(&mut open(&[10, 20, 30, 40], 4, WhenFull::Wait), &[1_000]);
    assert_eq!(run.left, [(10, 10), (20, 20), (30, 30), (40, 40)]);
}

#[test]
fn what_finds_no_place_waits_for_one_in_order() {
    let run = run(&mut open(&[0, 10, 20, 30, 200], 2, WhenFull::Wait), &[100, 50, 5, 5, 5]);
    // the second place is free at 60, the first at 100
    assert_eq!(run.left, [(0, 0), (10, 10), (20, 60), (30, 65), (200, 200)]);
    assert_eq!((run.lost, run.unused, run.most_in_flight), (Lost::default(), 0, 2));
}

#[test]
fn what_finds_no_place_is_dropped_where_that_was_asked_for() {
    let run = run(&mut open(&[0, 10, 20, 30, 65, 200], 2, WhenFull::Drop), &[100, 50, 5, 5]);
    assert_eq!(run.left, [(0, 0), (10, 10), (65, 65), (200, 200)]);
    assert_eq!((run.lost, run.unused), (Lost { busy: 2, late: 0 }, 0));
}

#[test]
fn what_came_while_the_generator_itself_was_late_is_lost_late() {
    let mut open = open(&[0, 10, 20, 30, 40], 1, WhenFull::Drop);
    assert!(matches!(open.next(WorkerId(0), Turn::first(START)), Next::Call(call) if call.due == ms(0)));
    // left 15 ms late, came back at 35, and the process stood still from 25 to 32
    let turn = Turn { sent: ms(15), free: ms(35), stall: Some((ms(25), ms(32))) };
    let Next::Call(call) = open.next(WorkerId(0), turn) else { panic!("one is left") };
    assert_eq!((call.due, call.ready, call.lost), (ms(40), ms(40), Lost { busy: 1, late: 2 }));
}

#[test]
fn a_stopped_loop_hands_out_nothing_more_and_tells_once_what_was_left() {
    let mut open = open(&[0, 10, 20, 30, 40], 2, WhenFull::Wait);
    assert!(matches!(open.next(WorkerId(0), Turn::first(START)), Next::Call(_)));
    open.stop(ms(5));
    let turn = Turn { sent: ms(0), free: ms(6), stall: None };
    assert_eq!(open.next(WorkerId(0), turn), Next::Finished { lost: Lost::default(), unused: 4 });
    assert_eq!(open.next(WorkerId(1), turn), Next::Finished { lost: Lost::default(), unused: 0 });
    assert_eq!(open.lasts_until(), ms(5));
    assert_eq!((open.planned(), open.planned_before(ms(21))), (Some(5), Some(3)));
}

proptest! {
    /// Every request leaves or is lost; those that leave do so in order, not before they are due, later only if every place was
    /// taken, and never more at once than there are places.
    #[test]
    fn every_arrival_is_accounted_for_and_none_waits_beside_a_free_place(
        gaps in prop::collection::vec(0_u64..40, 1..120),
        latencies in prop::collection::vec(1_u64..300, 1..20),
        places in 1_u32..8,
        drops in any::<bool>(),
    ) {
        let times: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let when_full = if drops { WhenFull::Drop } else { WhenFull::Wait };
        let run = run(&mut open(&times, places, when_full), &latencies);
        prop_assert_eq!(run.left.len() as u64 + run.lost.busy + run.unused, times.len() as u64);
        prop_assert_eq!((run.unused, run.lost.late), (0, 0));
        prop_assert!(run.most_in_flight <= places as usize);
        prop_assert!(run.left.is_sorted());
        for (number, (due, ready)) in run.left.iter().enumerate() {
            prop_assert!(ready >= due);
            if ready > due {
                prop_assert!(!drops);
                // all places were taken when it was due: so many of those before it were still away
                let away = run.left[..number].iter().zip(latencies.iter().cycle())
                    .filter(|((_, left), latency)| left + *latency > *due).count();
                prop_assert!(away >= places as usize, "request {} waited beside a free place", number);
            }
        }
    }
}
