//! Faults: the same in virtual time and by the wall clock, told where they begin and end; and no autoscaler loses its head over one.

mod every_policy;
mod witness;

use std::fs;
use std::process::Command;
use std::time::Duration;

use watchtower::drive::faults::{Fault, Trouble};
use watchtower::drive::sim;
use watchtower::policy::registry::{PolicyInfo, Scaler};
use watchtower::policy::settings::Settings;
use watchtower::policy::{Action, Context, Event, Policy, Reason};
use watchtower::record::{EventKind, FunctionId};
use watchtower::time::{Epoch, Timestamp};

use crate::scenario::{GOOD, study_of};
use witness::Witness;

/// Asks for everything ten times a second and notes what it was told, and how long nothing was.
struct Asker {
    wake: Timestamp,
    replicas: u32,
    told: Timestamp,
}

static ASKER: PolicyInfo = PolicyInfo {
    name: "asker",
    summary: "asks for everything",
    probes: true,
    scaler: Scaler::Policy,
    parameters: Vec::new,
    tuning: Vec::new,
    objection: watchtower::policy::objection::none,
    build: |_: &Settings, _: &Context| {
        Box::new(Asker { wake: Timestamp::ZERO, replicas: 1, told: Timestamp::ZERO }) as Box<dyn Policy>
    },
};

const PERIOD: Duration = Duration::from_millis(100);

impl Policy for Asker {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        let function = FunctionId::STUDIED;
        let mut note = |text: String| {
            actions.push(Action::Note { kind: EventKind::Decision, from: None, to: None, reason: Reason::new(text) });
        };
        let silence = now - self.told;
        if silence > 5 * PERIOD {
            note(format!("silence of {:.1} s", silence.as_secs_f64()));
        }
        self.told = now;
        match event {
            Event::Woken => {
                self.wake = now + PERIOD;
                self.replicas = 3 - self.replicas;
                actions.extend([Action::Probe, Action::Scrape, Action::Measure { function }]);
                actions.push(Action::Scale { function, from: 1, to: self.replicas, reason: Reason::new("in turn") });
            }
            Event::ProbeDone(outcome) => note(format!("probe {:?}", outcome.answer)),
            Event::Scraped(counters) => note(format!("counters {}", counters.is_some())),
            Event::Measured { sample, .. } => note(format!("metrics {}", sample.is_some())),
            Event::Started { .. } | Event::Replicas { .. } | Event::ScaleAnswered { .. } => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        Some(self.wake)
    }
}

/// The run of a plan that has these faults, in virtual time.
fn simulate(faults: &[(Trouble, f64, f64)]) -> Witness {
    let mut plan = study_of(GOOD).unwrap_or_else(|error| panic!("{error}")).plan(1, 1);
    plan.arm.policy = &ASKER;
    "asker".clone_into(&mut plan.arm.name);
    let secs = Duration::from_secs_f64;
    let fault = |(trouble, start, duration): &(Trouble, f64, f64)| Fault {
        trouble: *trouble,
        start: secs(*start),
        duration: secs(*duration),
    };
    plan.faults = faults.iter().map(fault).collect();
    let mut witness = Witness::default();
    sim::run(&plan, Epoch::default(), &mut witness).expect("rows in memory can be kept");
    witness
}

/// When the asker was told something, in seconds since the load's start: the first and the last time within the run's load.
fn times(witness: &Witness, reason: &str) -> Vec<f64> {
    let during = |t: &f64| (0.0..10.0).contains(t);
    witness.events_with(reason).map(|row| witness.t_s(row.at)).filter(during).collect()
}

#[test]
fn answers_fail_while_a_fault_is_on_and_at_no_other_time() {
    let faults =
        [(Trouble::ProbesFail, 2.0, 1.5), (Trouble::CountersVanish, 4.0, 1.5), (Trouble::ScalingRefused, 6.0, 1.5)];
    let witness = simulate(&faults);
    for (what, start) in
        [("probe Err(Refused)", 2.0), ("counters false", 4.0), ("metrics false", 4.0), ("in turn; refused", 6.0)]
    {
        let times = times(&witness, what);
        assert_eq!(times.len(), 15, "{what}: each of ten times a second: {times:?}");
        assert!(times.iter().all(|t| (start..start + 1.6).contains(t)), "{what}: {times:?}");
    }
    assert!(times(&witness, "probe Ok(200)").len() > 70, "the others are answered");
}

#[test]
fn a_policy_that_stalls_gets_what_it_missed_and_sees_the_jump() {
    let witness = simulate(&[(Trouble::PolicyStalls, 3.0, 2.5)]);
    assert_eq!(times(&witness, "silence of 2."), [5.5]);
    let asked = times(&witness, "counters true");
    assert!(!asked.iter().any(|t| (3.0..5.5).contains(t)), "{asked:?}");
    // one late wake-up, not twenty-five
    let at_the_end = asked.iter().filter(|t| (5.5..5.6).contains(*t)).count();
    assert!((1..=2).contains(&at_the_end), "{asked:?}");
}

#[test]
fn each_start_and_end_is_an_event_and_a_run_without_faults_is_the_same_until_then() {
    let with = simulate(&[(Trouble::SlowNode(4.0), 5.0, 2.0), (Trouble::Crash(1), 8.0, 0.0)]);
    let told: Vec<(f64, &str)> = with
        .events
        .iter()
        .filter(|row| row.kind == EventKind::Fault)
        .map(|row| {
            assert_eq!(row.actor, "scenario");
            (with.t_s(row.at), row.reason.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [(5.0, "slow-node (4 times) begins, for 2s"), (7.0, "slow-node (4 times) ends"), (8.0, "crash (1 replica)")]
    );
    let without = simulate(&[]);
    let before = |witness: &Witness| -> Vec<_> {
        witness.requests.iter().filter(|row| witness.t_s(row.done) < 5.0).copied().collect()
    };
    assert!(before(&with).len() > 50);
    assert_eq!(before(&with), before(&without));
    let mean = |witness: &Witness, from: f64, to: f64| {
        let latencies = witness.requests.iter().filter(|row| (from..to).contains(&witness.t_s(row.sent)));
        let (sum, count) =
            latencies.fold((0.0, 0.0), |(sum, count), row| (sum + row.latency().as_secs_f64(), count + 1.0));
        sum / count
    };
    assert!(mean(&with, 5.0, 6.5) > 1.5 * mean(&without, 5.0, 6.5), "work takes longer on a slow node");
    let died: Vec<f64> = with.events_with("died").map(|row| with.t_s(row.at)).collect();
    assert_eq!(died, [8.0]);
}

/// By the wall clock through the program itself: every fault at once, in a run of six seconds.
#[test]
fn by_the_wall_clock_the_same_faults_befall_the_same_scenario() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = r#"name = "live"
[function]
replicas = 2
[[load]]
hey = "-z 6s -c 4 -q 5"
[run]
warm_up = "1s"
cool_down = "1s"
[[fault]]
kind = "probes-fail"
start = "1s"
duration = "1500ms"
[[fault]]
kind = "crash"
start = "1s"
replicas = 2
[[fault]]
kind = "scaling-refused"
start = "2500ms"
duration = "1s"
[[fault]]
kind = "slow-start"
start = "500ms"
duration = "1s"
factor = 50
[[fault]]
kind = "policy-stalls"
start = "4s"
duration = "1500ms"
[[arm]]
policy = "watchtower"
check_frequency = 1
target = 1
scale_up_rounds = 1
[[arm]]
policy = "openfaas-ce"
"#;
    fs::write(dir.path().join("live.toml"), text).expect("a scenario file");
    let run = |target: &str, out: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["run", "live.toml", "--out", out, "--quiet", "--arm", "watchtower", "--target", target])
            .current_dir(dir.path())
            .output()
            .expect("the program starts");
        // a machine that stood still makes a run invalid
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        let file = dir.path().join(out).join("runs/watchtower-1/events.csv");
        fs::read_to_string(file).expect("its events")
    };
    let (live, simulated) = (run("embedded", "live"), run("simulated", "simulated"));
    let faults = |events: &str| -> Vec<(u64, String)> {
        events
            .lines()
            .filter(|line| line.contains(",scenario,fault,"))
            .map(|line| {
                let t_s: f64 = line.split(',').next().and_then(|t| t.parse().ok()).expect("a time");
                // half seconds; a loop that is a little late is in the same one
                ((t_s * 2.0 + 0.05) as u64, line.split_once(",scenario,").expect("an actor").1.to_owned())
            })
            .collect()
    };
    assert_eq!(faults(&live), faults(&simulated), "{live}");
    assert_eq!(faults(&live).len(), 9);
    for events in [&live, &simulated] {
        let died = events.lines().filter(|line| line.contains("platform,terminated") && line.contains(" died")).count();
        assert_eq!(died, 2, "{events}");
        let successor = ["pod 4 ready", "pod 5 ready", "replica 4 is", "replica 5 is"];
        assert!(!successor.iter().any(|ready| events.contains(ready)), "they start for minutes: {events}");
        assert!(events.contains(",watchtower,refused,"), "{events}");
        let decided: Vec<f64> = events
            .lines()
            .filter(|line| line.contains(",watchtower,scale,") || line.contains(",watchtower,refused,"))
            .filter_map(|line| line.split(',').next()?.parse().ok())
            .collect();
        assert!(!decided.iter().any(|t| (4.05..5.45).contains(t)), "nobody decides in a stall: {decided:?}");
    }
}
