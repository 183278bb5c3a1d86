//! Autoscalers: pure state machines that are handed events with their time and answer with actions.
//!
//! ```text
//!   Event (started, woken, probe done, counters, replicas, metrics, scale answered)
//!     |
//!     v
//!   handle(now, event) ---> actions (probe, scrape, read replicas, measure, scale to n because ..., note)
//!   wake_at()          ---> the next time it wants to be woken
//! ```
//!
//! No policy reads a clock, opens a socket, or draws from a generator it was not given, so one object serves every
//! driver, and a list of `(Timestamp, Event)` explains any run. A policy can't fail: what goes wrong outside comes
//! in as an event. (One that is a program of its own, `exec.rs`, can, and ends the run.)

mod controller;
pub mod document;
pub mod exec;
pub mod fixed;
pub mod hpa;
pub mod keda;
pub mod kpa;
pub mod lookout;
mod metrics;
pub mod native;
pub mod objection;
pub mod onlooker;
pub mod openfaas_ce;
pub mod openfaas_pro;
pub mod registry;
pub mod settings;
pub mod timetable;
pub mod tuning;
pub mod watchtower;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::random::Seed;
use crate::record::{Answer, EventKind, FunctionId, ProbeRow};
pub use crate::record::{Measurement, PodSample, ReplicaStatus};
use crate::time::{Epoch, Timestamp};

/// An autoscaler's decision logic.
///
/// The contract a driver keeps: `now` never decreases and is the real time of the event (a wake-up that is hardly late counts as on
/// time, a late one is told when it is); one event, then all its actions, then the next event; the results of effects, failures and refusals too, come back as events;
/// [`Policy::wake_at`] is read again after every event and replaces the earlier wish.
pub trait Policy: Send {
    /// Takes one event and appends what shall be done about it.
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>);

    /// When the policy wants [`Event::Woken`] next. A time that has passed means at once.
    fn wake_at(&self) -> Option<Timestamp>;

    /// Why it can't go on, which ends the run. A policy of this program always can; one that is a program of its own may not.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// What a policy learns. Everything it knows came in one of these.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run began. The first event, once. Replicas desired of each function, by [`FunctionId`].
    Started {
        /// Desired replicas at the start.
        replicas: Vec<u32>,
    },
    /// The time asked for by `wake_at` has come.
    Woken,
    /// The answer to [`Action::Probe`].
    ProbeDone(ProbeOutcome),
    /// The answer to [`Action::Scrape`]: the gateway's counters; `None` if they could not be had.
    Scraped(Option<Vec<Counter>>),
    /// The answer to [`Action::ReadReplicas`]; `None` if they could not be read.
    Replicas {
        /// Whose.
        function: FunctionId,
        /// How many.
        status: Option<ReplicaStatus>,
    },
    /// The answer to [`Action::Measure`]; `None` if there are no metrics.
    Measured {
        /// Of which function.
        function: FunctionId,
        /// What they told.
        sample: Option<Measurement>,
    },
    /// The answer to [`Action::Scale`]: the desired count the platform accepted, or why not.
    ScaleAnswered {
        /// Whose.
        function: FunctionId,
        /// What the platform said.
        result: Result<u32, Refusal>,
    },
}

/// One probe as it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeOutcome {
    /// When it left.
    pub sent: Timestamp,
    /// From leaving (before the dial) to the end of the answer. Meaningless if the answer is an error.
    pub latency: Duration,
    /// Status or error.
    pub answer: Answer,
}

/// One series of `gateway_function_invocation_total`: answers given so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counter {
    /// The function that answered.
    pub function: FunctionId,
    /// With which status.
    pub code: u16,
    /// How often, since the gateway began. Not a number if this series has no sample in a reading of several.
    pub value: f64,
}

/// Why a scaling was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The platform answered with this status and text.
    #[error("the platform answered {status}: {body}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Its body, shortened.
        body: String,
    },
    /// No answer came.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It was never asked: a rule of the driver's.
    #[error("kept back: {0}")]
    HeldBack(String),
}

/// What a policy wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send one monitoring request to the studied function; the answer comes as [`Event::ProbeDone`].
    Probe,
    /// Read the gateway's counters; the answer comes as [`Event::Scraped`].
    Scrape,
    /// Read a function's replicas; the answer comes as [`Event::Replicas`].
    ReadReplicas {
        /// Whose.
        function: FunctionId,
    },
    /// Read the platform's metrics of a function and its pods; the answer comes as [`Event::Measured`].
    Measure {
        /// Whose.
        function: FunctionId,
    },
    /// Ask for this many replicas; the answer comes as [`Event::ScaleAnswered`].
    Scale {
        /// Whose.
        function: FunctionId,
        /// Desired replicas the decision started from.
        from: u32,
        /// Desired replicas asked for.
        to: u32,
        /// Why, with the numbers behind it.
        reason: Reason,
    },
    /// Record a probe with what was made of it.
    Judged(ProbeRow),
    /// Record something that happened inside the policy.
    Note {
        /// What kind.
        kind: EventKind,
        /// Replicas it is about, before.
        from: Option<u32>,
        /// And after.
        to: Option<u32>,
        /// Why.
        reason: Reason,
    },
}

/// Why a decision was taken: a sentence that carries its numbers, and the number that mattered most.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The sentence; no full stop.
    pub text: String,
    /// The number (a latency in milliseconds, a rate per second), if one stands out.
    pub value: Option<f64>,
}

impl Reason {
    /// A reason without a number.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), value: None }
    }

    /// A reason with the number that mattered.
    pub fn with(text: impl Into<String>, value: f64) -> Self {
        Self { text: text.into(), value: Some(value) }
    }
}

/// A function as policies see it: its name and its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// `NAME`; counters call it `NAME.NAMESPACE`.
    pub name: String,
    /// Labels such as `com.openfaas.scale.max`.
    pub labels: BTreeMap<String, String>,
}

/// What a policy is told when it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Unix time of the run's start.
    pub epoch: Epoch,
    /// When the load starts.
    pub load_start: Timestamp,
    /// The run's seed, for the policy's own stream ([`crate::random::Purpose::Policy`]).
    pub seed: Seed,
    /// The functions of the run, by [`FunctionId`].
    pub functions: Vec<FunctionInfo>,
    /// Fewest and most replicas the platform grants each of them, by [`FunctionId`].
    pub bounds: Vec<(u32, u32)>,
}

impl Context {
    /// Fewest and most replicas the platform grants the studied function; 1 and any number where nothing is known of it.
    pub fn studied_bounds(&self) -> (u32, u32) {
        self.bounds.first().copied().unwrap_or((1, u32::MAX))
    }
}
