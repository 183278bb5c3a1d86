//! Somebody's gateway as a target: the same study as at home, and everything as it was found afterwards, whatever ended the run.

pub(super) mod alertmanager;
mod clamp;
mod every_call;
mod faults;
mod front;
pub(super) mod real_alertmanager;
mod restore;
mod secrets;
mod shards;
mod study;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::drive::{FunctionPlan, Handler};
use watchtower::model::{FunctionModel, NodeModel, StartUp, Work};
use watchtower::policy::{FunctionInfo, ReplicaStatus};
use watchtower::random::Seed;

use self::alertmanager::Alertmanager;
use self::front::{Front, Weather};
use super::points::Calls;

/// A password that must turn up nowhere.
pub(super) const CANARY: &str = "canary-3b1f77e0";

/// A gateway that is not this program's child, with an Alertmanager beside it and a folder to work in.
struct House {
    dir: TempDir,
    platform: Platform,
    alertmanager: Alertmanager,
    /// What runs take for the gateway, if not the platform's own.
    front: Option<Front>,
    /// Calls to the front and to the Alertmanager.
    calls: Arc<Calls>,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let platform = gateway(SocketAddr::from(([127, 0, 0, 1], 0)));
        let calls = Arc::<Calls>::default();
        let alertmanager = Alertmanager::counted(Arc::clone(&calls));
        let house = Self { dir, platform, alertmanager, front: None, calls };
        fs::write(house.dir.path().join("password"), format!("{CANARY}\n")).expect("a file");
        // what was there before a run, and has to be there after it
        house.scale(2);
        house
    }

    /// The same with a gateway that may be as the test wants it.
    fn with_a_front() -> Self {
        let house = Self::new();
        let front = Front::before(house.platform.gateway_address(), Arc::clone(&house.calls));
        Self { front: Some(front), ..house }
    }

    fn front(&self) -> &Front {
        self.front.as_ref().expect("a house with a front")
    }

    fn weather(&self, change: impl FnOnce(&mut Weather)) {
        self.front().weather(change);
    }

    /// The gateway as runs know it.
    fn gateway(&self) -> SocketAddr {
        self.front.as_ref().map_or_else(|| self.platform.gateway_address(), |front| front.address)
    }

    /// Writes the scenario with these arms and this load; `extra` goes into `[openfaas]`.
    fn scenario(&self, load: &str, arms: &str, extra: &str) {
        let alone = format!("alertmanager = \"http://{}\"\n{extra}", self.alertmanager.address);
        self.scenario_with(load, arms, &alone);
    }

    /// The same without an Alertmanager.
    fn scenario_with(&self, load: &str, arms: &str, openfaas: &str) {
        let text = format!(
            "name = \"guest\"\n[function]\nname = \"ftest\"\nquery = \"number=50\"\n[[load]]\nhey = \"{load}\"\n\
             [run]\nwarm_up = \"1s\"\ncool_down = \"1s\"\n[limits]\nmax_lateness = \"1s\"\nmax_stall = \"30s\"\n\
             [openfaas]\ngateway = \"http://{}\"\nmetrics = \"http://{}\"\npassword_file = \"password\"\n{openfaas}\n{arms}",
            self.gateway(),
            self.platform.metrics_address(),
        );
        fs::write(self.dir.path().join("guest.toml"), text).expect("a scenario");
    }

    /// Leaves warm-up and cool-down out of the scenario.
    fn shorten(&self) {
        let path = self.dir.path().join("guest.toml");
        let scenario = fs::read_to_string(&path).expect("a scenario");
        let long = "warm_up = \"1s\"\ncool_down = \"1s\"";
        assert!(scenario.contains(long), "{scenario}");
        fs::write(&path, scenario.replace(long, "warm_up = \"0s\"\ncool_down = \"0s\"")).expect("a scenario");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).env("WATCHTOWER_STATE_DIR", self.state());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> Output {
        self.command(&["run", "guest.toml", "--target", "openfaas", "--out", "out"])
            .output()
            .expect("the program starts")
    }

    /// Without charts, which take longer than all the rest.
    fn start(&self) -> Child {
        let mut command = self.command(&["run", "guest.toml", "--target", "openfaas", "--out", "out", "--no-report"]);
        command.spawn().expect("the program starts")
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    /// Entries of the journal.
    fn debts(&self) -> usize {
        fs::read_dir(self.state()).map_or(0, Iterator::count)
    }

    fn replicas(&self) -> u32 {
        self.platform.sample(watchtower::record::FunctionId::STUDIED).desired
    }

    /// Sets replicas as somebody else would.
    fn scale(&self, replicas: u32) {
        scale(&self.platform, replicas);
    }

    /// As it was found.
    #[track_caller]
    fn is_as_before(&self) {
        assert_eq!((self.replicas(), self.alertmanager.silenced().len(), self.debts()), (2, 0, 0));
    }

    /// The rows of a results directory's `comparison.csv`.
    fn comparison(&self, results: &str) -> Vec<BTreeMap<String, String>> {
        let file = self.dir.path().join(results).join("comparison.csv");
        let mut reader = csv::Reader::from_path(file).expect("comparison.csv");
        reader.deserialize().map(|row| row.expect("a row")).collect()
    }

    fn reasons(&self, run: &str, kind: &str) -> Vec<String> {
        let rows = self.events(run).into_iter().filter(|row| row["kind"] == kind);
        rows.map(|mut row| row.remove("reason").unwrap()).collect()
    }

    /// Waits until the load of a run with three replicas is under way.
    fn until_under_way(&self) {
        until("the load", || lines(&self.dir.path().join("out/runs/three-1/requests.csv")) > 5);
        until("three replicas", || self.replicas() == 3);
    }

    fn events(&self, run: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader =
            csv::Reader::from_path(self.dir.path().join("out/runs").join(run).join("events.csv")).expect("events.csv");
        reader.deserialize().map(|row| row.expect("a row")).collect()
    }
}

/// An arm that sets three replicas and keeps them.
const FIXED: &str = "[[arm]]\nname = \"three\"\npolicy = \"fixed\"\nreplicas = 3\n";

/// A gateway with `ftest`, that answers quickly and starts pods quickly.
pub(super) fn gateway(listen: SocketAddr) -> Platform {
    let model = FunctionModel {
        cpu: Work::NONE,
        probe_cpu: Work::NONE,
        start_up: StartUp { fixed: Duration::from_millis(300), container: Duration::ZERO, probe: Duration::ZERO },
        termination: Duration::ZERO,
        ..FunctionModel::default()
    };
    let function = FunctionPlan {
        info: FunctionInfo { name: "ftest".to_owned(), labels: BTreeMap::new() },
        handler: Handler::Ftest,
        model,
        query: String::new(),
        replicas: 1,
        bounds: (1, 5),
    };
    let node = NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO };
    let mut options = Options::new(vec![function], node, Seed(1), Clock::start());
    options.listen = listen;
    options.password = Some(CANARY.to_owned());
    Platform::start(options).expect("the platform starts")
}

fn scale(platform: &Platform, replicas: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rest = watchtower::drive::live::target::rest::Rest::new(watchtower::drive::live::target::rest::Options {
        gateway: format!("http://{}", platform.gateway_address()),
        authorization: Some(platform.credentials().clone().into()),
        functions: vec!["ftest".to_owned()],
        ..Default::default()
    });
    let rest = rest.expect("a client");
    let function = watchtower::record::FunctionId::STUDIED;
    assert_eq!(runtime.block_on(rest.scale(function, replicas)), Ok(replicas));
    until("the pods are there", || {
        let status = runtime.block_on(rest.replicas(function)).expect("replicas");
        status == ReplicaStatus { desired: replicas, ready: replicas }
    });
}

/// Waits, with a bound, until it holds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(super) fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
