//! The rule itself: a dead band, two counters of rounds, and how many replicas to ask for.
//!
//! Numbers in, numbers out. Neither time nor an answer of the platform enters here; what is tried, and whether it worked,
//! is the business of the machine around it.

use std::fmt;
use std::time::Duration;

/// A probe's latency as the original reads it: hey's printed average, whole tenths of a millisecond.
///
/// hey 0.1.4 prints `%4.4f secs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Printed {
    tenths: u64,
}

impl Printed {
    /// What hey would print; `None` where it prints `0.0000`, which the original drops.
    pub(super) fn from_latency(latency: Duration) -> Option<Self> {
        let text = format!("{:.4}", latency.as_secs_f64());
        // four decimals of a second, so without its point the text counts tenths of a millisecond; what doesn't fit
        // is longer than the age of the universe
        let tenths = text.replace('.', "").parse().unwrap_or(u64::MAX);
        (tenths > 0).then_some(Self { tenths })
    }

    /// In milliseconds.
    pub(super) fn as_millis(self) -> f64 {
        self.tenths as f64 / 10.0
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.as_millis())
    }
}

/// What one probe tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// How long it took.
    Latency(Printed),
    /// It failed, and failing counts as being above the band.
    FailedAbove,
}

/// Where an observation lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Under the lower edge.
    Below,
    /// In the dead band, edges included.
    Within,
    /// Over the upper edge.
    Above,
}

/// By how much to change the replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Increment {
    /// By this fraction of the current ones.
    Fraction(f64),
    /// In proportion to latency over target.
    Auto,
}

/// What follows from an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Too few rounds, or within the band: nothing.
    Wait,
    /// Enough rounds, but the replicas stand at this limit already: nothing is sent, and that counts as a failure.
    AtLimit(u32),
    /// Ask for this many, which may be as many as there are.
    Ask(u32),
}

/// Consecutive probes on either side of the band.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rounds {
    /// Above it; `below` is 0 then.
    pub(super) above: u32,
    /// Below it; `above` is 0 then.
    pub(super) below: u32,
}

impl Rounds {
    /// Counts one more observation on this side.
    pub(super) fn count(&mut self, side: Side) {
        *self = match side {
            Side::Below => Self { above: 0, below: self.below.saturating_add(1) },
            Side::Within => Self::default(),
            Side::Above => Self { above: self.above.saturating_add(1), below: 0 },
        };
    }
}

/// The settings that decide.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Target latency, in whole milliseconds as the original has it.
    pub(super) target_millis: u64,
    /// Half the width of the dead band, as a fraction of the target.
    pub(super) tolerance: f64,
    /// Rounds above before a step up.
    pub(super) up_rounds: u32,
    /// Rounds below before a step down.
    pub(super) down_rounds: u32,
    /// Size of a step up.
    pub(super) up: Increment,
    /// Size of a step down.
    pub(super) down: Increment,
    /// Fewest replicas it asks for.
    pub(super) min: u32,
    /// Most replicas it asks for; not under `min`.
    pub(super) max: u32,
}

impl Rule {
    /// Lower edge of the dead band, in milliseconds.
    pub(super) fn lower_edge(&self) -> f64 {
        as_written(self.target_millis as f64 * (1.0 - self.tolerance))
    }

    /// Upper edge of the dead band, in milliseconds.
    pub(super) fn upper_edge(&self) -> f64 {
        as_written(self.target_millis as f64 * (1.0 + self.tolerance))
    }

    /// Where an observation lies; both comparisons are strict.
    pub(super) fn side(&self, observation: Observation) -> Side {
        match observation {
            Observation::FailedAbove => Side::Above,
            Observation::Latency(latency) if latency.as_millis() < self.lower_edge() => Side::Below,
            Observation::Latency(latency) if latency.as_millis() > self.upper_edge() => Side::Above,
            Observation::Latency(_) => Side::Within,
        }
    }

    /// What follows from an observation, once it is counted in `rounds`.
    pub(super) fn attempt(&self, rounds: Rounds, observation: Observation, current: u32) -> Attempt {
        match self.side(observation) {
            Side::Above if rounds.above >= self.up_rounds => self.step_up(observation, current),
            Side::Below if rounds.below >= self.down_rounds => self.step_down(observation, current),
            Side::Below | Side::Within | Side::Above => Attempt::Wait,
        }
    }

    fn step_up(&self, observation: Observation, current: u32) -> Attempt {
        if current == self.max {
            return Attempt::AtLimit(self.max);
        }
        let replicas = f64::from(current);
        Attempt::Ask(self.bounded(match self.up {
            Increment::Fraction(fraction) => whole(replicas + replicas * fraction),
            Increment::Auto => self.in_proportion(observation, current),
        }))
    }

    fn step_down(&self, observation: Observation, current: u32) -> Attempt {
        if current == self.min {
            return Attempt::AtLimit(self.min);
        }
        let replicas = f64::from(current);
        Attempt::Ask(self.bounded(match self.down {
            Increment::Fraction(fraction) => whole(replicas - replicas * fraction),
            Increment::Auto => self.in_proportion(observation, current),
        }))
    }

    /// `ceil(replicas x latency / target)`.
    fn in_proportion(&self, observation: Observation, current: u32) -> u32 {
        match observation {
            Observation::Latency(latency) => {
                // in whole numbers, so that 3 replicas at 50 of 75 ms are 2 and not a hair more
                let over = u128::from(current) * u128::from(latency.tenths);
                let replicas = over.div_ceil(u128::from(self.target_millis) * 10);
                u32::try_from(replicas).unwrap_or(u32::MAX)
            }
            // it has no latency; the upper edge is the least that counts as above
            Observation::FailedAbove => whole(f64::from(current) * self.upper_edge() / self.target_millis as f64),
        }
    }

    /// The original knows the cap on the way up and the floor on the way down; both hold both ways here, which differs
    /// only where the function already stood outside them.
    fn bounded(&self, replicas: u32) -> u32 {
        replicas.min(self.max).max(self.min)
    }
}

/// Rounded up, as the original rounds both ways.
fn whole(replicas: f64) -> u32 {
    replicas.ceil() as u32
}

/// A fraction in per cent.
pub(super) fn percent(fraction: f64) -> f64 {
    as_written(fraction * 100.0)
}

/// A product of decimal numbers without the noise of its last binary digits: 100 x (1 - 0.7) is 30, so that a latency of
/// exactly 30.0 ms lies on the edge and not beside it.
fn as_written(product: f64) -> f64 {
    (product * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Rule = Rule {
        target_millis: 75,
        tolerance: 0.2,
        up_rounds: 2,
        down_rounds: 12,
        up: Increment::Fraction(0.2),
        down: Increment::Fraction(1.0),
        min: 1,
        max: 5,
    };

    fn latency(micros: u64) -> Observation {
        Observation::Latency(Printed::from_latency(Duration::from_micros(micros)).unwrap())
    }

    fn asked(rule: &Rule, micros: u64, current: u32) -> Attempt {
        rule.attempt(Rounds { above: 99, below: 99 }, latency(micros), current)
    }

    #[test]
    fn latency_has_the_resolution_of_what_hey_prints() {
        let table =
            [(65_949, "65.9 ms"), (65_951, "66.0 ms"), (51, "0.1 ms"), (149, "0.1 ms"), (2_000_040, "2000.0 ms")];
        for (micros, text) in table {
            assert_eq!(Printed::from_latency(Duration::from_micros(micros)).unwrap().to_string(), text);
        }
        assert_eq!(Printed::from_latency(Duration::from_micros(49)), None);
        assert_eq!(Printed::from_latency(Duration::ZERO), None);
    }

    #[test]
    fn the_edges_belong_to_the_dead_band() {
        let table = [
            (59_900, Side::Below),
            (60_000, Side::Within),
            (60_049, Side::Within),
            (75_000, Side::Within),
            (90_000, Side::Within),
            (90_049, Side::Within),
            (90_100, Side::Above),
        ];
        for (micros, side) in table {
            assert_eq!(SEED.side(latency(micros)), side, "{micros} us");
        }
    }

    #[test]
    fn edges_are_the_decimal_numbers_people_write() {
        let rule = |target_millis, tolerance| Rule { target_millis, tolerance, ..SEED };
        for (rule, lower, upper) in [
            (rule(100, 0.7), 30.0, 170.0),
            (rule(100, 0.1), 90.0, 110.0),
            (rule(75, 0.15), 63.75, 86.25),
            (rule(75, 0.0), 75.0, 75.0),
            (rule(75, 1.0), 0.0, 150.0),
        ] {
            assert!((rule.lower_edge() - lower).abs() < f64::EPSILON, "{rule:?}");
            assert!((rule.upper_edge() - upper).abs() < f64::EPSILON, "{rule:?}");
        }
    }

    #[test]
    fn steps_by_a_fraction_round_up_both_ways() {
        let ups: Vec<_> = (1..=5).map(|current| asked(&SEED, 100_000, current)).collect();
        assert_eq!(
            ups,
            [Attempt::Ask(2), Attempt::Ask(3), Attempt::Ask(4), Attempt::Ask(5), Attempt::AtLimit(5)],
            "0.2 adds one replica at a time"
        );
        let downs: Vec<_> = (1..=5).map(|current| asked(&SEED, 20_000, current)).collect();
        assert_eq!(
            downs,
            [Attempt::AtLimit(1), Attempt::Ask(1), Attempt::Ask(1), Attempt::Ask(1), Attempt::Ask(1)],
            "1.0 goes to one at once"
        );
        let gentle = Rule { down: Increment::Fraction(0.2), ..SEED };
        let downs: Vec<_> = (2..=5).map(|current| asked(&gentle, 20_000, current)).collect();
        assert_eq!(
            downs,
            [Attempt::Ask(2), Attempt::Ask(3), Attempt::Ask(4), Attempt::Ask(4)],
            "0.2 at 4 replicas or fewer is the same count"
        );
    }

    #[test]
    fn auto_is_in_proportion_to_latency_over_target() {
        let auto = Rule { up: Increment::Auto, down: Increment::Auto, ..SEED };
        for (micros, current, attempt) in [
            (100_000, 1, Attempt::Ask(2)),
            (100_000, 3, Attempt::Ask(4)),
            (300_000, 2, Attempt::Ask(5)),
            (150_000, 2, Attempt::Ask(4)),
            (150_100, 2, Attempt::Ask(5)),
            (50_000, 3, Attempt::Ask(2)),
            (50_100, 3, Attempt::Ask(3)),
            (100, 5, Attempt::Ask(1)),
        ] {
            assert_eq!(asked(&auto, micros, current), attempt, "{micros} us at {current}");
        }
        let failed =
            |rule: &Rule, current| rule.attempt(Rounds { above: 2, below: 0 }, Observation::FailedAbove, current);
        assert_eq!(failed(&auto, 1), Attempt::Ask(2));
        assert_eq!(failed(&Rule { max: 20, ..auto }, 10), Attempt::Ask(12), "a failed probe counts as the upper edge");
    }

    #[test]
    fn a_count_outside_the_limits_is_brought_inside() {
        assert_eq!(asked(&SEED, 100_000, 8), Attempt::Ask(5));
        assert_eq!(asked(&SEED, 100_000, 0), Attempt::Ask(1));
        assert_eq!(asked(&SEED, 20_000, 0), Attempt::Ask(1));
        assert_eq!(asked(&Rule { down: Increment::Fraction(0.0), ..SEED }, 20_000, 8), Attempt::Ask(5));
    }
}
