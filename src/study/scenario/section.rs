//! One table of the file, read against its keys: complete settings, and where each given one stands.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::policy::settings::{Kind, Parameter, SettingError, Settings, Value};
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::time::{DurationError, parse_duration};

use super::keys::{self, is_without_default};

/// The longest piece of a file that a message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// The text of the file, for lines and for values as they were written.
pub(super) struct Source<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, byte: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= byte) as u32
    }

    /// The text of a line, from 1.
    pub(super) fn line_text(&self, line: u32) -> &'a str {
        self.text.lines().nth(line as usize - 1).unwrap_or_default()
    }

    /// A value as it was written, cut to one short line.
    pub(super) fn shown<T>(&self, value: &Spanned<T>) -> String {
        shorten(self.text.get(value.span()).unwrap_or_default())
    }
}

/// The first line of a text, cut to what fits into a message.
pub(super) fn shorten(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let short: String = first.chars().take(SHOWN_CHARS_MAX).filter(|char| !char.is_control()).collect();
    let cut = lines.next().is_some() || first.chars().count() > SHOWN_CHARS_MAX;
    if cut { format!("{short}...") } else { short }
}

/// Where a given setting stands and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    line: u32,
    shown: String,
}

/// One table, complete: what is not given has its default, and so has what is given wrongly (the problem is reported).
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// How messages call it.
    pub place: String,
    /// The line of its header, if it is in the file.
    pub line: Option<u32>,
    /// Its settings.
    pub settings: Settings,
    given: BTreeMap<&'static str, Given>,
}

impl Section {
    /// A table that is not in the file.
    pub fn absent(place: &str, parameters: &[Parameter]) -> Self {
        Self { place: place.to_owned(), line: None, settings: Settings::defaults(parameters), given: BTreeMap::new() }
    }

    /// Reads a table. Keys named in `elsewhere` are someone else's; any other that is no parameter is a problem.
    pub(super) fn read(
        place: &str,
        line: Option<u32>,
        table: &DeTable<'_>,
        parameters: &[Parameter],
        elsewhere: &[&str],
        source: &Source<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut section = Self { line, ..Self::absent(place, parameters) };
        for (key, value) in table {
            let name: &str = key.get_ref();
            if elsewhere.contains(&name) {
                continue;
            }
            let line = source.line(key.span().start);
            let shown = source.shown(value);
            let problem = |what: String, hint: String| {
                Problem::new(place, what, hint).at(Some(line)).key(name).value(shown.clone())
            };
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                let hint = unknown_key_hint(name, parameters, elsewhere);
                problems.push(Problem::new(place, "is not a known key", hint).at(Some(line)).key(shorten(name)));
                continue;
            };
            let checked = plain_value(value.get_ref())
                .map_err(|wrong| (wrong, format!("allowed is {}", allowed(parameter))))
                .and_then(|value| parameter.check(value.clone()).map_err(|error| refusal(parameter, &value, &error)));
            match checked {
                Ok(value) => {
                    section.given.insert(parameter.name, Given { line, shown: shown.clone() });
                    // it was checked just now
                    let _ = section.settings.set(parameters, name, value);
                }
                Err((what, hint)) => problems.push(problem(what, hint)),
            }
        }
        section
    }

    /// Whether the file gives this key, and gives it rightly.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// A problem with a key that is of the right type and range all the same.
    pub fn problem(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        let problem = Problem::new(&self.place, what, hint).key(key);
        match self.given.get(key) {
            Some(given) => problem.at(Some(given.line)).value(given.shown.clone()),
            None => match self.settings.iter().find(|(name, _)| *name == key) {
                Some((_, value)) => problem.at(self.line).value(format!("{value} (the default)")),
                None => problem.at(self.line),
            },
        }
    }

    /// A problem with a key that should be here and is not.
    pub fn missing(&self, key: &str, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem::new(&self.place, what, hint).at(self.line).key(key)
    }
}

/// A TOML value as a setting's, or what it is instead.
pub(super) fn plain_value(value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::String(text) => Ok(Value::Owned(text.clone().into_owned())),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::Integer)
            .map_err(|_| "is beyond the largest number that fits into 64 bits".to_owned()),
        DeValue::Float(float) => float.as_str().parse().map(Value::Number).map_err(|_| "is not a number".to_owned()),
        DeValue::Boolean(switch) => Ok(Value::Switch(*switch)),
        DeValue::Datetime(_) => Err("is a date".to_owned()),
        DeValue::Array(_) => Err("is a list".to_owned()),
        DeValue::Table(_) => Err("is a table".to_owned()),
    }
}

/// What a parameter allows, with its unit and its default.
fn allowed(parameter: &Parameter) -> String {
    let unit = if parameter.unit.is_empty() { String::new() } else { format!(" ({})", parameter.unit) };
    match &parameter.default {
        Value::Text("") => format!("{}{unit}", parameter.kind),
        _ if is_without_default(parameter) => format!("{}{unit}", parameter.kind),
        default => format!("{}{unit}; the default is {default}", parameter.kind),
    }
}

/// What is wrong with a value, and what to write.
fn refusal(parameter: &Parameter, value: &Value, error: &SettingError) -> (String, String) {
    if let SettingError::Syntax(what) = error {
        return (what.clone(), format!("write {}", parameter.kind));
    }
    if let SettingError::Duration(error) = error {
        // the error's text is "what; remedy"
        let text = error.to_string();
        let (what, remedy) = text.split_once("; ").unwrap_or((&text, ""));
        return (
            what.to_owned(),
            if remedy.is_empty() { format!("allowed is {}", allowed(parameter)) } else { remedy.to_owned() },
        );
    }
    let is_number = matches!(value, Value::Integer(_) | Value::Number(_));
    let what = match (parameter.kind, value) {
        (Kind::Duration { .. } | Kind::DurationOr(_), Value::Integer(_) | Value::Number(_)) => {
            return (
                "has no unit".to_owned(),
                format!("write \"{value}s\" for seconds or \"{value}ms\" for milliseconds, in quotes"),
            );
        }
        (Kind::Fraction, _) => {
            return (
                "is not a fraction".to_owned(),
                "write 0.2 for 20 %, without quotes; allowed is 0 to 1".to_owned(),
            );
        }
        (Kind::FractionOrAuto, _) => {
            let what = if is_number { "is not a fraction" } else { "is neither a fraction nor \"auto\"" };
            return (what.to_owned(), "write 0.2 for 20 %, or \"auto\"; allowed is 0 to 1".to_owned());
        }
        (Kind::Duration { min, .. }, value) => match word(value).map(parse_duration) {
            Some(Ok(duration)) if duration < min => "is too short".to_owned(),
            Some(Ok(_)) => "is too long".to_owned(),
            _ => "is not a duration".to_owned(),
        },
        (Kind::DurationOr(_), value) => match word(value).map(parse_duration) {
            Some(Err(DurationError::NotANumber)) | None => "is neither a duration nor a known word".to_owned(),
            Some(Err(error)) => error.to_string().split("; ").next().unwrap_or_default().to_owned(),
            Some(Ok(_)) => "is not allowed".to_owned(),
        },
        (Kind::Integer { .. }, Value::Integer(_)) => "is out of range".to_owned(),
        (Kind::Integer { .. }, _) => "is not a whole number".to_owned(),
        (Kind::Number { .. }, Value::Number(number)) if number.is_nan() => "is not a number".to_owned(),
        (Kind::Number { .. }, _) if is_number => "is out of range".to_owned(),
        (Kind::Number { .. }, _) => "is not a number".to_owned(),
        (Kind::Choice(words), text) => {
            let meant = word(text).and_then(|text| nearest(text, words.iter().copied()));
            if let Some(meant) = meant {
                return ("is not known".to_owned(), format!("did you mean \"{meant}\"? allowed is {}", parameter.kind));
            }
            "is not known".to_owned()
        }
        (Kind::Switch, _) => "is neither true nor false".to_owned(),
        (Kind::Text | Kind::Written(_), _) => "is not a text".to_owned(),
    };
    (what, format!("allowed is {}", allowed(parameter)))
}

/// The text of a value, if it is one.
fn word(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Owned(text) => Some(text),
        _ => None,
    }
}

/// What may have been meant by a key that is not known here.
fn unknown_key_hint(name: &str, parameters: &[Parameter], tables: &[&str]) -> String {
    let here: Vec<&str> = parameters.iter().map(|parameter| parameter.name).chain(tables.iter().copied()).collect();
    if let Some(meant) = nearest(name, here.iter().copied()) {
        return format!("did you mean \"{meant}\"?");
    }
    let lower = name.to_lowercase();
    let elsewhere = keys::tables().into_iter().find(|table| {
        table.tables.contains(&&*lower) || table.parameters.iter().any(|parameter| parameter.name == lower)
    });
    match elsewhere {
        Some(table) if table.name.is_empty() => {
            format!("\"{lower}\" belongs at the top of the file, before the first [table]")
        }
        Some(table) if table.name.starts_with("load") || ["fault", "arm"].contains(&table.name) => {
            format!("\"{lower}\" belongs in a [[{}]]", table.name)
        }
        Some(table) => format!("\"{lower}\" belongs in [{}]", table.name),
        None => format!("known here: {}", here.join(", ")),
    }
}
