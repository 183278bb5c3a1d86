//! Several metrics in one number: distance from the ideal, and arms against each other.
//!
//! Bauer et al., "Chameleon", IEEE TPDS 30(4) 2019, and Herbst et al., `ToMPECS` 3(4) 2018. A score hides what it is made of, so it never
//! stands alone and no verdict is made of it.

/// The metrics that scores are made of: 0 for a perfect autoscaler, and no unit.
pub const SCORED: [&str; 6] = ["theta_u", "theta_o", "tau_u", "tau_o", "instability", "slo_violation_ratio"];

/// What a metric counts as in a speed-up at least: of nothing nothing can be so many times as much.
pub const FLOOR: f64 = 0.001;

/// Two values are the same that differ by no more: the last decimal that tables write.
const SAME: f64 = 1e-6;

/// How far metrics that are 0 for a perfect autoscaler lie from there: the p-norm (sum of |m|^p)^(1/p) with p their number, as Chameleon
/// takes it. `None` of none.
pub fn deviation(metrics: &[f64]) -> Option<f64> {
    let largest = worst(metrics)?;
    if largest <= 0.0 {
        return Some(0.0);
    }
    let p = metrics.len() as f64;
    // in parts of the largest, so that no power is too small or too large for a number
    let sum: f64 = metrics.iter().map(|metric| (metric.abs() / largest).powf(p)).sum();
    Some(largest * sum.powf(1.0 / p))
}

/// The largest of them: the norm for p without bound. `None` of none.
pub fn worst(metrics: &[f64]) -> Option<f64> {
    metrics.iter().map(|metric| metric.abs()).reduce(f64::max)
}

/// An arm against a rival, metric by metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Competition {
    /// Metrics in which the arm has less.
    pub won: u32,
    /// Metrics in which both have the same.
    pub tied: u32,
    /// Metrics in which the rival has less.
    pub lost: u32,
}

impl Competition {
    /// Of metrics of which less is better, those of the arm beside those of its rival.
    pub fn of(own: &[f64], rival: &[f64]) -> Self {
        let mut found = Self::default();
        for (own, rival) in own.iter().zip(rival) {
            let place = if (own - rival).abs() <= SAME {
                &mut found.tied
            } else if own < rival {
                &mut found.won
            } else {
                &mut found.lost
            };
            *place += 1;
        }
        found
    }

    /// This and another together: against several rivals.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { won: self.won + other.won, tied: self.tied + other.tied, lost: self.lost + other.lost }
    }

    /// The share that was won, a tie counting half: from 0 to 1, and one less that of the rival. `None` of no metric.
    pub fn share(self) -> Option<f64> {
        let all = self.won + self.tied + self.lost;
        (all > 0).then(|| (f64::from(self.won) + f64::from(self.tied) / 2.0) / f64::from(all))
    }
}

/// How many times better than a base an arm is in metrics of which less is better: the geometric mean of base over own, each of them
/// at least [`FLOOR`], all of the same weight. `None` of no metric.
pub fn speed_up(base: &[f64], own: &[f64]) -> Option<f64> {
    let pairs = base.len().min(own.len());
    let logarithms = base.iter().zip(own).map(|(base, own)| base.max(FLOOR).ln() - own.max(FLOOR).ln());
    (pairs > 0).then(|| (logarithms.sum::<f64>() / pairs as f64).exp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hand_computed() {
        let close = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-12), "{found:?} is not {wanted}");
        };
        close(deviation(&[0.3, 0.4]), 0.5);
        close(deviation(&[0.7]), 0.7);
        close(deviation(&[0.0; 6]), 0.0);
        close(worst(&[0.3, 0.0, 0.4]), 0.4);
        // six equal ones: the sixth root of six times one of them
        close(deviation(&[0.2; 6]), 0.2 * 6.0_f64.powf(1.0 / 6.0));
        // powers that would be nothing
        close(deviation(&[1e-100; 6]).map(|found| found * 1e100), 6.0_f64.powf(1.0 / 6.0));
        assert_eq!((deviation(&[]), worst(&[])), (None, None));
    }

    #[test]
    fn two_arms_by_hand() {
        let base = [0.4, 0.1, 0.8, 0.2, 0.1, 0.3];
        let own = [0.1, 0.2, 0.2, 0.4, 0.1, 0.3];
        let found = Competition::of(&own, &base);
        assert_eq!(found, Competition { won: 2, tied: 2, lost: 2 });
        assert_eq!((found.share(), Competition::default().share()), (Some(0.5), None));
        let twice = found.and(Competition { won: 6, tied: 0, lost: 0 });
        assert_eq!(twice.share(), Some(0.75));
        // 4, a half, 4, a half, 1 and 1: the sixth root of 4
        let close = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-12), "{found:?} is not {wanted}");
        };
        close(speed_up(&base, &own), 1.259_921_049_894_873_2);
        // what is nothing counts as a thousandth, on either side
        close(speed_up(&[0.1, 0.5], &[0.0, 0.5]), 10.0);
        close(speed_up(&[0.0], &[0.1]), 0.01);
        close(speed_up(&[0.0], &[0.0]), 1.0);
        assert_eq!(speed_up(&[], &[]), None);
    }

    fn six() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![Just(0.0), 0.0_f64..2.0], 6)
    }

    proptest! {
        #[test]
        fn what_one_arm_wins_its_rival_loses(a in six(), b in six(), c in six()) {
            let share = |own: &[f64], rival: &[f64]| Competition::of(own, rival).share().unwrap_or(f64::NAN);
            prop_assert!((share(&a, &b) + share(&b, &a) - 1.0).abs() < 1e-12);
            let faster = |base: &[f64], own: &[f64]| speed_up(base, own).unwrap_or(f64::NAN);
            prop_assert!((faster(&a, &b) * faster(&b, &a) - 1.0).abs() < 1e-9);
            prop_assert!((faster(&a, &b) * faster(&b, &c) / faster(&a, &c) - 1.0).abs() < 1e-9, "speed-ups multiply");
        }

        #[test]
        fn a_deviation_is_at_least_the_worst_and_at_most_their_sum(metrics in prop::collection::vec(0.0_f64..5.0, 1..8)) {
            let found = deviation(&metrics).unwrap_or(f64::NAN);
            let worst = worst(&metrics).unwrap_or(f64::NAN);
            prop_assert!(found >= worst - 1e-12 && found <= metrics.iter().sum::<f64>() + 1e-12, "{found}, {worst}");
        }
    }
}
