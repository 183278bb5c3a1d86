//! `watchtower calibrate`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use super::planned::utc_stamp;
use super::serve::read_password;
use crate::drive::RequestPlan;
use crate::drive::calibration::{Design, Effort, Limits, Phase, Reply};
use crate::drive::live::calibration::{Measured, measure, start_ups};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::{Cause, Interrupt};
use crate::drive::live::target::DEFAULT_NAMESPACE;
use crate::drive::live::target::rest::{Credentials, Options as GatewayOptions, Rest};
use crate::random::Seed;
use crate::report::charts::data::{Calibrated, CalibratedPhase};
use crate::study::calibration::{Calibration, recorded};
use crate::study::recording::Choice;
use crate::time::{format_duration, parse_duration};

/// Measure a function and write the model of it that a scenario needs
///
/// Sends one request at a time, then more and more at once, then bursts; what it will send at most is said beforehand. Fits the
/// platform's model to what came back and writes `[function.model]` and `[platform]` with an interval for each number, a chart of
/// model against measurement and calibration.json. Exit codes: 0 the model fits; 1 it does not, and it is said why; 2 bad usage; 130
/// after Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The function's address, as a client calls it
    #[arg(value_name = "URL", required_unless_present = "from", conflicts_with = "from")]
    url: Option<String>,

    /// Fit to the requests of a results directory (or runs/ARM-REPEAT in it) instead of measuring
    #[arg(long, value_name = "RESULTS")]
    from: Option<PathBuf>,

    /// Of a results directory: the arm
    #[arg(long, value_name = "NAME", requires = "from")]
    arm: Option<String>,

    /// Of a results directory: the repeat, from 1
    #[arg(long, value_name = "N", requires = "from")]
    repeat: Option<u32>,

    /// Most requests that are sent
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    max_requests: u64,

    /// Longest time that the measurement takes
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    max_duration: Duration,

    /// Most requests at once; a function with more workers than half of it can't be told from one without limit
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(2..=2_048))]
    max_parallel: u32,

    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Replicas that serve the function while it is measured
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    replicas: u32,

    /// Cores of the function's node, if you know them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    cores: Option<u32>,

    /// Workers of a replica, if you know them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: Option<u32>,

    /// Measure start-up too: the function is scaled up by one pod and down again this often, through the gateway of its address
    #[arg(long, value_name = "TIMES", num_args = 0..=1, default_missing_value = "4", conflicts_with = "from",
          value_parser = clap::value_parser!(u32).range(1..=50))]
    scale: Option<u32>,

    /// With --scale: the gateway, if it is not where the function's address is
    #[arg(long, value_name = "URL", requires = "scale")]
    gateway: Option<String>,

    /// With --scale: the file with the password of the gateway's user admin
    #[arg(long, value_name = "FILE", requires = "scale")]
    password_file: Option<PathBuf>,

    /// The function's name in what is written (default: the last part of its address)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Directory for what is written; must not exist (default: results/calibrate-NAME-UTC)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of the simulations the model is fitted with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Fit with fewer simulations: done in a fraction of the time, with wider intervals
    #[arg(long)]
    rough: bool,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  # what would be sent, and nothing else
  watchtower calibrate http://127.0.0.1:8080/function/ftest?number=50 --dry-run

  # at most 2000 requests in half a minute, 16 at once
  watchtower calibrate http://127.0.0.1:8080/function/ftest?number=50 --max-requests 2000 --max-duration 30s --max-parallel 16

  # start-up as well: five times one pod more
  watchtower calibrate http://127.0.0.1:8080/function/ftest?number=50 --scale 5 --password-file password.txt

  # from a run that was made before
  watchtower calibrate --from results/ftest --arm watchtower --repeat 1";

fn duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| error.to_string())?;
    if duration < Duration::from_secs(1) || duration > Duration::from_secs(86_400) {
        return Err("must be from 1s to 24h".to_owned());
    }
    Ok(duration)
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    if let Some(out) = args.out.as_ref().filter(|out| out.symlink_metadata().is_ok()) {
        let problem = format!("--out {} exists", out.display());
        return Err(Failure::new(ExitStatus::Usage, problem, Some("choose a directory that does not".to_owned())));
    }
    let usual = Effort { seed: Seed(args.seed), workers: args.workers, cores: args.cores, ..Effort::default() };
    let effort = if args.rough { Effort { times: 1.0, steps: 4, ..usual } } else { usual };
    match (&args.url, &args.from) {
        (_, Some(results)) => from_results(args, results, effort, printer),
        (Some(url), None) => from_function(args, url, effort, printer),
        // clap asks for one of them
        (None, None) => Ok(ExitStatus::Usage),
    }
}

fn from_results(args: &Args, results: &Path, effort: Effort, printer: Printer) -> Result<ExitStatus, Failure> {
    let choice = Choice { arm: args.arm.as_deref(), repeat: args.repeat };
    let recorded =
        recorded::read(results, choice).map_err(|error| Failure::new(ExitStatus::Usage, error.to_string(), None))?;
    let answers = recorded.measurement.replies();
    printer.say(&format!("{answers} answers of {}, in stretches with the same replicas; fitting", recorded.run));
    let name = args.name.clone().unwrap_or(recorded.function);
    let source = format!("run {} of {}", recorded.run, results.display());
    let calibration = Calibration::of(name, source, recorded.measurement, effort);
    conclude(args, &calibration, printer)
}

fn from_function(args: &Args, url: &str, effort: Effort, printer: Printer) -> Result<ExitStatus, Failure> {
    let uri = address(url)?;
    let limits = Limits { requests: args.max_requests, duration: args.max_duration, parallel: args.max_parallel };
    let gateway = args.scale.map(|_| gateway(args, &uri)).transpose()?;
    printer.say(&format!(
        "{}: at most {} requests in {}, at most {} at once: one at a time, then {} at once, then bursts of as many",
        if args.dry_run { "would send" } else { "sends" },
        limits.requests,
        format_duration(limits.duration),
        limits.levels().last().copied().unwrap_or(1),
        limits.levels().iter().skip(1).map(u32::to_string).collect::<Vec<_>>().join(", "),
    ));
    if let Some(times) = args.scale {
        printer
            .say(&format!("then asks for one replica more, waits until it is ready and takes it back, {times} times"));
    }
    if args.dry_run {
        return Ok(ExitStatus::Done);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    let (measured, started, cause) = runtime.block_on(async {
        let mut interrupt =
            Interrupt::listen().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
        let clock = Clock::start();
        let request = RequestPlan { timeout: Some(args.max_duration), ..RequestPlan::default() };
        let mut tell = |phase: &Phase| printer.say(&told(phase));
        let measured = measure(clock, &uri, &request, args.replicas, limits, &mut interrupt, &mut tell)
            .await
            .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
        let mut started = Vec::new();
        if let (Some(times), Some(gateway)) = (args.scale, &gateway)
            && !measured.interrupted
        {
            started = start_ups(clock, gateway, times, &mut interrupt)
                .await
                .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?
                .took;
        }
        Ok::<_, Failure>((measured, started, interrupt.cause()))
    })?;
    let name = args.name.clone().unwrap_or_else(|| name_of(&uri));
    printer.say(&format!("{} requests in {:.1} s; fitting", measured.sent, measured.took.as_secs_f64()));
    let mut calibration = Calibration::of(name, shown(&uri), measured.measurement.clone(), effort);
    calibration.start_ups = started;
    calibration.partial = cause.is_some();
    calibration.notes.extend(circumstances(&measured));
    let status = conclude(args, &calibration, printer)?;
    Ok(match cause {
        Some(Cause::CtrlC) => ExitStatus::Interrupted,
        Some(Cause::Terminate) => ExitStatus::Terminated,
        None => status,
    })
}

/// What else a reader should know: of the very first call, and of this machine.
fn circumstances(measured: &Measured) -> Vec<String> {
    let mut notes = Vec::new();
    let usual = measured.measurement.alone().and_then(Phase::mean_ms);
    let first_ms = measured.first.1.as_secs_f64() * 1e3;
    if let Some(usual) = usual.filter(|usual| first_ms > 3.0 * usual && first_ms > usual + 5.0) {
        notes.push(format!(
            "the very first call took {first_ms:.1} ms and later ones {usual:.2} ms on average: a cold start, or a cache that was filled by it"
        ));
    }
    if measured.stalled > Duration::from_millis(100) {
        notes.push(format!(
            "this machine stood still for {} meanwhile: measure again when it is quiet",
            format_duration(measured.stalled)
        ));
    }
    notes
}

/// Says what came of it, writes the files, and whether it fits.
fn conclude(args: &Args, calibration: &Calibration, printer: Printer) -> Result<ExitStatus, Failure> {
    let directory = args.out.clone().unwrap_or_else(|| {
        Path::new("results").join(format!("calibrate-{}-{}", file_name(&calibration.name), utc_stamp()))
    });
    let json = serde_json::to_string_pretty(&calibration.json())
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    write(&directory, "calibration.json", &format!("{json}\n"))?;
    if calibration.fits() {
        write(&directory, "model.toml", &calibration.toml())?;
    }
    crate::report::write_calibration(&directory, chart(calibration))
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    Printer::result(&if args.json { json } else { calibration.table() });
    for note in &calibration.notes {
        printer.say(&format!("note: {note}"));
    }
    printer.say(&format!("written to {}", directory.display()));
    if calibration.fits() || calibration.partial {
        return Ok(ExitStatus::Done);
    }
    let problems = if calibration.misfits.is_empty() {
        vec![
            "there are too few good answers to fit a model to\n  hint: raise --max-requests or --max-duration"
                .to_owned(),
        ]
    } else {
        calibration.misfits.iter().map(|misfit| format!("the model does not fit: {misfit}")).collect()
    };
    Err(Failure::of(ExitStatus::Failed, problems))
}

fn write(directory: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = directory.join(name);
    std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, text)).map_err(|error| {
        let hint = "make room or give write permission, or choose another directory with --out".to_owned();
        Failure::new(ExitStatus::Failed, format!("{} can't be written: {error}", path.display()), Some(hint))
    })
}

fn chart(calibration: &Calibration) -> Calibrated {
    let sorted = |replies: &[Reply]| {
        let mut latencies: Vec<f64> = replies.iter().map(Reply::latency_ms).collect();
        latencies.sort_by(f64::total_cmp);
        latencies
    };
    let phases = calibration.measurement.phases.iter().map(|phase| {
        let fitted =
            calibration.fit.as_ref().and_then(|fit| fit.phases.iter().find(|fitted| fitted.design == phase.design));
        CalibratedPhase {
            label: label(&phase.design),
            measured: sorted(&phase.replies),
            modelled: fitted.map_or_else(Vec::new, |fitted| sorted(&fitted.replies)),
        }
    });
    Calibrated {
        name: calibration.name.clone(),
        source: calibration.source.clone(),
        fits: calibration.fits(),
        phases: phases.collect(),
    }
}

fn label(design: &Design) -> String {
    match design {
        Design::Closed { parallel } => format!("×{parallel}"),
        Design::Bursts { leaves } => format!("burst {}", leaves.len()),
        Design::Recorded(_) => design.words(),
    }
}

/// One phase in a line.
fn told(phase: &Phase) -> String {
    let failures = match phase.failures() {
        0 => String::new(),
        failures => format!(", {failures} that were no good answers"),
    };
    let mean = phase.mean_ms().map_or_else(String::new, |mean| format!(", mean {mean:.2} ms"));
    format!("  {}: {} answers{mean}{failures}", phase.design.words(), phase.replies.len())
}

fn address(url: &str) -> Result<Uri, Failure> {
    let wrong = |why: String| {
        let hint = "write http://HOST:PORT/function/NAME or https://...".to_owned();
        Failure::new(ExitStatus::Usage, format!("{url:?} is no address to measure: {why}"), Some(hint))
    };
    if url.split(['?', '#']).next().is_some_and(|before| before.contains('@')) {
        return Err(Failure::new(
            ExitStatus::Usage,
            "the address holds a user or a password, which would stand in files and in the list of processes",
            Some("leave it out".to_owned()),
        ));
    }
    let uri: Uri = url.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(error.to_string()))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => {}
        (Some(scheme), Some(_)) => return Err(wrong(format!("{scheme} is not spoken here"))),
        _ => return Err(wrong("scheme or host is missing".to_owned())),
    }
    Ok(uri)
}

/// The address without its query, which may hold what is nobody's business.
fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}{}", uri.scheme_str().unwrap_or("http"), uri.path())
}

fn name_of(uri: &Uri) -> String {
    let last = uri.path().rsplit('/').find(|part| !part.is_empty());
    last.unwrap_or("function").to_owned()
}

/// A name without what can't stand in a file's.
fn file_name(name: &str) -> String {
    name.chars().map(|sign| if sign.is_alphanumeric() || "-_.".contains(sign) { sign } else { '-' }).collect()
}

fn gateway(args: &Args, uri: &Uri) -> Result<Rest, Failure> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if args.gateway.is_none() && uri.scheme_str() == Some("https") {
        let problem = "--scale asks a gateway over plain HTTP, and the function's address is https".to_owned();
        let hint = "name the gateway with --gateway http://HOST:PORT, such as a forwarded port".to_owned();
        return Err(Failure::new(ExitStatus::Usage, problem, Some(hint)));
    }
    let base = args.gateway.clone().unwrap_or_else(|| format!("http://{authority}"));
    let password = args.password_file.as_ref().map(read_password).transpose()?;
    let function = uri.path().split('/').skip_while(|part| *part != "function").nth(1);
    let Some(function) = function.or(args.name.as_deref()) else {
        let problem = format!("--scale: {} is no address of a gateway's function", shown(uri));
        return Err(Failure::new(ExitStatus::Usage, problem, Some("name the function with --name".to_owned())));
    };
    let options = GatewayOptions {
        gateway: base,
        authorization: password.map(|password| Credentials { user: Credentials::USER.to_owned(), password }.into()),
        namespace: DEFAULT_NAMESPACE.to_owned(),
        functions: vec![function.to_owned()],
        ..GatewayOptions::default()
    };
    Rest::new(options).map_err(|error| Failure::from_error(ExitStatus::Usage, &error, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_is_refused_and_not_repeated() {
        let failure = address("http://admin:canary@127.0.0.1/function/f").expect_err("refused");
        assert!(!format!("{failure:?}").contains("canary"));
    }

    #[test]
    fn a_function_is_called_after_its_address() {
        let uri: Uri = "http://127.0.0.1:8080/function/ftest?number=50".parse().expect("an address");
        assert_eq!(name_of(&uri), "ftest");
        assert_eq!(shown(&uri), "http://127.0.0.1:8080/function/ftest");
    }
}
