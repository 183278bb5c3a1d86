//! What a measurement sends next: one request at a time, then rising parallelism, then bursts, within limits told beforehand.

use std::time::Duration;

use super::measurement::{Design, Measurement};

/// What a measurement may cost the function at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in all.
    pub requests: u64,
    /// Time in all.
    pub duration: Duration,
    /// Requests at once.
    pub parallel: u32,
}

/// The next phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// So many callers, so many requests of all of them together.
    Callers {
        /// Callers.
        parallel: u32,
        /// Requests.
        requests: u64,
        /// When to stop whatever is left.
        at_most: Duration,
    },
    /// Bursts of workers in step.
    Bursts {
        /// Requests of each.
        size: u32,
        /// How many bursts.
        rounds: u64,
        /// From one to the next.
        period: Duration,
    },
}

/// Shares of requests and of time: one at a time, rising parallelism, bursts.
const ALONE: (f64, f64) = (0.08, 0.15);
const RISING: (f64, f64) = (0.32, 0.33);
const BURSTS: (f64, f64) = (0.6, 0.45);
/// Twice the callers and less than this more throughput: it rises no more.
const RISES: f64 = 1.06;
/// A phase is not worth it below so many requests of each caller, or so many bursts.
const LEAST: u64 = 4;
/// Bursts begin so many times further apart than the one before is thought to take.
const APART: f64 = 1.35;

impl Limits {
    /// Numbers of callers that may be tried: 1, 2, 4 and so on.
    pub fn levels(&self) -> Vec<u32> {
        let doubled = std::iter::successors(Some(1_u32), |level| level.checked_mul(2));
        doubled.take_while(|level| *level <= self.parallel.max(1)).collect()
    }

    /// The phase after those of `so_far`; `None` when the measurement is complete or the limits are reached. `sent` and `elapsed` count
    /// all that was spent.
    pub fn next(&self, so_far: &Measurement, sent: u64, elapsed: Duration) -> Option<Order> {
        let left = self.duration.checked_sub(elapsed).filter(|left| *left > self.duration / 50)?;
        let requests_left = self.requests.checked_sub(sent).filter(|left| *left > 0)?;
        let Some(last) = so_far.phases.last() else {
            let requests = self.share(ALONE.0, 1.0).max(20).min(requests_left);
            return Some(Order::Callers { parallel: 1, requests, at_most: self.duration.mul_f64(ALONE.1).min(left) });
        };
        if last.replies.is_empty() || last.failures() * 5 > last.replies.len() as u64 {
            // it turns requests away: more of them would not tell more
            return None;
        }
        let order = match last.design {
            Design::Closed { parallel } => self.rise(so_far, parallel).or_else(|| self.burst(so_far, None)),
            Design::Bursts { ref leaves } => self.burst(so_far, Some(leaves.len() as u32)),
            Design::Recorded(_) => None,
        }?;
        Some(match order {
            Order::Callers { parallel, requests, at_most } => {
                let requests = requests.min(requests_left) / u64::from(parallel) * u64::from(parallel);
                (requests >= LEAST * u64::from(parallel)).then_some(())?;
                Order::Callers { parallel, requests, at_most: at_most.min(left) }
            }
            Order::Bursts { size, rounds, period } => {
                let fit = (left.as_secs_f64() / period.as_secs_f64()) as u64;
                let rounds = rounds.min(requests_left / u64::from(size)).min(fit);
                (rounds >= LEAST).then_some(Order::Bursts { size, rounds, period })?
            }
        })
    }

    fn share(&self, share: f64, parts: f64) -> u64 {
        (self.requests as f64 * share / parts) as u64
    }

    fn rise(&self, so_far: &Measurement, parallel: u32) -> Option<Order> {
        let next = parallel.checked_mul(2).filter(|next| *next <= self.parallel)?;
        let rates: Vec<f64> =
            so_far.closed().filter_map(|(callers, phase)| Some(f64::from(callers) / phase.mean_ms()? * 1e3)).collect();
        let rate = *rates.last()?;
        // twice in a row, so that a bad moment ends nothing
        if let [.., before, middle, last] = rates.as_slice()
            && middle / before < RISES
            && last / middle < RISES
        {
            return None;
        }
        let parts = (self.levels().len() as f64 - 1.0).max(1.0);
        let time = self.duration.mul_f64(RISING.1 / parts);
        let possible = (rate * time.as_secs_f64()) as u64;
        // the beginning and the end of a phase are left out
        let requests = self.share(RISING.0, parts).max(8 * u64::from(next)).min(possible.max(LEAST * u64::from(next)));
        Some(Order::Callers { parallel: next, requests, at_most: time.mul_f64(1.5) })
    }

    fn burst(&self, so_far: &Measurement, last: Option<u32>) -> Option<Order> {
        let tried: Vec<u32> = so_far.closed().map(|(parallel, _)| parallel).filter(|parallel| *parallel > 1).collect();
        let size = *tried.iter().find(|size| last.is_none_or(|last| **size > last))?;
        let alone_ms = so_far.alone()?.mean_ms()?;
        let rate = so_far
            .closed()
            .filter_map(|(callers, phase)| Some(f64::from(callers) / phase.mean_ms()?))
            .fold(0.0_f64, f64::max);
        let takes_ms = 1.3 * alone_ms + f64::from(size) / rate + 3.0;
        let period = Duration::from_secs_f64(takes_ms * APART / 1e3);
        let parts = tried.len() as f64;
        let by_time = self.duration.as_secs_f64() * BURSTS.1 / parts / period.as_secs_f64();
        let by_requests = self.share(BURSTS.0, parts) / u64::from(size);
        Some(Order::Bursts { size, rounds: (by_time as u64).min(by_requests).max(LEAST + 1), period })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::calibration::{Candidate, Phase, measure_in_virtual_time};
    use crate::random::Seed;
    use crate::record::ErrorKind;

    /// Carries out a whole course in virtual time: the phases, requests sent, and the time they took together.
    fn carry_out(limits: &Limits, truth: &Candidate) -> (Measurement, u64, Duration) {
        let mut so_far = Measurement { phases: Vec::new(), replicas: 1 };
        let (mut sent, mut elapsed) = (0, Duration::ZERO);
        while let Some(order) = limits.next(&so_far, sent, elapsed) {
            let (design, requests) = match order {
                Order::Callers { parallel, requests, .. } => (Design::Closed { parallel }, requests),
                Order::Bursts { size, rounds, .. } => {
                    (Design::Bursts { leaves: vec![Duration::ZERO; size as usize] }, u64::from(size) * rounds)
                }
            };
            let part = measure_in_virtual_time(truth, 1, &[(design, requests as usize)], Seed(1));
            let phase = part.phases.into_iter().next().expect("one phase");
            let took = phase.replies.iter().map(|reply| reply.done).max().unwrap_or_default();
            sent += requests;
            elapsed += match order {
                Order::Bursts { rounds, period, .. } => period * rounds as u32,
                Order::Callers { at_most, .. } => (took - crate::time::Timestamp::ZERO).min(at_most),
            };
            so_far.phases.push(phase);
        }
        (so_far, sent, elapsed)
    }

    fn function(workers: u32, cpu: f64, wait: f64) -> Candidate {
        Candidate { workers, cores: 4, values: [1.0, 0.2, 0.1, cpu, 0.2, wait, 0.2] }
    }

    #[test]
    fn a_course_keeps_its_limits_whatever_the_function() {
        let limits = Limits { requests: 4_000, duration: Duration::from_secs(60), parallel: 32 };
        for (cpu, wait) in [(0.1, 0.1), (5.0, 20.0), (2.0, 750.0), (400.0, 4_000.0)] {
            let (_, sent, elapsed) = carry_out(&limits, &function(4, cpu, wait));
            assert!(sent <= limits.requests, "{cpu} {wait}: {sent}");
            assert!(elapsed <= limits.duration, "{cpu} {wait}: {elapsed:?}");
        }
    }

    #[test]
    fn parallelism_rises_until_it_gains_nothing_and_bursts_follow() {
        let limits = Limits { requests: 4_000, duration: Duration::from_secs(60), parallel: 64 };
        let (measurement, ..) = carry_out(&limits, &function(4, 2.0, 20.0));
        let levels: Vec<u32> = measurement.closed().map(|(parallel, _)| parallel).collect();
        assert_eq!(levels, [1, 2, 4, 8, 16]);
        let bursts = measurement.phases.iter().filter(|phase| matches!(phase.design, Design::Bursts { .. })).count();
        assert_eq!(bursts, 4);
    }

    #[test]
    fn who_turns_requests_away_is_not_asked_more() {
        let limits = Limits { requests: 4_000, duration: Duration::from_secs(60), parallel: 64 };
        let mut phase = Phase::new(Design::Closed { parallel: 1 }, Vec::new());
        phase.failed.insert(Err(ErrorKind::Refused), 20);
        let so_far = Measurement { phases: vec![phase], replicas: 1 };
        assert_eq!(limits.next(&so_far, 20, Duration::from_secs(1)), None);
    }
}
