//! What may be said about the arms, in a sentence or three. No verdict without repeats, none from runs that can't be trusted.

use super::charts::scale;
use super::material::{Arm, Material};

/// The first thing a report says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// The sentence.
    pub(super) headline: String,
    /// Why, and what the runs showed.
    pub(super) because: Vec<String>,
    /// Whether something is wrong with the data, rather than with its amount.
    pub(super) warning: bool,
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
    pub(super) difference: Option<f64>,
    pub(super) ci_low: Option<f64>,
    pub(super) ci_high: Option<f64>,
    pub(super) p_holm: Option<f64>,
    pub(super) verdict: String,
}

/// The metric a verdict is about: what the objective is about.
const DECISIVE: &str = "slo_violation_ratio";

/// Judges a study.
pub(super) fn judge(material: &Material, comparisons: &[Comparison]) -> Verdict {
    let measured: Vec<&Arm> = material.arms.iter().filter(|arm| arm.summaries().next().is_some()).collect();
    let mut because = Vec::new();
    let invalid: Vec<String> = material
        .summaries()
        .filter(|run| !run.valid)
        .map(|run| format!("{}, repeat {}", run.arm, run.repeat))
        .collect();
    let (headline, warning) = match measured[..] {
        [] => ("No verdict: no run has ended.".to_owned(), true),
        _ if !invalid.is_empty() => {
            because.push(
                "What an invalid run shows may be the measurement's doing; its reasons are given below.".to_owned(),
            );
            (format!("No verdict: {} not valid ({}).", runs_are(invalid.len()), listed(&invalid, 4)), true)
        }
        [only] if material.arms.len() == 1 => {
            (format!("{} is alone: there is nothing to compare it with.", only.name), false)
        }
        _ if measured.len() < material.arms.len() => {
            let missing: Vec<String> = material
                .arms
                .iter()
                .filter(|arm| arm.summaries().next().is_none())
                .map(|arm| arm.name.clone())
                .collect();
            (format!("No verdict: there is no run of {}.", listed(&missing, 4)), true)
        }
        _ if material.fewest_runs() < 2 => {
            because.push(
                "From one run per arm a difference can't be told from chance; repeat the study with --repeats 10."
                    .to_owned(),
            );
            ("No verdict: one run per arm.".to_owned(), false)
        }
        _ => said_by(comparisons, &mut because),
    };
    match material.record.status.as_str() {
        "partial" => because.push("The study was interrupted: some runs are missing.".to_owned()),
        "failed" => because.push("The study ended early because a run failed: some runs are missing.".to_owned()),
        "running" => because.push("The study has not ended, or was killed: some runs may be missing.".to_owned()),
        _ => {}
    }
    // of many arms the table tells better
    if measured.len() <= 3 {
        because.extend(measured.iter().filter_map(|arm| shown(material, arm)));
    }
    Verdict { headline, because, warning }
}

/// The verdict that the statistics of repeated runs allow.
fn said_by(comparisons: &[Comparison], because: &mut Vec<String>) -> (String, bool) {
    let decisive: Vec<&Comparison> = comparisons.iter().filter(|row| row.metric == DECISIVE).collect();
    let Some(first) = decisive.first() else {
        because.push("stats.csv has no comparison of how often the objective was missed.".to_owned());
        return ("No verdict: the runs were repeated, but not compared.".to_owned(), false);
    };
    for row in &decisive {
        let (Some(a), Some(b), Some(low), Some(high)) = (row.mean_a, row.mean_b, row.ci_low, row.ci_high) else {
            continue;
        };
        because.push(format!(
            "{} missed the objective with {} of its requests, {} with {}; the difference is {} to {} percentage points (95 % interval, n = {}).",
            row.arm_a,
            scale::percent(a),
            row.arm_b,
            scale::percent(b),
            scale::digits(low * 100.0, 3),
            scale::digits(high * 100.0, 3),
            row.n.map_or("–".to_owned(), |n| n.to_string()),
        ));
    }
    if decisive.len() == 1 {
        (format!("{} against {}: {}.", first.arm_a, first.arm_b, sentence_end(&first.verdict)), false)
    } else {
        let said: Vec<String> = decisive
            .iter()
            .map(|row| format!("{} against {}: {}", row.arm_a, row.arm_b, sentence_end(&row.verdict)))
            .collect();
        (format!("{}.", said.join("; ")), false)
    }
}

fn sentence_end(verdict: &str) -> &str {
    let verdict = verdict.trim().trim_end_matches('.');
    if verdict.is_empty() { "not compared" } else { verdict }
}

/// What the arm's runs showed, without a claim.
fn shown(material: &Material, arm: &Arm) -> Option<String> {
    let runs: Vec<_> = arm.summaries().collect();
    let missed = arm.slo_violation_ratio()?;
    let cost: Vec<f64> = runs.iter().filter_map(|run| run.replica_seconds).collect();
    let cost = if cost.is_empty() {
        String::new()
    } else {
        let mean = cost.iter().sum::<f64>() / cost.len() as f64;
        let mean = scale::count(mean.round() as u64);
        format!(", for {mean} replica-seconds{}", if runs.len() > 1 { " a run" } else { "" })
    };
    Some(format!(
        "{}: {} of the planned requests missed {}{cost}.",
        arm.name,
        scale::percent(missed),
        scale::latency(material.record.slo_latency_ms),
    ))
}

fn runs_are(count: usize) -> String {
    if count == 1 { "one run is".to_owned() } else { format!("{count} runs are") }
}

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
        assert!(verdict.because[0].contains("--repeats"), "{:?}", verdict.because);
        assert!(!verdict.warning);
    }

    #[test]
    fn an_invalid_run_forbids_a_verdict_however_many_there_are() {
        let mut material = material(&["watchtower", "openfaas-ce"], 3);
        if let Some(run) = material.arms[1].runs[2].summary.as_mut() {
            run.valid = false;
        }
        let verdict = judge(&material, &[]);
        assert_eq!(verdict.headline, "No verdict: one run is not valid (openfaas-ce, repeat 3).");
        assert!(verdict.warning);
    }

    #[test]
    fn repeated_runs_are_judged_by_their_statistics() {
        let compared = Comparison {
            metric: DECISIVE.to_owned(),
            arm_a: "watchtower".to_owned(),
            arm_b: "openfaas-ce".to_owned(),
            n: Some(10),
            mean_a: Some(0.05),
            mean_b: Some(0.10),
            ci_low: Some(-0.06),
            ci_high: Some(-0.04),
            verdict: "watchtower is lower".to_owned(),
            ..Comparison::default()
        };
        let verdict = judge(&material(&["watchtower", "openfaas-ce"], 2), &[compared]);
        assert_eq!(verdict.headline, "watchtower against openfaas-ce: watchtower is lower.");
        assert!(verdict.because[0].contains("-6 to -4 percentage points"), "{:?}", verdict.because);
        let none = judge(&material(&["watchtower", "openfaas-ce"], 2), &[]);
        assert!(none.headline.starts_with("No verdict"));
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
