//! Whether a study can be made by several machines: the loads must meet, and each machine must have some of each.

use crate::study::plan::Study;
use crate::study::problem::Problem;
use crate::study::target_kind::TargetKind;

/// Adds what speaks against the study's shard.
pub(super) fn check(study: &Study, problems: &mut Vec<Problem>) {
    let share = study.share;
    if share.is_whole() {
        return;
    }
    let mut problem =
        |what: String, hint: &str| problems.push(Problem::new("", what, hint).key(format!("--shard {share}")));
    if study.target == TargetKind::Kubernetes && !share.is_led_apart() {
        problem(
            "can't be made on the kubernetes target: what leads there has no share of the load".to_owned(),
            "have the cluster's pods make the load (--load-pods N), or use --target openfaas with the gateway in front of the cluster",
        );
    } else if !matches!(study.target, TargetKind::Simulated | TargetKind::Openfaas | TargetKind::Kubernetes) {
        problem(
            format!(
                "can't be made on the {} target: its platform is each machine's own, so the shards' loads would never meet",
                study.target
            ),
            "use --target openfaas with one gateway for all shards (`watchtower serve` on one machine is one), or --target simulated",
        );
    }
    if study.until.is_some() {
        problem(
            "can't decide how many repeats are enough: it sees a part of the load only".to_owned(),
            "say how many with --repeats",
        );
    }
    for (index, generator) in study.generators.iter().enumerate() {
        let workers = generator.schedule.workers();
        if workers < share.of() {
            problem(
                format!("is one of more shards than load {} has workers, users or places ({workers})", index + 1),
                "use fewer shards, or more workers",
            );
        }
    }
}
