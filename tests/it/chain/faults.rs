//! What breaks in mid-run is survived, told and marked.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::agreement::{Bench, Load};
use super::{FAST, House, are_installed, text};
use watchtower::record::EventKind;

/// Does something to one of the programs of a run under way; the run's house, and what it printed.
fn disturbed(file: &str, signal: Signal) -> (House, String) {
    let house = House::with(FAST, 10);
    let child = house.start();
    house.heard("load,");
    kill(Pid::from_raw(house.reader_of(file)), signal).expect("the program runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "an invalid run: {}", text(&output.stderr));
    (house, text(&output.stderr))
}

#[test]
fn a_program_that_dies_in_mid_run_is_survived_told_and_marked() {
    if !are_installed() {
        return;
    }
    let cases = [
        ("/prometheus.yml", Signal::SIGKILL, "prometheus ended in mid-run, killed by SIGKILL"),
        ("/alertmanager.yml", Signal::SIGKILL, "alertmanager ended in mid-run, killed by SIGKILL"),
        ("/alertmanager.yml", Signal::SIGSTOP, "alertmanager does not answer any more: no answer within 2s"),
    ];
    std::thread::scope(|scope| {
        for (file, signal, what) in cases {
            scope.spawn(move || {
                let (house, told) = disturbed(file, signal);
                assert!(house.is_clean(), "{:?}", house.processes());
                let broken: Vec<_> = house.events().into_iter().filter(|row| row[2] == "broken").collect();
                assert_eq!(broken.iter().map(|row| row[5].as_str()).collect::<Vec<_>>(), [what], "told once");
                let at: f64 = broken[0][0].parse().expect("a time");
                assert!((0.0..16.0).contains(&at), "{at}");
                let summary = house.summary();
                assert_eq!((&summary["valid"], &summary["partial"]), (&false.into(), &false.into()));
                assert_eq!(summary["planned"], summary["sent"], "the load went on");
                let because = summary["invalid_because"][0].as_str().expect("a reason");
                assert!(because.starts_with(what) && because.contains("run it again"), "{because}");
                let out = house.dir.path().join("out");
                let report = std::fs::read_to_string(out.join("report.html")).expect("report.html");
                assert!(report.contains(what), "the report says so");
                let comparison = std::fs::read_to_string(out.join("comparison.csv")).expect("comparison.csv");
                assert!(comparison.contains("real,1,1,embedded,false,"), "{comparison}");
                assert!(told.contains(what), "{told}");
                for log in ["prometheus.log", "alertmanager.log"] {
                    assert!(!house.read(log).is_empty(), "{log} is kept");
                }
            });
        }
    });
}

/// Hands connections on to `behind` until it is told to be gone; then it refuses them.
struct Door {
    address: SocketAddr,
    is_open: Arc<AtomicBool>,
}

impl Door {
    fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let is_open = Arc::new(AtomicBool::new(true));
        let open = Arc::clone(&is_open);
        tokio::spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((mut inside, _)) = listener.accept().await {
                if !open.load(Ordering::Relaxed) {
                    // hung up on, as by a port that nobody serves any more
                    continue;
                }
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    let Ok(mut outside) = TcpStream::connect(behind).await else { return };
                    let closed = async {
                        while open.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut inside, &mut outside) => {}
                        () = closed => {}
                    }
                });
            }
        });
        Self { address, is_open }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metrics_port_that_is_gone_is_survived_and_told_with_every_scrape() {
    if !are_installed() {
        return;
    }
    let load = Load { generators: &[("0s", "-z 10s -c 4 -q 5")], cool_down: "2s", ..Load::default() };
    let bench = Bench::new(&load, FAST, |behind| {
        let door = Door::before(behind);
        let is_open = Arc::clone(&door.is_open);
        // in the middle of the load, for two seconds
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(12)).await;
            is_open.store(false, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(2)).await;
            is_open.store(true, Ordering::Relaxed);
        });
        door.address
    })
    .await;
    let seen = bench.run().await;
    let broken: Vec<_> = seen.events.iter().filter(|row| row.kind == EventKind::Broken).collect();
    assert!((1..=8).contains(&broken.len()), "{broken:?}");
    for row in &broken {
        assert!(
            row.reason.starts_with("scrape failed, its sample is missing: Get \"http://127.0.0.1:"),
            "{}",
            row.reason
        );
    }
    let again = seen.events.iter().find(|row| row.reason == "scrapes succeed again");
    assert!(again.is_some_and(|again| again.at > broken[0].at), "{:?}", seen.events);
    assert_eq!(seen.outcome.generators[0].sent, 200, "the load went on");
}
