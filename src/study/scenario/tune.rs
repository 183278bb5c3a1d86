//! `[tune]`: wishes for a search, and in `[tune.ranges]` how far single settings of an arm are changed.
//!
//! What a value means depends on the arm's policy, so values stay as they are written here.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::policy::settings::{Parameter, Value};
use crate::policy::tuning::Scale;
use crate::study::problem::Problem;

use super::section::{plain_value, shorten};
use super::{ENTRIES_MAX, Reader, Section};

const PLACE: &str = "[tune.ranges]";

/// Keys of a range that is no list.
pub const RANGE_KEYS: [&str; 3] = ["from", "to", "scale"];

/// One key of `[tune.ranges]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSection {
    /// The setting.
    pub name: String,
    /// The line it stands on.
    pub line: u32,
    /// As it was written.
    pub shown: String,
    /// What is tried.
    pub form: RangeForm,
}

/// What is tried of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum RangeForm {
    /// These values; nothing if there are none.
    Values(Vec<Value>),
    /// Round numbers between two.
    Between {
        /// Least.
        from: Value,
        /// Most.
        to: Value,
        /// How they are spread.
        scale: Scale,
    },
}

impl RangeSection {
    /// A problem with it.
    pub fn problem(&self, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem::new(PLACE, what, hint).at(Some(self.line)).key(self.name.clone()).value(self.shown.clone())
    }
}

impl<'a> Reader<'a> {
    /// The table `[tune]`, and its ranges by the line they stand on.
    pub(super) fn tune(&mut self, root: &DeTable<'a>, parameters: &[Parameter]) -> (Section, Vec<RangeSection>) {
        let (line, table) = self.table(root, "tune", "[tune]");
        let section = self.maybe("[tune]", line, table, parameters, &["ranges"]);
        let (_, ranges) = match table {
            Some(table) => self.table(table, "ranges", PLACE),
            None => (None, None),
        };
        let mut read: Vec<RangeSection> =
            ranges.into_iter().flatten().filter_map(|(key, value)| self.range(key, value)).collect();
        read.sort_by_key(|range| range.line);
        (section, read)
    }

    fn range(&mut self, key: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'a>>) -> Option<RangeSection> {
        let name = shorten(key.get_ref().as_ref());
        let (line, shown) = (self.source.line(key.span().start), self.source.shown(value));
        let form = match value.get_ref() {
            DeValue::Array(entries) if entries.len() > ENTRIES_MAX => {
                Err(format!("has {} entries; the most is {ENTRIES_MAX}", entries.len()))
            }
            DeValue::Array(entries) => entries
                .iter()
                .map(|entry| plain_value(entry.get_ref()))
                .collect::<Result<Vec<Value>, String>>()
                .map(RangeForm::Values)
                .map_err(|what| format!("has an entry that {what}")),
            DeValue::Table(table) => between(table),
            _ => Err("is neither a list of values nor a range".to_owned()),
        };
        match form {
            Ok(form) => Some(RangeSection { name, line, shown, form }),
            Err(what) => {
                let hint = "write the values to try, [50, 75, 100], or { from = 50, to = 200, scale = \"log\" }, or [] to leave the setting as it is";
                self.problems.push(Problem::new(PLACE, what, hint).at(Some(line)).key(name).value(shown));
                None
            }
        }
    }
}

fn between(table: &DeTable<'_>) -> Result<RangeForm, String> {
    let known = |key: &&Spanned<_>| RANGE_KEYS.contains(&AsRef::<str>::as_ref(key.get_ref()));
    if let Some(key) = table.keys().find(|key| !known(key)) {
        return Err(format!("has an unknown key \"{}\"", shorten(key.get_ref())));
    }
    let end = |key: &str| match table.get(key) {
        Some(value) => plain_value(value.get_ref()).map_err(|what| format!("has a {key} that {what}")),
        None => Err(format!("has no {key}")),
    };
    let scale = match table.get("scale").map(|scale| scale.get_ref().as_str()) {
        None | Some(Some("linear")) => Scale::Linear,
        Some(Some("log")) => Scale::Log,
        Some(_) => return Err("has a scale that is neither \"linear\" nor \"log\"".to_owned()),
    };
    Ok(RangeForm::Between { from: end("from")?, to: end("to")?, scale })
}
