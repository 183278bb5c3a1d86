//! What a scenario without fault becomes.

use std::time::Duration;

use watchtower::study::resolve::Overrides;

use super::{GOOD, good, problems, study_with};

#[test]
fn what_the_command_line_asks_for_is_checked_like_the_file() {
    let said = |overrides: Overrides| problems(study_with(GOOD, &overrides));
    let arms = vec!["towr".to_owned(), "nobody".to_owned()];
    insta::assert_snapshot!(said(Overrides { arms, ..Overrides::default() }), @r#"
    t.toml: --arm towr is not an arm of this scenario
      hint: did you mean --arm tower? its arms: tower, control
    t.toml: --arm nobody is not an arm of this scenario
      hint: its arms: tower, control
    "#);
    insta::assert_snapshot!(said(Overrides { repeats: Some(0), seed: Some(u64::MAX), ..Overrides::default() }), @r#"
    t.toml: --repeats 0 is out of range
      hint: allowed is a whole number from 1 to 1000
    t.toml: --seed 18446744073709551615 is out of range
      hint: allowed is a whole number from 0 to 9223372036854775807
    "#);
}

#[test]
fn what_the_command_line_asks_for_wins_over_the_file() {
    let overrides =
        Overrides { arms: vec!["control".to_owned()], repeats: Some(3), seed: Some(7), ..Overrides::default() };
    let Ok(study) = study_with(GOOD, &overrides) else { panic!("no problem") };
    assert_eq!(study.arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(), ["control"]);
    assert_eq!((study.repeats, study.seed.0, study.runs()), (3, 7, 3));
    assert!(study.resolved_toml().contains("repeats = 3") && !study.resolved_toml().contains("\"tower\""));
}

#[test]
fn arms_of_one_repeat_share_their_seed_and_repeats_differ() {
    let study = good(GOOD);
    assert_eq!(study.plan(0, 1).seed, study.plan(1, 1).seed);
    assert_ne!(study.plan(0, 1).seed, study.plan(0, 2).seed);
    assert_eq!(study.plan(1, 2).arm.name, "control");
}

#[test]
fn the_smallest_scenario_is_two_tables_and_its_defaults_are_written_out() {
    let text = "[[load]]\nhey = \"-z 2m -c 50 -q 5\"\n[[arm]]\npolicy = \"fixed\"\n";
    let study = good(text);
    assert_eq!(study.planned_requests(), Some(30_000));
    // the platform's own numbers are a matter of calibration
    let mut calibrated = false;
    let lines: Vec<&str> = study
        .resolved_toml()
        .lines()
        .map(|line| {
            calibrated =
                if line.starts_with('[') { matches!(line, "[function.model]" | "[platform]") } else { calibrated };
            line.split_once(" = ").filter(|_| calibrated).map_or(line, |(key, _)| key)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    name = "t"
    description = ""

    [function]
    name = "ftest"
    query = "number=50"
    replicas = 1

    [function.model]
    connections
    cpu
    cpu_cv
    listens_after
    max_inflight
    probe_cpu
    probe_cpu_cv
    raises
    start_up
    start_up_container
    start_up_probe
    termination
    wait
    wait_cv
    workers

    [slo]
    latency = "75ms"
    percentile = 95.0

    [[load]]
    hey = "-z 2m -c 50 -q 5"
    phase = "sync"
    start = "0s"

    [run]
    cool_down = "1m"
    repeats = 1
    seed = 1
    warm_up = "15s"
    warm_up_every = "3s"

    [platform]
    cores
    gateway_cpu
    gateway_cpu_cv
    max_replicas
    transport

    [limits]
    max_cpu_generator = 0.9
    max_cpu_others = 0.25
    max_cpu_total = 0.95
    max_lateness = "auto"
    max_stall = "500ms"
    min_accounted = 0.999
    suspect = "valid"

    [[arm]]
    name = "fixed"
    policy = "fixed"
    replicas = 1
    "#);
}

#[test]
fn a_resolved_scenario_resolves_to_itself() {
    let labelled = GOOD.replace(
        "query = \"number=50\"",
        "query = \"number=7\"\nreplicas = 2\nlabels = { \"com.openfaas.scale.min\" = 2, team = \"a \\\"b\\\"\\n\" }\nmodel = { cpu = \"1.234567ms\", cpu_cv = 0.1 }",
    );
    for text in [GOOD, labelled.as_str()] {
        let study = good(text);
        let again = good(study.resolved_toml());
        assert_eq!(again.resolved_toml(), study.resolved_toml());
        assert_eq!(again.functions, study.functions);
        assert_eq!((again.generators, again.limits, again.node), (study.generators, study.limits, study.node));
    }
}

#[test]
fn the_generator_may_be_late_by_a_twentieth_of_its_period_within_reason() {
    for (flags, millis) in
        [("-z 9s -c 1 -q 5", 10), ("-z 9s -c 1 -q 10", 5), ("-z 9s -c 1 -q 1000", 1), ("-z 9s -c 1", 10)]
    {
        let study = good(&GOOD.replace("-z 10s -c 5 -q 5", flags));
        assert_eq!(study.limits.max_lateness_p99, Duration::from_millis(millis), "{flags}");
    }
}

#[test]
fn a_slow_function_makes_the_estimate_longer_than_the_schedule() {
    let sleepy = GOOD.replace("ftest", "sleepy").replace("number=50", "number=0.75");
    let study = good(&sleepy.replace("-z 10s -c 5 -q 5", "-n 300 -c 10 -q 2"));
    // 30 requests of 0.76 s by each worker, 5 s of warm-up, 60 s of cool-down
    assert!((86.0..95.0).contains(&study.duration_of_run().as_secs_f64()), "{:?}", study.duration_of_run());
}

#[test]
fn a_study_is_described_before_it_runs() {
    let study = good(GOOD);
    insta::assert_snapshot!(study.describe(), @r#"
    t: (no description)
      function   ftest?number=50
      objective  95 % within 75ms
      load 1     hey -z 10s -c 5 -q 5
      arm        tower (watchtower)
                   check_frequency = 5
                   failed_probes = "ignore"
                   max_replicas = 5
                   min_replicas = 1
                   scale_down_increment = 1.0
                   scale_down_rounds = 12
                   scale_up_increment = 0.2
                   scale_up_rounds = 2
                   settle = "1s"
                   target = 75
                   tolerance = 0.2
      arm        control (fixed)
                   replicas = 1
      runs       2 runs on embedded (seed 1), 250 requests each
      duration   about 1 min 15 s each, 2 min 30 s in all
    "#);
}
