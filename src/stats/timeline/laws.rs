//! The laws of rows per second.

use proptest::prelude::*;

use super::*;
use crate::record::{Detail, ErrorKind, GeneratorId, WorkerId};

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn request(sent: u64, done: u64) -> RequestRow {
    RequestRow {
        generator: GeneratorId(0),
        worker: WorkerId(0),
        due: ms(sent),
        ready: ms(sent),
        sent: ms(sent),
        first_byte: None,
        done: ms(done),
        answer: Ok(200),
        replica: None,
        detail: Detail::default(),
    }
}

fn sample(ready: u32, cpu: u64, lived: u64) -> PlatformSample {
    PlatformSample {
        ready,
        desired: ready,
        cpu_time: Some(Duration::from_millis(cpu)),
        replica_time: Duration::from_millis(lived),
        ..PlatformSample::default()
    }
}

#[test]
fn seconds_count_from_the_load_and_are_negative_before_it() {
    let mut timeline = Timeline::new(ms(1_500), None);
    let rows = timeline.finish(ms(3_500), 0, &sample(1, 0, 0));
    assert_eq!(rows.iter().map(|row| row.start).collect::<Vec<_>>(), [-2, -1, 0, 1]);
}

#[test]
fn sent_and_in_flight_are_known_only_when_the_answers_came() {
    let mut timeline = Timeline::new(ms(0), None);
    timeline.request(&request(100, 300));
    let [row] = timeline.second(ms(1_000), 3, &sample(1, 0, 1_000))[..] else { panic!("one second") };
    assert_eq!((row.planned, row.sent, row.completed, row.in_flight), (Some(3), None, 1, None));
    timeline.request(&request(200, 1_200));
    timeline.request(&RequestRow { answer: Err(ErrorKind::Timeout), ..request(900, 2_500) });
    timeline.second(ms(2_000), 3, &sample(1, 0, 2_000));
    let rows = timeline.finish(ms(3_000), 3, &sample(1, 0, 3_000));
    assert_eq!(rows.iter().map(|row| row.sent).collect::<Vec<_>>(), [Some(3), Some(0), Some(0)]);
    assert_eq!(rows.iter().map(|row| row.in_flight).collect::<Vec<_>>(), [Some(2), Some(1), Some(0)]);
    assert_eq!(rows.iter().map(|row| (row.completed, row.errors)).collect::<Vec<_>>(), [(1, 0), (1, 0), (0, 1)]);
    // the one given up has no latency
    assert_eq!(rows[2].latency, None);
}

#[test]
fn a_sample_belongs_to_the_whole_second_nearest_to_it() {
    let mut timeline = Timeline::new(ms(0), Some(2));
    for (at, ready) in [(1_003, 1), (1_999, 2), (3_020, 3)] {
        assert_eq!(timeline.second(ms(at), 0, &sample(ready, 0, 0)).len(), 1);
    }
    let rows = timeline.finish(ms(3_021), 0, &sample(3, 0, 0));
    let ready: Vec<_> = rows.iter().map(|row| row.platform.map(|platform| platform.ready)).collect();
    assert_eq!(ready, [Some(1), Some(2), Some(3)]);
}

#[test]
fn what_a_standstill_hides_is_unknown_and_nothing_is_lost_from_the_sums() {
    let mut timeline = Timeline::new(ms(0), Some(2));
    timeline.second(ms(1_000), 10, &sample(1, 500, 1_000));
    assert_eq!(timeline.second(ms(4_000), 40, &sample(1, 3_500, 4_000)).len(), 3);
    let rows = timeline.finish(ms(4_000), 40, &sample(1, 3_500, 4_000));
    assert_eq!(rows.iter().map(|row| row.planned).collect::<Vec<_>>(), [Some(10), None, None, Some(30)]);
    assert_eq!(rows[1].platform, None);
    assert_eq!(rows[2].replica_time, None);
    assert_eq!(rows[3].replica_time, Some(Duration::from_secs(3)));
    // 3 s of CPU time in 3 s on 2 cores
    assert_eq!(rows.iter().map(|row| row.utilisation).collect::<Vec<_>>(), [Some(0.25), None, None, Some(0.5)]);
}

#[test]
fn utilisation_is_unknown_without_cores_or_cpu_time() {
    let mut timeline = Timeline::new(ms(0), None);
    assert_eq!(timeline.second(ms(1_000), 0, &sample(1, 500, 0))[0].utilisation, None);
    let mut timeline = Timeline::new(ms(0), Some(2));
    let blind = PlatformSample { cpu_time: None, ..sample(1, 0, 0) };
    assert_eq!(timeline.second(ms(1_000), 0, &blind)[0].utilisation, None);
}

#[test]
fn percentiles_are_of_the_requests_answered_in_the_second() {
    let mut timeline = Timeline::new(ms(0), None);
    for latency in 1..=100 {
        timeline.request(&request(0, latency));
    }
    timeline.request(&request(0, 1_500));
    let row = timeline.second(ms(1_000), 0, &sample(1, 0, 0))[0];
    let ms = Duration::from_millis;
    let wanted = SecondLatency { p50: ms(50), p90: ms(90), p95: ms(95), p99: ms(99), max: ms(100) };
    assert_eq!(row.latency, Some(wanted));
}

#[test]
fn an_answer_told_of_a_moment_late_still_counts_in_its_second() {
    let mut timeline = Timeline::new(ms(0), None);
    timeline.request(&request(0, 10));
    timeline.second(ms(1_000), 0, &sample(1, 0, 0));
    timeline.request(&request(0, 999));
    timeline.second(ms(2_000), 0, &sample(1, 0, 0));
    let rows = timeline.finish(ms(2_000), 0, &sample(1, 0, 0));
    assert_eq!(rows[0].completed, 2);
    assert_eq!(rows[0].latency.map(|latency| latency.max), Some(Duration::from_millis(999)));

    let mut timeline = Timeline::new(ms(0), None);
    timeline.request(&request(0, 10));
    timeline.second(ms(1_000), 0, &sample(1, 0, 0));
    timeline.request(&request(0, 999));
    let rows = timeline.finish(ms(1_001), 0, &sample(1, 0, 0));
    assert_eq!(rows[0].latency.map(|latency| latency.max), Some(Duration::from_millis(999)));
}

proptest! {
    /// Whatever comes when, rows follow each other second by second and the sums are those of what came in.
    #[test]
    fn rows_add_up_to_what_came_in(
        start in 0_u64..4_000,
        requests in prop::collection::vec((0_u64..8_000, 0_u64..3_000), 0..60),
        late in prop::collection::vec(0_u64..40, 1..12),
        end in 0_u64..12_000,
    ) {
        let mut timeline = Timeline::new(ms(start), Some(1));
        let mut shown = Vec::new();
        for (second, late) in late.iter().enumerate() {
            let at = (second as u64 + 1) * 1_000 + late;
            shown.extend(timeline.second(ms(at), at / 100, &sample(1, at, at)));
        }
        let end = end.max(late.len() as u64 * 1_000 + 50);
        for (sent, latency) in &requests {
            timeline.request(&request(*sent, sent + latency));
        }
        let rows = timeline.finish(ms(end), end / 100, &sample(1, end, end));
        prop_assert!(rows.windows(2).all(|pair| pair[1].start == pair[0].start + 1));
        prop_assert!(shown.windows(2).all(|pair| pair[1].start == pair[0].start + 1));
        prop_assert!(shown.len() <= rows.len());
        let count = requests.len() as u64;
        prop_assert_eq!(rows.iter().filter_map(|row| row.sent).sum::<u64>(), count);
        prop_assert_eq!(rows.iter().map(|row| row.completed).sum::<u64>(), count);
        prop_assert_eq!(rows.iter().filter_map(|row| row.planned).sum::<u64>(), end / 100);
        prop_assert_eq!(rows.iter().filter_map(|row| row.replica_time).sum::<Duration>(), Duration::from_millis(end));
        prop_assert_eq!(rows.last().and_then(|row| row.in_flight), Some(0));
    }
}

#[test]
fn what_passed_before_the_run_began_belongs_to_no_second() {
    // the platform stood ready for 6.25 s with one replica; then a warm-up of 2 s
    let mut timeline = Timeline::new(ms(8_251), None);
    timeline.begin(ms(6_252));
    let rows = timeline.second(ms(7_251), 0, &sample(1, 0, 7_251));
    assert_eq!(rows.iter().map(|row| (row.start, row.platform.is_some())).collect::<Vec<_>>(), [(-2, true)]);
    assert_eq!(rows[0].replica_time.map(|time| time.as_millis()), Some(999));
    let rows = timeline.finish(ms(8_251), 0, &sample(1, 0, 8_251));
    assert_eq!(rows.iter().map(|row| row.start).collect::<Vec<_>>(), [-2, -1]);
    assert_eq!(rows[1].replica_time, Some(Duration::from_secs(1)));
}
