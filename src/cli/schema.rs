//! `watchtower schema`.

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::program::messages;
use crate::policy::registry::{Scaler, find};
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
    /// The schema of the messages a policy exchanges with a program instead; only exec has any
    #[arg(long, value_name = "POLICY", conflicts_with_all = ["hey", "self_test"])]
    policy: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    let schema = match &args.policy {
        Some(policy) if find(policy).is_some_and(|policy| policy.scaler == Scaler::Program) => messages::schema(),
        Some(policy) => {
            let hint =
                "write --policy exec; the settings of every policy stand in the scenario's schema, watchtower schema";
            let problem = format!("--policy {policy}: exchanges no messages with a program");
            return Err(Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned())));
        }
        None if args.hey => json::schema(),
        None if args.self_test => self_test::schema(),
        None => schema(),
    };
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    Printer::result(&text);
    Ok(ExitStatus::Done)
}
