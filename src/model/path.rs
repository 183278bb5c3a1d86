//! The way of a request through the platform, stage by stage.

use std::time::Duration;

use super::cluster::Cluster;
use super::lines::Wait;
use super::replica::{IDLE_CONNECTION, Place};
use super::request::{Answer, Key, Request, Stage};
use super::{Change, Ending};
use crate::record::FunctionId;
use crate::time::Timestamp;

/// Time between two looks for a ready replica (gateway, `function_scaler.go`: poll every 100 ms).
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the gateway holds a request without a ready replica: its write time-out (`OpenFaaS` chart, 65 s).
const HELD_AT_MOST: Duration = Duration::from_secs(65);

impl Cluster {
    /// The gateway looks for a ready replica before anything else (gateway, `handlers/scaling.go`).
    #[inline]
    pub(super) fn enter_gateway(&mut self, slot: u32) {
        let function = &mut self.functions[usize::from(self.requests.get(slot).function.0)];
        function.present.enter(self.now);
        if function.pods.ready() > 0 {
            self.pass_gateway(slot);
        } else if function.removed {
            self.refuse(slot, Ending::Removed);
        } else {
            self.hold(slot);
        }
    }

    #[inline]
    fn pass_gateway(&mut self, slot: u32) {
        let work = self.requests.get(slot).gateway;
        if work > 0.0 {
            #[cfg(debug_assertions)]
            self.audit.begun(work);
            self.node.enter_gateway(slot, work);
        } else {
            self.route(slot);
        }
    }

    #[inline]
    pub(super) fn route(&mut self, slot: u32) {
        let request = self.requests.get(slot);
        let function = usize::from(request.function.0);
        let Some(replica) = self.functions[function].pods.choose(request.route) else {
            self.refuse(slot, Ending::NoEndpoint);
            return;
        };
        self.requests.get_mut(slot).replica = replica;
        if let Some(ending) = self.replicas[replica as usize].refuses(self.now) {
            self.refuse(slot, ending);
            return;
        }
        self.begin_limit(slot);
        let place = self.replicas[replica as usize].admit(self.now, slot);
        if place != Place::Thread {
            self.functions[function].waiting += 1;
        }
        self.put(slot, place);
    }

    fn hold(&mut self, slot: u32) {
        let now = self.now;
        let request = self.requests.get_mut(slot);
        if request.stage != Stage::Held {
            request.until = now + HELD_AT_MOST;
            self.functions[usize::from(request.function.0)].waiting += 1;
            self.move_to(slot, Stage::Held);
        }
        self.lines.held.push_back((now + LOOK_EVERY, slot));
        self.lines.rarely(now + LOOK_EVERY);
    }

    /// A held request's next look. Tells of it if it goes on.
    pub(super) fn look_again(&mut self, slot: u32) {
        let request = self.requests.get(slot);
        let function = &mut self.functions[usize::from(request.function.0)];
        if function.pods.ready() > 0 {
            function.waiting -= 1;
            self.changes.push(Change::Released { request: request.id, at: self.now });
            self.move_to(slot, Stage::Travelling);
            self.pass_gateway(slot);
        } else if function.removed {
            function.waiting -= 1;
            self.refuse(slot, Ending::Removed);
        } else if self.now >= request.until {
            function.waiting -= 1;
            self.refuse(slot, Ending::NoReplica);
        } else {
            self.hold(slot);
        }
    }

    /// The request ends without having come into a replica's process.
    fn refuse(&mut self, slot: u32, ending: Ending) {
        self.answer(slot, ending);
        self.release(slot);
    }

    /// A request has its place in a replica; in a thread it begins.
    #[inline]
    fn put(&mut self, slot: u32, place: Place) {
        match place {
            Place::Thread => self.serve(slot),
            Place::Queue => {
                #[cfg(debug_assertions)]
                self.audit.queued(self.requests.get(slot).replica, slot);
                self.move_to(slot, Stage::Queued);
            }
            Place::Backlog => self.move_to(slot, Stage::Backlog),
        }
    }

    /// A thread begins a request, and goes on with what is queued behind it as long as that takes no time.
    #[inline]
    fn serve(&mut self, first: u32) {
        if !self.begin(first) {
            self.pass_through(first);
        }
    }

    /// A thread begins a request. False if there is nothing to do for it.
    #[inline]
    fn begin(&mut self, slot: u32) -> bool {
        self.move_to(slot, Stage::Served);
        let &Request { replica, cpu, function, .. } = self.requests.get(slot);
        debug_assert!(
            self.functions[usize::from(function.0)].pods.is_ready(replica),
            "only a replica in service serves"
        );
        if cpu > 0.0 {
            #[cfg(debug_assertions)]
            self.audit.begun(cpu);
            if self.replicas[replica as usize].run(self.node.virtual_now(), slot, cpu) {
                self.node.enter();
            }
            self.expect(replica);
            return true;
        }
        self.begin_wait(slot)
    }

    /// There is nothing to do for a request: it is through, and the thread goes on with what is queued behind it.
    #[cold]
    fn pass_through(&mut self, first: u32) {
        let mut next = self.complete(first);
        while let Some(slot) = next {
            if self.begin(slot) {
                return;
            }
            next = self.complete(slot);
        }
    }

    /// False if there is nothing to wait for.
    #[inline]
    fn begin_wait(&mut self, slot: u32) -> bool {
        let request = self.requests.get_mut(slot);
        let wait = request.wait;
        if wait > 0 {
            let at = self.now.saturating_add_nanos(wait);
            let number = if self.lines.waits.is_empty() { 1 } else { self.lines.waits_pushed.wrapping_add(1) };
            self.lines.waits_pushed = number;
            request.wait_number = number;
            self.lines.waits.push(Wait::new(at, number, slot));
        }
        wait > 0
    }

    /// The CPU work of a replica's first thread is done.
    pub(super) fn leave_lock(&mut self, replica: u32) {
        let server = &mut self.replicas[replica as usize];
        if let Some(slot) = server.finish_run(self.node.virtual_now()) {
            #[cfg(debug_assertions)]
            self.audit.finished(self.requests.get(slot).cpu);
            if !server.is_running() {
                self.node.leave();
            }
            if !self.begin_wait(slot) {
                self.end(slot);
            }
        }
        self.expect(replica);
    }

    #[inline]
    pub(super) fn end_wait(&mut self, wait: Wait) {
        // a request that was cut leaves its wait behind
        let request = self.requests.get(wait.slot());
        if request.stage == Stage::Served && request.wait_number == wait.number() {
            self.end(wait.slot());
        }
    }

    #[inline]
    fn end(&mut self, slot: u32) {
        if let Some(next) = self.complete(slot) {
            self.serve(next);
        }
    }

    /// A thread is through with a request: the answer leaves, and the thread's next request is returned.
    #[inline]
    fn complete(&mut self, slot: u32) -> Option<u32> {
        let &Request { id, function, replica, overdue, raises, .. } = self.requests.get(slot);
        self.release(slot);
        if overdue {
            self.leave_overdue(replica);
        } else {
            let server = &mut self.replicas[replica as usize];
            server.present.leave(self.now);
            server.served += 1;
            if server.keep_connection(self.now) {
                let at = self.now + IDLE_CONNECTION;
                self.lines.closings.push_back((at, replica, server.generation));
                self.lines.rarely(at);
            }
            let ending = if raises { Ending::Raised } else { Ending::Served };
            let answer = Answer { request: id, ending, replica: Some(server.id) };
            self.count_answer(function);
            if self.way_back == 0 && self.lines.outbound.is_empty() {
                self.hand_back(self.now, answer);
            } else {
                self.send_back(answer);
            }
        }
        let next = self.replicas[replica as usize].next_request()?;
        #[cfg(debug_assertions)]
        self.audit.taken(replica, next);
        self.functions[usize::from(function.0)].waiting -= 1;
        Some(next)
    }

    /// A thread is through with a request that the watchdog gave up, and its connection with it: waitress closes that now.
    #[cold]
    fn leave_overdue(&mut self, replica: u32) {
        let server = &mut self.replicas[replica as usize];
        server.present.leave(self.now);
        server.given_up -= 1;
        let accepted = server.close_connection();
        self.settle(accepted);
    }

    /// What came out of a backlog takes its place.
    fn settle(&mut self, accepted: Option<(u32, Place)>) {
        let Some((slot, place)) = accepted else { return };
        if place == Place::Thread {
            self.functions[usize::from(self.requests.get(slot).function.0)].waiting -= 1;
        }
        self.put(slot, place);
    }

    /// Idle connections of a replica with a backlog are closed.
    pub(super) fn close_idle(&mut self, replica: u32, generation: u32) {
        while self.replicas[replica as usize].generation == generation {
            let accepted = self.replicas[replica as usize].accept_idle(self.now);
            if accepted.is_none() {
                break;
            }
            self.settle(accepted);
        }
    }

    /// The watchdog gives a request up. In a thread, the work goes on unheard; elsewhere it is dropped.
    pub(super) fn exceed_limit(&mut self, key: Key) {
        if !self.requests.is_current(key) {
            return;
        }
        let slot = key.slot;
        let request = *self.requests.get(slot);
        self.answer(slot, Ending::Overdue);
        if request.stage == Stage::Served {
            self.requests.get_mut(slot).overdue = true;
            self.replicas[request.replica as usize].given_up += 1;
            return;
        }
        self.functions[usize::from(request.function.0)].waiting -= 1;
        self.release(slot);
        let server = &mut self.replicas[request.replica as usize];
        server.present.leave(self.now);
        if request.stage == Stage::Backlog {
            server.leave_backlog(slot);
        } else {
            server.leave_queue(slot);
            let accepted = server.close_connection();
            self.settle(accepted);
        }
    }

    /// Tells the node when the replica's lock is free next.
    fn expect(&mut self, replica: u32) {
        let next = self.replicas[replica as usize].next_run_done();
        self.node.expect_replica(replica, next);
    }

    pub(super) fn answer(&mut self, slot: u32, ending: Ending) {
        let &Request { id, function, replica, .. } = self.requests.get(slot);
        let reached_one = !matches!(ending, Ending::NoReplica | Ending::NoEndpoint | Ending::Removed);
        let replica = reached_one.then(|| self.replicas[replica as usize].id);
        self.count_answer(function);
        self.send_back(Answer { request: id, ending, replica });
    }

    /// A request of a function is answered.
    #[inline]
    fn count_answer(&mut self, function: FunctionId) {
        let function = &mut self.functions[usize::from(function.0)];
        function.present.leave(self.now);
        function.answered += 1;
        #[cfg(debug_assertions)]
        self.audit.answered();
    }

    fn send_back(&mut self, answer: Answer) {
        self.lines.outbound.push_back((self.now.saturating_add_nanos(self.way_back), answer));
    }

    /// An answer is back.
    #[inline]
    pub(super) fn hand_back(&mut self, at: Timestamp, answer: Answer) {
        let Answer { request, ending, replica } = answer;
        #[cfg(debug_assertions)]
        self.audit.delivered();
        self.changes.push(Change::Answered { request, at, ending, replica });
    }
}
