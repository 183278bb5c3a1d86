//! Flags beyond hey's own, for a command that has some. What they mean stays with that command.

use super::FlagError;

/// Whether a flag takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It stands alone, or with `=true` or `=false`.
    Switch,
    /// It needs one.
    Value,
}

/// Flags that hey lacks.
pub trait MoreFlags {
    /// Of what kind the flag of this name is; `None` if there is no such flag.
    fn kind(&self, name: &str) -> Option<Kind>;

    /// Takes a flag's value; a switch that stands alone has the value `true`.
    ///
    /// # Errors
    /// When the value is none of this flag's.
    fn set(&mut self, name: &str, value: &str) -> Result<(), FlagError>;
}

/// None at all: hey's own command line.
impl MoreFlags for () {
    fn kind(&self, _name: &str) -> Option<Kind> {
        None
    }

    fn set(&mut self, name: &str, _value: &str) -> Result<(), FlagError> {
        Err(FlagError::NotDefined(name.to_owned()))
    }
}
