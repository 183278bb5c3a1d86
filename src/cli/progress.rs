//! What a person sees while a study runs: a bar with ETA on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Printer;
use crate::drive::Phase;
use crate::study::plan::rounded;
use crate::study::results::summary::RunSummary;
use crate::study::runner::{Observer, Progress, RunBegins};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Shows a study's progress on standard error.
pub(super) struct ProgressView {
    printer: Printer,
    bar: Option<ProgressBar>,
    last_line: Duration,
    phase: Option<Phase>,
}

impl ProgressView {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, bar: None, last_line: Duration::ZERO, phase: None }
    }
}

impl Observer for ProgressView {
    fn run_begins(&mut self, run: &RunBegins<'_>) {
        self.last_line = Duration::ZERO;
        self.phase = None;
        let title = format!("[{}/{}] {} (repeat {})", run.index, run.total, run.arm, run.repeat);
        if !self.printer.is_interactive() {
            self.printer.say(&format!("{title}, about {}", rounded(run.duration)));
            return;
        }
        let bar = ProgressBar::new(run.duration.as_secs().max(1));
        let template = "{prefix:.bold} {bar:28.cyan/dim} {elapsed_precise:.dim} ETA {eta:<4} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        bar.set_prefix(title);
        self.bar = Some(bar);
    }

    fn run_goes_on(&mut self, progress: &Progress) {
        let text = line(progress);
        if let Some(bar) = &self.bar {
            bar.set_position(progress.elapsed.as_secs());
            bar.set_message(text);
        } else if self.phase != Some(progress.phase) || progress.elapsed >= self.last_line + LINE_EVERY {
            self.last_line = progress.elapsed;
            self.printer.say(&format!("  {:>4} s  {text}", progress.elapsed.as_secs()));
        }
        self.phase = Some(progress.phase);
    }

    fn run_ended(&mut self, summary: &RunSummary) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let mark = if summary.partial {
            "partial"
        } else if summary.valid {
            "valid"
        } else {
            "INVALID"
        };
        let mut text = format!(
            "{} (repeat {}): {mark}, {} of {} sent",
            summary.arm, summary.repeat, summary.sent, summary.planned
        );
        if let Some(p95) = summary.latency_ms.get("p95") {
            let _ = write!(text, ", p95 {p95:.1} ms");
        }
        if let (Some(p50), Some(p99)) = (summary.lateness_us.get("p50"), summary.lateness_us.get("p99")) {
            let _ = write!(text, ", generator late by p50 {p50:.0} us, p99 {p99:.0} us");
        }
        if let Some(longest) = summary.held_back_max_ms {
            let _ = write!(text, ", {} held back by up to {longest:.1} ms", summary.held_back);
        }
        self.printer.say(&text);
        if !summary.partial {
            for reason in &summary.invalid_because {
                self.printer.warn(&format!("{} (repeat {}): {reason}", summary.arm, summary.repeat));
            }
        }
    }
}

fn line(progress: &Progress) -> String {
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
