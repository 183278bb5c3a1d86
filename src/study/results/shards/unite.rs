//! One study of its shards: each run told again, second by second, to the writer that any run has.

use std::path::Path;

use super::super::about::RunAbout;
use super::super::directory::{Ending, ResultsDir, run_name};
use super::super::summary::{RunSummary, StudyRecord};
use super::began::{self, Began, Clocks};
use super::error::MergeError;
use super::note;
use super::outcome::united;
use super::read::{Shard, Shards};
use super::recording::Played;
use super::told::Told;
use crate::drive::clocks::Ahead;
use crate::drive::{Outcome, Recorder};
use crate::record::{CpuShares, EventRow, PlatformSample};
use crate::time::{Timestamp, format_duration};

impl Shards {
    /// Writes the united study into a new directory; its runs in the study's order. `command` is what `study.json` gives as the command.
    ///
    /// # Errors
    /// When a recording can't be read, or the directory exists or can't be written.
    pub fn unite(&self, out: &Path, command: Vec<String>) -> Result<(StudyRecord, Vec<RunSummary>), MergeError> {
        let mut directory = ResultsDir::create(out, &self.record(command))?;
        let mut summaries = Vec::new();
        for (arm, repeat) in &self.runs {
            let run = self.run(&run_name(arm, *repeat));
            if summaries.is_empty() {
                directory.write_demand(&run.about.demand)?;
            }
            let summary = run.unite(&directory)?;
            directory.add(&summary)?;
            summaries.push(summary);
        }
        let ended = self.shards.iter().filter_map(|shard| shard.record.ended_unix_s).fold(0.0, f64::max);
        directory.finish(Ending::Done, ended)?;
        Ok((directory.record().clone(), summaries))
    }

    /// The study as its shards have it.
    fn record(&self, command: Vec<String>) -> StudyRecord {
        let first = &self.shards[0];
        let mut record = StudyRecord { command, shard: None, ..first.record.clone() };
        let began = self.shards.iter().map(|shard| shard.record.started_unix_s);
        record.started_unix_s = began.fold(f64::INFINITY, f64::min);
        let of_a_shard = note(&first.share.to_string());
        record.notes.retain(|note| *note != of_a_shard);
        if record.target != "simulated" {
            let clocks = self.runs.iter().map(|(arm, repeat)| self.run(&run_name(arm, *repeat)).clocks());
            let clocks = clocks.reduce(Clocks::wider).unwrap_or_default();
            let machines = self.shards.iter().filter(|shard| !shard.share.is_empty()).count();
            let leader = if first.share.is_empty() { "the one that led them" } else { "the first one" };
            record.notes.push(format!(
                "The load was made by {machines} machines, whose loads began within {clocks}; host and replicas are as {leader} saw them."
            ));
        }
        record
    }

    fn run(&self, name: &str) -> SharedRun<'_> {
        let seals = self.shards.iter().filter_map(|shard| shard.seals.get(name).map(|seal| (shard, seal)));
        let (shards, seals): (Vec<_>, Vec<_>) = seals.unzip();
        SharedRun {
            name: name.to_owned(),
            about: (&seals[0].about).into(),
            outcomes: seals.iter().map(|seal| Outcome::from(&seal.outcome)).collect(),
            ahead: seals.iter().map(|seal| seal.clock()).collect(),
            lost: &self.lost,
            rows: seals[0].rows(),
            shards,
        }
    }
}

/// One run, as each of its shards has it.
struct SharedRun<'a> {
    name: String,
    about: RunAbout,
    rows: super::super::writer::Rows,
    shards: Vec<&'a Shard>,
    outcomes: Vec<Outcome>,
    /// How far each machine's clock was ahead of the gateway's.
    ahead: Vec<Option<Ahead>>,
    lost: &'a [String],
}

impl SharedRun<'_> {
    /// When each load began, against the first one's.
    fn began(&self) -> Vec<Began> {
        let at = |one: &Outcome| one.epoch.unix_at(one.load_start);
        let first = at(&self.outcomes[0]);
        let began = |(one, ahead): (&Outcome, &Option<Ahead>)| Began::of(at(one), *ahead, first, self.ahead[0]);
        self.outcomes.iter().zip(&self.ahead).map(began).collect()
    }

    fn clocks(&self) -> Clocks {
        Clocks::of(&self.began())
    }

    /// What the run is invalid for besides: shards that are lost, and those whose load was not there when it should have been, in a
    /// sentence each.
    fn invalid_because(&self) -> Vec<String> {
        let began = self.began();
        let late = began.iter().zip(&self.shards).filter(|(began, _)| began.is_apart());
        let late = late.map(|(began, shard)| {
            format!(
                "the load of shard {} began {began} that of shard {}, and {} is allowed, so the arms did not meet the load that was \
                 planned: set the machines' clocks, and give all shards the same --start-at",
                shard.share,
                self.shards[0].share.number(),
                format_duration(began::APART_MOST),
            )
        });
        self.lost.iter().cloned().chain(late).collect()
    }

    fn unite(&self, directory: &ResultsDir) -> Result<RunSummary, MergeError> {
        let mut writer = directory.run_with(self.about.clone(), self.rows)?;
        // there is a first shard, since the study has at least one
        let outcome = united(&self.outcomes).unwrap_or_else(|| self.outcomes[0].clone());
        let mut sources = Vec::new();
        for (shard, own) in self.shards.iter().zip(&self.outcomes) {
            sources.push(Source {
                played: Played::open(&shard.directory.run_path(&self.name))?,
                from: own.load_start,
                to: outcome.load_start,
                shard: shard.share.to_string(),
                planned: 0,
                reached: i64::MIN,
                latest: Timestamp::ZERO,
                cpu: None,
                is_over: false,
            });
        }
        writer.begin(outcome.epoch, outcome.load_start)?;
        let (first, others) = sources.split_at_mut(1);
        tell(&mut first[0], others, outcome.load_start, &mut writer)?;
        Ok(writer.finish_unless(&outcome, self.invalid_because())?)
    }
}

/// A shard's recording, by the clock of the first shard: both count from the load's start.
struct Source {
    played: Played,
    from: Timestamp,
    to: Timestamp,
    shard: String,
    /// Requests its schedules had called for when it was last asked.
    planned: u64,
    /// The second of the load that it has been read up to.
    reached: i64,
    /// The latest time so far: what is told late keeps its place.
    latest: Timestamp,
    cpu: Option<CpuShares>,
    is_over: bool,
}

impl Source {
    /// Reads on up to the end of a second, of the load's clock; what was told in it goes to `told` with the time of its place.
    fn read_to(
        &mut self,
        second: i64,
        told: &mut Vec<(Timestamp, Told)>,
    ) -> Result<Option<(Timestamp, PlatformSample)>, MergeError> {
        while !self.is_over && self.reached < second {
            let Some(one) = self.played.next()? else {
                self.is_over = true;
                break;
            };
            let one = one.moved(|at| moved(at, self.from, self.to));
            match one {
                Told::Second(at, planned, sample) => {
                    self.planned = planned;
                    self.reached = second_of(at, self.to);
                    return Ok(Some((at, sample)));
                }
                Told::Cpu(_, shares) => self.cpu = Some(shares),
                _ => {}
            }
            self.latest = self.latest.max(one.at());
            told.push((self.latest, one));
        }
        Ok(None)
    }
}

/// Tells all of a run's shards, a second at a time: what happened in it in its order, then the platform as the first one saw it at its end.
fn tell(
    first: &mut Source,
    others: &mut [Source],
    load_start: Timestamp,
    recorder: &mut dyn Recorder,
) -> Result<(), MergeError> {
    loop {
        let mut told = Vec::new();
        let ended = first.read_to(i64::MAX, &mut told)?;
        let second = ended.map_or(i64::MAX, |(at, _)| second_of(at, load_start));
        for other in others.iter_mut() {
            let mut own = Vec::new();
            while other.read_to(second, &mut own)?.is_some() {}
            let shard = other.shard.clone();
            told.extend(own.into_iter().filter_map(|(at, one)| Some((at, of_another(one, &shard)?))));
        }
        told.sort_by_key(|(at, _)| *at);
        for (_, one) in told {
            match one {
                Told::Cpu(at, shares) => {
                    let busiest = others.iter().filter_map(|other| other.cpu).fold(shares, busier);
                    recorder.cpu(at, &busiest)?;
                }
                one => one.tell(recorder)?,
            }
        }
        let Some((at, sample)) = ended else { return Ok(()) };
        let planned = first.planned + others.iter().map(|other| other.planned).sum::<u64>();
        recorder.second(at, planned, &sample)?;
    }
}

/// What counts of a shard that is not the first: its load, and what became of its generator.
fn of_another(told: Told, shard: &str) -> Option<Told> {
    match told {
        Told::Request(_) | Told::Lost(..) => Some(told),
        Told::Event(row) if row.actor == "load" => {
            let reason = format!("shard {shard}: {}", row.reason);
            Some(Told::Event(EventRow { reason, ..row }))
        }
        Told::Event(_) | Told::Phase(..) | Told::Probe(_) | Told::Second(..) | Told::Process(..) | Told::Cpu(..) => {
            None
        }
    }
}

/// Of each part what it was on the machine where it was highest.
fn busier(one: CpuShares, other: CpuShares) -> CpuShares {
    CpuShares {
        generator: one.generator.max(other.generator),
        generator_thread: one.generator_thread.max(other.generator_thread),
        platform: one.platform.map_or(other.platform, |share| Some(share.max(other.platform.unwrap_or_default()))),
        process: one.process.max(other.process),
        others: one.others.max(other.others),
        stolen: one.stolen.max(other.stolen),
        total: one.total.max(other.total),
        awake: one.awake.max(other.awake),
    }
}

/// A time as far from `to` as it was from `from`; not before the run's start.
fn moved(at: Timestamp, from: Timestamp, to: Timestamp) -> Timestamp {
    if at >= from { to + (at - from) } else { to - (from - at) }
}

/// The second of the load that ends nearest to a time.
fn second_of(at: Timestamp, load_start: Timestamp) -> i64 {
    at.seconds_since(load_start).round() as i64
}
