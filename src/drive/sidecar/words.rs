//! What is said to a sidecar and by it.

use crate::policy::{Event, ReplicaStatus};
use crate::record::{EventRow, ProbeRow};

/// What it is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Fewest and most replicas it may ask for.
    pub bounds: (u32, u32),
    /// Scalings a minute, at most.
    pub actions_per_minute: u32,
    /// Whether it only says what it would do.
    pub dry_run: bool,
}

/// What is to be done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Read the replicas, to see whether the platform answers: [`Brought::Looked`].
    Look,
    /// Send one probe: [`Event::ProbeDone`].
    Probe,
    /// Read the counters: [`Event::Scraped`].
    Scrape,
    /// Read the replicas: [`Event::Replicas`].
    ReadReplicas,
    /// Ask for this many replicas: [`Event::ScaleAnswered`].
    Scale(u32),
}

/// A task, and in which reign it was given; its result is brought back with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Counts how often leadership changed.
    pub reign: u64,
    /// What to do.
    pub task: Task,
}

/// What an errand brings back.
#[derive(Clone, Debug, PartialEq)]
pub enum Brought {
    /// The replicas, or that they could not be read.
    Looked(Option<ReplicaStatus>),
    /// What the policy asked for.
    Answer(Event),
}

/// What happened, to be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A decision, a refusal, a loss.
    Event(EventRow),
    /// A probe, judged.
    Probe(ProbeRow),
}

/// What it leaves behind after each step.
#[derive(Debug, Default)]
pub struct Wishes {
    /// To be carried out.
    pub errands: Vec<Errand>,
    /// To be kept.
    pub news: Vec<News>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Another one leads.
    Standby,
    /// It leads, and has not found its function yet.
    Looking,
    /// It leads.
    Leading,
    /// It leads, and the platform does not answer.
    Lost,
}

impl Standing {
    /// The word that stands in metrics and on `/healthz`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Looking => "looking",
            Self::Leading => "leading",
            Self::Lost => "lost",
        }
    }
}

/// What it has done so far. Scalings that were asked for are accepted, refused or unanswered, once each; those it kept back were never
/// asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Scalings the platform accepted, to more.
    pub ups: u64,
    /// To fewer.
    pub downs: u64,
    /// To the count that was there.
    pub unchanged: u64,
    /// Scalings it refused.
    pub refused: u64,
    /// Scalings whose answer never came: they may have been carried out.
    pub unanswered: u64,
    /// Scalings kept back: too many in a minute, or leadership had run out before they were sent.
    pub held_back: u64,
    /// Probes judged.
    pub probes: u64,
    /// Of these, without an answer or with one that is no success.
    pub probes_failed: u64,
    /// How often the platform was lost.
    pub losses: u64,
    /// How often somebody else set the replicas.
    pub meddlings: u64,
}
