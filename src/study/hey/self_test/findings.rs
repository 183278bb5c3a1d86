//! The numbers of a self-test, from what both sides noted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::stats::percentile::percentile;
use crate::time::Timestamp;

use super::exercise::Exercise;
use super::machine::Machine;
use super::pairs::{Pair, pairs};

/// Percentiles laid beside each other.
pub(super) const PERCENTS: [f64; 3] = [50.0, 90.0, 99.0];

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Unix time of its start.
    pub started: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// The machine it ran on.
    pub machine: Machine,
    /// Against each known delay, closed loop and open.
    pub truths: Vec<Truth>,
    /// Exercises of [`Findings::truths`] in which no request could be compared.
    pub unknown: Vec<String>,
    /// The server's standstill, as both loops show it; in this order: closed, open.
    pub stalled: Option<(Stalled, Stalled)>,
    /// How long the server stood still in it.
    pub stall: Duration,
    /// Even rates, slowest first.
    pub pacings: Vec<Pacing>,
    /// Many workers at once.
    pub bursts: Option<Bursts>,
    /// As many requests as a number of workers can make.
    pub closed: Option<Closed>,
    /// The highest rate kept, and the lowest that was not, requests a second.
    pub kept: (Option<f64>, Option<f64>),
    /// Requests in all.
    pub requests: u64,
    /// Requests and answers of all exercises without a counterpart on the other side.
    pub left_over: u64,
    /// Standstills of generator or host, together.
    pub stood_still: Duration,
    /// Part of the machine's CPU that other programs used meanwhile, 0 to 1.
    pub others: Option<f64>,
    /// Part of it that keeping idle cores awake took.
    pub awake: Option<f64>,
}

/// How a load is paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// Workers that wait for their answers.
    Closed,
    /// An even rate, whatever becomes of the requests before.
    Open,
}

impl Loop {
    /// The word that stands in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// From when a latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// From when a request left, as hey counts.
    Sent,
    /// From when the schedule called for it.
    Due,
}

/// Measured minus known, over single requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Half of the requests read longer by less.
    pub p50: Duration,
    /// 99 of 100.
    pub p99: Duration,
    /// All.
    pub max: Duration,
}

/// A percentile by the server's book and by the generator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// Which.
    pub percent: f64,
    /// By the server.
    pub known: Duration,
    /// By the generator.
    pub measured: Duration,
}

impl Percentile {
    /// How far they are apart.
    pub fn off(&self) -> Duration {
        self.known.abs_diff(self.measured)
    }
}

/// A known delay as the generator measured it.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The delay in words.
    pub delay: String,
    /// The load.
    pub paced: Loop,
    /// Requests compared.
    pub requests: u64,
    /// The fastest one measured.
    pub least: Duration,
    /// Request by request.
    pub added: Added,
    /// Over all of them.
    pub percentiles: Vec<Percentile>,
}

impl Truth {
    /// Of an exercise; requests that dialled are left out, since the server knows nothing of the dial.
    pub(super) fn of(delay: &str, paced: Loop, exercise: &Exercise) -> Option<Self> {
        let (pairs, _) = pairs(&exercise.rows, &exercise.served);
        let pairs: Vec<Pair> = pairs.into_iter().filter(|pair| pair.row.detail.dial.is_zero()).collect();
        let added = sorted(pairs.iter().map(|pair| pair.row.latency().saturating_sub(known(pair, Mark::Sent))));
        Some(Self {
            delay: delay.to_owned(),
            paced,
            requests: pairs.len() as u64,
            least: pairs.iter().map(|pair| pair.row.latency()).min()?,
            added: Added { p50: percentile(&added, 50.0)?, p99: percentile(&added, 99.0)?, max: *added.last()? },
            percentiles: side_by_side(&pairs, Mark::Sent),
        })
    }
}

/// How one loop shows a server that stands still.
#[derive(Clone, Debug, PartialEq)]
pub struct Stalled {
    /// Requests the schedule called for.
    pub planned: u64,
    /// That left.
    pub sent: u64,
    /// That never left because their worker still waited.
    pub lost_busy: u64,
    /// That never left because the generator was behind.
    pub lost_late: u64,
    /// From sent, as the generator tells.
    pub from_sent: Vec<Percentile>,
    /// From due.
    pub from_due: Vec<Percentile>,
}

impl Stalled {
    pub(super) fn of(exercise: &Exercise) -> Self {
        let (pairs, _) = pairs(&exercise.rows, &exercise.served);
        let tally = &exercise.tally;
        Self {
            planned: tally.planned,
            sent: tally.sent,
            lost_busy: tally.lost.busy,
            lost_late: tally.lost.late,
            from_sent: side_by_side(&pairs, Mark::Sent),
            from_due: side_by_side(&pairs, Mark::Due),
        }
    }
}

/// How well an even rate was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pacing {
    /// Requests a second.
    pub rate: f64,
    /// Requests.
    pub requests: u64,
    /// Planned and never sent because the generator was behind.
    pub lost_late: u64,
    /// How late they left: sent minus due, of half of them.
    pub p50: Duration,
    /// Of 99 in 100.
    pub p99: Duration,
    /// Of all.
    pub max: Duration,
    /// How far the gaps at the server are from even, for half of them.
    pub gap_p50: Duration,
    /// For 99 in 100.
    pub gap_p99: Duration,
    /// Share of one core that the generator used, if the kernel tells.
    pub cpu: Option<f64>,
}

impl Pacing {
    pub(super) fn of(rate: f64, exercise: &Exercise) -> Option<Self> {
        let late = sorted(exercise.rows.iter().map(|row| row.sent - row.due));
        let came = sorted_times(exercise.served.iter().map(|served| served.came));
        let even = Duration::from_secs_f64(1.0 / rate);
        let gaps = sorted(came.windows(2).map(|pair| (pair[1] - pair[0]).abs_diff(even)));
        Some(Self {
            rate,
            requests: exercise.tally.sent,
            lost_late: exercise.tally.planned - exercise.tally.sent,
            p50: percentile(&late, 50.0)?,
            p99: percentile(&late, 99.0)?,
            max: *late.last()?,
            gap_p50: percentile(&gaps, 50.0)?,
            gap_p99: percentile(&gaps, 99.0)?,
            cpu: exercise.cpu,
        })
    }
}

/// Bursts of all workers at once, as hey's `-q` makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// Requests in each.
    pub workers: u32,
    /// How many bursts.
    pub bursts: u64,
    /// How late the first request of a burst left, median.
    pub first_p50: Duration,
    /// From the first request sent to the last, median.
    pub span_p50: Duration,
    /// The longest.
    pub span_max: Duration,
    /// From the first to the last as they came to the server, median.
    pub came_p50: Duration,
}

impl Bursts {
    /// Of an exercise whose workers are in step.
    pub(super) fn of(workers: u32, exercise: &Exercise) -> Option<Self> {
        let (pairs, _) = pairs(&exercise.rows, &exercise.served);
        let mut by_due: BTreeMap<Timestamp, Vec<Pair>> = BTreeMap::new();
        for pair in pairs {
            by_due.entry(pair.row.due).or_default().push(pair);
        }
        let whole: Vec<(Timestamp, Vec<Pair>)> =
            by_due.into_iter().filter(|(_, burst)| burst.len() == workers as usize).collect();
        let span = |of: &dyn Fn(&Pair) -> Timestamp| {
            sorted(whole.iter().filter_map(|(_, burst)| {
                let times = sorted_times(burst.iter().map(of));
                Some(*times.last()? - *times.first()?)
            }))
        };
        let sent = span(&|pair| pair.row.sent);
        let first = sorted(
            whole
                .iter()
                .filter_map(|(due, burst)| burst.iter().map(|pair| pair.row.sent).min().map(|first| first - *due)),
        );
        Some(Self {
            workers,
            bursts: whole.len() as u64,
            first_p50: percentile(&first, 50.0)?,
            span_p50: percentile(&sent, 50.0)?,
            span_max: *sent.last()?,
            came_p50: percentile(&span(&|pair| pair.served.came), 50.0)?,
        })
    }
}

/// As fast as workers can.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closed {
    /// Workers.
    pub workers: u32,
    /// Requests a second.
    pub rps: f64,
}

/// What the server knows of a latency that counts from there.
fn known(pair: &Pair, mark: Mark) -> Duration {
    match mark {
        Mark::Sent => pair.served.left - pair.served.came,
        Mark::Due => pair.served.left - pair.row.due,
    }
}

fn side_by_side(pairs: &[Pair], mark: Mark) -> Vec<Percentile> {
    let by_server = sorted(pairs.iter().map(|pair| known(pair, mark)));
    let by_generator = sorted(pairs.iter().map(|pair| match mark {
        Mark::Sent => pair.row.latency(),
        Mark::Due => pair.row.latency_from_due(),
    }));
    let at = |percent| {
        let known = percentile(&by_server, percent)?;
        Some(Percentile { percent, known, measured: percentile(&by_generator, percent)? })
    };
    PERCENTS.into_iter().filter_map(at).collect()
}

fn sorted(values: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut values: Vec<Duration> = values.collect();
    values.sort_unstable();
    values
}

fn sorted_times(values: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
    let mut values: Vec<Timestamp> = values.collect();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests {
    use super::super::pairs::tests::{row, served};
    use super::*;
    use crate::drive::Tally;

    const US: Duration = Duration::from_micros(1);

    fn exercise(rows: Vec<crate::record::RequestRow>, served: Vec<crate::drive::live::load::Served>) -> Exercise {
        let sent = rows.len() as u64;
        let tally = Tally { planned: sent, sent, ..Tally::default() };
        Exercise { rows, served, tally, stalled: Duration::ZERO, cpu: None }
    }

    #[test]
    fn what_is_measured_beyond_the_server_s_own_time_is_added() {
        // the server takes 1000 us each time, the generator reads 1010 to 1013
        let rows: Vec<_> =
            (0..4).map(|n| row(n, u64::from(n) * 5_000, u64::from(n) * 5_000 + 1_010 + u64::from(n))).collect();
        let book = (0..4).map(|n| served(n, u64::from(n) * 5_000 + 4, u64::from(n) * 5_000 + 1_004)).collect();
        let truth = Truth::of("1 ms", Loop::Closed, &exercise(rows, book)).expect("requests");
        assert_eq!(truth.added, Added { p50: 11 * US, p99: 13 * US, max: 13 * US });
        assert_eq!((truth.requests, truth.least), (4, 1_010 * US));
        let (known, off): (Vec<_>, Vec<_>) = truth.percentiles.iter().map(|at| (at.known, at.off())).unzip();
        assert_eq!((known, off), (vec![1_000 * US; 3], vec![11 * US, 13 * US, 13 * US]));
    }

    #[test]
    fn a_dial_is_no_doing_of_the_server_s() {
        let mut dialled = row(0, 0, 9_000);
        dialled.detail.dial = 5_000 * US;
        let truth = Truth::of(
            "0",
            Loop::Open,
            &exercise(vec![dialled, row(1, 10_000, 10_020)], vec![served(0, 8_000, 8_001), served(1, 10_005, 10_010)]),
        );
        assert_eq!(truth.map(|truth| (truth.requests, truth.added.max)), Some((1, 15 * US)));
        assert_eq!(Truth::of("0", Loop::Open, &exercise(vec![], vec![])), None);
    }

    #[test]
    fn from_due_the_wait_for_a_worker_counts_on_both_sides() {
        let mut late = row(0, 400, 1_000);
        (late.due, late.ready) = (Timestamp::from_nanos(100_000), Timestamp::from_nanos(390_000));
        let stalled = Stalled::of(&exercise(vec![late], vec![served(0, 410, 990)]));
        assert_eq!(stalled.from_due[0], Percentile { percent: 50.0, known: 890 * US, measured: 900 * US });
        assert_eq!(stalled.from_sent[0], Percentile { percent: 50.0, known: 580 * US, measured: 600 * US });
    }

    #[test]
    fn pacing_is_told_from_both_sides() {
        // a millisecond apart, the third 30 us late
        let sent = [1_000, 2_000, 3_030, 4_000];
        let rows = (0..4).map(|n| {
            let mut row = row(n, sent[n as usize], sent[n as usize] + 50);
            row.due = Timestamp::from_millis(u64::from(n) + 1);
            row
        });
        let book = (0..4).map(|n| served(n, sent[n as usize] + 10, sent[n as usize] + 20)).collect();
        let pacing = Pacing::of(1_000.0, &exercise(rows.collect(), book)).expect("requests");
        assert_eq!((pacing.p50, pacing.max, pacing.requests), (Duration::ZERO, 30 * US, 4));
        assert_eq!((pacing.gap_p50, pacing.gap_p99), (30 * US, 30 * US));
    }

    #[test]
    fn a_burst_lasts_from_its_first_request_to_its_last() {
        let mut rows = vec![
            row(0, 1_003, 1_100),
            row(1, 1_008, 1_100),
            row(2, 2_001, 2_100),
            row(3, 2_031, 2_100),
            row(4, 3_000, 3_001),
        ];
        for (row, due) in rows.iter_mut().zip([1, 1, 2, 2, 3]) {
            row.due = Timestamp::from_millis(due);
        }
        let book = vec![
            served(0, 1_010, 1_011),
            served(1, 1_030, 1_031),
            served(2, 2_040, 2_041),
            served(3, 2_060, 2_061),
            served(4, 3_000, 3_001),
        ];
        // the third is not whole and counts for nothing
        let bursts = Bursts::of(2, &exercise(rows, book)).expect("bursts");
        let expected =
            Bursts { workers: 2, bursts: 2, first_p50: US, span_p50: 5 * US, span_max: 30 * US, came_p50: 20 * US };
        assert_eq!(bursts, expected);
    }
}
