//! Repeating until the runs tell: how narrow an interval must be, and whether it is.
//!
//! What is looked at is the width of the interval, never on which side of 0 it lies: stopping when a difference shows would find
//! differences that are not there.

use super::results::statistics::half_widths;
use super::results::summary::{RunSummary, StudyRecord};
use crate::stats::inference::MIN_PAIRS;
use crate::stats::metric::Metric;

/// When a study has enough repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Until {
    /// By which metric.
    pub metric: &'static Metric,
    /// How narrow the interval must be: half of its length.
    pub half_width: HalfWidth,
    /// Repeats before the first look.
    pub least: u32,
    /// Repeats after which it is enough, whatever the interval.
    pub most: u32,
}

/// Half of an interval's length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HalfWidth {
    /// As a share of arm a's mean.
    Share(f64),
    /// In the metric's unit.
    Absolute(f64),
}

impl HalfWidth {
    /// Reads `5%` or a plain number, above 0.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        match text.strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| Self::Share(percent / 100.0)),
            None => number(text).map(Self::Absolute),
        }
    }
}

impl Until {
    /// How many repeats to make before the next look after `made`: a quarter more, so that looks are few and late ones far apart.
    /// `None` if it is enough.
    pub fn next(&self, made: u32, record: &StudyRecord, runs: &[RunSummary]) -> Option<u32> {
        if made < self.least {
            return Some(self.least.min(self.most));
        }
        let is_enough = made >= self.most || self.is_narrow(record, runs);
        (!is_enough).then(|| (made + (made / 4).max(1)).min(self.most))
    }

    /// Whether the interval of every difference (of one arm alone: of its mean) is narrow enough.
    pub fn is_narrow(&self, record: &StudyRecord, runs: &[RunSummary]) -> bool {
        let widths = half_widths(record, runs, self.metric.name);
        !widths.is_empty()
            && widths.iter().all(|width| {
                let allowed = match self.half_width {
                    HalfWidth::Share(share) => width.mean_a.map(|mean| share * mean.abs()),
                    HalfWidth::Absolute(allowed) => Some(allowed),
                };
                width.pairs >= MIN_PAIRS
                    && width.half_width.zip(allowed).is_some_and(|(width, allowed)| width <= allowed)
            })
    }

    /// In words.
    pub fn describe(&self) -> String {
        let width = match self.half_width {
            HalfWidth::Share(share) => format!("{} % of the first arm's mean", share * 100.0),
            HalfWidth::Absolute(width) => format!("{width} {}", self.metric.unit).trim_end().to_owned(),
        };
        format!("until {} is known to within {width}, {} to {} repeats", self.metric.name, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::metric::find;
    use crate::study::results::summary::ArmRecord;

    fn until(half_width: HalfWidth) -> Until {
        Until { metric: find("p95_ms").expect("a metric"), half_width, least: 6, most: 30 }
    }

    fn study() -> StudyRecord {
        let arm = |name: &str| ArmRecord { name: name.to_owned(), ..ArmRecord::default() };
        StudyRecord { arms: vec![arm("a"), arm("b")], ..StudyRecord::default() }
    }

    fn runs(repeats: u32, noise: f64) -> Vec<RunSummary> {
        let run = |arm: &str, repeat: u32, p95: f64| RunSummary {
            arm: arm.to_owned(),
            repeat,
            valid: true,
            latency_ms: [("p95".to_owned(), p95)].into(),
            ..RunSummary::default()
        };
        (1..=repeats)
            .flat_map(|repeat| {
                let off = noise * (f64::from(repeat % 3) - 1.0);
                [run("a", repeat, 100.0 - off), run("b", repeat, 120.0 + off)]
            })
            .collect()
    }

    #[test]
    fn a_half_width_is_a_share_or_a_number() {
        assert_eq!(HalfWidth::parse("5%"), Some(HalfWidth::Share(0.05)));
        assert_eq!(HalfWidth::parse(" 2.5 % "), Some(HalfWidth::Share(0.025)));
        assert_eq!(HalfWidth::parse("2"), Some(HalfWidth::Absolute(2.0)));
        assert_eq!(["", "%", "0%", "-1", "five", "inf"].map(HalfWidth::parse), [None; 6]);
    }

    #[test]
    fn looks_begin_after_the_least_and_end_with_the_most() {
        let until = until(HalfWidth::Share(0.001));
        let noisy = |made| until.next(made, &study(), &runs(made, 10.0));
        assert_eq!(
            [0, 5, 6, 7, 8, 12, 28, 30].map(noisy),
            [Some(6), Some(6), Some(7), Some(8), Some(10), Some(15), Some(30), None]
        );
    }

    #[test]
    fn a_narrow_interval_is_enough_and_too_few_pairs_never_are() {
        let narrow = |half_width, repeats, noise| until(half_width).is_narrow(&study(), &runs(repeats, noise));
        assert!(narrow(HalfWidth::Share(0.05), 6, 0.5));
        assert!(!narrow(HalfWidth::Share(0.05), 6, 20.0));
        assert!(narrow(HalfWidth::Absolute(3.0), 6, 0.5) && !narrow(HalfWidth::Absolute(0.1), 6, 0.5));
        assert!(!narrow(HalfWidth::Share(0.05), 5, 0.0));
        assert_eq!(until(HalfWidth::Share(0.05)).next(6, &study(), &runs(6, 0.5)), None);
    }
}
