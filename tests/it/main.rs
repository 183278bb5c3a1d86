//! One integration binary: laws that need more than one room, real sockets, real files, real programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics says what is wrong; clippy's own switch misses helper functions"
)]
#![allow(clippy::disallowed_methods, reason = "tests outside the library may start threads and read clocks")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that skips something says so")]

mod autoscale;
mod calibrate;
mod calibration;
mod canaries;
mod chain;
mod cli;
mod cluster;
mod drop_in;
mod engines;
mod exec;
mod expect;
mod faults;
mod fuzz;
mod gateway;
mod hey_golden;
mod journeys;
mod kubernetes;
mod listener;
mod live_and_simulated;
mod live_page;
mod load;
mod metrics_document;
mod open_loads;
mod openfaas;
mod oracle;
mod pathologies;
mod points;
mod policies_document;
mod processes;
mod promql;
mod published;
mod random_worlds;
mod rebuilt;
mod repeats;
mod replays;
mod results;
mod rollout;
mod scenario;
mod shadows;
mod shards;
mod sim;
mod simulated;
mod spoiled;
mod stats;
mod theory;
mod tidy;
mod tune;
