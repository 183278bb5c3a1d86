//! Recorded runs, read from files: the input of a replay.
//!
//! ```text
//!   CSV t_s,code,value  (csv_file.rs)  --\
//!   Prometheus' JSON    (prometheus.rs) ---> one RecordedRun with the Unix time of its load's start
//!   results directory   (results.rs)   --/
//! ```
//!
//! Files hold counters as somebody read them, each function's in a file of its own or, in Prometheus' answers, several in one. A
//! results directory holds every answer. What a recording can't tell is said in sentences ([`Recorded::unknown`]).

mod csv_file;
mod prometheus;
mod results;

pub(in crate::study) use results::run_of;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drive::replay::{Counted, RecordedRun, Recording};
use crate::policy::FunctionInfo;
use crate::policy::openfaas_ce::real::Phases;
use crate::policy::settings::Value;
use crate::random::Seed;
use crate::study::results::ResultsError;

/// A recorded run could not be read. What to do about it stands in a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file could not be read.
    #[error(
        "{path}: {source}\n  hint: give a CSV with the columns t_s,code,value, an answer of Prometheus' API as JSON, or a results directory"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A column is missing.
    #[error(
        "{path} has no column {column:?}\n  hint: the head must name t_s, code and value; JSON of Prometheus' API begins with a brace"
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A field is no number, or a row is not as long as the head.
    #[error("{path}:{line}: {problem}\n  hint: each row is a time in seconds, a status such as 200, and a count")]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A CSV in Unix time.
    #[error(
        "{path}:{line}: {t_s} s is no time since a load's start, but a Unix time\n  hint: subtract the Unix time of the load's start from t_s and give it as --start-unix; in Prometheus' own JSON Unix times are right"
    )]
    UnixTimes {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The time.
        t_s: f64,
    },
    /// An answer of Prometheus that holds no counters over time.
    #[error("{path}: {key}: {problem}\n  hint: {remedy}")]
    Prometheus {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        key: String,
        /// What is wrong there.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// Two files about one function.
    #[error(
        "{path}: counters of {function} were given before\n  hint: give each function once; NAME=FILE names the function of a file"
    )]
    Twice {
        /// The second file.
        path: PathBuf,
        /// The function.
        function: String,
    },
    /// A CSV beside a file in Unix time.
    #[error(
        "{path} counts from its load's start, and {other} in Unix time\n  hint: give the Unix time of the load's start: --start-unix SECONDS"
    )]
    MixedTimes {
        /// The CSV.
        path: PathBuf,
        /// The other file.
        other: PathBuf,
    },
    /// A results directory beside other recordings, or with a function's name.
    #[error(
        "{0} is a run with all that belongs to it\n  hint: give it alone, without a function's name; several functions are for recorded counters"
    )]
    NotAlone(PathBuf),
    /// `--arm` or `--repeat` without a results directory.
    #[error("{0} is no results directory, so it has no arms and no repeats\n  hint: leave out --arm and --repeat")]
    NoRuns(PathBuf),
    /// A results directory that can't be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A directory that is neither results nor one run of them.
    #[error(
        "{0} is neither a results directory nor one of its runs\n  hint: give the directory that `watchtower run` printed, or runs/ARM-REPEAT in it"
    )]
    NotResults(PathBuf),
    /// Several runs, or none, fit what was asked for.
    #[error("{problem}\n  hint: {remedy}")]
    WhichRun {
        /// What there is.
        problem: String,
        /// How to choose.
        remedy: String,
    },
    /// A run whose rows were not kept.
    #[error(
        "{0} has no requests.csv: the study was run with --rows none, so when its answers came is not known\n  hint: run the study again without --rows none; a run in virtual time comes out the same"
    )]
    NoRows(PathBuf),
    /// A run that was killed before it was written when it began.
    #[error(
        "{0} has no summary.json: the run was killed, and when its load began was not written yet\n  hint: give the Unix time of its load's start: --start-unix SECONDS"
    )]
    NoStart(PathBuf),
}

/// One `--counter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The function's name, where one was given.
    pub function: Option<String>,
    /// File or directory.
    pub path: PathBuf,
}

/// Which run of a results directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Its arm.
    pub arm: Option<&'a str>,
    /// Its repeat, from 1.
    pub repeat: Option<u32>,
}

/// A recorded run with what is known about it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was recorded.
    pub run: RecordedRun,
    /// Unix time of the load's start.
    pub load_start: Duration,
    /// The run's seed, where it had one.
    pub seed: Option<Seed>,
    /// The arms of its scenario.
    pub arms: Vec<RecordedArm>,
    /// When the programs of its real chain did things, where it had one.
    pub phases: Phases,
    /// The arm and the repeat that were recorded, where it was a run of ours.
    pub of: Option<(String, u32)>,
    /// Where each function's counters come from, in the order of the functions.
    pub files: Vec<PathBuf>,
    /// What this recording does not know of the truth, in sentences.
    pub unknown: Vec<String>,
}

/// An arm of a recorded study.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedArm {
    /// Its name.
    pub name: String,
    /// Its policy's.
    pub policy: String,
    /// What stands under it: its policy's settings, and keys that every arm has.
    pub settings: Vec<(String, Value)>,
}

/// Reads what was given as one run. `start` is the Unix time of the load's start, if it was given.
///
/// # Errors
/// When something can't be read, is something else, or does not fit together; the error names file, place and remedy.
pub fn read(sources: &[Source], start: Option<Duration>, choice: Choice<'_>) -> Result<Recorded, RecordingError> {
    if let Some(directory) = sources.iter().find(|source| source.path.is_dir()) {
        return match sources {
            [Source { function: None, path }] => results::read(path, start, choice),
            _ => Err(RecordingError::NotAlone(directory.path.clone())),
        };
    }
    if let (Some(first), true) = (sources.first(), choice != Choice::default()) {
        return Err(RecordingError::NoRuns(first.path.clone()));
    }
    let mut read = Files::default();
    for (index, source) in sources.iter().enumerate() {
        read.add(index, source)?;
    }
    read.together(start)
}

/// What files hold, before it is known when the load began.
#[derive(Default)]
struct Files {
    /// Function, its file, its counters, and whether these are in Unix time.
    functions: Vec<(String, PathBuf, Counted, bool)>,
    unknown: Vec<String>,
}

impl Files {
    fn add(&mut self, index: usize, source: &Source) -> Result<(), RecordingError> {
        let Source { function, path } = source;
        let text = std::fs::read(path).map_err(|source| RecordingError::Open { path: path.clone(), source })?;
        let begins = text.iter().find(|byte| !byte.is_ascii_whitespace());
        if begins.is_some_and(|byte| b"{[".contains(byte)) {
            let answer = prometheus::read(path, &text, function.as_deref())?;
            self.unknown.extend(answer.unknown);
            for (name, series) in answer.functions {
                let name = function.clone().unwrap_or(name);
                self.push(name, path, Counted::Readings(series), true)?;
            }
            return Ok(());
        }
        let name = function.clone().unwrap_or_else(|| match index {
            0 => "function".to_owned(),
            _ => format!("function{}", index + 1),
        });
        let samples = csv_file::read(path, &text)?;
        if samples.is_empty() {
            let path = path.display();
            self.unknown.push(format!("{path} holds no samples: a counter that never was makes nobody scale"));
        }
        self.push(name, path, Recording::new(FunctionInfo::default(), samples).counted, false)
    }

    fn push(&mut self, name: String, path: &Path, counted: Counted, is_unix: bool) -> Result<(), RecordingError> {
        if self.functions.iter().any(|(other, ..)| *other == name) {
            return Err(RecordingError::Twice { path: path.to_owned(), function: name });
        }
        self.functions.push((name, path.to_owned(), counted, is_unix));
        Ok(())
    }

    /// All functions in one time. Without a given start the first reading in Unix time is it.
    fn together(mut self, start: Option<Duration>) -> Result<Recorded, RecordingError> {
        let of =
            |is: bool| self.functions.iter().find(|(.., is_unix)| *is_unix == is).map(|(_, path, ..)| path.clone());
        let load_start = match (start, of(true), of(false)) {
            (Some(start), ..) => start,
            (None, None, _) => Duration::ZERO,
            (None, Some(other), Some(path)) => return Err(RecordingError::MixedTimes { path, other }),
            (None, Some(_), None) => {
                let first = first_time(self.functions.iter().map(|(_, _, counted, _)| counted));
                self.unknown.push(format!(
                    "when the load began: times count from the first sample, Unix time {first:.3} (--start-unix gives another start)"
                ));
                Duration::try_from_secs_f64(first).unwrap_or_default()
            }
        };
        let mut recorded = Recorded {
            run: RecordedRun::default(),
            load_start,
            seed: None,
            arms: Vec::new(),
            phases: Phases::default(),
            of: None,
            files: Vec::new(),
            unknown: self.unknown,
        };
        for (name, path, mut counted, is_unix) in self.functions {
            if let (true, Counted::Readings(series)) = (is_unix, &mut counted) {
                for (t_s, _) in series.iter_mut().flat_map(|series| &mut series.samples) {
                    *t_s -= load_start.as_secs_f64();
                }
            }
            recorded.files.push(path);
            let info = FunctionInfo { name, ..FunctionInfo::default() };
            recorded.run.functions.push(Recording::of(info, counted));
        }
        Ok(recorded)
    }
}

fn first_time<'a>(counted: impl Iterator<Item = &'a Counted>) -> f64 {
    let times = counted.flat_map(|counted| match counted {
        Counted::Readings(series) => {
            series.iter().flat_map(|series| series.samples.iter().map(|(at, _)| *at)).collect()
        }
        Counted::Answers(_) => Vec::new(),
    });
    times.fold(f64::INFINITY, f64::min)
}
