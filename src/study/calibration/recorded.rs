//! A measurement out of a results directory: the requests of a run, and the replicas that were ready when they left.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::drive::calibration::{Design, Measurement, Phase, Recorded, Reply};
use crate::record::{Detail, EventKind, GeneratorId, RequestRow, WorkerId};
use crate::study::recording::{Choice, RecordingError, run_of};
use crate::study::results::EventRecord;
use crate::time::Timestamp;

/// After a change of the replicas the queue is still that of before for so long.
const SETTLES_S: f64 = 1.0;
/// A stretch with fewer answers says too little.
const LEAST: usize = 100;
/// Stretches that are fitted at most; the longest count.
const MOST: usize = 6;
/// Requests of a stretch that are fitted at most; its first ones count.
const LONGEST: usize = 3_000;
/// Groups a stretch is divided into.
const GROUPS: usize = 24;
/// Fewer requests at the same time are no burst that tells of workers.
const SMALLEST_BURST: u32 = 4;

/// A run's measurement, and what it is called.
#[derive(Clone, Debug)]
pub struct RecordedMeasurement {
    /// One phase for each stretch of time with the same ready replicas.
    pub measurement: Measurement,
    /// The function's name, as far as the study says.
    pub function: String,
    /// The run, such as `watchtower-1`.
    pub run: String,
}

/// A request of the run.
struct Row {
    due_s: f64,
    sent_s: f64,
    done_s: f64,
    is_good: bool,
}

/// Reads a run of a results directory.
///
/// # Errors
/// When there is no such run, its rows were not kept, or a file is damaged.
pub fn read(path: &Path, choice: Choice<'_>) -> Result<RecordedMeasurement, RecordingError> {
    let (directory, record, run) = run_of(path, choice)?;
    let folder = directory.run_path(&run);
    if !folder.join("requests.csv").exists() {
        return Err(RecordingError::NoRows(folder));
    }
    let mut rows = Vec::new();
    directory.each_request(&run, |row| {
        let is_good = row.status.is_some_and(|status| (200..300).contains(&status));
        rows.push(Row { due_s: row.due_s, sent_s: row.sent_s, done_s: row.done_s, is_good });
    })?;
    rows.sort_by(|a, b| a.sent_s.total_cmp(&b.sent_s));
    let timeline = directory.timeline(&run)?;
    let first = timeline.iter().find_map(|second| second.ready).unwrap_or(1);
    let steps = steps(&directory.events(&run)?, first);
    let scenario: Option<toml::Value> = toml::from_str(&record.scenario).ok();
    let function = scenario.and_then(|scenario| Some(scenario.get("function")?.get("name")?.as_str()?.to_owned()));
    let function = function.unwrap_or_else(|| "function".to_owned());
    let measurement = Measurement { phases: phases(&rows, &steps), replicas: first.max(1) };
    Ok(RecordedMeasurement { measurement, function, run })
}

/// Ready replicas from a moment on, in seconds since the load's start.
fn steps(events: &[EventRecord], first: u32) -> Vec<(f64, u32)> {
    let kinds = [EventKind::Ready.as_str(), EventKind::Terminated.as_str()];
    let mut steps = vec![(f64::NEG_INFINITY, first)];
    for event in events.iter().filter(|event| kinds.contains(&event.kind.as_str()) && event.actor == "platform") {
        if let Some(to) = event.to {
            steps.push((event.t_s, to));
        }
    }
    steps
}

/// The stretches with the same replicas that have enough answers, in order of time.
fn phases(rows: &[Row], steps: &[(f64, u32)]) -> Vec<Phase> {
    let mut found: Vec<(usize, Phase)> = Vec::new();
    for (place, (from, replicas)) in steps.iter().enumerate() {
        let begin = if from.is_finite() { from + SETTLES_S } else { 0.0 };
        let end = steps.get(place + 1).map_or(f64::INFINITY, |(next, _)| *next);
        // what was still under way at the change met other replicas
        let inside: Vec<&Row> = rows.iter().filter(|row| row.sent_s >= begin && row.done_s < end).collect();
        if *replicas == 0 || inside.len() < LEAST {
            continue;
        }
        let inside = &inside[..inside.len().min(LONGEST)];
        // bursts are simulated with the replicas of the whole measurement
        let in_step = (*replicas == steps[0].1).then(|| bursts(inside)).flatten();
        found.push((place, in_step.unwrap_or_else(|| phase(inside, *replicas))));
    }
    found.sort_by_key(|(_, phase)| std::cmp::Reverse(phase.replies.len()));
    found.truncate(MOST);
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, phase)| phase).collect()
}

/// The bursts of a load whose workers sent in step; `None` if it is no such load, or its bursts ran into each other.
///
/// The first burst is left out: it dialled.
fn bursts(rows: &[&Row]) -> Option<Phase> {
    let mut sizes: BTreeMap<u64, u32> = BTreeMap::new();
    let first = rows.first()?.due_s;
    let later: Vec<&Row> = rows.iter().copied().filter(|row| row.due_s > first).collect();
    for row in &later {
        *sizes.entry(row.due_s.to_bits()).or_default() += 1;
    }
    let size = sizes.values().copied().max().filter(|size| *size >= SMALLEST_BURST)?;
    let at = |seconds: f64| Timestamp::from_nanos((seconds.max(0.0) * 1e9).round() as u64);
    let as_sent: Vec<RequestRow> = later
        .iter()
        .map(|row| RequestRow {
            generator: GeneratorId(0),
            worker: WorkerId(0),
            due: at(row.due_s),
            ready: at(row.due_s),
            sent: at(row.sent_s),
            first_byte: None,
            done: at(row.done_s),
            answer: if row.is_good { Ok(200) } else { Ok(500) },
            replica: None,
            detail: Detail::default(),
        })
        .collect();
    let phase = Phase::of_bursts(size, &as_sent);
    (phase.replies.len() * 2 > later.len()).then_some(phase)
}

fn phase(rows: &[&Row], replicas: u32) -> Phase {
    let origin = rows.first().map_or(0.0, |row| row.sent_s);
    let at = |seconds: f64| Timestamp::from_nanos(((seconds - origin).max(0.0) * 1e9).round() as u64);
    let group = |place: usize| (place * GROUPS / rows.len()) as u32;
    let arrivals = rows.iter().enumerate().map(|(place, row)| (at(row.sent_s), group(place))).collect();
    let good = rows.iter().enumerate().filter(|(_, row)| row.is_good);
    let replies =
        good.map(|(place, row)| Reply { sent: at(row.sent_s), done: at(row.done_s), group: group(place) }).collect();
    let recorded = Recorded { arrivals, replicas: vec![(Timestamp::ZERO, replicas)] };
    let mut phase = Phase::new(Design::Recorded(Arc::new(recorded)), replies);
    let failed = rows.iter().filter(|row| !row.is_good).count() as u64;
    if failed > 0 {
        phase.failed.insert(Ok(500), failed);
    }
    phase
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sent_s: f64, done_s: f64) -> Row {
        Row { due_s: sent_s, sent_s, done_s, is_good: true }
    }

    #[test]
    fn workers_in_step_that_are_answered_in_time_make_bursts() {
        let burst = |number: u32, takes: f64| {
            (1..=5).map(move |place| {
                let due = f64::from(number) * 0.2;
                Row { due_s: due, sent_s: due + 1e-4, done_s: due + f64::from(place) * takes, is_good: true }
            })
        };
        let is_bursts = |takes: f64| {
            let rows: Vec<Row> = (0..40).flat_map(|number| burst(number, takes)).collect();
            let phases = phases(&rows, &[(f64::NEG_INFINITY, 1)]);
            matches!(&phases[0].design, Design::Bursts { leaves } if leaves.len() == 5)
        };
        assert!(is_bursts(0.02));
        assert!(!is_bursts(0.06), "each burst meets what is left of the one before");
    }

    #[test]
    fn each_stretch_of_replicas_is_a_phase_of_its_own() {
        let rows: Vec<Row> = (0..400).map(|number| f64::from(number) * 0.1).map(|at| row(at, at + 0.05)).collect();
        let steps = [(f64::NEG_INFINITY, 1), (19.0, 2), (38.0, 3)];
        let phases = phases(&rows, &steps);
        let replicas: Vec<u32> = phases
            .iter()
            .map(|phase| match &phase.design {
                Design::Recorded(recorded) => recorded.replicas[0].1,
                _ => 0,
            })
            .collect();
        // the last stretch is too short
        assert_eq!(replicas, [1, 2]);
        assert!(phases.iter().all(|phase| phase.replies.len() >= 150));
    }
}
