//! The gentler isolation against a real Alertmanager: before an arm scales, its function's alert is silenced there and no other, and
//! afterwards it is heard again, whatever ended the run.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use watchtower::drive::live::target::rest::Credentials;

use super::{FIXED, House, text, until};

/// The alert that scales.
const ALERT: &str = "APIHighInvocationRate";

/// A real Alertmanager, with alerts of two functions firing.
pub(crate) struct Real {
    pub(crate) address: SocketAddr,
    /// What those bring who are let in, if anybody is asked.
    authorization: Option<String>,
    child: Child,
    _home: TempDir,
}

impl Real {
    /// Starts it; says so where there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        Self::start_for(None)
    }

    /// The same for one user only: the name, the password and what bcrypt makes of it.
    fn start_for(user: Option<(&str, &str, &str)>) -> Option<Self> {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = home.path().join("alertmanager.yml");
        let told = "route:\n  receiver: nobody\n  group_wait: 1s\n  group_interval: 1s\nreceivers:\n  - name: nobody\n";
        std::fs::write(&config, told).expect("a file");
        let address = {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            free.local_addr().expect("an address")
        };
        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.path={}", home.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--cluster.listen-address=");
        if let Some((name, _, hash)) = user {
            let web = home.path().join("web.yml");
            std::fs::write(&web, format!("basic_auth_users:\n  {name}: {hash}\n")).expect("a file");
            command.arg(format!("--web.config.file={}", web.display()));
        }
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) => {
                eprintln!("SKIPPED, no silence is tried at a real Alertmanager: prometheus-alertmanager: {error}");
                return None;
            }
        };
        let authorization = user.map(|(user, password, _)| {
            let (user, password) = (user.to_owned(), password.to_owned());
            format!("Authorization: {}\r\n", Credentials { user, password }.basic())
        });
        let real = Self { address, authorization, child, _home: home };
        until("Alertmanager is ready", || real.ask("GET", "/-/ready", "").is_some_and(|answer| answer.0 == 200));
        for (alert, function) in
            [(ALERT, "ftest.openfaas-fn"), (ALERT, "other.openfaas-fn"), ("Other", "ftest.openfaas-fn")]
        {
            let labels = json!({ "alertname": alert, "function_name": function, "severity": "major" });
            let answer = real.ask("POST", "/api/v2/alerts", &json!([{ "labels": labels }]).to_string());
            assert!(answer.as_ref().is_some_and(|answer| answer.0 == 200), "{answer:?}");
        }
        until("all three fire", || real.alerts().len() == 3);
        assert!(real.unheard().is_empty());
        Some(real)
    }

    /// One exchange: status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        // the older version of HTTP: an answer to it has no chunks
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{body}",
            self.authorization.as_deref().unwrap_or_default(),
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let code = answer.split(' ').nth(1)?.parse().ok()?;
        Some((code, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn list(&self, path: &str) -> Vec<Value> {
        let (code, body) = self.ask("GET", path, "").expect("an answer");
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn alerts(&self) -> Vec<Value> {
        self.list("/api/v2/alerts")
    }

    /// Alerts that a silence keeps from being sent: name and function.
    pub(crate) fn unheard(&self) -> Vec<(String, String)> {
        let alerts = self.alerts();
        let silenced = alerts.iter().filter(|alert| alert["status"]["state"] == "suppressed");
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        silenced.map(|alert| (label(alert, "alertname"), label(alert, "function_name"))).collect()
    }

    /// States of all silences that there have ever been.
    pub(crate) fn silences(&self) -> Vec<String> {
        let silences = self.list("/api/v2/silences");
        silences.iter().map(|silence| silence["status"]["state"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// When the only silence began, in Unix time.
    fn silenced_since(&self) -> f64 {
        let silences = self.list("/api/v2/silences");
        let [silence] = &silences[..] else { panic!("{silences:?}") };
        let since = silence["startsAt"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
        since.as_millisecond() as f64 / 1e3
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one alert that is not heard during a run.
pub(crate) fn its_alert() -> [(String, String); 1] {
    [(ALERT.to_owned(), "ftest.openfaas-fn".to_owned())]
}

#[test]
fn only_the_functions_alert_is_silenced_before_the_arm_scales_and_heard_again_afterwards() {
    let Some(real) = Real::start() else { return };
    let house = House::new();
    house.scenario_with("-z 3s -c 2 -q 5", FIXED, &format!("alertmanager = \"http://{}\"", real.address));
    let child = house.start();
    house.until_under_way();
    assert_eq!(real.unheard(), its_alert());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!((real.unheard(), real.silences()), (Vec::new(), vec!["expired".to_owned()]));
    house.is_as_before();

    let summary = std::fs::read(house.dir.path().join("out/runs/three-1/summary.json")).expect("a summary");
    let summary: Value = serde_json::from_slice(&summary).expect("JSON");
    let events = house.events("three-1");
    let scaled = events.iter().find(|row| row["kind"] == "scale").expect("a scaling");
    let scaled =
        summary["load_started_unix_s"].as_f64().expect("a time") + scaled["t_s"].parse::<f64>().expect("seconds");
    assert!(real.silenced_since() <= scaled, "{} and {scaled}", real.silenced_since());
}

#[test]
fn after_a_kill_the_alert_is_heard_again_when_things_are_put_back() {
    let Some(real) = Real::start() else { return };
    let house = House::new();
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, &format!("alertmanager = \"http://{}\"", real.address));
    let child = house.start();
    house.until_under_way();
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGKILL).expect("the signal is sent");
    child.wait_with_output().expect("it ends");
    assert_eq!(real.unheard(), its_alert());
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    assert_eq!((real.unheard(), real.silences()), (Vec::new(), vec!["expired".to_owned()]));
    house.is_as_before();
}

/// A user, the password, and what `htpasswd -nbBC 4` makes of it.
const USER: (&str, &str, &str) =
    ("watch", "canary-alert-4f0c19", "$2y$04$kd91RmanH1f62BnQdI3S2ujgkCP5jh4fisc8t35UTUgo6rkPCUWeS");

#[test]
fn an_alertmanager_that_asks_for_a_password_is_told_it_in_a_run_and_after_a_kill() {
    let Some(real) = Real::start_for(Some(USER)) else { return };
    let there = format!("alertmanager = \"http://{}\"", real.address);
    let (user, password, _) = USER;
    let house = House::new();
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, &there);
    let output = house.start().wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("401 Unauthorized"), "{}", text(&output.stderr));
    house.is_as_before();

    let house = House::new();
    std::fs::write(house.dir.path().join("alert-password"), password).expect("a file");
    let keys = format!("{there}\nalertmanager_user = \"{user}\"\nalertmanager_password_file = \"alert-password\"");
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, &keys);
    let child = house.start();
    house.until_under_way();
    assert_eq!(real.unheard(), its_alert());
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGKILL).expect("the signal is sent");
    child.wait_with_output().expect("it ends");
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    assert_eq!((real.unheard(), real.silences()), (Vec::new(), vec!["expired".to_owned()]));
    house.is_as_before();
}
