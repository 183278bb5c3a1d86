//! A study that makes sense: every run of it can be planned from here.

use std::fmt;
use std::time::Duration;

use rand::seq::SliceRandom;

use crate::drive::faults::Fault;
use crate::drive::live::target::{kubernetes, openfaas};
use crate::drive::{Arm, FunctionPlan, GeneratorPlan, Plan, Planned};
use crate::model::NodeModel;
use crate::random::{Purpose, Seed};
use crate::schedule::share::Share;
use crate::stats::slo::Slo;
use crate::time::format_duration;

use super::results::expect::Expectation;
use super::results::{Alone, Limits, Price};
use super::target_kind::TargetKind;
use super::tune::Wishes;
use super::until::Until;

/// A scenario, checked and complete, with the command line's wishes in it.
#[derive(Clone)]
pub struct Study {
    /// Name; fit for a directory.
    pub name: String,
    /// What it asks, for people.
    pub description: String,
    /// The objective.
    pub slo: Slo,
    /// Where it runs.
    pub target: TargetKind,
    /// The arms to run, in the scenario's order.
    pub arms: Vec<Arm>,
    /// The shadows of each arm, in the order of the arms.
    pub shadows: Vec<Vec<Arm>>,
    /// Of each arm, in the same order, which arm it is the A/A twin of: the same in all but its luck.
    pub aa_of: Vec<Option<usize>>,
    /// The functions on the platform; the first is the one under study.
    pub functions: Vec<FunctionPlan>,
    /// The node they share.
    pub node: NodeModel,
    /// The platform they are on, where that is somebody's.
    pub premises: Option<Premises>,
    /// The load.
    pub generators: Vec<GeneratorPlan>,
    /// Each generator as hey would be called, and when it starts.
    pub loads: Vec<String>,
    /// What goes wrong on purpose, in every run.
    pub faults: Vec<Fault>,
    /// Time before the load.
    pub warm_up: Duration,
    /// Time between two warm-up requests.
    pub warm_up_every: Duration,
    /// Time observed after the load ends.
    pub cool_down: Duration,
    /// Runs per arm; at most so many where [`Study::until`] decides.
    pub repeats: u32,
    /// When there are enough of them.
    pub until: Option<Until>,
    /// Seed of the study; repeats derive theirs.
    pub seed: Seed,
    /// What this machine sends of the load.
    pub share: Share,
    /// When a run is not valid.
    pub limits: Limits,
    /// What a replica costs, if the scenario says so.
    pub price: Option<Price>,
    /// What is expected of the arms.
    pub expect: Vec<Expectation>,
    /// How its arms are tuned.
    pub tune: Wishes,
    pub(super) resolved: String,
    pub(super) shown: String,
}

/// Somebody's platform, on which a run is a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Premises {
    /// A gateway (`--target openfaas`).
    Gateway(openfaas::Access),
    /// A cluster (`--target kubernetes`).
    Cluster(kubernetes::Access),
}

impl Premises {
    /// The gateway through which the function is invoked.
    pub const fn gateway(&self) -> &openfaas::Access {
        match self {
            Self::Gateway(access) => access,
            Self::Cluster(access) => &access.gateway,
        }
    }
}

impl Study {
    /// The plan of one run: `arm` is an index into [`Study::arms`], `repeat` counts from 1.
    ///
    /// Arms of the same repeat share its seed, so they meet the same luck. An A/A twin has a seed of its own.
    ///
    /// # Panics
    /// When there is no such arm.
    pub fn plan(&self, arm: usize, repeat: u32) -> Plan {
        Plan {
            arm: self.arms[arm].clone(),
            shadows: self.shadows[arm].clone(),
            seed: self.seed_of(arm, repeat),
            functions: self.functions.clone(),
            node: self.node,
            generators: self.generators.clone(),
            faults: self.faults.clone(),
            warm_up: self.warm_up,
            warm_up_every: self.warm_up_every,
            cool_down: self.cool_down,
            share: self.share,
        }
    }

    /// The seed of one run.
    ///
    /// # Panics
    /// When there is no such arm.
    pub fn seed_of(&self, arm: usize, repeat: u32) -> Seed {
        let seed = self.seed.of_repeat(repeat);
        if self.aa_of[arm].is_some() { seed.of_twin() } else { seed }
    }

    /// In which order the arms of a repeat run.
    ///
    /// By the wall clock a host drifts, so the order is drawn anew for each repeat, from the study's seed; in virtual time nothing
    /// drifts, and arms run in the scenario's order.
    pub fn order(&self, repeat: u32) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.arms.len()).collect();
        if !self.target.is_virtual() {
            let mut stream = self.seed.stream_of(Purpose::Order, repeat.into());
            order.shuffle(&mut stream);
        }
        order
    }

    /// The scenario with every default and every wish of the command line filled in: reading it gives this study again.
    pub fn resolved_toml(&self) -> &str {
        &self.resolved
    }

    /// The same fit for files and screens: credentials in the loads' flags are left out.
    pub fn resolved_without_secrets(&self) -> &str {
        &self.shown
    }

    /// Requests one run calls for, on average where chance decides; `None` if only the answers do.
    pub fn planned_requests(&self) -> Option<u64> {
        match self.planned() {
            Planned::Exactly(planned) => Some(planned),
            Planned::About(planned) => Some(planned.round() as u64),
            Planned::Open => None,
        }
    }

    /// Requests one run calls for: of all its generators together.
    pub fn planned(&self) -> Planned {
        self.generators.iter().map(|generator| generator.schedule.planned()).fold(Planned::Exactly(0), Planned::and)
    }

    /// How long one run takes, warm-up and cool-down included: an estimate, for which a request takes as long as it would alone.
    pub fn duration_of_run(&self) -> Duration {
        let load = self.load_durations().max().unwrap_or_default();
        self.warm_up.saturating_add(load).saturating_add(self.cool_down)
    }

    /// From the load's start until each generator's last answer: an estimate, as above.
    pub(super) fn load_durations(&self) -> impl Iterator<Item = Duration> {
        let alone = self.functions.first().map_or(Duration::ZERO, |function| alone(function, &self.node).request);
        self.generators.iter().map(move |generator| {
            let busy = generator.schedule.duration(alone);
            generator.start.saturating_add(busy).saturating_add(alone)
        })
    }

    /// What a request takes alone; `None` where the model says nothing of what is there.
    pub(super) fn alone(&self) -> Option<Alone> {
        self.functions.first().filter(|_| self.target.is_modelled()).map(|function| alone(function, &self.node))
    }

    /// How many runs the study has.
    pub fn runs(&self) -> u64 {
        self.arms.len() as u64 * u64::from(self.repeats)
    }

    /// How long the whole study takes: an estimate.
    pub fn duration(&self) -> Duration {
        let total = self.duration_of_run().as_secs_f64() * self.runs() as f64;
        Duration::try_from_secs_f64(total).unwrap_or(Duration::MAX)
    }

    /// What would run and how long it takes.
    pub fn describe(&self) -> Description {
        Description {
            name: self.name.clone(),
            description: self.description.clone(),
            target: self.target,
            function: self
                .functions
                .first()
                .map(|function| {
                    let query = if function.query.is_empty() { String::new() } else { format!("?{}", function.query) };
                    format!("{}{query}", function.info.name)
                })
                .unwrap_or_default(),
            objective: format!("{} % within {}", self.slo.percentile, format_duration(self.slo.latency)),
            loads: self.loads.clone(),
            faults: self.faults.clone(),
            arms: self
                .arms
                .iter()
                .zip(&self.shadows)
                .zip(&self.aa_of)
                .map(|((arm, shadows), aa_of)| ArmDescription {
                    name: arm.name.clone(),
                    aa_of: aa_of.map(|arm| self.arms[arm].name.clone()),
                    policy: arm.policy.name,
                    shadows: shadows.iter().map(|shadow| shadow.name.clone()).collect(),
                    settings: arm.settings.iter().map(|(name, value)| (name, value.to_string())).collect(),
                })
                .collect(),
            expect: self.expect.clone(),
            until: self.until.map(|until| until.describe()),
            repeats: self.repeats,
            seed: self.seed.0,
            runs: self.runs(),
            planned: self.planned(),
            duration_of_run: self.duration_of_run(),
            duration: self.duration(),
        }
    }
}

/// What a request takes on an idle platform, on average.
fn alone(function: &FunctionPlan, node: &NodeModel) -> Alone {
    let model = &function.model;
    let thread = model.cpu.mean.saturating_add(model.wait.mean);
    let request = node.transport.saturating_add(node.gateway_cpu.mean).saturating_add(thread);
    Alone { request, thread, threads: model.workers }
}

/// What `watchtower check` tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Name of the study.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// Where it runs.
    pub target: TargetKind,
    /// Function and query.
    pub function: String,
    /// The objective in words.
    pub objective: String,
    /// The generators.
    pub loads: Vec<String>,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// The arms.
    pub arms: Vec<ArmDescription>,
    /// What is expected of the arms.
    pub expect: Vec<Expectation>,
    /// What decides how many repeats there are, if something does.
    pub until: Option<String>,
    /// Runs per arm, at most.
    pub repeats: u32,
    /// Seed of the study.
    pub seed: u64,
    /// Runs in all.
    pub runs: u64,
    /// Requests of one run.
    pub planned: Planned,
    /// Estimate for one run.
    pub duration_of_run: Duration,
    /// Estimate for all of them.
    pub duration: Duration,
}

/// One arm of a [`Description`].
#[derive(Clone, Debug, PartialEq)]
pub struct ArmDescription {
    /// Its name.
    pub name: String,
    /// Its policy.
    pub policy: &'static str,
    /// The arm whose A/A twin it is.
    pub aa_of: Option<String>,
    /// Names of its shadows.
    pub shadows: Vec<String>,
    /// Its settings as text, defaults included.
    pub settings: Vec<(&'static str, String)>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}",
            self.name,
            if self.description.is_empty() { "(no description)" } else { &self.description }
        )?;
        writeln!(f, "  function   {}", self.function)?;
        writeln!(f, "  objective  {}", self.objective)?;
        for (index, load) in self.loads.iter().enumerate() {
            writeln!(f, "  load {:<6}{load}", index + 1)?;
        }
        for fault in &self.faults {
            writeln!(f, "  fault      {fault}")?;
        }
        for arm in &self.arms {
            if let Some(of) = &arm.aa_of {
                writeln!(f, "  arm        {} (the same as {of}, to measure the noise)", arm.name)?;
                continue;
            }
            writeln!(f, "  arm        {} ({})", arm.name, arm.policy)?;
            if !arm.shadows.is_empty() {
                writeln!(f, "               in its shadow: {}", arm.shadows.join(", "))?;
            }
            for (name, value) in &arm.settings {
                writeln!(f, "               {name} = {value}")?;
            }
        }
        for expectation in &self.expect {
            writeln!(f, "  expect     {} ({})", expectation.formula, expectation.over.as_str())?;
        }
        let requests = match self.planned {
            Planned::Exactly(planned) => format!("{planned} requests each"),
            Planned::About(planned) => format!("about {planned:.0} requests each"),
            Planned::Open => "as many requests each as the answers allow".to_owned(),
        };
        if let Some(until) = &self.until {
            writeln!(f, "  repeats    {until}")?;
        }
        let plural = if self.runs == 1 { "" } else { "s" };
        writeln!(f, "  runs       {} run{plural} on {} (seed {}), {requests}", self.runs, self.target, self.seed)?;
        write!(f, "  duration   about {} each, {} in all", rounded(self.duration_of_run), rounded(self.duration))
    }
}

/// A duration in whole seconds, as people say it.
pub fn rounded(duration: Duration) -> String {
    let secs = duration.as_secs_f64().round() as u64;
    match (secs / 3_600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, secs) => format!("{minutes} min {secs} s"),
        (hours @ ..48, minutes, _) => format!("{hours} h {minutes} min"),
        (hours @ ..24_000, _, _) => format!("{:.1} days", hours as f64 / 24.0),
        _ => "more than 1000 days".to_owned(),
    }
}
