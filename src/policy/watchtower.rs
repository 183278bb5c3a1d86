//! Placeholder.
use super::settings::{Parameter, Settings};
use super::{Context, Policy};
/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    Vec::new()
}
/// Makes one.
pub fn build(_settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    todo!()
}
