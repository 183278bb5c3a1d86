//! A study that is there whole, as it is told on standard output: its table, what it says of its arms, its expectations.

use super::exit::ExitStatus;
use super::failure::Failure;
use super::fit::Width;
use super::health;
use super::output::Printer;
use super::table;
use crate::study::results::conclusion::{Conclusion, conclusions};
use crate::study::results::expect::{Judged, Verdict, judge};
use crate::study::results::explanation::explanations;
use crate::study::results::summary::StudyRecord;
use crate::study::runner::StudyEnd;

/// A study that ended, with what became of its expectations and what it says of its arms.
pub(super) struct Ended {
    pub(super) record: StudyRecord,
    pub(super) end: StudyEnd,
    expectations: Vec<Judged>,
    conclusions: Vec<Conclusion>,
}

impl Ended {
    pub(super) fn of(record: StudyRecord, end: StudyEnd) -> Self {
        let expectations = judge(&record, &end.runs);
        let conclusions = conclusions(&record, &end.runs, &end.statistics);
        Self { record, end, expectations, conclusions }
    }

    /// Tables for a person.
    pub(super) fn print(&self) {
        let Self { record, end, expectations, conclusions } = self;
        let repeated = end.runs.iter().any(|run| run.repeat > 1);
        let width = Width::of_stdout();
        Printer::result(&if repeated { table::arms(&end.runs, width) } else { table::table(&end.runs, width) });
        let health = health::health(&end.runs, width);
        if !health.is_empty() {
            Printer::result(&format!("\n{health}"));
        }
        if let Some(reading) = table::reading(record, &end.runs, conclusions, width) {
            Printer::result(&reading);
        }
        if !expectations.is_empty() {
            Printer::result(&table::expectations(expectations, width));
        }
    }
}

/// What the studies' numbers are worth, as an exit status.
pub(super) fn status(ended: &[Ended]) -> ExitStatus {
    let valid = ended.iter().flat_map(|ended| &ended.end.runs).all(|run| run.valid);
    let met = ended.iter().flat_map(|ended| &ended.expectations).all(|one| one.verdict != Verdict::NotMet);
    match (valid, met) {
        (false, _) => ExitStatus::Failed,
        (true, false) => ExitStatus::NotMet,
        (true, true) => ExitStatus::Done,
    }
}

/// The same as JSON.
pub(super) fn json(ended: &[Ended]) -> Result<String, Failure> {
    let studies: Vec<_> = ended
        .iter()
        .map(|Ended { record, end, expectations, conclusions }| {
            serde_json::json!({
                "results": end.results.display().to_string(),
                "reading": table::reading(record, &end.runs, conclusions, Width::UNBOUNDED),
                "conclusions": conclusions,
                "explanations": end.runs.iter().map(explanations).collect::<Vec<_>>(),
                "expectations": expectations,
                "runs": end.runs,
            })
        })
        .collect();
    serde_json::to_string_pretty(&serde_json::Value::Array(studies))
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))
}
