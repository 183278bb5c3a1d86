//! What a run's files are told of it before it begins.

use super::Conduct;
use crate::drive::Plan;
use crate::stats::demand::DemandCurve;
use crate::study::host;
use crate::study::plan::Study;
use crate::study::results::RunAbout;
use crate::study::target_kind::TargetKind;

/// What is known of one run: its arm by the study's order, its repeat from 1.
pub(super) fn about(
    study: &Study,
    demand: &DemandCurve,
    conduct: Conduct,
    plan: &Plan,
    repeat: u32,
    arm: usize,
) -> RunAbout {
    RunAbout {
        arm: plan.arm.name.clone(),
        policy: plan.arm.policy.name.to_owned(),
        aa_of: study.aa_of[arm].map(|arm| study.arms[arm].name.clone()),
        shadows: plan.shadows.iter().map(|shadow| shadow.name.clone()).collect(),
        repeat,
        seed: plan.seed.0,
        target: study.target.to_string(),
        slo: study.slo,
        cores: match study.target {
            target if target.is_modelled() => Some(plan.node.cores),
            TargetKind::Process => Some(host::facts().cores),
            _ => None,
        },
        loads: study.loads.clone(),
        limits: study.limits,
        demand: demand.clone(),
        min_replicas: plan.functions[0].bounds.0,
        leads_only: plan.share.is_empty(),
        alone: study.alone(),
        price: study.price.clone(),
        may_doze: !study.target.is_virtual() && !conduct.keep_awake && host::is_virtual(),
    }
}
