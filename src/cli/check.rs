//! `watchtower check`.

use std::path::PathBuf;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use super::run::load_study;
use crate::study::resolve::Overrides;
use crate::study::schedule_file;

/// Validate scenarios and print what would run and how long it takes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,

    /// Print each scenario as resolved, every default filled in, as TOML
    #[arg(long)]
    resolved: bool,

    /// Write when every request is due to a CSV, which a load can replay with trace = "FILE"; one scenario only
    #[arg(long, value_name = "FILE")]
    schedule: Option<PathBuf>,

    /// Which repeat's schedule: what is random in it differs from repeat to repeat
    #[arg(long, value_name = "N", default_value_t = 1, requires = "schedule", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,

    /// Seed of the study, instead of the scenario's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

pub(super) fn run(args: &Args, printer: Printer) -> ExitStatus {
    if args.schedule.is_some() && args.scenarios.len() > 1 {
        printer.error("--schedule writes the schedule of one scenario\n  hint: check the others without it");
        return ExitStatus::Usage;
    }
    let mut status = ExitStatus::Done;
    for path in &args.scenarios {
        let read = load_study(path, &Overrides { seed: args.seed, ..Overrides::default() });
        if let (Ok(study), Some(file)) = (&read, &args.schedule) {
            match schedule_file::write(study, args.repeat, file) {
                Ok(requests) => printer.say(&format!("{requests} requests written to {}", file.display())),
                Err(error) => {
                    Failure::from_error(ExitStatus::Usage, &error, None).print(printer);
                    status = ExitStatus::Usage;
                }
            }
        }
        match read {
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
