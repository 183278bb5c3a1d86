//! The emulated chain against measurements of the real one: see `oracle/README.md`.

use std::time::Duration;

use watchtower::drive::Arm;
use watchtower::drive::replay::{Recording, Replayed, Sample, counters};
use watchtower::policy::FunctionInfo;
use watchtower::policy::registry;
use watchtower::policy::settings::{Settings, Value};
use watchtower::random::Seed;
use watchtower::record::{EventKind, FunctionId};

/// The measured replicas were polled each 100 ms.
const TOLERANCE_S: f64 = 0.2;
const STUDIED: FunctionId = FunctionId::STUDIED;

const RUNS: &str = include_str!("oracle/runs.csv");
const TRANSITIONS: &str = include_str!("oracle/transitions.csv");
const ALERTS: &str = include_str!("oracle/alerts.csv");
const SCRAPES: [(&str, &str); 12] = [
    ("seed_x1_a", include_str!("oracle/scrapes/seed_x1_a.csv")),
    ("sleepy_1", include_str!("oracle/scrapes/sleepy_1.csv")),
    ("slowscale_20ms", include_str!("oracle/scrapes/slowscale_20ms.csv")),
    ("burst100rps_20s_1", include_str!("oracle/scrapes/burst100rps_20s_1.csv")),
    ("burst100rps_20s_2", include_str!("oracle/scrapes/burst100rps_20s_2.csv")),
    ("fail500_20rps_1", include_str!("oracle/scrapes/fail500_20rps_1.csv")),
    ("step20rps_1", include_str!("oracle/scrapes/step20rps_1.csv")),
    ("step20rps_2", include_str!("oracle/scrapes/step20rps_2.csv")),
    ("step20rps_3", include_str!("oracle/scrapes/step20rps_3.csv")),
    ("step4rps_2", include_str!("oracle/scrapes/step4rps_2.csv")),
    ("step6rps_1", include_str!("oracle/scrapes/step6rps_1.csv")),
    ("twofn_ftest", include_str!("oracle/scrapes/twofn_ftest.csv")),
];

/// The fields of each row after the heading.
fn rows(csv: &str) -> impl Iterator<Item = Vec<&str>> {
    csv.lines().skip(1).filter(|line| !line.is_empty()).map(|line| line.split(',').collect())
}

fn arm(settings: &[(&str, &str)]) -> Arm {
    let policy = registry::find("openfaas-ce").unwrap();
    let parameters = (policy.parameters)();
    let mut complete = Settings::defaults(&parameters);
    for (name, value) in settings {
        complete.set(&parameters, name, Value::Owned((*value).to_owned())).unwrap();
    }
    Arm { name: "openfaas-ce".to_owned(), policy, settings: complete }
}

fn recording(name: &str, samples: Vec<Sample>) -> Recording {
    Recording::new(FunctionInfo { name: name.to_owned(), ..FunctionInfo::default() }, samples)
}

/// The measured run once more, through the emulated chain.
fn replayed(run: &[&str]) -> Replayed {
    let [name, t0_unix, webhook_latency, flush_drift, _] = run else { panic!("{run:?}") };
    let arm = arm(&[
        ("evaluation_phase", "8.324404523s"),
        ("webhook_latency", webhook_latency),
        ("flush_drift", flush_drift),
    ]);
    let (_, scrapes) = SCRAPES.iter().find(|(of, _)| of == name).unwrap();
    let samples: Vec<Sample> = rows(scrapes)
        .map(|row| Sample {
            t_s: row[0].parse().unwrap(),
            code: row[1].parse().unwrap(),
            value: row[2].parse().unwrap(),
        })
        .collect();
    let mut recordings = vec![recording("ftest", samples.clone())];
    if *name == "twofn_ftest" {
        let other =
            |sample: &Sample| Sample { value: 20.0 * (sample.t_s.clamp(51.0, 121.0) - 51.0).floor(), ..*sample };
        recordings.push(recording("other", samples.iter().map(other).collect()));
    }
    counters(&arm, Seed(1), Duration::from_secs_f64(t0_unix.parse().unwrap()), &recordings)
}

fn assert_scales(what: &str, found: &[(f64, u32, u32)], expected: &[(f64, u32, u32)]) {
    let same = |(found, expected): (&(f64, u32, u32), &(f64, u32, u32))| {
        (found.0 - expected.0).abs() <= TOLERANCE_S && (found.1, found.2) == (expected.1, expected.2)
    };
    let agree = found.len() == expected.len() && found.iter().zip(expected).all(same);
    assert!(agree, "{what}: replayed {found:?}, measured {expected:?}");
}

#[test]
fn the_chain_makes_every_measured_transition_within_200_ms_and_no_other() {
    for run in rows(RUNS) {
        let expected: Vec<(f64, u32, u32)> = rows(TRANSITIONS)
            .filter(|row| row[0] == run[0])
            .map(|row| (row[1].parse().unwrap(), row[2].parse().unwrap(), row[3].parse().unwrap()))
            .collect();
        assert_scales(run[0], &replayed(&run).scales(STUDIED), &expected);
    }
}

#[test]
fn the_chain_scales_as_often_as_the_measured_provider_was_asked_to() {
    for run in rows(RUNS) {
        let asked = replayed(&run).events.iter().filter(|event| event.kind == EventKind::Scale).count();
        assert_eq!(asked.to_string(), run[4], "{}", run[0]);
    }
}

#[test]
fn alerts_are_pending_and_firing_at_the_measured_evaluations() {
    for run in rows(RUNS) {
        // a change per row: the state's first evaluation; its last is one interval before it ended
        let mut expected: Vec<(f64, &str)> = Vec::new();
        let mut last: Option<(f64, &str)> = None;
        for row in rows(ALERTS).filter(|row| row[0] == run[0]) {
            let (at, state): (f64, &str) = (row[1].parse().unwrap(), row[2]);
            if last.is_none_or(|(_, before)| before != state) {
                expected.push((at, state));
            }
            last = Some((at, state));
        }
        if let Some((at, state)) = last {
            expected.push((at + 15.0, if state == "pending" { "dropped" } else { "resolved" }));
        }
        let replayed = replayed(&run);
        let found: Vec<(f64, &str)> = replayed
            .events
            .iter()
            .filter(|event| event.kind == EventKind::Alert)
            .filter_map(|event| Some((event.t_s, event.reason.text.strip_prefix("alert of ftest ")?)))
            .collect();
        let same = |(found, expected): (&(f64, &str), &(f64, &str))| {
            (found.0 - expected.0).abs() < 0.002 && found.1.starts_with(expected.1)
        };
        let agree = found.len() == expected.len() && found.iter().zip(&expected).all(same);
        assert!(agree, "{}: replayed {found:?}, measured {expected:?}", run[0]);
    }
}

/// A made-up counter: scrapes each 5 s from `phase` on, of a load that `rate` gives per second of time.
fn made_up(name: &str, phase: f64, is_new: bool, rate: impl Fn(f64) -> f64) -> Recording {
    let mut samples = Vec::new();
    let (mut value, mut millis) = (0.0, 0);
    for step in -3..60 {
        let t_s = phase + 5.0 * f64::from(step);
        while f64::from(millis) / 1000.0 < t_s {
            value += rate(f64::from(millis) / 1000.0) / 1000.0;
            millis += 1;
        }
        if !is_new || value > 0.0 {
            let value: f64 = value + if is_new { 0.0 } else { 1000.0 };
            samples.push(Sample { t_s, code: 200, value: value.floor() });
        }
    }
    recording(name, samples)
}

/// Steps of the first function with evaluations at 3.27 s + 15 s x k after the load's start.
fn steps(webhook_latency: &str, recordings: &[Recording]) -> Vec<(f64, u32, u32)> {
    let settings = [
        ("evaluation_phase", "3.27s"),
        ("phase_reference", "load"),
        ("webhook_latency", webhook_latency),
        ("flush_drift", "5ms"),
    ];
    counters(&arm(&settings), Seed(1), Duration::from_secs(1_700_000_000), recordings).scales(STUDIED)
}

#[test]
fn synthetic_loads_step_as_they_did_through_the_real_programs() {
    // Prometheus 2.42 and Alertmanager 0.25 behind a synthetic gateway, load from 0 s to 200 s unless said otherwise
    let until_200 = |t: f64| if t < 200.0 { 100.0 } else { 0.0 };
    let existing = made_up("ftest", 0.98, false, until_200);
    let new = made_up("ftest", 3.70, true, until_200);
    let climb = |times: [f64; 4], end: f64| {
        let mut steps: Vec<(f64, u32, u32)> = (1..).zip(times).map(|(from, at)| (at, from, from + 1)).collect();
        steps.push((end, 5, 1));
        steps
    };
    assert_scales("existing series", &steps("30ms", &[existing]), &climb([23.29, 63.31, 103.32, 143.34], 213.38));
    assert_scales(
        "new series",
        &steps("30ms", std::slice::from_ref(&new)),
        &climb([38.29, 78.31, 118.33, 158.36], 218.39),
    );
    assert_scales("webhook of 0 ms", &steps("0ms", &[new]), &climb([38.29, 68.31, 98.32, 128.34], 218.38));
}

#[test]
fn a_load_at_4_9_per_second_never_scales_and_one_at_5_3_climbs_to_the_maximum() {
    let steps_at = |rate: f64| steps("30ms", &[made_up("ftest", 0.98, false, |t| if t < 170.0 { rate } else { 0.0 })]);
    assert_eq!(steps_at(4.9), []);
    assert_eq!(steps_at(5.3).iter().map(|(_, _, to)| *to).max(), Some(5));
}

#[test]
fn a_pause_of_fifteen_seconds_drops_to_the_minimum_and_starts_from_the_beginning() {
    // evaluations at 14.6 s + 15 s x k
    let settings = [("evaluation_phase", "14.6s"), ("phase_reference", "load"), ("webhook_latency", "30ms")];
    let load = made_up("ftest", 0.5, false, |t| if t < 150.0 && !(60.0..75.0).contains(&t) { 100.0 } else { 0.0 });
    let found = counters(&arm(&settings), Seed(1), Duration::from_secs(1_700_000_000), &[load]).scales(STUDIED);
    assert_scales("pause", &found[..3], &[(34.6, 1, 2), (74.65, 2, 1), (109.6, 1, 2)]);
}

#[test]
fn a_second_function_speeds_the_first_ones_climb() {
    let settings = [("evaluation_phase", "14.6s"), ("phase_reference", "load"), ("webhook_latency", "30ms")];
    let run = |recordings: &[Recording]| {
        counters(&arm(&settings), Seed(1), Duration::from_secs(1_700_000_000), recordings).scales(STUDIED)
    };
    let first = made_up("ftest", 0.5, false, |t| if t < 160.0 { 100.0 } else { 0.0 });
    // fires at 89.6 s, resolved at 119.6 s
    let second = made_up("other", 0.5, false, |t| if (62.0..107.0).contains(&t) { 100.0 } else { 0.0 });
    let alone = run(std::slice::from_ref(&first));
    assert_scales("alone", &alone[..4], &[(34.6, 1, 2), (74.6, 2, 3), (114.65, 3, 4), (154.65, 4, 5)]);
    let coupled = run(&[first, second]);
    assert_scales("coupled", &coupled[..4], &[(34.6, 1, 2), (74.6, 2, 3), (94.6, 3, 4), (124.6, 4, 5)]);
}
