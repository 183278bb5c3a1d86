//! What befalls the platform from outside: pods that don't become ready or start slowly, a slow node, pods that die.
//!
//! Everything random is drawn as without it, so that a run with a fault is the run without it until the fault begins.

use crate::record::FunctionId;
use crate::time::Timestamp;

use super::Change;
use super::cluster::Cluster;

/// The platform's circumstances. By default nothing is amiss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Whether no pod becomes ready. Those that would have are ready as soon as this is over.
    pub never_ready: bool,
    /// How many times as long as usual a pod takes to start that is asked for now; at least 1.
    pub start_up_factor: f64,
    /// How many times as long as usual CPU work takes, on the gateway path and in replicas; at least 1. It is as if somebody else took
    /// the node's cores for the rest of the time: CPU time that is counted is that of the work.
    pub cpu_factor: f64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { never_ready: false, start_up_factor: 1.0, cpu_factor: 1.0 }
    }
}

impl Cluster {
    /// From `now` on these are the circumstances, of every function. Appends what happens up to and including `now`.
    pub fn suffer(&mut self, now: Timestamp, conditions: Conditions, changes: &mut Vec<Change>) {
        self.advance(now, changes);
        self.node.slow(conditions.cpu_factor);
        for function in &mut self.functions {
            function.pods.suffer(conditions);
        }
        self.conditions = conditions;
        self.turn_pods();
        self.hand_out(changes);
        self.look_ahead();
    }

    /// So many of a function's pods die at `now`, those longest in service first: what is in them is cut, and others are
    /// started in their place. Appends what happens up to and including `now`.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn crash(&mut self, now: Timestamp, function: FunctionId, replicas: u32, changes: &mut Vec<Change>) {
        self.advance(now, changes);
        let at = self.now;
        for _ in 0..replicas {
            let pods = &mut self.functions[usize::from(function.0)].pods;
            let from = pods.ready();
            let Some(slot) = pods.lose(at) else { break };
            let replica = self.replicas[slot as usize].id;
            let cut = self.cut(slot);
            self.changes.push(Change::Died { at, function, replica, from, to: from - 1, cut });
        }
        self.follow(function);
        self.hand_out(changes);
        self.look_ahead();
    }
}

#[cfg(test)]
mod laws {
    use std::time::Duration;

    use super::*;
    use crate::model::{Arrival, Ending, FunctionModel, NodeModel, RequestId, StartUp, Work};
    use crate::random::Seed;
    use crate::record::ReplicaId;

    const STUDIED: FunctionId = FunctionId::STUDIED;
    const AT: fn(u64) -> Timestamp = Timestamp::from_millis;

    /// Requests of 100 ms of CPU, pods that take 2 s to start, and nothing else that takes time.
    fn cluster(replicas: u32) -> Cluster {
        let start_up = StartUp { fixed: Duration::from_secs(2), container: Duration::ZERO, probe: Duration::ZERO };
        let cpu = Work::constant(Duration::from_millis(100));
        let model = FunctionModel { cpu, start_up, ..FunctionModel::default() };
        let node = NodeModel { cores: 4, gateway_cpu: Work::NONE, transport: Duration::ZERO };
        Cluster::new(node, &[(model, replicas, (1, 5))], Seed(1))
    }

    fn send(cluster: &mut Cluster, at: Timestamp, request: u64) {
        cluster.arrive(at, Arrival { request: RequestId(request), function: STUDIED, probe: false, wait: None });
    }

    fn until(cluster: &mut Cluster, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        cluster.advance(now, &mut changes);
        #[cfg(debug_assertions)]
        cluster.assert_laws();
        changes
    }

    fn suffer(cluster: &mut Cluster, now: Timestamp, conditions: Conditions) -> Vec<Change> {
        let mut changes = Vec::new();
        cluster.suffer(now, conditions, &mut changes);
        changes
    }

    fn ready_at(changes: &[Change]) -> Vec<Timestamp> {
        let ready = |change: &Change| match change {
            Change::Ready { at, .. } => Some(*at),
            _ => None,
        };
        changes.iter().filter_map(ready).collect()
    }

    fn answered_at(changes: &[Change]) -> Vec<Timestamp> {
        let answered = |change: &Change| match change {
            Change::Answered { at, ending: Ending::Served, .. } => Some(*at),
            _ => None,
        };
        changes.iter().filter_map(answered).collect()
    }

    #[test]
    fn no_pod_becomes_ready_while_none_may_and_all_that_would_have_do_when_that_is_over() {
        let mut cluster = cluster(1);
        cluster.scale(AT(0), STUDIED, 2);
        let never = Conditions { never_ready: true, ..Conditions::default() };
        assert_eq!(suffer(&mut cluster, AT(1_000), never), []);
        cluster.scale(AT(8_500), STUDIED, 3);
        assert_eq!(ready_at(&until(&mut cluster, AT(9_000))), []);
        assert_eq!((cluster.status(STUDIED).ready, cluster.sample(STUDIED).starting), (1, 2));
        // the one that was asked for at 8.5 s needs its two seconds all the same
        assert_eq!(ready_at(&suffer(&mut cluster, AT(9_000), Conditions::default())), [AT(9_000)]);
        assert_eq!(ready_at(&until(&mut cluster, AT(20_000))), [AT(10_500)]);
    }

    #[test]
    fn a_slow_start_is_that_of_pods_asked_for_while_it_lasts() {
        let mut cluster = cluster(1);
        cluster.scale(AT(0), STUDIED, 2);
        until(&mut cluster, AT(0));
        suffer(&mut cluster, AT(500), Conditions { start_up_factor: 4.0, ..Conditions::default() });
        cluster.scale(AT(1_000), STUDIED, 3);
        until(&mut cluster, AT(1_000));
        suffer(&mut cluster, AT(1_500), Conditions::default());
        let mut changes = until(&mut cluster, AT(2_500));
        cluster.scale(AT(2_500), STUDIED, 4);
        changes.extend(until(&mut cluster, AT(20_000)));
        assert_eq!(ready_at(&changes), [AT(2_000), AT(4_500), AT(9_000)]);
    }

    #[test]
    fn work_on_a_slow_node_takes_longer_by_its_factor_from_that_moment_on() {
        let mut cluster = cluster(1);
        send(&mut cluster, AT(0), 0);
        // 40 ms are done at 40 ms; the other 60 take 180 at a third of the speed
        let slow = Conditions { cpu_factor: 3.0, ..Conditions::default() };
        suffer(&mut cluster, AT(40), slow);
        assert_eq!(answered_at(&until(&mut cluster, AT(500))), [AT(220)]);
        send(&mut cluster, AT(500), 1);
        // 50 ms are done at 650 ms
        suffer(&mut cluster, AT(650), Conditions::default());
        assert_eq!(answered_at(&until(&mut cluster, AT(1_000))), [AT(700)]);
        let used = cluster.sample(STUDIED).cpu_time.expect("the model knows");
        assert!(used.abs_diff(Duration::from_millis(200)) < Duration::from_micros(1), "{used:?}: that of the work");
    }

    #[test]
    fn who_dies_is_longest_in_service_its_requests_are_cut_and_another_starts_at_once() {
        let mut cluster = cluster(2);
        for request in 0..20 {
            send(&mut cluster, AT(0), request);
        }
        until(&mut cluster, AT(10));
        let mut changes = Vec::new();
        cluster.crash(AT(10), STUDIED, 1, &mut changes);
        let [Change::Died { at, replica: ReplicaId(0), from: 2, to: 1, cut, .. }] = changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(at, AT(10));
        assert!((1..20).contains(&cut), "{cut} of 20 requests were in it");
        let sample = cluster.sample(STUDIED);
        assert_eq!((sample.desired, sample.ready, sample.starting, sample.terminating), (2, 1, 1, 0));
        let rest = until(&mut cluster, AT(10_000));
        assert_eq!(ready_at(&rest), [AT(2_010)]);
        let cuts = rest.iter().filter(|change| matches!(change, Change::Answered { ending: Ending::Cut, .. })).count();
        assert_eq!(cuts, cut as usize, "each of them is told");
        assert_eq!(answered_at(&rest).len(), 20 - cuts);
    }

    #[test]
    fn more_than_there_are_can_t_die_and_none_is_left_for_what_comes_next() {
        let mut cluster = cluster(3);
        let mut changes = Vec::new();
        cluster.crash(AT(10), STUDIED, 99, &mut changes);
        assert_eq!(changes.len(), 3);
        send(&mut cluster, AT(20), 0);
        // held at the gateway, which looks every 100 ms, until the first successor is ready
        assert_eq!(answered_at(&until(&mut cluster, AT(5_000))), [AT(2_120)]);
    }
}
