//! `[[load]]`s with the journeys inside them, and `[[fault]]`s.

use toml::de::DeTable;

use super::{Reader, Section, keys, load_keys};

/// One `[[load.journey]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct JourneySection {
    /// Its own keys.
    pub section: Section,
    /// Each `[[load.journey.step]]`.
    pub steps: Vec<Section>,
}

impl JourneySection {
    /// The journey's name: as given, or by its number from 1.
    pub fn name(&self, number: usize) -> String {
        name(&self.section, "journey", number)
    }

    /// The names of its steps, likewise.
    pub fn step_names(&self) -> Vec<String> {
        (1..).zip(&self.steps).map(|(number, step)| name(step, "step", number)).collect()
    }
}

fn name(section: &Section, what: &str, number: usize) -> String {
    match section.settings.text("name") {
        "" => format!("{what}-{number}"),
        name => name.to_owned(),
    }
}

impl<'a> Reader<'a> {
    /// Each load, and its journeys.
    pub(super) fn loads(&mut self, root: &DeTable<'a>) -> (Vec<Section>, Vec<Vec<JourneySection>>) {
        let tables = self.tables(root, "load");
        (1..)
            .zip(tables)
            .map(|(number, (line, table))| {
                let place = format!("load {number}");
                let section = self.plain(&place, Some(line), table, &keys::load(), &["journey"]);
                (section, self.journeys(&place, table))
            })
            .unzip()
    }

    /// Each fault.
    pub(super) fn faults(&mut self, root: &DeTable<'a>) -> Vec<Section> {
        let tables = self.tables(root, "fault");
        let fault = |(number, (line, table))| {
            Section::read(
                &format!("fault {number}"),
                Some(line),
                table,
                &keys::fault(),
                &[],
                &self.source,
                &mut self.problems,
            )
        };
        (1..).zip(tables).map(fault).collect()
    }

    fn journeys(&mut self, load: &str, table: &DeTable<'a>) -> Vec<JourneySection> {
        let tables = self.tables(table, "load.journey");
        (1..)
            .zip(tables)
            .map(|(number, (line, table))| {
                let place = format!("{load}, journey {number}");
                let section = self.plain(&place, Some(line), table, &load_keys::journey(), &["step"]);
                let steps = self.tables(table, "load.journey.step");
                let step = |(number, (line, table))| {
                    self.plain(&format!("{place}, step {number}"), Some(line), table, &load_keys::step(), &[])
                };
                JourneySection { section, steps: (1..).zip(steps).map(step).collect() }
            })
            .collect()
    }
}
