//! The rows a run is made of, as plain values.
//!
//! Both drivers produce these and nothing else leaves a run, so what stands above can't tell which one ran.
//! Nothing here knows how a row is written: file formats live in `study::results`.

mod metrics;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::time::Timestamp;

pub use self::metrics::{CpuShares, Measurement, PodSample};

/// One load source of a scenario, counted from 0 inside the program and from 1 in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeneratorId(pub u16);

/// One worker of a generator, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// One function of a run. The one under study is [`FunctionId::STUDIED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u16);

impl FunctionId {
    /// The function the scenario is about.
    pub const STUDIED: Self = Self(0);
}

/// One replica of a function, counted from 0 in order of creation; never used again after it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u32);

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// No connection: refused.
    Refused,
    /// No connection for another reason (host unreachable, no free port).
    Connect,
    /// The host's name could not be resolved.
    Dns,
    /// No TLS on the connection: the handshake failed, or a certificate that was to be verified is not good.
    Tls,
    /// The proxy could not be reached, or would not pass the request on.
    Proxy,
    /// A redirect that leads nowhere: too many in a row, or to an address that can't be called.
    Redirect,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer began.
    Closed,
    /// The connection was closed inside the answer's body.
    CutBody,
    /// No complete answer within the time-out.
    Timeout,
    /// What came back was not HTTP.
    Protocol,
    /// The head of the answer was longer than any is.
    TooLarge,
    /// Still unanswered when the run was ended.
    Abandoned,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Refused,
        Self::Connect,
        Self::Dns,
        Self::Tls,
        Self::Proxy,
        Self::Redirect,
        Self::Reset,
        Self::Closed,
        Self::CutBody,
        Self::Timeout,
        Self::Protocol,
        Self::TooLarge,
        Self::Abandoned,
    ];

    /// The word that stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::CutBody => "cut_body",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a request ended: with a status, or without an answer.
pub type Answer = Result<u16, ErrorKind>;

/// One load request that left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestRow {
    /// Load source.
    pub generator: GeneratorId,
    /// Worker of that source.
    pub worker: WorkerId,
    /// When the schedule called for it.
    pub due: Timestamp,
    /// When it could leave: due, or when its worker came free, if later.
    pub ready: Timestamp,
    /// When it left (before any dial, as hey counts).
    pub sent: Timestamp,
    /// When the first byte of the answer came, if one came.
    pub first_byte: Option<Timestamp>,
    /// When the answer was complete or given up.
    pub done: Timestamp,
    /// Status or error.
    pub answer: Answer,
    /// The replica that answered, where the target tells.
    pub replica: Option<ReplicaId>,
    /// Parts of the way, for hey's details.
    pub detail: Detail,
}

impl RequestRow {
    /// Latency as hey counts it: from leaving to the answer's end.
    pub fn latency(&self) -> Duration {
        self.done - self.sent
    }

    /// Latency from when the schedule called for the request (free of coordinated omission).
    pub fn latency_from_due(&self) -> Duration {
        self.done - self.due
    }

    /// How late the generator was: from when the request could leave to when it left.
    pub fn lateness(&self) -> Duration {
        self.sent - self.ready
    }

    /// Whether the answer counts as good: any status below 400 (hey counts every status as a response; errors here are 4xx, 5xx and no answer).
    pub fn is_ok(&self) -> bool {
        matches!(self.answer, Ok(status) if status < 400)
    }
}

/// The parts of one request that hey's summary shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Name look-up and dial; zero on a connection that was open.
    pub dial: Duration,
    /// Name look-up alone.
    pub lookup: Duration,
    /// Writing the request.
    pub write: Duration,
    /// Waiting for the first byte after the request was written.
    pub wait: Duration,
    /// Reading the answer.
    pub read: Duration,
    /// `Content-Length` of the answer, if it had one.
    pub size: Option<u64>,
}

/// Requests that the schedule called for and that never left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Their worker still waited for an answer: the system was slow.
    pub busy: u64,
    /// The generator itself was late: a fault of the measurement.
    pub late: u64,
}

/// One probe of a policy, after the policy judged it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeRow {
    /// When the probe left.
    pub sent: Timestamp,
    /// Its latency, if it was answered.
    pub latency: Option<Duration>,
    /// Status or error.
    pub answer: Answer,
    /// Consecutive probes above the band, after this one.
    pub above: u32,
    /// Consecutive probes below the band, after this one.
    pub below: u32,
    /// What the policy made of it, in a word or two.
    pub decision: Cow<'static, str>,
}

/// Something that happened: a decision with its reason, a change of the platform, a phase of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// When.
    pub at: Timestamp,
    /// Who: a policy's name, `platform`, `load`, `run`, `scenario`, or `shadow:NAME` for an arm that decides without effect.
    pub actor: Cow<'static, str>,
    /// What kind: see [`EventKind`].
    pub kind: EventKind,
    /// Replicas before, where the event changes them.
    pub from: Option<u32>,
    /// Replicas after.
    pub to: Option<u32>,
    /// Why, in words that carry the numbers.
    pub reason: String,
    /// The one number that mattered most.
    pub value: Option<f64>,
}

impl EventRow {
    /// What the actor of a shadow's rows begins with.
    pub const SHADOW: &str = "shadow:";

    /// The actor of the rows of the shadow of this name.
    pub fn shadow(name: &str) -> String {
        format!("{}{name}", Self::SHADOW)
    }

    /// The shadow whose row this is, if it is one's.
    pub fn of_shadow(&self) -> Option<&str> {
        self.actor.strip_prefix(Self::SHADOW)
    }
}

/// Kinds of events, as `events.csv` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The run entered a phase (warm-up, load, cool-down, end).
    Phase,
    /// A policy changed the desired replicas; `from` and `to` are desired replicas.
    Scale,
    /// A policy asked for replicas and was refused, or saw another count than it asked for.
    Refused,
    /// A policy decided something that did not change the desired replicas.
    Decision,
    /// An alert changed its state.
    Alert,
    /// A pod became ready; `from` and `to` are ready replicas.
    Ready,
    /// A pod was taken out of service; `from` and `to` are ready replicas.
    Terminated,
    /// A probe, a scrape or a reading failed.
    Failed,
    /// The generator or the host stood still.
    Stall,
    /// A fault of the scenario begins or ends; its reason names it.
    Fault,
    /// A part of what the arm is made of broke or was gone: the run goes on, and is no measurement of the arm.
    Broken,
    /// What a cluster tells of the function, in its own words.
    Cluster,
    /// Something about the machine that was measured before the run.
    Host,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Phase,
        Self::Scale,
        Self::Refused,
        Self::Decision,
        Self::Alert,
        Self::Ready,
        Self::Terminated,
        Self::Failed,
        Self::Stall,
        Self::Fault,
        Self::Broken,
        Self::Cluster,
        Self::Host,
    ];

    /// The word that stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Scale => "scale",
            Self::Refused => "refused",
            Self::Decision => "decision",
            Self::Alert => "alert",
            Self::Ready => "ready",
            Self::Terminated => "terminated",
            Self::Failed => "failed",
            Self::Stall => "stall",
            Self::Fault => "fault",
            Self::Broken => "broken",
            Self::Cluster => "cluster",
            Self::Host => "host",
        }
    }
}

/// Replicas of a function as the platform reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// Asked for (`spec.replicas`).
    pub desired: u32,
    /// In service.
    pub ready: u32,
}

/// The platform as it stands at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlatformSample {
    /// Requests inside the platform that wait for a worker thread.
    pub queue: u32,
    /// Replicas asked for.
    pub desired: u32,
    /// Replicas in service.
    pub ready: u32,
    /// Replicas on their way up.
    pub starting: u32,
    /// Replicas on their way down.
    pub terminating: u32,
    /// CPU time used on the node since the run began, over all its cores. `None` where the target can't tell.
    pub cpu_time: Option<Duration>,
    /// Time lived by all replicas since the run began, starting and terminating included: the cost.
    pub replica_time: Duration,
}

/// A replica that is a real process, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    /// Which.
    pub replica: ReplicaId,
    /// The number of its process.
    pub process: u32,
    /// Where in its life it is.
    pub state: ProcessState,
    /// CPU time it has used since it was started.
    pub cpu_time: Duration,
    /// Memory it holds in RAM, in bytes.
    pub resident: u64,
    /// Its threads.
    pub threads: u32,
    /// Requests in it.
    pub in_flight: u32,
}

/// Where in its life a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessState {
    /// Started, and not found healthy yet.
    Starting,
    /// In service.
    Ready,
    /// Told to end.
    Terminating,
}

impl ProcessState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Starting, Self::Ready, Self::Terminating];

    /// The word that stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Terminating => "terminating",
        }
    }
}
