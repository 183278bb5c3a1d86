//! The configuration of a sidecar as it is written: `[autoscale]`, `[openfaas]` and, on a cluster, `[kubernetes]` as in a scenario, and a
//! `[[function]]` for each function.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::section::{Section, Source};
use super::{ArmSection, Reader, file, keys, kubernetes_keys, openfaas_keys, syntax};
use crate::drive::sidecar::election::Terms;
use crate::policy::settings::{Kind, Parameter, Value};
use crate::study::nearest::nearest;
use crate::study::problem::{Problem, ScenarioError};

/// The levels of the original's log, in order of weight.
pub const LOG_LEVELS: &[&str] = &["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// Where functions may be scaled by a sidecar; the first unless told otherwise.
pub const TARGETS: &[&str] = &["openfaas", "kubernetes"];

/// Where `/metrics` and `/healthz` are, if nothing is said.
pub const LISTEN: &str = "127.0.0.1:9477";

/// Scalings of a function in a minute, at most, if nothing is said.
pub const ACTIONS_PER_MINUTE: u32 = 12;

/// Keys of `[autoscale]`.
pub fn autoscale() -> Vec<Parameter> {
    vec![
        Parameter {
            name: "target",
            kind: Kind::Choice(TARGETS),
            default: Value::Text(TARGETS[0]),
            unit: "",
            doc: "how functions are scaled: openfaas, by the gateway; kubernetes, by their Deployments' scale subresource",
        },
        keys::text("listen", LISTEN, "where /metrics and /healthz are served; \"\" for nowhere"),
        Parameter {
            name: "log_level",
            kind: Kind::Choice(LOG_LEVELS),
            default: Value::Text("INFO"),
            unit: "",
            doc: "what is logged: DEBUG has every probe, INFO every decision, WARNING what went wrong",
        },
        keys::integer(
            "actions_per_minute",
            1,
            600,
            ACTIONS_PER_MINUTE,
            "scalings",
            "how many scalings of one function are asked for in any minute, at most",
        ),
        keys::duration(
            "lease",
            Duration::from_secs(2),
            Duration::from_secs(600),
            Terms::default().lasts,
            "on a cluster: how long a leader may be silent before another one leads, in whole seconds",
        ),
    ]
}

/// Keys of a `[[function]]`, beside its policy's own.
pub fn function() -> Vec<Parameter> {
    vec![
        keys::text("name", "", "the function"),
        keys::text("policy", "", "which autoscaler"),
        keys::text("query", "", "query string of its probes, without ?"),
        keys::integer("at_least", 1, 10_000, 1, "replicas", "fewest replicas that are ever asked for"),
        keys::integer(
            "at_most",
            1,
            10_000,
            5,
            "replicas",
            "most replicas that are ever asked for, 5 being the Community Edition's limit",
        ),
    ]
}

/// A configuration file as read. Settings given wrongly have their default and a problem.
#[derive(Clone)]
pub struct SidecarFile {
    /// The directory that relative paths in it start from.
    pub directory: PathBuf,
    /// `[autoscale]`.
    pub autoscale: Section,
    /// `[openfaas]`.
    pub openfaas: Section,
    /// `[kubernetes]`.
    pub kubernetes: Section,
    /// Each `[[function]]`.
    pub functions: Vec<ArmSection>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// Reads the text of a file; its name as messages show it.
///
/// # Errors
/// When it can't be read as text.
pub fn text_of(path: &Path) -> Result<(String, String), ScenarioError> {
    let name = file::shown(path);
    match file::read(path) {
        Ok(text) => Ok((name, text)),
        Err(problem) => Err(ScenarioError::new(&name, vec![*problem])),
    }
}

impl SidecarFile {
    /// Reads the text of a configuration; `file` is its name in messages, relative paths in it start from `directory`.
    ///
    /// # Errors
    /// When it is no TOML. Wrong keys and values are kept in [`SidecarFile::problems`].
    pub fn parse(file: &str, text: &str, directory: PathBuf) -> Result<Self, ScenarioError> {
        let source = Source::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(ScenarioError::new(file, syntax::problems(&errors, &source)));
        }
        let root = root.into_inner();
        let mut reader = Reader { source, problems: Vec::new() };
        let tables = ["autoscale", "openfaas", "kubernetes", "function"];
        for key in root.keys().filter(|key| !tables.contains(&&**key.get_ref())) {
            let hint = match nearest(key.get_ref(), tables) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "known are [autoscale], [openfaas], [kubernetes] and [[function]]".to_owned(),
            };
            let line = reader.source.line(key.span().start);
            let known = Problem::new("", "is not known in the configuration of a sidecar", hint);
            reader.problems.push(known.at(Some(line)).key(key.get_ref().clone().into_owned()));
        }
        let autoscale = reader.section(&root, "autoscale", &autoscale());
        let openfaas = reader.section(&root, "openfaas", &openfaas_keys::openfaas());
        let kubernetes = reader.section(&root, "kubernetes", &kubernetes_keys::way());
        let functions = reader
            .tables(&root, "function")
            .into_iter()
            .enumerate()
            .map(|(index, (line, table))| reader.with_policy("function", &function(), index, line, table))
            .collect();
        Ok(Self { directory, autoscale, openfaas, kubernetes, functions, problems: reader.problems })
    }
}
