//! Events and actions as JSON: what a program is told, what it may answer, and the schema of both.
//!
//! Times are whole nanoseconds since the run's start, durations whole nanoseconds, so nothing is lost on the way.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::policy::{Action, Context, Event, Measurement, PodSample, Reason, Refusal};
use crate::record::{Answer as ProbeAnswer, ErrorKind, EventKind, FunctionId, ProbeRow};
use crate::time::{Timestamp, nanos};

/// What came back.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) actions: Vec<Action>,
    pub(super) wake_at: Option<Timestamp>,
}

/// What goes out with the first event, beside it.
pub(super) fn context(context: &Context) -> Json {
    let functions: Vec<Json> = context
        .functions
        .iter()
        .zip(&context.bounds)
        .map(|(function, (min, max))| {
            json!({ "name": function.name, "labels": function.labels, "min_replicas": min, "max_replicas": max })
        })
        .collect();
    json!({
        "protocol": 1,
        "functions": functions,
        "load_start": context.load_start.as_nanos(),
        "unix": u64::try_from(context.epoch.unix().as_nanos()).unwrap_or(u64::MAX),
        "seed": context.seed.0,
    })
}

/// One object's members into another's.
pub(super) fn join(message: &mut Json, more: &Json) {
    if let (Json::Object(message), Json::Object(more)) = (message, more) {
        message.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// An event.
pub(super) fn event(now: Timestamp, event: &Event) -> Json {
    let mut message = match event {
        Event::Started { replicas } => json!({ "event": "started", "replicas": replicas }),
        Event::Woken => json!({ "event": "woken" }),
        Event::ProbeDone(outcome) => {
            let (status, error) = answer_parts(outcome.answer);
            let (sent, latency) = (outcome.sent.as_nanos(), nanos(outcome.latency));
            json!({ "event": "probe_done", "sent": sent, "latency": latency, "status": status, "error": error })
        }
        Event::Scraped(counters) => {
            let counters = counters.as_ref().map(|counters| {
                let counter = |counter: &crate::policy::Counter| {
                    // a series without a sample is not a number, which JSON doesn't have
                    let value = counter.value.is_finite().then_some(counter.value);
                    json!({ "function": counter.function.0, "code": counter.code, "value": value })
                };
                counters.iter().map(counter).collect::<Vec<_>>()
            });
            json!({ "event": "scraped", "counters": counters })
        }
        Event::Replicas { function, status } => {
            let status = status.map(|status| json!({ "desired": status.desired, "ready": status.ready }));
            json!({ "event": "replicas", "function": function.0, "status": status })
        }
        Event::Measured { function, sample } => {
            json!({ "event": "measured", "function": function.0, "sample": sample.as_ref().map(measurement) })
        }
        Event::ScaleAnswered { function, result } => {
            let (accepted, refused) = match result {
                Ok(accepted) => (Some(*accepted), None),
                Err(refusal) => (None, Some(refused(refusal))),
            };
            json!({ "event": "scale_answered", "function": function.0, "accepted": accepted, "refused": refused })
        }
    };
    message["at"] = json!(now.as_nanos());
    message
}

fn answer_parts(answer: ProbeAnswer) -> (Option<u16>, Option<&'static str>) {
    match answer {
        Ok(status) => (Some(status), None),
        Err(error) => (None, Some(error.as_str())),
    }
}

fn refused(refusal: &Refusal) -> Json {
    let status = match refusal {
        Refusal::Status { status, .. } => Some(*status),
        Refusal::Unreachable(_) | Refusal::HeldBack(_) => None,
    };
    json!({ "status": status, "text": refusal.to_string() })
}

fn measurement(sample: &Measurement) -> Json {
    let pod = |pod: &PodSample| {
        json!({
            "replica": pod.replica.0,
            "asked": pod.asked.as_nanos(),
            "ready": pod.ready.map(Timestamp::as_nanos),
            "cpu_time": nanos(pod.cpu_time),
            "in_flight": pod.in_flight,
            "request_time": nanos(pod.request_time),
            "answered": pod.answered,
        })
    };
    json!({
        "in_flight": sample.in_flight,
        "answered": sample.answered,
        "request_time": nanos(sample.request_time),
        "pods": sample.pods.iter().map(pod).collect::<Vec<_>>(),
    })
}

/// Reads an answer; what is wrong with it, as the end of a sentence.
pub(super) fn answer(line: &str, now: Timestamp, desired: &[u32]) -> Result<Answer, String> {
    let json: Json = serde_json::from_str(line).map_err(|error| format!("which is no JSON ({error})"))?;
    let Json::Object(answer) = json else { return Err("which is no object".to_owned()) };
    known(&answer, &["actions", "wake_at"])?;
    let wake_at = match answer.get("wake_at") {
        None | Some(Json::Null) => None,
        Some(at) => Some(Timestamp::from_nanos(whole(at, "wake_at")?)),
    };
    let actions = match answer.get("actions") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(actions)) => {
            actions.iter().map(|action| one(action, now, desired)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err("where \"actions\" is no list".to_owned()),
    };
    Ok(Answer { actions, wake_at })
}

fn one(action: &Json, now: Timestamp, desired: &[u32]) -> Result<Action, String> {
    let Json::Object(action) = action else { return Err("where an action is no object".to_owned()) };
    let what = action.get("do").and_then(Json::as_str).ok_or("where an action has no \"do\"")?;
    let function = match action.get("function") {
        None => FunctionId::STUDIED,
        Some(number) => {
            let number = whole(number, "function")?;
            let is_one = number < desired.len() as u64;
            FunctionId(u16::try_from(number).ok().filter(|_| is_one).ok_or("which names a function there isn't")?)
        }
    };
    let keys: &[&str] = match what {
        "probe" | "scrape" => &["do"],
        "read_replicas" | "measure" => &["do", "function"],
        "scale" => &["do", "function", "from", "to", "reason", "value"],
        "note" => &["do", "kind", "from", "to", "reason", "value"],
        "judge" => &["do", "sent", "latency", "status", "error", "above", "below", "decision"],
        _ => {
            return Err(format!(
                "where \"do\" is \"{what}\": it may be probe, scrape, read_replicas, measure, scale, note or judge"
            ));
        }
    };
    known(action, keys)?;
    Ok(match what {
        "probe" => Action::Probe,
        "scrape" => Action::Scrape,
        "read_replicas" => Action::ReadReplicas { function },
        "measure" => Action::Measure { function },
        "scale" => {
            let to = count(action, "to")?.ok_or("where \"scale\" has no \"to\"")?;
            let known = desired.get(usize::from(function.0)).copied().unwrap_or(0);
            let from = count(action, "from")?.unwrap_or(known);
            Action::Scale { function, from, to, reason: reason(action, "the program gave no reason")? }
        }
        "note" => {
            let kind = match action.get("kind").map(Json::as_str) {
                None | Some(Some("decision")) => EventKind::Decision,
                Some(Some("failed")) => EventKind::Failed,
                Some(Some("alert")) => EventKind::Alert,
                Some(_) => return Err("where the \"kind\" of a note is none of decision, failed and alert".to_owned()),
            };
            let (from, to) = (count(action, "from")?, count(action, "to")?);
            Action::Note { kind, from, to, reason: reason(action, "")? }
        }
        _ => Action::Judged(judged(action, now)?),
    })
}

fn judged(action: &Map<String, Json>, now: Timestamp) -> Result<ProbeRow, String> {
    let time = |key: &str| action.get(key).filter(|value| !value.is_null()).map(|value| whole(value, key)).transpose();
    let status = time("status")?.map(|status| u16::try_from(status).map_err(|_| "where a status is none".to_owned()));
    let error = action.get("error").and_then(Json::as_str);
    let answer = match (status.transpose()?, error) {
        (Some(status), _) => Ok(status),
        (None, error) => Err(ErrorKind::ALL
            .into_iter()
            .find(|kind| Some(kind.as_str()) == error)
            .ok_or("where a judged probe has neither a status nor one of the known errors")?),
    };
    Ok(ProbeRow {
        sent: time("sent")?.map_or(now, Timestamp::from_nanos),
        latency: time("latency")?.map(Duration::from_nanos),
        answer,
        above: count(action, "above")?.unwrap_or(0),
        below: count(action, "below")?.unwrap_or(0),
        decision: Cow::Owned(text(action, "decision")?.unwrap_or_default()),
    })
}

fn reason(action: &Map<String, Json>, default: &str) -> Result<Reason, String> {
    let value = match action.get("value") {
        None | Some(Json::Null) => None,
        Some(value) => Some(value.as_f64().ok_or("where \"value\" is no number")?),
    };
    Ok(Reason { text: text(action, "reason")?.unwrap_or_else(|| default.to_owned()), value })
}

fn text(action: &Map<String, Json>, key: &str) -> Result<Option<String>, String> {
    match action.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("where \"{key}\" is no text")),
    }
}

fn count(action: &Map<String, Json>, key: &str) -> Result<Option<u32>, String> {
    let Some(value) = action.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = whole(value, key)?;
    u32::try_from(number).map(Some).map_err(|_| format!("where \"{key}\" is too large"))
}

fn whole(value: &Json, key: &str) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("where \"{key}\" is no whole number of at least 0"))
}

fn known(object: &Map<String, Json>, keys: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("where \"{key}\" is unknown here; known are {}", keys.join(", "))),
        None => Ok(()),
    }
}

/// JSON Schema of both directions: `$defs/event` and `$defs/answer`.
pub fn schema() -> Json {
    let time =
        |what: &str| json!({ "type": "integer", "minimum": 0, "description": format!("{what}, in nanoseconds") });
    let maybe = |schema: Json| json!({ "anyOf": [schema, { "type": "null" }] });
    let whole = || json!({ "type": "integer", "minimum": 0 });
    let event = |name: &str, what: &str, members: Json| {
        let mut properties = json!({ "event": { "const": name }, "at": time("since the run's start") });
        join(&mut properties, &members);
        let required: Vec<String> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        json!({ "type": "object", "description": what, "properties": properties, "required": required })
    };
    let action = |name: &str, what: &str, members: Json, required: &[&str]| {
        let mut properties = json!({ "do": { "const": name } });
        join(&mut properties, &members);
        let required: Vec<&str> = ["do"].into_iter().chain(required.iter().copied()).collect();
        json!({ "type": "object", "description": what, "properties": properties, "required": required, "additionalProperties": false })
    };
    let list = |of: Json| json!({ "type": "array", "items": of });
    let object = |properties: Json| json!({ "type": "object", "properties": properties });
    let function =
        || json!({ "type": "integer", "minimum": 0, "default": 0, "description": "0 is the function under study" });
    let errors: Vec<&str> = ErrorKind::ALL.into_iter().map(ErrorKind::as_str).collect();
    let (status, error) = (|| json!({ "type": ["integer", "null"] }), || json!({ "enum": [errors, null] }));
    let reason = || json!({ "type": "string", "description": "why, for events.csv" });
    let value = || json!({ "type": ["number", "null"], "description": "the number that mattered most" });
    let pod = object(json!({
        "replica": whole(), "asked": time("when it was asked for"), "ready": maybe(time("since when it serves")),
        "cpu_time": time("CPU time used"), "in_flight": whole(), "request_time": time("spent in it by all requests"), "answered": whole(),
    }));
    let events = [
        event(
            "started",
            "the first event, once; what is known of the run comes with it",
            json!({
                "replicas": list(whole()), "protocol": { "const": 1 },
                "functions": list(object(json!({
                    "name": { "type": "string" }, "labels": { "type": "object" }, "min_replicas": whole(), "max_replicas": whole(),
                }))),
                "load_start": time("since the run's start"), "unix": time("Unix time of the run's start"), "seed": whole(),
            }),
        ),
        event("woken", "the time asked for with wake_at has come", json!({})),
        event(
            "probe_done",
            "the answer to probe",
            json!({
                "sent": time("when it left"), "latency": time("until its answer"), "status": status(), "error": error(),
            }),
        ),
        event(
            "scraped",
            "the answer to scrape; null if the counters could not be had",
            json!({
                "counters": maybe(list(object(json!({
                    "function": function(), "code": whole(), "value": { "type": ["number", "null"] },
                })))),
            }),
        ),
        event(
            "replicas",
            "the answer to read_replicas; null if they could not be read",
            json!({
                "function": function(), "status": maybe(object(json!({ "desired": whole(), "ready": whole() }))),
            }),
        ),
        event(
            "measured",
            "the answer to measure; null if there are no metrics",
            json!({
                "function": function(),
                "sample": maybe(object(json!({
                    "in_flight": whole(), "answered": whole(), "request_time": time("spent at the gateway by all requests"), "pods": list(pod),
                }))),
            }),
        ),
        event(
            "scale_answered",
            "the answer to scale: what was accepted, or why not",
            json!({
                "function": function(), "accepted": { "type": ["integer", "null"] },
                "refused": maybe(object(json!({ "status": status(), "text": { "type": "string" } }))),
            }),
        ),
    ];
    let actions = [
        action("probe", "send one monitoring request", json!({}), &[]),
        action("scrape", "read the gateway's counters", json!({}), &[]),
        action("read_replicas", "read a function's replicas", json!({ "function": function() }), &[]),
        action(
            "measure",
            "read the platform's metrics of a function and its pods",
            json!({ "function": function() }),
            &[],
        ),
        action(
            "scale",
            "ask for replicas",
            json!({
                "function": function(), "from": whole(), "to": whole(), "reason": reason(), "value": value(),
            }),
            &["to"],
        ),
        action(
            "note",
            "a row for events.csv",
            json!({
                "kind": { "enum": ["decision", "failed", "alert"] }, "from": whole(), "to": whole(), "reason": reason(), "value": value(),
            }),
            &[],
        ),
        action(
            "judge",
            "a row for probes.csv",
            json!({
                "sent": time("when it left"), "latency": maybe(time("until its answer")), "status": status(), "error": error(),
                "above": whole(), "below": whole(), "decision": { "type": "string" },
            }),
            &[],
        ),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "watchtower policy exec, protocol 1",
        "description": "each event is a line on the program's standard input; the program answers each with one line on its standard output",
        "oneOf": [{ "$ref": "#/$defs/event" }, { "$ref": "#/$defs/answer" }],
        "$defs": {
            "event": { "oneOf": events },
            "answer": {
                "type": "object",
                "properties": {
                    "actions": { "type": "array", "items": { "oneOf": actions } },
                    "wake_at": maybe(time("when it wants to be woken next, since the run's start; a time that has passed means at once")),
                },
                "additionalProperties": false,
            },
        },
    })
}
