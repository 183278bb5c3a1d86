//! `watchtower check`.

use std::path::PathBuf;

use super::exit::ExitStatus;
use super::output::Printer;
use super::run::load_study;
use crate::study::resolve::Overrides;

/// Validate scenarios and print what would run and how long it takes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// Print each scenario as resolved, every default filled in, as TOML
    #[arg(long)]
    resolved: bool,
}

pub(super) fn run(args: &Args, printer: Printer) -> ExitStatus {
    let mut status = ExitStatus::Done;
    for path in &args.scenarios {
        match load_study(path, &Overrides::default()) {
            Ok(study) if args.resolved => Printer::result(study.resolved_without_secrets()),
            Ok(study) => Printer::result(&study.describe().to_string()),
            Err(failure) => {
                failure.print(printer);
                status = failure.status;
            }
        }
    }
    status
}
