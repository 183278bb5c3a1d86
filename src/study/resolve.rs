//! From a scenario and the command line's wishes to a study: every check that needs more than one key.
//!
//! Problems are collected, not returned at the first one; only a scenario without any becomes a [`Study`].

mod function;
mod names;
mod written;

use std::path::Path;
use std::time::Duration;

use crate::drive::{Arm, GeneratorPlan, SchedulePlan};
use crate::model::{NodeModel, Work};
use crate::policy::settings::Value;
use crate::random::Seed;
use crate::schedule::hey;
use crate::stats::slo::Slo;
use crate::time::format_duration;

use super::hey_flags::{self, FlagError, Flags};
use super::nearest::nearest;
use super::plan::{Study, ValidityLimits};
use super::problem::{Problem, ScenarioError};
use super::scenario::{Scenario, Section, keys};
use super::target_kind::TargetKind;

pub use function::built_in_functions;
pub(super) use function::model_defaults;

/// What the command line asks for instead of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--target`.
    pub target: TargetKind,
    /// `--arm`, each; empty for all.
    pub arms: Vec<String>,
    /// `--repeats`.
    pub repeats: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
}

/// Reads a scenario file and resolves it.
///
/// # Errors
/// With everything that is wrong with it.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Study, ScenarioError> {
    resolve(&Scenario::read(path)?, overrides)
}

/// Makes a study of a scenario.
///
/// # Errors
/// With everything that is wrong with it, the problems found in reading included.
pub fn resolve(scenario: &Scenario, overrides: &Overrides) -> Result<Study, ScenarioError> {
    let mut scenario = scenario.clone();
    let mut problems = std::mem::take(&mut scenario.problems);
    target(overrides.target, &mut problems);
    run_overrides(&mut scenario.run, overrides, &mut problems);
    let name = names::study_name(&scenario, &mut problems);
    let function = function::function(&mut scenario, &mut problems);
    let slo = slo(&scenario, &mut problems);
    let generators = generators(&scenario, &mut problems);
    let arms = arms(&mut scenario, overrides, &mut problems);
    let run = &scenario.run.settings;
    let platform = &scenario.platform.settings;
    let study = Study {
        name,
        description: scenario.top.settings.text("description").to_owned(),
        slo,
        target: overrides.target,
        arms,
        functions: vec![function],
        node: NodeModel {
            cores: platform.count("cores"),
            gateway_cpu: Work { mean: platform.duration("gateway_cpu"), cv: platform.number("gateway_cpu_cv") },
            transport: platform.duration("transport"),
        },
        loads: generators.iter().map(|(_, text)| text.clone()).collect(),
        limits: limits(&scenario.limits, &generators),
        generators: generators.into_iter().map(|(generator, _)| generator).collect(),
        warm_up: run.duration("warm_up"),
        warm_up_every: run.duration("warm_up_every"),
        cool_down: run.duration("cool_down"),
        repeats: run.count("repeats"),
        seed: Seed(run.integer("seed")),
        resolved: String::new(),
    };
    length(&study, &scenario, &mut problems);
    if !problems.is_empty() {
        return Err(ScenarioError::new(&scenario.file, problems));
    }
    let resolved = written::scenario(&study, &scenario);
    Ok(Study { resolved, ..study })
}

fn target(target: TargetKind, problems: &mut Vec<Problem>) {
    if !target.is_available() {
        let hint = "use --target embedded: the same policies and load on a modelled platform in this process";
        problems
            .push(Problem::new("", "is a target this version cannot run yet", hint).key(format!("--target {target}")));
    }
}

fn run_overrides(run: &mut Section, overrides: &Overrides, problems: &mut Vec<Problem>) {
    let repeats = overrides.repeats.map(u64::from);
    for (key, wish) in [("repeats", repeats), ("seed", overrides.seed)] {
        let Some(wish) = wish else { continue };
        let value = i64::try_from(wish).map(Value::Integer);
        let done = value.is_ok_and(|value| run.settings.set(&keys::run(), key, value).is_ok());
        if !done {
            let hint = keys::run()
                .into_iter()
                .find(|parameter| parameter.name == key)
                .map(|parameter| format!("allowed is {}", parameter.kind))
                .unwrap_or_default();
            problems.push(Problem::new("", "is out of range", hint).key(format!("--{key} {wish}")));
        }
    }
}

fn slo(scenario: &Scenario, problems: &mut Vec<Problem>) -> Slo {
    let section = &scenario.slo;
    let percentile = section.settings.number("percentile");
    if percentile <= 0.0 || percentile >= 100.0 {
        problems.push(section.problem(
            "percentile",
            "is out of range",
            "write a number above 0 and below 100, such as 95",
        ));
    }
    let function = scenario.function.settings.text("name");
    let tried =
        problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some("latency"));
    if function != "ftest" && !section.is_given("latency") && !tried {
        let hint = format!("write [slo] and latency = \"...\": how fast \"{function}\" should answer");
        let mut problem = section.missing("latency", "is not given, and only ftest has a default", hint);
        "[slo]".clone_into(&mut problem.place);
        problems.push(problem);
    }
    Slo { latency: section.settings.duration("latency"), percentile }
}

fn generators(scenario: &Scenario, problems: &mut Vec<Problem>) -> Vec<(GeneratorPlan, String)> {
    let before = problems.len();
    if scenario.loads.is_empty() && !problems.iter().any(|problem| is_about_list(problem, "load")) {
        let hint = "add [[load]] and hey = \"-z 2m -c 50 -q 5\"";
        problems.push(Problem::new("", "has no [[load]], so nothing would be measured", hint));
    }
    let mut workers = 0_u64;
    let mut generators = Vec::new();
    for section in &scenario.loads {
        let known =
            problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some("hey"));
        if !section.is_given("hey") {
            if !known {
                problems.push(section.missing("hey", "is not given", "write hey = \"-z 2m -c 50 -q 5\""));
            }
            continue;
        }
        let line = section.settings.text("hey");
        match generator(section, line, &scenario.directory, problems) {
            Some((schedule, request)) => {
                workers += u64::from(schedule.workers());
                let start = section.settings.duration("start");
                let flags = line.split_whitespace().collect::<Vec<_>>().join(" ");
                let from = if start.is_zero() { String::new() } else { format!(", from {}", format_duration(start)) };
                let plan = GeneratorPlan { schedule: SchedulePlan::Hey(schedule), request, start };
                generators.push((plan, format!("hey {flags}{from}")));
            }
            None => continue,
        }
    }
    if workers > u64::from(keys::WORKERS_MAX) && problems.len() == before {
        let what = format!("ask for {workers} workers (-c) together; the most is {}", keys::WORKERS_MAX);
        problems.push(
            Problem::new("the [[load]]s", what, "lower -c").at(scenario.loads.first().and_then(|load| load.line)),
        );
    }
    generators
}

fn is_about_list(problem: &Problem, name: &str) -> bool {
    problem.key.as_deref().is_some_and(|key| key.trim_matches(['[', ']']) == name)
}

fn generator(
    section: &Section,
    line: &str,
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> Option<(hey::Settings, crate::drive::RequestPlan)> {
    let problem = |what: String, hint: &str| section.problem("hey", what, hint);
    let words = match hey_flags::words(line) {
        Ok(words) => words,
        Err(error) => {
            problems.push(problem(error.to_string(), "close it, or put the value into the other kind of quotes"));
            return None;
        }
    };
    let (flags, rest) = match Flags::parse(&words) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.push(flag_problem(section, &error));
            return None;
        }
    };
    let before = problems.len();
    for objection in flags.objections(rest) {
        problems.push(problem(format!("has a fault: {} {}", objection.subject, objection.what), objection.hint));
    }
    let pacing = flags.pacing();
    let request = flags.request(directory);
    for error in [pacing.as_ref().err(), request.as_ref().err()].into_iter().flatten() {
        problems.push(flag_problem(section, error));
    }
    let pacing = pacing.ok()?;
    if pacing.workers() > keys::WORKERS_MAX {
        let what = format!("has a fault: -c {} is too many workers", pacing.workers());
        problems.push(problem(what, &format!("the most is {} for the whole scenario", keys::WORKERS_MAX)));
    }
    if problems.len() > before { None } else { Some((pacing, request.ok()?)) }
}

fn flag_problem(section: &Section, error: &FlagError) -> Problem {
    let hint = match error {
        FlagError::NotDefined(flag) => match Flags::nearest(flag) {
            Some(meant) => format!("did you mean -{meant}?"),
            None => "use hey's flags: -n -c -q -z -t -m -H -A -d -D -T -a -U -host -disable-keepalive".to_owned(),
        },
        FlagError::Value { flag, value, .. } if flag == "z" => match value.parse::<f64>() {
            Ok(_) => format!("write -z {value}s for seconds or -z {value}m for minutes"),
            Err(_) => "write a duration such as -z 2m, -z 90s or -z 1m30s".to_owned(),
        },
        FlagError::Value { flag, .. } if flag == "q" => "write a number, such as -q 5: requests per second and worker".to_owned(),
        FlagError::Value { flag, .. } if flag == "t" => "write whole seconds, such as -t 20".to_owned(),
        FlagError::Value { flag, .. } => format!("write a whole number, such as -{flag} 50"),
        FlagError::Boolean { flag, .. } => format!("write -{flag} alone"),
        FlagError::NeedsArgument(flag) | FlagError::Syntax(flag) => {
            format!("write the flag's value after it: -{} VALUE", flag.trim_matches(['-', '=']))
        }
        FlagError::Help => "see the README for hey's flags in a scenario".to_owned(),
        FlagError::DeprecatedHeader => "write -H for a header".to_owned(),
        FlagError::Pacing(hey::SettingsError::FewerRequestsThanWorkers) => {
            "each of the -c workers sends -n / -c requests (by default -n 200 -c 50): raise -n, lower -c, or end by time with -z 2m".to_owned()
        }
        FlagError::Pacing(hey::SettingsError::Rate(_)) => "the shortest time between two requests of a worker is 1 us".to_owned(),
        FlagError::Pacing(_) => "write at least -n 1 -c 1, or end by time with -z 2m".to_owned(),
        FlagError::TooManyWorkers(_) => format!("the most is {} for the whole scenario", keys::WORKERS_MAX),
        FlagError::Input(_) => "write -H 'Name: value', and -a user:password".to_owned(),
        FlagError::Method(_) => "write a method such as -m POST".to_owned(),
        FlagError::HeaderValue(_) => "remove control characters from the header".to_owned(),
        FlagError::BodyFile { .. } => "-D is looked up beside the scenario file".to_owned(),
    };
    section.problem("hey", format!("has a fault: {error}"), hint)
}

/// 5 % of the shortest time between two requests, within what the clock of an ordinary host can keep.
fn limits(section: &Section, generators: &[(GeneratorPlan, String)]) -> ValidityLimits {
    const LONGEST: Duration = Duration::from_millis(10);
    const SHORTEST: Duration = Duration::from_millis(1);
    let period = generators.iter().filter_map(|(generator, _)| match &generator.schedule {
        SchedulePlan::Hey(settings) => settings.period(),
    });
    let auto = period.min().map_or(LONGEST, |period| (period / 20).clamp(SHORTEST, LONGEST));
    ValidityLimits {
        max_lateness_p99: section.settings.duration_or_word("max_lateness").unwrap_or(auto),
        max_stall: section.settings.duration("max_stall"),
        min_accounted: section.settings.number("min_accounted"),
    }
}

fn arms(scenario: &mut Scenario, overrides: &Overrides, problems: &mut Vec<Problem>) -> Vec<Arm> {
    if scenario.arms.is_empty() && !problems.iter().any(|problem| is_about_list(problem, "arm")) {
        let hint = "add [[arm]] and policy = \"watchtower\", and another with policy = \"openfaas-ce\"";
        problems.push(Problem::new("", "has no [[arm]], so there is no autoscaler to measure", hint));
    }
    names::arm_names(&scenario.arms, problems);
    let max = scenario.platform.settings.count("max_replicas");
    for arm in &scenario.arms {
        let fixed = arm.policy.is_some_and(|policy| policy.name == "fixed").then(|| arm.settings.count("replicas"));
        if let Some(replicas) = fixed.filter(|replicas| *replicas > max) {
            let what =
                format!("is more than the {max} replicas the platform grants, it would have {max} and not {replicas}");
            problems.push(arm.section.problem(
                "replicas",
                what,
                "raise [platform] max_replicas if yours is not the Community Edition",
            ));
        }
    }
    let known: Vec<&str> = scenario.arms.iter().map(|arm| arm.name()).filter(|name| !name.is_empty()).collect();
    for wanted in overrides.arms.iter().filter(|wanted| !known.contains(&wanted.as_str())) {
        let listed = format!("its arms: {}", known.join(", "));
        let hint = match nearest(wanted, known.iter().copied()) {
            Some(meant) => format!("did you mean --arm {meant}? {listed}"),
            None => listed,
        };
        problems.push(Problem::new("", "is not an arm of this scenario", hint).key(format!("--arm {wanted}")));
    }
    if !overrides.arms.is_empty() {
        scenario.arms.retain(|arm| overrides.arms.iter().any(|wanted| wanted == arm.name()));
    }
    scenario
        .arms
        .iter()
        .filter_map(|arm| {
            Some(Arm { name: arm.name().to_owned(), policy: arm.policy?, settings: arm.settings.clone() })
        })
        .collect()
}

/// No run and no study is longer than a week.
fn length(study: &Study, scenario: &Scenario, problems: &mut Vec<Problem>) {
    let days = |duration: Duration| {
        let days = duration.as_secs_f64() / 86_400.0;
        if days < 1_000.0 { format!("{days:.0} days") } else { "more than 1000 days".to_owned() }
    };
    let run = study.duration_of_run();
    if run > keys::LONGEST {
        let line = scenario.loads.first().and_then(|load| load.line);
        let hint = "shorten -z or lower -n, raise a very small -q, or shorten warm_up, cool_down and start";
        problems
            .push(Problem::new("", format!("one run would take {}; the longest is a week", days(run)), hint).at(line));
    } else if study.duration() > keys::LONGEST {
        let what = format!("makes the study last {}; the longest is a week", days(study.duration()));
        problems.push(scenario.run.problem("repeats", what, "lower it, or run the arms one by one with --arm"));
    }
}
