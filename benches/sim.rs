//! How many requests a second one core simulates, and how many events a bare heap would allow.
//!
//! ```text
//! cargo bench --bench sim                       every case
//! cargo bench --bench sim -- ftest --rounds 9   one of them, the best of nine rounds
//! ```
//!
//! One line per case, `key=value` pairs, for `scripts/bench-sim` and for eyes. A case is repeated and the best round counts: what
//! slows a round down is the machine, never the program.
//!
//! `heap-*` are lower bounds: the same arrivals, service times and events on a binary heap of (time, who), with the same histogram
//! and nothing else: no replicas that come and go, no connections, no limits, no rows.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(
    clippy::unwrap_used,
    reason = "the plans are fixed, and a benchmark that has none should stop where it stands"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;
use std::time::{Duration, Instant};

use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_xoshiro::rand_core::Rng;
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Plan, RecordError, Recorder, RequestPlan, SchedulePlan, sim,
};
use watchtower::model::{Arrival, Change, Cluster, FunctionModel, NodeModel, RequestId, Work};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{FunctionInfo, registry};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{FunctionId, RequestRow};
use watchtower::schedule::hey;
use watchtower::schedule::share::Share;
use watchtower::stats::latency::LatencyHistogram;
use watchtower::time::{Epoch, Timestamp};

/// Mean service time.
const SERVICE: Duration = Duration::from_millis(10);
/// Jobs of the M/M/4 cases.
const JOBS: u64 = 2_000_000;

thread_local! {
    static ORIGIN: Instant = Instant::now();
}

/// A name, and what simulates its requests and counts them.
type Case = (&'static str, fn() -> u64);

fn main() {
    let mut wanted = Vec::new();
    let mut rounds = 5_u32;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().and_then(|number| number.parse().ok()).unwrap_or(rounds),
            // what cargo passes to every benchmark
            "--bench" => {}
            _ => wanted.push(word),
        }
    }
    let cases: [Case; 7] = [
        ("heap-mm4", heap_mm4),
        ("mm4", mm4),
        ("heap-paced", heap_paced),
        ("paced", || simulate(&paced())),
        ("ftest", || simulate(&ftest("fixed", 4))),
        ("ftest-watchtower", || simulate(&ftest("watchtower", 1))),
        ("ftest-openfaas-ce", || simulate(&ftest("openfaas-ce", 1))),
    ];
    for (name, case) in cases {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == name) {
            continue;
        }
        let mut best = f64::INFINITY;
        let mut requests = 0;
        for _ in 0..rounds {
            let start = spent();
            requests = black_box(case());
            best = best.min(spent().saturating_sub(start).as_secs_f64());
        }
        let rate = requests as f64 / best;
        println!("case={name} requests={requests} seconds={best:.4} rate={rate:.0} ns={:.1}", 1e9 / rate);
    }
}

/// CPU time of this thread, which other programs on the machine don't lengthen; where Linux doesn't tell, time as it passes.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text.split(' ').next().and_then(|nanos| nanos.parse().ok()) {
        Some(nanos) => Duration::from_nanos(nanos),
        None => ORIGIN.with(Instant::elapsed),
    }
}

fn exponential(stream: &mut Stream, mean: Duration) -> u64 {
    let unit: f64 = Exp1.sample(stream);
    (unit * mean.as_nanos() as f64) as u64
}

/// Four servers at 80 %, exponential everything, on a heap.
fn heap_mm4() -> u64 {
    const SERVERS: u32 = 4;
    const ARRIVAL: u32 = u32::MAX;
    let (mut arrivals, mut services) = (Seed(1).stream(Purpose::Arrivals), Seed(1).stream(Purpose::Service));
    let between = SERVICE.mul_f64(1.0 / (0.8 * f64::from(SERVERS)));
    let mut heap = BinaryHeap::from([Reverse((exponential(&mut arrivals, between), ARRIVAL))]);
    let (mut queue, mut free) = (VecDeque::new(), (0..SERVERS).collect::<Vec<u32>>());
    let mut arrived = [0; SERVERS as usize];
    let mut histogram = LatencyHistogram::new();
    let mut sent = 0;
    while let Some(Reverse((now, who))) = heap.pop() {
        if who == ARRIVAL {
            sent += 1;
            if sent < JOBS {
                heap.push(Reverse((now + exponential(&mut arrivals, between), ARRIVAL)));
            }
            match free.pop() {
                Some(server) => {
                    arrived[server as usize] = now;
                    heap.push(Reverse((now + exponential(&mut services, SERVICE), server)));
                }
                None => queue.push_back(now),
            }
        } else {
            histogram.record(Duration::from_nanos(now - arrived[who as usize]));
            match queue.pop_front() {
                Some(at) => {
                    arrived[who as usize] = at;
                    heap.push(Reverse((now + exponential(&mut services, SERVICE), who)));
                }
                None => free.push(who),
            }
        }
    }
    histogram.count()
}

/// The same through the platform model: router, replica, connections, limits, worker threads.
fn mm4() -> u64 {
    let (mut arrivals, mut services) = (Seed(1).stream(Purpose::Arrivals), Seed(1).stream(Purpose::Service));
    let between = SERVICE.mul_f64(1.0 / (0.8 * 4.0));
    let model = FunctionModel { cpu: Work::NONE, connections: u32::MAX, ..FunctionModel::default() };
    let node = NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO };
    let mut cluster = Cluster::new(node, &[(model, 1, (1, 1))], Seed(1));
    let mut histogram = LatencyHistogram::new();
    // the request's name is the time it came
    let (mut sent, mut next) = (0, Timestamp::from_nanos(exponential(&mut arrivals, between)));
    let mut changes = Vec::new();
    loop {
        let change = cluster.next_change().unwrap_or(Timestamp::MAX);
        if change <= next {
            if change == Timestamp::MAX {
                return histogram.count();
            }
            cluster.advance(change, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, .. } = change {
                    histogram.record(at - Timestamp::from_nanos(request.0));
                }
            }
            continue;
        }
        let wait = Some(Duration::from_nanos(exponential(&mut services, SERVICE)));
        let (request, function) = (RequestId(next.as_nanos()), FunctionId::STUDIED);
        cluster.arrive(next, Arrival { request, function, probe: false, wait });
        sent += 1;
        next =
            if sent < JOBS { next + Duration::from_nanos(exponential(&mut arrivals, between)) } else { Timestamp::MAX };
    }
}

/// `-c 50 -q 5` against five replicas of four threads, 40 ms of waiting each: on a heap.
fn heap_paced() -> u64 {
    const CLIENTS: u32 = 50;
    const PERIOD: u64 = 200_000_000;
    const END: u64 = 20_000_000_000_000 / 4;
    let (mut services, mut routes) = (Seed(1).stream(Purpose::Service), Seed(1).stream(Purpose::Routing));
    let mut heap: BinaryHeap<_> = (0..CLIENTS).map(|client| Reverse((PERIOD, client))).collect();
    let mut busy = [0_u32; 5];
    let mut queues: [VecDeque<u32>; 5] = std::array::from_fn(|_| VecDeque::new());
    let mut client_of = [(0_u64, 0_usize); CLIENTS as usize];
    let mut histogram = LatencyHistogram::new();
    // log-normal with a coefficient of variation of 1, as the model draws it
    let variance = 2.0_f64.ln();
    let (mu, sigma) = ((4.0 * SERVICE.as_nanos() as f64).ln() - variance / 2.0, variance.sqrt());
    let mut work = || {
        let normal: f64 = StandardNormal.sample(&mut services);
        (mu + sigma * normal).exp() as u64
    };
    while let Some(Reverse((now, who))) = heap.pop() {
        if who < CLIENTS {
            let replica = ((u128::from(routes.next_u64()) * 5) >> 64) as usize;
            client_of[who as usize] = (now, replica);
            if busy[replica] < 4 {
                busy[replica] += 1;
                heap.push(Reverse((now + work(), who + CLIENTS)));
            } else {
                queues[replica].push_back(who);
            }
        } else {
            let client = who - CLIENTS;
            let (sent, replica) = client_of[client as usize];
            histogram.record(Duration::from_nanos(now - sent));
            match queues[replica].pop_front() {
                Some(next) => heap.push(Reverse((now + work(), next + CLIENTS))),
                None => busy[replica] -= 1,
            }
            let due = (sent / PERIOD + 1) * PERIOD;
            if due < END {
                heap.push(Reverse((due.max(now), client)));
            }
        }
    }
    histogram.count()
}

fn hey_load(seconds: u64, start: Duration) -> GeneratorPlan {
    let settings = hey::Settings::new(200, 50, 5.0, Some(Duration::from_secs(seconds))).unwrap();
    GeneratorPlan { schedule: SchedulePlan::Hey(settings), request: RequestPlan::default(), start }
}

fn plan(policy: &str, replicas: u32) -> Plan {
    let policy = registry::find(policy).unwrap();
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    if policy.name == "fixed" {
        settings.set(&parameters, "replicas", Value::Integer(replicas.into())).unwrap();
    }
    Plan {
        arm: Arm { name: policy.name.to_owned(), policy, settings },
        shadows: Vec::new(),
        seed: Seed(1),
        functions: vec![FunctionPlan {
            info: FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() },
            handler: Handler::Ftest,
            model: FunctionModel::default(),
            query: "number=50".to_owned(),
            replicas,
            bounds: (1, 5),
        }],
        node: NodeModel::default(),
        generators: Vec::new(),
        warm_up: Duration::ZERO,
        warm_up_every: Duration::from_secs(5),
        faults: Vec::new(),
        cool_down: Duration::ZERO,
        share: Share::WHOLE,
    }
}

/// The same as [`heap_paced`] through the driver: schedule, agenda, router, replicas, rows into a histogram.
fn paced() -> Plan {
    let mut plan = plan("fixed", 5);
    plan.functions[0].model =
        FunctionModel { cpu: Work::NONE, wait: Work { mean: 4 * SERVICE, cv: 1.0 }, ..FunctionModel::default() };
    plan.node = NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO };
    plan.generators = vec![hey_load(5_000, Duration::ZERO)];
    plan
}

/// The scenario `ftest`, ten times as long: shared node, interpreter lock, gateway, connections.
fn ftest(policy: &str, replicas: u32) -> Plan {
    let mut plan = plan(policy, replicas);
    plan.generators = vec![hey_load(1_200, Duration::ZERO), hey_load(1_200, Duration::from_millis(500))];
    plan.warm_up = Duration::from_secs(15);
    plan.cool_down = Duration::from_secs(60);
    plan
}

fn simulate(plan: &Plan) -> u64 {
    let mut histogram = Histogram(LatencyHistogram::new());
    sim::run(plan, Epoch::default(), &mut histogram).unwrap();
    histogram.0.count()
}

/// Keeps latencies and nothing else.
struct Histogram(LatencyHistogram);

impl Recorder for Histogram {
    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.0.record(row.latency());
        Ok(())
    }
}
