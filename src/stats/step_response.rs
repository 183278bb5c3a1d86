//! How a count of replicas got from one level to another: oscillation, overshoot, settling.

use std::time::Duration;

use super::step_fn::StepFn;
use crate::time::Timestamp;

/// How supply answered one step of demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResponse {
    /// How far it went beyond its last level, in parts of the way from the first to the last.
    pub overshoot: f64,
    /// From the start until it is within one replica of its last level for good.
    pub settling: Duration,
    /// From a tenth of the way to nine tenths of it, each when it is reached first: zero if one step takes both.
    pub rise: Duration,
}

/// The step response between two times; `None` if it ends on the level it started from, or lower.
pub fn step_response(supply: &StepFn, from: Timestamp, to: Timestamp) -> Option<StepResponse> {
    let pieces = supply.pieces(from, to);
    let (first, last) = (pieces.first()?.2, pieces.last()?.2);
    if last <= first {
        return None;
    }
    let highest = pieces.iter().map(|(_, _, value)| *value).max()?;
    let outside = pieces.iter().rev().find(|(_, _, value)| value.abs_diff(last) > 1);
    // ten times the count, so that tenths of the way are whole
    let reached = |tenths: u64| {
        let level = 10 * u64::from(first) + tenths * u64::from(last - first);
        pieces.iter().find(|(_, _, value)| 10 * u64::from(*value) >= level).map(|(at, _, _)| *at)
    };
    Some(StepResponse {
        overshoot: f64::from(highest - last) / f64::from(last - first),
        settling: outside.map_or(Duration::ZERO, |(_, end, _)| *end - from),
        rise: reached(9)? - reached(1)?,
    })
}

/// When the count first rises above what it was at `from`.
pub fn first_rise(count: &StepFn, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let start = count.at(from);
    count.pieces(from, to).into_iter().find(|(_, _, value)| *value > start).map(|(at, _, _)| at)
}

/// How often the count changed its direction: up after down, or down after up.
pub fn reversals(count: &StepFn, from: Timestamp, to: Timestamp) -> u32 {
    turns(count, from, to).len() as u32
}

/// The longest time in which the count swung once there and back: from one turn to the second one after it. `None` of fewer than three
/// turns.
pub fn longest_cycle(count: &StepFn, from: Timestamp, to: Timestamp) -> Option<Duration> {
    turns(count, from, to).windows(3).map(|turns| turns[2] - turns[0]).max()
}

/// When the count changed its direction.
fn turns(count: &StepFn, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let mut turns = Vec::new();
    let mut last = None;
    for (at, change) in changes(count, from, to) {
        let direction = change.signum();
        if last.is_some_and(|last| last != direction) {
            turns.push(at);
        }
        last = Some(direction);
    }
    turns
}

/// How often the count changed.
pub fn steps_taken(count: &StepFn, from: Timestamp, to: Timestamp) -> u32 {
    changes(count, from, to).count() as u32
}

/// The sum of all changes, up and down alike.
pub fn total_change(count: &StepFn, from: Timestamp, to: Timestamp) -> u64 {
    changes(count, from, to).map(|(_, change)| change.unsigned_abs()).sum()
}

/// Every change with its time, without those to the same value.
fn changes(count: &StepFn, from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, i64)> {
    let pieces = count.pieces(from, to);
    let change = |pair: &[(Timestamp, Timestamp, u32)]| (pair[1].0, i64::from(pair[1].2) - i64::from(pair[0].2));
    let steps: Vec<(Timestamp, i64)> = pieces.windows(2).map(change).filter(|(_, change)| *change != 0).collect();
    steps.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(initial: u32, steps: &[(u64, u32)]) -> StepFn {
        let mut function = StepFn::constant(initial);
        for (at, value) in steps {
            function.set(Timestamp::from_secs(*at), *value);
        }
        function
    }

    const END: Timestamp = Timestamp::from_secs(60);

    #[test]
    fn hand_computed() {
        // 1 at first, up to 6, down to 2, up to 4 in the end
        let supply = steps(1, &[(5, 3), (10, 6), (20, 2), (30, 4), (40, 4)]);
        let response = step_response(&supply, Timestamp::ZERO, END).expect("a step");
        // two beyond four, of three on the way; 2 is the last level more than one off, until 30 s
        assert!((response.overshoot - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(response.settling, Duration::from_secs(30));
        // 1.3 and 3.7 of the way from 1 to 4: at 5 s, with 3, the first; at 10 s, with 6, the other
        assert_eq!(response.rise, Duration::from_secs(5));
        assert_eq!(steps_taken(&supply, Timestamp::ZERO, END), 4);
        assert_eq!((reversals(&supply, Timestamp::ZERO, END), total_change(&supply, Timestamp::ZERO, END)), (2, 11));
        assert_eq!(first_rise(&supply, Timestamp::ZERO, END), Some(Timestamp::from_secs(5)));
    }

    #[test]
    fn a_swing_there_and_back_is_a_cycle() {
        // turns at 10, 20, 35 and 36 s
        let supply = steps(1, &[(5, 3), (10, 2), (15, 1), (20, 4), (30, 5), (35, 4), (36, 5), (50, 6)]);
        assert_eq!(longest_cycle(&supply, Timestamp::ZERO, END), Some(Duration::from_secs(25)));
        assert_eq!(reversals(&supply, Timestamp::ZERO, END), 4);
        // two turns are half a swing
        assert_eq!(longest_cycle(&supply, Timestamp::ZERO, Timestamp::from_secs(21)), None);
        assert_eq!(longest_cycle(&steps(1, &[]), Timestamp::ZERO, END), None);
    }

    #[test]
    fn one_step_rises_at_once_and_never_settles_before_its_end() {
        let response = |supply: &StepFn| step_response(supply, Timestamp::ZERO, END).expect("a step");
        assert_eq!(response(&steps(1, &[(7, 5)])).rise, Duration::ZERO);
        // one that still swings when the load ends settles with its last change
        let swings = response(&steps(1, &[(10, 6), (20, 1), (30, 6), (40, 1), (59, 6)]));
        assert_eq!(swings.settling, Duration::from_secs(59));
    }

    #[test]
    fn what_does_not_rise_has_no_step_response() {
        for flat in [steps(3, &[]), steps(3, &[(5, 4), (9, 3)]), steps(3, &[(5, 1)])] {
            assert_eq!(step_response(&flat, Timestamp::ZERO, END), None);
        }
        assert_eq!(step_response(&steps(1, &[(5, 3)]), END, END), None);
        assert_eq!(first_rise(&steps(3, &[(5, 1), (9, 3)]), Timestamp::ZERO, END), None);
        assert_eq!(reversals(&steps(3, &[(5, 3), (9, 3)]), Timestamp::ZERO, END), 0);
    }
}
