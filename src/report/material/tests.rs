//! Made-up results for the tests of the report, and what is made of them.

use super::*;
use crate::report::charts::sample;
use crate::study::results::summary::{ArmRecord, HostRecord};

/// A run of a made-up arm.
pub(in crate::report) fn run(series: &ArmSeries, repeat: u32) -> Run {
    let ms = |of: &Distribution, share| of.quantile(share).map_or(0.0, |us| us as f64 / 1e3);
    let keys = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];
    let course = series.course.clone().unwrap_or_default();
    let summary = RunSummary {
        schema_version: 1,
        arm: series.name.clone(),
        policy: series.name.clone(),
        repeat,
        seed: 42 + u64::from(repeat),
        target: "embedded".to_owned(),
        valid: true,
        planned: 60_000,
        sent: series.latency.count(),
        completed: series.latency.count(),
        errors: course.seconds.iter().filter_map(|second| Some((second.sent - second.delivered?) as u64)).sum(),
        lost_busy: 60_000_u64.saturating_sub(series.latency.count()),
        duration_s: 120.04,
        rps: Some(series.latency.count() as f64 / 120.04),
        latency_ms: keys.iter().map(|(key, share)| ((*key).to_owned(), ms(&series.latency, *share))).collect(),
        due_ms: keys.iter().map(|(key, share)| ((*key).to_owned(), ms(&series.due, *share))).collect(),
        slo_violation_ratio: series.slo_violation_ratio,
        apdex: Some(0.91),
        replicas_mean: Some(3.42),
        replicas_max: Some(5),
        replica_seconds: Some(611.5 + f64::from(repeat)),
        scale_ups: 4,
        scale_downs: 1,
        first_scale_up_s: Some(12.2),
        back_to_min_s: Some(45.0),
        theta_u: Some(0.31),
        theta_o: Some(0.04),
        tau_u: Some(0.55),
        tau_o: Some(0.17),
        instability: Some(0.08),
        probes: course.probes.len() as u64,
        probe_p50_ms: Some(18.4),
        lateness_us: [("p50", 22.0), ("p99", 38.0), ("max", 282.0)].map(|(key, us)| (key.to_owned(), us)).into(),
        demand: Some(4),
        latency_histogram_us: series.latency.iter().collect(),
        due_histogram_us: series.due.iter().collect(),
        lateness_histogram_us: series.lateness.iter().collect(),
        ..RunSummary::default()
    };
    let scaled = |t_s, from, to, reason: &str| Event {
        t_s,
        actor: series.name.clone(),
        kind: "scale".to_owned(),
        from: Some(from),
        to: Some(to),
        reason: reason.to_owned(),
    };
    let events = vec![
        Event {
            t_s: -15.0,
            actor: "run".to_owned(),
            kind: "phase".to_owned(),
            reason: "warm-up".to_owned(),
            ..Event::default()
        },
        scaled(12.2, 1, 2, "2 probes in a row above 90 ms (118 ms, 132 ms): 1 + 20 % rounds up to 2"),
        scaled(30.3, 2, 3, "2 probes in a row above 90 ms (97.1 ms, 104 ms): 2 + 20 % rounds up to 3"),
        Event { kind: "refused".to_owned(), ..scaled(66.1, 5, 6, "the platform grants at most 5 replicas") },
        scaled(165.0, 5, 1, "12 probes in a row below 60 ms"),
    ];
    Run {
        name: format!("{}-{repeat}", series.name),
        repeat,
        summary: Some(summary),
        seconds: course.seconds,
        probes: course.probes,
        events: Some(events),
    }
}

/// The record of a made-up study of these arms.
pub(in crate::report) fn record(arms: &[&str], repeats: u32) -> StudyRecord {
    StudyRecord {
        schema_version: 1,
        watchtower_version: "0.1.0".to_owned(),
        name: "ftest".to_owned(),
        description: "two generators against the factorial function, watch tower against the OpenFaaS CE default"
            .to_owned(),
        target: "embedded".to_owned(),
        status: "done".to_owned(),
        command: ["watchtower", "run", "scenarios/ftest.toml", "--seed", "42"].map(str::to_owned).to_vec(),
        seed: 42,
        repeats,
        seeds: vec![42],
        shard: None,
        currency: None,
        started_unix_s: 1_795_478_400.0,
        ended_unix_s: Some(1_795_478_790.0),
        slo_latency_ms: 75.0,
        slo_percentile: 95.0,
        arms: arms
            .iter()
            .map(|name| ArmRecord {
                name: (*name).to_owned(),
                policy: (*name).to_owned(),
                settings: [("check_frequency", "5"), ("target", "75"), ("scale_up_increment", "0.2")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
                shadows: Vec::new(),
                aa_of: None,
            })
            .collect(),
        loads: vec!["hey -z 2m -c 50 -q 5".to_owned(), "hey -z 2m -c 50 -q 5, started 500 ms later".to_owned()],
        warm_up_s: 15.0,
        cool_down_s: 60.0,
        host: HostRecord {
            system: "Linux 6.8.0".to_owned(),
            cpu: "AMD EPYC 7763 64-Core Processor".to_owned(),
            cores: 2,
            memory_mib: 24_016,
            kept_awake: false,
        },
        expect: Vec::new(),
        notes: vec!["the embedded target models capacity: replicas are not real processes".to_owned()],
        scenario: "name = \"ftest\"\n\n[limits]\nmax_lateness = \"1ms\"\n\n[[arm]]\nname = \"watchtower\"\n".to_owned(),
    }
}

/// A made-up study.
pub(in crate::report) fn material(arms: &[&str], repeats: u32) -> Material {
    let runs = arms.iter().enumerate().flat_map(|(place, name)| {
        let series = sample::arm(name, place, 12.0 + 20.0 * place as f64, 1);
        (1..=repeats).map(move |repeat| ((*name).to_owned(), run(&series, repeat))).collect::<Vec<_>>()
    });
    Material::arrange(record(arms, repeats), runs.collect(), Vec::new())
}

#[test]
fn repeats_are_merged_and_the_first_with_a_timeline_is_shown() {
    let mut material = material(&["watchtower", "openfaas-ce"], 3);
    material.arms[0].runs[0].seconds.clear();
    let data = material.chart_data();
    assert_eq!(data.arms[0].runs, 3);
    let one = material.arms[0].runs[0].summary.as_ref().map_or(0, |run| run.completed);
    assert_eq!(data.arms[0].latency.count(), 3 * one);
    assert_eq!(data.arms[0].course.as_ref().map(|course| course.repeat), Some(2));
    assert_eq!(data.arms[0].exact_ms, None);
    assert_eq!(data.lateness_limit_us, Some(1000.0));
}

#[test]
fn a_shadow_has_the_colour_of_its_arm_or_one_that_no_arm_has() {
    let mut material = material(&["watchtower", "openfaas-ce"], 1);
    let events = material.arms[0].runs[0].events.iter_mut().flatten();
    let own: Vec<Event> = events.map(|event| event.clone()).collect();
    let of = |name: &str| {
        let actor = EventRow::shadow(name);
        own.iter()
            .filter(|event| event.kind == "scale")
            .map(move |event| Event { actor: actor.clone(), ..event.clone() })
    };
    let quiet = Event { actor: EventRow::shadow("quiet"), kind: "decision".to_owned(), ..Event::default() };
    let events = own.iter().cloned().chain(of("openfaas-ce")).chain(of("gone")).chain([quiet]).collect();
    material.arms[0].runs[0].events = Some(events);
    let data = material.chart_data();
    let shadows = &data.arms[0].course.as_ref().expect("a course").shadows;
    let drawn: Vec<_> =
        shadows.iter().map(|shadow| (shadow.name.as_str(), shadow.colour, shadow.desired.len())).collect();
    assert_eq!(drawn, [("gone", 2, 4), ("openfaas-ce", 1, 4), ("quiet", 3, 1)]);
    assert_eq!(shadows[0].desired[..2], [(-15.0, 1.0), (12.2, 2.0)]);
    assert!(data.arms[1].course.as_ref().is_some_and(|course| course.shadows.is_empty()));
}

#[test]
fn a_twin_is_no_arm_to_choose_from() {
    let mut record = record(&["watchtower", "watchtower-aa", "openfaas-ce"], 1);
    record.arms[1].aa_of = Some("watchtower".to_owned());
    let runs = material(&["watchtower", "watchtower-aa", "openfaas-ce"], 1).arms;
    let runs = runs.into_iter().flat_map(|arm| arm.runs.into_iter().map(move |run| (arm.name.clone(), run)));
    let study = Material::arrange(record, runs.collect(), Vec::new());
    let names = |arms: &[Arm]| arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&study.arms), ["watchtower", "openfaas-ce"]);
    assert_eq!(names(&study.twins), ["watchtower-aa"]);
}

#[test]
fn an_arm_keeps_its_colour_when_another_has_no_runs() {
    let material = material(&["watchtower", "openfaas-ce"], 1);
    let runs = material.arms[1].runs.iter().map(|run| ("openfaas-ce".to_owned(), run.clone())).collect();
    let data = Material::arrange(material.record, runs, Vec::new()).chart_data();
    assert_eq!((data.arms[1].name.as_str(), data.arms[1].colour), ("openfaas-ce", 1));
    assert!(data.arms[0].latency.is_empty());
}
