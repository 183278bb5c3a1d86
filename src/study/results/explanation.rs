//! What a reader must know to read a run's numbers, each in one line.

use super::summary::RunSummary;
use crate::stats::hey_summary::KEPT_EXACTLY;

/// From how much more on the two ways of counting a latency are told apart: a tenth, and a tenth of a millisecond.
const NOTABLE: (f64, f64) = (1.1, 0.1);

/// What may have to be explained of a run.
const MATTERS: [fn(&RunSummary) -> Option<String>; 3] = [omission, rounding, censoring];

/// What applies to this run; empty for most.
pub fn explanations(run: &RunSummary) -> Vec<String> {
    MATTERS.iter().filter_map(|matter| matter(run)).collect()
}

/// What latencies from sending leave out (coordinated omission, Tene 2013), where that is anything to speak of.
pub fn omission(run: &RunSummary) -> Option<String> {
    let sent = *run.latency_ms.get("p99")?;
    let due = *run.due_ms.get("p99")?;
    if run.lost_busy == 0 && due <= sent * NOTABLE.0 + NOTABLE.1 {
        return None;
    }
    let lost = match run.lost_busy {
        0 => String::new(),
        lost => format!(", and {lost} never left"),
    };
    Some(format!(
        "p99 is {} from due, {} from sending (as hey counts): slow answers held requests back{lost}",
        milliseconds(due),
        milliseconds(sent),
    ))
}

/// The same of all runs of each arm together, a line per arm and matter: repeated runs have the same to explain.
pub fn explanations_of_arms(runs: &[RunSummary]) -> Vec<String> {
    let mut arms: Vec<&str> = Vec::new();
    for run in runs {
        if !arms.contains(&run.arm.as_str()) {
            arms.push(&run.arm);
        }
    }
    let mut lines = Vec::new();
    for arm in arms {
        let of_arm: Vec<&RunSummary> = runs.iter().filter(|run| run.arm == arm).collect();
        for matter in MATTERS {
            let told: Vec<(&RunSummary, String)> = of_arm.iter().filter_map(|run| Some((*run, matter(run)?))).collect();
            // the run in the middle, by how slow it was from due, speaks for the others
            let mut by_due: Vec<&(&RunSummary, String)> = told.iter().collect();
            by_due.sort_by(|a, b| slowness(a.0).total_cmp(&slowness(b.0)));
            if let Some((run, words)) = by_due.get(by_due.len() / 2) {
                let (count, all) = (told.len(), of_arm.len());
                let which =
                    if all == 1 { String::new() } else { format!(" in {count} of {all} runs; run {}", run.repeat) };
                lines.push(format!("{arm}{which}: {words}"));
            }
        }
    }
    lines
}

fn slowness(run: &RunSummary) -> f64 {
    run.due_ms.get("p99").copied().unwrap_or(0.0)
}

/// Where percentiles are not exact, and how far off they may be.
pub fn rounding(run: &RunSummary) -> Option<String> {
    run.latencies_rounded.then(|| {
        format!(
            "more than {KEPT_EXACTLY} answers: percentiles come from a histogram of three significant digits (within 0.1 %); counts, \
             means, smallest and largest are exact"
        )
    })
}

/// A recovery that nobody saw the end of.
pub fn censoring(run: &RunSummary) -> Option<String> {
    let is_over = run.measures.get("recovered").is_none_or(|recovered| *recovered > 0.0);
    (!is_over).then(|| {
        let longest = run.measures.get("recovery_longest_s").copied().unwrap_or(0.0);
        format!(
            "the objective was missed and not kept again before the load ended: recovery times (up to {longest:.0} s) are lower bounds"
        )
    })
}

fn milliseconds(ms: f64) -> String {
    let decimals = if ms < 10.0 { 2 } else { usize::from(ms < 1_000.0) };
    format!("{ms:.decimals$} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(sent: f64, due: f64, lost_busy: u64) -> RunSummary {
        RunSummary {
            latency_ms: [("p99".to_owned(), sent)].into(),
            due_ms: [("p99".to_owned(), due)].into(),
            lost_busy,
            ..RunSummary::default()
        }
    }

    #[test]
    fn the_two_latencies_are_told_apart_where_they_differ() {
        assert_eq!(explanations(&run(20.0, 20.5, 0)), [""; 0]);
        assert_eq!(explanations(&RunSummary::default()), [""; 0]);
        insta::assert_snapshot!(explanations(&run(2.134, 1_912.0, 0)).join(""), @"p99 is 1912 ms from due, 2.13 ms from sending (as hey counts): slow answers held requests back");
        insta::assert_snapshot!(explanations(&run(20.0, 20.5, 190)).join(""), @"p99 is 20.5 ms from due, 20.0 ms from sending (as hey counts): slow answers held requests back, and 190 never left");
    }

    #[test]
    fn a_recovery_that_was_not_seen_to_end_is_said_to_be_a_bound() {
        let run = |recovered: f64| RunSummary {
            measures: [("recovered".to_owned(), recovered), ("recovery_longest_s".to_owned(), 17.0)].into(),
            ..RunSummary::default()
        };
        assert_eq!(explanations(&run(1.0)), [""; 0]);
        insta::assert_snapshot!(explanations(&run(0.0)).join(""), @"the objective was missed and not kept again before the load ended: recovery times (up to 17 s) are lower bounds");
    }

    #[test]
    fn rounded_percentiles_are_said_to_be() {
        let run = RunSummary { latencies_rounded: true, ..run(20.0, 20.0, 0) };
        insta::assert_snapshot!(explanations(&run).join(""), @"more than 1000000 answers: percentiles come from a histogram of three significant digits (within 0.1 %); counts, means, smallest and largest are exact");
    }
}
