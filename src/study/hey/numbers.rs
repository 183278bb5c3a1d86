//! The single numbers of a result, by the names that comparison.csv has for them.

use std::time::Duration;

use crate::time::nanos;

use super::expectation::Metric;
use super::measured::Measured;

impl Measured {
    /// The value of a number; `None` if it is not known (no answer, no rate to count from).
    pub fn number(&self, metric: Metric) -> Option<f64> {
        let latencies = self.summary.latencies();
        let histogram = latencies.histogram();
        let tally = &self.tally;
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let name = match metric {
            Metric::Percentile(percent) => return latencies.sorted().percentile(percent).map(millis),
            Metric::DuePercentile(percent) => return self.due.as_ref()?.sorted().percentile(percent).map(millis),
            Metric::Number(name) => name,
        };
        match name {
            "planned" => self.planned().map(|count| count as f64),
            "sent" => Some(tally.sent as f64),
            "completed" => Some(latencies.count() as f64),
            "errors" => Some(self.errors() as f64),
            "lost_busy" => Some(tally.lost.busy as f64),
            "lost_late" => Some(tally.lost.late as f64),
            "achieved_ratio" => ratio(tally.sent, self.planned()?),
            "error_ratio" => ratio(self.errors(), tally.sent),
            "duration_s" => Some(self.total().as_secs_f64()),
            "rps" => ratio(tally.sent, 1).map(|sent| sent / self.total().as_secs_f64()).filter(|rate| rate.is_finite()),
            "mean_ms" => histogram.mean().map(millis),
            "min_ms" => histogram.min().map(millis),
            "max_ms" => histogram.max().map(millis),
            "lateness_p99_us" => self.lateness.percentile(99.0).map(|late| nanos(late) as f64 / 1e3),
            "stalled_s" => Some(self.stalled.as_secs_f64()),
            _ => None,
        }
    }

    /// Requests the schedule called for, less those still to come when Ctrl-C stopped it; `None` if only the answers decide.
    pub fn planned(&self) -> Option<u64> {
        self.planned_by_schedule.then(|| self.tally.planned - self.tally.unused.min(self.tally.planned))
    }
}

/// In milliseconds, with no more digits than nanoseconds have.
pub(super) fn millis(duration: Duration) -> f64 {
    nanos(duration) as f64 / 1e6
}
