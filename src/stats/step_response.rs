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
    Some(StepResponse {
        overshoot: f64::from(highest - last) / f64::from(last - first),
        settling: outside.map_or(Duration::ZERO, |(_, end, _)| *end - from),
    })
}

/// When the count first rises above what it was at `from`.
pub fn first_rise(count: &StepFn, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let start = count.at(from);
    count.pieces(from, to).into_iter().find(|(_, _, value)| *value > start).map(|(at, _, _)| at)
}

/// How often the count changed its direction: up after down, or down after up.
pub fn reversals(count: &StepFn, from: Timestamp, to: Timestamp) -> u32 {
    let mut turned = 0;
    let mut last = None;
    for direction in changes(count, from, to).map(i64::signum) {
        turned += u32::from(last.is_some_and(|last| last != direction));
        last = Some(direction);
    }
    turned
}

/// The sum of all changes, up and down alike.
pub fn total_change(count: &StepFn, from: Timestamp, to: Timestamp) -> u64 {
    changes(count, from, to).map(i64::unsigned_abs).sum()
}

/// Every change, without those to the same value.
fn changes(count: &StepFn, from: Timestamp, to: Timestamp) -> impl Iterator<Item = i64> {
    let values: Vec<i64> = count.pieces(from, to).iter().map(|(_, _, value)| i64::from(*value)).collect();
    let steps: Vec<i64> = values.windows(2).map(|pair| pair[1] - pair[0]).filter(|change| *change != 0).collect();
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
        assert_eq!((reversals(&supply, Timestamp::ZERO, END), total_change(&supply, Timestamp::ZERO, END)), (2, 11));
        assert_eq!(first_rise(&supply, Timestamp::ZERO, END), Some(Timestamp::from_secs(5)));
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
