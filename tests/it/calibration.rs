//! Calibration without a clock: a function whose model is known is measured in virtual time, and its model found again.

use std::time::Duration;

use rand_xoshiro::rand_core::Rng;
use watchtower::drive::calibration::{
    Candidate, Design, Effort, Fit, Measurement, Misfit, Phase, Quantity, Reply, fit, judge, measure_in_virtual_time,
};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::ErrorKind;
use watchtower::time::Timestamp;

/// A random function whose workers are busy before its lock is: where the lock alone bounds it, wait and way look the same from outside.
fn random_model(seed: u64) -> Candidate {
    let mut stream = Seed(seed).stream(Purpose::Policy);
    let mut between = |low: f64, high: f64| low + (high - low) * uniform(&mut stream);
    let workers = [2, 3, 4, 5, 6, 7, 8, 10][between(0.0, 7.999) as usize];
    let cpu = between(0.7, 3.0).exp();
    let wait = cpu * f64::from(workers) * between(0.4, 1.5);
    let way = [between(0.2, 4.0), between(0.1, 1.0), between(0.0, 1.0)];
    Candidate { workers, cores: 4, values: [way[0], way[1], way[2], cpu, between(0.0, 0.5), wait, between(0.0, 0.3)] }
}

fn uniform(stream: &mut Stream) -> f64 {
    (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn closed(parallel: u32) -> Design {
    Design::Closed { parallel }
}

fn burst(size: u32) -> Design {
    Design::Bursts { leaves: (0..size).map(|place| Duration::from_micros(u64::from(30 * place))).collect() }
}

fn measured(truth: &Candidate, requests: usize, bursts: usize, seed: u64) -> Measurement {
    let mut plan: Vec<(Design, usize)> =
        [1, 2, 4, 8, 16, 32].iter().map(|parallel| (closed(*parallel), requests.max(8 * *parallel as usize))).collect();
    plan.extend([4, 8, 16, 32].iter().map(|size| (burst(*size), bursts * *size as usize)));
    measure_in_virtual_time(truth, 1, &plan, Seed(seed))
}

/// Workers exactly, CPU work and wait within `share`.
fn assert_found(seed: u64, truth: &Candidate, fit: &Fit, share: f64) {
    let words = format!("seed {seed}: {truth:?} was found as {:?} with {:?}", fit.best, fit.values);
    assert_eq!(fit.best.workers, truth.workers, "{words}");
    for quantity in [Quantity::Cpu, Quantity::Wait] {
        let away = (fit.best.get(quantity) / truth.get(quantity) - 1.0).abs();
        assert!(away < share, "{}: {:.1} % away; {words}", quantity.key(), away * 100.0);
    }
}

#[test]
fn a_known_model_is_found_again() {
    let long = std::env::var_os("WATCHTOWER_LONG").is_some();
    let seeds: Vec<u64> = if long { (1..=10).collect() } else { vec![4, 9] };
    let (requests, bursts, times, steps) = if long { (1_500, 150, 2.0, 8) } else { (300, 40, 1.0, 4) };
    std::thread::scope(|scope| {
        for part in seeds.chunks(seeds.len().div_ceil(2)) {
            scope.spawn(move || {
                for seed in part {
                    let truth = random_model(*seed);
                    let effort = Effort { times, steps, ..Effort::default() };
                    let measurement = measured(&truth, requests, bursts, 77 + seed);
                    let found = fit(&measurement, effort).expect("answers");
                    assert_found(*seed, &truth, &found, 0.05);
                    assert_eq!(judge(&measurement, Some(&found)), [], "seed {seed}");
                }
            });
        }
    });
}

fn replies(latencies_ms: impl Iterator<Item = f64>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = latencies_ms
        .zip(0_u64..)
        .map(|(latency, number)| {
            let sent = Timestamp::from_millis(number * 1_000);
            Reply { sent, done: sent + Duration::from_secs_f64(latency / 1e3), group: 0 }
        })
        .collect();
    let count = replies.len();
    for (place, reply) in replies.iter_mut().enumerate() {
        reply.group = (place * 24 / count) as u32;
    }
    replies
}

fn of(phases: Vec<Phase>) -> Measurement {
    Measurement { phases, replicas: 1 }
}

#[test]
fn a_cache_that_is_hit_and_missed_is_no_such_function() {
    let latencies = (0..200_u32).map(|number| if number % 10 == 3 { 50.0 } else { 0.4 + f64::from(number % 7) * 0.01 });
    let measurement = of(vec![Phase::new(closed(1), replies(latencies))]);
    let misfits = judge(&measurement, None);
    let [Misfit::TwoKinds { fast, slow_ms }] = misfits.as_slice() else { panic!("{misfits:?}") };
    assert!((fast.1 - 0.9).abs() < 1e-9 && (slow_ms - 50.0).abs() < 1e-6, "{misfits:?}");
    assert!(misfits[0].to_string().contains("a cache that is hit and missed"), "{}", misfits[0]);
}

#[test]
fn what_answers_as_fast_to_many_as_to_one_is_no_such_function() {
    let phase = |parallel: u32| {
        Phase::new(closed(parallel), replies((0..200).map(|number| 0.5 + f64::from(number % 5) * 0.02)))
    };
    let misfits = judge(&of([1, 2, 4, 8, 16, 32].map(phase).into()), None);
    assert!(matches!(misfits.as_slice(), [Misfit::NothingQueues { parallel: 32, .. }]), "{misfits:?}");
}

#[test]
fn an_error_page_is_no_such_function() {
    let mut phase = Phase::new(closed(1), Vec::new());
    phase.failed.insert(Ok(404), 20);
    let misfits = judge(&of(vec![phase]), None);
    assert_eq!(misfits, [Misfit::NoAnswer { most: Some((Ok(404), 20)) }]);
    assert!(misfits[0].to_string().contains("error page"), "{}", misfits[0]);
}

#[test]
fn who_turns_away_what_waits_is_no_such_function() {
    let alone = Phase::new(closed(1), replies((0..100).map(|_| 10.0)));
    let mut crowded = Phase::new(closed(8), replies((0..100).map(|_| 20.0)));
    crowded.failed.insert(Ok(503), 60);
    crowded.failed.insert(Err(ErrorKind::Reset), 2);
    let misfits = judge(&of(vec![alone, crowded]), None);
    assert!(
        misfits.iter().any(|misfit| matches!(
            misfit,
            Misfit::TurnedAway { answer: Ok(503), count: 62, of: 162, only_parallel: true, .. }
        )),
        "{misfits:?}"
    );
}

#[test]
fn a_rate_limit_that_sets_in_is_no_such_function() {
    let latencies = (0..240_u32).map(|number| if number < 90 { 5.0 } else { 20.0 } + f64::from(number % 3) * 0.1);
    let misfits = judge(&of(vec![Phase::new(closed(1), replies(latencies))]), None);
    assert!(misfits.iter().any(|misfit| matches!(misfit, Misfit::Unsteady { .. })), "{misfits:?}");
}
