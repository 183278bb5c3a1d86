//! The platform model against queueing theory: closed forms, and golden values where there is none.
//!
//! Every run draws from a fixed seed, printed on failure and replaced by `WATCHTOWER_TEST_SEED`. A mean has to lie within
//! four standard errors of the theory, taken from batch means, and the standard error itself has to be small enough
//! for that to say something.

mod losses_and_starts;

use std::collections::BTreeSet;
use std::time::Duration;

use rand_distr::{Distribution, Exp1};
use watchtower::model::{Arrival, Change, Cluster, Ending, FunctionModel, NodeModel, RequestId, Work};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::FunctionId;
use watchtower::time::Timestamp;

const JOBS: usize = 100_000;

/// The unit of work. Well below the watchdog's limit of 30 s, well above a nanosecond.
const UNIT: Duration = Duration::from_millis(10);

fn seed() -> Seed {
    let given = std::env::var("WATCHTOWER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    Seed(given.unwrap_or(20_260_801))
}

/// Cores enough, no transport, no gateway: what is left is the replica.
const FREE_NODE: NodeModel = NodeModel { cores: 1_000, gateway_cpu: Work::NONE, transport: Duration::ZERO };

fn servers(workers: u32) -> FunctionModel {
    FunctionModel { workers, connections: u32::MAX, cpu: Work::NONE, wait: Work::NONE, ..FunctionModel::default() }
}

fn exponential(stream: &mut Stream, mean: f64) -> Duration {
    let unit: f64 = Exp1.sample(stream);
    Duration::from_secs_f64(unit * mean)
}

fn units(duration: Duration) -> f64 {
    duration.as_secs_f64() / UNIT.as_secs_f64()
}

/// Sojourn times of a Poisson stream of `load` units of work per unit of time, in units, in order of arrival.
fn sojourns(
    node: NodeModel,
    model: FunctionModel,
    replicas: u32,
    rate: f64,
    mut wait: impl FnMut(&mut Stream) -> Option<Duration>,
) -> Vec<f64> {
    let mut arrivals = seed().stream(Purpose::Arrivals);
    let mut waits = seed().stream_of(Purpose::Arrivals, 1);
    let mut cluster = Cluster::new(node, &[(model, replicas, (1, replicas))], seed());
    let mut arrived = vec![Timestamp::ZERO; JOBS];
    let mut sojourns = vec![f64::NAN; JOBS];
    let mut changes = Vec::new();
    let mut at = Timestamp::ZERO;
    for job in 0..=JOBS {
        let horizon =
            if job == JOBS { Timestamp::MAX } else { at + exponential(&mut arrivals, UNIT.as_secs_f64() / rate) };
        while let Some(next) = cluster.next_change().filter(|next| *next <= horizon) {
            cluster.advance(next, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, ending, .. } = change {
                    assert_eq!(ending, Ending::Served);
                    sojourns[request.0 as usize] = units(at - arrived[request.0 as usize]);
                }
            }
        }
        if job < JOBS {
            at = horizon;
            arrived[job] = at;
            let (request, function) = (RequestId(job as u64), FunctionId::STUDIED);
            cluster.arrive(at, Arrival { request, function, probe: false, wait: wait(&mut waits) });
        }
    }
    assert!(sojourns.iter().all(|sojourn| sojourn.is_finite()), "every request is answered");
    sojourns
}

/// Mean and its standard error by the method of batch means, the first tenth being warm-up.
fn estimate(values: &[f64]) -> (f64, f64) {
    const BATCHES: usize = 30;
    let values = &values[values.len() / 10..];
    let size = values.len() / BATCHES;
    let means: Vec<f64> = values.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let variance = means.iter().map(|batch| (batch - mean).powi(2)).sum::<f64>() / (means.len() - 1) as f64;
    (mean, (variance / means.len() as f64).sqrt())
}

fn assert_mean(what: &str, values: &[f64], theory: f64) {
    let (mean, error) = estimate(values);
    let seed = seed().0;
    assert!(error < 0.04 * theory, "{what}: standard error {error} is too large to judge by; seed {seed}");
    assert!(
        (mean - theory).abs() < 4.0 * error,
        "{what}: {mean} is not {theory} (standard error {error}); seed {seed}"
    );
}

/// Mean sojourn time of M/M/c in units of the mean service time (Erlang 1917).
fn erlang_c(servers: u32, utilisation: f64) -> f64 {
    let offered = utilisation * f64::from(servers);
    let mut blocked = 1.0;
    for server in 1..=servers {
        blocked = offered * blocked / (f64::from(server) + offered * blocked);
    }
    let delayed = blocked / (1.0 - utilisation * (1.0 - blocked));
    1.0 + delayed / (f64::from(servers) * (1.0 - utilisation))
}

#[test]
fn threads_that_wait_exponentially_are_the_queue_of_erlang() {
    assert!((erlang_c(4, 0.5) - 1.086_957).abs() < 1e-6, "the formula itself, against a published table");
    for (workers, utilisation) in [(1, 0.5), (1, 0.7), (4, 0.5), (4, 0.7)] {
        let rate = utilisation * f64::from(workers);
        let wait = |stream: &mut Stream| Some(exponential(stream, UNIT.as_secs_f64()));
        let seen = sojourns(FREE_NODE, servers(workers), 1, rate, wait);
        assert_mean(&format!("M/M/{workers} at {utilisation}"), &seen, erlang_c(workers, utilisation));
    }
}

#[test]
fn sojourns_of_one_server_are_exponential_themselves() {
    let wait = |stream: &mut Stream| Some(exponential(stream, UNIT.as_secs_f64()));
    let mut seen = sojourns(FREE_NODE, servers(1), 1, 0.5, wait);
    seen.sort_by(f64::total_cmp);
    for (percentile, theory) in [(0.5, 1.386), (0.95, 5.991), (0.99, 9.210)] {
        let found = seen[(percentile * JOBS as f64) as usize];
        assert!((found / theory - 1.0).abs() < 0.08, "p{percentile}: {found} is not {theory}; seed {}", seed().0);
    }
}

#[test]
fn one_thread_with_constant_work_is_the_formula_of_pollaczek_and_khinchine() {
    for utilisation in [0.5, 0.7] {
        let model = FunctionModel { cpu: Work::constant(UNIT), ..servers(1) };
        let seen = sojourns(FREE_NODE, model, 1, utilisation, |_| None);
        assert_mean(&format!("M/D/1 at {utilisation}"), &seen, 1.0 + utilisation / (1.0 - utilisation) / 2.0);
    }
}

#[test]
fn many_threads_on_one_lock_share_the_processor_whatever_the_law_of_their_work() {
    for cv in [0.0, 2.0] {
        let model = FunctionModel { cpu: Work { mean: UNIT, cv }, ..servers(10_000) };
        let seen = sojourns(FREE_NODE, model, 1, 0.7, |_| None);
        assert_mean(&format!("M/G/1-PS, cv {cv}"), &seen, 1.0 / (1.0 - 0.7));
    }
}

#[test]
fn requests_on_the_gateway_path_share_all_cores_whatever_the_law_of_their_work() {
    for cv in [0.0, 2.0] {
        let node = NodeModel { cores: 4, gateway_cpu: Work { mean: UNIT, cv }, transport: Duration::ZERO };
        let seen = sojourns(node, servers(1), 1, 2.8, |_| None);
        assert_mean(&format!("M/G/4-PS, cv {cv}"), &seen, erlang_c(4, 0.7));
    }
}

/// No closed form: an independent simulation gave 2.895 and 4.309 (2 x 10^5 jobs).
#[test]
fn four_threads_on_one_lock_lie_between_first_come_first_served_and_processor_sharing() {
    for (cv, golden) in [(0.0, 2.90), (2.0, 4.31)] {
        let model = FunctionModel { cpu: Work { mean: UNIT, cv }, ..servers(4) };
        let seen = sojourns(FREE_NODE, model, 1, 0.7, |_| None);
        let (mean, error) = estimate(&seen);
        let tolerance = (4.0 * error).max(0.03 * golden);
        assert!((mean - golden).abs() < tolerance, "LPS(4), cv {cv}: {mean}, not {golden}; seed {}", seed().0);
    }
}

#[test]
fn routing_at_random_makes_as_many_separate_queues_as_replicas() {
    let wait = |stream: &mut Stream| Some(exponential(stream, UNIT.as_secs_f64()));
    let seen = sojourns(FREE_NODE, servers(1), 3, 3.0 * 0.5, wait);
    assert_mean("three M/M/1 at 0.5", &seen, 2.0);
}

/// Throughput and response time of `clients` that think `think` on average between requests of `work`.
fn closed(clients: usize, think: f64, work: f64, workers: u32) -> (f64, f64) {
    let mut thinking = seed().stream(Purpose::Arrivals);
    let mut working = seed().stream_of(Purpose::Arrivals, 1);
    let mut cluster = Cluster::new(FREE_NODE, &[(servers(workers), 1, (1, 1))], seed());
    let mut next: BTreeSet<(Timestamp, usize)> =
        (0..clients).map(|client| (Timestamp::ZERO + exponential(&mut thinking, think), client)).collect();
    let mut sent = vec![Timestamp::ZERO; clients];
    let (mut answered, mut response, mut now, mut changes) = (0_u32, 0.0, Timestamp::ZERO, Vec::new());
    while answered < JOBS as u32 {
        let sending = next.first().map_or(Timestamp::MAX, |(at, _)| *at);
        if let Some(at) = cluster.next_change().filter(|at| *at <= sending) {
            cluster.advance(at, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, .. } = change {
                    let client = request.0 as usize;
                    (answered, now) = (answered + 1, at);
                    response += (at - sent[client]).as_secs_f64();
                    next.insert((at + exponential(&mut thinking, think), client));
                }
            }
        } else if let Some((at, client)) = next.pop_first() {
            sent[client] = at;
            let wait = Some(exponential(&mut working, work));
            let (request, function) = (RequestId(client as u64), FunctionId::STUDIED);
            cluster.arrive(at, Arrival { request, function, probe: false, wait });
        }
    }
    (f64::from(answered) / now.as_secs_f64(), response / f64::from(answered))
}

/// Values of the machine-repair model (birth-death equations).
#[test]
fn clients_that_wait_for_their_answers_are_the_machine_repair_model() {
    for (clients, think, work, workers, throughput, response) in
        [(50, 1.0, 0.06, 4, 46.4763, 0.07582), (10, 0.5, 0.75, 4, 5.3047, 1.38512)]
    {
        let (found, took) = closed(clients, think, work, workers);
        assert!((found / throughput - 1.0).abs() < 0.02, "X = {found}, not {throughput}; seed {}", seed().0);
        assert!((took / response - 1.0).abs() < 0.02, "R = {took}, not {response}; seed {}", seed().0);
        // interactive response-time law, exact for any run but for its ends
        assert!(
            (clients as f64 / found - took - think).abs() < 0.03 * (took + think),
            "R = N/X - Z; seed {}",
            seed().0
        );
    }
}

#[test]
fn a_burst_leaves_in_rounds_of_as_many_as_there_are_threads() {
    let (burst, workers) = (50_u64, 4);
    let mut cluster = Cluster::new(FREE_NODE, &[(servers(workers), 1, (1, 1))], seed());
    for job in 0..burst {
        let (request, function) = (RequestId(job), FunctionId::STUDIED);
        cluster.arrive(Timestamp::ZERO, Arrival { request, function, probe: false, wait: Some(UNIT) });
    }
    let mut changes = Vec::new();
    cluster.advance(Timestamp::from_secs(10), &mut changes);
    assert_eq!(changes.len() as u64, burst);
    for (job, change) in (0_u64..).zip(changes) {
        let round = u32::try_from(job).unwrap() / workers + 1;
        let expected = Timestamp::ZERO + UNIT * round;
        assert!(
            matches!(change, Change::Answered { request: RequestId(number), at, .. } if number == job && at == expected),
            "job {job}: {change:?}, expected at {expected}"
        );
    }
}

#[test]
fn littles_law_holds_for_the_queue_and_the_utilisation_law_for_the_node() {
    let node = NodeModel { cores: 2, gateway_cpu: Work::constant(UNIT / 5), transport: Duration::ZERO };
    let model = FunctionModel { cpu: Work::constant(UNIT / 2), ..servers(3) };
    let mut arrivals = seed().stream(Purpose::Arrivals);
    let mut cluster = Cluster::new(node, &[(model, 2, (1, 2))], seed());
    let (jobs, mut at, mut changes) = (20_000_u64, Timestamp::ZERO, Vec::new());
    // integrals of the queue's length, and of the number in system as seen from outside
    let (mut queue_time, mut system_time, mut sojourn_time) = (0.0, 0.0, 0.0);
    let (mut inside, mut answered, mut now) = (0_u64, 0_u64, Timestamp::ZERO);
    let mut arrived = vec![Timestamp::ZERO; jobs as usize];
    let mut job = 0;
    at += exponential(&mut arrivals, UNIT.as_secs_f64());
    while answered < jobs {
        let change = cluster.next_change().unwrap_or(Timestamp::MAX);
        let next = change.min(if job < jobs { at } else { Timestamp::MAX });
        let queue = cluster.sample(FunctionId::STUDIED).queue;
        queue_time += f64::from(queue) * (next - now).as_secs_f64();
        system_time += inside as f64 * (next - now).as_secs_f64();
        assert!(u64::from(queue) <= inside, "nothing waits that did not come");
        now = next;
        if change <= at || job == jobs {
            cluster.advance(next, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, .. } = change {
                    sojourn_time += (at - arrived[request.0 as usize]).as_secs_f64();
                    (answered, inside) = (answered + 1, inside - 1);
                }
            }
        } else {
            let (request, function) = (RequestId(job), FunctionId::STUDIED);
            cluster.arrive(at, Arrival { request, function, probe: false, wait: Some(UNIT) });
            arrived[job as usize] = at;
            (job, inside) = (job + 1, inside + 1);
            at += exponential(&mut arrivals, UNIT.as_secs_f64());
        }
    }
    assert!((system_time / sojourn_time - 1.0).abs() < 1e-9, "L = lambda T: {system_time} {sojourn_time}");
    assert!(queue_time > 0.0 && queue_time < system_time);
    let sample = cluster.sample(FunctionId::STUDIED);
    let used = sample.cpu_time.unwrap().as_secs_f64();
    let work = jobs as f64 * (UNIT / 5 + UNIT / 2).as_secs_f64();
    // each of a request's two jobs ends on the next whole nanosecond
    assert!((used - work).abs() < 4e-9 * jobs as f64, "cpu time {used} s for {work} s of work");
    assert_eq!((sample.queue, cluster.next_change()), (0, None), "what came in has gone out");
}
