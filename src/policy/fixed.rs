//! A fixed number of replicas: the control arm, and the yardstick for demand.

use crate::record::FunctionId;
use crate::time::Timestamp;

use super::objection::{Objection, RAISE_MAX};
use super::settings::{Kind, Parameter, Settings, Value};
use super::tuning::Tunable;
use super::{Action, Context, Event, Policy, Reason};

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    vec![Parameter {
        name: "replicas",
        kind: Kind::Integer { min: 1, max: 10_000 },
        default: Value::Integer(1),
        unit: "replicas",
        doc: "how many replicas the function has for the whole run; the platform's own bounds still apply",
    }]
}

/// What a search may change.
pub fn tuning() -> Vec<Tunable> {
    vec![Tunable::replicas("replicas")]
}

/// More replicas than there may be.
pub fn objection(settings: &Settings, replicas_max: u32) -> Option<Objection> {
    let replicas = settings.count("replicas");
    (replicas > replicas_max).then(|| Objection {
        key: "replicas",
        what: format!(
            "is more than the {replicas_max} replicas the platform grants, it would have {replicas_max} and not {replicas}"
        ),
        hint: RAISE_MAX,
    })
}

/// Makes one.
pub fn build(settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    Box::new(Fixed { replicas: settings.count("replicas") })
}

/// Scales once, at the start, and never again.
#[derive(Debug)]
struct Fixed {
    replicas: u32,
}

impl Policy for Fixed {
    fn handle(&mut self, _now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        if let Event::Started { replicas } = event {
            let from = replicas.first().copied().unwrap_or(0);
            if from != self.replicas {
                let reason = Reason::new(format!("fixed at {} replicas for the whole run", self.replicas));
                actions.push(Action::Scale { function: FunctionId::STUDIED, from, to: self.replicas, reason });
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }
}
