//! What is to be explained, and how far a candidate is from it.

use crate::random::Seed;

use super::candidate::{Candidate, Quantity};
use super::experiment::{simulate, unsettled};
use super::figures::{RESAMPLINGS, Target};
use super::fit::{Effort, FitError};
use super::matrix::Symmetric;
use super::measurement::{Design, Measurement, Phase, Reply};

/// Requests of one phase that are simulated to learn how much its figures differ from measurement to measurement, at most.
const SIMULATED_FOR_WEIGHTS: usize = 1_000_000;

/// What is to be explained.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) targets: Vec<Target>,
    replicas: u32,
    /// Simulated requests for each measured one.
    pub(super) times: f64,
    seed: Seed,
    /// The scale of times, in milliseconds.
    alone_ms: f64,
}

/// A candidate and how far it is from the measurement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) candidate: Candidate,
    /// Measured minus simulated figures, independent and of variance 1 each if the model is right.
    pub(super) residuals: Vec<f64>,
    /// Their squares, and what the prior adds.
    pub(super) distance: f64,
}

impl Task {
    pub(super) fn new(measurement: &Measurement, effort: Effort, alone_ms: f64) -> Result<Self, FitError> {
        let target = |(phase, number): (&Phase, u32)| Target::new(phase, effort.times, effort.seed.of_repeat(number));
        let targets: Vec<Target> = measurement.phases.iter().zip(1..).filter_map(target).collect();
        if targets.is_empty() {
            return Err(FitError::TooFew);
        }
        Ok(Self { targets, replicas: measurement.replicas, times: effort.times, seed: effort.seed, alone_ms })
    }

    /// The same with fewer simulations: to tell good from bad, not from better.
    pub(super) fn roughly(&self) -> Self {
        Self { times: 1.0, ..self.clone() }
    }

    /// The same with so many simulated requests for each measured one, and its figures weighed by how much they differ between measurements
    /// of a model, which is near the truth.
    ///
    /// What a measurement says of that itself goes along with its luck: one that happened to be fast seems to be surer of it, and callers
    /// that keep step with each other for a while make all its parts alike.
    pub(super) fn weighed_by(&self, candidate: &Candidate, times: f64) -> Self {
        let targets = self.targets.iter().zip(1..).map(|(target, number)| {
            let seed = self.seed.of_repeat(2_000 + number);
            let count = (SIMULATED_FOR_WEIGHTS / target.requests.max(1)).min(RESAMPLINGS) as u32;
            let measurements: Vec<Vec<Reply>> =
                (1..=count).map(|pass| self.once(candidate, target, seed.of_repeat(pass))).collect();
            target.weighed_by(&measurements, times)
        });
        Self { targets: targets.collect(), times, ..self.clone() }
    }

    pub(super) fn simulate(&self, candidate: &Candidate) -> Vec<Vec<Reply>> {
        let phases = self.targets.iter().zip(1..).map(|(target, number)| {
            let seed = self.seed.of_repeat(1_000 + number);
            if let Design::Closed { .. } = target.design {
                // callers that all begin at once keep step for a while, which a longer phase would have less of
                let passes = self.times.ceil() as u32;
                return (1..=passes).flat_map(|pass| self.once(candidate, target, seed.of_repeat(pass))).collect();
            }
            let requests = (target.requests as f64 * self.times).ceil() as usize;
            simulate(candidate, &target.design, self.replicas, requests, seed)
        });
        phases.collect()
    }

    /// A phase as long as it was measured.
    fn once(&self, candidate: &Candidate, target: &Target, seed: Seed) -> Vec<Reply> {
        let requests = match target.design {
            Design::Closed { parallel } => unsettled(target.requests, parallel),
            Design::Bursts { .. } | Design::Recorded(_) => target.requests,
        };
        simulate(candidate, &target.design, self.replicas, requests, seed)
    }

    pub(super) fn look(&self, candidate: Candidate) -> Point {
        let mut residuals = Vec::new();
        for (target, replies) in self.targets.iter().zip(self.simulate(&candidate)) {
            match target.values_of(&replies) {
                Some(values) => {
                    let away: Vec<f64> = target.measured.iter().zip(&values).map(|(a, b)| a - b).collect();
                    residuals.extend(target.factor.whiten(&away));
                }
                // a candidate that answers nothing
                None => residuals.extend(vec![1e6; target.measured.len()]),
            }
        }
        let distance = residuals.iter().map(|residual| residual * residual).sum::<f64>() + self.prior(&candidate);
        Point { candidate, residuals, distance }
    }

    /// What is believed before the measurement: little, and only so that numbers it says nothing of stay where they mean something.
    fn belief(&self, quantity: Quantity) -> (f64, f64) {
        if quantity.is_spread() { (0.2, 1.0) } else { (0.0, 3.0 * self.alone_ms) }
    }

    fn prior(&self, candidate: &Candidate) -> f64 {
        let of = |quantity: &Quantity| {
            let (mean, spread) = self.belief(*quantity);
            ((candidate.get(*quantity) - mean) / spread).powi(2)
        };
        Quantity::ALL.iter().map(of).sum()
    }

    /// How residuals change with each quantity: main effects of a two-level fractional factorial design of sixteen runs (2^(7-3), resolution IV:
    /// Box and Hunter 1961), so that every simulation counts for every slope and luck averages out.
    pub(super) fn slopes(&self, point: &Point) -> Vec<Vec<f64>> {
        let centre = &point.candidate;
        let steps = Quantity::ALL.map(|quantity| {
            let value = centre.get(quantity);
            if quantity.is_spread() { 0.06 + 0.1 * value } else { 0.08 * value + 0.006 * self.alone_ms }
        });
        let mut slopes = vec![vec![0.0; point.residuals.len()]; Quantity::ALL.len()];
        for run in 0..16_u32 {
            let signs = signs(run);
            let mut there = *centre;
            for ((value, step), sign) in there.values.iter_mut().zip(steps).zip(signs) {
                // where there is no room below, both levels are above
                *value = value.max(step) + sign * step;
            }
            let residuals = self.look(there).residuals;
            for ((slope, sign), step) in slopes.iter_mut().zip(signs).zip(steps) {
                for (slope, residual) in slope.iter_mut().zip(&residuals) {
                    *slope += sign * residual / (16.0 * step);
                }
            }
        }
        slopes
    }

    /// The normal equations at a point: minus half the second derivatives and the gradient of the distance.
    pub(super) fn normal(
        &self,
        candidate: &Candidate,
        slopes: &[Vec<f64>],
        residuals: &[f64],
    ) -> (Symmetric, Vec<f64>) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut matrix = Symmetric::zero(slopes.len());
        let mut right = Vec::with_capacity(slopes.len());
        for (row, quantity) in Quantity::ALL.iter().enumerate() {
            for column in 0..=row {
                matrix.add(row, column, dot(&slopes[row], &slopes[column]));
            }
            let (mean, spread) = self.belief(*quantity);
            matrix.add(row, row, spread.powi(-2));
            right.push(-dot(&slopes[row], residuals) - (candidate.get(*quantity) - mean) / spread.powi(2));
        }
        (matrix, right)
    }
}

/// The levels of a run of the design: four factors as the run's bits, the others as products of three of them.
fn signs(run: u32) -> [f64; 7] {
    let bit = |place: u32| if run >> place & 1 == 1 { 1.0 } else { -1.0 };
    let [a, b, c, d] = [bit(0), bit(1), bit(2), bit(3)];
    [a, b, c, d, a * b * c, b * c * d, a * c * d]
}

/// Where a damped step from these values leads: no value falls below 0; the others make up for one that would.
pub(super) fn step(values: &[f64; 7], matrix: &Symmetric, right: &[f64], damping: f64) -> [f64; 7] {
    let mut fixed = [false; 7];
    loop {
        let free: Vec<usize> = (0..7).filter(|place| !fixed[*place]).collect();
        let mut reduced = Symmetric::zero(free.len());
        let mut side = Vec::with_capacity(free.len());
        for (row, place) in free.iter().enumerate() {
            for (column, other) in free.iter().enumerate().take(row + 1) {
                let damped = if row == column { 1.0 + damping } else { 1.0 };
                reduced.add(row, column, matrix.get(*place, *other) * damped);
            }
            // those at the bound move there, whatever the rest does
            let moved: f64 =
                (0..7).filter(|other| fixed[*other]).map(|other| matrix.get(*place, other) * -values[other]).sum();
            side.push(right[*place] - moved);
        }
        let solved = reduced.factor().solve(&side);
        let mut reached = *values;
        for place in 0..7 {
            if fixed[place] {
                reached[place] = 0.0;
            }
        }
        for (place, change) in free.iter().zip(&solved) {
            reached[*place] += change;
        }
        match free.iter().find(|place| reached[**place] < 0.0) {
            Some(place) => fixed[*place] = true,
            None => return reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::calibration::measure_in_virtual_time;

    /// Callers that all begin at once keep step where work hardly spreads: phases differ from each other more than the parts of one do.
    #[test]
    fn weights_know_that_callers_keep_step() {
        let truth = Candidate { workers: 8, cores: 4, values: [3.0, 0.2, 0.4, 9.0, 0.1, 70.0, 0.05] };
        let design = Design::Closed { parallel: 8 };
        let means: Vec<f64> = (1..=20)
            .filter_map(|seed| {
                let measurement = measure_in_virtual_time(&truth, 1, &[(design.clone(), 240)], Seed(seed));
                measurement.phases.first()?.mean_ms()
            })
            .collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        let spread = (means.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (means.len() - 1) as f64).sqrt();
        let measurement = measure_in_virtual_time(&truth, 1, &[(design, 240)], Seed(99));
        let task = Task::new(&measurement, Effort::default(), truth.alone_ms()).expect("answers");
        let weighed = task.weighed_by(&truth, 6.0);
        let believed = |task: &Task| {
            let target = task.targets.first().expect("one phase");
            (target.resampled.iter().map(|away| away[0] * away[0]).sum::<f64>() / target.resampled.len() as f64).sqrt()
        };
        let (own, simulated) = (believed(&task), believed(&weighed));
        assert!(own < 0.7 * spread, "a phase by itself: {own} of {spread} ms");
        assert!((simulated / spread - 1.0).abs() < 0.4, "simulated: {simulated} of {spread} ms");
    }
}
