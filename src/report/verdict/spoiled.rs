//! Where the load or the host spoiled the data, or that they didn't.

use super::{listed, runs_are};
use crate::report::charts::scale;
use crate::report::html::SIMULATED;
use crate::report::material::Material;
use crate::study::results::summary::RunSummary;

/// From this share on it is worth a sentence that requests were never sent.
const WORTH_SAYING: f64 = 0.01;

/// Sentences, and whether something is wrong.
pub(super) fn spoiled(material: &Material) -> (Vec<String>, bool) {
    let runs: Vec<&RunSummary> = material.summaries().collect();
    let mut said = Vec::new();
    let invalid: Vec<&RunSummary> = runs.iter().copied().filter(|run| !run.valid).collect();
    if !invalid.is_empty() {
        said.push(format!(
            "{} not valid and not counted: {}.",
            sentence(&runs_are(invalid.len())),
            reasons(&invalid, |run| &run.invalid_because)
        ));
    }
    let suspect: Vec<&RunSummary> = runs.iter().copied().filter(|run| !run.suspect_because.is_empty()).collect();
    if !suspect.is_empty() {
        said.push(format!(
            "{} suspect: {}.",
            sentence(&runs_are(suspect.len())),
            reasons(&suspect, |run| &run.suspect_because)
        ));
    }
    if !material.damages.is_empty() {
        said.push(match material.damages.len() {
            1 => "A file is missing, damaged or changed; it is named below.".to_owned(),
            many => format!("{many} times a file is missing, damaged or changed; they are named below."),
        });
    }
    let is_bad = !said.is_empty();
    if !is_bad && !runs.is_empty() {
        said.push(clean(material, &runs));
    }
    said.extend(unsent(material));
    (said, is_bad)
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The first reason of the first few runs.
fn reasons(runs: &[&RunSummary], of: impl Fn(&RunSummary) -> &Vec<String>) -> String {
    let said: Vec<String> = runs
        .iter()
        .map(|run| {
            let why = of(run).first().map_or("no reason is given", String::as_str).trim_end_matches('.');
            format!("{}, repeat {} ({why})", run.arm, run.repeat)
        })
        .collect();
    listed(&said, 2)
}

fn clean(material: &Material, runs: &[&RunSummary]) -> String {
    let all =
        if runs.len() == 1 { "the run is valid".to_owned() } else { format!("all {} runs are valid", runs.len()) };
    if material.record.target == SIMULATED {
        return format!(
            "Nothing: {all}; in virtual time the load leaves exactly when it can, and no host is in the way."
        );
    }
    let latest = runs.iter().filter_map(|run| run.lateness_us.get("p99")).copied().reduce(f64::max);
    let kept_time = latest.map_or(String::new(), |us| {
        format!(
            ", in each 99 % of the requests left at most {} after they were due and a worker was free",
            scale::latency(us / 1e3)
        )
    });
    let busiest = runs.iter().filter_map(|run| run.cpu.as_ref()).map(|cpu| cpu.mean.others).reduce(f64::max);
    let host = busiest.map_or(String::new(), |share| {
        format!(", and other programs used at most {} of the machine", scale::percent(share))
    });
    format!("Nothing: {all}{kept_time}{host}.")
}

/// Load that an arm kept from being sent: a result, and a reason to read latency from due.
fn unsent(material: &Material) -> Vec<String> {
    let of_arm = |arm: &crate::report::material::Arm| {
        let sum = |of: fn(&RunSummary) -> u64| arm.summaries().map(of).sum::<u64>() as f64;
        let (planned, lost) = (sum(|run| run.planned), sum(|run| run.lost_busy));
        let share = if planned > 0.0 { lost / planned } else { 0.0 };
        (share >= WORTH_SAYING).then(|| format!("{} of {}", scale::percent(share), arm.name))
    };
    let arms: Vec<String> = material.arms.iter().filter_map(of_arm).collect();
    if arms.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "Not spoiled, but slowness held the load back: planned requests that were never sent, their worker still waiting, are {}; \
         they count as missed, and latency from due shows them.",
        listed(&arms, 4).replace("; ", ", ")
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn a_clean_study_says_so_and_a_spoiled_one_names_run_and_reason() {
        let mut study = material(&["watchtower", "openfaas-ce"], 2);
        let (said, is_bad) = spoiled(&study);
        assert!(said[0].starts_with("Nothing: all 4 runs are valid, in each 99 %") && !is_bad, "{said:?}");
        study.record.target = SIMULATED.to_owned();
        assert!(spoiled(&study).0[0].contains("virtual time"));
        if let Some(run) = &mut study.arms[1].runs[1].summary {
            run.suspect_because = vec!["other programs took 60 % of the machine".to_owned()];
        }
        study.damages.push("runs/x: cut".to_owned());
        let (said, is_bad) = spoiled(&study);
        assert!(
            said[0].contains("openfaas-ce, repeat 2 (other programs took 60 % of the machine)") && is_bad,
            "{said:?}"
        );
        assert!(said[1].contains("A file is missing, damaged or changed"));
    }

    #[test]
    fn load_that_slowness_held_back_is_named_with_its_share() {
        let mut study = material(&["watchtower"], 1);
        if let Some(run) = &mut study.arms[0].runs[0].summary {
            (run.planned, run.lost_busy) = (1000, 120);
        }
        assert!(spoiled(&study).0[1].contains("12\u{a0}% of watchtower"), "{:?}", spoiled(&study).0);
    }
}
