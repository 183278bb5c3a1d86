//! What a report is made of: a study's files, read and put in order by arm and repeat.

use std::collections::BTreeSet;

use super::charts::data::{ArmSeries, Course, Distribution, FaultSpan, Outcome, Probe, Scaling, Second, Shadow, Study};
use crate::record::{EventKind, EventRow};
use crate::study::results::advice;
use crate::study::results::summary::{RunSummary, StudyRecord};
use crate::time::parse_duration;

/// A study with all of its runs that could be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Material {
    pub(super) record: StudyRecord,
    /// The arms in the scenario's order, then those that only the runs know.
    pub(super) arms: Vec<Arm>,
    /// A/A twins of arms: what they show is noise, and they are no arms to choose from.
    pub(super) twins: Vec<Arm>,
    /// Sentences about what could not be read.
    pub(super) damages: Vec<String>,
}

/// One arm with its runs, by repeat.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Arm {
    pub(super) name: String,
    pub(super) runs: Vec<Run>,
}

/// One run: what of it could be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Its directory's name.
    pub(super) name: String,
    pub(super) repeat: u32,
    /// `None` if the run never ended or its summary can't be read.
    pub(super) summary: Option<RunSummary>,
    pub(super) seconds: Vec<Second>,
    pub(super) probes: Vec<Probe>,
    /// `None` if they can't be read.
    pub(super) events: Option<Vec<Event>>,
}

/// A row of `events.csv`, as far as a report shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Event {
    pub(super) t_s: f64,
    pub(super) actor: String,
    pub(super) kind: String,
    pub(super) from: Option<u32>,
    pub(super) to: Option<u32>,
    pub(super) reason: String,
}

impl Material {
    /// Arranges runs by arm and repeat.
    pub(super) fn arrange(record: StudyRecord, runs: Vec<(String, Run)>, damages: Vec<String>) -> Self {
        let mut arms: Vec<Arm> =
            record.arms.iter().map(|arm| Arm { name: arm.name.clone(), runs: Vec::new() }).collect();
        for (arm, run) in runs {
            match arms.iter_mut().find(|known| known.name == arm) {
                Some(known) => known.runs.push(run),
                None => arms.push(Arm { name: arm, runs: vec![run] }),
            }
        }
        for arm in &mut arms {
            arm.runs.sort_by_key(|run| run.repeat);
        }
        let is_twin = |arm: &Arm| {
            record.arms.iter().any(|known| known.name == arm.name && known.aa_of.is_some())
                || arm.summaries().any(|run| run.aa_of.is_some())
        };
        let (twins, arms) = arms.into_iter().partition(is_twin);
        Self { record, arms, twins, damages }
    }

    /// All summaries, arm by arm.
    pub(super) fn summaries(&self) -> impl Iterator<Item = &RunSummary> {
        self.arms.iter().flat_map(Arm::summaries)
    }

    /// Fewest summaries any arm has.
    pub(super) fn fewest_runs(&self) -> usize {
        self.arms.iter().map(|arm| arm.summaries().count()).min().unwrap_or(0)
    }

    /// The data of the charts.
    pub(super) fn chart_data(&self) -> Study {
        Study {
            name: self.record.name.clone(),
            target: self.record.target.clone(),
            seed: self.record.seed,
            slo_ms: self.record.slo_latency_ms,
            slo_percentile: self.record.slo_percentile,
            lateness_limit_us: lateness_limit_us(&self.record.scenario),
            arms: self.arms.iter().enumerate().map(|(place, arm)| arm.series(place, &self.shadows())).collect(),
            differences: Vec::new(),
        }
    }

    /// Every shadow of the study with its colour: that of the arm of its name, or one that no arm has.
    fn shadows(&self) -> Vec<(String, usize)> {
        let names: BTreeSet<&str> = self
            .arms
            .iter()
            .flat_map(|arm| &arm.runs)
            .flat_map(|run| run.events.iter().flatten())
            .filter_map(|event| event.actor.strip_prefix(EventRow::SHADOW))
            .collect();
        let mut free = self.arms.len()..;
        names
            .into_iter()
            .filter_map(|name| {
                let arm = self.arms.iter().position(|arm| arm.name == name);
                Some((name.to_owned(), arm.or_else(|| free.next())?))
            })
            .collect()
    }
}

impl Run {
    /// Changes of the replicas asked for, by what scales the arm (and not by its shadows).
    pub(super) fn scalings(&self) -> impl Iterator<Item = Scaling> {
        let own =
            |event: &&Event| event.kind == EventKind::Scale.as_str() && !event.actor.starts_with(EventRow::SHADOW);
        let scaling = |event: &Event| Some(Scaling { t_s: event.t_s, from: event.from?, to: event.to? });
        self.events.iter().flatten().filter(own).filter_map(scaling)
    }

    /// Each probe with the median latency of the requests answered in the second in which it was sent.
    fn probe_pairs(&self) -> Vec<(f64, f64)> {
        let users = |probe: &Probe| {
            let after = self.seconds.partition_point(|second| second.t_s <= probe.t_s);
            let second = self.seconds.get(after.checked_sub(1)?)?;
            (probe.t_s < second.t_s + 1.0).then_some(second.p50_ms)?
        };
        self.probes.iter().filter_map(|probe| Some((probe.latency_ms, users(probe)?))).collect()
    }

    /// What was said of faults, and when.
    pub(super) fn faults(&self) -> impl Iterator<Item = (f64, &str)> {
        let events = self.events.iter().flatten().filter(|event| event.kind == EventKind::Fault.as_str());
        events.map(|event| (event.t_s, event.reason.as_str()))
    }

    /// What a shadow of this run would have asked for; `None` if it has none of this name.
    fn shadow(&self, name: &str, colour: usize) -> Option<Shadow> {
        let first = self.seconds.first()?;
        let own = |event: &&Event| event.actor.strip_prefix(EventRow::SHADOW) == Some(name);
        let mut events = self.events.iter().flatten().filter(own).peekable();
        events.peek()?;
        let steps: Vec<(f64, u32, u32)> = events
            .filter(|event| event.kind == EventKind::Scale.as_str())
            .filter_map(|event| Some((event.t_s, event.from?, event.to?)))
            .collect();
        let before = steps.first().map(|(_, from, _)| f64::from(*from)).or(first.desired)?;
        let desired = std::iter::once((first.t_s, before));
        let desired = desired.chain(steps.into_iter().map(|(t_s, _, to)| (t_s, f64::from(to)))).collect();
        Some(Shadow { name: name.to_owned(), colour, desired })
    }
}

impl Arm {
    /// The summaries of its runs.
    pub(super) fn summaries(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().filter_map(|run| run.summary.as_ref())
    }

    /// Share of all planned requests that missed the objective, over all runs.
    pub(super) fn slo_violation_ratio(&self) -> Option<f64> {
        advice::missed(self.summaries())
    }

    fn series(&self, place: usize, shadows: &[(String, usize)]) -> ArmSeries {
        let merged = |of: fn(&RunSummary) -> &[(u64, u64)]| Distribution::new(self.summaries().flat_map(of).copied());
        let summaries: Vec<&RunSummary> = self.summaries().collect();
        let exact_ms = match summaries[..] {
            [only] => ["p50", "p95", "p99"]
                .map(|key| only.latency_ms.get(key).copied())
                .into_iter()
                .collect::<Option<Vec<f64>>>(),
            _ => None,
        };
        let course = self.runs.iter().find(|run| !run.seconds.is_empty()).map(|run| Course {
            repeat: run.repeat,
            seconds: run.seconds.clone(),
            probes: run.probes.clone(),
            shadows: shadows.iter().filter_map(|(name, colour)| run.shadow(name, *colour)).collect(),
            scalings: run.scalings().collect(),
            faults: FaultSpan::of(run.faults()),
        });
        ArmSeries {
            name: self.name.clone(),
            colour: place,
            runs: summaries.len() as u32,
            exact_ms: exact_ms.and_then(|values| values.try_into().ok()),
            latency: merged(|run| &run.latency_histogram_us),
            due: merged(|run| &run.due_histogram_us),
            lateness: merged(|run| &run.lateness_histogram_us),
            slo_violation_ratio: self.slo_violation_ratio(),
            course,
            outcomes: summaries.iter().filter_map(|run| outcome(run)).collect(),
            probe_pairs: self.runs.iter().flat_map(Run::probe_pairs).collect(),
        }
    }

    /// The seeds of its runs.
    pub(super) fn seeds(&self) -> BTreeSet<u64> {
        self.summaries().map(|run| run.seed).collect()
    }
}

fn outcome(run: &RunSummary) -> Option<Outcome> {
    Some(Outcome { replica_seconds: run.replica_seconds?, missed: run.slo_violation_ratio?, is_valid: run.valid })
}

/// The limit of the generator's lateness, where the resolved scenario names one.
fn lateness_limit_us(scenario: &str) -> Option<f64> {
    let scenario: toml::Table = scenario.parse().ok()?;
    let limit = scenario.get("limits")?.get("max_lateness")?.as_str()?;
    parse_duration(limit).ok().map(|limit| limit.as_secs_f64() * 1e6)
}

#[cfg(test)]
pub(super) mod tests;
