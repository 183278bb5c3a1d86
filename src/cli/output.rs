//! The only place that prints: results to standard output, everything for a person to standard error.

use std::io::{self, IsTerminal, Write};

/// Where output goes and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    quiet: bool,
    colour: bool,
}

impl Printer {
    /// A printer for this process; `quiet` keeps everything but results, warnings and errors.
    pub(super) fn new(quiet: bool) -> Self {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { quiet, colour }
    }

    /// Whether progress bars make sense.
    pub(super) fn is_interactive(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// A result, to standard output. A reader that went away (`| head`) is no error.
    pub(super) fn result(text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = stdout.write_all(b"\n");
        }
        let _ = stdout.flush();
    }

    /// A result to the byte, part by part if need be.
    pub(super) fn bytes(bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes);
        let _ = stdout.flush();
    }

    /// Something for a person, to the byte.
    pub(super) fn complaint(text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// A line about what goes on.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }

    /// Something a person should know even when quiet.
    pub(super) fn warn(self, text: &str) {
        complain(&format!("{}: {text}", self.paint("warning", "33;1")));
    }

    /// What went wrong, with hints in lines of their own.
    pub(super) fn error(self, text: &str) {
        let text = text.replace("\n  hint: ", &format!("\n  {}: ", self.paint("hint", "36;1")));
        complain(&format!("{}: {text}", self.paint("error", "31;1")));
    }

    fn paint(self, word: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}

/// A line on standard error. A reader that went away must not end a run.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
