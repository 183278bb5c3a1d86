//! Rules a result has to keep, for scripts and CI: `p95_ms < 120`.

use std::fmt;
use std::str::FromStr;

use crate::study::nearest::nearest;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    metric: Metric,
    operator: Operator,
    limit: f64,
}

/// What a rule is about. The names are those of comparison.csv.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A single number of the result.
    Number(&'static str),
    /// `p95_ms`: a percentile of the latency from sent.
    Percentile(f64),
    /// `due_p95_ms`: the same from due.
    DuePercentile(f64),
}

/// The single numbers, in the order in which help names them.
pub const NUMBERS: &[&str] = &[
    "planned",
    "sent",
    "completed",
    "errors",
    "lost_busy",
    "lost_late",
    "achieved_ratio",
    "error_ratio",
    "duration_s",
    "rps",
    "mean_ms",
    "min_ms",
    "max_ms",
    "lateness_p99_us",
    "stalled_s",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
    Unequal,
}

/// By length, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<", Operator::Below),
    (">", Operator::Above),
];

impl Expectation {
    /// What it is about.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Whether a value keeps the rule; one that is not known does not.
    pub fn is_met(&self, value: Option<f64>) -> bool {
        let Some(value) = value else { return false };
        match self.operator {
            Operator::Below => value < self.limit,
            Operator::AtMost => value <= self.limit,
            Operator::Above => value > self.limit,
            Operator::AtLeast => value >= self.limit,
            // written in decimals, so compared to what decimals can tell
            Operator::Equal => (value - self.limit).abs() < 1e-9,
            Operator::Unequal => (value - self.limit).abs() >= 1e-9,
        }
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let how = "write a number's name, one of < <= > >= == !=, and a limit, such as \"p95_ms < 120\"";
        let found = OPERATORS
            .iter()
            .filter_map(|(sign, operator)| text.find(sign).map(|at| (at, *sign, *operator)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
        let (at, sign, operator) = found.ok_or_else(|| format!("it compares nothing; {how}"))?;
        let metric = metric(text[..at].trim())?;
        let limit = text[at + sign.len()..].trim();
        let limit: f64 = limit
            .parse()
            .ok()
            .filter(|limit: &f64| limit.is_finite())
            .ok_or_else(|| format!("{limit:?} is no number; {how}"))?;
        Ok(Self { metric, operator, limit })
    }
}

fn metric(name: &str) -> Result<Metric, String> {
    if let Some(number) = NUMBERS.iter().find(|number| **number == name) {
        return Ok(Metric::Number(number));
    }
    let of = |name: &str| name.strip_prefix('p').and_then(|name| name.strip_suffix("_ms")).and_then(percent);
    if let Some(percent) = of(name) {
        return Ok(Metric::Percentile(percent));
    }
    if let Some(percent) = name.strip_prefix("due_").and_then(of) {
        return Ok(Metric::DuePercentile(percent));
    }
    let with_unit = format!("{name}_ms");
    if !name.ends_with("_ms") && metric(&with_unit).is_ok() {
        return Err(format!("no number is called {name:?}; did you mean {with_unit:?}?"));
    }
    let known = NUMBERS.iter().copied().chain(["p50_ms", "p95_ms", "p99_ms", "p999_ms", "due_p95_ms", "due_p99_ms"]);
    Err(match nearest(name, known) {
        Some(near) => format!("no number is called {name:?}; did you mean {near:?}?"),
        None => format!("no number is called {name:?}; there are pNN_ms, due_pNN_ms, {}", NUMBERS.join(", ")),
    })
}

/// `95` is 95 %, `999` is 99.9 %, as comparison.csv has it; `99.9` is taken too.
fn percent(digits: &str) -> Option<f64> {
    let text = match digits.len() {
        0 => return None,
        1 | 2 => digits.to_owned(),
        _ if digits == "100" || digits.contains('.') => digits.to_owned(),
        _ => format!("{}.{}", digits.get(..2)?, digits.get(2..)?),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|percent: &f64| plain && *percent > 0.0 && *percent <= 100.0)
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(name) => f.write_str(name),
            Self::Percentile(percent) => write!(f, "p{percent}_ms"),
            Self::DuePercentile(percent) => write!(f, "due_p{percent}_ms"),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = OPERATORS.iter().find(|(_, operator)| *operator == self.operator).map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} {}", self.metric, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Expectation {
        text.parse().expect(text)
    }

    #[test]
    fn rules_are_read_and_written() {
        for (text, written) in [
            ("p95_ms < 120", "p95_ms < 120"),
            ("p999_ms<=0.5", "p99.9_ms <= 0.5"),
            ("p99.99_ms > 1", "p99.99_ms > 1"),
            ("due_p99_ms >= 1e3", "due_p99_ms >= 1000"),
            (" errors == 0 ", "errors == 0"),
            ("p100_ms != 3", "p100_ms != 3"),
        ] {
            assert_eq!(rule(text).to_string(), written);
        }
    }

    #[test]
    fn a_rule_is_kept_or_not_and_an_unknown_value_keeps_none() {
        for (text, value, met) in [
            ("rps > 10", Some(10.0), false),
            ("rps >= 10", Some(10.0), true),
            ("rps < 10", Some(10.0), false),
            ("rps <= 10", Some(10.0), true),
            ("rps == 0.3", Some(0.1 + 0.2), true),
            ("rps != 0.3", Some(0.4), true),
            ("rps != 0.3", None, false),
            ("rps < 10", Some(f64::NAN), false),
        ] {
            assert_eq!(rule(text).is_met(value), met, "{text} {value:?}");
        }
    }

    #[test]
    fn what_is_no_rule_says_what_to_write() {
        for (text, words) in [
            ("p95_ms", "compares nothing"),
            ("p95_ms < fast", "\"fast\" is no number"),
            ("p95 < 120", "did you mean \"p95_ms\"?"),
            ("error < 1", "did you mean \"errors\"?"),
            ("colour == 1", "there are pNN_ms"),
            ("p0_ms < 1", "no number is called \"p0_ms\""),
        ] {
            let error = text.parse::<Expectation>().expect_err(text);
            assert!(error.contains(words), "{error}");
        }
    }
}
