//! The start of the two programs: their files, their ports, and the wait until they know of each other.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::child::Program;
use super::phase::{self, Encoding};
use super::{Addresses, ChainError, Options, api, config};
use crate::drive::live::clock::Clock;

/// How long the programs may take until they are ready: a second or two on an idle machine, and Prometheus waits 5 s before it
/// looks at what it was told to scrape.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(60);
/// Time between two looks at programs that are starting.
const LOOK: Duration = Duration::from_millis(50);

/// Programs that were started.
pub(super) struct Starting {
    pub(super) programs: Vec<Program>,
    pub(super) addresses: Addresses,
    /// When rules are evaluated, if that is known.
    pub(super) evaluation_phase: Option<Duration>,
}

/// Why they are not ready.
pub(super) enum Unready {
    PortTaken,
    Ended { name: &'static str, how: String, last_words: String, log: PathBuf },
    TooSlow(&'static str),
}

impl Unready {
    pub(super) fn error(self, logs: &Path) -> ChainError {
        let kept = |log: &Path| logs.join(log.file_name().unwrap_or_default());
        match self {
            Self::PortTaken => ChainError::Prepare(io::ErrorKind::AddrInUse.into()),
            Self::Ended { name, how, last_words, log } => ChainError::Ended { name, how, last_words, log: kept(&log) },
            Self::TooSlow(what) => ChainError::NotReady { what, logs: logs.to_owned() },
        }
    }
}

impl Starting {
    pub(super) fn new(options: &Options, encoding: Encoding, directory: &TempDir) -> Result<Self, ChainError> {
        let Options { programs, numbers, leash, .. } = options;
        let leash = leash.as_deref();
        let addresses = free_addresses()?;
        let home = directory.path().to_string_lossy().into_owned();
        let place = |name: &str| format!("{home}/{name}");
        let found =
            phase::file_for(&home, config::GROUP, numbers.evaluation_phase, numbers.evaluation_interval, encoding);
        let (rules, evaluation_phase) = match found {
            Some((file, phase)) => (file, Some(phase)),
            None => (place("rules.yml"), None),
        };
        let password = place("password");
        let login = options.credentials.as_ref().map(|credentials| (credentials.user.as_str(), password.as_str()));
        std::fs::write(&rules, config::rules(numbers))?;
        if let Some(credentials) = &options.credentials {
            // the directory is open to its owner only
            std::fs::write(&password, &credentials.password)?;
        }
        let told = config::prometheus(numbers, &rules, options.metrics, addresses.alertmanager);
        std::fs::write(place("prometheus.yml"), told)?;
        std::fs::write(place("alertmanager.yml"), config::alertmanager(numbers, options.gateway, login))?;

        let alertmanager_args = [
            format!("--config.file={}", place("alertmanager.yml")),
            format!("--storage.path={}", place("alertmanager")),
            format!("--web.listen-address={}", addresses.alertmanager),
            "--cluster.listen-address=".to_owned(),
        ];
        let prometheus_args = [
            format!("--config.file={}", place("prometheus.yml")),
            format!("--storage.tsdb.path={}", place("prometheus")),
            format!("--web.listen-address={}", addresses.prometheus),
            format!("--rules.alert.resend-delay={}", config::millis(numbers.resend_delay)),
        ];
        let start = |name, program: &Path, args: &[String]| {
            let log = directory.path().join(format!("{name}.log"));
            Program::start(name, program, args, log, leash)
                .map_err(|source| ChainError::Run { program: program.display().to_string(), source })
        };
        let programs = vec![
            start("prometheus", &programs.prometheus, &prometheus_args)?,
            start("alertmanager", &programs.alertmanager, &alertmanager_args)?,
        ];
        Ok(Self { programs, addresses, evaluation_phase })
    }

    /// Waits until the programs serve and know of each other and of what to scrape.
    pub(super) async fn ready(mut self, clock: &Clock) -> Result<Self, Unready> {
        let Addresses { prometheus, alertmanager } = self.addresses;
        let deadline = clock.now() + READY_WITHIN;
        let mut missing = "alertmanager was not ready";
        loop {
            if let Some(ended) = self.ended() {
                return Err(ended);
            }
            if missing == "alertmanager was not ready" && api::is_ready(alertmanager).await.is_ok() {
                missing = "prometheus was not ready";
            }
            if missing == "prometheus was not ready" && api::is_ready(prometheus).await.is_ok() {
                missing = "prometheus did not find what it was told to scrape and whom to tell";
            }
            if missing.starts_with("prometheus did not find")
                && api::targets(prometheus).await.is_ok_and(|targets| !targets.is_empty())
                && api::alertmanagers(prometheus).await.is_ok_and(|known| known > 0)
            {
                return Ok(self);
            }
            if clock.now() >= deadline {
                return Err(Unready::TooSlow(missing));
            }
            clock.sleep_until(clock.now() + LOOK).await;
        }
    }

    fn ended(&mut self) -> Option<Unready> {
        let (how, program) = self.programs.iter_mut().find_map(|program| Some((program.ended()?, program)))?;
        let last_words = program.last_words();
        if last_words.contains("address already in use") {
            return Some(Unready::PortTaken);
        }
        Some(Unready::Ended { name: program.name, how, last_words, log: program.log().to_owned() })
    }
}

/// Two ports of 127.0.0.1 that nobody listens on.
fn free_addresses() -> io::Result<Addresses> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (one, other) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
    Ok(Addresses { prometheus: one.local_addr()?, alertmanager: other.local_addr()? })
}
