//! Every shape against its own definition, integrated the slow way.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn s(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

/// One of each, with levels that meet whole requests only now and then.
pub(in crate::schedule) fn all_shapes() -> Vec<(&'static str, Shape)> {
    [
        ("constant", Shape::constant(250.0, s(12.0))),
        ("slow", Shape::constant(0.3, s(60.0))),
        (
            "steps",
            Shape::once(vec![
                Piece::level(20.0, s(3.0)),
                Piece::level(0.0, s(2.5)),
                Piece::level(133.3, s(4.0)),
                Piece::Line { from: 10.0, to: 50.0, length: s(5.0) },
            ]),
        ),
        ("ramp", Shape::ramp(0.0, 200.0, s(20.0))),
        ("ramp down", Shape::ramp(97.5, 0.0, s(13.0))),
        ("spike", Shape::spike(5.0, 300.0, s(4.0), s(2.0), s(15.0))),
        ("spike over nothing", Shape::spike(0.0, 33.0, s(2.0), s(3.0), s(8.0))),
        ("square", Shape::square(10.0, 90.0, 0.25, s(4.0), s(22.0))),
        ("square over nothing", Shape::square(0.0, 10.0, 0.5, s(10.0), s(40.0))),
        ("sine", Shape::sine(10.0, 110.0, s(8.0), s(21.0))),
        ("sine upside down", Shape::sine(80.0, 0.0, s(5.0), s(20.0))),
        ("sawtooth", Shape::sawtooth(5.0, 65.0, s(6.0), s(20.0))),
        ("falling sawtooth", Shape::sawtooth(65.0, 0.0, s(6.0), s(20.0))),
    ]
    .map(|(name, shape)| (name, shape.expect(name)))
    .to_vec()
}

#[test]
fn the_integral_is_the_sum_of_the_levels() {
    for (name, shape) in all_shapes() {
        let mut sum = 0.0;
        let step = 1_000_000;
        for offset in (0..nanos(shape.duration())).step_by(step as usize) {
            sum += shape.level(offset + step / 2) * step as f64 / 1e9;
        }
        assert!((sum - shape.total()).abs() < 1e-3 * shape.total(), "{name}: {sum} and {}", shape.total());
    }
}

#[test]
fn a_request_is_due_when_the_integral_reaches_its_number_and_not_before() {
    for (name, shape) in all_shapes() {
        let mut last = 0;
        for k in 1..=shape.requests() {
            let due = shape.inverse(k as f64);
            assert!(due >= last, "{name}: {k}");
            last = due;
            // a nanosecond at the level of the moment, and the last digits of the sum
            let slack = 2e-9 * shape.highest() + 2.0 * SLACK;
            assert!((shape.integral(due) - k as f64).abs() < slack, "{name}: {k} is due at {due}");
        }
        assert!(last <= nanos(shape.duration()));
    }
}

#[test]
fn constant_rates_are_exact_to_the_nanosecond_for_a_week() {
    let week = Duration::from_secs(7 * 86_400);
    for rate in [1_u64, 3, 7, 250, 999, 5_000, 100_000] {
        let shape = Shape::constant(rate as f64, week).unwrap();
        assert_eq!(shape.requests(), rate * 604_800);
        for k in [1, 2, rate - rate / 2, rate, 12_345, rate * 86_400 - 1, rate * 604_800 - 1, rate * 604_800] {
            let exact = (u128::from(k) * u128::from(SECOND) + u128::from(rate) / 2) / u128::from(rate);
            assert_eq!(u128::from(shape.inverse(k as f64)), exact, "{k} of {rate}/s");
        }
    }
}

#[test]
fn decimal_rates_call_for_what_a_person_expects() {
    for (rate, secs, requests) in [(0.1, 30.0, 3), (0.7, 10.0, 7), (33.3, 10.0, 333), (0.3, 1.0, 0), (1.1, 600.0, 660)]
    {
        assert_eq!(Shape::constant(rate, s(secs)).unwrap().requests(), requests, "{rate} for {secs} s");
    }
}

#[test]
fn shapes_have_the_levels_their_words_promise() {
    let levels = |shape: Shape, at: &[f64]| -> Vec<f64> {
        at.iter().map(|at| (shape.level((at * 1e9) as u64) * 10.0).round() / 10.0).collect()
    };
    let square = Shape::square(10.0, 90.0, 0.25, s(4.0), s(20.0)).unwrap();
    assert_eq!(levels(square, &[0.0, 2.9, 3.0, 3.9, 4.0, 19.0, 20.0]), [10.0, 10.0, 90.0, 90.0, 10.0, 90.0, 0.0]);
    let sine = Shape::sine(10.0, 110.0, s(8.0), s(16.0)).unwrap();
    assert_eq!(levels(sine, &[0.0, 2.0, 4.0, 6.0, 8.0]), [10.0, 60.0, 110.0, 60.0, 10.0]);
    let sawtooth = Shape::sawtooth(0.0, 60.0, s(6.0), s(12.0)).unwrap();
    assert_eq!(levels(sawtooth, &[0.0, 3.0, 5.0, 6.0]), [0.0, 30.0, 50.0, 0.0]);
    let spike = Shape::spike(5.0, 50.0, s(2.0), s(1.0), s(6.0)).unwrap();
    assert_eq!(levels(spike, &[1.9, 2.0, 2.9, 3.0]), [5.0, 50.0, 50.0, 5.0]);
}

#[test]
fn the_highest_level_is_one_that_is_reached() {
    for (name, shape) in all_shapes() {
        let seen = (0..nanos(shape.duration())).step_by(1_000_000).map(|at| shape.level(at)).fold(0.0, f64::max);
        assert!((seen - shape.highest()).abs() < 0.1, "{name}: {seen} and {}", shape.highest());
    }
    // a spike that the end cuts off, a swing that never gets to its middle
    assert!((Shape::spike(5.0, 50.0, s(9.0), s(1.0), s(6.0)).unwrap().highest() - 5.0).abs() < 1e-9);
    assert!((Shape::sine(0.0, 100.0, s(8.0), s(2.0)).unwrap().highest() - 50.0).abs() < 1e-9);
}

#[test]
fn what_lasts_no_time_or_is_no_rate_is_refused() {
    assert_eq!(Shape::constant(5.0, Duration::ZERO), Err(ShapeError::Empty));
    assert_eq!(Shape::once(Vec::new()), Err(ShapeError::Empty));
    assert_eq!(Shape::sine(1.0, 5.0, Duration::ZERO, s(1.0)), Err(ShapeError::Empty));
    for level in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Shape::ramp(1.0, level, s(1.0)), Err(ShapeError::Level));
    }
}

proptest! {
    /// Integral and inverse undo each other, whatever the pieces.
    #[test]
    fn integral_and_inverse_undo_each_other(
        pieces in prop::collection::vec((0.0_f64..500.0, 0.0_f64..500.0, 1_u64..5_000, any::<bool>()), 1..6),
        duration in 1_u64..40_000,
        share in 0.0_f64..1.0,
    ) {
        let pieces = pieces.into_iter().map(|(from, to, millis, swing)| {
            let length = Duration::from_millis(millis);
            if swing { Piece::Swing { from, to, length } } else { Piece::Line { from, to, length } }
        });
        let shape = Shape::new(pieces.collect(), Duration::from_millis(duration)).unwrap();
        let requests = shape.total() * share;
        let at = shape.inverse(requests);
        prop_assert!(at <= nanos(shape.duration()));
        prop_assert!((shape.integral(at) - requests).abs() < 1e-5 + 1e-9 * requests, "{} at {}", requests, at);
    }

    /// Newton's steps come to where halving comes, to the nanosecond, at places without a slope too.
    #[test]
    fn a_swing_is_searched_to_where_halving_leads(
        from in prop_oneof![Just(0.0), 0.0_f64..500.0],
        to in prop_oneof![Just(0.0), 0.0_f64..500.0],
        millis in 1_u64..2_000_000,
        share in prop_oneof![Just(0.0), Just(1.0), 0.0_f64..1.0],
    ) {
        prop_assume!(from + to > 1e-3);
        let length = Duration::from_millis(millis);
        let swing = Piece::Swing { from, to, length };
        let requests = swing.requests(length.as_secs_f64()) * share;
        let (searched, halved) = (swing.search(requests), swing.bisect(requests, 0.0, length.as_secs_f64()));
        let apart = (swing.requests(searched) - swing.requests(halved)).abs();
        prop_assert!((searched - halved).abs() < 1e-9 || apart < 1e-9 * requests.max(1.0), "{} {}", searched, halved);
    }
}
