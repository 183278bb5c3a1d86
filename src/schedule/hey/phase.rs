//! How the ticks of hey's workers lie to each other.
//!
//! hey starts all its tickers at once, so that 50 workers make a burst of 50. The same requests at the same rate spread over the
//! period meet shorter queues: an autoscaler sees another load.

use std::time::Duration;

use crate::random::Stream;
use crate::schedule::arrivals::uniform;
use crate::time::nanos;

use super::Settings;

/// By how much of a period each worker is behind the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing: all at once, as hey does it.
    #[default]
    Sync,
    /// Worker k of C by k/C of the period.
    Spread,
    /// Any part of the period, drawn from the run's seed.
    Random,
}

impl Phase {
    /// The word that stands in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Spread => "spread",
            Self::Random => "random",
        }
    }
}

impl Settings {
    /// How much later than hey's each worker begins and ends; nothing for workers without a period.
    pub fn offsets(&self, stream: &mut Stream) -> Vec<Duration> {
        let period = nanos(self.period().unwrap_or_default());
        let workers = u64::from(self.workers());
        (0..workers)
            .map(|worker| match self.phase() {
                Phase::Sync => 0,
                Phase::Spread => (u128::from(period) * u128::from(worker) / u128::from(workers)) as u64,
                Phase::Random => (period as f64 * uniform(stream)) as u64,
            })
            .map(Duration::from_nanos)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hey;
    use super::*;
    use crate::random::{Purpose, Seed};
    use crate::record::WorkerId;
    use crate::schedule::{Next, Schedule, Turn};
    use crate::time::Timestamp;

    fn settings(phase: Phase) -> Settings {
        Settings::new(200, 4, 5.0, Some(Duration::from_secs(2))).unwrap().with_phase(phase)
    }

    fn hey(phase: Phase, seed: u64, start: Timestamp) -> Hey {
        let settings = settings(phase);
        Hey::with_offsets(settings, start, &settings.offsets(&mut Seed(seed).stream(Purpose::Arrivals)))
    }

    /// When a worker that is always free sends, in ms.
    fn dues(hey: &mut Hey, worker: u32, start: Timestamp) -> Vec<u64> {
        let (mut dues, mut turn) = (Vec::new(), Turn::first(start));
        while let Next::Call(call) = hey.next(WorkerId(worker), turn) {
            dues.push((call.due - start).as_nanos() as u64 / 1_000_000);
            turn = Turn { sent: call.ready, free: call.ready, stall: None };
        }
        dues
    }

    #[test]
    fn a_phase_moves_requests_and_never_their_number() {
        let start = Timestamp::from_secs(15);
        for phase in [Phase::Sync, Phase::Spread, Phase::Random] {
            let mut hey = hey(phase, 7, start);
            assert_eq!(hey.planned(), Some(40));
            let dues: Vec<Vec<u64>> = (0..4).map(|worker| dues(&mut hey, worker, start)).collect();
            assert!(dues.iter().all(|dues| dues.len() == 10), "{phase:?}: {dues:?}");
            assert!(dues.iter().flatten().all(|due| (200..2_200).contains(due)), "{phase:?}: {dues:?}");
            assert_eq!(hey.planned_before(Timestamp::MAX), Some(40));
        }
    }

    #[test]
    fn spread_workers_follow_each_other_at_equal_distances() {
        let start = Timestamp::from_secs(15);
        let mut hey = hey(Phase::Spread, 1, start);
        let firsts: Vec<u64> = (0..4).map(|worker| dues(&mut hey, worker, start)[0]).collect();
        assert_eq!(firsts, [200, 250, 300, 350]);
        assert_eq!(hey.planned_before(start + Duration::from_millis(301)), Some(3));
        assert_eq!(hey.last_due(), Some(start + Duration::from_millis(2_150)));
    }

    #[test]
    fn a_random_phase_follows_from_the_seed() {
        let offsets = |seed: u64| settings(Phase::Random).offsets(&mut Seed(seed).stream(Purpose::Arrivals));
        assert_eq!(offsets(7), offsets(7));
        assert_ne!(offsets(7), offsets(8));
    }

    #[test]
    fn workers_without_a_period_have_no_phase() {
        let closed = Settings::new(200, 3, 0.0, Some(Duration::from_secs(2))).unwrap().with_phase(Phase::Spread);
        assert_eq!(closed.offsets(&mut Seed(1).stream(Purpose::Arrivals)), [Duration::ZERO; 3]);
    }
}
