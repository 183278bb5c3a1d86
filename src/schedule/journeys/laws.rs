//! Laws of journeys.

use std::collections::BTreeMap;

use super::*;

fn think(min: u64, max: u64) -> Think {
    Think { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

fn step(weight: u32, pause: u64) -> Step {
    Step { weight, think: think(pause, pause) }
}

fn settings(users: u32, ramp: u64, ends: Ends, journeys: Vec<Journey>) -> Settings {
    Settings { users, ramp: Duration::from_millis(ramp), ends, journeys }
}

fn two_steps() -> Vec<Journey> {
    vec![Journey { weight: 1, steps: vec![step(1, 100), step(1, 50)] }]
}

/// Due times in ms and steps of a user whose answers take `answer` ms, and what was left unused.
fn walk(journeys: &mut Journeys, user: u32, answer: u64) -> (Vec<(u64, u32)>, u64) {
    let worker = WorkerId(user);
    let mut turn = Turn::first(journeys.start());
    let mut calls = Vec::new();
    loop {
        match journeys.next(worker, turn) {
            Next::Call(call) => {
                assert_eq!(call.ready, call.due);
                calls.push((call.due.as_nanos() / 1_000_000, journeys.step(worker).0));
                turn = Turn { sent: call.ready, free: call.ready + Duration::from_millis(answer), stall: None };
            }
            Next::Finished { unused, lost } => {
                assert_eq!(lost, Lost::default());
                return (calls, unused);
            }
        }
    }
}

fn journeys(settings: Settings) -> Journeys {
    Journeys::new(Arc::new(settings), Timestamp::from_millis(1_000), Seed(1), 0)
}

#[test]
fn a_user_thinks_after_each_answer_and_begins_again() {
    let mut journeys = journeys(settings(2, 400, Ends::Rounds(2), two_steps()));
    assert_eq!(walk(&mut journeys, 0, 10), (vec![(1_000, 0), (1_110, 1), (1_170, 0), (1_280, 1)], 0));
    // the second of two starts half the ramp later
    assert_eq!(walk(&mut journeys, 1, 0), (vec![(1_200, 0), (1_300, 1), (1_350, 0), (1_450, 1)], 0));
    assert_eq!(journeys.planned(), Some(8));
}

#[test]
fn time_counts_from_the_last_user_s_start_and_nobody_sends_after_it() {
    let mut journeys = journeys(settings(2, 400, Ends::After(Duration::from_millis(160)), two_steps()));
    // over at 1000 + 400 + 160
    assert_eq!(walk(&mut journeys, 0, 0).0.last(), Some(&(1_550, 1)));
    assert_eq!(journeys.planned(), None);
}

#[test]
fn a_stop_leaves_the_rest_of_the_rounds_unused_and_tells_so_once() {
    let mut journeys = journeys(settings(1, 0, Ends::Rounds(3), two_steps()));
    journeys.stop(Timestamp::from_millis(1_130));
    let (calls, unused) = walk(&mut journeys, 0, 20);
    assert_eq!((calls, unused), (vec![(1_000, 0), (1_120, 1)], 4));
    let turn = Turn::first(Timestamp::from_secs(9));
    assert_eq!(journeys.next(WorkerId(0), turn), Next::Finished { lost: Lost::default(), unused: 0 });
}

#[test]
fn weights_are_dealt_in_turn_as_goose_deals_them() {
    for (weights, dealt) in [
        (vec![1, 1, 1], vec![0, 1, 2]),
        (vec![3, 1], vec![0, 1, 0, 0]),
        (vec![2, 2], vec![0, 1]),
        (vec![6, 3], vec![0, 1, 0]),
        (vec![1, 3, 2], vec![0, 1, 2, 1, 2, 1]),
        (vec![7], vec![0]),
    ] {
        assert_eq!(deal(&weights), dealt, "{weights:?}");
    }
}

#[test]
fn users_are_shared_out_among_journeys_by_weight() {
    let of = |weight| Journey { weight, steps: vec![step(1, 0)] };
    let settings = settings(9, 0, Ends::Rounds(1), vec![of(2), of(1)]);
    let mut counts = BTreeMap::new();
    for journey in settings.assignment() {
        *counts.entry(journey).or_insert(0) += 1;
    }
    assert_eq!(counts, BTreeMap::from([(0, 6), (1, 3)]));
    // steps are numbered through
    let mut journeys = journeys(settings);
    let steps: Vec<u32> = (0..9).map(|user| walk(&mut journeys, user, 0).0[0].1).collect();
    assert_eq!(steps, [0, 1, 0, 0, 1, 0, 0, 1, 0]);
}

#[test]
fn thinking_fills_its_range_evenly_and_follows_from_the_seed() {
    let steps = vec![Step { weight: 1, think: think(1_000, 3_000) }];
    let settings = Arc::new(settings(1, 0, Ends::Rounds(4_001), vec![Journey { weight: 1, steps }]));
    let dues = |seed: u64, generator: u64| {
        let mut journeys = Journeys::new(Arc::clone(&settings), Timestamp::ZERO, Seed(seed), generator);
        walk(&mut journeys, 0, 0).0
    };
    let calls = dues(1, 0);
    let pauses: Vec<u64> = calls.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(pauses.iter().all(|pause| (999..=3_001).contains(pause)));
    // chi-square over ten equal parts, 9 degrees of freedom: 21.67 at 1 %
    let mut parts = [0_f64; 10];
    for pause in &pauses {
        parts[((pause.saturating_sub(1_000)) / 200).min(9) as usize] += 1.0;
    }
    let expected = pauses.len() as f64 / 10.0;
    let chi_square: f64 = parts.iter().map(|count| (count - expected).powi(2) / expected).sum();
    assert!(chi_square < 21.67, "{chi_square} {parts:?}");
    assert_eq!(calls, dues(1, 0));
    assert_ne!(calls, dues(2, 0));
    assert_ne!(calls, dues(1, 1));
}

#[test]
fn the_estimate_of_rounds_is_what_they_take() {
    let settings = settings(3, 300, Ends::Rounds(4), two_steps());
    assert_eq!(settings.duration(Duration::from_millis(10)), Duration::from_millis(300 + 4 * 170));
}
