//! The schedule of a study written out, so that the same load can be replayed without what it was made from.
//!
//! The layout is a CSV with the head `generator,time_s,worker`: a row per planned request, by generator and then by time, in
//! seconds since the load's start, to the nanosecond. [`super::trace_file`] reads it back.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::Study;
use crate::drive::{GeneratorPlan, Planned, SchedulePlan};
use crate::random::Seed;
use crate::record::{GeneratorId, WorkerId};
use crate::schedule::{Next, Schedule, Turn};
use crate::time::Timestamp;

/// Most ticks of hey's workers that are put in order; they are made worker by worker.
const TICKS_MAX: u64 = 50_000_000;

/// A schedule that can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleFileError {
    /// A load without one.
    #[error(
        "load {generator} has no schedule: without -q each request of hey follows the answer to the one before\n  hint: give hey a pace with -q, or write a rate"
    )]
    NoSchedule {
        /// Which load, from 1.
        generator: usize,
    },
    /// A load of users.
    #[error(
        "load {generator} has no schedule: goose's users send after the answer to the request before and a time to think\n  hint: leave the load out, or write a rate; requests.csv of a run tells when its requests were due"
    )]
    Journeys {
        /// Which load, from 1.
        generator: usize,
    },
    /// A load with too many ticks.
    #[error(
        "load {generator} has {ticks} ticks, more than can be put in order ({TICKS_MAX})\n  hint: write a rate instead"
    )]
    TooMany {
        /// Which load, from 1.
        generator: usize,
        /// How many.
        ticks: u64,
    },
    /// What is there is left alone.
    #[error("{0} exists\n  hint: choose another file")]
    Exists(PathBuf),
    /// The file can't be written.
    #[error("{path}: {source}\n  hint: choose a file in a directory you may write to")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes what the loads of one repeat plan; returns the number of requests.
///
/// # Errors
/// When a load has no schedule of its own, the file exists, or it can't be written.
pub fn write(study: &Study, repeat: u32, path: &Path) -> Result<u64, ScheduleFileError> {
    for (index, generator) in study.generators.iter().enumerate() {
        if matches!(generator.schedule, SchedulePlan::Goose(_)) {
            return Err(ScheduleFileError::Journeys { generator: index + 1 });
        }
        if generator.schedule.shortest_gap().is_none() {
            return Err(ScheduleFileError::NoSchedule { generator: index + 1 });
        }
        if let (false, Planned::Exactly(ticks @ TICKS_MAX..)) = (is_in_order(generator), generator.schedule.planned()) {
            return Err(ScheduleFileError::TooMany { generator: index + 1, ticks });
        }
    }
    let failed = |source| ScheduleFileError::Write { path: path.to_owned(), source };
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ScheduleFileError::Exists(path.to_owned()),
        _ => failed(error),
    })?;
    let mut rows = csv::Writer::from_writer(file);
    rows_of(study, study.seed.of_repeat(repeat), &mut rows).map_err(|error| failed(error.into()))
}

fn rows_of(study: &Study, seed: Seed, rows: &mut csv::Writer<std::fs::File>) -> Result<u64, csv::Error> {
    rows.write_record(["generator", "time_s", "worker"])?;
    let mut count = 0;
    for (number, generator) in (0..).zip(&study.generators) {
        let name = (u32::from(number) + 1).to_string();
        let mut row = |at: Timestamp, worker: &str| {
            count += 1;
            let nanos = at.as_nanos();
            let time = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
            rows.write_record([&name, &time, worker])
        };
        let start = Timestamp::ZERO + generator.start;
        let mut schedule = generator.schedule.build(start, seed, GeneratorId(number));
        if is_in_order(generator) {
            for due in dues(&mut *schedule, WorkerId(0)) {
                row(due, "")?;
            }
        } else {
            let mut ticks = Vec::new();
            for worker in (0..schedule.workers()).map(WorkerId) {
                ticks.extend(dues(&mut *schedule, worker).map(|due| (due, worker)));
            }
            ticks.sort_unstable();
            for (due, worker) in ticks {
                row(due, &worker.0.to_string())?;
            }
        }
    }
    rows.flush()?;
    Ok(count)
}

/// Whether all requests stand in one queue.
fn is_in_order(generator: &GeneratorPlan) -> bool {
    generator.schedule.is_open()
}

/// When a worker's requests are due if every answer comes at once.
fn dues(schedule: &mut dyn Schedule, worker: WorkerId) -> impl Iterator<Item = Timestamp> {
    let mut turn = Turn::first(schedule.start());
    std::iter::from_fn(move || match schedule.next(worker, turn) {
        Next::Call(call) => {
            turn = Turn { sent: call.ready, free: call.ready, stall: None };
            Some(call.due)
        }
        Next::Finished { .. } => None,
    })
}
