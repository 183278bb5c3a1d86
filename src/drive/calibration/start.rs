//! Where the search begins: models that explain what a look at the measurement tells.
//!
//! The time of a request that is alone is transport, gateway, CPU work and wait together. The throughput that rising parallelism comes to
//! says how many workers there are or how long the lock is held, but not which: for each number of workers and each share of
//! the way there is one split of the rest into CPU work and wait that gives this throughput. All of them are tried.

use super::candidate::{Candidate, Quantity};
use super::measurement::{Design, Measurement};

/// Numbers of workers that are tried first.
const WORKERS: [u32; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64];
/// Shares of a lone request's time that it may spend on its way.
const WAYS: [f64; 3] = [0.05, 0.25, 0.6];
/// Of the way, what is CPU work.
const GATEWAY_SHARE: f64 = 0.3;
/// Shares of the rest that may be CPU work, where no throughput tells.
const CPU_SHARES: [f64; 4] = [0.05, 0.3, 0.7, 1.0];

/// What a look at the measurement tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Glance {
    /// Mean time of a request that is alone, in milliseconds.
    pub(super) alone_ms: f64,
    /// Its standard deviation.
    spread_ms: f64,
    /// Answers per second and replica that more parallelism does not raise, if the measurement came to that.
    plateau: Option<f64>,
    /// Requests under way at once, at most.
    parallel: u32,
}

impl Glance {
    /// `None` without answers.
    pub(super) fn at(measurement: &Measurement) -> Option<Self> {
        let alone = measurement.alone().or_else(|| {
            // without a phase for it, the phase with the fewest requests at once
            measurement.phases.iter().min_by_key(|phase| phase.design.parallel().unwrap_or(u32::MAX))
        })?;
        let mut latencies: Vec<f64> = alone.replies.iter().map(super::Reply::latency_ms).collect();
        if latencies.is_empty() {
            return None;
        }
        if alone.design != (Design::Closed { parallel: 1 }) {
            // of requests that met others, the faster half is nearer to one that is alone
            latencies.sort_by(f64::total_cmp);
            latencies.truncate(latencies.len().div_ceil(2));
        }
        let count = latencies.len() as f64;
        let alone_ms = latencies.iter().sum::<f64>() / count;
        let spread_ms = (latencies.iter().map(|latency| (latency - alone_ms).powi(2)).sum::<f64>() / count).sqrt();
        let replicas = f64::from(measurement.replicas.max(1));
        let most = measurement.closed().max_by_key(|(parallel, _)| *parallel).filter(|(parallel, _)| *parallel > 1);
        let plateau = most.and_then(|(parallel, phase)| {
            // Little's law over the settled part
            phase.mean_ms().map(|mean| f64::from(parallel) / mean * 1e3 / replicas)
        });
        let parallel = measurement.phases.iter().filter_map(|phase| phase.design.parallel()).max().unwrap_or(64);
        Some(Self { alone_ms, spread_ms, plateau, parallel })
    }

    /// Models to begin with; `workers` and `cores` where they are known.
    pub(super) fn candidates(&self, workers: Option<u32>, cores: u32) -> Vec<Candidate> {
        let tried: Vec<u32> = match workers {
            Some(workers) => vec![workers],
            None => WORKERS.into_iter().filter(|workers| *workers <= self.parallel.max(4)).collect(),
        };
        let mut candidates = Vec::new();
        for workers in tried {
            for way in WAYS {
                let inside = self.alone_ms * (1.0 - way);
                let shares: Vec<f64> = match self.plateau {
                    Some(plateau) => cpu_work(workers, inside, plateau).map(|cpu| cpu / inside).into_iter().collect(),
                    None => CPU_SHARES.to_vec(),
                };
                candidates.extend(shares.iter().map(|share| self.candidate(workers, cores, way, *share)));
            }
        }
        candidates
    }

    fn candidate(&self, workers: u32, cores: u32, way: f64, cpu_share: f64) -> Candidate {
        let on_way = self.alone_ms * way;
        let inside = self.alone_ms - on_way;
        let (gateway, cpu) = (on_way * GATEWAY_SHARE, inside * cpu_share);
        let wait = inside - cpu;
        let length = (gateway * gateway + cpu * cpu + wait * wait).sqrt();
        let spread = if length > 0.0 { (self.spread_ms / length).clamp(0.02, 1.5) } else { 0.1 };
        let none = Candidate { workers, cores, values: [0.0; 7] };
        none.with(Quantity::Transport, on_way - gateway)
            .with(Quantity::GatewayCpu, gateway)
            .with(Quantity::GatewayCpuCv, spread)
            .with(Quantity::Cpu, cpu)
            .with(Quantity::CpuCv, spread)
            .with(Quantity::Wait, wait)
            .with(Quantity::WaitCv, spread)
    }
}

/// The CPU work, in milliseconds of `inside`, with which a replica of so many workers comes to this throughput; `None` if it
/// has too few workers whatever the work.
fn cpu_work(workers: u32, inside: f64, plateau: f64) -> Option<f64> {
    let per_ms = plateau / 1e3;
    if throughput(workers, 0.0, inside) < per_ms * 0.9 {
        return None;
    }
    let (mut low, mut high) = (0.0, inside);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if throughput(workers, middle, inside - middle) > per_ms { low = middle } else { high = middle }
    }
    Some(low)
}

/// Answers per millisecond of a replica whose workers are never idle: a closed network of as many customers, one station (the lock) and a
/// delay, by mean value analysis (Reiser and Lavenberg 1980).
fn throughput(workers: u32, cpu: f64, wait: f64) -> f64 {
    let (mut queue, mut rate) = (0.0, 0.0);
    for customers in 1..=workers {
        let at_lock = cpu * (1.0 + queue);
        rate = f64::from(customers) / (at_lock + wait).max(1e-9);
        queue = rate * at_lock;
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_or_the_workers_bound_the_throughput() {
        // all CPU work: the lock, however many workers
        for workers in [1, 4, 32] {
            assert!((throughput(workers, 5.0, 0.0) - 0.2).abs() < 1e-12);
        }
        // all wait: each worker by itself
        assert!((throughput(4, 0.0, 20.0) - 0.2).abs() < 1e-12);
        // both: less than either bound
        assert!(throughput(4, 5.0, 15.0) < 0.2);
    }

    #[test]
    fn the_split_found_gives_the_throughput_asked_for() {
        let cpu = cpu_work(4, 40.0, 80.0).expect("four workers of 40 ms make at least 80 a second");
        assert!((throughput(4, cpu, 40.0 - cpu) - 0.08).abs() < 1e-6);
        assert_eq!(cpu_work(1, 40.0, 80.0), None);
    }
}
