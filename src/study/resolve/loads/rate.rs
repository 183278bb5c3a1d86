//! Loads of a rate: level, shape and spacing made into a schedule.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::drive::SchedulePlan;
use crate::schedule::rate::{Rate, Spacing};
use crate::schedule::shape::{Shape, ShapeError};
use crate::study::problem::Problem;
use crate::study::scenario::Section;
use crate::time::format_duration;

use super::{Made, bound, request, request_words, steps};

/// Most requests of one load: more than any process sends in a week.
pub(super) const REQUESTS_MAX: f64 = 1e9;

pub(super) fn load(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Option<Made> {
    let before = problems.len();
    let spacing = match section.settings.word("arrivals") {
        "poisson" => Spacing::Poisson,
        "uniform" => {
            let hint = "write \"even\" or \"poisson\"";
            problems.push(section.problem("arrivals", "is for the counts of a trace", hint));
            Spacing::Even
        }
        _ => Spacing::Even,
    };
    let request = request(section, directory, problems);
    let shape = shape(section, problems);
    if problems.len() > before {
        return None;
    }
    let ((shape, mut text), request) = (shape?, request?);
    let key = if section.is_given("steps") { "steps" } else { "rate" };
    if shape.requests() == 0 {
        let what = format!("calls for no request in {}", format_duration(shape.duration()));
        problems.push(section.problem(key, what, "raise the rate, or make the load longer"));
        return None;
    }
    if shape.total() > REQUESTS_MAX {
        let what = format!("calls for {:.0} requests; the most is {REQUESTS_MAX:.0}", shape.total());
        problems.push(section.problem(key, what, "lower the rate, or make the load shorter"));
        return None;
    }
    let (bound, bound_words) = bound(section);
    let spaced = if spacing == Spacing::Even { "evenly spaced" } else { "arriving as a Poisson process" };
    let _ = write!(text, ", {spaced}, {bound_words}{}", request_words(section));
    Some((SchedulePlan::Rate(Rate { shape: Arc::new(shape), spacing }, bound), request, text))
}

/// The level over time, and in words.
fn shape(section: &Section, problems: &mut Vec<Problem>) -> Option<(Shape, String)> {
    if section.is_given("steps") {
        return stepped(section, problems);
    }
    let settings = &section.settings;
    let before = problems.len();
    let mut all_there = true;
    let mut needed = |key: &str, hint: &str| {
        let tried =
            || problems.iter().any(|problem| problem.place == section.place && problem.key.as_deref() == Some(key));
        let is_time = matches!(key, "duration" | "period" | "spike_for");
        if !section.is_given(key) {
            all_there = false;
            if !tried() {
                let what = if key == "duration" { "is not given" } else { "is not given, and the shape needs it" };
                problems.push(section.missing(key, what, hint));
            }
        } else if is_time && settings.duration(key).is_zero() {
            problems.push(section.problem(key, "is no time", hint));
        }
    };
    needed("duration", "write how long the load lasts, such as duration = \"2m\"");
    let name = settings.word("shape");
    if name != "constant" {
        needed("to", "write the other level in requests per second, such as to = 200");
    }
    match name {
        "square" | "sine" | "sawtooth" => needed("period", "write how long one turn takes, such as period = \"1m\""),
        "spike" => {
            needed("spike_at", "write when the spike begins, such as spike_at = \"30s\"");
            needed("spike_for", "write how long it lasts, such as spike_for = \"10s\"");
        }
        _ => {}
    }
    let (rate, to) = (settings.number("rate"), settings.number("to"));
    let time = |key: &str| settings.duration(key);
    let (duration, period) = (time("duration"), time("period"));
    let (at, length) = (time("spike_at"), time("spike_for"));
    if name == "spike" && problems.len() == before && at.saturating_add(length) > duration {
        let what = format!("ends after the load, which lasts {}", format_duration(duration));
        problems.push(section.problem(
            "spike_for",
            what,
            "let the spike begin earlier or be shorter, or raise duration",
        ));
    }
    if problems.len() > before || !all_there {
        return None;
    }
    let high_share = settings.number("high_share");
    let (lasts, turn) = (format_duration(duration), format_duration(period));
    let (shape, text) = match name {
        "ramp" => (Shape::ramp(rate, to, duration), format!("rate from {rate}/s to {to}/s in {lasts}")),
        "spike" => (
            Shape::spike(rate, to, at, length, duration),
            format!(
                "rate {rate}/s for {lasts} with a spike of {to}/s at {} for {}",
                format_duration(at),
                format_duration(length)
            ),
        ),
        "square" => (
            Shape::square(rate, to, high_share, period, duration),
            format!(
                "rate {rate}/s and {to}/s in turn for {lasts} (period {turn}, {:.0} % of it at {to}/s)",
                high_share * 100.0
            ),
        ),
        "sine" => (
            Shape::sine(rate, to, period, duration),
            format!("rate between {rate}/s and {to}/s as a sine for {lasts} (period {turn})"),
        ),
        "sawtooth" => (
            Shape::sawtooth(rate, to, period, duration),
            format!("rate from {rate}/s to {to}/s again and again for {lasts} (period {turn})"),
        ),
        _ => (Shape::constant(rate, duration), format!("rate {rate}/s for {lasts}")),
    };
    keep(section, "rate", shape, problems).map(|shape| (shape, text))
}

fn stepped(section: &Section, problems: &mut Vec<Problem>) -> Option<(Shape, String)> {
    let pieces = match steps::read(section.settings.text("steps")) {
        Ok(pieces) => pieces,
        Err(what) => {
            let hint = "write levels with their durations, as in \"20 for 30s, 20 to 100 for 1m, 100 for 30s\"";
            problems.push(section.problem("steps", what, hint));
            return None;
        }
    };
    let mut text = format!("rate {}", steps::words(&pieces));
    let shape = if section.is_given("duration") {
        let duration = section.settings.duration("duration");
        let _ = write!(text, ", again and again for {}", format_duration(duration));
        Shape::new(pieces, duration)
    } else {
        Shape::once(pieces)
    };
    keep(section, "steps", shape, problems).map(|shape| (shape, text))
}

fn keep(section: &Section, key: &str, shape: Result<Shape, ShapeError>, problems: &mut Vec<Problem>) -> Option<Shape> {
    match shape {
        Ok(shape) => Some(shape),
        Err(error) => {
            let key = if error == ShapeError::Empty { "duration" } else { key };
            problems.push(section.problem(key, format!("is refused: {error}"), "write a rate and how long it lasts"));
            None
        }
    }
}
