//! What may be said about the arms, in a few sentences: which to take, how sure that is, what it costs, and what spoiled the data.
//! No verdict without repeats, none from runs that can't be trusted.

mod choice;
mod spoiled;

use super::charts::scale;
use super::material::{Arm, Material};
use choice::Choice;
pub(super) use choice::{COST, DECISIVE, told_by};

/// The first thing a report says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// The sentence.
    pub(super) headline: String,
    /// Why, and what the runs showed.
    pub(super) because: Vec<String>,
    /// How sure that is.
    pub(super) sure: Vec<String>,
    /// What the arms cost.
    pub(super) cost: Vec<String>,
    /// Where the load or the host spoiled the data, or that they didn't.
    pub(super) spoiled: Vec<String>,
    /// Whether something is wrong with the data, rather than with its amount.
    pub(super) warning: bool,
    /// The arm to take, if there is one.
    pub(super) taken: Option<String>,
    /// The arms with what each achieved for how much, best first, where they are too many for sentences.
    pub(super) ranking: Vec<Ranked>,
}

/// One of many arms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ranked {
    pub(super) name: String,
    /// Whether it keeps the objective, and how often it missed it.
    pub(super) keeps: bool,
    pub(super) missed: Option<f64>,
    /// Replica-seconds of a run.
    pub(super) cost: Option<f64>,
    pub(super) money: Option<String>,
    /// Against the arm to take: how often it missed the objective, and what it costs, in words.
    pub(super) against: Option<(&'static str, &'static str)>,
}

/// A row of `stats.csv`: two arms by one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    pub(super) metric: String,
    pub(super) arm_a: String,
    pub(super) arm_b: String,
    pub(super) n: Option<u64>,
    pub(super) mean_a: Option<f64>,
    pub(super) mean_b: Option<f64>,
    /// Mean of B less mean of A.
    pub(super) difference: Option<f64>,
    pub(super) ci_low: Option<f64>,
    pub(super) ci_high: Option<f64>,
    pub(super) p_holm: Option<f64>,
    pub(super) verdict: String,
    /// How far two sets of runs of one arm lie apart, in the metric's unit, where a twin measured it.
    pub(super) noise_floor: Option<f64>,
    /// How many further pairs of runs would decide.
    pub(super) more_pairs: Option<u64>,
    /// Whether B is A's twin.
    pub(super) is_aa: bool,
}

/// Judges a study.
pub(super) fn judge(material: &Material, comparisons: &[Comparison]) -> Verdict {
    let measured: Vec<&Arm> = material.arms.iter().filter(|arm| arm.summaries().next().is_some()).collect();
    let standing = standing(material, &measured);
    let is_plain = standing.is_some() || comparisons.is_empty();
    let mut verdict = standing.unwrap_or_else(|| {
        let mut verdict = Choice::of(material, comparisons).verdict();
        if verdict.cost.is_empty() {
            verdict.cost = costs(material, &measured);
        }
        verdict
    });
    let status = match material.record.status.as_str() {
        "partial" => "The study was interrupted: some runs are missing.",
        "failed" => "The study ended early because a run failed: some runs are missing.",
        "running" => "The study has not ended, or was killed: some runs may be missing.",
        _ => "",
    };
    if !status.is_empty() {
        verdict.because.push(status.to_owned());
    }
    // of many arms the table tells better
    if measured.len() <= 3 && is_plain {
        verdict.because.extend(measured.iter().filter_map(|arm| shown(material, arm)));
    }
    let (spoiled, is_bad) = spoiled::spoiled(material);
    verdict.spoiled = spoiled;
    verdict.warning |= is_bad;
    verdict
}

/// What stands in the way of any verdict.
fn standing(material: &Material, measured: &[&Arm]) -> Option<Verdict> {
    let invalid: Vec<String> = material
        .summaries()
        .filter(|run| !run.valid)
        .map(|run| format!("{}, repeat {}", run.arm, run.repeat))
        .collect();
    // with enough runs that can be trusted a few that can't are left out
    let trusted = material.arms.iter().map(|arm| arm.summaries().filter(|run| run.valid).count()).min().unwrap_or(0);
    let unsure = |why: &str| vec![why.to_owned()];
    let no_verdict = |headline: String, because: Vec<String>, sure: &str, warning: bool| {
        Some(Verdict {
            headline,
            because,
            sure: unsure(sure),
            cost: costs(material, measured),
            warning,
            ..Verdict::default()
        })
    };
    match measured {
        [] => {
            no_verdict("No verdict: no run has ended.".to_owned(), Vec::new(), "There is nothing to be sure of.", true)
        }
        _ if !invalid.is_empty() && trusted < choice::FEWEST_PAIRS => no_verdict(
            format!("No verdict: {} not valid ({}).", runs_are(invalid.len()), listed(&invalid, 4)),
            vec!["What an invalid run shows may be the measurement's doing; its reasons are given below.".to_owned()],
            "Not at all, until there are enough runs that can be trusted.",
            true,
        ),
        [only] if material.arms.len() == 1 => no_verdict(
            format!("{} is alone: there is nothing to compare it with.", only.name),
            Vec::new(),
            "One arm compares with nothing; add another [[arm]] to the scenario.",
            false,
        ),
        _ if measured.len() < material.arms.len() => {
            let is_missing = |arm: &&Arm| arm.summaries().next().is_none();
            let missing: Vec<String> = material.arms.iter().filter(is_missing).map(|arm| arm.name.clone()).collect();
            no_verdict(
                format!("No verdict: there is no run of {}.", listed(&missing, 4)),
                Vec::new(),
                "Not at all: not every arm has run.",
                true,
            )
        }
        _ if material.fewest_runs() < 2 => no_verdict(
            "No verdict: one run per arm.".to_owned(),
            Vec::new(),
            "Not at all: from one run per arm a difference can't be told from chance. Repeat the study with --repeats 10.",
            false,
        ),
        _ => None,
    }
}

/// What the arm's runs showed, without a claim.
fn shown(material: &Material, arm: &Arm) -> Option<String> {
    let missed = arm.slo_violation_ratio()?;
    Some(format!(
        "{}: {} of the planned requests missed {}.",
        arm.name,
        scale::percent(missed),
        scale::latency(material.record.slo_latency_ms),
    ))
}

/// What cost is counted in, in words.
const UNIT: &str = "A replica-second is one replica kept for a second, starting and stopping ones too.";

/// What each arm costs, without a claim.
fn costs(material: &Material, measured: &[&Arm]) -> Vec<String> {
    let cost = |arm: &&Arm| {
        let mean = mean_cost(arm)?;
        let each = if arm.summaries().count() > 1 { " a run" } else { "" };
        let money = money(material, arm).map_or(String::new(), |money| format!(" ({money})"));
        Some(format!("{}: {} replica-seconds{each}{money}", arm.name, scale::count(mean.round() as u64)))
    };
    let known: Vec<String> = measured.iter().filter_map(cost).collect();
    if known.is_empty() { Vec::new() } else { vec![format!("{}.", listed(&known, 4)), UNIT.to_owned()] }
}

/// Mean of an arm's replica-seconds.
fn mean_cost(arm: &Arm) -> Option<f64> {
    let cost: Vec<f64> = arm.summaries().filter_map(|run| run.replica_seconds).collect();
    (!cost.is_empty()).then(|| cost.iter().sum::<f64>() / cost.len() as f64)
}

/// What a run of the arm costs in money, on average, if the scenario has prices.
fn money(material: &Material, arm: &Arm) -> Option<String> {
    let currency = material.record.currency.as_ref()?;
    let cost: Vec<f64> = arm.summaries().filter_map(|run| run.measures.get("cost").copied()).collect();
    let mean = cost.iter().sum::<f64>() / cost.len() as f64;
    mean.is_finite().then(|| format!("{} {currency}", scale::digits(mean, 3)))
}

fn runs_are(count: usize) -> String {
    if count == 1 { "one run is".to_owned() } else { format!("{count} runs are") }
}

/// Names in a sentence, or the first of them: "a, b and c".
fn in_words(names: &[String], most: usize) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [all @ .., last] if names.len() <= most => format!("{} and {last}", all.join(", ")),
        _ => format!("{} and {} more", names[..most].join(", "), names.len() - most),
    }
}

/// Names, or the first of them.
fn listed(names: &[String], most: usize) -> String {
    if names.len() > most {
        format!("{} and {} more", names[..most].join("; "), names.len() - most)
    } else {
        names.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn one_run_per_arm_gives_no_verdict_and_says_why() {
        let verdict = judge(&material(&["watchtower", "openfaas-ce"], 1), &[]);
        assert_eq!(verdict.headline, "No verdict: one run per arm.");
        assert!(verdict.sure[0].contains("--repeats"), "{:?}", verdict.sure);
        assert!(verdict.cost[0].contains("watchtower: 613 replica-seconds"), "{:?}", verdict.cost);
        assert!(!verdict.warning);
    }

    #[test]
    fn an_invalid_run_forbids_a_verdict_unless_six_pairs_are_left() {
        let mut few = material(&["watchtower", "openfaas-ce"], 3);
        let mut many = material(&["watchtower", "openfaas-ce"], 9);
        for study in [&mut few, &mut many] {
            if let Some(run) = study.arms[1].runs[2].summary.as_mut() {
                run.valid = false;
                run.invalid_because = vec!["the generator was late".to_owned()];
            }
        }
        let verdict = judge(&few, &[]);
        assert_eq!(verdict.headline, "No verdict: one run is not valid (openfaas-ce, repeat 3).");
        assert!(verdict.warning);
        let verdict = judge(&many, &[]);
        assert!(verdict.headline.contains("not compared"), "{}", verdict.headline);
        assert!(verdict.spoiled[0].contains("the generator was late"), "{:?}", verdict.spoiled);
    }

    #[test]
    fn a_missing_arm_and_a_missing_study_are_named() {
        let mut material = material(&["watchtower", "openfaas-ce"], 1);
        material.arms[1].runs.clear();
        assert_eq!(judge(&material, &[]).headline, "No verdict: there is no run of openfaas-ce.");
        material.arms[0].runs.clear();
        assert_eq!(judge(&material, &[]).headline, "No verdict: no run has ended.");
    }
}
