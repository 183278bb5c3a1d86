//! What `study.json` says of a study that begins, and what a reader must know besides its numbers.

use crate::drive::live::clock::Clock;
use crate::stats::demand::{Demand, DemandCurve};
use crate::study::host;
use crate::study::plan::Study;
use crate::study::results::summary::{ArmRecord, HostRecord, SCHEMA_VERSION, StudyRecord};
use crate::study::results::{Rows, shards};
use crate::study::runner::Conduct;
use crate::time::format_duration;

/// `study.json` as it begins.
pub(super) fn record(study: &Study, demand: &DemandCurve, conduct: Conduct) -> StudyRecord {
    StudyRecord {
        schema_version: SCHEMA_VERSION,
        watchtower_version: env!("CARGO_PKG_VERSION").to_owned(),
        name: study.name.clone(),
        description: study.description.clone(),
        target: study.target.to_string(),
        status: "running".to_owned(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        seed: study.seed.0,
        seeds: (1..=study.repeats).map(|repeat| study.seed.of_repeat(repeat).0).collect(),
        repeats: study.repeats,
        started_unix_s: Clock::unix_now().as_secs_f64(),
        ended_unix_s: None,
        slo_latency_ms: study.slo.latency.as_secs_f64() * 1e3,
        slo_percentile: study.slo.percentile,
        arms: study
            .arms
            .iter()
            .zip(&study.shadows)
            .zip(&study.aa_of)
            .map(|((arm, shadows), aa_of)| ArmRecord {
                name: arm.name.clone(),
                policy: arm.policy.name.to_owned(),
                settings: arm.settings.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect(),
                shadows: shadows.iter().map(|shadow| shadow.name.clone()).collect(),
                aa_of: aa_of.map(|arm| study.arms[arm].name.clone()),
            })
            .collect(),
        loads: study.loads.clone(),
        warm_up_s: study.warm_up.as_secs_f64(),
        cool_down_s: study.cool_down.as_secs_f64(),
        // what is computed is the same on any host
        host: if study.target.is_virtual() {
            HostRecord::default()
        } else {
            HostRecord { kept_awake: conduct.keep_awake, ..host::facts() }
        },
        notes: notes(study, demand, conduct),
        shard: (!study.share.is_whole()).then(|| study.share.to_string()),
        currency: study.price.as_ref().map(|price| price.currency.clone()).filter(|currency| !currency.is_empty()),
        expect: study.expect.clone(),
        scenario: study.resolved_without_secrets().to_owned(),
    }
}

/// What a reader must know besides the numbers.
fn notes(study: &Study, demand: &DemandCurve, conduct: Conduct) -> Vec<String> {
    let objective = format!("{} % within {}", study.slo.percentile, format_duration(study.slo.latency));
    let mut notes = Vec::new();
    if study.target.is_virtual() {
        notes.push(
            "Everything here happened in virtual time: the load left exactly when it could, and capacity, start-up and routing \
             are the model's. The same scenario, seed and build give the same numbers again."
                .to_owned(),
        );
    }
    if !study.share.is_whole() {
        notes.push(shards::note(&study.share.to_string()));
    }
    notes.extend(demand_note(demand, &objective));
    if conduct.rows == Rows::None {
        notes.push("Rows were turned off (--rows none): the runs have no requests.csv.".to_owned());
    }
    notes
}

/// What a reader must know of a demand that is not known all the time.
fn demand_note(curve: &DemandCurve, objective: &str) -> Option<String> {
    let stretches = curve.stretches();
    let limit = stretches.iter().find_map(|stretch| match stretch.demand {
        Demand::BeyondLimit(limit) => Some(limit),
        Demand::Replicas(_) | Demand::Unknown => None,
    });
    let is_known = |known: bool| stretches.iter().any(|stretch| stretch.demand.replicas().is_some() == known);
    match limit {
        None if !is_known(false) => None,
        None => Some("Demand is unknown, and with it theta, tau and instability.".to_owned()),
        Some(limit) if !is_known(true) => Some(format!(
            "In the model not even {limit} replicas meet the objective ({objective}) under this load: what is missing is not \
             replicas. Demand is therefore unknown, and with it theta, tau and instability."
        )),
        Some(limit) => Some(format!(
            "In the model not even {limit} replicas meet the objective ({objective}) in some stretches of this load (demand.csv \
             has them): what is missing there is not replicas. Demand is unknown in them, and theta, tau and instability are \
             about the rest."
        )),
    }
}
