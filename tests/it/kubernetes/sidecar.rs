//! `watchtower autoscale` in a cluster: scaled by the Deployment while the Lease is held, and only then.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use watchtower::drive::live::target::kubernetes::FENCE;

use super::super::autoscale::program::{COURSE, const_py};
use super::super::autoscale::running::{Running, until};
use super::super::autoscale::standin::StandIn;
use super::FUNCTIONS;
use super::api::{Api, TOKEN};
use super::store::key;

/// A cluster with a function, a gateway in front of it that answers probes as late as it is told, and a folder to work in.
pub(super) struct Yard {
    pub(super) dir: TempDir,
    pub(super) api: Api,
    pub(super) gateway: StandIn,
}

/// The token of one of several sidecars.
pub(super) fn token(who: &str) -> String {
    format!("{TOKEN}-{who}")
}

impl Yard {
    pub(super) fn new(replicas: u32, late_ms: &[u64]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let yard = Self { dir, api: Api::start(), gateway: StandIn::start(1, late_ms) };
        yard.api.store().deploy(FUNCTIONS, "ftest", replicas);
        yard
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A configuration of one function, as far as it is not `more` that says it.
    pub(super) fn toml(&self, autoscale: &str, function: &str) -> String {
        format!(
            "[autoscale]\ntarget = \"kubernetes\"\n{autoscale}\n[openfaas]\ngateway = \"http://{}\"\n[[function]]\nname = \"ftest\"\n{function}\n",
            self.gateway.address
        )
    }

    pub(super) fn command(&self, who: &str, args: &[&str]) -> Command {
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters:\n- name: lab\n  cluster:\n    server: http://{}\ncontexts:\n\
             - name: lab\n  context: {{cluster: lab, user: tester}}\nusers:\n- name: tester\n  user:\n    token: {}\n",
            self.api.address,
            token(who)
        );
        let name = format!("kubeconfig-{who}");
        self.write(&name, &kubeconfig);
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.arg("autoscale").args(args).args(["--listen", "127.0.0.1:0"]).current_dir(self.dir.path());
        command.env("WATCHTOWER_STATE_DIR", self.path("state")).env("HOME", self.dir.path());
        command.env("KUBECONFIG", self.path(&name));
        command
    }

    pub(super) fn start(&self, who: &str, args: &[&str]) -> Running {
        Running::begin(self.command(who, args))
    }

    fn lease(&self) -> Value {
        let objects = self.api.store().lock();
        objects.all.get(&key("leases", FUNCTIONS, "watchtower-ftest")).cloned().unwrap_or_default()
    }

    fn holder(&self) -> Option<String> {
        self.lease()["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    /// Every scaling that was accepted came from who had the Lease.
    #[track_caller]
    fn only_leaders_scaled(&self) {
        for scaling in self.api.ledger().scalings {
            assert_eq!(scaling.holder, Some((scaling.token.clone(), false)), "{scaling:?}");
        }
    }
}

fn stands(running: &Running, how: &str) -> bool {
    running.get("/healthz").contains(&format!("ftest: {how}"))
}

#[test]
fn the_originals_file_scales_a_deployment_as_the_tables_say_and_only_while_it_leads() {
    let yard = Yard::new(1, &COURSE);
    yard.write("const.py", &const_py(&yard.gateway, &[]));
    let running = yard.start("a", &["--config", "const.py", "--target", "kubernetes"]);
    // twice two rounds above: by a fifth each, rounded up; then three rounds below: all the way down
    until("it is down again", || yard.api.ledger().by(&token("a")).len() == 3);
    until("it said so", || running.scaled().len() == 3);
    assert_eq!(yard.api.ledger().by(&token("a")), [2, 3, 1]);
    assert_eq!(running.scaled(), [(1, 2), (2, 3), (3, 1)]);
    assert_eq!((yard.gateway.scalings(), yard.api.replicas(FUNCTIONS, "ftest")), (Vec::new(), 1));
    // its own scalings are nobody else's, however late the watch tells of them
    assert_eq!(running.events("broken"), Vec::<Value>::new());
    yard.only_leaders_scaled();

    let Value::Object(spec) = yard.lease()["spec"].clone() else { panic!("{}", yard.lease()) };
    let holder = spec["holderIdentity"].as_str().expect("a name").to_owned();
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(15), &json!(0)));
    let time = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
    assert!(time("acquireTime") < time("renewTime") && time("renewTime").len() == "2026-11-29T17:16:38.250000Z".len());
    let fence = yard.api.deployment(FUNCTIONS, "ftest")["metadata"]["annotations"][FENCE].clone();
    assert!(fence.as_str().is_some_and(|fence| fence.starts_with(&holder)), "{fence} {holder}");

    let metrics = running.get("/metrics");
    for line in [
        "watchtower_autoscale_scalings_total{function=\"ftest\",result=\"up\"} 2",
        "watchtower_autoscale_scalings_total{function=\"ftest\",result=\"down\"} 1",
        "watchtower_autoscale_leader{function=\"ftest\"} 1",
        "watchtower_autoscale_standing{function=\"ftest\",standing=\"leading\"} 1",
        "watchtower_autoscale_foreign_scalings_total{function=\"ftest\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
    until("the watch has told of it", || {
        running.get("/metrics").contains("watchtower_autoscale_replicas{function=\"ftest\",kind=\"ready\"} 1")
    });
    assert_eq!(running.events("broken"), Vec::<Value>::new());
    let said: String = running.said.lock().unwrap().iter().map(Value::to_string).collect();
    let (code, heard) = running.ends(Signal::SIGTERM);
    assert_eq!(code, 143, "{heard}");
    // given back, and the replicas are left as they are
    assert_eq!((yard.holder().as_deref(), yard.api.replicas(FUNCTIONS, "ftest")), (Some(""), 1));
    assert!(!(said + &heard).contains(TOKEN));
}

#[test]
fn a_dry_run_says_the_same_with_the_right_to_look_only() {
    let yard = Yard::new(1, &COURSE);
    yard.write("const.py", &const_py(&yard.gateway, &[]));
    let denied =
        ["patch deployments", "get deployments/scale", "update deployments/scale", "create leases", "get leases"];
    yard.api.weather(|weather| weather.denied.extend(denied.map(str::to_owned)));
    let running = yard.start("a", &["--config", "const.py", "--target", "kubernetes", "--dry-run"]);
    until("it would be down again", || running.scaled().len() == 3);
    assert_eq!(running.scaled(), [(1, 2), (2, 3), (3, 1)]);
    assert_eq!(yard.api.replicas(FUNCTIONS, "ftest"), 1);
    assert!(running.get("/metrics").contains("watchtower_autoscale_leader{function=\"ftest\"} 0"));
    let calls = yard.api.calls();
    let is_harmless = |call: &String| call.starts_with("GET ") || call.ends_with("/selfsubjectaccessreviews");
    assert!(calls.iter().all(is_harmless), "{calls:?}");
    assert_eq!(running.ends(Signal::SIGINT).0, 130);
}

#[test]
fn each_missing_right_is_named_and_nothing_is_begun() {
    let yard = Yard::new(1, &[1]);
    yard.write("sidecar.toml", &yard.toml("", "policy = \"watchtower\""));
    yard.api.weather(|weather| {
        weather.denied.extend(["update deployments/scale", "create leases"].map(str::to_owned));
    });
    let output = yard.command("a", &["--config", "sidecar.toml"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "function ftest: this account may not do",
        "update deployments/scale.apps \"ftest\" in namespace openfaas-fn",
        "create leases.coordination.k8s.io in namespace openfaas-fn",
        "docs/autoscale.md",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(!said.contains("get deployments") && !said.contains("delete leases"), "{said}");
    assert!(yard.api.calls().iter().all(|call| call.ends_with("/selfsubjectaccessreviews")));
    assert_eq!(yard.gateway.probes(), 0);
}

#[test]
fn of_two_one_leads_and_the_other_follows_when_it_is_killed_and_a_third_when_that_gives_way() {
    let yard = Yard::new(1, &[1]);
    yard.write("sidecar.toml", &yard.toml("lease = \"3s\"", "policy = \"fixed\"\nreplicas = 3"));
    let args = ["--config", "sidecar.toml"];
    let mut first = yard.start("a", &args);
    until("the first one scales", || yard.api.replicas(FUNCTIONS, "ftest") == 3);
    let second = yard.start("b", &args);
    until("the second one stands by", || stands(&second, "standby"));
    assert!(second.get("/healthz").starts_with("HTTP/1.1 200 OK"));
    first.child.kill().expect("it runs");
    first.child.wait().expect("it ends");
    until("the second one leads", || stands(&second, "leading"));
    assert_eq!(yard.lease()["spec"]["leaseTransitions"], 1);
    let third = yard.start("c", &args);
    until("the third one stands by", || stands(&third, "standby"));
    assert_eq!(second.ends(Signal::SIGTERM).0, 143);
    until("the third one leads", || stands(&third, "leading"));
    assert_eq!(yard.api.ledger().reigns, ["a", "b", "c"].map(token));
    assert_eq!(yard.lease()["spec"]["leaseTransitions"], 2);
    yard.only_leaders_scaled();
}

#[test]
fn who_can_not_renew_stops_before_the_lease_ends_and_leads_again_when_the_api_server_is_back() {
    let yard = Yard::new(2, &[250]);
    let function = "policy = \"watchtower\"\ncheck_frequency = 1\ntarget = 250";
    yard.write("sidecar.toml", &yard.toml("lease = \"3s\"", function));
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    until("it leads", || stands(&running, "leading"));
    yard.api.weather(|weather| weather.down = true);
    until("it leads no longer", || stands(&running, "standby"));
    let metrics = running.get("/metrics");
    assert!(metrics.contains("watchtower_autoscale_leader{function=\"ftest\"} 0"), "{metrics}");
    // what was known last is kept
    assert!(metrics.contains("watchtower_autoscale_replicas{function=\"ftest\",kind=\"desired\"} 2"), "{metrics}");
    let at_rest = yard.gateway.probes();
    yard.api.weather(|weather| weather.down = false);
    until("it leads again", || stands(&running, "leading"));
    until("it probes again", || yard.gateway.probes() > at_rest + 1);
}

#[test]
fn a_gateway_that_is_away_is_one_loss_however_well_the_api_server_answers() {
    let yard = Yard::new(2, &[250]);
    let function = "policy = \"watchtower\"\ncheck_frequency = 1\ntarget = 250";
    yard.write("sidecar.toml", &yard.toml("", function));
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    until("it probes", || yard.gateway.probes() > 1);
    yard.gateway.be_gone(true);
    until("it is lost", || stands(&running, "lost"));
    thread::sleep(Duration::from_secs(4));
    assert!(stands(&running, "lost"));
    let at_rest = yard.gateway.probes();
    yard.gateway.be_gone(false);
    until("it probes again", || yard.gateway.probes() > at_rest + 1);
    let metrics = running.get("/metrics");
    assert!(metrics.contains("watchtower_autoscale_platform_losses_total{function=\"ftest\"} 1"), "{metrics}");
    assert!(metrics.contains("watchtower_autoscale_leader{function=\"ftest\"} 1"), "{metrics}");
}

#[test]
fn what_somebody_else_sets_is_told_by_the_watch_and_taken_as_it_is() {
    let yard = Yard::new(2, &[250]);
    yard.write("sidecar.toml", &yard.toml("", "policy = \"watchtower\"\ncheck_frequency = 1\ntarget = 250"));
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    until("it leads", || stands(&running, "leading"));
    yard.api.scale(FUNCTIONS, "ftest", 4);
    until("it is told", || !running.events("broken").is_empty());
    let broken = &running.events("broken")[0];
    assert_eq!((&broken["from"], &broken["to"]), (&json!(2), &json!(4)));
    until("it is ready", || {
        running.get("/metrics").contains("watchtower_autoscale_replicas{function=\"ftest\",kind=\"ready\"} 4")
    });
    assert_eq!(yard.api.ledger().scalings.len(), 0);
    // replicas are followed, not asked for again and again: lists are of the watch, at its beginning and where it was quiet
    let one = format!("GET /apis/apps/v1/namespaces/{FUNCTIONS}/deployments/ftest");
    let asked = yard.api.calls().iter().filter(|call| **call == one).count();
    assert!(asked <= 2, "{asked}");
}

#[test]
fn a_function_that_a_run_has_for_itself_is_let_be_until_the_run_is_over() {
    let yard = Yard::new(2, &[1]);
    let key = key("leases", FUNCTIONS, "watchtower-ftest");
    let renewed = |count: u32| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "watchtower-ftest", "namespace": FUNCTIONS, "uid": "uid-run" },
            "spec": { "holderIdentity": "a-run", "leaseDurationSeconds": 3, "leaseTransitions": 0, "renewTime": count.to_string() },
        })
    };
    yard.api.store().lock().put(&key, renewed(0));
    yard.write("sidecar.toml", &yard.toml("lease = \"3s\"", "policy = \"fixed\"\nreplicas = 3"));
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    // twice as long as the Lease lasts
    for count in 1..=12 {
        thread::sleep(Duration::from_millis(500));
        yard.api.store().lock().put(&key, renewed(count));
    }
    assert!(stands(&running, "standby"));
    assert_eq!((yard.holder().as_deref(), yard.api.replicas(FUNCTIONS, "ftest")), (Some("a-run"), 2));
    yard.api.store().lock().remove(&key);
    until("it scales", || yard.api.replicas(FUNCTIONS, "ftest") == 3);
}

#[test]
fn a_configuration_is_read_again_and_another_lease_is_taken_with_it() {
    let yard = Yard::new(1, &[1]);
    yard.write("sidecar.toml", &yard.toml("", "policy = \"fixed\"\nreplicas = 3"));
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    until("it scales", || yard.api.replicas(FUNCTIONS, "ftest") == 3);
    yard.write("sidecar.toml", &yard.toml("lease = \"2500ms\"", "policy = \"fixed\"\nreplicas = 2"));
    running.signal(Signal::SIGHUP);
    until("it is refused", || running.heard().contains("is no number of whole seconds"));
    assert_eq!(yard.api.replicas(FUNCTIONS, "ftest"), 3);
    yard.write("sidecar.toml", &yard.toml("lease = \"4s\"", "policy = \"fixed\"\nreplicas = 2"));
    running.signal(Signal::SIGHUP);
    until("it scales anew", || yard.api.replicas(FUNCTIONS, "ftest") == 2);
    assert_eq!(yard.lease()["spec"]["leaseDurationSeconds"], 4);
    yard.only_leaders_scaled();
}

#[test]
fn an_api_server_that_is_not_there_yet_is_waited_for() {
    let yard = Yard::new(1, &[1]);
    yard.write("sidecar.toml", &yard.toml("", "policy = \"fixed\"\nreplicas = 3"));
    yard.api.weather(|weather| weather.down = true);
    let running = yard.start("a", &["--config", "sidecar.toml"]);
    until("it says so", || running.heard().contains("the API server is waited for"));
    yard.api.weather(|weather| weather.down = false);
    until("it scales", || yard.api.replicas(FUNCTIONS, "ftest") == 3);
}
