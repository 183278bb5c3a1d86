//! The eye on the running programs: which alerts are pending or firing, whether scrapes succeed, and whether both are alive.
//!
//! Asked once a second over their own APIs; nothing here changes what they do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::api::{self, ApiError, Group, ScrapeTarget};
use super::child::Program;
use super::config::GROUP;
use super::view::{Rates, short};
use crate::drive::live::clock::Clock;
use crate::policy::Reason;
use crate::policy::openfaas_ce::words::{self, Change};
use crate::record::{EventKind, EventRow};
use crate::time::{Timestamp, format_duration};

/// Time between two looks at the programs' processes.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two questions to the programs.
const ASK: Duration = Duration::from_secs(1);
/// Questions are asked this long after an evaluation too, so that its rates are known before the notifications it leads to.
const AFTER_EVALUATION: Duration = Duration::from_millis(30);
/// Questions in a row without an answer after which a program counts as gone.
const SILENCE: u32 = 3;

/// What happened, told to the run.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) actor: &'static str,
    pub(super) clock: Clock,
    pub(super) events: UnboundedSender<EventRow>,
    /// Set once something broke.
    pub(super) has_broken: Arc<AtomicBool>,
}

impl Teller {
    pub(super) fn tell(&self, at: Timestamp, kind: EventKind, reason: Reason) {
        if kind == EventKind::Broken {
            self.has_broken.store(true, Ordering::Relaxed);
        }
        let Reason { text, value } = reason;
        let row = EventRow { at, actor: self.actor.into(), kind, from: None, to: None, reason: text, value };
        // nobody listens any more when the run is over
        let _ = self.events.send(row);
    }

    /// A Unix time as a point in the run; what lies before its start counts as the start.
    fn timestamp(&self, unix: Duration) -> Timestamp {
        Timestamp::ZERO + unix.saturating_sub(self.clock.epoch().unix())
    }
}

/// The programs, shared with who ends them.
pub(super) type Programs = Arc<Mutex<Vec<Program>>>;

/// Tells of each program that ends, until there is none.
pub(super) async fn ends(programs: &Programs, teller: &Teller) {
    let mut gone = BTreeSet::new();
    loop {
        {
            let mut programs = programs.lock().unwrap_or_else(PoisonError::into_inner);
            for program in programs.iter_mut().filter(|program| !gone.contains(program.name)).collect::<Vec<_>>() {
                if let Some(how) = program.ended() {
                    let text = format!("{} ended in mid-run, {how}", program.name);
                    teller.tell(teller.clock.now(), EventKind::Broken, Reason::new(text));
                    gone.insert(program.name);
                }
            }
            if gone.len() >= programs.len() {
                return;
            }
        }
        teller.clock.sleep_until(teller.clock.now() + LOOK).await;
    }
}

/// What is known of the programs so far.
pub(super) struct Watch {
    pub(super) teller: Teller,
    pub(super) prometheus: SocketAddr,
    pub(super) alertmanager: SocketAddr,
    /// The rule's left side, whose values are the rates.
    pub(super) expression: String,
    pub(super) threshold: f64,
    pub(super) scrape_interval: Duration,
    pub(super) evaluation_interval: Duration,
    /// When rules are evaluated, if the rule file's name tells: Unix time modulo the interval.
    pub(super) evaluation_phase: Option<Duration>,
    pub(super) rates: Rates,
    pub(super) known: Known,
}

/// What was told already.
#[derive(Default)]
pub(super) struct Known {
    alerts: BTreeMap<String, bool>,
    last_evaluation: Option<Duration>,
    last_scrape: Option<Duration>,
    is_scraped: Option<bool>,
    silence: BTreeMap<&'static str, u32>,
}

impl Watch {
    /// Asks until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let next = self.next_question();
            let groups = api::groups(self.prometheus).await;
            let answer = self.heard("prometheus", groups);
            if let Some(group) = answer.and_then(|groups| groups.into_iter().find(|group| group.name == GROUP)) {
                self.evaluated(&group).await;
            }
            if let Ok(targets) = api::targets(self.prometheus).await {
                for target in &targets {
                    self.scraped(target);
                }
            }
            let ready = api::is_ready(self.alertmanager).await;
            self.heard("alertmanager", ready);
            self.teller.clock.sleep_until(next).await;
        }
    }

    fn next_question(&self) -> Timestamp {
        let clock = &self.teller.clock;
        let now = clock.now();
        let evaluated = self
            .evaluation_phase
            .map(|phase| clock.epoch().next_on_grid(now + LOOK, self.evaluation_interval, phase + AFTER_EVALUATION));
        (now + ASK).min(evaluated.unwrap_or(Timestamp::MAX))
    }

    /// Counts questions without an answer. A program that has ended refuses connections, which its end explains.
    fn heard<T>(&mut self, program: &'static str, answer: Result<T, ApiError>) -> Option<T> {
        let silence = self.known.silence.entry(program).or_default();
        let now = self.teller.clock.now();
        match answer {
            Ok(answer) => {
                if std::mem::take(silence) >= SILENCE {
                    self.teller.tell(now, EventKind::Phase, Reason::new(format!("{program} answers again")));
                }
                Some(answer)
            }
            Err(ApiError::Connect(_)) => None,
            Err(error) => {
                *silence += 1;
                if *silence == SILENCE {
                    let text = format!("{program} does not answer any more: {error}");
                    self.teller.tell(now, EventKind::Broken, Reason::new(text));
                }
                None
            }
        }
    }

    /// Tells what an evaluation changed about the alerts.
    async fn evaluated(&mut self, group: &Group) {
        let Some(at) = group.last_evaluation.filter(|at| self.known.last_evaluation != Some(*at)) else { return };
        let is_first = self.known.last_evaluation.replace(at).is_none();
        let evaluated = self.grid_point(at);
        if is_first {
            self.tell_phase("rules are evaluated", evaluated, self.evaluation_interval);
        }
        if let Ok(rates) = api::query(self.prometheus, &self.expression, evaluated).await {
            self.rates.set(rates);
        }
        let now = self.teller.timestamp(evaluated);
        let alerts =
            group.alerts().map(|alert| (alert.function_name().to_owned(), (alert.is_firing(), alert.active_at)));
        let alerts: BTreeMap<String, (bool, Option<Duration>)> = alerts.collect();
        let before = std::mem::take(&mut self.known.alerts);
        for (function, (is_firing, active_at)) in &alerts {
            let was = before.get(function).copied();
            if was.is_none() {
                let since = active_at.map_or(now, |at| self.teller.timestamp(at));
                self.tell_alert(since, function, Change::Pending);
            }
            if *is_firing && was != Some(true) {
                self.tell_alert(now, function, Change::Firing);
            }
        }
        for (function, was_firing) in before.iter().filter(|(function, _)| !alerts.contains_key(*function)) {
            self.tell_alert(now, function, if *was_firing { Change::Resolved } else { Change::Dropped });
        }
        self.known.alerts = alerts.into_iter().map(|(function, (is_firing, _))| (function, is_firing)).collect();
    }

    /// The time of an evaluation: the program tells when it began to evaluate, which is up to a few milliseconds later.
    fn grid_point(&self, at: Duration) -> Duration {
        const LATE_MOST: Duration = Duration::from_secs(1);
        let late = self.evaluation_phase.map(|phase| modulo(at.saturating_sub(phase), self.evaluation_interval));
        late.filter(|late| *late < LATE_MOST).map_or(at, |late| at.saturating_sub(late))
    }

    fn tell_alert(&self, at: Timestamp, function: &str, change: Change) {
        let rate = self.rates.of(function);
        self.teller.tell(at, EventKind::Alert, words::alert(short(function), change, rate, self.threshold));
    }

    fn tell_phase(&self, what: &str, at: Duration, interval: Duration) {
        let phase = modulo(at, interval).as_secs_f64();
        let interval = format_duration(interval);
        let text = format!("{what} at {phase:.3} s of Unix time modulo {interval}");
        self.teller.tell(self.teller.clock.now(), EventKind::Phase, Reason::with(text, phase));
    }

    /// Tells of scrapes that fail, and when they succeed again.
    fn scraped(&mut self, target: &ScrapeTarget) {
        let Some(at) = target.last_scrape.filter(|at| self.known.last_scrape != Some(*at)) else { return };
        if self.known.last_scrape.replace(at).is_none() {
            self.tell_phase("counters are read", at, self.scrape_interval);
        }
        let is_up = target.health == "up";
        let was_up = self.known.is_scraped.replace(is_up);
        let at = self.teller.timestamp(at);
        if !is_up {
            let text = format!("{}: {}", words::SCRAPE_FAILED, target.last_error);
            self.teller.tell(at, EventKind::Broken, Reason::new(text));
        } else if was_up == Some(false) {
            self.teller.tell(at, EventKind::Phase, Reason::new("scrapes succeed again"));
        }
    }
}

/// A Unix time within its interval.
pub(super) fn modulo(at: Duration, interval: Duration) -> Duration {
    let rest = at.as_nanos() % interval.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(rest).unwrap_or(0))
}
