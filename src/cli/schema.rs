//! `watchtower schema`.

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::study::hey::{json, self_test};
use crate::study::schema::schema;

/// Print the JSON Schema of the scenario file
///
/// Editors that know JSON Schema for TOML complete and check scenarios with it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schema of what `watchtower hey --json` prints instead
    #[arg(long)]
    hey: bool,
    /// The schema of what `watchtower hey --self-test --json` prints instead
    #[arg(long, conflicts_with = "hey")]
    self_test: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    let schema = match (args.hey, args.self_test) {
        (true, _) => json::schema(),
        (_, true) => self_test::schema(),
        (false, false) => schema(),
    };
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    Printer::result(&text);
    Ok(ExitStatus::Done)
}
