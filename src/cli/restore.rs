//! `watchtower restore`.

use std::time::Duration;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::live::target::guest::journal::{Entry, Journal, Owed, Taken};
use crate::drive::live::target::guest::pay;
use crate::time::parse_duration;

/// Put back what a killed run left changed on somebody's platform
///
/// A run on a real gateway or cluster notes what it changes (replicas, a silenced alert, a switched-off Alertmanager) before it changes it, and puts it back when it ends. After
/// a kill -9 or a power cut the note is still there: this command puts back everything of runs that are no more. Runs that still
/// go on are left alone. Exit codes: 0 everything is as it was; 1 something could not be put back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tell what would be put back
    #[arg(long)]
    dry_run: bool,

    /// How long to try
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    within: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    let journal = Journal::of_user().map_err(|error| failed(&error))?;
    let entries = journal.entries().map_err(|error| {
        let hint = "look at the file, put back by hand what it says, and delete it".to_owned();
        Failure::from_error(ExitStatus::Failed, &error, Some(hint))
    })?;
    let (alive, debts): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.process.is_alive());
    for entry in &alive {
        printer.say(&format!("{} is left alone: process {} goes on", what(entry), entry.process.pid));
    }
    if debts.is_empty() {
        printer.say("nothing to put back");
        return Ok(ExitStatus::Done);
    }
    if args.dry_run {
        for entry in &debts {
            Printer::result(&format!("would put back {}", what(entry)));
        }
        return Ok(ExitStatus::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    let mut failures = Vec::new();
    for entry in &debts {
        match runtime.block_on(pay(entry, &journal, args.within)) {
            Ok(()) => Printer::result(&format!("put back {}", what(entry))),
            Err(error) => failures.push(failed(&error)),
        }
    }
    let Some(last) = failures.pop() else { return Ok(ExitStatus::Done) };
    for failure in &failures {
        failure.print(printer);
    }
    Err(last)
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(ExitStatus::Failed, error, None)
}

fn what(entry: &Entry) -> String {
    let (function, place) = (entry.function(), entry.place());
    match &entry.owed {
        Owed::Gateway(debt) => {
            let silenced = if debt.alertmanager.is_some() { ", its alert heard" } else { "" };
            format!("{function} at {place} ({}{silenced})", replicas(debt.replicas))
        }
        Owed::Load(debt) => {
            format!("the load's job {} in namespace {} at {place} (gone, with its pods)", debt.job, debt.job_namespace)
        }
        Owed::Cluster(debt) => {
            let changed =
                |taken: &Taken| taken.replicas.map(|count| format!("{} {}", taken.deployment, replicas(count)));
            let mut parts: Vec<String> = debt.taken.iter().filter_map(changed).collect();
            if debt.silenced_at.is_some() {
                parts.push("its alert heard".to_owned());
            }
            parts.push("its Lease free".to_owned());
            format!("{function} in namespace {} at {place} ({})", debt.namespace, parts.join(", "))
        }
    }
}

fn replicas(count: u32) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}
