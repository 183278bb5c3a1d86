//! The gateway's rule: what an alert makes of a function's replicas, given its labels (faas `gateway/scaling/ranges.go`,
//! `gateway/handlers/alerthandler.go`, `gateway/plugin/external.go`).
//!
//! The emulated gateway and the embedded one both take it from here. Nothing else of a gateway is here.

use std::collections::BTreeMap;

/// `DefaultMinReplicas`, `DefaultMaxReplicas` and `DefaultScalingFactor` of `scaling/ranges.go`.
const DEFAULT_MIN: u64 = 1;
/// See [`DEFAULT_MIN`]. Also the most replicas that an alert asks for, whatever the label and the platform say.
const DEFAULT_MAX: u64 = 5;
const DEFAULT_FACTOR: u64 = 10;

/// Between which replicas alerts move a function, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges {
    min: u64,
    max: u64,
    /// Percent of the maximum per step; the value of the label if it is none of 1 to 100.
    factor: Result<u64, i64>,
}

/// What an alert makes of a count of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It fires: this many more, up to the maximum.
    Step {
        /// Percent of the maximum.
        factor: u64,
        /// That share, rounded up.
        step: u64,
        /// The most there may be.
        max: u64,
    },
    /// It fires, but a maximum of 0 leaves no step: the minimum.
    NoStep {
        /// The minimum.
        min: u64,
    },
    /// It is over: the minimum.
    Back {
        /// The minimum.
        min: u64,
    },
}

impl Ranges {
    /// What a function's labels say; labels that are no numbers count as not there.
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        // The original reads a signed number and stores its bits unsigned, so a negative limit is a huge one.
        let label = |name: &str, default: u64| {
            labels.get(name).and_then(|text| text.parse::<i64>().ok()).map_or(default, i64::cast_unsigned)
        };
        let factor = label("com.openfaas.scale.factor", DEFAULT_FACTOR);
        Self {
            min: label("com.openfaas.scale.min", DEFAULT_MIN),
            max: label("com.openfaas.scale.max", DEFAULT_MAX),
            factor: if (1..=100).contains(&factor) { Ok(factor) } else { Err(factor.cast_signed()) },
        }
    }

    /// The factor of a step, in percent.
    ///
    /// # Errors
    /// The label's value, if it is none of 1 to 100: that makes every reading of the function fail.
    pub fn factor(self) -> Result<u64, i64> {
        self.factor
    }

    /// The rule for an alert that fires or is over.
    ///
    /// # Errors
    /// The bad factor, see [`Ranges::factor`].
    pub fn rule(self, is_firing: bool) -> Result<Rule, i64> {
        let factor = self.factor?;
        let max = self.max.min(DEFAULT_MAX);
        // Whole-number form of ceil(max / 100 x factor); the same for every max up to 5 and factor up to 100.
        let step = max.saturating_mul(factor).div_ceil(100);
        Ok(match (is_firing, step) {
            (true, 0) => Rule::NoStep { min: self.min },
            (true, step) => Rule::Step { factor, step, max },
            (false, _) => Rule::Back { min: self.min },
        })
    }
}

impl Rule {
    /// Replicas after the alert. Firing has no lower clamp, so a count above the maximum comes *down*.
    pub fn after(self, current: u64) -> u64 {
        match self {
            Self::Step { step, max, .. } => current.saturating_add(step).min(max),
            Self::NoStep { min } | Self::Back { min } => min,
        }
    }

    /// The rule with its numbers, as a reason gives it.
    pub fn in_words(self, current: u64) -> String {
        match self {
            Self::Step { factor, step, max } => {
                let to = self.after(current);
                format!("{current} + {factor} % of {max}, rounded up to {step}, at most {max}, is {to}")
            }
            Self::NoStep { min } => format!("a maximum of 0 leaves no step, so the minimum of {min}"),
            Self::Back { min } => format!("back to the minimum of {min}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(min: &str, max: &str, factor: &str) -> Ranges {
        let labels = [("min", min), ("max", max), ("factor", factor)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (format!("com.openfaas.scale.{name}"), value.to_owned()));
        Ranges::of(&labels.collect())
    }

    fn after(ranges: Ranges, is_firing: bool, current: u64) -> Result<u64, i64> {
        ranges.rule(is_firing).map(|rule| rule.after(current))
    }

    #[test]
    fn a_firing_alert_adds_a_step_up_to_the_maximum_and_any_other_goes_to_the_minimum() {
        let defaults = ranges("", "", "");
        for (is_firing, current, expected) in
            [(true, 0, 1), (true, 1, 2), (true, 4, 5), (true, 5, 5), (true, 9, 5), (false, 5, 1), (false, 0, 1)]
        {
            assert_eq!(after(defaults, is_firing, current), Ok(expected), "{is_firing} at {current}");
        }
    }

    #[test]
    fn the_step_is_the_factors_share_of_the_maximum_rounded_up() {
        for (factors, step) in [(1..=20, 1), (21..=40, 2), (41..=60, 3), (61..=80, 4), (81..=100, 5)] {
            for factor in factors {
                assert_eq!(after(ranges("", "", &factor.to_string()), true, 0), Ok(step), "factor {factor}");
            }
        }
        // the original computes in floating point: no surprise for any maximum and factor
        for max in 0..=5_u64 {
            for factor in 1..=100_u64 {
                let original = (max as f64 / 100.0 * factor as f64).ceil() as u64;
                assert_eq!((max * factor).div_ceil(100), original, "{max} x {factor} %");
            }
        }
    }

    #[test]
    fn labels_that_are_no_numbers_count_as_not_there() {
        assert_eq!(ranges("one", "5.0", " 10"), ranges("", "", ""));
        assert_eq!(ranges("2", "4", "50"), Ranges { min: 2, max: 4, factor: Ok(50) });
        assert_eq!(after(ranges("2", "4", "50"), true, 1), Ok(3));
        assert_eq!(after(ranges("2", "4", "50"), false, 4), Ok(2));
        assert_eq!(after(ranges("", "20", ""), true, 5), Ok(5), "never more than 5");
        assert_eq!(after(ranges("3", "0", ""), true, 1), Ok(3), "no step: the minimum");
        assert_eq!(after(ranges("", "-1", ""), true, 4), Ok(5), "negative is huge");
        assert_eq!(after(ranges("4", "2", ""), false, 2), Ok(4), "a minimum above the maximum is kept");
    }

    #[test]
    fn a_factor_outside_1_to_100_disables_alert_scaling() {
        for factor in ["0", "101", "-5"] {
            assert_eq!(after(ranges("", "", factor), true, 1), Err(factor.parse().unwrap()));
            assert!(after(ranges("", "", factor), false, 5).is_err());
        }
    }
}
