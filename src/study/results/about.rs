//! What a run's files need to know of it beforehand.

use std::time::Duration;

use super::price::Price;
use super::validity::Limits;
use crate::stats::demand::DemandCurve;
use crate::stats::slo::Slo;

/// What a run is, as its files need to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunAbout {
    /// Arm.
    pub arm: String,
    /// Its policy.
    pub policy: String,
    /// The arm whose A/A twin it is.
    pub aa_of: Option<String>,
    /// Names of its shadows.
    pub shadows: Vec<String>,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Where it takes place.
    pub target: String,
    /// The objective its requests are judged by.
    pub slo: Slo,
    /// Cores of the node, where the target knows them; for the utilisation.
    pub cores: Option<u32>,
    /// Load sources as hey would be called, or in words, in order.
    pub loads: Vec<String>,
    /// What a valid run may not exceed.
    pub limits: Limits,
    /// Fewest replicas that meet the objective at the load of each moment.
    pub demand: DemandCurve,
    /// Fewest replicas the platform grants.
    pub min_replicas: u32,
    /// Whether it is the part of a machine that leads and sends nothing: then a run without a request is as it should be.
    pub leads_only: bool,
    /// What a request takes alone on an idle platform, where the target is the model that tells.
    pub alone: Option<Alone>,
    /// What replicas cost, if the scenario says so.
    pub price: Option<Price>,
    /// Whether cores of this machine take long to wake: it is a guest of a hypervisor, and they are not kept awake.
    pub may_doze: bool,
}

impl RunAbout {
    /// The first run of an arm of which no more is known: no demand, no price, no model, and the usual limits. What more is known is
    /// set on it.
    pub fn of(arm: &str, policy: &str, target: &str, slo: Slo) -> Self {
        Self {
            arm: arm.to_owned(),
            policy: policy.to_owned(),
            aa_of: None,
            shadows: Vec::new(),
            repeat: 1,
            seed: 1,
            target: target.to_owned(),
            slo,
            cores: None,
            loads: Vec::new(),
            limits: Limits::default(),
            demand: DemandCurve::unknown(),
            min_replicas: 1,
            leads_only: false,
            alone: None,
            price: None,
            may_doze: false,
        }
    }
}

/// What helps on a machine that [may doze](RunAbout::may_doze), where nobody else was in the way of being on time.
pub const KEEP_AWAKE: &str =
    "keep idle cores awake (--keep-awake; on this guest of a hypervisor they take long to wake)";

/// A request by itself, on average, by the function's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alone {
    /// From due to its answer.
    pub request: Duration,
    /// The part of it in which it holds a thread of a replica.
    pub thread: Duration,
    /// Threads of a replica.
    pub threads: u32,
}
