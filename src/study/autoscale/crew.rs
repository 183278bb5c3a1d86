//! The sidecars of one program: begun, changed and ended as the configuration says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::config::{Config, FunctionConfig, LogLevel};
use super::log::{Log, Sink};
use super::stage::{Lead, Stage};
use crate::drive::live::clock::Clock;
use crate::drive::live::load::RequestError;
use crate::drive::live::sidecar::{Board, LockError, Way, run};
use crate::drive::live::target::TargetError;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::kubernetes;
use crate::drive::live::target::openfaas::Access;
use crate::drive::sidecar::Sidecar;
use crate::drive::sidecar::election::Terms;
use crate::policy::FunctionInfo;
use crate::random::Seed;

/// Why a configuration could not be taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CrewError {
    /// A gateway, its password or the way to a cluster can't be used.
    #[error("function {function}: {source}")]
    Gateway {
        /// Which.
        function: String,
        /// Why.
        source: Box<GuestError>,
    },
    /// A function can't be addressed.
    #[error("function {function}: {source}")]
    Target {
        /// Which.
        function: String,
        /// Why.
        source: TargetError,
    },
    /// A function can't be probed.
    #[error("function {function}: it can't be probed: {source}")]
    Probe {
        /// Which.
        function: String,
        /// Why.
        source: RequestError,
    },
    /// What a sidecar does is not allowed to it.
    #[error(
        "function {function}: this account may not do in the cluster what a sidecar does there; missing:\n{}\n  hint: docs/autoscale.md has the Role with all of them",
        missing.iter().map(|right| format!("    {right}")).collect::<Vec<_>>().join("\n")
    )]
    Rights {
        /// Which.
        function: String,
        /// As a Role would grant them.
        missing: Vec<String>,
    },
    /// Nobody could tell who leads.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// All sidecars of a program.
pub struct Crew {
    clock: Clock,
    board: Board,
    dry_run: bool,
    /// Where the locks are by which one of several leads.
    locks: PathBuf,
    sink: Sink,
    level: Arc<Mutex<LogLevel>>,
    seats: BTreeMap<String, Seat>,
}

/// One function's sidecar at work.
struct Seat {
    function: FunctionConfig,
    premises: Premises,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Held for as long as it works.
    lead: Lead,
}

/// What all sidecars of a configuration have in common: where it is another, they begin anew.
#[derive(Clone, PartialEq, Eq)]
struct Premises {
    access: Access,
    cluster: Option<kubernetes::Way>,
    terms: Terms,
    actions_per_minute: u32,
}

impl Premises {
    fn of(config: &Config) -> Self {
        let Config { access, cluster, terms, actions_per_minute, .. } = config;
        Self {
            access: access.clone(),
            cluster: cluster.clone(),
            terms: *terms,
            actions_per_minute: *actions_per_minute,
        }
    }
}

impl Crew {
    /// Nobody yet. Lines of the log go to `sink`.
    pub fn new(
        clock: Clock,
        board: Board,
        dry_run: bool,
        locks: PathBuf,
        sink: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Self {
        Self { clock, board, dry_run, locks, sink, level: Arc::default(), seats: BTreeMap::new() }
    }

    /// Makes the sidecars those of a configuration: what is the same goes on undisturbed, what changed begins anew, what is gone ends and
    /// leaves its replicas as they are.
    ///
    /// # Errors
    /// When one of them could not be begun; nothing is changed then.
    pub async fn set(&mut self, config: &Config) -> Result<(), CrewError> {
        let premises = Premises::of(config);
        let is_kept = |seat: &Seat| {
            seat.premises == premises && config.functions.iter().any(|function| function.is_same(&seat.function))
        };
        let wanted = |function: &&FunctionConfig| self.seats.get(&function.name).is_none_or(|seat| !is_kept(seat));
        let fresh: Vec<&FunctionConfig> = config.functions.iter().filter(wanted).collect();
        let mut stages = Vec::new();
        for function in &fresh {
            stages.push(Stage::find(config, function, self.clock, self.dry_run).await?);
        }
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = config.log_level;
        let over: Vec<String> =
            self.seats.iter().filter(|(_, seat)| !is_kept(seat)).map(|(name, _)| name.clone()).collect();
        for name in over {
            if let Some(seat) = self.seats.remove(&name) {
                seat.end().await;
                self.board.remove(&name);
            }
        }
        for (function, stage) in fresh.into_iter().zip(stages) {
            let (way, lead) = stage.enter(config, function, self.dry_run, &self.locks)?;
            self.begin(config, function, way, lead);
        }
        Ok(())
    }

    fn begin(&mut self, config: &Config, function: &FunctionConfig, way: Way, lead: Lead) {
        let rules = function.rules(config.actions_per_minute, self.dry_run);
        let info = FunctionInfo { name: function.name.clone(), ..FunctionInfo::default() };
        // how long it waits for a lost platform should differ from sidecar to sidecar
        let seed = Seed(u64::from(std::process::id()) ^ Clock::unix_now().as_nanos() as u64);
        let sidecar = Sidecar::new(function.arm.clone(), info, self.clock.epoch(), rules, seed);
        let mut log = Log {
            function: function.name.clone(),
            level: Arc::clone(&self.level),
            epoch: self.clock.epoch(),
            dry_run: self.dry_run,
            board: self.board.clone(),
            sink: Arc::clone(&self.sink),
        };
        let (stop, stopped) = watch::channel(false);
        let (clock, watched) = (self.clock, lead.watched());
        #[expect(clippy::disallowed_methods, reason = "a sidecar is a task of its own")]
        let task = tokio::spawn(async move {
            run(sidecar, way, clock, watched, stopped, &mut log).await;
        });
        let seat = Seat { function: function.clone(), premises: Premises::of(config), stop, task, lead };
        self.seats.insert(seat.function.name.clone(), seat);
    }

    /// Ends all of them, once their last scaling was answered. Replicas stay as they are.
    pub async fn end(self) {
        for seat in self.seats.values() {
            seat.stop.send_replace(true);
        }
        for seat in self.seats.into_values() {
            seat.end().await;
        }
    }
}

impl Seat {
    async fn end(self) {
        self.stop.send_replace(true);
        // one that panicked has been told of
        let _ = self.task.await;
        self.lead.end().await;
    }
}
