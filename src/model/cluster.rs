//! The platform as one object: requests and scalings go in, changes come out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::random::{Purpose, Seed};
use crate::record::{FunctionId, PlatformSample, ReplicaId, ReplicaStatus};
use crate::time::{Timestamp, nanos};

use super::lines::{Lines, due};
use super::node::{Done, Node};
use super::pods::{Pods, Revision};
use super::presence::Presence;
use super::replica::Replica;
use super::request::{Arrival, Request, Requests, Stage};
use super::work::Luck;
use super::{Change, Conditions, FunctionModel, NodeModel, Work};

/// The watchdog's limit on one execution, queueing in the process included (`exec_timeout` of the templates).
const EXECUTION_LIMIT: Duration = Duration::from_secs(30);

/// The modelled platform: functions with their replicas on one node.
///
/// The caller owns time. It asks for [`Cluster::next_change`], waits or jumps until then, and calls
/// [`Cluster::advance`]; what it puts in between with [`Cluster::arrive`] and [`Cluster::scale`] takes effect at
/// the time it gives, which may not lie before the last advance.
///
/// The same seed and the same calls give the same changes. Work and route of a request are drawn when it arrives, so
/// the n-th load request of a run meets the same luck whatever the autoscaler does, and probes draw from streams of
/// their own.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) now: Timestamp,
    seed: Seed,
    gateway_cpu: Work,
    /// When something happens next, if nothing is put in; [`Timestamp::MAX`] for never.
    next: Timestamp,
    pub(super) node: Node,
    /// Transport to the gateway, in nanoseconds, in which all that is added with each request is; what is left of it is the way back.
    way_in: u64,
    pub(super) way_back: u64,
    pub(super) functions: Vec<Function>,
    pub(super) requests: Requests,
    pub(super) replicas: Vec<Replica>,
    pub(super) replicas_free: Vec<u32>,
    pub(super) lines: Lines,
    /// What has happened and was not handed out yet.
    pub(super) changes: Vec<Change>,
    /// When the next pod becomes ready or is gone.
    pub(super) pods_next: Timestamp,
    pub(super) conditions: Conditions,
    #[cfg(debug_assertions)]
    pub(super) audit: super::audit::Audit,
}

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) luck: Luck,
    pub(super) pods: Pods,
    /// The models whose pods may still come into service, by revision, and with them how much work a request is.
    pub(super) models: BTreeMap<Revision, FunctionModel>,
    /// The newest revision that has been in service.
    pub(super) serving: Revision,
    /// It was removed: no pods, and no requests but those under way.
    pub(super) removed: bool,
    /// Requests that wait for a thread: held at the gateway, in a backlog or in a queue.
    pub(super) waiting: u32,
    /// Requests at the gateway or beyond.
    pub(super) present: Presence,
    /// Answers given so far.
    pub(super) answered: u64,
}

impl Cluster {
    /// A node with these functions: for each its model, its replicas at the start (in service at once) and the fewest and
    /// most the platform grants.
    pub fn new(node: NodeModel, functions: &[(FunctionModel, u32, (u32, u32))], seed: Seed) -> Self {
        let way_in = nanos(node.transport / 2);
        let mut cluster = Self {
            now: Timestamp::ZERO,
            seed,
            gateway_cpu: node.gateway_cpu,
            next: Timestamp::MAX,
            node: Node::new(node.cores),
            way_in,
            way_back: nanos(node.transport) - way_in,
            functions: Vec::with_capacity(functions.len()),
            requests: Requests::default(),
            replicas: Vec::new(),
            replicas_free: Vec::new(),
            lines: Lines::new(),
            changes: Vec::new(),
            pods_next: Timestamp::MAX,
            conditions: Conditions::default(),
            #[cfg(debug_assertions)]
            audit: super::audit::Audit::default(),
        };
        for (model, replicas, bounds) in functions {
            if let Some(function) = cluster.add(model, *bounds) {
                cluster.begin_with(function, *replicas);
            }
        }
        cluster
    }

    /// A function without pods; `None` if there are as many as can be numbered.
    pub(super) fn add(&mut self, model: &FunctionModel, bounds: (u32, u32)) -> Option<FunctionId> {
        let entity = u16::try_from(self.functions.len()).ok()?;
        let stream = self.seed.stream_of(Purpose::StartUp, u64::from(entity));
        let mut pods = Pods::new(model.start_up, model.termination, bounds, stream);
        pods.suffer(self.conditions);
        let serving = pods.revision();
        self.functions.push(Function {
            luck: Luck::new(self.gateway_cpu, model, self.seed, u64::from(entity)),
            pods,
            models: BTreeMap::from([(serving, model.clone())]),
            serving,
            removed: false,
            waiting: 0,
            present: Presence::default(),
            answered: 0,
        });
        Some(FunctionId(entity))
    }

    /// A request is sent.
    ///
    /// # Panics
    /// When the platform has no such function.
    #[inline]
    pub fn arrive(&mut self, now: Timestamp, arrival: Arrival) {
        self.set_out(now, arrival, now.max(self.now).saturating_add_nanos(self.way_in));
    }

    /// A request comes, of which is known when it is at the gateway; at once if that is past. For who carries a part of its way himself.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn arrive_at(&mut self, now: Timestamp, gateway: Timestamp, arrival: Arrival) {
        self.set_out(now, arrival, gateway.max(now).max(self.now));
    }

    /// A request is on its way to the gateway until `at`.
    #[inline]
    fn set_out(&mut self, now: Timestamp, arrival: Arrival, at: Timestamp) {
        let need = self.functions[usize::from(arrival.function.0)].luck.draw(&arrival);
        let slot = self.requests.insert(|| Request {
            id: arrival.request,
            function: arrival.function,
            stage: Stage::Travelling,
            overdue: false,
            raises: need.raises,
            gateway: need.gateway,
            cpu: need.cpu,
            wait: need.wait,
            route: need.route,
            wait_number: 0,
            replica: 0,
            until: Timestamp::MAX,
        });
        #[cfg(debug_assertions)]
        {
            self.audit.arrived();
            self.audit.moved(self.now, slot, Stage::Travelling);
        }
        if at <= now && self.next > now {
            // nothing comes before it, so it is there
            self.pass_to(now);
            self.enter_gateway(slot);
            self.next = if self.changes.is_empty() { self.upcoming() } else { now };
            return;
        }
        self.lines.enter_transport(at, slot);
        self.next = self.next.min(at);
    }

    /// Asks for replicas; what was accepted, within the function's bounds. Pods are started and removed by the next
    /// [`Cluster::advance`].
    ///
    /// Pods that are not ready yet are removed first, the youngest of them before the others, then those that became
    /// ready last, as a `ReplicaSet` does. A pod in service that is removed leaves the router at once, and what is in its
    /// queue and its threads is cut.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn scale(&mut self, now: Timestamp, function: FunctionId, to: u32) -> u32 {
        let accepted = self.functions[usize::from(function.0)].pods.ask(to);
        self.settle_pods(now, function);
        accepted
    }

    /// The function's pods follow what was asked for with the next [`Cluster::advance`].
    pub(super) fn settle_pods(&mut self, now: Timestamp, function: FunctionId) {
        let last = self.lines.scalings.back().map_or(Timestamp::ZERO, |entry| entry.0);
        let at = now.max(self.now).max(last);
        self.lines.scalings.push_back((at, function));
        self.lines.rarely(at);
        self.next = self.next.min(at);
    }

    /// When something happens next, if nothing is put in; it may turn out to be nothing a caller hears of.
    pub fn next_change(&self) -> Option<Timestamp> {
        (self.next < Timestamp::MAX).then_some(self.next)
    }

    /// Lets time pass and appends everything that happens up to and including `now`, in order of time.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        while self.next <= now {
            self.pass_to(self.next);
            self.step();
            self.next = self.upcoming();
        }
        self.pass_to(now);
        self.hand_out(changes);
    }

    /// Appends what has happened.
    #[inline]
    pub(super) fn hand_out(&mut self, changes: &mut Vec<Change>) {
        if changes.is_empty() {
            std::mem::swap(changes, &mut self.changes);
        } else {
            changes.append(&mut self.changes);
        }
    }

    /// Desired and ready replicas of a function. A scaling counts as desired from the moment it was accepted.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn status(&self, function: FunctionId) -> ReplicaStatus {
        let pods = &self.functions[usize::from(function.0)].pods;
        ReplicaStatus { desired: pods.desired(), ready: pods.ready() }
    }

    /// When a pod of a function was asked for; `None` if there never was such a pod.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn asked(&self, function: FunctionId, replica: ReplicaId) -> Option<Timestamp> {
        self.functions[usize::from(function.0)].pods.asked(replica)
    }

    /// The platform as one function sees it, as of the last advance. CPU time is the whole node's; the queue holds whatever
    /// waits for a worker thread, be it in a replica's queue, in its backlog, or at the gateway for want of a replica.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn sample(&self, function: FunctionId) -> PlatformSample {
        let function = &self.functions[usize::from(function.0)];
        PlatformSample {
            queue: function.waiting,
            desired: function.pods.desired(),
            ready: function.pods.ready(),
            starting: function.pods.starting(),
            terminating: function.pods.terminating(),
            cpu_time: Some(Duration::from_nanos(self.node.used() as u64)),
            replica_time: Duration::from_nanos(function.pods.lived(self.now)),
        }
    }

    #[inline]
    fn pass_to(&mut self, now: Timestamp) {
        if now > self.now {
            #[cfg(debug_assertions)]
            self.audit.pass(self.counters(), now.nanos_since(self.now));
            self.node.pass(now.nanos_since(self.now));
            self.now = now;
        }
    }

    /// Something was changed from outside: what happens next may be something else.
    pub(super) fn look_ahead(&mut self) {
        self.next = self.upcoming();
    }

    #[inline]
    fn upcoming(&self) -> Timestamp {
        let node = self.node.next_in().map_or(Timestamp::MAX, |wait| self.now.saturating_add_nanos(wait));
        node.min(self.lines.next()).min(self.pods_next)
    }

    /// Everything that is due now. Pods come first, so that what arrives at the moment a pod is ready finds it.
    #[inline]
    fn step(&mut self) {
        let now = self.now;
        let rare = self.lines.rare <= now;
        while rare && let Some((_, function)) = due(&mut self.lines.scalings, now, |entry| entry.0) {
            self.follow(function);
        }
        if self.pods_next <= now {
            self.turn_pods();
        }
        while let Some(done) = self.node.take_done() {
            match done {
                Done::Gateway { request } => {
                    #[cfg(debug_assertions)]
                    self.audit.finished(self.requests.get(request).gateway);
                    self.route(request);
                }
                Done::Replica { slot } => self.leave_lock(slot),
            }
        }
        while let Some(wait) = self.lines.waits.take_due(now) {
            self.end_wait(wait);
        }
        while let Some((_, request)) = due(&mut self.lines.inbound, now, |entry| entry.0) {
            self.enter_gateway(request);
        }
        if rare {
            self.step_rare();
        }
        while let Some((at, answer)) = due(&mut self.lines.outbound, now, |entry| entry.0) {
            self.hand_back(at, answer);
        }
    }

    /// The part of [`Cluster::step`] that is about lines which are rarely due.
    #[cold]
    fn step_rare(&mut self) {
        let now = self.now;
        while let Some((_, request)) = due(&mut self.lines.held, now, |entry| entry.0) {
            self.look_again(request);
        }
        while let Some((_, slot, generation)) = due(&mut self.lines.closings, now, |entry| entry.0) {
            self.close_idle(slot, generation);
        }
        if self.lines.limits_looked_at <= now {
            self.look_at_limits();
        }
        self.drop_settled_limits();
        while let Some((_, key)) = due(&mut self.lines.limits, now, |entry| entry.0) {
            self.exceed_limit(key);
            self.drop_settled_limits();
        }
        self.lines.find_rare();
    }

    /// A request comes to another stage.
    pub(super) fn move_to(&mut self, slot: u32, stage: Stage) {
        self.requests.get_mut(slot).stage = stage;
        #[cfg(debug_assertions)]
        self.audit.moved(self.now, slot, stage);
    }

    /// A request is gone; its slot is free.
    #[inline]
    pub(super) fn release(&mut self, slot: u32) {
        self.requests.free(slot);
        #[cfg(debug_assertions)]
        self.audit.moved(self.now, slot, Stage::Free);
        if self.requests.is_empty() {
            // an empty platform has no limits to wait for
            self.lines.limits.clear();
            self.lines.limits_looked_at = Timestamp::MAX;
            self.lines.find_rare();
        }
    }

    /// A request has come to a replica: the watchdog's limit begins.
    ///
    /// Almost all are answered long before it. So none is put in line one by one: those that are at a replica are looked for as often as
    /// the limit is long, which is in time for whatever has come since the last look.
    #[inline]
    pub(super) fn begin_limit(&mut self, slot: u32) {
        let at = self.now + EXECUTION_LIMIT;
        self.requests.get_mut(slot).until = at;
        if self.lines.limits_looked_at == Timestamp::MAX {
            self.lines.limits_looked_at = at;
            self.lines.rarely(at);
        }
    }

    fn look_at_limits(&mut self) {
        self.lines.limits = self.requests.limits().into();
        let nobody = self.lines.limits.is_empty();
        self.lines.limits_looked_at = if nobody { Timestamp::MAX } else { self.now + EXECUTION_LIMIT };
    }

    fn drop_settled_limits(&mut self) {
        while self.lines.limits.front().is_some_and(|(_, key)| !self.requests.is_current(*key)) {
            self.lines.limits.pop_front();
        }
    }
}
