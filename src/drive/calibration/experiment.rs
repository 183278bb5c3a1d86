//! A phase in virtual time: the same requests against a candidate.

use std::time::Duration;

use crate::model::{Arrival, Change, Cluster, Ending, RequestId};
use crate::random::Seed;
use crate::record::FunctionId;
use crate::time::Timestamp;

use super::candidate::Candidate;
use super::measurement::{Design, Measurement, Phase, Reply};

/// Time between the last answer of a burst and the next burst.
const BETWEEN_BURSTS: Duration = Duration::from_millis(1);

/// Stretches of time that a phase without bursts is divided into.
pub(super) const STRETCHES: u32 = 24;

/// How many requests each phase sends to a candidate, by phase of the measurement.
pub(super) fn simulate(
    candidate: &Candidate,
    design: &Design,
    replicas: u32,
    requests: usize,
    seed: Seed,
) -> Vec<Reply> {
    match design {
        Design::Closed { parallel } => closed(candidate, *parallel, replicas, requests, seed),
        Design::Bursts { leaves } => bursts(candidate, leaves, replicas, requests, seed),
        Design::Recorded(recorded) => {
            let mut replies = Vec::new();
            let passes = requests.div_ceil(recorded.arrivals.len().max(1)).max(1);
            for pass in 0..passes as u64 {
                replies.extend(self::recorded(
                    candidate,
                    &recorded.arrivals,
                    &recorded.replicas,
                    seed.of_repeat(pass as u32 + 1),
                ));
            }
            replies
        }
    }
}

/// A whole measurement of a known model without a clock: what the estimator is tested with, and what a plan can be tried on.
///
/// Each phase is a design and how many requests it has.
pub fn measure_in_virtual_time(
    candidate: &Candidate,
    replicas: u32,
    phases: &[(Design, usize)],
    seed: Seed,
) -> Measurement {
    let phases = phases.iter().zip(1..).map(|((design, requests), number)| {
        let replies = simulate(candidate, design, replicas, *requests, seed.of_repeat(number));
        Phase::new(design.clone(), replies)
    });
    Measurement { phases: phases.collect(), replicas }
}

/// One run of the platform's model, with what it needs to send and to see answers.
struct Bench {
    cluster: Cluster,
    changes: Vec<Change>,
    /// When each request left, by its number, and its group.
    sent: Vec<(Timestamp, u32)>,
    replies: Vec<Reply>,
}

impl Bench {
    fn new(candidate: &Candidate, replicas: u32, most: u32, seed: Seed) -> Self {
        let replicas = replicas.max(1);
        let functions = [(candidate.function(), replicas, (1, most.max(replicas)))];
        Self {
            cluster: Cluster::new(candidate.node(), &functions, seed),
            changes: Vec::new(),
            sent: Vec::new(),
            replies: Vec::new(),
        }
    }

    fn send(&mut self, at: Timestamp, group: u32) {
        let request = RequestId(self.sent.len() as u64);
        self.sent.push((at, group));
        self.cluster.arrive(at, Arrival { request, function: FunctionId::STUDIED, probe: false, wait: None });
    }

    /// Lets time pass to `until` at most, or to the next answers; those, as (when, how many).
    fn go_on(&mut self, until: Timestamp) -> Option<(Timestamp, u32)> {
        while let Some(next) = self.cluster.next_change().filter(|next| *next <= until) {
            self.cluster.advance(next, &mut self.changes);
            let mut answered = 0;
            for change in self.changes.drain(..) {
                if let Change::Answered { request, at, ending, .. } = change {
                    answered += 1;
                    let (sent, group) = self.sent[request.0 as usize];
                    // what is cut or overdue is no answer, as it is none in a measurement
                    if ending == Ending::Served {
                        self.replies.push(Reply { sent, done: at, group });
                    }
                }
            }
            if answered > 0 {
                return Some((next, answered));
            }
        }
        None
    }
}

fn closed(candidate: &Candidate, parallel: u32, replicas: u32, requests: usize, seed: Seed) -> Vec<Reply> {
    let mut bench = Bench::new(candidate, replicas, replicas, seed);
    for _ in 0..parallel.max(1) {
        bench.send(Timestamp::ZERO, 0);
    }
    while let Some((now, answered)) = bench.go_on(Timestamp::MAX) {
        for _ in 0..answered {
            if bench.sent.len() < requests {
                bench.send(now, 0);
            }
        }
    }
    let mut replies = bench.replies;
    settle(&mut replies, parallel);
    replies
}

/// Of callers that call again: leaves out the beginning, when they all called at once, and divides the rest into stretches.
pub(super) fn settle(replies: &mut Vec<Reply>, parallel: u32) {
    let beginning = if parallel > 1 { (2 * parallel as usize).min(replies.len() / 2) } else { 0 };
    let ending = if parallel > 1 { (parallel as usize).min(replies.len() / 4) } else { 0 };
    replies.truncate(replies.len() - ending);
    replies.drain(..beginning);
    stretch(replies);
}

/// Requests of a phase of which [`settle`] left so many.
pub(super) fn unsettled(replies: usize, parallel: u32) -> usize {
    replies + if parallel > 1 { 3 * parallel as usize } else { 0 }
}

/// Numbers groups of equal size in order of time.
pub(super) fn stretch(replies: &mut [Reply]) {
    let count = replies.len().max(1);
    for (place, reply) in replies.iter_mut().enumerate() {
        reply.group = (place * STRETCHES as usize / count) as u32;
    }
}

fn bursts(candidate: &Candidate, leaves: &[Duration], replicas: u32, requests: usize, seed: Seed) -> Vec<Reply> {
    let mut bench = Bench::new(candidate, replicas, replicas, seed);
    let rounds = requests.div_ceil(leaves.len().max(1)).max(1);
    let mut begin = Timestamp::ZERO;
    for round in 0..rounds as u32 {
        let mut last = begin;
        for leave in leaves {
            let at = begin + *leave;
            while let Some((now, _)) = bench.go_on(at) {
                last = now;
            }
            bench.send(at, round);
        }
        while let Some((now, _)) = bench.go_on(Timestamp::MAX) {
            last = now;
        }
        begin = last + BETWEEN_BURSTS;
    }
    bench.replies
}

fn recorded(
    candidate: &Candidate,
    arrivals: &[(Timestamp, u32)],
    replicas: &[(Timestamp, u32)],
    seed: Seed,
) -> Vec<Reply> {
    let most = replicas.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let first = replicas.first().map_or(1, |(_, count)| *count);
    let mut bench = Bench::new(candidate, first, most, seed);
    let mut steps = replicas.iter().skip(1).peekable();
    for (at, group) in arrivals {
        while let Some((from, count)) = steps.next_if(|(from, _)| from <= at) {
            while bench.go_on(*from).is_some() {}
            bench.cluster.scale(*from, FunctionId::STUDIED, *count);
        }
        while bench.go_on(*at).is_some() {}
        bench.send(*at, *group);
    }
    while bench.go_on(Timestamp::MAX).is_some() {}
    bench.replies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(workers: u32, cpu_ms: f64, wait_ms: f64) -> Candidate {
        Candidate { workers, cores: 4, values: [2.0, 0.0, 0.0, cpu_ms, 0.0, wait_ms, 0.0] }
    }

    #[test]
    fn a_burst_of_constant_work_comes_back_in_rounds_of_the_workers() {
        let replies =
            simulate(&constant(4, 5.0, 30.0), &Design::Bursts { leaves: vec![Duration::ZERO; 12] }, 1, 12, Seed(1));
        let latencies: Vec<f64> = replies.iter().map(Reply::latency_ms).collect();
        // 2 ms of transport; each round is four times the CPU work under the lock, then the wait
        for (round, expected) in [(0, 52.0), (1, 102.0), (2, 152.0)] {
            for latency in &latencies[4 * round..4 * round + 4] {
                assert!((latency - expected).abs() < 1e-3, "{latencies:?}");
            }
        }
    }

    #[test]
    fn callers_that_call_again_get_what_the_workers_can_do() {
        let replies = simulate(&constant(4, 0.0, 10.0), &Design::Closed { parallel: 8 }, 1, 400, Seed(1));
        // Little: 8 callers, 400 answers a second
        let mean = replies.iter().map(Reply::latency_ms).sum::<f64>() / replies.len() as f64;
        assert!((mean - 20.0).abs() < 1.5, "{mean}");
        assert!(replies.len() > 350 && replies.len() < 400);
    }

    #[test]
    fn a_recorded_load_meets_the_replicas_of_its_time() {
        let at = Timestamp::from_millis;
        let arrivals = [0, 0, 1_000, 1_000].map(|ms| (at(ms), u32::from(ms > 0)));
        let replies = recorded(&constant(1, 0.0, 10.0), &arrivals, &[(at(0), 1), (at(500), 2)], Seed(4));
        let slowest =
            |group| replies.iter().filter(|reply| reply.group == group).map(Reply::latency_ms).fold(0.0, f64::max);
        assert!((slowest(0) - 22.0).abs() < 1e-3, "{replies:?}");
        // at random among two
        assert!(slowest(1) < 22.1, "{replies:?}");
    }
}
