//! `hey` and ours side by side: each command line runs both against servers of their own that do the same.
//!
//! Compared are exit code, standard output and standard error with measured numbers masked, the requests on the wire to the byte,
//! and their count. Where the two differ, the difference is one of those listed in docs/hey.md, by its name; one that is listed
//! and not seen fails too. Where the program is missing (`apt-get install hey`) the comparison says SKIPPED and passes.

mod cases;
mod extras;
mod schema;
mod self_test;
mod server;
mod side;
mod signals;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{CASES, Case};
use side::{Seen, see};

/// Command lines at the same time: most of their time they wait.
const AT_ONCE: usize = 6;

/// A machine that stands still for a moment loses a tick or a request of one of the two; it does not do so again and again.
const ATTEMPTS: usize = 4;

const DOCUMENT: &str = include_str!("../../docs/hey.md");

/// Names of the differences that docs/hey.md lists: `- **name**: ...`.
fn documented() -> BTreeSet<&'static str> {
    let list = DOCUMENT.split("## Differences").nth(1).expect("docs/hey.md has a list of differences");
    let list = list.split("\n## ").next().unwrap_or_default();
    list.lines().filter_map(|line| line.strip_prefix("- **")?.split("**").next()).collect()
}

/// Differences that another test shows, because they need more than two programs side by side.
const SHOWN_ELSEWHERE: [(&str, &str); 11] = [
    ("connection-row", "hey_golden: the row against hey's own, from the same results"),
    ("above-a-million", "stats::hey_summary: a million and a half results"),
    ("offset", "drop_in::extras: offsets begin near 0"),
    ("second-ctrl-c", "drop_in::signals"),
    ("own-connection", "load: connections are counted at the server"),
    ("cores", "study::hey::cores: a limited thread sees fewer cores"),
    ("old-tls", "no server without forward secrecy is at hand"),
    ("keep-awake", "drop_in::extras: it is told of by itself"),
    ("limits", "study::hey_flags::request and ::go: the bounds of a body file, of -c and of -z"),
    ("arrival", "drive::live::load::plain: an answer that nobody reads at once"),
    ("log-time", "the time zone of a log line, masked here"),
];

pub(super) fn hey_is_there() -> bool {
    let there = Command::new("hey").arg("-help").output().is_ok();
    if !there {
        eprintln!("SKIPPED: comparison with the real hey; apt-get install hey");
    }
    there
}

#[test]
fn there_are_enough_command_lines_and_each_difference_is_documented() {
    assert!(CASES.len() >= 60, "{} command lines", CASES.len());
    let documented = documented();
    let tried: BTreeSet<&str> = CASES.iter().filter_map(|case| case.difference).collect();
    for name in &tried {
        assert!(documented.contains(name), "docs/hey.md does not list {name}");
    }
    for name in documented {
        let elsewhere = SHOWN_ELSEWHERE.iter().any(|(shown, _)| *shown == name);
        assert!(tried.contains(name) || elsewhere, "docs/hey.md lists {name}, and no test shows it");
    }
}

/// What is wrong with a case, if anything.
fn fault(case: &Case) -> Option<String> {
    let theirs = see("hey", case);
    let ours = see(env!("CARGO_BIN_EXE_watchtower"), case);
    let differ = |name: &str, one: &str, other: &str| {
        (one != other).then(|| format!("{name} of hey:\n{one}\n{name} of ours:\n{other}\n"))
    };
    let Seen { code, stdout, stderr, requests } = &ours;
    let mut faults = Vec::new();
    faults.extend(differ("exit code", &format!("{:?}", theirs.code), &format!("{code:?}")));
    let text =
        |text: &str| if case.counts { text.to_owned() } else { text.replace(|char: char| char.is_ascii_digit(), "") };
    faults.extend(differ("standard output", &text(&theirs.stdout), &text(stdout)));
    faults.extend(differ("standard error", &theirs.stderr, stderr));
    let count = |requests: &[String]| if case.counts { requests.len().to_string() } else { "some".to_owned() };
    faults.extend(differ("count of requests", &count(&theirs.requests), &count(requests)));
    let kinds = |requests: &[String]| requests.iter().cloned().collect::<BTreeSet<_>>();
    faults.extend(differ("wire", &format!("{:#?}", kinds(&theirs.requests)), &format!("{:#?}", kinds(requests))));
    match (case.difference, faults.is_empty()) {
        (None, true) => None,
        (None, false) => Some(faults.concat()),
        (Some(name), true) => Some(format!("{name} is no difference here any more")),
        (Some(_), false) => case.expects.iter().find_map(|expected| {
            let all = format!("{code:?}\n{stdout}\n{stderr}\n{}", requests.concat());
            (!all.contains(expected)).then(|| format!("ours lacks {expected:?}:\n{all}"))
        }),
    }
}

#[test]
fn every_command_line_does_what_hey_does_but_for_the_documented_differences() {
    if !hey_is_there() {
        return;
    }
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut last = fault(case);
                    for _ in 1..ATTEMPTS {
                        if last.is_none() {
                            break;
                        }
                        last = fault(case);
                    }
                    if let Some(fault) = last {
                        faults.lock().expect("no panic").push(format!("hey {}\n{fault}", case.line));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{} of {} command lines:\n\n{}", faults.len(), CASES.len(), faults.join("\n"));
}
