//! The sources against the house rules: who may import whom, what only one place may do, names, sizes, heads.
//!
//! The compiler keeps the pure core pure where a whole crate is missing (`cargo check --lib --no-default-features`);
//! this keeps what it can't see: that a policy doesn't look into the model, or a report into a driver.

mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use self::source::{Named, Token, paths, tokens};

/// A module with rules of its own; what lies in it and has none belongs to it.
struct Room {
    path: &'static str,
    may_use: &'static [&'static str],
}

const WORDS: &[&str] = &["time", "random", "record"];
const DRIVES: &[&str] =
    &["time", "random", "record", "schedule", "policy", "model", "stats", "search", "drive", "drive::program"];
const STUDIES: &[&str] = &[
    "time",
    "random",
    "record",
    "schedule",
    "policy",
    "model",
    "stats",
    "search",
    "drive",
    "drive::sim",
    "drive::replay",
    "drive::live",
    "drive::program",
    "study::results",
];

const ALL: &[&str] = &[
    "time",
    "random",
    "record",
    "schedule",
    "policy",
    "model",
    "stats",
    "search",
    "drive",
    "drive::sim",
    "drive::replay",
    "drive::live",
    "drive::program",
    "study",
    "study::results",
    "report",
];

/// Who may import whom. A room may always use itself.
const ROOMS: &[Room] = &[
    Room { path: "time", may_use: WORDS },
    Room { path: "random", may_use: WORDS },
    Room { path: "record", may_use: WORDS },
    Room { path: "schedule", may_use: WORDS },
    Room { path: "policy", may_use: WORDS },
    Room { path: "model", may_use: WORDS },
    Room { path: "stats", may_use: WORDS },
    Room { path: "search", may_use: WORDS },
    Room { path: "drive", may_use: DRIVES },
    Room { path: "drive::sim", may_use: DRIVES },
    Room { path: "drive::replay", may_use: DRIVES },
    Room { path: "drive::live", may_use: DRIVES },
    Room { path: "drive::program", may_use: DRIVES },
    Room { path: "study", may_use: STUDIES },
    Room { path: "study::results", may_use: DRIVES },
    Room { path: "report", may_use: &["time", "record", "stats", "study::results"] },
    Room { path: "cli", may_use: ALL },
];

const PURE: &[&str] = &[
    "time",
    "random",
    "record",
    "schedule",
    "policy",
    "model",
    "stats",
    "search",
    "drive",
    "drive::sim",
    "drive::replay",
];

/// Something from outside that not every room may name.
struct Outside {
    /// Crates, or words of std.
    names: &'static [&'static str],
    allowed: Allowed,
    instead: &'static str,
}

enum Allowed {
    /// These rooms and no other.
    Only(&'static [&'static str]),
    /// All but these rooms.
    NotIn(&'static [&'static str]),
}

const OUTSIDE: &[Outside] = &[
    Outside {
        names: &["tokio", "hyper", "hyper_util", "http_body_util", "nix", "kube", "reqwest"],
        allowed: Allowed::NotIn(PURE),
        instead: "below study only drive::live talks to the outside; hand in an event or a value",
    },
    Outside {
        names: &["Instant", "SystemTime", "std::fs", "std::thread", "std::net", "std::process", "std::env"],
        allowed: Allowed::NotIn(PURE),
        instead: "the core reads no clock, file or socket; take a Timestamp or a value as an argument",
    },
    Outside {
        names: &["serde", "serde_json", "csv", "toml", "schemars", "anyhow", "tracing"],
        allowed: Allowed::NotIn(PURE),
        instead: "the core has no file formats and no log; convert at the boundary, in study or drive::live",
    },
    Outside {
        names: &["HashMap", "HashSet"],
        allowed: Allowed::Only(&[]),
        instead: "its order changes from run to run; use a BTreeMap, a BTreeSet or an index",
    },
    Outside {
        names: &["goose", "ctrlc"],
        allowed: Allowed::Only(&["drive::live"]),
        instead: "goose is tamed in one place, drive::live::load::goose; hand it a plan",
    },
    Outside {
        names: &["plotters", "ab_glyph"],
        allowed: Allowed::Only(&["report"]),
        instead: "drawing belongs to report; hand it data",
    },
    Outside {
        names: &["clap", "clap_complete", "indicatif", "terminal_size"],
        allowed: Allowed::Only(&["cli"]),
        instead: "talking to a person belongs to cli; return a value or an error",
    },
];

const PRINTS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
const PRINTER: &str = "src/cli/output.rs";

const NAMES_OF_NOTHING: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

const LINES_MOST: usize = 600;
const LINES_MANY: usize = 400;

/// Files of more than [`LINES_MANY`] lines, each with the reason why it is one.
const LONG_FILES: &[(&str, &str)] = &[];

/// One rule broken in one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    file: String,
    line: usize,
    what: String,
    instead: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.file, self.line, self.what, self.instead)
    }
}

/// Sources by their path from the crate's root, such as `src/policy/hpa.rs`.
type Sources = BTreeMap<String, String>;

fn breaches(sources: &Sources, long_files: &[(&str, &str)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (file, text) in sources {
        let mut breach = |line, what: String, instead: &str| {
            breaches.push(Breach { file: file.clone(), line, what, instead: instead.to_owned() });
        };
        check_head(text, &mut breach);
        check_size(file, text, long_files, &mut breach);
        let tokens = tokens(text);
        check_names(file, &tokens, &mut breach);
        check_prints(file, &tokens, &mut breach);
        check_rooms(file, &tokens, &mut breach);
    }
    for (file, _) in long_files {
        if !sources.contains_key(*file) {
            breaches.push(Breach {
                file: (*file).to_owned(),
                line: 1,
                what: "is on the list of long files and does not exist".to_owned(),
                instead: "take it off LONG_FILES".to_owned(),
            });
        }
    }
    breaches.sort();
    breaches.dedup();
    breaches
}

fn check_head(text: &str, breach: &mut impl FnMut(usize, String, &str)) {
    let first = text.lines().next().unwrap_or_default();
    if first.strip_prefix("//!").is_none_or(|words| words.trim().is_empty()) {
        let instead = "say in `//!` what the file is for and what may not enter it";
        breach(1, "starts without a module doc".to_owned(), instead);
    }
}

fn check_size(file: &str, text: &str, long_files: &[(&str, &str)], breach: &mut impl FnMut(usize, String, &str)) {
    let lines = text.lines().count();
    let listed = long_files.iter().find(|(long, _)| *long == file);
    if lines > LINES_MOST {
        breach(lines, format!("has {lines} lines, more than {LINES_MOST}"), "split it by noun, one idea a file");
    } else if lines > LINES_MANY && listed.is_none() {
        let instead = "split it by noun, or put it on LONG_FILES with the reason why it is one idea";
        breach(lines, format!("has {lines} lines, more than {LINES_MANY}"), instead);
    } else if lines <= LINES_MANY && listed.is_some() {
        breach(lines, format!("is on the list of long files and has {lines} lines"), "take it off LONG_FILES");
    } else if listed.is_some_and(|(_, reason)| reason.is_empty()) {
        breach(lines, "is on the list of long files without a reason".to_owned(), "give the reason");
    }
}

fn check_names(file: &str, tokens: &[Token], breach: &mut impl FnMut(usize, String, &str)) {
    let instead = "name it after the thing it is about, or put each part beside its only user";
    let files = module_of(file).into_iter().map(|name| (name, 1));
    let inline =
        tokens.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| (pair[1].text.clone(), pair[1].line));
    for (name, line) in files.chain(inline) {
        if NAMES_OF_NOTHING.contains(&name.as_str()) {
            breach(line, format!("a module is called {name}"), instead);
        }
    }
}

fn check_prints(file: &str, tokens: &[Token], breach: &mut impl FnMut(usize, String, &str)) {
    if file == PRINTER {
        return;
    }
    for call in tokens.windows(3) {
        let is_macro = call[1].text == "!" && matches!(call[2].text.as_str(), "(" | "[" | "{");
        if is_macro && PRINTS.contains(&call[0].text.as_str()) {
            let instead = format!("return what is to be said; only {PRINTER} prints");
            breach(call[0].line, format!("uses {}!", call[0].text), &instead);
        }
    }
}

fn check_rooms(file: &str, tokens: &[Token], breach: &mut impl FnMut(usize, String, &str)) {
    let module = module_of(file);
    if module.is_empty() {
        // lib.rs and main.rs belong to no room: they name them all
        return;
    }
    let Some(room) = room_of(&module) else {
        breach(1, format!("{} is in no room of the layer table", module[0]), "give it a row in ROOMS");
        return;
    };
    let named = paths(tokens, &module, &child_rooms(&module));
    for Named { path, line } in &named {
        let Some(other) = room_of(path) else { continue };
        if other.path != room.path && !room.may_use.contains(&other.path) {
            let what = format!("{} uses crate::{}", room.path, path.join("::"));
            let may = room.may_use.join(", ");
            let instead = format!("arrows point down only: {} may use {may}; hand the value in from above", room.path);
            breach(*line, what, &instead);
        }
    }
    for outside in OUTSIDE {
        let allowed = match outside.allowed {
            Allowed::Only(rooms) => rooms.contains(&room.path),
            Allowed::NotIn(rooms) => !rooms.contains(&room.path),
        };
        if !allowed {
            for (name, line) in outside_names(outside, tokens, &named) {
                breach(line, format!("{} names {name}", room.path), outside.instead);
            }
        }
    }
}

/// Where a file names one of these: a crate before `::` or after `use`, a type anywhere, a module of std by its path.
fn outside_names(outside: &Outside, tokens: &[Token], named: &[Named]) -> Vec<(&'static str, usize)> {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    for name in outside.names {
        if let Some(module) = name.strip_prefix("std::") {
            let of_std = named.iter().filter(|named| named.path.starts_with(&["std".to_owned(), module.to_owned()]));
            found.extend(of_std.map(|named| (*name, named.line)));
            continue;
        }
        let is_type = name.starts_with(char::is_uppercase);
        for (index, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == *name) {
            let before = index.checked_sub(1).map_or("", text);
            let begins_a_path = (text(index + 1) == "::" && before != "::") || before == "use";
            if is_type || begins_a_path {
                found.push((*name, token.line));
            }
        }
    }
    found
}

/// `src/policy/hpa.rs` is `policy::hpa`; the crate's own files are the empty path.
fn module_of(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod")) {
        module.pop();
    }
    if matches!(inner, "lib" | "main") { Vec::new() } else { module }
}

/// The innermost room a path leads into.
fn room_of(path: &[String]) -> Option<&'static Room> {
    let leads_into = |room: &&Room| {
        let mut rest = path.iter();
        room.path.split("::").all(|part| rest.next().is_some_and(|name| name == part))
    };
    ROOMS.iter().filter(leads_into).max_by_key(|room| room.path.len())
}

/// Rooms right inside a module, which it may name without saying where they are.
fn child_rooms(module: &[String]) -> Vec<String> {
    let prefix = format!("{}::", module.join("::"));
    let inner = ROOMS.iter().filter_map(|room| room.path.strip_prefix(&prefix));
    inner.filter(|name| !name.contains("::")).map(str::to_owned).collect()
}

/// The sources of this crate.
fn sources() -> std::io::Result<Sources> {
    let mut sources = Sources::new();
    let mut folders = vec!["src".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder))? {
            let path = entry?.path();
            let name = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            if path.is_dir() {
                folders.push(name);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.insert(name, std::fs::read_to_string(&path)?);
            }
        }
    }
    Ok(sources)
}

/// The first version a change log is about; the head under which changes are collected comes before all released ones.
fn first_head(changelog: &str) -> Option<&str> {
    changelog.lines().find_map(|line| line.strip_prefix("## "))
}

#[test]
fn the_sources_keep_the_house_rules() {
    let sources = sources().unwrap();
    assert!(sources.contains_key("src/lib.rs"), "no sources were read");
    let breaches = breaches(&sources, LONG_FILES);
    let list: Vec<_> = breaches.iter().map(Breach::to_string).collect();
    assert!(list.is_empty(), "{} breaches of the house rules (tests/it/tidy.rs)\n{}", list.len(), list.join("\n"));
}

#[test]
fn the_change_log_begins_with_what_is_unreleased() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md")).unwrap_or_default();
    assert_eq!(
        first_head(&text),
        Some("[Unreleased]"),
        "CHANGELOG.md: the first head is not `## [Unreleased]`; collect changes under it, as keepachangelog.com has it"
    );
}

mod bites;
