//! `watchtower serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use super::run::load_study;
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::{Cause, Interrupt};
use crate::drive::live::target::platform::{Options, Platform, Processes};
use crate::drive::live::target::process::{Recipe, Workshop};
use crate::model::NodeModel;
use crate::random::Seed;
use crate::study::companion::own_program;
use crate::study::resolve::{Overrides, built_in_functions};
use crate::study::target_kind::TargetKind;

/// How long requests under way may take to end when the platform is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Run the embedded platform by itself, to point other tools at
///
/// An OpenFaaS-compatible gateway (Community Edition: gateway 0.27.8, faas-netes 0.18.8) in front of modelled replicas, or of real ones
/// with --target process. Without a scenario it has the functions ftest and sleepy; others are deployed with faas-cli or POST /system/functions and live on the same
/// model: labels or annotations watchtower.model.KEY set it, com.openfaas.scale.min, .max and .factor how alerts scale it. Calls
/// go to /function/NAME, queued ones to /async-function/NAME. The user of /system is admin; the password is drawn at each start
/// and printed, unless --password-file gives one. docs/platform.md has all addresses, limits and differences.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the gateway listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Where /metrics is served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8082")]
    metrics: SocketAddr,

    /// Where the provider's own metrics are served (it has 8081 in a cluster); nowhere if not given
    #[arg(long, value_name = "ADDR")]
    provider_metrics: Option<SocketAddr>,

    /// Take the function and the platform's model from this scenario
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<PathBuf>,

    /// Read the password of the user admin from this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// What runs the replicas: embedded (the model) or process (real Python, of ftest and sleepy only)
    #[arg(long, value_name = "T", default_value = "embedded", value_parser = kind)]
    target: TargetKind,

    /// Seed of everything random in the model
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn kind(text: &str) -> Result<TargetKind, String> {
    match text.parse() {
        Ok(kind @ (TargetKind::Embedded | TargetKind::Process)) => Ok(kind),
        Ok(_) => Err("only embedded and process are platforms of this program".to_owned()),
        Err(unknown) => Err(unknown.to_string()),
    }
}

/// Replicas as processes, and their files, which are gone when the workshop is.
fn processes(names: &[String], printer: Printer) -> Result<(Workshop, Processes), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::from_error(ExitStatus::Failed, error, None);
    let recipe = Recipe::find().map_err(|error| failed(&error))?;
    let environment = if let Some(made) = recipe.made() {
        made
    } else {
        printer.say(&recipe.what_is_made());
        recipe.make().map_err(|error| failed(&error))?
    };
    let workshop = Workshop::set_up().map_err(|error| failed(&error))?;
    let processes = workshop.processes(&environment, names.iter().map(String::as_str), own_program());
    Ok((workshop, processes))
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    let (functions, node) = match &args.scenario {
        Some(path) => {
            let study = load_study(path, &Overrides { target: args.target, ..Overrides::default() })?;
            (study.functions, study.node)
        }
        None => (built_in_functions(), NodeModel::default()),
    };
    let names: Vec<String> = functions.iter().map(|function| function.info.name.clone()).collect();
    let password = args.password_file.as_ref().map(read_password).transpose()?;
    let drawn = password.is_none();
    let (_workshop, processes) = match args.target {
        TargetKind::Process => Some(processes(&names, printer)?).unzip(),
        _ => (None, None),
    };
    let options = Options {
        processes,
        listen: args.listen,
        metrics: args.metrics,
        provider_metrics: args.provider_metrics,
        password,
        ..Options::new(functions, node, Seed(args.seed), Clock::start())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    runtime.block_on(async {
        let mut interrupt =
            Interrupt::listen().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
        let platform =
            Platform::start(options).map_err(|error| Failure::from_error(ExitStatus::Usage, &error, None))?;
        let gateway = platform.gateway_address();
        printer.say(&format!("gateway  http://{gateway}"));
        for name in &names {
            printer.say(&format!("         http://{gateway}/function/{name}"));
        }
        printer.say(&format!("metrics  http://{}/metrics", platform.metrics_address()));
        if let Some(address) = platform.provider_metrics_address() {
            printer.say(&format!("provider http://{address}/metrics"));
        }
        if drawn {
            printer.say(&format!("user     admin, password {}", platform.credentials().password));
        }
        printer.say("Ctrl-C stops it");
        interrupt.wait().await;
        platform.stop(GRACE);
        Ok(match interrupt.cause() {
            Some(Cause::Terminate) => ExitStatus::Terminated,
            _ => ExitStatus::Interrupted,
        })
    })
}

pub(super) fn read_password(path: &PathBuf) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let problem = format!("{}: {error}", path.display());
        Failure::new(ExitStatus::Usage, problem, Some("the file holds the password and nothing else".to_owned()))
    })?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let problem = format!("{} is empty", path.display());
        return Err(Failure::new(ExitStatus::Usage, problem, Some("write the password into it".to_owned())));
    }
    Ok(password.to_owned())
}
