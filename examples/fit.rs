//! Fits the platform model to the tables the original project published, in virtual time.
//!
//! ```text
//! cargo run --release --no-default-features --example fit -- show   [NAME=VALUE]...
//! cargo run --release --no-default-features --example fit -- search [NAME=VALUE]... [free=NAME,NAME] [rounds=60] [runs=8]
//! ```
//!
//! `show` compares the model's defaults, or what is given, with the tables; `search` looks for better values of what is free.
//! Both tables of `ftest` are fitted at once, each row as the median of several runs, because the node and the function were the
//! same. The search is differential evolution (Storn and Price 1997) on all cores; the seeds it uses are none of those shown, but who picks among its
//! results by what is shown has looked at those too.
//!
//! What is known and not free: the template's four threads, hey's pacing, the original's settings of its watch tower.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the person who changes the model")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_distr::{Distribution, StandardUniform};
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Phase, Plan, RecordError, Recorder, RequestPlan, SchedulePlan, sim,
};
use watchtower::model::{FunctionModel, NodeModel, Work};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{FunctionInfo, registry};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{EventKind, EventRow, GeneratorId, Lost, ProbeRow, RequestRow};
use watchtower::schedule::hey;
use watchtower::schedule::share::Share;
use watchtower::time::{Epoch, Timestamp};

const ROWS: [&str; 8] = ["mean", "p10", "p25", "p50", "p75", "p90", "p95", "p99"];
/// Milliseconds, from the original's README.
const TABLES: [(&str, [f64; 8]); 2] = [
    ("watchtower", [65.9, 30.4, 43.0, 59.3, 81.1, 109.2, 131.2, 175.2]),
    ("openfaas-ce", [64.5, 29.1, 41.9, 60.1, 78.8, 102.7, 121.6, 169.0]),
];
/// How near each row should come.
const NEAR: [f64; 8] = [0.05, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10];

/// Name, lowest and highest sensible value; milliseconds, spreads, cores.
const NUMBERS: [(&str, f64, f64); 9] = [
    ("gateway", 0.5, 8.0),
    ("gateway_cv", 0.0, 3.0),
    ("cpu", 0.3, 6.0),
    ("cpu_cv", 0.0, 3.0),
    ("transport", 2.0, 12.0),
    ("probe", 0.3, 60.0),
    ("probe_cv", 0.0, 2.0),
    ("cores", 2.0, 8.0),
    ("apart", 400.0, 600.0),
];
const DIMENSIONS: usize = NUMBERS.len();
type Point = [f64; DIMENSIONS];

fn ms(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1e3)
}

fn hey_load(flags: hey::Settings, start: Duration) -> GeneratorPlan {
    GeneratorPlan { schedule: SchedulePlan::Hey(flags), request: RequestPlan::default(), start }
}

fn plan(policy: &str, point: &Point, seed: Seed) -> Plan {
    let [gateway, gateway_cv, cpu, cpu_cv, transport, probe, probe_cv, cores, apart] = *point;
    let flags = hey::Settings::new(200, 50, 5.0, Some(Duration::from_secs(120))).unwrap();
    let (policy, replicas) = policy.split_once(' ').unwrap_or((policy, ""));
    let policy = registry::find(policy).unwrap();
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    if let Ok(replicas) = replicas.parse() {
        settings.set(&parameters, "replicas", Value::Integer(replicas)).unwrap();
    }
    Plan {
        arm: Arm { name: policy.name.to_owned(), policy, settings },
        shadows: Vec::new(),
        seed,
        functions: vec![FunctionPlan {
            info: FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() },
            handler: Handler::Ftest,
            model: FunctionModel {
                cpu: Work { mean: ms(cpu), cv: cpu_cv },
                probe_cpu: Work { mean: ms(probe), cv: probe_cv },
                ..FunctionModel::default()
            },
            query: "number=50".to_owned(),
            replicas: 1,
            bounds: (1, 5),
        }],
        node: NodeModel {
            cores: cores.round() as u32,
            gateway_cpu: Work { mean: ms(gateway), cv: gateway_cv },
            transport: ms(transport),
        },
        generators: vec![hey_load(flags, Duration::ZERO), hey_load(flags, ms(apart))],
        warm_up: Duration::from_secs(15),
        warm_up_every: Duration::from_secs(3),
        faults: Vec::new(),
        cool_down: Duration::ZERO,
        share: Share::WHOLE,
    }
}

/// The first terminal's latencies, in milliseconds, and what else is worth a look.
#[derive(Default)]
struct Seen {
    latencies: Vec<f64>,
    lost: u64,
    ups: u32,
    probes: Vec<f64>,
}

impl Recorder for Seen {
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
    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        if row.sent > Timestamp::from_secs(15) {
            self.probes.extend(row.latency.map(|latency| latency.as_secs_f64() * 1e3));
        }
        Ok(())
    }
    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.ups += u32::from(row.kind == EventKind::Scale && row.to > row.from);
        Ok(())
    }
}

/// What a run, or the median of several, looks like.
#[derive(Clone, Copy, Default)]
struct Table {
    rows: [f64; 8],
    fastest: f64,
    slowest: f64,
    lost: f64,
    ups: f64,
    probe: f64,
}

impl Table {
    fn numbers(&self) -> [f64; 13] {
        let mut all = [0.0; 13];
        all[..8].copy_from_slice(&self.rows);
        all[8..].copy_from_slice(&[self.fastest, self.slowest, self.lost, self.ups, self.probe]);
        all
    }

    fn of(numbers: [f64; 13]) -> Self {
        let [.., fastest, slowest, lost, ups, probe] = numbers;
        Self { rows: std::array::from_fn(|row| numbers[row]), fastest, slowest, lost, ups, probe }
    }
}

fn table(policy: &str, point: &Point, seed: Seed) -> Table {
    let mut rows = Seen::default();
    sim::run(&plan(policy, point, seed), sim::epoch(seed), &mut rows).unwrap();
    let Seen { mut latencies, lost, ups, mut probes } = rows;
    let mean = latencies.iter().sum::<f64>() / latencies.len() as f64;
    let mut at = |fraction: f64| {
        let place = ((latencies.len() as f64 * fraction) as usize).min(latencies.len() - 1);
        *latencies.select_nth_unstable_by(place, f64::total_cmp).1
    };
    let [p10, p25, p50, p75, p90, p95, p99] = [0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99].map(&mut at);
    let rows = [mean, p10, p25, p50, p75, p90, p95, p99];
    Table {
        rows,
        fastest: at(0.0),
        slowest: at(1.0),
        lost: lost as f64,
        ups: f64::from(ups),
        probe: median(&mut probes),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    if values.is_empty() { 0.0 } else { f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]) }
}

/// Row by row the median over the repeats of a study with this seed.
fn median_table(policy: &str, point: &Point, study: Seed, repeats: u32) -> Table {
    let tables: Vec<_> = (1..=repeats).map(|repeat| table(policy, point, study.of_repeat(repeat)).numbers()).collect();
    Table::of(std::array::from_fn(|row| median(&mut tables.iter().map(|table| table[row]).collect::<Vec<_>>())))
}

/// How far the medians are from both tables, in units of how near they should come: the sum of squares, and the largest.
fn distance(policy: &str, wanted: &[f64; 8], found: &Table) -> (f64, f64) {
    let (mut sum, mut worst) = (0.0, 0.0_f64);
    for ((found, wanted), near) in found.rows.iter().zip(wanted).zip(&NEAR) {
        let error = (found / wanted - 1.0).abs() / near;
        sum += error * error + 8.0 * (error - 0.7).max(0.0).powi(2);
        worst = worst.max(error);
    }
    // the fastest of 30 000 says little, but a minimum that is far off is no transport
    sum += (found.fastest / 9.3).ln().powi(2) * 4.0;
    sum += (found.slowest / 610.0).ln().powi(2);
    if policy == "watchtower" {
        // the original's went from one replica to five
        sum += (found.ups - 4.0).powi(2) * 0.4;
    }
    (sum, worst)
}

fn uniform(stream: &mut Stream) -> f64 {
    StandardUniform.sample(stream)
}

/// The sum of [`distance`] over both tables; far away for what can't be (500 requests a second have to fit the node), and for what
/// is beyond the limit.
fn value(point: &Point, study: Seed, repeats: u32, limit: f64) -> f64 {
    if (point[0] + point[2]) * 0.5 > point[7].round() * 0.97 || point[2] * 0.5 > 0.97 {
        return f64::INFINITY;
    }
    let mut sum = 0.0;
    for (policy, wanted) in TABLES.iter().rev() {
        sum += distance(policy, wanted, &median_table(policy, point, study, repeats)).0;
        if sum > limit {
            return f64::INFINITY;
        }
    }
    sum
}

/// The values of all points, on all cores.
fn values(points: &[Point], limits: &[f64], study: Seed, repeats: u32, threads: usize) -> Vec<f64> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![f64::INFINITY; points.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, point)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    points.get(number).map(|point| (number, point))
                } {
                    let value = value(point, study, repeats, limits[number]);
                    found.lock().unwrap_or_else(PoisonError::into_inner)[number] = value;
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn search(start: &Point, free: &[usize], rounds: u32, repeats: u32, seed: u64, threads: usize) -> Point {
    const CROWD: usize = 24;
    let mut stream = Seed(seed).stream(Purpose::Policy);
    let study = Seed(1_000 + seed);
    let mut crowd: Vec<Point> = (0..CROWD)
        .map(|member| {
            let mut point = *start;
            for &number in free {
                let (_, low, high) = NUMBERS[number];
                // three quarters begin near the start, the others anywhere
                point[number] = if member == 0 {
                    point[number]
                } else if member < CROWD / 4 * 3 {
                    (point[number] * (0.5 * (uniform(&mut stream) - 0.5)).exp()).clamp(low, high)
                } else {
                    low + (high - low) * uniform(&mut stream)
                };
            }
            point
        })
        .collect();
    let mut worth = values(&crowd, &[f64::INFINITY; CROWD], study, repeats, threads);
    for round in 1..=rounds {
        let best = (0..CROWD).min_by(|one, other| worth[*one].total_cmp(&worth[*other])).unwrap();
        let tries: Vec<Point> = (0..CROWD)
            .map(|member| {
                let mut other = || crowd[(uniform(&mut stream) * CROWD as f64) as usize];
                let (one, two) = (other(), other());
                let pull = 0.3 + 0.5 * uniform(&mut stream);
                let mut point = crowd[member];
                for &number in free {
                    if uniform(&mut stream) < 0.8 {
                        let (_, low, high) = NUMBERS[number];
                        let step = pull * (crowd[best][number] - point[number]) + 0.6 * (one[number] - two[number]);
                        point[number] = (point[number] + step).clamp(low, high);
                    }
                }
                point
            })
            .collect();
        for (member, found) in values(&tries, &worth, study, repeats, threads).into_iter().enumerate() {
            if found <= worth[member] {
                (crowd[member], worth[member]) = (tries[member], found);
            }
        }
        let best = (0..CROWD).min_by(|one, other| worth[*one].total_cmp(&worth[*other])).unwrap();
        if round % 4 == 0 {
            let middle = median(&mut worth.clone());
            println!("{round:>4}: {:.2} (half below {middle:.2})  {}", worth[best], text(&crowd[best]));
        }
    }
    let best = (0..CROWD).min_by(|one, other| worth[*one].total_cmp(&worth[*other])).unwrap();
    crowd[best]
}

fn text(point: &Point) -> String {
    let pairs: Vec<_> = NUMBERS.iter().zip(point).map(|((name, ..), value)| format!("{name}={value:.3}")).collect();
    pairs.join(" ")
}

fn show(point: &Point, study: Seed) {
    println!("{}", text(point));
    for (policy, wanted) in &TABLES {
        let found = median_table(policy, point, study, 10);
        let (sum, worst) = distance(policy, wanted, &found);
        println!("{policy:>12}: {}", line(&found));
        let errors = ROWS.iter().zip(found.rows).zip(wanted);
        let errors: Vec<_> =
            errors.map(|((row, found), wanted)| format!("{row} {:+.1} %", (found / wanted - 1.0) * 100.0)).collect();
        println!("{:>12}  {}; distance {sum:.2}, worst {worst:.2}", "", errors.join(" "));
    }
}

fn line(table: &Table) -> String {
    let rows: Vec<_> = ROWS.iter().zip(table.rows).map(|(row, found)| format!("{row} {found:.1}")).collect();
    let Table { fastest, slowest, lost, ups, probe, .. } = table;
    let rows = rows.join(" ");
    format!("{rows}; fastest {fastest:.1}, slowest {slowest:.0}, lost {lost}, ups {ups}, median probe {probe:.0}")
}

/// Ten workers against a function that sleeps 0.75 s: answers per round of four threads.
fn sleepy(policy: &str, point: &Point, seed: Seed) -> [usize; 4] {
    let mut plan = plan(policy, point, seed);
    plan.functions[0].handler = Handler::Sleepy;
    plan.functions[0].query = String::from("number=0.75");
    plan.generators = vec![hey_load(hey::Settings::new(300, 10, 2.0, None).unwrap(), Duration::ZERO)];
    let mut rows = Seen::default();
    sim::run(&plan, Epoch::default(), &mut rows).unwrap();
    let mut rounds = [0; 4];
    for latency in &rows.latencies {
        rounds[((latency / 750.0 - 0.5) as usize).min(3)] += 1;
    }
    rounds
}

fn defaults() -> Point {
    let (node, function) = (NodeModel::default(), FunctionModel::default());
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let (gateway, cpu, probe) = (node.gateway_cpu, function.cpu, function.probe_cpu);
    let cores = f64::from(node.cores);
    let transport = ms(node.transport);
    [ms(gateway.mean), gateway.cv, ms(cpu.mean), cpu.cv, transport, ms(probe.mean), probe.cv, cores, 540.0]
}

fn main() {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let mut point = defaults();
    let mut free: Vec<usize> =
        (0..DIMENSIONS).filter(|number| !matches!(NUMBERS[*number].0, "cores" | "apart")).collect();
    let (mut rounds, mut repeats, mut seed) = (60, 8, 1);
    let mut threads = std::thread::available_parallelism().map_or(1, Into::into);
    for word in words {
        let (name, text) = word.split_once('=').unwrap();
        let number = |name: &str| NUMBERS.iter().position(|(known, ..)| *known == name);
        match name {
            "free" => free = text.split(',').map(|name| number(name).unwrap()).collect(),
            "rounds" => rounds = text.parse().unwrap(),
            "runs" => repeats = text.parse().unwrap(),
            "threads" => threads = text.parse().unwrap(),
            "seed" => seed = text.parse().unwrap(),
            _ => point[number(name).unwrap()] = text.parse().unwrap(),
        }
    }
    if command == "search" {
        point = search(&point, &free, rounds, repeats, seed, threads);
    }
    for study in [1, 10_001, 20_001] {
        show(&point, Seed(study));
    }
    println!("with a fixed number of replicas");
    for replicas in 1..=5 {
        let policy = format!("fixed {replicas}");
        println!("{policy:>12}: {}", line(&median_table(&policy, &point, Seed(1), 4)));
    }
    println!("sleepy, 300 requests: answers after one, two, three and more rounds; published 216, 56 and 28");
    for replicas in 1..=4 {
        println!("  {replicas} replicas: {:?}", sleepy(&format!("fixed {replicas}"), &point, Seed(1)));
    }
    for seed in 1..=5 {
        println!("  watch tower, from one replica: {:?}", sleepy("watchtower", &point, Seed(seed)));
    }
}
