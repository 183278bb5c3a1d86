//! `watchtower schema`.

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::study::schema::schema;

/// Print the JSON Schema of the scenario file
///
/// Editors that know JSON Schema for TOML complete and check scenarios with it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> Result<ExitStatus, Failure> {
    let text = serde_json::to_string_pretty(&schema())
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    Printer::result(&text);
    Ok(ExitStatus::Done)
}
