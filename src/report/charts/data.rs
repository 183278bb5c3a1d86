//! What charts are drawn from: plain values, so that a chart can be tested without a file.

pub use super::faults::FaultSpan;

/// What every chart of a study says beside its own data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// The scenario's name.
    pub name: String,
    /// Where the runs took place.
    pub target: String,
    /// Seed of the study.
    pub seed: u64,
    /// Latency of the service level objective, in milliseconds.
    pub slo_ms: f64,
    /// Its percentile, above 0 and below 100.
    pub slo_percentile: f64,
    /// Lateness of the generator from which a run is no longer valid, in microseconds, if there is such a limit.
    pub lateness_limit_us: Option<f64>,
    /// The arms, in the scenario's order.
    pub arms: Vec<ArmSeries>,
    /// Arms in pairs, metric by metric, where repeated runs were compared.
    pub differences: Vec<Difference>,
}

/// How far two arms are apart in one metric, in shares of the first arm's mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// What was measured, in words.
    pub metric: String,
    /// The arm that the other is held against.
    pub arm_a: String,
    /// The other.
    pub arm_b: String,
    /// The other's mean less the first's, divided by the first's.
    pub relative: f64,
    /// Where the 95 % interval of it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// How far apart two equal arms were, as a share of their mean, if that was measured: from, to.
    pub noise: Option<(f64, f64)>,
    /// Whether the difference is told from chance.
    pub told: bool,
}

/// What one run achieved for how much.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Cost: replica-seconds.
    pub replica_seconds: f64,
    /// Share of planned requests that missed the objective.
    pub missed: f64,
    /// Whether its numbers can be trusted.
    pub is_valid: bool,
}

/// One arm: its runs' distributions merged, and the course of its first run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmSeries {
    /// The arm's name.
    pub name: String,
    /// Its place in the scenario, from 0: the colour, which stays the same when other arms are missing.
    pub colour: usize,
    /// How many runs the distributions hold.
    pub runs: u32,
    /// The 50th, 95th and 99th percentile of latency from leaving in milliseconds, where they are known better than the
    /// distribution's buckets tell: those of a single run.
    pub exact_ms: Option<[f64; 3]>,
    /// Latency from leaving, in microseconds.
    pub latency: Distribution,
    /// Latency from due, in microseconds.
    pub due: Distribution,
    /// Lateness of the generator, in microseconds.
    pub lateness: Distribution,
    /// Share of planned requests that were slow, failed or lost, over all runs.
    pub slo_violation_ratio: Option<f64>,
    /// The course of the first run that could be read.
    pub course: Option<Course>,
    /// What each of its runs achieved, for how much.
    pub outcomes: Vec<Outcome>,
    /// Each answered probe beside the users of its second, over all runs: (latency of the probe, median latency of the requests),
    /// in milliseconds.
    pub probe_pairs: Vec<(f64, f64)>,
}

impl ArmSeries {
    /// The 50th, 95th and 99th percentile of latency from leaving, in milliseconds; `None` if nothing was answered.
    pub fn percentiles_ms(&self) -> Option<[f64; 3]> {
        self.exact_ms.or_else(|| {
            let at = |share| self.latency.quantile(share).map(|us| us as f64 / 1e3);
            Some([at(0.5)?, at(0.95)?, at(0.99)?])
        })
    }
}

/// One run second by second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Which repeat it is, from 1.
    pub repeat: u32,
    /// Its seconds, in order.
    pub seconds: Vec<Second>,
    /// Its probes, in order.
    pub probes: Vec<Probe>,
    /// What its shadows would have asked for.
    pub shadows: Vec<Shadow>,
    /// What went wrong on purpose.
    pub faults: Vec<FaultSpan>,
    /// When the number of replicas asked for was changed.
    pub scalings: Vec<Scaling>,
}

/// A change of the replicas asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scaling {
    /// Seconds since the load's start.
    pub t_s: f64,
    /// Replicas before.
    pub from: u32,
    /// Replicas after.
    pub to: u32,
}

/// What a policy would have asked for whose decisions were not carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shadow {
    /// The arm whose policy it is.
    pub name: String,
    /// Its colour: that of the arm, or one that no arm has.
    pub colour: usize,
    /// Desired replicas, each from its time (in seconds since the load's start) until the next.
    pub desired: Vec<(f64, f64)>,
}

impl Course {
    /// The course in at most about `limit` rows, each standing for `.1` seconds: rates are means, latencies the worst of
    /// their seconds (percentiles can't be averaged), replicas those of the last second.
    pub fn thinned(&self, limit: usize) -> (Vec<Second>, usize) {
        let group = self.seconds.len().div_ceil(limit.max(1)).max(1);
        if group == 1 {
            return (self.seconds.clone(), 1);
        }
        let worst =
            |seconds: &[Second], of: fn(&Second) -> Option<f64>| seconds.iter().filter_map(of).max_by(f64::total_cmp);
        let last = |seconds: &[Second], of: fn(&Second) -> Option<f64>| seconds.iter().rev().find_map(of);
        let rows = self.seconds.chunks(group).map(|seconds| Second {
            t_s: seconds[0].t_s,
            planned: seconds.iter().map(|second| second.planned).sum::<f64>() / seconds.len() as f64,
            sent: seconds.iter().map(|second| second.sent).sum::<f64>() / seconds.len() as f64,
            delivered: mean_of_known(seconds, |second| second.delivered),
            p50_ms: worst(seconds, |second| second.p50_ms),
            p95_ms: worst(seconds, |second| second.p95_ms),
            p99_ms: worst(seconds, |second| second.p99_ms),
            desired: last(seconds, |second| second.desired),
            ready: last(seconds, |second| second.ready),
            demand: last(seconds, |second| second.demand),
        });
        (rows.collect(), group)
    }
}

fn mean_of_known(seconds: &[Second], of: fn(&Second) -> Option<f64>) -> Option<f64> {
    let known: Vec<f64> = seconds.iter().filter_map(of).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// One second of a run. What is unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Seconds since the load's start, negative in the warm-up.
    pub t_s: f64,
    /// Requests the schedule called for.
    pub planned: f64,
    /// Requests that left.
    pub sent: f64,
    /// Requests that were answered without an error.
    pub delivered: Option<f64>,
    /// Median latency from leaving, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of it.
    pub p95_ms: Option<f64>,
    /// 99th percentile of it.
    pub p99_ms: Option<f64>,
    /// Replicas asked for.
    pub desired: Option<f64>,
    /// Replicas in service.
    pub ready: Option<f64>,
    /// Fewest replicas that meet the objective at this load.
    pub demand: Option<f64>,
}

/// One answered probe.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Probe {
    /// Seconds since the load's start.
    pub t_s: f64,
    /// Its latency in milliseconds.
    pub latency_ms: f64,
}

/// A distribution as counted values, smallest first.
///
/// Repeats of an arm are merged by adding counts; percentiles are only ever taken from the merged counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    buckets: Vec<(u64, u64)>,
    count: u64,
}

impl Distribution {
    /// A distribution from (upper value of a bucket, count) pairs in any order; the same value may come more than once.
    pub fn new(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut sorted: Vec<(u64, u64)> = pairs.into_iter().filter(|(_, count)| *count > 0).collect();
        sorted.sort_unstable_by_key(|(value, _)| *value);
        let mut buckets: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (value, count) in sorted {
            match buckets.last_mut() {
                Some((last, total)) if *last == value => *total = total.saturating_add(count),
                _ => buckets.push((value, count)),
            }
        }
        let count = buckets.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        Self { buckets, count }
    }

    /// All values counted together with those of `other`.
    pub fn merge(&mut self, other: &[(u64, u64)]) {
        *self = Self::new(self.buckets.iter().copied().chain(other.iter().copied()));
    }

    /// How many values there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Smallest value.
    pub fn min(&self) -> Option<u64> {
        self.buckets.first().map(|(value, _)| *value)
    }

    /// Largest value.
    pub fn max(&self) -> Option<u64> {
        self.buckets.last().map(|(value, _)| *value)
    }

    /// (value, count) pairs, smallest value first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets.iter().copied()
    }

    /// The smallest value that at least this share (0 to 1) of all values does not exceed.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0_u64;
        for (value, count) in self.iter() {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return Some(value);
            }
        }
        None
    }

    /// Share of values in each bin of ascending `edges` (one fewer than edges); what lies outside goes to the end bins.
    ///
    /// A counted value stands for all that its bucket may hold, so narrow bins don't show the buckets' own pattern.
    pub fn shares(&self, edges: &[f64]) -> Vec<f64> {
        let bins = edges.len().saturating_sub(1);
        let mut shares = vec![0.0; bins];
        if bins == 0 || self.is_empty() {
            return shares;
        }
        let bin_of = |value: f64| edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(bins - 1);
        for (value, count) in self.iter() {
            let (from, to) = (value as f64 + 1.0 - bucket_width(value), value as f64 + 1.0);
            let share = count as f64 / self.count as f64;
            let (first, last) = (bin_of(from), bin_of(to));
            for bin in first..=last {
                let low = if bin == first { from } else { edges[bin] };
                let high = if bin == last { to } else { edges[bin + 1] };
                shares[bin] += share * (high - low) / (to - from);
            }
        }
        shares
    }
}

/// Width of the bucket that ends with this value, in a histogram of three significant digits (`HdrHistogram`: 2048 buckets of
/// width 1, then twice as wide at each doubling).
fn bucket_width(value: u64) -> f64 {
    if value < 2048 { 1.0 } else { 2_f64.powf(f64::from(value.ilog2()) - 10.0) }
}

/// A measured function beside the model fitted to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// The function.
    pub name: String,
    /// What was measured, in words.
    pub source: String,
    /// Whether the model is one of this function.
    pub fits: bool,
    /// Phases of the measurement, in order.
    pub phases: Vec<CalibratedPhase>,
}

/// One phase: latencies in milliseconds, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibratedPhase {
    /// In a word or two.
    pub label: String,
    /// As measured.
    pub measured: Vec<f64>,
    /// By the model.
    pub modelled: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merged_repeats_give_the_percentile_of_all_values_and_not_the_mean_of_percentiles() {
        let mut merged = Distribution::new([(10, 99), (20, 1)]);
        merged.merge(&[(1000, 100)]);
        assert_eq!(merged.count(), 200);
        assert_eq!(merged.quantile(0.5), Some(20));
        assert_eq!(merged.quantile(0.51), Some(1000));
        assert_eq!((merged.min(), merged.max()), (Some(10), Some(1000)));
    }

    #[test]
    fn nothing_measured_has_no_percentile() {
        assert_eq!(Distribution::default().quantile(0.5), None);
        assert_eq!(Distribution::new([(5, 0)]), Distribution::default());
    }

    #[test]
    fn a_thinned_course_keeps_the_worst_latency_and_the_mean_rate() {
        let second = |t: u32, p95: Option<f64>| Second {
            t_s: f64::from(t),
            planned: f64::from(t),
            p95_ms: p95,
            ready: Some(f64::from(t)),
            ..Second::default()
        };
        let course = Course {
            repeat: 1,
            seconds: vec![second(0, Some(9.0)), second(1, None), second(2, Some(3.0))],
            ..Course::default()
        };
        let (rows, seconds) = course.thinned(2);
        assert_eq!((rows.len(), seconds), (2, 2));
        assert_eq!((rows[0].p95_ms, rows[0].ready), (Some(9.0), Some(1.0)));
        assert!((rows[0].planned - 0.5).abs() < 1e-9);
        assert_eq!(course.thinned(3).0, course.seconds);
    }

    proptest! {
        #[test]
        fn the_shares_of_all_bins_sum_to_one(values in prop::collection::vec((0_u64..5_000_000, 1_u64..50), 1..60)) {
            let shares = Distribution::new(values).shares(&[1.0, 10.0, 1e3, 1e5, 1e6]);
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }

        #[test]
        fn quantiles_grow_with_their_share(values in prop::collection::vec((0_u64..5_000_000, 1_u64..50), 1..60)) {
            let all = Distribution::new(values);
            let quantiles: Vec<_> = [0.0, 0.1, 0.5, 0.9, 0.99, 1.0].iter().map(|share| all.quantile(*share)).collect();
            prop_assert!(quantiles.is_sorted());
            prop_assert_eq!(quantiles[5], all.max());
        }
    }
}
