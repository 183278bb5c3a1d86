//! `watchtower merge`.

use std::path::PathBuf;

use super::ended::{Ended, json, status};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::RecordError;
use crate::study::results::ResultsError;
use crate::study::results::shards::{MergeError, Shards, unpack_file};
use crate::study::results::statistics::Statistics;
use crate::study::runner::StudyEnd;

/// Unite the shards of one study (`watchtower run --shard I/N`, on N machines) into the results of the whole
///
/// Requests, histograms and counts are those of one machine that had made all of the load: histograms are merged, nothing is averaged.
/// All shards must be given, each once, whole, and of the same study; what is wrong is named and nothing is written. Exit codes: 0 done;
/// 1 a run is invalid; 2 the shards make no study; 3 an expectation of the scenario is not met.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results directories of all shards, in any order; or files of lines that --pack wrote, such as a pod's log
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,

    /// Results directory of the whole; must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Print the results as JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    if args.out.symlink_metadata().is_ok() {
        return Err(refused(&MergeError::from(ResultsError::Exists(args.out.clone()))));
    }
    let room = tempfile::tempdir().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    let unpacked = |(number, path): (usize, &PathBuf)| {
        if !path.is_file() {
            return Ok(path.clone());
        }
        // by its own name, which messages have
        let into = room.path().join(number.to_string()).join(path.file_name().unwrap_or_default());
        unpack_file(path, &into).map(|()| into)
    };
    let results: Result<Vec<PathBuf>, MergeError> = args.results.iter().enumerate().map(unpacked).collect();
    let shards = results.and_then(|results| Shards::open(&results)).map_err(|error| refused(&error))?;
    let command = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let (record, runs) = shards.unite(&args.out, command).map_err(|error| refused(&error))?;
    crate::report::write(&args.out).map_err(|error| {
        let hint = format!("the data is safe; try `watchtower report {}`", args.out.display());
        Failure::from_error(ExitStatus::Failed, &error, Some(hint))
    })?;
    printer.say(&format!("results in {}", args.out.display()));
    let statistics = Statistics::of(&record, &runs);
    let ended = [Ended::of(record, StudyEnd { results: args.out.clone(), runs, statistics, interrupted: false })];
    if args.json {
        Printer::result(&json(&ended)?);
    } else {
        ended.iter().for_each(Ended::print);
    }
    Ok(status(&ended))
}

/// What is wrong with the shards is a matter of what was given; a disk that is full is not.
fn refused(error: &MergeError) -> Failure {
    let is_full = matches!(
        error,
        MergeError::Results(ResultsError::Write { .. } | ResultsError::Create { .. })
            | MergeError::Record(RecordError(_))
    );
    let status = if is_full { ExitStatus::Failed } else { ExitStatus::Usage };
    Failure::from_error(status, error, None)
}
