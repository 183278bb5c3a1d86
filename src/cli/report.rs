//! `watchtower report`.

use std::path::PathBuf;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::report::{Again, ReportError};
use crate::study::results::ResultsError;

/// Make everything that follows from the recorded data again: statistics, tables, charts and report.html; of a search its chart
///
/// Reads only the results directory; the same data gives the same bytes. What is cut off, missing or changed in it is named.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results directories, as `watchtower run` or `watchtower tune` made them
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    for results in &args.results {
        // a search leaves a chart and no study
        let is_search = results.join("tune.json").exists();
        let made = if is_search {
            crate::report::write_tuning(results).map(|written| Again { written, left: None })
        } else {
            crate::report::again(results)
        };
        let made = made.map_err(|error| {
            let wrong =
                matches!(error, ReportError::Results(ResultsError::NotResults(_) | ResultsError::Version { .. }));
            let status = if wrong { ExitStatus::Usage } else { ExitStatus::Failed };
            Failure::from_error(status, &error, None)
        })?;
        if let Some(why) = made.left {
            printer.warn(&format!("{}: {why}", results.display()));
        }
        for path in made.written {
            Printer::result(&path.display().to_string());
        }
    }
    Ok(ExitStatus::Done)
}
