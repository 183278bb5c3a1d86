//! Open loops on the wire: what is due leaves, whatever became of the requests before, up to the bound.

use std::sync::Arc;

use watchtower::drive::live::load::Options;
use watchtower::random::Seed;
use watchtower::schedule::open::{Bound, WhenFull};
use watchtower::schedule::rate::{Rate, Spacing};
use watchtower::schedule::shape::Shape;

use super::*;

fn rate(level: f64, millis: u64, max_in_flight: u32, when_full: WhenFull, spacing: Spacing) -> GeneratorPlan {
    let shape = Arc::new(Shape::constant(level, Duration::from_millis(millis)).expect("a shape"));
    GeneratorPlan {
        schedule: SchedulePlan::Rate(Rate { shape, spacing }, Bound { max_in_flight, when_full }),
        request: RequestPlan::default(),
        start: Duration::ZERO,
    }
}

#[test]
fn a_rate_sends_each_request_when_it_is_due_on_as_few_connections_as_it_needs() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (record, load_start) = run(clock, &server, rate(100.0, 500, 64, WhenFull::Wait, Spacing::Even));
    let tally = record.tally();
    assert_eq!((tally.planned, tally.sent, tally.unused), (50, 50, 0));
    let mut dues: Vec<u128> = record.rows.iter().map(|row| (row.due - load_start).as_micros()).collect();
    dues.sort_unstable();
    assert_eq!(dues, (1..=50).map(|number| number * 10_000).collect::<Vec<u128>>());
    for row in &record.rows {
        assert!(row.due <= row.ready && row.ready <= row.sent && row.sent <= row.done);
        assert_eq!(row.answer, Ok(200));
    }
    for (hit, number) in server.hits().iter().zip(1..) {
        assert!(hit.at >= load_start + Duration::from_millis(10) * number, "request {number} came early");
    }
    // answers come in no time, so one connection does; more only if this machine stood still
    assert!(server.accepted() < 64 || record.stalled, "{} connections", server.accepted());
    assert!(tally.duration >= Duration::from_millis(500));
}

#[test]
fn what_the_bound_holds_back_is_counted_and_its_wait_is_in_the_latency_from_due() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(100)));
    let (record, _) = run(clock, &server, rate(50.0, 400, 2, WhenFull::Wait, Spacing::Even));
    let tally = record.tally();
    assert_eq!((tally.planned, tally.sent, tally.lost), (20, 20, Lost::default()));
    // two at a time, a tenth of a second each: the twentieth leaves nine tenths after the first, half a second late
    let held: Vec<_> = record.rows.iter().filter(|row| row.ready > row.due).collect();
    assert_eq!(tally.held_back.count, held.len() as u64);
    assert!(held.len() >= 18, "{}", held.len());
    assert_eq!(tally.held_back.time, held.iter().map(|row| row.ready - row.due).sum::<Duration>());
    assert!(tally.held_back.longest >= Duration::from_millis(500), "{:?}", tally.held_back);
    let last = record.rows.iter().max_by_key(|row| row.due).expect("rows");
    assert!(last.latency_from_due() >= last.latency() + Duration::from_millis(500));
    assert!(server.accepted() <= 2);
    // in order of being due
    let mut rows = record.rows.clone();
    rows.sort_by_key(|row| row.sent);
    assert!(rows.is_sorted_by_key(|row| row.due));
}

#[test]
fn what_finds_no_place_is_lost_busy_where_it_may_not_wait() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(100)));
    let (record, _) = run(clock, &server, rate(50.0, 400, 2, WhenFull::Drop, Spacing::Even));
    let tally = record.tally();
    assert!(tally.lost.busy + tally.lost.late >= 8, "{tally:?}");
    assert_eq!(tally.held_back.count, 0);
    assert!(record.rows.iter().all(|row| row.ready == row.due));
}

#[test]
fn a_stopped_rate_ends_with_what_is_under_way_and_accounts_for_the_rest() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(20)));
    // the idle places hold requests that are due within the next two hours
    let (load, reports, load_start) =
        start(clock, &server, &[rate(50.0, 7_200_000, 400, WhenFull::Wait, Spacing::Even)]);
    assert_eq!(load.planned_before(load_start + Duration::from_millis(101)), Some(5));
    for _ in 0..5 {
        server.next_hit();
    }
    load.stop();
    let record = Record::of(reports);
    let tally = record.tally();
    assert_eq!(tally.planned, 360_000);
    assert!((5..1_000).contains(&tally.sent) && tally.unused == tally.planned - tally.sent, "{tally:?}");
    assert!(record.rows.iter().all(|row| row.answer == Ok(200)));
}

#[test]
fn a_rate_that_is_given_up_accounts_for_every_request() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Silence);
    let (load, reports, _) = start(clock, &server, &[rate(100.0, 60_000, 5, WhenFull::Wait, Spacing::Even)]);
    server.next_hit();
    load.abort();
    let record = Record::of(reports);
    let tally = record.tally();
    assert_eq!(tally.sent + tally.unused, 6_000);
    assert!(record.errors().iter().all(|kind| *kind == ErrorKind::Abandoned));
}

#[test]
fn a_load_whose_requests_are_all_answered_lasts_as_long_as_it_was_to_last() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    // due at 250 ms, and the rate calls for no other in the half second
    let (record, load_start) = run(clock, &server, rate(4.0, 499, 3, WhenFull::Wait, Spacing::Even));
    assert_eq!(record.tally().sent, 1);
    assert!(record.tally().duration >= Duration::from_millis(499));
    assert!(clock.now() >= load_start + Duration::from_millis(499));
}

#[test]
fn a_poisson_load_is_the_seed_s_and_the_same_for_every_arm() {
    let dues = |seed: u64| {
        let clock = Clock::start();
        let server = Server::that(clock, Act::Answer);
        let (sender, reports) = unbounded_channel();
        let load_start = clock.now() + Duration::from_millis(20);
        let options = Options { seed: Seed(seed), ..Options::default() };
        let plans = [rate(400.0, 200, 64, WhenFull::Wait, Spacing::Poisson)];
        let load = Load::start_with(options, clock, &server.uri("/"), &plans, load_start, sender).expect("a load");
        let record = Record::of(reports);
        let tally = record.tally();
        assert_eq!(load.planned_before(Timestamp::MAX), Some(tally.planned));
        assert_eq!(tally.sent, tally.planned);
        let mut dues: Vec<Duration> = record.rows.iter().map(|row| row.due - load_start).collect();
        dues.sort_unstable();
        dues
    };
    let first = dues(7);
    assert_eq!(first, dues(7));
    assert_ne!(first, dues(8));
}
