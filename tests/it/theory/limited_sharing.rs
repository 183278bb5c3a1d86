//! Limited processor sharing: at most W jobs share one processor, the others wait in order of arrival.
//!
//! There is no closed form for W between one and many but for exponential work (the mean of M/M/1), so the reference
//! is a simulation of its own: nothing but remaining work and a queue, held against that closed form first.

use std::collections::VecDeque;

use rand_distr::LogNormal;

use super::*;

/// Sojourn times, in order of arrival, of `jobs` of a Poisson stream at `rate` jobs per unit under LPS(`width`).
fn reference(jobs: usize, width: usize, rate: f64, mut work: impl FnMut(&mut Stream) -> f64) -> Vec<f64> {
    // streams that the model under test doesn't draw from: the two estimates are independent
    let (mut arrivals, mut works) = (seed().stream_of(Purpose::Arrivals, 2), seed().stream_of(Purpose::Arrivals, 3));
    let (mut sharing, mut waiting) = (Vec::<(f64, usize)>::new(), VecDeque::<(f64, usize)>::new());
    let (mut arrived, mut sojourns) = (Vec::with_capacity(jobs), vec![f64::NAN; jobs]);
    let (mut now, mut next, mut answered) = (0.0, 0.0, 0);
    while answered < jobs {
        let least = sharing.iter().map(|(left, _)| *left).fold(f64::INFINITY, f64::min);
        let done = now + least * sharing.len().max(1) as f64;
        let coming = if arrived.len() < jobs { next } else { f64::INFINITY };
        let until = done.min(coming);
        let given = if done <= coming { least } else { (until - now) / sharing.len().max(1) as f64 };
        now = until;
        for (left, _) in &mut sharing {
            *left -= given;
        }
        if done <= coming {
            sharing.retain(|(left, job)| {
                let leaves = *left <= 0.0;
                if leaves {
                    sojourns[*job] = now - arrived[*job];
                    answered += 1;
                }
                !leaves
            });
        } else {
            waiting.push_back((work(&mut works), arrived.len()));
            arrived.push(now);
            let gap: f64 = Exp1.sample(&mut arrivals);
            next = now + gap / rate;
        }
        while sharing.len() < width
            && let Some(job) = waiting.pop_front()
        {
            sharing.push(job);
        }
    }
    sojourns
}

#[test]
fn with_exponential_work_the_mean_is_that_of_one_server_whatever_the_number_that_share() {
    for width in [1, 4, 1_000] {
        let seen = reference(2 * JOBS, width, 0.7, |stream| Exp1.sample(stream));
        assert_mean(&format!("reference LPS({width})"), &seen, 1.0 / (1.0 - 0.7));
    }
}

#[test]
fn four_threads_on_one_lock_are_limited_processor_sharing() {
    // much spread needs many jobs to be judged by
    for cv in [0.0_f64, 2.0] {
        let model = FunctionModel { cpu: Work { mean: UNIT, cv }, ..servers(4) };
        let (seen, seen_error) = estimate(&sojourns_of(5 * JOBS, FREE_NODE, model, 1, 0.7, |_| None));
        // log-normal with mean 1, as the model draws its work; constant where the spread is none
        let spread = (1.0 + cv * cv).ln();
        let law = LogNormal::new(-spread / 2.0, spread.sqrt()).unwrap();
        let (expected, error) = estimate(&reference(5 * JOBS, 4, 0.7, |stream| law.sample(stream)));
        let both = seen_error.hypot(error);
        assert!(both < 0.06 * expected, "LPS(4), cv {cv}: standard error {both} is too large; seed {}", seed().0);
        assert!(
            (seen - expected).abs() < 4.0 * both,
            "LPS(4), cv {cv}: {seen} is not {expected} (standard error {both}); seed {}",
            seed().0
        );
    }
}
