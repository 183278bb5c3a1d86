//! A sidecar load-and-probe benchmark harness for `FaaS` autoscalers.
//!
//! ```text
//! cli          clap commands; the only place that prints to a person or sets an exit code
//! report       csv, hey text, charts, html      reads a results directory, knows nothing of how it was made
//! study        scenario file, arms x repeats, runner, results directory, verdict
//! drive        two drivers of the same core:   live (wall clock, HTTP)   and   sim (virtual time)
//! policy       autoscalers                                      \
//! model        replica queue, node CPU, router, pod life cycle   |  pure: no clock, no socket,
//! schedule     when requests are due                             |  no async, no global randomness
//! stats        histograms, elasticity, percentiles               |
//! search       which settings to try next                       /
//! time random record                                            the words all of them share
//! ```
//!
//! Arrows point down only. With `--no-default-features` the pure part compiles alone, so an upward
//! import is a compile error; `tests/it/tidy.rs` reads the sources against the same table.

pub mod random;
pub mod record;
pub mod time;

pub mod model;
pub mod policy;
pub mod schedule;
pub mod search;
pub mod stats;

pub mod drive;

#[cfg(feature = "app")]
pub mod cli;
#[cfg(feature = "app")]
pub mod report;
#[cfg(feature = "app")]
pub mod study;
