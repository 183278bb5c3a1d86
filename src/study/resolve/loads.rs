//! The load sources: hey's flags made into schedules and requests.

use std::path::Path;

use crate::drive::live::load::check_proxy;
use crate::drive::{GeneratorPlan, RequestPlan, SchedulePlan};
use crate::schedule::hey;
use crate::study::hey_flags::{self, FlagError, Flags};
use crate::study::problem::Problem;
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
        let Some((schedule, request)) = generator(section, line, &scenario.directory, problems) else { continue };
        workers += u64::from(schedule.workers());
        let start = section.settings.duration("start");
        let flags = shown(line);
        let from = if start.is_zero() { String::new() } else { format!(", from {}", format_duration(start)) };
        generators.push((
            GeneratorPlan { schedule: SchedulePlan::Hey(schedule), request, start },
            format!("hey {flags}{from}"),
        ));
    }
    if workers > u64::from(keys::WORKERS_MAX) && problems.len() == before {
        let what = format!("ask for {workers} workers (-c) together; the most is {}", keys::WORKERS_MAX);
        problems.push(
            Problem::new("the [[load]]s", what, "lower -c").at(scenario.loads.first().and_then(|load| load.line)),
        );
    }
    generators
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
        problems.push(problem(format!("is refused: {} {}", objection.subject, objection.what), objection.hint));
    }
    let pacing = flags.pacing();
    let request = flags.request(directory);
    for error in [pacing.as_ref().err(), request.as_ref().err()].into_iter().flatten() {
        problems.push(flag_problem(section, error));
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

fn flag_problem(section: &Section, error: &FlagError) -> Problem {
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
    section.problem("hey", format!("is refused: {error}"), hint)
}
