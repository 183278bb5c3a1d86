//! The load sources: what kind each is, and hey's flags made into schedules and requests. The other kinds have rooms of their own.

mod journeys;
mod rate;
mod steps;
mod trace;

use std::fmt::Write as _;
use std::path::Path;

use crate::drive::live::load::check_proxy;
use crate::drive::{GeneratorPlan, RequestPlan, SchedulePlan};
use crate::schedule::hey;
use crate::schedule::open::{Bound, WhenFull};
use crate::study::hey_flags::{self, FlagError, Flags};
use crate::study::problem::Problem;
use crate::study::scenario::load_keys::{self, LoadKind};
use crate::study::scenario::{Scenario, Section, keys};
use crate::time::format_duration;

use super::is_about_list;

/// Each generator with its description.
pub(super) fn generators(scenario: &Scenario, problems: &mut Vec<Problem>) -> Vec<(GeneratorPlan, String)> {
    let before = problems.len();
    if scenario.loads.is_empty() && !problems.iter().any(|problem| is_about_list(problem, "load")) {
        let hint = "add [[load]] and hey = \"-z 2m -c 50 -q 5\"";
        problems.push(Problem::new("", "has no [[load]], so nothing would be measured", hint));
    }
    let mut generators = Vec::new();
    for (section, journeys) in scenario.loads.iter().zip(&scenario.journeys) {
        let Some(kind) = kind(section, problems) else { continue };
        foreign_keys(section, kind, problems);
        if let (Some(journey), true) = (journeys.first(), kind != LoadKind::Goose) {
            let what = format!("has no meaning for a {kind} load");
            let hint = "leave it out; journeys belong to goose = 20, which has so many users walk them";
            problems.push(Problem::new(&section.place, what, hint).at(journey.section.line).key("[[load.journey]]"));
        }
        let made = match kind {
            LoadKind::Hey => hey_load(section, &scenario.directory, problems),
            LoadKind::Rate => rate::load(section, &scenario.directory, problems),
            LoadKind::Trace => trace::load(section, &scenario.directory, problems),
            LoadKind::Goose => journeys::load(section, journeys, scenario, problems),
        };
        let Some((schedule, request, mut text)) = made else { continue };
        let start = section.settings.duration("start");
        if !start.is_zero() {
            let _ = write!(text, ", from {}", format_duration(start));
        }
        generators.push((GeneratorPlan { schedule, request, start }, text));
    }
    let workers: u64 = generators.iter().map(|(generator, _)| u64::from(generator.schedule.workers())).sum();
    if workers > u64::from(keys::WORKERS_MAX) && problems.len() == before {
        let is_hey = |(generator, _): &(GeneratorPlan, String)| matches!(generator.schedule, SchedulePlan::Hey(_));
        let is_goose = |(generator, _): &(GeneratorPlan, String)| matches!(generator.schedule, SchedulePlan::Goose(_));
        let (who, hint) = match (generators.iter().any(is_hey), generators.iter().all(is_hey)) {
            _ if generators.iter().all(is_goose) => ("users (goose)", "lower goose"),
            _ if generators.iter().any(is_goose) => {
                ("workers and users (-c, max_in_flight, goose)", "lower -c, max_in_flight or goose")
            }
            (_, true) => ("workers (-c)", "lower -c"),
            (true, false) => ("workers (-c, max_in_flight)", "lower -c or max_in_flight"),
            (false, false) => ("requests under way (max_in_flight)", "lower max_in_flight"),
        };
        let what = format!("ask for {workers} {who} together; the most is {}", keys::WORKERS_MAX);
        problems.push(Problem::new("the [[load]]s", what, hint).at(scenario.loads.first().and_then(|load| load.line)));
    }
    generators
}

/// What a load is made into: its schedule, its request, and both in words.
type Made = (SchedulePlan, RequestPlan, String);

/// The kind of a load, if it is of one.
fn kind(section: &Section, problems: &mut Vec<Problem>) -> Option<LoadKind> {
    let kinds = load_keys::kinds(section);
    let is_known = |key: &str| {
        problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some(key))
    };
    // a key of the right name and the wrong type is a problem already, and says what the load was to be
    let wrong = load_keys::KIND_KEYS.into_iter().any(|(key, _)| is_known(key));
    match kinds.as_slice() {
        [] if wrong => None,
        [] => {
            let hint =
                "write hey = \"-z 2m -c 50 -q 5\", or rate = 250 and duration = \"2m\", or steps, trace or goose";
            problems.push(Problem::new(&section.place, "says nothing of what is sent when", hint).at(section.line));
            None
        }
        [(_, kind)] => Some(*kind),
        [(first, _), (second, _), ..] => {
            let what = format!("is one kind of load too many: this one has {first}");
            let hint = format!("leave one of them out, or write a [[load]] of its own for {second}");
            problems.push(section.problem(second, what, hint));
            None
        }
    }
}

/// Keys of another kind of load, or of another shape.
fn foreign_keys(section: &Section, kind: LoadKind, problems: &mut Vec<Problem>) {
    let shape = section.settings.word("shape");
    let steps = section.is_given("steps");
    for key in load_keys::load_keys().into_iter().filter(|key| section.is_given(key.parameter.name)) {
        let name = key.parameter.name;
        if !key.kinds.contains(&kind) {
            let others: Vec<String> = key.kinds.iter().map(ToString::to_string).collect();
            let hint = match (kind, name) {
                (LoadKind::Hey, "request") => "leave it out: the flags after hey = shape the request too".to_owned(),
                (LoadKind::Hey, "duration") => "leave it out: -z is how long hey goes on".to_owned(),
                (LoadKind::Hey, "max_in_flight") => {
                    "leave it out: -c is how many requests hey has under way".to_owned()
                }
                _ => format!("leave it out; it belongs to {}", others.join(" and ")),
            };
            problems.push(section.problem(name, format!("has no meaning for a {kind} load"), hint));
        } else if kind == LoadKind::Rate && steps && !key.shapes.is_empty() {
            problems.push(section.problem(
                name,
                "has no meaning beside steps, which are a shape themselves",
                "leave it out",
            ));
        } else if !key.shapes.is_empty() && !key.shapes.contains(&shape) {
            let hint = format!("leave it out, or write shape = \"{}\"", key.shapes.join("\" or \""));
            problems.push(section.problem(name, format!("has no meaning for a rate of shape \"{shape}\""), hint));
        }
    }
}

/// hey's flags made into a schedule and a request.
fn hey_load(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Option<Made> {
    let line = section.settings.text("hey");
    let (settings, request) = generator(section, line, directory, problems)?;
    let phase = match section.settings.word("phase") {
        "spread" => hey::Phase::Spread,
        "random" => hey::Phase::Random,
        _ => hey::Phase::Sync,
    };
    let mut text = format!("hey {}", shown(line));
    if phase != hey::Phase::Sync {
        if settings.period().is_none() {
            let hint = "give hey a pace with -q, or leave phase out";
            problems.push(section.problem("phase", "has no meaning for workers that send as fast as they can", hint));
        }
        let how = if phase == hey::Phase::Spread { "evenly spread over" } else { "at random places of" };
        let _ = write!(text, ", workers {how} their period");
    }
    Some((SchedulePlan::Hey(settings.with_phase(phase)), request, text))
}

/// The request of a load that is not hey's, or of a step of a journey: hey's flags, without those that pace.
fn request(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Option<RequestPlan> {
    let line = section.settings.text("request");
    let before = problems.len();
    let (flags, rest) = parse(section, "request", line, problems)?;
    for objection in flags.objections(&rest) {
        let what = format!("is refused: {} {}", objection.subject, objection.what);
        problems.push(section.problem("request", what, objection.hint));
    }
    let is_step = section.settings.iter().any(|(key, _)| key == "think");
    for flag in ["n", "c", "q", "z"].into_iter().filter(|flag| flags.given.contains(flag)) {
        let hint = match flag {
            _ if is_step => "leave it out; the keys of the [[load]] say how many users send when",
            "c" => "leave it out; max_in_flight bounds the requests under way",
            "z" => "leave it out; duration says how long",
            _ => "leave it out; the rate or the trace says how many are sent when",
        };
        problems.push(section.problem("request", format!("is refused: -{flag} paces hey, and this is no hey"), hint));
    }
    match flags.request(directory) {
        Ok(request) if problems.len() == before => Some(request),
        Ok(_) => None,
        Err(error) => {
            problems.push(flag_problem(section, "request", &error));
            None
        }
    }
}

/// How many requests may be under way, with words for it.
fn bound(section: &Section) -> (Bound, String) {
    let when_full = if section.settings.word("when_full") == "drop" { WhenFull::Drop } else { WhenFull::Wait };
    let bound = Bound { max_in_flight: section.settings.count("max_in_flight"), when_full };
    let others = if when_full == WhenFull::Drop { "dropped" } else { "held back" };
    (bound, format!("at most {} in flight, others {others}", bound.max_in_flight))
}

/// The request's flags in words, nothing if there are none.
fn request_words(section: &Section) -> String {
    match section.settings.text("request") {
        "" => String::new(),
        line => format!(", sent with {}", shown(line)),
    }
}

/// Flags as they may be shown; a line that is no list of words has no credentials to find.
pub(super) fn shown(line: &str) -> String {
    match hey_flags::words(line) {
        Ok(words) => hey_flags::without_secrets(&words),
        Err(_) => line.to_owned(),
    }
}

fn generator(
    section: &Section,
    line: &str,
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> Option<(hey::Settings, RequestPlan)> {
    let problem = |what: String, hint: &str| section.problem("hey", what, hint);
    let (flags, rest) = parse(section, "hey", line, problems)?;
    let before = problems.len();
    for objection in flags.objections(&rest) {
        problems.push(problem(format!("is refused: {} {}", objection.subject, objection.what), objection.hint));
    }
    let pacing = flags.pacing();
    let request = flags.request(directory);
    for error in [pacing.as_ref().err(), request.as_ref().err()].into_iter().flatten() {
        problems.push(flag_problem(section, "hey", error));
    }
    if let Some(Err(error)) = request.as_ref().ok().and_then(|request| request.client.proxy.as_deref()).map(check_proxy)
    {
        let hint = "write one such as -x http://127.0.0.1:3128; https:// and socks5:// are proxies too";
        problems.push(problem(format!("is refused: -x: {error}"), hint));
    }
    let pacing = pacing.ok()?;
    if pacing.workers() > keys::WORKERS_MAX {
        let what = format!("is refused: -c {} is too many workers", pacing.workers());
        problems.push(problem(what, &format!("the most is {} for the whole scenario", keys::WORKERS_MAX)));
    }
    if problems.len() > before { None } else { Some((pacing, request.ok()?)) }
}

/// The flags of a line, and the words after them.
fn parse(section: &Section, key: &str, line: &str, problems: &mut Vec<Problem>) -> Option<(Flags, Vec<String>)> {
    let words = match hey_flags::words(line) {
        Ok(words) => words,
        Err(error) => {
            let hint = "close it, or put the value into the other kind of quotes";
            problems.push(section.problem(key, error.to_string(), hint));
            return None;
        }
    };
    match Flags::parse(&words) {
        Ok((flags, rest)) => Some((flags, rest.to_vec())),
        Err(error) => {
            problems.push(flag_problem(section, key, &error));
            None
        }
    }
}

fn flag_problem(section: &Section, key: &str, error: &FlagError) -> Problem {
    let hint = match error {
        FlagError::NotDefined(flag) => match Flags::nearest(flag) {
            Some(meant) => format!("did you mean -{meant}?"),
            None => "use hey's flags: -n -c -q -z -t -m -H -A -d -D -T -a -U -host -x -h2 -disable-keepalive -disable-compression -disable-redirects".to_owned(),
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
        FlagError::Unfit { flag, .. } => format!("leave --{flag} out"),
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
    section.problem(key, format!("is refused: {error}"), hint)
}
