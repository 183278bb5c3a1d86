//! Reads a results directory into [`Material`]. What is missing or damaged becomes a sentence; the rest is used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::audit;
use super::charts::data::{Probe, Second};
use super::material::{Event, Material, Run};
use super::verdict::Comparison;
use crate::study::results::summary::{RunSummary, SCHEMA_VERSION};
use crate::study::results::{ResultsDir, ResultsError};

/// Reads everything a report is made of, and looks whether every file is what it was when it was complete.
///
/// # Errors
/// When the directory holds no study, or one of another layout: nothing can be said then.
pub(super) fn read(results: &Path) -> Result<(Material, Vec<Comparison>), ResultsError> {
    look(results, true)
}

/// Reads everything a report is made of, as it stands while runs go on: no file is read that is not shown.
///
/// # Errors
/// As [`read`].
pub(super) fn glance(results: &Path) -> Result<(Material, Vec<Comparison>), ResultsError> {
    look(results, false)
}

fn look(results: &Path, thoroughly: bool) -> Result<(Material, Vec<Comparison>), ResultsError> {
    let (directory, record) = ResultsDir::open(results)?;
    let mut reader = Reader { root: results.to_owned(), directory, damages: Vec::new() };
    let names = reader.names();
    let runs: Vec<(String, Run)> = names.iter().map(|name| reader.run(name)).collect();
    let comparisons = reader.comparisons();
    let present: Vec<(String, bool)> = runs.iter().map(|(_, run)| (run.name.clone(), run.summary.is_some())).collect();
    let summaries: Vec<&RunSummary> = runs.iter().filter_map(|(_, run)| run.summary.as_ref()).collect();
    for problem in audit::missing(results, &record, &present).into_iter().chain(audit::comparison(results, &summaries))
    {
        reader.damage(&problem);
    }
    if thoroughly {
        for (file, what) in audit::breaches(results, &summaries) {
            // what can't be read has been named already, with its line
            if !reader.damages.iter().any(|damage| damage.contains(&file)) {
                reader.damage(&format!("{file}: {what}"));
            }
        }
    }
    Ok((Material::arrange(record, runs, reader.damages), comparisons))
}

/// A run that has no summary yet, as far as its rows go, and the place of its arm; `None` where they can't be read.
pub(super) fn run_under_way(results: &Path, name: &str) -> Option<(usize, Run)> {
    let (directory, record) = ResultsDir::open(results).ok()?;
    let mut reader = Reader { root: results.to_owned(), directory, damages: Vec::new() };
    let (arm, run) = reader.rows(name, None);
    let place = record.arms.iter().position(|known| known.name == arm)?;
    (!run.seconds.is_empty()).then_some((place, run))
}

struct Reader {
    root: PathBuf,
    directory: ResultsDir,
    damages: Vec<String>,
}

impl Reader {
    /// Notes what could not be read. Paths are written from the results directory on, so that it can be moved and makes the
    /// same page.
    fn damage(&mut self, problem: &dyn std::fmt::Display) {
        let root = format!("{}{}", self.root.display(), std::path::MAIN_SEPARATOR);
        self.damages.push(problem.to_string().replace(&root, ""));
    }

    fn or_damage<T>(&mut self, read: Result<T, ResultsError>) -> Option<T> {
        read.map_err(|error| self.damage(&error)).ok()
    }

    /// Names of all runs that were begun, in ascending order.
    fn names(&mut self) -> Vec<String> {
        let listed: io::Result<Vec<fs::DirEntry>> = fs::read_dir(self.root.join("runs")).and_then(Iterator::collect);
        let mut names: Vec<String> = match listed {
            Ok(entries) => entries
                .iter()
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
            Err(error) => {
                self.damage(&format!("runs: {error}"));
                Vec::new()
            }
        };
        names.sort();
        names
    }

    /// The summary of one run, read by itself so that a damaged one does not hide the others.
    fn summary(&mut self, name: &str) -> Option<RunSummary> {
        let problem = match fs::read(self.directory.run_path(name).join("summary.json")) {
            Ok(text) => match serde_json::from_slice::<RunSummary>(&text) {
                Ok(summary) if summary.schema_version == SCHEMA_VERSION => return Some(summary),
                Ok(summary) => format!(
                    "is of layout {}, and this program reads layout {SCHEMA_VERSION}; use the version of watchtower that wrote it",
                    summary.schema_version
                ),
                Err(error) => error.to_string(),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                "is missing: the run was killed, and its rows end there".to_owned()
            }
            Err(error) => error.to_string(),
        };
        self.damage(&format!("runs/{name}/summary.json: {problem}"));
        None
    }

    /// A run with the name of its arm.
    fn run(&mut self, name: &str) -> (String, Run) {
        let summary = self.summary(name);
        self.rows(name, summary)
    }

    /// A run's rows beside its summary.
    fn rows(&mut self, name: &str, summary: Option<RunSummary>) -> (String, Run) {
        let (arm, repeat) = match &summary {
            Some(summary) => (summary.arm.clone(), summary.repeat),
            None => named(name),
        };
        let (timeline, probes, events) =
            (self.directory.timeline(name), self.directory.probes(name), self.directory.events(name));
        let (seconds, probes) = (self.or_damage(timeline), self.or_damage(probes));
        let events = self.or_damage(events);
        if let Some(summary) = &summary {
            for problem in audit::contradictions(name, summary, seconds.as_deref(), probes.as_deref()) {
                self.damage(&problem);
            }
        }
        let (seconds, probes) = (seconds.unwrap_or_default(), probes.unwrap_or_default());
        let run = Run {
            name: name.to_owned(),
            repeat,
            summary,
            seconds: seconds
                .iter()
                .map(|row| Second {
                    t_s: row.t_s,
                    planned: row.planned.unwrap_or(0) as f64,
                    sent: row.sent.unwrap_or(0) as f64,
                    delivered: row.completed.map(|completed| completed.saturating_sub(row.errors.unwrap_or(0)) as f64),
                    p50_ms: row.p50_ms,
                    p95_ms: row.p95_ms,
                    p99_ms: row.p99_ms,
                    desired: row.desired.map(f64::from),
                    ready: row.ready.map(f64::from),
                    demand: row.demand.map(f64::from),
                })
                .collect(),
            probes: probes.iter().filter_map(|row| Some(Probe { t_s: row.t_s, latency_ms: row.latency_ms? })).collect(),
            events: events.map(|events| {
                events
                    .into_iter()
                    .map(|row| Event {
                        t_s: row.t_s,
                        actor: row.actor,
                        kind: row.kind,
                        from: row.from,
                        to: row.to,
                        reason: row.reason,
                    })
                    .collect()
            }),
        };
        (arm, run)
    }

    /// `stats.csv`, which only a study that ended has.
    fn comparisons(&mut self) -> Vec<Comparison> {
        let path = self.root.join("stats.csv");
        if !path.exists() {
            return Vec::new();
        }
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) => {
                self.damage(&format!("stats.csv: {error}"));
                return Vec::new();
            }
        };
        if let Some(problem) = audit::cut_off(&text) {
            self.damage(&format!("stats.csv: {problem}"));
        }
        let rows: Result<Vec<StatsRow>, csv::Error> = csv::Reader::from_reader(text.as_slice()).deserialize().collect();
        let mut comparisons: Vec<Comparison> = match rows {
            Ok(rows) => rows.into_iter().map(Comparison::from).collect(),
            Err(error) => {
                self.damage(&format!("stats.csv: {error}"));
                return Vec::new();
            }
        };
        self.effects(&mut comparisons);
        comparisons
    }

    /// `effects.csv`, which says more of the same rows; studies of older versions have none.
    fn effects(&mut self, comparisons: &mut [Comparison]) {
        let path = self.root.join("effects.csv");
        if !path.exists() {
            return;
        }
        let rows: Result<Vec<EffectRow>, csv::Error> =
            csv::Reader::from_path(&path).and_then(|mut reader| reader.deserialize().collect());
        match rows {
            Ok(rows) => {
                for row in rows {
                    let is_same = |known: &&mut Comparison| {
                        known.metric == row.metric && known.arm_a == row.arm_a && known.arm_b == row.arm_b
                    };
                    if let Some(known) = comparisons.iter_mut().find(is_same) {
                        (known.noise_floor, known.more_pairs, known.is_aa) = (row.noise_floor, row.more_pairs, row.aa);
                    }
                }
            }
            Err(error) => self.damage(&format!("effects.csv: {error}")),
        }
    }
}

/// Arm and repeat from the name of a run's directory, `ARM-REPEAT`.
fn named(run: &str) -> (String, u32) {
    run.rsplit_once('-')
        .and_then(|(arm, repeat)| Some((arm.to_owned(), repeat.parse().ok()?)))
        .unwrap_or_else(|| (run.to_owned(), 1))
}

/// The columns of `stats.csv` that a report shows.
#[derive(Deserialize)]
struct StatsRow {
    metric: String,
    arm_a: String,
    arm_b: String,
    n: Option<u64>,
    mean_a: Option<f64>,
    mean_b: Option<f64>,
    difference: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    p_holm: Option<f64>,
    verdict: String,
}

impl From<StatsRow> for Comparison {
    fn from(row: StatsRow) -> Self {
        let StatsRow { metric, arm_a, arm_b, n, mean_a, mean_b, difference, ci_low, ci_high, p_holm, verdict } = row;
        Self {
            metric,
            arm_a,
            arm_b,
            n,
            mean_a,
            mean_b,
            difference,
            ci_low,
            ci_high,
            p_holm,
            verdict,
            ..Self::default()
        }
    }
}

/// The columns of `effects.csv` that a report shows.
#[derive(Deserialize)]
struct EffectRow {
    metric: String,
    arm_a: String,
    arm_b: String,
    aa: bool,
    noise_floor: Option<f64>,
    more_pairs: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_run_tells_arm_and_repeat() {
        assert_eq!(named("openfaas-ce-3"), ("openfaas-ce".to_owned(), 3));
        assert_eq!(named("odd"), ("odd".to_owned(), 1));
        assert_eq!(named("odd-one"), ("odd-one".to_owned(), 1));
    }
}
