//! Numbers from rows: latency histograms, percentiles, rows per second, elasticity.
//!
//! Pure arithmetic over what it is given. No file, no format, no drawing.

pub mod slo;
