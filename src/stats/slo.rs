//! The service level objective: how fast how many of the planned requests must be answered, and how many were.

use std::time::Duration;

/// A service level objective: this percentile of the planned requests is answered well within this latency, from due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// The latency that counts as fast enough.
    pub latency: Duration,
    /// The percentile that must stay under it, above 0 and below 100.
    pub percentile: f64,
}

/// Requests sorted by how satisfied their senders were, with the objective's latency as Apdex' T.
///
/// What was planned and never counted here (lost, or still unanswered) violates and frustrates.
#[derive(Clone, Copy, Debug)]
pub struct SloCount {
    latency: Duration,
    satisfied: u64,
    tolerating: u64,
}

impl SloCount {
    /// Nothing counted yet.
    pub const fn new(slo: Slo) -> Self {
        Self { latency: slo.latency, satisfied: 0, tolerating: 0 }
    }

    /// Counts a request that was answered or given up, by its latency from due. Whatever did not end well frustrates.
    pub fn record(&mut self, from_due: Duration, is_ok: bool) {
        if !is_ok {
            return;
        }
        if from_due <= self.latency {
            self.satisfied += 1;
        } else if from_due <= self.latency * 4 {
            self.tolerating += 1;
        }
    }

    /// Share of the planned requests that were slow, failed or lost, 0 to 1; `None` if none was planned.
    pub fn violation_ratio(&self, planned: u64) -> Option<f64> {
        (planned > 0).then(|| planned.saturating_sub(self.satisfied) as f64 / planned as f64)
    }

    /// Apdex: (satisfied + tolerating / 2) / planned, 0 to 1, where up to T satisfies and up to 4 T is tolerated
    /// (Apdex Technical Specification 1.1); `None` if none was planned.
    pub fn apdex(&self, planned: u64) -> Option<f64> {
        (planned > 0).then(|| (self.satisfied as f64 + self.tolerating as f64 / 2.0) / planned as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_failed_and_slow_requests_violate() {
        let ms = Duration::from_millis;
        let mut count = SloCount::new(Slo { latency: ms(75), percentile: 95.0 });
        for (latency, is_ok) in
            [(75, true), (10, true), (76, true), (300, true), (301, true), (5, false), (20_000, false)]
        {
            count.record(ms(latency), is_ok);
        }
        // 7 were counted, 3 more were planned and lost: 2 satisfied, 2 tolerating, 6 frustrated
        assert_eq!(count.violation_ratio(10), Some(0.8));
        assert_eq!(count.apdex(10), Some(0.3));
        assert_eq!(count.violation_ratio(0), None);
        assert_eq!(count.apdex(0), None);
    }
}
