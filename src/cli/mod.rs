//! The command line: parses, calls, prints, sets the exit code. Nothing is computed here.
//!
//! Standard output carries results only (tables, or JSON with `--json`); standard error carries everything for a person.

mod autoscale;
mod calibrate;
mod check;
mod compare;
mod completions;
mod ended;
mod exit;
mod failure;
mod fit;
mod health;
mod hey;
mod leash;
mod live;
mod load_pods;
mod merge;
mod output;
mod planned;
mod progress;
mod replay;
mod report;
mod restore;
mod run;
mod schema;
mod serve;
mod study_record;
mod table;
mod tune;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::ExitStatus;
use output::Printer;

/// Benchmarks FaaS autoscalers side by side under the same hey-style load.
///
/// One scenario file says what runs: the function, the load, the arms (autoscalers) and the latency target. Each arm meets the
/// same load; everything it did is recorded. Start with: watchtower run scenarios/quick.toml
#[derive(Debug, Parser)]
#[command(name = "watchtower", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Say more on standard error (-v: info, -vv: debug); `WATCHTOWER_LOG` takes filters such as `watchtower=debug`
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Tune(tune::Args),
    Check(check::Args),
    Calibrate(calibrate::Args),
    Report(report::Args),
    Compare(compare::Args),
    Merge(merge::Args),
    Replay(replay::Args),
    Restore(restore::Args),
    Serve(serve::Args),
    Autoscale(autoscale::Args),
    Hey(hey::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Leash(leash::Args),
}

/// The whole program: parses the command line, runs it, and turns what comes back into an exit code.
pub fn main() -> ExitCode {
    if let Some(words) = hey::words(std::env::args_os()) {
        log_to_stderr(0);
        return hey::run(words);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version go to standard output and are no failure; a closed pipe is none either
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage.into() } else { ExitStatus::Done.into() };
        }
    };
    log_to_stderr(cli.verbose);
    let (printer, result) = match cli.command {
        Command::Hey(args) => return hey::run(args.words),
        Command::Run(args) => {
            let printer = Printer::new(args.quiet);
            (printer, run::run(&args, printer))
        }
        Command::Tune(args) => {
            let printer = Printer::new(args.quiet);
            (printer, tune::run(&args, printer))
        }
        Command::Check(args) => (Printer::new(false), Ok(check::run(&args, Printer::new(false)))),
        Command::Calibrate(args) => (Printer::new(false), calibrate::run(&args, Printer::new(false))),
        Command::Report(args) => (Printer::new(false), report::run(&args, Printer::new(false))),
        Command::Compare(args) => (Printer::new(false), compare::run(&args, Printer::new(false))),
        Command::Merge(args) => (Printer::new(false), merge::run(&args, Printer::new(false))),
        Command::Replay(args) => (Printer::new(false), replay::run(&args)),
        Command::Restore(args) => (Printer::new(false), restore::run(&args, Printer::new(false))),
        Command::Serve(args) => (Printer::new(false), serve::run(&args, Printer::new(false))),
        Command::Autoscale(args) => (Printer::new(false), autoscale::run(&args, Printer::new(false))),
        Command::Schema(args) => (Printer::new(false), schema::run(&args)),
        Command::Completions(args) => (Printer::new(false), Ok(completions::run(&args))),
        Command::Leash(args) => (Printer::new(false), leash::run(&args)),
    };
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            failure.print(printer);
            failure.status.into()
        }
    }
}

fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        // goose warns of each request that fails; events.csv tells of the first of each kind
        // kube tells each failure that its caller is told, too
        0 => "warn,goose=off,kube_client=off",
        1 => "info,goose=off,kube_client=off",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("WATCHTOWER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // a second initialisation (several commands in one test process) changes nothing
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
