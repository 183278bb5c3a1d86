//! Races: trials are evaluated seed by seed, and those that can't win any more are stopped.
//!
//! All trials meet the same seeds (common random numbers), so two are compared on the seeds both have seen. A score is taken as
//! trial + seed + noise: what a seed does to all trials alike cancels out, and what is left tells how far apart two means of k seeds
//! may lie by luck, `sigma * sqrt(2 / k)`.

use super::{Origin, Score, Trial};

/// How many standard errors are a clear margin, in both ways at once.
const CLEAR: f64 = 2.0;

/// What is known of seeds and noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Race {
    /// What a seed adds to everyone's score.
    effects: Vec<Score>,
    /// Standard deviation of the noise; `None` until two trials have two seeds in common.
    sigma: Option<Score>,
}

impl Race {
    /// Learns from the trials that have seen the most seeds.
    pub fn of(trials: &[Trial]) -> Self {
        let seeds = trials.iter().map(|trial| trial.scores.len()).max().unwrap_or(0);
        let farthest: Vec<&Trial> = trials.iter().filter(|trial| trial.scores.len() == seeds && seeds > 0).collect();
        let means: Vec<Score> = farthest.iter().filter_map(|trial| trial.mean()).collect();
        let whole = Score::mean(means.iter().copied()).unwrap_or_default();
        let effects: Vec<Score> = (0..seeds)
            .map(|seed| {
                let seed = Score::mean(farthest.iter().map(|trial| trial.scores[seed])).unwrap_or_default();
                minus(seed, whole)
            })
            .collect();
        let freedom = (farthest.len().saturating_sub(1) * seeds.saturating_sub(1)) as f64;
        let squares = farthest.iter().zip(&means).flat_map(|(trial, mean)| {
            trial.scores.iter().zip(&effects).map(|(score, effect)| {
                let rest = minus(minus(*score, *mean), *effect);
                Score { cost: rest.cost * rest.cost, missed: rest.missed * rest.missed }
            })
        });
        let sum = squares.fold(Score::default(), |sum, square| Score {
            cost: sum.cost + square.cost,
            missed: sum.missed + square.missed,
        });
        let sigma =
            (freedom > 0.0).then(|| Score { cost: (sum.cost / freedom).sqrt(), missed: (sum.missed / freedom).sqrt() });
        Self { effects, sigma }
    }

    /// A trial's mean without what its seeds did to everyone: what it would have been over all of them.
    pub fn adjusted(&self, trial: &Trial) -> Option<Score> {
        let rest = trial
            .scores
            .iter()
            .enumerate()
            .map(|(seed, score)| minus(*score, self.effects.get(seed).copied().unwrap_or_default()));
        Score::mean(rest)
    }

    /// Who makes a trial hopeless: one that is better in both ways by a clear margin over the seeds the trial has seen. What is
    /// known beforehand is never hopeless.
    pub fn judge(&self, trials: &[Trial], trial: usize) -> Option<usize> {
        let judged = &trials[trial];
        let sigma = self.sigma.filter(|_| judged.origin != Origin::Known)?;
        let mean = judged.mean()?;
        let seeds = judged.scores.len();
        let margin = CLEAR * (2.0 / seeds as f64).sqrt();
        let optimistic = Score { cost: mean.cost - margin * sigma.cost, missed: mean.missed - margin * sigma.missed };
        trials.iter().enumerate().find_map(|(index, other)| {
            let seen = other.scores.get(..seeds).filter(|_| index != trial)?;
            Score::mean(seen.iter().copied())?.dominates(optimistic).then_some(index)
        })
    }
}

fn minus(one: Score, other: Score) -> Score {
    Score { cost: one.cost - other.cost, missed: one.missed - other.missed }
}

#[cfg(test)]
mod tests {
    use super::super::Fate;
    use super::*;

    fn trial(scores: &[(f64, f64)]) -> Trial {
        Trial {
            point: vec![0],
            origin: Origin::Search,
            scores: scores.iter().map(|(cost, missed)| Score { cost: *cost, missed: *missed }).collect(),
            fate: Fate::Running,
        }
    }

    #[test]
    fn what_a_seed_does_to_everyone_is_no_noise() {
        let trials = [
            trial(&[(1.0, 0.1), (11.0, 0.3), (6.0, 0.2)]),
            trial(&[(2.0, 0.2), (12.0, 0.4), (7.0, 0.3)]),
            trial(&[(3.0, 0.5), (13.0, 0.7), (8.0, 0.6)]),
        ];
        let sigma = Race::of(&trials).sigma.expect("three trials with three seeds");
        assert!(sigma.cost < 1e-9 && sigma.missed < 1e-9, "{sigma:?}");
    }

    #[test]
    fn a_trial_that_saw_only_the_hard_seeds_is_not_worse_for_it() {
        let trials = [trial(&[(9.0, 0.9), (1.0, 0.1)]), trial(&[(10.0, 0.9), (2.0, 0.1)]), trial(&[(9.0, 0.9)])];
        let adjusted = Race::of(&trials).adjusted(&trials[2]).expect("one seed");
        assert!((adjusted.cost - 5.0).abs() < 1e-9 && (adjusted.missed - 0.5).abs() < 1e-9, "{adjusted:?}");
    }

    #[test]
    fn only_who_is_worse_in_both_ways_by_more_than_luck_is_stopped() {
        let noisy = |cost: f64, missed: f64| trial(&[(cost - 1.0, missed + 0.1), (cost + 1.0, missed - 0.1)]);
        let mut trials = vec![noisy(30.0, 0.3), trial(&[(13.0, 0.45), (11.0, 0.65)]), noisy(10.0, 0.5)];
        for (scores, by) in [
            // worse in both ways, but by no more than luck
            (trial(&[(10.5, 0.55)]), None),
            // far worse in one way only
            (trial(&[(90.0, 0.05)]), None),
            // hopeless
            (trial(&[(90.0, 0.99)]), Some(0)),
        ] {
            trials.push(scores);
            assert_eq!(Race::of(&trials).judge(&trials, 3), by, "{:?}", trials[3].scores);
            trials.pop();
        }
    }

    #[test]
    fn nobody_is_stopped_before_the_noise_is_known() {
        let trials = [trial(&[(1.0, 0.0)]), trial(&[(9.0, 0.9)])];
        assert_eq!(Race::of(&trials).judge(&trials, 1), None);
    }
}
