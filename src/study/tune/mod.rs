//! Tuning: which settings of an arm cost least and miss least, searched in virtual time.
//!
//! ```text
//!   scenarios + arm --> Tuning (axes, seeds, extent) --> search::Search --asks--> evaluate (drive::sim, counts only)
//!                                                             ^--- scores ---'        each row to evaluations.csv
//!   at its end: recommend --> confirmed on other seeds, in pairs with the hand-set arm --> the tables
//! ```
//!
//! The search itself is pure ([`crate::search`]); here its points become settings and its questions runs.

mod evaluate;
mod pool;
mod recommend;
mod run;
mod summing;
mod tuning;

pub use evaluate::{Measured, evaluate};
pub use recommend::{Candidate, Choice, Difference, Reason, Verdict, choose, judge};
pub use run::{Progress, TuneEnd, TuneObserver, run};
pub use tuning::{Options, TuneError, TunedSetting, Tuning};

use super::scenario::RangeForm;

/// What a scenario wishes of a search, from its `[tune]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// How many settings are tried.
    pub budget: u32,
    /// With how many seeds each.
    pub seeds: u32,
    /// With how many other seeds the recommendation is confirmed.
    pub confirmation: u32,
    /// How much cost counts in a compromise.
    pub cost_weight: f64,
    /// How much violations do.
    pub violation_weight: f64,
    /// What is tried of single settings instead of their policy's own range.
    pub ranges: Vec<(String, RangeForm)>,
}
