//! How often the statistics are right: studies of arms that are equal, of arms that are not, and of differences of a known size.
//!
//! ```text
//! cargo bench --bench coverage                       2 000 studies of 30 pairs of simulated runs
//! cargo bench --bench coverage -- --studies 500      fewer
//! ```
//!
//! Every run is a simulated one of a few seconds with luck of its own; a study is 30 of them per arm, and its first 6 and 10 are
//! studies too. Prints `key=value` lines for `scripts/coverage` and for eyes.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(
    clippy::unwrap_used,
    reason = "the plans are fixed, and a benchmark that has none should stop where it stands"
)]

use std::time::Duration;

use rand_xoshiro::rand_core::Rng;
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Plan, RecordError, Recorder, RequestPlan, SchedulePlan, sim,
};
use watchtower::model::{FunctionModel, NodeModel};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{FunctionInfo, registry};
use watchtower::random::{Purpose, Seed};
use watchtower::record::{PlatformSample, RequestRow};
use watchtower::schedule::hey;
use watchtower::schedule::share::Share;
use watchtower::stats::inference::ALPHA;
use watchtower::stats::inference::compared::{Compared, paired};
use watchtower::stats::inference::moments::{mean, standard_deviation};
use watchtower::stats::inference::power::Truth;
use watchtower::stats::inference::verdict::{Direction, Judgement, Margin, Verdict, judge};
use watchtower::stats::latency::Latencies;
use watchtower::stats::metric;
use watchtower::stats::slo::{Slo, SloCount};
use watchtower::time::Timestamp;

/// Pairs of a study; its first few are studies as well.
const PAIRS: [usize; 4] = [6, 10, 20, 30];
const MOST: usize = 30;

/// What is measured of each run; the first three are those whose intervals are checked.
const METRICS: [&str; 12] = [
    "p95_ms",
    "slo_violation_ratio",
    "replica_seconds",
    "mean_ms",
    "p50_ms",
    "p99_ms",
    "due_p50_ms",
    "due_p95_ms",
    "due_p99_ms",
    "apdex",
    "lost_busy",
    "held_back",
];

type Run = [f64; METRICS.len()];

fn main() {
    let mut studies = 2_000;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--studies" {
            studies = words.next().and_then(|number| number.parse().ok()).unwrap_or(studies);
        }
    }
    // three sets of runs: an arm, the same arm with other luck, and another arm
    let patient = plan(2, 0.2);
    let eager = plan(1, 0.4);
    let a = runs(&patient, studies * MOST, 1);
    let twin = runs(&patient, studies * MOST, 2);
    let b = runs(&eager, studies * MOST, 3);
    false_verdicts(&a, &twin, studies);
    coverage("equal", &a, &twin, studies);
    coverage("different", &a, &b, studies);
    power(&a, &twin, studies);
}

/// A run of eight seconds: 200 requests a second against one replica, which is too few, and a watch tower that sees to it.
fn plan(rounds: u32, increment: f64) -> Plan {
    let policy = registry::find("watchtower").unwrap();
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    let mut set = |name: &str, value: Value| settings.set(&parameters, name, value).unwrap();
    set("check_frequency", Value::Integer(1));
    set("target", Value::Integer(20));
    set("scale_up_rounds", Value::Integer(rounds.into()));
    set("scale_up_increment", Value::Number(increment));
    let load = hey::Settings::new(1_000, 40, 5.0, Some(Duration::from_secs(8))).unwrap();
    Plan {
        arm: Arm { name: policy.name.to_owned(), policy, settings },
        shadows: Vec::new(),
        seed: Seed(1),
        functions: vec![FunctionPlan {
            info: FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() },
            handler: Handler::Ftest,
            model: FunctionModel::default(),
            query: "number=50".to_owned(),
            replicas: 1,
            bounds: (1, 5),
        }],
        node: NodeModel::default(),
        faults: Vec::new(),
        generators: vec![GeneratorPlan {
            schedule: SchedulePlan::Hey(load),
            request: RequestPlan::default(),
            start: Duration::ZERO,
        }],
        warm_up: Duration::from_secs(1),
        warm_up_every: Duration::from_secs(1),
        cool_down: Duration::from_secs(2),
        share: Share::WHOLE,
    }
}

/// So many runs with luck of their own, on all cores.
fn runs(plan: &Plan, count: usize, set: u64) -> Vec<Run> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runs = vec![[0.0; METRICS.len()]; count];
    std::thread::scope(|scope| {
        for (thread, chunk) in runs.chunks_mut(count.div_ceil(threads)).enumerate() {
            let mut plan = plan.clone();
            scope.spawn(move || {
                let mut seeds = Seed(set).stream_of(Purpose::Order, thread as u64);
                for run in chunk {
                    plan.seed = Seed(seeds.next_u64());
                    *run = one_run(&plan);
                }
            });
        }
    });
    runs
}

fn one_run(plan: &Plan) -> Run {
    let slo = Slo { latency: Duration::from_millis(75), percentile: 95.0 };
    let mut seen = Seen {
        sent: Latencies::new(4_096),
        due: Latencies::new(4_096),
        slo: SloCount::new(slo),
        before: Duration::ZERO,
    };
    // where the tower's clock stands is luck as well
    let outcome = sim::run(plan, sim::epoch(plan.seed), &mut seen).unwrap();
    let tally = outcome.generators[0];
    let ms = |latencies: &Latencies, percent| {
        latencies.sorted().percentile(percent).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    };
    let cost = outcome.last_sample.replica_time.saturating_sub(seen.before).as_secs_f64();
    [
        ms(&seen.sent, 95.0),
        seen.slo.violation_ratio(tally.planned).unwrap_or(0.0),
        cost,
        1e3 * seen.sent.sum_secs() / seen.sent.count().max(1) as f64,
        ms(&seen.sent, 50.0),
        ms(&seen.sent, 99.0),
        ms(&seen.due, 50.0),
        ms(&seen.due, 95.0),
        ms(&seen.due, 99.0),
        seen.slo.apdex(tally.planned).unwrap_or(0.0),
        (tally.lost.busy + tally.unused) as f64,
        tally.held_back.count as f64,
    ]
}

/// Adds up what a run's numbers need.
struct Seen {
    sent: Latencies,
    due: Latencies,
    slo: SloCount,
    /// Time lived by replicas in the warm-up.
    before: Duration,
}

impl Recorder for Seen {
    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.sent.record(row.latency());
        self.due.record(row.latency_from_due());
        self.slo.record(row.latency_from_due(), row.is_ok());
        Ok(())
    }

    fn second(&mut self, at: Timestamp, _planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        if at <= Timestamp::from_secs(1) {
            self.before = sample.replica_time;
        }
        Ok(())
    }
}

/// The first `n` pairs of a study, by one metric.
fn compare(a: &[Run], b: &[Run], study: usize, n: usize, metric: usize) -> Compared {
    let of = |runs: &[Run]| -> Vec<f64> { runs[study * MOST..][..n].iter().map(|run| run[metric]).collect() };
    paired(&of(a), &of(b), Seed(study as u64))
}

fn rules(metric: usize) -> (Direction, Margin) {
    metric::find(METRICS[metric]).and_then(|metric| metric.judged).unwrap()
}

fn is_apart(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Some(Verdict::Better | Verdict::Worse))
}

/// Shares of studies of equal arms that find one better: by each metric alone, and by any of all, corrected.
fn false_verdicts(a: &[Run], twin: &[Run], studies: usize) {
    for n in PAIRS {
        let mut alone = [0_usize; METRICS.len()];
        // no margin: whatever is found is a false verdict, however small
        let mut bare = [0_usize; METRICS.len()];
        let (mut together, mut together_bare) = (0_usize, 0_usize);
        for study in 0..studies {
            let compared: Vec<Compared> = (0..METRICS.len()).map(|metric| compare(a, twin, study, n, metric)).collect();
            let none = Margin { relative: 0.0, least: f64::MIN_POSITIVE };
            for (metric, compared) in compared.iter().enumerate() {
                let (direction, margin) = rules(metric);
                alone[metric] += usize::from(is_apart(&judge(&[(compared, direction, margin)])[0]));
                bare[metric] += usize::from(is_apart(&judge(&[(compared, direction, none)])[0]));
            }
            let family = |bare: bool| -> Vec<(&Compared, Direction, Margin)> {
                let one = |(metric, compared)| {
                    let (direction, margin) = rules(metric);
                    (compared, direction, if bare { none } else { margin })
                };
                compared.iter().enumerate().map(one).collect()
            };
            together += usize::from(judge(&family(false)).iter().any(is_apart));
            together_bare += usize::from(judge(&family(true)).iter().any(is_apart));
        }
        let share = |count: usize| 100.0 * count as f64 / studies as f64;
        for (metric, name) in METRICS.iter().enumerate() {
            println!(
                "false_verdicts n={n} metric={name} percent={:.2} without_margin={:.2}",
                share(alone[metric]),
                share(bare[metric])
            );
        }
        println!(
            "false_verdicts n={n} metric=any_with_holm percent={:.2} without_margin={:.2}",
            share(together),
            share(together_bare)
        );
    }
}

/// Shares of studies whose interval holds the true difference, and the true ratio.
fn coverage(what: &str, a: &[Run], b: &[Run], studies: usize) {
    for metric in 0..3 {
        let of = |runs: &[Run]| runs.iter().map(|run| run[metric]).collect::<Vec<f64>>();
        let (all_a, all_b) = (of(a), of(b));
        let (mean_a, mean_b) = (mean(&all_a).unwrap(), mean(&all_b).unwrap());
        let (truth, ratio) = if what == "equal" { (0.0, 1.0) } else { (mean_b - mean_a, mean_b / mean_a) };
        for n in PAIRS {
            let (mut held, mut ratio_held) = (0_usize, 0_usize);
            for study in 0..studies {
                let compared = compare(a, b, study, n, metric);
                held += usize::from(compared.interval.is_some_and(|interval| interval.contains(truth)));
                ratio_held += usize::from(compared.ratio_interval.is_some_and(|interval| interval.contains(ratio)));
            }
            println!(
                "coverage arms={what} n={n} metric={} percent={:.2} ratio_percent={:.2} mean_a={mean_a:.4} truth={truth:.4}",
                METRICS[metric],
                100.0 * held as f64 / studies as f64,
                100.0 * ratio_held as f64 / studies as f64,
            );
        }
    }
}

/// How often a difference of known size is found in as many pairs as the tool says it takes, with the noise of real runs.
fn power(a: &[Run], twin: &[Run], studies: usize) {
    for metric in 0..3 {
        let noise: Vec<f64> = a.iter().zip(twin).map(|(a, b)| b[metric] - a[metric]).collect();
        let spread = standard_deviation(&noise).unwrap();
        let mut stream = Seed(9).stream(Purpose::Order);
        let mut draw = |count: usize, difference: f64| -> (Vec<f64>, Vec<f64>) {
            let one = |_| {
                let index = ((u128::from(stream.next_u64()) * noise.len() as u128) >> 64) as usize;
                (0.0, noise[index] + difference)
            };
            (0..count).map(one).unzip()
        };
        for effect in [0.5, 0.8, 1.3] {
            let difference = effect * spread;
            let judged = |(a, b): (Vec<f64>, Vec<f64>)| {
                let compared = paired(&a, &b, Seed(1));
                judge(&[(&compared, Direction::Less, Margin { relative: 0.0, least: difference / 4.0 })])[0]
            };
            let needed = Truth { difference, spread }.pairs_to_find(ALPHA).unwrap();
            let found = (0..studies).filter(|_| is_apart(&judged(draw(needed, difference)))).count();
            // and from what a study of eight pairs says by itself, when it can't decide
            let (mut pilots, mut after) = (0_u32, 0_usize);
            for _ in 0..studies {
                let (mut first_a, mut first_b) = draw(8, difference);
                let pilot = judged((first_a.clone(), first_b.clone()));
                let Some(more) = pilot.more_pairs.filter(|more| *more <= 400) else { continue };
                pilots += 1;
                let (more_a, more_b) = draw(more, difference);
                first_a.extend(more_a);
                first_b.extend(more_b);
                let decided = judged((first_a, first_b)).verdict;
                after += usize::from(decided.is_some_and(|verdict| verdict != Verdict::Undecided));
            }
            println!(
                "power metric={} effect={effect} promised_pairs={needed} found_percent={:.1} undecided_pilots={pilots} decided_after_percent={:.1}",
                METRICS[metric],
                100.0 * found as f64 / studies as f64,
                100.0 * after as f64 / f64::from(pilots.max(1)),
            );
        }
    }
}
