//! The platform's own autoscaler as an arm: it acts, and what it does is read from the platform and recorded.

use super::onlooker::Onlooker;
use super::settings::{Parameter, Settings};
use super::{Context, Policy};

/// It has no settings here: they are the platform's.
pub const fn parameters() -> Vec<Parameter> {
    Vec::new()
}

/// Makes one.
pub fn build(_settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    Box::new(Onlooker)
}
