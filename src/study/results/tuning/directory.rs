//! Files of a search: made, appended to, read again to go on.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::directory::{make_directory, replace_file, write_json};
use super::super::error::ResultsError;
use super::super::reader::read_json_of;
use super::super::rows::quote;
use super::{TUNE_SCHEMA_VERSION, TuneRecord, tables, text};

/// One run of a search, or of its confirmation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvaluationRow {
    /// The setting's number, from 1.
    pub setting: u64,
    /// Where it comes from: `known`, `design`, `search`; in a confirmation `recommended`, `hand-set`.
    pub origin: String,
    /// The run's seed.
    pub seed: u64,
    /// The scenario.
    pub scenario: String,
    /// The values of what is searched, in the order of the record.
    pub values: Vec<String>,
    /// Cost.
    pub replica_seconds: f64,
    /// Share of the planned requests that missed the objective.
    pub slo_violation_ratio: f64,
}

/// The directory of one search.
#[derive(Debug)]
pub struct TuneDir {
    path: PathBuf,
    evaluations: File,
}

const EVALUATIONS: &str = "evaluations.csv";

impl TuneDir {
    /// Makes the directory of a search that begins.
    ///
    /// # Errors
    /// When the path exists, leads through a file, or can't be written.
    pub fn create(path: &Path, record: &TuneRecord) -> Result<Self, ResultsError> {
        make_directory(path)?;
        write_json(&path.join("tune.json"), record)?;
        let file = path.join(EVALUATIONS);
        let mut evaluations = File::create(&file).map_err(ResultsError::write(&file))?;
        evaluations.write_all(header(record).as_bytes()).map_err(ResultsError::write(&file))?;
        Ok(Self { path: path.to_owned(), evaluations })
    }

    /// Reads `tune.json` of a search that was made or begun before.
    ///
    /// # Errors
    /// When it holds no search, one of another layout, or one that can't be read.
    pub fn record(path: &Path) -> Result<TuneRecord, ResultsError> {
        let file = path.join("tune.json");
        if !file.exists() {
            return Err(ResultsError::NotATuning(path.to_owned()));
        }
        read_json_of(&file, TUNE_SCHEMA_VERSION)
    }

    /// Opens the directory again to go on: the rows so far. A row that was cut off is removed.
    ///
    /// # Errors
    /// When a file can't be read or written, or a row is not what was written.
    pub fn resume(path: &Path, record: &TuneRecord) -> Result<(Self, Vec<EvaluationRow>), ResultsError> {
        let file = path.join(EVALUATIONS);
        let mut text = fs::read_to_string(&file).map_err(ResultsError::read(&file))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            text.truncate(whole);
            replace_file(&file, text.as_bytes())?;
        }
        let rows = rows(&file, &text, record)?;
        let evaluations = OpenOptions::new().append(true).open(&file).map_err(ResultsError::write(&file))?;
        Ok((Self { path: path.to_owned(), evaluations }, rows))
    }

    /// The rows of a search that was made before.
    ///
    /// # Errors
    /// When the file can't be read, or a row is not what was written.
    pub fn evaluations(path: &Path, record: &TuneRecord) -> Result<Vec<EvaluationRow>, ResultsError> {
        let file = path.join(EVALUATIONS);
        let text = fs::read_to_string(&file).map_err(ResultsError::read(&file))?;
        rows(&file, &text, record)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a run of the search.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn append(&mut self, row: &EvaluationRow) -> Result<(), ResultsError> {
        let file = self.path.join(EVALUATIONS);
        self.evaluations.write_all(line(row).as_bytes()).map_err(ResultsError::write(&file))
    }

    /// Brings `tune.json` up to date.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_record(&self, record: &TuneRecord) -> Result<(), ResultsError> {
        write_json(&self.path.join("tune.json"), record)
    }

    /// Writes everything there is at the end of a search.
    ///
    /// # Errors
    /// When something can't be written.
    pub fn finish(&self, record: &TuneRecord, confirmation: &[EvaluationRow]) -> Result<(), ResultsError> {
        let put = |name: &str, text: String| replace_file(&self.path.join(name), text.as_bytes());
        put("front.csv", tables::front_csv(record))?;
        put("sensitivity.csv", tables::sensitivity_csv(record))?;
        if !confirmation.is_empty() {
            let rows: String = confirmation.iter().map(line).collect();
            put("confirmation.csv", format!("{}{rows}", header(record)))?;
        }
        if record.recommendation.is_some() {
            put("recommended.toml", text::recommended_toml(record))?;
        }
        put("tune.md", text::markdown(record))?;
        self.write_record(record)
    }
}

const BEFORE: [&str; 4] = ["setting", "origin", "seed", "scenario"];
const AFTER: [&str; 2] = ["replica_seconds", "slo_violation_ratio"];

fn header(record: &TuneRecord) -> String {
    let searched = record.searched.iter().map(|setting| setting.name.as_str());
    let names: Vec<&str> = BEFORE.into_iter().chain(searched).chain(AFTER).collect();
    names.join(",") + "\n"
}

fn line(row: &EvaluationRow) -> String {
    let EvaluationRow { setting, origin, seed, scenario, values, replica_seconds, slo_violation_ratio } = row;
    let values: Vec<_> = values.iter().map(|value| quote(value)).collect();
    format!(
        "{setting},{origin},{seed},{},{},{replica_seconds},{slo_violation_ratio}\n",
        quote(scenario),
        values.join(",")
    )
}

fn rows(file: &Path, text: &str, record: &TuneRecord) -> Result<Vec<EvaluationRow>, ResultsError> {
    let malformed = |line: Option<u64>, problem: &str| ResultsError::Malformed {
        path: file.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    if !text.starts_with(&header(record)) {
        return Err(malformed(Some(1), "the header is not that of this search"));
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for read in reader.records() {
        let read =
            read.map_err(|error| malformed(error.position().map(csv::Position::line), "is no row of this file"))?;
        let at = read.position().map(csv::Position::line);
        let searched = record.searched.len();
        let number = |index: usize| read.get(index).and_then(|text| text.parse::<f64>().ok());
        let whole = |index: usize| read.get(index).and_then(|text| text.parse::<u64>().ok());
        let row = (|| {
            Some(EvaluationRow {
                setting: whole(0)?,
                origin: read.get(1)?.to_owned(),
                seed: whole(2)?,
                scenario: read.get(3)?.to_owned(),
                values: (0..searched).map(|index| read.get(4 + index).map(str::to_owned)).collect::<Option<_>>()?,
                replica_seconds: number(4 + searched)?,
                slo_violation_ratio: number(5 + searched)?,
            })
        })();
        rows.push(row.ok_or_else(|| malformed(at, "is no row of this file"))?);
    }
    Ok(rows)
}

/// Values by name, as a record keeps them.
pub(super) fn named(record: &TuneRecord, values: &BTreeMap<String, String>) -> Vec<String> {
    record.searched.iter().map(|setting| values.get(&setting.name).cloned().unwrap_or_default()).collect()
}
