//! Numbers from rows: latency histograms, percentiles, rows per second, demand and elasticity; and what the numbers of several
//! runs say about their arms ([`inference`]).
//!
//! Pure arithmetic over what it is given. No file, no drawing, and one text only: hey's summary, which both a run's
//! directory and the hey command show, and which is defined by its arithmetic down to the bars.

pub mod cpu;
pub mod demand;
pub mod elasticity;
pub mod hey_summary;
pub mod inference;
pub mod latency;
pub mod metric;
pub mod percentile;
pub mod scores;
pub mod slo;
pub mod step_fn;
pub mod step_response;
pub mod timeline;
pub mod windows;
