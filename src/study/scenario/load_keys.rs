//! The keys of a `[[load]]`, and which kinds of load each belongs to.
//!
//! A load is of one kind: the key that says what is sent when (`hey`, `rate` or `steps`, `trace`, `goose`) decides which.

use std::fmt;
use std::time::Duration;

use crate::policy::settings::{Kind, Parameter, Value};

use super::Section;
use super::keys::{LONGEST, WORKERS_MAX, duration, integer, number, text};

/// The highest rate that can be asked for, in requests per second: beyond what one process sends, so more is a slip of the pen.
pub const RATE_MAX: f64 = 1e6;

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// hey's workers.
    Hey,
    /// A rate over time.
    Rate,
    /// A recorded load.
    Trace,
    /// Users on journeys.
    Goose,
}

impl fmt::Display for LoadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hey => "hey",
            Self::Rate => "rate",
            Self::Trace => "trace",
            Self::Goose => "goose",
        })
    }
}

/// The keys that make a load one of its kind.
pub const KIND_KEYS: [(&str, LoadKind); 5] = [
    ("hey", LoadKind::Hey),
    ("rate", LoadKind::Rate),
    ("steps", LoadKind::Rate),
    ("trace", LoadKind::Trace),
    ("goose", LoadKind::Goose),
];

/// Shapes of a rate; steps have a key of their own.
pub const SHAPES: [&str; 6] = ["constant", "ramp", "spike", "square", "sine", "sawtooth"];

/// Keys whose default only stands for "not given".
const WITHOUT_DEFAULT: [&str; 12] = [
    "rate",
    "steps",
    "to",
    "period",
    "spike_at",
    "spike_for",
    "duration",
    "function_hash",
    "generator",
    "request",
    "goose",
    "iterations",
];

/// Keys that mean something for some traces only, so that a default of theirs is not written down.
const OF_SOME_FILES: [&str; 3] = ["arrivals", "bin", "function_rank"];

/// Whether a parameter is a load's and its default only stands for "not given".
pub fn is_without_default(parameter: &Parameter) -> bool {
    // whether the noise is measured depends on the target
    parameter.name == "aa"
        || WITHOUT_DEFAULT.contains(&parameter.name) && load_keys().iter().any(|key| key.parameter == *parameter)
}

/// One key.
pub struct LoadKey {
    /// What it is.
    pub parameter: Parameter,
    /// The loads it belongs to.
    pub kinds: &'static [LoadKind],
    /// The shapes of a rate it belongs to; empty for all.
    pub shapes: &'static [&'static str],
}

/// All of them.
pub fn load_keys() -> Vec<LoadKey> {
    use LoadKind::{Goose, Hey, Rate, Trace};
    const PERIODIC: &[&str] = &["square", "sine", "sawtooth"];
    let of = |kinds: &'static [LoadKind], parameter| LoadKey { parameter, kinds, shapes: &[] };
    let shaped = |shapes: &'static [&'static str], parameter| LoadKey { parameter, kinds: &[Rate], shapes };
    vec![
        of(
            &[Hey],
            text(
                "hey",
                "",
                "hey's flags, without the address: -n -c -q -z pace it, -m -H -t -A -d -D -T -a -U -host -disable-keepalive shape the request",
            ),
        ),
        of(
            &[Hey],
            choice(
                "phase",
                &["sync", "spread", "random"],
                "how hey's workers lie to each other: sync is hey (all at once), spread moves worker k of C by k/C of the time between its requests, random by any part of it",
            ),
        ),
        of(
            &[Rate],
            number(
                "rate",
                0.0,
                RATE_MAX,
                0.0,
                "requests per second",
                "an open loop at this rate; other shapes begin with it",
            ),
        ),
        of(
            &[Rate],
            text(
                "steps",
                "",
                "an open loop of levels, as in \"20 for 30s, 20 to 100 for 1m, 100 for 30s\"; they begin again if duration is longer",
            ),
        ),
        shaped(&SHAPES, choice("shape", &SHAPES, "how the rate goes on over time")),
        shaped(
            &["ramp", "spike", "square", "sine", "sawtooth"],
            number(
                "to",
                0.0,
                RATE_MAX,
                0.0,
                "requests per second",
                "the other level: a ramp's last, the spike's, the upper one of what goes up and down",
            ),
        ),
        shaped(
            PERIODIC,
            duration(
                "period",
                Duration::ZERO,
                LONGEST,
                Duration::ZERO,
                "how long one turn of a square, sine or sawtooth takes",
            ),
        ),
        shaped(
            &["square"],
            Parameter {
                name: "high_share",
                kind: Kind::Fraction,
                default: Value::Number(0.5),
                unit: "of the period",
                doc: "how much of each period a square is at its second level, which is the end of it",
            },
        ),
        shaped(
            &["spike"],
            duration(
                "spike_at",
                Duration::ZERO,
                LONGEST,
                Duration::ZERO,
                "when the spike begins, counted from this load's start",
            ),
        ),
        shaped(&["spike"], duration("spike_for", Duration::ZERO, LONGEST, Duration::ZERO, "how long the spike lasts")),
        of(
            &[Trace],
            text(
                "trace",
                "",
                "a CSV to replay, looked up beside the scenario: a column time_s (seconds of each request), a column count (requests of each bin), or a day of the Azure Functions 2019 traces",
            ),
        ),
        of(
            &[Trace],
            duration("bin", Duration::ZERO, LONGEST, Duration::from_secs(60), "how long a bin of a trace of counts is"),
        ),
        of(
            &[Trace],
            text(
                "function_hash",
                "",
                "which function of an Azure Functions day, by HashFunction (or HashApp/HashFunction where that is not enough)",
            ),
        ),
        of(
            &[Trace],
            integer(
                "function_rank",
                1,
                10_000_000,
                1,
                "",
                "which function of an Azure Functions day if no hash is given: 1 has the most invocations",
            ),
        ),
        of(
            &[Trace],
            integer(
                "generator",
                0,
                65_535,
                0,
                "",
                "which load of a written schedule is replayed, by the column generator; 0 for all",
            ),
        ),
        of(
            &[Trace],
            duration(
                "from",
                Duration::ZERO,
                Duration::from_secs(400 * 86_400),
                Duration::ZERO,
                "where in the trace the replay begins, in the trace's own time",
            ),
        ),
        of(
            &[Trace],
            number("speed", 0.001, 1e6, 1.0, "", "how many times faster than recorded; 60 plays an hour in a minute"),
        ),
        of(
            &[Trace],
            number("scale", 1e-6, 1e6, 1.0, "", "requests for each recorded one; 0.1 keeps a tenth of them, evenly"),
        ),
        of(
            &[Goose],
            integer(
                "goose",
                1,
                WORKERS_MAX.into(),
                1,
                "users",
                "so many users, as goose makes them, who walk the load's journeys: a closed loop with time to think",
            ),
        ),
        of(
            &[Goose],
            duration(
                "ramp",
                Duration::ZERO,
                LONGEST,
                Duration::ZERO,
                "over how long the users of goose start, one after the other",
            ),
        ),
        of(
            &[Goose],
            integer(
                "iterations",
                1,
                1_000_000_000,
                1,
                "",
                "how often each user of goose walks its journey, if no duration is given",
            ),
        ),
        of(
            &[Goose],
            duration(
                "timeout",
                Duration::ZERO,
                LONGEST,
                Duration::from_secs(20),
                "when a request of goose is given up; \"0s\" for never",
            ),
        ),
        of(
            &[Rate, Trace, Goose],
            duration(
                "duration",
                Duration::ZERO,
                LONGEST,
                Duration::ZERO,
                "how long the load lasts; of steps and traces all of it if not given, of goose from when all its users have started",
            ),
        ),
        of(
            &[Rate, Trace],
            choice(
                "arrivals",
                &["even", "uniform", "poisson"],
                "how requests arrive: even, poisson (independent of each other), or uniform for the counts of a trace (each at a random time of its bin)",
            ),
        ),
        of(
            &[Rate, Trace],
            integer(
                "max_in_flight",
                1,
                WORKERS_MAX.into(),
                1_000,
                "requests",
                "most requests under way at once; those held back by it are counted",
            ),
        ),
        of(
            &[Rate, Trace],
            choice(
                "when_full",
                &["wait", "drop"],
                "what becomes of a request that is due while so many are under way: it waits, or is lost",
            ),
        ),
        of(
            &[Rate, Trace],
            text(
                "request",
                "",
                "hey's flags that shape the request: -m -H -t -A -d -D -T -a -U -host -disable-keepalive",
            ),
        ),
        of(
            &[Hey, Rate, Trace, Goose],
            duration(
                "start",
                Duration::ZERO,
                LONGEST,
                Duration::ZERO,
                "start of this generator, counted from the load's start",
            ),
        ),
    ]
}

/// The kinds a load's keys make it; one, if it is right.
pub fn kinds(section: &Section) -> Vec<(&'static str, LoadKind)> {
    KIND_KEYS.into_iter().filter(|(key, _)| section.is_given(key)).collect()
}

/// The keys that say something about a load: those that are given, and the defaults that its kind and shape use.
pub fn telling_keys(section: &Section) -> Vec<&'static str> {
    let kinds = kinds(section);
    let Some((kind_key, kind)) = kinds.first().copied() else { return Vec::new() };
    let shape = section.settings.word("shape");
    load_keys()
        .into_iter()
        .filter(|key| {
            let name = key.parameter.name;
            let of_shape = key.shapes.is_empty() || (kind_key == "rate" && key.shapes.contains(&shape));
            let of_some_files = kind == LoadKind::Trace && OF_SOME_FILES.contains(&name);
            let default_tells = !WITHOUT_DEFAULT.contains(&name) && !of_some_files;
            section.is_given(name) || (key.kinds.contains(&kind) && of_shape && default_tells)
        })
        .map(|key| key.parameter.name)
        .collect()
}

fn choice(name: &'static str, words: &'static [&'static str], doc: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Choice(words), default: Value::Text(words[0]), unit: "", doc }
}

/// Keys of a `[[load.journey]]`.
pub fn journey() -> Vec<Parameter> {
    vec![
        text("name", "", "names the journey; by its number if not given"),
        integer("weight", 1, WEIGHT_MAX, 1, "", "how many of the users take this journey, against the others' weights"),
        text(
            "think",
            "0s",
            "how long a user pauses after each answer: \"2s\", or \"1s to 5s\" for any time in between",
        ),
    ]
}

/// Keys of a `[[load.journey.step]]`.
pub fn step() -> Vec<Parameter> {
    vec![
        text("name", "", "names the request; by its number if not given"),
        integer("weight", 1, WEIGHT_MAX, 1, "", "how often the request comes in a round, against the others' weights"),
        text("path", "", "what follows the function's address, such as \"/orders\""),
        text("query", "", "the query, such as \"number=10\"; [function] query if not given"),
        text("request", "", "hey's flags that shape the request: -m -H -A -d -D -T -a -U -host"),
        text("think", "", "how long a user pauses after the answer; as the journey says if not given"),
    ]
}

/// The largest weight: beyond it a round would be of thousands of requests.
const WEIGHT_MAX: u64 = 1_000;
