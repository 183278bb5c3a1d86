//! How closely supply followed demand: accuracy, timeshare and instability of the SPEC research group.
//!
//! Herbst et al., "Ready for rain? A view from SPEC research on the future of cloud metrics" (SPEC-RG-2016-01), and "Quantifying
//! cloud performance and dependability" (`ToMPECS` 3(4), 2018), in the form divided by demand. Ratios here, percentages there.

use super::step_fn::StepFn;
use super::step_response::total_change;
use crate::time::Timestamp;

/// The five elasticity metrics over one interval. All are ratios; all are 0 for a perfect autoscaler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elasticity {
    /// Mean of `max(demand - supply, 0) / demand`: how much was missing, 0 to 1.
    pub theta_u: f64,
    /// Mean of `max(supply - demand, 0) / demand`: how much was too much; above 1 when more than twice the demand was supplied.
    pub theta_o: f64,
    /// Mean of `max(supply - demand, 0) / supply`, 0 to 1 (Ilyushkin et al., ICPE 2017); `None` if nothing is supplied at any time.
    pub theta_o_supply: Option<f64>,
    /// Mean of `max(demand - supply, 0)`, in replicas (BUNGEE: Herbst et al., SEAMS 2015).
    pub accuracy_u: f64,
    /// Mean of `max(supply - demand, 0)`, in replicas.
    pub accuracy_o: f64,
    /// Replicas by which supply changes more than demand, up and down alike, per minute: above 0 it oscillates, below it lags.
    pub jitter_per_min: f64,
    /// Share of time with too little, 0 to 1.
    pub tau_u: f64,
    /// Share of time with too much, 0 to 1.
    pub tau_o: f64,
    /// Share of time in which supply and demand move in different directions, 0 to 1, from one second to the next.
    pub instability: f64,
}

/// The interval of the instability's differences. The definition leaves it open; a second is the timeline's own.
const STEP: std::time::Duration = std::time::Duration::from_secs(1);

/// Compares supply (ready replicas) with demand (the fewest that meet the objective) between two times.
///
/// `None` if `to` is not after `from`, or if nothing is demanded at any time. While nothing is demanded the two accuracies are
/// undefined and leave that time out; the timeshares count it.
pub fn elasticity(demand: &StepFn, supply: &StepFn, from: Timestamp, to: Timestamp) -> Option<Elasticity> {
    elasticity_over(demand, supply, &[(from, to)])
}

/// The same over several stretches of time together: those in which demand is known. The instability takes no step from one
/// stretch to the next.
///
/// `None` as above. Stretches that end before they begin count for nothing.
pub fn elasticity_over(demand: &StepFn, supply: &StepFn, stretches: &[(Timestamp, Timestamp)]) -> Option<Elasticity> {
    let (mut whole, mut demanded) = (0.0, 0.0);
    let (mut missing, mut excess, mut short, mut over, mut apart) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut supplied, mut excess_of_supply, mut lacking, mut idle, mut moved) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(from, to) in stretches.iter().filter(|(from, to)| from < to) {
        for (length, demand, supply) in demand.beside(supply, from, to) {
            let length = length.as_secs_f64();
            whole += length;
            lacking += length * f64::from(demand.saturating_sub(supply));
            idle += length * f64::from(supply.saturating_sub(demand));
            if supply > 0 {
                supplied += length;
                excess_of_supply += length * f64::from(supply.saturating_sub(demand)) / f64::from(supply);
            }
            if supply < demand {
                short += length;
            } else if supply > demand {
                over += length;
            }
            if demand > 0 {
                demanded += length;
                missing += length * f64::from(demand.saturating_sub(supply)) / f64::from(demand);
                excess += length * f64::from(supply.saturating_sub(demand)) / f64::from(demand);
            }
        }
        apart += time_apart(demand, supply, from, to);
        moved += total_change(supply, from, to) as f64 - total_change(demand, from, to) as f64;
    }
    (demanded > 0.0).then(|| Elasticity {
        theta_u: missing / demanded,
        theta_o: excess / demanded,
        theta_o_supply: (supplied > 0.0).then(|| excess_of_supply / supplied),
        accuracy_u: lacking / whole,
        accuracy_o: idle / whole,
        jitter_per_min: 60.0 * moved / whole,
        tau_u: short / whole,
        tau_o: over / whole,
        instability: apart / whole,
    })
}

/// Seconds of the steps over which the signs of the two changes differ.
fn time_apart(demand: &StepFn, supply: &StepFn, from: Timestamp, to: Timestamp) -> f64 {
    let change = |function: &StepFn, from, to| function.at(to).cmp(&function.at(from));
    let mut apart = 0.0;
    let mut start = from;
    while start < to {
        let end = (start + STEP).min(to);
        if change(demand, start, end) != change(supply, start, end) {
            apart += (end - start).as_secs_f64();
        }
        start = end;
    }
    apart
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(initial: u32, steps: &[(u64, u32)]) -> StepFn {
        let mut function = StepFn::constant(initial);
        for (at, value) in steps {
            function.set(Timestamp::from_millis(*at), *value);
        }
        function
    }

    fn over(seconds: u64, demand: &StepFn, supply: &StepFn) -> Elasticity {
        elasticity(demand, supply, Timestamp::ZERO, Timestamp::from_secs(seconds)).expect("demanded")
    }

    fn close(found: Elasticity, [theta_u, theta_o, tau_u, tau_o, instability]: [f64; 5]) {
        let found = [found.theta_u, found.theta_o, found.tau_u, found.tau_o, found.instability];
        let wanted = [theta_u, theta_o, tau_u, tau_o, instability];
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} is not {wanted:?}");
    }

    #[test]
    fn perfect_supply_scores_zero() {
        let demand = steps(2, &[(4_000, 5), (7_500, 1)]);
        close(over(10, &demand, &demand), [0.0; 5]);
    }

    #[test]
    fn hand_computed() {
        // demand 4; supply 1 for 2 s, 3 for 3 s, 5 for 5 s
        let supply = steps(1, &[(2_000, 3), (5_000, 5)]);
        // theta_u (2 x 3/4 + 3 x 1/4) / 10, theta_o (5 x 1/4) / 10, two of ten seconds with a change
        close(over(10, &StepFn::constant(4), &supply), [0.225, 0.125, 0.5, 0.5, 0.2]);
        let found = over(10, &StepFn::constant(4), &supply);
        // (3 x 2 s + 1 x 3 s) / 10, 1 x 5 s / 10, 1/5 x 5 s / 10; four replicas of change in a sixth of a minute
        let further =
            [found.accuracy_u, found.accuracy_o, found.theta_o_supply.unwrap_or(f64::NAN), found.jitter_per_min];
        assert!(further.iter().zip([0.9, 0.5, 0.1, 24.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{further:?}");
    }

    #[test]
    fn more_than_twice_the_demand_scores_above_one() {
        close(over(10, &StepFn::constant(1), &StepFn::constant(5)), [0.0, 4.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn time_without_demand_leaves_the_accuracies_out() {
        // nothing demanded for 5 s, then 2, with 1 supplied throughout
        let demand = steps(0, &[(5_000, 2)]);
        close(over(10, &demand, &StepFn::constant(1)), [0.5, 0.0, 0.5, 0.5, 0.1]);
        assert_eq!(elasticity(&StepFn::constant(0), &demand, Timestamp::ZERO, Timestamp::from_secs(1)), None);
        assert_eq!(elasticity(&demand, &demand, Timestamp::from_secs(9), Timestamp::from_secs(9)), None);
    }

    #[test]
    fn moving_together_is_stable_and_moving_alone_is_not() {
        let demand = steps(1, &[(2_500, 3)]);
        close(over(10, &demand, &steps(1, &[(2_700, 3)])), [0.02 * 2.0 / 3.0, 0.0, 0.02, 0.0, 0.0]);
        let found = over(10, &demand, &steps(1, &[(3_500, 3)]));
        assert!((found.instability - 0.2).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn it_equals_a_sum_over_milliseconds(
            demands in prop::collection::vec((0_u64..3_000, 1_u32..6), 0..6),
            supplies in prop::collection::vec((0_u64..3_000, 0_u32..6), 0..6),
        ) {
            let (demand, supply) = (steps(2, &demands), steps(1, &supplies));
            let found = over(3, &demand, &supply);
            let mut sums = [0.0; 7];
            let mut supplied = 0.0;
            for at in 0..3_000 {
                let at = Timestamp::from_millis(at);
                let (d, s) = (f64::from(demand.at(at)), f64::from(supply.at(at)));
                let now = [(d - s).max(0.0) / d, (s - d).max(0.0) / d, f64::from(u8::from(s < d)), f64::from(u8::from(s > d)),
                    (d - s).max(0.0), (s - d).max(0.0), if s > 0.0 { (s - d).max(0.0) / s } else { 0.0 }];
                supplied += f64::from(u8::from(s > 0.0)) / 3_000.0;
                sums.iter_mut().zip(now).for_each(|(sum, now)| *sum += now / 3_000.0);
            }
            let of_supply = found.theta_o_supply.map_or(0.0, |share| share * supplied);
            let found = [found.theta_u, found.theta_o, found.tau_u, found.tau_o, found.accuracy_u, found.accuracy_o, of_supply];
            for (a, b) in found.iter().zip(sums) {
                prop_assert!((a - b).abs() < 1e-9, "{found:?} is not {sums:?}");
            }
        }
    }
}
