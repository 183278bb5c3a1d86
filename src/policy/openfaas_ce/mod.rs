//! The autoscaler of the `OpenFaaS` Community Edition: Prometheus, Alertmanager and the gateway's alert handler, as the
//! chart of gateway 0.27.8 sets them up, as one policy.
//!
//! ```text
//!   each 5 s          each 15 s           5 s, then each 10 s        per alert
//!   scrape  --------> evaluate ---------> flush ------------------> read, step, scale
//!   (counters)        prometheus.rs       alertmanager.rs           gateway.rs
//! ```
//!
//! This file holds the timers and the wiring; each rule lives with the program it is a rule of. Timers that
//! are due at the same instant go off from the right to the left of the picture: what one program sends has not
//! arrived at the next when that one's own timer goes off.

mod alertmanager;
mod gateway;
mod prometheus;
mod settings;

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;

use crate::random::Purpose;
use crate::record::EventKind;
use crate::time::{Epoch, Timestamp};

use self::alertmanager::{Alertmanager, Outcome, Post, Reply, Status, Tick, Timing, Why};
use self::gateway::{Gateway, Order};
use self::prometheus::{Change, Prometheus, Rule, Transition};
pub use self::settings::parameters;
use self::settings::{CHART_EVALUATION, PLAIN_BUILD_EVALUATION};
use super::settings::Settings;
use super::{Action, Context, Counter, Event, Policy, Reason};

/// A scrape that is late by no more than this is stored at its planned time (scrape.go `scrapeTimestampTolerance`).
const SCRAPE_TOLERANCE: Duration = Duration::from_millis(2);
/// The longest a scrape may take; shorter if the interval is (the default of `scrape_timeout`).
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    Box::new(OpenFaasCe::new(settings, context))
}

/// The chain.
struct OpenFaasCe {
    epoch: Epoch,
    scrapes: Option<Grid>,
    scrape_timeout: Duration,
    evaluations: Grid,
    threshold: f64,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    gateway: Gateway,
    timers: Option<Timers>,
    /// Begins of the scrapes that are not answered yet, in order.
    asked: VecDeque<Timestamp>,
}

/// The timers that are kept here; Alertmanager and the gateway know their own.
#[derive(Clone, Copy, Debug)]
struct Timers {
    scrape: Option<Timestamp>,
    evaluation: Timestamp,
}

/// Whose timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Gateway,
    Alertmanager,
    Evaluation,
    Scrape,
}

/// Points in time that lie `phase` after each multiple of `period` of Unix time.
#[derive(Clone, Copy, Debug)]
struct Grid {
    period: Duration,
    phase: Duration,
}

impl Grid {
    fn at_or_after(self, epoch: Epoch, at: Timestamp) -> Timestamp {
        epoch.next_on_grid(at, self.period, self.phase)
    }

    fn after(self, epoch: Epoch, at: Timestamp) -> Timestamp {
        self.at_or_after(epoch, at + Duration::from_nanos(1))
    }

    /// The last point at or before `at`, which is not before the grid's first point in the run.
    fn last(self, epoch: Epoch, at: Timestamp) -> Timestamp {
        self.after(epoch, at) - self.period
    }
}

impl OpenFaasCe {
    fn new(settings: &Settings, context: &Context) -> Self {
        let mut stream = context.seed.stream(Purpose::Policy);
        // Both are drawn whether used or not, so that a phase that is given changes nothing else.
        let mut random = |period: Duration| period.mul_f64(stream.random::<f64>());
        let (scrape_interval, evaluation_interval) =
            (settings.duration("scrape_interval"), settings.duration("evaluation_interval"));
        let (random_scrape, random_evaluation) = (random(scrape_interval), random(evaluation_interval));
        let reference = match settings.word("phase_reference") {
            "load" => context.epoch.unix_at(context.load_start),
            _ => Duration::ZERO,
        };
        let scrape_phase = match settings.duration_or_word("scrape_phase") {
            Ok(phase) => Some(phase),
            Err("recorded") => None,
            Err(_) => Some(random_scrape),
        };
        let evaluation_phase = match settings.duration_or_word("evaluation_phase") {
            Ok(phase) => phase,
            Err("chart") => CHART_EVALUATION,
            Err("plain-build") => PLAIN_BUILD_EVALUATION,
            Err(_) => random_evaluation,
        };
        let rule = Rule {
            threshold: settings.number("threshold"),
            window: settings.duration("window"),
            hold: settings.duration("for"),
            interval: evaluation_interval,
            resend_delay: settings.duration("resend_delay"),
            resolved_retention: settings.duration("resolved_retention"),
        };
        let timing = Timing {
            group_wait: settings.duration("group_wait"),
            group_interval: settings.duration("group_interval"),
            repeat_interval: settings.duration("repeat_interval"),
            flush_drift: settings.duration("flush_drift"),
        };
        Self {
            epoch: context.epoch,
            scrapes: scrape_phase.map(|phase| Grid { period: scrape_interval, phase: reference + phase }),
            scrape_timeout: scrape_interval.min(SCRAPE_TIMEOUT),
            evaluations: Grid { period: evaluation_interval, phase: reference + evaluation_phase },
            threshold: rule.threshold,
            prometheus: Prometheus::new(rule, context.epoch),
            alertmanager: Alertmanager::new(timing, stream, Timestamp::ZERO),
            gateway: Gateway::new(&context.functions, settings.duration("webhook_latency")),
            timers: None,
            asked: VecDeque::new(),
        }
    }

    /// The timer that is due next. At equal times the first of the table.
    fn next_timer(&self) -> Option<(Timestamp, Clock)> {
        let timers = self.timers?;
        let table = [
            (self.gateway.due(), Clock::Gateway),
            (Some(self.alertmanager.due()), Clock::Alertmanager),
            (Some(timers.evaluation), Clock::Evaluation),
            (timers.scrape, Clock::Scrape),
        ];
        table.into_iter().filter_map(|(at, clock)| Some((at?, clock))).min_by_key(|(at, _)| *at)
    }

    fn run_timers(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some((_, clock)) = self.next_timer().filter(|(at, _)| *at <= now) {
            match clock {
                Clock::Gateway => {
                    if let Some((post, reply)) = self.gateway.tick(now, actions) {
                        self.replied(now, post, reply, actions);
                    }
                }
                Clock::Alertmanager => match self.alertmanager.tick(now) {
                    Some(Tick::Post(post)) => self.post(now, &post, actions),
                    Some(Tick::GaveUp { attempts }) => {
                        let text =
                            format!("notification given up after {attempts} attempts, the time of its flush is over");
                        actions.push(note(EventKind::Failed, Reason::new(text)));
                    }
                    Some(Tick::Quiet | Tick::Swept) | None => {}
                },
                Clock::Evaluation => self.evaluate(now, actions),
                Clock::Scrape => self.scrape(now, actions),
            }
        }
    }

    fn scrape(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let (Some(grid), Some(timers)) = (self.scrapes, &mut self.timers) else { return };
        let planned = grid.last(self.epoch, now);
        self.asked.push_back(if now.since(planned) <= SCRAPE_TOLERANCE { planned } else { now });
        timers.scrape = Some(grid.after(self.epoch, now));
        actions.push(Action::Scrape);
    }

    /// A scrape that failed, or took longer than it may, leaves a gap.
    fn scraped(&mut self, now: Timestamp, counters: Option<&[Counter]>, actions: &mut Vec<Action>) {
        let asked = self.asked.pop_front();
        let began = asked.unwrap_or(now);
        match counters {
            Some(counters) if now.since(began) <= self.scrape_timeout => self.prometheus.store(began, counters),
            Some(_) => {
                actions.push(note(EventKind::Failed, Reason::new("scrape took too long, its sample is missing")));
            }
            None => actions.push(note(EventKind::Failed, Reason::new("scrape failed, its sample is missing"))),
        }
    }

    fn evaluate(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(timers) = &mut self.timers else { return };
        timers.evaluation = self.evaluations.after(self.epoch, now);
        // Evaluations that were slept through are left out, as in the original (rules/group.go, missed iterations).
        let evaluation = self.prometheus.evaluate(self.evaluations.last(self.epoch, now));
        for transition in &evaluation.transitions {
            actions.push(self.alert_note(transition));
        }
        for alert in &evaluation.sent {
            self.alertmanager.receive(now, alert);
        }
    }

    fn post(&mut self, now: Timestamp, post: &Post, actions: &mut Vec<Action>) {
        let mut orders: Vec<Order> = post
            .alerts
            .iter()
            .map(|(function, status)| Order {
                function: *function,
                status: *status,
                rate: self.prometheus.rate_of(*function),
            })
            .collect();
        // Alertmanager sorts alerts by their labels, of which only the function's name differs.
        orders.sort_by_key(|order| self.gateway.name(order.function));
        let alerts: Vec<String> = orders
            .iter()
            .map(|order| {
                let status = if order.status == Status::Firing { "firing" } else { "resolved" };
                format!("{} {status}", self.gateway.name(order.function))
            })
            .collect();
        let why = match post.why {
            Why::NewFiring => "an alert is new",
            Why::AllResolved => "all alerts are resolved",
            Why::NewResolved => "an alert is resolved",
            Why::Repeat => "the last notification is too old",
        };
        let again = if post.attempt > 1 { format!(", attempt {}", post.attempt) } else { String::new() };
        let text = format!("notification{again}: {}, because {why}", alerts.join(", "));
        actions.push(note(EventKind::Decision, Reason::new(text)));
        self.gateway.post(now, post.id, orders, actions);
    }

    fn replied(&mut self, now: Timestamp, post: u64, reply: Reply, actions: &mut Vec<Action>) {
        let failure = match reply {
            Reply::Status(status) => format!("notification was answered with {status}"),
            Reply::ConnectionLost => "notification lost its connection".to_owned(),
        };
        let text = match self.alertmanager.replied(now, post, reply) {
            Outcome::Logged => return,
            Outcome::Retry(at) => format!("{failure}, again in {:.3} s", at.since(now).as_secs_f64()),
            Outcome::Refused => format!("{failure}, not tried again before the next flush"),
            Outcome::TooLate => format!("{failure} after it was given up"),
        };
        actions.push(note(EventKind::Failed, Reason::new(text)));
    }

    fn alert_note(&self, transition: &Transition) -> Action {
        let state = match transition.change {
            Change::Pending => "pending",
            Change::Firing => "firing",
            Change::Dropped => "dropped before it fired",
            Change::Resolved => "resolved",
        };
        let name = self.gateway.name(transition.function);
        let threshold = self.threshold;
        let text = match transition.rate {
            Some(rate) if rate > threshold => format!("alert of {name} {state}: {rate:.2} /s is above {threshold} /s"),
            Some(rate) => format!("alert of {name} {state}: {rate:.2} /s is not above {threshold} /s"),
            None => format!("alert of {name} {state}: fewer than two samples, so no rate"),
        };
        note(EventKind::Alert, Reason { text, value: transition.rate })
    }
}

impl Policy for OpenFaasCe {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { .. } => {
                self.timers = Some(Timers {
                    scrape: self.scrapes.map(|grid| grid.at_or_after(self.epoch, now)),
                    evaluation: self.evaluations.at_or_after(self.epoch, now),
                });
            }
            Event::Scraped(counters) => self.scraped(now, counters.as_deref(), actions),
            Event::Replicas { function, status } => self.gateway.replicas(*function, *status, actions),
            Event::ScaleAnswered { function, result } => {
                self.gateway.scaled(*function, result.as_ref().map(|_| ()), actions);
            }
            Event::Woken | Event::ProbeDone(_) => {}
        }
        self.run_timers(now, actions);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.next_timer().map(|(at, _)| at)
    }
}

fn note(kind: EventKind, reason: Reason) -> Action {
    Action::Note { kind, from: None, to: None, reason }
}

#[cfg(test)]
mod tests {
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
        assert!(matches!(&actions[..], [Action::Note { kind: EventKind::Failed, .. }]), "asked for at 1 s");
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
}
