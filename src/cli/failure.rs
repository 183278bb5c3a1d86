//! A failure as a person reads it: what is wrong, where, and what to do next.

use std::error::Error;
use std::fmt::Write as _;

use super::exit::ExitStatus;
use super::output::Printer;

/// Problems with their remedies, and the exit code they lead to.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: ExitStatus,
    /// Each with its hint, as text.
    problems: Vec<String>,
}

impl Failure {
    /// One problem and what to do about it.
    pub(super) fn new(status: ExitStatus, problem: impl Into<String>, hint: Option<String>) -> Self {
        let problem = problem.into();
        let text = match hint {
            Some(hint) => format!("{problem}\n  hint: {hint}"),
            None => problem,
        };
        Self { status, problems: vec![text] }
    }

    /// Several, each with its hint in a line of its own.
    pub(super) fn of(status: ExitStatus, problems: Vec<String>) -> Self {
        Self { status, problems }
    }

    /// From an error of the library, with its causes.
    pub(super) fn from_error(status: ExitStatus, error: &dyn Error, hint: Option<String>) -> Self {
        Self::new(status, chain(error), hint)
    }

    /// From an error of the library whose text says what to do after a colon or a semicolon: that part becomes the hint.
    pub(super) fn from_text(status: ExitStatus, error: &dyn Error) -> Self {
        let text = chain(error);
        match text.rsplit_once("; ").or_else(|| text.rsplit_once("): ").map(|(what, hint)| (what, hint))) {
            Some((what, hint)) => Self::new(status, what, Some(hint.to_owned())),
            None => Self::new(status, text, None),
        }
    }

    pub(super) fn print(&self, printer: Printer) {
        for problem in &self.problems {
            printer.error(problem);
        }
    }
}

/// An error with its causes in one line, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = error.source();
    }
    text
}
