//! The results directory: what is in it, written as it comes and read back.
//!
//! The layout is a contract with people's scripts (docs/results.md). A directory that exists is never overwritten, rows are
//! written as they come, and what is read back is exactly what was written. No drawing here, and no driver.

pub mod summary;
