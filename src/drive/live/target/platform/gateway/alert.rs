//! `/system/alert`: the webhook Alertmanager posts to, and the steps it makes (faas `gateway/handlers/alerthandler.go`).

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::super::functions::split_namespace;
use super::super::metrics::provider::SCALE;
use super::super::server::Answer;
use super::json::object;
use super::{Gateway, answer};

/// The parts of the payload that are read; `null` stands for an absent one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    alerts: Option<Vec<Option<Alert>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Alert {
    status: Option<String>,
    labels: Option<Labels>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Labels {
    function_name: Option<String>,
}

impl Gateway {
    /// Scales every function the alerts name, one after another.
    ///
    /// A function that can't be read (unknown, or of a bad factor) is passed over without a word; only a scaling that the
    /// provider refuses is an error, and makes Alertmanager send all of them again.
    pub(super) fn alert(&self, body: Option<Bytes>) -> Answer {
        let Some(body) = body else {
            return answer::text(StatusCode::BAD_REQUEST, "Unable to read alert.");
        };
        let Ok(payload) = object::<Payload>(&body, "requests.PrometheusAlert") else {
            return answer::text(StatusCode::BAD_REQUEST, "Unable to parse alert, bad format.");
        };
        let alerts = payload.alerts.unwrap_or_default();
        let errors: Vec<String> =
            alerts.into_iter().filter_map(|alert| self.follow(&alert.unwrap_or_default()).err()).collect();
        if errors.is_empty() {
            return answer::empty(StatusCode::OK);
        }
        let mut text = String::new();
        for (index, error) in errors.iter().enumerate() {
            // writing to a string can't fail
            let _ = writeln!(text, "[{index}] {error}");
        }
        answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text)
    }

    fn follow(&self, alert: &Alert) -> Result<(), String> {
        let name = alert.labels.as_ref().and_then(|labels| labels.function_name.as_deref()).unwrap_or_default();
        let (name, namespace) = split_namespace(name);
        if name.is_empty() {
            return Ok(());
        }
        // a function that can't be read is passed over
        let Ok(function) = self.look_up(name, namespace) else { return Ok(()) };
        let Ok(ranges) = function.ranges() else { return Ok(()) };
        let (fewest, most) = function.bounds;
        let current = u64::from(self.clockwork.status(function.id).desired);
        let firing = alert.status.as_deref() == Some("firing");
        let to = ranges.after_alert(firing, current, u64::from(most));
        if to == current {
            return Ok(());
        }
        let began = self.clockwork.clock().now();
        if to == 0 && fewest > 0 {
            // replicas cannot be set to 0 in the Community Edition
            self.provided(&Method::POST, SCALE, StatusCode::BAD_REQUEST, began);
            let url = format!("http://127.0.0.1:8081/system/scale-function/{name}?namespace={namespace}");
            return Err(format!("error scaling HTTP code 400, {url}"));
        }
        self.clockwork.scale(function.id, u32::try_from(to).unwrap_or(u32::MAX));
        self.provided(&Method::POST, SCALE, StatusCode::ACCEPTED, began);
        Ok(())
    }
}
