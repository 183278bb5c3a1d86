//! What `watchtower run` is to carry out: scenarios that begin, each in a directory of its own, or a study that goes on.

use std::path::{Path, PathBuf};

use super::exit::ExitStatus;
use super::failure::Failure;
use super::run::{Args, load_study};
use crate::drive::live::awake;
use crate::drive::live::clock::Clock;
use crate::study::load_pods::leaders_share;
use crate::study::plan::Study;
use crate::study::resolve::Overrides;
use crate::study::results::summary::StudyRecord;
use crate::study::results::{ResultsDir, ResultsError};
use crate::study::resume::{self, Wished};
use crate::study::target_kind::TargetKind;

/// A study to carry out, and where.
pub(super) struct Planned {
    pub(super) study: Study,
    pub(super) results: PathBuf,
    /// What the directory says already, if the study goes on.
    pub(super) before: Option<StudyRecord>,
}

/// Studies that begin. All scenarios are checked before the first minute is spent.
pub(super) fn begun(args: &Args) -> Result<Vec<Planned>, Failure> {
    let overrides = Overrides {
        target: args.target.unwrap_or_default(),
        arms: args.arms.clone(),
        repeats: args.repeats,
        seed: args.seed,
        aa: None,
        share: args.shard.or_else(|| args.load_pods.and_then(leaders_share)),
    };
    let studies = args.scenarios.iter().map(|path| load_study(path, &overrides)).collect::<Result<Vec<_>, _>>()?;
    let directories = results_directories(args, &studies)?;
    Ok(studies.into_iter().zip(directories).map(|(study, results)| Planned { study, results, before: None }).collect())
}

/// The study that goes on: of one scenario, the one it was begun with.
pub(super) fn resumed(args: &Args, directory: &Path) -> Result<Planned, Failure> {
    let [scenario] = &args.scenarios[..] else {
        let problem = "--resume goes on with one study, and several scenarios are given";
        return Err(Failure::new(ExitStatus::Usage, problem, Some("give the one it was begun with".to_owned())));
    };
    let usage = |error: &dyn std::error::Error| Failure::from_error(ExitStatus::Usage, error, None);
    let (_, record) = ResultsDir::open(directory).map_err(|error| usage(&error))?;
    let wished = Wished {
        target: args.target,
        arms: args.arms.clone(),
        repeats: args.repeats,
        seed: args.seed,
        share: args.shard,
    };
    let overrides = resume::overrides(directory, &record, &wished).map_err(|error| usage(&error))?;
    let mut study = load_study(scenario, &overrides)?;
    if args.arms.is_empty() && resume::check(directory, &record, &study).is_err() {
        // it may have been begun with some of the arms only
        let overrides = Overrides { arms: resume::arms(&record), ..overrides };
        if let Ok(some) = load_study(scenario, &overrides) {
            study = some;
        }
    }
    resume::check(directory, &record, &study).map_err(|error| usage(&error))?;
    Ok(Planned { study, results: directory.to_owned(), before: Some(record) })
}

/// Whether cores are kept awake: as it is asked for, and as before in a study that goes on, whose runs are to be of one kind.
pub(super) fn kept_awake(wished: bool, target: TargetKind, studies: &[Planned]) -> Result<bool, Failure> {
    let refused = |problem: &str, hint: &str| Err(Failure::new(ExitStatus::Usage, problem, Some(hint.to_owned())));
    if wished && target.is_virtual() {
        return refused("--keep-awake is about the wall clock, and virtual time waits for nothing", "leave it out");
    }
    let before = studies.iter().find_map(|planned| planned.before.as_ref());
    let keep_awake = before.map_or(wished, |record| record.host.kept_awake);
    if wished && !keep_awake {
        let problem = "--keep-awake was not given when this study began, and its runs were made without";
        return refused(problem, "leave it out, or begin anew with --out");
    }
    match awake::objection().filter(|_| keep_awake) {
        Some(problem) => refused(&problem, "leave it out"),
        None => Ok(keep_awake),
    }
}

/// `--out`, or `results/NAME-UTC`, for each study; none may exist, and no two may be the same.
fn results_directories(args: &Args, studies: &[Study]) -> Result<Vec<PathBuf>, Failure> {
    let stamp = utc_stamp();
    let directories: Vec<PathBuf> = studies
        .iter()
        .map(|study| match &args.out {
            Some(out) if studies.len() > 1 => out.join(&study.name),
            Some(out) => out.clone(),
            None => Path::new("results").join(format!("{}-{stamp}", study.name)),
        })
        .collect();
    for (index, directory) in directories.iter().enumerate() {
        if directories[..index].contains(directory) {
            let problem = format!(
                "two scenarios are named \"{}\", so both would write {}",
                studies[index].name,
                directory.display()
            );
            return Err(Failure::new(ExitStatus::Usage, problem, Some("give one of them another name".to_owned())));
        }
        if directory.symlink_metadata().is_ok() {
            let error = ResultsError::Exists(directory.clone());
            return Err(Failure::from_error(ExitStatus::Usage, &error, None));
        }
    }
    Ok(directories)
}

/// Now, as a word that sorts: `20261124T001500Z`.
pub(super) fn utc_stamp() -> String {
    let seconds = i64::try_from(Clock::unix_now().as_secs()).unwrap_or(0);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |now| now.strftime("%Y%m%dT%H%M%SZ").to_string())
}
