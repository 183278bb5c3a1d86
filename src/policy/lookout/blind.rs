//! What is left to do without the gateway's counters: go by probes, and without those too stay, then go where it is safe.

use std::time::Duration;

use super::{Action, Lookout, Reason, ReplicaStatus, Timestamp};

/// How long it is blind before it moves to where it is safe.
const BLIND: Duration = Duration::from_secs(60);
/// So many in a row that waited call for more, and between two steps up lies a start-up.
const WAITED_PROBES: u32 = 2;
const STEP_UP: f64 = 0.5;
const BETWEEN_STEPS: Duration = Duration::from_secs(10);
/// A step down after this long without one that waited.
const CALM_PROBES: Duration = Duration::from_secs(60);

impl Lookout {
    pub(super) fn decide_without_counters(&mut self, now: Timestamp, status: ReplicaStatus, actions: &mut Vec<Action>) {
        let desired = status.desired;
        let since = |at: Option<Timestamp>| at.map_or(now - Timestamp::ZERO, |at| now.since(at));
        let is_blind = since(self.sight.probe) >= BLIND;
        let probes = self.probes;
        let (to, why) = if is_blind {
            let most = self.sight.most.map_or(desired, |(_, most)| most);
            if since(self.sight.counters) < BLIND || most <= desired {
                return;
            }
            (
                most,
                "neither counters nor probes tell anything for a minute: to the most that was needed of late"
                    .to_owned(),
            )
        } else if probes.waited >= WAITED_PROBES {
            if since(self.sight.stepped) < BETWEEN_STEPS || status.ready < desired {
                return;
            }
            let more = (f64::from(desired) * STEP_UP).ceil() as u32;
            (
                desired.saturating_add(more),
                format!("{} probes in a row have waited, and there are no counters", probes.waited),
            )
        } else if since(probes.waited_at) >= CALM_PROBES && since(self.sight.stepped) >= CALM_PROBES {
            self.helm.needs(now, desired.saturating_sub(1).max(self.bounds.0), CALM_PROBES);
            let to = self.helm.lowest(now, desired, 0.0).max(desired.saturating_sub(1));
            (to, "no probe has waited for a minute, and there are no counters".to_owned())
        } else {
            return;
        };
        let to = to.clamp(self.bounds.0, self.bounds.1);
        if to != desired && self.helm.is_free(now) && (to < desired || self.helm.may_go_up(now)) {
            self.sight.stepped = Some(now);
            self.scale(now, desired, to, Reason::new(format!("{why}: {desired} to {to} replicas")), actions);
        }
    }
}
