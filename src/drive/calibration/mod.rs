//! From measured answers to the model of a function: estimates, intervals, and whether the model fits at all.
//!
//! ```text
//!   Measurement (phases of answers) --figures--> numbers with their covariance
//!                                                      |  distance
//!   Candidate (a model) --experiment--> the same phases in virtual time --figures--> the same numbers
//! ```
//!
//! Nothing is measured here: answers come from a live measurement, from a recorded run, or from a simulated function. The candidate
//! goes through the platform's own model ([`crate::model::Cluster`]), so what is fitted is what a scenario runs.

mod candidate;
mod course;
mod experiment;
mod figures;
mod fit;
mod interval;
mod matrix;
mod measurement;
mod observed;
mod search;
mod start;
mod task;
mod verdict;

pub use candidate::{Candidate, Quantity};
pub use course::{Limits, Order};
pub use experiment::measure_in_virtual_time;
pub use figures::{Figure, FigureKind};
pub use fit::{Effort, Fit, FitError, FittedPhase, fit};
pub use interval::Interval;
pub use measurement::{Design, Measurement, Phase, Recorded, Reply};
pub use verdict::{Misfit, judge};
