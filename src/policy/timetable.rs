//! A timetable: so many replicas from each of its times on, whatever the load turns out to be.
//!
//! ```text
//!   plan = "1 at 0s, 3 at 1m, 1 at 5m"
//!
//!   warm-up | load
//!           0s        1m                5m
//!   ...1....|....1....|........3........|....1...      what is asked for
//! ```
//!
//! Scheduled scaling, as KEDA's cron scaler (<https://keda.sh/docs/latest/scalers/cron/>), EC2 Auto Scaling's scheduled actions and
//! Google Cloud's scaling schedules have it; and, with a plan made from the load itself, the yardstick of what knowing it beforehand
//! is worth. Times count from the load's start. Before it the timetable stands at 0s, so what it has for the load's start is there
//! when the load starts; `n at 0s` alone is policy `fixed` that asks again. Before its first time the platform keeps what it has.
//!
//! It acts at its own times only, as scheduled actions do: then it reads the replicas there are and asks for the planned ones if they
//! are others. What the platform makes of that stands until the next time, and what anybody else sets in between is left alone, so
//! it never argues with another writer. Only a refusal is not the platform's last word: it is asked again, for what is planned by then.

mod plan;

use std::time::Duration;

use crate::record::{FunctionId, ReplicaStatus};
use crate::time::{Timestamp, format_duration};

pub use self::plan::{Entry, Plan};
use super::objection::Objection;
use super::settings::{Kind, Parameter, Settings, Value};
use super::{Action, Context, Event, Policy, Reason};

/// After a refusal the platform is asked again so much later: soon beside the minutes of a plan, and seldom enough to be no burden.
const AGAIN: Duration = Duration::from_secs(5);

/// The longest plan that repeats itself: a year.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter {
            name: "plan",
            kind: Kind::Written(&plan::SYNTAX),
            default: Value::Text("1 at 0s"),
            unit: "",
            doc: "how many replicas from each time on, counted from the load's start; the platform's own bounds still apply",
        },
        Parameter::duration(
            "every",
            (Duration::ZERO, YEAR),
            Duration::ZERO,
            "after so long the plan begins again, with its last count until its first time; 0s for a plan that is gone through once",
        ),
    ]
}

/// A plan that asks for more than there may be, or whose rounds are none.
pub fn objection(settings: &Settings, replicas_max: u32) -> Option<Objection> {
    Plan::objection(settings, replicas_max)
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    Box::new(Timetable {
        plan: Plan::of(settings),
        load_start: context.load_start,
        replicas: 0,
        next: None,
        is_asked_again: false,
    })
}

/// A plan, and where it stands.
#[derive(Debug)]
struct Timetable {
    plan: Plan,
    load_start: Timestamp,
    /// Desired replicas as the platform last told them.
    replicas: u32,
    /// When it acts next.
    next: Option<Timestamp>,
    /// Whether it acts because of a refusal, and not because of its plan.
    is_asked_again: bool,
}

impl Timetable {
    /// How far the plan is: nowhere yet before the load's start.
    fn since_start(&self, now: Timestamp) -> Duration {
        now.since(self.load_start)
    }

    /// Looks what replicas there are, to act on the answer.
    fn look(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.next = self.plan.next(self.since_start(now)).map(|next| self.load_start + next);
        actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
    }

    /// Asks for what is planned if there is something else. Replicas that can't be read are those that were last told: a plan needs
    /// no reading to be kept.
    fn act(&mut self, now: Timestamp, read: Option<ReplicaStatus>, actions: &mut Vec<Action>) {
        let from = read.map_or(self.replicas, |status| status.desired);
        self.replicas = from;
        let again = if std::mem::take(&mut self.is_asked_again) { "; asked again after a refusal" } else { "" };
        let Some(Entry { at, replicas: to }) = self.plan.at(self.since_start(now)) else { return };
        if from != to {
            let reason = Reason::new(format!("the plan has {to} from {} on{again}", format_duration(at)));
            actions.push(Action::Scale { function: FunctionId::STUDIED, from, to, reason });
        }
    }
}

impl Policy for Timetable {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { replicas } => {
                self.replicas = replicas.first().copied().unwrap_or(0);
                self.look(now, actions);
            }
            Event::Woken if self.next.is_some_and(|next| next <= now) => self.look(now, actions),
            Event::Replicas { function: FunctionId::STUDIED, status } => self.act(now, *status, actions),
            Event::ScaleAnswered { function: FunctionId::STUDIED, result: Ok(accepted) } => self.replicas = *accepted,
            Event::ScaleAnswered { function: FunctionId::STUDIED, result: Err(_) } => {
                // a time of the plan that comes sooner asks anyway
                let again = now + AGAIN;
                if self.next.is_none_or(|next| again < next) {
                    self.next = Some(again);
                    self.is_asked_again = true;
                }
            }
            Event::Woken
            | Event::ProbeDone(_)
            | Event::Scraped(_)
            | Event::Replicas { .. }
            | Event::Measured { .. }
            | Event::ScaleAnswered { .. } => {}
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.next
    }
}

#[cfg(test)]
mod laws;
