//! `watchtower tune`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::ExitStatus;
use super::failure::Failure;
use super::fit::{Width, aligned};
use super::output::Printer;
use super::planned::utc_stamp;
use super::run::load_study;
use crate::drive::live::interrupt::{Cause, Interrupt};
use crate::study::resolve::Overrides;
use crate::study::results::tuning::{
    TuneDir, TuneRecord, arm_block, confirmation_table, sensitivity_table, sentences, settings_table,
};
use crate::study::target_kind::TargetKind;
use crate::study::tune::{self, Options, Progress, TuneError, TuneObserver, Tuning};

/// Search an arm's settings in virtual time: cost against violations of the objective
///
/// Tries settings over several seeds, stops those that are hopeless early, and recommends one: the cheapest that meets the objective
/// or, if none does, where the front turns. The recommendation is confirmed on seeds the search did not see, beside the arm as the
/// scenario has it. Ranges come from the policy, or from [tune.ranges] in the scenario; with several scenarios one setting is searched
/// that is good in all of them.
///
/// Exit codes: 0 done; 1 files could not be written; 2 bad usage or scenario; 130 after Ctrl-C and 143 after SIGTERM, with what was
/// tried kept: go on with --resume.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files; with --resume those the search began with are taken if none is given
    #[arg(value_name = "SCENARIO", required_unless_present = "resume")]
    scenarios: Vec<PathBuf>,

    /// The arm whose settings are searched
    #[arg(long, value_name = "NAME", required_unless_present = "resume")]
    arm: Option<String>,

    /// How many settings are tried, instead of the scenario's own count (200 if it has none)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    budget: Option<u32>,

    /// With how many seeds each is tried unless it is hopeless before, instead of the scenario's own count (5 if it has none)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    seeds: Option<u32>,

    /// Seed of the search and of its runs, instead of the scenario's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Directory to write; must not exist (default: results/tune-NAME-UTC)
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,

    /// Go on with a search that was cut short, or with a larger --budget
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,

    /// Runs made at once; changes no number (default: as many as there are cores)
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print what is in tune.json instead of tables
    #[arg(long)]
    json: bool,

    /// No progress; results, warnings and errors only
    #[arg(short, long)]
    pub(super) quiet: bool,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    let begun = args.resume.as_deref().map(TuneDir::record).transpose().map_err(|error| usage(&error))?;
    let wanted = Wanted::of(args, begun.as_ref());
    let overrides = Overrides {
        target: TargetKind::Simulated,
        arms: vec![wanted.arm.clone()],
        repeats: Some(1),
        seed: wanted.seed,
        aa: None,
        share: None,
    };
    let studies = wanted.files.iter().map(|path| load_study(path, &overrides)).collect::<Result<Vec<_>, _>>()?;
    let options = Options { budget: wanted.budget, seeds: wanted.seeds };
    let mut tuning = Tuning::new(studies, options).map_err(|error| usage(&error))?;
    if let Some(begun) = &begun {
        tuning.go_on_with(begun, &path_of(args)).map_err(|error| usage(&error))?;
    }
    let tuning = Arc::new(tuning);
    let files: Vec<String> = wanted.files.iter().map(|path| path.display().to_string()).collect();
    let command = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let record = TuneRecord { command, ..tuning.record(&files) };
    let results = match &args.resume {
        Some(results) => results.clone(),
        None => args.out.clone().unwrap_or_else(|| default_directory(&tuning)),
    };
    let failed = |error: &dyn std::error::Error| Failure::from_error(ExitStatus::Failed, error, None);
    let (mut directory, recorded) = if begun.is_some() {
        TuneDir::resume(&results, &record).map_err(|error| failed(&error))?
    } else {
        (TuneDir::create(&results, &record).map_err(|error| usage(&error))?, Vec::new())
    };
    if begun.is_some() {
        directory.write_record(&record).map_err(|error| failed(&error))?;
    }
    printer.say(&format!(
        "{}: {} settings of arm \"{}\" are searched, at most {} tries with {} each, in virtual time{}",
        tuning.studies.iter().map(|study| study.name.as_str()).collect::<Vec<_>>().join(", "),
        tuning.settings.len(),
        tuning.arm,
        tuning.extent.budget,
        if tuning.extent.seeds == 1 { "1 seed".to_owned() } else { format!("{} seeds", tuning.extent.seeds) },
        if recorded.is_empty() { String::new() } else { format!("; {} runs are there already", recorded.len()) },
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let mut view = View::new(printer, tuning.extent.budget as u64);
    let (end, cause) = runtime.block_on(async {
        let mut interrupt = Interrupt::listen().map_err(|error| failed(&error))?;
        let end = tune::run(&tuning, &mut directory, record, recorded, args.threads, &mut view, &mut interrupt).await;
        Ok::<_, Failure>((end, interrupt.cause()))
    })?;
    view.finish();
    let end = end.map_err(|error| match error {
        TuneError::Other { .. } => usage(&error),
        _ => Failure::from_error(
            ExitStatus::Failed,
            &error,
            Some(format!("what was tried is in {}; go on with --resume", results.display())),
        ),
    })?;
    crate::report::write_tuning(&results).map_err(|error| failed(&error))?;
    if args.json {
        let json = serde_json::to_string_pretty(&end.record).map_err(|error| failed(&error))?;
        Printer::result(&json);
    } else {
        Printer::result(&text(&end.record));
    }
    printer.say(&format!("results in {}", results.display()));
    Ok(match cause {
        Some(cause) if end.interrupted => {
            printer.warn(&format!("interrupted; go on with watchtower tune --resume {}", results.display()));
            match cause {
                Cause::CtrlC => ExitStatus::Interrupted,
                Cause::Terminate => ExitStatus::Terminated,
            }
        }
        _ => ExitStatus::Done,
    })
}

/// What is searched: as the command line says, or as the search began.
struct Wanted {
    files: Vec<PathBuf>,
    arm: String,
    seed: Option<u64>,
    budget: Option<u32>,
    seeds: Option<u32>,
}

impl Wanted {
    fn of(args: &Args, begun: Option<&TuneRecord>) -> Self {
        let files = match begun {
            Some(begun) if args.scenarios.is_empty() => {
                begun.scenarios.iter().map(|scenario| PathBuf::from(&scenario.file)).collect()
            }
            _ => args.scenarios.clone(),
        };
        let begun_with = |of: fn(&TuneRecord) -> u64| begun.and_then(|begun| u32::try_from(of(begun)).ok());
        Self {
            files,
            arm: args.arm.clone().or_else(|| begun.map(|begun| begun.arm.clone())).unwrap_or_default(),
            seed: args.seed.or_else(|| begun.map(|begun| begun.seed)),
            budget: args.budget.or_else(|| begun_with(|begun| begun.budget)),
            seeds: args.seeds.or_else(|| begun_with(|begun| begun.search_seeds.len() as u64)),
        }
    }
}

fn path_of(args: &Args) -> String {
    args.resume.as_deref().unwrap_or(Path::new("")).display().to_string()
}

fn usage(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(ExitStatus::Usage, error, None)
}

fn default_directory(tuning: &Tuning) -> PathBuf {
    let name = tuning.studies.first().map_or("search", |study| study.name.as_str());
    Path::new("results").join(format!("tune-{name}-{}", utc_stamp()))
}

/// What a person is told at the end.
fn text(record: &TuneRecord) -> String {
    let mut parts = vec![sentences(record).join("\n") + "\n"];
    for (cells, words) in [(confirmation_table(record), 2), (settings_table(record), 1), (sensitivity_table(record), 1)]
    {
        if !cells.is_empty() {
            parts.push(aligned(&cells, words, Width::of_stdout()));
        }
    }
    if let Some(recommendation) = &record.recommendation {
        parts.push(arm_block(&recommendation.arm));
    }
    parts.join("\n")
}

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Shows how far the search is.
struct View {
    printer: Printer,
    bar: ProgressBar,
    last_line: Duration,
}

impl View {
    fn new(printer: Printer, budget: u64) -> Self {
        let bar = if printer.is_interactive() { ProgressBar::new(budget) } else { ProgressBar::hidden() };
        let template = "{prefix:.bold} {bar:28.cyan/dim} {elapsed_precise:.dim} ETA {eta:<4} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        bar.set_prefix("tuning");
        Self { printer, bar, last_line: Duration::ZERO }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl TuneObserver for View {
    fn tune_goes_on(&mut self, progress: &Progress) {
        let text = format!("{} of {} settings, {} runs", progress.begun, progress.budget, progress.runs);
        self.bar.set_position(progress.begun);
        let elapsed = self.bar.elapsed();
        if !self.printer.is_interactive() && elapsed >= self.last_line + LINE_EVERY {
            self.last_line = elapsed;
            self.printer.say(&format!("  {:>4} s  {text}", elapsed.as_secs()));
        }
        self.bar.set_message(text);
    }
}
