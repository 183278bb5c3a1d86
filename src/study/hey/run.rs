//! Sends a command's load by the wall clock and keeps what it measured.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use tokio::sync::mpsc::unbounded_channel;

use crate::drive::live::awake::{Awake, AwakeError};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::CtrlC;
use crate::drive::live::load::{Engine, Failure, Keep, Load, LoadError, Options, Report};
use crate::drive::{GeneratorPlan, SchedulePlan, Tally};
use crate::random::Seed;
use crate::record::{ErrorKind, RequestRow};
use crate::schedule::share::Share;
use crate::study::host;
use crate::time::Timestamp;

use super::address;
use super::command::{Command, Output};
use super::measured::Measured;

/// How far ahead the load's threads are told of its start, so that they stand ready.
pub(super) const HEAD_START: Duration = Duration::from_millis(2);

/// Between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Why a load could not be sent to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The cores can't be kept awake.
    #[error(transparent)]
    Awake(#[from] AwakeError),
    /// The system gives no event loop or no signals.
    #[error("the load can't be watched: {0}")]
    System(#[from] io::Error),
    /// Its thread ended before its work was done.
    #[error("the load generator ended before its time; this is a fault of watchtower, please report it")]
    Ended,
}

/// How far a load is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Time since its start.
    pub elapsed: Duration,
    /// Requests that left.
    pub sent: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Whether Ctrl-C was pressed and requests under way complete.
    pub draining: bool,
}

/// Who looks on while a load runs.
pub trait Watch {
    /// Whether it takes every row; otherwise rows are forgotten as they come and cost less.
    fn wants_rows(&self) -> bool;

    /// Some requests are over, in the order in which they ended.
    fn rows(&mut self, rows: &[RequestRow], start: Timestamp);

    /// A moment has passed.
    fn goes_on(&mut self, progress: &Progress);
}

/// Sends the load. Ctrl-C ends it as in hey: what is under way completes. A second one gives up at once.
///
/// # Errors
/// When it can't be started.
pub fn run(command: &Command, watch: &mut dyn Watch) -> Result<Measured, RunError> {
    // a template may ask for each result
    let in_columns = matches!(command.output, Output::Template(_));
    let clock = Clock::start();
    let measured = |start| Measured::new(&command.pacing, start, clock.epoch(), in_columns);
    match &command.uri {
        Err(why) => Ok(failed(command, measured(clock.now()), why)),
        Ok(uri) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let awake = command.options.keep_awake.then(Awake::keep).transpose()?;
            let start = clock.now() + HEAD_START;
            runtime.block_on(drive(command, uri, clock, measured(start), awake, watch))
        }
    }
}

/// What comes of a load no request of which can be sent: hey fails with each; here that needs no time.
fn failed(command: &Command, mut measured: Measured, why: &str) -> Measured {
    let planned = command.pacing.planned().unwrap_or_else(|| u64::from(command.pacing.workers()));
    let text = address::failed(&command.request.method, &command.address.shown(), why);
    measured.summary.failed_times(&text, planned);
    // a rate per second has to be one: hey's loop takes a tenth of a millisecond for it
    let duration = Duration::from_micros(100);
    measured.tally = Tally { planned, sent: planned, duration, period: command.pacing.period(), ..Tally::default() };
    measured
}

async fn drive(
    command: &Command,
    uri: &hyper::Uri,
    clock: Clock,
    measured: Measured,
    awake: Option<Awake>,
    watch: &mut dyn Watch,
) -> Result<Measured, RunError> {
    let start = measured.start();
    let plan = GeneratorPlan {
        schedule: SchedulePlan::Hey(command.pacing),
        request: command.request.clone(),
        start: Duration::ZERO,
    };
    let measured = Arc::new(Mutex::new(measured));
    let fold = Arc::clone(&measured);
    let keep = if watch.wants_rows() {
        Keep::Rows
    } else {
        Keep::Folded(Box::new(move |rows: &[RequestRow]| locked(&fold).add(rows)))
    };
    let mut ctrl_c = CtrlC::listen()?;
    let (sender, mut reports) = unbounded_channel();
    let before = Spent::so_far(awake.as_ref());
    let options =
        Options { engine: Engine::default(), keep, seed: Seed(command.options.seed.unwrap_or(1)), share: Share::WHOLE };
    let mut load = Some(Load::start_with(options, clock, uri, &[plan], start, sender)?);
    let mut look_at = start + LOOK_EVERY;
    let mut finished = None;
    let mut texts = BTreeMap::new();
    loop {
        tokio::select! {
            () = ctrl_c.pressed(), if load.is_some() => {
                let was_interrupted = std::mem::replace(&mut locked(&measured).interrupted, true);
                match load.take() {
                    // its last reports are still to be read
                    Some(load) if was_interrupted => {
                        texts = load.failures();
                        load.abort();
                    }
                    Some(running) => {
                        running.stop();
                        load = Some(running);
                    }
                    None => {}
                }
            }
            report = reports.recv() => match report {
                None => break,
                Some(Report::Requests(rows)) => {
                    locked(&measured).add(&rows);
                    watch.rows(&rows, start);
                }
                Some(Report::Stall { from, to }) => {
                    let mut measured = locked(&measured);
                    measured.stalls += 1;
                    measured.stalled += to - from.max(start);
                }
                // the tally holds them all
                Some(Report::Lost { .. }) => {}
                Some(Report::Finished { tally, .. }) => finished = Some(tally),
                // hey's loads are not goose's, and nothing else fails
                Some(Report::Failed { .. }) => return Err(RunError::Ended),
            },
            () = clock.sleep_until(look_at), if load.is_some() => {
                let now = clock.now();
                look_at = now + LOOK_EVERY;
                if let Some(load) = &load {
                    watch.goes_on(&Progress {
                        elapsed: now - start,
                        sent: load.sent(),
                        in_flight: load.in_flight(),
                        draining: locked(&measured).interrupted,
                    });
                }
            }
        }
    }
    texts.extend(load.iter().flat_map(Load::failures));
    drop(load);
    // the load's thread has ended, and with it the other hand on it
    let mut measured = match Arc::try_unwrap(measured) {
        Ok(measured) => measured.into_inner().unwrap_or_else(PoisonError::into_inner),
        Err(shared) => locked(&shared).clone(),
    };
    measured.tally = finished.ok_or(RunError::Ended)?;
    let words: BTreeMap<ErrorKind, Failure> = texts.into_iter().map(|((_, kind), failure)| (kind, failure)).collect();
    for (kind, count) in measured.failures.clone() {
        measured.summary.failed_times(&in_words(command, kind, words.get(&kind)), count);
    }
    let spent = Spent::so_far(awake.as_ref());
    measured.cpu = spent.own.zip(before.own).map(|(after, before)| after.saturating_sub(before));
    measured.awake = spent.awake.zip(before.awake).map(|(after, before)| after.saturating_sub(before));
    measured.may_doze = awake.is_none() && host::is_virtual();
    Ok(measured)
}

/// CPU time of this process so far.
#[derive(Clone, Copy, Debug)]
struct Spent {
    /// What it was used for, but for keeping cores awake.
    own: Option<Duration>,
    /// What keeps cores awake, if anything does.
    awake: Option<Duration>,
}

impl Spent {
    fn so_far(awake: Option<&Awake>) -> Self {
        let awake = awake.and_then(Awake::cpu_time);
        Self { own: cpu_time().map(|all| all.saturating_sub(awake.unwrap_or_default())), awake }
    }
}

/// A kind of failure as hey's summary tells it.
fn in_words(command: &Command, kind: ErrorKind, failure: Option<&Failure>) -> String {
    let (method, address) = (&command.request.method, &command.address);
    match failure {
        // the address as it was given, unless a redirect led elsewhere
        Some(failure) if failure.url == address.to_call() => address::failed(method, &address.shown(), &failure.why),
        Some(failure) => address::failed(&failure.operation, &failure.url, &failure.why),
        // given up by a second Ctrl-C
        None => address::failed(
            method,
            &address.shown(),
            if kind == ErrorKind::Abandoned { "context canceled" } else { kind.as_str() },
        ),
    }
}

fn locked(measured: &Mutex<Measured>) -> MutexGuard<'_, Measured> {
    measured.lock().unwrap_or_else(PoisonError::into_inner)
}

/// CPU time of this process so far, in user space and in the kernel.
fn cpu_time() -> Option<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec()).ok()?.checked_mul(1_000_000)?.checked_add(u64::try_from(time.tv_usec()).ok()?)
    };
    Some(Duration::from_micros(micros(usage.user_time())? + micros(usage.system_time())?))
}
