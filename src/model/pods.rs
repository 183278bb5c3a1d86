//! The pods of one function, from being asked for to being gone.
//!
//! ```text
//!   scale up --> starting (3..6 s) --> ready (in the router) --> removed: terminating (still costs) --> gone
//! ```
//!
//! A new revision (`rollout`) replaces them one by one, as a Deployment does with `maxSurge` 1 and `maxUnavailable` 0.

use std::collections::VecDeque;
use std::time::Duration;

use crate::random::Stream;
use crate::record::ReplicaId;
use crate::time::{Timestamp, nanos};

use super::{Conditions, StartUp};

/// Pods beyond the desired ones that a roll-out may have (faas-netes `deploy.go`, `MaxSurge`).
const SURGE: usize = 1;

/// How often a function's pods were replaced by others, as a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Revision(pub(super) u32);

#[derive(Clone, Debug)]
pub(super) struct Pods {
    bounds: (u32, u32),
    desired: u32,
    /// When each pod was asked for, in order.
    asked: Vec<Timestamp>,
    /// Of the pods that are started from now on.
    revision: Revision,
    /// In order of creation.
    starting: Vec<Starting>,
    /// In the order in which they became ready.
    ready: Vec<Ready>,
    /// When each terminating pod will be gone, in order.
    terminating: VecDeque<Timestamp>,
    start_up: StartUp,
    conditions: Conditions,
    stream: Stream,
    termination: Duration,
    /// Time lived by all pods up to `counted_to`, in nanoseconds.
    lived: u64,
    counted_to: Timestamp,
}

/// A pod on its way into service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starting {
    pub(super) replica: ReplicaId,
    pub(super) revision: Revision,
    ready_at: Timestamp,
}

/// A pod in service, by its replica's slot.
#[derive(Clone, Copy, Debug)]
struct Ready {
    slot: u32,
    revision: Revision,
}

/// One step from the pods there are towards those asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start a pod.
    Start,
    /// Remove a pod that is not ready; by its place in their line.
    DropStarting(usize),
    /// Take a pod out of service; by its place in their line.
    DropReady(usize),
}

impl Pods {
    pub(super) fn new(start_up: StartUp, termination: Duration, bounds: (u32, u32), stream: Stream) -> Self {
        Self {
            bounds: (bounds.0, bounds.1.max(bounds.0)),
            desired: 0,
            asked: Vec::new(),
            revision: Revision::default(),
            starting: Vec::new(),
            ready: Vec::new(),
            terminating: VecDeque::new(),
            start_up,
            conditions: Conditions::default(),
            stream,
            termination,
            lived: 0,
            counted_to: Timestamp::ZERO,
        }
    }

    /// Sets the desired replicas, within the bounds; the pods follow step by step.
    pub(super) fn ask(&mut self, to: u32) -> u32 {
        self.desired = to.clamp(self.bounds.0, self.bounds.1);
        self.desired
    }

    /// From now on no pod is wanted, whatever the bounds say.
    pub(super) fn retire(&mut self) {
        self.bounds = (0, 0);
        self.desired = 0;
    }

    /// From now on these are the circumstances.
    pub(super) fn suffer(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Every pod is to be replaced by one of a new revision; that revision.
    pub(super) fn renew(&mut self, start_up: StartUp, termination: Duration) -> Revision {
        self.revision = Revision(self.revision.0 + 1);
        self.start_up = start_up;
        self.termination = termination;
        self.revision
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// The oldest revision of which there is a pod; the newest if there is none.
    pub(super) fn oldest(&self) -> Revision {
        let starting = self.starting.iter().map(|pod| pod.revision);
        starting.chain(self.ready.iter().map(|pod| pod.revision)).min().unwrap_or(self.revision)
    }

    pub(super) fn desired(&self) -> u32 {
        self.desired
    }

    pub(super) fn starting(&self) -> u32 {
        self.starting.len() as u32
    }

    pub(super) fn ready(&self) -> u32 {
        self.ready.len() as u32
    }

    pub(super) fn terminating(&self) -> u32 {
        self.terminating.len() as u32
    }

    /// What is to be done next so that the pods become what was asked for; `None` if nothing can be done now.
    ///
    /// Without a roll-out: start what is missing, remove what is too much, pods that are not ready first, the youngest of
    /// them before the others, then those that became ready last, as a `ReplicaSet` does. In a roll-out the order is that
    /// of the Deployment controller (`deployment/rolling.go`): the new pods up to the surge, then as many old ones off as
    /// leave the desired number ready, those that are not ready first.
    pub(super) fn next_step(&self) -> Option<Step> {
        let desired = self.desired as usize;
        let is_new = |revision: Revision| revision == self.revision;
        let new_starting = self.starting.iter().filter(|pod| is_new(pod.revision)).count();
        let new = new_starting + self.ready.iter().filter(|pod| is_new(pod.revision)).count();
        let total = self.starting.len() + self.ready.len();
        let youngest = |new: bool| {
            let starting = self.starting.iter().rposition(|pod| is_new(pod.revision) == new).map(Step::DropStarting);
            let ready = || self.ready.iter().rposition(|pod| is_new(pod.revision) == new).map(Step::DropReady);
            starting.or_else(ready)
        };
        if new > desired {
            return youngest(true);
        }
        let surge = if total > new { SURGE } else { 0 };
        if new < desired && total < desired + surge {
            return Some(Step::Start);
        }
        if total == new || total <= desired + new_starting {
            return None;
        }
        // old pods that are not ready serve nobody; a ready one may go if enough of the others are
        youngest(false).filter(|step| matches!(step, Step::DropStarting(_)) || self.ready.len() > desired)
    }

    /// A pod that is in service from the start of the run.
    pub(super) fn create_ready(&mut self, slot: u32) -> ReplicaId {
        self.ready.push(Ready { slot, revision: self.revision });
        self.create(Timestamp::ZERO)
    }

    fn create(&mut self, now: Timestamp) -> ReplicaId {
        let replica = ReplicaId(self.asked.len() as u32);
        self.asked.push(now);
        replica
    }

    /// When a pod was asked for; the start of the run for those that were in service then.
    pub(super) fn asked(&self, replica: ReplicaId) -> Option<Timestamp> {
        self.asked.get(replica.0 as usize).copied()
    }

    /// Starts one pod.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.count(now);
        let replica = self.create(now);
        let usual = self.start_up.draw(&mut self.stream);
        let slow = self.conditions.start_up_factor > 1.0;
        let ready_at = now + if slow { usual.mul_f64(self.conditions.start_up_factor) } else { usual };
        self.starting.push(Starting { replica, revision: self.revision, ready_at });
    }

    /// Removes a pod that is not ready yet, by its place in their line.
    pub(super) fn drop_starting(&mut self, place: usize, now: Timestamp) -> ReplicaId {
        let pod = self.starting.remove(place);
        self.terminate(now);
        pod.replica
    }

    /// Takes a pod out of service, by its place in their line; its slot.
    pub(super) fn drop_ready(&mut self, place: usize, now: Timestamp) -> u32 {
        let pod = self.ready.remove(place);
        self.terminate(now);
        pod.slot
    }

    /// The pod that is longest in service dies; its slot, or `None` if there is none. It costs nothing from now on.
    pub(super) fn lose(&mut self, now: Timestamp) -> Option<u32> {
        if self.ready.is_empty() {
            return None;
        }
        self.count(now);
        Some(self.ready.remove(0).slot)
    }

    fn terminate(&mut self, now: Timestamp) {
        // it goes on costing until it is gone, so the count of pods does not change here
        let gone = now + self.termination;
        // a new revision may be gone sooner than the last one
        let before = self.terminating.iter().rposition(|other| *other <= gone).map_or(0, |place| place + 1);
        self.terminating.insert(before, gone);
    }

    /// When the next pod becomes ready or is gone; [`Timestamp::MAX`] if none will.
    pub(super) fn next_change(&self) -> Timestamp {
        let may_start = !self.conditions.never_ready;
        let ready = self.starting.iter().map(|pod| pod.ready_at).min().filter(|_| may_start);
        let gone = self.terminating.front().copied();
        ready.unwrap_or(Timestamp::MAX).min(gone.unwrap_or(Timestamp::MAX))
    }

    /// The next pod that is ready by now; it has yet to [`Pods::enter_service`].
    pub(super) fn take_started(&mut self, now: Timestamp) -> Option<Starting> {
        if self.conditions.never_ready {
            return None;
        }
        let due = self.starting.iter().enumerate().filter(|(_, pod)| pod.ready_at <= now);
        let (first, _) = due.min_by_key(|(_, pod)| pod.ready_at)?;
        Some(self.starting.remove(first))
    }

    /// A started pod is in service from now on.
    pub(super) fn enter_service(&mut self, slot: u32, revision: Revision) {
        self.ready.push(Ready { slot, revision });
    }

    /// Whether the replica in this slot is in service.
    pub(super) fn is_ready(&self, slot: u32) -> bool {
        self.ready.iter().any(|ready| ready.slot == slot)
    }

    /// Forgets the pods that are gone by now.
    pub(super) fn bury(&mut self, now: Timestamp) {
        while self.terminating.front().is_some_and(|gone| *gone <= now) {
            self.count(now);
            self.terminating.pop_front();
        }
    }

    /// The slots of the pods in service.
    pub(super) fn ready_slots(&self) -> impl Iterator<Item = u32> {
        self.ready.iter().map(|pod| pod.slot)
    }

    /// The pods that are not in service yet.
    pub(super) fn starting_replicas(&self) -> impl Iterator<Item = ReplicaId> {
        self.starting.iter().map(|pod| pod.replica)
    }

    /// The replica a request goes to: uniform over those in service; `None` if there is none.
    pub(super) fn choose(&self, route: u64) -> Option<u32> {
        let index = (u128::from(route) * self.ready.len() as u128) >> 64;
        self.ready.get(index as usize).map(|pod| pod.slot)
    }

    /// Time lived by all pods, in nanoseconds.
    pub(super) fn lived(&self, now: Timestamp) -> u64 {
        let alive = self.starting.len() + self.ready.len() + self.terminating.len();
        self.lived + nanos(now - self.counted_to) * alive as u64
    }

    fn count(&mut self, now: Timestamp) {
        self.lived = self.lived(now);
        self.counted_to = now;
    }
}
