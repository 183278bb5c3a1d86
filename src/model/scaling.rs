//! How pods follow what was asked for.

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::cluster::Cluster;
use super::pods::{Revision, Step};
use super::replica::Replica;
use super::request::Stage;
use super::{Change, Ending, FunctionModel};

impl Cluster {
    /// Replicas that are in service when the run begins, within the bounds.
    pub(super) fn begin_with(&mut self, function: FunctionId, replicas: u32) {
        let index = usize::from(function.0);
        for _ in 0..self.functions[index].pods.ask(replicas) {
            let slot = self.vacant();
            let pods = &mut self.functions[index].pods;
            let (replica, revision) = (pods.create_ready(slot), pods.revision());
            self.renew(slot, function, replica, revision);
            self.replicas[slot as usize].listens_from = self.now;
        }
    }

    /// Starts and removes pods as long as that brings them nearer to what is desired.
    pub(super) fn follow(&mut self, function: FunctionId) {
        let (index, at) = (usize::from(function.0), self.now);
        while let Some(step) = self.functions[index].pods.next_step() {
            let pods = &mut self.functions[index].pods;
            let from = pods.ready();
            match step {
                Step::Start => pods.start(at),
                Step::DropStarting(place) => {
                    let replica = pods.drop_starting(place, at);
                    self.changes.push(Change::Terminated { at, function, replica, from, to: from, cut: 0 });
                }
                Step::DropReady(place) => {
                    let slot = pods.drop_ready(place, at);
                    let replica = self.replicas[slot as usize].id;
                    let cut = self.cut(slot);
                    self.changes.push(Change::Terminated { at, function, replica, from, to: from - 1, cut });
                }
            }
        }
        self.plan_pods();
    }

    /// Pods that are ready by now enter service; those that are gone are forgotten.
    pub(super) fn turn_pods(&mut self) {
        let at = self.now;
        for (index, function) in (0..self.functions.len()).zip((0..).map(FunctionId)) {
            self.functions[index].pods.bury(at);
            while let Some(pod) = self.functions[index].pods.take_started(at) {
                let slot = self.vacant();
                self.renew(slot, function, pod.replica, pod.revision);
                let pods = &mut self.functions[index].pods;
                pods.enter_service(slot, pod.revision);
                let to = pods.ready();
                self.changes.push(Change::Ready { at, function, replica: pod.replica, from: to - 1, to });
                self.serve_revision(function, pod.revision);
                // in a roll-out it takes an old one's place
                self.follow(function);
            }
        }
        self.plan_pods();
    }

    fn plan_pods(&mut self) {
        let next = self.functions.iter().map(|function| function.pods.next_change()).min();
        // a pod that was kept from becoming ready may be overdue
        self.pods_next = next.unwrap_or(Timestamp::MAX).max(self.now);
    }

    fn vacant(&mut self) -> u32 {
        self.replicas_free.pop().unwrap_or_else(|| {
            self.replicas.push(Replica::default());
            self.replicas.len() as u32 - 1
        })
    }

    fn renew(&mut self, slot: u32, function: FunctionId, replica: ReplicaId, revision: Revision) {
        // kept as long as there is a pod of it
        let model = self.functions[usize::from(function.0)].models.get(&revision);
        self.replicas[slot as usize].renew(self.now, replica, function, model.unwrap_or(&FunctionModel::default()));
    }

    /// The process dies: whatever was in the replica ends. Returns how many requests that cut.
    pub(super) fn cut(&mut self, replica: u32) -> u32 {
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
