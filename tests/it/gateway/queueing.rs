//! That a request takes as long as the model says.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Fixture, until};
use watchtower::record::FunctionId;

const SLEEPY: FunctionId = FunctionId(1);
const SLEEP: Duration = Duration::from_millis(100);

#[test]
fn four_threads_sleep_at_once_and_the_fifth_request_waits() {
    let fixture = Fixture::start();
    let began = Instant::now();
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let call = || {
            assert_eq!(fixture.get("/function/sleepy?number=0.1").status, 200);
            began.elapsed()
        };
        let calls: Vec<_> = (0..5).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    took.sort_unstable();
    assert!(took.iter().all(|&took| took >= SLEEP), "{took:?}");
    assert!(took[4] >= 2 * SLEEP, "{took:?}");
}

#[test]
fn the_watchdogs_time_is_the_models() {
    let fixture = Fixture::start();
    let reply = fixture.get("/function/sleepy?number=0.1");
    let seconds: f64 = reply.header("X-Duration-Seconds").unwrap().parse().unwrap();
    assert!((seconds - 0.1).abs() < 1e-3, "{seconds}");
}

#[test]
fn a_probe_waits_in_the_queue_behind_the_load() {
    let fixture = Fixture::start();
    let began = Instant::now();
    let probe_ended = std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(fixture.get("/function/sleepy?number=0.3").status, 200));
        }
        until("four sleep and one waits", || fixture.platform.sample(SLEEPY).queue == 1);
        let probe = fixture.send("GET", "/function/sleepy", &[("Hey", "hey")], "");
        assert_eq!((probe.status, probe.body.len()), (200, 0));
        began.elapsed()
    });
    // no thread comes free before the first sleep is over
    assert!(probe_ended >= Duration::from_millis(300), "{probe_ended:?}");
}

#[test]
fn every_replica_gets_its_share_of_the_requests() {
    let fixture = Fixture::start();
    let answered: BTreeSet<String> =
        (0..60).map(|_| fixture.get("/function/plain").header("X-Watchtower-Replica").unwrap().to_owned()).collect();
    // by chance one of three is never met with 3 (2/3)^60, one in 12 thousand million
    assert_eq!(answered, ["0", "1", "2"].map(str::to_owned).into());
}

#[test]
fn a_client_that_goes_away_is_counted_as_502() {
    use std::io::Write;
    let fixture = Fixture::start();
    let mut stream = super::wire::connect(fixture.platform.gateway_address());
    stream.write_all(b"GET /function/sleepy?number=20 HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let started = "gateway_function_invocation_started{function_name=\"sleepy.openfaas-fn\"}";
    until("the request is under way", || fixture.series(started) == 1);
    assert_eq!(fixture.answered("sleepy", 502), 0, "answers are counted when they are complete");
    drop(stream);
    until("the gateway notices", || fixture.answered("sleepy", 502) == 1);
}
