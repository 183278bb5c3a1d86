//! The integration tests, one binary.

mod hey_golden;
mod results;
