//! Values that are texts or lists of them: labels, the formulas of `[expect]`, the `shadows` of an arm.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::results::expect::Over;

use super::section::shorten;
use super::{ENTRIES_MAX, Expected, Reader};

impl<'a> Reader<'a> {
    /// `[expect]`: keys say how repeats count, values are formulas.
    pub(super) fn expect(&mut self, root: &DeTable<'a>) -> Vec<Expected> {
        const PLACE: &str = "[expect]";
        let (_, table) = self.table(root, "expect", PLACE);
        let mut expected: Vec<Expected> = Vec::new();
        for (key, value) in table.into_iter().flatten() {
            let name: &str = key.get_ref();
            let Some(over) = Over::ALL.into_iter().find(|over| over.as_str() == name) else {
                let known = Over::ALL.map(Over::as_str);
                let hint = match nearest(name, known) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!("known here: {}, each with a list of formulas", known.join(", ")),
                };
                let problem = Problem::new(PLACE, "is not a known key", hint);
                self.problems.push(problem.at(Some(self.source.line(key.span().start))).key(shorten(name)));
                continue;
            };
            let texts =
                self.texts(PLACE, key, value, "write a formula in quotes, or a list of them: [\"ARM.p95_ms < 120\"]");
            expected.extend(texts.into_iter().map(|(formula, line)| Expected { over, formula, line }));
        }
        expected.sort_by_key(|expected| expected.line);
        expected
    }

    /// `[function.labels]`: names, and values as texts.
    pub(super) fn labels(&mut self, function: &DeTable<'a>) -> BTreeMap<String, (String, u32)> {
        let (_, table) = self.table(function, "labels", "[function.labels]");
        let mut labels = BTreeMap::new();
        for (key, value) in table.into_iter().flatten() {
            let line = self.source.line(key.span().start);
            let text = match value.get_ref() {
                DeValue::String(text) => text.clone().into_owned(),
                DeValue::Integer(integer) => integer.to_string(),
                DeValue::Boolean(switch) => switch.to_string(),
                other => {
                    let dotted = matches!(other, DeValue::Table(_));
                    let hint = if dotted {
                        "put the label's name in quotes, since it has dots in it: \"com.openfaas.scale.max\" = \"5\""
                    } else {
                        "write a text, as in \"com.openfaas.scale.max\" = \"5\""
                    };
                    let problem = Problem::new("[function.labels]", "is not a label's value", hint);
                    self.problems.push(problem.at(Some(line)).key(shorten(key.get_ref())));
                    continue;
                }
            };
            labels.insert(key.get_ref().clone().into_owned(), (text, line));
        }
        labels
    }

    /// `shadows` of an arm: names of others.
    pub(super) fn shadows(&mut self, place: &str, arm: &DeTable<'a>) -> Vec<(String, u32)> {
        let Some((key, value)) = arm.get_key_value("shadows") else { return Vec::new() };
        self.texts(place, key, value, "write the names of other arms: shadows = [\"openfaas-ce\"]")
    }

    /// A text or a list of texts, each with its line.
    fn texts(
        &mut self,
        place: &str,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'a>>,
        hint: &str,
    ) -> Vec<(String, u32)> {
        let name = key.get_ref().as_ref();
        let entries: Vec<&Spanned<DeValue<'a>>> = match value.get_ref() {
            DeValue::Array(entries) => entries.iter().collect(),
            _ => vec![value],
        };
        if entries.len() > ENTRIES_MAX {
            let what = format!("has {} entries; the most is {ENTRIES_MAX}", entries.len());
            let problem = Problem::new(place, what, "leave some out").key(shorten(name));
            self.problems.push(problem.at(Some(self.source.line(key.span().start))));
            return Vec::new();
        }
        let mut texts = Vec::new();
        for entry in entries {
            let line = self.source.line(entry.span().start);
            if let DeValue::String(text) = entry.get_ref() {
                texts.push((text.clone().into_owned(), line));
            } else {
                let problem = Problem::new(place, "is not a text", hint).at(Some(line)).key(shorten(name));
                self.problems.push(problem.value(self.source.shown(entry)));
            }
        }
        texts
    }
}
