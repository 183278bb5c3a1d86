//! A study's directory from its beginning to its end, as scripts and later commands find it.

#![expect(clippy::expect_used, reason = "a test that can't go on says why")]

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use watchtower::drive::{Outcome, Phase, Recorder, Tally};
use watchtower::record::{
    CpuShares, Detail, ErrorKind, EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, ReplicaId,
    RequestRow, WorkerId,
};
use watchtower::stats::demand::{Demand, DemandCurve};
use watchtower::stats::slo::Slo;
use watchtower::study::results::summary::{ArmRecord, RunSummary, StudyRecord};
use watchtower::study::results::{Alone, Ending, Price, ResultsDir, ResultsError, RunAbout, RunWriter};
use watchtower::time::{Epoch, Timestamp};

pub(crate) fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn record(arms: &[&str]) -> StudyRecord {
    let arm = |name: &&str| ArmRecord { name: (*name).to_owned(), policy: "fixed".to_owned(), ..ArmRecord::default() };
    StudyRecord {
        schema_version: 1,
        name: "made-up".to_owned(),
        arms: arms.iter().map(arm).collect(),
        status: "running".to_owned(),
        ..StudyRecord::default()
    }
}

pub(crate) fn about(arm: &str, repeat: u32) -> RunAbout {
    let slo = Slo { latency: Duration::from_millis(75), percentile: 95.0 };
    RunAbout {
        shadows: vec!["other".to_owned()],
        repeat,
        seed: 7,
        cores: Some(2),
        loads: vec!["hey -z 3s -c 1 -q 2".to_owned(), "hey -z 3s -c 1 -q 1".to_owned()],
        demand: DemandCurve::constant(Demand::Replicas(2), None),
        alone: Some(Alone { request: Duration::from_millis(40), thread: Duration::from_millis(30), threads: 4 }),
        price: Some(Price { currency: "EUR".to_owned(), replica_second: Some(0.002), memory_gb: Some(0.5) }),
        ..RunAbout::of(arm, "fixed", "simulated", slo)
    }
}

/// Load starts after 2 s of warm-up; a request of `generator` due and sent so many ms into the load.
fn request(generator: u16, due: u64, sent: u64, latency: u64) -> RequestRow {
    let at = |millis| ms(2_000 + millis);
    RequestRow {
        generator: GeneratorId(generator),
        worker: WorkerId(0),
        due: at(due),
        ready: at(sent),
        sent: at(sent),
        first_byte: Some(at(sent + latency)),
        done: at(sent + latency),
        answer: Ok(200),
        replica: Some(ReplicaId(0)),
        detail: Detail { size: Some(76), ..Detail::default() },
    }
}

fn sample(ready: u32, desired: u32, cpu: u64, lived: u64) -> PlatformSample {
    PlatformSample {
        queue: 1,
        desired,
        ready,
        starting: desired.saturating_sub(ready),
        terminating: 0,
        cpu_time: Some(Duration::from_millis(cpu)),
        replica_time: Duration::from_millis(lived),
    }
}

fn event(at: u64, kind: EventKind, from: u32, to: u32, reason: &str) -> EventRow {
    let actor = Cow::Borrowed(if kind == EventKind::Scale { "fixed" } else { "platform" });
    EventRow { at: ms(at), actor, kind, from: Some(from), to: Some(to), reason: reason.to_owned(), value: Some(0.5) }
}

/// Three seconds of load after two of warm-up, one of cool-down; 9 planned, 7 sent, 1 lost busy, 1 still unused at the stop.
/// Desired goes 1, 2, 1 and ready follows. Stops before `finish`.
pub(crate) fn made_up(run: &mut RunWriter) -> Outcome {
    let rows = [
        request(0, 500, 500, 50),
        request(0, 1_000, 1_000, 70),
        // under way at the end of second 1
        RequestRow { answer: Ok(500), ..request(0, 1_500, 1_500, 600) },
        RequestRow {
            answer: Err(ErrorKind::Timeout),
            first_byte: None,
            replica: None,
            ..request(0, 2_000, 2_100, 100)
        },
        request(0, 2_500, 2_500, 80),
        request(1, 1_000, 1_000, 10),
        request(1, 2_000, 2_000, 400),
    ];
    run.begin(Epoch::from_unix(Duration::from_secs(1_700_000_000)), ms(2_000)).expect("kept");
    run.phase(ms(0), Phase::WarmUp).expect("kept");
    let probe = ProbeRow {
        sent: ms(1_500),
        latency: Some(Duration::from_micros(20_500)),
        answer: Ok(200),
        above: 0,
        below: 1,
        decision: "wait, and see".into(),
    };
    run.probe(&probe).expect("kept");
    let failed = ProbeRow { sent: ms(4_500), latency: None, answer: Err(ErrorKind::Refused), ..probe };
    run.probe(&failed).expect("kept");
    run.second(ms(1_000), 0, &sample(1, 1, 0, 1_000)).expect("kept");
    run.second(ms(2_000), 0, &sample(1, 1, 0, 2_000)).expect("kept");
    run.phase(ms(2_000), Phase::Load).expect("kept");
    run.request(&rows[0]).expect("kept");
    run.second(ms(3_000), 1, &sample(1, 1, 500, 3_000)).expect("kept");
    run.event(&event(3_200, EventKind::Scale, 1, 2, "p95 = 80 ms > 75 ms, \"twice\"")).expect("kept");
    run.request(&rows[1]).expect("kept");
    run.request(&rows[5]).expect("kept");
    run.event(&event(3_500, EventKind::Ready, 1, 2, "replica 1")).expect("kept");
    run.second(ms(4_000), 4, &sample(2, 2, 2_500, 4_800)).expect("kept");
    run.lost(ms(4_100), GeneratorId(0), Lost { busy: 1, late: 0 }).expect("kept");
    for row in [2, 3, 6, 4] {
        run.request(&rows[row]).expect("kept");
    }
    run.second(ms(5_000), 8, &sample(2, 2, 3_000, 6_800)).expect("kept");
    run.phase(ms(5_000), Phase::CoolDown).expect("kept");
    run.event(&event(5_250, EventKind::Scale, 2, 1, "calm")).expect("kept");
    run.event(&event(5_250, EventKind::Terminated, 2, 1, "replica 1")).expect("kept");
    run.second(ms(6_000), 9, &sample(1, 1, 3_000, 8_050)).expect("kept");
    let tally = |planned, sent, busy, unused| Tally {
        planned,
        sent,
        lost: Lost { busy, late: 0 },
        unused,
        duration: Duration::from_secs(3),
        ..Tally::default()
    };
    Outcome {
        epoch: Epoch::from_unix(Duration::from_secs(1_700_000_000)),
        load_start: ms(2_000),
        load_end: ms(5_000),
        end: ms(6_000),
        generators: vec![tally(6, 5, 1, 0), tally(3, 2, 0, 1)],
        stalled: Duration::ZERO,
        interrupted: false,
        last_sample: sample(1, 1, 3_000, 8_050),
    }
}

fn close(found: Option<f64>, wanted: f64) {
    assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?} is not {wanted}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fresh(arms: &[&str]) -> (tempfile::TempDir, ResultsDir) {
    let temporary = tempfile::tempdir().expect("a directory");
    let results = ResultsDir::create(&temporary.path().join("results/made-up"), &record(arms)).expect("created");
    (temporary, results)
}

#[test]
fn a_summary_is_what_the_rows_add_up_to() {
    let (_temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    let outcome = made_up(&mut run);
    let snapshot = run.snapshot();
    assert_eq!((snapshot.sent, snapshot.completed, snapshot.errors), (7, 6, 2));
    assert_eq!((snapshot.ready, snapshot.desired), (Some(1), Some(1)));
    assert_eq!(snapshot.latency_p95, Some(Duration::from_millis(600)));

    let summary = run.finish(&outcome).expect("written");
    assert!(summary.valid, "{:?}", summary.invalid_because);
    assert_eq!((summary.planned, summary.sent, summary.completed, summary.errors), (9, 7, 6, 2));
    assert_eq!((summary.lost_busy, summary.lost_late), (2, 0));
    assert_eq!(summary.status_codes.into_iter().collect::<Vec<_>>(), [(200, 5), (500, 1)]);
    assert_eq!(summary.error_kinds.into_iter().collect::<Vec<_>>(), [("timeout".to_owned(), 1)]);
    // answered in 10, 50, 70, 80, 400, 600 ms
    close(summary.latency_ms.get("p50").copied(), 70.0);
    close(summary.latency_ms.get("p95").copied(), 600.0);
    close(summary.latency_ms.get("mean").copied(), 201.666_667);
    // good and within 75 ms from due: 50, 70, 10; within 300 ms: 80
    close(summary.slo_violation_ratio, 6.0 / 9.0);
    close(summary.apdex, 3.5 / 9.0);
    // one replica for 1.5 s of the load, two for the other 1.5 s
    close(summary.replicas_mean, 1.5);
    assert_eq!(summary.replicas_max, Some(2));
    close(summary.replica_seconds, 6.05);
    close(summary.theta_u, 0.25);
    close(summary.theta_o, 0.0);
    close(summary.tau_u, 0.5);
    close(summary.instability, 1.0 / 3.0);
    assert_eq!((summary.scale_ups, summary.scale_downs), (1, 1));
    close(summary.first_scale_up_s, 1.2);
    close(summary.back_to_min_s, 0.25);
    close(summary.rps, 7.0 / 3.0);
    assert_eq!(summary.probes, 2);
    close(summary.probe_p50_ms, 20.5);
    let measures = &summary.measures;
    for (name, wanted) in [
        // the seconds of the load: one good of one; two good of three; none of three, one lost there and one never called for
        ("slo_missed_1s", 2.0 / 3.0),
        ("slo_missed_10s", 1.0),
        // from second 1 until the load ends with second 2, without an end
        ("recovery_s", 2.0),
        ("recovery_longest_s", 2.0),
        ("overloads", 1.0),
        ("recovered", 0.0),
        // answered in 50, 70, 600, 80, 10 (no less than the 40 alone) and 400 ms from due
        ("slowdown_mean", 1_240.0 / 6.0 / 40.0),
        ("slowdown_p99", 15.0),
        // five good answers of 30 ms; four threads of 4.5 replica-seconds
        ("efficiency", 0.15 / 18.0),
        ("rise_s", 0.0),
        // (0 + 0 + 525) / 3 ms too much in second 1, (125 + 5 + 325) / 3 ms in second 2
        ("itae_s2", 1.5 * 175.0 / 75.0 + 2.5 * 455.0 / 3.0 / 75.0),
        // up and down again within four seconds
        ("scalings_per_min", 30.0),
        ("cold_share", 0.0),
        // of 1/4, 0, 1/2, 0, 1/3, 2/3
        (
            "deviation",
            (0.25_f64.powi(6) + 0.5_f64.powi(6) + (1.0_f64 / 3.0).powi(6) + (2.0_f64 / 3.0).powi(6)).powf(1.0 / 6.0),
        ),
        ("deviation_worst", 2.0 / 3.0),
        ("cost", 0.0121),
        ("cost_per_million", 1e6 * 0.0121 / 3.0),
        ("memory_gb_s", 3.025),
        ("billed_gb_s", 0.605),
    ] {
        let found = measures.get(name).copied();
        assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{name}: {found:?} is not {wanted}");
    }
    // one turn, one answered probe before the load, no request without a replica: of these nothing can be said
    for name in ["longest_cycle_s", "probe_pearson", "probe_spearman", "probe_lag_s", "cold_mean_ms"] {
        assert_eq!(measures.get(name), None, "{name}");
    }
    assert_eq!(summary.generators[1].lost_busy, 1);
    assert_eq!(summary.generators[1].load, "hey -z 3s -c 1 -q 1");
}

#[test]
fn cpu_is_counted_over_the_whole_seconds_of_the_load() {
    let (_temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    run.begin(Epoch::from_unix(Duration::ZERO), ms(2_000)).expect("kept");
    let shares = |others| CpuShares { others, platform: None, total: others, ..CpuShares::default() };
    // the last second of the warm-up, two of the load, the one in which it ended
    run.cpu(ms(2_000), &shares(1.0)).expect("kept");
    run.cpu(ms(3_000), &shares(0.1)).expect("kept");
    run.cpu(ms(4_000), &shares(0.3)).expect("kept");
    run.phase(ms(4_500), Phase::CoolDown).expect("kept");
    run.cpu(ms(5_000), &shares(1.0)).expect("kept");
    let mut outcome = made_up(&mut results.run(about("other", 1)).expect("begun"));
    outcome.load_end = ms(4_500);
    let summary = run.finish(&outcome).expect("written");
    let cpu = summary.cpu.expect("two seconds");
    assert_eq!(cpu.seconds, 2);
    close(Some(cpu.mean.others), 0.2);
    close(Some(cpu.worst.others), 0.3);
    assert_eq!(cpu.mean.platform, None);
    assert_eq!(summary.suspect_because.len(), 1, "one second of two was above a quarter");
    insta::assert_snapshot!(read(&results.path().join("runs/a-1/cpu.csv")), @r"
        t_s,generator,generator_thread,platform,process,others,stolen,total,awake
        -1,0.0000,0.0000,,0.0000,1.0000,0.0000,1.0000,0.0000
        0,0.0000,0.0000,,0.0000,0.1000,0.0000,0.1000,0.0000
        1,0.0000,0.0000,,0.0000,0.3000,0.0000,0.3000,0.0000
        2,0.0000,0.0000,,0.0000,1.0000,0.0000,1.0000,0.0000
        ");
}

#[test]
fn the_files_of_a_run_are_what_the_contract_says() {
    let (_temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    let outcome = made_up(&mut run);
    run.finish(&outcome).expect("written");
    let path = results.run_path("a-1");
    let mut names: Vec<_> = fs::read_dir(&path)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    let expected =
        "events.csv files.json hey-1.txt hey-2.txt latency.hgrm probes.csv requests.csv summary.json timeline.csv";
    assert_eq!(names.join(" "), expected);

    insta::assert_snapshot!(read(&path.join("requests.csv")), @r"
    generator,worker,due_s,ready_s,sent_s,first_byte_s,done_s,status,error,replica
    1,0,0.500000,0.500000,0.500000,0.550000,0.550000,200,,0
    1,0,1.000000,1.000000,1.000000,1.070000,1.070000,200,,0
    2,0,1.000000,1.000000,1.000000,1.010000,1.010000,200,,0
    1,0,1.500000,1.500000,1.500000,2.100000,2.100000,500,,0
    1,0,2.000000,2.100000,2.100000,,2.200000,,timeout,
    2,0,2.000000,2.000000,2.000000,2.400000,2.400000,200,,0
    1,0,2.500000,2.500000,2.500000,2.580000,2.580000,200,,0
    ");
    insta::assert_snapshot!(read(&path.join("timeline.csv")), @r"
    t_s,planned,sent,completed,errors,lost,in_flight,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,queue,desired,ready,starting,terminating,demand,utilisation,replica_seconds
    -2,0,0,0,0,0,0,,,,,,1,1,1,0,0,,0.0000,1.000000
    -1,0,0,0,0,0,0,,,,,,1,1,1,0,0,,0.0000,1.000000
    0,1,1,1,0,0,0,50.000,50.000,50.000,50.000,50.000,1,1,1,0,0,2,0.2500,1.000000
    1,3,3,2,0,0,1,10.000,70.000,70.000,70.000,70.000,1,2,2,0,0,2,1.0000,1.800000
    2,4,3,3,2,1,0,400.000,600.000,600.000,600.000,600.000,1,2,2,0,0,2,0.2500,2.000000
    3,1,0,0,0,1,0,,,,,,1,1,1,0,0,,0.0000,1.250000
    ");
    insta::assert_snapshot!(read(&path.join("events.csv")), @r#"
    t_s,actor,kind,from,to,reason,value
    1.200000,fixed,scale,1,2,"p95 = 80 ms > 75 ms, ""twice""",0.5
    1.500000,platform,ready,1,2,replica 1,0.5
    3.250000,fixed,scale,2,1,calm,0.5
    3.250000,platform,terminated,2,1,replica 1,0.5
    "#);
    insta::assert_snapshot!(read(&path.join("probes.csv")), @r#"
    t_s,latency_ms,status,above,below,decision
    -0.500000,20.500,200,0,1,"wait, and see"
    2.500000,,refused,0,1,"wait, and see"
    "#);
    assert!(read(&path.join("hey-2.txt")).contains("  [200]\t2 responses\n"));
    assert!(read(&path.join("hey-1.txt")).contains("  [1]\tno complete answer within the time-out\n"));
}

#[test]
fn what_was_written_reads_back() {
    let (temporary, mut results) = fresh(&["b", "a"]);
    let mut written = Vec::new();
    for (arm, repeat) in [("a", 2), ("a", 1), ("b", 1)] {
        let mut run = results.run(about(arm, repeat)).expect("begun");
        let outcome = made_up(&mut run);
        let summary = run.finish(&outcome).expect("written");
        results.add(&summary).expect("added");
        written.push(summary);
    }
    drop(results.run(about("b", 2)).expect("begun"));
    results.finish(Ending::Done, 1_700_000_100.0).expect("finished");

    let (opened, record) = ResultsDir::open(&temporary.path().join("results/made-up")).expect("opened");
    assert_eq!((record.status.as_str(), record.ended_unix_s), ("done", Some(1_700_000_100.0)));
    let order: Vec<_> = opened.summaries().expect("read").into_iter().map(|run| (run.arm, run.repeat)).collect();
    assert_eq!(order, [("b".to_owned(), 1), ("a".to_owned(), 1), ("a".to_owned(), 2)]);
    assert_eq!(opened.summaries().expect("read")[0], written[2]);
    assert_eq!(opened.unfinished().expect("read"), ["b-2"]);

    let timeline = opened.timeline("a-1").expect("read");
    assert_eq!(timeline.iter().map(|row| row.t_s).collect::<Vec<_>>(), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    assert_eq!(timeline.iter().filter_map(|row| row.planned).sum::<u64>(), 9);
    assert_eq!(timeline.iter().filter_map(|row| row.lost).sum::<u64>(), 2);
    let events = opened.events("a-1").expect("read");
    assert_eq!(events[0].reason, "p95 = 80 ms > 75 ms, \"twice\"");
    assert_eq!((events[0].t_s, events[0].from, events[0].to, events[0].value), (1.2, Some(1), Some(2), Some(0.5)));
    let probes = opened.probes("a-1").expect("read");
    assert_eq!((probes[0].latency_ms, probes[0].status.as_str()), (Some(20.5), "200"));
    assert_eq!((probes[1].latency_ms, probes[1].status.as_str()), (None, "refused"));

    let comparison = read(&opened.path().join("comparison.csv"));
    let mut lines = comparison.lines();
    assert!(lines.next().expect("a head").starts_with(
        "arm,repeat,seed,target,valid,planned,sent,completed,errors,lost_busy,lost_late,achieved_ratio,duration_s,rps,mean_ms,\
         p10_ms,p25_ms,p50_ms,p75_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms,due_p50_ms,due_p95_ms,due_p99_ms,\
         slo_violation_ratio,apdex,replicas_mean,replicas_max,replica_seconds,scale_ups,scale_downs,first_scale_up_s,\
         back_to_min_s,theta_u,theta_o,tau_u,tau_o,instability,probes,probe_p50_ms,"
    ));
    assert_eq!(lines.count(), 3);
}

#[test]
fn a_killed_run_keeps_whole_rows_of_what_it_saw() {
    let (_temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    made_up(&mut run);
    // what is on disk now is what kill -9 would leave: the last second has ended, and nothing was finished
    for file in ["requests.csv", "timeline.csv", "events.csv", "probes.csv"] {
        let text = read(&results.run_path("a-1").join(file));
        let columns = text.lines().next().expect("a head").split(',').count();
        assert!(text.ends_with('\n'), "{file}");
        assert!(text.lines().skip(1).all(|line| line.split(',').count() >= columns), "{file}: {text}");
    }
    assert_eq!(read(&results.run_path("a-1").join("requests.csv")).lines().count(), 8);
    let timeline = results.timeline("a-1").expect("read");
    assert_eq!(timeline.len(), 6);
    assert_eq!(timeline[3].completed, Some(2));
    assert_eq!((timeline[3].sent, timeline[3].in_flight), (None, None), "a request may still be under way");
    assert_eq!(results.unfinished().expect("read"), ["a-1"]);
    std::mem::forget(run);
}

#[test]
fn an_event_is_on_disk_as_soon_as_it_happened() {
    let (_temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    run.event(&event(10, EventKind::Scale, 1, 2, "why")).expect("kept");
    assert_eq!(results.events("a-1").expect("read").len(), 1);
}

#[test]
fn what_exists_is_never_overwritten() {
    let (temporary, results) = fresh(&["a"]);
    let path = results.path().to_owned();
    let before = read(&path.join("study.json"));
    let error = ResultsDir::create(&path, &record(&["b"])).expect_err("refused").to_string();
    assert_eq!(
        error,
        format!(
            "{} exists, and results are never overwritten\n  hint: choose another directory with --out, or remove it",
            path.display()
        )
    );
    assert_eq!(read(&path.join("study.json")), before);

    let _run = results.run(about("a", 1)).expect("begun");
    assert!(matches!(results.run(about("a", 1)), Err(ResultsError::Exists(run)) if run.ends_with("runs/a-1")));

    let file = temporary.path().join("file");
    fs::write(&file, "mine").expect("written");
    for path in [file.clone(), file.join("results")] {
        let error = ResultsDir::create(&path, &record(&["a"])).expect_err("refused").to_string();
        assert!(error.contains(&format!("{} is a file", file.display())), "{error}");
    }
    assert_eq!(read(&file), "mine");
}

#[test]
fn a_parent_that_cannot_be_written_is_named_with_what_to_do() {
    // nobody may make a directory in /proc, root neither
    let path = Path::new("/proc/watchtower/results");
    let error = ResultsDir::create(path, &record(&["a"])).expect_err("refused").to_string();
    assert!(error.starts_with("/proc/watchtower/results cannot be created: "), "{error}");
    assert!(error.ends_with("choose a directory you may write to with --out"), "{error}");
}

#[test]
fn an_arm_cannot_write_outside_its_directory() {
    let (_temporary, results) = fresh(&["a"]);
    for arm in ["", "../a", "a/b", ".hidden", "a\nb"] {
        assert!(matches!(results.run(about(arm, 1)), Err(ResultsError::ArmName(name)) if name == arm));
    }
}

#[test]
fn a_damaged_file_is_named_with_its_line() {
    let (temporary, results) = fresh(&["a"]);
    let mut run = results.run(about("a", 1)).expect("begun");
    let outcome = made_up(&mut run);
    run.finish(&outcome).expect("written");
    let path = results.run_path("a-1");
    let timeline = path.join("timeline.csv");
    let whole = read(&timeline);
    let with = |text: &str| {
        fs::write(&timeline, text).expect("written");
        results.timeline("a-1").expect_err("refused").to_string()
    };

    let error = with(whole.trim_end());
    assert!(error.contains("timeline.csv, line 7: the last line is incomplete"), "{error}");
    let cut: String = whole.split_inclusive('\n').take(3).collect();
    let error = with(&format!("{cut}1,2,3\n"));
    assert!(error.contains("timeline.csv, line 4: the row has 3 fields where the header has 20"), "{error}");
    let error = with(&whole.replacen("\n-1,", "\nyesterday,", 1));
    assert!(error.contains("timeline.csv, line 3: "), "{error}");
    let error = with(&whole.replacen("t_s", "when", 1));
    assert!(error.contains("missing field `t_s`"), "{error}");
    assert!(with("").contains("timeline.csv, line 1: the header is missing"));

    fs::remove_file(&timeline).expect("removed");
    let error = results.timeline("a-1").expect_err("refused").to_string();
    assert!(error.contains("timeline.csv cannot be read: No such file"), "{error}");

    let summary = path.join("summary.json");
    let whole = read(&summary);
    fs::write(&summary, &whole[..whole.len() / 2]).expect("written");
    let error = results.summaries().expect_err("refused").to_string();
    assert!(error.contains("summary.json, line "), "{error}");
    fs::write(&summary, whole.replacen("\"schema_version\": 1", "\"schema_version\": 99", 1)).expect("written");
    let error = results.summaries().expect_err("refused").to_string();
    assert!(error.contains("layout 99, and this program reads layout 1"), "{error}");

    assert!(matches!(ResultsDir::open(temporary.path()), Err(ResultsError::NotResults(_))));
}

/// A run of an arm with a 95th percentile, as `comparison.md` needs it.
fn summary(arm: &str, repeat: u32, p95: f64) -> RunSummary {
    RunSummary {
        schema_version: 1,
        arm: arm.to_owned(),
        policy: "fixed".to_owned(),
        repeat,
        seed: 7,
        valid: true,
        planned: 100,
        sent: 100,
        completed: 100,
        duration_s: 10.0,
        latency_ms: [("p95".to_owned(), p95)].into(),
        latency_histogram_us: vec![((p95 * 1e3) as u64, 100)],
        ..RunSummary::default()
    }
}

fn finished(arms: &[&str], runs: &[RunSummary], ending: Ending) -> (String, String) {
    let (_temporary, mut results) = fresh(arms);
    for run in runs {
        results.add(run).expect("added");
    }
    results.finish(ending, 1.0).expect("finished");
    (read(&results.path().join("comparison.md")), read(&results.path().join("stats.csv")))
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start:?} in\n{text}"))
}

#[test]
fn one_run_per_arm_carries_no_verdict() {
    let (text, stats) = finished(&["a", "b"], &[summary("a", 1, 60.0), summary("b", 1, 50.0)], Ending::Done);
    insta::assert_snapshot!(text.lines().take(5).collect::<Vec<_>>().join("\n"), @r"
    # made-up

    **No verdict**: one run per arm. What is different below may be chance, since two runs of one and the same arm differ too; it takes at least 6 pairs of runs to tell (`--repeats 6`).

    ## Arms
    ");
    assert_eq!(line(&text, "| p95_ms"), "| p95_ms | 60.000 | 50.000 |");
    assert_eq!(
        line(&stats, "metric,"),
        "metric,arm_a,arm_b,n,mean_a,mean_b,difference,ci_low,ci_high,test,p,p_holm,cliffs_delta,verdict"
    );
    assert_eq!(
        line(&stats, "p95_ms,"),
        "p95_ms,a,b,1,60.000000,50.000000,-10.000000,,,,,,,\"none: 1 run per arm, at least 6 pairs are needed\""
    );
    assert_eq!(
        line(&stats, "theta_u,"),
        "theta_u,a,b,0,,,,,,,,,,\"none: 0 runs per arm, at least 6 pairs are needed\""
    );
}

#[test]
fn invalid_runs_are_named_with_their_reasons_and_left_out_of_the_means() {
    let bad = RunSummary { valid: false, invalid_because: vec!["1 | 2 late".to_owned()], ..summary("a", 2, 900.0) };
    let part = RunSummary { partial: true, ..RunSummary { arm: "b".to_owned(), ..bad.clone() } };
    let runs = [summary("a", 1, 60.0), summary("b", 1, 50.0), bad, part];
    let (text, stats) = finished(&["a", "b"], &runs, Ending::Partial);
    assert!(text.contains("**This study is partial**"), "{text}");
    assert!(
        text.contains("**Run a-2 is invalid**, and its numbers are left out of the means:\n\n- 1 \\| 2 late\n"),
        "{text}"
    );
    assert!(text.contains("**Run b-2 is partial**"), "{text}");
    assert_eq!(line(&text, "| p95_ms"), "| p95_ms | 60.000 | 50.000 |");
    assert!(line(&text, "| a-2 ").starts_with("| a-2 | no | 7 |"));
    assert!(line(&stats, "p95_ms,").starts_with("p95_ms,a,b,1,60.000000,"));
}

#[test]
fn six_pairs_carry_a_verdict() {
    let runs: Vec<_> =
        (1..=6_u32).flat_map(|repeat| [summary("a", repeat, f64::from(repeat)), summary("b", repeat, 9.0)]).collect();
    let (text, stats) = finished(&["a", "b"], &runs, Ending::Done);
    assert!(text.contains("**Verdict**: b measured by a, 6 pairs of runs"), "{text}");
    assert!(text.contains("| p95_ms | **worse** | 5.500 |"), "{text}");
    // the percentile of all requests together, never the mean of percentiles
    assert!(text.contains("| p95_ms | 6.000 (1.000 to 6.000) | 9.000 (9.000 to 9.000) |"), "{text}");
    let row = line(&stats, "p95_ms,");
    assert!(row.starts_with("p95_ms,a,b,6,3.500000,9.000000,5.500000,3.53"), "{row}");
    assert!(row.contains(",paired t,") && row.ends_with(",1.000000,worse"), "{row}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the rows, files and summary tell the same counts.
    #[test]
    fn counts_of_files_and_summary_agree(
        requests in prop::collection::vec((0_u16..2, 0_u64..4_000, 0_u64..50, 0_u64..3_000, 0_u8..4), 0..120),
        lost in prop::collection::vec((0_u64..4_000, 0_u64..4, 0_u64..2), 0..8),
        unused in 0_u64..5,
        interrupted: bool,
    ) {
        let (_temporary, results) = fresh(&["a"]);
        let mut run = results.run(about("a", 1)).expect("begun");
        run.begin(Epoch::default(), ms(2_000)).expect("kept");
        let mut rows: Vec<RequestRow> = requests
            .iter()
            .map(|(generator, due, late, latency, kind)| {
                let row = request(*generator, *due, due + late, *latency);
                match kind {
                    0 => RequestRow { answer: Ok(503), ..row },
                    1 => RequestRow { answer: Err(ErrorKind::Reset), first_byte: None, ..row },
                    _ => row,
                }
            })
            .collect();
        rows.sort_by_key(|row| row.done);
        let mut rows = rows.into_iter().peekable();
        let mut tallies = [Tally::default(); 2];
        for (at, busy, late) in &lost {
            let lost = Lost { busy: *busy, late: *late };
            run.lost(ms(2_000 + at), GeneratorId(0), lost).expect("kept");
            tallies[0].lost.busy += busy;
            tallies[0].lost.late += late;
        }
        for second in 1..=10 {
            let end = Timestamp::from_secs(second);
            while let Some(row) = rows.next_if(|row| row.done < end) {
                tallies[usize::from(row.generator.0)].sent += 1;
                run.request(&row).expect("kept");
            }
            run.second(end, 0, &sample(1, 1, 0, second * 1_000)).expect("kept");
        }
        tallies[1].unused = unused;
        for tally in &mut tallies {
            tally.planned = tally.sent + tally.lost.busy + tally.lost.late + tally.unused;
        }
        let outcome = Outcome {
            epoch: Epoch::default(),
            load_start: ms(2_000),
            load_end: ms(10_000),
            end: ms(10_000),
            generators: tallies.into(),
            stalled: Duration::ZERO,
            interrupted,
            last_sample: sample(1, 1, 0, 10_000),
        };
        let summary = run.finish(&outcome).expect("written");
        let sum = |column: fn(&watchtower::study::results::TimelineRecord) -> Option<u64>| {
            results.timeline("a-1").expect("read").iter().filter_map(column).sum::<u64>()
        };
        prop_assert_eq!(summary.sent, requests.len() as u64);
        prop_assert_eq!(summary.planned, summary.sent + summary.lost_busy + summary.lost_late);
        prop_assert_eq!(sum(|row| row.planned), summary.planned);
        prop_assert_eq!(sum(|row| row.sent), summary.sent);
        prop_assert_eq!(sum(|row| row.completed), summary.completed);
        prop_assert_eq!(sum(|row| row.errors), summary.errors);
        prop_assert_eq!(sum(|row| row.lost), summary.lost_busy + summary.lost_late);
        let last = results.timeline("a-1").expect("read").pop().expect("a row");
        prop_assert_eq!(last.in_flight, Some(0));
        let counted: u64 = summary.latency_histogram_us.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(counted, summary.completed);
        let failed: u64 = summary.error_kinds.values().sum();
        prop_assert_eq!(summary.completed + failed, summary.sent);
        let text = read(&results.run_path("a-1").join("requests.csv"));
        prop_assert_eq!(text.lines().count(), requests.len() + 1);
    }
}
