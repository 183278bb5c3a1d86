//! `/system/alert`: the webhook Alertmanager posts to, and the steps it makes (faas `gateway/handlers/alerthandler.go`).

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::super::alerts::Notified;
use super::super::functions::split_namespace;
use super::super::metrics::provider::SCALE;
use super::super::server::Answer;
use super::json::object;
use super::{Gateway, answer};
use crate::policy::openfaas_ce::ranges::Ranges;
use crate::time::Timestamp;

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

impl Alert {
    fn is_firing(&self) -> bool {
        self.status.as_deref() == Some("firing")
    }

    /// The function as the alert names it.
    fn function(&self) -> &str {
        self.labels.as_ref().and_then(|labels| labels.function_name.as_deref()).unwrap_or_default()
    }
}

impl Gateway {
    /// Scales every function the alerts name, one after another.
    ///
    /// A function that can't be read (unknown, or of a bad factor) is passed over without a word; only a scaling that the
    /// provider refuses is an error, and makes Alertmanager send all of them again.
    pub(super) async fn alert(&self, received: Timestamp, body: Option<Bytes>) -> Answer {
        let Some(body) = body else {
            return answer::text(StatusCode::BAD_REQUEST, "Unable to read alert.");
        };
        let Ok(payload) = object::<Payload>(&body, "requests.PrometheusAlert") else {
            return answer::text(StatusCode::BAD_REQUEST, "Unable to parse alert, bad format.");
        };
        let alerts: Vec<Alert> =
            payload.alerts.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect();
        let named = alerts.iter().map(|alert| (alert.function().to_owned(), alert.is_firing())).collect();
        self.alerts.tell(received, Notified::Received(named));
        let clock = *self.replicas.clock();
        clock.sleep_until(received + self.alerts.latency).await;
        let errors: Vec<String> = alerts.iter().filter_map(|alert| self.follow(alert).err()).collect();
        let answer = if errors.is_empty() {
            answer::empty(StatusCode::OK)
        } else {
            let mut text = String::new();
            for (index, error) in errors.iter().enumerate() {
                // writing to a string can't fail
                let _ = writeln!(text, "[{index}] {error}");
            }
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text)
        };
        self.alerts.tell(clock.now(), Notified::Answered(answer.status().as_u16()));
        answer
    }

    fn follow(&self, alert: &Alert) -> Result<(), String> {
        let now = self.replicas.clock().now();
        let passed_over = |factor| {
            self.alerts.tell(now, Notified::PassedOver { name: alert.function().to_owned(), factor });
            Ok(())
        };
        let (name, namespace) = split_namespace(alert.function());
        if name.is_empty() {
            return passed_over(None);
        }
        // a function that can't be read is passed over
        let Ok(function) = self.look_up(name, namespace) else { return passed_over(None) };
        let (fewest, _) = function.bounds;
        let is_firing = alert.is_firing();
        let rule = match Ranges::of(&function.spec.labels).rule(is_firing) {
            Ok(rule) => rule,
            Err(factor) => return passed_over(Some(factor)),
        };
        let from = self.replicas.status(function.id).desired;
        let current = u64::from(from);
        let to = rule.after(current);
        let followed = |to| self.alerts.tell(now, Notified::Followed { function: function.id, is_firing, from, to });
        if to == current {
            followed(from);
            return Ok(());
        }
        let began = self.replicas.clock().now();
        if to == 0 && fewest > 0 {
            // replicas cannot be set to 0 in the Community Edition
            self.provided(&Method::POST, SCALE, StatusCode::BAD_REQUEST, began);
            let url = format!("http://127.0.0.1:8081/system/scale-function/{name}?namespace={namespace}");
            return Err(format!("error scaling HTTP code 400, {url}"));
        }
        let to = self.replicas.scale(function.id, u32::try_from(to).unwrap_or(u32::MAX));
        self.provided(&Method::POST, SCALE, StatusCode::ACCEPTED, began);
        followed(to);
        Ok(())
    }
}
