//! How much memory a load may take: rows go to the disk as they come, and who takes them slowly makes the load wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;

use watchtower::drive::{Outcome, Recorder};
use watchtower::record::PlatformSample;
use watchtower::stats::slo::Slo;
use watchtower::study::results::summary::StudyRecord;
use watchtower::study::results::{ResultsDir, RunAbout};
use watchtower::time::Epoch;

use super::super::listener::Listener;
use super::*;

/// Requests of the load.
const ROWS: u64 = 100_000;

/// Set in the process that sends.
const CHILD: &str = "WATCHTOWER_MEMORY_CHILD";

/// Most memory, in KiB: that of a whole run of ten million requests.
const PEAK_MAX: u64 = 200 * 1024;

/// A server that takes no memory: every request is answered, none is kept.
fn answer(mut stream: TcpStream) {
    let mut piece = [0; 4096];
    while stream.read(&mut piece).is_ok_and(|length| length > 0)
        && stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok()
    {}
}

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Waits until the load stands still, or is over.
fn wait_until_it_waits(load: &Load) -> u64 {
    let mut looks = 0;
    let mut sent = 0;
    while looks < 40 {
        thread::sleep(Duration::from_millis(10));
        let now = load.sent();
        looks = if now == sent && now > 0 { looks + 1 } else { 0 };
        sent = now;
    }
    sent
}

#[test]
fn who_takes_rows_slowly_makes_the_load_wait_and_rows_written_down_take_no_memory() {
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().expect("this test's program");
        let name = thread::current().name().expect("tests have names").to_owned();
        let child = Command::new(this).args(["--exact", &name, "--nocapture"]).env(CHILD, "1").output();
        let child = child.expect("it starts again");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        return;
    }
    let server = Listener::start(answer);
    let uri = format!("http://{}/", server.address).parse().expect("a URI");
    let clock = Clock::start();
    let (sender, mut reports) = unbounded_channel();
    let plan = hey(ROWS, "", 8, 0.0);
    let load = Load::start(clock, &uri, &[plan], clock.now(), sender).expect("a load");

    // nobody takes anything: what left is what may be under way, and a row of each worker
    let sent = wait_until_it_waits(&load);
    assert!(sent <= 256 * 256 + 256 + 8, "{sent} requests left though nobody took their rows");

    let directory = tempfile::tempdir().expect("a directory");
    let results =
        ResultsDir::create(&directory.path().join("r"), &StudyRecord::default()).expect("a directory of results");
    let slo = Slo { latency: Duration::from_millis(75), percentile: 95.0 };
    let about = RunAbout { loads: vec!["hey".to_owned()], ..RunAbout::of("a", "fixed", "embedded", slo) };
    let mut run = results.run(about).expect("a run");
    run.begin(Epoch::default(), Timestamp::ZERO).expect("kept");
    let mut finished = None;
    let (mut rows, mut early, mut late) = (0_u64, 0, 0);
    while let Some(report) = reports.blocking_recv() {
        match report {
            Report::Requests(more) => {
                for row in &more {
                    rows += 1;
                    run.request(row).expect("kept");
                }
                early = if rows <= ROWS / 2 { peak() } else { early };
                late = peak();
            }
            Report::Finished { tally, .. } => finished = Some(tally),
            Report::Lost { .. } | Report::Stall { .. } | Report::Failed { .. } => {}
        }
    }
    let tally = finished.expect("it ends");
    assert_eq!((tally.sent, rows), (ROWS, ROWS), "nothing is lost by waiting");
    drop(load);
    let end = clock.now();
    let outcome = Outcome {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO,
        load_end: end,
        end,
        generators: vec![tally],
        stalled: Duration::ZERO,
        interrupted: false,
        last_sample: PlatformSample::default(),
    };
    let summary = run.finish(&outcome).expect("written");
    assert_eq!(summary.completed, ROWS);
    let file = directory.path().join("r/runs/a-1/requests.csv");
    assert_eq!(std::fs::read_to_string(file).expect("rows").lines().count() as u64, ROWS + 1);
    // the second half of the rows adds its latencies, of 8 bytes in each of two lists; as rows it would be 9 MB
    // the kernel may take pages back between two looks, without having noted how many there were
    assert!(late.saturating_sub(early) < 6 * 1024, "{early} KiB after half of the rows, {late} KiB after all");
    assert!(peak() < PEAK_MAX, "{} KiB", peak());
}
