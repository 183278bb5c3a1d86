//! hey's summary, byte for byte (hey 0.1.4, print.go and report.go), and the numbers it is made of.
//!
//! Where hey is wrong this is right: the DNS+dialup row shows the connection's own fastest and slowest, averages and counts hold
//! above a million results, and a `%` in an error text stays one. Otherwise scripts that read hey's text read this.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::latency::{Latencies, SortedLatencies};
use super::percentile::{HEY_PERCENTILES, hey_ranks};
use crate::record::Detail;

/// Latencies kept one by one; beyond so many, percentiles and histogram have three significant digits and the text says so.
pub const KEPT_EXACTLY: usize = 1_000_000;

/// Rows of hey's histogram.
const MARKS: usize = 11;

/// Width of its longest bar.
const BAR: u64 = 40;

/// What hey's summary says about one generator, as results come in.
#[derive(Clone, Debug)]
pub struct HeySummary {
    latencies: Latencies,
    dial: Series,
    lookup: Series,
    write: Series,
    wait: Series,
    read: Series,
    size_total: u64,
    status_codes: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
}

/// Sum in order of arrival, smallest and largest of one part of the way.
#[derive(Clone, Copy, Debug)]
struct Series {
    sum_secs: f64,
    min: Duration,
    max: Duration,
}

impl Series {
    const EMPTY: Self = Self { sum_secs: 0.0, min: Duration::MAX, max: Duration::ZERO };

    fn record(&mut self, value: Duration) {
        self.sum_secs += value.as_secs_f64();
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

/// One row of hey's details, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetailRow {
    /// As hey names it, such as `DNS+dialup`.
    pub name: &'static str,
    /// Arithmetic mean over all answers; not a number without any.
    pub average: f64,
    /// Smallest; 0 without answers.
    pub fastest: f64,
    /// Largest.
    pub slowest: f64,
}

/// One row of hey's histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistogramRow {
    /// Upper end in seconds, included.
    pub mark: f64,
    /// Latencies above the mark before and not above this one.
    pub count: u64,
}

/// One row of hey's latency distribution; the percentiles that few values do not reach are zeros, as in hey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistributionRow {
    /// In percent.
    pub percentage: u64,
    /// In seconds.
    pub latency: f64,
}

impl Default for HeySummary {
    fn default() -> Self {
        Self::new()
    }
}

impl HeySummary {
    /// No result yet.
    pub fn new() -> Self {
        Self {
            latencies: Latencies::new(KEPT_EXACTLY),
            dial: Series::EMPTY,
            lookup: Series::EMPTY,
            write: Series::EMPTY,
            wait: Series::EMPTY,
            read: Series::EMPTY,
            size_total: 0,
            status_codes: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    /// A request was answered, with any status.
    pub fn answered(&mut self, latency: Duration, detail: &Detail, status: u16) {
        self.latencies.record(latency);
        self.dial.record(detail.dial);
        self.lookup.record(detail.lookup);
        self.write.record(detail.write);
        self.wait.record(detail.wait);
        self.read.record(detail.read);
        self.size_total += detail.size.unwrap_or(0);
        *self.status_codes.entry(status).or_default() += 1;
    }

    /// A request got no answer, for this reason.
    pub fn failed(&mut self, reason: &str) {
        self.failed_times(reason, 1);
    }

    /// So many requests got no answer, all for this reason.
    pub fn failed_times(&mut self, reason: &str, times: u64) {
        match self.errors.get_mut(reason) {
            Some(count) => *count += times,
            None => drop(self.errors.insert(reason.to_owned(), times)),
        }
    }

    /// Latencies of the answered requests.
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// How often each status was answered.
    pub fn status_codes(&self) -> &BTreeMap<u16, u64> {
        &self.status_codes
    }

    /// How often each reason kept a request from being answered.
    pub fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// Sum of the answers' sizes, as far as they are known.
    pub fn size_total(&self) -> u64 {
        self.size_total
    }

    /// How many requests got no answer.
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// hey's histogram: eleven rows from the fastest to the slowest; none without answers.
    pub fn histogram(&self) -> Vec<HistogramRow> {
        let histogram = self.latencies.histogram();
        if histogram.is_empty() {
            return Vec::new();
        }
        histogram_rows(&self.latencies.sorted(), secs(histogram.min()), secs(histogram.max()))
    }

    /// hey's latency distribution: seven rows; none without answers.
    pub fn distribution(&self) -> Vec<DistributionRow> {
        if self.latencies.count() == 0 {
            return Vec::new();
        }
        let sorted = self.latencies.sorted();
        let ranks = hey_ranks(self.latencies.count());
        let reached = HEY_PERCENTILES.iter().zip(&ranks).map(|(percentage, rank)| DistributionRow {
            percentage: *percentage,
            latency: secs(sorted.at_rank(rank + 1)),
        });
        let unreached = DistributionRow { percentage: 0, latency: 0.0 };
        reached.chain(std::iter::repeat(unreached)).take(HEY_PERCENTILES.len()).collect()
    }

    /// hey's details: the parts of the way.
    pub fn details(&self) -> [DetailRow; 5] {
        let answered = self.latencies.count() as f64;
        [
            ("DNS+dialup", self.dial),
            ("DNS-lookup", self.lookup),
            ("req write", self.write),
            ("resp wait", self.wait),
            ("resp read", self.read),
        ]
        .map(|(name, series)| DetailRow {
            name,
            average: series.sum_secs / answered,
            fastest: series.min.min(series.max).as_secs_f64(),
            slowest: series.max.as_secs_f64(),
        })
    }

    /// The text, for a run that took `total` from its start to its last answer.
    pub fn text(&self, total: Duration) -> String {
        let mut text = String::new();
        // writing to a string can't fail
        let _ = self.write_text(&mut text, total);
        text
    }

    fn write_text(&self, out: &mut String, total: Duration) -> std::fmt::Result {
        let answered = self.latencies.count();
        let histogram = self.latencies.histogram();
        let (fastest, slowest) = (secs(histogram.min()), secs(histogram.max()));
        let total = total.as_secs_f64();

        writeln!(out, "\nSummary:")?;
        writeln!(out, "  Total:\t{total:4.4} secs")?;
        writeln!(out, "  Slowest:\t{slowest:4.4} secs")?;
        writeln!(out, "  Fastest:\t{fastest:4.4} secs")?;
        writeln!(out, "  Average:\t{:4.4} secs", self.latencies.sum_secs() / answered as f64)?;
        writeln!(out, "  Requests/sec:\t{:4.4}", (answered + self.failures()) as f64 / total)?;
        writeln!(out, "  ")?;
        if self.size_total > 0 {
            writeln!(out, "  Total data:\t{} bytes", self.size_total)?;
            writeln!(out, "  Size/request:\t{} bytes", self.size_total / answered.max(1))?;
        }

        writeln!(out, "\nResponse time histogram:")?;
        write_histogram(out, &self.histogram())?;

        writeln!(out, "\n\nLatency distribution:")?;
        for DistributionRow { percentage, latency } in self.distribution() {
            writeln!(out, "  {percentage}% in {latency:4.4} secs")?;
        }

        writeln!(out, "\nDetails (average, fastest, slowest):")?;
        for DetailRow { name, average, fastest, slowest } in self.details() {
            writeln!(out, "  {name}:\t{average:4.4} secs, {fastest:4.4} secs, {slowest:4.4} secs")?;
        }

        write!(out, "\nStatus code distribution:")?;
        for (status, count) in &self.status_codes {
            write!(out, "\n  [{status}]\t{count} responses")?;
        }
        write!(out, "\n\n")?;
        if !self.errors.is_empty() {
            write!(out, "Error distribution:")?;
            for (reason, count) in &self.errors {
                write!(out, "\n  [{count}]\t{reason}")?;
            }
        }
        write!(out, "\n\n")?;
        if !self.latencies.is_exact() {
            writeln!(
                out,
                "More than {KEPT_EXACTLY} results: the histogram and the latency distribution have three significant digits."
            )?;
        }
        Ok(())
    }
}

/// Eleven marks from the fastest to the slowest; a latency belongs to the first mark that is not below it.
fn histogram_rows(sorted: &SortedLatencies<'_>, fastest: f64, slowest: f64) -> Vec<HistogramRow> {
    let width = (slowest - fastest) / (MARKS - 1) as f64;
    let mark = |index: usize| if index + 1 == MARKS { slowest } else { fastest + width * index as f64 };
    let mut rows: Vec<_> = (0..MARKS).map(|index| HistogramRow { mark: mark(index), count: 0 }).collect();
    let mut at = 0;
    for (latency, count) in sorted.counted() {
        while at + 1 < MARKS && latency.as_secs_f64() > rows[at].mark {
            at += 1;
        }
        rows[at].count += count;
    }
    rows
}

/// The rows with their bars, as hey's `histogram` prints them.
fn write_histogram(out: &mut String, rows: &[HistogramRow]) -> std::fmt::Result {
    let max = rows.iter().map(|row| row.count).max().unwrap_or(0);
    for HistogramRow { mark, count } in rows {
        let bar = (count * BAR + max / 2).checked_div(max).unwrap_or(0);
        writeln!(out, "  {mark:4.3} [{count}]\t|{}", "\u{25a0}".repeat(bar as usize))?;
    }
    Ok(())
}

/// The bars alone, as hey's template function `histogram` gives them.
pub fn histogram_text(rows: &[HistogramRow]) -> String {
    let mut text = String::new();
    // writing to a string can't fail
    let _ = write_histogram(&mut text, rows);
    text
}

fn secs(duration: Option<Duration>) -> f64 {
    duration.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_in_an_error_stays_one() {
        let mut summary = HeySummary::new();
        summary.failed("Get \"http://h/a%20b\": EOF");
        assert!(summary.text(Duration::from_secs(1)).ends_with("\n  [1]\tGet \"http://h/a%20b\": EOF\n\n"));
    }

    #[test]
    fn the_connection_row_shows_the_connections_own_extremes() {
        let mut summary = HeySummary::new();
        for dial in [3, 0] {
            let detail = Detail { dial: Duration::from_millis(dial), ..Detail::default() };
            summary.answered(Duration::from_millis(50), &detail, 200);
        }
        assert!(
            summary.text(Duration::from_secs(1)).contains("  DNS+dialup:\t0.0015 secs, 0.0000 secs, 0.0030 secs\n")
        );
    }

    #[test]
    fn above_a_million_results_averages_and_counts_hold_and_the_text_says_what_is_rounded() {
        let mut summary = HeySummary::new();
        let n = KEPT_EXACTLY as u64 + 500_000;
        for _ in 0..n {
            summary.answered(Duration::from_millis(50), &Detail { size: Some(2), ..Detail::default() }, 200);
        }
        let text = summary.text(Duration::from_secs(100));
        for line in [
            "  Average:\t0.0500 secs\n",
            "  Requests/sec:\t15000.0000\n",
            "  Size/request:\t2 bytes\n",
            "  [200]\t1500000 responses\n",
            "  50% in 0.0500 secs\n",
            "  0.050 [1500000]\t|",
            "\n\nMore than 1000000 results: ",
        ] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
    }
}
