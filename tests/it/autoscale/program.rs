//! The program: the original's file as it is, decisions on standard output, metrics, reload, a gateway that goes away, the end.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::running::{Running, until};
use super::standin::StandIn;

/// The original's file with another address and a hurry: everything else is as it was published.
pub(crate) fn const_py(gateway: &StandIn, changes: &[(&str, &str)]) -> String {
    let url = format!("http://{}/function", gateway.address);
    let hurry = [
        ("http://localhost:8080/function", url.as_str()),
        ("CHECK_FREQUENCY = 5", "CHECK_FREQUENCY = 1"),
        ("TARGET = 75", "TARGET = 250"),
        ("SCALE_DOWN_ROUNDS = 12", "SCALE_DOWN_ROUNDS = 3"),
    ];
    let mut text = include_str!("const.py").to_owned();
    for (from, to) in hurry.iter().chain(changes) {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

struct House {
    dir: TempDir,
}

impl House {
    fn new(config: &str, text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join(config), text).expect("a configuration");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self, args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.arg("autoscale").args(args).current_dir(self.dir.path());
        command.env("WATCHTOWER_STATE_DIR", self.path("state"));
        Running::begin(command)
    }
}

/// Four probes far above the band, then as many as it takes far below it.
pub(crate) const COURSE: [u64; 5] = [900, 900, 900, 900, 1];

#[test]
fn the_originals_file_scales_a_function_as_the_tables_say_and_the_metrics_count_it() {
    let gateway = StandIn::start(1, &COURSE);
    let house = House::new("const.py", &const_py(&gateway, &[]));
    fs::write(house.path("password"), "canary-77aa\n").expect("a file");
    let running = house.start(&["--config", "const.py", "--listen", "127.0.0.1:0", "--password-file", "password"]);
    // twice two rounds above: by a fifth each, rounded up; then three rounds below: all the way down
    until("it is down again", || gateway.scalings().len() == 3);
    assert_eq!(gateway.scalings(), [2, 3, 1]);
    until("it said so", || running.scaled().len() == 3);
    assert_eq!(running.scaled(), [(1, 2), (2, 3), (3, 1)]);
    assert!(running.events("probe").len() >= 7);
    assert_eq!(gateway.authorization().as_deref(), Some("Basic YWRtaW46Y2FuYXJ5LTc3YWE="));

    let metrics = running.get("/metrics");
    for line in [
        "watchtower_autoscale_scalings_total{function=\"ftest\",result=\"up\"} 2",
        "watchtower_autoscale_scalings_total{function=\"ftest\",result=\"down\"} 1",
        "watchtower_autoscale_scalings_total{function=\"ftest\",result=\"unanswered\"} 0",
        "watchtower_autoscale_wanted_replicas{function=\"ftest\"} 1",
        "watchtower_autoscale_standing{function=\"ftest\",standing=\"leading\"} 1",
        "watchtower_autoscale_dry_run{function=\"ftest\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
    assert!(running.get("/healthz").starts_with("HTTP/1.1 200 OK"));
    let said: String = running.said.lock().unwrap().iter().map(Value::to_string).collect();
    let (code, heard) = running.ends(Signal::SIGTERM);
    assert_eq!(code, 143);
    assert!(heard.contains("the replicas stay as they are") && !(said + &heard).contains("canary"));
    assert_eq!(gateway.replicas(), 1);
}

#[test]
fn a_dry_run_says_the_same_and_asks_for_nothing() {
    let gateway = StandIn::start(1, &COURSE);
    let house = House::new("const.py", &const_py(&gateway, &[]));
    let running = house.start(&["--config", "const.py", "--dry-run", "--listen", "127.0.0.1:0"]);
    until("it would be down again", || running.scaled().len() == 3);
    assert_eq!(running.scaled(), [(1, 2), (2, 3), (3, 1)]);
    assert!(running.events("scale").iter().all(|line| line["dry_run"] == true && line["function"] == "ftest"));
    assert_eq!((gateway.scalings(), gateway.replicas()), (Vec::new(), 1));
    assert!(running.get("/metrics").contains("watchtower_autoscale_dry_run{function=\"ftest\"} 1"));
    assert_eq!(running.ends(Signal::SIGINT).0, 130);
}

#[test]
fn a_gateway_that_goes_away_is_given_time_and_found_again() {
    let gateway = StandIn::start(2, &[250]);
    let house = House::new("const.py", &const_py(&gateway, &[]));
    let running = house.start(&["--config", "const.py", "--listen", "127.0.0.1:0"]);
    until("it probes", || gateway.probes() > 1);
    gateway.be_gone(true);
    until("it is lost", || running.events("failed").iter().any(|line| line["reason"].to_string().contains("is lost")));
    let health = running.get("/healthz");
    assert!(health.starts_with("HTTP/1.1 200 OK") && health.contains("ftest: lost"), "{health}");
    let at_rest = gateway.probes();
    gateway.be_gone(false);
    until("it is found", || {
        running.events("failed").iter().any(|line| line["reason"].to_string().contains("answers again"))
    });
    until("it probes again", || gateway.probes() > at_rest + 1);
    assert!(running.get("/metrics").contains("watchtower_autoscale_platform_losses_total{function=\"ftest\"} 1"));
}

#[test]
fn a_new_configuration_is_taken_if_it_is_good_and_refused_whole_if_it_is_not() {
    let gateway = StandIn::start(1, &[250]);
    let toml = |extra: &str| {
        format!(
            "[autoscale]\nlisten = \"127.0.0.1:0\"\n[openfaas]\ngateway = \"http://{}\"\n{extra}[[function]]\nname = \"ftest\"\n\
             policy = \"watchtower\"\ncheck_frequency = 1\n",
            gateway.address
        )
    };
    let function = |policy: &str| format!("[[function]]\nname = \"other\"\npolicy = \"{policy}\"\n");
    let house = House::new("sidecar.toml", &toml(""));
    let running = house.start(&["--config", "sidecar.toml"]);
    until("it probes", || gateway.probes() > 0);
    let standing = |function: &str| running.get("/metrics").contains(&format!("standing{{function=\"{function}\""));
    assert!(standing("ftest") && !standing("other"));

    fs::write(house.path("sidecar.toml"), toml(&function("hpa"))).expect("writable");
    running.signal(Signal::SIGHUP);
    until("it is refused", || running.heard().contains("the configuration that was there goes on"));
    assert!(running.heard().contains("reads the platform's metrics of each pod"), "{}", running.heard());
    assert!(standing("ftest") && !standing("other"));

    fs::write(house.path("sidecar.toml"), toml(&function("fixed"))).expect("writable");
    running.signal(Signal::SIGHUP);
    until("the other one is there", || standing("other"));
    // what did not change goes on: it found its function once
    let found = |function: &str| {
        let phases = running.events("phase");
        phases
            .iter()
            .filter(|line| line["function"] == function && line["reason"].to_string().contains("leads"))
            .count()
    };
    until("the other one leads", || found("other") == 1);
    assert_eq!(found("ftest"), 1);

    fs::write(house.path("sidecar.toml"), toml("").replace("\"ftest\"", "\"other\"")).expect("writable");
    running.signal(Signal::SIGHUP);
    until("the first one is gone", || !standing("ftest"));
    let metrics = running.get("/metrics");
    for line in ["reloads_total{result=\"taken\"} 2", "reloads_total{result=\"refused\"} 1"] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
}

#[test]
fn of_two_on_one_machine_one_leads_and_the_other_follows_when_it_is_killed() {
    let gateway = StandIn::start(1, &[250]);
    let house = House::new("const.py", &const_py(&gateway, &[]));
    let args = ["--config", "const.py", "--listen", "127.0.0.1:0"];
    let mut first = house.start(&args);
    until("the first one leads", || first.get("/healthz").contains("ftest: leading"));
    let second = house.start(&args);
    until("the second one stands by", || second.get("/healthz").contains("ftest: standby"));
    first.child.kill().expect("it runs");
    first.child.wait().expect("it ends");
    until("the second one leads", || second.get("/healthz").contains("ftest: leading"));
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_before_anything_begins() {
    let gateway = StandIn::start(1, &[1]);
    let refused = |name: &str, text: &str, parts: &[&str]| {
        let house = House::new(name, text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        let output = command.args(["autoscale", "--config", name]).current_dir(house.dir.path()).output();
        let output = output.expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part}:\n{said}");
        }
    };
    refused(
        "const.py",
        &const_py(&gateway, &[("TARGET = 250", "TARGTE = 250")]),
        &["const.py:13: TARGTE", "did you mean TARGET?"],
    );
    refused(
        "sidecar.toml",
        "[autoscale]\nlisten = \"here\"\nlog_level = \"LOUD\"\n[openfass]\n[[function]]\npolicy = \"watchtowr\"\nat_least = 6\n\
         [[function]]\nname = \"a\"\npolicy = \"native\"\n[[function]]\nname = \"b\"\npolicy = \"timetable\"\n",
        &[
            "listen = \"here\" is no address",
            "log_level = \"LOUD\" is not known",
            "did you mean \"openfaas\"?",
            "name is not given",
            "did you mean \"watchtower\"?",
            "at_least = 6 is more than at_most = 5",
            "does not decide in this program",
            "policy = \"timetable\" counts its times from the start of a load",
        ],
    );
    refused("empty.toml", "", &["has no [[function]]"]);
    assert_eq!(gateway.probes(), 0);
}
