//! The pods of one function, from being asked for to being gone.
//!
//! ```text
//!   scale up --> starting (3..6 s) --> ready (in the router) --> removed: terminating (still costs) --> gone
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::random::Stream;
use crate::record::ReplicaId;
use crate::time::{Timestamp, nanos};

use super::StartUp;

#[derive(Clone, Debug)]
pub(super) struct Pods {
    bounds: (u32, u32),
    desired: u32,
    created: u32,
    /// In order of creation.
    starting: Vec<Starting>,
    /// Slots of the replicas in service, in the order in which they became ready.
    ready: Vec<u32>,
    /// When each terminating pod will be gone, in order.
    terminating: VecDeque<Timestamp>,
    start_up: StartUp,
    stream: Stream,
    termination: Duration,
    /// Time lived by all pods up to `counted_to`, in nanoseconds.
    lived: u64,
    counted_to: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Starting {
    replica: ReplicaId,
    ready_at: Timestamp,
}

impl Pods {
    pub(super) fn new(start_up: StartUp, termination: Duration, bounds: (u32, u32), stream: Stream) -> Self {
        Self {
            bounds: (bounds.0, bounds.1.max(bounds.0)),
            desired: 0,
            created: 0,
            starting: Vec::new(),
            ready: Vec::new(),
            terminating: VecDeque::new(),
            start_up,
            stream,
            termination,
            lived: 0,
            counted_to: Timestamp::ZERO,
        }
    }

    /// Sets the desired replicas, within the bounds; the pods follow with [`Pods::start`] and the removals.
    pub(super) fn ask(&mut self, to: u32) -> u32 {
        self.desired = to.clamp(self.bounds.0, self.bounds.1);
        self.desired
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

    /// Pods too few (positive) or too many (negative) for what is desired.
    pub(super) fn missing(&self) -> i64 {
        i64::from(self.desired) - i64::from(self.starting()) - i64::from(self.ready())
    }

    /// A pod that is in service from the start of the run.
    pub(super) fn create_ready(&mut self, slot: u32) -> ReplicaId {
        self.ready.push(slot);
        self.create()
    }

    fn create(&mut self) -> ReplicaId {
        let replica = ReplicaId(self.created);
        self.created += 1;
        replica
    }

    /// Starts one pod.
    pub(super) fn start(&mut self, now: Timestamp) {
        self.count(now);
        let replica = self.create();
        let ready_at = now + self.start_up.draw(&mut self.stream);
        self.starting.push(Starting { replica, ready_at });
    }

    /// Removes the youngest pod that is not ready yet.
    pub(super) fn remove_starting(&mut self, now: Timestamp) -> Option<ReplicaId> {
        let pod = self.starting.pop()?;
        self.terminate(now);
        Some(pod.replica)
    }

    /// Takes the pod that became ready last out of service; its slot.
    pub(super) fn remove_ready(&mut self, now: Timestamp) -> Option<u32> {
        let slot = self.ready.pop()?;
        self.terminate(now);
        Some(slot)
    }

    fn terminate(&mut self, now: Timestamp) {
        // it goes on costing until it is gone, so the count of pods does not change here
        self.terminating.push_back(now + self.termination);
    }

    /// When the next pod becomes ready or is gone; [`Timestamp::MAX`] if none will.
    pub(super) fn next_change(&self) -> Timestamp {
        let ready = self.starting.iter().map(|pod| pod.ready_at).min();
        let gone = self.terminating.front().copied();
        ready.unwrap_or(Timestamp::MAX).min(gone.unwrap_or(Timestamp::MAX))
    }

    /// The next pod that is ready by now; it has yet to [`Pods::enter_service`].
    pub(super) fn take_started(&mut self, now: Timestamp) -> Option<ReplicaId> {
        let due = self.starting.iter().enumerate().filter(|(_, pod)| pod.ready_at <= now);
        let (first, _) = due.min_by_key(|(_, pod)| pod.ready_at)?;
        Some(self.starting.remove(first).replica)
    }

    /// A started pod is in service from now on.
    pub(super) fn enter_service(&mut self, slot: u32) {
        self.ready.push(slot);
    }

    /// Whether the replica in this slot is in service.
    pub(super) fn is_ready(&self, slot: u32) -> bool {
        self.ready.contains(&slot)
    }

    /// Forgets the pods that are gone by now.
    pub(super) fn bury(&mut self, now: Timestamp) {
        while self.terminating.front().is_some_and(|gone| *gone <= now) {
            self.count(now);
            self.terminating.pop_front();
        }
    }

    /// The replica a request goes to: uniform over those in service; `None` if there is none.
    pub(super) fn choose(&self, route: u64) -> Option<u32> {
        let index = (u128::from(route) * self.ready.len() as u128) >> 64;
        self.ready.get(index as usize).copied()
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
