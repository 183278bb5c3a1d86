//! The model that comes nearest to a measurement, and how sure each of its numbers is.
//!
//! For given numbers of workers and cores the rest is fitted by damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963) on the
//! difference between measured and simulated figures, weighted by their covariance; simulations share their random numbers, so that
//! the difference between two candidates is theirs and not luck's. Workers and cores are counted: neighbours are tried as long as they
//! come nearer. Weights are first those the measurement has from resampling itself, and then, twice, those of simulated measurements of the
//! model found (iterated, as in Hansen, Heaton and Yaron 1996), from which the intervals come too, carried through the last step
//! (one-step bootstrap, Davidson and `MacKinnon` 1999).

use crate::random::Seed;

use super::candidate::{Candidate, Quantity};
use super::figures::Figure;
use super::interval::Interval;
use super::measurement::{Design, Measurement, Reply};
use super::search::{CORES_USUAL, Search};
use super::start::Glance;
use super::task::{Point, Task};

/// How much work a fit may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Simulated requests for each measured one.
    pub times: f64,
    /// Steps that refine a candidate.
    pub steps: u32,
    /// Seed of the simulations.
    pub seed: Seed,
    /// Workers, if they are known.
    pub workers: Option<u32>,
    /// Cores of the node, if they are known.
    pub cores: Option<u32>,
}

impl Default for Effort {
    fn default() -> Self {
        Self { times: 6.0, steps: 8, seed: Seed(1), workers: None, cores: None }
    }
}

/// So many times as many requests are simulated for the last steps: the luck of simulations is then a small part of all.
const LAST_TIMES: f64 = 4.0;

/// Why there is nothing to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// No phase has enough answers to be looked at.
    #[error("no phase of the measurement has enough good answers to fit a model to")]
    TooFew,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The model that comes nearest.
    pub best: Candidate,
    /// Intervals of [`Quantity::ALL`].
    pub values: [Interval; 7],
    /// Fewest and most workers with which the model fits as well.
    pub workers: (u32, u32),
    /// Fewest and most cores of those tried; `None` for "no bound was found".
    pub cores: (u32, Option<u32>),
    /// The share of the CPU work that the lock serialises.
    pub serialised: Option<Interval>,
    /// Squared distance between measured and modelled figures in standard errors, and how many of them are free.
    pub distance: f64,
    /// Figures minus fitted numbers.
    pub freedom: usize,
    /// Phases with what the model says of them, in the measurement's order; those with too few answers are left out.
    pub phases: Vec<FittedPhase>,
}

/// One phase beside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPhase {
    /// How its requests were sent.
    pub design: Design,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// The model's answers, for charts.
    pub replies: Vec<Reply>,
}

impl Fit {
    /// The interval of a quantity.
    pub fn interval(&self, quantity: Quantity) -> Interval {
        self.values[quantity as usize]
    }
}

/// Fits the platform's model to a measurement.
///
/// # Errors
/// When there is too little to fit to.
pub fn fit(measurement: &Measurement, effort: Effort) -> Result<Fit, FitError> {
    let glance = Glance::at(measurement).ok_or(FitError::TooFew)?;
    let task = Task::new(measurement, effort, glance.alone_ms)?;
    let rough = task.roughly();
    let cores = effort.cores.unwrap_or(CORES_USUAL);
    let begun = glance.candidates(effort.workers, cores).into_iter();
    let mut begun: Vec<Point> = begun.map(|candidate| rough.look(candidate)).collect();
    begun.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let mut search = Search::new(&task);
    let mut tried: Vec<u32> = Vec::new();
    for point in begun {
        if tried.len() < 3 && !tried.contains(&point.candidate.workers) {
            tried.push(point.candidate.workers);
            search.polish(point.candidate, effort.steps / 2);
        }
    }
    search.share_spread(effort.steps);
    let mut best = search.best().ok_or(FitError::TooFew)?;
    for _ in 0..3 {
        let before = (best.candidate.workers, best.candidate.cores);
        if effort.workers.is_none() {
            search.count_workers(effort.steps / 2);
        }
        if effort.cores.is_none() {
            search.count_cores(effort.steps / 4 + 1);
        }
        if let Some(found) = search.best() {
            search.polish(found.candidate, effort.steps);
        }
        best = search.best().ok_or(FitError::TooFew)?;
        if (best.candidate.workers, best.candidate.cores) == before {
            break;
        }
    }
    // weights follow from where it stands, and where it stands from the weights
    let task = task.weighed_by(&best.candidate, effort.times);
    let mut search = search.anew(&task);
    search.polish(best.candidate, effort.steps);
    if effort.workers.is_none() {
        search.count_workers(effort.steps / 2);
    }
    let best = search.best().ok_or(FitError::TooFew)?;
    let task = task.weighed_by(&best.candidate, LAST_TIMES * effort.times);
    let mut search = search.anew(&task);
    search.polish(best.candidate, effort.steps);
    let best = search.best().ok_or(FitError::TooFew)?;
    Ok(search.result(&best, effort))
}
