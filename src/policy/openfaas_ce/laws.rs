//! The laws of the whole chain.

use super::*;
use crate::policy::settings::Value;
use crate::policy::{FunctionInfo, Refusal, ReplicaStatus};
use crate::random::Seed;
use crate::record::FunctionId;

const LOAD_START: Timestamp = Timestamp::from_secs(20);
/// 1.234 s into its period of 5 s and of 15 s.
const UNIX_NS: u64 = 1_500_000_001_234_000_000;

/// A platform and a counter around the chain: every answer comes at once.
struct World {
    chain: OpenFaasCe,
    now: Timestamp,
    replicas: u32,
    actions: Vec<(Timestamp, Action)>,
    /// What the platform says to the next scalings; it does them all the same.
    refusals: VecDeque<Refusal>,
    /// Whether a scrape at this second fails.
    scrape_fails: fn(f64) -> bool,
}

impl World {
    /// With 20 answers per second from 0 s to `load_end`, in seconds of the run.
    fn new(settings: &[(&str, &str)]) -> Self {
        let parameters = parameters();
        let mut complete = Settings::defaults(&parameters);
        for (name, value) in settings {
            complete.set(&parameters, name, Value::Owned((*value).to_owned())).unwrap();
        }
        let context = Context {
            epoch: Epoch::from_unix(Duration::from_nanos(UNIX_NS)),
            load_start: LOAD_START,
            seed: Seed(1),
            functions: vec![FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() }],
            bounds: vec![(1, 5)],
        };
        Self {
            chain: OpenFaasCe::new(&complete, &context),
            now: Timestamp::ZERO,
            replicas: 1,
            actions: Vec::new(),
            refusals: VecDeque::new(),
            scrape_fails: |_| false,
        }
    }

    fn run(mut self, load_end: f64, end: u64) -> Vec<(Timestamp, Action)> {
        let mut event = Event::Started { replicas: vec![1] };
        let mut answers = VecDeque::new();
        loop {
            let mut actions = Vec::new();
            self.chain.handle(self.now, &event, &mut actions);
            for action in actions {
                answers.extend(self.answer(&action, load_end));
                self.actions.push((self.now, action));
            }
            event = answers.pop_front().unwrap_or_else(|| {
                let wake = self.chain.wake_at().unwrap();
                assert!(wake > self.now, "a timer that is due was left alone at {}", self.now);
                self.now = wake;
                Event::Woken
            });
            if self.now > Timestamp::from_secs(end) {
                return self.actions;
            }
        }
    }

    fn answer(&mut self, action: &Action, load_end: f64) -> Option<Event> {
        match action {
            Action::Scrape => {
                let second = self.now.as_secs_f64();
                let value = 1000.0 + (20.0 * second.min(load_end)).floor();
                let counter = Counter { function: FunctionId::STUDIED, code: 200, value };
                Some(Event::Scraped((!(self.scrape_fails)(second)).then(|| vec![counter])))
            }
            Action::ReadReplicas { function } => {
                let status = Some(ReplicaStatus { desired: self.replicas, ready: self.replicas });
                Some(Event::Replicas { function: *function, status })
            }
            Action::Scale { function, from, to, .. } => {
                assert_eq!(*from, self.replicas);
                self.replicas = *to;
                let result = self.refusals.pop_front().map_or(Ok(*to), Err);
                Some(Event::ScaleAnswered { function: *function, result })
            }
            _ => None,
        }
    }
}

const FIXED: [(&str, &str); 3] = [("evaluation_phase", "8s"), ("scrape_phase", "1s"), ("phase_reference", "load")];

fn scales(actions: &[(Timestamp, Action)]) -> Vec<(u64, u32, u32)> {
    actions
        .iter()
        .filter_map(|(at, action)| match action {
            Action::Scale { from, to, .. } => Some((at.as_nanos() / 1_000_000, *from, *to)),
            _ => None,
        })
        .collect()
}

fn times_of(actions: &[(Timestamp, Action)], which: fn(&Action) -> bool) -> Vec<u64> {
    actions.iter().filter(|(_, action)| which(action)).map(|(at, _)| at.as_nanos() / 1_000_000).collect()
}

fn notes(actions: &[(Timestamp, Action)], of: EventKind) -> Vec<String> {
    actions
        .iter()
        .filter_map(|(at, action)| match action {
            Action::Note { kind, reason, .. } if *kind == of => Some(format!("{at} {}", reason.text)),
            _ => None,
        })
        .collect()
}

#[test]
fn scrapes_keep_their_phase_of_unix_time_or_of_the_load() {
    for (phase, reference, expected) in [
        ("0.376s", "unix", [4142, 9142, 14_142]),
        ("6.234s", "unix", [0, 5000, 10_000]),
        ("0.376s", "load", [376, 5376, 10_376]),
    ] {
        let actions = World::new(&[("scrape_phase", phase), ("phase_reference", reference)]).run(0.0, 14);
        let scrapes = times_of(&actions, |action| matches!(action, Action::Scrape));
        assert_eq!(scrapes, expected[..scrapes.len()], "{phase} {reference}");
        assert!(scrapes.len() >= 2);
    }
}

#[test]
fn evaluations_lie_where_the_chart_or_the_setting_puts_them() {
    // The evaluation at which the alert becomes pending, in nanoseconds of Unix time modulo 15 s.
    for (phase, reference, expected) in [
        ("chart", "unix", Some(7_891_727_015)),
        ("plain-build", "unix", Some(8_324_404_523)),
        ("2s", "unix", Some(2_000_000_000)),
        ("2s", "load", Some((1_234_000_000 + 20_000_000_000 + 2_000_000_000) % 15_000_000_000)),
        ("random", "unix", None),
    ] {
        let settings = [("evaluation_phase", phase), ("phase_reference", reference)];
        let actions = World::new(&settings).run(100.0, 40);
        let is_alert = |action: &Action| matches!(action, Action::Note { kind: EventKind::Alert, .. });
        let (at, _) = actions.iter().find(|(_, action)| is_alert(action)).unwrap();
        let found = (UNIX_NS + at.as_nanos()) % 15_000_000_000;
        assert!(expected.is_none_or(|expected| expected == found), "{phase} {reference}: {found}");
    }
}

#[test]
fn random_phases_follow_from_the_seed() {
    let scrapes = |settings: &[(&str, &str)]| {
        times_of(&World::new(settings).run(0.0, 10), |action| matches!(action, Action::Scrape))
    };
    assert_eq!(scrapes(&[]), scrapes(&[("evaluation_phase", "random")]));
}

#[test]
fn a_step_of_load_climbs_one_replica_each_40_seconds_and_falls_to_the_minimum_at_once() {
    // evaluations at 13 s + 15 s x k, flushes 5 s after the alert of 28 s and then each 10.003 s
    let actions = World::new(&FIXED).run(140.0, 200);
    let expected = [(33_050, 1, 2), (73_062, 2, 3), (113_074, 3, 4), (153_086, 4, 1)];
    assert_eq!(scales(&actions), expected);
}

#[test]
fn each_change_of_an_alert_each_notification_and_each_step_says_why() {
    let actions = World::new(&FIXED).run(44.0, 70);
    insta::assert_snapshot!(notes(&actions, EventKind::Alert).join("\n"), @r"
    13.000 s alert of ftest pending: 20.00 /s is above 5 /s
    28.000 s alert of ftest firing: 20.00 /s is above 5 /s
    58.000 s alert of ftest resolved: 0.00 /s is not above 5 /s
    ");
    insta::assert_snapshot!(notes(&actions, EventKind::Decision).join("\n"), @r"
    33.000 s notification: ftest firing, because an alert is new
    63.009 s notification: ftest resolved, because all alerts are resolved
    ");
    let reasons: Vec<String> = actions
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Scale { from, to, reason, .. } => {
                Some(format!("{from} -> {to}: {} ({:?})", reason.text, reason.value))
            }
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"
    1 -> 2: firing at 20.00 /s: 1 + 10 % of 5, rounded up to 1, at most 5, is 2 (Some(20.0))
    2 -> 1: resolved at 0.00 /s: back to the minimum of 1 (Some(0.0))
    ");
}

#[test]
fn empty_groups_are_looked_for_thirty_seconds_after_the_start_or_where_the_setting_says() {
    // the run starts at 1.234 s of Unix time modulo 5, 15 and 30 s; its load 20 s later
    for (settings, millis) in [
        (vec![], 30_000),
        (vec![("sweep_phase", "5s")], 3_766),
        (vec![("sweep_phase", "1s")], 29_766),
        (vec![("sweep_phase", "5s"), ("phase_reference", "load")], 25_000),
    ] {
        let first = World::new(&settings).chain.alertmanager.due();
        assert_eq!(first, Timestamp::from_millis(millis), "{settings:?}");
    }
}

#[test]
fn a_failed_scrape_is_a_gap_and_one_in_the_window_ends_the_alert() {
    // scrapes at 1 s + 5 s x k; the evaluation at 43 s sees those of 36 s and 41 s
    let one = World { scrape_fails: |second| (35.0..40.0).contains(&second), ..World::new(&FIXED) };
    let alerts = notes(&one.run(200.0, 60), EventKind::Alert);
    let expected = "43.000 s alert of ftest resolved: fewer than two samples, so no rate";
    assert_eq!(alerts[2], expected);
    let earlier = World { scrape_fails: |second| (30.0..35.0).contains(&second), ..World::new(&FIXED) };
    assert_eq!(notes(&earlier.run(200.0, 60), EventKind::Alert).len(), 2, "not in any window");
}

#[test]
fn an_answer_that_takes_longer_than_a_scrape_may_is_a_gap() {
    let mut chain = World::new(&FIXED).chain;
    let mut actions = Vec::new();
    chain.handle(Timestamp::ZERO, &Event::Started { replicas: vec![1] }, &mut actions);
    for second in [1, 6] {
        chain.handle(Timestamp::from_secs(second), &Event::Woken, &mut actions);
    }
    actions.clear();
    let counters = |value| Event::Scraped(Some(vec![Counter { function: FunctionId::STUDIED, code: 200, value }]));
    chain.handle(Timestamp::from_millis(6001), &counters(1000.0), &mut actions);
    assert!(matches!(&actions[..], [Action::Note { kind: EventKind::Broken, .. }]), "asked for at 1 s");
    actions.clear();
    chain.handle(Timestamp::from_millis(6002), &counters(1000.0), &mut actions);
    assert_eq!(actions, [], "asked for at 6 s");
}

#[test]
fn evaluations_that_were_slept_through_are_left_out() {
    let mut chain = World::new(&FIXED).chain;
    let mut actions = Vec::new();
    chain.handle(Timestamp::ZERO, &Event::Started { replicas: vec![1] }, &mut actions);
    chain.handle(Timestamp::from_secs(100), &Event::Woken, &mut actions);
    let scrapes = actions.iter().filter(|action| matches!(action, Action::Scrape)).count();
    assert_eq!((scrapes, chain.wake_at()), (1, Some(Timestamp::from_secs(101))));
    assert_eq!(chain.timers.unwrap().evaluation, Timestamp::from_secs(103));
}

#[test]
fn a_notification_that_fails_after_its_step_was_done_steps_again() {
    // as measured: three 500s before the first 200 took one function from 1 to 5 within about 3 s
    let refusal = Refusal::Status { status: 500, body: "conflict".to_owned() };
    let world = World { refusals: vec![refusal; 3].into(), ..World::new(&FIXED) };
    let actions = world.run(100.0, 40);
    let steps: Vec<(u32, u32)> = scales(&actions).iter().map(|(_, from, to)| (*from, *to)).collect();
    assert_eq!(steps, [(1, 2), (2, 3), (3, 4), (4, 5)]);
    let times: Vec<u64> = scales(&actions).iter().map(|(at, ..)| *at).collect();
    assert_eq!(times[0], 33_050);
    assert!((1_187..=3_713).contains(&(times[3] - times[0])), "{times:?}");
}

#[test]
fn handed_in_readings_are_stored_at_the_time_they_come() {
    let actions = World::new(&[("scrape_phase", "recorded")]).run(0.0, 20);
    assert_eq!(times_of(&actions, |action| matches!(action, Action::Scrape)), [0_u64; 0]);
    let mut chain =
        World::new(&[("scrape_phase", "recorded"), ("evaluation_phase", "8s"), ("phase_reference", "load")]).chain;
    let mut actions = Vec::new();
    chain.handle(Timestamp::ZERO, &Event::Started { replicas: vec![1] }, &mut actions);
    for (millis, value) in [(7_300, 1000.0), (12_300, 1100.0), (13_000, 1100.0)] {
        let counters = vec![Counter { function: FunctionId::STUDIED, code: 200, value }];
        chain.handle(Timestamp::from_millis(millis), &Event::Scraped(Some(counters)), &mut actions);
    }
    // the reading of 13 s is there at the evaluation of 13 s: three samples, 100 answers in 5.7 s
    let rate = chain.prometheus.rate_of(FunctionId::STUDIED).unwrap();
    let expected = 100.0 * (5.7 + 2.85 / 2.0) / 5.7 / 10.0;
    assert!((rate - expected).abs() < 1e-9, "{rate}");
}
