//! Somebody's cluster as a target: the same study as at home, and everything as it was found afterwards, whatever ended the run.

mod api;
mod chaos;
mod conformance;
mod door;
mod every_call;
mod every_call_of_pods;
mod faults;
mod hour;
mod jobs;
mod ledger;
mod load;
mod restore;
mod rules;
mod secrets;
mod secured;
mod sidecar;
mod store;
mod study;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use watchtower::drive::live::target::kubernetes::{Access, MARK, Way};
use watchtower::drive::live::target::openfaas;
use watchtower::drive::live::target::platform::Platform;

use self::api::{Api, TOKEN};
use super::openfaas::{gateway, text, until};

/// Where functions live.
const FUNCTIONS: &str = "openfaas-fn";
/// Where the platform itself lives.
const PLATFORM: &str = "openfaas";
/// An arm that sets three replicas and keeps them.
const FIXED: &str = "[[arm]]\nname = \"three\"\npolicy = \"fixed\"\nreplicas = 3\n";

/// A cluster with a function, an Alertmanager and a gateway, and a folder to work in.
struct House {
    dir: TempDir,
    api: Api,
    platform: Platform,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let api = Api::start();
        // what was there before a run, and has to be there after it
        api.store().deploy(FUNCTIONS, "ftest", 2);
        api.store().deploy(PLATFORM, "alertmanager", 1);
        let house = Self { dir, api, platform: gateway(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: elsewhere\nclusters:\n- name: lab\n  cluster:\n    server: http://{}\n\
             - name: elsewhere\n  cluster:\n    server: http://127.0.0.1:9\ncontexts:\n- name: lab\n  context: {{cluster: lab, user: tester}}\n\
             - name: elsewhere\n  context: {{cluster: elsewhere, user: tester}}\nusers:\n- name: tester\n  user:\n    token: {TOKEN}\n",
            house.api.address
        );
        fs::write(house.dir.path().join("kubeconfig"), kubeconfig).expect("a file");
        house
    }

    /// Writes the scenario with these arms and this load; `extra` goes into `[kubernetes]`.
    fn scenario(&self, load: &str, arms: &str, extra: &str) {
        self.scenario_with(load, arms, "", extra);
    }

    /// The same with more in `[openfaas]`.
    fn scenario_with(&self, load: &str, arms: &str, openfaas: &str, extra: &str) {
        let text = format!(
            "name = \"guest\"\n[function]\nname = \"ftest\"\nquery = \"number=50\"\n[[load]]\nhey = \"{load}\"\n\
             [run]\nwarm_up = \"300ms\"\ncool_down = \"100ms\"\n[limits]\nmax_lateness = \"1s\"\nmax_stall = \"30s\"\nmin_accounted = 0.5\n\
             [openfaas]\ngateway = \"http://{}\"\nmetrics = \"http://{}\"\n{openfaas}\n\
             [kubernetes]\nkubeconfig = \"kubeconfig\"\ncontext = \"lab\"\n{extra}\n{arms}",
            self.platform.gateway_address(),
            self.platform.metrics_address(),
        );
        fs::write(self.dir.path().join("guest.toml"), text).expect("a scenario");
    }

    /// Leaves warm-up and cool-down out of the scenario.
    fn shorten(&self) {
        let path = self.dir.path().join("guest.toml");
        let scenario = fs::read_to_string(&path).expect("a scenario");
        let long = "warm_up = \"300ms\"\ncool_down = \"100ms\"";
        assert!(scenario.contains(long), "{scenario}");
        fs::write(&path, scenario.replace(long, "warm_up = \"0s\"\ncool_down = \"0s\"")).expect("a scenario");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).env("WATCHTOWER_STATE_DIR", self.state());
        command.env_remove("KUBECONFIG").env("HOME", self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Charts are not what these tests are about, and take longer than all the rest.
    fn start(&self, out: &str) -> Child {
        let mut command = self.command(&["run", "guest.toml", "--target", "kubernetes", "--out", out, "--no-report"]);
        command.spawn().expect("the program starts")
    }

    fn run(&self) -> Output {
        self.start("out").wait_with_output().expect("it ends")
    }

    fn restore(&self) -> Output {
        self.command(&["restore"]).output().expect("the program starts")
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    /// Entries of the journal.
    fn debts(&self) -> usize {
        fs::read_dir(self.state()).map_or(0, Iterator::count)
    }

    /// As it was found: replicas, no annotation of ours, no Lease, nothing in the journal.
    #[track_caller]
    fn is_as_before(&self) {
        let replicas =
            [(FUNCTIONS, "ftest"), (PLATFORM, "alertmanager")].map(|(place, name)| self.api.replicas(place, name));
        assert_eq!((replicas, self.api.leases(), self.debts()), ([2, 1], Vec::new(), 0));
        for (namespace, name) in [(FUNCTIONS, "ftest"), (PLATFORM, "alertmanager")] {
            let annotations = self.api.deployment(namespace, name)["metadata"]["annotations"].clone();
            assert_eq!(annotations, serde_json::json!({ "prometheus.io.scrape": "false" }), "{name}");
        }
    }

    /// What stands in the annotation of a Deployment.
    fn mark(&self, namespace: &str, name: &str) -> Value {
        let mark = self.api.deployment(namespace, name)["metadata"]["annotations"][MARK].clone();
        serde_json::from_str(mark.as_str().unwrap_or("null")).expect("JSON")
    }

    fn events(&self, run: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader =
            csv::Reader::from_path(self.dir.path().join("out/runs").join(run).join("events.csv")).expect("events.csv");
        reader.deserialize().map(|row| row.expect("a row")).collect()
    }

    fn reasons(&self, run: &str, kind: &str) -> Vec<String> {
        self.events(run)
            .into_iter()
            .filter(|row| row["kind"] == kind)
            .map(|mut row| row.remove("reason").unwrap())
            .collect()
    }

    /// Waits until a run with three replicas is under way.
    fn until_under_way(&self, run: &str) {
        let requests = self.dir.path().join("out/runs").join(run).join("requests.csv");
        until("the load", || super::openfaas::lines(&requests) > 5);
        until("three replicas", || self.api.replicas(FUNCTIONS, "ftest") == 3);
    }
}

/// The way into a house for who runs in this process.
fn access(house: &House) -> Access {
    Access {
        way: Way {
            kubeconfig: Some(house.dir.path().join("kubeconfig").display().to_string()),
            context: Some("lab".to_owned()),
        },
        gateway: openfaas::Access {
            gateway: format!("http://{}", house.platform.gateway_address()),
            ..openfaas::Access::default()
        },
        ..Access::default()
    }
}

#[track_caller]
fn succeeded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
