//! `watchtower replay`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use crate::drive::Arm;
use crate::drive::replay::{Recording, ReplayEvent, Replayed, counters};
use crate::policy::FunctionInfo;
use crate::policy::registry::{POLICIES, PolicyInfo, find};
use crate::policy::settings::{Kind, Parameter, SettingError, Settings, Value};
use crate::random::Seed;
use crate::study::nearest::nearest;
use crate::study::recording;

/// What a policy would have done on recorded counters
///
/// Needs no network and no clock. Prints what the policy decided as CSV: `t_s,kind,from,to,reason`. A row of kind `scale` changed
/// the desired replicas. With several functions a last column names the function.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy's name
    #[arg(long, value_name = "NAME")]
    policy: String,

    /// A recorded counter: CSV with the columns `t_s,code,value`; NAME=FILE (several times) for several functions
    #[arg(long = "counter", value_name = "[NAME=]FILE", required = true)]
    counters: Vec<Counter>,

    /// Unix time of `t_s` = 0, in seconds: where the load began on the grid of Prometheus' evaluations
    #[arg(long, value_name = "S", default_value = "0", value_parser = unix_seconds)]
    start_unix: Duration,

    /// A setting of the policy (may be given several times); a bare number where a duration is wanted counts seconds
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,

    /// Seed of what the settings leave to chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Print JSON instead of CSV
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug)]
struct Counter {
    function: Option<String>,
    path: PathBuf,
}

impl FromStr for Counter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once('=') {
            Some(("", _)) => return Err("the name before \"=\" is empty".to_owned()),
            Some((name, path)) if !name.contains(['/', '.']) => {
                Self { function: Some(name.to_owned()), path: path.into() }
            }
            _ => Self { function: None, path: text.into() },
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

fn unix_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "must be at least 0 and not absurdly large".to_owned())
}

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    let policy = policy(&args.policy)?;
    let settings = settings(policy, &args.settings)?;
    let mut recordings = Vec::new();
    for (index, counter) in args.counters.iter().enumerate() {
        let samples =
            recording::read(&counter.path).map_err(|error| Failure::new(ExitStatus::Usage, error.to_string(), None))?;
        let name = counter.function.clone().unwrap_or_else(|| match index {
            0 => "function".to_owned(),
            _ => format!("function{}", index + 1),
        });
        recordings.push(Recording::new(FunctionInfo { name, ..FunctionInfo::default() }, samples));
    }
    let arm = Arm { name: policy.name.to_owned(), policy, settings };
    let replayed = counters(&arm, Seed(args.seed), args.start_unix, &recordings);
    let names: Vec<&str> = recordings.iter().map(|recording| recording.info.name.as_str()).collect();
    Printer::result(&if args.json { json(&replayed, &names)? } else { csv_text(&replayed, &names)? });
    Ok(ExitStatus::Done)
}

fn policy(name: &str) -> Result<&'static PolicyInfo, Failure> {
    let replayable = |policy: &&PolicyInfo| policy.scaler.is_pure();
    if find(name).is_some_and(|policy| !replayable(&policy)) {
        let problem = format!("--policy {name}: these are real programs, which can't be asked about the past");
        let hint = "use --policy openfaas-ce, the same chain emulated".to_owned();
        return Err(Failure::new(ExitStatus::Usage, problem, Some(hint)));
    }
    find(name).ok_or_else(|| {
        let known: Vec<&str> = POLICIES.iter().filter(replayable).map(|policy| policy.name).collect();
        let meant = nearest(name, known.iter().copied()).map(|meant| format!("did you mean \"{meant}\"? "));
        let hint = format!("{}known are {}", meant.unwrap_or_default(), known.join(", "));
        Failure::new(ExitStatus::Usage, format!("--policy {name}: there is no such policy"), Some(hint))
    })
}

fn settings(policy: &PolicyInfo, given: &[Setting]) -> Result<Settings, Failure> {
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
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

fn function<'a>(event: &ReplayEvent, names: &[&'a str]) -> &'a str {
    event.function.and_then(|function| names.get(function.0 as usize)).copied().unwrap_or_default()
}

fn csv_text(replayed: &Replayed, names: &[&str]) -> Result<String, Failure> {
    let several = names.len() > 1;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["t_s", "kind", "from", "to", "reason"];
    if several {
        head.push("function");
    }
    let failed = |error: csv::Error| Failure::from_error(ExitStatus::Failed, &error, None);
    writer.write_record(&head).map_err(failed)?;
    for event in &replayed.events {
        let number = |number: Option<u32>| number.map_or(String::new(), |number| number.to_string());
        let mut row = vec![
            format!("{:.3}", event.t_s),
            event.kind.as_str().to_owned(),
            number(event.from),
            number(event.to),
            event.reason.text.clone(),
        ];
        if several {
            row.push(function(event, names).to_owned());
        }
        writer.write_record(&row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json(replayed: &Replayed, names: &[&str]) -> Result<String, Failure> {
    let events: Vec<_> = replayed
        .events
        .iter()
        .map(|event| {
            serde_json::json!({
                "t_s": event.t_s,
                "kind": event.kind.as_str(),
                "from": event.from,
                "to": event.to,
                "reason": event.reason.text,
                "value": event.reason.value,
                "function": event.function.map(|_| function(event, names)),
            })
        })
        .collect();
    serde_json::to_string_pretty(&serde_json::json!({ "events": events, "end_s": replayed.end_s }))
        .map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))
}
