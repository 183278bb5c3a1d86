//! Loads that replay a recorded one.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::drive::SchedulePlan;
use crate::schedule::trace::{Inside, Playback, Recording, Trace, TraceError};
use crate::study::problem::Problem;
use crate::study::scenario::Section;
use crate::study::trace_file::{self, Contents, Wanted};
use crate::time::format_duration;

use super::rate::REQUESTS_MAX;
use super::{Made, bound, request, request_words};

pub(super) fn load(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Option<Made> {
    let before = problems.len();
    let settings = &section.settings;
    let request = request(section, directory, problems);
    for key in ["duration", "bin"] {
        if section.is_given(key) && settings.duration(key).is_zero() {
            problems.push(section.problem(key, "is no time", "leave it out, or write a time such as \"1m\""));
        }
    }
    let file = settings.text("trace");
    if file.is_empty() {
        problems.push(section.problem("trace", "names no file", "write a CSV's path, looked up beside the scenario"));
    }
    if problems.len() > before {
        return None;
    }
    let hash = settings.text("function_hash");
    let wanted = Wanted {
        bin: settings.duration("bin"),
        generator: u16::try_from(settings.integer("generator")).ok().filter(|number| *number > 0),
        function_hash: (!hash.is_empty()).then_some(hash),
        function_rank: settings.integer("function_rank"),
    };
    let read = match trace_file::read(&directory.join(file), wanted) {
        Ok(read) => read,
        Err(error) => {
            problems.push(section.problem("trace", format!("is refused: {error}"), error.hint()));
            return None;
        }
    };
    unused_keys(section, &read.contents, problems);
    let inside = match settings.word("arrivals") {
        "poisson" => Inside::Poisson,
        "uniform" => Inside::Uniform,
        _ => Inside::Even,
    };
    let recording = match read.contents {
        Contents::Times(times) => Recording::Times(times),
        Contents::Counts { counts, bin } | Contents::Function { counts, bin, .. } => {
            Recording::Counts { counts, bin, inside }
        }
    };
    let playback = Playback {
        from: settings.duration("from"),
        duration: section.is_given("duration").then(|| settings.duration("duration")),
        speed: settings.number("speed"),
        scale: settings.number("scale"),
    };
    let trace = match Trace::new(&recording, playback) {
        Ok(trace) => trace,
        Err(error) => {
            let (key, hint) = match error {
                TraceError::From { .. } => ("from", "begin earlier; from counts in the trace's own time"),
                TraceError::Duration { .. } => ("duration", "write a shorter time, or leave it out to play all of it"),
                TraceError::Empty => ("trace", "take another part of it with from and duration, or raise scale"),
            };
            problems.push(section.problem(key, error.to_string(), hint));
            return None;
        }
    };
    if trace.requests() > REQUESTS_MAX {
        let what = format!("calls for {:.0} requests; the most is {REQUESTS_MAX:.0}", trace.requests());
        problems.push(section.problem("scale", what, "lower it, or play a shorter part"));
    }
    if problems.len() > before {
        return None;
    }
    let (bound, bound_words) = bound(section);
    let mut text = format!("trace {file}{}", read.about);
    words(&mut text, &recording, &trace, playback);
    let _ = write!(text, ", {bound_words}{}", request_words(section));
    Some((SchedulePlan::Trace(trace, bound), request?, text))
}

/// Keys that say nothing about a file of this kind.
fn unused_keys(section: &Section, contents: &Contents, problems: &mut Vec<Problem>) {
    let (what, unused): (&str, &[&str]) = match contents {
        Contents::Times(_) => ("a trace of recorded times", &["bin", "arrivals", "function_hash", "function_rank"]),
        Contents::Counts { .. } => ("a trace of counts", &["generator", "function_hash", "function_rank"]),
        Contents::Function { .. } => ("a day of Azure Functions, whose bins are minutes", &["generator", "bin"]),
    };
    for key in unused.iter().filter(|key| section.is_given(key)) {
        problems.push(section.problem(key, format!("has no meaning for {what}"), "leave it out"));
    }
}

/// What is played of it, and how.
fn words(text: &mut String, recording: &Recording, trace: &Trace, playback: Playback) {
    let millis = Duration::from_millis(trace.duration().as_millis() as u64);
    // writing to a string cannot fail
    let _ = write!(text, ": {:.0} requests in {}", trace.requests(), format_duration(millis));
    if let Recording::Counts { bin, inside, .. } = recording {
        let how = match inside {
            Inside::Even => "evenly spaced",
            Inside::Uniform => "at random times",
            Inside::Poisson => "arriving as a Poisson process",
        };
        let _ = write!(text, ", {how} in each bin of {}", format_duration(*bin));
    }
    if !playback.from.is_zero() {
        let _ = write!(text, ", from {} on", format_duration(playback.from));
    }
    if (playback.speed - 1.0).abs() > f64::EPSILON {
        let _ = write!(text, ", {} times as fast", playback.speed);
    }
    if (playback.scale - 1.0).abs() > f64::EPSILON {
        let _ = write!(text, ", {} requests for each recorded", playback.scale);
    }
}
