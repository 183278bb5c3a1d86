//! How pods follow what was asked for.

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::cluster::Cluster;
use super::replica::Replica;
use super::request::Stage;
use super::{Change, Ending};

impl Cluster {
    /// Replicas that are in service when the run begins, within the bounds.
    pub(super) fn begin_with(&mut self, function: FunctionId, replicas: u32) {
        let index = usize::from(function.0);
        for _ in 0..self.functions[index].pods.ask(replicas) {
            let slot = self.vacant();
            let replica = self.functions[index].pods.create_ready(slot);
            self.renew(slot, function, replica);
        }
    }

    /// Starts or removes pods until there are as many as desired.
    pub(super) fn follow(&mut self, function: FunctionId, changes: &mut Vec<Change>) {
        let (index, now) = (usize::from(function.0), self.now);
        let missing = self.functions[index].pods.missing();
        for _ in 0..missing {
            self.functions[index].pods.start(now);
        }
        for _ in missing..0 {
            let pods = &mut self.functions[index].pods;
            let from = pods.ready();
            if let Some(replica) = pods.remove_starting(now) {
                changes.push(Change::Terminated { at: now, function, replica, from, to: from, cut: 0 });
            } else if let Some(slot) = pods.remove_ready(now) {
                let replica = self.replicas[slot as usize].id;
                let cut = self.cut(slot);
                changes.push(Change::Terminated { at: now, function, replica, from, to: from - 1, cut });
            }
        }
        self.plan_pods();
    }

    /// Pods that are ready by now enter service; those that are gone are forgotten.
    pub(super) fn turn_pods(&mut self, changes: &mut Vec<Change>) {
        let at = self.now;
        for (index, function) in (0..self.functions.len()).zip((0..).map(FunctionId)) {
            self.functions[index].pods.bury(at);
            while let Some(replica) = self.functions[index].pods.take_started(at) {
                let slot = self.vacant();
                self.renew(slot, function, replica);
                let pods = &mut self.functions[index].pods;
                pods.enter_service(slot);
                let to = pods.ready();
                changes.push(Change::Ready { at, function, replica, from: to - 1, to });
            }
        }
        self.plan_pods();
    }

    fn plan_pods(&mut self) {
        let next = self.functions.iter().map(|function| function.pods.next_change()).min();
        self.pods_next = next.unwrap_or(Timestamp::MAX);
    }

    fn vacant(&mut self) -> u32 {
        self.replicas_free.pop().unwrap_or_else(|| {
            self.replicas.push(Replica::default());
            self.replicas.len() as u32 - 1
        })
    }

    fn renew(&mut self, slot: u32, function: FunctionId, replica: ReplicaId) {
        let model = &self.functions[usize::from(function.0)];
        self.replicas[slot as usize].renew(replica, function, model.workers, model.connections);
    }

    /// The process dies: whatever was in the replica ends. Returns how many requests that cut.
    fn cut(&mut self, replica: u32) -> u32 {
        let mut cut = 0;
        for slot in self.requests.at_replica(replica) {
            let request = *self.requests.get(slot);
            if request.stage != Stage::Served {
                self.functions[usize::from(request.function.0)].waiting -= 1;
            }
            if !request.overdue {
                self.answer(slot, Ending::Cut);
                cut += 1;
            }
            self.release(slot);
        }
        if self.replicas[replica as usize].is_running() {
            self.node.leave();
        }
        self.node.expect_replica(replica, f64::INFINITY);
        self.replicas[replica as usize].end();
        self.replicas_free.push(replica);
        cut
    }
}
