//! hey's `-n -c -q -z`: a ticker per worker, all in phase, one remembered tick.
//!
//! ```text
//!   ticks of one worker    |     1     2     3     4     5     |    first request one period after the start
//!   busy                   |     [=============]               |    2 is remembered, 3 is lost
//!   calls                  |     1             2     4     5   |    2 leaves at once, then the worker is back on the grid
//! ```
//!
//! Facts: reference/hey.md sections 3 and 4 (hey 0.1.4, requester.go). A Go ticker's channel holds one tick; what comes
//! while it is full is dropped. At the end of `-z` nothing is aborted: a worker that waits for its tick still sends it.

use std::time::Duration;

use crate::record::{Lost, WorkerId};
use crate::time::{Timestamp, nanos};

use super::share::Share;
use super::{Call, Next, Schedule, Turn};

mod phase;
mod settings;

pub use phase::Phase;
pub use settings::{Settings, SettingsError};

#[derive(Clone, Copy, Debug)]
struct Worker {
    /// Its own start and end: all the same for hey, and moved by its phase otherwise.
    start: Timestamp,
    stop: Timestamp,
    /// Requests handed out.
    calls: u64,
    /// The last tick used or lost; ticks count from 1.
    tick: u64,
}

/// The schedule of one hey.
#[derive(Clone, Debug)]
pub struct Hey {
    settings: Settings,
    /// Most requests of one worker, and how many the settings call for.
    cap: u64,
    planned: Option<u64>,
    /// Nanoseconds between two ticks; 0 for none.
    period: u64,
    start: Timestamp,
    /// Of a share its own only.
    workers: Vec<Worker>,
    share: Share,
}

impl Hey {
    /// A hey that starts at `start`, with all workers in step whatever the settings say.
    pub fn new(settings: Settings, start: Timestamp) -> Self {
        Self::with_offsets(settings, start, &[])
    }

    /// A hey whose worker k lives `offsets[k]` later than hey's would; see [`Settings::offsets`].
    pub fn with_offsets(settings: Settings, start: Timestamp, offsets: &[Duration]) -> Self {
        let worker = |number: usize| {
            let start = start + offsets.get(number).copied().unwrap_or_default();
            let stop = settings.duration.map_or(Timestamp::MAX, |duration| start + duration);
            Worker { start, stop, calls: 0, tick: 0 }
        };
        Self {
            cap: settings.requests / u64::from(settings.workers),
            planned: settings.planned_per_worker(),
            period: settings.period.map_or(0, nanos),
            settings,
            start,
            workers: (0..settings.workers as usize).map(worker).collect(),
            share: Share::WHOLE,
        }
    }

    /// What is left of it for one of several machines.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        let mut number = 0..;
        self.workers.retain(|_| number.next().is_some_and(|number| share.has(number)));
        Self { share, ..self }
    }
}

impl Worker {
    fn tick_time(&self, tick: u64, period: u64) -> Timestamp {
        self.start.saturating_add_nanos(period.saturating_mul(tick))
    }
}

impl Schedule for Hey {
    fn boxed_clone(&self) -> Box<dyn Schedule> {
        Box::new(self.clone())
    }

    fn workers(&self) -> u32 {
        self.workers.len() as u32
    }

    fn number(&self, worker: WorkerId) -> WorkerId {
        WorkerId(self.share.nth(worker.0.into()) as u32)
    }

    fn start(&self) -> Timestamp {
        self.start
    }

    fn next(&mut self, worker: WorkerId, turn: Turn) -> Next {
        match self.next_in_time(worker, turn.free) {
            Some(due) => Next::Call(Call { due, ready: due, lost: Lost::default() }),
            None => self.next_at_once(worker, turn),
        }
    }

    fn stop(&mut self, at: Timestamp) {
        for worker in &mut self.workers {
            worker.stop = worker.stop.min(at);
        }
    }

    fn planned(&self) -> Option<u64> {
        self.planned.map(|each| each * self.workers.len() as u64)
    }

    fn planned_before(&self, at: Timestamp) -> Option<u64> {
        let each = self.settings.planned_per_worker()?;
        let period = nanos(self.settings.period?);
        let ticks = |worker: &Worker| (nanos(at - worker.start).saturating_sub(1) / period).min(each);
        Some(self.workers.iter().map(ticks).sum())
    }

    fn period(&self) -> Option<Duration> {
        self.settings.period
    }

    fn last_due(&self) -> Option<Timestamp> {
        let last = self.workers.iter().max_by_key(|worker| worker.start)?;
        match (self.settings.planned_per_worker(), self.settings.period) {
            (Some(each), Some(_)) => Some(last.tick_time(each, self.period)),
            _ => self.settings.duration.map(|duration| last.start + duration),
        }
    }
}

impl Hey {
    /// The next tick of a worker that is back before it, as almost all are: it has lost none and calls then. [`Schedule::next`] tells of
    /// all others.
    #[inline]
    pub fn next_in_time(&mut self, worker: WorkerId, free: Timestamp) -> Option<Timestamp> {
        let state = &mut self.workers[worker.0 as usize];
        let due = state.tick_time(state.tick + 1, self.period);
        let is_in_time = free < due && free < state.stop && state.calls < self.cap && self.period > 0;
        is_in_time.then(|| {
            state.calls += 1;
            state.tick += 1;
            due
        })
    }

    /// The next call of a worker that has no pace, or came back when its next tick was past, or is through.
    fn next_at_once(&mut self, worker: WorkerId, turn: Turn) -> Next {
        let Self { cap, planned, period, .. } = *self;
        let by_time = self.settings.duration.is_some();
        let state = self.workers[worker.0 as usize];
        if period == 0 {
            if state.calls >= cap || turn.free >= state.stop {
                let unused = planned.map_or(0, |planned| planned - state.calls);
                return Next::Finished { lost: Lost::default(), unused };
            }
            self.workers[worker.0 as usize].calls += 1;
            return Next::Call(Call { due: turn.free, ready: turn.free, lost: Lost::default() });
        }
        let passed = turn.free.nanos_since(state.start) / period;
        // a tick lost in a run that ends by count only makes it longer: the request is still sent
        let lost_of = |first: u64, last: u64| {
            if !by_time || last < first {
                return Lost::default();
            }
            let late = (first..=last)
                .filter(|tick| {
                    let at = state.tick_time(*tick, period);
                    at <= turn.sent || turn.stall.is_some_and(|(from, to)| (from..=to).contains(&at))
                })
                .count() as u64;
            Lost { busy: last - first + 1 - late, late }
        };

        if state.calls >= cap || turn.free >= state.stop {
            let planned = planned.unwrap_or(cap);
            let left = if by_time { planned.saturating_sub(state.tick) } else { planned - state.calls };
            let lost = lost_of(state.tick + 1, passed.min(planned));
            return Next::Finished { lost, unused: left - lost.busy - lost.late };
        }
        // its next tick is past: that one is remembered, those after it are lost
        let tick = passed.max(state.tick + 1);
        let (due, lost) = (state.tick_time(state.tick + 1, period), lost_of(state.tick + 2, tick));
        self.workers[worker.0 as usize] = Worker { calls: state.calls + 1, tick, ..state };
        Next::Call(Call { due, ready: due.max(turn.free), lost })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// A worker's calls as (due, ready, lost) in ms when it comes free at the given times, each sent when ready.
    fn calls(settings: Settings, free: &[u64]) -> Vec<(u64, u64, u64)> {
        let mut hey = Hey::new(settings, Timestamp::ZERO);
        let mut sent = Timestamp::ZERO;
        let mut calls = Vec::new();
        for free in free {
            let Next::Call(call) = hey.next(WorkerId(0), Turn { sent, free: ms(*free), stall: None }) else { break };
            sent = call.ready;
            calls.push((call.due.as_nanos() / 1_000_000, call.ready.as_nanos() / 1_000_000, call.lost.busy));
        }
        calls
    }

    fn paced(duration: u64, workers: u32, rate: f64) -> Settings {
        Settings::new(200, workers, rate, Some(Duration::from_millis(duration))).expect("valid flags")
    }

    #[test]
    fn a_late_worker_fires_once_and_rejoins_the_grid() {
        assert_eq!(calls(paced(5_000, 1, 5.0), &[0, 910, 911]), [(200, 200, 0), (400, 910, 2), (1000, 1000, 0)]);
    }

    #[test]
    fn a_worker_that_is_always_late_runs_back_to_back() {
        // -q 2 on a function of 0.7 s: starts at 0.5, 1.2, 1.9 s (hey, measured)
        assert_eq!(
            calls(paced(9_000, 1, 2.0), &[0, 1_200, 1_900]),
            [(500, 500, 0), (1_000, 1_200, 0), (1_500, 1_900, 0)]
        );
    }

    #[test]
    fn the_first_request_leaves_one_period_after_the_start() {
        assert_eq!(calls(paced(1_000, 1, 10.0), &[0]), [(100, 100, 0)]);
    }

    #[test]
    fn the_remainder_of_n_over_c_is_dropped() {
        for (requests, workers, planned) in [(205, 50, 200), (7, 3, 6), (200, 50, 200), (300, 10, 300)] {
            let settings = Settings::new(requests, workers, 2.0, None).expect("valid flags");
            assert_eq!(settings.planned(), Some(planned));
        }
    }

    #[test]
    fn a_worker_that_waits_for_its_tick_at_the_end_still_sends() {
        assert_eq!(paced(2_000, 3, 2.0).planned(), Some(12));
        assert_eq!(paced(2_100, 1, 2.0).planned(), Some(5));
        assert_eq!(paced(120_000, 50, 5.0).planned(), Some(30_000));
    }

    #[test]
    fn it_stops_after_the_request_in_flight() {
        // -z 1s on a function of 1.5 s without pacing: one request, the run ends when it is answered
        assert_eq!(calls(paced(1_000, 1, 0.0), &[0, 1_500]), [(0, 0, 0)]);
    }

    #[test]
    fn ticks_lost_in_a_run_by_count_are_not_lost_requests() {
        let settings = Settings::new(3, 1, 2.0, None).expect("valid flags");
        assert_eq!(calls(settings, &[0, 2_250, 3_000, 3_800]), [(500, 500, 0), (1_000, 2_250, 0), (2_500, 3_000, 0)]);
    }

    #[test]
    fn what_is_lost_while_the_generator_stands_still_is_lost_late() {
        let mut hey = Hey::new(paced(5_000, 1, 5.0), Timestamp::ZERO);
        hey.next(WorkerId(0), Turn::first(Timestamp::ZERO));
        // ready at 200 ms, but it left at 900 ms: 400 is remembered, 600 and 800 are lost by the generator
        let Next::Call(call) = hey.next(WorkerId(0), Turn { sent: ms(900), free: ms(910), stall: None }) else {
            panic!("the schedule goes on")
        };
        assert_eq!(call.lost, Lost { busy: 0, late: 2 });
        // answered late because the process stood still from 1.0 s to 1.9 s
        let stall = Some((ms(1_000), ms(1_900)));
        let Next::Call(call) = hey.next(WorkerId(0), Turn { sent: ms(910), free: ms(2_010), stall }) else {
            panic!("the schedule goes on")
        };
        assert_eq!(call.lost, Lost { busy: 1, late: 4 });
    }

    #[test]
    fn flags_that_hey_refuses_or_hangs_on_are_refused() {
        let z = Some(Duration::from_secs(1));
        assert_eq!(Settings::new(200, 0, 0.0, z), Err(SettingsError::NoWorkers));
        assert_eq!(Settings::new(0, 1, 0.0, None), Err(SettingsError::NoRequests));
        assert_eq!(Settings::new(5, 50, 0.0, None), Err(SettingsError::FewerRequestsThanWorkers));
        assert!(matches!(Settings::new(200, 50, 2e6, z), Err(SettingsError::Rate(_))));
        assert!(matches!(Settings::new(200, 50, f64::NAN, z), Err(SettingsError::Rate(_))));
    }

    proptest! {
        /// sent + lost + left unused at the stop = planned, whatever the latencies and the generator's lateness.
        #[test]
        fn every_planned_request_is_sent_lost_or_left_unused(
            duration in 1_u64..20_000,
            rate in 0.3_f64..200.0,
            steps in prop::collection::vec((0_u64..900, 0_u64..3_000), 1..80),
            stop in prop::option::of(0_u64..25_000),
        ) {
            let settings = paced(duration, 1, rate);
            let mut hey = Hey::new(settings, Timestamp::ZERO);
            if let Some(stop) = stop {
                hey.stop(ms(stop));
            }
            let mut turn = Turn::first(Timestamp::ZERO);
            let (mut sent, mut lost, mut turns) = (0, 0, steps.iter().cycle());
            let unused = loop {
                match hey.next(WorkerId(0), turn) {
                    Next::Call(call) => {
                        prop_assert!(call.due <= call.ready && call.ready >= turn.free);
                        sent += 1;
                        lost += call.lost.busy + call.lost.late;
                        let (late, latency) = turns.next().copied().unwrap_or((0, 1));
                        let left = call.ready + Duration::from_millis(late);
                        turn = Turn { sent: left, free: left + Duration::from_millis(latency), stall: None };
                    }
                    Next::Finished { lost: last, unused } => {
                        lost += last.busy + last.late;
                        break unused;
                    }
                }
            };
            prop_assert_eq!(Some(sent + lost + unused), settings.planned());
        }
    }
}
