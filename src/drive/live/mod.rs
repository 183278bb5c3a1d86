//! The driver of the wall clock: real time, real requests, real waiting.
//!
//! The only part of the program that reads a clock, starts threads and tasks, or sleeps. What it does with the core's answers
//! (send, probe, scale, wait) happens here; what to do is never decided here.

#![expect(clippy::disallowed_methods, reason = "the live driver is where clocks, sleeps and tasks live")]

mod alarm;
pub mod awake;
pub mod calibration;
pub mod chain;
pub mod clock;
pub mod companion;
pub mod cores;
pub mod cpu;
pub mod interrupt;
pub mod load;
pub mod probe;
mod receive;
pub mod run;
pub mod showcase;
pub mod sidecar;
pub mod target;
pub mod timers;
pub mod toll;

/// The header in which a target may name the replica that answered; our own platform does, no other gateway has it.
pub const REPLICA_HEADER: &str = "x-watchtower-replica";
