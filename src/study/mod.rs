//! A study: all runs of one scenario, from its file to its results directory.

pub mod autoscale;
pub mod calibration;
pub mod companion;
pub mod demand;
pub mod hey;
pub mod hey_flags;
pub mod hey_judgement;
pub mod host;
pub mod load_pods;
pub mod nearest;
pub mod plan;
pub mod problem;
pub mod recording;
pub mod resolve;
pub mod results;
pub mod resume;
pub mod runner;
pub mod scenario;
pub mod schedule_file;
pub mod schema;
pub mod target_kind;
pub mod trace_file;
pub mod tune;
pub mod until;
