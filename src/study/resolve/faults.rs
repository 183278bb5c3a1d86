//! Faults: each with what its kind needs and nothing else, on arms and targets it can befall, and before the run is over.

use crate::drive::faults::{Befalls, Fault, KINDS, KindInfo, NAMES, Trouble};
use crate::study::plan::{Study, rounded};
use crate::study::problem::Problem;
use crate::study::scenario::{Scenario, Section};
use crate::study::target_kind::TargetKind;

/// Keys of a fault that only some kinds have.
const VALUES: [&str; 2] = ["factor", "replicas"];

/// The faults, in the scenario's order.
pub(super) fn faults(scenario: &Scenario, problems: &mut Vec<Problem>) -> Vec<Fault> {
    scenario.faults.iter().filter_map(|section| fault(section, problems)).collect()
}

fn fault(section: &Section, problems: &mut Vec<Problem>) -> Option<Fault> {
    let refused = |key: &str, problems: &[Problem]| {
        problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some(key))
    };
    if !section.is_given("kind") {
        if !refused("kind", problems) {
            let hint = format!("write kind = \"{}\"; known kinds: {}", NAMES[0], NAMES.join(", "));
            problems.push(section.missing("kind", "is not given", hint));
        }
        return None;
    }
    let settings = &section.settings;
    let kind = KINDS.iter().find(|kind| kind.name == settings.word("kind"))?;
    let duration = settings.duration("duration");
    if kind.lasts && !section.is_given("duration") {
        if !refused("duration", problems) {
            let hint = "write how long it lasts, such as duration = \"30s\"";
            problems.push(section.missing("duration", "is not given", hint));
        }
    } else if kind.lasts && duration.is_zero() {
        problems.push(section.problem("duration", "is no time at all", "write how long it lasts, such as \"30s\""));
    } else if !kind.lasts && section.is_given("duration") {
        let what = format!("means nothing for a {}, which is over at once", kind.name);
        problems.push(section.problem("duration", what, "leave it out"));
    }
    for key in VALUES.into_iter().filter(|key| section.is_given(key) && kind.value != Some(key)) {
        let of: Vec<&str> = KINDS.iter().filter(|kind| kind.value == Some(key)).map(|kind| kind.name).collect();
        let what = format!("means nothing for {}", kind.name);
        problems.push(section.problem(key, what, format!("leave it out; it belongs to {}", of.join(" and "))));
    }
    let factor = settings.number("factor");
    if kind.value == Some("factor") && factor <= 1.0 {
        problems.push(section.problem("factor", "changes nothing", "write a number above 1, such as 3"));
    }
    let trouble = match kind.name {
        "probes-fail" => Trouble::ProbesFail,
        "counters-vanish" => Trouble::CountersVanish,
        "scaling-refused" => Trouble::ScalingRefused,
        "never-ready" => Trouble::NeverReady,
        "slow-start" => Trouble::SlowStart(factor),
        "crash" => Trouble::Crash(settings.count("replicas")),
        "slow-node" => Trouble::SlowNode(factor),
        _ => Trouble::PolicyStalls,
    };
    Some(Fault { trouble, start: settings.duration("start"), duration })
}

/// Faults that would befall nothing: of the target, of an arm, or because the run is over.
pub(super) fn that_miss(study: &Study, scenario: &Scenario, problems: &mut Vec<Problem>) {
    let known = |section: &&Section| section.is_given("kind");
    for section in scenario.faults.iter().filter(known) {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == section.settings.word("kind")) else { continue };
        if !is_possible(study.target, kind) {
            let what = format!("befalls a modelled platform, which {} is not", study.target);
            let hint = "use --target embedded or simulated, or leave this fault out";
            problems.push(section.problem("kind", what, hint));
        }
        let real = study.arms.iter().find(|arm| !arm.policy.scaler.can_be_simulated());
        if let Some(arm) = real.filter(|_| kind.befalls == Befalls::Policy) {
            let what =
                format!("befalls a policy of this program, and arm \"{}\" is scaled by something else", arm.name);
            let hint = "leave this fault out, or run the other arms with --arm; faults of the platform reach every arm";
            problems.push(section.problem("kind", what, hint));
        }
    }
    let loads = study.load_durations().max().filter(|_| study.generators.len() == scenario.loads.len());
    let Some(end) = loads.map(|load| load.saturating_add(study.cool_down)) else { return };
    for section in scenario.faults.iter().filter(|section| section.settings.duration("start") >= end) {
        let what = format!("is when the run is over: about {} after the load's start", rounded(end));
        problems.push(section.problem("start", what, "write a shorter time, or lengthen [run] cool_down"));
    }
}

/// Whether such a fault can be laid on a target.
fn is_possible(target: TargetKind, kind: &KindInfo) -> bool {
    // what befalls the policy lies between the run's loop and the target, whatever that is; and our own processes can be killed
    target.is_modelled() || kind.befalls == Befalls::Policy || (target == TargetKind::Process && !kind.lasts)
}
