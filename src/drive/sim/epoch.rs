//! When a run in virtual time begins by the wall clock it does not have.

use std::time::Duration;

use rand_xoshiro::rand_core::Rng;

use crate::random::{Purpose, Seed};
use crate::time::{Epoch, nanos};

/// 2026-01-01T00:00:00Z.
const FIRST_DAY: Duration = Duration::from_secs(1_767_225_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The Unix time at which a run of this seed begins: some moment of the first of January 2026, to the nanosecond.
///
/// Prometheus evaluates rules on a grid of Unix time, so when a run begins decides how long the Community Edition's autoscaler
/// takes to notice. In life that is chance. Here it is the seed's: all arms of a repeat begin at the same moment, repeats at
/// different ones, and the same seed gives the same run.
pub fn epoch(seed: Seed) -> Epoch {
    let into_the_day = seed.stream(Purpose::Epoch).next_u64() % nanos(DAY);
    Epoch::from_unix(FIRST_DAY + Duration::from_nanos(into_the_day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_begin_at_different_points_of_the_rules_grid_and_the_same_seed_at_the_same() {
        assert_eq!(epoch(Seed(1)), epoch(Seed(1)));
        // fifteen seconds are the grid; a hundred starts fall into every second of it
        let mut met = [false; 15];
        for repeat in 1..=100 {
            met[(epoch(Seed(1).of_repeat(repeat)).unix().as_secs() % 15) as usize] = true;
        }
        assert_eq!(met, [true; 15]);
    }
}
