//! The modelled cluster held to the wall clock: one thread sleeps until the model's next change and hands answers to those
//! who wait for them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::probes::Probes;
use super::ways::Ways;
use super::{OnChange, PodChange, Turn};
use crate::drive::live::clock::{Clock, sharpen_timers};
use crate::model::{Arrival, Change, Cluster, Conditions, Ending, FunctionModel, RequestId};
use crate::policy::{Measurement, ReplicaStatus};
use crate::record::{FunctionId, PlatformSample, ReplicaId};
use crate::time::Timestamp;

/// How a request came back from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) ending: Ending,
    pub(super) replica: Option<ReplicaId>,
    /// Time between its arrival and its answer, by the model, without that for which the gateway held it.
    pub(super) took: Duration,
}

/// The model, shared by the gateway's handlers and the thread that keeps it going.
pub(super) struct Clockwork {
    clock: Clock,
    state: Mutex<State>,
    /// Notified when the thread sleeps for too long: something happens earlier than it thought, or it shall end.
    sooner: Condvar,
}

struct State {
    cluster: Cluster,
    requests: u64,
    waiting: BTreeMap<RequestId, Waiting>,
    /// What is made up for; `None` where nobody measured it.
    ways: Option<Ways>,
    probes: Probes,
    on_change: OnChange,
    /// Kept for its capacity.
    changes: Vec<Change>,
    /// Until when the thread sleeps.
    asleep_until: Timestamp,
    ended: bool,
}

struct Waiting {
    probe: bool,
    /// When it was asked for, if its sender told.
    asked: Option<Timestamp>,
    /// The gateway held it for a while.
    held: bool,
    /// When it arrived, or went on.
    began: Timestamp,
    released: Option<oneshot::Sender<Timestamp>>,
    answer: oneshot::Sender<Answered>,
}

/// A request inside the model.
pub(super) struct Arrived {
    /// When it went on, if the gateway holds it for want of a ready replica; closes with the answer if it never was held.
    pub(super) released: Option<oneshot::Receiver<Timestamp>>,
    /// Closes without an answer if the platform ends first.
    pub(super) answer: oneshot::Receiver<Answered>,
}

/// A function as the gateway finds it when a request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether a replica is ready.
    pub(super) ready: bool,
    /// The newest revision that has been in service.
    pub(super) revision: u32,
    /// How many requests at once its watchdogs let into a replica; 0 for any number.
    pub(super) max_inflight: u32,
}

/// The thread; ends, and is waited for, when dropped.
pub(super) struct Keeper {
    clockwork: Arc<Clockwork>,
    thread: Option<JoinHandle<()>>,
}

impl Clockwork {
    pub(super) fn new(cluster: Cluster, clock: Clock, on_change: OnChange, ways: Option<Ways>) -> Self {
        let state = State {
            ways,
            probes: Probes::default(),
            cluster,
            requests: 0,
            waiting: BTreeMap::new(),
            on_change,
            changes: Vec::new(),
            asleep_until: Timestamp::ZERO,
            ended: false,
        };
        Self { clock, state: Mutex::new(state), sooner: Condvar::new() }
    }

    /// Starts the thread that keeps it going.
    pub(super) fn keep(self: &Arc<Self>) -> io::Result<Keeper> {
        let clockwork = Arc::clone(self);
        let thread = std::thread::Builder::new().name("platform-model".to_owned()).spawn(move || clockwork.run())?;
        Ok(Keeper { clockwork: Arc::clone(self), thread: Some(thread) })
    }

    /// The platform's time.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A request is here, and had come at `came` if that is known.
    pub(super) fn arrive(
        &self,
        function: FunctionId,
        probe: bool,
        wait: Option<Duration>,
        came: Option<Timestamp>,
    ) -> Arrived {
        let (answer, answered) = oneshot::channel();
        let (mut state, now) = self.current();
        if state.ended {
            return Arrived { released: None, answer: answered };
        }
        let (sender, released) = if state.cluster.status(function).ready == 0 {
            let (sender, released) = oneshot::channel();
            (Some(sender), Some(released))
        } else {
            (None, None)
        };
        let request = RequestId(state.requests);
        state.requests += 1;
        let asked = if probe { state.probes.comes() } else { None };
        state.waiting.insert(
            request,
            Waiting { probe, asked, held: false, began: came.unwrap_or(now), released: sender, answer },
        );
        let arrival = Arrival { request, function, probe, wait };
        let gateway = state.ways.and_then(|ways| match asked {
            Some(asked) => Some(ways.probe_at_gateway(asked)),
            None => came.map(|came| ways.at_gateway(came)),
        });
        match gateway {
            Some(gateway) => state.cluster.arrive_at(now, gateway, arrival),
            None => state.cluster.arrive(now, arrival),
        }
        self.wake_if_sooner(&state);
        Arrived { released, answer: answered }
    }

    pub(super) fn standing(&self, function: FunctionId) -> Standing {
        let (state, _) = self.current();
        Standing {
            ready: state.cluster.status(function).ready > 0,
            revision: state.cluster.revision(function),
            max_inflight: state.cluster.max_inflight(function),
        }
    }

    /// A new function; `None` if there are as many as can be numbered.
    pub(super) fn deploy(&self, model: &FunctionModel, replicas: u32, bounds: (u32, u32)) -> Option<FunctionId> {
        let (mut state, now) = self.current();
        let function = state.cluster.deploy(now, model, replicas, bounds)?;
        self.carry_out(state, now);
        Some(function)
    }

    /// Another revision of a function, and perhaps another number of replicas.
    pub(super) fn update(&self, function: FunctionId, model: &FunctionModel, replicas: Option<u32>) {
        let (mut state, now) = self.current();
        state.cluster.update(now, function, model, replicas);
        self.carry_out(state, now);
    }

    /// A function is gone.
    pub(super) fn remove(&self, function: FunctionId) {
        let (mut state, now) = self.current();
        state.cluster.remove(now, function);
        self.carry_out(state, now);
    }

    /// Asks for replicas; what was accepted, within the function's bounds.
    pub(super) fn scale(&self, function: FunctionId, to: u32) -> u32 {
        let (mut state, now) = self.current();
        let accepted = state.cluster.scale(now, function, to);
        self.carry_out(state, now);
        accepted
    }

    /// From now on these are the platform's circumstances.
    pub(super) fn suffer(&self, conditions: Conditions) {
        self.change(|cluster, now, changes| cluster.suffer(now, conditions, changes));
    }

    /// So many of a function's pods die now.
    pub(super) fn crash(&self, function: FunctionId, replicas: u32) {
        self.change(|cluster, now, changes| cluster.crash(now, function, replicas, changes));
    }

    fn change(&self, change: impl FnOnce(&mut Cluster, Timestamp, &mut Vec<Change>)) {
        let (mut state, now) = self.current();
        let mut changes = Vec::new();
        change(&mut state.cluster, now, &mut changes);
        for change in changes {
            state.tell(change);
        }
        self.wake_if_sooner(&state);
    }

    /// Pods follow at once, so that who reads next sees it.
    fn carry_out(&self, mut state: MutexGuard<'_, State>, now: Timestamp) {
        state.advance(now);
        self.wake_if_sooner(&state);
    }

    /// A probe is asked for, and sets out. True if its way counts from then on.
    pub(super) fn probing(&self, asked: Timestamp) -> bool {
        let mut state = self.lock();
        let counts = state.ways.is_some();
        if counts {
            state.probes.sets_out(asked);
        }
        counts
    }

    /// The probe that was asked for then took this long from there, by its sender's clock; nothing if it got no answer.
    pub(super) fn probed(&self, asked: Timestamp, took: Option<Duration>) {
        let mut state = self.lock();
        let left = state.probes.over(asked);
        if let Some((left, took)) = left.zip(took)
            && let Some(ways) = &mut state.ways
        {
            ways.learn(took, left);
        }
    }

    pub(super) fn status(&self, function: FunctionId) -> ReplicaStatus {
        self.current().0.cluster.status(function)
    }

    pub(super) fn measure(&self, function: FunctionId) -> Measurement {
        let (state, now) = self.current();
        state.cluster.measure(now, function)
    }

    pub(super) fn sample(&self, function: FunctionId) -> PlatformSample {
        self.current().0.cluster.sample(function)
    }

    /// The model as of now: what is due is handed out before anything new enters.
    fn current(&self) -> (MutexGuard<'_, State>, Timestamp) {
        let mut state = self.lock();
        let now = self.clock.now();
        state.advance(now);
        (state, now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_if_sooner(&self, state: &State) {
        if state.cluster.next_change().is_some_and(|next| next < state.asleep_until) {
            self.sooner.notify_one();
        }
    }

    fn run(&self) {
        sharpen_timers();
        let mut state = self.lock();
        while !state.ended {
            state.advance(self.clock.now());
            let until = state.cluster.next_change().unwrap_or(Timestamp::MAX);
            state.asleep_until = until;
            state = self.clock.block_until(&self.sooner, state, until);
        }
        // whoever still waits learns that no answer will come
        state.waiting.clear();
    }
}

impl State {
    fn advance(&mut self, now: Timestamp) {
        let mut changes = std::mem::take(&mut self.changes);
        self.cluster.advance(now, &mut changes);
        for change in changes.drain(..) {
            self.tell(change);
        }
        self.changes = changes;
    }

    fn tell(&mut self, change: Change) {
        match change {
            Change::Answered { request, at, ending, replica } => {
                if let Some(waiting) = self.waiting.remove(&request) {
                    if waiting.probe {
                        self.probes.leaves(waiting.asked.filter(|_| !waiting.held), at);
                    }
                    // a client that went away has no receiver any more
                    let _ = waiting.answer.send(Answered { ending, replica, took: at - waiting.began });
                }
            }
            Change::Released { request, at } => {
                if let Some(waiting) = self.waiting.get_mut(&request) {
                    (waiting.began, waiting.held) = (at, true);
                    // a client that went away has no receiver any more
                    let _ = waiting.released.take().map(|released| released.send(at));
                }
            }
            Change::Ready { at, function, replica, from, to } => {
                let after = self.cluster.asked(function, replica).map_or(Duration::ZERO, |asked| at - asked);
                (self.on_change)(&PodChange { at, function, replica, from, to, turn: Turn::Ready { after } });
            }
            Change::Died { at, function, replica, from, to, cut } => {
                (self.on_change)(&PodChange { at, function, replica, from, to, turn: Turn::Died { cut } });
            }
            Change::Terminated { at, function, replica, from, to, cut } => {
                (self.on_change)(&PodChange { at, function, replica, from, to, turn: Turn::Terminated { cut } });
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.clockwork.lock().ended = true;
        self.clockwork.sooner.notify_one();
        if let Some(thread) = self.thread.take() {
            // a panic of the model was told when it happened
            let _ = thread.join();
        }
    }
}
