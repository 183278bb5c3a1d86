//! `watchtower report`.

use std::path::PathBuf;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::report::ReportError;
use crate::study::results::ResultsError;

/// Make charts and report.html again from the recorded data; of a search its chart
///
/// Reads only the results directory; the same data gives the same bytes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results directories, as `watchtower run` or `watchtower tune` made them
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    for results in &args.results {
        // a search leaves a chart and no study
        let is_search = results.join("tune.json").exists();
        let written = if is_search { crate::report::write_tuning(results) } else { crate::report::write(results) };
        let written = written.map_err(|error| {
            let wrong =
                matches!(error, ReportError::Results(ResultsError::NotResults(_) | ResultsError::Version { .. }));
            let status = if wrong { ExitStatus::Usage } else { ExitStatus::Failed };
            Failure::from_error(status, &error, None)
        })?;
        for path in written {
            Printer::result(&path.display().to_string());
        }
    }
    Ok(ExitStatus::Done)
}
