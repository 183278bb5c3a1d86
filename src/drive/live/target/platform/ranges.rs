//! How alerts scale a function, from its labels (faas `gateway/scaling/ranges.go` and `gateway/plugin/external.go`).

use std::collections::BTreeMap;

/// The fewest and the most replicas between which alerts move a function, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    min: u64,
    max: u64,
    /// Percent of the most replicas that one alert adds.
    factor: u64,
}

impl Ranges {
    /// What a function's labels say.
    ///
    /// # Errors
    /// A factor outside 1 to 100 fails every reading of the function, and with it every invocation.
    pub(super) fn of(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        // 1, 5 and 10 are the gateway's; negative numbers wrap around as its unsigned ones do
        let label = |key: &str, default: u64| {
            labels.get(key).and_then(|value| value.parse::<i64>().ok()).map_or(default, |value| value as u64)
        };
        let factor = label("com.openfaas.scale.factor", 10);
        if !(1..=100).contains(&factor) {
            return Err(format!("bad scaling factor: {factor}, is not in range of [0 - 100]"));
        }
        Ok(Self { min: label("com.openfaas.scale.min", 1), max: label("com.openfaas.scale.max", 5), factor })
    }

    /// Replicas after one alert: a step up to the most for a firing one, the fewest for any other. `limit` is what the
    /// platform grants at most.
    ///
    /// No lower clamp for a firing alert: a count above the most comes down.
    pub(super) fn after_alert(self, firing: bool, current: u64, limit: u64) -> u64 {
        let most = self.max.min(limit);
        let step = (most * self.factor).div_ceil(100);
        if firing && step > 0 { current.saturating_add(step).min(most) } else { self.min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firing_alert_steps_up_to_the_most_and_any_other_goes_to_the_fewest() {
        // factor 1-20 -> 1, 21-40 -> 2, 41-60 -> 3, 61-80 -> 4, 81-100 -> 5, as gateway 0.27.8 computes for most 5
        for (factor, step) in [(1, 1), (10, 1), (20, 1), (21, 2), (40, 2), (41, 3), (60, 3), (61, 4), (81, 5), (100, 5)]
        {
            let ranges = Ranges { min: 1, max: 5, factor };
            assert_eq!(ranges.after_alert(true, 0, 5), step, "factor {factor}");
        }
        let ranges = Ranges { min: 2, max: 4, factor: 10 };
        for (firing, current, after) in [(true, 2, 3), (true, 4, 4), (true, 5, 4), (false, 4, 2), (false, 1, 2)] {
            assert_eq!(ranges.after_alert(firing, current, 5), after);
        }
        assert_eq!(Ranges { min: 1, max: 0, factor: 10 }.after_alert(true, 3, 5), 1, "no step without a most");
        assert_eq!(Ranges { min: 1, max: 50, factor: 10 }.after_alert(true, 5, 5), 5, "the platform's limit holds");
    }

    #[test]
    fn labels_that_are_no_numbers_fall_back_and_a_bad_factor_fails_the_reading() {
        let ranges = |labels: &[(&str, &str)]| {
            Ranges::of(&labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
        };
        let read = ranges(&[("com.openfaas.scale.min", "two"), ("com.openfaas.scale.max", "3")]);
        assert_eq!(read, Ok(Ranges { min: 1, max: 3, factor: 10 }));
        for (factor, shown) in [("0", "0"), ("101", "101"), ("-1", "18446744073709551615")] {
            let error = ranges(&[("com.openfaas.scale.factor", factor)]);
            assert_eq!(error, Err(format!("bad scaling factor: {shown}, is not in range of [0 - 100]")));
        }
    }
}
