//! The chain's scaling as the gateway sees it: what came to `/system/alert` and what was made of it, as rows in the words of
//! the emulated chain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::drive::live::target::DEFAULT_NAMESPACE;
use crate::drive::live::target::platform::{AlertTurn, Alerts, Notified};
use crate::policy::openfaas_ce::ranges::Ranges;
use crate::policy::openfaas_ce::words;
use crate::policy::{FunctionInfo, Reason};
use crate::record::{EventKind, EventRow, FunctionId};

/// The rates of the last evaluation, by function as counters name it. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<BTreeMap<String, f64>>>);

impl Rates {
    pub(super) fn set(&self, rates: BTreeMap<String, f64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rates;
    }

    pub(super) fn of(&self, function: &str) -> Option<f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(function).copied()
    }
}

/// Makes rows of what the gateway tells.
pub struct GatewayView {
    actor: &'static str,
    functions: Vec<FunctionInfo>,
    rates: Rates,
    events: UnboundedSender<EventRow>,
}

impl GatewayView {
    /// For the functions of a run, by [`FunctionId`]; rows go to `events`.
    pub fn new(
        actor: &'static str,
        functions: Vec<FunctionInfo>,
        rates: Rates,
        events: UnboundedSender<EventRow>,
    ) -> Self {
        Self { actor, functions, rates, events }
    }

    /// What a platform is started with, so that it tells this.
    pub fn alerts(self, latency: Duration) -> Alerts {
        Alerts {
            latency,
            on_turn: Box::new(move |turn| {
                if let Some(row) = self.row(&turn) {
                    // nobody listens any more when the run is over
                    let _ = self.events.send(row);
                }
            }),
        }
    }

    fn row(&self, turn: &AlertTurn) -> Option<EventRow> {
        let row = |kind, from, to, reason: Reason| {
            let Reason { text, value } = reason;
            Some(EventRow { at: turn.at, actor: self.actor.into(), kind, from, to, reason: text, value })
        };
        match &turn.what {
            Notified::Received(alerts) => {
                let alerts = words::notified(alerts.iter().map(|(name, is_firing)| (short(name), *is_firing)));
                row(EventKind::Decision, None, None, Reason::new(format!("notification: {alerts}")))
            }
            Notified::Followed { function, is_firing, from, to } => {
                let (kind, reason) = self.followed(*function, *is_firing, *from, *to);
                row(kind, Some(*from), Some(*to), reason)
            }
            Notified::PassedOver { name, factor } => {
                let text =
                    factor.map_or_else(|| words::unread(short(name)), |factor| words::bad_factor(short(name), factor));
                row(EventKind::Failed, None, None, Reason::new(text))
            }
            Notified::Answered(200..=299) => None,
            Notified::Answered(status) => row(EventKind::Failed, None, None, Reason::new(words::answered(*status))),
        }
    }

    fn followed(&self, function: FunctionId, is_firing: bool, from: u32, to: u32) -> (EventKind, Reason) {
        let Some(info) = self.functions.get(usize::from(function.0)) else {
            return (EventKind::Scale, Reason::new(format!("function {} was not named to this run", function.0)));
        };
        // a resolved alert may come so soon that its evaluation's rates are not here yet
        let rate = is_firing.then(|| self.rates.of(&format!("{}.{DEFAULT_NAMESPACE}", info.name))).flatten();
        let (ruled, reason) = match words::step(Ranges::of(&info.labels), is_firing, from, rate) {
            Ok(step) => step,
            Err(factor) => (to, Reason::new(words::bad_factor(&info.name, factor))),
        };
        if from == to {
            return (EventKind::Decision, words::stays(&info.name, to, &reason));
        }
        let text =
            if ruled == to { reason.text } else { format!("{}; the platform made {ruled} into {to}", reason.text) };
        (EventKind::Scale, Reason { text, value: reason.value })
    }
}

/// A function without its namespace.
pub(super) fn short(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_gateways_turns_are_told_in_the_emulated_chains_words() {
        let (events, mut rows) = unbounded_channel();
        let rates = Rates::default();
        rates.set(BTreeMap::from([("ftest.openfaas-fn".to_owned(), 20.0)]));
        let functions = vec![FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() }];
        let view = GatewayView::new("openfaas-ce-real", functions, rates, events);
        let mut tell = view.alerts(Duration::ZERO).on_turn;
        let function = FunctionId::STUDIED;
        for what in [
            Notified::Received(vec![("ftest.openfaas-fn".to_owned(), true), ("other".to_owned(), false)]),
            Notified::Followed { function, is_firing: true, from: 1, to: 2 },
            Notified::Followed { function, is_firing: true, from: 5, to: 5 },
            Notified::Followed { function, is_firing: false, from: 5, to: 2 },
            Notified::PassedOver { name: "other".to_owned(), factor: None },
            Notified::PassedOver { name: "other.ns".to_owned(), factor: Some(0) },
            Notified::Answered(200),
            Notified::Answered(500),
        ] {
            tell(AlertTurn { at: Timestamp::from_secs(3), what });
        }
        let mut lines = Vec::new();
        while let Ok(row) = rows.try_recv() {
            let number = |count: Option<u32>| count.map_or_else(String::new, |count| count.to_string());
            lines.push(format!("{} {}>{} {}", row.kind.as_str(), number(row.from), number(row.to), row.reason));
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        decision > notification: ftest firing, other resolved
        scale 1>2 firing at 20.00 /s: 1 + 10 % of 5, rounded up to 1, at most 5, is 2
        decision 5>5 ftest stays at 5: firing at 20.00 /s: 5 + 10 % of 5, rounded up to 1, at most 5, is 5
        scale 5>2 resolved without a rate: back to the minimum of 1; the platform made 1 into 2
        failed > other: replicas could not be read, alert passed over
        failed > other: scaling factor 0 is not in 1 to 100, alert passed over
        failed > notification was answered with 500
        ");
    }
}
