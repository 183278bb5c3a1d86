//! Means over seeds and scenarios, with their standard errors.

use super::Measured;
use crate::search::Score;
use crate::study::results::tuning::Figures;

/// What was measured: by trial, by seed, by scenario.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Vec<Vec<Measured>>>);

impl Runs {
    /// The runs of a trial with its next seed, a run per scenario.
    pub(super) fn add(&mut self, trial: usize, by_scenario: Vec<Measured>) {
        if self.0.len() <= trial {
            self.0.resize_with(trial + 1, Vec::new);
        }
        self.0[trial].push(by_scenario);
    }

    /// A trial's, by seed and scenario.
    pub(super) fn of(&self, trial: usize) -> &[Vec<Measured>] {
        self.0.get(trial).map_or(&[], Vec::as_slice)
    }

    /// How many runs there were.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().flatten().map(|by_scenario| by_scenario.len() as u64).sum()
    }

    /// How far below the allowed share of misses a trial stays in the scenario where that is least, and the standard error of it.
    pub(super) fn room(&self, trial: usize, allowed: &[f64]) -> Option<(f64, Option<f64>)> {
        room(self.of(trial), allowed)
    }
}

/// The mean over the scenarios of one seed.
pub(super) fn score(by_scenario: &[Measured]) -> Score {
    let each = by_scenario.iter().map(|run| Score { cost: run.replica_seconds, missed: run.slo_violation_ratio });
    Score::mean(each).unwrap_or_default()
}

/// Means over seeds and scenarios, and whether the objectives are met.
pub(super) fn figures(runs: &[Vec<Measured>], allowed: &[f64]) -> Figures {
    let scores: Vec<Score> = runs.iter().map(|by_scenario| score(by_scenario)).collect();
    let column = |of: fn(&Score) -> f64| scores.iter().map(of).collect::<Vec<f64>>();
    let (cost, missed) = (column(|score| score.cost), column(|score| score.missed));
    Figures {
        replica_seconds: mean(&cost),
        replica_seconds_se: standard_error(&cost),
        slo_violation_ratio: mean(&missed),
        slo_violation_ratio_se: standard_error(&missed),
        meets_slo: room(runs, allowed).is_some_and(|(room, _)| room >= 0.0),
    }
}

fn room(runs: &[Vec<Measured>], allowed: &[f64]) -> Option<(f64, Option<f64>)> {
    let of_scenario = |(scenario, allowed): (usize, &f64)| {
        let missed: Vec<f64> = runs
            .iter()
            .filter_map(|by_scenario| by_scenario.get(scenario))
            .map(|run| run.slo_violation_ratio)
            .collect();
        (!missed.is_empty()).then(|| (allowed - mean(&missed), standard_error(&missed)))
    };
    allowed.iter().enumerate().filter_map(of_scenario).min_by(|a, b| a.0.total_cmp(&b.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Of the mean; `None` of fewer than two values.
fn standard_error(values: &[f64]) -> Option<f64> {
    let (count, middle) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_met_where_the_worst_scenario_meets_it() {
        let run = |missed| Measured { replica_seconds: 10.0, slo_violation_ratio: missed };
        let runs = [vec![run(0.0), run(0.06)], vec![run(0.02), run(0.08)]];
        let found = figures(&runs, &[0.05, 0.05]);
        assert!((found.slo_violation_ratio - 0.04).abs() < 1e-12 && !found.meets_slo);
        assert!(figures(&runs, &[0.05, 0.1]).meets_slo);
        let (room, error) = room(&runs, &[0.05, 0.05]).expect("runs");
        assert!((room + 0.02).abs() < 1e-12 && error.is_some_and(|error| (error - 0.01).abs() < 1e-12));
    }
}
