//! The program as a script sees it: exit codes, streams, files, signals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Two arms under a few seconds of load. These tests are about the program, not about how calm the machine is: a late
/// request spoils none of them, a standstill still does.
fn short_scenario(load: &str) -> String {
    format!(
        r#"
name = "short"
[function]
name = "ftest"
query = "number=50"
[[load]]
hey = "{load}"
[run]
warm_up = "1s"
cool_down = "1s"
[limits]
max_lateness = "1s"
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
[[arm]]
name = "two"
policy = "fixed"
replicas = 2
"#
    )
}

/// The first columns of `comparison.csv`, in the order people's scripts rely on; more may follow.
const CONTRACT_COLUMNS: &str = "arm,repeat,seed,target,valid,planned,sent,completed,errors,lost_busy,lost_late,\
    achieved_ratio,duration_s,rps,mean_ms,p10_ms,p25_ms,p50_ms,p75_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms,\
    due_p50_ms,due_p95_ms,due_p99_ms,slo_violation_ratio,apdex,replicas_mean,replicas_max,replica_seconds,\
    scale_ups,scale_downs,first_scale_up_s,back_to_min_s,theta_u,theta_o,tau_u,tau_o,instability,probes,probe_p50_ms";

struct House {
    dir: TempDir,
}

impl House {
    fn with(scenario: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("short.toml"), scenario).expect("a scenario file");
        Self { dir }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits, with a bound, until `ready` says so.
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < deadline, "{what} took more than a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Every row of a CSV has as many fields as its head.
fn parses(path: &Path) {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for row in reader.records() {
        row.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn a_study_leaves_every_file_of_the_contract_and_prints_its_table() {
    let house = House::with(&short_scenario("-z 2s -c 5 -q 5"));
    let output = house.run(&["run", "short.toml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("tower"), "the table goes to standard output");
    for column in ["planned", "sent", "completed", "lost busy", "lost late", "late p99", "CPU generator", "others"] {
        assert!(table.contains(column), "{column} is missing in\n{table}");
    }
    let out = house.out();
    for file in ["study.json", "comparison.csv", "comparison.md", "stats.csv", "report.html"] {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
    for chart in ["latency_histogram", "latency_percentiles", "replicas", "timeline"] {
        for kind in ["svg", "png"] {
            assert!(out.join(format!("charts/{chart}.{kind}")).is_file(), "{chart}.{kind} is missing");
        }
    }
    for run in ["tower-1", "two-1"] {
        for file in
            ["requests.csv", "timeline.csv", "events.csv", "probes.csv", "latency.hgrm", "hey-1.txt", "summary.json"]
        {
            assert!(out.join("runs").join(run).join(file).is_file(), "{run}/{file} is missing");
        }
        for file in ["requests.csv", "timeline.csv", "events.csv", "probes.csv"] {
            parses(&out.join("runs").join(run).join(file));
        }
        if Path::new("/proc/stat").exists() {
            let cpu = out.join("runs").join(run).join("cpu.csv");
            parses(&cpu);
            assert!(lines(&cpu) >= 2, "a head and a row for a second");
            let summary: serde_json::Value =
                serde_json::from_slice(&fs::read(out.join("runs").join(run).join("summary.json")).expect("summary"))
                    .expect("JSON");
            // the threads of the platform are found by their names; a machine that stood still has no whole second to tell of
            assert!(summary["cpu"].is_null() || summary["cpu"]["mean"]["platform"].is_number(), "{summary}");
        }
        assert_eq!(lines(&out.join("runs").join(run).join("requests.csv")), 51, "50 planned requests and a head");
    }
    let comparison = fs::read_to_string(out.join("comparison.csv")).expect("comparison.csv");
    let head = comparison.lines().next().unwrap_or_default();
    assert!(head.starts_with(CONTRACT_COLUMNS), "{head}");
    let words = fs::read_to_string(out.join("comparison.md")).expect("comparison.md");
    assert!(words.contains("No verdict"), "one run per arm carries no verdict, and says so");
}

#[test]
fn a_study_says_that_the_machine_was_kept_awake_and_all_its_runs_are_of_one_kind() {
    let house = House::with(&short_scenario("-z 2s -c 5 -q 5"));
    let refused = |args: &[&str], why: &str| {
        let output = house.run(args);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    };
    refused(&["run", "short.toml", "--target", "simulated", "--keep-awake"], "--keep-awake is about the wall clock");
    if watchtower::drive::live::awake::objection().is_some() {
        return;
    }
    let output = house.run(&["run", "short.toml", "--arm", "two", "--keep-awake", "--no-report", "--out", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let read = |file: &Path| fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let json = |file: &Path| -> serde_json::Value { serde_json::from_str(&read(file)).expect("JSON") };
    let record = house.out().join("study.json");
    assert_eq!(json(&record)["host"]["kept_awake"], true);
    let cpu = &json(&house.out().join("runs/two-1/summary.json"))["cpu"]["mean"];
    // a machine that stood still has no whole second to tell of
    if let Some((awake, all)) = cpu["awake"].as_f64().zip(cpu["total"].as_f64()) {
        assert!(awake >= 0.0 && awake + all < 1.2, "what keeps awake is no part of the rest: {cpu}");
    }
    fs::write(&record, read(&record).replace("\"kept_awake\": true", "\"kept_awake\": false")).expect("written");
    refused(&["run", "short.toml", "--resume", "out", "--keep-awake"], "was not given when this study began");
}

#[test]
fn standard_output_is_json_and_nothing_else_when_asked() {
    let house = House::with(&short_scenario("-n 10 -c 2 -q 10"));
    let output = house.run(&["run", "short.toml", "--out", "out", "--json", "--arm", "two"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(value[0]["runs"][0]["arm"], "two");
    assert_eq!(value[0]["runs"][0]["sent"], 10);
}

#[test]
fn report_makes_the_same_bytes_again() {
    let house = House::with(&short_scenario("-n 20 -c 2 -q 20"));
    assert_eq!(house.run(&["run", "short.toml", "--out", "out"]).status.code(), Some(0));
    let page = house.out().join("report.html");
    let chart = house.out().join("charts/latency_histogram.png");
    let before = (fs::read(&page).expect("page"), fs::read(&chart).expect("chart"));
    assert_eq!(house.run(&["report", "out"]).status.code(), Some(0));
    assert!(before == (fs::read(&page).expect("page"), fs::read(&chart).expect("chart")));
}

#[test]
fn a_directory_that_exists_is_never_overwritten() {
    let house = House::with(&short_scenario("-n 2 -c 2 -q 10"));
    fs::create_dir(house.out()).expect("a directory");
    fs::write(house.out().join("mine.txt"), "precious").expect("a file");
    let output = house.run(&["run", "short.toml", "--out", "out"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("out") && said.contains("exists") && said.contains("hint"), "{said}");
    assert_eq!(fs::read_to_string(house.out().join("mine.txt")).expect("still there"), "precious");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let house = House::with(&short_scenario("-n 2 -c 2 -q 10"));
    fs::write(house.dir.path().join("file"), "").expect("a file");
    let output = house.run(&["run", "short.toml", "--out", "file/out"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("file/out") && said.contains("hint"), "{said}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let house = House::with("");
    let output = house.run(&["serve", "--listen", &address, "--metrics", "127.0.0.1:0"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&address) && said.contains("in use") && said.contains("hint"), "{said}");
}

#[test]
fn a_wrong_scenario_exits_2_before_anything_is_written() {
    let house = House::with("name = \"short\"\nrepeets = 2\n");
    let output = house.run(&["run", "short.toml", "--out", "out"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("short.toml") && said.contains("repeets"), "{said}");
    assert!(!house.out().exists());
}

#[test]
fn a_target_that_is_not_known_is_told_with_those_that_are() {
    let house = House::with(&short_scenario("-n 2 -c 2 -q 10"));
    let output = house.run(&["run", "short.toml", "--target", "nomad", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("openfaas and kubernetes"), "{}", text(&output.stderr));
}

fn interrupted(signal: Signal, code: i32) {
    let house = House::with(&short_scenario("-z 60s -c 5 -q 5"));
    let child = house
        .command(&["run", "short.toml", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let requests = house.out().join("runs/tower-1/requests.csv");
    until("the load", || lines(&requests) > 20);
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    parses(&requests);
    let study: serde_json::Value =
        serde_json::from_slice(&fs::read(house.out().join("study.json")).expect("study.json")).expect("JSON");
    assert_eq!(study["status"], "partial");
    let words = fs::read_to_string(house.out().join("comparison.md")).expect("comparison.md");
    assert!(words.contains("partial"), "{words}");
    assert!(house.out().join("report.html").is_file());
}

#[test]
fn ctrl_c_keeps_what_was_seen_and_exits_130() {
    interrupted(Signal::SIGINT, 130);
}

#[test]
fn sigterm_keeps_what_was_seen_and_exits_143() {
    interrupted(Signal::SIGTERM, 143);
}

#[test]
fn kill_9_leaves_whole_rows() {
    let house = House::with(&short_scenario("-z 60s -c 20 -q 20"));
    let mut child = house
        .command(&["run", "short.toml", "--out", "out"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let run = house.out().join("runs/tower-1");
    until("the load", || lines(&run.join("requests.csv")) > 1_000 && lines(&run.join("probes.csv")) > 1);
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    for file in ["requests.csv", "timeline.csv", "events.csv", "probes.csv"] {
        parses(&run.join(file));
    }
    let requests = fs::read_to_string(run.join("requests.csv")).expect("requests.csv");
    assert!(requests.ends_with('\n'), "the last row is whole");
}

#[test]
fn a_generator_that_stood_still_makes_the_run_invalid() {
    let house = House::with(&short_scenario("-z 6s -c 10 -q 10"));
    let child = house
        .command(&["run", "short.toml", "--out", "out", "--arm", "two"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = Pid::from_raw(child.id().try_into().expect("a pid"));
    until("the load", || lines(&house.out().join("runs/two-1/requests.csv")) > 100);
    kill(pid, Signal::SIGSTOP).expect("it stops");
    std::thread::sleep(Duration::from_secs(1));
    kill(pid, Signal::SIGCONT).expect("it goes on");
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("INVALID"), "{said}");
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(house.out().join("runs/two-1/summary.json")).expect("summary")).expect("JSON");
    assert_eq!(summary["valid"], false);
    assert!(summary["stalled_s"].as_f64().expect("a number") > 0.8, "{summary}");
    let why = summary["invalid_because"].to_string();
    assert!(why.contains("stood still") && why.contains("[limits] max_stall"), "it says what to change: {why}");
}

#[test]
fn a_full_disk_ends_the_run_with_the_files_name_and_keeps_what_is_there() {
    let house = House::with(&short_scenario("-z 20s -c 50 -q 50"));
    let small = house.dir.path().join("small");
    fs::create_dir(&small).expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&small)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("SKIPPED: a full disk needs a small tmpfs, which only root may mount");
        return;
    }
    let output = house.run(&["run", "short.toml", "--out", "small/out", "--arm", "two"]);
    let said = text(&output.stderr);
    let kept = lines(&small.join("out/runs/two-1/requests.csv"));
    let unmounted = Command::new("umount").arg(&small).status().is_ok_and(|status| status.success());
    assert!(unmounted, "the small disk is still there");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("requests.csv") && said.contains("space"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(kept > 100, "{kept} rows were kept");
}

#[test]
fn completions_and_schema_go_to_standard_output() {
    let house = House::with("");
    for shell in ["bash", "zsh", "fish"] {
        let output = house.run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("watchtower"));
    }
    let output = house.run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(schema["properties"]["arm"].is_object());
}

#[test]
fn usage_errors_exit_2() {
    let house = House::with("");
    for args in [&["run"][..], &["run", "nowhere.toml"], &["frobnicate"], &["run", "--repeats", "0", "short.toml"]] {
        let output = house.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn replay_says_what_the_chain_did_on_a_measured_counter() {
    let house = House::with("");
    let counter = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oracle/scrapes/seed_x1_a.csv");
    let output = house.run(&[
        "replay",
        "--policy",
        "openfaas-ce",
        "--counter",
        counter,
        "--start-unix",
        "1795457216.8742046",
        "--set",
        "evaluation_phase=8.324404523",
        "--set",
        "webhook_latency=3ms",
        "--set",
        "flush_drift=5.4ms",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.starts_with("t_s,kind,from,to,reason\n"), "{printed}");
    let mut reader = csv::Reader::from_reader(printed.as_bytes());
    let scales: Vec<(f64, String, String)> = reader
        .records()
        .map(|row| row.expect("a row"))
        .filter(|row| &row[1] == "scale")
        .map(|row| (row[0].parse().expect("a time"), row[2].to_owned(), row[3].to_owned()))
        .collect();
    // measured: gateway 0.27.8 with Prometheus 2.42.0 and Alertmanager 0.25.0, polled each 100 ms
    let measured =
        [(31.499, "1", "2"), (61.498, "2", "3"), (91.498, "3", "4"), (121.498, "4", "5"), (131.598, "5", "1")];
    assert_eq!(scales.len(), measured.len(), "{printed}");
    for ((at, from, to), expected) in scales.iter().zip(measured) {
        assert!(
            (at - expected.0).abs() <= 0.2 && (from.as_str(), to.as_str()) == (expected.1, expected.2),
            "{printed}"
        );
    }
}

#[test]
fn replay_names_what_is_wrong_and_the_nearest_right_word() {
    let house = House::with("");
    fs::write(house.dir.path().join("counter.csv"), "t_s,code,value\n0,200,1\n5,200,2\n").expect("a file");
    for (args, words) in [
        (&["--policy", "openfas-ce", "--counter", "counter.csv"][..], "did you mean \"openfaas-ce\"?"),
        (&["--policy", "openfaas-ce", "--counter", "nowhere.csv"], "nowhere.csv"),
        (&["--policy", "openfaas-ce", "--counter", "counter.csv", "--set", "evaluation_fase=1"], "evaluation_phase"),
        (&["--policy", "openfaas-ce", "--counter", "counter.csv", "--set", "threshold=many"], "threshold=many"),
    ] {
        let output = house.run(&[&["replay"][..], args].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.contains("hint"), "{said}");
    }
}

#[test]
fn the_scenario_in_the_readme_is_one() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a TOML block");
    let house = House::with(block);
    let output = house.run(&["check", "short.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("patient-tower"));
}

#[test]
fn the_first_failure_of_each_kind_is_told_in_words_and_its_password_is_not() {
    // nobody listens at port 1
    let house = House::with(&short_scenario("-n 4 -c 2 -x http://ann:canary@127.0.0.1:1"));
    house.run(&["run", "short.toml", "--arm", "two", "--out", "r"]);
    let events = fs::read_to_string(house.dir.path().join("r/runs/two-1/events.csv")).expect("events");
    let told: Vec<&str> = events.lines().filter(|line| line.contains("the first request that ended in")).collect();
    let [told] = told[..] else { panic!("{events}") };
    assert!(
        told.contains("load,failed,,,\"load 1: the first request that ended in proxy: Get \"\"http://127.0.0.1:"),
        "{told}"
    );
    assert!(told.contains("proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"), "{told}");
    assert!(!events.contains("canary"), "{events}");
}

#[test]
fn credentials_in_a_load_reach_no_file_and_no_screen() {
    let house = House::with(&short_scenario("-n 4 -c 2 -q 10 -a admin:canary -H 'Authorization: Bearer canary'"));
    let output = house.run(&["run", "short.toml", "--out", "out", "--arm", "two"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("canary") && !text(&output.stderr).contains("canary"));
    let mut open = vec![house.out()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else {
            let bytes = fs::read(&path).expect("a file");
            assert!(!text(&bytes).contains("canary"), "{}", path.display());
        }
    }
}

#[test]
fn a_reader_of_standard_error_that_goes_away_ends_no_run() {
    let house = House::with(&short_scenario("-z 1s -c 2 -q 5"));
    let mut child = house
        .command(&["run", "short.toml", "--out", "out", "--arm", "two"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let study = fs::read_to_string(house.out().join("study.json")).expect("study.json");
    assert!(study.contains("\"status\": \"done\""), "{study}");
}

#[test]
fn a_directory_without_results_is_wrong_usage_of_report() {
    let house = House::with("");
    let output = house.run(&["report", "."]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("study.json"));
}
