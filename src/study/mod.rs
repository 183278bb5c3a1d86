//! A study: all runs of one scenario, from its file to its results directory.

pub mod results;
