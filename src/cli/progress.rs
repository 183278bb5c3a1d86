//! What a person sees while a study runs: a bar with ETA on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Printer;
use crate::drive::Phase;
use crate::study::plan::rounded;
use crate::study::results::summary::RunSummary;
use crate::study::runner::{Observer, Progress, RunBegins, SimulationProgress};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Steps of the bar of a study in virtual time.
const STEPS: u64 = 1_000;

/// Shows a study's progress on standard error.
pub(super) struct ProgressView {
    printer: Printer,
    /// Of the run under way, by the wall clock.
    run: Option<ProgressBar>,
    /// Of all runs at once, in virtual time.
    study: Option<ProgressBar>,
    last_line: Duration,
    phase: Option<Phase>,
}

impl ProgressView {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, run: None, study: None, last_line: Duration::ZERO, phase: None }
    }

    fn bar(&self, length: u64, title: String) -> ProgressBar {
        let bar = if self.printer.is_interactive() { ProgressBar::new(length) } else { ProgressBar::hidden() };
        let template = "{prefix:.bold} {bar:28.cyan/dim} {elapsed_precise:.dim} ETA {eta:<4} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        bar.set_prefix(title);
        bar
    }

    /// Writes lines that stay, above the bar if there is one.
    fn above_bar(&self, write: impl FnOnce()) {
        match &self.study {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for ProgressView {
    fn drop(&mut self) {
        for bar in self.run.iter().chain(&self.study) {
            bar.finish_and_clear();
        }
    }
}

impl Observer for ProgressView {
    fn prepares(&mut self, what: &str) {
        self.printer.say(what);
    }

    fn run_begins(&mut self, run: &RunBegins<'_>) {
        self.last_line = Duration::ZERO;
        self.phase = None;
        let title = format!("[{}/{}] {} (repeat {})", run.index, run.total, run.arm, run.repeat);
        if self.printer.is_interactive() {
            self.run = Some(self.bar(run.duration.as_secs().max(1), title));
        } else {
            self.printer.say(&format!("{title}, about {}", rounded(run.duration)));
        }
    }

    fn run_goes_on(&mut self, progress: &Progress) {
        let text = line(progress);
        if let Some(bar) = &self.run {
            bar.set_position(progress.elapsed.as_secs());
            bar.set_message(text);
        } else if self.phase != Some(progress.phase) || progress.elapsed >= self.last_line + LINE_EVERY {
            self.last_line = progress.elapsed;
            self.printer.say(&format!("  {:>4} s  {text}", progress.elapsed.as_secs()));
        }
        self.phase = Some(progress.phase);
    }

    fn simulation_goes_on(&mut self, progress: &SimulationProgress) {
        if self.study.is_none() {
            self.study = Some(self.bar(STEPS, "simulating".to_owned()));
        }
        let Some(bar) = &self.study else { return };
        let text = format!("{} of {} runs", progress.ended, progress.total);
        bar.set_position((progress.share * STEPS as f64) as u64);
        bar.set_message(text.clone());
        let elapsed = bar.elapsed();
        if !self.printer.is_interactive() && elapsed >= self.last_line + LINE_EVERY {
            self.last_line = elapsed;
            self.printer.say(&format!("  {:>4} s  {:.0} %, {text}", elapsed.as_secs(), progress.share * 100.0));
        }
    }

    fn run_ended(&mut self, summary: &RunSummary) {
        if let Some(bar) = self.run.take() {
            bar.finish_and_clear();
        }
        self.above_bar(|| {
            self.printer.say(&ended(summary));
            for reason in &summary.suspect_because {
                self.printer.warn(&format!("{} (repeat {}) is suspect: {reason}", summary.arm, summary.repeat));
            }
            for reason in summary.invalid_because.iter().filter(|_| !summary.partial) {
                self.printer.warn(&format!("{} (repeat {}): {reason}", summary.arm, summary.repeat));
            }
        });
    }
}

fn ended(summary: &RunSummary) -> String {
    let mark = if summary.partial {
        "partial"
    } else if summary.valid && summary.suspect_because.is_empty() {
        "valid"
    } else if summary.valid {
        "valid, but suspect"
    } else {
        "INVALID"
    };
    let mut text =
        format!("{} (repeat {}): {mark}, {} of {} sent", summary.arm, summary.repeat, summary.sent, summary.planned);
    if let Some(p95) = summary.latency_ms.get("p95") {
        let _ = write!(text, ", p95 {p95:.1} ms");
    }
    // in virtual time it is never late
    let lateness = |key: &str| summary.lateness_us.get(key).copied();
    if let (Some(p50), Some(p99)) = (lateness("p50"), lateness("p99"))
        && lateness("max").is_some_and(|max| max > 0.0)
    {
        let _ = write!(text, ", generator late by p50 {p50:.0} us, p99 {p99:.0} us");
    }
    if let Some(longest) = summary.held_back_max_ms {
        let _ = write!(text, ", {} held back by up to {longest:.1} ms", summary.held_back);
    }
    text
}

pub(super) fn line(progress: &Progress) -> String {
    let seen = &progress.seen;
    let mut text = progress.phase.as_str().to_owned();
    if let (Some(ready), Some(desired)) = (seen.ready, seen.desired) {
        let _ = write!(text, ", replicas {ready}/{desired}");
    }
    let _ = write!(text, ", {} sent", seen.sent);
    if let Some(p95) = seen.latency_p95 {
        let _ = write!(text, ", p95 {:.1} ms", p95.as_secs_f64() * 1e3);
    }
    if seen.errors > 0 {
        let _ = write!(text, ", {} errors", seen.errors);
    }
    text
}
