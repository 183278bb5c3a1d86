//! Fits the platform model to the tables the original project published: random search, then ever smaller steps.
//!
//! ```text
//! cargo run --release --no-default-features --example fit -- [CANDIDATES [SEED]]
//! ```
//!
//! What is free: CPU work on the gateway path and in the replica (mean and spread of each), the transport, and a probe's
//! work. What is not: four cores, the template's four threads, hey's pacing, the second terminal half a second after the first. Both
//! tables are fitted at once, each as the median of several runs, because the node and the function were the same.
//! CANDIDATES 0 only shows how the model's defaults do.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the person who changes the model")]

use std::time::Duration;

use rand_distr::{Distribution, StandardNormal};
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Phase, Plan, RecordError, Recorder, RequestPlan, SchedulePlan, sim,
};
use watchtower::model::{FunctionModel, NodeModel, Work};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{FunctionInfo, registry};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use watchtower::schedule::hey;
use watchtower::time::{Epoch, Timestamp};

const ROWS: [&str; 8] = ["mean", "p10", "p25", "p50", "p75", "p90", "p95", "p99"];
/// Milliseconds, from the original's README.
const SEED_TABLES: [(&str, [f64; 8]); 2] = [
    ("watchtower", [65.9, 30.4, 43.0, 59.3, 81.1, 109.2, 131.2, 175.2]),
    ("openfaas-ce", [64.5, 29.1, 41.9, 60.1, 78.8, 102.7, 121.6, 169.0]),
];

/// What is fitted: gateway mean (ms) and cv, replica mean (ms) and cv, transport (ms), a probe's mean in the replica (ms).
type Numbers = [f64; 6];
const LOWEST: Numbers = [0.5, 0.2, 0.3, 0.2, 2.0, 0.3];
const HIGHEST: Numbers = [7.0, 3.0, 6.0, 3.0, 9.0, 15.0];

fn work(mean_ms: f64, cv: f64) -> Work {
    Work { mean: Duration::from_secs_f64(mean_ms / 1e3), cv }
}

fn hey_load(flags: hey::Settings, start: Duration) -> GeneratorPlan {
    GeneratorPlan { schedule: SchedulePlan::Hey(flags), request: RequestPlan::default(), start }
}

fn plan(policy: &str, numbers: &Numbers, seed: Seed) -> Plan {
    let policy = registry::find(policy).unwrap();
    let [gateway, gateway_cv, cpu, cpu_cv, transport, probe] = *numbers;
    let flags = hey::Settings::new(200, 50, 5.0, Some(Duration::from_secs(120))).unwrap();
    Plan {
        arm: Arm { name: policy.name.to_owned(), policy, settings: Settings::defaults(&(policy.parameters)()) },
        shadows: Vec::new(),
        seed,
        functions: vec![FunctionPlan {
            info: FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() },
            handler: Handler::Ftest,
            model: FunctionModel { cpu: work(cpu, cpu_cv), probe_cpu: work(probe, cpu_cv), ..FunctionModel::default() },
            query: "number=50".to_owned(),
            replicas: 1,
            bounds: (1, 5),
        }],
        node: NodeModel {
            cores: 4,
            gateway_cpu: work(gateway, gateway_cv),
            transport: Duration::from_secs_f64(transport / 1e3),
        },
        generators: vec![hey_load(flags, Duration::ZERO), hey_load(flags, Duration::from_millis(500))],
        warm_up: Duration::from_secs(15),
        warm_up_every: Duration::from_secs(5),
        faults: Vec::new(),
        cool_down: Duration::ZERO,
    }
}

/// The first terminal's latencies, in milliseconds, and what else is worth a look.
#[derive(Default)]
struct Seen {
    latencies: Vec<f64>,
    lost: u64,
    ups: u32,
}

impl Recorder for Seen {
    fn begin(&mut self, _: Epoch, _: Timestamp) -> Result<(), RecordError> {
        Ok(())
    }
    fn phase(&mut self, _: Timestamp, _: Phase) -> Result<(), RecordError> {
        Ok(())
    }
    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        if row.generator == GeneratorId(0) {
            self.latencies.push(row.latency().as_secs_f64() * 1e3);
        }
        Ok(())
    }
    fn lost(&mut self, _: Timestamp, generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        if generator == GeneratorId(0) {
            self.lost += lost.busy;
        }
        Ok(())
    }
    fn probe(&mut self, _: &ProbeRow) -> Result<(), RecordError> {
        Ok(())
    }
    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.ups += u32::from(row.kind == EventKind::Scale && row.to > row.from);
        Ok(())
    }
    fn second(&mut self, _: Timestamp, _: u64, _: &PlatformSample) -> Result<(), RecordError> {
        Ok(())
    }
}

/// The table of one run, then fastest, slowest, requests lost, scale-ups.
fn table(policy: &str, numbers: &Numbers, seed: Seed) -> [f64; 12] {
    // an evaluation phase of Prometheus per seed, as a load started by hand meets it
    let epoch = Epoch::from_unix(Duration::from_millis(1_700_000_000_000 + seed.0 % 97 * 1_313));
    let mut rows = Seen::default();
    sim::run(&plan(policy, numbers, seed), epoch, &mut rows).unwrap();
    let mut sorted = rows.latencies;
    sorted.sort_by(f64::total_cmp);
    let at = |fraction: f64| sorted[((sorted.len() as f64 * fraction) as usize).min(sorted.len() - 1)];
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let [p10, p25, p50, p75, p90, p95, p99] = [0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99].map(at);
    [mean, p10, p25, p50, p75, p90, p95, p99, at(0.0), at(1.0), rows.lost as f64, f64::from(rows.ups)]
}

/// Row by row the median over seeds.
fn median_table(policy: &str, numbers: &Numbers, seeds: u64) -> [f64; 12] {
    let tables: Vec<[f64; 12]> = (1..=seeds).map(|seed| table(policy, numbers, Seed(seed))).collect();
    std::array::from_fn(|row| {
        let mut values: Vec<f64> = tables.iter().map(|table| table[row]).collect();
        values.sort_by(f64::total_cmp);
        f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
    })
}

/// Sum of squared relative errors over both tables, and the largest of them in absolute value.
fn distance(numbers: &Numbers, seeds: u64) -> (f64, f64) {
    let mut sum = 0.0;
    let mut worst: f64 = 0.0;
    for (policy, wanted) in &SEED_TABLES {
        let found = median_table(policy, numbers, seeds);
        for (found, wanted) in found.iter().zip(wanted) {
            let error = (found / wanted).ln();
            sum += error * error;
            worst = worst.max(error.abs());
        }
        // the fastest of 30 000 says little, but a minimum that is far off is no transport; and the original's watch
        // tower went from one replica to five
        sum += 0.02 * (found[8] / 9.0).ln().powi(2);
        if *policy == "watchtower" {
            sum += 0.01 * (found[11] - 4.0).powi(2);
        }
    }
    (sum, worst)
}

fn uniform(stream: &mut Stream, from: f64, to: f64) -> f64 {
    let normal: f64 = StandardNormal.sample(stream);
    // a logistic squeeze of a normal draw is near enough to uniform to search with
    from + (to - from) / (1.0 + (-1.7 * normal).exp())
}

fn search(candidates: u32, seed: Seed) -> Numbers {
    let mut stream = seed.stream(Purpose::Policy);
    let mut best = defaults();
    let mut least = distance(&best, 5).0;
    for candidate in 0..candidates {
        let progress = f64::from(candidate) / f64::from(candidates);
        let numbers: Numbers = if progress < 0.25 {
            std::array::from_fn(|number| uniform(&mut stream, LOWEST[number], HIGHEST[number]))
        } else {
            let step = 0.3 * (1.0 - progress) + 0.02;
            std::array::from_fn(|number| {
                let normal: f64 = StandardNormal.sample(&mut stream);
                (best[number] * (step * normal).exp()).clamp(LOWEST[number], HIGHEST[number])
            })
        };
        // 500 requests a second have to fit the node, or the run measures only how it overflows
        if (numbers[0] + numbers[2]) * 0.5 > 3.9 {
            continue;
        }
        let (sum, worst) = distance(&numbers, 5);
        if sum < least {
            (best, least) = (numbers, sum);
            println!("{candidate:>5}: {sum:.4} worst {:>4.1} %  {numbers:.3?}", worst * 100.0);
        }
    }
    best
}

fn show(numbers: &Numbers) {
    let [gateway, gateway_cv, cpu, cpu_cv, transport, probe] = numbers;
    println!(
        "gateway {gateway:.3} ms cv {gateway_cv:.2}, replica {cpu:.3} ms cv {cpu_cv:.2}, transport {transport:.2} ms, probe {probe:.2} ms"
    );
    for (policy, wanted) in &SEED_TABLES {
        let found = median_table(policy, numbers, 10);
        println!(
            "{policy}: medians of 10 seeds; fastest {:.1}, slowest {:.0} ms, {} lost, {} scale-ups",
            found[8], found[9], found[10], found[11]
        );
        for ((row, found), wanted) in ROWS.iter().zip(found).zip(wanted) {
            println!("  {row:>4} {found:>6.1} ms, published {wanted:>5.1}, {:>+5.1} %", (found / wanted - 1.0) * 100.0);
        }
    }
}

/// Ten workers against a function that sleeps 0.75 s: answers per round of four threads.
fn sleepy(policy: &str, replicas: u32, seed: Seed) -> [usize; 4] {
    let mut plan = plan(policy, &defaults(), seed);
    plan.functions[0].handler = Handler::Sleepy;
    plan.functions[0].query = String::from("number=0.75");
    plan.functions[0].replicas = replicas;
    if policy == "fixed" {
        let parameters = (plan.arm.policy.parameters)();
        plan.arm.settings.set(&parameters, "replicas", Value::Integer(i64::from(replicas))).unwrap();
    }
    plan.generators = vec![hey_load(hey::Settings::new(300, 10, 2.0, None).unwrap(), Duration::ZERO)];
    let mut rows = Seen::default();
    sim::run(&plan, Epoch::default(), &mut rows).unwrap();
    let mut rounds = [0; 4];
    for latency in &rows.latencies {
        rounds[((latency / 750.0 - 0.5) as usize).min(3)] += 1;
    }
    rounds
}

fn defaults() -> Numbers {
    let (node, function) = (NodeModel::default(), FunctionModel::default());
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let (gateway, cpu) = (node.gateway_cpu, function.cpu);
    [ms(gateway.mean), gateway.cv, ms(cpu.mean), cpu.cv, ms(node.transport), ms(function.probe_cpu.mean)]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().unwrap());
    let (candidates, seed) = (arguments.next().unwrap_or(600), arguments.next().unwrap_or(1));
    show(&defaults());
    if candidates > 0 {
        show(&search(candidates as u32, Seed(seed)));
    }
    println!("sleepy, 300 requests: answers after one, two, three and more rounds; published 215, 57 and 28");
    for replicas in 1..=4 {
        println!("  {replicas} replicas: {:?}", sleepy("fixed", replicas, Seed(1)));
    }
    for seed in 1..=5 {
        println!("  watch tower, from one replica: {:?}", sleepy("watchtower", 1, Seed(seed)));
    }
}
