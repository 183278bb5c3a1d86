//! A rate over time and how its requests arrive.

use std::sync::Arc;
use std::time::Duration;

use super::arrivals::Source;
use super::shape::Shape;

/// How requests arrive under a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// As evenly as whole requests can: the k-th when the rate has called for k.
    #[default]
    Even,
    /// As a Poisson process: independent of each other, as requests of many users are.
    Poisson,
}

/// A rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// Its level over time.
    pub shape: Arc<Shape>,
    /// How requests arrive.
    pub spacing: Spacing,
}

impl Rate {
    /// Its arrivals.
    pub fn source(&self) -> Source {
        match self.spacing {
            Spacing::Even => Source::Even(Arc::clone(&self.shape)),
            Spacing::Poisson => Source::Poisson(Arc::clone(&self.shape)),
        }
    }

    /// Requests, or how many are expected where chance decides.
    pub fn requests(&self) -> f64 {
        match self.spacing {
            Spacing::Even => self.shape.requests() as f64,
            Spacing::Poisson => self.shape.total(),
        }
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.shape.duration()
    }
}
