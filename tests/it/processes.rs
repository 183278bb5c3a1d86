//! The process target: real Python behind the gateway. Without Python on the machine these tests say so and pass.

#![expect(clippy::disallowed_methods, reason = "tests by the wall clock")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use watchtower::drive::calibration::{Effort, Quantity};
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::drive::live::target::process::{Environment, Recipe, Workshop};
use watchtower::drive::{FunctionPlan, Handler};
use watchtower::model::{FunctionModel, NodeModel};
use watchtower::policy::FunctionInfo;
use watchtower::random::Seed;
use watchtower::record::FunctionId;
use watchtower::study::calibration::Calibration;

use super::calibrate::{ATTEMPTS, is_busy, limits, measured};

/// Longer than anything here can take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Four threads that sleep 300 ms, and ten at once every 1.2 s: they are answered in rounds of four, four and two.
const SLEEPY: &str = r#"
name = "sleepy"
[function]
name = "sleepy"
query = "number=0.3"
[slo]
latency = "1s"
[[load]]
hey = "-n 60 -c 10 -q 0.8"
[run]
warm_up = "1s"
warm_up_every = "500ms"
cool_down = "1s"
[limits]
max_lateness = "50ms"
max_stall = "5s"
[[arm]]
policy = "fixed"
"#;

/// Whether there is a Python that can make environments.
fn python() -> bool {
    let there = Command::new("python3")
        .args(["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        println!("SKIPPED: python3 of at least 3.10 with venv is not installed, so nothing can be run as processes");
    }
    there
}

/// A run of a scenario as processes; `None`, told, where the packages can't be had.
fn run(directory: &TempDir, scenario: &str) -> Option<Output> {
    if !python() {
        return None;
    }
    fs::write(directory.path().join("s.toml"), scenario).expect("a scenario file");
    let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "s.toml", "--target", "process", "--out", "out"])
        .current_dir(directory.path())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("packages can't be installed") {
        println!("SKIPPED: {said}");
        return None;
    }
    // a machine that stood still makes the run invalid
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    Some(output)
}

fn file(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join("out").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Values of columns, by their names.
fn columns<const N: usize>(csv: &str, names: [&str; N]) -> Vec<[String; N]> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().expect("a header");
    let places = names.map(|name| head.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}")));
    lines.map(|row| places.map(|place| row[place].to_owned())).collect()
}

/// Whether a process is there and a replica.
fn is_replica(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains("serve.py"))
}

#[test]
fn ten_sleepers_at_four_threads_are_answered_after_one_two_and_three_times_the_sleep() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let Some(_) = run(&directory, SLEEPY) else { return };
    let requests = file(directory.path(), "runs/fixed-1/requests.csv");
    let mut rounds = [0_u32; 3];
    for [sent, done, status] in columns(&requests, ["sent_s", "done_s", "status"]) {
        assert_eq!(status, "200");
        let time = |text: &str| text.parse::<f64>().expect("a time");
        let latency = time(&done) - time(&sent);
        // never faster than its round; what the machine adds is no round
        let round = (latency / 0.3) as usize;
        assert!(round >= 1, "{latency} s is less than the sleep");
        rounds[(round - 1).min(2)] += 1;
    }
    let all: u32 = rounds.iter().sum();
    assert_eq!(all, 60);
    // 40, 40 and 20 %; a slow machine moves some on
    assert!(rounds[0] >= 15 && rounds[0] <= 24 && rounds[1] >= 12 && rounds[2] >= 12, "{rounds:?}");

    let processes = file(directory.path(), "runs/fixed-1/processes.csv");
    let rows = columns(&processes, ["replica", "state", "rss_mib", "threads"]);
    assert!(rows.len() >= 5, "{processes}");
    for [replica, state, resident, threads] in rows {
        assert_eq!((replica.as_str(), state.as_str()), ("0", "ready"));
        assert!(resident.parse::<f64>().expect("MiB") > 10.0, "{processes}");
        assert!(threads.parse::<u32>().expect("a count") >= 5, "four workers and the one that listens: {processes}");
    }
}

#[test]
fn replicas_come_and_go_as_they_are_asked_for_and_none_is_left_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let scenario = r#"
name = "grow"
[function]
name = "ftest"
replicas = 1
[[load]]
hey = "-z 6s -c 4 -q 5"
[run]
warm_up = "1s"
cool_down = "1s"
[limits]
max_lateness = "50ms"
max_stall = "5s"
[[fault]]
kind = "crash"
start = "4s"
[[arm]]
policy = "fixed"
replicas = 3
"#;
    let Some(_) = run(&directory, scenario) else { return };
    let events = file(directory.path(), "runs/fixed-1/events.csv");
    assert!(events.contains("platform,ready,1,2,") && events.contains("platform,ready,2,3,"), "{events}");
    assert!(events.contains(",scenario,fault,") && events.contains(" died"), "{events}");
    let processes = file(directory.path(), "runs/fixed-1/processes.csv");
    let rows = columns(&processes, ["pid", "replica"]);
    let replicas: std::collections::BTreeSet<&str> = rows.iter().map(|[_, replica]| replica.as_str()).collect();
    assert!(replicas.len() >= 4, "three, and one in place of the one that died: {processes}");
    for [pid, _] in &rows {
        assert!(!is_replica(pid), "process {pid} is still there");
    }
    let answered = columns(&file(directory.path(), "comparison.csv"), ["target", "completed"]);
    assert_eq!(answered[0][0], "process");
    assert!(answered[0][1].parse::<u32>().expect("a count") > 90, "{answered:?}");
}

#[test]
fn without_python_and_for_other_functions_it_is_said_what_to_do() {
    if !python() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = |scenario: &str, python: &str| {
        fs::write(directory.path().join("s.toml"), scenario).expect("a scenario file");
        let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", "s.toml", "--target", "process", "--out", "none", "--quiet"])
            .env("PYTHON", python)
            .current_dir(directory.path())
            .output()
            .expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(SLEEPY, "/nowhere/python3");
    assert!(
        code == Some(2) && said.contains("python3 can't be run: ") && said.contains("apt-get install python3"),
        "{said}"
    );
    assert!(!directory.path().join("none").exists(), "nothing was begun");
    let other = SLEEPY
        .replace("name = \"sleepy\"\nquery", "name = \"other\"\nquery")
        .replace("[slo]", "[function.model]\ncpu = \"1ms\"\n[slo]");
    let (code, said) = run(&other, "python3");
    assert!(
        code == Some(2) && said.contains("name = \"other\" is no function that --target process can run"),
        "{said}"
    );
}

#[test]
fn a_run_that_is_killed_takes_its_processes_with_it() {
    if !python() || !Path::new("/proc/self/cmdline").exists() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let scenario = SLEEPY
        .replace("warm_up = \"1s\"", "warm_up = \"60s\"")
        .replace("policy = \"fixed\"", "policy = \"fixed\"\nreplicas = 3");
    fs::write(directory.path().join("s.toml"), scenario).expect("a scenario file");
    let said = directory.path().join("said");
    let mut run = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "s.toml", "--target", "process", "--out", "out"])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said).expect("a file"))
        .spawn()
        .expect("the program starts");
    let began = Instant::now();
    let running = loop {
        let rows = fs::read_to_string(directory.path().join("out/runs/fixed-1/processes.csv")).unwrap_or_default();
        // the last line may be half written
        let whole = rows.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let ready = || columns(whole, ["pid", "state"]).into_iter().filter(|[_, state]| state == "ready");
        let running: std::collections::BTreeSet<String> =
            if whole.is_empty() { std::collections::BTreeSet::new() } else { ready().map(|[pid, _]| pid).collect() };
        if running.len() == 3 {
            break running;
        }
        if run.try_wait().expect("a child").is_some() {
            let said = fs::read_to_string(&said).unwrap_or_default();
            assert!(said.contains("packages can't be installed"), "{said}");
            return println!("SKIPPED: {said}");
        }
        assert!(began.elapsed() < PATIENCE, "three replicas never were ready: {rows}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(running.iter().all(|process| is_replica(process)), "{running:?}");
    run.kill().expect("killed");
    run.wait().expect("it ends");
    let killed = Instant::now();
    while let Some(left) = running.iter().find(|process| is_replica(process)) {
        assert!(killed.elapsed() < Duration::from_secs(20), "process {left} outlives the run");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A Python with Flask; `None`, told, where there is none and none can be made.
fn environment() -> Option<Environment> {
    if !python() {
        return None;
    }
    let recipe = Recipe::find().expect("a Python");
    recipe.made().or_else(|| recipe.make().inspect_err(|error| println!("SKIPPED: {error}")).ok())
}

/// What calibration finds of one replica of a handler, and the CPU time that the kernel counted for each of its requests, in ms.
fn calibrated(environment: &Environment, handler: &str) -> (Calibration, f64) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("handler.py"), handler).expect("a handler");
    let workshop = Workshop::set_up().expect("a workshop");
    let function = FunctionPlan {
        info: FunctionInfo { name: "real".to_owned(), ..FunctionInfo::default() },
        handler: Handler::Plain,
        model: FunctionModel::default(),
        query: String::new(),
        replicas: 1,
        bounds: (1, 1),
    };
    let mut options = Options::new(vec![function], NodeModel::default(), Seed(1), Clock::start());
    let leash = Some(env!("CARGO_BIN_EXE_watchtower").into());
    options.processes = Some(workshop.processes_of(environment, vec![folder.path().to_owned()], leash));
    let platform = Platform::start(options).expect("a platform");
    let uri = format!("http://{}/function/real", platform.gateway_address());
    let used = || platform.measure(FunctionId(0)).pods[0].cpu_time.as_secs_f64();
    let before = used();
    let measurement = measured(&uri, limits(3_000, 30, 16));
    let sample = platform.measure(FunctionId(0));
    let each = (used() - before) * 1e3 / sample.answered as f64;
    drop(platform);
    // as one would who knows the template and the machine
    let cores = std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok());
    let effort = Effort { times: 1.0, steps: 4, workers: Some(4), cores, ..Effort::default() };
    (Calibration::of("real".to_owned(), uri, measurement, effort), each)
}

#[test]
fn real_functions_give_their_sleep_and_their_work_away() {
    let Some(environment) = environment() else { return };
    let sleep = "import time\n\n\ndef handle(event, context):\n    time.sleep(0.02)\n";
    let busy = "import time\n\n\ndef handle(event, context):\n    end = time.thread_time() + 0.005\n    while time.thread_time() < end:\n        pass\n";
    for (handler, quantity) in [(sleep, Quantity::Wait), (busy, Quantity::Cpu)] {
        let mut faults = Vec::new();
        for _ in 0..ATTEMPTS {
            let (calibration, counted) = calibrated(&environment, handler);
            // what works is the loop and the template around it, which the kernel counts together
            let truth = if quantity == Quantity::Wait { 20.0 } else { counted };
            assert!(quantity == Quantity::Wait || counted >= 5.0, "{counted} ms is less than the loop");
            let found = calibration.fit.as_ref().map(|fit| fit.best.get(quantity));
            let said =
                format!("{quantity:?} of {truth:.2} ms was found as {found:?} ms ({counted:.2} ms of CPU a request)");
            println!("{said}");
            if found.is_some_and(|found| (found / truth - 1.0).abs() < 0.1) {
                faults.clear();
                break;
            }
            faults.push(format!("{said}: {:?}; {:?}", calibration.fit.map(|fit| fit.best), calibration.misfits));
            if is_busy() {
                println!("SKIPPED, other programs keep this machine busy: {}", faults.join("\n"));
                faults.clear();
                break;
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
