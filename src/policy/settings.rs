//! Settings of policies: what a parameter is, and values checked against it.
//!
//! One table per policy yields names, types, ranges, units, defaults and documentation; the scenario's schema, its error
//! messages, the documentation and the bounds of a search all come from it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::time::{DurationError, format_duration, parse_duration};

/// One setting of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The key in a scenario.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// What it is if not given.
    pub default: Value,
    /// Unit, as people say it; empty for durations (they carry theirs) and pure numbers.
    pub unit: &'static str,
    /// One sentence: what it does.
    pub doc: &'static str,
}

/// Type and range of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number in `min..=max`.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number in `min..=max`.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// A number from 0 to 1.
    Fraction,
    /// A number from 0 to 1, or the word `auto`.
    FractionOrAuto,
    /// A duration with its unit, in `min..=max`.
    Duration {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// A duration with its unit, or one of these words.
    DurationOr(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// Any text.
    Text,
    /// A text in a syntax of its own.
    Written(&'static Syntax),
}

/// How the text of a setting is written, known to the policy whose setting it is.
#[derive(Debug)]
pub struct Syntax {
    /// What to write, with an example.
    pub allowed: &'static str,
    /// What is wrong with a text, as a sentence that follows `KEY = VALUE`.
    pub check: fn(&str) -> Result<(), String>,
}

/// Syntaxes are told apart by what they allow: one has one description.
impl PartialEq for Syntax {
    fn eq(&self, other: &Self) -> bool {
        self.allowed == other.allowed
    }
}

/// A value as a scenario or a command line gives it, and as a policy reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A word, or a duration not yet read.
    Text(&'static str),
    /// The same, owned.
    Owned(String),
    /// `true` or `false`.
    Switch(bool),
    /// A duration.
    Duration(Duration),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Owned(text) => write!(f, "\"{text}\""),
            Self::Switch(value) => write!(f, "{value}"),
            Self::Duration(value) => write!(f, "\"{}\"", format_duration(*value)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max: u64::MAX } => write!(f, "a whole number of at least {min}"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } if max.is_infinite() => write!(f, "a number of at least {min}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Fraction => write!(f, "a fraction from 0 to 1 (write 0.2 for 20 %)"),
            Self::FractionOrAuto => write!(f, "a fraction from 0 to 1 (write 0.2 for 20 %) or \"auto\""),
            Self::Duration { min, max } => {
                write!(f, "a duration from \"{}\" to \"{}\"", format_duration(*min), format_duration(*max))
            }
            Self::DurationOr(words) => write!(f, "a duration such as \"2s\", or {}", quoted(words)),
            Self::Choice(words) => write!(f, "{}", quoted(words)),
            Self::Switch => write!(f, "true or false"),
            Self::Text => write!(f, "a text in quotes"),
            Self::Written(syntax) => write!(f, "{}", syntax.allowed),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" or ")
}

/// Why a setting was refused. The text follows `KEY = VALUE` in a message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// The policy has no such setting.
    #[error("is not a setting of this policy")]
    Unknown,
    /// The value is of the wrong type or out of range; allowed is the text.
    #[error("is not allowed")]
    NotAllowed(String),
    /// The value should be a duration and is none.
    #[error("{0}")]
    Duration(DurationError),
    /// The text is not in the setting's syntax; why.
    #[error("{0}")]
    Syntax(String),
}

impl Parameter {
    /// A duration in `min..=max`.
    pub const fn duration(
        name: &'static str,
        (min, max): (Duration, Duration),
        default: Duration,
        doc: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Duration { min, max }, default: Value::Duration(default), unit: "", doc }
    }

    /// A number in `min..=max`.
    pub const fn number(
        name: &'static str,
        (min, max): (f64, f64),
        default: f64,
        unit: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Number { min, max }, default: Value::Number(default), unit, doc }
    }

    /// A whole number in `min..=max`.
    pub const fn integer(
        name: &'static str,
        (min, max): (u64, u64),
        default: i64,
        unit: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Integer { min, max }, default: Value::Integer(default), unit, doc }
    }

    /// One of some words, the first if not given.
    pub const fn choice(name: &'static str, words: &'static [&'static str], doc: &'static str) -> Self {
        Self { name, kind: Kind::Choice(words), default: Value::Text(words[0]), unit: "", doc }
    }

    /// Checks a value and brings it into the form the policy reads.
    ///
    /// # Errors
    /// When it has the wrong type or is out of range.
    pub fn check(&self, value: Value) -> Result<Value, SettingError> {
        let allowed = || SettingError::NotAllowed(self.kind.to_string());
        let fraction = |number: f64| (0.0..=1.0).contains(&number).then_some(Value::Number(number)).ok_or_else(allowed);
        match (self.kind, value) {
            (Kind::Integer { min, max }, Value::Integer(number)) => match u64::try_from(number) {
                Ok(whole) if (min..=max).contains(&whole) => Ok(Value::Integer(number)),
                _ => Err(allowed()),
            },
            (Kind::Number { min, max }, Value::Integer(number)) if (min..=max).contains(&(number as f64)) => {
                Ok(Value::Number(number as f64))
            }
            (Kind::Number { min, max }, Value::Number(number)) if (min..=max).contains(&number) => {
                Ok(Value::Number(number))
            }
            (Kind::Fraction | Kind::FractionOrAuto, Value::Number(number)) => fraction(number),
            (Kind::Fraction | Kind::FractionOrAuto, Value::Integer(number)) => fraction(number as f64),
            (Kind::FractionOrAuto, ref text) if text.as_text() == Some("auto") => Ok(Value::Text("auto")),
            (Kind::Duration { min, max }, value) => {
                let duration = value.to_duration().ok_or_else(allowed)?.map_err(SettingError::Duration)?;
                if (min..=max).contains(&duration) { Ok(Value::Duration(duration)) } else { Err(allowed()) }
            }
            (Kind::DurationOr(words), value) => {
                if let Some(word) = value.as_text().and_then(|text| words.iter().find(|word| **word == text)) {
                    return Ok(Value::Text(word));
                }
                match value.to_duration() {
                    Some(Ok(duration)) => Ok(Value::Duration(duration)),
                    _ => Err(allowed()),
                }
            }
            (Kind::Choice(words), value) => {
                let text = value.as_text().ok_or_else(allowed)?;
                words.iter().find(|word| **word == text).map(|word| Value::Text(word)).ok_or_else(allowed)
            }
            (Kind::Switch, Value::Switch(value)) => Ok(Value::Switch(value)),
            (Kind::Text, text @ (Value::Text(_) | Value::Owned(_))) => Ok(text),
            (Kind::Written(syntax), text @ (Value::Text(_) | Value::Owned(_))) => {
                (syntax.check)(text.as_text().unwrap_or_default()).map_err(SettingError::Syntax)?;
                Ok(text)
            }
            _ => Err(allowed()),
        }
    }
}

impl Value {
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Owned(text) => Some(text),
            _ => None,
        }
    }

    fn to_duration(&self) -> Option<Result<Duration, DurationError>> {
        match self {
            Self::Duration(duration) => Some(Ok(*duration)),
            other => other.as_text().map(parse_duration),
        }
    }
}

/// A policy's settings, complete and checked: every parameter has a value of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(BTreeMap<&'static str, Value>);

impl Settings {
    /// All defaults of a policy's parameters.
    pub fn defaults(parameters: &[Parameter]) -> Self {
        Self(parameters.iter().map(|parameter| (parameter.name, parameter.default.clone())).collect())
    }

    /// Sets one, checked against its parameter.
    ///
    /// # Errors
    /// When there is no such parameter or the value is not allowed.
    pub fn set(&mut self, parameters: &[Parameter], name: &str, value: Value) -> Result<(), SettingError> {
        let parameter = parameters.iter().find(|parameter| parameter.name == name).ok_or(SettingError::Unknown)?;
        self.0.insert(parameter.name, parameter.check(value)?);
        Ok(())
    }

    /// Every setting by name, defaults included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// A whole number. The name is one of the policy's own parameters of kind [`Kind::Integer`].
    pub fn integer(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(Value::Integer(value)) => u64::try_from(*value).unwrap_or(0),
            other => unreachable_setting(name, other),
        }
    }

    /// A whole number that counts replicas, rounds and the like: [`Settings::integer`], at most [`u32::MAX`].
    pub fn count(&self, name: &str) -> u32 {
        u32::try_from(self.integer(name)).unwrap_or(u32::MAX)
    }

    /// A number or a fraction.
    pub fn number(&self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(Value::Number(value)) => *value,
            other => unreachable_setting(name, other),
        }
    }

    /// A fraction; `None` for `auto`.
    pub fn fraction_or_auto(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Value::Number(value)) => Some(*value),
            Some(Value::Text("auto")) => None,
            other => unreachable_setting(name, other),
        }
    }

    /// A duration.
    pub fn duration(&self, name: &str) -> Duration {
        match self.0.get(name) {
            Some(Value::Duration(value)) => *value,
            other => unreachable_setting(name, other),
        }
    }

    /// A duration, or the word that stands for one.
    ///
    /// # Errors
    /// No failure: the word, where a word was given.
    pub fn duration_or_word(&self, name: &str) -> Result<Duration, &'static str> {
        match self.0.get(name) {
            Some(Value::Duration(value)) => Ok(*value),
            Some(Value::Text(word)) => Err(word),
            other => unreachable_setting(name, other),
        }
    }

    /// One of a choice of words.
    pub fn word(&self, name: &str) -> &'static str {
        match self.0.get(name) {
            Some(Value::Text(word)) => word,
            other => unreachable_setting(name, other),
        }
    }

    /// A text of kind [`Kind::Text`] or [`Kind::Written`].
    pub fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::Text(text)) => text,
            Some(Value::Owned(text)) => text,
            other => unreachable_setting(name, other),
        }
    }

    /// A switch.
    pub fn switch(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Switch(value)) => *value,
            other => unreachable_setting(name, other),
        }
    }
}

/// A policy asked for a setting its own table doesn't have in that kind: a mistake in the program, caught by the
/// registry's test that builds every policy from its defaults.
fn unreachable_setting(name: &str, found: Option<&Value>) -> ! {
    unreachable!("the policy's table has no setting \"{name}\" of that kind, but {found:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Parameter = Parameter {
        name: "tolerance",
        kind: Kind::Fraction,
        default: Value::Number(0.2),
        unit: "",
        doc: "half the dead band",
    };

    #[test]
    fn a_fraction_lies_between_zero_and_one_and_is_a_number() {
        assert_eq!(TOLERANCE.check(Value::Integer(1)), Ok(Value::Number(1.0)));
        for wrong in [Value::Number(1.4), Value::Number(-0.1), Value::Number(f64::NAN), Value::Owned("0.2".into())] {
            assert!(matches!(TOLERANCE.check(wrong), Err(SettingError::NotAllowed(_))));
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let mut settings = Settings::defaults(&[TOLERANCE]);
        assert_eq!(settings.set(&[TOLERANCE], "tolerence", Value::Number(0.1)), Err(SettingError::Unknown));
        assert!((settings.number("tolerance") - 0.2).abs() < 1e-12);
    }
}
