//! Going on with a study that was interrupted: the same scenario, the same seeds, and no finished run made twice.

use std::path::{Path, PathBuf};

use super::plan::Study;
use super::resolve::Overrides;
use super::results::summary::StudyRecord;
use super::target_kind::TargetKind;
use crate::schedule::share::Share;

/// Why a study can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The directory is of a target that this program does not have.
    #[error(
        "{path} was made on the target \"{target}\", which is not known here\n  hint: use the version of watchtower that wrote it"
    )]
    Target {
        /// The directory.
        path: PathBuf,
        /// The target.
        target: String,
    },
    /// Another version of the program made it.
    #[error(
        "{path} was made by watchtower {theirs}, and this is {ours}: their runs can't be told apart from a change of the program\n  hint: go on with the same version, or begin anew with --out"
    )]
    Version {
        /// The directory.
        path: PathBuf,
        /// Its version.
        theirs: String,
        /// This one.
        ours: &'static str,
    },
    /// It is of another scenario.
    #[error(
        "{path} is a study of something else: it has `{theirs}` where the scenario now has `{ours}`\n  hint: undo the change, or begin anew with --out"
    )]
    Scenario {
        /// The directory.
        path: PathBuf,
        /// The first line that differs, as recorded.
        theirs: String,
        /// The same line now.
        ours: String,
    },
}

/// What the command line asks for, completed by what the study was begun with: its target, seed, repeats and A/A twin.
///
/// # Errors
/// When its target is not known.
pub fn overrides(path: &Path, record: &StudyRecord, wished: &Wished) -> Result<Overrides, ResumeError> {
    let recorded = record.target.parse::<TargetKind>();
    let Some(target) = wished.target.or(recorded.ok()) else {
        return Err(ResumeError::Target { path: path.to_owned(), target: record.target.clone() });
    };
    Ok(Overrides {
        target,
        arms: wished.arms.clone(),
        // where an interval decides, the scenario says so
        repeats: wished.repeats.or((!is_until(record)).then_some(record.repeats)),
        seed: wished.seed.or(Some(record.seed)),
        aa: Some(record.arms.iter().any(|arm| arm.aa_of.is_some())),
        share: wished.share.or_else(|| record.shard.as_ref()?.parse().ok()),
    })
}

/// What the command line asks for by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wished {
    /// `--target`.
    pub target: Option<TargetKind>,
    /// `--arm`, each.
    pub arms: Vec<String>,
    /// `--repeats`.
    pub repeats: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--shard`.
    pub share: Option<Share>,
}

fn is_until(record: &StudyRecord) -> bool {
    record.scenario.lines().any(|line| line == "[run.until]")
}

/// The arms a study was begun with, for `--arm`.
pub fn arms(record: &StudyRecord) -> Vec<String> {
    record.arms.iter().filter(|arm| arm.aa_of.is_none()).map(|arm| arm.name.clone()).collect()
}

/// Whether `study` is what the directory was begun with. The number of repeats may have grown.
///
/// # Errors
/// With the first line of the resolved scenario that differs.
pub fn check(path: &Path, record: &StudyRecord, study: &Study) -> Result<(), ResumeError> {
    let ours = env!("CARGO_PKG_VERSION");
    if record.watchtower_version != ours {
        let theirs = record.watchtower_version.clone();
        return Err(ResumeError::Version { path: path.to_owned(), theirs, ours });
    }
    let scenario = |theirs: &str, ours: &str| {
        let (theirs, ours) = (theirs.to_owned(), ours.to_owned());
        Err(ResumeError::Scenario { path: path.to_owned(), theirs, ours })
    };
    let target = study.target.to_string();
    if record.target != target {
        return scenario(&format!("--target {}", record.target), &format!("--target {target}"));
    }
    let (theirs, ours) = (shard_flag(record), shard_flag_of(study.share));
    if theirs != ours {
        return scenario(&theirs, &ours);
    }
    let is_fixed = |line: &&str| !line.starts_with("repeats = ");
    let mut recorded = record.scenario.lines().filter(is_fixed);
    let mut resolved = study.resolved_without_secrets().lines().filter(is_fixed);
    loop {
        match (recorded.next(), resolved.next()) {
            (None, None) => return Ok(()),
            (theirs, ours) if theirs == ours => {}
            (theirs, ours) => return scenario(theirs.unwrap_or("nothing"), ours.unwrap_or("nothing")),
        }
    }
}

fn shard_flag(record: &StudyRecord) -> String {
    record.shard.as_ref().map_or_else(|| "no --shard".to_owned(), |shard| format!("--shard {shard}"))
}

fn shard_flag_of(share: Share) -> String {
    if share.is_whole() { "no --shard".to_owned() } else { format!("--shard {share}") }
}
