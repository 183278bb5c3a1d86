//! Under each kind of fault every policy of the table stays in its bounds and turns round no more than twice in a minute; so does a
//! program of `scripts/examples` that is asked for its decisions.
//!
//! The loads are made to provoke it: one that stays, one that goes up and down, and silence after a burst. `WATCHTOWER_LONG=1` tries more
//! seeds.

use std::path::PathBuf;

use watchtower::drive::faults::KINDS;
use watchtower::drive::sim;
use watchtower::policy::registry::POLICIES;
use watchtower::record::EventKind;
use watchtower::study::plan::Study;
use watchtower::study::problem::ScenarioError;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;
use watchtower::time::Epoch;

use super::Witness;

/// Most changes of direction within a minute.
const TURNS: usize = 2;

/// None of them turns round more than twice in a minute itself, or whoever follows it would have to.
const LOADS: [(&str, &str); 3] = [
    ("steady", "rate = 40\nduration = \"110s\"\narrivals = \"poisson\""),
    ("square", "rate = 2\nto = 60\nshape = \"square\"\nperiod = \"90s\"\nduration = \"180s\""),
    ("burst", "steps = \"60 for 45s, 0 for 60s\""),
];

fn study(arm: &str, kind: &str, lasts: bool, load: &str) -> Result<Study, ScenarioError> {
    let duration = if lasts { "duration = \"40s\"" } else { "" };
    let value = match kind {
        "crash" => "replicas = 3",
        "slow-start" | "slow-node" => "factor = 4",
        _ => "",
    };
    let text = format!(
        "name = \"t\"\n[[load]]\n{load}\n[run]\nwarm_up = \"6s\"\ncool_down = \"60s\"\n[[fault]]\nkind = \"{kind}\"\nstart = \"30s\"\n{duration}\n{value}\n[[arm]]\n{arm}\n"
    );
    resolve::resolve(&Scenario::parse("t.toml", &text, PathBuf::new())?, &Overrides::default())
}

/// The most changes of direction in any minute: times at which the policy went the other way than the step before.
fn most_turns(witness: &Witness) -> (usize, Vec<(f64, u32, u32)>) {
    let steps: Vec<(f64, u32, u32)> = witness
        .events
        .iter()
        .filter(|row| row.kind == EventKind::Scale)
        .filter_map(|row| Some((witness.t_s(row.at), row.from?, row.to?)))
        .filter(|(_, from, to)| from != to)
        .collect();
    let turns: Vec<f64> = steps
        .windows(2)
        .filter(|pair| (pair[0].2 > pair[0].1) != (pair[1].2 > pair[1].1))
        .map(|pair| pair[1].0)
        .collect();
    let most = turns.iter().map(|from| turns.iter().filter(|t| (*from..*from + 60.0).contains(*t)).count()).max();
    (most.unwrap_or(0), steps)
}

/// A run stays in its bounds; what is wrong with its turns, if anything.
fn law(study: &Study, repeat: u32, what: &str) -> Option<String> {
    let plan = study.plan(0, repeat);
    let (min, max) = plan.functions[0].bounds;
    let mut witness = Witness::default();
    sim::run(&plan, Epoch::default(), &mut witness).unwrap_or_else(|error| panic!("{what}: {error}"));
    let (turns, steps) = most_turns(&witness);
    assert!(
        witness.desired.iter().all(|desired| (min..=max).contains(desired)),
        "{what}: outside {min} to {max}: {:?}",
        witness.desired
    );
    assert!(steps.iter().all(|(_, _, to)| (min..=max).contains(to)), "{what}: {steps:?}");
    (turns > TURNS).then(|| format!("{what}: {turns} turns: {steps:?}"))
}

#[test]
fn a_program_that_is_asked_keeps_the_same_law() {
    // more eager than its defaults: those would hardly step within a fault
    let settings = "--check-frequency 1 --target 60 --scale-up-rounds 2 --scale-down-rounds 20";
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/examples/watchtower.py");
    // the machine may be busy, and what is tested is the decisions
    let patience = "answer_within = \"1m\"\nstart_within = \"2m\"";
    let arm = format!("policy = \"exec\"\ncommand = \"python3 {example} {settings}\"\n{patience}");
    let mut broken = Vec::new();
    for kind in &KINDS {
        for (load_name, load) in LOADS {
            let study = study(&arm, kind.name, kind.lasts, load).unwrap_or_else(|error| panic!("{error}"));
            broken.extend(law(&study, 1, &format!("the example under {} with {load_name}", kind.name)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_policy_leaves_its_bounds_or_turns_round_more_than_twice_in_a_minute() {
    let repeats = if std::env::var_os("WATCHTOWER_LONG").is_some() { 5 } else { 1 };
    let mut tried = 0;
    let mut broken = Vec::new();
    for policy in POLICIES.iter().filter(|policy| policy.scaler.is_pure()) {
        for kind in &KINDS {
            for (load_name, load) in LOADS {
                let mut arm = format!("policy = \"{}\"", policy.name);
                if policy.name == "timetable" {
                    // with a time before, in and after the fault
                    arm += "\nplan = \"2 at 20s, 5 at 45s, 1 at 1m40s\"";
                }
                // a policy that needs settings can't be had by its name alone
                let Ok(study) = study(&arm, kind.name, kind.lasts, load) else { continue };
                tried += 1;
                for repeat in 1..=repeats {
                    let what = format!("{} under {} with {load_name}, repeat {repeat}", policy.name, kind.name);
                    broken.extend(law(&study, repeat, &what));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(tried >= 100, "only {tried} pairs of policy, fault and load could be had");
}
