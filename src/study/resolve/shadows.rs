//! The shadows of arms: names that are other arms', and policies that see enough beside the arm's own.

use crate::policy::settings::Value;
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::{ArmSection, keys};

use super::Overrides;

/// The arm of this name.
pub(super) fn named<'a>(arms: &'a [ArmSection], name: &str) -> Option<&'a ArmSection> {
    arms.iter().find(|arm| arm.name() == name)
}

/// Everything that can be wrong with shadows.
pub(super) fn check(arms: &[ArmSection], overrides: &Overrides, problems: &mut Vec<Problem>) {
    for arm in arms {
        for (index, (name, line)) in arm.shadows.iter().enumerate() {
            let problem = |what: &str, hint: String| {
                let problem = Problem::new(&arm.section.place, what, hint).at(Some(*line)).key("shadows");
                problem.value(format!("\"{name}\""))
            };
            if arm.shadows[..index].iter().any(|(other, _)| other == name) {
                problems.push(problem("is there twice", "leave one of them out".to_owned()));
            } else if name == arm.name() {
                let hint = "add another [[arm]] with the same settings and name that one";
                problems.push(problem("is the arm itself", hint.to_owned()));
            } else if let Some(shadow) = named(arms, name) {
                if shadow.policy.is_some_and(|policy| !policy.scaler.is_pure()) {
                    let hint = "name an arm whose policy this program computes, such as openfaas-ce";
                    problems.push(problem(
                        "is not computed by this program: it acts and doesn't only decide",
                        hint.to_owned(),
                    ));
                } else if probes(shadow) && !probes(arm) {
                    let what = "decides on probes, and this arm sends none that it could see";
                    let hint = format!(
                        "a shadow sends nothing itself, since probes are work for the function; make {name} the arm and {} its shadow",
                        arm.name()
                    );
                    problems.push(problem(what, hint));
                }
            } else {
                problems.push(problem("is not an arm of this scenario", other_names(arms, arm, name)));
            }
        }
        only_a_shadow(arms, arm, overrides, problems);
    }
    let several = !arms.is_empty() && arms.iter().all(ArmSection::is_shadow_only);
    if several && let Some(arm) = arms.first() {
        let hint = "let one of them run: take its shadow_only away, and name the others in its shadows";
        problems.push(arm.section.problem("shadow_only", "leaves no arm to run", hint));
    }
}

/// An arm that is not run is the shadow of one that is, and asks for nothing itself.
fn only_a_shadow(arms: &[ArmSection], arm: &ArmSection, overrides: &Overrides, problems: &mut Vec<Problem>) {
    if !arm.is_shadow_only() {
        return;
    }
    let is_named = |other: &ArmSection| other.shadows.iter().any(|(name, _)| name == arm.name());
    if !arms.iter().any(is_named) {
        let hint = format!("name it in another arm: shadows = [\"{}\"]", arm.name());
        problems.push(arm.section.problem("shadow_only", "makes a shadow that no arm has", hint));
    }
    if let Some((_, line)) = arm.shadows.first() {
        let what = "stand under an arm that is not run itself";
        let problem = Problem::new(&arm.section.place, what, "leave them out, or take shadow_only away");
        problems.push(problem.at(Some(*line)).key("shadows"));
    }
    if overrides.arms.iter().any(|wanted| wanted == arm.name()) {
        let hint = "take its shadow_only away, or ask for the arm whose shadow it is";
        problems.push(Problem::new("", "is only a shadow", hint).key(format!("--arm {}", arm.name())));
    }
}

fn probes(arm: &ArmSection) -> bool {
    arm.policy.is_some_and(|policy| policy.probes)
}

fn other_names(arms: &[ArmSection], arm: &ArmSection, name: &str) -> String {
    let others: Vec<&str> =
        arms.iter().map(ArmSection::name).filter(|other| !other.is_empty() && *other != arm.name()).collect();
    match nearest(name, others.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if others.is_empty() => "add another [[arm]] of that name".to_owned(),
        None => format!("the scenario's other arms: {}", others.join(", ")),
    }
}

/// Keeps the arms the command line wants and their shadows; a shadow that is not wanted itself is marked as only that.
pub(super) fn leave_out_others(arms: &mut Vec<ArmSection>, overrides: &Overrides) {
    let is_wanted = |arm: &ArmSection| {
        !arm.is_shadow_only() && (overrides.arms.is_empty() || overrides.arms.iter().any(|wanted| wanted == arm.name()))
    };
    let needed: Vec<String> = arms
        .iter()
        .filter(|arm| is_wanted(arm))
        .flat_map(|arm| arm.shadows.iter().map(|(name, _)| name.clone()))
        .collect();
    arms.retain(|arm| is_wanted(arm) || needed.iter().any(|name| name == arm.name()));
    for arm in arms.iter_mut().filter(|arm| !is_wanted(arm)) {
        // a switch is always allowed there
        let _ = arm.section.settings.set(&keys::arm(), "shadow_only", Value::Switch(true));
        arm.shadows.clear();
    }
}
