//! The policy of an arm that is scaled from outside: it asks for nothing and answers nothing.
//!
//! What scales instead is a live driver's matter ([`super::registry::Scaler`]); here is only what keeps its place in a run.

use crate::time::Timestamp;

use super::{Action, Event, Policy};

/// Looks on.
#[derive(Clone, Copy, Debug)]
pub struct Onlooker;

impl Policy for Onlooker {
    fn handle(&mut self, _now: Timestamp, _event: &Event, _actions: &mut Vec<Action>) {}

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ReplicaStatus;
    use crate::record::FunctionId;

    #[test]
    fn an_onlooker_never_acts_and_never_wakes() {
        let (mut policy, mut actions) = (Onlooker, Vec::new());
        let function = FunctionId::STUDIED;
        let status = Some(ReplicaStatus { desired: 3, ready: 1 });
        for event in [
            Event::Started { replicas: vec![1] },
            Event::Woken,
            Event::Scraped(None),
            Event::Replicas { function, status },
        ] {
            policy.handle(Timestamp::from_secs(1), &event, &mut actions);
            assert_eq!((actions.as_slice(), policy.wake_at()), ([].as_slice(), None));
        }
    }
}
