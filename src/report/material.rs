//! What a report is made of: a study's files, read and put in order by arm and repeat.

use std::collections::BTreeSet;

use super::charts::data::{ArmSeries, Course, Distribution, FaultSpan, Outcome, Probe, Scaling, Second, Shadow, Study};
use crate::record::{EventKind, EventRow};
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
        let known = || self.summaries().filter_map(|run| Some((run.slo_violation_ratio?, run.planned as f64)));
        let planned: f64 = known().map(|(_, planned)| planned).sum();
        (planned > 0.0).then(|| known().map(|(ratio, planned)| ratio * planned).sum::<f64>() / planned)
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
pub(super) mod tests {
    use super::*;
    use crate::report::charts::sample;
    use crate::study::results::summary::{ArmRecord, HostRecord};

    /// A run of a made-up arm.
    pub(in crate::report) fn run(series: &ArmSeries, repeat: u32) -> Run {
        let ms = |of: &Distribution, share| of.quantile(share).map_or(0.0, |us| us as f64 / 1e3);
        let keys = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];
        let course = series.course.clone().unwrap_or_default();
        let summary = RunSummary {
            schema_version: 1,
            arm: series.name.clone(),
            policy: series.name.clone(),
            repeat,
            seed: 42 + u64::from(repeat),
            target: "embedded".to_owned(),
            valid: true,
            planned: 60_000,
            sent: series.latency.count(),
            completed: series.latency.count(),
            errors: course.seconds.iter().filter_map(|second| Some((second.sent - second.delivered?) as u64)).sum(),
            lost_busy: 60_000_u64.saturating_sub(series.latency.count()),
            duration_s: 120.04,
            rps: Some(series.latency.count() as f64 / 120.04),
            latency_ms: keys.iter().map(|(key, share)| ((*key).to_owned(), ms(&series.latency, *share))).collect(),
            due_ms: keys.iter().map(|(key, share)| ((*key).to_owned(), ms(&series.due, *share))).collect(),
            slo_violation_ratio: series.slo_violation_ratio,
            apdex: Some(0.91),
            replicas_mean: Some(3.42),
            replicas_max: Some(5),
            replica_seconds: Some(611.5 + f64::from(repeat)),
            scale_ups: 4,
            scale_downs: 1,
            first_scale_up_s: Some(12.2),
            back_to_min_s: Some(45.0),
            theta_u: Some(0.31),
            theta_o: Some(0.04),
            tau_u: Some(0.55),
            tau_o: Some(0.17),
            instability: Some(0.08),
            probes: course.probes.len() as u64,
            probe_p50_ms: Some(18.4),
            lateness_us: [("p50", 22.0), ("p99", 38.0), ("max", 282.0)].map(|(key, us)| (key.to_owned(), us)).into(),
            demand: Some(4),
            latency_histogram_us: series.latency.iter().collect(),
            due_histogram_us: series.due.iter().collect(),
            lateness_histogram_us: series.lateness.iter().collect(),
            ..RunSummary::default()
        };
        let scaled = |t_s, from, to, reason: &str| Event {
            t_s,
            actor: series.name.clone(),
            kind: "scale".to_owned(),
            from: Some(from),
            to: Some(to),
            reason: reason.to_owned(),
        };
        let events = vec![
            Event {
                t_s: -15.0,
                actor: "run".to_owned(),
                kind: "phase".to_owned(),
                reason: "warm-up".to_owned(),
                ..Event::default()
            },
            scaled(12.2, 1, 2, "2 probes in a row above 90 ms (118 ms, 132 ms): 1 + 20 % rounds up to 2"),
            scaled(30.3, 2, 3, "2 probes in a row above 90 ms (97.1 ms, 104 ms): 2 + 20 % rounds up to 3"),
            Event { kind: "refused".to_owned(), ..scaled(66.1, 5, 6, "the platform grants at most 5 replicas") },
            scaled(165.0, 5, 1, "12 probes in a row below 60 ms"),
        ];
        Run {
            name: format!("{}-{repeat}", series.name),
            repeat,
            summary: Some(summary),
            seconds: course.seconds,
            probes: course.probes,
            events: Some(events),
        }
    }

    /// The record of a made-up study of these arms.
    pub(in crate::report) fn record(arms: &[&str], repeats: u32) -> StudyRecord {
        StudyRecord {
            schema_version: 1,
            watchtower_version: "0.1.0".to_owned(),
            name: "ftest".to_owned(),
            description: "two generators against the factorial function, watch tower against the OpenFaaS CE default"
                .to_owned(),
            target: "embedded".to_owned(),
            status: "done".to_owned(),
            command: ["watchtower", "run", "scenarios/ftest.toml", "--seed", "42"].map(str::to_owned).to_vec(),
            seed: 42,
            repeats,
            seeds: vec![42],
            started_unix_s: 1_795_478_400.0,
            ended_unix_s: Some(1_795_478_790.0),
            slo_latency_ms: 75.0,
            slo_percentile: 95.0,
            arms: arms
                .iter()
                .map(|name| ArmRecord {
                    name: (*name).to_owned(),
                    policy: (*name).to_owned(),
                    settings: [("check_frequency", "5"), ("target", "75"), ("scale_up_increment", "0.2")]
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                    shadows: Vec::new(),
                    aa_of: None,
                })
                .collect(),
            loads: vec!["hey -z 2m -c 50 -q 5".to_owned(), "hey -z 2m -c 50 -q 5, started 500 ms later".to_owned()],
            warm_up_s: 15.0,
            cool_down_s: 60.0,
            host: HostRecord {
                system: "Linux 6.8.0".to_owned(),
                cpu: "AMD EPYC 7763 64-Core Processor".to_owned(),
                cores: 2,
                memory_mib: 24_016,
            },
            expect: Vec::new(),
            notes: vec!["the embedded target models capacity: replicas are not real processes".to_owned()],
            scenario: "name = \"ftest\"\n\n[limits]\nmax_lateness = \"1ms\"\n\n[[arm]]\nname = \"watchtower\"\n"
                .to_owned(),
        }
    }

    /// A made-up study.
    pub(in crate::report) fn material(arms: &[&str], repeats: u32) -> Material {
        let runs = arms.iter().enumerate().flat_map(|(place, name)| {
            let series = sample::arm(name, place, 12.0 + 20.0 * place as f64, 1);
            (1..=repeats).map(move |repeat| ((*name).to_owned(), run(&series, repeat))).collect::<Vec<_>>()
        });
        Material::arrange(record(arms, repeats), runs.collect(), Vec::new())
    }

    #[test]
    fn repeats_are_merged_and_the_first_with_a_timeline_is_shown() {
        let mut material = material(&["watchtower", "openfaas-ce"], 3);
        material.arms[0].runs[0].seconds.clear();
        let data = material.chart_data();
        assert_eq!(data.arms[0].runs, 3);
        let one = material.arms[0].runs[0].summary.as_ref().map_or(0, |run| run.completed);
        assert_eq!(data.arms[0].latency.count(), 3 * one);
        assert_eq!(data.arms[0].course.as_ref().map(|course| course.repeat), Some(2));
        assert_eq!(data.arms[0].exact_ms, None);
        assert_eq!(data.lateness_limit_us, Some(1000.0));
    }

    #[test]
    fn a_shadow_has_the_colour_of_its_arm_or_one_that_no_arm_has() {
        let mut material = material(&["watchtower", "openfaas-ce"], 1);
        let events = material.arms[0].runs[0].events.iter_mut().flatten();
        let own: Vec<Event> = events.map(|event| event.clone()).collect();
        let of = |name: &str| {
            let actor = EventRow::shadow(name);
            own.iter()
                .filter(|event| event.kind == "scale")
                .map(move |event| Event { actor: actor.clone(), ..event.clone() })
        };
        let quiet = Event { actor: EventRow::shadow("quiet"), kind: "decision".to_owned(), ..Event::default() };
        let events = own.iter().cloned().chain(of("openfaas-ce")).chain(of("gone")).chain([quiet]).collect();
        material.arms[0].runs[0].events = Some(events);
        let data = material.chart_data();
        let shadows = &data.arms[0].course.as_ref().expect("a course").shadows;
        let drawn: Vec<_> =
            shadows.iter().map(|shadow| (shadow.name.as_str(), shadow.colour, shadow.desired.len())).collect();
        assert_eq!(drawn, [("gone", 2, 4), ("openfaas-ce", 1, 4), ("quiet", 3, 1)]);
        assert_eq!(shadows[0].desired[..2], [(-15.0, 1.0), (12.2, 2.0)]);
        assert!(data.arms[1].course.as_ref().is_some_and(|course| course.shadows.is_empty()));
    }

    #[test]
    fn a_twin_is_no_arm_to_choose_from() {
        let mut record = record(&["watchtower", "watchtower-aa", "openfaas-ce"], 1);
        record.arms[1].aa_of = Some("watchtower".to_owned());
        let runs = material(&["watchtower", "watchtower-aa", "openfaas-ce"], 1).arms;
        let runs = runs.into_iter().flat_map(|arm| arm.runs.into_iter().map(move |run| (arm.name.clone(), run)));
        let study = Material::arrange(record, runs.collect(), Vec::new());
        let names = |arms: &[Arm]| arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&study.arms), ["watchtower", "openfaas-ce"]);
        assert_eq!(names(&study.twins), ["watchtower-aa"]);
    }

    #[test]
    fn an_arm_keeps_its_colour_when_another_has_no_runs() {
        let material = material(&["watchtower", "openfaas-ce"], 1);
        let runs = material.arms[1].runs.iter().map(|run| ("openfaas-ce".to_owned(), run.clone())).collect();
        let data = Material::arrange(material.record, runs, Vec::new()).chart_data();
        assert_eq!((data.arms[1].name.as_str(), data.arms[1].colour), ("openfaas-ce", 1));
        assert!(data.arms[0].latency.is_empty());
    }
}
