//! What is wrong with a scenario: where, which key, which value, and what to write instead.
//!
//! Data first, text second: a command prints [`Problem`]s one by one, an editor can underline them.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1, where known.
    pub line: Option<u32>,
    /// Which part of the scenario: `[run]`, `arm "watchtower"`, `load 2`; empty for the file as a whole.
    pub place: String,
    /// The key, or the command line's flag.
    pub key: Option<String>,
    /// The value as written, shortened.
    pub value: Option<String>,
    /// What is wrong: follows key and value in a sentence; no full stop.
    pub what: String,
    /// What to do about it; empty if the problem says it all.
    pub hint: String,
}

impl Problem {
    /// A problem of a part of the scenario as a whole.
    pub fn new(place: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), hint: hint.into(), ..Self::default() }
    }

    /// The same, at this line.
    #[must_use]
    pub fn at(self, line: Option<u32>) -> Self {
        Self { line, ..self }
    }

    /// The same, about this key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The same, about this value.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }

    /// The text for a person, without the leading `error: `: `FILE:LINE: PLACE: KEY = VALUE WHAT`, and a hint on a line of its own.
    pub fn text(&self, file: &str) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        let subject = match (&self.key, &self.value) {
            (Some(key), Some(value)) => format!("{key} = {value} "),
            (Some(word), None) | (None, Some(word)) => format!("{word} "),
            (None, None) => String::new(),
        };
        let hint = if self.hint.is_empty() { String::new() } else { format!("\n  hint: {}", self.hint) };
        format!("{file}{line}: {place}{subject}{}{hint}", self.what)
    }
}

/// Everything that is wrong with one scenario file, in the order of its lines.
///
/// Its `Display` gives one block per problem; a command writes `error: ` before each of [`ScenarioError::texts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file as it was named.
    pub file: String,
    /// What is wrong; at least one.
    pub problems: Vec<Problem>,
}

impl ScenarioError {
    /// Puts the problems of a file in the order of its lines.
    pub fn new(file: impl Into<String>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line.unwrap_or(u32::MAX));
        Self { file: file.into(), problems }
    }

    /// Each problem's text.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| problem.text(&self.file))
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for ScenarioError {}
