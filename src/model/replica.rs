//! One replica: connections, a FIFO queue, worker threads, and the interpreter lock they share.
//!
//! ```text
//!  98 connections at once          FIFO       W threads: CPU work one at a time (the lock, shared in turns), then waiting
//!  backlog --> [ open: in use | idle ] --> queue --> [ lock ][ wait ]
//! ```
//!
//! The threads that want the lock share it evenly, so the replica as a whole is one runnable entity of the node, and
//! its own virtual time runs at 1/k of the node's when k threads want it. `CPython` hands the lock over every 5 ms;
//! work here is mostly shorter than that, and sharing in turns is its limit.

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

use super::presence::Presence;
use super::tags::Tags;
use super::{Ending, FunctionModel};

/// How long the watchdog keeps an unused connection to the process (of-watchdog, `http_runner.go`, `IdleConnTimeout`).
pub(super) const IDLE_CONNECTION: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    pub(super) id: ReplicaId,
    pub(super) function: FunctionId,
    /// How often this slot was used: tells a replica from its successor.
    pub(super) generation: u32,
    workers: u32,
    /// Requests its watchdog has at once at most; 0 for any number.
    max_inflight: u32,
    /// From then on its process listens.
    pub(super) listens_from: Timestamp,
    /// Requests in its threads that its watchdog has given up.
    pub(super) given_up: u32,
    /// Threads that hold a request.
    busy: u32,
    queue: VecDeque<u32>,
    connections: Connections,
    /// Threads that want the lock, by virtual completion time.
    running: Tags,
    /// CPU time each of them got since the lock was last free, in nanoseconds.
    virtual_now: f64,
    /// The node's virtual time up to which that is counted.
    counted_to: f64,
    /// CPU time the whole replica got up to then, in nanoseconds.
    used: f64,
    /// When it entered service.
    pub(super) began: Timestamp,
    /// Requests in it, wherever in it.
    pub(super) present: Presence,
    /// Requests it has served.
    pub(super) served: u64,
}

/// Where a request that came to a replica ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a thread; it starts now.
    Thread,
    /// In the queue.
    Queue,
    /// Connected, but not accepted.
    Backlog,
}

impl Replica {
    /// Threads that hold a request.
    #[cfg(debug_assertions)]
    pub(super) fn busy(&self) -> u32 {
        self.busy
    }

    /// Puts a new replica into a slot.
    pub(super) fn renew(&mut self, now: Timestamp, id: ReplicaId, function: FunctionId, model: &FunctionModel) {
        self.began = now;
        self.present = Presence::default();
        self.served = 0;
        self.used = 0.0;
        self.id = id;
        self.function = function;
        self.workers = model.workers.max(1);
        self.max_inflight = model.max_inflight;
        self.listens_from = now + model.listens_after;
        self.given_up = 0;
        self.busy = 0;
        self.connections = Connections { limit: model.connections.max(1), ..Connections::default() };
    }

    /// How its watchdog turns a request away that comes now; `None` if it passes it on.
    #[inline]
    pub(super) fn refuses(&self, now: Timestamp) -> Option<Ending> {
        if self.max_inflight > 0 && self.present.count() - self.given_up >= self.max_inflight {
            return Some(Ending::TooMany);
        }
        (now < self.listens_from).then_some(Ending::NotListening)
    }

    /// The process is gone, and with it whatever was in it. Its connections are none of the next one's business.
    pub(super) fn end(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.queue.clear();
        self.running.clear();
        self.busy = 0;
    }

    /// A request comes to the replica.
    #[inline]
    pub(super) fn admit(&mut self, now: Timestamp, request: u32) -> Place {
        self.present.enter(now);
        if self.connections.connect(request) { self.place(request) } else { Place::Backlog }
    }

    #[inline]
    fn place(&mut self, request: u32) -> Place {
        if self.busy < self.workers {
            self.busy += 1;
            Place::Thread
        } else {
            self.queue.push_back(request);
            Place::Queue
        }
    }

    /// A thread is through with its request: the next in the queue, which that thread takes over.
    #[inline]
    pub(super) fn next_request(&mut self) -> Option<u32> {
        let next = self.queue.pop_front();
        if next.is_none() {
            self.busy -= 1;
        }
        next
    }

    /// A request is through and its connection kept. True if a backlog waits for it to be closed after
    /// [`IDLE_CONNECTION`].
    pub(super) fn keep_connection(&mut self, now: Timestamp) -> bool {
        self.connections.idle.push_back(now);
        !self.connections.backlog.is_empty()
    }

    /// A connection is closed before its time, because its request was given up. What comes from the backlog
    /// instead, and where to.
    pub(super) fn close_connection(&mut self) -> Option<(u32, Place)> {
        self.connections.open -= 1;
        self.accept()
    }

    /// What comes from the backlog after idle connections were closed, one by one.
    pub(super) fn accept_idle(&mut self, now: Timestamp) -> Option<(u32, Place)> {
        self.connections.close_idle(now);
        self.accept()
    }

    fn accept(&mut self) -> Option<(u32, Place)> {
        let request = self.connections.accept()?;
        Some((request, self.place(request)))
    }

    /// CPU time it has got when the node's virtual time is `node_now`, in nanoseconds.
    pub(super) fn cpu_time(&self, node_now: f64) -> f64 {
        self.used + if self.running.is_empty() { 0.0 } else { node_now - self.counted_to }
    }

    /// Takes a request out of the queue.
    pub(super) fn leave_queue(&mut self, request: u32) {
        remove(&mut self.queue, request);
    }

    /// Takes a request out of the backlog.
    pub(super) fn leave_backlog(&mut self, request: u32) {
        remove(&mut self.connections.backlog, request);
    }

    /// Whether a thread wants the lock.
    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// A thread wants the lock for this much CPU work. True if it is the first.
    pub(super) fn run(&mut self, node_now: f64, request: u32, work: f64) -> bool {
        let first = self.running.is_empty();
        self.count(node_now);
        self.running.push(self.virtual_now + work, request);
        first
    }

    /// The thread that is through first with its CPU work leaves the lock.
    pub(super) fn finish_run(&mut self, node_now: f64) -> Option<u32> {
        self.count(node_now);
        let (done, request) = self.running.pop()?;
        // rounding may leave the clock a hair short of the job it just finished
        self.virtual_now = self.virtual_now.max(done);
        Some(request)
    }

    /// The node's virtual time at which the next thread is through; infinity if none runs.
    pub(super) fn next_run_done(&self) -> f64 {
        self.running.first().map_or(f64::INFINITY, |first| {
            self.counted_to + (first - self.virtual_now).max(0.0) * self.running.len() as f64
        })
    }

    fn count(&mut self, node_now: f64) {
        if self.running.is_empty() {
            self.virtual_now = 0.0;
        } else {
            self.used += node_now - self.counted_to;
            self.virtual_now += (node_now - self.counted_to) / self.running.len() as f64;
        }
        self.counted_to = node_now;
    }
}

fn remove(line: &mut VecDeque<u32>, request: u32) {
    if let Some(position) = line.iter().position(|waiting| *waiting == request) {
        line.remove(position);
    }
}

/// Connections from the watchdog to the process.
///
/// waitress accepts none beyond its limit; who connects then stays in the kernel's backlog until another connection is
/// *closed*, while newcomers go on using idle ones. Measured with waitress 3.0.2: the 99th of parallel connections is
/// not answered before one of the 98 closes.
#[derive(Clone, Debug, Default)]
struct Connections {
    limit: u32,
    /// Open ones, idle ones included.
    open: u32,
    /// Since when each idle one is idle, oldest first. The newest is used first, so the oldest are closed in order. One that is idle for
    /// too long stands here until that matters, which is when a backlog waits for it: before that it makes no difference whether a request
    /// uses it or opens another in its place.
    idle: VecDeque<Timestamp>,
    backlog: VecDeque<u32>,
}

impl Connections {
    /// True if the request has a connection that is served; else it waits in the backlog.
    #[inline]
    fn connect(&mut self, request: u32) -> bool {
        if self.idle.pop_back().is_some() {
            return true;
        }
        if self.open < self.limit {
            self.open += 1;
            return true;
        }
        self.backlog.push_back(request);
        false
    }

    fn close_idle(&mut self, now: Timestamp) {
        while self.idle.front().is_some_and(|since| *since + IDLE_CONNECTION <= now) {
            self.idle.pop_front();
            self.open -= 1;
        }
    }

    fn accept(&mut self) -> Option<u32> {
        if self.open >= self.limit {
            return None;
        }
        let request = self.backlog.pop_front()?;
        self.open += 1;
        Some(request)
    }
}
