//! What a policy says of settings that are allowed each by itself and make no sense together, or on a platform with such bounds.

use super::settings::Settings;

/// What is wrong, in the words of an error message: `KEY WHAT; HINT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The setting at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

/// What to do about more replicas than there may be.
pub const RAISE_MAX: &str = "raise [platform] max_replicas if yours is not the Community Edition";

/// Of policies whose settings have nothing to do with each other.
pub fn none(_settings: &Settings, _replicas_max: u32) -> Option<Objection> {
    None
}
