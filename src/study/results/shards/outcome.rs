//! How a shard's run ended, as `shard.json` keeps it, and the outcome of all shards together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::told::SampleLine;
use crate::drive::{HeldBack, Outcome, Tally};
use crate::record::Lost;
use crate::time::{Epoch, Timestamp, nanos};

/// [`Outcome`]; times are nanoseconds since the run's start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OutcomeRecord {
    started_unix_ns: u64,
    load_start: u64,
    load_end: u64,
    end: u64,
    generators: Vec<TallyRecord>,
    stalled: u64,
    interrupted: bool,
    last_sample: SampleLine,
}

/// [`Tally`]; durations are nanoseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct TallyRecord {
    planned: u64,
    sent: u64,
    lost_busy: u64,
    lost_late: u64,
    unused: u64,
    duration: u64,
    period: Option<u64>,
    held_back: u64,
    held_back_time: u64,
    held_back_longest: u64,
}

impl From<&Tally> for TallyRecord {
    fn from(tally: &Tally) -> Self {
        let Tally { planned, sent, lost, unused, duration, period, held_back } = *tally;
        Self {
            planned,
            sent,
            lost_busy: lost.busy,
            lost_late: lost.late,
            unused,
            duration: nanos(duration),
            period: period.map(nanos),
            held_back: held_back.count,
            held_back_time: nanos(held_back.time),
            held_back_longest: nanos(held_back.longest),
        }
    }
}

impl From<&TallyRecord> for Tally {
    fn from(record: &TallyRecord) -> Self {
        Self {
            planned: record.planned,
            sent: record.sent,
            lost: Lost { busy: record.lost_busy, late: record.lost_late },
            unused: record.unused,
            duration: Duration::from_nanos(record.duration),
            period: record.period.map(Duration::from_nanos),
            held_back: HeldBack {
                count: record.held_back,
                time: Duration::from_nanos(record.held_back_time),
                longest: Duration::from_nanos(record.held_back_longest),
            },
        }
    }
}

impl From<&Outcome> for OutcomeRecord {
    fn from(outcome: &Outcome) -> Self {
        Self {
            started_unix_ns: nanos(outcome.epoch.unix()),
            load_start: outcome.load_start.as_nanos(),
            load_end: outcome.load_end.as_nanos(),
            end: outcome.end.as_nanos(),
            generators: outcome.generators.iter().map(TallyRecord::from).collect(),
            stalled: nanos(outcome.stalled),
            interrupted: outcome.interrupted,
            last_sample: (&outcome.last_sample).into(),
        }
    }
}

impl From<&OutcomeRecord> for Outcome {
    fn from(record: &OutcomeRecord) -> Self {
        Self {
            epoch: Epoch::from_unix(Duration::from_nanos(record.started_unix_ns)),
            load_start: Timestamp::from_nanos(record.load_start),
            load_end: Timestamp::from_nanos(record.load_end),
            end: Timestamp::from_nanos(record.end),
            generators: record.generators.iter().map(Tally::from).collect(),
            stalled: Duration::from_nanos(record.stalled),
            interrupted: record.interrupted,
            last_sample: record.last_sample.into(),
        }
    }
}

/// The outcome of all shards together, by the clock of the first: counts are added, the load lasts until the last one's end, and of
/// standstills the longest counts, since the machines stand still by themselves. The platform is as the first one saw it.
pub(super) fn united(outcomes: &[Outcome]) -> Option<Outcome> {
    let first = outcomes.first()?;
    let load = outcomes.iter().map(|one| one.load_end - one.load_start).max().unwrap_or_default();
    let load_end = first.load_start + load;
    let generators = (0..first.generators.len()).map(|number| {
        let tallies = outcomes.iter().filter_map(|one| one.generators.get(number));
        tallies.fold(Tally::default(), |sum, tally| together(sum, *tally))
    });
    Some(Outcome {
        load_end,
        end: first.end.max(load_end),
        generators: generators.collect(),
        stalled: outcomes.iter().map(|one| one.stalled).max().unwrap_or_default(),
        interrupted: outcomes.iter().any(|one| one.interrupted),
        ..first.clone()
    })
}

fn together(one: Tally, other: Tally) -> Tally {
    Tally {
        planned: one.planned + other.planned,
        sent: one.sent + other.sent,
        lost: Lost { busy: one.lost.busy + other.lost.busy, late: one.lost.late + other.lost.late },
        unused: one.unused + other.unused,
        duration: one.duration.max(other.duration),
        period: one.period.or(other.period),
        held_back: one.held_back.and(other.held_back),
    }
}
