//! What people look at, made from a results directory.
//!
//! ```text
//!   results directory --read, audit--> Material ---> charts/*.svg, charts/*.png
//!                                   |    \--> report.html   (verdict, time panel, comparison, charts, decisions, setup)
//!                                   v
//!                                verdict
//! ```
//!
//! Charts and one HTML page, written from what the runs left behind and nothing else, so they can be made again at any
//! time and come out the same to the byte. No driver, no clock, no network.

mod audit;
mod calibration;
pub mod charts;
mod differences;
mod html;
pub mod live;
mod material;
mod read;
mod tuning;
mod verdict;
mod write;

pub use calibration::write_calibration;
pub use tuning::write_tuning;
pub use write::{Again, ReportError, again, write};
