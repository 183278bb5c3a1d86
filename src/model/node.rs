//! The node: cores shared by whatever wants to run.
//!
//! ```text
//!   runnable entities   a request on the gateway path: one each      \   n of them on C cores:
//!                       a replica with a thread on its lock: one     /   each runs at min(1, C / n)
//! ```

use super::earliest::Earliest;
use super::tags::Tags;

/// The node's cores under processor sharing, followed by one virtual time for all entities.
#[derive(Clone, Debug)]
pub(super) struct Node {
    cores: f64,
    /// Who wants to run: gateway requests and replicas with CPU work.
    entities: u32,
    /// What each of them gets: CPU time per time.
    rate: f64,
    /// What an entity with a core to itself gets: 1, or less on a slow node.
    speed: f64,
    /// CPU time one entity would have got since the node was last idle, in nanoseconds.
    virtual_now: f64,
    /// CPU time used by all of them since the start, in nanoseconds.
    used: f64,
    gateway: Tags,
    replicas: Earliest,
}

/// CPU work that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// A request came through the gateway path.
    Gateway { request: u32 },
    /// The next thread of a replica is through with its CPU work.
    Replica { slot: u32 },
}

impl Node {
    pub(super) fn new(cores: u32) -> Self {
        Self {
            cores: f64::from(cores.max(1)),
            entities: 0,
            rate: 1.0,
            speed: 1.0,
            virtual_now: 0.0,
            used: 0.0,
            gateway: Tags::default(),
            replicas: Earliest::new(),
        }
    }

    /// Lets time pass, in nanoseconds.
    #[inline]
    pub(super) fn pass(&mut self, nanos: u64) {
        if self.entities > 0 {
            let each = self.rate * nanos as f64;
            self.virtual_now += each;
            self.used += each * f64::from(self.entities);
        }
    }

    /// From now on CPU work takes so many times as long as usual.
    pub(super) fn slow(&mut self, factor: f64) {
        self.speed = 1.0 / factor.max(1.0);
        self.share();
    }

    /// The node's virtual time: what replicas count their own by.
    pub(super) fn virtual_now(&self) -> f64 {
        self.virtual_now
    }

    /// The same so many nanoseconds from now, if nothing changes before.
    pub(super) fn virtual_at(&self, nanos: u64) -> f64 {
        if self.entities > 0 { self.virtual_now + self.rate * nanos as f64 } else { self.virtual_now }
    }

    /// CPU time used since the start, in nanoseconds.
    pub(super) fn used(&self) -> f64 {
        self.used
    }

    /// Nanoseconds until CPU work is done, rounded up, if nothing changes before; `None` if nothing runs.
    #[inline]
    pub(super) fn next_in(&self) -> Option<u64> {
        if self.entities == 0 {
            return None;
        }
        let first = self.first();
        first.is_finite().then(|| ((first - self.virtual_now).max(0.0) / self.rate).ceil() as u64)
    }

    /// CPU work that is done by now. A replica's is reported until [`Node::expect_replica`] says what comes next.
    #[inline]
    pub(super) fn take_done(&mut self) -> Option<Done> {
        if self.entities == 0 || self.first() > self.virtual_now {
            return None;
        }
        if self.replicas.time() <= self.virtual_now {
            return Some(Done::Replica { slot: self.replicas.slot() });
        }
        let (_, request) = self.gateway.pop()?;
        self.leave();
        Some(Done::Gateway { request })
    }

    /// A request enters the gateway path with this much CPU work.
    pub(super) fn enter_gateway(&mut self, request: u32, work: f64) {
        self.gateway.push(self.virtual_now + work, request);
        self.enter();
    }

    /// One more wants to run.
    pub(super) fn enter(&mut self) {
        self.entities += 1;
        self.share();
    }

    /// One fewer wants to run.
    pub(super) fn leave(&mut self) {
        self.entities -= 1;
        self.share();
        if self.entities == 0 {
            // nothing refers to virtual time any more: starting over keeps it small, and so exact
            self.virtual_now = 0.0;
        }
    }

    /// The virtual time at which a replica's next thread is through; infinity for none.
    pub(super) fn expect_replica(&mut self, slot: u32, at: f64) {
        self.replicas.set(slot, at);
    }

    fn first(&self) -> f64 {
        let replicas = self.replicas.time();
        self.gateway.first().map_or(replicas, |gateway| gateway.min(replicas))
    }

    fn share(&mut self) {
        let entities = f64::from(self.entities);
        let share = if entities > self.cores { self.cores / entities } else { 1.0 };
        self.rate = share * self.speed;
    }
}
