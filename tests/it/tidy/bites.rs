//! The checker bites: made-up sources that break each rule, and near misses that break none.

use super::*;

/// What the checker says of one file: the line and what is wrong.
fn said(file: &str, code: &str) -> Vec<(usize, String)> {
    let text = format!("//! A file.\n{code}");
    let sources = Sources::from([(file.to_owned(), text)]);
    breaches(&sources, &[]).into_iter().map(|breach| (breach.line, breach.what)).collect()
}

fn assert_bites(file: &str, code: &str, line: usize, what: &str) {
    assert_eq!(said(file, code), [(line, what.to_owned())], "{file}: {code}");
}

fn assert_silent(file: &str, code: &str) {
    assert_eq!(said(file, code), [], "{file}: {code}");
}

#[test]
fn an_arrow_that_points_up_or_aside_is_found() {
    for (file, code, line, what) in [
        ("src/policy/hpa.rs", "use crate::model::Cluster;", 2, "policy uses crate::model::Cluster"),
        (
            "src/policy/hpa.rs",
            "\n\nuse crate::{\n    time::Timestamp,\n    stats::slo,\n};",
            6,
            "policy uses crate::stats::slo",
        ),
        ("src/policy/hpa.rs", "fn f() { crate::drive::sim::run() }", 2, "policy uses crate::drive::sim::run"),
        ("src/policy/kpa/panic.rs", "use super::super::super::model::Work;", 2, "policy uses crate::model::Work"),
        ("src/policy/mod.rs", "mod tests { use super::super::model; }", 2, "policy uses crate::model"),
        ("src/time.rs", "use crate::policy::Event;", 2, "time uses crate::policy::Event"),
        ("src/model/pods.rs", "use crate::schedule::*;", 2, "model uses crate::schedule"),
        ("src/stats/mod.rs", "type X = Vec<crate::model::Work>;", 2, "stats uses crate::model::Work"),
        ("src/drive/sim.rs", "use super::live::clock;", 2, "drive::sim uses crate::drive::live::clock"),
        (
            "src/drive/replay.rs",
            "use crate::drive::{self, sim::Heap};",
            2,
            "drive::replay uses crate::drive::sim::Heap",
        ),
        ("src/drive/live/load.rs", "use crate::drive::sim;", 2, "drive::live uses crate::drive::sim"),
        ("src/drive/mod.rs", "fn f() { live::run() }", 2, "drive uses crate::drive::live::run"),
        (
            "src/drive/plan.rs",
            "use crate::study::scenario::Scenario;",
            2,
            "drive uses crate::study::scenario::Scenario",
        ),
        ("src/study/results/mod.rs", "use super::scenario;", 2, "study::results uses crate::study::scenario"),
        ("src/study/runner.rs", "use crate::report::html;", 2, "study uses crate::report::html"),
        ("src/report/hey.rs", "use crate::drive::Outcome;", 2, "report uses crate::drive::Outcome"),
        ("src/report/hey.rs", "use crate::study::scenario::Arm;", 2, "report uses crate::study::scenario::Arm"),
        ("src/report/hey.rs", "use crate::policy::registry as all;", 2, "report uses crate::policy::registry"),
    ] {
        assert_bites(file, code, line, what);
    }
}

#[test]
fn a_room_reached_through_a_name_brought_in_before_is_found() {
    let code = "use crate::drive;\nfn f() { drive::live::clock::now() }";
    assert_bites("src/drive/sim.rs", code, 3, "drive::sim uses crate::drive::live::clock::now");
    let code = "use crate::drive as motor;\nfn f() { motor::live::run() }";
    assert_bites("src/drive/sim.rs", code, 3, "drive::sim uses crate::drive::live::run");
}

#[test]
fn arrows_that_point_down_are_fine() {
    for (file, code) in [
        (
            "src/policy/hpa.rs",
            "use super::settings::{Kind, Settings};\nuse crate::record::FunctionId;\nuse crate::time::Timestamp;",
        ),
        (
            "src/policy/hpa.rs",
            "/// Like [`crate::model::Cluster`].\n// crate::model::Cluster\n/* crate::model /* deep */ tokio::x */",
        ),
        (
            "src/policy/hpa.rs",
            "const A: &str = \"crate::model\"; const B: &str = r#\"say \"tokio::spawn\"\"#; const C: char = '\"';",
        ),
        ("src/policy/mod.rs", "pub(super) fn f() {} pub(in crate::policy) fn g() {}\nmod tests { use super::*; }"),
        ("src/study/results/cost.rs", "pub(in crate::study) struct Cost;"),
        ("src/drive/mod.rs", "pub mod live;\nuse crate::{model::{FunctionModel, NodeModel}, policy::Policy};"),
        (
            "src/drive/live/target/mod.rs",
            "use crate::drive::Plan;\nuse super::super::Recorder;\nuse tokio::net::TcpStream;",
        ),
        ("src/study/runner.rs", "use crate::drive::{live, sim};\nuse super::results::summary;"),
        ("src/report/html.rs", "use crate::study::results::{summary::RunSummary, Reader};\nuse plotters::prelude::*;"),
        ("src/cli/run.rs", "use crate::{drive, model, report, study};\nuse clap::Args;"),
        ("src/lib.rs", "pub mod study;"),
        ("src/main.rs", "fn main() -> std::process::ExitCode { watchtower::cli::main() }"),
    ] {
        assert_silent(file, code);
    }
}

#[test]
fn a_clock_a_socket_or_a_file_format_in_the_core_is_found() {
    for (file, code, what) in [
        ("src/policy/hpa.rs", "use tokio::sync::mpsc;", "policy names tokio"),
        ("src/drive/sim.rs", "fn f() { hyper::body() }", "drive::sim names hyper"),
        ("src/drive/mod.rs", "use std::time::{Duration, Instant};", "drive names Instant"),
        ("src/time.rs", "fn f() { std::time::SystemTime::now(); }", "time names SystemTime"),
        ("src/schedule/trace.rs", "use std::{fmt, fs::File};", "schedule names std::fs"),
        ("src/model/pods.rs", "fn f() { std::thread::yield_now() }", "model names std::thread"),
        ("src/record.rs", "use serde::Serialize;", "record names serde"),
        ("src/stats/mod.rs", "use std::collections::{BTreeMap, HashMap};", "stats names HashMap"),
        ("src/cli/run.rs", "use std::collections::HashSet;", "cli names HashSet"),
        ("src/study/tune.rs", "use plotters::prelude::*;", "study names plotters"),
        ("src/study/resolve.rs", "use clap::Parser;", "study names clap"),
    ] {
        assert_bites(file, code, 2, what);
    }
}

#[test]
fn words_that_only_look_like_crates_are_fine() {
    assert_silent("src/policy/hpa.rs", "fn f(csv: u32, fs: u32) -> u32 { let toml = csv + fs; toml }");
    assert_silent("src/policy/hpa.rs", "fn f<'hyper>(x: &'hyper str) -> &'hyper str { x }");
}

#[test]
fn a_module_in_no_room_is_found() {
    assert_bites("src/proxy/mod.rs", "", 1, "proxy is in no room of the layer table");
}

#[test]
fn a_module_named_after_nothing_is_found() {
    for name in ["util", "utils", "common", "helper", "helpers", "misc"] {
        assert_bites(&format!("src/model/{name}.rs"), "", 1, &format!("a module is called {name}"));
        assert_bites("src/model/pods.rs", &format!("\nmod {name} {{}}"), 3, &format!("a module is called {name}"));
    }
}

#[test]
fn printing_outside_the_printer_is_found() {
    for print in ["print", "println", "eprint", "eprintln", "dbg"] {
        let code = format!("fn f() {{\n    {print}!(\"x\");\n}}");
        assert_bites("src/cli/run.rs", &code, 3, &format!("uses {print}!"));
        assert_silent("src/cli/output.rs", &code);
    }
    assert_silent("src/report/hey.rs", "fn f(println: bool) -> bool { println != true }");
}

#[test]
fn a_file_without_a_module_doc_is_found() {
    for text in ["", "use std::fmt;\n", "\n//! Late.\n", "//!\n", "/// Of the next thing.\n"] {
        let sources = Sources::from([("src/time.rs".to_owned(), text.to_owned())]);
        let said = breaches(&sources, &[]);
        assert_eq!(said.len(), 1, "{text:?}");
        assert_eq!((said[0].line, said[0].what.as_str()), (1, "starts without a module doc"));
    }
}

#[test]
fn a_long_file_is_found_unless_it_is_listed_with_a_reason_and_never_beyond_the_most() {
    let said = |lines: usize, long_files: &[(&str, &str)]| {
        let sources = Sources::from([("src/time.rs".to_owned(), "//! Lines.\n".repeat(lines))]);
        breaches(&sources, long_files).into_iter().map(|breach| breach.what).collect::<Vec<_>>()
    };
    let listed = [("src/time.rs", "one table")];
    assert_eq!(said(400, &[]), [""; 0]);
    assert_eq!(said(401, &[]), ["has 401 lines, more than 400"]);
    assert_eq!(said(600, &listed), [""; 0]);
    assert_eq!(said(600, &[("src/time.rs", "")]), ["is on the list of long files without a reason"]);
    assert_eq!(said(601, &listed), ["has 601 lines, more than 600"]);
    assert_eq!(said(400, &listed), ["is on the list of long files and has 400 lines"]);
    assert_eq!(said(10, &[("src/gone.rs", "was long")]), ["is on the list of long files and does not exist"]);
}

#[test]
fn a_breach_says_file_line_what_and_what_to_do_instead() {
    let text = "//! A policy.\nuse tokio::net;\n";
    let sources = Sources::from([("src/policy/hpa.rs".to_owned(), text.to_owned())]);
    let said: Vec<_> = breaches(&sources, &[]).iter().map(Breach::to_string).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    src/policy/hpa.rs:2: policy names tokio
        below study only drive::live talks to the outside; hand in an event or a value
    ");
}

#[test]
fn a_change_log_that_begins_with_a_release_is_found() {
    assert_eq!(first_head("# Changelog\n\n## [Unreleased]\n\n### Added\n\n## [0.1.0]"), Some("[Unreleased]"));
    assert_eq!(first_head("# Changelog\n\n## [0.1.0] - 2025-01-01\n\n## [Unreleased]"), Some("[0.1.0] - 2025-01-01"));
    assert_eq!(first_head(""), None);
}
