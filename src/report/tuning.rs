//! The chart of a search for settings, from the directory it left behind and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::charts::{Figure, Tradeoff, TriedSetting};
use super::write::{ReportError, put};
use crate::study::results::tuning::{Tried, TuneDir, TuneRecord};

/// Writes `charts/front.svg` and `.png` of a search, again if they exist, and returns the files.
///
/// # Errors
/// When the directory holds no search that this program can read, or a file can't be written.
pub fn write_tuning(directory: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let record = TuneDir::record(directory)?;
    let figure = Figure::Tradeoff(tradeoff(directory, &record)?);
    let failed = |source| ReportError::Chart { name: "front", source };
    let (svg, png) = (figure.svg().map_err(failed)?, figure.png().map_err(failed)?);
    let folder = directory.join("charts");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    Ok(vec![put(folder.join("front.svg"), svg.as_bytes())?, put(folder.join("front.png"), &png)?])
}

/// What the chart shows.
fn tradeoff(directory: &Path, record: &TuneRecord) -> Result<Tradeoff, ReportError> {
    let names: Vec<&str> = record.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let per_setting = record.search_seeds.len() * record.scenarios.len();
    let mut sums: BTreeMap<u64, (f64, f64, usize)> = BTreeMap::new();
    for row in TuneDir::evaluations(directory, record)? {
        let sum = sums.entry(row.setting).or_default();
        *sum = (sum.0 + row.replica_seconds, sum.1 + row.slo_violation_ratio, sum.2 + 1);
    }
    let tried = sums.into_values().map(|(cost, missed, runs)| TriedSetting {
        cost: cost / runs as f64,
        missed: missed / runs as f64,
        is_stopped: runs < per_setting,
    });
    let of = |tried: &Tried| TriedSetting {
        cost: tried.search.replica_seconds,
        missed: tried.search.slo_violation_ratio,
        is_stopped: false,
    };
    // one line can stand for one objective only
    let mut allowed: Vec<f64> = record.scenarios.iter().map(|scenario| 1.0 - scenario.slo_percentile / 100.0).collect();
    allowed.dedup();
    Ok(Tradeoff {
        name: names.join(", "),
        arm: record.arm.clone(),
        seed: record.seed,
        allowed: if let [allowed] = allowed[..] { Some(allowed) } else { None },
        tried: tried.collect(),
        front: record.front.iter().map(of).collect(),
        hand_set: record.hand_set.as_ref().map(of),
        default: record.default.as_ref().map(of),
        recommended: record.recommendation.as_ref().map(|recommendation| of(&recommendation.tried)),
    })
}
