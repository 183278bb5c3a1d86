//! Latencies of many requests in little memory: a histogram of three significant digits, and the exact values up to a limit.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::percentile::{nearest_rank, percentile};
use crate::time::nanos;

/// Longest latency the histogram tells apart; longer ones count as this.
const LONGEST_MICROS: u64 = 3_600_000_000;

const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of durations in microseconds with three significant digits, up to one hour.
///
/// Count, mean, smallest and largest are exact; percentiles are right to one part in a thousand or one microsecond.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    counts: Histogram<u64>,
    sum_nanos: u128,
    /// In nanoseconds.
    min: u64,
    max: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl LatencyHistogram {
    /// An empty histogram.
    #[expect(clippy::expect_used, reason = "the bounds are constants and fit each other")]
    pub fn new() -> Self {
        let counts = Histogram::new_with_bounds(1, LONGEST_MICROS, SIGNIFICANT_DIGITS).expect("1 us to 1 h is a range");
        Self { counts, sum_nanos: 0, min: u64::MAX, max: 0 }
    }

    /// The histogram behind what [`LatencyHistogram::buckets`] gave, as files keep it. Its mean and extremes are as exact as the buckets.
    pub fn from_buckets(buckets: &[(u64, u64)]) -> Self {
        let mut histogram = Self::new();
        for &(upper, count) in buckets.iter().filter(|(_, count)| *count > 0) {
            let value = upper.saturating_mul(1_000);
            histogram.counts.saturating_record_n(upper, count);
            histogram.sum_nanos += u128::from(value) * u128::from(count);
            histogram.min = histogram.min.min(value);
            histogram.max = histogram.max.max(value);
        }
        histogram
    }

    /// Counts one duration, rounded to the nearest microsecond.
    pub fn record(&mut self, value: Duration) {
        let value_nanos = nanos(value);
        self.counts.saturating_record(value_nanos.saturating_add(500) / 1000);
        self.sum_nanos += u128::from(value_nanos);
        self.min = self.min.min(value_nanos);
        self.max = self.max.max(value_nanos);
    }

    /// Adds everything another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        // both have the same bounds, so nothing can fall outside
        let _ = self.counts.add(&other.counts);
        self.sum_nanos += other.sum_nanos;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Arithmetic mean; `None` if nothing was counted.
    pub fn mean(&self) -> Option<Duration> {
        let count = u128::from(self.count());
        (count > 0).then(|| Duration::from_nanos(((self.sum_nanos + count / 2) / count) as u64))
    }

    /// The smallest; `None` if nothing was counted.
    pub fn min(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_nanos(self.min))
    }

    /// The largest; `None` if nothing was counted.
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_nanos(self.max))
    }

    /// Standard deviation to the histogram's precision; zero if nothing was counted.
    pub fn standard_deviation(&self) -> Duration {
        Duration::from_secs_f64(if self.is_empty() { 0.0 } else { self.counts.stdev() / 1e6 })
    }

    /// Nearest-rank percentile (upper end of its bucket, never above the largest); `None` if nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        self.at_rank(nearest_rank(self.count(), percent))
    }

    /// The value of this rank, from 1, in ascending order; `None` outside.
    pub fn at_rank(&self, rank: u64) -> Option<Duration> {
        if rank == 0 {
            return None;
        }
        let mut seen = 0;
        let bucket = self.buckets_iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_nanos(bucket.0.saturating_mul(1_000).clamp(self.min, self.max)))
    }

    /// How many were at most this long, to the histogram's precision.
    pub fn count_within(&self, limit: Duration) -> u64 {
        let limit = self.counts.highest_equivalent(limit.as_micros() as u64);
        self.buckets_iter().take_while(|(upper, _)| *upper <= limit).map(|(_, count)| count).sum()
    }

    /// Every bucket that counted something: (largest value of the bucket in microseconds, count), ascending.
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        self.buckets_iter().collect()
    }

    fn buckets_iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// The distribution as HdrHistogram's percentile iterator gives it: (value, quantile, count up to the value), with this many
    /// steps for each halving of the distance to 1.
    pub fn quantiles(&self, steps_per_half: u32) -> Vec<(Duration, f64, u64)> {
        let mut seen = 0;
        self.counts
            .iter_quantiles(steps_per_half)
            .map(|step| {
                seen += step.count_since_last_iteration();
                (Duration::from_micros(step.value_iterated_to()), step.quantile_iterated_to(), seen)
            })
            .collect()
    }

    /// Buckets and sub-buckets of the layout, as HdrHistogram's text format names them.
    pub fn layout(&self) -> (u32, u32) {
        let sub_buckets = (2 * 10_u32.pow(u32::from(SIGNIFICANT_DIGITS))).next_power_of_two();
        (u32::from(self.counts.buckets()), sub_buckets)
    }
}

/// Latencies kept one by one up to a limit, and as a histogram beyond it.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// In nanoseconds, in order of arrival; empty once the limit was passed.
    exact: Vec<u64>,
    limit: usize,
    /// Sum in seconds in order of arrival, as hey adds them up.
    sum_secs: f64,
    histogram: LatencyHistogram,
}

impl Latencies {
    /// None yet; up to `limit` will be kept exactly.
    pub fn new(limit: usize) -> Self {
        Self { exact: Vec::new(), limit, sum_secs: 0.0, histogram: LatencyHistogram::new() }
    }

    /// Counts one.
    pub fn record(&mut self, value: Duration) {
        self.histogram.record(value);
        self.sum_secs += value.as_secs_f64();
        if self.histogram.count() <= self.limit as u64 {
            self.exact.push(nanos(value));
        } else {
            self.exact = Vec::new();
        }
    }

    /// All of several sources, in the order of the sources. Exact if each of them is.
    pub fn united<'a>(sources: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::new(usize::MAX);
        let mut exact = true;
        for source in sources {
            all.histogram.merge(&source.histogram);
            all.sum_secs += source.sum_secs;
            exact = exact && source.is_exact();
            all.exact.extend_from_slice(&source.exact);
        }
        if !exact {
            all.exact = Vec::new();
        }
        all
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.histogram.count()
    }

    /// Whether every single one is still known, so that what follows from them is exact.
    pub fn is_exact(&self) -> bool {
        self.exact.len() as u64 == self.count()
    }

    /// The histogram of all of them.
    pub fn histogram(&self) -> &LatencyHistogram {
        &self.histogram
    }

    /// Sum in seconds, added in order of arrival.
    pub fn sum_secs(&self) -> f64 {
        self.sum_secs
    }

    /// In ascending order, ready to be asked for ranks.
    pub fn sorted(&self) -> SortedLatencies<'_> {
        let exact = self.is_exact().then(|| {
            let mut exact = self.exact.clone();
            exact.sort_unstable();
            exact
        });
        SortedLatencies { exact, histogram: &self.histogram }
    }
}

/// [`Latencies`] in ascending order.
#[derive(Debug)]
pub struct SortedLatencies<'a> {
    exact: Option<Vec<u64>>,
    histogram: &'a LatencyHistogram,
}

impl SortedLatencies<'_> {
    /// Nearest-rank percentile; `None` if there are none.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        match &self.exact {
            Some(exact) => percentile(exact, percent).map(Duration::from_nanos),
            None => self.histogram.percentile(percent),
        }
    }

    /// The value of this rank, from 1; `None` outside.
    pub fn at_rank(&self, rank: u64) -> Option<Duration> {
        match &self.exact {
            Some(exact) => exact.get((rank as usize).checked_sub(1)?).copied().map(Duration::from_nanos),
            None => self.histogram.at_rank(rank),
        }
    }

    /// Ascending (value, how many of it): single values while exact, buckets beyond.
    pub fn counted(&self) -> Vec<(Duration, u64)> {
        if let Some(exact) = &self.exact {
            return exact.iter().map(|value| (Duration::from_nanos(*value), 1)).collect();
        }
        let (min, max) = (self.histogram.min, self.histogram.max);
        let buckets = self.histogram.buckets_iter();
        buckets
            .map(|(upper, count)| (Duration::from_nanos(upper.saturating_mul(1_000).clamp(min, max)), count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        for value in micros {
            histogram.record(Duration::from_micros(*value));
        }
        histogram
    }

    #[test]
    fn an_empty_histogram_knows_nothing() {
        let empty = LatencyHistogram::new();
        assert_eq!((empty.mean(), empty.min(), empty.max(), empty.percentile(50.0)), (None, None, None, None));
        assert!(empty.buckets().is_empty());
    }

    #[test]
    fn small_values_are_exact_and_the_largest_always_is() {
        let histogram = of(&[3, 1, 2, 123_456_789]);
        assert_eq!(histogram.percentile(50.0), Some(Duration::from_micros(2)));
        assert_eq!(histogram.percentile(100.0), Some(Duration::from_micros(123_456_789)));
        assert_eq!(histogram.max(), Some(Duration::from_micros(123_456_789)));
        assert_eq!(histogram.count_within(Duration::from_micros(2)), 2);
    }

    #[test]
    fn what_exceeds_an_hour_is_counted_as_an_hour_and_keeps_its_maximum() {
        let mut histogram = LatencyHistogram::new();
        histogram.record(Duration::from_secs(7_200));
        assert_eq!(histogram.count(), 1);
        assert_eq!(histogram.max(), Some(Duration::from_secs(7_200)));
    }

    #[test]
    fn beyond_the_limit_percentiles_come_from_the_histogram() {
        let mut latencies = Latencies::new(2);
        for value in [1_500, 2_500] {
            latencies.record(Duration::from_nanos(value));
        }
        assert!(latencies.is_exact());
        assert_eq!(latencies.sorted().percentile(50.0), Some(Duration::from_nanos(1_500)));
        latencies.record(Duration::from_nanos(3_500));
        assert!(!latencies.is_exact());
        assert_eq!(latencies.sorted().percentile(50.0), Some(Duration::from_micros(3)));
        assert!(!Latencies::united([&latencies, &Latencies::new(2)].into_iter()).is_exact());
    }

    proptest! {
        #[test]
        fn percentiles_are_within_one_part_in_a_thousand(values in prop::collection::vec(0_u64..100_000_000, 1..200), percent in 0.0_f64..=100.0) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let exact = percentile(&sorted, percent).expect("not empty") as f64;
            let rough = of(&values).percentile(percent).expect("not empty").as_micros() as f64;
            prop_assert!(rough >= exact && rough <= exact * 1.001 + 1.0, "{rough} for {exact}");
        }

        #[test]
        fn merging_is_counting_together(a in prop::collection::vec(0_u64..10_000_000, 0..50), b in prop::collection::vec(0_u64..10_000_000, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let both = of(&[a, b].concat());
            prop_assert_eq!(merged.buckets(), both.buckets());
            prop_assert_eq!(merged.mean(), both.mean());
            prop_assert_eq!(merged.min(), both.min());
            prop_assert_eq!(merged.max(), both.max());
        }

        #[test]
        fn buckets_read_back_to_the_same_buckets(values in prop::collection::vec(0_u64..4_000_000_000, 0..100)) {
            let histogram = of(&values);
            let back = LatencyHistogram::from_buckets(&histogram.buckets());
            prop_assert_eq!(back.buckets(), histogram.buckets());
            prop_assert_eq!(back.count(), values.len() as u64);
        }
    }
}
