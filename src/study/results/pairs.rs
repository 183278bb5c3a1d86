//! Which arms are compared, and which of their runs are pairs.

use std::collections::BTreeMap;

use super::columns::Column;
use super::statistics::arms;
use super::summary::{RunSummary, StudyRecord};

/// The arm that is the measure, the one that is measured, and whether that is the other's A/A twin.
pub(super) type ArmPair = (String, String, bool);

/// Arms two by two: every arm with every later one, and each A/A twin with its arm; the flag says which.
pub(super) fn pairs_of_arms(record: &StudyRecord, runs: &[RunSummary]) -> Vec<ArmPair> {
    let arms = arms(record, runs);
    let twin_of = |arm: &str| record.arms.iter().find(|known| known.name == arm).and_then(|known| known.aa_of.clone());
    let mut pairs = Vec::new();
    for (index, arm_a) in arms.iter().enumerate() {
        for arm_b in &arms[index + 1..] {
            match (twin_of(arm_a), twin_of(arm_b)) {
                (None, None) => pairs.push((arm_a.clone(), arm_b.clone(), false)),
                (None, Some(twin)) if twin == *arm_a => pairs.push((arm_a.clone(), arm_b.clone(), true)),
                _ => {}
            }
        }
    }
    pairs
}

/// The valid runs of each arm by their repeat.
#[derive(Debug)]
pub(super) struct ByRepeat<'a>(BTreeMap<&'a str, BTreeMap<u32, &'a RunSummary>>);

impl<'a> ByRepeat<'a> {
    /// Of all runs of a study.
    pub(super) fn of(runs: &'a [RunSummary]) -> Self {
        let mut valid: BTreeMap<&str, BTreeMap<u32, &RunSummary>> = BTreeMap::new();
        for run in runs.iter().filter(|run| run.valid) {
            valid.entry(&run.arm).or_default().entry(run.repeat).or_insert(run);
        }
        Self(valid)
    }

    /// The values of two arms in the repeats in which both have a valid run and know the metric, in the order of the repeats.
    pub(super) fn values(&self, column: &Column, arm_a: &str, arm_b: &str) -> (Vec<f64>, Vec<f64>) {
        let (Some(a), Some(b)) = (self.0.get(arm_a), self.0.get(arm_b)) else { return (Vec::new(), Vec::new()) };
        let number = |run: &RunSummary| (column.value)(run).number();
        a.iter().filter_map(|(repeat, run)| number(run).zip(number(b.get(repeat)?))).unzip()
    }
}
