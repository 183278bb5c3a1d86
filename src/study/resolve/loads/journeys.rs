//! Loads of users: journeys made into a schedule and the requests on it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::drive::journeys::{JourneyPlan, JourneysPlan, StepPlan};
use crate::drive::{ClientPlan, RequestPlan, SchedulePlan};
use crate::schedule::journeys::{Ends, Journey, Settings, Step, Think};
use crate::study::problem::Problem;
use crate::study::resolve::function::{handler_of, query_is_right};
use crate::study::resolve::is_about_list;
use crate::study::scenario::keys::LONGEST;
use crate::study::scenario::{JourneySection, Scenario, Section};
use crate::time::{format_duration, parse_duration};

use super::rate::REQUESTS_MAX;
use super::{Made, request};

/// The methods goose has.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

pub(super) fn load(
    section: &Section,
    journeys: &[JourneySection],
    scenario: &Scenario,
    problems: &mut Vec<Problem>,
) -> Option<Made> {
    let before = problems.len();
    let settings = &section.settings;
    let ends = ends(section, problems);
    if journeys.is_empty() && !problems.iter().any(|problem| is_about_list(problem, "load.journey")) {
        let hint = "add [[load.journey]] below it, and in it a [[load.journey.step]] for each request";
        let what = "has no [[load.journey]], so its users have nothing to do";
        problems.push(Problem::new(&section.place, what, hint).at(section.line));
    }
    let made: Vec<(Journey, JourneyPlan)> =
        (1..).zip(journeys).filter_map(|(number, one)| journey(one, number, scenario, problems)).collect();
    if problems.len() > before || made.is_empty() {
        return None;
    }
    let (timed, journeys) = made.into_iter().unzip();
    let timed =
        Settings { users: settings.count("goose"), ramp: settings.duration("ramp"), ends: ends?, journeys: timed };
    if timed.planned().is_some_and(|planned| planned as f64 > REQUESTS_MAX) {
        let hint = "lower it; nobody waits for more than 1e9 requests";
        problems.push(section.problem("iterations", "calls for more requests than any run sends", hint));
        return None;
    }
    let timeout = Some(settings.duration("timeout")).filter(|timeout| !timeout.is_zero());
    let plan = JourneysPlan { settings: Arc::new(timed), journeys };
    let text = words(&plan);
    Some((SchedulePlan::Goose(plan), RequestPlan { timeout, ..RequestPlan::default() }, text))
}

fn ends(section: &Section, problems: &mut Vec<Problem>) -> Option<Ends> {
    let tried = |key: &str| {
        problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some(key))
    };
    match (section.is_given("iterations"), section.is_given("duration")) {
        (true, false) => Some(Ends::Rounds(section.settings.integer("iterations"))),
        (false, true) => {
            let duration = section.settings.duration("duration");
            if duration.is_zero() {
                problems.push(section.problem(
                    "duration",
                    "is no time",
                    "write how long the users go on, such as \"2m\"",
                ));
            }
            Some(Ends::After(duration))
        }
        (true, true) => {
            let hint = "leave one of them out: goose ends by time or by rounds";
            problems.push(section.problem("iterations", "is a second end beside duration", hint));
            None
        }
        (false, false) => {
            if !tried("duration") && !tried("iterations") {
                let hint = "write duration = \"2m\", or iterations = 10 for ten rounds of each user";
                problems.push(section.missing("duration", "is not given, and neither is iterations", hint));
            }
            None
        }
    }
}

fn journey(
    journey: &JourneySection,
    number: usize,
    scenario: &Scenario,
    problems: &mut Vec<Problem>,
) -> Option<(Journey, JourneyPlan)> {
    let section = &journey.section;
    if journey.steps.is_empty() {
        let hint = "add a [[load.journey.step]] for each request, even if it has no keys";
        problems.push(Problem::new(&section.place, "has no [[load.journey.step]]", hint).at(section.line));
        return None;
    }
    let pause = think(section, problems);
    let (steps, plans): (Vec<_>, Vec<_>) = journey
        .steps
        .iter()
        .zip(journey.step_names())
        .filter_map(|(section, name)| {
            let think = if section.is_given("think") { think(section, problems) } else { pause };
            let weight = section.settings.count("weight");
            Some((Step { weight, think: think? }, step(section, name, scenario, problems)?))
        })
        .unzip();
    let weight = section.settings.count("weight");
    Some((Journey { weight, steps }, JourneyPlan { name: journey.name(number), steps: plans }))
}

fn step(section: &Section, name: String, scenario: &Scenario, problems: &mut Vec<Problem>) -> Option<StepPlan> {
    let before = problems.len();
    let path = section.settings.text("path");
    if !path.is_empty() && !path.starts_with('/') {
        let hint = "begin it with a slash: it follows the function's address";
        problems.push(section.problem("path", "does not begin with a slash", hint));
    } else if !path.chars().all(|char| char.is_ascii_graphic() && !matches!(char, '?' | '#')) {
        let hint = "percent-encode them: %20 for a space; a query goes to query";
        problems.push(section.problem("path", "has characters that cannot stand in a path", hint));
    }
    let query = section.is_given("query").then(|| section.settings.text("query").to_owned());
    if let Some(query) = query.as_deref() {
        query_is_right(section, query, handler_of(scenario.function.settings.text("name")), problems);
    }
    let request = request(section, &scenario.directory, problems);
    if let Some(request) = &request {
        goose_can_send(section, request, problems);
    }
    (problems.len() == before).then_some(StepPlan { name, path: path.to_owned(), query, request: request? })
}

/// What hey's flags can ask for and goose's client can't do, one request differently from the next.
fn goose_can_send(section: &Section, request: &RequestPlan, problems: &mut Vec<Problem>) {
    let client = &request.client;
    let plain = RequestPlan::default();
    let ways = ClientPlan { unpack: client.unpack, ..ClientPlan::default() };
    let refusal = if !METHODS.contains(&request.method.as_str()) {
        Some((format!("-m {} is no method of goose's", request.method), "use GET, POST, PUT, PATCH, DELETE or HEAD"))
    } else if request.timeout != plain.timeout {
        Some(("-t is the whole load's".to_owned(), "write timeout = \"5s\" in the [[load]]"))
    } else if !request.keep_alive {
        Some(("goose keeps a user's connection".to_owned(), "leave -disable-keepalive out, or use a hey or rate load"))
    } else if !client.redirects {
        Some(("goose follows redirects".to_owned(), "leave -disable-redirects out, or use a hey or rate load"))
    } else if *client != ways {
        Some(("goose goes straight and speaks HTTP/1.1".to_owned(), "leave -x and -h2 out, or use a hey or rate load"))
    } else {
        None
    };
    if let Some((what, hint)) = refusal {
        problems.push(section.problem("request", format!("is refused: {what}"), hint));
    }
}

/// A pause: `2s`, or `1s to 5s`.
fn think(section: &Section, problems: &mut Vec<Problem>) -> Option<Think> {
    let text = section.settings.text("think");
    let read = |word: &str| parse_duration(word).map_err(|error| error.to_string());
    let think = match text.split_once(" to ") {
        Some((min, max)) => read(min).and_then(|min| Ok(Think { min, max: read(max)? })),
        None => read(text).map(|pause| Think { min: pause, max: pause }),
    };
    let hint = "write \"2s\", or \"1s to 5s\" for any time in between";
    match think {
        Ok(think) if think.min > think.max => {
            problems.push(section.problem("think", "ends before it begins", hint));
            None
        }
        Ok(think) if think.max > LONGEST => {
            problems.push(section.problem("think", "is longer than a week", hint));
            None
        }
        Ok(think) => Some(think),
        Err(error) => {
            // the error's text is "what; remedy"
            let what = error.split("; ").next().unwrap_or_default();
            problems.push(section.problem("think", what, hint));
            None
        }
    }
}

/// The load in a line.
fn words(plan: &JourneysPlan) -> String {
    let settings = &plan.settings;
    let mut text = format!("goose with {} user{}", settings.users, if settings.users == 1 { "" } else { "s" });
    if !settings.ramp.is_zero() {
        let _ = write!(text, " started over {}", format_duration(settings.ramp));
    }
    let _ = match settings.ends {
        Ends::After(duration) => write!(text, ", for {}", format_duration(duration)),
        Ends::Rounds(1) => write!(text, ", once through"),
        Ends::Rounds(rounds) => write!(text, ", {rounds} times through"),
    };
    for (journey, timed) in plan.journeys.iter().zip(&settings.journeys) {
        let steps: Vec<String> =
            journey.steps.iter().zip(&timed.steps).map(|(step, timed)| times(timed.weight, &step.name)).collect();
        let mark = if text.contains(": ") { "; " } else { ": " };
        let _ = write!(text, "{mark}{} ({})", times(timed.weight, &journey.name), steps.join(", "));
    }
    let means = settings.journeys.iter().flat_map(|journey| &journey.steps).map(|step| step.think.mean());
    let (shortest, longest) = (means.clone().min().unwrap_or_default(), means.max().unwrap_or_default());
    text + &match (shortest, longest) {
        (Duration::ZERO, Duration::ZERO) => ", no time to think".to_owned(),
        (shortest, longest) if shortest == longest => format!(", thinking {} on average", format_duration(longest)),
        (shortest, longest) => {
            format!(", thinking {} to {} on average", format_duration(shortest), format_duration(longest))
        }
    }
}

fn times(weight: u32, name: &str) -> String {
    if weight == 1 { name.to_owned() } else { format!("{weight} x {name}") }
}
