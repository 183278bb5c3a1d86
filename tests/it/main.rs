//! The integration tests, one file per concern.

mod oracle;
mod promql;
