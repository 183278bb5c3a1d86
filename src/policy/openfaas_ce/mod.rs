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
pub mod ranges;
pub mod real;
mod settings;
pub mod words;

use std::collections::VecDeque;
use std::time::Duration;

use crate::random::Purpose;
use crate::record::EventKind;
use crate::time::{Epoch, Timestamp};

use self::alertmanager::{Alertmanager, Outcome, Post, Reply, SWEEP_INTERVAL, Status, Tick, Timing, Why};
use self::gateway::{Gateway, Order};
use self::prometheus::{Prometheus, Rule, Transition};
use self::settings::{evaluation_phase, random_phases};
pub use self::settings::{parameters, tuning};
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
        let (scrape_interval, evaluation_interval) =
            (settings.duration("scrape_interval"), settings.duration("evaluation_interval"));
        let (random_scrape, random_evaluation) = random_phases(&mut stream, scrape_interval, evaluation_interval);
        let reference = match settings.word("phase_reference") {
            "load" => context.epoch.unix_at(context.load_start),
            _ => Duration::ZERO,
        };
        let scrape_phase = match settings.duration_or_word("scrape_phase") {
            Ok(phase) => Some(phase),
            Err("recorded") => None,
            Err(_) => Some(random_scrape),
        };
        let evaluation_phase = evaluation_phase(settings, random_evaluation);
        let next_sweep = match settings.duration_or_word("sweep_phase") {
            Ok(phase) => {
                let sweeps = Grid { period: SWEEP_INTERVAL, phase: reference + phase };
                sweeps.after(context.epoch, Timestamp::ZERO)
            }
            Err(_) => Timestamp::ZERO + SWEEP_INTERVAL,
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
            alertmanager: Alertmanager::new(timing, stream, next_sweep),
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
                actions.push(note(EventKind::Broken, Reason::new("scrape took too long, its sample is missing")));
            }
            None => actions.push(note(EventKind::Broken, Reason::new(words::SCRAPE_FAILED))),
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
        let alerts: Vec<(String, bool)> =
            orders.iter().map(|order| (self.gateway.name(order.function), order.status == Status::Firing)).collect();
        let alerts = words::notified(alerts.iter().map(|(name, is_firing)| (name.as_str(), *is_firing)));
        let why = match post.why {
            Why::NewFiring => "an alert is new",
            Why::AllResolved => "all alerts are resolved",
            Why::NewResolved => "an alert is resolved",
            Why::Repeat => "the last notification is too old",
        };
        let again = if post.attempt > 1 { format!(", attempt {}", post.attempt) } else { String::new() };
        let text = format!("notification{again}: {alerts}, because {why}");
        actions.push(note(EventKind::Decision, Reason::new(text)));
        self.gateway.post(now, post.id, orders, actions);
    }

    fn replied(&mut self, now: Timestamp, post: u64, reply: Reply, actions: &mut Vec<Action>) {
        let failure = match reply {
            Reply::Status(status) => words::answered(status),
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
        let name = self.gateway.name(transition.function);
        note(EventKind::Alert, words::alert(&name, transition.change, transition.rate, self.threshold))
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
            Event::Woken | Event::ProbeDone(_) | Event::Measured { .. } => {}
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
mod laws;
