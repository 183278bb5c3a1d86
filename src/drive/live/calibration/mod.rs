//! Measuring a function for its model: its load, and how long its pods take to start.

mod measure;
mod start_up;

pub use measure::{MeasureError, Measured, measure};
pub use start_up::{StartUpError, StartUps, start_ups};
