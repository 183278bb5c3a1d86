//! The sidecars of one program: begun, changed and ended as the configuration says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::config::{Config, FunctionConfig, LogLevel};
use super::log::{Log, Sink};
use crate::drive::live::clock::Clock;
use crate::drive::live::sidecar::{Board, Leadership, LockError, Way, run};
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::openfaas::Access;
use crate::drive::live::target::openfaas::plain::Plain;
use crate::drive::live::target::{Target, TargetError};
use crate::drive::sidecar::Sidecar;
use crate::policy::FunctionInfo;
use crate::random::Seed;
use crate::record::FunctionId;
use crate::time::Timestamp;

/// Why a configuration could not be taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CrewError {
    /// A gateway or its password can't be used.
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
    access: Access,
    actions_per_minute: u32,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Held for as long as it works.
    leadership: Option<Leadership>,
}

/// A sidecar that could be begun.
struct Ready {
    way: Way,
    lead: watch::Receiver<Option<Timestamp>>,
    leadership: Option<Leadership>,
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
        let is_kept = |seat: &Seat| {
            let same = |function: &&FunctionConfig| function.is_same(&seat.function);
            seat.access == config.access
                && seat.actions_per_minute == config.actions_per_minute
                && config.functions.iter().any(|function| same(&function))
        };
        let wanted = |function: &&FunctionConfig| self.seats.get(&function.name).is_none_or(|seat| !is_kept(seat));
        let fresh: Vec<&FunctionConfig> = config.functions.iter().filter(wanted).collect();
        let mut ways = Vec::new();
        for function in &fresh {
            ways.push(way(&config.access, function)?);
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
        for (function, way) in fresh.into_iter().zip(ways) {
            let (lead, leadership) = self.lead(&config.access, function)?;
            self.begin(config, function, Ready { way, lead, leadership });
        }
        Ok(())
    }

    /// Who does nothing needs nobody's leave.
    fn lead(
        &self,
        access: &Access,
        function: &FunctionConfig,
    ) -> Result<(watch::Receiver<Option<Timestamp>>, Option<Leadership>), LockError> {
        if self.dry_run {
            let (_, always) = watch::channel(Some(Timestamp::MAX));
            return Ok((always, None));
        }
        let name = format!("{}/{}/{}", access.gateway, access.namespace, function.name);
        let leadership = Leadership::claim(&self.locks, &name)?;
        Ok((leadership.watched(), Some(leadership)))
    }

    fn begin(&mut self, config: &Config, function: &FunctionConfig, Ready { way, lead, leadership }: Ready) {
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
        let (clock, name) = (self.clock, function.name.clone());
        #[expect(clippy::disallowed_methods, reason = "a sidecar is a task of its own")]
        let task = tokio::spawn(async move {
            // its address was made before
            if let Err(error) = run(sidecar, way, clock, lead, stopped, &mut log).await {
                tracing::error!("{name}: {error}");
            }
        });
        let (access, actions_per_minute) = (config.access.clone(), config.actions_per_minute);
        let seat = Seat { function: function.clone(), access, actions_per_minute, stop, task, leadership };
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
        drop(self.leadership);
    }
}

fn way(access: &Access, function: &FunctionConfig) -> Result<Way, CrewError> {
    let gateway = |source| CrewError::Gateway { function: function.name.clone(), source: Box::new(source) };
    let plain = Plain::open(access, std::slice::from_ref(&function.name)).map_err(gateway)?;
    let trust = access.trust().map_err(gateway)?;
    let found = plain.invoke_uri(FunctionId::STUDIED, &function.query);
    found.map_err(|source| CrewError::Target { function: function.name.clone(), source })?;
    Ok(Way { target: Arc::new(plain), query: function.query.clone(), trust })
}
