//! Made-up studies for tests: plausible ones to look at, and the odd ones that break drawings.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::data::{ArmSeries, Course, Difference, Distribution, Outcome, Probe, Scaling, Second, Study};

/// Two hey-like generators against a function whose arms start to scale after `slowness` seconds.
pub(crate) fn arm(name: &str, colour: usize, slowness: f64, runs: u32) -> ArmSeries {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1 + colour as u64);
    let body = LogNormal::new(0.0, 0.32).expect("a positive width");
    let (mut sent, mut due, mut late) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seconds, mut probes) = (Vec::new(), Vec::new());
    for t in -15..180_i32 {
        let t_s = f64::from(t);
        let loaded = (0..120).contains(&t);
        let desired = if t_s < slowness {
            1.0
        } else if t < 165 {
            (1.0 + ((t_s - slowness) / 18.0).floor()).min(5.0)
        } else {
            1.0
        };
        let ready = if t_s < slowness + 6.0 {
            1.0
        } else if t < 166 {
            (1.0 + ((t_s - slowness - 6.0) / 18.0).floor()).min(5.0)
        } else {
            1.0
        };
        let pressure = if loaded { 2.6 / f64::min(ready, 4.0) } else { 0.4 };
        let mut second = Second {
            t_s,
            desired: Some(desired),
            ready: Some(ready),
            demand: loaded.then_some(4.0),
            ..Second::default()
        };
        if loaded {
            second.planned = 500.0;
            second.sent = (500.0 - (pressure - 1.0).max(0.0) * 90.0 * random.random::<f64>()).floor();
            let mut answers: Vec<f64> = (0..second.sent as u32)
                .map(|_| {
                    38.0 * pressure.max(0.8) * body.sample(&mut random)
                        + if random.random::<f64>() < 0.004 { 220.0 } else { 0.0 }
                })
                .collect();
            for answer in &answers {
                sent.push(((answer * 1e3) as u64, u64::from(runs)));
                let waited = (pressure - 1.0).max(0.0) * 130.0 * random.random::<f64>();
                due.push((((answer + waited) * 1e3) as u64, u64::from(runs)));
                late.push((
                    (8.0 + 14.0 * body.sample(&mut random)) as u64
                        + if random.random::<f64>() < 0.003 { 240 } else { 0 },
                    u64::from(runs),
                ));
            }
            answers.sort_by(f64::total_cmp);
            let at =
                |share: f64| answers.get(((answers.len() as f64 * share) as usize).min(answers.len() - 1)).copied();
            second.delivered = Some(second.sent);
            (second.p50_ms, second.p95_ms, second.p99_ms) = (at(0.5), at(0.95), at(0.99));
        }
        if t % 5 == 0 {
            probes.push(Probe {
                t_s: t_s + 0.3,
                latency_ms: 11.0 + 30.0 * (pressure - 0.4).max(0.0) * body.sample(&mut random),
            });
        }
        seconds.push(second);
    }
    let slow = due.iter().filter(|(us, _)| *us > 75_000).count() as f64 + 60_000.0 - due.len() as f64;
    ArmSeries {
        name: name.to_owned(),
        colour,
        runs,
        exact_ms: None,
        slo_violation_ratio: Some(slow / 60_000.0),
        latency: Distribution::new(sent),
        due: Distribution::new(due),
        lateness: Distribution::new(late),
        outcomes: (0..runs.max(1))
            .map(|run| Outcome {
                replica_seconds: 640.0 - 6.0 * slowness + 9.0 * f64::from(run % 5),
                missed: slow / 60_000.0 * (0.94 + 0.03 * f64::from(run % 5)),
                is_valid: run != 3,
            })
            .collect(),
        probe_pairs: probe_pairs(&seconds, &probes),
        course: Some(Course {
            repeat: 1,
            scalings: scalings(&seconds),
            seconds,
            probes,
            shadows: Vec::new(),
            faults: Vec::new(),
        }),
    }
}

fn scalings(seconds: &[Second]) -> Vec<Scaling> {
    let whole = |second: &Second| second.desired.unwrap_or(0.0) as u32;
    let changes = seconds.windows(2).filter(|pair| pair[0].desired != pair[1].desired);
    changes.map(|pair| Scaling { t_s: pair[1].t_s, from: whole(&pair[0]), to: whole(&pair[1]) }).collect()
}

fn probe_pairs(seconds: &[Second], probes: &[Probe]) -> Vec<(f64, f64)> {
    let of = |probe: &Probe| seconds.iter().find(|second| second.t_s + 1.0 > probe.t_s)?.p50_ms;
    probes.iter().filter_map(|probe| Some((probe.latency_ms, of(probe)?))).collect()
}

/// Made-up comparisons of two arms, one of each kind.
pub(crate) fn differences(arm_a: &str, arm_b: &str) -> Vec<Difference> {
    [
        ("Requests that missed the objective", 0.41, 0.30, 0.55, true),
        ("p95 from due", 0.22, 0.12, 0.31, true),
        ("Replica-seconds", -0.07, -0.09, -0.045, true),
        ("Time with too few replicas", 0.02, -0.06, 0.11, false),
        ("Scale-ups", 3.5, 2.0, 6.0, true),
    ]
    .map(|(metric, relative, low, high, told)| Difference {
        metric: metric.to_owned(),
        arm_a: arm_a.to_owned(),
        arm_b: arm_b.to_owned(),
        relative,
        low,
        high,
        noise: Some((-0.05, 0.04)),
        told,
    })
    .into()
}

/// A study of these arms.
pub(crate) fn study(arms: Vec<ArmSeries>) -> Study {
    Study {
        name: "ftest".to_owned(),
        target: "embedded".to_owned(),
        seed: 42,
        slo_ms: 75.0,
        slo_percentile: 95.0,
        lateness_limit_us: Some(1000.0),
        arms,
        differences: Vec::new(),
    }
}

/// The study of the project's beginning, as it might go.
pub(crate) fn two_arms() -> Study {
    study(vec![arm("watchtower", 0, 12.0, 1), arm("openfaas-ce", 1, 34.0, 1)])
}

/// An arm whose every latency is one of these, in microseconds.
pub(crate) fn arm_of(name: &str, latencies: &[u64]) -> ArmSeries {
    let all = Distribution::new(latencies.iter().map(|us| (*us, 1)));
    ArmSeries {
        name: name.to_owned(),
        runs: 1,
        latency: all.clone(),
        due: all.clone(),
        lateness: all,
        ..ArmSeries::default()
    }
}

/// Studies that break drawings: nothing, one value, equal values, a huge range, many arms, hostile names.
pub(crate) fn odd_ones() -> Vec<(&'static str, Study)> {
    let second = |t_s: f64| Second { t_s, ..Second::default() };
    let course = |seconds: Vec<Second>| Course { repeat: 1, seconds, ..Course::default() };
    let mut lonely = arm_of("lonely", &[]);
    lonely.course = Some(course(vec![second(0.0)]));
    let mut empty_course = arm_of("empty course", &[5]);
    empty_course.course = Some(course(Vec::new()));
    let mut extreme = arm_of("extreme", &[0, 1, u64::MAX]);
    extreme.course = Some(course(vec![
        Second {
            t_s: -1e6,
            p50_ms: Some(1e-9),
            p95_ms: Some(1e12),
            p99_ms: Some(1e15),
            ready: Some(1e9),
            planned: 1e12,
            ..second(0.0)
        },
        Second { desired: Some(0.0), ..second(1e7) },
    ]));
    extreme.outcomes = vec![
        Outcome { replica_seconds: f64::INFINITY, missed: f64::NAN, is_valid: true },
        Outcome { replica_seconds: 0.0, missed: 1.0, is_valid: false },
    ];
    extreme.probe_pairs = vec![(0.0, 1e12), (f64::NAN, 1.0)];
    let mut gaps = arm_of("gaps", &[1000, 2000]);
    gaps.course = Some(course(
        (0..50)
            .map(|t| {
                let known = (t % 3 == 0).then_some(f64::from(t));
                Second { t_s: f64::from(t), p50_ms: known, p95_ms: known, p99_ms: known, ready: known, ..second(0.0) }
            })
            .collect(),
    ));
    let mut long = arm("a day", 2, 12.0, 1);
    if let Some(course) = &mut long.course {
        course.seconds = (0..86_400)
            .map(|t| Second {
                t_s: f64::from(t),
                planned: f64::from(t % 600),
                ready: Some(f64::from(t / 9000)),
                ..second(0.0)
            })
            .collect();
    }
    let eight =
        (0..8).map(|place| arm(&format!("arm number {}", place + 1), place, 10.0 + 8.0 * place as f64, 5)).collect();
    let compared = Study { differences: differences("arm number 1", "arm number 2"), ..two_arms() };
    let mut boundless = differences(&"long ".repeat(80), "small");
    boundless[0].high = f64::INFINITY;
    boundless[1].relative = f64::NAN;
    boundless[2].noise = None;
    vec![
        ("compared", compared),
        ("boundless differences", Study { differences: boundless, ..two_arms() }),
        ("no arms", study(Vec::new())),
        ("one arm, nothing measured", study(vec![ArmSeries { name: "empty".to_owned(), ..ArmSeries::default() }])),
        ("one second", study(vec![lonely, empty_course])),
        ("one value", study(vec![arm_of("one value", &[64_500])])),
        ("zero", study(vec![arm_of("zero", &[0, 0, 0])])),
        ("all equal", study(vec![arm_of("all equal", &[64_500; 100]), arm_of("all equal, too", &[64_501; 100])])),
        ("huge range", study(vec![extreme, arm_of("small", &[3])])),
        ("gaps", study(vec![gaps])),
        ("a day", study(vec![long])),
        ("one arm", study(vec![arm("watchtower", 0, 12.0, 1)])),
        ("eight arms", study(eight)),
        (
            "hostile names",
            study(vec![
                arm_of("<script>alert('x')</script> & \"co\" ]]> \u{0}\u{7}", &[10, 20]),
                arm_of(&"long ".repeat(80), &[10]),
            ]),
        ),
        ("senseless objective", Study { slo_ms: 0.0, slo_percentile: 100.0, ..two_arms() }),
    ]
}
