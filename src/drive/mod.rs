//! What a run is ([`Plan`]), what comes out of it ([`Recorder`], [`Outcome`]), and the drivers that make one from the other.
//!
//! `live` drives the core by the wall clock over HTTP, `sim` in virtual time, `replay` from a list of events. The contract of
//! a driver, which the tests hold for each:
//!
//! 1. `now` never decreases and is the real time of the event: of a probe's end when its answer came, of a wake-up the time that was wished
//!    for, which a driver may be some milliseconds late to see; one that is later than that is delivered once, late.
//! 2. One event, then all its actions, then the next event. Effects never run inside a policy; their results, failures and
//!    refusals too, come back as events.
//! 3. Everything a policy knows came in an event, so the list of `(Timestamp, Event)` is a complete record of its run.
//! 4. At equal times the simulator keeps the order of insertion; live has the order of arrival.
//! 5. The same [`Plan`] in, the same rows out: nothing above can tell which driver ran.

pub mod calibration;
pub mod client;
pub mod clocks;
pub mod decisions;
pub mod faults;
pub mod journeys;
#[cfg(feature = "app")]
pub mod live;
pub mod model_settings;
#[cfg(feature = "app")]
pub mod program;
mod recorder;
pub mod replay;
mod schedule_plan;
pub mod shadow;
pub mod sidecar;
pub mod sim;

use std::time::Duration;

use crate::model::{FunctionModel, NodeModel};
use crate::policy::registry::PolicyInfo;
#[cfg(feature = "app")]
use crate::policy::registry::Scaler;
use crate::policy::settings::Settings;
use crate::policy::{Context, FunctionInfo, Policy};
use crate::random::Seed;
use crate::record::{EventKind, EventRow, Lost, PlatformSample};
use crate::schedule::Call;
use crate::schedule::share::Share;
use crate::time::{Epoch, Timestamp};

pub use self::client::{ClientPlan, Trust};
pub use self::recorder::{RecordError, Recorder};
pub use self::schedule_plan::{Planned, SchedulePlan, shares};

/// How long a probe may take before it counts as failed: the watch tower's hey runs without `-t`, which means 20 s.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Everything a driver needs to know about one run: one arm, one repeat.
#[derive(Clone)]
pub struct Plan {
    /// The autoscaler.
    pub arm: Arm,
    /// Those that decide beside it without effect, by the names the scenario gives them; see [`shadow`].
    pub shadows: Vec<Arm>,
    /// Seed of this run.
    pub seed: Seed,
    /// The functions on the platform; the first is the one under study.
    pub functions: Vec<FunctionPlan>,
    /// The node they share.
    pub node: NodeModel,
    /// The load.
    pub generators: Vec<GeneratorPlan>,
    /// What goes wrong on purpose.
    pub faults: Vec<faults::Fault>,
    /// Time before the load, with a request each `warm_up_every` so that counters exist.
    pub warm_up: Duration,
    /// Time between two warm-up requests.
    pub warm_up_every: Duration,
    /// Time observed after the load ends.
    pub cool_down: Duration,
    /// What this machine sends of the load. By the wall clock the others of the load come from elsewhere, and the autoscaler, its
    /// probes and the warm-up are the leading share's. Virtual time has no other machines: the whole load is computed, and what is told
    /// of is this share of its requests, with all else.
    pub share: Share,
}

impl Plan {
    /// What a policy of this run is told when it is made.
    pub fn context(&self, epoch: Epoch, load_start: Timestamp) -> Context {
        Context {
            epoch,
            load_start,
            seed: self.seed,
            functions: self.functions.iter().map(|function| function.info.clone()).collect(),
            bounds: self.functions.iter().map(|function| function.bounds).collect(),
        }
    }
}

/// An autoscaler with its settings, as a scenario names it.
#[derive(Clone)]
pub struct Arm {
    /// The scenario's name for it.
    pub name: String,
    /// Which policy.
    pub policy: &'static PolicyInfo,
    /// Its settings, complete.
    pub settings: Settings,
}

/// One function on the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionPlan {
    /// Name and labels, as policies see it.
    pub info: FunctionInfo,
    /// What it answers.
    pub handler: Handler,
    /// How it behaves under load.
    pub model: FunctionModel,
    /// The query string of load requests, without `?`; empty for none.
    pub query: String,
    /// Replicas at the start of the run.
    pub replicas: u32,
    /// Fewest and most replicas the platform grants (the Community Edition: 1 to 5).
    pub bounds: (u32, u32),
}

/// What a modelled function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// `?number=N` gives `{"value":N!}`.
    Ftest,
    /// `?number=S` waits S seconds and gives `{"value":"Good Morning!"}`.
    Sleepy,
    /// Any other: an empty 200 after the modelled work.
    Plain,
}

impl Handler {
    /// The largest number whose factorial `ftest` answers: 35 660 digits. Beyond it a request would hold the interpreter for seconds.
    pub const FACTORIAL_MAX: u32 = 10_000;

    /// The longest sleep of `sleepy`: the template's watchdog gives up on a function then.
    pub const SLEEP_MAX: Duration = Duration::from_secs(30);
}

/// One load source.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorPlan {
    /// When requests are due.
    pub schedule: SchedulePlan,
    /// What is sent.
    pub request: RequestPlan,
    /// Start, counted from the load's start.
    pub start: Duration,
}

/// What a load source sends, apart from the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    /// HTTP method.
    pub method: String,
    /// Headers in the order in which they go out, beyond those every request has.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
    /// Time-out of a request; `None` for none.
    pub timeout: Option<Duration>,
    /// Whether a connection serves more than one request.
    pub keep_alive: bool,
    /// How the client behaves on the way.
    pub client: ClientPlan,
}

impl Default for RequestPlan {
    /// What hey sends without flags.
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            headers: vec![
                ("User-Agent".to_owned(), "hey/0.0.1".to_owned()),
                ("Content-Type".to_owned(), "text/html".to_owned()),
                ("Accept-Encoding".to_owned(), "gzip".to_owned()),
            ],
            body: Vec::new(),
            timeout: Some(Duration::from_secs(20)),
            keep_alive: true,
            client: ClientPlan::default(),
        }
    }
}

/// The part of a run that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before the load.
    WarmUp,
    /// From the load's start until the last generator is done.
    Load,
    /// After it.
    CoolDown,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::WarmUp, Self::Load, Self::CoolDown];

    /// The word that stands in files and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarmUp => "warm-up",
            Self::Load => "load",
            Self::CoolDown => "cool-down",
        }
    }
}

/// The first whole second after `start`. Seconds are counted from the load's start, so the warm-up begins with the rest of one.
pub(crate) fn first_second(start: Timestamp, load_start: Timestamp) -> Timestamp {
    let second = Duration::from_secs(1);
    let rest = Duration::from_nanos(u64::from((load_start - start).subsec_nanos()));
    start + if rest.is_zero() { second } else { rest }
}

/// A row that tells of the run itself: a phase, its end.
pub(crate) fn phase_row(at: Timestamp, what: &str) -> EventRow {
    EventRow {
        at,
        actor: "run".into(),
        kind: EventKind::Phase,
        from: None,
        to: None,
        reason: what.to_owned(),
        value: None,
    }
}

/// A policy that is a program of its own failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyFailure(pub String);

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Unix time of the run's start.
    pub epoch: Epoch,
    /// When the load started.
    pub load_start: Timestamp,
    /// When the last generator was done.
    pub load_end: Timestamp,
    /// When the run ended.
    pub end: Timestamp,
    /// Each generator's count, in order.
    pub generators: Vec<Tally>,
    /// Standstills of the generator or the host, in total.
    pub stalled: Duration,
    /// Whether the run was cut short (Ctrl-C, SIGTERM).
    pub interrupted: bool,
    /// The platform at the end.
    pub last_sample: PlatformSample,
}

/// A generator's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests the schedule called for.
    pub planned: u64,
    /// That left.
    pub sent: u64,
    /// That never left, by reason. What was left unused at the stop is not in here.
    pub lost: Lost,
    /// Planned, but still to come when the schedule stopped while their worker waited for an answer.
    pub unused: u64,
    /// Time from the generator's start until its last worker was done.
    pub duration: Duration,
    /// The time between two requests of one worker, if there is one.
    pub period: Option<Duration>,
    /// What of it left later than it was due, because no worker was free.
    pub held_back: HeldBack,
}

/// Requests that had to wait for their worker, or for a place among those under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// How many.
    pub count: u64,
    /// How long together.
    pub time: Duration,
    /// How long the one that waited longest.
    pub longest: Duration,
}

impl HeldBack {
    /// Those of two generators together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, time: self.time + other.time, longest: self.longest.max(other.longest) }
    }
}

impl Tally {
    /// Requests of which it is known what became of them. All that were planned in the end; where only the answers decide what is called
    /// for, it says how many that were.
    pub(crate) const fn accounted(&self) -> u64 {
        self.sent + self.lost.busy + self.lost.late + self.unused
    }

    /// A request leaves.
    pub(crate) fn leaves(&mut self, call: &Call) {
        self.sent += 1;
        if call.ready > call.due {
            let waited = call.ready - call.due;
            let held = &mut self.held_back;
            held.count += 1;
            held.time += waited;
            held.longest = held.longest.max(waited);
        }
    }
}

impl Arm {
    /// Makes the policy for a run.
    pub fn build(&self, context: &Context) -> Box<dyn Policy> {
        match self.policy.scaler {
            #[cfg(feature = "app")]
            Scaler::Program => program::start(&self.settings, context),
            _ => (self.policy.build)(&self.settings, context),
        }
    }
}
