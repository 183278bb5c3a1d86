//! Demand over time: the fewest ready replicas that meet the objective at the load of each moment.

use std::time::Duration;

use super::elasticity::{Elasticity, elasticity_over};
use super::step_fn::StepFn;
use crate::time::Timestamp;

/// What is known of demand at one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// This many ready replicas meet the objective, fewer don't.
    Replicas(u32),
    /// Not even the platform's limit does: replicas are not what is missing.
    BeyondLimit(u32),
    /// It can't be asked.
    Unknown,
}

impl Demand {
    /// The number, where there is one.
    pub const fn replicas(self) -> Option<u32> {
        match self {
            Self::Replicas(replicas) => Some(replicas),
            Self::BeyondLimit(_) | Self::Unknown => None,
        }
    }
}

/// Demand in one stretch of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Its beginning, in whole seconds of the load. It ends where the next one begins.
    pub from: u64,
    /// Requests per second it was asked for; `None` where only the answers decide.
    pub rate: Option<f64>,
    /// What that asks of the platform.
    pub demand: Demand,
}

/// Demand over a load, in stretches of whole seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct DemandCurve {
    /// Ascending, the first from 0. The last one goes on to the load's end.
    stretches: Vec<Stretch>,
}

impl DemandCurve {
    /// The same demand from the load's start to its end.
    pub fn constant(demand: Demand, rate: Option<f64>) -> Self {
        Self { stretches: vec![Stretch { from: 0, rate, demand }] }
    }

    /// Nothing is known.
    pub fn unknown() -> Self {
        Self::constant(Demand::Unknown, None)
    }

    /// From stretches that ascend, the first from 0; [`DemandCurve::unknown`] without any.
    pub fn new(stretches: Vec<Stretch>) -> Self {
        if stretches.is_empty() { Self::unknown() } else { Self { stretches } }
    }

    /// Its stretches, in order; at least one.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Demand in a second of the load, which begins with second 0. Where the load ends is not known here.
    pub fn at(&self, second: i64) -> Demand {
        let Ok(second) = u64::try_from(second) else { return Demand::Unknown };
        match self.stretches.partition_point(|stretch| stretch.from <= second) {
            0 => Demand::Unknown,
            after => self.stretches[after - 1].demand,
        }
    }

    /// The highest demand of the load; `None` if it is unknown anywhere.
    pub fn peak(&self) -> Option<u32> {
        self.stretches.iter().map(|stretch| stretch.demand.replicas()).try_fold(0, |peak, one| Some(peak.max(one?)))
    }

    /// How closely supply (ready replicas) followed demand between two times, over the time in which demand is known; `None` if
    /// that is no time at all.
    pub fn elasticity(&self, supply: &StepFn, load_start: Timestamp, load_end: Timestamp) -> Option<Elasticity> {
        let begin = |stretch: &Stretch| load_start + Duration::from_secs(stretch.from);
        let ends = self.stretches.iter().skip(1).map(begin).chain([load_end]);
        let mut demand = StepFn::constant(0);
        let mut known: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (stretch, end) in self.stretches.iter().zip(ends) {
            let Some(replicas) = stretch.demand.replicas() else { continue };
            let (from, to) = (begin(stretch), end.min(load_end));
            demand.set(from, replicas);
            match known.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => known.push((from, to)),
            }
        }
        elasticity_over(&demand, supply, &known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(stretches: &[(u64, Demand)]) -> DemandCurve {
        DemandCurve::new(
            stretches.iter().map(|(from, demand)| Stretch { from: *from, rate: None, demand: *demand }).collect(),
        )
    }

    #[test]
    fn a_curve_holds_until_its_next_stretch() {
        let curve = curve(&[(0, Demand::Replicas(1)), (10, Demand::Replicas(4)), (20, Demand::Replicas(2))]);
        let seen: Vec<_> = [-1, 0, 9, 10, 19, 20, 1_000].iter().map(|second| curve.at(*second).replicas()).collect();
        assert_eq!(seen, [None, Some(1), Some(1), Some(4), Some(4), Some(2), Some(2)]);
        assert_eq!(curve.peak(), Some(4));
    }

    #[test]
    fn elasticity_leaves_out_what_is_unknown() {
        let second = Timestamp::from_secs;
        let mut supply = StepFn::constant(1);
        supply.set(second(15), 4);
        // 10 s of demand 2 with 1 ready; 10 s beyond the limit; 20 s of demand 4 with 4 ready
        let curve = curve(&[(0, Demand::Replicas(2)), (10, Demand::BeyondLimit(5)), (20, Demand::Replicas(4))]);
        let found = curve.elasticity(&supply, second(0), second(40)).expect("known for a while");
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        close(found.theta_u, 10.0 * 0.5 / 30.0);
        close(found.theta_o, 0.0);
        close(found.tau_u, 10.0 / 30.0);
        close(found.instability, 0.0);
        assert_eq!(curve.peak(), None, "a peak that is not known is no number");
        assert_eq!(DemandCurve::unknown().elasticity(&supply, second(0), second(40)), None);
    }

    #[test]
    fn a_step_of_demand_that_supply_does_not_follow_is_one_second_of_instability() {
        let curve = curve(&[(0, Demand::Replicas(2)), (10, Demand::Replicas(4))]);
        let over = |seconds| {
            let end = Timestamp::from_secs(seconds);
            curve.elasticity(&StepFn::constant(2), Timestamp::ZERO, end).expect("known")
        };
        assert!((over(20).instability - 1.0 / 20.0).abs() < 1e-12);
        // a load that ended before is judged up to its end
        assert_eq!((over(5).theta_u, over(5).tau_u, over(5).instability), (0.0, 0.0, 0.0));
    }
}
