//! One load against one address, without a scenario: what hey does, and what it lacks.
//!
//! ```text
//!   words --Task::parse--> Command --run--> Measured --> summary (stats), csv, template, json, tables
//! ```
//!
//! On hey's own flags everything here is hey's to the byte but for the list in docs/hey.md. Flags of ours change that, and only
//! they. Nothing here prints: texts go back to the caller, rows to whoever keeps them.

pub mod address;
pub mod command;
pub mod cores;
pub mod csv;
pub mod expectation;
pub mod health;
pub mod json;
pub mod measured;
pub mod numbers;
pub mod options;
pub mod run;
pub mod self_test;
pub mod tables;
pub mod template;
pub mod usage;
