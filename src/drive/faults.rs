//! Faults that a scenario lays on a run: which is on when, and what it means for the driver.
//!
//! ```text
//!   [[fault]] --> Fault (kind, start, duration) --> Faults: turns in order of time; what is on
//!                                                    |             |
//!                                 Conditions, crashes of the model   answers that don't come, a policy that isn't run
//! ```
//!
//! Both drivers ask the same object, so a fault means the same under each. May not enter: chance. A fault comes when the scenario
//! says.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::model::Conditions;
use crate::policy::Refusal;
use crate::record::{EventKind, EventRow};
use crate::time::{Timestamp, format_duration};

use super::Plan;

/// How long after a fault an answer that it spoiled may come.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Whom a fault befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Befalls {
    /// What the arm's policy sees and does; its way to the platform, or its own time.
    Policy,
    /// The platform itself, whoever scales.
    Platform,
}

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The word in a scenario: `kind = "NAME"`.
    pub name: &'static str,
    /// One sentence: what happens. No full stop.
    pub summary: &'static str,
    /// Whom it befalls.
    pub befalls: Befalls,
    /// The key of its value, if it has one.
    pub value: Option<&'static str>,
    /// Whether it lasts.
    pub lasts: bool,
}

/// The words for the kinds, in the order of [`KINDS`].
pub const NAMES: [&str; 8] = [
    "probes-fail",
    "counters-vanish",
    "scaling-refused",
    "never-ready",
    "slow-start",
    "crash",
    "slow-node",
    "policy-stalls",
];

/// All kinds, in the order in which they are documented.
pub static KINDS: [KindInfo; 8] = [
    KindInfo {
        name: NAMES[0],
        summary: "probes find nobody: each is refused at once",
        befalls: Befalls::Policy,
        value: None,
        lasts: true,
    },
    KindInfo {
        name: NAMES[1],
        summary: "the gateway's counters and the platform's metrics can't be read",
        befalls: Befalls::Policy,
        value: None,
        lasts: true,
    },
    KindInfo {
        name: NAMES[2],
        summary: "every request for replicas is answered with 500",
        befalls: Befalls::Policy,
        value: None,
        lasts: true,
    },
    KindInfo {
        name: NAMES[3],
        summary: "no replica becomes ready; those that would have do when it is over",
        befalls: Befalls::Platform,
        value: None,
        lasts: true,
    },
    KindInfo {
        name: NAMES[4],
        summary: "replicas asked for take factor times as long to start",
        befalls: Befalls::Platform,
        value: Some("factor"),
        lasts: true,
    },
    KindInfo {
        name: NAMES[5],
        summary: "so many replicas die, with the requests in them; others start in their place",
        befalls: Befalls::Platform,
        value: Some("replicas"),
        lasts: false,
    },
    KindInfo {
        name: NAMES[6],
        summary: "CPU work takes factor times as long, at the gateway and in replicas",
        befalls: Befalls::Platform,
        value: Some("factor"),
        lasts: true,
    },
    KindInfo {
        name: NAMES[7],
        summary: "the policy isn't run; then it gets what it missed, and sees that time has jumped",
        befalls: Befalls::Policy,
        value: None,
        lasts: true,
    },
];

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// `probes-fail`.
    ProbesFail,
    /// `counters-vanish`.
    CountersVanish,
    /// `scaling-refused`.
    ScalingRefused,
    /// `never-ready`.
    NeverReady,
    /// `slow-start`: so many times as long as usual.
    SlowStart(f64),
    /// `crash`: so many replicas.
    Crash(u32),
    /// `slow-node`: so many times as long as usual.
    SlowNode(f64),
    /// `policy-stalls`.
    PolicyStalls,
}

impl Trouble {
    /// Its kind.
    pub const fn kind(self) -> &'static KindInfo {
        &KINDS[match self {
            Self::ProbesFail => 0,
            Self::CountersVanish => 1,
            Self::ScalingRefused => 2,
            Self::NeverReady => 3,
            Self::SlowStart(_) => 4,
            Self::Crash(_) => 5,
            Self::SlowNode(_) => 6,
            Self::PolicyStalls => 7,
        }]
    }

    /// Kind and value in words.
    pub fn describe(self) -> String {
        let name = self.kind().name;
        match self {
            Self::SlowStart(factor) | Self::SlowNode(factor) => format!("{name} ({factor} times)"),
            Self::Crash(1) => format!("{name} (1 replica)"),
            Self::Crash(replicas) => format!("{name} ({replicas} replicas)"),
            _ => name.to_owned(),
        }
    }
}

/// One fault of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub trouble: Trouble,
    /// When it begins, counted from the load's start.
    pub start: Duration,
    /// How long it lasts; zero for a crash.
    pub duration: Duration,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} after the load's start", self.trouble.describe(), format_duration(self.start))?;
        if self.trouble.kind().lasts { write!(f, ", for {}", format_duration(self.duration)) } else { Ok(()) }
    }
}

/// A fault begins or ends.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Timestamp,
    fault: usize,
    begins: bool,
}

/// What a turn asks of the driver.
#[derive(Clone, Debug, PartialEq)]
pub struct Turned {
    /// To be kept.
    pub row: EventRow,
    /// The platform's circumstances from now on, if they are others.
    pub conditions: Option<Conditions>,
    /// How many replicas of the studied function die.
    pub dies: u32,
    /// Whether the policy runs again: it is to be given what it missed.
    pub policy_resumes: bool,
}

/// The faults of one run: what is on, and what comes next.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    all: Vec<Fault>,
    is_on: Vec<bool>,
    turns: VecDeque<Turn>,
    /// Until when a missing answer may still be a fault's doing.
    aftermath: Option<Timestamp>,
}

impl Faults {
    /// What the actor of their rows is called.
    pub const ACTOR: &str = "scenario";

    /// The faults of a plan.
    pub fn of(plan: &Plan, load_start: Timestamp) -> Self {
        let mut turns: Vec<Turn> = Vec::with_capacity(2 * plan.faults.len());
        for (fault, Fault { trouble, start, duration }) in plan.faults.iter().enumerate() {
            let at = load_start + *start;
            turns.push(Turn { at, fault, begins: true });
            if trouble.kind().lasts {
                turns.push(Turn { at: at + *duration, fault, begins: false });
            }
        }
        // stable: at equal times in the scenario's order, what ends before what begins
        turns.sort_by_key(|turn| (turn.at, turn.begins));
        Self { all: plan.faults.clone(), is_on: vec![false; plan.faults.len()], turns: turns.into(), aftermath: None }
    }

    /// When [`Faults::turn`] is due; [`Timestamp::MAX`] for never.
    pub fn next(&self) -> Timestamp {
        self.turns.front().map_or(Timestamp::MAX, |turn| turn.at)
    }

    /// The next fault that begins or ends by `now`. Called until there is none.
    pub fn turn(&mut self, now: Timestamp) -> Option<Turned> {
        if self.next() > now {
            return None;
        }
        let turn = self.turns.pop_front()?;
        let (before, stalled) = (self.conditions(), self.policy_stalls());
        let Fault { trouble, duration, .. } = self.all[turn.fault];
        let kind = trouble.kind();
        self.is_on[turn.fault] = turn.begins && kind.lasts;
        if !turn.begins && matches!(trouble, Trouble::CountersVanish | Trouble::PolicyStalls) {
            self.aftermath = Some(now + AFTERMATH);
        }
        let what = trouble.describe();
        let reason = match (turn.begins, kind.lasts) {
            (true, true) => format!("{what} begins, for {}", format_duration(duration)),
            (true, false) => what,
            (false, _) => format!("{what} ends"),
        };
        let (value, dies) = match trouble {
            Trouble::SlowStart(factor) | Trouble::SlowNode(factor) => (Some(factor), 0),
            Trouble::Crash(replicas) => (Some(f64::from(replicas)), replicas),
            _ => (None, 0),
        };
        let after = self.conditions();
        Some(Turned {
            row: EventRow {
                at: now,
                actor: Self::ACTOR.into(),
                kind: EventKind::Fault,
                from: None,
                to: None,
                reason,
                value,
            },
            conditions: (after != before).then_some(after),
            dies,
            policy_resumes: stalled && !self.policy_stalls(),
        })
    }

    fn on(&self) -> impl Iterator<Item = Trouble> {
        self.all.iter().zip(&self.is_on).filter(|(_, is_on)| **is_on).map(|(fault, _)| fault.trouble)
    }

    fn is_on(&self, trouble: Trouble) -> bool {
        self.on().any(|on| on == trouble)
    }

    /// The platform's circumstances. Factors of faults that are on at once multiply.
    pub fn conditions(&self) -> Conditions {
        let mut conditions = Conditions { never_ready: self.is_on(Trouble::NeverReady), ..Conditions::default() };
        for trouble in self.on() {
            match trouble {
                Trouble::SlowStart(factor) => conditions.start_up_factor *= factor,
                Trouble::SlowNode(factor) => conditions.cpu_factor *= factor,
                _ => {}
            }
        }
        conditions
    }

    /// Whether probes find nobody.
    pub fn probes_fail(&self) -> bool {
        self.is_on(Trouble::ProbesFail)
    }

    /// Whether counters and metrics can't be read.
    pub fn counters_vanish(&self) -> bool {
        self.is_on(Trouble::CountersVanish)
    }

    /// Whether the policy is not run.
    pub fn policy_stalls(&self) -> bool {
        self.is_on(Trouble::PolicyStalls)
    }

    /// What is answered to whoever asks for replicas, if they are refused.
    pub fn refusal(&self) -> Option<Refusal> {
        let body = || "scaling is refused by a fault of the scenario".to_owned();
        self.is_on(Trouble::ScalingRefused).then(|| Refusal::Status { status: 500, body: body() })
    }

    /// What the kind of a policy's note is on record: a part that broke makes a run invalid, but not if the scenario broke it.
    pub fn excuse(&self, now: Timestamp, kind: EventKind) -> EventKind {
        let spoiled =
            self.counters_vanish() || self.policy_stalls() || self.aftermath.is_some_and(|until| now <= until);
        if kind == EventKind::Broken && spoiled { EventKind::Failed } else { kind }
    }
}

#[cfg(test)]
mod laws;
