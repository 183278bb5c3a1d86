//! Anyone's own autoscaler: a program that is handed events and answers with actions, as lines of JSON.
//!
//! A program is not pure, so what starts it and speaks to it is a driver's (`drive::program`); this says what a scenario may
//! set of it. Where no program can be started (the pure core alone) the policy says so and decides nothing.

use std::time::Duration;

use crate::time::Timestamp;

use super::settings::{Kind, Parameter, Settings, Value};
use super::{Context, Event, Policy};

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let text = |name, doc| Parameter { name, kind: Kind::Text, default: Value::Text(""), unit: "", doc };
    let wait = (Duration::from_millis(10), Duration::from_secs(600));
    vec![
        text(
            "command",
            "the program with its arguments, in words as a shell would split them; it is started without a shell",
        ),
        text("directory", "where it is started, beside the scenario; the scenario's own directory if not given"),
        Parameter::duration(
            "answer_within",
            wait,
            Duration::from_secs(1),
            "how long it may take to answer an event; a run whose program takes longer is ended",
        ),
        Parameter::duration(
            "start_within",
            wait,
            Duration::from_secs(10),
            "how long it may take to answer the first event, \"started\"",
        ),
    ]
}

/// Makes one where no program can be started.
pub fn build(_settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    Box::new(NoPrograms)
}

/// Stands for a program in the pure core.
#[derive(Debug)]
struct NoPrograms;

impl Policy for NoPrograms {
    fn handle(&mut self, _now: Timestamp, _event: &Event, _actions: &mut Vec<super::Action>) {}

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn failure(&self) -> Option<String> {
        Some(
            "policy exec: this build of the library can't start programs; build it with the feature \"app\"".to_owned(),
        )
    }
}
