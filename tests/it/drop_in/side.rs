//! One program run on one command line, and what could be seen of it.

use std::process::{Command, Stdio};

use watchtower::study::hey_flags::words;

use super::cases::Case;
use super::server::Server;

/// What a script, a person and a server see.
pub(super) struct Seen {
    pub(super) code: Option<i32>,
    /// Measured numbers masked.
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The server's address masked.
    pub(super) requests: Vec<String>,
}

/// Runs a case with `program`, ours under the name `watchtower hey`.
pub(super) fn see(program: &str, case: &Case) -> Seen {
    let server = Server::start(case.speech);
    let address = server.address.to_string();
    let line = case.line.replace("ADDRESS", &address);
    let mut command = Command::new(program);
    if program != "hey" {
        command.arg("hey");
    }
    let output = command
        .args(words(&line).expect("quotes are closed"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/drop_in"))
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| masked(&String::from_utf8_lossy(bytes).replace(&address, "ADDRESS"));
    Seen {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        requests: server.requests().iter().map(|request| request.replace(&address, "ADDRESS")).collect(),
    }
}

/// Text with measured numbers, and what depends on them, masked: decimals, histogram rows, the percentiles that few values do not
/// reach; of a Go program's panic only its message.
pub(super) fn masked(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        if line.starts_with("goroutine ") {
            // the trace behind it, and the empty line before
            lines.pop();
            lines.push(String::new());
            break;
        }
        let line = decimals_masked(without_log_time(line));
        lines.push(if line.contains("]\t|") { "  # [#]\t|".to_owned() } else { line });
    }
    lines.join("\n")
}

fn without_log_time(line: &str) -> &str {
    let shape: String = line.chars().take(20).map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    if shape == "0000/00/00 00:00:00 " { &line[20..] } else { line }
}

fn decimals_masked(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        out.push_str(before);
        let end = number.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let is_decimal = number.matches('.').count() == 1 && !number.ends_with('.');
        out.push_str(if is_decimal { "#" } else { number });
        rest = after;
    }
    out + rest
}
