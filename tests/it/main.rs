//! The integration tests, one file per concern.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod oracle;
mod promql;
