//! hey's summary read back: the numbers that a judgement needs.
//!
//! hey 0.1.4, print.go. Indentation and trailing blanks don't matter, so what was pasted into a page is read as well.

use std::time::Duration;

/// hey keeps no more results than this: status counts, histogram and percentiles stop there, `Requests/sec` does not.
const KEPT_BY_HEY: u64 = 1_000_000;

/// More requests than any run makes: what names more is no summary, and sums of it stay numbers.
const COUNT_MAX: u64 = 1_000_000_000_000;

/// What the four decimals of hey's seconds leave open.
const ROUNDING_SECS: f64 = 0.000_05;

/// One hey's summary.
#[derive(Clone, Debug, PartialEq)]
pub struct HeyOutput {
    /// From the start to the last answer.
    pub total: Duration,
    /// Longest latency of an answered request; zero without any.
    pub slowest: Duration,
    /// Answered requests that hey kept, with any status; a million at most.
    pub answers: u64,
    /// Requests without an answer.
    pub errors: u64,
    /// Those of them that waited until hey's time-out.
    pub timeouts: u64,
    /// Answered requests by latency.
    pub bins: Vec<Bin>,
    /// Answers that the bins don't hold, because hey keeps a million.
    pub beyond_bins: u64,
}

/// Requests of about the same latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// No request of the bin was faster, in seconds.
    pub from: f64,
    /// Nor slower.
    pub to: f64,
    /// How many.
    pub count: u64,
}

/// Why a text is no summary of hey's. What to do about it stands in a line of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// A line is missing.
    #[error(
        "has no line \"{0}\", so it is no summary of hey's\n  hint: give what `hey` prints without -o, from \"Summary:\" on"
    )]
    Missing(&'static str),
    /// A line does not read.
    #[error("{line:?} does not read as hey writes it\n  hint: give what `hey` prints without -o, unchanged")]
    Line {
        /// The line.
        line: String,
    },
    /// A time that runs backwards.
    #[error(
        "{line:?}: a time below zero means that the clock of hey's host was set back while it ran\n  hint: run it again"
    )]
    Backwards {
        /// The line.
        line: String,
    },
}

/// The part of the text that a line belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Head,
    Histogram,
    Status,
    Errors,
    Other,
}

impl HeyOutput {
    /// Reads what hey printed.
    ///
    /// # Errors
    /// When a number that is needed is not there or no number.
    pub fn parse(text: &str) -> Result<Self, OutputError> {
        let (mut total, mut slowest, mut fastest, mut rate) = (None, None, None, None);
        let (mut answers, mut errors, mut timeouts) = (0_u64, 0_u64, 0_u64);
        let mut counts = Vec::new();
        let mut part = Part::Other;
        for line in text.lines().map(str::trim) {
            if let Some(begun) = heading(line) {
                part = begun;
                continue;
            }
            match part {
                Part::Head => {
                    for (name, value) in
                        [("Total:", &mut total), ("Slowest:", &mut slowest), ("Fastest:", &mut fastest)]
                    {
                        if let Some(rest) = line.strip_prefix(name) {
                            *value = Some(seconds(line, rest)?);
                        }
                    }
                    if let Some(rest) = line.strip_prefix("Requests/sec:") {
                        rate = Some(number(line, rest)?);
                    }
                }
                Part::Histogram => counts.extend(bracketed(line)?.map(|(_, count, _)| count)),
                Part::Status => {
                    if let Some((_, _, rest)) = bracketed(line)? {
                        let count = rest.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
                        let count = count.filter(|count| *count <= COUNT_MAX);
                        answers += count.ok_or_else(|| OutputError::Line { line: line.to_owned() })?;
                    }
                }
                Part::Errors => {
                    if let Some((_, count, rest)) = bracketed(line)? {
                        errors += count;
                        // Go's texts for a request that took longer than -t
                        if rest.contains("Timeout exceeded") || rest.contains("deadline exceeded") {
                            timeouts += count;
                        }
                    }
                }
                Part::Other => {}
            }
        }
        let total = total.ok_or(OutputError::Missing("Total:"))?;
        let slowest = slowest.ok_or(OutputError::Missing("Slowest:"))?;
        let fastest = fastest.ok_or(OutputError::Missing("Fastest:"))?;
        let rate = rate.ok_or(OutputError::Missing("Requests/sec:"))?;
        if answers > 0 && counts.is_empty() {
            return Err(OutputError::Missing("Response time histogram:"));
        }
        // from the rate, since counts stop at a million
        let beyond_bins =
            if answers >= KEPT_BY_HEY { ((rate * total).round() as u64).saturating_sub(answers + errors) } else { 0 };
        let beyond_bins = beyond_bins.min(COUNT_MAX);
        Ok(Self {
            total: Duration::from_secs_f64(total),
            slowest: Duration::from_secs_f64(slowest),
            answers,
            errors,
            timeouts,
            bins: bins(&counts, fastest, slowest),
            beyond_bins,
        })
    }

    /// Requests that were sent and ended, one way or the other.
    pub fn counted(&self) -> u64 {
        self.answers + self.beyond_bins + self.errors
    }
}

fn heading(line: &str) -> Option<Part> {
    Some(match line {
        "Summary:" => Part::Head,
        "Response time histogram:" => Part::Histogram,
        "Status code distribution:" => Part::Status,
        "Error distribution:" => Part::Errors,
        "Latency distribution:" => Part::Other,
        _ if line.starts_with("Details (") => Part::Other,
        _ => return None,
    })
}

/// `BEFORE [COUNT] AFTER`; nothing for a line without brackets.
fn bracketed(line: &str) -> Result<Option<(&str, u64, &str)>, OutputError> {
    let Some((before, rest)) = line.split_once('[') else { return Ok(None) };
    let wrong = || OutputError::Line { line: line.to_owned() };
    let (count, after) = rest.split_once(']').ok_or_else(wrong)?;
    let count = count.trim().parse().ok().filter(|count| *count <= COUNT_MAX);
    Ok(Some((before.trim(), count.ok_or_else(wrong)?, after.trim())))
}

fn number(line: &str, text: &str) -> Result<f64, OutputError> {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .ok_or_else(|| OutputError::Line { line: line.to_owned() })
}

fn seconds(line: &str, text: &str) -> Result<f64, OutputError> {
    let value = number(line, text)?;
    if value < 0.0 {
        return Err(OutputError::Backwards { line: line.to_owned() });
    }
    // as long as a century, which is no run
    if value > 3.2e9 { Err(OutputError::Line { line: line.to_owned() }) } else { Ok(value) }
}

/// The bins behind the counts. Their marks are computed as hey does, since it prints them with three decimals only.
fn bins(counts: &[u64], fastest: f64, slowest: f64) -> Vec<Bin> {
    let steps = counts.len().saturating_sub(1).max(1) as f64;
    let mark = |index: usize| fastest + (slowest - fastest) / steps * index as f64;
    let bin = |(index, count): (usize, &u64)| Bin {
        from: (mark(index.saturating_sub(1)) - ROUNDING_SECS).max(0.0),
        to: mark(index) + ROUNDING_SECS,
        count: *count,
    };
    counts.iter().enumerate().map(bin).filter(|bin| bin.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Detail;
    use crate::stats::hey_summary::HeySummary;

    #[test]
    fn more_requests_than_any_run_makes_are_no_summary() {
        let summary = "Summary:\n Total: 1.0 secs\n Slowest: 1.0 secs\n Fastest: 1.0 secs\n Requests/sec: 1.0\n";
        for (line, read) in [
            ("Error distribution:\n [1000000000000] a", true),
            ("Error distribution:\n [1000000000001] a", false),
            ("Response time histogram:\n 0.1 [18446744073709551615] |", false),
            ("Status code distribution:\n [200] 18446744073709551615 responses", false),
        ] {
            assert_eq!(HeyOutput::parse(&format!("{summary}{line}\n")).is_ok(), read, "{line}");
        }
    }

    #[test]
    fn what_our_own_summary_writes_is_read_back() {
        let mut summary = HeySummary::new();
        for millis in [10, 20, 30, 110] {
            summary.answered(Duration::from_millis(millis), &Detail::default(), if millis == 30 { 503 } else { 200 });
        }
        for _ in 0..3 {
            summary.failed(
                "Get \"http://h/[x]\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            );
        }
        summary.failed("Get \"http://h/\": EOF");
        let output = HeyOutput::parse(&summary.text(Duration::from_millis(1_500))).expect("a summary");
        assert_eq!((output.answers, output.errors, output.timeouts, output.counted()), (4, 4, 3, 8));
        assert_eq!((output.total, output.slowest), (Duration::from_millis(1_500), Duration::from_millis(110)));
        let counts: Vec<u64> = output.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [1, 1, 1, 1]);
        for (bin, secs) in output.bins.iter().zip([0.010, 0.020, 0.030, 0.110]) {
            assert!(bin.from <= secs && secs <= bin.to, "{bin:?}");
        }
    }

    #[test]
    fn a_run_without_answers_is_read_too() {
        let mut summary = HeySummary::new();
        summary.failed("connection refused");
        let output = HeyOutput::parse(&summary.text(Duration::from_secs(1))).expect("a summary");
        assert_eq!((output.counted(), output.bins.len()), (1, 0));
    }

    #[test]
    fn beyond_a_million_the_count_comes_from_the_rate() {
        let text = "Summary:\n Total: 120.0 secs\n Slowest: 0.2 secs\n Fastest: 0.1 secs\n Requests/sec: 25000.0\n\
                    Response time histogram:\n 0.100 [1] |\n 0.200 [999999] |\nStatus code distribution:\n [200] 1000000 responses\n";
        let output = HeyOutput::parse(text).expect("a summary");
        assert_eq!((output.counted(), output.beyond_bins), (3_000_000, 2_000_000));
    }

    #[test]
    fn what_is_no_summary_is_refused_by_name() {
        let head = "Summary:\n Total: 1.0 secs\n Slowest: 0.2 secs\n Fastest: 0.1 secs\n Requests/sec: 2.0\n";
        for (text, message) in [
            ("response-time,DNS+dialup\n0.1,0\n", "has no line \"Total:\""),
            ("Summary:\n Total: soon\n", "\"Total: soon\" does not read"),
            ("Summary:\n Total: -1.5 secs\n", "\"Total: -1.5 secs\": a time below zero"),
            ("Summary:\n Total: 1e300 secs\n", "\"Total: 1e300 secs\" does not read"),
            (
                &format!("{head}Status code distribution:\n [200] 2 responses\n"),
                "has no line \"Response time histogram:\"",
            ),
            (&format!("{head}Status code distribution:\n [200 2 responses\n"), "\"[200 2 responses\" does not read"),
            (&format!("{head}Response time histogram:\n 0.1 [many] |\n"), "\"0.1 [many] |\" does not read"),
        ] {
            let error = HeyOutput::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(message) && error.contains("\n  hint: "), "{error}");
        }
    }
}
