//! Why flags are refused, in the words of hey and of Go's `flag` package.

use crate::schedule::hey;

use super::ValueError;
use super::go::quote;

/// Why flags are refused, in hey's words where it has some.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FlagError {
    /// `-help`: no error, but nothing to run either.
    #[error("help requested")]
    Help,
    /// No such flag.
    #[error("flag provided but not defined: -{0}")]
    NotDefined(String),
    /// The last word is a flag that wants a value.
    #[error("flag needs an argument: -{0}")]
    NeedsArgument(String),
    /// Hyphens without a name.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// A value of the wrong type.
    #[error("invalid value {} for flag -{flag}: {error}", quote(value))]
    Value {
        /// The flag, without its hyphen.
        flag: String,
        /// What it was given.
        value: String,
        /// Go's reason.
        error: ValueError,
    },
    /// A value that a flag beyond hey's own can't take.
    #[error("invalid value {} for flag --{flag}: {reason}", quote(value))]
    Unfit {
        /// The flag, without its hyphens.
        flag: String,
        /// What it was given.
        value: String,
        /// What is wrong, and what to write.
        reason: String,
    },
    /// A switch with something other than true or false.
    #[error("invalid boolean value {} for -{flag}: {error}", quote(value))]
    Boolean {
        /// The flag, without its hyphen.
        flag: String,
        /// What it was given.
        value: String,
        /// Go's reason.
        error: ValueError,
    },
    /// `-h` was hey's header flag once.
    #[error("Flag '-h' is deprecated, please use '-H' instead.")]
    DeprecatedHeader,
    /// Numbers that make no schedule.
    #[error(transparent)]
    Pacing(#[from] hey::SettingsError),
    /// More workers than any machine has connections for.
    #[error("-c {0} is too many workers")]
    TooManyWorkers(i64),
    /// `-H` or `-a` that doesn't look like one.
    #[error("could not parse the provided input; input = {0}")]
    Input(String),
    /// A method that is no token.
    #[error("net/http: invalid method {}", quote(.0))]
    Method(String),
    /// A header value with control characters in it.
    #[error("net/http: invalid header field value for {}", quote(.0))]
    HeaderValue(String),
    /// `-D` names a file that can't be read.
    #[error("{action} {path}: {reason}")]
    BodyFile {
        /// What was tried: `open` or `read`.
        action: &'static str,
        /// The file.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
}

impl FlagError {
    /// Whether Go's `flag` package refused it: then hey exits with 2, otherwise with 1.
    pub const fn is_syntax(&self) -> bool {
        matches!(
            self,
            Self::NotDefined(_)
                | Self::NeedsArgument(_)
                | Self::Syntax(_)
                | Self::Value { .. }
                | Self::Unfit { .. }
                | Self::Boolean { .. }
        )
    }
}
