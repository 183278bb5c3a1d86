//! The results directory: what is in it, written as it comes and read back.
//!
//! ```text
//! study.json        StudyRecord         written when the study begins, again when it ends
//! comparison.csv    a row per run       comparison.rs over columns.rs; appended as runs end
//! comparison.md     the same to read    written when the study ends
//! stats.csv         arms in pairs       statistics.rs; with effects.csv and distances.csv, written when the study ends
//! scores.csv        arms in one number  scores.rs; likewise; rows where elasticity is known
//! expect.csv        expectations        expect/; with junit.xml, written when the study ends, if the scenario expects something
//! demand.csv        demand over time    demand_file.rs; written when the study begins
//! runs/ARM-REPEAT/  a run               writer.rs: requests, timeline, events, probes as they come; totals.rs: the rest at its end
//! ```
//!
//! The layout is a contract with people's scripts (docs/results.md). A directory that exists is never overwritten, rows are
//! written as they come, and what is read back is exactly what was written. No drawing here, and no driver.

pub mod about;
pub mod across;
pub mod advice;
mod broken;
pub mod columns;
pub mod comparison;
pub mod conclusion;
mod cost;
mod course;
mod demand_file;
mod derived;
pub mod directory;
pub mod error;
pub mod expect;
pub mod explanation;
mod hgrm;
mod load_text;
pub mod marks;
mod measures;
mod metrics_file;
mod on_all_cores;
mod pairs;
pub mod price;
pub mod reader;
mod requests;
mod rows;
mod scaling;
pub mod scores;
pub mod shards;
pub mod statistics;
pub mod summary;
mod totals;
pub mod tuning;
pub mod validity;
pub mod writer;

pub use about::{Alone, RunAbout};
pub(crate) use cost::Cost;
pub use derived::{PUT_ASIDE, Rebuilt, rebuild};
pub use directory::{Ending, ResultsDir, run_name};
pub use error::ResultsError;
pub use hgrm::percentile_text;
pub use price::Price;
pub use reader::{EventRecord, MetricsRecord, ProbeRecord, TimelineRecord};
pub use requests::RequestRecord;
pub use totals::Snapshot;
pub use validity::{Limits, Suspects};
pub use writer::{Rows, RunWriter};
