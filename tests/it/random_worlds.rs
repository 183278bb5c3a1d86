//! Random worlds in virtual time: whatever is asked of it, a run ends, stays in bounds and loses nothing.
//!
//! Debug builds also check Little's law, the utilisation law, conservation of flow and FIFO inside each run. The usual worlds are the
//! same every time; `WATCHTOWER_CASES=N` makes N new ones, and `scripts/fuzz-sim` goes on for minutes.

mod loads;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use rand_xoshiro::rand_core::Rng;
use watchtower::drive::faults::{Fault, Trouble};
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Outcome, Phase, Plan, RecordError, Recorder, RequestPlan, SchedulePlan,
    sim,
};
use watchtower::model::{FunctionModel, NodeModel, StartUp, Work};
use watchtower::policy::registry::{PolicyInfo, Scaler};
use watchtower::policy::settings::{Kind, Settings, Value};
use watchtower::policy::{Action, Context, Event, FunctionInfo, Policy, Reason, registry};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{EventKind, EventRow, FunctionId, GeneratorId, Lost, PlatformSample, RequestRow};
use watchtower::schedule::share::Share;
use watchtower::time::Timestamp;

/// No second of a world takes as long as this, on however busy a machine; one that does never ends.
const NEVER: Duration = Duration::from_secs(120);

/// Nor does a world last longer than this, in virtual seconds: a few thousand requests that each wait a minute for a replica.
const LONGEST: u64 = 200_000;

fn millis(from: u64, to: u64) -> impl Strategy<Value = Duration> {
    // mostly nothing, something short or something long, and always whole microseconds
    prop_oneof![
        Just(Duration::from_millis(from)),
        (from * 1_000..=to * 1_000).prop_map(Duration::from_micros),
        (from * 1_000..=(from + (to - from) / 20) * 1_000).prop_map(Duration::from_micros),
    ]
}

fn work(longest_ms: u64) -> impl Strategy<Value = Work> {
    (millis(0, longest_ms), prop::sample::select(vec![0.0, 0.3, 1.0, 4.0])).prop_map(|(mean, cv)| Work { mean, cv })
}

fn function() -> impl Strategy<Value = FunctionPlan> {
    let model = (1_u32..6, 1_u32..40, work(30), work(30), work(900), millis(0, 4_000), millis(0, 3_000));
    let raises = prop::sample::select(vec![0.0, 0.0, 0.2, 1.0]);
    let watchdog = (raises, prop::sample::select(vec![0, 0, 1, 3, 8]), millis(0, 500));
    let handler = prop::sample::select(vec![
        (Handler::Ftest, "number=50"),
        (Handler::Ftest, "number=-1"),
        (Handler::Sleepy, "number=0.3"),
        (Handler::Sleepy, "number=0"),
        (Handler::Sleepy, "number=40"),
        (Handler::Plain, ""),
    ]);
    let function = (model, watchdog, handler, 0_u32..4, 0_u32..6, 0_u32..9);
    function.prop_map(|(model, watchdog, (handler, query), min, more, replicas)| {
        let (workers, connections, cpu, probe_cpu, wait, fixed, termination) = model;
        let (raises, max_inflight, listens_after) = watchdog;
        let start_up = StartUp { fixed, container: fixed / 3, probe: fixed / 2 };
        FunctionPlan {
            info: FunctionInfo { name: "f".to_owned(), ..FunctionInfo::default() },
            handler,
            model: FunctionModel {
                workers,
                connections,
                cpu,
                probe_cpu,
                wait,
                raises,
                max_inflight,
                listens_after,
                start_up,
                termination,
            },
            query: query.to_owned(),
            replicas,
            bounds: (min, min + more),
        }
    })
}

fn generator() -> impl Strategy<Value = GeneratorPlan> {
    let timeout = prop_oneof![Just(None), millis(1, 2_000).prop_map(Some)];
    (loads::schedule(), timeout, millis(0, 1_500)).prop_map(|(schedule, timeout, start)| GeneratorPlan {
        schedule,
        request: RequestPlan { timeout, ..RequestPlan::default() },
        start,
    })
}

/// A policy of the registry or a mad one, with settings that follow from a number.
fn arm(policy: usize, luck: u64) -> Arm {
    let policies: Vec<&'static PolicyInfo> = registry::POLICIES
        .iter()
        // a program of the user's: tests/it/exec.rs
        .filter(|policy| policy.scaler != Scaler::Program)
        .chain([&MAD, &RESTLESS])
        .collect();
    let policy = policies[policy % policies.len()];
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    let mut stream = Seed(luck).stream(Purpose::Policy);
    for parameter in &parameters {
        if stream.next_u64().is_multiple_of(3)
            && let Some(value) = any_value(parameter.kind, &mut stream)
        {
            // not every pair of values is allowed; then the default stays
            let _ = settings.set(&parameters, parameter.name, value);
        }
    }
    Arm { name: policy.name.to_owned(), policy, settings }
}

fn any_value(kind: Kind, stream: &mut Stream) -> Option<Value> {
    let number = stream.next_u64();
    let share = (number >> 11) as f64 / (1_u64 << 53) as f64;
    Some(match kind {
        Kind::Integer { min, max } => Value::Integer(i64::try_from(min + number % (max.min(min + 20) - min + 1)).ok()?),
        Kind::Number { min, max } => Value::Number(min + share * (max.min(min + 100.0) - min)),
        Kind::Fraction | Kind::FractionOrAuto => Value::Number(share),
        Kind::Duration { min, max } => {
            Value::Duration(min + max.saturating_sub(min).min(Duration::from_secs(30)).mul_f64(share))
        }
        Kind::DurationOr(words) | Kind::Choice(words) => Value::Text(words[number as usize % words.len()]),
        Kind::Switch => Value::Switch(number.is_multiple_of(2)),
        Kind::Text => return None,
        // the only one is a plan: up and down at any time
        Kind::Written(_) => {
            let (up, down) = (1 + number % 20_000, 20_001 + number / 20_000 % 20_000);
            Value::Owned(format!("{} at {up}ms, {} at {down}ms", 1 + number % 7, 1 + number / 7 % 7))
        }
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let trouble = prop::sample::select(vec![
        Trouble::ProbesFail,
        Trouble::CountersVanish,
        Trouble::ScalingRefused,
        Trouble::NeverReady,
        Trouble::SlowStart(5.0),
        Trouble::Crash(2),
        Trouble::SlowNode(2.5),
        Trouble::PolicyStalls,
    ]);
    (trouble, millis(0, 15_000), millis(1, 10_000)).prop_map(|(trouble, start, duration)| Fault {
        trouble,
        start,
        duration,
    })
}

fn world() -> impl Strategy<Value = World> {
    (
        (0_usize..60, any::<u64>(), any::<u32>(), prop_oneof![3 => Just(u64::MAX), 1 => 1_u64..30]),
        prop::collection::vec(function(), 1..3),
        (1_u32..6, work(10), millis(0, 20)),
        prop::collection::vec(generator(), 0..4),
        (millis(0, 4_000), millis(1, 3_000), millis(0, 20_000)),
        prop::collection::vec(fault(), 0..3),
    )
        .prop_map(
            |(
                (policy, luck, seed, ends_after),
                functions,
                (cores, gateway_cpu, transport),
                generators,
                phases,
                faults,
            )| {
                let plan = Plan {
                    arm: arm(policy, luck),
                    shadows: Vec::new(),
                    seed: Seed(seed.into()),
                    functions,
                    node: NodeModel { cores, gateway_cpu, transport },
                    generators,
                    faults,
                    warm_up: phases.0,
                    warm_up_every: phases.1,
                    cool_down: phases.2,
                    share: Share::WHOLE,
                };
                World { plan, ends_after }
            },
        )
}

/// Scales up and down at random, probes and asks at random, and is woken at random.
struct Mad {
    stream: Stream,
    functions: u64,
    wake: Timestamp,
}

static MAD: PolicyInfo = PolicyInfo {
    name: "mad",
    summary: "anything",
    probes: true,
    scaler: Scaler::Policy,
    parameters: Vec::new,
    tuning: Vec::new,
    objection: watchtower::policy::objection::none,
    build: mad,
};

fn mad(_: &Settings, context: &Context) -> Box<dyn Policy> {
    let stream = context.seed.stream(Purpose::Policy);
    Box::new(Mad { stream, functions: context.functions.len() as u64, wake: Timestamp::ZERO })
}

impl Policy for Mad {
    fn handle(&mut self, now: Timestamp, _: &Event, actions: &mut Vec<Action>) {
        let number = self.stream.next_u64();
        // one more than there are: a function that does not exist is refused
        let function = FunctionId((number / 7 % (self.functions + 1)) as u16);
        match number % 7 {
            0 => actions.push(Action::Probe),
            1 => actions.push(Action::Scrape),
            2 => actions.push(Action::ReadReplicas { function }),
            3 | 4 => {
                let to = (number / 100 % 14) as u32;
                actions.push(Action::Scale { function, from: 1, to, reason: Reason::new("why not") });
            }
            _ => {}
        }
        self.wake = now + Duration::from_millis(number / 1_000 % 900);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        Some(self.wake)
    }
}

/// Wants to be woken in the past, always, and asks with every answer.
struct Restless;

static RESTLESS: PolicyInfo = PolicyInfo {
    name: "restless",
    summary: "never waits",
    probes: true,
    scaler: Scaler::Policy,
    parameters: Vec::new,
    tuning: Vec::new,
    objection: watchtower::policy::objection::none,
    build: |_, _| Box::new(Restless),
};

impl Policy for Restless {
    fn handle(&mut self, _: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let read = Action::ReadReplicas { function: FunctionId::STUDIED };
        match event {
            Event::Started { .. } => actions.extend([Action::Scrape, read]),
            Event::Scraped(_) => actions.push(Action::Scrape),
            Event::Replicas { .. } => actions.push(read),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        Some(Timestamp::ZERO)
    }
}

/// Believes nothing it is told without looking at what it was told before.
struct Witness {
    bounds: (u32, u32),
    now: Timestamp,
    rows: u64,
    lost: u64,
    /// When each worker was through with its last request.
    free: BTreeMap<(GeneratorId, u32), Timestamp>,
    failed: u64,
}

impl Witness {
    fn at(&mut self, at: Timestamp) {
        assert!(at >= self.now, "time went back from {} to {at}", self.now);
        self.now = at;
    }
}

impl Recorder for Witness {
    fn phase(&mut self, at: Timestamp, _: Phase) -> Result<(), RecordError> {
        self.at(at);
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.at(row.done);
        self.rows += 1;
        assert!(row.due <= row.ready && row.ready == row.sent && row.sent <= row.done, "{row:?}");
        // a second answer to the same request would begin before the first one ended
        let free = self.free.entry((row.generator, row.worker.0)).or_default();
        assert!(row.sent >= *free, "{row:?} left before its worker was free at {free}");
        *free = row.done;
        Ok(())
    }

    fn lost(&mut self, _: Timestamp, _: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        assert_eq!(lost.late, 0, "virtual time is never late");
        self.lost += lost.busy;
        Ok(())
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.at(row.at);
        self.failed += u64::from(row.kind == EventKind::Failed);
        Ok(())
    }

    fn second(&mut self, at: Timestamp, _: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.at(at);
        let (min, max) = self.bounds;
        assert!((min..=max).contains(&sample.desired), "{sample:?} outside {min} to {max}");
        assert!(sample.ready + sample.starting <= max.max(sample.desired), "{sample:?} outside {min} to {max}");
        Ok(())
    }
}

fn simulate(plan: &Plan, ends_after: u64, lives: &dyn Fn()) -> (Witness, Outcome) {
    let mut witness = Witness {
        bounds: plan.functions[0].bounds,
        now: Timestamp::ZERO,
        rows: 0,
        lost: 0,
        free: BTreeMap::new(),
        failed: 0,
    };
    let mut seconds = 0;
    let outcome = sim::run_while(plan, sim::epoch(plan.seed), &mut witness, &mut |_| {
        seconds += 1;
        lives();
        assert!(seconds < LONGEST, "it goes on and on");
        seconds < ends_after
    });
    (witness, outcome.expect("nothing refuses a row"))
}

/// What holds for a run of any plan.
fn check(plan: &Plan, ends_after: u64, lives: &dyn Fn()) {
    let (witness, outcome) = simulate(plan, ends_after, lives);
    let mut sent = 0;
    for (generator, tally) in plan.generators.iter().zip(&outcome.generators) {
        sent += tally.sent;
        let all = tally.sent + tally.lost.busy + tally.lost.late + tally.unused;
        assert_eq!(tally.planned, all, "each planned request is sent, lost or left over: {tally:?}");
        if let SchedulePlan::Hey(settings) = &generator.schedule
            && let Some(planned) = settings.planned()
        {
            assert_eq!(tally.planned, planned, "{settings:?}");
        }
    }
    assert_eq!(witness.rows, sent, "a row for every request that left");
    assert_eq!(witness.lost, outcome.generators.iter().map(|tally| tally.lost.busy).sum::<u64>());
    // one that stands still all the time has no chance to ask for anything
    let stands_still = |fault: &Fault| {
        let from_the_start = fault.start.is_zero() && plan.warm_up.is_zero();
        fault.trouble == Trouble::PolicyStalls && from_the_start && outcome.end <= Timestamp::ZERO + fault.duration
    };
    if plan.arm.name == "restless" && outcome.end > Timestamp::ZERO && !plan.faults.iter().any(stands_still) {
        assert!(witness.failed > 0, "a policy that never lets time pass is told of");
    }
    let (again, same) = simulate(plan, ends_after, lives);
    assert_eq!((again.rows, again.now, same), (witness.rows, witness.now, outcome), "the same plan, the same run");
}

/// The same on a thread of its own, so that what never ends is found.
fn check_in_time(world: &World) {
    let (goes_on, lives) = mpsc::channel();
    let own = world.clone();
    let thread = std::thread::spawn(move || {
        check(&own.plan, own.ends_after, &|| {
            // who listened no longer has told why
            let _ = goes_on.send(());
        });
    });
    let cause = loop {
        match lives.recv_timeout(NEVER) {
            Ok(()) => {}
            Err(cause) => break cause,
        }
    };
    match cause {
        mpsc::RecvTimeoutError::Timeout => panic!("it never ended: {world:?}"),
        mpsc::RecvTimeoutError::Disconnected => {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
}

#[derive(Clone)]
struct World {
    plan: Plan,
    /// Seconds after which it is cut short.
    ends_after: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let settings: Vec<_> = plan.arm.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        f.debug_struct("World")
            .field("policy", &plan.arm.policy.name)
            .field("settings", &settings)
            .field("seed", &plan.seed)
            .field("functions", &plan.functions)
            .field("node", &plan.node)
            .field("generators", &plan.generators)
            .field("faults", &plan.faults)
            .field("phases", &(plan.warm_up, plan.warm_up_every, plan.cool_down))
            .field("ends_after", &self.ends_after)
            .finish()
    }
}

#[test]
fn whatever_is_asked_a_run_ends_stays_in_bounds_and_loses_nothing() {
    let asked: Option<u32> = std::env::var("WATCHTOWER_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: asked.unwrap_or(60),
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let mut runner = match asked {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let outcome = runner.run(&world(), |world| {
        check_in_time(&world);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
