//! Requests inside the platform, in slots that are used again: nothing is allocated per request in steady state.

use std::time::Duration;

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::Ending;

/// The sender's own name for a request; the platform only hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A request as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The sender's name for it.
    pub request: RequestId,
    /// The function it calls.
    pub function: FunctionId,
    /// Whether it carries the header `Hey`: it skips the handler's work and draws from streams of its own.
    pub probe: bool,
    /// The waiting work the request itself asks for (sleepy's number), instead of the model's.
    pub wait: Option<Duration>,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nowhere: the slot is free.
    Free,
    /// On its way to the router: in transport or on the gateway path.
    Travelling,
    /// At the gateway, no replica being ready.
    Held,
    /// Connected to a replica that accepts no more connections.
    Backlog,
    /// In a replica's queue.
    Queued,
    /// In a thread of a replica.
    Served,
}

impl Stage {
    /// In a replica's backlog, queue or threads.
    pub(super) const fn is_at_replica(self) -> bool {
        matches!(self, Self::Backlog | Self::Queued | Self::Served)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) function: FunctionId,
    pub(super) stage: Stage,
    /// Answered already as overdue; only its thread works on.
    pub(super) overdue: bool,
    /// Its handler raises an exception after its work.
    pub(super) raises: bool,
    /// CPU work on the gateway path, in nanoseconds.
    pub(super) gateway: f64,
    /// CPU work in the replica, in nanoseconds.
    pub(super) cpu: f64,
    /// Waiting work, in nanoseconds.
    pub(super) wait: u64,
    /// The number of its wait, once it waits: a wait with another number is that of a request which had the slot before.
    pub(super) wait_number: u32,
    /// Uniform over all values; its share of the ready replicas tells which one.
    pub(super) route: u64,
    /// Slot of the replica it is at.
    pub(super) replica: u32,
    /// When the gateway stops holding it; once it is at a replica, when that one's watchdog gives it up.
    pub(super) until: Timestamp,
}

/// A slot together with how often it was used: outlives the request without being mistaken for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) slot: u32,
    generation: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    slots: Vec<Request>,
    generations: Vec<u32>,
    free: Vec<u32>,
}

impl Requests {
    /// A free slot, for what `request` makes: made in its place, since one that was made elsewhere would be copied before its parts have
    /// settled in memory.
    #[inline]
    pub(super) fn insert(&mut self, request: impl FnOnce() -> Request) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = request();
            return slot;
        }
        self.slots.push(request());
        self.generations.push(0);
        self.slots.len() as u32 - 1
    }

    pub(super) fn free(&mut self, slot: u32) {
        self.slots[slot as usize].stage = Stage::Free;
        let generation = &mut self.generations[slot as usize];
        *generation = generation.wrapping_add(1);
        self.free.push(slot);
    }

    pub(super) fn get(&self, slot: u32) -> &Request {
        &self.slots[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Request {
        &mut self.slots[slot as usize]
    }

    pub(super) fn key(&self, slot: u32) -> Key {
        Key { slot, generation: self.generations[slot as usize] }
    }

    pub(super) fn is_current(&self, key: Key) -> bool {
        self.generations[key.slot as usize] == key.generation
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// How many there are.
    #[cfg(debug_assertions)]
    pub(super) fn len(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64
    }

    /// How many were answered as overdue and still hold a thread.
    #[cfg(debug_assertions)]
    pub(super) fn overdue(&self) -> u64 {
        self.slots.iter().filter(|request| request.stage != Stage::Free && request.overdue).count() as u64
    }

    /// Slots of the requests that are at a replica: in its backlog, queue or threads.
    pub(super) fn at_replica(&self, replica: u32) -> Vec<u32> {
        let there = |request: &Request| request.replica == replica && request.stage.is_at_replica();
        (0..).zip(&self.slots).filter(|(_, request)| there(request)).map(|(slot, _)| slot).collect()
    }

    /// All requests that a watchdog may still give up, and when it would, the first first.
    pub(super) fn limits(&self) -> Vec<(Timestamp, Key)> {
        let may_be = |request: &Request| request.stage.is_at_replica() && !request.overdue;
        let waiting = (0..).zip(&self.slots).filter(|(_, request)| may_be(request));
        let mut limits: Vec<(Timestamp, Key)> =
            waiting.map(|(slot, request)| (request.until, self.key(slot))).collect();
        limits.sort_unstable();
        limits
    }
}

/// An answer on its way back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) request: RequestId,
    pub(super) ending: Ending,
    pub(super) replica: Option<ReplicaId>,
}
