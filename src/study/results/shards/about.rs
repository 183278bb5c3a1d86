//! What a run is, as `shard.json` keeps it: its union is written by what its shards knew of it, and no scenario has to be read again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::about::{Alone, RunAbout};
use super::super::price::Price;
use super::super::validity::{Limits, Suspects};
use crate::stats::cpu::CpuLimits;
use crate::stats::demand::{Demand, DemandCurve, Stretch};
use crate::stats::slo::Slo;
use crate::time::nanos;

/// [`RunAbout`]; durations are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AboutRecord {
    arm: String,
    policy: String,
    aa_of: Option<String>,
    shadows: Vec<String>,
    repeat: u32,
    seed: u64,
    target: String,
    slo_latency: u64,
    slo_percentile: f64,
    cores: Option<u32>,
    loads: Vec<String>,
    limits: LimitsRecord,
    /// From which second of the load, its rate, its demand, and how many were not enough.
    demand: Vec<StretchRecord>,
    min_replicas: u32,
    /// Request, thread, threads.
    #[serde(default)]
    alone: Option<(u64, u64, u32)>,
    #[serde(default)]
    price: Option<Price>,
    #[serde(default)]
    may_doze: bool,
}

/// From, rate, demand, beyond limit.
type StretchRecord = (u64, Option<f64>, Option<u32>, Option<u32>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LimitsRecord {
    max_lateness_p99: u64,
    max_stall: u64,
    min_accounted: f64,
    max_cpu_generator: f64,
    max_cpu_others: f64,
    max_cpu_total: f64,
    suspects_are_invalid: bool,
}

impl From<&RunAbout> for AboutRecord {
    fn from(about: &RunAbout) -> Self {
        let Limits { max_lateness_p99, max_stall, min_accounted, cpu, suspects } = about.limits;
        let stretch = |stretch: &Stretch| {
            let (demand, beyond) = match stretch.demand {
                Demand::Replicas(replicas) => (Some(replicas), None),
                Demand::BeyondLimit(limit) => (None, Some(limit)),
                Demand::Unknown => (None, None),
            };
            (stretch.from, stretch.rate, demand, beyond)
        };
        Self {
            arm: about.arm.clone(),
            policy: about.policy.clone(),
            aa_of: about.aa_of.clone(),
            shadows: about.shadows.clone(),
            repeat: about.repeat,
            seed: about.seed,
            target: about.target.clone(),
            slo_latency: nanos(about.slo.latency),
            slo_percentile: about.slo.percentile,
            cores: about.cores,
            loads: about.loads.clone(),
            limits: LimitsRecord {
                max_lateness_p99: nanos(max_lateness_p99),
                max_stall: nanos(max_stall),
                min_accounted,
                max_cpu_generator: cpu.generator_thread,
                max_cpu_others: cpu.others,
                max_cpu_total: cpu.total,
                suspects_are_invalid: suspects == Suspects::Refuse,
            },
            demand: about.demand.stretches().iter().map(stretch).collect(),
            min_replicas: about.min_replicas,
            alone: about.alone.map(|alone| (nanos(alone.request), nanos(alone.thread), alone.threads)),
            price: about.price.clone(),
            may_doze: about.may_doze,
        }
    }
}

impl From<&AboutRecord> for RunAbout {
    fn from(record: &AboutRecord) -> Self {
        let limits = &record.limits;
        let stretch = |&(from, rate, demand, beyond): &StretchRecord| Stretch {
            from,
            rate,
            demand: match (demand, beyond) {
                (Some(replicas), _) => Demand::Replicas(replicas),
                (None, Some(limit)) => Demand::BeyondLimit(limit),
                (None, None) => Demand::Unknown,
            },
        };
        Self {
            arm: record.arm.clone(),
            policy: record.policy.clone(),
            aa_of: record.aa_of.clone(),
            shadows: record.shadows.clone(),
            repeat: record.repeat,
            seed: record.seed,
            target: record.target.clone(),
            slo: Slo { latency: Duration::from_nanos(record.slo_latency), percentile: record.slo_percentile },
            cores: record.cores,
            loads: record.loads.clone(),
            limits: Limits {
                max_lateness_p99: Duration::from_nanos(limits.max_lateness_p99),
                max_stall: Duration::from_nanos(limits.max_stall),
                min_accounted: limits.min_accounted,
                cpu: CpuLimits {
                    generator_thread: limits.max_cpu_generator,
                    others: limits.max_cpu_others,
                    total: limits.max_cpu_total,
                },
                suspects: if limits.suspects_are_invalid { Suspects::Refuse } else { Suspects::Warn },
            },
            demand: DemandCurve::new(record.demand.iter().map(stretch).collect()),
            min_replicas: record.min_replicas,
            // of whomever it is: a union is the whole
            leads_only: false,
            alone: record.alone.map(|(request, thread, threads)| Alone {
                request: Duration::from_nanos(request),
                thread: Duration::from_nanos(thread),
                threads,
            }),
            price: record.price.clone(),
            may_doze: record.may_doze,
        }
    }
}
