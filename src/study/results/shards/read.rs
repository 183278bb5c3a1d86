//! The shards of one study: found to be all of them, each once, whole and of the same study, before anything is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::directory::{ResultsDir, run_name};
use super::super::reader::read_rows;
use super::super::summary::StudyRecord;
use super::error::MergeError;
use super::seal::Seal;
use crate::schedule::share::Share;

/// A shard that can't be had any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostShard {
    /// Which, from 1.
    pub number: u32,
    /// What became of it, in a sentence without its end.
    pub why: String,
}

/// All shards of a study, in order.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "those that are there, beside those that are lost")]
pub struct Shards {
    /// Those that are not among them, each in a sentence.
    pub(super) lost: Vec<String>,
    pub(super) shards: Vec<Shard>,
    /// The study's runs in its order, each as arm and repeat.
    pub(super) runs: Vec<(String, u32)>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) path: PathBuf,
    pub(super) directory: ResultsDir,
    pub(super) record: StudyRecord,
    pub(super) share: Share,
    pub(super) seals: BTreeMap<String, Seal>,
}

/// What a line of `comparison.csv` says of which run it is.
#[derive(serde::Deserialize)]
struct RunKey {
    arm: String,
    repeat: u32,
}

impl Shards {
    /// Opens these directories, in whatever order.
    ///
    /// # Errors
    /// When one is no shard, is unfinished, of another study, given twice or missing, or has a file that is cut off, missing or
    /// changed. The message names it.
    pub fn open(paths: &[PathBuf]) -> Result<Self, MergeError> {
        Self::open_without(paths, &[])
    }

    /// The same where some are lost: what the others sent is united, and each run is invalid for it.
    ///
    /// # Errors
    /// As [`Shards::open`], for those that are not lost.
    pub fn open_without(paths: &[PathBuf], lost: &[LostShard]) -> Result<Self, MergeError> {
        let mut shards = paths.iter().map(|path| shard(path)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = shards.first() else {
            return Err(MergeError::Missing { shards: "1/1".to_owned(), given: 0, of: 1 });
        };
        for other in &shards[1..] {
            are_of_one_study(first, other)?;
        }
        let (share, of) = (first.share, first.share.of());
        shards.sort_by_key(|shard| shard.share.number());
        if let Some([first, second]) = shards.windows(2).find(|pair| pair[0].share == pair[1].share) {
            return Err(MergeError::Twice {
                first: first.path.clone(),
                second: second.path.clone(),
                shard: first.share.to_string(),
            });
        }
        let is_given = |share: &Share| shards.iter().any(|shard| shard.share == *share);
        let is_lost = |share: &Share| lost.iter().any(|lost| lost.number == share.number());
        let missing = share.all().filter(|share| !is_given(share) && !is_lost(share));
        let missing: Vec<String> = missing.map(|share| share.to_string()).collect();
        if !missing.is_empty() {
            return Err(MergeError::Missing { shards: missing.join(", "), given: shards.len(), of });
        }
        let lost = lost.iter().map(|lost| {
            format!(
                "shard {} of {of} was lost ({}), so what it sent, or should have sent, is not known: run the study again",
                lost.number, lost.why
            )
        });
        let lost = lost.collect();
        let runs = same_runs(&shards)?;
        for shard in &mut shards {
            for (arm, repeat) in &runs {
                let name = run_name(arm, *repeat);
                let seal = Seal::checked(&shard.directory.run_path(&name))?;
                shard.seals.insert(name, seal);
            }
        }
        Ok(Self { lost, shards, runs })
    }
}

fn shard(path: &Path) -> Result<Shard, MergeError> {
    let (directory, record) = ResultsDir::open(path)?;
    let share = record.shard.as_ref().and_then(|shard| shard.parse().ok());
    let Some(share) = share else { return Err(MergeError::Whole(path.to_owned())) };
    if record.status != "done" {
        return Err(MergeError::Unfinished { path: path.to_owned(), status: record.status });
    }
    Ok(Shard { path: path.to_owned(), directory, record, share, seals: BTreeMap::new() })
}

fn are_of_one_study(first: &Shard, other: &Shard) -> Result<(), MergeError> {
    let of = |share: Share| format!("--shard I/{}{}", share.of(), if share.is_led_apart() { "+0" } else { "" });
    let (a, b) = (&first.record, &other.record);
    let heads = |record: &StudyRecord, share: Share| {
        let StudyRecord { watchtower_version, target, seed, repeats, .. } = record;
        [
            of(share),
            format!("version {watchtower_version}"),
            format!("--target {target}"),
            format!("--seed {seed}"),
            format!("--repeats {repeats}"),
        ]
    };
    let lines = |record: &StudyRecord| record.scenario.lines().map(str::to_owned).collect::<Vec<_>>();
    let (mut ours, mut theirs) = (heads(a, first.share).to_vec(), heads(b, other.share).to_vec());
    ours.extend(lines(a));
    theirs.extend(lines(b));
    let length = ours.len().max(theirs.len());
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    match (0..length).find(|at| ours.get(*at) != theirs.get(*at)) {
        None => Ok(()),
        Some(at) => Err(MergeError::Different {
            path: other.path.clone(),
            first: first.path.clone(),
            theirs: line(&theirs, at),
            ours: line(&ours, at),
        }),
    }
}

/// The runs of a study, which all its shards have, in its order.
fn same_runs(shards: &[Shard]) -> Result<Vec<(String, u32)>, MergeError> {
    let runs_of = |shard: &Shard| -> Result<Vec<(String, u32)>, MergeError> {
        let rows: Vec<RunKey> = read_rows(&shard.path.join("comparison.csv"))?;
        Ok(rows.into_iter().map(|row| (row.arm, row.repeat)).collect())
    };
    let mut all: Vec<(String, u32)> = Vec::new();
    let each = shards.iter().map(runs_of).collect::<Result<Vec<_>, _>>()?;
    for run in each.iter().flatten() {
        if !all.contains(run) {
            all.push(run.clone());
        }
    }
    for (shard, runs) in shards.iter().zip(&each) {
        if let Some(run) = all.iter().find(|run| !runs.contains(run)) {
            let with = shards.iter().zip(&each).find(|(_, runs)| runs.contains(run));
            return Err(MergeError::NoRun {
                path: shard.path.clone(),
                run: run_name(&run.0, run.1),
                first: with.map_or_else(PathBuf::new, |(shard, _)| shard.path.clone()),
            });
        }
    }
    Ok(all)
}
