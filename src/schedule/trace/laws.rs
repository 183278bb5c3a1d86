//! A trace replayed gives back what was recorded, whole or in the part and at the scale asked for.

use proptest::prelude::*;

use super::*;
use crate::random::Seed;
use crate::schedule::arrivals::Arrivals;

const SECOND: u64 = 1_000_000_000;

fn s(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

fn counts(counts: &[u64], inside: Inside) -> Recording {
    Recording::Counts { counts: counts.to_vec(), bin: s(60.0), inside }
}

fn arrivals(trace: &Trace, seed: u64) -> Vec<u64> {
    Arrivals::new(trace.source(), Seed(seed), 0).collect()
}

/// How many arrivals fall into each of so many bins of this width.
fn binned(arrivals: &[u64], width: f64, bins: usize) -> Vec<u64> {
    let mut seen = vec![0; bins];
    for at in arrivals {
        seen[(*at as f64 / (width * 1e9)) as usize] += 1;
    }
    seen
}

const DAY: [u64; 8] = [3, 0, 0, 41, 700, 12, 1, 5];

#[test]
fn a_trace_replayed_gives_back_its_own_bins() {
    for inside in [Inside::Even, Inside::Uniform] {
        let trace = Trace::new(&counts(&DAY, inside), Playback::default()).unwrap();
        assert_eq!(trace.duration(), s(480.0));
        assert_eq!(binned(&arrivals(&trace, 4), 60.0, 8), DAY, "{inside:?}");
        let fast = Trace::new(&counts(&DAY, inside), Playback { speed: 60.0, ..Playback::default() }).unwrap();
        assert_eq!(fast.duration(), s(8.0));
        assert_eq!(binned(&arrivals(&fast, 4), 1.0, 8), DAY, "{inside:?}");
    }
}

#[test]
fn poisson_bins_have_the_recorded_counts_on_average() {
    let trace = Trace::new(&counts(&DAY, Inside::Poisson), Playback::default()).unwrap();
    let mut sums = [0_u64; 8];
    let seeds = 400;
    for seed in 0..seeds {
        for (sum, seen) in sums.iter_mut().zip(binned(&arrivals(&trace, seed), 60.0, 8)) {
            *sum += seen;
        }
    }
    for (sum, count) in sums.iter().zip(DAY) {
        let expected = (count * seeds) as f64;
        // four standard deviations of a sum of Poisson variables
        assert!((*sum as f64 - expected).abs() <= 4.0 * expected.sqrt(), "{sums:?}");
    }
}

#[test]
fn even_requests_lie_in_the_middle_of_equal_parts_of_their_bin() {
    let trace = Trace::new(&counts(&[2, 3], Inside::Even), Playback::default()).unwrap();
    assert_eq!(arrivals(&trace, 1).iter().map(|at| at / SECOND).collect::<Vec<_>>(), [15, 45, 70, 90, 110]);
}

#[test]
fn scaled_counts_keep_their_totals() {
    for scale in [0.1, 0.5, 1.0 / 3.0, 2.5, 7.0] {
        for inside in [Inside::Even, Inside::Uniform] {
            let trace = Trace::new(&counts(&DAY, inside), Playback { scale, ..Playback::default() }).unwrap();
            let seen = binned(&arrivals(&trace, 9), 60.0, 8);
            let (mut sum, mut called_for) = (0, 0.0);
            for (seen, count) in seen.iter().zip(DAY) {
                (sum, called_for) = (sum + seen, called_for + count as f64 * scale);
                assert!((sum as f64 - called_for).abs() <= 0.5 + 1e-9, "scale {scale}: {seen} up to {called_for}");
            }
        }
    }
}

#[test]
fn a_part_is_cut_out_of_bins_by_its_share() {
    let playback = Playback { from: s(90.0), duration: Some(s(60.0)), ..Playback::default() };
    let trace = Trace::new(&counts(&[60, 60, 600, 60], Inside::Even), playback).unwrap();
    // half of the second minute and half of the third
    assert_eq!(binned(&arrivals(&trace, 1), 30.0, 2), [30, 300]);
    assert_eq!(trace.duration(), s(60.0));
}

#[test]
fn recorded_times_come_back_to_the_nanosecond() {
    let times = vec![0, 1, 1, 999_999_999, 86_400 * SECOND + 7, 200_000 * SECOND + 123_456_789];
    let trace = Trace::new(&Recording::Times(times.clone()), Playback::default()).unwrap();
    assert_eq!(arrivals(&trace, 1), times);
}

#[test]
fn recorded_times_are_cut_and_played_faster() {
    let times = Recording::Times((0..100).map(|second| second * SECOND).collect());
    let playback = Playback { from: s(10.0), duration: Some(s(5.0)), speed: 4.0, ..Playback::default() };
    let trace = Trace::new(&times, playback).unwrap();
    let expected: Vec<u64> = (0..=20).map(|quarter| quarter * SECOND / 4).collect();
    assert_eq!(arrivals(&trace, 1), expected);
}

#[test]
fn scaled_times_are_a_part_of_the_recorded_ones_or_lie_between_them() {
    let times = Recording::Times(vec![SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 10 * SECOND]);
    let scaled = |scale| {
        let trace = Trace::new(&times, Playback { scale, ..Playback::default() }).unwrap();
        arrivals(&trace, 1).iter().map(|at| *at as f64 / 1e9).collect::<Vec<_>>()
    };
    assert_eq!(scaled(0.5), [2.0, 8.0]);
    assert_eq!(scaled(2.0), [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 10.0]);
}

#[test]
fn what_is_not_there_can_t_be_played() {
    let day = counts(&DAY, Inside::Even);
    let wrong = |from: f64, duration: Option<f64>, recording: &Recording| {
        let playback = Playback { from: s(from), duration: duration.map(s), ..Playback::default() };
        Trace::new(recording, playback).map_err(|error| error.to_string())
    };
    assert_eq!(wrong(480.0, None, &day).unwrap_err(), "begins 8m into a recording of 8m");
    assert_eq!(wrong(420.0, Some(90.0), &day).unwrap_err(), "is longer than the recording, which lasts 1m from there");
    assert_eq!(wrong(60.0, Some(120.0), &day).unwrap_err(), "holds no request");
    assert_eq!(wrong(0.0, None, &counts(&[], Inside::Poisson)).unwrap_err(), "holds no request");
    assert_eq!(wrong(0.0, None, &Recording::Times(Vec::new())).unwrap_err(), "holds no request");
}

proptest! {
    #[test]
    fn totals_scale_and_arrivals_stay_in_the_part_that_is_played(
        day in prop::collection::vec(0_u64..60, 1..40),
        from in 0.0_f64..0.9,
        share in 0.05_f64..1.0,
        speed in 0.2_f64..500.0,
        scale in 0.05_f64..4.0,
        inside in prop::sample::select(vec![Inside::Even, Inside::Uniform, Inside::Poisson]),
        seed in any::<u64>(),
    ) {
        let length = 60.0 * day.len() as f64;
        let from = s(length * from);
        let duration = s((length - from.as_secs_f64()) * share / speed);
        let playback = Playback { from, duration: Some(duration), speed, scale };
        let recording = counts(&day, inside);
        let Ok(trace) = Trace::new(&recording, playback) else { return Ok(()) };
        let arrivals = arrivals(&trace, seed);
        prop_assert!(arrivals.is_sorted());
        prop_assert!(arrivals.last().is_none_or(|last| *last < nanos(duration)));
        if inside != Inside::Poisson {
            prop_assert_eq!(arrivals.len() as u64, trace.requests() as u64);
            let end = from.as_secs_f64() + duration.as_secs_f64() * speed;
            let called_for: f64 = day.iter().enumerate().map(|(index, count)| {
                let (begin, stop) = (60.0 * index as f64, 60.0 * (index + 1) as f64);
                let cut = (stop.min(end) - begin.max(from.as_secs_f64())).max(0.0);
                *count as f64 * cut / 60.0
            }).sum();
            prop_assert!((arrivals.len() as f64 - called_for * scale).abs() <= 0.5 + 1e-3 * called_for);
        }
    }
}
