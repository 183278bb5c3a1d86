//! `watchtower run --load-pods N`: a study whose load pods of the cluster send.

use super::ended::Ended;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::output::Printer;
use super::run::{Args, reported};
use crate::drive::live::interrupt::Interrupt;
use crate::study::load_pods::{Led, Wish, run_with_pods};
use crate::study::plan::{Premises, Study};
use crate::study::resolve::objection_to_pods;
use crate::study::results::summary::RunSummary;
use crate::study::runner::{Observer, Progress, RunBegins, SimulationProgress};
use crate::study::target_kind::TargetKind;

/// Makes a study with pods. What is wrong with asking for them is said before the first of them is there.
pub(super) async fn one_study(
    args: &Args,
    led: &Led<'_>,
    view: &mut dyn Observer,
    printer: Printer,
    interrupt: &mut Interrupt,
) -> Result<Ended, Failure> {
    let wish = wish(args, led.study)?;
    let mut leading = Leading { view, printer };
    let made = Box::pin(run_with_pods(led, &wish, &mut leading, interrupt)).await;
    let (record, end) = made.map_err(|error| {
        let hint =
            led.results.join("study.json").exists().then(|| format!("results so far are in {}", led.results.display()));
        Failure::from_error(ExitStatus::Failed, &error, hint)
    })?;
    if led.results.exists() {
        reported(led.results, !args.no_report, None, printer)?;
    }
    for run in end.runs.iter().filter(|run| !run.partial) {
        for reason in &run.invalid_because {
            printer.warn(&format!("{} (repeat {}): {reason}", run.arm, run.repeat));
        }
    }
    Ok(Ended::of(record, end))
}

/// Pods are of a cluster.
pub(super) fn check_target(args: &Args) -> Result<(), Failure> {
    let target = args.target.unwrap_or_default();
    match args.load_pods {
        Some(pods) if target != TargetKind::Kubernetes => {
            let problem = format!("--load-pods {pods} is about pods of a cluster, and the target is {target}");
            let hint =
                "add --target kubernetes, or send shards from machines of your own with --shard (docs/shards.md)";
            Err(Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned())))
        }
        _ => Ok(()),
    }
}

/// Which pods are asked for, if they can be.
pub(super) fn wish(args: &Args, study: &Study) -> Result<Wish, Failure> {
    let usage = |problem: String, hint: &str| Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned()));
    let pods = args.load_pods.unwrap_or_default();
    if let Some((what, hint)) = objection_to_pods(study) {
        return Err(usage(format!("--load-pods {pods} {what}"), hint));
    }
    let of_scenario = match &study.premises {
        Some(Premises::Cluster(access)) => access.load.image.clone(),
        _ => None,
    };
    let Some(image) = args.load_image.clone().or(of_scenario) else {
        let hint = "add --load-image IMAGE, or load_image to [kubernetes]; docs/deployment.md says how one is built";
        return Err(usage(format!("--load-pods {pods} needs an image of this program"), hint));
    };
    Ok(Wish { pods, image })
}

/// What is told of the runs that this machine leads: what they come to is known when the pods' part is there.
struct Leading<'a> {
    view: &'a mut dyn Observer,
    printer: Printer,
}

impl Observer for Leading<'_> {
    fn prepares(&mut self, what: &str) {
        self.view.prepares(what);
    }

    fn run_begins(&mut self, run: &RunBegins<'_>) {
        self.view.run_begins(run);
    }

    fn run_goes_on(&mut self, progress: &Progress) {
        self.view.run_goes_on(progress);
    }

    fn simulation_goes_on(&mut self, progress: &SimulationProgress) {
        self.view.simulation_goes_on(progress);
    }

    fn run_ended(&mut self, summary: &RunSummary) {
        self.printer.say(&format!("{} (repeat {}): led to its end", summary.arm, summary.repeat));
    }
}
