//! The platform model against queueing theory: closed forms, and golden values where there is none.
//!
//! Every run draws from a fixed seed, printed on failure and replaced by `WATCHTOWER_TEST_SEED`. A mean has to lie within
//! four standard errors of the theory, taken from batch means, and the standard error itself has to be small enough
//! for that to say something.

mod limited_sharing;
mod losses_and_starts;
mod tabled;

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
    wait: impl FnMut(&mut Stream) -> Option<Duration>,
) -> Vec<f64> {
    sojourns_of(JOBS, node, model, replicas, rate, wait)
}

/// The same for as many `jobs` as the spread of their work calls for.
fn sojourns_of(
    jobs: usize,
    node: NodeModel,
    model: FunctionModel,
    replicas: u32,
    rate: f64,
    mut wait: impl FnMut(&mut Stream) -> Option<Duration>,
) -> Vec<f64> {
    let mut arrivals = seed().stream(Purpose::Arrivals);
    let mut waits = seed().stream_of(Purpose::Arrivals, 1);
    let mut cluster = Cluster::new(node, &[(model, replicas, (1, replicas))], seed());
    let mut arrived = vec![Timestamp::ZERO; jobs];
    let mut sojourns = vec![f64::NAN; jobs];
    let mut changes = Vec::new();
    let mut at = Timestamp::ZERO;
    for job in 0..=jobs {
        let horizon =
            if job == jobs { Timestamp::MAX } else { at + exponential(&mut arrivals, UNIT.as_secs_f64() / rate) };
        while let Some(next) = cluster.next_change().filter(|next| *next <= horizon) {
            cluster.advance(next, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, ending, .. } = change {
                    assert_eq!(ending, Ending::Served);
                    sojourns[request.0 as usize] = units(at - arrived[request.0 as usize]);
                }
            }
        }
        if job < jobs {
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
    assert_mean_within(0.04, what, values, theory);
}

/// The same where the standard error may be another fraction of the theory, `sharp`.
fn assert_mean_within(sharp: f64, what: &str, values: &[f64], theory: f64) {
    let (mean, error) = estimate(values);
    let seed = seed().0;
    assert!(error < sharp * theory, "{what}: standard error {error} is too large to judge by; seed {seed}");
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
    let seen = sojourns(FREE_NODE, servers(1), 1, 0.5, wait);
    for beyond in [0.5, 0.05, 0.01] {
        // a percentile is right when as many as it says lie beyond it, and shares have a standard error
        let percentile = -2.0 * f64::ln(beyond);
        let slower: Vec<f64> = seen.iter().map(|sojourn| f64::from(u8::from(*sojourn > percentile))).collect();
        // an exponential's percentile is known by the share's relative error over -ln(share)
        let sharp = 0.04 * -f64::ln(beyond);
        assert_mean_within(sharp, &format!("share of M/M/1 beyond {percentile}"), &slower, beyond);
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
        let seen = sojourns_of(3 * JOBS, FREE_NODE, model, 1, 0.7, |_| None);
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

#[test]
fn routing_at_random_makes_as_many_separate_queues_as_replicas() {
    let wait = |stream: &mut Stream| Some(exponential(stream, UNIT.as_secs_f64()));
    let seen = sojourns(FREE_NODE, servers(1), 3, 3.0 * 0.5, wait);
    assert_mean("three M/M/1 at 0.5", &seen, 2.0);
}

/// Times between answers and response times, by answer, of `clients` that think `think` on average between requests of `work`.
fn closed(clients: usize, think: f64, work: f64, workers: u32) -> (Vec<f64>, Vec<f64>) {
    let mut thinking = seed().stream(Purpose::Arrivals);
    let mut working = seed().stream_of(Purpose::Arrivals, 1);
    let mut cluster = Cluster::new(FREE_NODE, &[(servers(workers), 1, (1, 1))], seed());
    let mut next: BTreeSet<(Timestamp, usize)> =
        (0..clients).map(|client| (Timestamp::ZERO + exponential(&mut thinking, think), client)).collect();
    let mut sent = vec![Timestamp::ZERO; clients];
    let (mut gaps, mut responses) = (Vec::with_capacity(JOBS), Vec::with_capacity(JOBS));
    let (mut now, mut changes) = (Timestamp::ZERO, Vec::new());
    while gaps.len() < JOBS {
        let sending = next.first().map_or(Timestamp::MAX, |(at, _)| *at);
        if let Some(at) = cluster.next_change().filter(|at| *at <= sending) {
            cluster.advance(at, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, .. } = change {
                    let client = request.0 as usize;
                    gaps.push((at - now).as_secs_f64());
                    responses.push((at - sent[client]).as_secs_f64());
                    now = at;
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
    (gaps, responses)
}

/// Throughput and response time of the machine-repair model, by its birth and death equations.
fn machine_repair(clients: u32, think: f64, work: f64, workers: u32) -> (f64, f64) {
    let (mut weight, mut total, mut throughput) = (1.0, 1.0, 0.0);
    for inside in 1..=clients {
        let leaving = f64::from(inside.min(workers)) / work;
        weight *= f64::from(clients - inside + 1) / think / leaving;
        total += weight;
        throughput += weight * leaving;
    }
    throughput /= total;
    (throughput, f64::from(clients) / throughput - think)
}

#[test]
fn clients_that_wait_for_their_answers_are_the_machine_repair_model() {
    let (throughput, response) = machine_repair(50, 1.0, 0.06, 4);
    assert!((throughput - 46.4763).abs() < 1e-3 && (response - 0.075_82).abs() < 1e-5, "the formula itself");
    for (clients, think, work, workers) in [(50, 1.0, 0.06, 4), (10, 0.5, 0.75, 4), (50, 0.14, 0.06, 20)] {
        let (throughput, response) = machine_repair(clients, think, work, workers);
        let (gaps, responses) = closed(clients as usize, think, work, workers);
        let what = format!("{clients} clients on {workers} threads");
        assert_mean(&format!("1/X of {what}"), &gaps, 1.0 / throughput);
        assert_mean(&format!("R of {what}"), &responses, response);
        // the interactive response-time law, N/X - R = Z
        let thought: Vec<f64> =
            gaps.iter().zip(&responses).map(|(gap, took)| f64::from(clients) * gap - took).collect();
        assert_mean(&format!("Z of {what}"), &thought, think);
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
