//! Replicas as real processes: started, found healthy, called, removed and watched.
//!
//! ```text
//!   scale --> start a process --> its port --> health check --> in the router --> SIGTERM: what is in it is cut --> gone
//!                                    \__ a thread per start __/         \__ died by itself: another is started __/
//! ```
//!
//! One thread starts them, and looks at all of them a few times a second: who has died, what each has used. Ending the pool ends
//! them all. On Linux the kernel ends them with the thread that started them, which is why it is always that one.

mod function;
mod health;
mod replica;
mod usage;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rand_xoshiro::rand_core::Rng;

use super::{OnChange, PodChange, Turn};
use crate::drive::live::clock::Clock;
use crate::policy::{Measurement, PodSample, ReplicaStatus};
use crate::random::{Purpose, Seed, Stream};
use crate::record::{FunctionId, PlatformSample, ProcessRow, ProcessState, ReplicaId};
use crate::time::Timestamp;
use function::Function;
use replica::{Launch, Replica};

/// Time between two looks at all processes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Pause before a replica that died young is started again: it would die again.
const BACK_OFF: Duration = Duration::from_secs(5);

/// What a pool is started with.
#[derive(Clone, Debug)]
pub struct Processes {
    /// The Python interpreter of the environment.
    pub python: PathBuf,
    /// The program that serves a folder.
    pub server: PathBuf,
    /// The folder of each function, with its `handler.py`, by [`FunctionId`].
    pub folders: Vec<PathBuf>,
    /// The program through which replicas are started, so that none outlives this process; `None` for none.
    pub leash: Option<PathBuf>,
    /// The file that gets what replicas write to their error output.
    pub log: PathBuf,
}

/// One function to be served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) replicas: u32,
    pub(super) bounds: (u32, u32),
}

/// All replicas of all functions.
pub(super) struct Pool {
    clock: Clock,
    state: Mutex<State>,
    /// Notified when a replica became ready or died, and when the pool ends.
    changed: Condvar,
    log: PathBuf,
}

struct State {
    functions: Vec<Function>,
    on_change: OnChange,
    routing: Stream,
    /// Why a replica could not be started, the last time one could not.
    trouble: Option<io::Error>,
    ended: bool,
}

/// A replica chosen for a request: where it is. The request is counted as in it until this is dropped.
pub(super) struct Chosen {
    pool: Arc<Pool>,
    function: FunctionId,
    pub(super) replica: ReplicaId,
    pub(super) address: SocketAddr,
    answered: bool,
}

/// The thread that looks after the processes; ends, and they with it, when dropped.
pub(super) struct Warden {
    pool: Arc<Pool>,
    thread: Option<JoinHandle<()>>,
}

impl Pool {
    /// Starts the replicas of these functions and waits until all are ready.
    ///
    /// # Errors
    /// When one can't be started, or ends or stays silent instead of becoming ready within `patience`; with its last words.
    pub(super) fn start(
        processes: &Processes,
        wanted: &[Wanted],
        seed: Seed,
        clock: Clock,
        on_change: OnChange,
        patience: Duration,
    ) -> io::Result<(Arc<Self>, Warden)> {
        let launch = |folder: &Path| Launch {
            python: processes.python.clone(),
            server: processes.server.clone(),
            folder: folder.to_owned(),
            leash: processes.leash.clone(),
            log: processes.log.clone(),
        };
        let functions = wanted.iter().zip(&processes.folders);
        let functions = functions.map(|(wanted, folder)| Function::new(launch(folder), *wanted));
        let state = State {
            functions: functions.collect(),
            on_change: Box::new(|_| ()),
            routing: seed.stream(Purpose::Routing),
            trouble: None,
            ended: false,
        };
        let pool =
            Arc::new(Self { clock, state: Mutex::new(state), changed: Condvar::new(), log: processes.log.clone() });
        let warden = pool.guard()?;
        let mut state = pool.lock();
        let until = clock.now() + patience;
        while !state.functions.iter().all(|function| function.ready() >= function.desired) {
            if let Some(trouble) = state.trouble.take() {
                return Err(trouble);
            }
            let died = state.functions.iter().any(|function| function.rested > Timestamp::ZERO);
            if died || clock.now() >= until {
                drop(state);
                return Err(io::Error::other(pool.complaint(died, patience)));
            }
            state = pool.wait(state, LOOK_EVERY);
        }
        // what comes from now on is news
        state.on_change = on_change;
        drop(state);
        Ok((pool, warden))
    }

    fn complaint(&self, died: bool, patience: Duration) -> String {
        let words = replica::last_words(&self.log);
        let words = if words.is_empty() { String::new() } else { format!("; its last words:\n    {words}") };
        if died {
            format!("a replica ended before it was ready{words}")
        } else {
            format!("a replica was not ready after {} s{words}", patience.as_secs())
        }
    }

    fn guard(self: &Arc<Self>) -> io::Result<Warden> {
        let pool = Arc::clone(self);
        let thread =
            std::thread::Builder::new().name("platform-processes".to_owned()).spawn(move || pool.look_after())?;
        Ok(Warden { pool: Arc::clone(self), thread: Some(thread) })
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
    }

    /// Asks for replicas; what was accepted, within the function's bounds.
    pub(super) fn scale(&self, function: FunctionId, to: u32) -> u32 {
        let mut state = self.lock();
        let now = self.clock.now();
        let Some(scaled) = state.functions.get_mut(usize::from(function.0)) else { return 0 };
        scaled.desired = to.clamp(scaled.bounds.0, scaled.bounds.1.max(scaled.bounds.0));
        let accepted = scaled.desired;
        let State { functions, on_change, .. } = &mut *state;
        functions[usize::from(function.0)].shed(function, now, on_change);
        drop(state);
        // what is missing is started by the thread that looks after them
        self.changed.notify_all();
        accepted
    }

    /// Starts what is missing.
    fn grow(self: &Arc<Self>, state: &mut State, id: FunctionId, now: Timestamp) -> io::Result<()> {
        let function = &mut state.functions[usize::from(id.0)];
        while function.alive() < function.desired && function.rested <= now {
            let replica = ReplicaId(function.next);
            let started = Replica::start(&function.launch, replica, now);
            let (started, output) = started.inspect_err(|_| function.rested = now + BACK_OFF)?;
            function.next += 1;
            function.replicas.push(started);
            let pool = Arc::downgrade(self);
            let waiter = std::thread::Builder::new().name(format!("platform-start-{}", replica.0));
            waiter.spawn(move || health::await_health(&pool, id, replica, output))?;
        }
        Ok(())
    }

    /// A replica answered its health check.
    fn is_healthy(&self, function: FunctionId, id: ReplicaId, port: u16) {
        let mut state = self.lock();
        let now = self.clock.now();
        let State { functions, on_change, .. } = &mut *state;
        let function_of = &mut functions[usize::from(function.0)];
        let from = function_of.ready();
        let starting = |replica: &&mut Replica| replica.id == id && replica.state() == ProcessState::Starting;
        let Some(replica) = function_of.replicas.iter_mut().find(starting) else { return };
        replica.ready = Some((now, port));
        let turn = Turn::Ready { after: now - replica.asked };
        on_change(&PodChange { at: now, function, replica: id, from, to: from + 1, turn });
        drop(state);
        self.changed.notify_all();
    }

    /// Looks at every process until the pool ends.
    fn look_after(self: &Arc<Self>) {
        let mut state = self.lock();
        while !state.ended {
            let now = self.clock.now();
            for function in (0..state.functions.len() as u16).map(FunctionId) {
                let State { functions, on_change, .. } = &mut *state;
                functions[usize::from(function.0)].bury(function, now, on_change);
                if let Err(error) = self.grow(&mut state, function, now) {
                    tracing::warn!(%error, "a replica can't be started");
                    state.trouble = Some(error);
                }
            }
            self.changed.notify_all();
            state = self.wait(state, LOOK_EVERY);
        }
    }

    /// A ready replica for a request, each as likely; `None` if none is ready.
    pub(super) fn choose(self: &Arc<Self>, function: FunctionId) -> Option<Chosen> {
        let mut state = self.lock();
        let now = self.clock.now();
        let State { functions, routing, .. } = &mut *state;
        let function_of = functions.get_mut(usize::from(function.0))?;
        let draw = routing.next_u64();
        let place = (u128::from(draw) * u128::from(function_of.ready())) >> 64;
        let mut ready = function_of.replicas.iter_mut().filter(|replica| replica.state() == ProcessState::Ready);
        let replica = ready.nth(place as usize)?;
        let (_, port) = replica.ready?;
        replica.count(now, 1);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Some(Chosen { pool: Arc::clone(self), function, replica: replica.id, address, answered: false })
    }

    /// A request is at the gateway (1), or has left it (-1).
    pub(super) fn count(&self, function: FunctionId, change: i32) {
        let now = self.clock.now();
        if let Some(function) = self.lock().functions.get_mut(usize::from(function.0)) {
            function.count(now, change);
        }
    }

    pub(super) fn status(&self, function: FunctionId) -> ReplicaStatus {
        let state = self.lock();
        let function = state.functions.get(usize::from(function.0));
        function.map_or_else(ReplicaStatus::default, |function| ReplicaStatus {
            desired: function.desired,
            ready: function.ready(),
        })
    }

    pub(super) fn measure(&self, function: FunctionId) -> Measurement {
        let state = self.lock();
        let now = self.clock.now();
        let Some(function) = state.functions.get(usize::from(function.0)) else { return Measurement::default() };
        let mut pods: Vec<PodSample> = function
            .replicas
            .iter()
            .filter(|replica| replica.leaving.is_none())
            .map(|replica| PodSample {
                replica: replica.id,
                asked: replica.asked,
                ready: replica.ready.map(|(at, _)| at),
                cpu_time: replica.usage.cpu_time,
                in_flight: replica.in_flight,
                request_time: replica.time_spent(now),
                answered: replica.answered,
            })
            .collect();
        pods.sort_by_key(|pod| pod.ready.is_none());
        let request_time = function.time_spent(now);
        Measurement { in_flight: function.in_flight, answered: function.answered, request_time, pods }
    }

    /// The platform as one function sees it. CPU time is that of all replicas; who waits in a process is not known from outside.
    pub(super) fn sample(&self, function: FunctionId) -> PlatformSample {
        let state = self.lock();
        let now = self.clock.now();
        let Some(of) = state.functions.get(usize::from(function.0)) else { return PlatformSample::default() };
        let many = |state: ProcessState| of.replicas.iter().filter(|replica| replica.state() == state).count() as u32;
        let used: Duration = state.functions.iter().map(Function::used).sum();
        let lived = of.replicas.iter().map(|replica| now - replica.asked).sum::<Duration>() + of.lived_before;
        PlatformSample {
            queue: of.waiting(),
            desired: of.desired,
            ready: many(ProcessState::Ready),
            starting: many(ProcessState::Starting),
            terminating: many(ProcessState::Terminating),
            cpu_time: Some(used),
            replica_time: lived,
        }
    }

    /// Each replica of a function as it stands.
    pub(super) fn rows(&self, function: FunctionId) -> Vec<ProcessRow> {
        let state = self.lock();
        let replicas = state.functions.get(usize::from(function.0)).map(|function| function.replicas.iter());
        let row = |replica: &Replica| ProcessRow {
            replica: replica.id,
            process: replica.process(),
            state: replica.state(),
            cpu_time: replica.usage.cpu_time,
            resident: replica.usage.resident,
            threads: replica.usage.threads,
            in_flight: replica.in_flight,
        };
        replicas.into_iter().flatten().map(row).collect()
    }

    /// So many replicas are killed, those longest in service first.
    pub(super) fn crash(&self, function: FunctionId, replicas: u32) {
        let mut state = self.lock();
        let Some(function) = state.functions.get_mut(usize::from(function.0)) else { return };
        let mut ready: Vec<&mut Replica> =
            function.replicas.iter_mut().filter(|replica| replica.state() == ProcessState::Ready).collect();
        ready.sort_by_key(|replica| replica.ready);
        ready.into_iter().take(replicas as usize).for_each(Replica::kill);
        drop(state);
        self.changed.notify_all();
    }
}

impl Chosen {
    /// The replica answered.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        let now = self.pool.clock.now();
        let function = &mut state.functions[usize::from(self.function.0)];
        // it may be gone
        if let Some(replica) = function.replicas.iter_mut().find(|replica| replica.id == self.replica) {
            replica.count(now, -1);
            replica.answered += u64::from(self.answered);
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.pool.lock().ended = true;
        self.pool.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // a panic of it was told when it happened
            let _ = thread.join();
        }
        // each is killed and waited for as it is dropped
        for function in &mut self.pool.lock().functions {
            function.replicas.clear();
        }
    }
}
