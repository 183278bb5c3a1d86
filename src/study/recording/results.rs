//! One run out of a results directory: every answer its load and its policy's probes got, with what stands beside them.
//!
//! The gateway's counters are put together from these. What the files don't tell is put down in words: when the gateway counted
//! (an answer is counted before its last byte is at the client), what became of requests that got no answer, and when exactly
//! the warm-up's requests were answered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Choice, Recorded, RecordedArm, RecordingError};
use crate::drive::PROBE_TIMEOUT;
use crate::drive::replay::{
    Answered, Counted, RecordedMetrics, RecordedProbe, RecordedReplicas, RecordedRun, Recording,
};
use crate::policy::FunctionInfo;
use crate::policy::openfaas_ce::real::Phases;
use crate::policy::settings::Value;
use crate::random::Seed;
use crate::record::{ErrorKind, FunctionId, Measurement, PodSample, ReplicaId};
use crate::study::nearest::nearest;
use crate::study::results::summary::{RunSummary, StudyRecord};
use crate::study::results::{EventRecord, MetricsRecord, ProbeRecord, ResultsDir, ResultsError, run_name};

/// Reads the run that `path` and `choice` name.
pub(super) fn read(path: &Path, start: Option<Duration>, choice: Choice<'_>) -> Result<Recorded, RecordingError> {
    let (root, named) = root_of(path)?;
    let (directory, record) = ResultsDir::open(&root)?;
    let (arm, repeat) = chosen(&directory, &record, named.as_deref(), choice)?;
    let name = run_name(&arm, repeat);
    let run_path = directory.run_path(&name);
    let file = run_path.join("requests.csv");
    if !file.exists() {
        return Err(RecordingError::NoRows(run_path));
    }
    let events = directory.events(&name)?;
    let summary: Option<RunSummary> = directory.summary(&name)?;
    let scenario = Scenario::of(&root, &record)?;
    let span = span(&events);
    let load_start = match (start, &summary) {
        (Some(start), _) => start,
        (None, Some(summary)) => load_start(summary, span),
        (None, None) => return Err(RecordingError::NoStart(run_path)),
    };

    let mut unknown = Vec::new();
    let requests = Requests::read(&directory, &name)?;
    let mut answers = requests.answers;
    let probes: Vec<ProbeRecord> = directory.probes(&name)?;
    answers.extend(probes.iter().filter_map(|probe| {
        let (latency_ms, code) = (probe.latency_ms?, probe.status.parse().ok()?);
        Some(Answered { t_s: probe.t_s + latency_ms / 1e3, code })
    }));
    let warm_up = warm_up(&events, span, scenario.warm_up_every_s);
    say_what_is_unknown(&mut unknown, &requests.unanswered, &warm_up, summary.as_ref(), &record.target);
    answers.extend(warm_up);

    let info = FunctionInfo { name: scenario.function, labels: scenario.labels };
    let recording = Recording {
        replicas: scenario.replicas,
        bounds: scenario.bounds,
        ..Recording::of(info, Counted::Answers(answers))
    };
    let metrics = recorded_metrics(&directory.metrics(&name)?);
    let replicas = recorded_replicas(&events, scenario.replicas);
    if metrics.is_empty() {
        unknown.push(
            "the platform's metrics: the run's policy read none, so a policy that decides by them decides nothing"
                .to_owned(),
        );
    }
    let run = RecordedRun {
        functions: vec![recording],
        probes: recorded_probes(&probes),
        metrics,
        replicas,
        span: Some(span),
    };
    let seed = summary.as_ref().map(|summary| summary.seed).or_else(|| record.seeds.get(repeat as usize - 1).copied());
    Ok(Recorded {
        run,
        load_start,
        seed: seed.map(Seed),
        phases: phases(&events),
        arms: scenario.arms,
        of: Some((arm, repeat)),
        files: vec![file],
        unknown,
    })
}

/// The one run that `path` and `choice` name: its directory, its study, and its own name.
pub(in crate::study) fn run_of(
    path: &Path,
    choice: Choice<'_>,
) -> Result<(ResultsDir, StudyRecord, String), RecordingError> {
    let (root, named) = root_of(path)?;
    let (directory, record) = ResultsDir::open(&root)?;
    let (arm, repeat) = chosen(&directory, &record, named.as_deref(), choice)?;
    let name = run_name(&arm, repeat);
    Ok((directory, record, name))
}

/// The results directory that `path` is or lies in, and the run it names.
fn root_of(path: &Path) -> Result<(PathBuf, Option<String>), RecordingError> {
    if path.join("study.json").exists() {
        return Ok((path.to_owned(), None));
    }
    // so that "." in a run's directory and links to one have parents too
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let runs = real.parent().filter(|parent| parent.ends_with("runs"));
    match (runs.and_then(Path::parent), real.file_name()) {
        (Some(root), Some(name)) if root.join("study.json").exists() => {
            Ok((root.to_owned(), Some(name.to_string_lossy().into_owned())))
        }
        _ => Err(RecordingError::NotResults(path.to_owned())),
    }
}

/// Arm and repeat of the one run that is meant.
fn chosen(
    directory: &ResultsDir,
    record: &StudyRecord,
    named: Option<&str>,
    choice: Choice<'_>,
) -> Result<(String, u32), RecordingError> {
    let begun = |arm: &str, repeat: u32| directory.run_path(&run_name(arm, repeat)).is_dir();
    let all: Vec<(&str, u32)> = record
        .arms
        .iter()
        .flat_map(|arm| (1..=record.repeats.max(1)).map(|repeat| (arm.name.as_str(), repeat)))
        .filter(|(arm, repeat)| begun(arm, *repeat))
        .collect();
    let fits = |(arm, repeat): &&(&str, u32)| {
        named.is_none_or(|named| run_name(arm, *repeat) == named)
            && choice.arm.is_none_or(|wanted| wanted == *arm)
            && choice.repeat.is_none_or(|wanted| wanted == *repeat)
    };
    let fitting: Vec<&(&str, u32)> = all.iter().filter(fits).collect();
    let path = directory.path().display();
    let listed = |runs: &mut dyn Iterator<Item = &(&str, u32)>| {
        let runs: Vec<String> = runs.map(|(arm, repeat)| run_name(arm, *repeat)).collect();
        runs.join(", ")
    };
    let problem = match fitting.as_slice() {
        [(arm, repeat)] => return Ok(((*arm).to_owned(), *repeat)),
        [] if all.is_empty() => format!("{path} holds no runs"),
        [] => format!("{path} has no such run; there are {}", listed(&mut all.iter())),
        several => format!("{path} holds {} runs: {}", several.len(), listed(&mut several.iter().copied())),
    };
    let meant = choice.arm.filter(|wanted| all.iter().all(|(arm, _)| arm != wanted));
    let meant = meant.and_then(|wanted| nearest(wanted, all.iter().map(|(arm, _)| *arm)));
    let remedy = match meant {
        Some(meant) => format!("did you mean --arm {meant}?"),
        None => format!("choose one: --arm NAME, --repeat N, or {path}/runs/NAME as the counter"),
    };
    Err(RecordingError::WhichRun { problem, remedy })
}

/// What the scenario, as `study.json` keeps it, says of the function and of the warm-up.
struct Scenario {
    function: String,
    labels: std::collections::BTreeMap<String, String>,
    replicas: u32,
    bounds: (u32, u32),
    warm_up_every_s: f64,
    arms: Vec<RecordedArm>,
}

impl Scenario {
    fn of(root: &Path, record: &StudyRecord) -> Result<Self, RecordingError> {
        let malformed =
            |problem: String| ResultsError::Malformed { path: root.join("study.json"), line: None, problem };
        let table: toml::Table = record
            .scenario
            .parse()
            .map_err(|error: toml::de::Error| malformed(format!("scenario: {}", error.message())))?;
        let get = |section: &str, key: &str| table.get(section).and_then(|section| section.get(key));
        let count = |section: &str, key: &str, default: u32| {
            get(section, key)
                .and_then(toml::Value::as_integer)
                .and_then(|count| count.try_into().ok())
                .unwrap_or(default)
        };
        let labels = get("function", "labels").and_then(toml::Value::as_table).into_iter().flatten();
        let every = get("run", "warm_up_every").and_then(toml::Value::as_str).unwrap_or_default();
        Ok(Self {
            function: get("function", "name").and_then(toml::Value::as_str).unwrap_or("function").to_owned(),
            labels: labels.filter_map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned()))).collect(),
            replicas: count("function", "replicas", 1),
            bounds: (1, count("platform", "max_replicas", 5)),
            warm_up_every_s: crate::time::parse_duration(every).unwrap_or_default().as_secs_f64(),
            arms: table.get("arm").and_then(toml::Value::as_array).into_iter().flatten().filter_map(arm).collect(),
        })
    }
}

/// An arm as the scenario has it, shadows that are nothing else too.
fn arm(arm: &toml::Value) -> Option<RecordedArm> {
    let text = |key: &str| Some(arm.get(key)?.as_str()?.to_owned());
    let settings = arm.as_table()?.iter().filter_map(|(key, value)| {
        let value = match value {
            toml::Value::String(text) => Value::Owned(text.clone()),
            toml::Value::Integer(number) => Value::Integer(*number),
            toml::Value::Float(number) => Value::Number(*number),
            toml::Value::Boolean(switch) => Value::Switch(*switch),
            _ => return None,
        };
        Some((key.clone(), value))
    });
    Some(RecordedArm { name: text("name")?, policy: text("policy")?, settings: settings.collect() })
}

/// From the first phase to the end, or to the last thing that is known of a run that was killed.
fn span(events: &[EventRecord]) -> (f64, f64) {
    let phase = |event: &&EventRecord| event.actor == "run" && event.kind == "phase";
    let from = events.iter().find(phase).map_or(0.0, |event| event.t_s.min(0.0));
    (from, events.iter().map(|event| event.t_s).fold(0.0, f64::max))
}

/// Runs written before the summary had it tell when they began: with the warm-up, unless real programs were started first.
fn load_start(summary: &RunSummary, span: (f64, f64)) -> Duration {
    let seconds = summary.load_started_unix_s.unwrap_or(summary.started_unix_s - span.0);
    // files have microseconds
    Duration::from_micros((seconds.max(0.0) * 1e6).round() as u64)
}

/// The warm-up's requests, as answered when they left. A failed one is told of by an event; one without an answer is left out.
fn warm_up(events: &[EventRecord], (from, _): (f64, f64), every: f64) -> Vec<Answered> {
    let mut answers: Vec<Answered> = Vec::new();
    let mut step = 0.0;
    while every > 0.0 && from + step * every < 0.0 {
        answers.push(Answered { t_s: from + step * every, code: 200 });
        step += 1.0;
    }
    for event in events.iter().filter(|event| event.actor == "run" && event.kind == "failed") {
        let Some(how) = event.reason.strip_prefix("a warm-up request ") else { continue };
        let Some(place) = answers.iter().rposition(|answer| answer.t_s <= event.t_s && answer.code == 200) else {
            continue;
        };
        match how.strip_prefix("was answered ").and_then(|status| status.parse().ok()) {
            Some(status) => answers[place].code = status,
            None => drop(answers.remove(place)),
        }
    }
    answers
}

/// Probes with their ends. That of a failed one was not recorded: it lies before the next one.
fn recorded_probes(rows: &[ProbeRecord]) -> Vec<RecordedProbe> {
    let probe = |(index, row): (usize, &ProbeRecord)| {
        let answer = row.status.parse::<u16>().map_err(|_| {
            ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == row.status).unwrap_or(ErrorKind::Protocol)
        });
        let next = rows.get(index + 1).map_or(f64::INFINITY, |next| next.t_s);
        let took = match (row.latency_ms, answer) {
            (Some(latency_ms), _) => latency_ms / 1e3,
            (None, Err(ErrorKind::Timeout)) => PROBE_TIMEOUT.as_secs_f64().min(next - row.t_s).max(0.0),
            (None, _) => 0.0,
        };
        RecordedProbe { sent_s: row.t_s, done_s: row.t_s + took, answer }
    };
    rows.iter().enumerate().map(probe).collect()
}

/// Metrics by the moments at which they were told: rows of one moment and function belong together.
fn recorded_metrics(rows: &[MetricsRecord]) -> Vec<RecordedMetrics> {
    let duration = |seconds: Option<f64>| Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default();
    let told = |rows: &[MetricsRecord]| {
        let first = rows.first()?;
        let pods = || rows.iter().filter(|row| row.replica.is_some());
        let pod = |row: &MetricsRecord| PodSample {
            replica: ReplicaId(row.replica.unwrap_or_default()),
            cpu_time: duration(row.replica_cpu_s),
            in_flight: row.replica_in_flight.unwrap_or_default(),
            request_time: duration(row.replica_request_time_s),
            answered: row.replica_answered.unwrap_or_default(),
            ..PodSample::default()
        };
        let sample = Measurement {
            in_flight: first.in_flight,
            answered: first.answered,
            request_time: duration(Some(first.request_time_s)),
            pods: pods().map(pod).collect(),
        };
        let pods = pods().map(|row| (row.asked_s.unwrap_or_default(), row.ready_s)).collect();
        Some(RecordedMetrics { t_s: first.t_s, function: FunctionId(first.function), sample, pods })
    };
    rows.chunk_by(|one, other| (one.t_s.to_bits(), one.function) == (other.t_s.to_bits(), other.function))
        .filter_map(told)
        .collect()
}

/// Desired and ready replicas by the run's events.
fn recorded_replicas(events: &[EventRecord], first: u32) -> Vec<RecordedReplicas> {
    let mut events: Vec<&EventRecord> = events.iter().filter(|event| event.to.is_some()).collect();
    // they stand in the order in which they were heard of
    events.sort_by(|one, other| one.t_s.total_cmp(&other.t_s));
    let mut now = RecordedReplicas { t_s: f64::NEG_INFINITY, desired: first, ready: first };
    let mut all = vec![now];
    for event in events {
        let to = event.to.unwrap_or_default();
        match (event.actor.as_str(), event.kind.as_str()) {
            ("platform", "ready" | "terminated") => now.ready = to.min(now.desired),
            // what is taken away is out of service at once
            (actor, "scale") if !actor.starts_with("shadow:") => (now.desired, now.ready) = (to, now.ready.min(to)),
            _ => continue,
        }
        now.t_s = event.t_s;
        all.push(now);
    }
    all
}

/// When the programs of a run's real chain did things, as they told it.
fn phases(events: &[EventRecord]) -> Phases {
    let phase = |begins: &str| {
        let told = events.iter().find(|event| event.kind == "phase" && event.reason.starts_with(begins))?;
        Duration::try_from_secs_f64(told.value?).ok()
    };
    Phases { scrape: phase("counters are read at "), evaluation: phase("rules are evaluated at "), sweep: None }
}

fn say_what_is_unknown(
    unknown: &mut Vec<String>,
    unanswered: &[(String, u64)],
    warm_up: &[Answered],
    summary: Option<&RunSummary>,
    target: &str,
) {
    unknown.push(
        "when the gateway counted: an answer counts here when the client had all of it, which is a moment later"
            .to_owned(),
    );
    if !warm_up.is_empty() {
        unknown
            .push(format!("when the {} warm-up requests were answered: they count here when they left", warm_up.len()));
    }
    if !unanswered.is_empty() {
        let kinds: Vec<String> = unanswered.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        unknown.push(format!(
            "what the gateway made of the requests without an answer at the client ({}): they are left out",
            kinds.join(", ")
        ));
    }
    if !matches!(target, "embedded" | "simulated") {
        unknown.push(format!("who else called the function: on {target} only this run's requests are known"));
    }
    match summary {
        None => unknown.push("what came after the run was killed".to_owned()),
        Some(summary) if summary.partial => unknown.push("what came after the run was interrupted".to_owned()),
        Some(_) => {}
    }
}

/// What became of a run's requests.
#[derive(Default)]
struct Requests {
    answers: Vec<Answered>,
    /// Requests without an answer, by kind.
    unanswered: Vec<(String, u64)>,
}

impl Requests {
    fn read(directory: &ResultsDir, run: &str) -> Result<Self, ResultsError> {
        let mut requests = Self::default();
        directory.each_request(run, |row| match row.status {
            Some(code) => requests.answers.push(Answered { t_s: row.done_s, code }),
            None => match requests.unanswered.iter_mut().find(|(known, _)| known == row.error) {
                Some((_, count)) => *count += 1,
                None => requests.unanswered.push((row.error.to_owned(), 1)),
            },
        })?;
        Ok(requests)
    }
}
