//! The real Prometheus and Alertmanager beside a run: started, watched and ended with it.
//!
//! ```text
//!   embedded gateway <--scrape-- Prometheus --alert--> Alertmanager --POST /system/alert--> embedded gateway
//!        | view.rs                    ^ watch.rs             ^ watch.rs
//!        +--------- rows of events.csv: alerts, notifications, steps, what broke ---------+
//! ```
//!
//! The programs decide; this starts them as the chart does (`config.rs`) and writes down what they do. Everything they write is
//! in a temporary directory that goes with them; their output is kept beside the run's files if something broke.

mod api;
mod child;
mod config;
mod phase;
mod programs;
mod start;
mod version;
mod view;
mod watch;
mod xxh64;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use self::child::Program;
use self::phase::Encoding;
pub use self::programs::{NotInstalled, Programs};
use self::start::{READY_WITHIN, Starting, Unready};
use self::version::{version, version_number};
pub use self::view::{GatewayView, Rates};
use self::watch::{Known, Teller, Watch, modulo};
use super::clock::Clock;
use super::companion::Companion;
use super::target::BoxFuture;
use super::target::rest::Credentials;
use crate::policy::Reason;
use crate::policy::openfaas_ce::real::{Numbers, Phases, SWEEP_INTERVAL};
use crate::record::{EventKind, EventRow};

/// A scrape takes a few milliseconds; this is how much later than its interval the first one may be seen.
const SCRAPED_WITHIN: Duration = Duration::from_secs(5);
/// Time between two looks for the first scrape.
const LOOK: Duration = Duration::from_millis(50);
/// Somebody else may take a port between our choice and the program's start; then others are tried.
const PORT_ATTEMPTS: u32 = 3;

/// Why the chain could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A file or port of theirs.
    #[error(
        "can't prepare the start of prometheus and alertmanager: {0}\n  hint: is there room in the temporary directory (TMPDIR)?"
    )]
    Prepare(#[from] io::Error),
    /// A program can't be run.
    #[error("can't run {program}: {source}\n  hint: is the path in the arm's settings the right program?")]
    Run {
        /// Which.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that is something else.
    #[error(
        "{program} does not say which version of {name} it is\n  hint: is the path in the arm's settings the right program?"
    )]
    NoVersion {
        /// What was run.
        program: String,
        /// What it should be.
        name: &'static str,
    },
    /// A program ended as it started.
    #[error("{name} ended as it started, {how}; its last words:\n    {last_words}\n  hint: all of its output is in {}", log.display())]
    Ended {
        /// Which.
        name: &'static str,
        /// With what.
        how: String,
        /// The end of its output.
        last_words: String,
        /// Where its output was kept.
        log: PathBuf,
    },
    /// The programs took too long.
    #[error("{what} within {READY_WITHIN:?}\n  hint: the output of prometheus and alertmanager is in {}", logs.display())]
    NotReady {
        /// What did not happen.
        what: &'static str,
        /// Where their output was kept.
        logs: PathBuf,
    },
}

/// What the chain is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The programs.
    pub programs: Programs,
    /// What they are told.
    pub numbers: Numbers,
    /// The gateway that scales.
    pub gateway: SocketAddr,
    /// Where it counts.
    pub metrics: SocketAddr,
    /// For `/system/alert`; [`None`] if it is open.
    pub credentials: Option<Credentials>,
    /// Under which name its events are recorded.
    pub actor: &'static str,
    /// Where the last evaluation's rates go.
    pub rates: Rates,
    /// The program `watchtower`, through which the others are started so that they end should we be killed; [`None`] starts
    /// them without that.
    pub leash: Option<PathBuf>,
    /// Directory that gets the programs' output if something broke.
    pub logs: PathBuf,
}

/// The running chain.
pub struct Chain {
    programs: watch::Programs,
    watcher: Option<JoinHandle<()>>,
    has_broken: Arc<AtomicBool>,
    logs: PathBuf,
    /// Where the programs listen.
    addresses: Addresses,
    clock: Clock,
    scrape_interval: Duration,
    evaluation_phase: Option<Duration>,
    directory: TempDir,
}

/// Where the programs listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Prometheus.
    pub prometheus: SocketAddr,
    /// Alertmanager.
    pub alertmanager: SocketAddr,
}

impl Chain {
    /// Starts both programs and waits until they are ready: Prometheus knows what to scrape and where to send alerts.
    /// What happens from then on is told to `events`.
    ///
    /// Dropping the future ends what it started.
    ///
    /// # Errors
    /// When a program can't be run, ends, or does not get ready; its output is kept then.
    pub async fn start(options: Options, clock: Clock, events: UnboundedSender<EventRow>) -> Result<Self, ChainError> {
        let directory = tempfile::Builder::new().prefix("watchtower-chain-").tempdir()?;
        let prometheus =
            version(&options, "prometheus", &options.programs.prometheus, directory.path(), &clock).await?;
        let encoding = Encoding::of(&prometheus);
        let alertmanager =
            version(&options, "alertmanager", &options.programs.alertmanager, directory.path(), &clock).await?;
        let versions = [prometheus, alertmanager].map(|text| version_number(&text).unwrap_or_default().to_owned());
        let mut attempt = 1;
        let mut chain = loop {
            match Starting::new(&options, encoding, &directory)?.ready(&clock).await {
                Ok(Starting { programs, addresses, evaluation_phase }) => {
                    let programs = Arc::new(Mutex::new(programs));
                    let has_broken = Arc::new(AtomicBool::new(false));
                    break Self {
                        programs,
                        watcher: None,
                        has_broken,
                        logs: options.logs.clone(),
                        addresses,
                        clock,
                        scrape_interval: options.numbers.scrape_interval,
                        evaluation_phase,
                        directory,
                    };
                }
                Err(Unready::PortTaken) if attempt < PORT_ATTEMPTS => attempt += 1,
                Err(unready) => {
                    keep_logs(directory.path(), &options.logs);
                    return Err(unready.error(&options.logs));
                }
            }
        };
        chain.watch(&options, events, &versions);
        Ok(chain)
    }

    fn watch(
        &mut self,
        options: &Options,
        events: UnboundedSender<EventRow>,
        [prometheus, alertmanager]: &[String; 2],
    ) {
        let teller =
            Teller { actor: options.actor, clock: self.clock, events, has_broken: Arc::clone(&self.has_broken) };
        let ids = self.process_ids();
        let text = format!(
            "prometheus {prometheus} and alertmanager {alertmanager} are ready (processes {} and {})",
            ids[0], ids[1]
        );
        teller.tell(self.clock.now(), EventKind::Phase, Reason::new(text));
        let numbers = &options.numbers;
        let watch = Watch {
            teller: teller.clone(),
            prometheus: self.addresses.prometheus,
            alertmanager: self.addresses.alertmanager,
            expression: config::expression(numbers),
            threshold: numbers.threshold,
            scrape_interval: numbers.scrape_interval,
            evaluation_interval: numbers.evaluation_interval,
            evaluation_phase: self.evaluation_phase,
            rates: options.rates.clone(),
            known: Known::default(),
        };
        let programs = Arc::clone(&self.programs);
        self.watcher = Some(tokio::spawn(async move {
            tokio::join!(watch::ends(&programs, &teller), watch.run());
        }));
    }

    /// Where the programs listen.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// When the programs do things. Waits for the first scrape, which may take as long as the time between two.
    pub async fn phases(&self) -> Phases {
        let Addresses { prometheus, alertmanager } = self.addresses;
        let deadline = self.clock.now() + self.scrape_interval + SCRAPED_WITHIN;
        let mut scrape = None;
        while scrape.is_none() && self.clock.now() < deadline {
            self.clock.sleep_until(self.clock.now() + LOOK).await;
            let targets = api::targets(prometheus).await.unwrap_or_default();
            scrape = targets.first().and_then(|target| target.last_scrape);
        }
        let sweep = api::configured_at(alertmanager).await.ok();
        Phases {
            scrape: scrape.map(|at| modulo(at, self.scrape_interval)),
            evaluation: self.evaluation_phase,
            sweep: sweep.map(|at| modulo(at, SWEEP_INTERVAL)),
        }
    }

    /// The processes of Prometheus and Alertmanager.
    pub fn process_ids(&self) -> Vec<u32> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Program::id).collect()
    }

    fn stop(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
        }
        // each is killed and waited for as it is dropped; what they know is of no use to anybody
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Companion for Chain {
    fn end(mut self: Box<Self>, failed: bool) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.stop();
            if failed || self.has_broken.load(Ordering::Relaxed) {
                keep_logs(self.directory.path(), &self.logs);
            }
        })
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Copies the programs' output; what can't be copied is said.
fn keep_logs(from: &Path, to: &Path) {
    for name in ["prometheus.log", "alertmanager.log"] {
        let copied = std::fs::copy(from.join(name), to.join(name));
        if let Err(error) = copied.as_ref().map(drop).or_else(|error| match error.kind() {
            // a program that never started has no output
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }) {
            tracing::warn!(%error, name, "the output of a program could not be kept");
        }
    }
}
