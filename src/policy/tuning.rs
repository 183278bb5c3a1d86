//! What a search for better settings may change, how far, and in which steps.
//!
//! A policy lists those of its settings that are its user's to choose. What is the platform's (bounds of replicas, CPU requests),
//! a fact of the installation (lags, intervals of metrics, phases) or of the measurement (what a failed probe means) is not in the
//! list. A search picks among [`Levels`]: round numbers, so that what it finds can be read and remembered.

use std::time::Duration;

use super::settings::{Kind, Parameter, Value};

/// Levels between two numbers, where they are not few enough to try each.
const STEPS: usize = 24;

/// Levels per factor of ten.
const PER_DECADE: f64 = 12.0;

/// How levels are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences.
    Linear,
    /// Equal ratios; 0 is a level of its own where the range begins there.
    Log,
}

/// How far a setting is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Between two numbers, in the setting's own unit; seconds for durations.
    Between {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// How levels are spread.
        scale: Scale,
    },
    /// Between two multiples of the objective's latency, in milliseconds, spread by ratio.
    OfLatency {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// From the fewest to the most replicas the platform grants.
    Replicas,
}

/// A setting that may be searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tunable {
    /// Its name.
    pub name: &'static str,
    /// How far.
    pub range: Range,
    /// Words to try besides.
    pub words: &'static [&'static str],
    /// The setting and its word without which this one means nothing.
    pub when: Option<(&'static str, &'static str)>,
}

impl Tunable {
    const fn between(name: &'static str, min: f64, max: f64, scale: Scale) -> Self {
        Self { name, range: Range::Between { min, max, scale }, words: &[], when: None }
    }

    /// In equal steps.
    pub const fn linear(name: &'static str, min: f64, max: f64) -> Self {
        Self::between(name, min, max, Scale::Linear)
    }

    /// In equal ratios.
    pub const fn log(name: &'static str, min: f64, max: f64) -> Self {
        Self::between(name, min, max, Scale::Log)
    }

    /// As a multiple of the objective's latency; the setting counts milliseconds.
    pub const fn of_latency(name: &'static str, min: f64, max: f64) -> Self {
        Self { name, range: Range::OfLatency { min, max }, words: &[], when: None }
    }

    /// As many as the platform grants.
    pub const fn replicas(name: &'static str) -> Self {
        Self { name, range: Range::Replicas, words: &[], when: None }
    }

    /// These words too.
    #[must_use]
    pub const fn or(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    /// Only while another setting is this word.
    #[must_use]
    pub const fn when(self, setting: &'static str, word: &'static str) -> Self {
        Self { when: Some((setting, word)), ..self }
    }

    /// The levels under an objective's latency and a platform's bounds.
    pub fn levels(&self, parameter: &Parameter, latency: Duration, bounds: (u32, u32)) -> Levels {
        let (min, max, scale) = match self.range {
            Range::Between { min, max, scale } => (min, max, scale),
            Range::OfLatency { min, max } => {
                let millis = latency.as_secs_f64() * 1e3;
                (min * millis, max * millis, Scale::Log)
            }
            Range::Replicas => (f64::from(bounds.0), f64::from(bounds.1), Scale::Linear),
        };
        let mut levels = Levels::between(parameter, min, max, scale);
        for word in self.words {
            levels.insert(Value::Text(word));
        }
        levels
    }
}

/// The values of a setting that a search picks from: numbers in order, then words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    numbers: Vec<Value>,
    words: Vec<Value>,
}

impl Levels {
    /// Round numbers from `min` to `max` (both among them, as far as the setting allows) in the setting's own unit, seconds for
    /// durations. A setting that takes no numbers has none.
    pub fn between(parameter: &Parameter, min: f64, max: f64, scale: Scale) -> Self {
        let is_whole = matches!(parameter.kind, Kind::Integer { .. });
        let numbers = match scale {
            Scale::Linear => linear(min, max, is_whole),
            Scale::Log => log(min, max),
        };
        let mut levels = Self::default();
        for number in numbers {
            let value = match parameter.kind {
                Kind::Integer { .. } => Value::Integer(number.round() as i64),
                Kind::Number { .. } | Kind::Fraction | Kind::FractionOrAuto => Value::Number(number),
                Kind::Duration { .. } | Kind::DurationOr(_) => match Duration::try_from_secs_f64(number) {
                    Ok(duration) => Value::Duration(whole_millis(duration)),
                    Err(_) => continue,
                },
                Kind::Choice(_) | Kind::Switch | Kind::Text | Kind::Written(_) => continue,
            };
            if let Ok(value) = parameter.check(value) {
                levels.insert(value);
            }
        }
        levels
    }

    /// Adds a value, if it is not there: a number to its place, a word to the end.
    pub fn insert(&mut self, value: Value) {
        let Some(number) = number(&value) else {
            if !self.words.contains(&value) {
                self.words.push(value);
            }
            return;
        };
        let at = self.numbers.partition_point(|other| self::number(other).is_some_and(|other| other < number));
        if self.numbers.get(at) != Some(&value) {
            self.numbers.insert(at, value);
        }
    }

    /// The numbers, in order.
    pub fn numbers(&self) -> &[Value] {
        &self.numbers
    }

    /// The words.
    pub fn words(&self) -> &[Value] {
        &self.words
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A level by its index, numbers first.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.numbers.iter().chain(&self.words).nth(index)
    }

    /// The index of a value, numbers first.
    pub fn position(&self, value: &Value) -> Option<usize> {
        self.numbers.iter().chain(&self.words).position(|level| level == value)
    }
}

/// A value as a number in its own unit, seconds for durations; `None` for words.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::Duration(duration) => Some(duration.as_secs_f64()),
        Value::Text(_) | Value::Owned(_) | Value::Switch(_) => None,
    }
}

fn whole_millis(duration: Duration) -> Duration {
    // what is shorter keeps what it has
    if duration < Duration::from_millis(1) { duration } else { Duration::from_millis(duration.as_millis() as u64) }
}

/// Multiples of a round step, and both ends.
fn linear(min: f64, max: f64, is_whole: bool) -> Vec<f64> {
    if is_whole && max - min < STEPS as f64 {
        let (first, last) = (min.ceil() as i64, max.floor() as i64);
        return (first..=last).map(|number| number as f64).collect();
    }
    if max <= min {
        return vec![min];
    }
    let rough = (max - min) / STEPS as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((min / step).ceil() as i64, (max / step + 1e-9).floor() as i64);
    // a multiple of a power of ten is only exact as a quotient
    let multiple = |index: i64| if step < 1.0 { index as f64 / (1.0 / step).round() } else { index as f64 * step };
    let mut numbers = vec![min];
    numbers.extend((first..=last).map(multiple).filter(|number| *number > min && *number < max));
    numbers.push(max);
    numbers
}

/// Numbers of two digits that matter, in about equal ratios, and both ends; from 0 on, 0 and then ratios from a hundredth of the most.
fn log(min: f64, max: f64) -> Vec<f64> {
    if max <= min {
        return vec![min];
    }
    let from = if min > 0.0 { min } else { (max / 100.0).max(f64::MIN_POSITIVE) };
    let decades = (max / from).log10();
    let count = (decades * PER_DECADE).ceil().clamp(6.0, 30.0);
    let mut numbers = vec![min];
    for index in 0..=count as u32 {
        let number = two_digits(from * (max / from).powf(f64::from(index) / count));
        if number > min && number < max && numbers.last() != Some(&number) {
            numbers.push(number);
        }
    }
    numbers.push(max);
    numbers
}

fn two_digits(number: f64) -> f64 {
    let power = number.log10().floor() as i32 - 1;
    let digits = (number / 10_f64.powi(power)).round();
    if power < 0 { digits / 10_f64.powi(-power) } else { digits * 10_f64.powi(power) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::registry::POLICIES;
    use crate::policy::settings::Settings;

    fn shown(levels: &Levels) -> String {
        let all: Vec<String> = levels.numbers().iter().chain(levels.words()).map(Value::to_string).collect();
        all.join(" ")
    }

    #[test]
    fn levels_are_round_and_reach_from_end_to_end() {
        let fraction = Parameter {
            name: "share",
            kind: Kind::FractionOrAuto,
            default: Value::Number(0.2),
            unit: "",
            doc: "a share",
        };
        let levels = Tunable::linear("share", 0.0, 0.8).or(&["auto"]).levels(&fraction, Duration::ZERO, (1, 5));
        assert_eq!(
            shown(&levels),
            "0.0 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.45 0.5 0.55 0.6 0.65 0.7 0.75 0.8 \"auto\""
        );
        let count = Parameter::integer("rounds", (1, 1_000), 2, "", "how many");
        assert_eq!(shown(&Tunable::linear("rounds", 1.0, 6.0).levels(&count, Duration::ZERO, (1, 5))), "1 2 3 4 5 6");
        assert_eq!(shown(&Tunable::replicas("rounds").levels(&count, Duration::ZERO, (2, 4))), "2 3 4");
        assert_eq!(
            shown(&Tunable::log("rounds", 1.0, 60.0).levels(&count, Duration::ZERO, (1, 5))),
            "1 2 3 4 5 6 8 9 11 14 16 20 24 29 34 41 50 60"
        );
        let wait = Parameter::duration("wait", (Duration::ZERO, Duration::from_secs(600)), Duration::ZERO, "how long");
        assert_eq!(
            shown(&Tunable::log("wait", 0.0, 120.0).levels(&wait, Duration::ZERO, (1, 5))),
            "\"0s\" \"1.2s\" \"1.5s\" \"1.8s\" \"2.1s\" \"2.6s\" \"3.1s\" \"3.8s\" \"4.6s\" \"5.6s\" \"6.7s\" \"8.2s\" \"9.9s\" \
             \"12s\" \"15s\" \"18s\" \"21s\" \"26s\" \"31s\" \"38s\" \"46s\" \"56s\" \"67s\" \"82s\" \"99s\" \"2m\""
        );
    }

    #[test]
    fn a_value_from_elsewhere_takes_its_place_among_the_levels() {
        let count = Parameter::integer("rounds", (1, 1_000), 2, "", "how many");
        let mut levels = Levels::between(&count, 1.0, 4.0, Scale::Linear);
        levels.insert(Value::Integer(30));
        levels.insert(Value::Integer(2));
        assert_eq!(shown(&levels), "1 2 3 4 30");
        assert_eq!(levels.position(&Value::Integer(30)), Some(4));
        assert_eq!(levels.get(4), Some(&Value::Integer(30)));
        assert_eq!((levels.len(), levels.get(5)), (5, None));
    }

    #[test]
    fn what_a_policy_lets_be_searched_are_settings_of_its_own_with_levels_it_allows() {
        for policy in POLICIES {
            let parameters = (policy.parameters)();
            for tunable in (policy.tuning)() {
                let parameter = parameters
                    .iter()
                    .find(|parameter| parameter.name == tunable.name)
                    .unwrap_or_else(|| panic!("{}: {} is no setting", policy.name, tunable.name));
                let levels = tunable.levels(parameter, Duration::from_millis(75), (1, 5));
                assert!((2..=60).contains(&levels.len()), "{}: {}", tunable.name, shown(&levels));
                let mut settings = Settings::defaults(&parameters);
                for level in levels.numbers().iter().chain(levels.words()) {
                    assert_eq!(settings.set(&parameters, tunable.name, level.clone()), Ok(()), "{}", tunable.name);
                }
                if let Some((setting, word)) = tunable.when {
                    assert_eq!(settings.set(&parameters, setting, Value::Owned(word.to_owned())), Ok(()), "{setting}");
                }
            }
        }
    }

    #[test]
    fn every_policy_that_decides_by_what_it_sees_has_something_to_search() {
        // a timetable sees nothing: its plan is made for a load, not searched
        for policy in POLICIES.iter().filter(|policy| policy.scaler.is_pure() && policy.name != "timetable") {
            assert!(!(policy.tuning)().is_empty(), "{}", policy.name);
        }
    }
}
