//! The arms: those the command line wants, each with a policy and settings it can keep.

use std::path::Path;

use crate::drive::Arm;
use crate::policy::objection::Objection;
use crate::policy::openfaas_ce::real::finer_than_milliseconds;
use crate::policy::registry::Scaler;
use crate::policy::settings::{Parameter, Settings, Value};
use crate::study::companion;
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::{ArmSection, Scenario};
use crate::study::target_kind::TargetKind;

use super::{Overrides, is_about_list, names, shadows};

/// The arms to run, in the scenario's order, each with its shadows. The scenario keeps these and no others.
pub(super) fn arms(
    scenario: &mut Scenario,
    overrides: &Overrides,
    problems: &mut Vec<Problem>,
) -> Vec<(Arm, Vec<Arm>)> {
    if scenario.arms.is_empty() && !problems.iter().any(|problem| is_about_list(problem, "arm")) {
        let hint = "add [[arm]] and policy = \"watchtower\", and another with policy = \"openfaas-ce\"";
        problems.push(Problem::new("", "has no [[arm]], so there is no autoscaler to measure", hint));
    }
    names::arm_names(&scenario.arms, problems);
    let max = scenario.platform.settings.count("max_replicas");
    for arm in &scenario.arms {
        if let Some(Objection { key, what, hint }) =
            arm.policy.and_then(|policy| (policy.objection)(&arm.settings, max))
        {
            problems.push(arm.section.problem(key, what, hint));
        }
    }
    let known: Vec<&str> = scenario.arms.iter().map(ArmSection::name).filter(|name| !name.is_empty()).collect();
    for wanted in overrides.arms.iter().filter(|wanted| !known.contains(&wanted.as_str())) {
        let listed = format!("its arms: {}", known.join(", "));
        let hint = match nearest(wanted, known.iter().copied()) {
            Some(meant) => format!("did you mean --arm {meant}? {listed}"),
            None => listed,
        };
        problems.push(Problem::new("", "is not an arm of this scenario", hint).key(format!("--arm {wanted}")));
    }
    shadows::check(&scenario.arms, overrides, problems);
    shadows::leave_out_others(&mut scenario.arms, overrides);
    let directory = scenario.directory.clone();
    let arm = |arm: &ArmSection| {
        let (policy, mut settings) = (arm.policy?, arm.settings.clone());
        if policy.scaler == Scaler::Program {
            start_beside_the_scenario(&directory, &(policy.parameters)(), &mut settings);
        }
        Some(Arm { name: arm.name().to_owned(), policy, settings })
    };
    let shadows_of =
        |arm: &ArmSection| arm.shadows.iter().filter_map(|(name, _)| shadows::named(&scenario.arms, name)).collect();
    scenario
        .arms
        .iter()
        .filter(|arm| !arm.is_shadow_only())
        .filter_map(|section| {
            let shadows: Vec<&ArmSection> = shadows_of(section);
            let own = arm(section)?;
            problems.extend(outside_problems(section, &own, overrides.target));
            Some((own, shadows.into_iter().filter_map(arm).collect()))
        })
        .collect()
}

/// A program's directory is looked up from the scenario's.
fn start_beside_the_scenario(scenario: &Path, parameters: &[Parameter], settings: &mut Settings) {
    let directory = scenario.join(settings.text("directory"));
    if let Some(text) = directory.to_str() {
        // a text is always allowed there
        let _ = settings.set(parameters, "directory", Value::Owned(text.to_owned()));
    }
}

/// What stands in the way of an arm that is scaled from outside.
fn outside_problems(section: &ArmSection, arm: &Arm, target: TargetKind) -> Vec<Problem> {
    if let Some(problem) = other_writer(section, arm, target) {
        return vec![problem];
    }
    if arm.policy.scaler == Scaler::Program && arm.settings.text("command").trim().is_empty() {
        let hint = "write the program with its arguments, such as command = \"python3 my_autoscaler.py\"";
        return vec![section.section.missing("command", "is not given, so there is no program to ask", hint)];
    }
    if arm.policy.scaler != Scaler::RealChain {
        return Vec::new();
    }
    if target != TargetKind::Embedded {
        let what = format!("starts real programs beside the embedded gateway, so it can't run on --target {target}");
        let hint = "use policy = \"openfaas-ce\", the same chain emulated, or --target embedded, or leave this arm out with --arm and the names of the others";
        return vec![section.section.problem("policy", what, hint)];
    }
    let mut problems = Vec::new();
    if let Some(key) = finer_than_milliseconds(&arm.settings) {
        let what = "is no whole number of milliseconds, which is what Prometheus and Alertmanager count in";
        problems.push(section.section.problem(key, what, "round it"));
    }
    if let Some(missing) = companion::missing(arm) {
        let what = format!("starts real programs, and {}", missing.what());
        problems.push(section.section.problem("policy", what, missing.hint()));
    }
    problems
}

/// Who scales on somebody's platform and who doesn't here.
fn other_writer(section: &ArmSection, arm: &Arm, target: TargetKind) -> Option<Problem> {
    let problem = |what: String, hint: &str| Some(section.section.problem("policy", what, hint));
    let is_somebodys = matches!(target, TargetKind::Openfaas | TargetKind::Kubernetes);
    match arm.policy.name {
        "native" if !is_somebodys => problem(
            format!("records what the platform's own autoscaler does, and --target {target} has none"),
            "use policy = \"openfaas-ce\", the Community Edition's chain emulated, or --target openfaas or kubernetes",
        ),
        "openfaas-ce" | "openfaas-ce-real" if is_somebodys => problem(
            format!("would be a second writer beside the platform's own autoscaler on --target {target}"),
            "use policy = \"native\": the platform scales and the run records it; openfaas-ce may be its shadow",
        ),
        // they read pods' metrics
        "hpa" | "kpa" | "openfaas-pro" | "keda" if is_somebodys => problem(
            match target {
                TargetKind::Kubernetes => {
                    "reads the platform's metrics of each pod, which --target kubernetes does not read"
                }
                _ => "reads the platform's metrics of each pod, which a gateway does not tell",
            }
            .to_owned(),
            "leave this arm out with --arm and the names of the others, or use --target embedded or simulated",
        ),
        _ => None,
    }
}
