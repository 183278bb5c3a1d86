//! From a scenario and the command line's wishes to a study: every check that needs more than one key.
//!
//! Problems are collected, not returned at the first one; only a scenario without any becomes a [`Study`].

mod arms;
mod expect;
mod faults;
mod function;
mod kubernetes;
mod load_pods;
mod loads;
mod names;
mod openfaas;
mod price;
mod shadows;
mod share;
mod tune;
mod until;
mod written;

use std::path::Path;

use crate::drive::GeneratorPlan;
use crate::drive::live::target::kubernetes::Access as ClusterAccess;
use crate::model::{NodeModel, Work};
use crate::policy::settings::Value;
use crate::random::Seed;
use crate::schedule::share::Share;
use crate::stats::cpu::CpuLimits;
use crate::stats::slo::Slo;

use super::plan::{Premises, Study, rounded};
use super::problem::{Problem, ScenarioError};
use super::results::validity::max_lateness_for;
use super::results::{Limits, Suspects};
use super::scenario::{Scenario, Section, keys, load_keys};
use super::target_kind::TargetKind;

pub use function::built_in_functions;
pub(super) use function::model_defaults;
pub(super) use kubernetes::way_of_section as cluster_way;
pub use load_pods::objection as objection_to_pods;
pub(super) use openfaas::of_section as openfaas_access;
pub(super) use tune::levels as tune_levels;
pub(super) use written::value as toml_value;

/// What the command line asks for instead of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--target`.
    pub target: TargetKind,
    /// `--arm`, each; empty for all.
    pub arms: Vec<String>,
    /// `--repeats`.
    pub repeats: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// Whether a study that goes on had A/A twins.
    pub aa: Option<bool>,
    /// `--shard`.
    pub share: Option<Share>,
}

/// Reads a scenario file and resolves it.
///
/// # Errors
/// With everything that is wrong with it.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Study, ScenarioError> {
    resolve(&Scenario::read(path)?, overrides)
}

/// Makes a study of a scenario.
///
/// # Errors
/// With everything that is wrong with it, the problems found in reading included.
pub fn resolve(scenario: &Scenario, overrides: &Overrides) -> Result<Study, ScenarioError> {
    let mut scenario = scenario.clone();
    let mut problems = std::mem::take(&mut scenario.problems);
    target(overrides.target, &mut problems);
    if overrides.target == TargetKind::Process {
        function::is_a_process(&scenario, &mut problems);
    }
    run_overrides(&mut scenario.run, overrides, &mut problems);
    let name = names::study_name(&scenario, &mut problems);
    let function = function::function(&mut scenario, &mut problems);
    let slo = slo(&scenario, &mut problems);
    let generators = loads::generators(&scenario, &mut problems);
    let faults = faults::faults(&scenario, &mut problems);
    let expect = expect::expectations(&scenario, &mut problems);
    let tune = tune::wishes(&scenario, &mut problems);
    let (mut arms, mut shadows): (Vec<_>, Vec<_>) =
        arms::arms(&mut scenario, overrides, &mut problems).into_iter().unzip();
    let until = until::until(&scenario, overrides, &mut problems);
    let repeats = until.map_or_else(|| scenario.run.settings.count("repeats"), |until| until.most);
    let twin = until::twin(&mut scenario, overrides, repeats, &arms, &mut problems);
    let aa_of = (0..arms.len()).map(|_| None).chain(twin.iter().map(|_| Some(0))).collect();
    shadows.extend(twin.iter().map(|_| Vec::new()));
    arms.extend(twin);
    // whoever is led only sends: secrets and the way to a cluster are the leader's
    let is_led = overrides.share.is_some_and(|share| share.is_led_apart() && !share.leads());
    let mut set_aside = Vec::new();
    let of_access = if is_led { &mut set_aside } else { &mut problems };
    let premises = match overrides.target {
        TargetKind::Openfaas => Some(Premises::Gateway(openfaas::access(&scenario, of_access))),
        TargetKind::Kubernetes => Some(Premises::Cluster(kubernetes::access(&scenario, of_access))),
        _ => None,
    };
    let run = &scenario.run.settings;
    let platform = &scenario.platform.settings;
    let mut study = Study {
        name,
        description: scenario.top.settings.text("description").to_owned(),
        slo,
        target: overrides.target,
        arms,
        shadows,
        aa_of,
        functions: vec![function],
        premises,
        node: NodeModel {
            cores: platform.count("cores"),
            gateway_cpu: Work { mean: platform.duration("gateway_cpu"), cv: platform.number("gateway_cpu_cv") },
            transport: platform.duration("transport"),
        },
        loads: generators.iter().map(|(_, text)| text.clone()).collect(),
        limits: limits(&scenario.limits, &generators),
        generators: generators.into_iter().map(|(generator, _)| generator).collect(),
        faults,
        warm_up: run.duration("warm_up"),
        warm_up_every: run.duration("warm_up_every"),
        cool_down: run.duration("cool_down"),
        repeats,
        until,
        seed: Seed(run.integer("seed")),
        share: overrides.share.unwrap_or_default(),
        price: price::price(&scenario, &mut problems),
        expect,
        tune,
        resolved: String::new(),
        shown: String::new(),
    };
    if let Some(premises) = &study.premises {
        openfaas::trust(premises.gateway(), &mut study.generators);
    }
    length(&study, &scenario, &mut problems);
    share::check(&study, &mut problems);
    faults::that_miss(&study, &scenario, &mut problems);
    if !problems.is_empty() {
        return Err(ScenarioError::new(&scenario.file, problems));
    }
    let resolved = written::scenario(&study, &scenario);
    for load in &mut scenario.loads {
        for key in ["hey", "request"] {
            let line = loads::shown(load.settings.text(key));
            // a text is always allowed there
            let _ = load.settings.set(&keys::load(), key, Value::Owned(line));
        }
    }
    for step in scenario.journeys.iter_mut().flatten().flat_map(|journey| &mut journey.steps) {
        let line = loads::shown(step.settings.text("request"));
        let _ = step.settings.set(&load_keys::step(), "request", Value::Owned(line));
    }
    let shown = written::scenario(&study, &scenario);
    Ok(Study { resolved, shown, ..study })
}

/// The cluster that a scenario names, and its function there: for whoever looks after what a run has left, for which the gateway is not asked.
///
/// # Errors
/// With what is wrong with the scenario, but for what only a run would need.
pub fn cluster(path: &Path) -> Result<(ClusterAccess, String), ScenarioError> {
    let mut scenario = Scenario::read(path)?;
    let mut problems = std::mem::take(&mut scenario.problems);
    let access = kubernetes::access(&scenario, &mut problems);
    problems.retain(|problem| !problem.key.as_deref().is_some_and(|key| openfaas::PLACES.contains(&key)));
    if problems.is_empty() {
        Ok((access, scenario.function.settings.text("name").to_owned()))
    } else {
        Err(ScenarioError::new(&scenario.file, problems))
    }
}

fn target(target: TargetKind, problems: &mut Vec<Problem>) {
    if !target.is_available() {
        let hint = "use --target embedded: the same policies and load on a modelled platform in this process";
        problems.push(Problem::new("", "is not there yet in this version", hint).key(format!("--target {target}")));
    }
}

fn run_overrides(run: &mut Section, overrides: &Overrides, problems: &mut Vec<Problem>) {
    let repeats = overrides.repeats.map(u64::from);
    for (key, wish) in [("repeats", repeats), ("seed", overrides.seed)] {
        let Some(wish) = wish else { continue };
        let value = i64::try_from(wish).map(Value::Integer);
        let done = value.is_ok_and(|value| run.settings.set(&keys::run(), key, value).is_ok());
        if !done {
            let hint = keys::run()
                .into_iter()
                .find(|parameter| parameter.name == key)
                .map(|parameter| format!("allowed is {}", parameter.kind))
                .unwrap_or_default();
            problems.push(Problem::new("", "is out of range", hint).key(format!("--{key} {wish}")));
        }
    }
}

fn slo(scenario: &Scenario, problems: &mut Vec<Problem>) -> Slo {
    let section = &scenario.slo;
    let percentile = section.settings.number("percentile");
    if percentile <= 0.0 || percentile >= 100.0 {
        problems.push(section.problem(
            "percentile",
            "is out of range",
            "write a number above 0 and below 100, such as 95",
        ));
    }
    let function = scenario.function.settings.text("name");
    let tried =
        problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some("latency"));
    if function != "ftest" && !section.is_given("latency") && !tried {
        let hint = format!("write [slo] and latency = \"...\": how fast \"{function}\" should answer");
        let mut problem = section.missing("latency", "is not given, and only ftest has a default", hint);
        "[slo]".clone_into(&mut problem.place);
        problems.push(problem);
    }
    Slo { latency: section.settings.duration("latency"), percentile }
}

/// Whether the problem is about the list of this name as a whole, so that its absence needs no other.
fn is_about_list(problem: &Problem, name: &str) -> bool {
    problem.key.as_deref().is_some_and(|key| key.trim_matches(['[', ']']) == name)
}

fn limits(section: &Section, generators: &[(GeneratorPlan, String)]) -> Limits {
    let gap = generators.iter().filter_map(|(generator, _)| generator.schedule.shortest_gap()).min();
    Limits {
        max_lateness_p99: section.settings.duration_or_word("max_lateness").unwrap_or_else(|_| max_lateness_for(gap)),
        max_stall: section.settings.duration("max_stall"),
        min_accounted: section.settings.number("min_accounted"),
        cpu: CpuLimits {
            generator_thread: section.settings.number("max_cpu_generator"),
            others: section.settings.number("max_cpu_others"),
            total: section.settings.number("max_cpu_total"),
        },
        suspects: if section.settings.text("suspect") == "invalid" { Suspects::Refuse } else { Suspects::Warn },
    }
}

/// No run and no study is longer than a week. In virtual time only the runs count: nobody waits for their sum.
fn length(study: &Study, scenario: &Scenario, problems: &mut Vec<Problem>) {
    let run = study.duration_of_run();
    if run > keys::LONGEST {
        // a load that was refused is not in the study, and a problem already
        let longest_load =
            study.load_durations().zip(&scenario.loads).max_by_key(|(duration, _)| *duration).filter(
                |(duration, _)| study.generators.len() == scenario.loads.len() && *duration > keys::LONGEST / 2,
            );
        let what = format!("makes one run last {}; the longest is a week", rounded(run));
        problems.push(match longest_load {
            Some((_, load)) if load.settings.duration("start") > keys::LONGEST / 2 => {
                load.problem("start", what, "write a shorter time")
            }
            Some((_, load)) if load.is_given("hey") => {
                load.problem("hey", what, "shorten -z, lower -n, or raise a very small -q")
            }
            Some((_, load)) if load.is_given("iterations") => {
                load.problem("iterations", what, "lower it, or let the users think less")
            }
            Some((_, load)) => load.problem("duration", what, "write a shorter time"),
            None if study.warm_up > study.cool_down => scenario.run.problem("warm_up", what, "write a shorter time"),
            None => scenario.run.problem("cool_down", what, "write a shorter time"),
        });
    } else if !study.target.is_virtual() && study.duration() > keys::LONGEST {
        let what = format!(
            "makes the study last {}, {} runs of {}; the longest is a week",
            rounded(study.duration()),
            study.runs(),
            rounded(run)
        );
        let hint = "lower it, make a run shorter, or run the arms one by one with --arm";
        problems.push(scenario.run.problem("repeats", what, hint));
    }
}
