//! What arrives, against what the rate called for.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::schedule::shape::laws::all_shapes;
use crate::time::nanos;

const SECOND: u64 = 1_000_000_000;

fn even(shape: &Shape) -> Arrivals {
    Arrivals::new(Source::Even(Arc::new(shape.clone())), Seed(1), 0)
}

fn random(shape: &Shape, seed: u64) -> Arrivals {
    Arrivals::new(Source::Poisson(Arc::new(shape.clone())), Seed(seed), 0)
}

/// How many fall into each second; one that is due on the second has been called for by then.
fn per_second(arrivals: Arrivals, shape: &Shape) -> Vec<u64> {
    let seconds = nanos(shape.duration()).div_ceil(SECOND) as usize;
    let mut counts = vec![0; seconds];
    for at in arrivals {
        counts[(at.saturating_sub(1) / SECOND) as usize] += 1;
    }
    counts
}

/// Below it lie 99 % of a chi-square variable (Wilson and Hilferty 1931).
fn chi_square_99(degrees: f64) -> f64 {
    let part = 2.0 / (9.0 * degrees);
    degrees * (1.0 - part + 2.326_348 * part.sqrt()).powi(3)
}

/// The statistic of counts against what was expected, bins of less than 5 taken together; with its degrees of freedom.
fn chi_square(pairs: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let (mut statistic, mut bins, mut open) = (0.0, 0.0, (0.0, 0.0));
    for (seen, expected) in pairs {
        open = (open.0 + seen, open.1 + expected);
        if open.1 >= 5.0 {
            statistic += (open.0 - open.1) * (open.0 - open.1) / open.1;
            bins += 1.0;
            open = (0.0, 0.0);
        }
    }
    (statistic, bins)
}

#[test]
fn even_arrivals_in_each_second_are_the_integral_within_one_request() {
    for (name, shape) in all_shapes() {
        for (second, count) in (0..).zip(per_second(even(&shape), &shape)) {
            let called_for = shape.integral((second + 1) * SECOND) - shape.integral(second * SECOND);
            assert!(
                (count as f64 - called_for).abs() <= 1.0 + 1e-5,
                "{name}, second {second}: {count} of {called_for}"
            );
        }
    }
}

#[test]
fn even_arrivals_up_to_any_moment_are_the_whole_requests_called_for() {
    for (name, shape) in all_shapes() {
        let arrivals = even(&shape);
        for at in (0..nanos(shape.duration())).step_by(123_456_789) {
            let (count, called_for) = (arrivals.before(at) as f64, shape.integral(at));
            assert!(called_for - 1.0 - 1e-5 <= count && count <= called_for + 1e-5, "{name}: {count} of {called_for}");
        }
    }
}

/// Counts per second of an inhomogeneous Poisson process are independent Poisson variables: of many seeds about one in a
/// hundred exceeds the 99 % point, and more than five of a hundred have a chance of 5 in 10 000.
#[test]
fn poisson_arrivals_pass_a_chi_square_test_at_one_percent() {
    for (name, shape) in all_shapes() {
        let exceeding: Vec<u64> = (1..=100)
            .filter(|seed| {
                let seen = per_second(random(&shape, *seed), &shape);
                let (statistic, degrees) = chi_square((0..).zip(seen).map(|(second, seen)| {
                    let expected = shape.integral((second + 1) * SECOND) - shape.integral(second * SECOND);
                    (seen as f64, expected)
                }));
                statistic > chi_square_99(degrees)
            })
            .collect();
        assert!(exceeding.len() <= 5, "{name}: seeds {exceeding:?}");
    }
}

#[test]
fn gaps_of_a_poisson_process_are_exponential_across_its_blocks() {
    let shape = Shape::constant(1_000.0, Duration::from_secs(60)).unwrap();
    for seed in [1, 2, 3, 4, 5] {
        let arrivals: Vec<u64> = random(&shape, seed).collect();
        // exp(-gap) of a gap of mean 1 is uniform
        let mut seen = [0.0; 50];
        for gap in arrivals.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6) {
            seen[((-gap).exp() * 50.0).min(49.0) as usize] += 1.0;
        }
        let expected = (arrivals.len() - 1) as f64 / 50.0;
        let (statistic, _) = chi_square(seen.into_iter().map(|seen| (seen, expected)));
        // at one in a hundred thousand: five seeds, none of which may fail by chance
        assert!(statistic < 98.0, "seed {seed}: chi-square {statistic} of 49 degrees");
    }
}

#[test]
fn chance_follows_from_seed_and_generator() {
    let shape = Arc::new(Shape::constant(50.0, Duration::from_secs(30)).unwrap());
    let arrivals = |seed, generator| -> Vec<u64> {
        Arrivals::new(Source::Poisson(Arc::clone(&shape)), Seed(seed), generator).collect()
    };
    assert_eq!(arrivals(1, 0), arrivals(1, 0));
    assert_ne!(arrivals(1, 0), arrivals(2, 0));
    assert_ne!(arrivals(1, 0), arrivals(1, 1));
}

#[test]
fn a_copy_goes_its_own_way_and_a_look_ahead_takes_nothing() {
    let shape = Shape::constant(100.0, Duration::from_secs(9)).unwrap();
    let mut one = random(&shape, 5);
    let all: Vec<u64> = one.clone().collect();
    assert_eq!(all.len() as u64, one.total());
    for at in &all[..300] {
        assert_eq!((one.peek(), one.next()), (Some(*at), Some(*at)));
    }
    assert_eq!(one.clone().collect::<Vec<_>>(), all[300..]);
    assert_eq!(one.before(u64::MAX), one.total());
}

proptest! {
    /// What comes before a moment is what the list has before it, for each kind.
    #[test]
    fn arrivals_ascend_and_are_counted_up_to_any_moment(
        rate in 0.5_f64..400.0,
        millis in 1_u64..8_000,
        seed in any::<u64>(),
        share in 0.0_f64..1.1,
    ) {
        let shape = Arc::new(Shape::ramp(0.0, rate, Duration::from_millis(millis)).unwrap());
        let times: Arc<[u64]> = random(&shape, seed).collect();
        let at = (millis as f64 * 1e6 * share) as u64;
        for source in [Source::Even(Arc::clone(&shape)), Source::Poisson(shape), Source::Times(times)] {
            let arrivals = Arrivals::new(source, Seed(seed), 3);
            let all: Vec<u64> = arrivals.clone().collect();
            prop_assert!(all.is_sorted());
            prop_assert!(all.last().is_none_or(|last| *last <= millis * 1_000_000));
            prop_assert_eq!(all.len() as u64, arrivals.total());
            prop_assert_eq!(arrivals.before(at), all.partition_point(|due| *due < at) as u64);
        }
    }
}
