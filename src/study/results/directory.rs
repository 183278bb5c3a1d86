//! The directory of one study.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;

use super::about::RunAbout;
use super::columns;
use super::demand_file;
use super::derived;
use super::error::ResultsError;
use super::marks::{self, Mark, Marks};
use super::reader::{EventRecord, MetricsRecord, ProbeRecord, TimelineRecord, read_json, read_rows};
use super::requests::{self, RequestRecord};
use super::statistics::Statistics;
use super::summary::{RunSummary, StudyRecord};
use super::writer::{Rows, RunWriter};
use crate::stats::demand::DemandCurve;

/// The results of one study on disk.
#[derive(Debug)]
pub struct ResultsDir {
    path: PathBuf,
    record: StudyRecord,
    summaries: Vec<RunSummary>,
    /// Held by whoever writes.
    lock: Option<Flock<File>>,
}

/// How a study ended, as `study.json` keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All runs were made.
    Done,
    /// It was interrupted; the runs so far are kept.
    Partial,
    /// A run could not be made; the runs so far are kept.
    Failed,
}

impl Ending {
    /// The word that stands in `study.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The name of a run, and of its directory under `runs/`.
pub fn run_name(arm: &str, repeat: u32) -> String {
    format!("{arm}-{repeat}")
}

impl ResultsDir {
    /// Makes the directory of a study that begins, with its `study.json` (status `running`) and the head of `comparison.csv`.
    ///
    /// Missing parents are made. What exists is left alone.
    ///
    /// # Errors
    /// When the path exists, leads through a file, or can't be written.
    pub fn create(path: &Path, record: &StudyRecord) -> Result<Self, ResultsError> {
        make_directory(path)?;
        let runs = path.join("runs");
        fs::create_dir(&runs).map_err(|source| ResultsError::Create { path: runs, source })?;
        let record = StudyRecord { status: "running".to_owned(), ended_unix_s: None, ..record.clone() };
        let lock = Some(lock(path)?);
        let directory = Self { path: path.to_owned(), record, summaries: Vec::new(), lock };
        write_json(&path.join("study.json"), &directory.record)?;
        directory.append_comparison(&columns::header())?;
        Ok(directory)
    }

    /// Opens the directory of a study that goes on, with the summaries of its finished runs. `study.json` says `running` again and
    /// has the repeats and seeds of `record`; `comparison.csv` begins anew, to be filled in the study's order.
    ///
    /// Runs that were cut short keep what they saw under `interrupted/`, and make room.
    ///
    /// # Errors
    /// When it holds no study, one of another layout, or can't be written, and when another program is writing to it.
    pub fn reopen(path: &Path, record: &StudyRecord) -> Result<(Self, Vec<RunSummary>), ResultsError> {
        let (mut directory, before) = Self::open(path)?;
        directory.lock = Some(lock(path)?);
        directory.record = StudyRecord {
            status: "running".to_owned(),
            ended_unix_s: None,
            repeats: record.repeats,
            seeds: record.seeds.clone(),
            scenario: record.scenario.clone(),
            ..before
        };
        let mut finished = Vec::new();
        for run in directory.names()? {
            let file = directory.run_path(&run).join("summary.json");
            match file.exists().then(|| read_json::<RunSummary>(&file)).transpose() {
                Ok(Some(summary)) if !summary.partial => finished.push(summary),
                Err(error @ ResultsError::Version { .. }) => return Err(error),
                _ => directory.put_aside(&run)?,
            }
        }
        // what was complete is so no longer
        let marks = path.join(marks::NAME);
        if marks.exists() {
            fs::remove_file(&marks).map_err(ResultsError::write(&marks))?;
        }
        write_json(&path.join("study.json"), &directory.record)?;
        replace_file(&path.join("comparison.csv"), columns::header().as_bytes())?;
        Ok((directory, finished))
    }

    /// Moves a run that was cut short to `interrupted/`, numbered if it was before.
    fn put_aside(&self, run: &str) -> Result<(), ResultsError> {
        let aside = self.path.join("interrupted");
        fs::create_dir_all(&aside).map_err(|source| ResultsError::Create { path: aside.clone(), source })?;
        let free = |place: &PathBuf| place.symlink_metadata().is_err();
        let mut places =
            std::iter::once(aside.join(run)).chain((2..).map(|count| aside.join(format!("{run}.{count}"))));
        let Some(place) = places.find(free) else { return Ok(()) };
        let from = self.run_path(run);
        fs::rename(&from, place).map_err(ResultsError::write(&from))
    }

    /// Writes down what the load asks for.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_demand(&self, curve: &DemandCurve) -> Result<(), ResultsError> {
        demand_file::write(&self.path, curve)
    }

    /// Opens the directory of a study that was made before.
    ///
    /// # Errors
    /// When it holds no study, one of another layout, or one whose `study.json` can't be read.
    pub fn open(path: &Path) -> Result<(Self, StudyRecord), ResultsError> {
        let file = path.join("study.json");
        if !file.exists() {
            return Err(ResultsError::NotResults(path.to_owned()));
        }
        let record: StudyRecord = read_json(&file)?;
        Ok((Self { path: path.to_owned(), record: record.clone(), summaries: Vec::new(), lock: None }, record))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The study as `study.json` has it.
    pub fn record(&self) -> &StudyRecord {
        &self.record
    }

    /// The directory of a run.
    pub fn run_path(&self, run: &str) -> PathBuf {
        self.path.join("runs").join(run)
    }

    /// Begins a run: makes its directory and the files that grow with it.
    ///
    /// # Errors
    /// When the run's directory exists or can't be written.
    pub fn run(&self, about: RunAbout) -> Result<RunWriter, ResultsError> {
        self.run_with(about, Rows::All)
    }

    /// The same, keeping only the rows asked for.
    ///
    /// # Errors
    /// When the run's directory exists or can't be written.
    pub fn run_with(&self, about: RunAbout, rows: Rows) -> Result<RunWriter, ResultsError> {
        let named = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '+' | '=' | '@' | ',' | '%');
        if about.arm.is_empty() || about.arm.starts_with('.') || !about.arm.chars().all(named) {
            return Err(ResultsError::ArmName(about.arm));
        }
        let path = self.run_path(&run_name(&about.arm, about.repeat));
        fs::create_dir(&path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ResultsError::Exists(path.clone()),
            _ => ResultsError::Create { path: path.clone(), source },
        })?;
        let writer = RunWriter::create(&path, about, rows)?;
        if self.record.shard.is_some() { writer.recorded() } else { Ok(writer) }
    }

    /// Adds a finished run to `comparison.csv`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(&mut self, summary: &RunSummary) -> Result<(), ResultsError> {
        self.append_comparison(&columns::row(summary))?;
        self.summaries.push(summary.clone());
        Ok(())
    }

    /// Ends the study: writes `comparison.md`, `stats.csv`, `effects.csv` and `distances.csv` over the runs that were added,
    /// and brings `study.json` up to date.
    /// If the scenario expects something, `expect.csv` and `junit.xml` too. What the runs say of their arms is returned: it takes a while.
    ///
    /// # Errors
    /// When one of them can't be written.
    pub fn finish(&mut self, ending: Ending, ended_unix_s: f64) -> Result<Statistics, ResultsError> {
        ending.as_str().clone_into(&mut self.record.status);
        self.record.ended_unix_s = Some(ended_unix_s);
        let mut marks = Marks::default();
        let (texts, statistics) = derived::texts(&self.record, &self.summaries);
        for (name, text) in texts {
            replace_file(&self.path.join(name), text.as_bytes())?;
            marks.files.insert(name.to_owned(), Mark::of(text.as_bytes()));
        }
        write_json(&self.path.join("study.json"), &self.record)?;
        let of_run = |run: &RunSummary| {
            let folder = format!("runs/{}", run_name(&run.arm, run.repeat));
            [format!("{folder}/{}", marks::NAME), format!("{folder}/shard.json")]
        };
        let of_runs = self.summaries.iter().flat_map(of_run);
        let beside = ["study.json", "comparison.csv", demand_file::NAME].map(str::to_owned);
        for name in beside.into_iter().chain(of_runs) {
            marks.note(&name, &self.path.join(&name))?;
        }
        marks.write(&self.path)?;
        Ok(statistics)
    }

    /// The summaries of all finished runs, by arm in the scenario's order, then by repeat.
    ///
    /// # Errors
    /// When a summary can't be read.
    pub fn summaries(&self) -> Result<Vec<RunSummary>, ResultsError> {
        let mut summaries = Vec::new();
        for run in self.names()? {
            let file = self.run_path(&run).join("summary.json");
            if file.exists() {
                summaries.push(read_json::<RunSummary>(&file)?);
            }
        }
        summaries.sort_by_key(|summary| (self.arm_index(&summary.arm), summary.arm.clone(), summary.repeat));
        Ok(summaries)
    }

    /// Names of the runs that were begun and have no summary: they were killed, and have the rows up to then.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn unfinished(&self) -> Result<Vec<String>, ResultsError> {
        let mut runs = self.names()?;
        runs.retain(|run| !self.run_path(run).join("summary.json").exists());
        Ok(runs)
    }

    /// A run's `summary.json`; `None` if it was killed before it had one.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn summary(&self, run: &str) -> Result<Option<RunSummary>, ResultsError> {
        let file = self.run_path(run).join("summary.json");
        file.exists().then(|| read_json(&file)).transpose()
    }

    /// A run's `timeline.csv`.
    ///
    /// # Errors
    /// When it is missing, cut off or malformed; the error names file and line.
    pub fn timeline(&self, run: &str) -> Result<Vec<TimelineRecord>, ResultsError> {
        read_rows(&self.run_path(run).join("timeline.csv"))
    }

    /// Hands each row of a run's `requests.csv` to `take`.
    ///
    /// # Errors
    /// When it is missing, lacks a column or is malformed; the error names file and line.
    pub fn each_request(&self, run: &str, take: impl FnMut(RequestRecord<'_>)) -> Result<(), ResultsError> {
        requests::each(&self.run_path(run).join("requests.csv"), take)
    }

    /// A run's `events.csv`.
    ///
    /// # Errors
    /// When it is missing, cut off or malformed; the error names file and line.
    pub fn events(&self, run: &str) -> Result<Vec<EventRecord>, ResultsError> {
        read_rows(&self.run_path(run).join("events.csv"))
    }

    /// A run's `probes.csv`.
    ///
    /// # Errors
    /// When it is missing, cut off or malformed; the error names file and line.
    pub fn probes(&self, run: &str) -> Result<Vec<ProbeRecord>, ResultsError> {
        read_rows(&self.run_path(run).join("probes.csv"))
    }

    /// A run's `metrics.csv`; none of a run whose policy read no metrics.
    ///
    /// # Errors
    /// When it is cut off or malformed; the error names file and line.
    pub fn metrics(&self, run: &str) -> Result<Vec<MetricsRecord>, ResultsError> {
        let file = self.run_path(run).join("metrics.csv");
        if file.exists() { read_rows(&file) } else { Ok(Vec::new()) }
    }

    /// Names of all runs that were begun, in ascending order.
    pub(super) fn names(&self) -> Result<Vec<String>, ResultsError> {
        let path = self.path.join("runs");
        let mut runs = Vec::new();
        for entry in fs::read_dir(&path).map_err(ResultsError::read(&path))? {
            let entry = entry.map_err(ResultsError::read(&path))?;
            if entry.path().is_dir() {
                runs.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        runs.sort();
        Ok(runs)
    }

    fn arm_index(&self, arm: &str) -> usize {
        self.record.arms.iter().position(|known| known.name == arm).unwrap_or(usize::MAX)
    }

    fn append_comparison(&self, line: &str) -> Result<(), ResultsError> {
        let file = self.path.join("comparison.csv");
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .and_then(|mut open| open.write_all(line.as_bytes()))
            .map_err(ResultsError::write(&file))
    }
}

/// Takes the directory for the one program that writes to it. The lock ends with the program, however that ends.
fn lock(path: &Path) -> Result<Flock<File>, ResultsError> {
    let directory = File::open(path).map_err(ResultsError::read(path))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
        Errno::EWOULDBLOCK => ResultsError::Locked(path.to_owned()),
        error => ResultsError::Read { path: path.to_owned(), source: error.into() },
    })
}

/// Makes a directory for results, with missing parents. What exists is left alone.
pub(super) fn make_directory(path: &Path) -> Result<(), ResultsError> {
    if path.symlink_metadata().is_ok() {
        return Err(if path.is_dir() {
            ResultsError::Exists(path.to_owned())
        } else {
            ResultsError::FileInTheWay { path: path.to_owned(), file: path.to_owned() }
        });
    }
    if let Some(file) = path.ancestors().skip(1).find(|parent| parent.is_file()) {
        return Err(ResultsError::FileInTheWay { path: path.to_owned(), file: file.to_owned() });
    }
    let failed = |source| ResultsError::Create { path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::create_dir(path).map_err(|source| match source.kind() {
        // another study took the name in the meantime
        io::ErrorKind::AlreadyExists => ResultsError::Exists(path.to_owned()),
        _ => failed(source),
    })
}

/// Writes a file so that a reader sees the old one or the new one and nothing between.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // the error that matters is the first one
        let _ = fs::remove_file(&temporary);
        ResultsError::Write { path: path.to_owned(), source }
    })
}

/// Writes a value as indented JSON, by [`replace_file`].
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ResultsError> {
    replace_file(path, &json(path, value)?)
}

/// A value as indented JSON, for the file at `path`.
pub(super) fn json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, ResultsError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| ResultsError::write(path)(error.into()))?;
    text.push(b'\n');
    Ok(text)
}
