//! The virtual-time driver, on the seed's own load.
#![allow(clippy::unwrap_used, reason = "the plan is fixed, and a test that has none should stop where it stands")]

use std::sync::Arc;
use std::time::Duration;

use watchtower::drive::journeys::{JourneyPlan, JourneysPlan, StepPlan};
use watchtower::drive::{
    Arm, FunctionPlan, GeneratorPlan, Handler, Outcome, Phase, Plan, RecordError, Recorder, RequestPlan, SchedulePlan,
    sim,
};
use watchtower::model::{FunctionModel, NodeModel, Work};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{FunctionInfo, registry};
use watchtower::random::Seed;
use watchtower::record::{ErrorKind, EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use watchtower::schedule::hey;
use watchtower::schedule::journeys::{self, Ends, Journey, Step, Think};
use watchtower::schedule::share::Share;
use watchtower::time::{Epoch, Timestamp};

#[derive(Debug, Default, PartialEq)]
struct Rows {
    begun: Option<(Epoch, Timestamp)>,
    phases: Vec<(Timestamp, Phase)>,
    requests: Vec<RequestRow>,
    lost: Vec<(Timestamp, GeneratorId, Lost)>,
    probes: Vec<ProbeRow>,
    events: Vec<EventRow>,
    seconds: Vec<(Timestamp, u64, PlatformSample)>,
}

impl Recorder for Rows {
    fn begin(&mut self, epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.begun = Some((epoch, load_start));
        Ok(())
    }

    fn phase(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        self.phases.push((at, phase));
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.requests.push(*row);
        Ok(())
    }

    fn lost(&mut self, at: Timestamp, generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.lost.push((at, generator, lost));
        Ok(())
    }

    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        self.probes.push(row.clone());
        Ok(())
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.events.push(row.clone());
        Ok(())
    }

    fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.seconds.push((at, planned, *sample));
        Ok(())
    }
}

fn hey(duration_s: u64, workers: u32, rate: f64, start_ms: u64) -> GeneratorPlan {
    let settings = hey::Settings::new(200, workers, rate, Some(Duration::from_secs(duration_s))).unwrap();
    GeneratorPlan {
        schedule: SchedulePlan::Hey(settings),
        request: RequestPlan::default(),
        start: Duration::from_millis(start_ms),
    }
}

/// The seed's two terminals, shortened, against a fixed number of replicas.
fn plan(replicas: i64) -> Plan {
    let policy = registry::find("fixed").unwrap();
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    settings.set(&parameters, "replicas", Value::Integer(replicas)).unwrap();
    Plan {
        arm: Arm { name: "control".to_owned(), policy, settings },
        shadows: Vec::new(),
        seed: Seed(42),
        functions: vec![FunctionPlan {
            info: FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() },
            handler: Handler::Ftest,
            model: FunctionModel::default(),
            query: "number=50".to_owned(),
            replicas: 1,
            bounds: (1, 5),
        }],
        node: NodeModel::default(),
        generators: vec![hey(20, 50, 5.0, 0), hey(20, 50, 5.0, 500)],
        warm_up: Duration::from_secs(15),
        warm_up_every: Duration::from_secs(5),
        faults: Vec::new(),
        cool_down: Duration::from_secs(10),
        share: Share::WHOLE,
    }
}

fn run(plan: &Plan) -> (Rows, Outcome) {
    let mut rows = Rows::default();
    let epoch = Epoch::from_unix(Duration::from_secs(1_700_000_000));
    let outcome = sim::run(plan, epoch, &mut rows).unwrap();
    (rows, outcome)
}

#[test]
fn the_same_plan_gives_the_same_rows_and_another_seed_gives_others() {
    let (rows, outcome) = run(&plan(3));
    assert_eq!(run(&plan(3)), (rows, outcome.clone()));
    let (other, _) = run(&Plan { seed: Seed(43), ..plan(3) });
    assert_ne!(other.requests.last().unwrap().done, Timestamp::ZERO + (outcome.load_end - Timestamp::ZERO));
}

#[test]
fn every_planned_request_is_sent_lost_or_left_unused() {
    // one slow replica, so that requests are lost, and a fast one, so that none is
    for (cpu, loses) in [(Duration::from_millis(8), true), (Duration::from_micros(100), false)] {
        let mut plan = plan(1);
        plan.functions[0].model.cpu = Work { mean: cpu, cv: 1.0 };
        plan.node.gateway_cpu = Work::constant(Duration::from_millis(1));
        let (rows, outcome) = run(&plan);
        let lost: u64 = rows.lost.iter().map(|(_, _, lost)| lost.busy + lost.late).sum();
        assert_eq!(lost > 0, loses);
        let mut sent = 0;
        for tally in &outcome.generators {
            assert_eq!(tally.planned, 5_000);
            assert_eq!(tally.sent + tally.lost.busy + tally.lost.late + tally.unused, tally.planned, "{tally:?}");
            assert_eq!(tally.lost.late, 0, "virtual time is never late");
            sent += tally.sent;
        }
        assert_eq!(rows.requests.len() as u64, sent);
        assert_eq!(rows.seconds.last().unwrap().1, 10_000);
    }
}

#[test]
fn users_who_think_when_a_run_is_cut_short_are_accounted_for() {
    // how many requests there will be, nobody knows before: each of the four has had its answer, and its next request in mind
    let think = Think { min: Duration::from_secs(600), max: Duration::from_secs(900) };
    let journey = Journey { weight: 1, steps: vec![Step { weight: 1, think }] };
    let ends = Ends::After(Duration::from_secs(1_000));
    let step = StepPlan { name: "front".to_owned(), path: String::new(), query: None, request: RequestPlan::default() };
    let users = JourneysPlan {
        settings: Arc::new(journeys::Settings { users: 4, ramp: Duration::ZERO, ends, journeys: vec![journey] }),
        journeys: vec![JourneyPlan { name: "journey".to_owned(), steps: vec![step] }],
    };
    let mut plan = plan(1);
    plan.generators = vec![GeneratorPlan { schedule: SchedulePlan::Goose(users), ..hey(1, 1, 1.0, 0) }];
    let until = Duration::from_secs(60);
    let mut rows = Rows::default();
    let outcome = sim::run_while(&plan, sim::epoch(plan.seed), &mut rows, &mut |passed| passed < until).unwrap();
    let [tally] = outcome.generators[..] else { panic!("one load") };
    assert_eq!((tally.planned, tally.sent, tally.unused, rows.requests.len()), (8, 4, 4, 4));
}

#[test]
fn requests_leave_when_they_are_ready_and_rows_come_in_order() {
    let (rows, outcome) = run(&plan(2));
    assert!(rows.requests.is_sorted_by_key(|row| row.done));
    assert!(rows.events.is_sorted_by_key(|row| row.at));
    let start = Timestamp::from_secs(15);
    for row in &rows.requests {
        assert!(row.due <= row.ready && row.ready == row.sent && row.sent < row.done);
        let origin = start + Duration::from_millis(if row.generator.0 == 0 { 0 } else { 500 });
        assert_eq!((row.due - origin).as_nanos() % 200_000_000, 0, "hey's grid");
        assert_eq!((row.answer, row.detail.size), (Ok(200), Some(76)));
    }
    let last = rows.requests.last().unwrap().done;
    assert_eq!((outcome.load_start, outcome.load_end), (start, last));
    assert_eq!(outcome.end, last + Duration::from_secs(10));
    assert_eq!(outcome.generators[1].duration, last - (start + Duration::from_millis(500)));
}

#[test]
fn a_run_has_three_phases_a_sample_a_second_and_a_row_for_every_change() {
    let (rows, outcome) = run(&plan(2));
    let phases = [(0, Phase::WarmUp), (15_000, Phase::Load)].map(|(at, phase)| (Timestamp::from_millis(at), phase));
    assert_eq!(rows.phases[..2], phases);
    assert_eq!(rows.phases[2], (outcome.load_end, Phase::CoolDown));
    for (second, (at, ..)) in (1..).zip(&rows.seconds) {
        assert_eq!(*at, Timestamp::from_secs(second));
    }
    assert_eq!(rows.seconds.len() as u64, outcome.end.as_nanos() / 1_000_000_000);
    assert_eq!(rows.seconds[14].1, 0, "nothing is planned before the load");
    assert_eq!(rows.seconds[15].1, 200 + 100, "ticks at 200 to 800 ms, and at 700 and 900 ms");
    let events: Vec<_> = rows.events.iter().map(|row| (&*row.actor, row.kind, row.from, row.to)).collect();
    assert_eq!(
        events,
        [
            ("run", EventKind::Phase, None, None),
            ("fixed", EventKind::Scale, Some(1), Some(2)),
            ("platform", EventKind::Ready, Some(1), Some(2)),
            ("run", EventKind::Phase, None, None),
            ("run", EventKind::Phase, None, None),
            ("run", EventKind::Phase, None, None),
        ]
    );
}

#[test]
fn asking_for_what_is_there_or_out_of_bounds_is_a_decision_and_no_scaling() {
    let mut at_bound = plan(50);
    at_bound.functions[0].replicas = 5;
    let (rows, _) = run(&at_bound);
    let decision = rows.events.iter().find(|row| row.actor == "fixed").unwrap();
    assert_eq!((decision.kind, decision.from, decision.to), (EventKind::Decision, Some(5), Some(5)));
}

#[test]
fn a_client_gives_up_after_its_time_out_and_goes_on() {
    let mut hopeless = plan(1);
    hopeless.functions[0].handler = Handler::Sleepy;
    hopeless.functions[0].query = "number=7".to_owned();
    hopeless.generators = vec![hey(10, 10, 5.0, 0)];
    hopeless.generators[0].request.timeout = Some(Duration::from_secs(5));
    let (rows, outcome) = run(&hopeless);
    assert_eq!(rows.requests.len(), 20, "10 workers, each twice: at 0.2 s and when it gave up");
    for row in &rows.requests {
        assert_eq!((row.answer, row.latency()), (Err(ErrorKind::Timeout), Duration::from_secs(5)));
        assert_eq!((row.first_byte, row.replica), (None, None));
    }
    assert_eq!(outcome.generators[0].duration, Duration::from_millis(10_200));
}
