//! Right-continuous step functions of time: replicas, demand.

use std::time::Duration;

use crate::time::{Timestamp, nanos};

/// A count that changes in steps; at a step it already has its new value.
#[derive(Clone, Debug)]
pub struct StepFn {
    initial: u32,
    /// Strictly ascending in time. A step to the same value stays: it is a sighting that a step told of later must not undo.
    steps: Vec<(Timestamp, u32)>,
}

impl StepFn {
    /// The function that is `value` at all times until something is set.
    pub const fn constant(value: u32) -> Self {
        Self { initial: value, steps: Vec::new() }
    }

    /// From `at` on, up to the next time for which a value was set, the count is `value`.
    ///
    /// Usually `at` is the latest time so far; an earlier one is put in its place.
    pub fn set(&mut self, at: Timestamp, value: u32) {
        let next = self.steps.partition_point(|(time, _)| *time < at);
        match self.steps.get_mut(next) {
            Some(step) if step.0 == at => step.1 = value,
            _ => self.steps.insert(next, (at, value)),
        }
    }

    /// The value at a time.
    pub fn at(&self, time: Timestamp) -> u32 {
        match self.steps.partition_point(|(step, _)| *step <= time) {
            0 => self.initial,
            after => self.steps[after - 1].1,
        }
    }

    /// The pieces of constant value between two times: (from, to, value), without gaps; none if `to` is not after `from`.
    pub fn pieces(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp, u32)> {
        let mut pieces = Vec::new();
        if to <= from {
            return pieces;
        }
        let first = self.steps.partition_point(|(step, _)| *step <= from);
        let (mut start, mut value) = (from, self.at(from));
        for &(step, next) in self.steps[first..].iter().take_while(|(step, _)| *step < to) {
            pieces.push((start, step, value));
            (start, value) = (step, next);
        }
        pieces.push((start, to, value));
        pieces
    }

    /// The exact integral between two times, in value times seconds; replicas give replica-seconds.
    pub fn integral(&self, from: Timestamp, to: Timestamp) -> f64 {
        let nanos: u128 = self
            .pieces(from, to)
            .iter()
            .map(|(start, end, value)| u128::from(nanos(*end - *start)) * u128::from(*value))
            .sum();
        nanos as f64 / 1e9
    }

    /// Mean over time between two times; `None` if `to` is not after `from`.
    pub fn mean(&self, from: Timestamp, to: Timestamp) -> Option<f64> {
        (to > from).then(|| self.integral(from, to) / (to - from).as_secs_f64())
    }

    /// The largest value between two times, both included.
    pub fn max(&self, from: Timestamp, to: Timestamp) -> u32 {
        self.pieces(from, to).iter().map(|(_, _, value)| *value).fold(self.at(to), u32::max)
    }

    /// The first time at or after `from` at which the value is at most `limit`.
    pub fn first_at_most(&self, limit: u32, from: Timestamp) -> Option<Timestamp> {
        if self.at(from) <= limit {
            return Some(from);
        }
        self.steps.iter().find(|(step, value)| *step >= from && *value <= limit).map(|(step, _)| *step)
    }

    /// Two functions side by side: (length, value of `self`, value of `other`) of each piece on which both are constant.
    pub fn beside(&self, other: &Self, from: Timestamp, to: Timestamp) -> Vec<(Duration, u32, u32)> {
        let mut pieces = Vec::new();
        for (start, end, value) in self.pieces(from, to) {
            for (start, end, beside) in other.pieces(start, end) {
                pieces.push((end - start, value, beside));
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn steps(initial: u32, steps: &[(u64, u32)]) -> StepFn {
        let mut function = StepFn::constant(initial);
        for (at, value) in steps {
            function.set(ms(*at), *value);
        }
        function
    }

    #[test]
    fn at_a_step_the_new_value_holds() {
        let function = steps(1, &[(1_000, 3), (2_500, 2)]);
        assert_eq!([0, 999, 1_000, 2_499, 2_500, 9_000].map(|at| function.at(ms(at))), [1, 1, 3, 3, 2, 2]);
    }

    #[test]
    fn the_integral_is_the_area() {
        let function = steps(1, &[(1_000, 3), (2_500, 2)]);
        // 1 x 1 s + 3 x 1.5 s + 2 x 0.5 s
        assert!((function.integral(ms(0), ms(3_000)) - 6.5).abs() < 1e-12);
        assert!((function.integral(ms(1_500), ms(2_000)) - 1.5).abs() < 1e-12);
        assert!(function.integral(ms(3_000), ms(3_000)).abs() < 1e-12);
        assert_eq!(function.mean(ms(2_000), ms(2_000)), None);
        assert_eq!(function.max(ms(2_600), ms(3_000)), 2);
        assert_eq!(function.max(ms(0), ms(1_000)), 3);
    }

    #[test]
    fn a_step_told_of_late_lasts_until_the_next_sighting() {
        let function = steps(1, &[(1_000, 1), (2_000, 1), (1_500, 3)]);
        assert_eq!([1_499, 1_500, 1_999, 2_000].map(|at| function.at(ms(at))), [1, 3, 3, 1]);
    }

    #[test]
    fn the_first_time_at_or_below_a_limit_may_be_now() {
        let function = steps(1, &[(1_000, 3), (2_000, 2), (3_000, 1)]);
        assert_eq!(function.first_at_most(1, ms(500)), Some(ms(500)));
        assert_eq!(function.first_at_most(1, ms(1_500)), Some(ms(3_000)));
        assert_eq!(function.first_at_most(0, ms(0)), None);
    }

    proptest! {
        #[test]
        fn it_equals_a_millisecond_table(initial in 0_u32..5, sets in prop::collection::vec((0_u64..100, 0_u32..5), 0..20), from in 0_u64..100, length in 0_u64..100) {
            let mut table = vec![initial; 220];
            let mut order = sets.clone();
            order.sort_by_key(|(at, _)| *at);
            for (at, value) in &order {
                table[*at as usize..].fill(*value);
            }
            // later settings of the same time win, whatever the order of different times
            let function = steps(initial, &sets);
            for (at, value) in table.iter().enumerate() {
                prop_assert_eq!(function.at(ms(at as u64)), *value);
            }
            let area: u32 = table[from as usize..(from + length) as usize].iter().sum();
            prop_assert!((function.integral(ms(from), ms(from + length)) - f64::from(area) / 1e3).abs() < 1e-9);
        }
    }
}
