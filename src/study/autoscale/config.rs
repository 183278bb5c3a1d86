//! What sidecars there are to be, on what, and how each decides.

use std::net::SocketAddr;
use std::path::Path;

use super::const_py;
use crate::drive::Arm;
use crate::drive::live::target::guest::SecretSource;
use crate::drive::live::target::kubernetes::Way;
use crate::drive::live::target::openfaas::Access;
use crate::drive::sidecar::Rules;
use crate::drive::sidecar::election::Terms;
use crate::policy::registry::Scaler;
use crate::study::problem::{Problem, ScenarioError};
use crate::study::resolve::{cluster_way, openfaas_access};
use crate::study::scenario::ArmSection;
use crate::study::scenario::sidecar::{LOG_LEVELS, SidecarFile, TARGETS, text_of};
use crate::study::target_kind::TargetKind;

/// A configuration that makes sense.
#[derive(Clone)]
pub struct Config {
    /// Where `/metrics` and `/healthz` are; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// What is logged.
    pub log_level: LogLevel,
    /// Scalings of one function a minute, at most.
    pub actions_per_minute: u32,
    /// The gateway: where functions are called, and scaled unless there is a cluster.
    pub access: Access,
    /// The cluster where functions are scaled, if that is not the gateway's business.
    pub cluster: Option<Way>,
    /// How long a leader may be silent there.
    pub terms: Terms,
    /// The functions; at least one, no two of a name.
    pub functions: Vec<FunctionConfig>,
}

/// One function and its autoscaler.
#[derive(Clone)]
pub struct FunctionConfig {
    /// Its name.
    pub name: String,
    /// Query string of its probes.
    pub query: String,
    /// Fewest and most replicas that are ever asked for.
    pub bounds: (u32, u32),
    /// The autoscaler.
    pub arm: Arm,
}

impl FunctionConfig {
    /// What it is held to.
    pub const fn rules(&self, actions_per_minute: u32, dry_run: bool) -> Rules {
        Rules { bounds: self.bounds, actions_per_minute, dry_run }
    }

    /// Whether it says the same as another one.
    pub fn is_same(&self, other: &Self) -> bool {
        let parts = |one: &Self| (one.name.clone(), one.query.clone(), one.bounds, one.arm.policy.name);
        parts(self) == parts(other) && self.arm.settings == other.arm.settings
    }
}

/// What is logged, from everything to the least. The original's own levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every probe too.
    Debug,
    /// Every decision.
    #[default]
    Info,
    /// What went wrong: refusals, losses, somebody else's scalings.
    Warning,
    /// What keeps it from working.
    Error,
    /// The same: nothing is worse here.
    Critical,
}

impl LogLevel {
    /// The level of one of the original's words.
    pub(super) fn of(word: &str) -> Option<Self> {
        let levels = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];
        LOG_LEVELS.iter().zip(levels).find(|(known, _)| **known == word).map(|(_, level)| level)
    }
}

/// What the command line says besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Where `/metrics` and `/healthz` are.
    pub listen: Option<SocketAddr>,
    /// How to be let in, for a `const.py`, which has no place for it.
    pub secret: Option<SecretSource>,
    /// How functions are scaled: by the gateway or on a cluster.
    pub target: Option<TargetKind>,
}

/// Reads a configuration: a file that ends in `.py` is a `const.py` of the original, any other is TOML.
///
/// # Errors
/// With everything that is wrong with it.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Config, ScenarioError> {
    let (name, text) = text_of(path)?;
    let is_python = path.extension().is_some_and(|extension| extension == "py");
    let mut config = if is_python {
        let mut config = const_py::config(&text).map_err(|problems| ScenarioError::new(&name, problems))?;
        // the cluster that kubectl would take, or the one around this pod
        config.cluster = (overrides.target == Some(TargetKind::Kubernetes)).then(Way::default);
        config
    } else {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        from_toml(&name, &SidecarFile::parse(&name, &text, directory)?, overrides.target)?
    };
    if let Some(listen) = overrides.listen {
        config.listen = Some(listen);
    }
    if let Some(secret) = &overrides.secret {
        config.access.secret = secret.clone();
        if let Err(error) = secret.read() {
            let hint = "the chart keeps it in the secret basic-auth, namespace openfaas";
            let problem = Problem::new("", format!("holds no secret: {error}"), hint).key("--password-file");
            return Err(ScenarioError::new(&name, vec![problem]));
        }
    }
    Ok(config)
}

fn from_toml(name: &str, file: &SidecarFile, target: Option<TargetKind>) -> Result<Config, ScenarioError> {
    let mut problems = file.problems.clone();
    let access = openfaas_access(&file.openfaas, &file.directory, &mut problems);
    let settings = &file.autoscale.settings;
    let target = target.map_or_else(|| settings.word("target"), TargetKind::name);
    let way = cluster_way(&file.kubernetes, &file.directory, &mut problems);
    let terms = Terms { lasts: settings.duration("lease") };
    if terms.lasts.subsec_nanos() != 0 {
        let hint = "a Lease counts whole seconds: lease = \"15s\"";
        problems.push(file.autoscale.problem("lease", "is no number of whole seconds", hint));
    }
    let listen = match settings.text("listen") {
        "" => None,
        text => {
            let address = text.parse().ok();
            if address.is_none() {
                let hint = "write an address of this machine with its port, such as \"127.0.0.1:9477\"";
                problems.push(file.autoscale.problem("listen", "is no address to listen at", hint));
            }
            address
        }
    };
    if file.functions.is_empty() && problems.is_empty() {
        let hint = "add [[function]], name = \"ftest\" and policy = \"watchtower\"";
        problems.push(Problem::new("", "has no [[function]], so there is nothing to scale", hint));
    }
    let mut functions: Vec<FunctionConfig> = Vec::new();
    for section in &file.functions {
        let before = problems.len();
        check(section, &functions, &mut problems);
        if let (Some(policy), true) = (section.policy, problems.len() == before) {
            let own = &section.section.settings;
            let arm = Arm { name: policy.name.to_owned(), policy, settings: section.settings.clone() };
            functions.push(FunctionConfig {
                name: own.text("name").to_owned(),
                query: own.text("query").to_owned(),
                bounds: (own.count("at_least"), own.count("at_most")),
                arm,
            });
        }
    }
    if !problems.is_empty() {
        return Err(ScenarioError::new(name, problems));
    }
    Ok(Config {
        listen,
        log_level: LogLevel::of(settings.text("log_level")).unwrap_or_default(),
        actions_per_minute: settings.count("actions_per_minute"),
        access,
        cluster: (target == TARGETS[1]).then_some(way),
        terms,
        functions,
    })
}

/// What is wrong with a function, beside the keys themselves.
fn check(section: &ArmSection, before: &[FunctionConfig], problems: &mut Vec<Problem>) {
    let keys = &section.section;
    let name = keys.settings.text("name");
    if name.is_empty() {
        problems.push(keys.missing("name", "is not given", "write the function's name: name = \"ftest\""));
    } else if before.iter().any(|function| function.name == name) {
        problems.push(keys.problem("name", "has a sidecar already", "leave one of them out"));
    }
    let bounds = (keys.settings.count("at_least"), keys.settings.count("at_most"));
    if bounds.0 > bounds.1 {
        problems.push(keys.problem("at_least", format!("is more than at_most = {}", bounds.1), "lower it"));
    }
    let Some(policy) = section.policy else { return };
    let known = "use policy = \"watchtower\" or \"lookout\"";
    let refusal = match policy.name {
        "openfaas-ce" => Some("would be a second writer beside the platform's own chain of the same rules"),
        "hpa" | "kpa" | "openfaas-pro" | "keda" => {
            Some("reads the platform's metrics of each pod, which a gateway does not tell")
        }
        "timetable" => Some("counts its times from the start of a load, and a sidecar has none that starts"),
        _ if policy.scaler != Scaler::Policy => Some("does not decide in this program"),
        _ => None,
    };
    if let Some(what) = refusal {
        problems.push(keys.problem("policy", what, known));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kubernetes/base");

    fn manifest(name: &str) -> Value {
        let text = std::fs::read_to_string(Path::new(BASE).join(name)).expect("a manifest");
        serde_saphyr::from_str(&text).expect("YAML")
    }

    #[test]
    fn the_manifests_deploy_a_configuration_that_is_taken_with_rights_for_each_of_its_functions() {
        let container = &manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"][0];
        let args: Vec<String> = serde_json::from_value(container["args"].clone()).expect("words");
        assert_eq!(args, ["autoscale", "--target", "kubernetes", "--config", "/etc/watchtower/watchtower.toml"]);
        let overrides = Overrides { target: Some(TargetKind::Kubernetes), ..Overrides::default() };
        let config = load(&Path::new(BASE).join("watchtower.toml"), &overrides).expect("it is taken");
        assert!(config.cluster.is_some(), "its pods find the cluster by their service account");
        let port = config.listen.map(|address| address.port());
        assert_eq!(container["ports"][0]["containerPort"].as_u64(), port.map(u64::from));
        assert_eq!(manifest("service.yaml")["spec"]["ports"][0]["port"].as_u64(), port.map(u64::from));

        let rules = manifest("role.yaml")["rules"].clone();
        let names: Vec<&str> = config.functions.iter().map(|function| function.name.as_str()).collect();
        for rule in rules.as_array().expect("rules").iter().filter(|rule| !rule["resourceNames"].is_null()) {
            let of = if rule["resources"][0] == "leases" { "watchtower-" } else { "" };
            let objects: Vec<String> = names.iter().map(|name| format!("{of}{name}")).collect();
            assert_eq!(rule["resourceNames"], serde_json::json!(objects));
        }
        assert_eq!(manifest("role.yaml")["metadata"]["namespace"], config.access.namespace.as_str());
    }
}
