//! `watchtower replay`.

mod output;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::Arm;
use crate::drive::replay::recorded;
use crate::policy::registry::{POLICIES, PolicyInfo, find};
use crate::policy::settings::{Kind, Parameter, SettingError, Settings, Value};
use crate::random::Seed;
use crate::study::nearest::nearest;
use crate::study::recording::{self, Choice, Recorded, RecordedArm, RecordingError, Source};

/// What a policy would have done on recorded counters, or in a recorded run
///
/// Needs no network and no clock. Prints what the policy decided as CSV: `t_s,kind,from,to,reason`. A row of kind `scale` changed
/// the desired replicas. With several functions a last column names the function. What the recording does not know of the
/// truth is said on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The policy's name; of a results directory also the name of an arm of its study, whose settings then count
    #[arg(long, value_name = "NAME")]
    policy: String,

    /// What was recorded: a CSV with the columns `t_s,code,value`, an answer of Prometheus' API as JSON, or a results directory
    ///
    /// A CSV counts from the load's start, of one function; NAME=FILE (several times) for several functions. JSON is that of a range
    /// query, or of an instant query such as `gateway_function_invocation_total[10m]` (which has the very samples), in Unix time;
    /// its functions are told apart by the label `function_name`, of which NAME=FILE takes one. A results directory of `watchtower
    /// run`, or runs/ARM-REPEAT in it, is one run with every answer and every probe.
    #[arg(long = "counter", value_name = "[NAME=]FILE|DIR", required = true)]
    counters: Vec<Counter>,

    /// Of a results directory: the arm whose run it is
    #[arg(long, value_name = "NAME")]
    arm: Option<String>,

    /// Of a results directory: the repeat, from 1
    #[arg(long, value_name = "N")]
    repeat: Option<u32>,

    /// Unix time of `t_s` = 0, in seconds: where the load began on the grid of Prometheus' evaluations
    ///
    /// Without it a CSV is taken to begin at 0, JSON at its first sample, and a run at the moment at which it began.
    #[arg(long, value_name = "S", value_parser = unix_seconds)]
    start_unix: Option<Duration>,

    /// A setting of the policy (may be given several times); a bare number where a duration is wanted counts seconds
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,

    /// Seed of what the settings leave to chance; the recorded run's, or 1
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Print JSON instead of CSV
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  # a counter in a CSV, its load begun at that Unix time
  watchtower replay --policy openfaas-ce --counter counter.csv --start-unix 1795457216.874

  # what a Prometheus has stored of the last half hour, all functions of it
  curl -sG http://127.0.0.1:9090/api/v1/query \\
    --data-urlencode 'query=gateway_function_invocation_total[30m]' > counters.json
  watchtower replay --policy openfaas-ce --counter counters.json

  # what the Community Edition would have done in the second run of the arm watchtower
  watchtower replay --policy openfaas-ce --counter results/ftest --arm watchtower --repeat 2

  # what a more patient watch tower would have done in that run
  watchtower replay --policy watchtower --counter results/ftest/runs/watchtower-2 --set scale_up_rounds=4";

#[derive(Clone, Debug)]
struct Counter(Source);

impl FromStr for Counter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |text: &str| Self(Source { function: None, path: PathBuf::from(text) });
        Ok(match text.split_once('=') {
            // a file whose own name has the sign in it
            _ if Path::new(text).exists() => path(text),
            Some(("", _)) => return Err("the name before \"=\" is empty".to_owned()),
            Some((_, "")) => return Err("the file after \"=\" is missing".to_owned()),
            Some((name, file)) if !name.contains('/') => {
                Self(Source { function: Some(name.to_owned()), path: file.into() })
            }
            _ => path(text),
        })
    }
}

#[derive(Clone, Debug)]
struct Setting {
    key: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
        Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
    }
}

/// To the microsecond, which is what a binary fraction holds of a Unix time.
fn unix_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let exact =
        Duration::try_from_secs_f64(seconds).map_err(|_| "must be at least 0 and not absurdly large".to_owned())?;
    if exact.as_secs() > LATEST_UNIX_S {
        return Err("must be seconds, not milliseconds, since 1970".to_owned());
    }
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// The year 5138; a time in milliseconds is later than that.
const LATEST_UNIX_S: u64 = 100_000_000_000;

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    let sources: Vec<Source> = args.counters.iter().map(|counter| counter.0.clone()).collect();
    // a policy that can't be meant is told of before anything is read
    let is_run = sources.iter().any(|source| source.path.is_dir());
    if !is_run {
        policy(&args.policy, &[])?;
    }
    let choice = Choice { arm: args.arm.as_deref(), repeat: args.repeat };
    let recorded_run = recording::read(&sources, args.start_unix, choice).map_err(|error| unreadable(&error))?;
    let (arm, of_study) = arm(&args.policy, &args.settings, &recorded_run)?;
    probes_are_there(&arm, &recorded_run)?;
    let printer = Printer::new(false);
    if let Some((of, repeat)) = &recorded_run.of {
        let settings = if of_study { "the study's" } else { "the policy's defaults" };
        let start = recorded_run.load_start.as_secs_f64();
        printer.say(&format!("run {of}-{repeat}, its load begun at Unix time {start:.3}; settings: {settings}"));
    }
    for unknown in &recorded_run.unknown {
        printer.say(&format!("not known: {unknown}"));
    }
    let seed = args.seed.map(Seed).or(recorded_run.seed).unwrap_or(Seed(1));
    let replayed = recorded(&arm, seed, recorded_run.load_start, &recorded_run.run);
    let told = output::Told { arm: &arm, of_study, seed, recorded: &recorded_run, replayed: &replayed };
    Printer::result(&if args.json { told.json()? } else { told.csv()? });
    Ok(ExitStatus::Done)
}

/// What can't be read is wrong usage, unless it was read and is damaged.
fn unreadable(error: &RecordingError) -> Failure {
    use crate::study::results::ResultsError::{NotResults, Version};
    let status = match error {
        RecordingError::Results(NotResults(_) | Version { .. }) => ExitStatus::Usage,
        RecordingError::Results(_) => ExitStatus::Failed,
        _ => ExitStatus::Usage,
    };
    Failure::new(status, error.to_string(), None)
}

/// The arm to replay, and whether its settings begin with those of the recorded study.
fn arm(name: &str, given: &[Setting], recorded: &Recorded) -> Result<(Arm, bool), Failure> {
    let known = recorded.arms.iter().find(|arm| arm.name == name);
    let policy = policy(known.map_or(name, |arm| arm.policy.as_str()), &recorded.arms)?;
    let parameters = (policy.parameters)();
    let mut defaults = Settings::defaults(&parameters);
    for (key, value) in known.into_iter().flat_map(|arm| &arm.settings) {
        // keys that every arm has are no settings of its policy
        let _ = defaults.set(&parameters, key, value.clone());
    }
    if policy.name == "openfaas-ce" {
        recorded.phases.fit(&mut defaults);
    }
    let settings = settings(policy, defaults, given)?;
    Ok((Arm { name: name.to_owned(), policy, settings }, known.is_some()))
}

/// A policy that decides on probes needs some.
fn probes_are_there(arm: &Arm, recorded: &Recorded) -> Result<(), Failure> {
    if !arm.policy.probes || !recorded.run.probes.is_empty() {
        return Ok(());
    }
    let name = &arm.policy.name;
    let (what, hint) = match &recorded.of {
        None => (
            "recorded counters hold none".to_owned(),
            "give a results directory and an arm of it that probes (--arm)".to_owned(),
        ),
        Some((of, repeat)) => {
            (format!("the run {of}-{repeat} holds none"), "give a run of an arm that probes (--arm)".to_owned())
        }
    };
    let problem = format!("--policy {name} decides on the latency of its probes, and {what}");
    Err(Failure::new(ExitStatus::Usage, problem, Some(hint)))
}

fn policy(name: &str, arms: &[RecordedArm]) -> Result<&'static PolicyInfo, Failure> {
    let replayable = |policy: &&PolicyInfo| policy.scaler.is_pure();
    if find(name).is_some_and(|policy| !replayable(&policy)) {
        let problem =
            format!("--policy {name}: it is not computed by this program, so it can't be asked about the past");
        let hint = "use --policy openfaas-ce, the same chain emulated".to_owned();
        return Err(Failure::new(ExitStatus::Usage, problem, Some(hint)));
    }
    find(name).ok_or_else(|| {
        let mut known: Vec<&str> = POLICIES.iter().filter(replayable).map(|policy| policy.name).collect();
        let others = arms.iter().map(|arm| arm.name.as_str()).filter(|arm| find(arm).is_none());
        known.extend(others.collect::<Vec<_>>());
        let meant = nearest(name, known.iter().copied()).map(|meant| format!("did you mean \"{meant}\"? "));
        let hint = format!("{}known are {}", meant.unwrap_or_default(), known.join(", "));
        Failure::new(ExitStatus::Usage, format!("--policy {name}: there is no such policy"), Some(hint))
    })
}

fn settings(policy: &PolicyInfo, mut settings: Settings, given: &[Setting]) -> Result<Settings, Failure> {
    let parameters = (policy.parameters)();
    for Setting { key, value } in given {
        let parameter = parameters.iter().find(|parameter| parameter.name == *key);
        let typed = parameter.map_or_else(|| Value::Owned(value.clone()), |parameter| typed(parameter, value));
        settings.set(&parameters, key, typed).map_err(|error| {
            let problem = format!("--set {key}={value} {error}");
            let hint = match &error {
                SettingError::Unknown => {
                    let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
                    let meant = nearest(key, known.iter().copied()).map(|meant| format!("did you mean {meant}? "));
                    format!("{}{} has {}", meant.unwrap_or_default(), policy.name, known.join(", "))
                }
                _ => parameter.map_or_else(String::new, |parameter| format!("allowed is {}", parameter.kind)),
            };
            Failure::new(ExitStatus::Usage, problem, Some(hint))
        })?;
    }
    Ok(settings)
}

/// A value as the command line gives it: text that looks like what the setting wants becomes that.
fn typed(parameter: &Parameter, text: &str) -> Value {
    if matches!(parameter.kind, Kind::Duration { .. } | Kind::DurationOr(_)) {
        return match text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(duration) => Value::Duration(duration),
            None => Value::Owned(text.replace(' ', "")),
        };
    }
    if let Ok(number) = text.parse::<i64>() {
        Value::Integer(number)
    } else if let Ok(number) = text.parse::<f64>() {
        Value::Number(number)
    } else if let Ok(switch) = text.parse::<bool>() {
        Value::Switch(switch)
    } else {
        Value::Owned(text.to_owned())
    }
}
