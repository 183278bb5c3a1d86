//! One replica: a child process, from being asked for to being gone.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::usage::Usage;
use crate::record::{ProcessState, ReplicaId};
use crate::time::Timestamp;

/// How a replica is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// The interpreter.
    pub(super) python: PathBuf,
    /// The program that serves a folder.
    pub(super) server: PathBuf,
    /// The function's folder.
    pub(super) folder: PathBuf,
    /// The program through which it is started, so that it can't outlive this one; `None` for none.
    pub(super) leash: Option<PathBuf>,
    /// Where its error output goes.
    pub(super) log: PathBuf,
}

/// A child, and what is known of it.
pub(super) struct Replica {
    pub(super) id: ReplicaId,
    child: Child,
    pub(super) asked: Timestamp,
    /// In service since, and where.
    pub(super) ready: Option<(Timestamp, u16)>,
    /// Told to end at.
    pub(super) leaving: Option<Timestamp>,
    /// As it was last seen.
    pub(super) usage: Usage,
    /// Requests in it, time spent in it by all requests up to `counted_to`, and requests it has answered.
    pub(super) in_flight: u32,
    pub(super) request_time: Duration,
    counted_to: Timestamp,
    pub(super) answered: u64,
}

impl Replica {
    /// Starts one. What it writes to its standard output is for whoever waits for its port.
    pub(super) fn start(launch: &Launch, id: ReplicaId, now: Timestamp) -> io::Result<(Self, ChildStdout)> {
        let mut command = match &launch.leash {
            Some(leash) => {
                let mut command = Command::new(leash);
                command.arg("leash").arg(std::process::id().to_string()).arg(&launch.python);
                command
            }
            None => Command::new(&launch.python),
        };
        let log = File::options().create(true).append(true).open(&launch.log)?;
        // -B: a folder of the user's is read, not written to
        command.arg("-B").arg(&launch.server).arg(&launch.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut child = command.spawn()?;
        let Some(output) = child.stdout.take() else { return Err(io::Error::other("it has no standard output")) };
        let replica = Self {
            id,
            child,
            asked: now,
            ready: None,
            leaving: None,
            usage: Usage::default(),
            in_flight: 0,
            request_time: Duration::ZERO,
            counted_to: now,
            answered: 0,
        };
        Ok((replica, output))
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn state(&self) -> ProcessState {
        match (self.leaving, self.ready) {
            (Some(_), _) => ProcessState::Terminating,
            (None, Some(_)) => ProcessState::Ready,
            (None, None) => ProcessState::Starting,
        }
    }

    /// Tells it to end, as Kubernetes does. The template's Python has no handler for that, so it dies at once, with its requests.
    pub(super) fn terminate(&mut self, now: Timestamp) {
        self.leaving = Some(now);
        self.signal(Signal::SIGTERM);
    }

    /// Kills it, as a crash does.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if let Ok(process) = i32::try_from(self.child.id()) {
            // one that has ended already needs no telling
            let _ = kill(Pid::from_raw(process), signal);
        }
    }

    /// Looks at it; whether it is gone.
    pub(super) fn look(&mut self) -> bool {
        // before it is waited for: then the kernel forgets what it used
        if let Some(usage) = Usage::of(self.child.id()) {
            self.usage = Usage { cpu_time: usage.cpu_time.max(self.usage.cpu_time), ..usage };
        }
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// A request enters or leaves at `now`.
    pub(super) fn count(&mut self, now: Timestamp, change: i32) {
        self.request_time = self.time_spent(now);
        self.counted_to = now;
        self.in_flight = self.in_flight.saturating_add_signed(change);
    }

    /// Time spent in it by all requests up to now.
    pub(super) fn time_spent(&self, now: Timestamp) -> Duration {
        self.request_time + (now - self.counted_to) * self.in_flight
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // one that has ended already, or can't be reached any more, is no worry
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port a new replica says it listens on; `None` if it ended before.
pub(super) fn port_of(output: ChildStdout) -> Option<u16> {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

/// The end of what replicas complained of.
pub(super) fn last_words(log: &Path) -> String {
    const LINES: usize = 4;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n    ")
}
