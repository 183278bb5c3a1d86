//! What a scenario expects of its arms, and whether they met it: a study as a gate in anyone's CI.
//!
//! ```text
//!   [expect]                                                      expect.csv, junit.xml
//!   every  = ["watchtower.p95_ms < 120"]  --parse--> Formula --judge over runs--> comparison.md, the table, exit code 3
//!   median = ["a.p95_ms < 0.5 * b.p95_ms"]
//! ```
//!
//! The key says how repeats count: `every` asks each repeat by itself, `median` puts each column's median over the repeats
//! into the formula. Values are those that stand in `comparison.csv`, rounded as they are there, so that anyone can check a
//! verdict by hand. What is unknown, and a run that is invalid, partial or missing, meets nothing.
//!
//! Arithmetic and words only: no file is opened here, and nothing is known of how a run was made.

mod formula;
mod judgement;
pub(super) mod junit;
mod parse;

use serde::{Deserialize, Serialize};

use super::columns::{COLUMNS, Column, Value};
use super::summary::RunSummary;

pub use formula::{Comparison, Formula, Operand, Term};
pub use judgement::{Judged, Measured, Verdict, csv, judge};
pub use parse::{ParseError, parse};

/// How the repeats of an arm count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// Each repeat must meet the expectation by itself.
    #[default]
    Every,
    /// The medians over all repeats must.
    Median,
}

impl Over {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 2] = [Self::Every, Self::Median];

    /// The key in `[expect]`, and the word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Median => "median",
        }
    }

    /// What the key means.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Every => "met if every repeat by itself meets it",
            Self::Median => "met if the medians over all repeats, column by column, meet it",
        }
    }
}

/// One expectation as `study.json` keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// How repeats count.
    pub over: Over,
    /// The formula as it was written.
    pub formula: String,
}

/// The columns of `comparison.csv` that hold numbers, in the file's order.
pub fn number_columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().filter(|column| is_number(column)).map(|column| column.name)
}

/// Whether `comparison.csv` has a column of this name that holds words.
pub fn is_column_of_words(name: &str) -> bool {
    COLUMNS.iter().any(|column| column.name == name && !is_number(column))
}

/// Whether a column holds numbers, known or not: that does not depend on the run.
fn is_number(column: &Column) -> bool {
    !matches!((column.value)(&RunSummary::default()), Value::Text(_) | Value::Flag(_))
}
