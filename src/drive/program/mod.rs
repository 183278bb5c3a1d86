//! A policy that is a program of its own: each event goes to it as a line of JSON, and a line with its actions comes back.
//!
//! ```text
//!   handle(event) --> writer thread --> its standard input
//!   actions <-------- reader thread <-- its standard output      waited for, but not longer than answer_within
//!                     tail of       <-- its standard error       its last words, if it comes to that
//! ```
//!
//! In virtual time and by the wall clock alike the driver waits for the answer, so a program decides on the same events in the
//! same order in both; by the wall clock the load has threads of its own and does not wait. What goes wrong (no answer in time, no
//! JSON, more lines than questions, the program's end) is a failure of the run with the program's last words in it.

#![expect(clippy::disallowed_methods, reason = "a program has threads at its pipes, and a time to answer")]

mod child;
pub mod messages;
mod words;

use std::path::PathBuf;

use serde_json::Value as Json;

use self::child::{Child, Silence};
use crate::policy::settings::Settings;
use crate::policy::{Action, Context, Event, Policy};
use crate::time::Timestamp;

/// Longest part of an answer a message shows.
const SHOWN: usize = 200;

/// Starts the program of an arm. Whatever stands in the way is a failure of the policy.
pub fn start(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    let command = settings.text("command");
    let words = words::split(command);
    let child = match words.split_first() {
        Some((program, arguments)) => {
            let directory = PathBuf::from(settings.text("directory"));
            Child::start(program, arguments, &directory)
                .map_err(|source| format!("can't be started: {source} (in {})", shown_directory(&directory)))
        }
        None => Err("is not given".to_owned()),
    };
    let (child, failure) = match child {
        Ok(child) => (Some(child), None),
        Err(why) => (None, Some(format!("policy exec: command = \"{command}\" {why}"))),
    };
    Box::new(Program {
        command: command.to_owned(),
        answer_within: settings.duration("answer_within"),
        start_within: settings.duration("start_within"),
        context: messages::context(context),
        child,
        failure,
        desired: vec![0; context.functions.len()],
        wake_at: None,
    })
}

fn shown_directory(directory: &std::path::Path) -> String {
    if directory.as_os_str().is_empty() { "the current directory".to_owned() } else { directory.display().to_string() }
}

struct Program {
    command: String,
    answer_within: std::time::Duration,
    start_within: std::time::Duration,
    /// Goes out with the first event.
    context: Json,
    child: Option<Child>,
    failure: Option<String>,
    /// Desired replicas as last heard of, by function: where a scaling that doesn't say starts from.
    desired: Vec<u32>,
    wake_at: Option<Timestamp>,
}

impl Program {
    fn ask(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) -> Result<(), String> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let mut message = messages::event(now, event);
        let within = if let Event::Started { .. } = event {
            messages::join(&mut message, &self.context);
            self.start_within
        } else {
            self.answer_within
        };
        if let Some(line) = child.unasked() {
            return Err(format!("answered without being asked: {}", shown(&line)));
        }
        let name = message["event"].as_str().unwrap_or_default().to_owned();
        child.tell(message.to_string());
        let line = child.answer(within).map_err(|silence| match silence {
            Silence::Late => format!(
                "did not answer \"{name}\" within {}; raise answer_within if it needs longer",
                crate::time::format_duration(within)
            ),
            Silence::Ended(how) => format!("ended {how} and did not answer \"{name}\""),
            Silence::TooLong(most) => format!("answered \"{name}\" with a line of more than {most} bytes"),
        })?;
        let answer = messages::answer(&line, now, &self.desired)
            .map_err(|wrong| format!("answered \"{name}\" with {}, {wrong}", shown(&line)))?;
        self.wake_at = answer.wake_at;
        actions.extend(answer.actions);
        Ok(())
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Started { replicas } => self.desired.clone_from(replicas),
            Event::Replicas { function, status: Some(status) } => self.note(*function, status.desired),
            Event::ScaleAnswered { function, result: Ok(accepted) } => self.note(*function, *accepted),
            _ => {}
        }
    }

    fn note(&mut self, function: crate::record::FunctionId, replicas: u32) {
        if let Some(desired) = self.desired.get_mut(usize::from(function.0)) {
            *desired = replicas;
        }
    }
}

/// An answer, or what of it fits into a message.
fn shown(line: &str) -> String {
    let mut text: String = line.chars().filter(|char| !char.is_control()).take(SHOWN).collect();
    if line.chars().count() > SHOWN {
        text.push_str("...");
    }
    format!("`{text}`")
}

impl Policy for Program {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        if self.failure.is_some() {
            return;
        }
        self.hear(event);
        if let Err(why) = self.ask(now, event, actions) {
            let last_words = self.child.take().map(Child::end).unwrap_or_default();
            let said = if last_words.is_empty() {
                "; it said nothing on its standard error".to_owned()
            } else {
                format!("; its last words:\n    {}", last_words.join("\n    "))
            };
            self.failure = Some(format!("the program `{}` {why}{said}", self.command));
            self.wake_at = None;
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn failure(&self) -> Option<String> {
        self.failure.clone()
    }
}

#[cfg(test)]
mod laws;
