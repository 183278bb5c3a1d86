//! The embedded platform as a target: started with the run, reached by real HTTP, gone with it.

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::platform::{Alerts, Options, Platform, PodChange, Turn};
use super::rest::{self, Rest};
use super::{BoxFuture, DEFAULT_NAMESPACE, Target, TargetError};
use crate::drive::live::clock::Clock;
use crate::drive::{FunctionPlan, Trust};
use crate::model::{Conditions, NodeModel};
use crate::policy::Measurement;
use crate::random::Seed;
use crate::record::{EventKind, EventRow, FunctionId, PlatformSample, ProcessRow, ReplicaId};
use crate::time::Timestamp;

/// Time for one exchange with the gateway: what it answers itself takes well under a millisecond, so this is a safeguard.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A platform of modelled replicas, for one run. Dropping it ends it.
pub struct Embedded {
    platform: Platform,
    rest: Rest,
    description: String,
}

impl Embedded {
    /// Starts a platform on free ports of 127.0.0.1, with a password nobody else knows. Pods that enter or leave service
    /// are told to `events`, by the actor `platform`.
    ///
    /// # Errors
    /// When a function can't be used, or the system gives no ports or threads.
    pub fn start(
        functions: &[FunctionPlan],
        node: NodeModel,
        seed: Seed,
        clock: Clock,
        events: UnboundedSender<EventRow>,
    ) -> Result<Self, TargetError> {
        Self::with_alerts(functions, node, seed, clock, events, Alerts::default())
    }

    /// The same, where somebody else scales through `/system/alert`.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub fn with_alerts(
        functions: &[FunctionPlan],
        node: NodeModel,
        seed: Seed,
        clock: Clock,
        events: UnboundedSender<EventRow>,
        alerts: Alerts,
    ) -> Result<Self, TargetError> {
        Self::on(Options { alerts, ..Options::new(functions.to_vec(), node, seed, clock) }, events)
    }

    /// The same on a platform with these options; who is told of its pods is `events`.
    ///
    /// # Errors
    /// As [`Embedded::start`]; and when a replica that is a process can't be started.
    pub fn on(mut options: Options, events: UnboundedSender<EventRow>) -> Result<Self, TargetError> {
        let names: Vec<String> = options.functions.iter().map(|function| function.info.name.clone()).collect();
        let (cores, is_real) = (options.node.cores, options.processes.is_some());
        options.on_change = Box::new(move |change| {
            // nobody listens any more when the run is over
            let _ = events.send(event(change));
        });
        let platform = Platform::start(options)?;
        let rest = Rest::new(rest::Options {
            gateway: format!("http://{}", platform.gateway_address()),
            metrics: Some(format!("http://{}", platform.metrics_address())),
            authorization: Some(platform.credentials().clone().into()),
            trust: Trust::System,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            functions: names.clone(),
            timeout: TIMEOUT,
        })?;
        let (address, names) = (platform.gateway_address(), names.join(", "));
        let description = if is_real {
            format!("real processes behind http://{address} ({names})")
        } else {
            format!("embedded platform at http://{address} ({cores} cores; {names})")
        };
        Ok(Self { platform, rest, description })
    }

    /// The platform itself.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

impl Target for Embedded {
    fn gateway(&self) -> &Rest {
        &self.rest
    }

    /// From the model itself: what a metrics server would have collected from kubelets and gateways.
    fn measure(&self, function: FunctionId) -> BoxFuture<'_, Option<Measurement>> {
        let sample = self.platform.measure(function);
        Box::pin(async move { Some(sample) })
    }

    fn processes(&self, function: FunctionId) -> Vec<ProcessRow> {
        self.platform.processes(function)
    }

    fn suffer(&self, conditions: Conditions) {
        self.platform.suffer(conditions);
    }

    fn probing(&self, asked: Timestamp) -> bool {
        self.platform.probing(asked)
    }

    fn probed(&self, asked: Timestamp, took: Option<Duration>) {
        self.platform.probed(asked, took);
    }

    fn crash(&self, function: FunctionId, replicas: u32) {
        self.platform.crash(function, replicas);
    }

    fn sample(&self, function: FunctionId) -> PlatformSample {
        self.platform.sample(function)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

/// A pod's turn as a row of `events.csv`.
fn event(change: &PodChange) -> EventRow {
    let ReplicaId(pod) = change.replica;
    let (kind, reason, value) = match change.turn {
        Turn::Ready { after } => {
            let seconds = after.as_secs_f64();
            (EventKind::Ready, format!("pod {pod} ready {seconds:.1} s after it was asked for"), Some(seconds))
        }
        Turn::Died { cut } => {
            let what = match cut {
                0 => format!("pod {pod} died while idle"),
                1 => format!("pod {pod} died; 1 request in it was cut"),
                cut => format!("pod {pod} died; {cut} requests in it were cut"),
            };
            (EventKind::Terminated, what, Some(f64::from(cut)))
        }
        Turn::Terminated { cut } => {
            let what = match (change.from == change.to, cut) {
                (true, _) => format!("pod {pod} removed before it was ready"),
                (false, 0) => format!("pod {pod} removed while idle"),
                (false, 1) => format!("pod {pod} removed; 1 request in it was cut"),
                (false, cut) => format!("pod {pod} removed; {cut} requests in it were cut"),
            };
            (EventKind::Terminated, what, Some(f64::from(cut)))
        }
    };
    EventRow {
        at: change.at,
        actor: Cow::Borrowed("platform"),
        kind,
        from: Some(change.from),
        to: Some(change.to),
        reason,
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_turn_is_told_in_words_with_its_numbers() {
        let change = |from, to, turn| {
            let row = event(&PodChange {
                at: Timestamp::from_secs(7),
                function: FunctionId(0),
                replica: ReplicaId(3),
                from,
                to,
                turn,
            });
            (row.kind, row.reason, row.value)
        };
        for (from, to, turn, kind, reason, value) in [
            (
                1,
                2,
                Turn::Ready { after: Duration::from_millis(4_249) },
                EventKind::Ready,
                "pod 3 ready 4.2 s after it was asked for",
                4.249,
            ),
            (2, 1, Turn::Terminated { cut: 2 }, EventKind::Terminated, "pod 3 removed; 2 requests in it were cut", 2.0),
            (2, 1, Turn::Terminated { cut: 1 }, EventKind::Terminated, "pod 3 removed; 1 request in it was cut", 1.0),
            (2, 1, Turn::Terminated { cut: 0 }, EventKind::Terminated, "pod 3 removed while idle", 0.0),
            (1, 1, Turn::Terminated { cut: 0 }, EventKind::Terminated, "pod 3 removed before it was ready", 0.0),
            (1, 0, Turn::Died { cut: 1 }, EventKind::Terminated, "pod 3 died; 1 request in it was cut", 1.0),
        ] {
            assert_eq!(change(from, to, turn), (kind, reason.to_owned(), Some(value)));
        }
    }
}
