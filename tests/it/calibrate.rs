//! Calibration of what answers HTTP: functions of the embedded platform, whose models are known, and things that are no such function.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use watchtower::drive::calibration::{Candidate, Effort, Limits, Measurement, Misfit, Phase, Quantity};
use watchtower::drive::live::calibration::measure;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::interrupt::Interrupt;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::drive::{FunctionPlan, Handler, RequestPlan};
use watchtower::policy::FunctionInfo;
use watchtower::random::Seed;
use watchtower::study::calibration::Calibration;

use super::listener::Listener;

/// Measurements that a busy machine may spoil before a test believes that the estimator is wrong.
pub(super) const ATTEMPTS: u32 = 3;

pub(super) fn limits(requests: u64, seconds: u64, parallel: u32) -> Limits {
    Limits { requests, duration: Duration::from_secs(seconds), parallel }
}

pub(super) fn measured(uri: &str, limits: Limits) -> Measurement {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_hand, mut interrupt) = Interrupt::by_hand();
        let request = RequestPlan::default();
        let uri = uri.parse().unwrap();
        let mut tell = |_: &Phase| {};
        measure(Clock::start(), &uri, &request, 1, limits, &mut interrupt, &mut tell).await.unwrap().measurement
    })
}

/// A model served by the embedded platform, measured over HTTP.
fn served(truth: &Candidate, limits: Limits) -> Measurement {
    let function = FunctionPlan {
        info: FunctionInfo { name: "known".to_owned(), ..FunctionInfo::default() },
        handler: Handler::Plain,
        model: truth.function(),
        query: String::new(),
        replicas: 1,
        bounds: (1, 5),
    };
    let options = Options::new(vec![function], truth.node(), Seed(3), Clock::start());
    let platform = Platform::start(options).unwrap();
    let uri = format!("http://{}/function/known", platform.gateway_address());
    let measurement = measured(&uri, limits);
    platform.stop(Duration::from_secs(1));
    measurement
}

/// What each comes to, in order; two at a time.
fn by_two<T: Sync, R: Send>(of: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (even, odd): (Vec<&T>, Vec<&T>) = (of.iter().step_by(2).collect(), of.iter().skip(1).step_by(2).collect());
    let (even, odd) = std::thread::scope(|scope| {
        let even = scope.spawn(|| even.into_iter().map(&each).collect::<Vec<R>>());
        let odd: Vec<R> = odd.into_iter().map(&each).collect();
        (even.join().unwrap(), odd)
    });
    let mut odd = odd.into_iter();
    even.into_iter().flat_map(|result| std::iter::once(result).chain(odd.next())).collect()
}

/// Whether more programs wait for this machine's cores than it has: their turns are then part of whatever is measured.
pub(super) fn is_busy() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    load.and_then(|text| text.split(' ').next()?.parse::<f64>().ok()).is_some_and(|load| load > cores)
}

/// What is wrong with what was found, if anything.
fn fault(truth: &Candidate, calibration: &Calibration) -> Option<String> {
    let Some(fit) = &calibration.fit else { return Some("there was nothing to fit to".to_owned()) };
    let words = format!("{truth:?} was found as {:?}, {:?}; {:?}", fit.best, fit.values, calibration.misfits);
    let away = |quantity| (fit.best.get(quantity) / truth.get(quantity) - 1.0_f64).abs();
    let found = fit.best.workers == truth.workers
        && away(Quantity::Cpu) < 0.05
        && away(Quantity::Wait) < 0.05
        && calibration.fits();
    (!found).then_some(words)
}

#[test]
fn a_function_of_the_embedded_platform_gives_its_model_away() {
    let model = |workers, way: [f64; 3], cpu, cpu_cv, wait, wait_cv| Candidate {
        workers,
        cores: 4,
        values: [way[0], way[1], way[2], cpu, cpu_cv, wait, wait_cv],
    };
    // on a machine that does other things beside, what is measured over HTTP is not within 5 %
    if std::env::var_os("WATCHTOWER_LONG").is_none() {
        eprintln!("SKIPPED without WATCHTOWER_LONG: models found again over HTTP");
        return;
    }
    let truths = [
        model(4, [2.0, 0.5, 0.3], 10.0, 0.15, 40.0, 0.1),
        model(2, [1.0, 0.3, 0.2], 12.0, 0.1, 18.0, 0.15),
        model(3, [4.0, 0.6, 0.5], 8.0, 0.3, 25.0, 0.2),
        model(5, [1.5, 0.4, 0.3], 6.0, 0.25, 30.0, 0.15),
        model(6, [2.5, 0.5, 0.2], 7.0, 0.2, 45.0, 0.1),
        model(8, [3.0, 0.2, 0.4], 9.0, 0.1, 70.0, 0.05),
        model(4, [0.5, 0.8, 0.6], 15.0, 0.2, 60.0, 0.2),
        model(3, [2.0, 0.3, 0.1], 20.0, 0.4, 50.0, 0.1),
        model(7, [1.0, 0.5, 0.3], 5.0, 0.1, 35.0, 0.25),
        model(2, [3.5, 0.4, 0.2], 9.0, 0.2, 14.0, 0.1),
    ];
    let limits = limits(40_000, 300, 32);
    let effort = Effort { times: 1.0, steps: 6, cores: Some(4), ..Effort::default() };
    let (mut left, mut said) = (truths.to_vec(), Vec::new());
    for _ in 0..ATTEMPTS {
        // a fit takes all of a core, so none is made while something is measured
        let measurements = by_two(&left, |truth| served(truth, limits));
        let is_busy = is_busy();
        let measured: Vec<(Candidate, Measurement)> = left.drain(..).zip(measurements).collect();
        let faults = by_two(&measured, |(truth, measurement)| {
            let calibration = Calibration::of("known".to_owned(), String::new(), measurement.clone(), effort);
            eprintln!("{truth:?} was found as {:?}", calibration.fit.as_ref().map(|fit| fit.best));
            fault(truth, &calibration)
        });
        for ((truth, _), fault) in measured.into_iter().zip(faults) {
            if let Some(fault) = fault {
                said.push(fault);
                left.push(truth);
            }
        }
        if left.is_empty() {
            return;
        }
        if is_busy {
            eprintln!("SKIPPED, other programs keep this machine busy: {}", said.join("\n"));
            return;
        }
    }
    panic!("{}", said.join("\n"));
}

/// A server on loopback that answers what `answer` says: a status, and how long that takes.
struct Server(Listener);

impl Server {
    fn start(answer: impl Fn() -> (u16, Duration) + Send + Sync + 'static) -> Self {
        Self(Listener::start(move |stream| serve(&stream, &answer)))
    }

    fn uri(&self) -> String {
        format!("http://{}/function/other", self.0.address)
    }
}

fn serve(mut stream: &TcpStream, answer: &(dyn Fn() -> (u16, Duration) + Send + Sync)) {
    let mut lines = BufReader::new(stream).lines();
    loop {
        let mut has_asked = false;
        // the head of a request ends with an empty line
        for line in lines.by_ref() {
            let Ok(line) = line else { return };
            has_asked = true;
            if line.is_empty() {
                break;
            }
        }
        if !has_asked {
            return;
        }
        let (status, takes) = answer();
        std::thread::sleep(takes);
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn misfits(server: &Server, limits: Limits) -> Vec<Misfit> {
    let effort = Effort { times: 1.0, steps: 1, cores: Some(4), workers: Some(4), ..Effort::default() };
    Calibration::of("other".to_owned(), server.uri(), measured(&server.uri(), limits), effort).misfits
}

#[test]
fn a_cache_over_the_network_is_refused() {
    let server = Server::start(|| (200, Duration::from_millis(5)));
    // the requests end it, not the time: a busy machine takes longer for them. That its own cores queue may still hide that the
    // server's do not, so it has more than one try.
    let tries = std::iter::repeat_with(|| misfits(&server, limits(600, 60, 16))).take(ATTEMPTS as usize);
    let mut seen = Vec::new();
    for misfits in tries {
        if misfits.iter().any(|misfit| matches!(misfit, Misfit::NothingQueues { .. })) {
            return;
        }
        seen.push(misfits);
    }
    panic!("{seen:?}");
}

#[test]
fn an_error_page_is_refused_before_much_is_sent() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        (500, Duration::from_millis(1))
    });
    let misfits = misfits(&server, limits(600, 60, 16));
    assert!(matches!(misfits.as_slice(), [Misfit::NoAnswer { most: Some((Ok(500), _)) }]), "{misfits:?}");
    assert!(asked.load(Ordering::Relaxed) < 100, "{asked:?}");
}

#[test]
fn a_server_with_a_queue_limit_is_refused() {
    let inside = Arc::new(AtomicU32::new(0));
    let server = Server::start(move || {
        // two at work, and the others are sent away
        if inside.fetch_add(1, Ordering::SeqCst) >= 2 {
            inside.fetch_sub(1, Ordering::SeqCst);
            return (503, Duration::ZERO);
        }
        std::thread::sleep(Duration::from_millis(8));
        inside.fetch_sub(1, Ordering::SeqCst);
        (200, Duration::ZERO)
    });
    let misfits = misfits(&server, limits(600, 60, 16));
    assert!(
        misfits.iter().any(|misfit| matches!(misfit, Misfit::TurnedAway { answer: Ok(503), only_parallel: true, .. })),
        "{misfits:?}"
    );
}

fn program(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        (200, Duration::ZERO)
    });
    let output = program(folder.path(), &["calibrate", &server.uri(), "--dry-run", "--max-requests", "500"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("would send: at most 500 requests in 1m, at most 32 at once"), "{said}");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn the_program_says_why_nothing_fits_and_keeps_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|| (404, Duration::ZERO));
    let output = program(folder.path(), &["calibrate", &server.uri(), "--out", "seen", "--max-duration", "2s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the model does not fit: no good answer came"), "{said}");
    let json = std::fs::read_to_string(folder.path().join("seen/calibration.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fits"], false);
    assert!(!folder.path().join("seen/model.toml").exists());
    assert!(folder.path().join("seen/charts/calibration.svg").exists());
    let again = program(folder.path(), &["calibrate", &server.uri(), "--out", "seen"]);
    assert_eq!(again.status.code(), Some(2));
}

#[test]
fn a_run_in_virtual_time_gives_its_model_away() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = r#"
name = "known"
[slo]
latency = "1s"
[function]
name = "known"
[function.model]
workers = 2
cpu = "10ms"
cpu_cv = 0.1
wait = "20ms"
wait_cv = 0.1
[platform]
gateway_cpu = "300us"
gateway_cpu_cv = 0.2
transport = "2ms"
[[load]]
hey = "-z 20s -c 12 -q 2"
[run]
warm_up = "1s"
cool_down = "1s"
[[arm]]
policy = "fixed"
"#;
    std::fs::write(folder.path().join("known.toml"), scenario).unwrap();
    let run = program(folder.path(), &["run", "known.toml", "--target", "simulated", "--out", "results", "--quiet"]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let args = ["calibrate", "--from", "results", "--rough", "--cores", "4", "--json", "--out", "model"];
    let output = program(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["model"]["workers"]["value"], 2, "{json}");
    assert_eq!(json["function"], "known");
    let model = std::fs::read_to_string(folder.path().join("model/model.toml")).unwrap();
    assert!(model.contains("[function.model]\nworkers = 2"), "{model}");
}
