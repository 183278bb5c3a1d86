//! The numbers a phase is judged by: latencies at ranks, with how sure each is.

use rand_xoshiro::rand_core::Rng;

use crate::random::{Purpose, Seed, Stream};
use crate::stats::percentile::nearest_rank;

use super::matrix::{Factor, Symmetric};
use super::measurement::{Design, Phase, Reply};

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FigureKind {
    /// Mean latency.
    Mean,
    /// Latency at a percentile.
    Percentile(f64),
    /// Of bursts: the mean over bursts of the latency of the answer with this rank, from 1.
    Rank(u32),
    /// Of bursts: how much the latency of the answer with this rank differs from burst to burst (standard deviation).
    RankSpread(u32),
}

/// A number of a phase, measured and by the model, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub kind: FigureKind,
    /// Measured.
    pub measured: f64,
    /// Standard error of the measured one.
    pub error: f64,
    /// The model's.
    pub modelled: f64,
}

/// Most ranks of a burst that are looked at.
const RANKS: u32 = 10;
/// Resamplings for covariances and intervals.
pub(super) const RESAMPLINGS: usize = 160;
/// A covariance takes so many samples for each number.
const FEWEST_FOR_COVARIANCE: usize = 4;
/// What no model gets exactly: a share of the number, and a time in milliseconds (clocks, sockets, a scheduler).
const SLACK: (f64, f64) = (0.005, 0.02);

/// The numbers that a phase of this design has.
pub(super) fn kinds(design: &Design) -> Vec<FigureKind> {
    let percentiles = |list: &[f64]| -> Vec<FigureKind> {
        std::iter::once(FigureKind::Mean).chain(list.iter().map(|percent| FigureKind::Percentile(*percent))).collect()
    };
    match design {
        Design::Closed { .. } => percentiles(&[5.0, 15.0, 30.0, 50.0, 70.0, 85.0, 95.0]),
        Design::Recorded(_) => percentiles(&[5.0, 10.0, 25.0, 40.0, 50.0, 60.0, 75.0, 90.0, 95.0]),
        Design::Bursts { leaves } => {
            let size = leaves.len() as u32;
            let ranks = size.min(RANKS);
            let mut list: Vec<u32> = (1..=ranks).map(|rank| (rank * size).div_ceil(ranks.max(1))).collect();
            list.dedup();
            let spreads = [list.first(), list.get(list.len() / 2), list.last()];
            let mut spreads: Vec<u32> = spreads.into_iter().flatten().copied().collect();
            spreads.dedup();
            list.into_iter().map(FigureKind::Rank).chain(spreads.into_iter().map(FigureKind::RankSpread)).collect()
        }
    }
}

/// The numbers of groups of answers; of no answers, none.
pub(super) fn values(kinds: &[FigureKind], design: &Design, groups: &[&[f64]]) -> Option<Vec<f64>> {
    if let Design::Bursts { .. } = design {
        return ranks(kinds, groups);
    }
    let mut all: Vec<f64> = groups.iter().flat_map(|group| group.iter().copied()).collect();
    if all.is_empty() {
        return None;
    }
    all.sort_by(f64::total_cmp);
    let count = all.len();
    let value = |kind: &FigureKind| match kind {
        FigureKind::Percentile(percent) => all[nearest_rank(count as u64, *percent) as usize - 1],
        _ => all.iter().sum::<f64>() / count as f64,
    };
    Some(kinds.iter().map(value).collect())
}

fn ranks(kinds: &[FigureKind], groups: &[&[f64]]) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let (FigureKind::Rank(rank) | FigureKind::RankSpread(rank)) = *kind else { return None };
        let at = |group: &&[f64]| group.get(rank as usize - 1).copied();
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for latency in groups.iter().filter_map(at) {
            count += 1.0;
            sum += latency;
            squares += latency * latency;
        }
        if count == 0.0 {
            return None;
        }
        let mean: f64 = sum / count;
        values.push(match kind {
            FigureKind::Rank(_) => mean,
            _ => (squares / count - mean * mean).max(0.0).sqrt(),
        });
    }
    Some(values)
}

/// Latencies by group in milliseconds: of a burst in ascending order.
pub(super) fn latencies(design: &Design, groups: &[Vec<Reply>]) -> Vec<Vec<f64>> {
    let is_burst = matches!(design, Design::Bursts { .. });
    let of = |group: &Vec<Reply>| {
        let mut latencies: Vec<f64> = group.iter().map(Reply::latency_ms).collect();
        if is_burst {
            latencies.sort_by(f64::total_cmp);
        }
        latencies
    };
    groups.iter().map(of).collect()
}

/// A phase as the fit sees it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) design: Design,
    pub(super) kinds: Vec<FigureKind>,
    pub(super) measured: Vec<f64>,
    /// Standard errors of the measured numbers.
    pub(super) errors: Vec<f64>,
    /// The numbers of resampled groups, minus those measured.
    pub(super) resampled: Vec<Vec<f64>>,
    /// Of the covariance of what differs between measured and simulated numbers.
    pub(super) factor: Factor,
    /// Requests that went into it.
    pub(super) requests: usize,
}

impl Target {
    /// `None` if the phase has too few answers to say anything. Simulated phases have `times` its requests.
    pub(super) fn new(phase: &Phase, times: f64, seed: Seed) -> Option<Self> {
        let design = phase.design.clone();
        let mut groups = phase.groups();
        if let Design::Bursts { leaves } = &design {
            // a burst that lost a request says nothing about ranks
            groups.retain(|group| group.len() == leaves.len());
        }
        if groups.len() < 3 {
            return None;
        }
        let latencies = latencies(&design, &groups);
        let kinds = kinds(&design);
        let all: Vec<&[f64]> = latencies.iter().map(Vec::as_slice).collect();
        let measured = values(&kinds, &design, &all)?;
        let mut stream = seed.stream(Purpose::Policy);
        let resampled: Vec<Vec<f64>> = (0..RESAMPLINGS)
            .filter_map(|_| {
                let drawn: Vec<&[f64]> = (0..all.len()).map(|_| all[below(&mut stream, all.len())]).collect();
                let values = values(&kinds, &design, &drawn)?;
                Some(values.iter().zip(&measured).map(|(value, measured)| value - measured).collect())
            })
            .collect();
        let mut covariance = Symmetric::covariance(&resampled);
        let errors = (0..measured.len()).map(|place| covariance.get(place, place).sqrt()).collect();
        // what few groups say of the correlations of many figures is mostly luck
        let (figures, count) = (measured.len() as f64, all.len() as f64);
        covariance.shrink((figures / (figures + count)).clamp(0.1, 0.6));
        // the simulated numbers are as uncertain as theirs is a longer measurement
        let factor = all_in_all(&covariance, &measured, times).factor();
        let requests = latencies.iter().map(Vec::len).sum();
        Some(Self { design, kinds, measured, errors, resampled, factor, requests })
    }

    /// The same judged by how numbers differ between measurements of a model, each as long as this one; as it is if those are too few to
    /// say that.
    pub(super) fn weighed_by(&self, measurements: &[Vec<Reply>], times: f64) -> Self {
        let values: Vec<Vec<f64>> = measurements.iter().filter_map(|replies| self.values_of(replies)).collect();
        if values.len() < FEWEST_FOR_COVARIANCE * self.measured.len() {
            return self.clone();
        }
        let covariance = Symmetric::covariance(&values);
        let mean = |place: usize| values.iter().map(|numbers| numbers[place]).sum::<f64>() / values.len() as f64;
        let means: Vec<f64> = (0..self.measured.len()).map(mean).collect();
        let away = |numbers: &Vec<f64>| numbers.iter().zip(&means).map(|(number, mean)| number - mean).collect();
        Self {
            resampled: values.iter().map(away).collect(),
            factor: all_in_all(&covariance, &self.measured, times).factor(),
            ..self.clone()
        }
    }

    /// The numbers of simulated answers.
    pub(super) fn values_of(&self, replies: &[Reply]) -> Option<Vec<f64>> {
        let phase = Phase::new(self.design.clone(), replies.to_vec());
        let latencies = latencies(&self.design, &phase.groups());
        let all: Vec<&[f64]> = latencies.iter().map(Vec::as_slice).collect();
        values(&self.kinds, &self.design, &all)
    }
}

/// The covariance of what differs between measured numbers and those of a simulation this many times as long.
fn all_in_all(covariance: &Symmetric, measured: &[f64], times: f64) -> Symmetric {
    let mut all_in_all = Symmetric::zero(covariance.size());
    for (row, value) in measured.iter().enumerate() {
        for column in 0..=row {
            all_in_all.add(row, column, covariance.get(row, column) * (1.0 + 1.0 / times));
        }
        all_in_all.add(row, row, (SLACK.0 * value).powi(2) + SLACK.1.powi(2));
    }
    all_in_all
}

/// Uniform below `end`, which is not 0.
fn below(stream: &mut Stream, end: usize) -> usize {
    ((u128::from(stream.next_u64()) * end as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn ranks_of_bursts_are_means_over_bursts() {
        let design = Design::Bursts { leaves: vec![Duration::ZERO; 3] };
        let list = kinds(&design);
        let groups: [&[f64]; 2] = [&[1.0, 2.0, 6.0], &[3.0, 4.0, 6.0]];
        let values = values(&list, &design, &groups).expect("answers");
        let at = |kind| values[list.iter().position(|known| *known == kind).expect("listed")];
        assert!((at(FigureKind::Rank(1)) - 2.0).abs() < 1e-12);
        assert!((at(FigureKind::Rank(3)) - 6.0).abs() < 1e-12);
        assert!((at(FigureKind::RankSpread(1)) - 1.0).abs() < 1e-12);
        assert!(at(FigureKind::RankSpread(3)).abs() < 1e-12);
    }

    #[test]
    fn of_a_large_burst_the_last_answer_is_always_looked_at() {
        for size in [1, 5, 16, 17, 40, 64] {
            let list = kinds(&Design::Bursts { leaves: vec![Duration::ZERO; size] });
            assert!(list.contains(&FigureKind::Rank(size as u32)), "{size}");
            assert!(list.len() <= RANKS as usize + 3);
        }
    }

    #[test]
    fn the_standard_error_of_a_mean_falls_with_the_number_of_answers() {
        let phase = |count: u64| {
            let replies = (0..count).map(|number| Reply {
                sent: Timestamp::ZERO,
                done: Timestamp::from_millis(10 + number % 7),
                group: (number / 4) as u32,
            });
            Phase::new(Design::Closed { parallel: 1 }, replies.collect())
        };
        let error = |count| Target::new(&phase(count), 4.0, Seed(1)).expect("answers").errors[0];
        let ratio = error(100) / error(1_600);
        assert!((2.5..6.5).contains(&ratio), "{ratio}");
    }
}
