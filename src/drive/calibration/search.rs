//! The search itself: refines candidates, and counts workers and cores.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Quantity};
use super::figures::{Figure, RESAMPLINGS};
use super::fit::{Effort, Fit, FittedPhase};
use super::interval::Interval;
use super::task::{Point, Task, step};

/// Numbers of cores that are tried.
const CORES: [u32; 8] = [1, 2, 3, 4, 6, 8, 16, 32];
/// The node's cores as long as nothing speaks against it.
pub(super) const CORES_USUAL: u32 = 4;
/// The 95th percentile of chi squared with one degree of freedom.
const CHI_SQUARED: f64 = 3.84;

/// A search with what it has found so far: the nearest candidate for each number of workers and cores.
pub(super) struct Search<'a> {
    task: &'a Task,
    tried: BTreeMap<(u32, u32), Point>,
}

impl<'a> Search<'a> {
    pub(super) fn new(task: &'a Task) -> Self {
        Self { task, tried: BTreeMap::new() }
    }

    /// The same with another task: what was found is looked at anew.
    pub(super) fn anew<'b>(&self, task: &'b Task) -> Search<'b> {
        let tried = self.tried.iter().map(|(key, point)| (*key, task.look(point.candidate)));
        Search { task, tried: tried.collect() }
    }

    pub(super) fn best(&self) -> Option<Point> {
        self.tried.values().min_by(|a, b| a.distance.total_cmp(&b.distance)).cloned()
    }

    fn keep(&mut self, point: &Point) {
        let key = (point.candidate.workers, point.candidate.cores);
        if self.tried.get(&key).is_none_or(|known| point.distance < known.distance) {
            self.tried.insert(key, point.clone());
        }
    }

    /// Refines a candidate without touching what is counted.
    pub(super) fn polish(&mut self, from: Candidate, steps: u32) -> f64 {
        let mut here = self.task.look(from);
        let mut damping = 0.01;
        for _ in 0..steps {
            let slopes = self.task.slopes(&here);
            let (matrix, right) = self.task.normal(&here.candidate, &slopes, &here.residuals);
            let before = here.distance;
            for _ in 0..4 {
                let mut next = here.candidate;
                next.values = step(&here.candidate.values, &matrix, &right, damping);
                next.clamp();
                let there = self.task.look(next);
                if there.distance < here.distance {
                    here = there;
                    damping = (damping * 0.2_f64).max(1e-4);
                    break;
                }
                damping *= 8.0;
            }
            if here.distance > before - (0.002 * before).max(0.05) {
                break;
            }
        }
        self.keep(&here);
        here.distance
    }

    /// Tries whether the spread is another work's: what spreads the time of a request can be on its way, in its CPU work or in its wait,
    /// and steps lead from one to the other only through worse ones.
    pub(super) fn share_spread(&mut self, steps: u32) {
        let works = [
            (Quantity::GatewayCpu, Quantity::GatewayCpuCv),
            (Quantity::Cpu, Quantity::CpuCv),
            (Quantity::Wait, Quantity::WaitCv),
        ];
        let Some(best) = self.best() else { return };
        let variance = |(mean, cv): (Quantity, Quantity)| (best.candidate.get(mean) * best.candidate.get(cv)).powi(2);
        let spread = works.map(variance).iter().sum::<f64>().sqrt();
        let mut points = Vec::new();
        for factor in [0.7, 1.0, 1.5] {
            let (cpu, wait) = (best.candidate.get(Quantity::Cpu), best.candidate.get(Quantity::Wait));
            let more = (cpu * factor).min(cpu + wait);
            let even = best.candidate.with(Quantity::Cpu, more).with(Quantity::Wait, cpu + wait - more);
            for (mean, cv) in works {
                let all = (spread / even.get(mean).max(1e-6)).min(1.0);
                let none = works.iter().fold(even, |candidate, (_, cv)| candidate.with(*cv, 0.01));
                points.push(self.task.look(none.with(cv, all)));
            }
        }
        points.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        for point in points.into_iter().take(2) {
            self.polish(point.candidate, steps);
        }
    }

    /// Tries more and fewer workers as long as that comes nearer.
    pub(super) fn count_workers(&mut self, steps: u32) {
        while let Some(best) = self.best() {
            let Candidate { workers, cores, .. } = best.candidate;
            for workers in [workers.saturating_sub(1), workers + 1] {
                if workers > 0 && !self.tried.contains_key(&(workers, cores)) {
                    self.polish(Candidate { workers, ..best.candidate }, steps);
                }
            }
            if self.best().is_none_or(|found| found.candidate.workers == workers) {
                break;
            }
        }
    }

    /// The same with cores, of which some numbers are tried.
    pub(super) fn count_cores(&mut self, steps: u32) {
        let Some(first) = self.best() else { return };
        for cores in CORES {
            let candidate = Candidate { cores, ..first.candidate };
            let point = self.task.look(candidate);
            if cores == first.candidate.cores {
                continue;
            }
            if (point.distance - first.distance).abs() < 0.5 {
                // all the same: there is nothing to refine
                self.keep(&point);
            } else if point.distance < first.distance + 40.0 * CHI_SQUARED {
                self.polish(candidate, steps);
            }
        }
        self.prefer_usual_cores();
    }

    /// Where the measurement does not tell cores apart, the usual number stands.
    fn prefer_usual_cores(&mut self) {
        let Some(best) = self.best() else { return };
        let key = (best.candidate.workers, CORES_USUAL);
        if let Some(usual) = self.tried.get_mut(&key)
            && usual.distance < best.distance + CHI_SQUARED
        {
            usual.distance = usual.distance.min(best.distance - 1e-9);
        }
    }

    pub(super) fn result(&self, best: &Point, effort: Effort) -> Fit {
        let task = self.task;
        let point = task.look(best.candidate);
        let slopes = task.slopes(&point);
        let figures = point.residuals.len();
        let freedom = figures.saturating_sub(Quantity::ALL.len()).max(1);
        let inflation = (point.distance / freedom as f64).max(1.0);
        let near = best.distance + CHI_SQUARED * inflation;
        let fitting = |pick: fn(&Candidate) -> u32, same: fn(&Candidate) -> u32| {
            let near: Vec<u32> = self
                .tried
                .values()
                .filter(|point| point.distance <= near && same(&point.candidate) == same(&best.candidate))
                .map(|point| pick(&point.candidate))
                .collect();
            (near.iter().copied().min().unwrap_or(1), near.iter().copied().max().unwrap_or(1))
        };
        let workers = fitting(|candidate| candidate.workers, |candidate| candidate.cores);
        let (fewest, most) = fitting(|candidate| candidate.cores, |candidate| candidate.workers);
        let tried_most = self.tried.keys().map(|(_, cores)| *cores).max().unwrap_or(most);
        let cores = match effort.cores {
            Some(known) => (known, Some(known)),
            None => (fewest, (most < tried_most).then_some(most)),
        };
        let resampled = self.resampled(&point, &slopes, inflation);
        let values = std::array::from_fn(|place| {
            let drawn = resampled.iter().map(|values| values[place]).collect();
            Interval::of(point.candidate.values[place], drawn)
        });
        let shares = |values: &[f64; 7]| Candidate { values: *values, ..point.candidate }.serialised_share();
        let serialised = point
            .candidate
            .serialised_share()
            .map(|share| Interval::of(share, resampled.iter().filter_map(shares).collect()));
        let phases = task.targets.iter().zip(task.simulate(&point.candidate)).map(|(target, replies)| {
            let modelled = target.values_of(&replies).unwrap_or_else(|| vec![f64::NAN; target.kinds.len()]);
            let figure = |place: usize| Figure {
                kind: target.kinds[place],
                measured: target.measured[place],
                error: target.errors[place],
                modelled: modelled[place],
            };
            FittedPhase {
                design: target.design.clone(),
                figures: (0..target.kinds.len()).map(figure).collect(),
                replies,
            }
        });
        Fit {
            best: point.candidate,
            values,
            workers,
            cores,
            serialised,
            distance: point.distance,
            freedom,
            phases: phases.collect(),
        }
    }

    /// The values that resampled measurements would have led to.
    fn resampled(&self, point: &Point, slopes: &[Vec<f64>], inflation: f64) -> Vec<[f64; 7]> {
        let task = self.task;
        let wider = (inflation * (1.0 + 1.0 / task.times)).sqrt();
        let (matrix, _) = task.normal(&point.candidate, slopes, &point.residuals);
        let factor = matrix.factor();
        let one = |number: usize| {
            let mut residuals = Vec::with_capacity(point.residuals.len());
            for target in &task.targets {
                let away = target.resampled.get(number)?.iter().map(|away| away * wider).collect::<Vec<f64>>();
                residuals.extend(target.factor.whiten(&away));
            }
            let gradient: Vec<f64> =
                slopes.iter().map(|slope| -slope.iter().zip(&residuals).map(|(a, b)| a * b).sum::<f64>()).collect();
            let change = factor.solve(&gradient);
            let mut moved = point.candidate;
            for (value, change) in moved.values.iter_mut().zip(change) {
                *value += change;
            }
            moved.clamp();
            Some(moved.values)
        };
        (0..RESAMPLINGS).filter_map(one).collect()
    }
}
