//! The load: generators that send requests when their schedules call for them, and report what became of each.
//!
//! ```text
//!   schedule (pure)  -->  generator: its workers  -->  engine: a connection per worker  -->  target
//!                            ^                              |
//!        pacer  -->  departures: when to leave              +--> outbox --> Report
//! ```
//!
//! All workers live on one thread with a runtime of its own, apart from whatever serves the target: on two cores, two load
//! threads measured slower than one. The pacer has another thread, which sleeps. Journeys are `goose`'s, in threads of its own.

mod alarm;
mod answer;
mod chunks;
mod client;
mod departures;
mod dial;
mod engine;
mod failure;
mod generator;
mod goose;
mod head;
mod http1;
mod http2;
mod idle;
mod outbox;
mod pacer;
mod plain;
mod redirect;
mod reference;
mod request;
mod route;
mod secured;
mod stall;
mod stream;
mod tls;
mod tunnel;
mod wire;
mod yardstick;

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use hyper::Uri;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use crate::drive::{GeneratorPlan, SchedulePlan, Tally, shares};
use crate::random::Seed;
use crate::record::{ErrorKind, GeneratorId, Lost};
use crate::schedule::Schedule;
use crate::schedule::share::Share;
use crate::time::Timestamp;

use self::departures::Departures;
use self::generator::{Generator, Shared};
use self::outbox::{Outbox, PATIENCE};
use self::pacer::Pacer;
use super::clock::Clock;

pub use self::answer::{Reading, read_answer};
pub(super) use self::client::Client;
pub use self::engine::{Engine, Exchange};
pub use self::failure::Failure;
pub(super) use self::goose::{head_start, keep_interrupts};
pub use self::outbox::{Fold, Keep, Rows};
pub(super) use self::request::Prepared;
pub use self::request::RequestError;
pub use self::route::{check_proxy, hide_password};
pub(super) use self::tls::client_config;
pub use self::yardstick::{Manner, Served, Yardstick};

/// What running generators tell, as it happens.
#[derive(Debug, PartialEq)]
pub enum Report {
    /// Requests that were answered or given up, in the order in which they were; some 256 at most, and none older than some 50 ms
    /// unless whoever takes them is behind.
    Requests(Rows),
    /// Planned requests that turned out to be lost.
    Lost {
        /// When that was known.
        at: Timestamp,
        /// Whose.
        generator: GeneratorId,
        /// How many.
        lost: Lost,
    },
    /// The process or the host stood still: a thread that asked to be woken at `from` woke at `to`, over 20 ms later.
    Stall {
        /// When it asked to be woken.
        from: Timestamp,
        /// When it woke.
        to: Timestamp,
    },
    /// A generator's last worker is done; its rows have all been reported.
    Finished {
        /// Which.
        generator: GeneratorId,
        /// Its count.
        tally: Tally,
    },
    /// A generator can't go on, through no fault of the target's.
    Failed {
        /// Which.
        generator: GeneratorId,
        /// Why.
        why: String,
    },
}

/// Why no load can be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A request that can't be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// More generators than can be numbered.
    #[error("{0} load sources are more than can be numbered (65535)")]
    TooMany(usize),
    /// A load source that could not go on.
    #[error("load {generator} could not go on: {why}")]
    Failed {
        /// Which, from 1.
        generator: u16,
        /// Why.
        why: String,
    },
    /// The system starts no thread, or no sockets can be watched.
    #[error("the load generator can't start: {0}")]
    System(#[from] io::Error),
}

/// How a load is sent and kept, apart from what and when.
#[derive(Debug, Default)]
pub struct Options {
    /// The client below the workers.
    pub engine: Engine,
    /// What becomes of the rows.
    pub keep: Keep,
    /// What is random in the schedules follows from it.
    pub seed: Seed,
    /// What of the load is sent from here.
    pub share: Share,
}

/// Running generators. Dropping it gives up at once, as [`Load::abort`] does.
pub struct Load {
    orders: watch::Sender<Order>,
    clock: Clock,
    /// Of the load's thread, and of each of goose's.
    progress: Vec<Arc<Progress>>,
    /// Copies of the generators' schedules, asked for what they plan only; locked so that a reference to a load may be shared.
    schedules: Mutex<Vec<Box<dyn Schedule>>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the load's thread was told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Run,
    Stop(Timestamp),
    Abort,
}

/// Requests so far, for progress displays. Only one thread writes.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    done: AtomicU64,
    /// The first failure of each kind, by generator.
    failures: Mutex<BTreeMap<(GeneratorId, ErrorKind), Failure>>,
}

impl Progress {
    /// Keeps the words of the first failure of its kind.
    fn failed(&self, generator: GeneratorId, failure: Failure) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.entry((generator, failure.kind)).or_insert(failure);
    }

    fn left(&self) {
        Self::advance(&self.sent);
    }

    fn arrived(&self) {
        Self::advance(&self.done);
    }

    /// With one writer this needs no locked instruction.
    fn advance(counter: &AtomicU64) {
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl Load {
    /// Starts all generators against `uri`, each at its own time after `load_start`. What they do comes through `reports`, which
    /// closes after the last [`Report::Finished`].
    ///
    /// # Errors
    /// When a request can't be sent, or the system denies a thread or sockets.
    pub fn start(
        clock: Clock,
        uri: &Uri,
        generators: &[GeneratorPlan],
        load_start: Timestamp,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, LoadError> {
        Self::start_with(Options::default(), clock, uri, generators, load_start, reports)
    }

    /// [`Load::start`] with another engine, or without a report of every request.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(
        options: Options,
        clock: Clock,
        uri: &Uri,
        generators: &[GeneratorPlan],
        load_start: Timestamp,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, LoadError> {
        if options.share.is_empty() {
            return idle::start(clock, generators, load_start, reports);
        }
        let mut sources = Vec::with_capacity(generators.len());
        let mut attacks = Vec::new();
        let mut schedules = Vec::with_capacity(generators.len());
        let dealt = shares(generators, options.share);
        for ((number, plan), share) in generators.iter().enumerate().zip(dealt) {
            let id = GeneratorId(u16::try_from(number).map_err(|_| LoadError::TooMany(generators.len()))?);
            let schedule = plan.schedule.build_share(load_start + plan.start, options.seed, id, share);
            if let SchedulePlan::Goose(journeys) = &plan.schedule {
                attacks.push(goose::Source::new(id, uri, journeys, plan, schedule, share)?);
                continue;
            }
            schedules.push(schedule.boxed_clone());
            sources.push(Source { id, schedule, request: Prepared::new(uri, &plan.request)? });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stalls = reports.clone();
        let pacer = Pacer::start(clock, move |(from, to)| {
            // nobody listens any more: the run was given up
            let _ = stalls.send(Report::Stall { from, to });
        })?;
        let (orders, orders_taken) = watch::channel(Order::Run);
        let first = Arc::new(Progress::default());
        let progress = std::iter::once(&first).chain(attacks.iter().map(|attack| &attack.progress));
        let progress: Vec<_> = progress.map(Arc::clone).collect();
        let mut load = Self { orders, clock, progress, schedules: Mutex::new(schedules), threads: Vec::new() };
        // a thread that can't be started ends those before it
        for attack in attacks {
            load.threads.push(attack.start(clock, reports.clone(), orders_taken.clone())?);
        }
        let thread = thread::Builder::new().name("load".to_owned()).spawn(move || {
            let departures = Departures::new(clock, pacer);
            let outbox = Outbox::new(reports, options.keep);
            let shared = Shared { clock, departures, outbox, progress: first };
            run(runtime, options.engine, sources, shared, &orders_taken);
        })?;
        load.threads.push(thread);
        Ok(load)
    }

    /// Ends the load as hey's Ctrl-C does: schedules stop, requests under way complete, a worker that waits for its tick still
    /// sends it. Generators that have not started yet never will.
    pub fn stop(&self) {
        let now = self.clock.now();
        self.orders.send_if_modified(|order| {
            let running = *order == Order::Run;
            if running {
                *order = Order::Stop(now);
            }
            running
        });
    }

    /// Gives up at once: requests under way are reported as abandoned, and every generator as finished. When this returns all
    /// reports have been sent.
    pub fn abort(self) {
        drop(self);
    }

    /// Requests the schedules call for before `at`, of journeys those that left so far; `None` if only the answers decide.
    pub fn planned_before(&self, at: Timestamp) -> Option<u64> {
        let schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        let journeys: u64 = self.progress.iter().skip(1).map(|progress| progress.sent.load(Ordering::Relaxed)).sum();
        let planned: Option<u64> = schedules.iter().map(|schedule| schedule.planned_before(at)).sum();
        Some(planned? + journeys)
    }

    /// Requests that left so far.
    pub fn sent(&self) -> u64 {
        self.progress.iter().map(|progress| progress.sent.load(Ordering::Relaxed)).sum()
    }

    /// Requests under way.
    pub fn in_flight(&self) -> u64 {
        // done first: read the other way round it could exceed sent
        let done = self.progress.iter().map(|progress| progress.done.load(Ordering::Relaxed)).sum();
        self.sent().saturating_sub(done)
    }

    /// How the first request of each kind of failure failed so far, by generator: what a summary of errors says.
    pub fn failures(&self) -> BTreeMap<(GeneratorId, ErrorKind), Failure> {
        let of = |progress: &Arc<Progress>| progress.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.progress.iter().flat_map(of).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.orders.send_replace(Order::Abort);
        for thread in self.threads.drain(..) {
            // a panic in it has been printed, and its reports have ended without the last ones
            let _ = thread.join();
        }
    }
}

/// One generator before it has a thread.
struct Source {
    id: GeneratorId,
    schedule: Box<dyn Schedule>,
    request: Prepared,
}

/// The load's thread.
fn run(runtime: Runtime, engine: Engine, sources: Vec<Source>, shared: Shared, orders: &watch::Receiver<Order>) {
    LocalSet::new().block_on(&runtime, async {
        let shared = Rc::new(shared);
        let generators: Vec<_> = sources
            .into_iter()
            .map(|Source { id, schedule, request }| {
                Rc::new(Generator::new(id, schedule, request, engine, Rc::clone(&shared)))
            })
            .collect();
        tokio::select! {
            () = generate(&generators, orders, &shared.outbox) => {}
            () = shared.departures.keep() => {}
        }
    });
    // a name look-up that hangs must not keep the run from ending
    runtime.shutdown_background();
}

/// Runs every worker to its end, or until the load is given up.
async fn generate(generators: &[Rc<Generator>], orders: &watch::Receiver<Order>, outbox: &Outbox) {
    let mut workers = JoinSet::new();
    for generator in generators {
        for worker in generator.workers() {
            let (generator, orders) = (Rc::clone(generator), orders.clone());
            workers.spawn_local(async move { generator.work(worker, orders).await });
        }
    }
    let mut flush = tokio::time::interval(PATIENCE);
    flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut news = orders.clone();
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            },
            _ = flush.tick() => outbox.flush(),
            Ok(()) = news.changed() => {
                let order = *news.borrow_and_update();
                match order {
                    Order::Run => {}
                    Order::Stop(at) => generators.iter().for_each(|generator| generator.stop(at)),
                    Order::Abort => {
                        workers.shutdown().await;
                        for generator in generators {
                            generator.give_up();
                        }
                        return;
                    }
                }
            }
        }
    }
}
