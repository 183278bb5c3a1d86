//! The files that follow from the runs' summaries: statistics, tables, expectations. Written when a study ends, and again from the data at
//! any time, the same to the byte.

use std::fs;
use std::path::{Path, PathBuf};

use super::columns;
use super::comparison;
use super::directory::{ResultsDir, replace_file};
use super::error::ResultsError;
use super::expect;
use super::marks::{Mark, Marks};
use super::reader::read_json;
use super::scores;
use super::statistics::{self, Statistics};
use super::summary::{RunSummary, StudyRecord};

/// Where a file is kept that was not what the data give.
pub const PUT_ASIDE: &str = "damaged";

/// What became of the files that follow from the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// They were made again.
    Written(Vec<PathBuf>),
    /// They were left as they are, since the data are not whole: why, in a sentence.
    Left(String),
}

/// Names and texts of all of them, for these runs, and the statistics that most of them tell.
pub(super) fn texts(record: &StudyRecord, runs: &[RunSummary]) -> (Vec<(&'static str, String)>, Statistics) {
    // runs are told in one order, whatever order they were made in
    let mut runs = runs.to_vec();
    let place = |arm: &str| record.arms.iter().position(|known| known.name == arm).unwrap_or(usize::MAX);
    runs.sort_by_key(|run| (place(&run.arm), run.arm.clone(), run.repeat));
    let statistics = Statistics::of(record, &runs);
    let judged = expect::judge(record, &runs);
    let scores = scores::of_study(record, &statistics);
    let mut texts = vec![
        ("stats.csv", statistics.csv()),
        ("effects.csv", statistics.effects()),
        ("distances.csv", statistics::distances(record, &runs)),
        ("scores.csv", scores::csv(&scores)),
        ("comparison.md", comparison::markdown(record, &runs, &judged, &statistics, &scores)),
    ];
    if !judged.is_empty() {
        texts.push(("expect.csv", expect::csv(&judged)));
        texts.push(("junit.xml", expect::junit::junit(record, &runs, &judged)));
    }
    (texts, statistics)
}

/// Makes them again. One that was cut off, or whose numbers are not those of the data, is put aside first, in a folder [`PUT_ASIDE`].
///
/// Where a summary can't be read, or tells something else than its row of `comparison.csv`, nothing is changed: what was made of the
/// whole data is better then.
///
/// # Errors
/// When the directory holds no study of this layout, or a file can't be written.
pub fn rebuild(results: &Path) -> Result<Rebuilt, ResultsError> {
    let (directory, record) = ResultsDir::open(results)?;
    let mut runs = Vec::new();
    for name in directory.names()? {
        let file = directory.run_path(&name).join("summary.json");
        match file.exists().then(|| read_json::<RunSummary>(&file)).transpose() {
            Ok(summary) => runs.extend(summary),
            Err(_) => return Ok(left(&format!("runs/{name}/summary.json can't be read"))),
        }
    }
    if let Some(row) = strange_row(results, &runs) {
        return Ok(left(&format!("comparison.csv and summary.json tell different things of {row}")));
    }
    // marks that can't be read tell nothing, and are named on the page
    let marks = Marks::read(results).ok().flatten();
    let mut written = Vec::new();
    for (name, text) in texts(&record, &runs).0 {
        let path = results.join(name);
        if let Ok(there) = fs::read(&path)
            && there != text.as_bytes()
            // by what made it first it may have been written in other words
            && marks.as_ref().is_none_or(|marks| marks.files.get(name) != Some(&Mark::of(&there)))
            && is_damaged(&there, name, &text, record.watchtower_version == env!("CARGO_PKG_VERSION"))
        {
            put_aside(results, name, &there)?;
        }
        replace_file(&path, text.as_bytes())?;
        written.push(path);
    }
    Ok(Rebuilt::Written(written))
}

fn left(why: &str) -> Rebuilt {
    Rebuilt::Left(format!("statistics and tables are left as they are: {why}"))
}

/// A run whose row of `comparison.csv` has no summary, or another one. A file that is not there, or has no such columns, tells nothing.
fn strange_row(results: &Path, runs: &[RunSummary]) -> Option<String> {
    let text = fs::read_to_string(results.join("comparison.csv")).ok()?;
    let ours = columns::header() + &runs.iter().map(columns::row).collect::<String>();
    let (there, ours) = (Cells::of(&text)?, Cells::of(&ours)?);
    let key =
        |cells: &Cells, row: usize| Some((cells.get(row, "arm")?.to_owned(), cells.get(row, "repeat")?.to_owned()));
    (0..there.rows.len()).find_map(|row| {
        let (arm, repeat) = key(&there, row)?;
        let same =
            (0..ours.rows.len()).find(|own| key(&ours, *own).is_some_and(|key| key == (arm.clone(), repeat.clone())));
        let agrees = same.is_some_and(|own| there.agrees(row, &ours, own));
        (!agrees && there.rows[row].len() == there.head.len()).then(|| format!("{arm}, repeat {repeat}"))
    })
}

/// Whether a file is no earlier writing of the same data. Words may have been other words; rows are whole, and numbers stay.
fn is_damaged(there: &[u8], name: &str, text: &str, is_of_this_version: bool) -> bool {
    if there.last() != Some(&b'\n') {
        return true;
    }
    if Path::new(name).extension().is_none_or(|extension| extension != "csv") {
        return false;
    }
    let there = std::str::from_utf8(there).ok().and_then(Cells::of);
    let (Some(there), Some(ours)) = (there, Cells::of(text)) else { return true };
    if there.rows.len() != ours.rows.len() {
        // another version may compare by other metrics
        return is_of_this_version;
    }
    (0..ours.rows.len()).any(|row| !there.agrees(row, &ours, row))
}

fn put_aside(results: &Path, name: &str, bytes: &[u8]) -> Result<(), ResultsError> {
    let folder = results.join(PUT_ASIDE);
    fs::create_dir_all(&folder).map_err(|source| ResultsError::Create { path: folder.clone(), source })?;
    let path = folder.join(name);
    // the first one is the evidence
    if path.exists() { Ok(()) } else { replace_file(&path, bytes) }
}

/// A CSV file as text.
struct Cells {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Cells {
    fn of(text: &str) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let head = cells(reader.headers().ok()?);
        let rows = reader.records().map(|row| row.map(|row| cells(&row))).collect::<Result<_, _>>().ok()?;
        Some(Self { head, rows })
    }

    fn get(&self, row: usize, column: &str) -> Option<&str> {
        let place = self.head.iter().position(|name| name == column)?;
        self.rows.get(row)?.get(place).map(String::as_str)
    }

    /// Whether the columns that both have tell the same numbers; another version may have written other digits, and other words.
    fn agrees(&self, row: usize, other: &Self, other_row: usize) -> bool {
        self.head.iter().all(|column| {
            let (Some(there), Some(ours)) = (self.get(row, column), other.get(other_row, column)) else {
                // a row that ends early was cut off; a column that only one has tells nothing
                return self.get(row, column).is_some() || other.get(other_row, column).is_none();
            };
            match (there.parse::<f64>(), ours.parse::<f64>()) {
                _ if there.is_empty() || ours.is_empty() => true,
                (Ok(there), Ok(ours)) => (there - ours).abs() <= 1e-3 * there.abs().max(1.0),
                (Err(_), Err(_)) => true,
                _ => false,
            }
        })
    }
}
