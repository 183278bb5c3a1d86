//! Users' own programs as policies, through whole runs: the seed's rule in Python decides as the built-in one does, the example to
//! start from runs, and a program that fails ends its run with its last words.

use std::path::Path;
use std::time::Duration;

use rand_xoshiro::rand_core::Rng;
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Phase, Plan, RecordError, Recorder, RequestPlan, SchedulePlan, sim,
};
use watchtower::model::{FunctionModel, NodeModel, Work};
use watchtower::policy::registry;
use watchtower::policy::settings::{Settings, Value};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{EventKind, EventRow, GeneratorId, Lost};
use watchtower::schedule::hey;
use watchtower::schedule::share::Share;
use watchtower::time::{Epoch, Timestamp};

/// Scalings, refusals and what wasn't one, each with its time.
#[derive(Default)]
struct Decisions(Vec<(Timestamp, EventKind, Option<u32>, Option<u32>)>);

impl Recorder for Decisions {
    fn phase(&mut self, _: Timestamp, _: Phase) -> Result<(), RecordError> {
        Ok(())
    }
    fn lost(&mut self, _: Timestamp, _: GeneratorId, _: Lost) -> Result<(), RecordError> {
        Ok(())
    }
    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        if matches!(row.kind, EventKind::Scale | EventKind::Decision) && row.to.is_some() {
            self.0.push((row.at, row.kind, row.from, row.to));
        }
        Ok(())
    }
}

fn arm(policy: &str, settings: &[(&str, Value)]) -> Arm {
    let policy = registry::find(policy).unwrap();
    let parameters = (policy.parameters)();
    let mut complete = Settings::defaults(&parameters);
    for (name, value) in settings {
        complete.set(&parameters, name, value.clone()).unwrap();
    }
    Arm { name: policy.name.to_owned(), policy, settings: complete }
}

fn exec(command: &str) -> Arm {
    let directory = env!("CARGO_MANIFEST_DIR").to_owned();
    arm(
        "exec",
        &[
            ("command", Value::Owned(command.to_owned())),
            ("directory", Value::Owned(directory)),
            // the machine may be busy, and what is tested is the decisions
            ("answer_within", Value::Text("1m")),
            ("start_within", Value::Text("2m")),
        ],
    )
}

/// A number from a range.
fn draw(stream: &mut Stream, from: u64, to: u64) -> u64 {
    from + stream.next_u64() % (to - from + 1)
}

/// One random world, and settings of the watch tower in it: as a scenario and as a command line.
fn world(seed: u64) -> (Plan, Vec<(&'static str, Value)>, String) {
    let mut stream = Seed(seed).stream(Purpose::Policy);
    let mut number = |from, to| draw(&mut stream, from, to);
    let increment = |number: u64| if number == 0 { "auto".to_owned() } else { format!("{:.1}", number as f64 / 10.0) };
    let (up, down) = (increment(number(0, 10)), increment(number(0, 10)));
    let as_value = |text: &str| text.parse().map_or_else(|_| Value::Owned(text.to_owned()), Value::Number);
    let (frequency, target, rounds_up, rounds_down) = (number(1, 3), number(20, 120), number(1, 3), number(1, 8));
    let (tolerance, settle) = (number(0, 9) as f64 / 10.0, number(0, 2));
    let failed = if number(0, 1) == 0 { "ignore" } else { "above" };
    let (least, most) = (number(1, 2), number(3, 7));
    let integer = |number: u64| Value::Integer(i64::try_from(number).unwrap());
    let settings = vec![
        ("check_frequency", integer(frequency)),
        ("target", integer(target)),
        ("tolerance", Value::Number(tolerance)),
        ("scale_up_rounds", integer(rounds_up)),
        ("scale_down_rounds", integer(rounds_down)),
        ("scale_up_increment", as_value(&up)),
        ("scale_down_increment", as_value(&down)),
        ("failed_probes", Value::Text(failed)),
        ("settle", Value::Owned(format!("{settle}s"))),
        ("min_replicas", integer(least)),
        ("max_replicas", integer(most)),
    ];
    let command = format!(
        "python3 scripts/examples/watchtower.py --check-frequency {frequency} --target {target} --tolerance {tolerance:?} \
         --scale-up-rounds {rounds_up} --scale-down-rounds {rounds_down} --scale-up-increment {up} \
         --scale-down-increment {down} --failed-probes {failed} --settle {settle} --min-replicas {least} --max-replicas {most}"
    );
    let load = |start| GeneratorPlan {
        schedule: SchedulePlan::Hey(
            hey::Settings::new(200, 20, number(1, 8) as f64, Some(Duration::from_secs(25))).unwrap(),
        ),
        request: RequestPlan::default(),
        start: Duration::from_secs(start),
    };
    let generators = [0, 30].map(load).into();
    let plan = Plan {
        arm: arm("fixed", &[]),
        shadows: Vec::new(),
        seed: Seed(seed),
        functions: vec![FunctionPlan {
            info: watchtower::policy::FunctionInfo { name: "ftest".to_owned(), ..Default::default() },
            handler: Handler::Ftest,
            model: FunctionModel {
                cpu: Work { mean: Duration::from_millis(number(2, 25)), cv: 1.0 },
                ..FunctionModel::default()
            },
            query: "number=50".to_owned(),
            replicas: 1,
            bounds: (1, 5),
        }],
        node: NodeModel::default(),
        generators,
        faults: Vec::new(),
        warm_up: Duration::from_secs(3),
        warm_up_every: Duration::from_secs(1),
        cool_down: Duration::from_secs(20),
        share: Share::WHOLE,
    };
    (plan, settings, command)
}

fn decisions(plan: &Plan, arm: Arm) -> Result<Decisions, RecordError> {
    let mut decisions = Decisions::default();
    sim::run(&Plan { arm, ..plan.clone() }, Epoch::default(), &mut decisions).map(|_| decisions)
}

#[test]
fn the_seed_s_rule_in_python_takes_exactly_the_decisions_of_the_built_in_watch_tower() {
    let runs = if std::env::var_os("WATCHTOWER_LONG").is_some() { 1_000 } else { 8 };
    let mut scalings = 0;
    for seed in 1..=runs {
        let (plan, settings, command) = world(seed);
        let built_in = decisions(&plan, arm("watchtower", &settings)).unwrap();
        let program = decisions(&plan, exec(&command)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(program.0, built_in.0, "seed {seed}: {command}");
        scalings += built_in.0.len();
    }
    assert!(scalings as u64 > runs, "{scalings} scalings in {runs} runs say little");
}

#[test]
fn the_ten_lines_to_start_from_scale_up_under_load_and_down_after_it() {
    let (mut plan, ..) = world(3);
    plan.functions[0].model.cpu = Work { mean: Duration::from_millis(25), cv: 0.5 };
    plan.cool_down = Duration::from_secs(60);
    let lines = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/examples/ten-lines.py"));
    assert!(lines.unwrap().lines().filter(|line| !line.starts_with('#')).count() <= 13);
    let decisions = decisions(&plan, exec("python3 scripts/examples/ten-lines.py")).unwrap();
    let ways: Vec<bool> = decisions.0.iter().map(|(_, _, from, to)| to > from).collect();
    assert!(ways.contains(&true) && ways.contains(&false), "{ways:?}");
}

#[test]
fn a_program_that_fails_ends_its_run_with_its_last_words() {
    let (plan, ..) = world(1);
    let error = decisions(&plan, exec("sh -c 'read -r x; echo {}; echo my last words >&2; exit 4'"));
    // it never asks to be woken, so it is asked nothing more: a program may end when it has nothing to say
    assert!(error.is_ok());
    let script = r#"sh -c 'read -r x; echo "{\"wake_at\":1000000000}"; echo my last words >&2; exit 4'"#;
    let error = decisions(&plan, exec(script)).err().unwrap().to_string();
    for part in ["exit code 4", "\"woken\"", "my last words"] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}
