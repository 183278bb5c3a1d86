//! The embedded platform over real loopback sockets: what a client, an autoscaler and a scraper get to see.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests by the wall clock, and their fixture")]

mod answers;
mod clients;
mod conformance;
mod errors;
mod handed_on;
mod hostile;
mod lifecycle;
mod metered;
mod patience;
mod queued;
mod queueing;
mod robustness;
mod scaling;
mod target;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Platform, PodChange};
use watchtower::drive::{FunctionPlan, Handler};
use watchtower::model::{FunctionModel, NodeModel, StartUp, Work};
use watchtower::policy::FunctionInfo;
use watchtower::random::Seed;

/// Longer than anything here can take; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const START_UP: Duration = Duration::from_millis(50);

/// A node that adds nothing of its own.
fn node() -> NodeModel {
    NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO }
}

/// A function that takes no time but what a request asks for.
fn function(name: &str, handler: Handler, replicas: u32) -> FunctionPlan {
    FunctionPlan {
        info: FunctionInfo { name: name.to_owned(), labels: BTreeMap::new() },
        handler,
        model: FunctionModel {
            cpu: Work::NONE,
            probe_cpu: Work::NONE,
            start_up: StartUp { fixed: START_UP, container: Duration::ZERO, probe: Duration::ZERO },
            termination: Duration::ZERO,
            ..FunctionModel::default()
        },
        query: String::new(),
        replicas,
        bounds: (1, 5),
    }
}

fn all_three() -> Vec<FunctionPlan> {
    vec![
        function("ftest", Handler::Ftest, 1),
        function("sleepy", Handler::Sleepy, 1),
        function("plain", Handler::Plain, 3),
    ]
}

struct Fixture {
    platform: Platform,
    changes: Arc<Mutex<Vec<PodChange>>>,
}

impl Fixture {
    fn start() -> Self {
        Self::of(all_three())
    }

    fn of(functions: Vec<FunctionPlan>) -> Self {
        Self::with(Options::new(functions, node(), Seed(1), Clock::start()))
    }

    fn with(mut options: Options) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&changes);
        options.password = Some("secret".to_owned());
        options.on_change = Box::new(move |change| told.lock().unwrap().push(*change));
        Self { platform: Platform::start(options).unwrap(), changes }
    }

    /// A request to the gateway without a password.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> wire::Reply {
        wire::send(self.platform.gateway_address(), method, path, headers, body.as_bytes())
    }

    fn get(&self, path: &str) -> wire::Reply {
        self.send("GET", path, &[], "")
    }

    /// A request with the password.
    fn admin(&self, method: &str, path: &str, body: &str) -> wire::Reply {
        let authorization = self.platform.credentials().basic();
        self.send(method, path, &[("Authorization", &authorization)], body)
    }

    fn metrics(&self) -> String {
        wire::send(self.platform.metrics_address(), "GET", "/metrics", &[], b"").text()
    }

    /// The value of a series, 0 if there is none.
    fn series(&self, series: &str) -> u64 {
        let metrics = self.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    fn answered(&self, function: &str, code: u16) -> u64 {
        self.series(&format!(
            "gateway_function_invocation_total{{code=\"{code}\",function_name=\"{function}.openfaas-fn\"}}"
        ))
    }

    /// Whether anything was counted of calls of this function, be it started or answered.
    fn was_called(&self, function: &str) -> bool {
        let metrics = self.metrics();
        let mut of_calls = metrics.lines().filter(|line| !line.starts_with("gateway_service_count"));
        of_calls.any(|line| line.contains(&format!("\"{function}.")))
    }

    fn status(&self, function: &str) -> serde_json::Value {
        serde_json::from_slice(&self.admin("GET", &format!("/system/function/{function}"), "").body).unwrap()
    }

    /// Desired and ready replicas; absent means none.
    fn replicas(&self, function: &str) -> (u64, u64) {
        let status = self.status(function);
        let count = |key: &str| status.get(key).map_or(0, |count| count.as_u64().unwrap());
        (count("replicas"), count("availableReplicas"))
    }

    fn scale(&self, function: &str, to: u32) -> wire::Reply {
        self.admin("POST", &format!("/system/scale-function/{function}"), &format!("{{\"replicas\":{to}}}"))
    }
}

/// Asks again and again until it holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
