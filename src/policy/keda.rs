//! KEDA: an HPA on an external metric, which is a Prometheus query or the pending requests of the HTTP add-on.
//!
//! ```text
//!   prometheus   a query over the gateway's metrics    \
//!   http         the interceptor's pending requests     |--> External metric, averageValue --> the HPA (hpa/)
//!                or its rate over a minute             /
//! ```
//!
//! KEDA itself only switches between nothing and one replica; the platform keeps one at least, so that part (polling, cooldown,
//! activation) is left out. What is here is what KEDA's HPA does from one replica on.

use std::time::Duration;

use crate::record::ReplicaStatus;
use crate::time::Timestamp;

use super::controller::{Controller, Rule, Verdict};
use super::hpa::{Horizontal, loop_parameters, loop_tuning};
use super::metrics::{self, Readings};
use super::settings::{Parameter, Settings};
use super::tuning::Tunable;
use super::{Context, Policy};

const HOUR: Duration = Duration::from_secs(3_600);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::choice(
            "trigger",
            &["prometheus", "http"],
            "where the metric comes from: a Prometheus query, or the HTTP add-on's interceptor",
        ),
        Parameter::choice(
            "metric",
            &["rps", "concurrency"],
            "what it is: answers per second over the window, or requests in flight",
        ),
        Parameter::number(
            "threshold",
            (0.001, 1e6),
            50.0,
            "per replica",
            "the metric a replica should bear (the HTTP add-on's own default is 100)",
        ),
        Parameter::duration(
            "window",
            (Duration::from_secs(1), HOUR),
            Duration::from_secs(60),
            "the range of the query, or the add-on's rate window",
        ),
    ];
    parameters.extend(loop_parameters());
    parameters.extend(metrics::parameters(Duration::from_secs(5)));
    parameters
}

/// What a search may change.
pub fn tuning() -> Vec<Tunable> {
    let mut tuning = vec![
        Tunable::log("threshold", 1.0, 500.0).when("metric", "rps"),
        Tunable::log("threshold", 0.5, 100.0).when("metric", "concurrency"),
        Tunable::log("window", 5.0, 300.0),
    ];
    tuning.extend(loop_tuning());
    tuning
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    let window = settings.duration("window");
    let rule = Keda {
        is_rate: settings.word("metric") == "rps",
        is_http: settings.word("trigger") == "http",
        threshold: settings.number("threshold"),
        window,
        horizontal: Horizontal::new(settings, context.studied_bounds()),
    };
    Box::new(Controller::new(rule, Readings::new(settings, window), settings.duration("sync_period")))
}

#[derive(Debug)]
struct Keda {
    is_rate: bool,
    is_http: bool,
    threshold: f64,
    window: Duration,
    horizontal: Horizontal,
}

impl Rule for Keda {
    fn decide(&mut self, now: Timestamp, replicas: ReplicaStatus, readings: &Readings) -> Verdict {
        let (total, what) = if self.is_rate {
            (readings.answers_per_second(now, self.window), "requests/s")
        } else if self.is_http {
            // the interceptor tells what is pending now
            (readings.in_flight(now, self.window).map(f64::from), "pending requests")
        } else {
            // avg_over_time of the gauge, of which the pods' time in flight is the exact form
            (readings.growth(now, self.window, metrics::presence), "requests in flight")
        };
        let Some(total) = total else {
            return Verdict::Blind("the trigger has no value: the replicas stay as they are");
        };
        self.horizontal.decide_for_total(now, replicas.desired, total, self.threshold, what)
    }

    fn scaled(&mut self, now: Timestamp, from: u32, to: u32) {
        self.horizontal.scaled(now, from, to);
    }
}

#[cfg(test)]
mod laws;
