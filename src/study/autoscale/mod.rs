//! `watchtower autoscale`: the configuration of a sidecar, from TOML or from the original's `const.py`.
//!
//! What a configuration says is checked whole before anything of it is used, so that one that is read again while sidecars run changes
//! all or nothing (`crew.rs`).

pub mod config;
mod const_py;
mod crew;
mod log;
mod stage;

pub use config::{Config, FunctionConfig, LogLevel, Overrides, load};
pub use crew::{Crew, CrewError};
