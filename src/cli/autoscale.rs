//! `watchtower autoscale`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::{Cause, Hangup, Interrupt};
use crate::drive::live::sidecar::{Board, Station};
use crate::drive::live::target::guest::SecretSource;
use crate::drive::live::target::guest::journal::Journal;
use crate::drive::live::target::rest::Credentials;
use crate::study::autoscale::{Config, Crew, Overrides, load};
use crate::study::scenario::sidecar::TARGETS;
use crate::study::target_kind::TargetKind;

/// Run the watch tower as a sidecar that stays: it scales functions on a gateway or in a cluster until it is stopped
///
/// The configuration is a TOML file, or the original's const.py as it is. Each decision is a line of JSON on standard output;
/// /metrics and /healthz are served on loopback. SIGHUP reads the configuration again: one that is wrong is refused and the old one goes
/// on. Ctrl-C and SIGTERM end it and leave the replicas as they are (exit codes 130 and 143). Of several on one machine one leads, on a
/// cluster of all there are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// TOML, or a const.py (by its ending)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// How functions are scaled, instead of the configuration's own: openfaas, by the gateway; kubernetes, by their Deployments [default:
    /// openfaas]
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetKind>,

    /// Decide and say so, and scale nothing
    #[arg(long)]
    dry_run: bool,

    /// Where /metrics and /healthz are served, instead of the configuration's own; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// File that holds the password of the gateway's user admin; a const.py has no place for it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    if let Some(target) = args.target.filter(|target| !TARGETS.contains(&target.name())) {
        let problem = format!("--target {target} has no sidecar");
        let hint = "use --target openfaas, which is on every OpenFaaS, or kubernetes";
        return Err(Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned())));
    }
    let secret = args
        .password_file
        .as_ref()
        .map(|file| SecretSource::PasswordFile { user: Credentials::USER.to_owned(), file: file.clone() });
    let overrides = Overrides { listen: args.listen, secret, target: args.target };
    let read = || load(&args.config, &overrides);
    let config = read().map_err(|error| Failure::of(ExitStatus::Usage, error.texts().collect()))?;
    let failed = |error: &dyn std::error::Error| Failure::from_error(ExitStatus::Failed, error, None);
    let journal = Journal::of_user().map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen().map_err(|error| failed(&error))?;
        let mut hangup = Hangup::listen().map_err(|error| failed(&error))?;
        let clock = Clock::start();
        let board = Board::new(clock);
        let station = station(&config, &board, printer).await?;
        let sink = Arc::new(|line: &str| Printer::result(line));
        let mut crew = Crew::new(clock, board.clone(), args.dry_run, journal.directory().to_owned(), sink);
        crew.set(&config).await.map_err(|error| Failure::from_error(ExitStatus::Usage, &error, None))?;
        begun(&config, args.dry_run, printer);
        loop {
            tokio::select! {
                () = interrupt.wait() => break,
                () = hangup.comes() => {}
            }
            let taken = match read() {
                Ok(config) => crew.set(&config).await.map(|()| config).map_err(|error| vec![error.to_string()]),
                Err(error) => Err(error.texts().collect()),
            };
            board.reloaded(taken.is_ok());
            match taken {
                Ok(config) => {
                    if config.listen != station.as_ref().map(Station::address) && args.listen.is_none() {
                        printer.warn("listen is taken at the start only");
                    }
                    begun(&config, args.dry_run, printer);
                }
                Err(problems) => {
                    Failure::of(ExitStatus::Usage, problems).print(printer);
                    printer.warn("the configuration that was there goes on");
                }
            }
        }
        crew.end().await;
        printer.say("ended; the replicas stay as they are");
        Ok(match interrupt.cause() {
            Some(Cause::Terminate) => ExitStatus::Terminated,
            _ => ExitStatus::Interrupted,
        })
    })
}

async fn station(config: &Config, board: &Board, printer: Printer) -> Result<Option<Station>, Failure> {
    let Some(address) = config.listen else { return Ok(None) };
    let station = Station::open(address, board.clone()).await.map_err(|error| {
        let hint = "choose another with --listen, or stop the program that listens there";
        Failure::new(ExitStatus::Usage, format!("can't listen at {address}: {error}"), Some(hint.to_owned()))
    })?;
    printer.say(&format!("metrics  http://{}/metrics", station.address()));
    printer.say(&format!("health   http://{}/healthz", station.address()));
    Ok(Some(station))
}

fn begun(config: &Config, dry_run: bool, printer: Printer) {
    let gateway = &config.access.gateway;
    for function in &config.functions {
        let (min, max) = function.bounds;
        let what = if dry_run { "would scale" } else { "scales" };
        let how = if config.cluster.is_some() { " by its Deployment" } else { "" };
        let policy = function.arm.policy.name;
        printer.say(&format!("{policy} {what} {} at {gateway}{how} within {min} to {max}", function.name));
    }
}
