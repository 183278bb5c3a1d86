//! `watchtower run`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ended::{Ended, json, status};
use super::exit::ExitStatus;
use super::failure::Failure;
use super::live::{Live, Watchers, address};
use super::load_pods;
use super::output::Printer;
use super::planned::{Planned, begun, kept_awake, resumed};
use super::progress::ProgressView;
use super::study_record::record;
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::{Cause, Interrupt};
use crate::schedule::share::{Share, UnknownShare};
use crate::stats::demand::DemandCurve;
use crate::study::demand::demand_while;
use crate::study::load_pods::Led;
use crate::study::plan::{Study, rounded};
use crate::study::resolve::{self, Overrides};
use crate::study::results::{ResultsError, Rows, shards};
use crate::study::runner::{Conduct, StudyError, resume_study, run_study};
use crate::study::target_kind::TargetKind;

/// The variable by which a pod of an Indexed Job knows its number, from 0.
const JOB_INDEX: &str = "JOB_COMPLETION_INDEX";

/// Run scenarios: every arm under the same load, everything recorded
///
/// Exit codes: 0 done; 1 a run failed or is invalid; 2 bad usage or scenario; 3 an expectation (`[expect]`) of the scenario is
/// not met; 130 after Ctrl-C and 143 after SIGTERM, with the results so far kept and marked partial.
#[expect(clippy::struct_excessive_bools, reason = "they are switches")]
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files
    #[arg(required_unless_present = "live", value_name = "SCENARIO")]
    pub(super) scenarios: Vec<PathBuf>,

    /// Where the function runs and is scaled: embedded; simulated, which is the same in virtual time; process, real Python behind the
    /// embedded gateway; openfaas, any gateway as [openfaas] names it; kubernetes, a cluster as [kubernetes] names it [default:
    /// embedded, or that of the study that goes on]
    #[arg(long, value_name = "TARGET")]
    pub(super) target: Option<TargetKind>,

    /// Run only this arm (may be given several times)
    #[arg(long = "arm", value_name = "NAME")]
    pub(super) arms: Vec<String>,

    /// How often each arm runs, instead of the scenario's own count
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) repeats: Option<u32>,

    /// Seed of the study, instead of the scenario's own
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// Results directory; must not exist (default: results/NAME-UTC). With several scenarios, a directory per scenario inside it
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Send only shard I of N of the load: workers, users and places are dealt out in turn, the others' requests come from other
    /// machines, and the autoscaler is the first shard's. `watchtower merge` unites the results (--target openfaas or simulated).
    /// 0/N leads and sends nothing, I/N+0 sends and is led by that; `job` for I is the index of a Kubernetes Indexed Job, plus 1
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Share>,

    /// When the load of the first run begins, the same for all shards: Unix seconds, or a time such as 2026-11-29T18:00:00Z.
    /// Further runs follow at fixed times (with --shard, by the wall clock)
    #[arg(long, value_name = "TIME", requires = "shard", value_parser = moment)]
    start_at: Option<Duration>,

    /// Have N pods of the cluster send the load, each its share, while this machine leads; their recordings are united, and the pods
    /// are gone afterwards (--target kubernetes)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with_all = ["shard", "resume", "live"])]
    pub(super) load_pods: Option<u32>,

    /// Image of this program for these pods, instead of the scenario's `load_image` in [kubernetes]
    #[arg(long, value_name = "IMAGE", requires = "load_pods")]
    pub(super) load_image: Option<String>,

    /// Write the shard to standard output, packed into lines of text that `watchtower merge` reads, instead of a table: for where
    /// only a log comes out
    #[arg(long, requires = "shard", conflicts_with_all = ["json", "live"])]
    pack: bool,

    /// Go on with the interrupted study in this directory: its finished runs are kept, the others are made. Target, seed and
    /// repeats are the study's own, if not given; more repeats may be asked for
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,

    /// Runs made at once in virtual time; changes no number (default: as many as there are cores; --target simulated only)
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Keep this machine's cores awake while runs go on: a thread of the lowest priority on each, which gives way to everything else.
    /// Where an idle core takes long to wake, as on guests of hypervisors, requests leave and answers are read on time (Linux; not
    /// --target simulated)
    #[arg(long, conflicts_with = "load_pods")]
    keep_awake: bool,

    /// Rows of requests to keep: all, or none, which leaves requests.csv out and everything else complete
    #[arg(long, value_name = "ROWS", value_enum, default_value_t)]
    rows: RowsWish,

    /// No charts and no page: `watchtower report DIR` makes them from the data at any time
    #[arg(long, conflicts_with = "live")]
    pub(super) no_report: bool,

    /// Show the report in a browser while the runs go on; its address is printed. ADDR is a port of this machine or an address
    /// with its port (default: 127.0.0.1 and a free port)
    #[arg(long, value_name = "ADDR", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "clap's way to say: an option that may stand without its value")]
    live: Option<Option<String>>,

    /// Print the results as JSON instead of a table
    #[arg(long)]
    json: bool,

    /// No progress; results, warnings and errors only
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// `--rows`.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum RowsWish {
    /// A row per request
    #[default]
    All,
    /// No requests.csv
    None,
}

impl From<RowsWish> for Rows {
    fn from(wish: RowsWish) -> Self {
        match wish {
            RowsWish::All => Self::All,
            RowsWish::None => Self::None,
        }
    }
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    load_pods::check_target(args)?;
    let (scenarios, live_at) = args.live_and_scenarios()?;
    let args = &Args { scenarios, ..args.clone() };
    let studies = match &args.resume {
        Some(directory) => vec![resumed(args, directory)?],
        None => begun(args)?,
    };
    let target = studies.first().map(|planned| planned.study.target).unwrap_or_default();
    if args.threads.is_some() && !target.is_virtual() {
        let problem = format!("--threads is about virtual time, and runs on the {target} target take turns");
        return Err(Failure::new(
            ExitStatus::Usage,
            problem,
            Some("leave it out, or add --target simulated".to_owned()),
        ));
    }
    if args.load_pods.is_some() {
        for planned in &studies {
            load_pods::wish(args, &planned.study)?;
        }
    }
    if let Some(at) = args.start_at {
        is_to_come(at, target)?;
    }
    let keep_awake = kept_awake(args.keep_awake, target, &studies)?;
    let conduct = Conduct { threads: args.threads, rows: args.rows.into(), start_at: args.start_at, keep_awake };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    let live = live_at.map(|address| Live::open(address, printer)).transpose()?;
    runtime.block_on(async {
        let mut interrupt =
            Interrupt::listen().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
        let mut ended: Vec<Ended> = Vec::new();
        let mut failure = None;
        for planned in &studies {
            let study = one_study(args, planned, conduct, printer, live.as_ref(), &mut interrupt);
            match Box::pin(study).await {
                Ok(end) => ended.push(end),
                Err(error) => failure = Some(error),
            }
            if failure.is_some() || ended.last().is_some_and(|ended| ended.end.interrupted) {
                break;
            }
        }
        // what was finished is shown, whatever became of the rest
        if args.pack {
            // whether a run is valid is seen of the whole
            if failure.is_none() && interrupt.cause().is_none() {
                return packed(&ended);
            }
        } else if args.json {
            Printer::result(&json(&ended)?);
        } else {
            ended.iter().for_each(Ended::print);
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok(match interrupt.cause() {
            Some(Cause::CtrlC) => ExitStatus::Interrupted,
            Some(Cause::Terminate) => ExitStatus::Terminated,
            None => status(&ended),
        })
    })
}

/// Shards as lines of text.
fn packed(ended: &[Ended]) -> Result<ExitStatus, Failure> {
    for ended in ended {
        shards::pack(&ended.end.results, &mut Printed)
            .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    }
    Ok(ExitStatus::Done)
}

/// Standard output, to the byte.
struct Printed;

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Printer::bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A shard as it is typed. `job` is for pods, which know their number from 0, and of which none is started by a shell.
fn shard(text: &str) -> Result<Share, String> {
    let number = match text.strip_prefix("job/") {
        None => return text.parse().map_err(|error: UnknownShare| error.to_string()),
        Some(rest) => {
            let index = std::env::var(JOB_INDEX).ok().and_then(|index| index.parse::<u32>().ok());
            let index = index.ok_or_else(|| format!("{JOB_INDEX} is not set: this is no pod of an Indexed Job"))?;
            format!("{}/{rest}", index.saturating_add(1))
        }
    };
    number.parse().map_err(|error: UnknownShare| error.to_string())
}

/// A point in time as it is typed: Unix seconds or RFC 3339. Since 1970.
fn moment(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| "is no Unix time".to_owned());
    }
    let time = text.parse::<jiff::Timestamp>();
    let time = time.map_err(|_| "write Unix seconds, or a time such as 2026-11-29T18:00:00Z".to_owned())?;
    Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH)).map_err(|_| "is before 1970".to_owned())
}

/// Whether the shards can still begin together.
fn is_to_come(at: Duration, target: TargetKind) -> Result<(), Failure> {
    let late = Clock::unix_now().saturating_sub(at);
    let (problem, hint) = if target.is_virtual() {
        ("--start-at is about the wall clock, and virtual time has none".to_owned(), "leave it out")
    } else if late.is_zero() {
        return Ok(());
    } else {
        (
            format!("--start-at was {} ago", rounded(late)),
            "give all shards a time to come, the warm-up and some seconds away",
        )
    };
    Err(Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned())))
}

impl Args {
    /// The scenarios, and where the page is shown if it is asked for. What follows `--live` and is no address is a scenario.
    fn live_and_scenarios(&self) -> Result<(Vec<PathBuf>, Option<SocketAddr>), Failure> {
        let mut scenarios = self.scenarios.clone();
        let at = self.live.as_ref().and_then(|typed| match address(typed.as_deref()) {
            None => {
                scenarios.extend(typed.as_ref().map(PathBuf::from));
                address(None)
            }
            at => at,
        });
        if scenarios.is_empty() {
            let hint = "watchtower run SCENARIO --live";
            return Err(Failure::new(ExitStatus::Usage, "no scenario is given".to_owned(), Some(hint.to_owned())));
        }
        Ok((scenarios, at))
    }
}

/// Asks the model for the demand, which for a long load takes its time, and gives up when the end is asked for.
async fn demand_of(study: &Study, interrupt: &mut Interrupt) -> DemandCurve {
    let (stopped, asked) = (Arc::new(AtomicBool::new(false)), study.clone());
    let stop = Arc::clone(&stopped);
    let mut demand = tokio::task::spawn_blocking(move || demand_while(&asked, &|| !stop.load(Ordering::Relaxed)));
    let demand = tokio::select! {
        biased;
        demand = &mut demand => demand,
        () = interrupt.wait() => {
            stopped.store(true, Ordering::Relaxed);
            demand.await
        }
    };
    demand.unwrap_or_else(|_panicked| DemandCurve::unknown())
}

/// A scenario file, checked and resolved.
pub(super) fn load_study(path: &Path, overrides: &Overrides) -> Result<Study, Failure> {
    resolve::load(path, overrides).map_err(|error| Failure::of(ExitStatus::Usage, error.texts().collect()))
}

async fn one_study(
    args: &Args,
    planned: &Planned,
    conduct: Conduct,
    printer: Printer,
    live: Option<&Live>,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let Planned { study, results, before } = planned;
    let (runs, duration) = (study.runs(), rounded(study.duration()));
    let (runs, time) = (
        if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") },
        if study.target.is_virtual() { " of virtual time" } else { "" },
    );
    let most = if study.until.is_some() { "at most " } else { "" };
    let goes_on = if before.is_some() { ", those that are finished left out" } else { "" };
    printer.say(&format!(
        "{}: {most}{runs} on the {} target, about {duration}{time} in all{goes_on}",
        study.name, study.target
    ));

    if let Some(live) = live {
        live.show(results);
    }
    let mut view = Watchers::new(ProgressView::new(printer), live);
    let demand = demand_of(study, interrupt).await;
    let record = record(study, &demand, conduct);
    if args.load_pods.is_some() {
        let led = Led { study, record: &record, demand: &demand, results, conduct };
        return Box::pin(load_pods::one_study(args, &led, &mut view, printer, interrupt)).await;
    }
    let end = match before {
        Some(_) => resume_study(study, &record, &demand, results, conduct, &mut view, interrupt).await,
        None => run_study(study, &record, &demand, results, conduct, &mut view, interrupt).await,
    };
    let end = end.map_err(|error| {
        // what could not even begin is a matter of how the command was given
        let refused = matches!(error, StudyError::Results(ResultsError::Exists(_) | ResultsError::Locked(_)));
        let begun = results.join("study.json").exists() && !refused;
        let status = if begun { ExitStatus::Failed } else { ExitStatus::Usage };
        let hint = begun.then(|| format!("results so far are in {}", results.display()));
        Failure::from_error(status, &error, hint)
    })?;
    if !args.pack {
        reported(results, !args.no_report, live, printer)?;
    }
    Ok(Ended::of(record, end))
}

/// Draws what there is in a results directory, if that is wanted, and says where it is.
pub(super) fn reported(results: &Path, is_drawn: bool, live: Option<&Live>, printer: Printer) -> Result<(), Failure> {
    if is_drawn {
        crate::report::write(results).map_err(|error| {
            let hint = format!("the data is safe; try `watchtower report {}`", results.display());
            Failure::from_error(ExitStatus::Failed, &error, Some(hint))
        })?;
    }
    if let Some(live) = live {
        live.ended(results);
    }
    printer.say(&format!("results in {}", results.display()));
    Ok(())
}
