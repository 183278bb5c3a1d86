//! What a replay prints: its events as CSV, or everything about it as JSON.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::drive::Arm;
use crate::drive::replay::{Counted, ReplayEvent, Replayed};
use crate::policy::settings::Value;
use crate::random::Seed;
use crate::study::recording::Recorded;
use crate::time::format_duration;

/// A replay and what it was made of.
pub(super) struct Told<'a> {
    pub(super) arm: &'a Arm,
    /// Whether the arm is one of the recorded study.
    pub(super) of_study: bool,
    pub(super) seed: Seed,
    pub(super) recorded: &'a Recorded,
    pub(super) replayed: &'a Replayed,
}

impl Told<'_> {
    fn function(&self, event: &ReplayEvent) -> Option<&str> {
        let recording = self.recorded.run.functions.get(usize::from(event.function?.0))?;
        Some(&recording.info.name)
    }

    /// A row per event.
    pub(super) fn csv(&self) -> Result<String, Failure> {
        let several = self.recorded.run.functions.len() > 1;
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut head = vec!["t_s", "kind", "from", "to", "reason"];
        if several {
            head.push("function");
        }
        let failed = |error: csv::Error| Failure::from_error(ExitStatus::Failed, &error, None);
        writer.write_record(&head).map_err(failed)?;
        for event in &self.replayed.events {
            let number = |number: Option<u32>| number.map_or(String::new(), |number| number.to_string());
            let mut row = vec![
                format!("{:.3}", event.t_s),
                event.kind.as_str().to_owned(),
                number(event.from),
                number(event.to),
                event.reason.text.clone(),
            ];
            if several {
                row.push(self.function(event).unwrap_or_default().to_owned());
            }
            writer.write_record(&row).map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Events, and all that is needed to make them again.
    pub(super) fn json(&self) -> Result<String, Failure> {
        let Self { arm, recorded, replayed, .. } = self;
        let events: Vec<Json> = replayed
            .events
            .iter()
            .map(|event| {
                json!({
                    "t_s": event.t_s,
                    "kind": event.kind.as_str(),
                    "from": event.from,
                    "to": event.to,
                    "reason": event.reason.text,
                    "value": event.reason.value,
                    "function": self.function(event),
                })
            })
            .collect();
        let settings: BTreeMap<&str, Json> = arm.settings.iter().map(|(key, value)| (key, setting(value))).collect();
        let functions: Vec<Json> = recorded
            .run
            .functions
            .iter()
            .zip(&recorded.files)
            .map(|(recording, file)| {
                let (what, count) = match &recording.counted {
                    Counted::Readings(series) => ("samples", series.iter().map(|series| series.samples.len()).sum()),
                    Counted::Answers(answers) => ("answers", answers.len()),
                };
                json!({
                    "function": recording.info.name,
                    "labels": recording.info.labels,
                    "file": file.display().to_string(),
                    what: count,
                    "replicas": recording.replicas,
                    "replicas_min": recording.bounds.0,
                    "replicas_max": recording.bounds.1,
                })
            })
            .collect();
        let whole = json!({
            "policy": arm.policy.name,
            "settings_of_arm": self.of_study.then_some(&arm.name),
            "settings": settings,
            "seed": self.seed.0,
            "start_unix_s": recorded.load_start.as_secs_f64(),
            "recorded": {
                "arm": recorded.of.as_ref().map(|(arm, _)| arm),
                "repeat": recorded.of.as_ref().map(|(_, repeat)| repeat),
                "functions": functions,
                "probes": recorded.run.probes.len(),
                "unknown": recorded.unknown,
            },
            "events": events,
            "end_s": replayed.end_s,
        });
        serde_json::to_string_pretty(&whole).map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))
    }
}

/// A setting as a scenario would have it.
fn setting(value: &Value) -> Json {
    match value {
        Value::Integer(number) => json!(number),
        Value::Number(number) => json!(number),
        Value::Switch(switch) => json!(switch),
        Value::Text(word) => json!(word),
        Value::Owned(word) => json!(word),
        Value::Duration(duration) => json!(format_duration(*duration)),
    }
}
